package clienttests

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// boto3 from Debian; python/client_test.py says what is tested.
func TestBoto3(t *testing.T) {
	python := client(t, "/usr/bin/python3", "python3-boto3")
	if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
		missing(t, python+" has no boto3: install the Debian package python3-boto3")
	}
	out := startDev(t).script(t, "python", []string{"PYTHONDONTWRITEBYTECODE=1"}, python, "client_test.py")
	if !regexp.MustCompile(`(?m)^[1-9]\d* tests passed$`).MatchString(out) {
		t.Error("the script ended without having run a test")
	}
}

// The AWS SDK for JavaScript from npm; the scripts say what is tested.
func TestJavaScript(t *testing.T) {
	node := client(t, "node", "nodejs")
	for _, algorithm := range []string{"RS512", "RS256", "ES256"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			arguments := []string{"--test", "--test-reporter=tap", "flow.test.mjs"}
			s := startDev(t, "--token-algorithm", algorithm)
			out := s.script(t, "js", []string{"POOLHOUSE_ALGORITHM=" + algorithm}, node, arguments...)
			counts := map[string]string{}
			for _, found := range regexp.MustCompile(`(?m)^# (\w+) (\d+)$`).FindAllStringSubmatch(out, -1) {
				counts[found[1]] = found[2]
			}
			if counts["pass"] == "" || counts["pass"] == "0" || counts["pass"] != counts["tests"] {
				t.Errorf("node counted %v", counts)
			}
		})
	}
}

// The lock file pins contents, not where somebody downloaded them from.
func TestLockFile(t *testing.T) {
	text, err := os.ReadFile("js/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), `"resolved"`) {
		t.Error("js/package-lock.json records download addresses: run npm install with omit-lockfile-registry-resolved=true, as js/.npmrc says")
	}
	packages, pinned := strings.Count(string(text), `"node_modules/`), strings.Count(string(text), `"integrity": "sha512-`)
	if packages == 0 || packages != pinned {
		t.Errorf("js/package-lock.json has %d packages and %d checksums", packages, pinned)
	}
}
