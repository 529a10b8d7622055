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
)

// Exported is a file with what it could not hold.
type Exported struct {
	File  []byte
	Notes []string
	Pools []string // IDs
	// Secrets tells where in File there are secrets, which apply needs.
	Secrets []string
}

// ExportOptions tell where a file comes from.
type ExportOptions struct {
	FromAWS bool // false = from Poolhouse
	// AWSPolicies are AWS's managed policies that the Poolhouse server knows to which the
	// file is for. Only FromAWS needs them.
	AWSPolicies iam.AWSPolicies
}

// exporter collects what goes into a file, and what cannot.
type exporter struct {
	*server

	fromAWS bool
	draft   bool // what is exported has no ID yet
	known   iam.AWSPolicies
	lacks   bool     // a role has a policy of AWS that is not known
	pools   []string // IDs
	used    string   // what names other resources, as JSON
	notes   []string
	secrets []string
}

func (e *exporter) note(about, format string, args ...any) {
	e.notes = append(e.notes, about+": "+fmt.Sprintf(format, args...))
}

// names reports whether something in the file names an ARN.
func (e *exporter) names(arn string) bool { return strings.Contains(e.used, `"`+arn+`"`) }

// Export writes the file of everything in the account and region. From AWS it
// leaves out roles, policies and providers that no pool uses.
func Export(ctx context.Context, c *Client, o ExportOptions) (*Exported, error) {
	s, err := connect(ctx, c)
	if err != nil {
		return nil, err
	}
	e := &exporter{server: s, fromAWS: o.FromAWS, known: o.AWSPolicies}

	var all []*state
	if !o.FromAWS {
		if all, err = e.readUserPools(ctx); err != nil {
			return nil, err
		}
	}

	for _, k := range kinds {
		some, err := e.readKind(ctx, k)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}

	if o.FromAWS {
		err = e.noteSync(ctx)
	} else {
		err = e.noteSettings(ctx, all)
	}
	if err != nil {
		return nil, err
	}

	for _, st := range all {
		e.judge(st)
	}

	if e.lacks {
		e.note("policies of AWS", carryOver)
	}

	file := e.write(all) // adds notes

	return &Exported{File: file, Notes: e.notes, Pools: e.pools, Secrets: e.secrets}, nil
}

// readKind reads what goes into the file of a kind, each resource with its parts.
func (e *exporter) readKind(ctx context.Context, k *kind) (all []*state, err error) {
	add := func(st *state) {
		if st.properties.accept(e, st.id) {
			all = append(all, st)
		}
	}
	err = k.each(ctx, e.server, e.wanted, func(st *state) error {
		add(st)
		return e.readParts(ctx, st, add)
	})
	if err != nil {
		return nil, err
	}

	if k.refers {
		for _, st := range all {
			e.used += show(st.properties)
		}
	}

	return all, nil
}

// readParts reads the parts of a resource, and gives them to add.
func (e *exporter) readParts(ctx context.Context, whole *state, add func(*state)) error {
	for _, p := range whole.properties.parts(whole.id) {
		found, err := p.read(ctx, e.server)
		if err != nil {
			return err
		}
		if found != nil {
			found.markers = map[string]string{marker: whole.markers[p.markerKey()]}
			add(found)
		}
	}

	return nil
}

