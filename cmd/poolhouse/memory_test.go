package main

import (
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// The container's limit becomes the soft limit, less a tenth; one that the user set
// stays, and so does everything where there is none to be found.
func TestLimitMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	failing := func() (uint64, error) { return 0, errors.New("no such file") }
	unlimited := func() (uint64, error) { return 0, memlimit.ErrNoLimit }

	for _, c := range []struct {
		name     string
		provider memlimit.Provider
		set      string // GOMEMLIMIT
		want     int64
	}{
		{"of the container", memlimit.Limit(1000 << 20), "", 900 << 20},
		{"of the user", memlimit.Limit(1000 << 20), "5GiB", 5 << 30},
		{"none", unlimited, "", math.MaxInt64},
		{"unknown", failing, "", 5 << 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("GOMEMLIMIT", c.set)
			if c.set == "" {
				if err := os.Unsetenv("GOMEMLIMIT"); err != nil {
					t.Fatal(err)
				}
			}
			debug.SetMemoryLimit(5 << 30) // as the runtime does with a variable of that value

			limitMemory(c.provider, logger)
			if got := debug.SetMemoryLimit(-1); got != c.want {
				t.Errorf("%d bytes, want %d", got, c.want)
			}
		})
	}
}
