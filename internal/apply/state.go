package apply

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// marker is the tag of what apply made: FILE/RESOURCE. Parts of a pool that
// cannot be tagged have a tag on the pool.
const (
	marker            = "poolhouse:applied"
	markerAttachment  = marker + "-roles"
	markerTags        = marker + "-tags/" // and what stands for the provider
	hashOfProvider    = 16                // hexadecimal digits
	defaultMaxSession = "3600"
)

func tagsMarker(provider string) string {
	sum := sha256.Sum256([]byte(provider))
	return markerTags + hex.EncodeToString(sum[:])[:hashOfProvider]
}

// state is a resource as the server has it.
type state struct {
	id         string // pool ID, or ARN
	attributes map[string]string
	properties map[string]any
	markers    map[string]string // tags that begin with marker
	left       []string          // what a file cannot hold, for people
}

// server reads and changes one account and region.
type server struct {
	*Client
	account, partition string
}

func connect(ctx context.Context, c *Client) (*server, error) {
	var out struct {
		Account string `xml:"GetCallerIdentityResult>Account"`
		Arn     string `xml:"GetCallerIdentityResult>Arn"`
	}
	if err := c.Query(ctx, "sts", "2011-06-15", "GetCallerIdentity", nil, &out); err != nil {
		return nil, err
	}
	parts := strings.SplitN(out.Arn, ":", 3)
	if len(parts) < 3 {
		return nil, fmt.Errorf("GetCallerIdentity: the ARN %q has no partition", out.Arn)
	}
	return &server{c, out.Account, parts[1]}, nil
}

func (s *server) arn(rest string) string {
	return "arn:" + s.partition + ":iam::" + s.account + ":" + rest
}

func (s *server) poolARN(id string) string {
	return "arn:" + s.partition + ":cognito-identity:" + s.Region + ":" + s.account + ":identitypool/" + id
}

// awsTags begins the keys of tags that only AWS's own services set, in any case.
const awsTags = "aws:"

func isAWSTag(key string) bool {
	return len(key) >= len(awsTags) && strings.EqualFold(key[:len(awsTags)], awsTags)
}

// setTags puts the user's tags into a property, and keeps the command's own
// apart. AWS's own cannot be set anywhere else.
func (st *state) setTags(property string, all map[string]any) {
	user, aws := map[string]any{}, []string{}
	st.markers = map[string]string{}
	for key, value := range all {
		switch {
		case strings.HasPrefix(key, marker):
			st.markers[key] = fmt.Sprint(value)
		case isAWSTag(key):
			aws = append(aws, key)
		default:
			user[key] = value
		}
	}
	st.properties[property] = user
	if len(aws) > 0 {
		slices.Sort(aws)
		st.left = append(st.left, "AWS's own tags "+strings.Join(aws, ", "))
	}
}

func (s *server) poolIDs(ctx context.Context) (ids []string, err error) {
	in := map[string]any{"MaxResults": 60}
	for {
		var out struct {
			IdentityPools []struct{ IdentityPoolId string }
			NextToken     string
		}
		if err := s.pools(ctx, "ListIdentityPools", in, &out); err != nil {
			return nil, err
		}
		for _, p := range out.IdentityPools {
			ids = append(ids, p.IdentityPoolId)
		}
		if out.NextToken == "" {
			return ids, nil
		}
		in["NextToken"] = out.NextToken
	}
}

