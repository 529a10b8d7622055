package clienttests

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

const signInPage = "../docs/dev-sign-in.md"

// seedOfClients is the seed of docs/dev-sign-in.md that describes clients.
var seedOfClients = regexp.MustCompile("(?s)```yaml\n(Clients:.*?)```")

// Libraries sign in at the development issuer in Chromium, and get credentials. A small store stands for
// SeaweedFS, which takes minutes to build: TestSignInOnSeaweedFS has the real one.
func TestSignIn(t *testing.T) {
	store := httptest.NewServer(newMemoryStore())
	t.Cleanup(store.Close)

	trySignIn(t, strings.TrimPrefix(store.URL, "http://"))
}

// trySignIn runs js/signin.test.mjs, which has the tests. The SPA of docs/dev-sign-in.md writes to a bucket
// of the store that listens on an address, through the proxy of examples/photos. Servers sign in with the
// client of that page that has a secret.
func trySignIn(t *testing.T, store string) {
	t.Helper()
	node, chromium := client(t, "node", "nodejs"), client(t, "/usr/bin/chromium", "chromium")

	folder := t.TempDir()
	copyExample(t, photosExample, folder)
	forward := listentest.FreeAddress(t)
	replaceIn(t, filepath.Join(folder, "poolhouse.yaml"), map[string]string{
		"127.0.0.1:4600": forward, "127.0.0.1:8333": store,
		`allowed_origins: ["http://localhost:5173"]`: `allowed_origins: ["*"]`})
	const provider = `!Sub "arn:aws:iam::${AWS::AccountId}:oidc-provider/127.0.0.1:4599/dev-issuer"`
	const guests = "AllowUnauthenticatedIdentities: "
	replaceIn(t, filepath.Join(folder, "pool.yaml"), map[string]string{
		provider: "!Ref Poolhouse::DevProviderArn", guests + "false": guests + "true",
		"Roles: {authenticated: !GetAtt User.Arn}": "Roles: {authenticated: !GetAtt User.Arn, " +
			"unauthenticated: !GetAtt Guest.Arn}\n" + roleOfGuests})

	text, err := os.ReadFile(signInPage)
	if err != nil {
		t.Fatal(err)
	}
	_, server, _ := strings.Cut(listentest.FreeAddress(t), ":")
	clients := strings.ReplaceAll(
		seedOfClients.FindStringSubmatch(string(text))[1], "localhost:3000", "localhost:"+server)
	if err := os.WriteFile(filepath.Join(folder, "clients.yaml"), []byte(clients), 0o600); err != nil {
		t.Fatal(err)
	}

	s := startDev(t, "--demo", "--config", filepath.Join(folder, "poolhouse.yaml"),
		"--seed", filepath.Join(folder, "pool.yaml"), "--seed", filepath.Join(folder, "clients.yaml"))
	makeBucket(t, store)

	for _, block := range fileBlock.FindAllStringSubmatch(string(text), -1) {
		if err := os.WriteFile(filepath.Join(folder, block[1]), []byte(block[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	out := s.script(t, "js", []string{"POOLHOUSE_CHROMIUM=" + chromium, "APP=" + folder,
		"POOL=us-east-1:9a1c5f70-7d3e-4f57-9f0e-3b1f5f0c2d11", "STORE=http://" + store, "S3=http://" + forward,
		"BUCKET=photos", "SERVER_PORT=" + server, "SCREENSHOTS=" + os.Getenv("SCREENSHOTS")}, node,
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
