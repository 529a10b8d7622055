package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// The commands for signing keys reach the keys of web identity tokens, beside a running server.
func TestWebIdentityKeysOfARunningServer(t *testing.T) {
	t.Parallel()

	data := filepath.Join(t.TempDir(), "data")
	var root accessKey
	s := serveOn(t, data, &root)
	roles := iamclient.New(iamclient.Options{BaseEndpoint: &s.url, Region: "us-east-1", Credentials: root.provider()})
	tokens := sts.New(sts.Options{BaseEndpoint: &s.url, Region: "us-east-1", Credentials: root.provider()})
	if _, err := roles.EnableOutboundWebIdentityFederation(t.Context(),
		&iamclient.EnableOutboundWebIdentityFederationInput{}); err != nil {
		t.Fatal(err)
	}

	sign := func() string {
		out, err := tokens.GetWebIdentityToken(t.Context(), &sts.GetWebIdentityTokenInput{
			Audience:         []string{"service"},
			SigningAlgorithm: aws.String("ES384"),
		})
		if err != nil {
			t.Fatal(err)
		}
		return kidOf(t, *out.WebIdentityToken)
	}
	run := func(want string, args ...string) string {
		t.Helper()
		out, err := run1(t, append(args, "--data", data)...)
		if err != nil || !strings.Contains(out, want) {
			t.Fatalf("poolhouse %s: %v, want %q in\n%s", strings.Join(args, " "), err, want, out)
		}
		return out
	}

	leaked := sign()
	account := strings.Split(run("account ", "signing-keys", "list"), "account ")[1][:12]
	if out, err := run1(t, "signing-keys", "retire", leaked, "--data", data); err == nil ||
		!strings.Contains(out, "run `poolhouse signing-keys rotate --now` first") {
		t.Errorf("the key that signs: %v\n%s", err, out)
	}

	ends := "`poolhouse signing-keys retire " + leaked + "` ends it"
	if out := run(ends, "signing-keys", "rotate", "--now", "--issuer-url", s.url,
		"--account", account); strings.Contains(out, "us-east-1") {
		t.Errorf("the keys of identity pools were rotated, too:\n%s", out)
	}
	within10s(t, "the new key signs", func() bool { return sign() != leaked })
	out := run("retire us-east-11-", "signing-keys", "rotate", "--now", "--issuer-url", s.url)
	if strings.Count(out, "account "+account) != 4 {
		t.Errorf("a rotation of all keys:\n%s", out)
	}
	run("tokens of GetWebIdentityToken (up to 1 hour) of account "+account, "signing-keys", "retire", leaked)
	run("was retired already", "signing-keys", "retire", leaked)

	if out, err := run1(t, "signing-keys", "rotate", "--issuer-url", s.url, "--account", "999999999999",
		"--data", data); err == nil || !strings.Contains(out, "never called EnableOutboundWebIdentityFederation") {
		t.Errorf("an account without keys: %v\n%s", err, out)
	}
}