// pool returns nil when there is none.
func (s *server) pool(ctx context.Context, id string) (*state, error) {
	var out map[string]any
	if err := s.pools(ctx, "DescribeIdentityPool", map[string]any{"IdentityPoolId": id}, &out); missing(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	delete(out, "IdentityPoolId")
	all, _ := out["IdentityPoolTags"].(map[string]any)
	st := &state{id: id, properties: out}
	st.setTags("IdentityPoolTags", all)
	for _, name := range slices.Sorted(maps.Keys(out)) {
		if field, known := types[typePool].fields[name]; !known || field.kind == refused {
			delete(out, name)
			st.left = append(st.left, name+", which Poolhouse does not have")
		}
	}
	if providers, ok := out["CognitoIdentityProviders"].([]any); ok {
		for _, p := range providers {
			if m, ok := p.(map[string]any); ok && m["ServerSideTokenCheck"] == false {
				delete(m, "ServerSideTokenCheck")
			}
		}
	}
	st.attributes = map[string]string{"Ref": id, "Id": id, "Name": fmt.Sprint(out["IdentityPoolName"]), "Arn": s.poolARN(id)}
	return st, nil
}

func (s *server) attachment(ctx context.Context, pool string) (*state, error) {
	var out map[string]any
	if err := s.pools(ctx, "GetIdentityPoolRoles", map[string]any{"IdentityPoolId": pool}, &out); missing(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	roles, _ := out["Roles"].(map[string]any)
	mappings, _ := out["RoleMappings"].(map[string]any)
	if len(roles) == 0 && len(mappings) == 0 {
		return nil, nil
	}
	return &state{id: pool, properties: map[string]any{"IdentityPoolId": pool, "Roles": roles, "RoleMappings": mappings}}, nil
}

func (s *server) principalTags(ctx context.Context, pool, provider string) (*state, error) {
	var out map[string]any
	err := s.pools(ctx, "GetPrincipalTagAttributeMap", map[string]any{"IdentityPoolId": pool, "IdentityProviderName": provider}, &out)
	if missing(err) || refusedAs(err, "InvalidParameterException") {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	m, _ := out["PrincipalTags"].(map[string]any)
	if len(m) == 0 && out["UseDefaults"] != true {
		return nil, nil
	}
	return &state{id: pool, properties: map[string]any{"IdentityPoolId": pool, "IdentityProviderName": provider, "PrincipalTags": m, "UseDefaults": out["UseDefaults"]}}, nil
}

// providerNames are the names that a pool's principal tags can be under.
func providerNames(pool *state) []string {
	var names []string
	if m, ok := pool.properties["SupportedLoginProviders"].(map[string]any); ok {
		names = slices.Collect(maps.Keys(m))
	}
	for _, member := range []string{"OpenIdConnectProviderARNs", "SamlProviderARNs"} {
		arns, _ := pool.properties[member].([]any)
		for _, arn := range arns {
			names = append(names, fmt.Sprint(arn))
			if _, issuer, ok := strings.Cut(fmt.Sprint(arn), ":oidc-provider/"); ok {
				names = append(names, issuer)
			}
		}
	}
	if providers, ok := pool.properties["CognitoIdentityProviders"].([]any); ok {
		for _, p := range providers {
			if m, ok := p.(map[string]any); ok {
				names = append(names, fmt.Sprint(m["ProviderName"]), fmt.Sprintf("%s:%s", m["ProviderName"], m["ClientId"]))
			}
		}
	}
	if name, ok := pool.properties["DeveloperProviderName"].(string); ok {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// readsTags reports whether logins get the principal tags under a name. Servers took maps
// under USER_POOL:CLIENT and the developer provider's name once, and never applied them.
func readsTags(pool *state, provider string) bool {
	if provider == pool.properties["DeveloperProviderName"] {
		return false
	}
	for _, one := range asList(pool.properties["CognitoIdentityProviders"]) {
		if m, ok := one.(map[string]any); ok && provider == fmt.Sprintf("%s:%s", m["ProviderName"], m["ClientId"]) {
			return false
		}
	}

	return true
}

type xmlTag struct{ Key, Value string }

func tagMap(list []xmlTag) map[string]any {
	all := map[string]any{}
	for _, t := range list {
		all[t.Key] = t.Value
	}
	return all
}

func anyList(texts []string) []any {
	out := []any{}
	for _, t := range texts {
		out = append(out, t)
	}
	return out
}

// decoded is a document of an answer, where it is URL-encoded.
func decoded(document string) any {
	text, err := url.PathUnescape(document)
	if err != nil {
		return document
	}
	if v, err := parseJSON(text); err == nil {
		return v
	}
	return text
}

// listed calls a listing operation page by page.
func listed[Page any](ctx context.Context, s *server, operation string, in url.Values, take func(*Page) (more bool, next string)) error {
	in = maps.Clone(in)
	if in == nil {
		in = url.Values{}
	}
	for {
		page := new(Page)
		if err := s.iam(ctx, operation, in, page); err != nil {
			return err
		}
		more, next := take(page)
		if !more || next == "" {
			return nil
		}
		in.Set("Marker", next)
	}
}

// listing is a resource as a listing shows it.
type listing struct {
	arn   string
	name  string // to read it by
	trust string // of a role, URL-encoded
}

func arnsOnly(arns []string) (all []listing) {
	for _, arn := range arns {
		all = append(all, listing{arn: arn, name: arn})
	}
	return all
}

func (s *server) roles(ctx context.Context) (all []listing, err error) {
	type page struct {
		Roles []struct {
			RoleName, Arn, AssumeRolePolicyDocument string
		} `xml:"ListRolesResult>Roles>member"`
		More   bool   `xml:"ListRolesResult>IsTruncated"`
		Marker string `xml:"ListRolesResult>Marker"`
	}
	err = listed(ctx, s, "ListRoles", nil, func(p *page) (bool, string) {
		for _, r := range p.Roles {
			all = append(all, listing{r.Arn, r.RoleName, r.AssumeRolePolicyDocument})
		}
		return p.More, p.Marker
	})
	return all, err
}

func (s *server) role(ctx context.Context, name string) (*state, error) {
	var out struct {
		Role struct {
			RoleName, Arn, Path, Description, AssumeRolePolicyDocument string
			MaxSessionDuration                                         string
			Boundary                                                   string   `xml:"PermissionsBoundary>PermissionsBoundaryArn"`
			Tags                                                       []xmlTag `xml:"Tags>member"`
		} `xml:"GetRoleResult>Role"`
	}
	on := url.Values{"RoleName": {name}}
	if err := s.iam(ctx, "GetRole", on, &out); missing(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	r := out.Role
	type inline struct {
		Names  []string `xml:"ListRolePoliciesResult>PolicyNames>member"`
		More   bool     `xml:"ListRolePoliciesResult>IsTruncated"`
		Marker string   `xml:"ListRolePoliciesResult>Marker"`
	}
	var names, attached []string
	err := listed(ctx, s, "ListRolePolicies", on, func(p *inline) (bool, string) { names = append(names, p.Names...); return p.More, p.Marker })
	if err != nil {
		return nil, err
	}
	policies := []any{}
	for _, policy := range names {
		var out struct {
			Document string `xml:"GetRolePolicyResult>PolicyDocument"`
		}
		if err := s.iam(ctx, "GetRolePolicy", url.Values{"RoleName": {name}, "PolicyName": {policy}}, &out); err != nil {
			return nil, err
		}
		policies = append(policies, map[string]any{"PolicyName": policy, "PolicyDocument": decoded(out.Document)})
	}
	type managed struct {
		ARNs   []string `xml:"ListAttachedRolePoliciesResult>AttachedPolicies>member>PolicyArn"`
		More   bool     `xml:"ListAttachedRolePoliciesResult>IsTruncated"`
		Marker string   `xml:"ListAttachedRolePoliciesResult>Marker"`
	}
	err = listed(ctx, s, "ListAttachedRolePolicies", on, func(p *managed) (bool, string) { attached = append(attached, p.ARNs...); return p.More, p.Marker })
	if err != nil {
		return nil, err
	}
	st := &state{id: r.Arn, attributes: map[string]string{"Ref": r.RoleName, "Arn": r.Arn}}
	st.properties = map[string]any{"RoleName": r.RoleName, "Path": r.Path, "Description": r.Description, "AssumeRolePolicyDocument": s.principalsOf(decoded(r.AssumeRolePolicyDocument)),
		"MaxSessionDuration": cmp.Or(r.MaxSessionDuration, defaultMaxSession), "PermissionsBoundary": r.Boundary,
		"ManagedPolicyArns": anyList(attached), "Policies": policies}
	st.setTags("Tags", tagMap(r.Tags))
	return st, nil
}

// principalsOf returns a trust policy whose principals have the partition of the
// server's region: it may have been written when all regions had one, and another is
// refused when it is written again.
func (s *server) principalsOf(document any) any {
	trust, _ := document.(map[string]any)
	statements, isList := trust["Statement"].([]any)
	if !isList {
		statements = []any{trust["Statement"]}
	}

	var rewrite func(v any) any
	rewrite = func(v any) any {
		switch v := v.(type) {
		case string:
			return identitypool.InPartition(v, s.partition)
		case []any:
			for i := range v {
				v[i] = rewrite(v[i])
			}
		case map[string]any:
			for kind := range v {
				v[kind] = rewrite(v[kind])
			}
		}
		return v
	}
	for _, statement := range statements {
		if elements, ok := statement.(map[string]any); ok {
			for _, name := range []string{"Principal", "NotPrincipal"} {
				if who, has := elements[name]; has {
					elements[name] = rewrite(who)
				}
			}
		}
	}
	return document
}

func (s *server) policies(ctx context.Context) ([]listing, error) {
	var arns []string
	type page struct {
		ARNs   []string `xml:"ListPoliciesResult>Policies>member>Arn"`
		More   bool     `xml:"ListPoliciesResult>IsTruncated"`
		Marker string   `xml:"ListPoliciesResult>Marker"`
	}
	err := listed(ctx, s, "ListPolicies", url.Values{"Scope": {"Local"}}, func(p *page) (bool, string) { arns = append(arns, p.ARNs...); return p.More, p.Marker })
	return arnsOnly(arns), err
}

func (s *server) policy(ctx context.Context, arn string) (*state, error) {
	var out struct {
		Policy struct {
			PolicyName, Path, Description, DefaultVersionId string
			Tags                                            []xmlTag `xml:"Tags>member"`
		} `xml:"GetPolicyResult>Policy"`
	}
	if err := s.iam(ctx, "GetPolicy", url.Values{"PolicyArn": {arn}}, &out); missing(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	p := out.Policy
	var version struct {
		Document string `xml:"GetPolicyVersionResult>PolicyVersion>Document"`
	}
	if err := s.iam(ctx, "GetPolicyVersion", url.Values{"PolicyArn": {arn}, "VersionId": {p.DefaultVersionId}}, &version); err != nil {
		return nil, err
	}
	st := &state{id: arn, attributes: map[string]string{"Ref": arn, "PolicyArn": arn}}
	st.properties = map[string]any{"ManagedPolicyName": p.PolicyName, "Path": p.Path, "Description": p.Description, "PolicyDocument": decoded(version.Document)}
	st.setTags("Tags", tagMap(p.Tags))
	return st, nil
}

func (s *server) oidcProviders(ctx context.Context) ([]listing, error) {
	var out struct {
		ARNs []string `xml:"ListOpenIDConnectProvidersResult>OpenIDConnectProviderList>member>Arn"`
	}
	err := s.iam(ctx, "ListOpenIDConnectProviders", nil, &out)
	slices.Sort(out.ARNs)
	return arnsOnly(out.ARNs), err
}

func (s *server) oidcProvider(ctx context.Context, arn string) (*state, error) {
	var out struct {
		P struct {
			Url            string
			ClientIDList   []string `xml:"ClientIDList>member"`
			ThumbprintList []string `xml:"ThumbprintList>member"`
			Tags           []xmlTag `xml:"Tags>member"`
		} `xml:"GetOpenIDConnectProviderResult"`
	}
	if err := s.iam(ctx, "GetOpenIDConnectProvider", url.Values{"OpenIDConnectProviderArn": {arn}}, &out); missing(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	st := &state{id: arn, attributes: map[string]string{"Ref": arn, "Arn": arn}}
	provider := out.P.Url
	if !strings.Contains(provider, "://") { // AWS leaves https:// out
		provider = "https://" + provider
	}
	st.properties = map[string]any{"Url": provider, "ClientIdList": anyList(out.P.ClientIDList), "ThumbprintList": anyList(out.P.ThumbprintList)}
	st.setTags("Tags", tagMap(out.P.Tags))
	return st, nil
}

func (s *server) samlProviders(ctx context.Context) ([]listing, error) {
	var out struct {
		ARNs []string `xml:"ListSAMLProvidersResult>SAMLProviderList>member>Arn"`
	}
	err := s.iam(ctx, "ListSAMLProviders", nil, &out)
	slices.Sort(out.ARNs)
	return arnsOnly(out.ARNs), err
}

func (s *server) samlProvider(ctx context.Context, arn string) (*state, error) {
	var out struct {
		Metadata   string   `xml:"GetSAMLProviderResult>SAMLMetadataDocument"`
		Encryption string   `xml:"GetSAMLProviderResult>AssertionEncryptionMode"`
		Keys       []string `xml:"GetSAMLProviderResult>PrivateKeyList>member>KeyId"`
		Tags       []xmlTag `xml:"GetSAMLProviderResult>Tags>member"`
	}
	if err := s.iam(ctx, "GetSAMLProvider", url.Values{"SAMLProviderArn": {arn}}, &out); missing(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	st := &state{id: arn, attributes: map[string]string{"Ref": arn, "Arn": arn}}
	st.properties = map[string]any{"Name": arn[strings.LastIndex(arn, "/")+1:], "SamlMetadataDocument": out.Metadata}
	if out.Encryption == "Required" || len(out.Keys) > 0 {
		st.left = append(st.left, "its private keys: encrypted assertions are refused")
	}
	st.setTags("Tags", tagMap(out.Tags))
	return st, nil
}

// members numbers a list's members in a form.
func members(form url.Values, name string, list []string) {
	for i, v := range list {
		form.Set(name+".member."+strconv.Itoa(i+1), v)
	}
}

func tagMembers(form url.Values, all map[string]any) {
	for i, key := range slices.Sorted(maps.Keys(all)) {
		at := "Tags.member." + strconv.Itoa(i+1)
		form.Set(at+".Key", key)
		form.Set(at+".Value", fmt.Sprint(all[key]))
	}
}
