package devseed

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// Watch notices changes of seeds. It looks at the files again and again instead of asking the
// operating system: events do not come through the file systems that containers share with other
// machines.
type Watch struct {
	paths         []string
	seen, pending string // states of the files
}

// WatchInterval is how often to look.
const WatchInterval = 300 * time.Millisecond

// NewWatch begins to watch: files that change from now on have changed.
func NewWatch(paths []string) *Watch {
	return &Watch{paths: paths, seen: state(paths)}
}

// Run calls changed when the files have changed, until ctx ends.
func (w *Watch) Run(ctx context.Context, tick <-chan time.Time, changed func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			if w.look() {
				changed()
			}
		}
	}
}

// look reports whether the files have changed. An editor may still be writing: a change counts when
// the next look finds the same.
func (w *Watch) look() bool {
	now := state(w.paths)
	settled := now == w.pending
	w.pending = now
	if now == w.seen || !settled {
		return false
	}
	w.seen = now

	return true
}

// state describes the files as they are: a new text has another state.
func state(paths []string) string {
	list, err := expand(paths)
	if err != nil {
		return err.Error()
	}

	var b strings.Builder
	for _, file := range list {
		path := file.Path
		info, err := os.Stat(path)
		if err != nil {
			fmt.Fprintf(&b, "%s: %v\n", path, err)
			continue
		}
		fmt.Fprintf(&b, "%s: %d bytes, %d\n", path, info.Size(), info.ModTime().UnixNano())
	}

	return b.String()
}
