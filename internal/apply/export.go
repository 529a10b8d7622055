package apply

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// found is a resource of a server with its type.
type found struct {
	kind  string
	state *state
}

// iamKind is a type of resource of the IAM API.
type iamKind struct {
	name string
	list func(context.Context) ([]listing, error)
	read func(context.Context, string) (*state, error)
}

// iamKinds has roles first, so that deleting in this order works.
func (s *server) iamKinds() []iamKind {
	return []iamKind{{typeRole, s.roles, s.role}, {typePolicy, s.policies, s.policy}, {typeOIDC, s.oidcProviders, s.oidcProvider}, {typeSAML, s.samlProviders, s.samlProvider}}
}

// readAll reads the resources of a kind that are wanted.
func readAll(ctx context.Context, kind iamKind, wanted func(listing) bool) (all []found, err error) {
	list, err := kind.list(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		if !wanted(l) {
			continue
		}
		st, err := kind.read(ctx, l.name)
		if err != nil {
			return nil, err
		}
		if st != nil {
			all = append(all, found{kind.name, st})
		}
	}
	return all, nil
}

// Exported is a file with what it could not hold.
type Exported struct {
	File  []byte
	Notes []string
	Pools []string // IDs
	// Secrets tells where in File there are secrets, which apply needs.
	Secrets []string
}

// exporter collects what goes into a file, and what cannot.
type exporter struct {
	*server
	fromAWS bool
	notes   []string
}

func (e *exporter) note(about, format string, args ...any) {
	e.notes = append(e.notes, about+": "+fmt.Sprintf(format, args...))
}

// Export writes the file of everything in the account and region. From AWS it
// leaves out roles, policies and providers that no pool uses.
func Export(ctx context.Context, c *Client, fromAWS bool) (*Exported, error) {
	s, err := connect(ctx, c)
	if err != nil {
		return nil, err
	}
	e := &exporter{server: s, fromAWS: fromAWS}
	pools, err := s.poolIDs(ctx)
	if err != nil {
		return nil, err
	}
	all, err := e.readPools(ctx, pools)
	if err != nil {
		return nil, err
	}
	if all, err = e.withIAM(ctx, pools, all); err != nil {
		return nil, err
	}
	if fromAWS {
		err = e.noteSync(ctx, pools)
	} else {
		err = e.noteSettings(ctx, all)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		e.judge(f)
	}
	file := e.write(all)
	return &Exported{File: file, Notes: e.notes, Pools: pools, Secrets: secretsIn(all)}, nil
}

// secretsIn names the login providers whose values hold secrets.
func secretsIn(all []found) (where []string) {
	for _, f := range all {
		apps, _ := f.state.properties[loginProviders].(map[string]any)
		for provider, app := range inOrderOfName(apps) {
			if f.kind == typePool && !identitypool.IsPublicApp(provider, str(app)) {
				where = append(where, label(f)+", "+loginProviders+": "+shownProvider(provider))
			}
		}
	}
	return where
}

// readPools reads pools with their parts.
func (e *exporter) readPools(ctx context.Context, ids []string) (all []found, err error) {
	for _, id := range ids {
		p, err := e.pool(ctx, id)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		all = append(all, found{typePool, p})
		a, err := e.attachment(ctx, id)
		if err != nil {
			return nil, err
		}
		if a != nil {
			a.markers = map[string]string{marker: p.markers[markerAttachment]}
			all = append(all, found{typeAttachment, a})
		}
		for _, provider := range providerNames(p) {
			t, err := e.principalTags(ctx, id, provider)
			if err != nil {
				return nil, err
			}
			if t != nil && !readsTags(p, provider) {
				e.note("pool "+id, "the principal tags under %s, which no login gets: a user pool's are under its name alone, "+
					"and a developer's users get theirs with their token", provider)
				continue
			}
			if t != nil {
				t.markers = map[string]string{marker: p.markers[tagsMarker(provider)]}
				all = append(all, found{typeTags, t})
			}
		}
	}
	return all, nil
}

