package template

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Bounds of one template. CloudFormation's own are smaller or the same ("CloudFormation quotas").
const (
	maxSection = 500      // parameters, mappings, conditions, rules or outputs
	maxFaults  = 100      // that are told
	maxValues  = 64 << 20 // bytes that functions may make of the text
	maxValue   = 4096     // bytes of a parameter's value
	partCost   = 64       // bytes that a part of a reference counts as
	itemCost   = 32       // bytes that an element of a list counts as
	maxSecrets = 5000     // texts that are hidden
)

// Options say what is known outside the template.
type Options struct {
	// Name is the stack's, AWS::StackName; "" = the one that CDK tells.
	Name string
	// DefaultName is the stack's if neither Name nor CDK tells one.
	DefaultName string
	// Pseudo has the values of pseudo parameters that are known. They are used where a value has
	// to be known; elsewhere, those of OpenNames stay references.
	Pseudo map[string]string
	// Account tells AWS::AccountId where its value has to be known; nil = it is not known.
	Account func() (string, error)
	// Parameters are the values that are given.
	Parameters map[string]string
	// NoParameters tells, after a parameter's name, why it needs a Default: nobody can give a value.
	// "" = the flag --parameter can.
	NoParameters string
	// Open are further names that may stay references.
	Open []string
	// Sections are further sections, which the caller reads with Section.
	Sections []string
	// NullResources takes Resources with the value null for none.
	NullResources bool
	// Elsewhere are sections that other files may have, with a text that tells which.
	Elsewhere map[string]string
	// SkipSAM takes a template with the transform of the Serverless Application Model as it is.
	SkipSAM bool
}

// OpenNames are the pseudo parameters that may stay references.
var OpenNames = []string{"AWS::AccountId", "AWS::Region", "AWS::Partition", "AWS::URLSuffix"}

// Template is a template whose parameters, mappings and conditions are evaluated.
type Template struct {
	// Resources are all of the template, in its order.
	Resources []*Resource
	// Notes tell what was taken for granted.
	Notes []string
	// Secrets are the values of parameters with NoEcho, and what functions make of them.
	Secrets []string

	options  Options
	name     string // of the stack
	faults   []fault
	untold   int // faults after maxFaults
	spent    int // of maxValues
	account  string
	further  map[string]Field
	toNote   map[string]bool // parameters of Systems Manager whose use is still to be noted
	outputs  []entry
	byName   map[string]*Resource
	mappings map[string]*node

	parameters map[string]any
	conditions map[string]*condition
}

// Fault adds a fault with its line.
func (t *Template) Fault(line int, format string, args ...any) {
	if len(t.faults) == maxFaults {
		t.untold++
		return
	}
	t.faults = append(t.faults, fault{line: line, text: fmt.Sprintf(format, args...)})
}

// faultCount returns how many faults there are.
func (t *Template) faultCount() int { return len(t.faults) + t.untold }

type fault struct {
	line int
	text string
}

// Err returns all faults as one error, in the order of their lines, or nil.
func (t *Template) Err() error {
	slices.SortStableFunc(t.faults, func(a, b fault) int { return a.line - b.line })

	var all []error
	for _, one := range t.faults {
		all = append(all, fmt.Errorf("line %d: %s", one.line, t.withoutSecrets(one.text)))
	}
	if t.untold > 0 {
		all = append(all, fmt.Errorf("and %d more faults", t.untold))
	}

	return errors.Join(all...)
}

// LeastSecret is how many bytes the value of a parameter with NoEcho has at least to be hidden:
// shorter ones are found in any text.
const LeastSecret = 4

// derive notes texts that are made of another, if that has a secret.
func (t *Template) derive(from string, made ...string) {
	if !t.holdsSecret(from) {
		return
	}

	for _, one := range made {
		if len(one) >= LeastSecret && len(t.Secrets) < maxSecrets && !slices.Contains(t.Secrets, one) {
			t.Secrets = append(t.Secrets, one)
		}
	}
}

func (t *Template) holdsSecret(text string) bool {
	return slices.ContainsFunc(t.Secrets, func(secret string) bool {
		return len(secret) >= LeastSecret && strings.Contains(text, secret)
	})
}

// withoutSecrets hides the values of parameters with NoEcho.
func (t *Template) withoutSecrets(text string) string { return Hide(text, t.Secrets) }

// Hide returns a text without secrets, also where they are in quotes with escapes. It leaves those
// that are shorter than LeastSecret.
func Hide(text string, secrets []string) string {
	// One may be a part of another.
	longest := slices.SortedFunc(slices.Values(secrets), func(a, b string) int { return len(b) - len(a) })
	for _, secret := range longest {
		if len(secret) < LeastSecret {
			continue
		}
		text = strings.ReplaceAll(text, secret, "****")
		if quoted := strconv.Quote(secret); len(quoted) != len(secret)+2 {
			text = strings.ReplaceAll(text, quoted[1:len(quoted)-1], "****")
		}
	}

	return text
}

