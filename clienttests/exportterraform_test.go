//go:build terraform || extended

package clienttests

import (
	"strings"
	"testing"
)

// The provider of Terraform makes an equal pool, and then has nothing left to do.
func TestExportedTerraform(t *testing.T) {
	from := startDev(t)
	id := hostilePool(t, from)
	to := startDev(t)
	w := newWorkspace(t, to)
	text := from.poolhouse(t, "pool", "export", id, "--format", "terraform")
	w.write(t, "main.tf", `terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
provider "aws" { region = "us-east-1" }
output "id" { value = aws_cognito_identity_pool.Poolmypool.id }
`+text)
	w.must(t, "init", "-input=false")
	w.apply(t, "after apply")

	made := strings.TrimSpace(w.must(t, "output", "-raw", "id"))
	if got, want := described(t, to, made), described(t, from, id); got != want {
		t.Errorf("made:\n%s\nwant:\n%s\nfrom\n%s", got, want, text)
	}
	w.must(t, "destroy", "-auto-approve", "-input=false")
}
