package gate

import (
	"strings"
	"testing"
)

// A path is shown by its segments' lengths: they may be secrets. That one was escaped
// twice can be seen.
func TestShownPath(t *testing.T) {
	for path, want := range map[string]string{
		"/":                        "/",
		"/reset/PLANTED":           "/(5 bytes)/(7 bytes)",
		"/a//b/":                   "/(1 bytes)//(1 bytes)/",
		"/share/PLANTED%20x":       "/(5 bytes)/(11 bytes)",
		"/share/PLANTED%2520x/b":   "/(5 bytes)/(13 bytes, with %25)/(1 bytes)",
		"no path, but PLANTED too": "(24 bytes)",
	} {
		if got := shownPath(path); got != want {
			t.Errorf("%s is shown as %s, want %s", path, got, want)
		}
		canonical := "GET\n" + path + "\na=PLANTED\ncookie:PLANTED\nhost:x\n\ncookie;host\nhash"
		shown := shownCanonical(canonical)
		if strings.Contains(shown, "PLANTED") || !strings.Contains(shown, "GET\n"+want+"\n") {
			t.Errorf("the canonical request is shown as %q", shown)
		}
	}
}
