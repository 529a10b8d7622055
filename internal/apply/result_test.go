package apply_test

import (
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// What is known after apply is empty in a dry run.
func TestOutputsOfADryRun(t *testing.T) {
	file := readAll(t, "Resources:\n  Pool: {Type: AWS::Cognito::IdentityPool, Properties: "+
		"{AllowUnauthenticatedIdentities: true}}\nOutputs:\n"+
		"  Id: {Value: !Sub \"x-${Pool}\", Export: {Name: !Ref Pool}}\n"+
		"  Name: {Value: !GetAtt Pool.Name, Export: {Name: n}}\n")
	r := newRig(t)
	result, err := apply.Apply(t.Context(), r.client, file,
		apply.Options{Name: "f", DryRun: true, Out: &r.transcript})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "outputs", result.Outputs, map[string]apply.OutputResult{
		"Id":   {Unknown: "it is known after apply"},
		"Name": {Value: "Pool", Export: "n"},
	})
	if out := r.applied(file, "f").Outputs["Id"]; out.Unknown != "" || len(out.Value) < len(poolOne) {
		t.Errorf("after apply: %+v", out)
	}
}
