package template_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/template"
)

const further = head + `Extra:
  one: !Ref Text
  none: !If [No, a, !Ref AWS::NoValue]
  open: !Sub "${Outer::Name}!"
  list: [a, !Ref Number]
  nothing:
`

// TestSections checks that the caller reads its sections with lines, and that they are evaluated
// after the conditions.
func TestSections(t *testing.T) {
	o := options()
	o.Sections, o.Open = []string{"Extra", "Missing"}, []string{"Outer::Name"}
	read, err := template.Read([]byte(further), o)
	if err != nil {
		t.Fatal(err)
	}
	section, ok := read.Section("Extra")
	if _, missing := read.Section("Missing"); !ok || missing {
		t.Error("the sections are wrong")
	}

	start := strings.Count(head, "\n") + 2
	want := []any{"hello", nil, ref(start+2, template.Part{Resource: "Outer::Name", Attribute: "Ref"},
		template.Part{Text: "!"}), nil, nil}
	members := read.Members(section, "Extra")
	if len(members) != len(want) {
		t.Fatalf("the members are %v", members)
	}
	for i, m := range members {
		v, there := read.Value(m)
		if m.Line != start+i || there == (m.Key == "none") {
			t.Errorf("%s is in line %d, there %v", m.Key, m.Line, there)
		}
		if diff := cmp.Diff(want[i], v); m.Key != "list" && diff != "" {
			t.Errorf("%s: %s", m.Key, diff)
		}
	}

	elements := read.Elements(members[3], "list")
	if len(elements) != 2 {
		t.Fatalf("the elements are %v", elements)
	}
	if text, ok := read.Text(elements[1], "list"); text != "42" || !ok {
		t.Errorf("the text is %q, %v", text, ok)
	}
	if read.Members(members[4], "") != nil || read.Elements(members[4], "") != nil || read.Err() != nil {
		t.Errorf("null has members, or %v", read.Err())
	}

	read.Text(members[2], "open")
	read.Members(members[0], "one")
	read.Elements(members[0], "one")
	for _, want := range []string{"open needs a value that is known", "one must be a mapping", "one must be a list"} {
		if err := read.Err(); !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

// TestOtherSections checks the refusals of sections that the caller does not read.
func TestOtherSections(t *testing.T) {
	for want, o := range map[string]template.Options{
		`unknown section "Extra": there are`:            {},
		`unknown section "Extra": did you mean Extras?`: {Sections: []string{"Extras"}},
		"the section Extra is for others only":          {Elsewhere: map[string]string{"Extra": "others"}},
	} {
		read, err := template.Read([]byte("Extra: {}\n"), o)
		if err != nil || read.Err() == nil || !strings.Contains(read.Err().Error(), want) {
			t.Errorf("%v, %v lacks %q", err, read.Err(), want)
		}
	}
}
