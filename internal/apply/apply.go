package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// Options of Apply.
type Options struct {
	Name   string // of the file, in the tags of what it makes
	DryRun bool
	Prune  bool
	Out    io.Writer
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// change is one line of the plan.
type change struct {
	resource Resource
	want     map[string]any
	have     *state
	fields   []Field
	version  string                          // of a managed policy, deleted to make room
	remove   func(ctx context.Context) error // prune
}

type applier struct {
	*server
	options Options
	known   map[string]map[string]string // resource to attributes
	coming  map[string]bool              // ARNs of roles that are still to be made
	waiting []waitingTrust
	pooled  []*state // every pool, once it was asked for
	listed  bool
}

// Apply makes the server what the resources say, and prints the plan first. It
// stops at the first failure; what was done until then is printed.
func Apply(ctx context.Context, c *Client, resources []Resource, o Options) error {
	if !fileName.MatchString(o.Name) {
		return fmt.Errorf("the name %q must have 1 to 64 letters, digits, '_', '.' and '-': choose one with --name", o.Name)
	}
	s, err := connect(ctx, c)
	if err != nil {
		return err
	}
	a := &applier{server: s, options: o, known: map[string]map[string]string{}, coming: map[string]bool{}}
	a.known["AWS::AccountId"] = map[string]string{"Ref": s.account}
	a.known["AWS::Region"] = map[string]string{"Ref": s.Region}
	a.known["AWS::Partition"] = map[string]string{"Ref": s.partition}
	var plan []*change
	owners := map[string]string{}
	for _, r := range resources {
		ch, err := a.plan(ctx, r)
		if err != nil {
			return fmt.Errorf("%s (line %d): %w", r.Name, r.Line, err)
		}
		key := a.key(ch)
		if other, twice := owners[key]; twice {
			return fmt.Errorf("%s (line %d): is the same as %s", r.Name, r.Line, other)
		}
		owners[key] = r.Name
		if r.Type == typeRole && ch.have == nil {
			a.coming[a.arnOf(typeRole, ch.want)] = true
		}
		plan = append(plan, ch)
	}
	if o.Prune {
		gone, err := a.prune(ctx, resources)
		if err != nil {
			return err
		}
		plan = append(plan, gone...)
	}
	todo := a.print(plan)
	if o.DryRun || todo == 0 {
		return nil
	}
	done := 0
	for _, ch := range plan {
		verb, err := a.carryOut(ctx, ch)
		if err != nil {
			return fmt.Errorf("%s: %w; %d of %d changes were made", ch.resource.Name, err, done, todo)
		}
		if verb != "" {
			done++
			a.say("%s %s", verb, ch.resource.Name)
		}
	}
	return nil
}

func (a *applier) key(ch *change) string {
	p := ch.want
	switch ch.resource.Type {
	case typePool:
		if ch.resource.PinnedID != "" {
			return ch.resource.PinnedID
		}
		return typePool + ch.resource.Name
	case typeAttachment:
		return typeAttachment + fmt.Sprint(p["IdentityPoolId"])
	case typeTags:
		return typeTags + fmt.Sprint(p["IdentityPoolId"], p["IdentityProviderName"])
	}
	// The names of roles and policies are one name in any case and path.
	switch ch.resource.Type {
	case typeRole:
		return typeRole + strings.ToLower(str(p["RoleName"]))
	case typePolicy:
		return typePolicy + strings.ToLower(str(p["ManagedPolicyName"]))
	}
	return ch.resource.Type + a.arnOf(ch.resource.Type, p)
}

func (a *applier) mark(r Resource) string { return a.options.Name + "/" + r.Name }

// resolve puts what is known in the place of references.
func (a *applier) resolve(v any) any {
	switch v := v.(type) {
	case *Reference:
		var b strings.Builder
		for _, p := range v.Parts {
			b.WriteString(p.Text)
			if p.Resource == "" {
				continue
			}
			if value, ok := a.known[p.Resource][p.Attribute]; ok {
				b.WriteString(value)
			} else {
				b.WriteString(knownAfterApply + p.Resource + ")")
			}
		}
		return b.String()
	case []any:
		out := []any{}
		for _, one := range v {
			out = append(out, a.resolve(one))
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, one := range v {
			out[key] = a.resolve(one)
		}
		return out
	}
	return v
}

// want is what a resource says, with defaults and without references.
func (a *applier) want(r Resource) (map[string]any, error) {
	p := a.resolve(r.Properties).(map[string]any)
	orElse := func(key string, value any) {
		if p[key] == nil || p[key] == "" {
			p[key] = value
		}
	}
	switch r.Type {
	case typePool:
		orElse("IdentityPoolName", r.Name)
		for _, one := range asList(p["CognitoIdentityProviders"]) {
			if m := one.(map[string]any); m["ServerSideTokenCheck"] == false {
				delete(m, "ServerSideTokenCheck")
			}
		}
	case typeAttachment:
		byProvider := map[string]any{}
		mappings, _ := p["RoleMappings"].(map[string]any)
		for key, one := range mappings {
			m := one.(map[string]any)
			if name, ok := m["IdentityProvider"].(string); ok {
				key = name
			}
			delete(m, "IdentityProvider")
			if byProvider[key] != nil {
				return nil, fmt.Errorf("two role mappings are for %s", key)
			}
			byProvider[key] = m
		}
		p["RoleMappings"] = byProvider
	case typeTags:
		orElse("UseDefaults", false)
	case typeRole:
		orElse("RoleName", r.Name)
		orElse("Path", "/")
		orElse("MaxSessionDuration", json.Number(defaultMaxSession))
		p["MaxSessionDuration"] = fmt.Sprint(p["MaxSessionDuration"])
	case typePolicy:
		orElse("ManagedPolicyName", r.Name)
		orElse("Path", "/")
	case typeSAML:
		orElse("Name", r.Name)
	}
	return p, nil
}

func asList(v any) []any { l, _ := v.([]any); return l }
func str(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func strs(v any) (out []string) {
	for _, one := range asList(v) {
		out = append(out, str(one))
	}
	return out
}

func (a *applier) arnOf(kind string, p map[string]any) string {
	switch kind {
	case typeRole:
		return a.arn("role" + str(p["Path"]) + str(p["RoleName"]))
	case typePolicy:
		return a.arn("policy" + str(p["Path"]) + str(p["ManagedPolicyName"]))
	case typeOIDC:
		_, rest, _ := strings.Cut(str(p["Url"]), "://")
		return a.arn("oidc-provider/" + rest)
	case typeSAML:
		return a.arn("saml-provider/" + str(p["Name"]))
	}
	return ""
}

func (a *applier) allPools(ctx context.Context) ([]*state, error) {
	if a.listed {
		return a.pooled, nil
	}
	ids, err := a.poolIDs(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		p, err := a.pool(ctx, id)
		if err != nil {
			return nil, err
		}
		if p != nil {
			a.pooled = append(a.pooled, p)
		}
	}
	a.listed = true
	return a.pooled, nil
}

// find returns what the server has of a resource, or nil.
func (a *applier) find(ctx context.Context, r Resource, want map[string]any) (*state, error) {
	pool := str(want["IdentityPoolId"])
	switch r.Type {
	case typePool:
		if r.PinnedID != "" {
			return a.pool(ctx, r.PinnedID)
		}
		all, err := a.allPools(ctx)
		if err != nil {
			return nil, err
		}
		var ours *state
		for _, p := range all {
			if p.markers[marker] != a.mark(r) {
				continue
			}
			if ours != nil { // two applies at once made one each
				return nil, fmt.Errorf("the pools %s and %s both have the tag %s: %s: delete one, or its tag", ours.id, p.id, marker, a.mark(r))
			}
			ours = p
		}
		return ours, nil
	case typeAttachment, typeTags:
		if strings.HasPrefix(pool, "(") {
			return nil, nil // the pool is not there yet
		}
		provider := str(want["IdentityProviderName"])
		part, key, err := (*state)(nil), markerAttachment, error(nil)
		if r.Type == typeAttachment {
			part, err = a.attachment(ctx, pool)
		} else {
			part, err = a.principalTags(ctx, pool, provider)
			key = tagsMarker(provider)
		}
		if part == nil || err != nil {
			return nil, err
		}
		whole, err := a.pool(ctx, pool)
		if whole == nil || err != nil {
			return nil, err
		}
		part.markers = map[string]string{marker: whole.markers[key]}
		return part, nil
	case typeRole:
		return a.role(ctx, str(want["RoleName"]))
	case typePolicy:
		return a.policy(ctx, a.arnOf(r.Type, want))
	case typeOIDC:
		return a.oidcProvider(ctx, a.arnOf(r.Type, want))
	default:
		return a.samlProvider(ctx, a.arnOf(r.Type, want))
	}
}

func (a *applier) plan(ctx context.Context, r Resource) (*change, error) {
	want, err := a.want(r)
	if err != nil {
		return nil, err
	}
	have, err := a.find(ctx, r, want)
	if err != nil {
		return nil, err
	}
	ch := &change{resource: r, want: want, have: have}
	s := types[r.Type]
	if have == nil {
		if id := r.PinnedID; id != "" && !strings.HasPrefix(id, a.Region+":") {
			return nil, fmt.Errorf("%s is %s, which is not of the region %s", pinned, id, a.Region)
		}
		a.predict(r, want)
		return ch, checkDocuments(r.Type, want, nil)
	}
	if owner := have.markers[marker]; owner != "" && owner != a.mark(r) {
		return nil, fmt.Errorf("an earlier apply made it as %s: one resource belongs to one file; when this is that file, give --name and keep the resource's name", owner)
	}
	a.known[r.Name] = have.attributes
	from := plain(normal(s, have.properties))
	to := plain(normal(s, want))
	ch.fields = slices.DeleteFunc(differences("", from, to), func(f Field) bool {
		return s.fields[f.Path].byServer && f.To == nil
	})
	for _, f := range ch.fields {
		top, _, _ := strings.Cut(f.Path, ".")
		if field := s.fields[top]; field.fixed && (f.From != nil || !field.late) {
			return nil, fmt.Errorf("%s is %s and cannot be changed to %s: delete the resource or rename it in the file", f.Path, show(f.From), show(f.To))
		}
	}
	if len(ch.fields) > 0 {
		if err := checkDocuments(r.Type, want, have.properties); err != nil {
			return nil, err
		}
	}
	if r.Type == typePolicy && documentChanges(ch) {
		ch.version, err = a.versionInTheWay(ctx, have.id)
	}
	return ch, err
}

// checkDocuments refuses what the server would refuse, before anything is
// changed. Permission policies that the server has already stay as they are.
func checkDocuments(kind string, want, have map[string]any) error {
	p, _ := normal(types[kind], want).(map[string]any)
	old, _ := normal(types[kind], have).(map[string]any)
	for what, fault := range documentFaults(kind, p, old) {
		return fmt.Errorf("%s: %w", what, fault)
	}
	return nil
}

// documentFaults checks the documents of a resource, of its permission policies
// those that differ from what the server has.
func documentFaults(kind string, p, have map[string]any) iter.Seq2[string, error] {
	differs := func(a, b any) bool { return len(differences("", plain(a), plain(b))) > 0 }
	return func(yield func(string, error) bool) {
		check := func(what string, err error) bool { return err == nil || yield(what, err) }
		switch kind {
		case typeRole:
			_, err := iam.CheckTrustPolicy(withPoolIDs(show(p["AssumeRolePolicyDocument"])))
			if !check("AssumeRolePolicyDocument", err) {
				return
			}
			stored := policiesOf(have)
			for name, policy := range inOrderOfName(policiesOf(p)) {
				if differs(stored[name], policy) && !check("policy "+name, iam.CheckInlinePolicy(show(policy))) {
					return
				}
			}
		case typePolicy:
			if differs(have["PolicyDocument"], p["PolicyDocument"]) {
				check("PolicyDocument", iam.CheckManagedPolicy(show(p["PolicyDocument"])))
			}
		case typeSAML:
			_, err := iam.CheckSAMLMetadata(str(p["SamlMetadataDocument"]))
			check("SamlMetadataDocument", err)
		}
	}
}

// knownAfterApply stands in a plan for what a resource that is not there yet will
// be called.
const knownAfterApply = "(known after apply: "

var notKnownYet = regexp.MustCompile(regexp.QuoteMeta(knownAfterApply) + `[^)]*\)`)

// withPoolIDs is a trust policy of a plan as it will be: what is not known yet in
// it is the ID of a pool.
func withPoolIDs(document string) string {
	return notKnownYet.ReplaceAllString(document, "us-east-1:00000000-0000-0000-0000-000000000000")
}

func inOrderOfName(all map[string]any) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if !yield(name, all[name]) {
				return
			}
		}
	}
}

