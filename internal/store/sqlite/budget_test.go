package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// While a commit hangs, a call is answered within its budget: writes with an error,
// and reads too where all share the connection.
func TestBudgetWhileACommitHangs(t *testing.T) {
	const limit = 400 * time.Millisecond
	for name, o := range map[string]Options{"memory": {}, "file": {Path: filepath.Join(t.TempDir(), "test.db")}} {
		t.Run(name, func(t *testing.T) {
			s := open(t, o)
			s.limit = time.Minute

			commit, began, end := s.writer.commit, make(chan struct{}), make(chan struct{})
			s.writer.commit = func(one *connection) error {
				close(began)
				<-end
				return commit(one)
			}
			done := make(chan error, 1)
			go func() { done <- s.add(context.Background(), newID()) }()
			<-began
			s.writer.commit = commit
			release := sync.OnceFunc(func() { close(end) })

			watchdog := time.AfterFunc(20*time.Second, release) // a caller hangs: let it fail
			defer watchdog.Stop()

			ctx := overload.WithBudget(t.Context(), limit, time.Now)
			start := time.Now()

			for range 3 {
				wantStalled(t, "a read", s.Readable(ctx), o.Path == "")
				err := s.Snapshot(ctx, engine.ReadTimeout, func(q engine.Querier) error {
					_, err := scanCount(q, `SELECT count(*) FROM notes`)
					return err
				})
				wantStalled(t, "a snapshot", err, o.Path == "")
				wantStalled(t, "a write", s.add(ctx, newID()), true)
			}
			if took := time.Since(start); took > limit+4*time.Second {
				t.Errorf("the calls took %s", took)
			}

			release()
			wantError(t, "the commit", <-done, nil)
			addNote(t, s)
			wantError(t, "a read afterwards", s.Readable(overload.WithBudget(t.Context(), time.Minute, time.Now)), nil)
		})
	}
}

// wantStalled reports unless err is the answer of a database that is stalled, or nil
// if it is not. Calls after the one that spent the budget may fail in either case.
func wantStalled(t *testing.T, what string, err error, stalled bool) {
	t.Helper()
	refused := errors.Is(err, engine.ErrUnavailable) || errors.Is(err, engine.ErrBusy) ||
		errors.Is(err, engine.ErrIndeterminate)
	if err != nil && !refused || err == nil && stalled {
		t.Errorf("%s: %v; stalled: %t", what, err, stalled)
	}
}
