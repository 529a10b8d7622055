package stsapi

import (
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Every reason is complete, its code fits its check, and every check is planned.
func TestCatalogue(t *testing.T) {
	planned := slices.Concat(tokenPlan, accessTokenPlan, idTokenPlan, cognitoTokenPlan, provenTokenPlan,
		samlPlan, assumeRolePlan, sessionTokenPlan, webTokenPlan, keyInfoPlan)
	seen := map[explain.Code]bool{}
	for _, r := range Refusals {
		base := explain.CodeOf(r.Check)
		if seen[r.Code] || r.Code != base && !strings.HasPrefix(string(r.Code), string(base)+"-") {
			t.Errorf("%s: the code is used twice, or does not fit %q", r.Code, r.Check)
		}
		if r.Expected == "" || r.Got == "" || r.Fix == "" {
			t.Errorf("%s is not complete", r.Code)
		}
		if !slices.Contains(planned, base) {
			t.Errorf("%s is not planned", r.Code)
		}
		seen[r.Code] = true
	}
}
