//go:build extended

package clienttests

import "testing"

// The console in Firefox, which its users have, too.
func TestConsoleFirefox(t *testing.T) {
	node, firefox := client(t, "node", "nodejs"), client(t, "/usr/bin/firefox-esr", "firefox-esr")
	// Node.js 20 has the client of WebSockets behind the flag, later versions without it.
	out := startDev(t).script(t, "js", []string{"POOLHOUSE_FIREFOX=" + firefox},
		node, "--experimental-websocket", "--test-reporter=tap", "consolefirefox.test.mjs")
	allPassed(t, out)
}
