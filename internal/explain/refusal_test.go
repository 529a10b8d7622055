package explain

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var reasons Catalogue

var tooLong = reasons.Add(Reason{
	Code:     "token-form-size",
	Check:    "token form",
	Expected: "at most {limit} bytes",
	Got:      "{size} bytes",
	Fix:      "raise {setting} above {size}",
	Message:  "too long: {size}",
})

func TestRefusal(t *testing.T) {
	if got, want := tooLong.Placeholders(), []string{"limit", "size", "setting"}; !slices.Equal(got, want) {
		t.Errorf("placeholders %q, want %q", got, want)
	}

	r := tooLong.With("limit", "10", "size", "{setting}", "setting", "limits.x").Of("p").At(
		Link{Kind: LinkSetting, ID: "limits.x"},
	)
	want := Step{
		Code:     "token-form-size",
		Check:    "token form",
		Subject:  "p",
		Expected: "at most 10 bytes",
		Got:      "{setting} bytes", // a value is text, whatever it holds
		Fix:      "raise limits.x above {setting}",
		Link:     &Link{Kind: LinkSetting, ID: "limits.x"},
	}
	if got := r.Step(); !cmp.Equal(got, want) || r.Message != "too long: {setting}" {
		t.Errorf("the step is %+v and the message %q", got, r.Message)
	}

	if got, want := r.Error(), "token form of p: expected at most 10 bytes, got {setting} bytes"; got != want {
		t.Errorf("the error is %q, want %q", got, want)
	}

	trace := &Trace{}
	for range 2 {
		if trace.For("provider").Refuse(r) != r || trace.Refuse(r) != r || trace.Refuse(nil) != nil {
			t.Fatal("Refuse returns another refusal")
		}
	}
	want.Provider = "provider"
	if diff := cmp.Diff(trace.Steps(), []Step{want}); diff != "" {
		t.Errorf("a refusal is recorded once: %s", diff)
	}

	if (*Trace)(nil).Refuse(r) != r {
		t.Error("the nil trace returns another refusal")
	}
}

// What was not reached follows the last check that left a step, whatever left none.
func TestPlanned(t *testing.T) {
	plan := []Code{"identity-pool", "token-form", "token-audience", "role"}
	for _, test := range []struct {
		name string
		run  func(*Trace)
		want []Code
	}{
		{name: "nothing reached", run: func(*Trace) {}, want: plan},
		{name: "the first passed", run: func(t *Trace) { t.Pass("identity pool", "") }, want: plan[1:]},
		{name: "one left no step", run: func(t *Trace) { t.For("p").Refuse(tooLong.With()) }, want: plan[2:]},
		{name: "an earlier one again", run: func(t *Trace) { t.Pass("token form", ""); t.Pass("identity pool", "") },
			want: plan[2:]},
		{name: "one that was not planned", run: func(t *Trace) { t.Pass("weather", "") }, want: plan},
		{name: "the last", run: func(t *Trace) { t.PassOf("role", "r", "") }, want: []Code{}},
	} {
		trace := &Trace{}
		trace.Plan(plan[:2])
		trace.For("p").Plan(plan[2:])
		test.run(trace)
		if got := trace.Planned(); !slices.Equal(got, test.want) || !slices.Equal(trace.For("p").Planned(), got) {
			t.Errorf("%s: not reached %q, want %q", test.name, got, test.want)
		}
	}

	trace := &Trace{}
	for n := range 2 * maxPlans {
		trace.Plan([]Code{plan[0], Code(strconv.Itoa(n))})
	}
	if n := len(trace.Planned()); n != 2*maxPlans {
		t.Errorf("%d checks are planned", n)
	}

	trace = &Trace{}
	trace.Plan(plan)
	trace.Plan(plan[1:2]) // a part that plans for itself
	if got := trace.Planned(); !slices.Equal(got, plan) {
		t.Errorf("with a part of the plan: %q are planned", got)
	}
	(*Trace)(nil).Plan(plan)

	if (*Trace)(nil).Planned() != nil {
		t.Error("the nil trace plans")
	}
}

func TestCodes(t *testing.T) {
	trace := &Trace{}
	trace.Pass("SAML roles", "")
	if got := trace.Steps()[0].Code; got != "saml-roles" {
		t.Errorf("the code of a check that passed is %q", got)
	}
}

// A link proposes a value as it is, or none: never one that was shortened or escaped for people.
func TestLinksProposeExactValues(t *testing.T) {
	from := Link{Kind: LinkOIDCProvider, ID: "arn", Field: "ClientIDList", Add: "before", Source: SourceAPI}
	long := strings.Repeat("a", 255)
	for _, value := range []string{"app", "an app", "Zürich", long, ""} {
		want := from
		want.Add = value
		if got := from.Adding(value); got != want {
			t.Errorf("%q: %+v", value, got)
		}
	}

	for _, value := range []string{"a\u200bb", "a\nb", "a\u202eb", "a\xff", long + "a"} {
		if got := from.Adding(value); got.Add != "" || got.ID != from.ID {
			t.Errorf("%q: %+v", value, got)
		}
	}
}
