package main

import (
	"strings"
	"testing"
)

// Scripts learn from the exit status of a command on a server what is wrong.
func TestExitStatusOfServerCommands(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	const lost = "http://127.0.0.1:1" // nothing listens there
	policy := written(t, "policy.json", `{"Version": "2012-10-17",
		"Statement": {"Effect": "Allow", "Action": "poolhouse:CheckAccess", "Resource": "*"}}`)
	made := mustRun(t, "key", "create", "--policy", policy, "--endpoint", endpoint)
	id, secret, _ := strings.Cut(strings.TrimSpace(made), "\nAWS_SECRET_ACCESS_KEY=")
	id = strings.TrimPrefix(id, "AWS_ACCESS_KEY_ID=")

	for _, test := range []struct {
		key, endpoint, command string
		want                   int
	}{
		{"test", endpoint, "pool list", 0},
		{"test", endpoint, "status", 0},
		{"test", endpoint, "check-access iam:GetRole", 0},
		{"test", endpoint, "pool show us-east-1:00000000-0000-4000-8000-000000000009", statusFailed},
		{"test", endpoint, "pool create bad! --dry-run", statusFailed},
		{"test", endpoint, "provider test https://127.0.0.1:1", statusFailed},
		{"test", endpoint, "pool list --no-such-flag", statusFailed},
		{id, endpoint, "pool list", statusFailed},
		{id, endpoint, "check-access iam:GetRole", statusFailed},
		{id, endpoint, "check-access poolhouse:CheckAccess", 0},
		{"test", lost, "pool list", statusTryAgain},
		{"test", lost, "status", statusTryAgain},
		{"test", lost, "explain --follow", statusTryAgain},
		{"test", lost, "export", statusTryAgain},
	} {
		t.Setenv("AWS_ACCESS_KEY_ID", test.key)
		t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
		if test.key == id {
			t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
		}
		out, err := command(t, append(strings.Fields(test.command), "--endpoint", test.endpoint)...)
		if got := exitStatus(err); got != test.want {
			t.Errorf("%s with the key %s at %s: status %d, want %d: %s, %v", test.command, test.key, test.endpoint, got,
				test.want, out, err)
		}
	}
}

// The keys come from the environment, a profile or its program, whose end tells whether a person must sign in.
func TestKeysOfServerCommands(t *testing.T) {
	endpoint := devServer(t)
	for name, want := range map[string]int{"keys": 0, "program": 0, "signin": statusSignIn, "busy": statusTryAgain,
		"broken": statusFailed, "missing": statusFailed} {
		profiles(t, name, `
[profile keys]
region = us-east-1
[profile program]
region = us-east-1
credential_process = echo '{"Version": 1, "AccessKeyId": "test", "SecretAccessKey": "test"}'
[profile signin]
credential_process = exit 5
[profile busy]
credential_process = exit 75
[profile broken]
credential_process = exit 3
`, "[keys]\naws_access_key_id = test\naws_secret_access_key = test\n")
		out, err := command(t, "pool", "list", "--endpoint", endpoint)
		if got := exitStatus(err); got != want {
			t.Errorf("profile %s: status %d, want %d: %s, %v", name, got, want, out, err)
		}
	}

	t.Setenv("AWS_PROFILE", "")
	devKeys(t)
	mustRun(t, "pool", "list", "--endpoint", endpoint)
}

// The commands on the database and those on a server name each other.
func TestKeyCommandsNameEachOther(t *testing.T) {
	for name, other := range map[string]string{"key": `"poolhouse keys"`, "keys": `"poolhouse key"`,
		"signing-key": `"poolhouse signing-keys"`, "signing-keys": `"poolhouse signing-key"`} {
		if out := mustRun(t, name, "--help"); !strings.Contains(out, other) {
			t.Errorf("the help of %s does not name %s:\n%s", name, other, out)
		}
	}
}