// documentChanges reports whether a managed policy gets a new version.
func documentChanges(ch *change) bool {
	return len(differences("", plain(ch.have.properties["PolicyDocument"]), plain(ch.want["PolicyDocument"]))) > 0
}

// maxVersions is how many versions a managed policy has at most (IAM User Guide,
// "IAM and AWS STS quotas").
const maxVersions = 5

// versionInTheWay is the oldest version of a managed policy that is not the
// default, when there is no room for another one; else "".
func (a *applier) versionInTheWay(ctx context.Context, arn string) (string, error) {
	versions, err := a.versions(ctx, arn)
	if err != nil || len(versions) < maxVersions {
		return "", err
	}
	number := func(v policyVersion) int { n, _ := strconv.Atoi(strings.TrimPrefix(v.VersionId, "v")); return n }
	versions = slices.DeleteFunc(versions, func(v policyVersion) bool { return v.IsDefaultVersion })
	return slices.MinFunc(versions, func(x, y policyVersion) int { return number(x) - number(y) }).VersionId, nil
}

// predict notes the attributes of a resource that is not there yet, as far as
// they are certain.
func (a *applier) predict(r Resource, want map[string]any) {
	arn := a.arnOf(r.Type, want)
	switch r.Type {
	case typePool:
		a.known[r.Name] = map[string]string{"Name": str(want["IdentityPoolName"])}
		if id := r.PinnedID; id != "" {
			a.known[r.Name] = map[string]string{"Ref": id, "Id": id, "Name": str(want["IdentityPoolName"]), "Arn": a.poolARN(id)}
		}
	case typeRole:
		a.known[r.Name] = map[string]string{"Ref": str(want["RoleName"]), "Arn": arn}
	case typePolicy, typeOIDC, typeSAML:
		a.known[r.Name] = map[string]string{"Ref": arn, "Arn": arn, "PolicyArn": arn}
	}
}

