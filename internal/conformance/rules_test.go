package conformance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/conformance"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// No rule counts twice: IDs, rules, citations of the model, and pairs of request and expectation differ.
func TestNoRuleCountsTwice(t *testing.T) {
	seen := map[string]string{}
	once := func(kind, value, id string) {
		key := kind + " " + value
		if other, is := seen[key]; is {
			t.Errorf("%s and %s have the same %s: %s", other, id, kind, value)
		}
		seen[key] = id
	}

	for _, p := range probes(t) {
		once("ID", p.ID, p.ID)
		once("rule", strings.ToLower(p.Rule), p.ID)
		if p.Source == conformance.Model {
			once("citation of the model", p.Cite, p.ID)
		}
		asked := []any{p.Before, p.Call, p.Sign, p.Method, p.Path, p.Headers, p.Body, p.Request, p.Want}
		once("request and expectation", string(wiretest.Must(json.Marshal(asked))(t)), p.ID)
	}
}

// The kit has at least 250 probes, 60 of them from recorded answers, and every source is one.
func TestSourcesOfProbes(t *testing.T) {
	counts := map[conformance.Source]int{}
	address := regexp.MustCompile(`^https://[\w.-]+\.\w+/[^ ]+[^ :](: .+)?$`)
	repository := regexp.MustCompile(`^https://github\.com/[^/]+/[^/]+/?(:|$)`) // nobody finds a rule in a whole one
	for _, p := range probes(t) {
		counts[p.Source]++
		if p.Source != conformance.Model && (!address.MatchString(p.Cite) || repository.MatchString(p.Cite)) {
			t.Errorf("%s cites no page: %s", p.ID, p.Cite)
		}
		isRefusal := p.Want.Status >= http.StatusBadRequest
		if isRefusal && p.Want.Error+p.Want.Message+p.Want.Body == "" && len(p.Want.Headers) == 0 {
			t.Errorf("%s would pass with any refusal", p.ID)
		}
	}

	all := 0
	for _, source := range conformance.Sources {
		all += counts[source]
		t.Logf("%s: %d", source, counts[source])
	}
	if all < 250 || counts[conformance.Recorded] < 60 {
		t.Errorf("%d probes, %d of them recorded", all, counts[conformance.Recorded])
	}
}

// What a probe cites of the API model is there: the shape, the operation, the required member.
func TestCitationsOfTheModel(t *testing.T) {
	var model struct {
		Operations map[string]struct{ Input struct{ Shape string } }
		Shapes     map[string]struct {
			Required []string
			Max, Min *float64
			Pattern  string
			Enum     []string
		}
	}
	text := wiretest.Must(os.ReadFile("../apigen/cognito-identity.json"))(t)
	if err := json.Unmarshal(text, &model); err != nil {
		t.Fatal(err)
	}

	requires := regexp.MustCompile(`^(?:(\w+): )?(\w+) requires (\w+)$`)
	constraint := regexp.MustCompile(`^(\w+): (min|max|pattern|enum)$`)
	required := 0
	for _, p := range probes(t) {
		if found := requires.FindStringSubmatch(p.Cite); found != nil {
			required++
			if !slices.Contains(model.Shapes[found[2]].Required, found[3]) {
				t.Errorf("%s: the model has no such member: %s", p.ID, p.Cite)
			}
		}
		if found := constraint.FindStringSubmatch(p.Cite); found != nil {
			shape := model.Shapes[found[1]]
			has := map[string]bool{
				"min":     shape.Min != nil,
				"max":     shape.Max != nil,
				"pattern": shape.Pattern != "",
				"enum":    len(shape.Enum) > 0,
			}
			if !has[found[2]] {
				t.Errorf("%s: the model has no such constraint: %s", p.ID, p.Cite)
			}
			numbers := map[string]*float64{"min": shape.Min, "max": shape.Max}
			if n := numbers[found[2]]; n != nil && !strings.Contains(p.Want.Message, fmt.Sprint(" ", *n)) &&
				!strings.Contains(p.Want.Message, fmt.Sprintf(" %.0f", *n)) {
				t.Errorf("%s does not name the bound %v of the model: %s", p.ID, *n, p.Want.Message)
			}
		}
	}

	all := 0
	for _, operation := range model.Operations {
		all += len(model.Shapes[operation.Input.Shape].Required)
	}
	if required < all {
		t.Errorf("%d probes for required members, the operations have %d", required, all)
	}
}
