package clienttests

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// conformance runs `poolhouse conformance` against a server and returns what it prints, with its exit status.
func conformance(t *testing.T, endpoint string, arguments ...string) (string, int) {
	t.Helper()
	arguments = append([]string{"conformance", "--endpoint", endpoint}, arguments...)
	cmd := exec.CommandContext(t.Context(), binary, arguments...)
	cmd.Env = append(plainEnvironment(t), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION=us-east-1")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}

	return string(out), cmd.ProcessState.ExitCode()
}

// allProbes finds the last line of the tables of `poolhouse conformance`.
var allProbes = regexp.MustCompile(`(?m)^all +(\d+) +(\d+) +(\d+)$`)

// The development server answers every probe as AWS does.
func TestConformance(t *testing.T) {
	s := startDev(t, "--strict-roles")
	out, status := conformance(t, s.info.Endpoint)
	found := allProbes.FindStringSubmatch(out)
	if status != 0 || found == nil || found[2] != "0" || found[3] != "0" {
		t.Fatalf("status %d\n%s", status, out)
	}
	if strings.Contains(out, "could not be deleted") {
		t.Error(out)
	}
}
