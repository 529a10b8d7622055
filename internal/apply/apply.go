package apply

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/template"
)

// Options of Apply.
type Options struct {
	Name   string // of the file, in the tags of what it makes
	DryRun bool
	Prune  bool
	Keep   bool              // resources that exist stay as they are
	Out    io.Writer         // gets the plan and what was done
	Known  map[string]string // what further names stand for, such as DevProviderARN
	// Seeds are the files of a development server that are applied together, and take over what is
	// none of theirs; nil = a resource belongs to the file that made it.
	Seeds *Seeds
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// change is one line of the plan.
type change struct {
	resource Resource
	want     properties
	have     *state
	fields   []difference
	notes    []string // further lines of the plan
	prune    bool     // the file no longer has it
}

// action returns the kind of a change.
func (ch *change) action() Action {
	switch {
	case ch.prune:
		return ActionDelete
	case ch.have == nil:
		return ActionCreate
	case len(ch.fields) > 0:
		return ActionUpdate
	}

	return ActionNone
}

type applier struct {
	*server
	trusts

	options  Options
	known    map[string]map[string]string // resource to attributes
	policies managedPolicies
	cached   map[*kind][]*state // every resource of a kind, once it was asked for
	mask     mask
}

// Apply changes the server to match a file. It prints the plan first, and stops at the
// first failure; what was done until then is printed. After a failure there is no result.
func Apply(ctx context.Context, c *Client, file *File, o Options) (*Result, error) {
	if !fileName.MatchString(o.Name) {
		advice := "choose one with --name"
		if o.Seeds != nil {
			advice = "rename the file"
		}
		return nil, fmt.Errorf("the name %q must have 1 to 64 letters, digits, '_', '.' and '-': %s", o.Name, advice)
	}
	s, err := connect(ctx, c)
	if err != nil {
		return nil, err
	}

	a := &applier{
		server:  s,
		trusts:  trusts{coming: map[string]bool{}},
		options: o,
		known: map[string]map[string]string{
			"AWS::AccountId": {"Ref": s.account},
			"AWS::Region":    {"Ref": s.Region},
			"AWS::Partition": {"Ref": s.partition},
			"AWS::URLSuffix": {"Ref": urlSuffix(s.partition)},
		},
		policies: managedPolicies{coming: map[string]bool{}, denying: map[string]bool{}},
		cached:   map[*kind][]*state{},
		mask:     mask{noEcho: file.secrets},
	}
	for name, value := range o.Known {
		a.known[name] = map[string]string{"Ref": value}
	}

	plan, err := a.planAll(ctx, file.Resources)
	if err != nil {
		return nil, a.mask.fault(err)
	}
	var kept []string
	if o.Prune {
		if kept, err = a.keptUserPools(ctx, file.Resources); err != nil {
			return nil, a.mask.fault(err)
		}
	}

	todo := a.print(plan)
	for _, note := range kept {
		a.say("note: %s", note)
	}
	if o.DryRun {
		return a.result(file, plan)
	}

	done := 0
	for _, ch := range plan {
		verb, err := a.carryOut(ctx, ch)
		if err != nil {
			return nil, a.mask.fault(
				fmt.Errorf("%s: %w; %d of %d changes were made", ch.resource.Name, err, done, todo))
		}
		if verb != "" {
			done++
			a.say("%s %s", verb, ch.resource.Name)
		}
	}

	return a.result(file, plan)
}

func (a *applier) planAll(ctx context.Context, resources []Resource) (plan []*change, err error) {
	resources, err = a.nameAll(ctx, resources)
	if err != nil {
		return nil, err
	}
	a.predictIDs(resources)

	names := map[serverKey]string{} // of the file's resources
	for _, r := range resources {
		ch, err := a.plan(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("%s (line %d): %w", r.Name, r.Line, err)
		}
		key := serverKeyOf(r, ch.want)
		if other, twice := names[key]; twice {
			return nil, fmt.Errorf("%s (line %d): is the same as %s", r.Name, r.Line, other)
		}
		names[key] = r.Name
		if err := a.options.Seeds.claim(a.owner(r), ch); err != nil {
			return nil, fmt.Errorf("%s (line %d): %w", r.Name, r.Line, err)
		}
		plan = append(plan, ch)
	}

	if a.options.Prune {
		gone, err := a.pruned(ctx, resources)
		if err != nil {
			return nil, err
		}
		plan = append(plan, gone...)
	}

	return plan, nil
}

// owner is FILE/RESOURCE: the value of the tag marker on what apply makes for a resource.
func (a *applier) owner(r Resource) string { return ownerOf(a.options.Name, r) }

func ownerOf(file string, r Resource) string { return file + "/" + r.Name }

// withMarkers returns the user's tags and, of a new resource, the command's own.
func (a *applier) withMarkers(ch *change, user tags) tags {
	all := tags{}
	maps.Copy(all, user)
	if ch.have == nil {
		all[marker] = a.owner(ch.resource)
	} else {
		maps.Copy(all, ch.have.markers)
	}

	return all
}

// knownAfterApply stands in a plan for what a resource that is not there yet will
// be called.
const knownAfterApply = "(known after apply: "

// maxText is how long a text with references may become, in bytes.
const maxText = 1 << 20

// resolve puts what is known in the place of references.
func (a *applier) resolve(v any) (any, error) {
	var fault error
	resolved := mapLeaves(v, func(leaf any) any {
		ref, ok := leaf.(*Reference)
		if !ok {
			return leaf
		}
		text, err := a.text(ref.Parts)
		if err != nil && fault == nil {
			fault = fmt.Errorf("line %d: %w", ref.Line, err)
		}

		return text
	})

	return resolved, fault
}

// text returns parts as one text.
func (a *applier) text(parts []Part) (string, error) {
	var text strings.Builder
	for _, p := range parts {
		text.WriteString(p.Text)
		if value, known := a.known[p.Resource][p.Attribute]; known {
			text.WriteString(value)
		} else if p.Resource != "" {
			text.WriteString(knownAfterApply + p.Resource + ")")
		}

		if p.Piece != nil {
			piece, err := a.piece(p.Piece)
			if err != nil {
				return "", err
			}
			text.WriteString(piece)
		}
		if text.Len() > maxText {
			return "", fmt.Errorf("a text has more than %d bytes", maxText)
		}
	}

	return text.String(), nil
}

// piece returns one element of a text that is split.
func (a *applier) piece(p *template.Piece) (string, error) {
	text, err := a.text(p.Of)
	if err != nil {
		return "", err
	}
	if unknown := notKnownYet.FindString(text); unknown != "" {
		return unknown, nil
	}

	list := strings.Split(text, p.Delimiter)
	if p.Index >= len(list) {
		return "", fmt.Errorf("Fn::Select: %q has %d parts between %q, and none with the index %d",
			text, len(list), p.Delimiter, p.Index)
	}

	return list[p.Index], nil
}

// want returns the resource that the file asks for, with defaults and without
// references.
func (a *applier) want(r Resource) (properties, error) {
	k := types[r.Type]
	want := k.new()
	resolved, err := a.resolve(r.Properties)
	if err != nil {
		return nil, err
	}
	if err := emptyTexts(r.Properties, resolved); err != nil {
		return nil, err
	}
	if err := fill(want, normal(k.schema, resolved)); err != nil {
		return nil, err
	}

	return want, want.complete(r)
}

// emptyTexts refuses references that stand for no text: the property would be left out.
func emptyTexts(given map[string]any, resolved any) (fault error) {
	texts := map[string]any{}
	eachLeaf("", resolved, func(path string, leaf any) { texts[path] = leaf })
	eachLeaf("", given, func(path string, leaf any) {
		if ref, ok := leaf.(*Reference); ok && texts[path] == "" && fault == nil {
			fault = fmt.Errorf("line %d: %s is empty: leave it out if there is none",
				ref.Line, strings.TrimPrefix(path, "."))
		}
	})

	return fault
}

// all returns every resource of a kind.
func (a *applier) all(ctx context.Context, k *kind) ([]*state, error) {
	if all, ok := a.cached[k]; ok {
		return all, nil
	}

	var all []*state
	take := func(st *state) error {
		all = append(all, st)
		return nil
	}
	if err := k.each(ctx, a.server, func(listing) bool { return true }, take); err != nil {
		return nil, err
	}
	a.cached[k] = all

	return all, nil
}

// plan compares one resource with the server, and keeps its attributes for the references of later
// resources: call it in the order of dependencies.
func (a *applier) plan(ctx context.Context, r Resource) (*change, error) {
	want, err := a.want(r)
	if err != nil {
		return nil, err
	}
	outOfBounds := want.bounded()
	have, err := want.find(ctx, a, r)
	if err != nil && outOfBounds != nil { // the server says the same, in other words
		err = outOfBounds
	}
	if err != nil {
		return nil, err
	}
	ch := &change{resource: r, want: want, have: have}

	if have == nil {
		a.known[r.Name] = want.attributes(a.server, want.id(a.server, r))
	} else {
		if owner := have.markers[marker]; owner != "" && owner != a.owner(r) && !a.takesOver() {
			return nil, fmt.Errorf("an earlier apply made it as %s: one resource belongs to one file; "+
				"when this is that file, give --name and keep the resource's name", owner)
		}
		a.known[r.Name] = have.properties.attributes(a.server, have.id)
		if a.options.Keep {
			return ch, nil
		}
		if ch.fields, err = a.changes(want, have.properties); err != nil {
			return nil, err
		}
	}

	// What the server would refuse is refused before anything is changed.
	if ch.action() != ActionNone {
		if outOfBounds != nil {
			return nil, outOfBounds
		}

		for what, fault := range documentFaults(want, have) {
			return nil, fmt.Errorf("%s: %w", what, fault)
		}
	}

	return ch, want.planned(ctx, a, ch)
}

// changes lists what apply would change, and refuses what cannot be changed.
func (a *applier) changes(want, have properties) ([]difference, error) {
	known := kindOf(want).schema.fields
	fields := slices.DeleteFunc(differences("", tree(have), tree(want)), func(f difference) bool {
		return known[f.Path].byServer && f.To == nil
	})

	for _, f := range fields {
		top, _, _ := strings.Cut(f.Path, ".")
		if field := known[top]; field.fixed && (f.From != nil || !field.late) {
			path, from, to := a.mask.difference(f)
			return nil, fmt.Errorf("%s is %s and cannot be changed to %s: delete the resource or rename it in the file",
				path, from, to)
		}
	}

	return fields, nil
}

// documentFaults checks the documents of a resource. Permission policies that the
// server has already stay as they are.
func documentFaults(want properties, have *state) iter.Seq2[string, error] {
	stored := map[string]string{}
	if have != nil {
		for _, d := range have.properties.documents() {
			stored[d.name] = d.text
		}
	}

	return func(yield func(string, error) bool) {
		for _, d := range want.documents() {
			if !d.always && stored[d.name] == d.text {
				continue
			}
			if err := d.check(d.text); err != nil && !yield(d.name, err) {
				return
			}
		}
	}
}

func (a *applier) carryOut(ctx context.Context, ch *change) (verb string, err error) {
	switch ch.action() {
	case ActionNone:
		return "", nil
	case ActionDelete:
		return "deleted", ch.have.properties.remove(ctx, a.server, ch.have.id)
	case ActionCreate:
		verb = "created"
	default:
		verb = "updated"
	}

	if ch.want, err = a.want(ch.resource); err != nil { // now with the IDs of what was made
		return "", err
	}

	return verb, ch.want.put(ctx, a, ch)
}
