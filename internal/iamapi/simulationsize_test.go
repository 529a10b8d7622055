package iamapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// slowPolicy has patterns whose question marks are tried at every place of a value.
var slowPolicy = fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",`+
	`"Condition":{"StringLike":{"s3:prefix":"*%sb*"}}}}`, strings.Repeat("?a", 10_000))

// The work is bounded, and what people ask fits into it: a large policy with some values.
func TestSimulationHasRoom(t *testing.T) {
	s := wiretest.Start(t)
	out := wiretest.Must(s.IAM().SimulateCustomPolicy(t.Context(), &iamclient.SimulateCustomPolicyInput{
		PolicyInputList: []string{slowPolicy},
		ActionNames:     []string{"s3:GetObject"},
		ResourceArns:    []string{"arn:aws:s3:::b/1", "arn:aws:s3:::b/2"},
		ContextEntries:  []types.ContextEntry{entry("s3:prefix", "stringList", slices.Repeat([]string{"aa"}, 100)...)},
	}))(t)
	wiretest.Equal(t, "results", len(out.EvaluationResults), 1)
}

// The answer is bounded. An action that does not fit into a page of its own is refused; one that only does not fit
// beside the others is on the next page. Fewer resources are the negative control.
func TestSimulationOutputIsBounded(t *testing.T) {
	s := wiretest.Start(t)
	statement := `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`
	simulate := func(resources int, actions ...string) (*iamclient.SimulateCustomPolicyOutput, error) {
		in := &iamclient.SimulateCustomPolicyInput{
			// Each result names all of its statements.
			PolicyInputList: []string{`{"Version":"2012-10-17","Statement":[` + statement +
				strings.Repeat(","+statement, 99) + `]}`},
			ActionNames: actions,
		}
		for i := range resources {
			in.ResourceArns = append(in.ResourceArns, fmt.Sprintf("arn:aws:s3:::b/%d", i))
		}

		var all *iamclient.SimulateCustomPolicyOutput
		for {
			out, err := s.IAM().SimulateCustomPolicy(t.Context(), in)
			if err != nil {
				return nil, err
			}
			if all == nil {
				all = out
			} else {
				all.EvaluationResults = append(all.EvaluationResults, out.EvaluationResults...)
			}
			if !out.IsTruncated {
				return all, nil
			}
			in.Marker = out.Marker
		}
	}

	_, err := simulate(140, "s3:GetObject")
	wiretest.WantError(t, err, "InvalidInput", "The simulation is too large: use fewer resources or smaller policies.")

	one := wiretest.Must(simulate(100, "s3:GetObject"))(t)
	wiretest.Equal(t, "truncated", one.IsTruncated, false)
	wiretest.Equal(t, "matched", len(one.EvaluationResults[0].ResourceSpecificResults[99].MatchedStatements), 100)

	two := wiretest.Must(simulate(100, "s3:GetObject", "s3:PutObject"))(t)
	wiretest.Equal(t, "first page is truncated", two.IsTruncated, true)
	wiretest.Equal(t, "results of all pages", len(two.EvaluationResults), 2)
}
