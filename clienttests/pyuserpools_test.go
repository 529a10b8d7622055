package clienttests

import (
	"regexp"
	"testing"
)

// boto3 and pycognito against user pools, with one code for everything; the scripts say what is tested.
func TestPythonUserPools(t *testing.T) {
	const code = "246810"
	python := client(t, "/usr/bin/python3", "python3")
	environment := append(pythonPackages(t, ""), "POOLHOUSE_CODE="+code)
	s := startDev(t, "--dev-user-pool-code", code)
	for _, name := range []string{"userpools_test.py", "usernames_test.py", "pycognito_test.py"} {
		out := s.script(t, "python", environment, python, name)
		if !regexp.MustCompile(`(?m)^[1-9]\d* tests passed$`).MatchString(out) {
			t.Errorf("%s ended without having run a test", name)
		}
	}
}