var (
	// poolID finds pool IDs in policies.
	poolID = regexp.MustCompile(`[\w-]+:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	// cognitoPrincipal is the name of identity pools in a trust policy, in any partition.
	cognitoPrincipal = regexp.MustCompile(`"cognito-identity(?:-us-gov|\.[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?"`)
)

// wanted reports whether a resource is used. A role is used when a pool names it, or
// when it trusts a pool: then tokens that name it, and the classic flow, lead to it.
func (e *exporter) wanted(l listing) bool {
	if !e.fromAWS || l.arn == "" || e.names(l.arn) {
		return true
	}

	trust, _ := url.PathUnescape(l.trust)
	if slices.ContainsFunc(e.pools, func(id string) bool { return strings.Contains(trust, `"`+id+`"`) }) {
		return true
	}
	if cognitoPrincipal.MatchString(trust) && !poolID.MatchString(trust) {
		e.note("role "+l.name, "it trusts pools without naming one, and no pool names it: it is left out")
	}

	return false
}

// judge notes what Poolhouse will not take, and drops what may go.
func (e *exporter) judge(st *state) {
	about := st.properties.label(st.id)
	for _, text := range st.left {
		e.note(about, "%s", text)
	}

	for what, fault := range documentFaults(st.properties, nil) {
		e.note(about, "%s: Poolhouse refuses this document, and apply stops at it: %v", what, fault)
	}
	st.properties.judge(e, st.id)
}

// noteAccount notes the texts that name the account and are no references.
func (e *exporter) noteAccount(about, path string, v any, references map[string]any) {
	noteText := func(text string) {
		if strings.Contains(text, e.account) && references[text] == nil {
			e.note(about, "%s: the account %s in %s stays as it is: a server with another account needs another text",
				path, e.account, short(text))
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
		for key, one := range sorted(v) {
			noteText(key)
			e.noteAccount(about, strings.TrimPrefix(path+"."+key, "."), one, references)
		}
	}
}

// noteSync notes which pools have data of Cognito Sync.
func (e *exporter) noteSync(ctx context.Context) error {
	for _, id := range e.pools {
		var out struct {
			IdentityPoolUsage struct{ SyncSessionsCount, DataStorage json.Number }
		}

		err := e.get(ctx, "cognito-sync", "DescribeIdentityPoolUsage", "/identitypools/"+url.PathEscape(id), &out)
		switch refusal, isRefusal := errors.AsType[*apiError](err); {
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
			e.note("pool "+id, "its data of Cognito Sync (%s bytes), with its streams and events",
				cmp.Or(usage.DataStorage, "0"))
		}
	}

	return nil
}

func count(n json.Number) int64 { i, _ := n.Int64(); return i }

// noteSettings notes what the settings file has for providers in the file.
func (e *exporter) noteSettings(ctx context.Context, all []*state) error {
	var out struct {
		Providers []struct {
			Arn      string
			Settings []struct{ Name, Value string }
		}
	}
	err := e.Admin(ctx, "ListProviderSettings", map[string]any{}, &out)
	if _, isRefusal := errors.AsType[*apiError](err); isRefusal {
		e.note("providers", "their settings in the settings file cannot be read: %v", err)
		return nil
	} else if err != nil {
		return err
	}

	for _, p := range out.Providers {
		if !slices.ContainsFunc(all, func(st *state) bool { return st.id == p.Arn }) {
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

// write writes resources as a file: IDs and ARNs of the file's own resources
// become references.
func (e *exporter) write(all []*state) []byte {
	names := nameAll(all)
	links := linkAll(all, names, e.server)

	var resources pairs
	for i, st := range all {
		k := kindOf(st.properties)
		one := pairs{{key: "Type", value: st.properties.typeName()}}
		if k.pinned && !e.draft {
			one = append(one, pair{key: "Metadata", value: pairs{{key: pinned, value: k.pinnedID(st.id)}}})
		}
		references := links.of(i, e.server)
		if !k.opaque {
			e.noteAccount(st.properties.label(st.id), "", links.trees[i], references)
		}
		one = append(one, pair{key: "Properties", value: ordered(links.trees[i], references)})
		resources = append(resources, pair{key: names[i], value: one})
	}

	var b bytes.Buffer
	b.WriteString("Resources:")
	writeYAML(&b, resources, 2)

	return b.Bytes()
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9]+`)

// nameAll gives each resource a name: that of the file that made it, or one
// after the resource's own.
func nameAll(all []*state) []string {
	taken, names := map[string]bool{}, make([]string, len(all))
	for i, st := range all {
		base := notInName.ReplaceAllString(st.properties.title(), "")
		if _, given, ok := strings.Cut(st.markers[marker], "/"); ok {
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
