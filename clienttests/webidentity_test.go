package clienttests

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// section returns the shell commands of one section of a page.
func section(t *testing.T, page, title string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n## "+title+"\n")
	if !found {
		t.Fatalf("%s has no section %q", page, title)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")

	var script strings.Builder
	for _, block := range shellBlock.FindAllStringSubmatch(rest, -1) {
		script.WriteString(block[2])
	}

	return script.String()
}

// The newest AWS CLI and boto3 know GetWebIdentityToken; those of Debian, which run the other pages, do not.
// jose verifies the tokens that the AWS SDK for JavaScript gets.
func TestWebIdentityTokenClients(t *testing.T) {
	packages := pythonPackages(t, "")
	node := client(t, "node", "nodejs")
	s := startDev(t)

	run := func(script string) string {
		t.Helper()
		shell := exec.CommandContext(t.Context(), "/bin/bash", "-euo", "pipefail", "-c", script)
		shell.Env = append(s.environment(t), "ENDPOINT="+s.info.Endpoint)
		for _, entry := range packages {
			if path, found := strings.CutPrefix(entry, "PATH="); found {
				entry = "PATH=" + path + ":" + os.Getenv("PATH")
			}
			shell.Env = append(shell.Env, entry)
		}
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}

		return string(out)
	}

	out := run(section(t, "../docs/sts.md", "A token for an outside service"))
	if !strings.Contains(out, `"WebIdentityToken"`) || !strings.Contains(out, "ES384") {
		t.Errorf("the page's commands print\n%s", out)
	}
	out = run(`python3 -c '
import boto3, datetime
answer = boto3.client("sts").get_web_identity_token(Audience=["a", "b"], SigningAlgorithm="RS256", DurationSeconds=60)
assert answer["WebIdentityToken"].count(".") == 2 and answer["Expiration"].tzinfo, answer
iam = boto3.client("iam")
try:
    iam.enable_outbound_web_identity_federation()
except iam.exceptions.FeatureEnabledException as refused:
    assert refused.response["ResponseMetadata"]["HTTPStatusCode"] == 409, refused
info = iam.get_outbound_web_identity_federation_info()
assert info["JwtVendingEnabled"] is True
print(info["IssuerIdentifier"])'`)

	tap := s.script(t, "js", []string{"ISSUER=" + strings.TrimSpace(out)}, node, "--test", "--test-reporter=tap",
		"webidentity.test.mjs")
	allPassed(t, tap)
}
