//go:build terraform || extended

package clienttests

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// workspace is a folder with a Terraform configuration.
type workspace struct {
	dir, program string
	environment  []string
}

func newWorkspace(t *testing.T, s *server) *workspace {
	t.Helper()
	w := &workspace{dir: t.TempDir(), program: client(t, "/usr/local/bin/terraform", "terraform")}
	w.environment = append(s.environment(t), "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1",
		"AWS_ENDPOINT_URL="+s.info.Endpoint, "AWS_MAX_ATTEMPTS=2")
	if plugins := os.Getenv(pluginsVariable); plugins != "" {
		w.write(t, "terraform.rc",
			fmt.Sprintf("provider_installation {\n  filesystem_mirror { path = %q }\n}\ndisable_checkpoint = true\n",
				plugins))
		w.environment = append(w.environment, "TF_CLI_CONFIG_FILE="+filepath.Join(w.dir, "terraform.rc"))
	}

	return w
}

func (w *workspace) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs Terraform and returns what it prints and its exit code.
func (w *workspace) run(t *testing.T, arguments ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), w.program, append(arguments, "-no-color")...)
	cmd.Dir, cmd.Env = w.dir, w.environment
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatalf("terraform %s: %v", strings.Join(arguments, " "), err)
	}

	return out.String(), cmd.ProcessState.ExitCode()
}

// must is run for what has to succeed.
func (w *workspace) must(t *testing.T, arguments ...string) string {
	t.Helper()
	out, code := w.run(t, arguments...)
	if code != 0 {
		t.Fatalf("terraform %s ended with %d:\n%s", strings.Join(arguments, " "), code, tail(out))
	}
	return out
}

// unchanged fails the test unless a plan has nothing to do.
func (w *workspace) unchanged(t *testing.T, when string) {
	t.Helper()
	if out, code := w.run(t, "plan", "-detailed-exitcode", "-input=false"); code != 0 {
		t.Fatalf("%s the plan is not empty (%d):\n%s", when, code, tail(out))
	}
}

const terraformMain = `
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
provider "aws" {
  region      = "us-east-1"
  max_retries = 2
  default_tags { tags = { managed = "terraform" } }
}
variable "stage" { default = "one" }
data "aws_caller_identity" "me" {}

resource "aws_iam_openid_connect_provider" "login" {
  url             = "https://login.example.com/realm"
  client_id_list  = var.stage == "one" ? ["app", "other"] : ["app", "third"]
  thumbprint_list = [
    var.stage == "one" ? "0123456789012345678901234567890123456789" : "9876543210987654321098765432109876543210",
  ]
  tags            = { stage = var.stage }
}
resource "aws_iam_saml_provider" "corp" {
  name                   = "Corp"
  saml_metadata_document = file("${path.module}/${var.stage}.xml")
}
resource "aws_cognito_identity_pool" "pool" {
  identity_pool_name               = "terraform"
  allow_unauthenticated_identities = true
  openid_connect_provider_arns     = [aws_iam_openid_connect_provider.login.arn]
  saml_provider_arns               = [aws_iam_saml_provider.corp.arn]
}
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]
    principals {
      type        = "Federated"
      identifiers = ["cognito-identity.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "cognito-identity.amazonaws.com:aud"
      values   = [aws_cognito_identity_pool.pool.id]
    }
    condition {
      test     = "ForAnyValue:StringLike"
      variable = "cognito-identity.amazonaws.com:amr"
      values   = ["authenticated"]
    }
  }
}
data "aws_iam_policy_document" "read" {
  statement {
    actions   = [var.stage == "one" ? "s3:GetObject" : "s3:PutObject"]
    resources = ["arn:aws:s3:::bucket/$${cognito-identity.amazonaws.com:sub}/*"]
  }
}
resource "aws_iam_policy" "read" {
  name   = "read"
  path   = "/app/"
  policy = data.aws_iam_policy_document.read.json
}
resource "aws_iam_policy" "limit" {
  name   = "limit"
  policy = data.aws_iam_policy_document.read.json
}
resource "aws_iam_role" "signed_in" {
  name                  = "signed-in"
  path                  = "/app/"
  description           = "stage ${var.stage}"
  assume_role_policy    = data.aws_iam_policy_document.trust.json
  max_session_duration  = var.stage == "one" ? 3600 : 7200
  permissions_boundary  = var.stage == "one" ? aws_iam_policy.limit.arn : null
  force_detach_policies = true
  tags                  = { stage = var.stage }
}
resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.signed_in.name
  policy = data.aws_iam_policy_document.read.json
}
resource "aws_iam_role_policy_attachment" "read" {
  role       = aws_iam_role.signed_in.name
  policy_arn = aws_iam_policy.read.arn
}
resource "aws_cognito_identity_pool_roles_attachment" "roles" {
  identity_pool_id = aws_cognito_identity_pool.pool.id
  roles            = { authenticated = aws_iam_role.signed_in.arn }
  role_mapping {
    identity_provider         = aws_iam_openid_connect_provider.login.arn
    ambiguous_role_resolution = "AuthenticatedRole"
    type                      = "Rules"
    mapping_rule {
      claim      = "department"
      match_type = "Equals"
      role_arn   = aws_iam_role.signed_in.arn
      value      = var.stage
    }
  }
}
resource "aws_cognito_identity_pool_provider_principal_tag" "tags" {
  identity_pool_id       = aws_cognito_identity_pool.pool.id
  identity_provider_name = aws_iam_openid_connect_provider.login.arn
  principal_tags         = { stage = var.stage }
  use_defaults           = false
}
data "aws_iam_role" "signed_in" { name = aws_iam_role.signed_in.name }
data "aws_iam_openid_connect_provider" "login" { url = "https://${aws_iam_openid_connect_provider.login.url}" }
data "aws_iam_saml_provider" "corp" { arn = aws_iam_saml_provider.corp.arn }
data "aws_iam_roles" "all" {
  path_prefix = "/app/"
  depends_on  = [aws_iam_role.signed_in]
}
output "pool" { value = aws_cognito_identity_pool.pool.id }
output "seen" {
  value = join(" ", [
    data.aws_caller_identity.me.account_id, data.aws_iam_role.signed_in.arn,
    data.aws_iam_role.signed_in.max_session_duration,
    data.aws_iam_openid_connect_provider.login.arn, data.aws_iam_saml_provider.corp.name,
    join(",", data.aws_iam_roles.all.names)])
}
`

