package clienttests

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

const signInPage = "../docs/dev-sign-in.md"

// Libraries sign in at the development issuer in Chromium, and get credentials. The SPA of
// docs/dev-sign-in.md writes to a bucket through the proxy of examples/photos; a small store stands for
// SeaweedFS, which takes minutes to build. js/signin.test.mjs has the tests.
func TestSignIn(t *testing.T) {
	node, chromium := client(t, "node", "nodejs"), client(t, "/usr/bin/chromium", "chromium")
	store := httptest.NewServer(newMemoryStore())
	t.Cleanup(store.Close)

	folder := t.TempDir()
	copyExample(t, photosExample, folder)
	forward := listentest.FreeAddress(t)
	replaceIn(t, filepath.Join(folder, "poolhouse.yaml"), map[string]string{
		"127.0.0.1:4600": forward, "127.0.0.1:8333": strings.TrimPrefix(store.URL, "http://"),
		`allowed_origins: ["http://localhost:5173"]`: `allowed_origins: ["*"]`})
	const provider = `!Sub "arn:aws:iam::${AWS::AccountId}:oidc-provider/127.0.0.1:4599/dev-issuer"`
	const guests = "AllowUnauthenticatedIdentities: "
	replaceIn(t, filepath.Join(folder, "pool.yaml"), map[string]string{
		provider: "!Ref Poolhouse::DevProviderArn", guests + "false": guests + "true",
		"Roles: {authenticated: !GetAtt User.Arn}": "Roles: {authenticated: !GetAtt User.Arn, " +
			"unauthenticated: !GetAtt Guest.Arn}\n" + roleOfGuests})

	s := startDev(t, "--demo", "--config", filepath.Join(folder, "poolhouse.yaml"),
		"--seed", filepath.Join(folder, "pool.yaml"))
	makeBucket(t, strings.TrimPrefix(store.URL, "http://"))

	text, err := os.ReadFile(signInPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range fileBlock.FindAllStringSubmatch(string(text), -1) {
		if err := os.WriteFile(filepath.Join(folder, block[1]), []byte(block[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	out := s.script(t, "js", []string{"POOLHOUSE_CHROMIUM=" + chromium, "APP=" + folder,
		"POOL=us-east-1:9a1c5f70-7d3e-4f57-9f0e-3b1f5f0c2d11", "STORE=" + store.URL, "S3=http://" + forward,
		"BUCKET=photos", "SCREENSHOTS=" + os.Getenv("SCREENSHOTS")}, node,
		"--test", "--test-reporter=tap", "signin.test.mjs")
	allPassed(t, out)
}

// roleOfGuests is the role of guests that the test of Amplify begins as.
const roleOfGuests = `
  Guest:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Federated: cognito-identity.amazonaws.com}
            Action: sts:AssumeRoleWithWebIdentity
            Condition:
              StringEquals: {"cognito-identity.amazonaws.com:aud": !Ref Pool}
              ForAnyValue:StringLike: {"cognito-identity.amazonaws.com:amr": unauthenticated}
`
