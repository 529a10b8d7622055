package clienttests

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// Amplify in Chromium and amazon-cognito-identity-js with the user pools of the development server, and a
// small store in place of SeaweedFS: TestUserPoolsOnSeaweedFS has the real one.
func TestUserPools(t *testing.T) {
	store := httptest.NewServer(newMemoryStore())
	t.Cleanup(store.Close)

	tryUserPools(t, strings.TrimPrefix(store.URL, "http://"), "userpool.test.mjs", "identityjs.test.mjs")
}

// tryUserPools runs tests of js beside one server with testdata/userpool.yaml, which stands before the store
// that listens on an address.
func tryUserPools(t *testing.T, store string, tests ...string) {
	t.Helper()
	node, chromium := client(t, "node", "nodejs"), client(t, "/usr/bin/chromium", "chromium")
	folder := t.TempDir()
	copyExample(t, photosExample, folder)
	forward := listentest.FreeAddress(t)
	_, page, _ := strings.Cut(listentest.FreeAddress(t), ":")
	replaceIn(t, filepath.Join(folder, "poolhouse.yaml"), map[string]string{
		"127.0.0.1:4600": forward, "127.0.0.1:8333": store, "localhost:5173": "localhost:" + page})
	s := startDev(t, "--config", filepath.Join(folder, "poolhouse.yaml"), "--seed", "testdata/userpool.yaml")
	makeBucket(t, store)

	out := s.script(t, "js", []string{"POOLHOUSE_CHROMIUM=" + chromium, "PAGE=" + mustAbs(t, "js"),
		"PAGE_PORT=" + page, "STORE=http://" + store, "FORWARD=http://" + forward,
		"AMPLIFY=" + s.poolhouse(t, "dev", "env", "--format", "amplify")}, node,
		append([]string{"--test", "--test-reporter=tap"}, tests...)...)
	allPassed(t, out)
	for _, secret := range []string{"Secret-", "Wrong-", "eyJ"} { // passwords of the tests, and tokens
		if strings.Contains(s.text(), secret) {
			t.Errorf("the output has %q", secret)
		}
	}
}
