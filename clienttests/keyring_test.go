package clienttests

import (
	"os"
	"strings"
	"testing"
)

// unlockKeyring starts GNOME's Secret Service, as a desktop does at the start of a session.
const unlockKeyring = "printf %s of-the-session | gnome-keyring-daemon --unlock --components=secrets > /dev/null\n"

// onBus runs commands of sh on a session bus with a keyring that was never used.
func (p *person) onBus(t *testing.T, commands string) (stdout, stderr string, status int) {
	t.Helper()
	client(t, "/usr/bin/gnome-keyring-daemon", "gnome-keyring")
	bus := client(t, "/usr/bin/dbus-run-session", "dbus-daemon")

	onDesktop := *p
	onDesktop.environment = overlay(p.environment, []string{"XDG_RUNTIME_DIR=" + t.TempDir()})

	return onDesktop.command(t, "", bus, "--", "/bin/sh", "-euc", commands)
}

// The key of what is kept is in the system's keyring: a copy of the user's files is of no use without it.
func TestLoginWithAKeyring(t *testing.T) {
	p := newPerson(t, startDev(t, "--demo"))
	login := "poolhouse login --profile alice --endpoint " + p.info.Endpoint + " --identity-pool " + demoPool +
		" --issuer " + p.info.Issuer + " --client-id " + p.info.Audience + "\n"

	out, messages, status := p.onBus(t, unlockKeyring+login+
		"poolhouse credentials --profile alice\npoolhouse login --profile alice\npoolhouse whoami --profile alice\n")
	if status != 0 || !strings.Contains(out, "keyring\n") || !strings.Contains(out, `"Version":1`) ||
		!strings.Contains(out, demoUser) {
		t.Fatalf("status %d, %s%s", status, out, messages)
	}
	text, err := os.ReadFile(p.home(".local", "state", "poolhouse", "sign-ins", "alice", "sign-in.json"))
	if err != nil || strings.Contains(string(text), "eyJ") ||
		!strings.HasPrefix(string(text), `{"version":1,"sealed":"`) {
		t.Errorf("the file has %s, %v", text, err)
	}

	// On another bus, nobody has unlocked the keyring, and there is nobody to ask.
	out, messages, status = p.onBus(t, "poolhouse credentials --profile alice")
	if status != 1 || out != "" || !strings.Contains(messages, "keyring") {
		t.Errorf("locked: status %d, %s%s", status, out, messages)
	}

	out, messages, status = p.onBus(t, unlockKeyring+"poolhouse logout --profile alice")
	if status != 0 || strings.Contains(messages, "not revoked") {
		t.Errorf("logout: status %d, %s%s", status, out, messages)
	}
}

// A keyring that nobody can unlock is as none: it does not hold a login up.
func TestLoginWithALockedKeyring(t *testing.T) {
	p := newPerson(t, startDev(t, "--demo"))
	out, messages, status := p.onBus(t, "poolhouse login --endpoint "+p.info.Endpoint+" --identity-pool "+demoPool+
		"\npoolhouse whoami")
	if status != 0 || !strings.Contains(out, "storage      file\n") {
		t.Errorf("status %d, %s%s", status, out, messages)
	}
}
