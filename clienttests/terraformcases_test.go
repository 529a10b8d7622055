//go:build terraform || extended

package clienttests

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newCase is a workspace with files of testdata/terraform, SAML metadata for both stages, and a
// server that has a policy of AWS.
func newCase(t *testing.T, files ...string) (*server, *workspace) {
	t.Helper()
	const folder = "testdata/terraform"
	s := startDev(t, "--managed-policies-file", filepath.Join(folder, "aws-policies.json"))
	w := newWorkspace(t, s)
	for _, name := range append(files, "provider.tf") {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		w.write(t, name, string(text))
	}

	for _, stage := range []string{"one", "two"} {
		w.write(t, stage+".xml", samlMetadata(t, "https://"+stage+".example.com"))
	}
	w.must(t, "init", "-input=false")

	return s, w
}

// apply applies the configuration. A second plan must be empty.
func (w *workspace) apply(t *testing.T, when string) {
	t.Helper()
	w.must(t, "apply", "-auto-approve", "-input=false")
	w.unchanged(t, when)
}

// output decodes an output of the configuration.
func (w *workspace) output(t *testing.T, name string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(w.must(t, "output", "-json", name)), into); err != nil {
		t.Fatal(err)
	}
}

// importAgain forgets all resources that the output imports names, and imports them.
func (w *workspace) importAgain(t *testing.T) {
	t.Helper()
	var ids map[string]string
	w.output(t, "imports", &ids)

	forget := []string{"state", "rm"}
	var blocks strings.Builder
	for resource, id := range ids {
		forget = append(forget, resource)
		fmt.Fprintf(&blocks, "import {\n  to = %s\n  id = %q\n}\n", resource, id)
	}

	w.must(t, forget...)
	w.write(t, "imports.tf", blocks.String())
	plan := w.must(t, "plan", "-input=false")
	if want := fmt.Sprintf("Plan: %d to import, 0 to add, 0 to change, 0 to destroy.", len(ids)); !strings.Contains(
		plan, want) {
		t.Errorf("the plan of the import, want %q:\n%s", want, tail(plan))
	}
	w.apply(t, "after the import")
}

// empty fails the test unless lists of the server are empty, by the query of the AWS CLI.
func (s *server) empty(t *testing.T, lists map[string][]string) {
	t.Helper()
	for query, operation := range lists {
		if out := s.aws(t, append(operation, "--query", query)...); strings.TrimSpace(out) != "[]" {
			t.Errorf("%s after destroy: %s", query, out)
		}
	}
}

// The data sources that modules read first.
func TestTerraformReads(t *testing.T) {
	const base = "arn:aws:iam::000000000000:"
	_, w := newCase(t, "reads.tf")
	w.apply(t, "after apply")

	var seen map[string]any
	w.output(t, "seen", &seen)
	for name, want := range map[string]any{
		"account":  "000000000000",
		"caller":   base + "root",
		"region":   "us-east-1",
		"suffix":   "amazonaws.com",
		"role":     base + "role/reads/reader",
		"roles":    base + "role/reads/reader",
		"by_arn":   "whole reads",
		"by_name":  base + "policy/reads/whole",
		"document": "Rest",
		"aws":      "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess s3:Get*",
		"session":  base + "role/reads/reader me",
		"users":    0.0,
		"profiles": 0.0,
		"pool":     true,
		"classic":  false,
		"may":      "true role_reader_files",
		"may_not":  "false s3:GetObject implicitDeny s3:PutObject implicitDeny aws:SecureTransport",
	} {
		if seen[name] != want {
			t.Errorf("%s: %v, want %v", name, seen[name], want)
		}
	}
	w.must(t, "destroy", "-auto-approve", "-input=false")
}
