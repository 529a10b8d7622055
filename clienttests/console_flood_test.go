//go:build extended

package clienttests

import "testing"

// Two thousand refusals a second in Explain. The test measures frames, so it needs a machine that does nothing else.
func TestConsoleFlood(t *testing.T) {
	consoleScript(t, "js/consoleflood")
}