// say prints a line. Names and values may come from anybody who may change the
// server: they must not drive the terminal.
func (a *applier) say(format string, args ...any) {
	line := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, fmt.Sprintf(format, args...))
	_, _ = io.WriteString(a.options.Out, line+"\n")
}

func (a *applier) print(plan []*change) (todo int) {
	counts := map[string]int{}
	for _, ch := range plan {
		sign := "="
		switch {
		case ch.remove != nil:
			sign = "-"
		case ch.have == nil:
			sign = "+"
		case len(ch.fields) > 0:
			sign = "~"
		}
		counts[sign]++
		a.say("%s %s %s", sign, ch.resource.Name, ch.resource.Type)
		if sign == "+" {
			s := types[ch.resource.Type]
			ch.fields = differences("", map[string]any{}, plain(normal(s, ch.want)))
		}
		for _, f := range ch.fields {
			f.From, f.To = withoutSecrets(f.Path, f.From), withoutSecrets(f.Path, f.To)
			f.Path = pathWithoutSecrets(f.Path)
			if f.From == nil {
				a.say("    %s: %s", f.Path, short(f.To))
			} else {
				a.say("    %s: %s -> %s", f.Path, short(f.From), short(f.To))
			}
		}
		a.warnOfKeys(ch)
		if ch.version != "" {
			a.say("    its oldest version, %s, is deleted to make room: there are %d", ch.version, maxVersions)
		}
	}
	a.say("%d to create, %d to update, %d to delete, %d without change", counts["+"], counts["~"], counts["-"], counts["="])
	return counts["+"] + counts["~"] + counts["-"]
}