func (t *Template) note(format string, args ...any) {
	t.Notes = append(t.Notes, fmt.Sprintf(format, args...))
}

// Unknown refuses a name, with the one that was meant or with all.
func (t *Template) Unknown(line int, what, name string, known []string) {
	if near := explain.Nearest(name, known); near != "" {
		t.Fault(line, "unknown %s %q: did you mean %s?", what, name, near)
		return
	}

	all := strings.Join(slices.Sorted(slices.Values(known)), ", ")
	t.Fault(line, "unknown %s %q: there are %s", what, name, all)
}

// sections of a template, in the order in which they are evaluated.
var sections = []string{
	"Transform", "Parameters", "Mappings", "Conditions", "Rules", "Resources", "Outputs",
	"AWSTemplateFormatVersion", "Description", "Metadata",
}

// Read reads a text and evaluates its constants. The error is for a text that cannot be read at
// all; the template's Err has the faults of what could be read.
func Read(text []byte, o Options) (*Template, error) {
	t := &Template{
		options:    o,
		parameters: map[string]any{},
		mappings:   map[string]*node{},
		conditions: map[string]*condition{},
		byName:     map[string]*Resource{},
		toNote:     map[string]bool{},
		further:    map[string]Field{},
	}
	root, err := t.parse(text)
	if err != nil {
		return nil, err
	}

	found := t.sections(root)
	t.name = cmp.Or(o.Name, stackName(found["Resources"]), o.DefaultName)
	t.readTransform(found["Transform"])
	t.readParameters(found["Parameters"])

	for _, e := range t.section(found["Mappings"], "Mappings") {
		t.mappings[e.key] = e.value
	}

	for _, e := range t.section(found["Conditions"], "Conditions") {
		t.conditions[e.key] = &condition{line: e.line, node: e.value}
	}

	for _, e := range t.section(found["Conditions"], "Conditions") {
		t.isMet(e.line, e.key)
	}

	t.checkRules(t.section(found["Rules"], "Rules"))
	if n := found["Resources"]; n != nil && !(n.kind == kindNull && o.NullResources) {
		t.readResources(t.entries(n, "Resources"))
	}
	t.outputs = t.section(found["Outputs"], "Outputs")

	return t, nil
}

// sections returns the sections of the text by name, without the caller's further ones.
func (t *Template) sections(root *node) map[string]*node {
	found := map[string]*node{}
	for _, e := range t.entries(root, "the file") {
		where, elsewhere := t.options.Elsewhere[e.key]
		switch {
		case slices.Contains(sections, e.key), e.key == "Globals" && t.options.SkipSAM:
			found[e.key] = e.value
		case slices.Contains(t.options.Sections, e.key):
			t.further[e.key] = Field{Key: e.key, Line: e.line, node: e.value}
		case elsewhere:
			t.Fault(e.line, "the section %s is for %s only", e.key, where)
		default:
			t.Unknown(e.line, "section", e.key, slices.Concat(sections, t.options.Sections))
		}
	}

	return found
}

// section returns the entries of a section, of which there may be none.
func (t *Template) section(n *node, what string) []entry {
	if n == nil || n.kind == kindNull {
		return nil
	}
	all := t.entries(n, what)
	if len(all) > maxSection {
		t.Fault(n.line, "%s has %d entries; the limit is %d", what, len(all), maxSection)
		return nil
	}

	return all
}

// entries returns the entries of a mapping, in the order of the file.
func (t *Template) entries(n *node, what string) []entry {
	if n.kind != kindMapping {
		t.Fault(n.line, "%s must be a mapping", what)
	}
	return n.entries
}

// samTransform is expanded by the Serverless Application Model's own tools only.
const samTransform = "AWS::Serverless-2016-10-31"

func (t *Template) readTransform(n *node) {
	if n == nil || n.kind == kindNull {
		return
	}

	names := []*node{n}
	if n.kind == kindList {
		names = n.list
	}

	for _, one := range names {
		name, ok := one.scalar()
		switch {
		case !ok:
			t.Fault(one.line, "Transform must be a name or a list of names")
		case name == samTransform && t.options.SkipSAM:
			t.note("Transform %s is not carried out: what it would make is not there", name)
		default:
			t.Fault(one.line, "Transform %s runs at AWS only: give the template that it makes", name)
		}
	}
}

// spend counts what functions make, and reports whether there may be more.
func (t *Template) spend(line, bytes int) bool {
	before := t.spent
	t.spent += bytes
	if t.spent > maxValues && before <= maxValues {
		t.Fault(line, "the template's functions make more than %d bytes", maxValues)
	}

	return t.spent <= maxValues
}
