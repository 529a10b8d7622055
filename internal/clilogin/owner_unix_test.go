//go:build unix

package clilogin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A sign-in that another user made, or could replace, is not used.
func TestForeignSignIn(t *testing.T) {
	r := newRig(t)
	r.login()
	paths := []string{r.signInPath("photos"), r.signInFolder("photos"), filepath.Dir(r.signInFolder("photos"))}

	me := os.Geteuid()
	t.Cleanup(func() { currentUser = os.Geteuid })
	if me != 0 {
		currentUser = func() int { return me + 1 }
		if _, err := r.Credentials(t.Context(), "photos"); err == nil || !strings.Contains(err.Error(), "belongs to") {
			t.Errorf("all belongs to another: %v", err)
		}
		return
	}

	const another = 4711
	for _, path := range paths {
		for _, test := range []struct {
			user int
			good bool
		}{{1000, false}, {another, true}, {0, true}} {
			if err := os.Lchown(path, another, -1); err != nil {
				t.Fatal(err)
			}
			currentUser = func() int { return test.user }
			_, err := r.Credentials(t.Context(), "photos")
			if (err == nil) != test.good || err != nil && !strings.Contains(err.Error(), path+" belongs to") {
				t.Errorf("%s, as %d: %v", path, test.user, err)
			}
			if err := os.Lchown(path, 0, -1); err != nil {
				t.Fatal(err)
			}
		}
	}
}