// Terraform's AWS provider applies a configuration, finds nothing to do
// afterwards, changes it in place, imports what is there and destroys it.
func TestTerraform(t *testing.T) {
	s := startDev(t)
	w := newWorkspace(t, s)
	w.write(t, "main.tf", terraformMain)
	w.write(t, "one.xml", samlMetadata(t, "https://one.example.com"))
	w.write(t, "two.xml", samlMetadata(t, "https://two.example.com"))
	w.must(t, "init", "-input=false")
	w.must(t, "apply", "-auto-approve", "-input=false")

	const base = "arn:aws:iam::000000000000:"
	seen := func(duration string) string {
		return "000000000000 " + base + "role/app/signed-in " + duration + " " + base +
			"oidc-provider/login.example.com/realm Corp signed-in"
	}
	if got := strings.TrimSpace(w.must(t, "output", "-raw", "seen")); got != seen("3600") {
		t.Errorf("data sources: %q, want %q", got, seen("3600"))
	}
	w.unchanged(t, "after apply")

	w.environment = append(w.environment, "TF_VAR_stage=two")
	plan := w.must(t, "plan", "-input=false")
	if !strings.Contains(plan, " 0 to destroy") || strings.Contains(plan, "must be replaced") {
		t.Errorf("the change replaces something:\n%s", tail(plan))
	}
	w.must(t, "apply", "-auto-approve", "-input=false")
	if got := strings.TrimSpace(w.must(t, "output", "-raw", "seen")); got != seen("7200") {
		t.Errorf("data sources: %q, want %q", got, seen("7200"))
	}
	w.unchanged(t, "after the change")

	forget := []string{"state", "rm"}
	var imports strings.Builder
	pool := strings.TrimSpace(w.must(t, "output", "-raw", "pool"))
	for resource, id := range map[string]string{
		"aws_iam_role.signed_in":                           "signed-in",
		"aws_iam_role_policy.inline":                       "signed-in:inline",
		"aws_iam_role_policy_attachment.read":              "signed-in/" + base + "policy/app/read",
		"aws_iam_policy.read":                              base + "policy/app/read",
		"aws_iam_policy.limit":                             base + "policy/limit",
		"aws_iam_openid_connect_provider.login":            base + "oidc-provider/login.example.com/realm",
		"aws_iam_saml_provider.corp":                       base + "saml-provider/Corp",
		"aws_cognito_identity_pool.pool":                   pool,
		"aws_cognito_identity_pool_roles_attachment.roles": pool,
		"aws_cognito_identity_pool_provider_principal_tag.tags": pool + ":" + base +
			"oidc-provider/login.example.com/realm",
	} {
		forget = append(forget, resource)
		fmt.Fprintf(&imports, "import {\n  to = %s\n  id = %q\n}\n", resource, id)
	}

	w.must(t, forget...)
	w.write(t, "imports.tf", imports.String())
	plan = w.must(t, "plan", "-input=false")
	// Only Terraform knows of force_detach_policies, so no import can read it.
	if !strings.Contains(plan,
		fmt.Sprintf("Plan: %d to import, 0 to add, 1 to change, 0 to destroy.", len(forget)-2)) ||
		!strings.Contains(plan, "force_detach_policies = false -> true") {
		t.Errorf("the plan of the import:\n%s", tail(plan))
	}

	w.must(t, "apply", "-auto-approve", "-input=false")
	w.unchanged(t, "after the import")
	w.must(t, "destroy", "-auto-approve", "-input=false")

	for query, operation := range map[string][]string{
		"Roles":    {"iam", "list-roles"},
		"Policies": {"iam", "list-policies", "--scope", "Local"},
		// which is the server's
		"OpenIDConnectProviderList[?!contains(Arn, '/dev-issuer')]": {"iam", "list-open-id-connect-providers"},
		"SAMLProviderList": {"iam", "list-saml-providers"},
		"IdentityPools":    {"cognito-identity", "list-identity-pools", "--max-results", "60"},
	} {
		if out := s.aws(t, append(operation, "--query", query)...); strings.TrimSpace(out) != "[]" {
			t.Errorf("%s after destroy: %s", query, out)
		}
	}
}