// poolID finds pool IDs in policies.
var poolID = regexp.MustCompile(`[\w-]+:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// withIAM adds the roles, policies and providers. A role is used when a pool
// names it, or when it trusts a pool: then tokens that name it, and the classic
// flow, lead to it.
func (e *exporter) withIAM(ctx context.Context, pools []string, all []found) ([]found, error) {
	used := show(properties(all))
	named := func(l listing) bool { return strings.Contains(used, `"`+l.arn+`"`) }
	for _, kind := range e.iamKinds() {
		some, err := readAll(ctx, kind, func(l listing) bool {
			if !e.fromAWS || named(l) {
				return true
			}
			trust, _ := url.PathUnescape(l.trust)
			if slices.ContainsFunc(pools, func(id string) bool { return strings.Contains(trust, `"`+id+`"`) }) {
				return true
			}
			if cognitoPrincipal.MatchString(trust) && !poolID.MatchString(trust) {
				e.note("role "+l.name, "it trusts pools without naming one, and no pool names it: it is left out")
			}
			return false
		})
		if err != nil {
			return nil, err
		}
		for _, f := range some {
			if address := str(f.state.properties["Url"]); strings.HasPrefix(address, "http://") && !named(listing{arn: f.state.id}) {
				e.note(label(f), "it has no TLS, which only poolhouse dev takes, and nothing uses it: it is left out")
				continue
			}
			all = append(all, f)
			if kind.name == typeRole {
				used += show(f.state.properties)
			}
		}
	}
	return all, nil
}

// cognitoPrincipal is the name of identity pools in a trust policy, in any partition.
var cognitoPrincipal = regexp.MustCompile(`"cognito-identity(?:-us-gov|\.[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?"`)

// label is how notes call a resource.
func label(f found) string {
	switch f.kind {
	case typePool:
		return "pool " + f.state.id
	case typeAttachment:
		return "roles of pool " + f.state.id
	case typeTags:
		return "principal tags of pool " + f.state.id + " for " + str(f.state.properties["IdentityProviderName"])
	case typeRole:
		return "role " + str(f.state.properties["RoleName"])
	}
	return f.state.id
}

// judge notes what Poolhouse will not take, and drops what may go.
func (e *exporter) judge(f found) {
	about, p := label(f), f.state.properties
	for _, text := range f.state.left {
		e.note(about, "%s", text)
	}
	for what, fault := range documentFaults(f.kind, p, nil) {
		e.note(about, "%s: Poolhouse refuses this document, and apply stops at it: %v", what, fault)
	}
	switch f.kind {
	case typeRole:
		attached := []any{}
		for _, arn := range strs(p["ManagedPolicyArns"]) {
			if unknownToUs(arn) {
				e.note(about, "AWS's policy %s, whose content Poolhouse does not know: without it the role may do less", arn)
				continue
			}
			attached = append(attached, arn)
		}
		p["ManagedPolicyArns"] = attached
		if boundary := str(p["PermissionsBoundary"]); unknownToUs(boundary) {
			// Without it the role may do more.
			e.note(about, "its permissions boundary is AWS's policy %s, whose content Poolhouse does not know: it stays in the file, and apply stops at it", boundary)
		}
	case typeOIDC:
		if strings.HasPrefix(str(p["Url"]), "http://") {
			e.note(about, "it has no TLS: only poolhouse dev takes it")
		}
	}
}

func unknownToUs(arn string) bool {
	return strings.Contains(arn, ":iam::aws:policy/") && !iam.KnowsAWSPolicy(arn)
}

// noteAccount notes the texts that name the account and are no references.
func (e *exporter) noteAccount(about, path string, v any, references map[string]any) {
	noteText := func(text string) {
		if strings.Contains(text, e.account) && references[text] == nil {
			e.note(about, "%s: the account %s in %s stays as it is: a server with another account needs another text", path, e.account, short(text))
		}
	}
	switch v := v.(type) {
	case string:
		noteText(v)
	case []any:
		for i, one := range v {
			e.noteAccount(about, fmt.Sprintf("%s[%d]", path, i), one, references)
		}
	case map[string]any:
		for key, one := range inOrderOfName(v) {
			noteText(key)
			e.noteAccount(about, strings.TrimPrefix(path+"."+key, "."), one, references)
		}
	}
}

// noteSync notes which pools have data of Cognito Sync.
func (e *exporter) noteSync(ctx context.Context, pools []string) error {
	for _, id := range pools {
		var out struct {
			IdentityPoolUsage struct{ SyncSessionsCount, DataStorage json.Number }
		}
		err := e.get(ctx, "cognito-sync", "DescribeIdentityPoolUsage", "/identitypools/"+url.PathEscape(id), &out)
		var refusal *APIError
		switch isRefusal := errors.As(err, &refusal); {
		case ctx.Err() != nil:
			return ctx.Err()
		case isRefusal && refusal.Status == http.StatusNotFound:
			continue
		case err != nil: // Many regions do not have it; some keys may not ask.
			e.note("Cognito Sync", "whether pools have data there cannot be told: %v", err)
			return nil
		}
		usage := out.IdentityPoolUsage
		if count(usage.SyncSessionsCount) > 0 || count(usage.DataStorage) > 0 {
			e.note("pool "+id, "its data of Cognito Sync (%s bytes), with its streams and events", cmp.Or(usage.DataStorage, "0"))
		}
	}
	return nil
}

func count(n json.Number) int64 { i, _ := n.Int64(); return i }

// noteSettings notes what the settings file says of providers in the file.
func (e *exporter) noteSettings(ctx context.Context, all []found) error {
	var out struct {
		Providers []struct {
			Arn      string
			Settings []struct{ Name, Value string }
		}
	}
	err := e.admin(ctx, "ListProviderSettings", map[string]any{}, &out)
	if refusal := (*APIError)(nil); errors.As(err, &refusal) {
		e.note("providers", "what the settings file says of them cannot be told: %v", err)
		return nil
	} else if err != nil {
		return err
	}
	for _, p := range out.Providers {
		if !slices.ContainsFunc(all, func(f found) bool { return f.state.id == p.Arn }) {
			continue
		}
		var texts []string
		for _, s := range p.Settings {
			if s.Value != "" {
				s.Name += " (" + s.Value + ")"
			}
			texts = append(texts, s.Name)
		}
		e.note(p.Arn, "of the settings file: %s", strings.Join(texts, ", "))
	}
	return nil
}

func properties(all []found) (out []any) {
	for _, f := range all {
		out = append(out, f.state.properties)
	}
	return out
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9]+`)

