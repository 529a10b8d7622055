package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The generator writes api_gen.go again as it is, byte for byte.
func TestGeneratedUpToDate(t *testing.T) {
	for _, target := range targets {
		want, err := target.generated()
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("../..", target.folder, "api_gen.go"))
		if err != nil {
			t.Fatal(err)
		}

		if !bytes.Equal(got, want) {
			t.Errorf("%s/api_gen.go is out of date: run go generate ./internal/...\n%s",
				target.folder, cmp.Diff(string(got), string(want)))
		}
	}
}

func realModel(t *testing.T) *model {
	t.Helper()
	m, err := parse(identityPools, targets[0].secret)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The facts that the product rests on, as the API reference states them.
func TestModelFacts(t *testing.T) {
	m := realModel(t)
	if n := len(m.Operations.names); n != 23 {
		t.Errorf("%d operations, want 23", n)
	}

	var unsigned, noOutput []string
	for _, name := range m.Operations.names {
		op := m.Operations.values[name]
		if op.AuthType == "none" {
			unsigned = append(unsigned, name)
		}
		if op.Output == nil {
			noOutput = append(noOutput, name)
		}

		for _, e := range op.Errors {
			if !m.Shapes.values[e.Shape].Exception {
				t.Errorf("%s declares the error %s, which is no exception", name, e.Shape)
			}
		}
		if !slices.Contains(op.Errors, ref{"InternalErrorException"}) {
			t.Errorf("%s does not declare InternalErrorException", name)
		}
	}

	if diff := cmp.Diff(unsigned,
		[]string{"GetCredentialsForIdentity", "GetId", "GetOpenIdToken", "UnlinkIdentity"}); diff != "" {
		t.Errorf("unsigned operations: got -, want +\n%s", diff)
	}
	if diff := cmp.Diff(noOutput, []string{"DeleteIdentityPool", "SetIdentityPoolRoles", "UnlinkDeveloperIdentity",
		"UnlinkIdentity"}); diff != "" {
		t.Errorf("operations without output: got -, want +\n%s", diff)
	}
	if slices.Contains(m.Operations.values["DeleteIdentities"].Errors, ref{"ResourceNotFoundException"}) {
		t.Error("DeleteIdentities declares ResourceNotFoundException")
	}
}

// No structure that carries a secret lacks the methods that hide it.
func TestSecretStructures(t *testing.T) {
	m := realModel(t)
	var got []string
	for _, name := range m.Shapes.names {
		if m.Shapes.values[name].Type == "structure" && m.hides(name) {
			got = append(got, name)
		}
	}

	want := []string{
		"Credentials", "GetCredentialsForIdentityInput", "GetCredentialsForIdentityResponse", "GetIdInput",
		"GetOpenIdTokenForDeveloperIdentityInput", "GetOpenIdTokenForDeveloperIdentityResponse", "GetOpenIdTokenInput",
		"GetOpenIdTokenResponse", "UnlinkIdentityInput",
	}

	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

// What the generator cannot express is an error, never a silent omission.
func TestEmitRefuses(t *testing.T) {
	const secrets = `"IdentityProviderToken":{"type":"string"},"OIDCToken":{"type":"string"},` +
		`"SecretKeyString":{"type":"string"},"SessionTokenString":{"type":"string"}`
	for _, tt := range []struct{ shapes, want string }{
		{`{}`, "no string shape"},
		{`{` + secrets + `,"A":{"type":"string","pattern":"(?!x)"}}`, "shape A"},
		{`{` + secrets + `,"A":{"type":"blob"},"B":{"type":"structure","members":{"M":{"shape":"A"}}}}`,
			"unknown type blob"},
	} {
		m, err := parse([]byte(`{"shapes":`+tt.shapes+`}`), targets[0].secret)
		if err == nil {
			_, err = emit(m, "made")
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.shapes, err, tt.want)
		}
	}
}
