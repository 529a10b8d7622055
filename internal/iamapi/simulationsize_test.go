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