// write writes resources as a file: IDs and ARNs of the file's own resources
// become references.
func (e *exporter) write(all []found) []byte {
	names, links := nameAll(all), newLinks(len(all))
	for i, f := range all {
		switch f.kind {
		case typePool:
			links.add(i, f.state.id, "Ref", names[i])
			links.add(i, e.poolARN(f.state.id), "Fn::GetAtt", names[i]+".Arn")
		case typePolicy:
			links.add(i, f.state.id, "Fn::GetAtt", names[i]+".PolicyArn")
		case typeRole, typeOIDC, typeSAML:
			links.add(i, f.state.id, "Fn::GetAtt", names[i]+".Arn")
		}
	}
	plains := make([]map[string]any, len(all))
	for i, f := range all {
		p, _ := plain(normal(types[f.kind], f.state.properties)).(map[string]any)
		if mappings, ok := p["RoleMappings"].(map[string]any); ok {
			p["RoleMappings"] = links.keyed(mappings, names)
		}
		if f.kind == typeTags && p["UseDefaults"] == nil {
			p["UseDefaults"] = false
		}
		for name, field := range types[f.kind].fields {
			if values, ok := p[name].(map[string]any); ok && field.kind == tags {
				p[name] = tagList(values)
			}
		}
		plains[i] = p
	}
	// What resources need to be made comes before what their documents mention:
	// where both together would be a circle, the document has no reference.
	for _, documents := range []bool{false, true} {
		for i, f := range all {
			for name, v := range inOrderOfName(plains[i]) {
				if documents == holdsDocument(types[f.kind].fields[name]) {
					links.connect(i, v)
				}
			}
		}
	}
	var resources pairs
	for i, f := range all {
		one := pairs{{"Type", f.kind}}
		if f.kind == typePool {
			one = append(one, pair{"Metadata", pairs{{pinned, f.state.id}}})
		}
		if f.kind != typeSAML {
			e.noteAccount(label(f), "", plains[i], links.of(i, e.server))
		}
		one = append(one, pair{"Properties", ordered(plains[i], links.of(i, e.server))})
		resources = append(resources, pair{names[i], one})
	}
	var b bytes.Buffer
	b.WriteString("Resources:")
	writeYAML(&b, resources, 2)
	return b.Bytes()
}

