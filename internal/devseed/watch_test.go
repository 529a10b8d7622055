package devseed_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devseed"
)

// TestWatch checks that a change counts once, when the file has settled, also if an editor has put
// a new file in its place.
func TestWatch(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "seed.yaml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(path, "a")

	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		tick := make(chan time.Time)
		changes := 0
		w := devseed.NewWatch([]string{path, folder})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.Run(ctx, tick, func() { changes++ })
		}()
		look := func(want int, when string) {
			t.Helper()
			tick <- time.Time{}
			synctest.Wait()
			if changes != want {
				t.Errorf("%s: %d changes, want %d", when, changes, want)
			}
		}

		look(0, "nothing happened")
		look(0, "nothing happened")
		write(path, "ab")
		look(0, "it may not be complete")
		write(path, "abc")
		look(0, "it was not complete")
		look(1, "it has settled")
		look(1, "it is as it was")

		write(filepath.Join(folder, ".tmp"), "abcd")
		if err := os.Rename(filepath.Join(folder, ".tmp"), path); err != nil {
			t.Fatal(err)
		}
		look(1, "it was replaced")
		look(2, "the new one has settled")

		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		look(2, "it may come back")
		look(3, "it is gone")
		write(filepath.Join(folder, "more.json"), "{}")
		write(path, "a")
		look(3, "it came back")
		look(4, "with another one")

		cancel()
		<-ended
	})
}