// warnOfKeys names the condition keys of a resource's policies that the server
// cannot know, also of one that does not change.
func (a *applier) warnOfKeys(ch *change) {
	if ch.remove != nil {
		return
	}
	say := func(what string, warnings []string) {
		for _, warning := range warnings {
			a.say("    warning: %s: %s", what, warning)
		}
	}

	p, _ := normal(types[ch.resource.Type], ch.want).(map[string]any)
	switch ch.resource.Type {
	case typeRole:
		say("AssumeRolePolicyDocument", iam.TrustPolicyWarnings(show(p["AssumeRolePolicyDocument"])))
		for name, policy := range inOrderOfName(policiesOf(p)) {
			say("policy "+name, iam.IdentityPolicyWarnings(show(policy), false))
		}
	case typePolicy:
		say("PolicyDocument", iam.IdentityPolicyWarnings(show(p["PolicyDocument"]), false))
	}
}

// short is a value for the plan; SAML metadata would fill the screen.
func short(v any) string {
	if v == nil {
		return "none"
	}
	text := []rune(show(v))
	if len(text) > 400 {
		return fmt.Sprintf("%s… (%d characters)", string(text[:100]), len(text))
	}
	return string(text)
}

func (a *applier) carryOut(ctx context.Context, ch *change) (verb string, err error) {
	if ch.remove != nil {
		return "deleted", ch.remove(ctx)
	}
	if ch.have != nil && len(ch.fields) == 0 {
		return "", nil
	}
	if ch.want, err = a.want(ch.resource); err != nil { // now with the IDs of what was made
		return "", err
	}
	ch.want, _ = normal(types[ch.resource.Type], ch.want).(map[string]any)
	verb = "updated"
	if ch.have == nil {
		verb = "created"
	}
	switch ch.resource.Type {
	case typePool:
		err = a.putPool(ctx, ch)
	case typeAttachment:
		err = a.putAttachment(ctx, ch)
	case typeTags:
		err = a.putPrincipalTags(ctx, ch)
	case typeRole:
		err = a.putRole(ctx, ch)
	case typePolicy:
		err = a.putPolicy(ctx, ch)
	case typeOIDC:
		err = a.putOIDC(ctx, ch)
	case typeSAML:
		err = a.putSAML(ctx, ch)
	}
	return verb, err
}