// nameAll gives each resource a name: that of the file that made it, or one
// after the resource's own.
func nameAll(all []found) []string {
	taken, names := map[string]bool{}, make([]string, len(all))
	for i, f := range all {
		p := f.state.properties
		base := map[string]string{typePool: "Pool" + str(p["IdentityPoolName"]), typeAttachment: "Roles", typeTags: "Tags" + str(p["IdentityProviderName"]),
			typeRole: "Role" + str(p["RoleName"]), typePolicy: "Policy" + str(p["ManagedPolicyName"]), typeOIDC: "Provider" + strings.TrimPrefix(str(p["Url"]), "https://"),
			typeSAML: "Saml" + str(p["Name"])}[f.kind]
		base = notInName.ReplaceAllString(base, "")
		if _, given, ok := strings.Cut(f.state.markers[marker], "/"); ok {
			base = given
		}
		name := base
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s%d", base, n)
		}
		taken[name], names[i] = true, name
	}
	return names
}

func tagList(values map[string]any) any {
	list := []any{}
	for key, value := range inOrderOfName(values) {
		list = append(list, map[string]any{"Key": key, "Value": value})
	}
	return list
}

// holdsDocument reports whether there are policy documents in a property.
func holdsDocument(s schema) bool {
	if s.item != nil && holdsDocument(*s.item) {
		return true
	}
	for _, field := range s.fields {
		if holdsDocument(field) {
			return true
		}
	}
	return s.kind == document
}

// links are the references between resources, which are known by their index.
type links struct {
	owner      map[string]int // of an ID or ARN
	references map[string]any
	needs      []map[int]bool
}

func newLinks(n int) *links {
	l := &links{map[string]int{}, map[string]any{}, make([]map[int]bool, n)}
	for i := range l.needs {
		l.needs[i] = map[int]bool{}
	}
	return l
}

func (l *links) add(i int, id, function, argument string) {
	l.owner[id], l.references[id] = i, pairs{{function, argument}}
}

// keyed gives role mappings of the file's own providers other keys: a key cannot
// be a reference, IdentityProvider can.
func (l *links) keyed(mappings map[string]any, names []string) map[string]any {
	out := map[string]any{}
	for provider, v := range mappings {
		if m, ok := v.(map[string]any); ok && l.references[provider] != nil {
			m["IdentityProvider"] = provider
			provider = names[l.owner[provider]]
		}
		out[provider] = v
	}
	return out
}

// connect notes that i refers to what v names, unless that refers to i.
func (l *links) connect(i int, v any) {
	switch v := v.(type) {
	case string:
		if j, ok := l.owner[v]; ok && !l.reaches(j, i, map[int]bool{}) {
			l.needs[i][j] = true
		}
	case []any:
		for _, one := range v {
			l.connect(i, one)
		}
	case map[string]any:
		for _, one := range v {
			l.connect(i, one)
		}
	}
}

func (l *links) reaches(from, to int, seen map[int]bool) bool {
	if from == to {
		return true
	}
	seen[from] = true
	for next := range l.needs[from] {
		if !seen[next] && l.reaches(next, to, seen) {
			return true
		}
	}
	return false
}

// of are the references that i makes. What it names without a reference, because
// that refers to i, is written out with the account left open.
func (l *links) of(i int, s *server) map[string]any {
	own := map[string]any{}
	for id, j := range l.owner {
		if l.needs[i][j] {
			own[id] = l.references[id]
		} else if text, ok := strings.CutPrefix(id, s.arn("")); ok {
			own[id] = pairs{{"Fn::Sub", "arn:${AWS::Partition}:iam::${AWS::AccountId}:" + strings.ReplaceAll(text, "${", "${!")}}
		}
	}
	return own
}

// ordered is v with sorted keys, and references in the place of what they mean.
func ordered(v any, references map[string]any) any {
	switch v := v.(type) {
	case string:
		if r, ok := references[v]; ok {
			return r
		}
		return v
	case []any:
		out := []any{}
		for _, one := range v {
			out = append(out, ordered(one, references))
		}
		return out
	case map[string]any:
		out := pairs{}
		for key, one := range inOrderOfName(v) {
			out = append(out, pair{key, ordered(one, references)})
		}
		return out
	}
	return v
}
