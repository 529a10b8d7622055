package store

import (
	"context"
	"errors"
	"testing"
)

// A write goes on when its caller leaves. The two must not touch the same
// variables then: the race detector finds it if they do.
func TestLeavingAChangeOfARole(t *testing.T) {
	s, w := openWriter(t, Options{})
	if _, err := s.CreateRole(t.Context(), testRole("there"), 0); err != nil {
		t.Fatal(err)
	}

	changes := map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			_, err := s.CreateRole(ctx, testRole("new"), 0)
			return err
		},
		"update": func(ctx context.Context) error {
			_, err := s.UpdateRole(ctx, iamAccount, "there", func(r *Role) error {
				r.WriteTrust(r.Trust)
				return nil
			})
			return err
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			err := leaveTaken(t, s, w, change)
			for err == nil { // it was answered before it could leave
				if name == "create" {
					always := func(Role) error { return nil }
					wantError(t, "DeleteRole", s.DeleteRole(t.Context(), iamAccount, "new", always), nil)
				}
				err = leaveTaken(t, s, w, change)
			}
			wantError(t, "the caller that left", err, ErrIndeterminate)
		})
	}
}

// leaveTaken runs change, and has its caller leave when the writer has taken its
// write up, behind another one that is just then allowed to go on.
func leaveTaken(t *testing.T, s *Store, w *writer, change func(context.Context) error) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	release := hold(t, s)

	began, end := make(chan struct{}), make(chan struct{})
	first, left := make(chan error, 1), make(chan error, 1)
	go func() {
		first <- s.engine.write(context.Background(), 0, func(*tx) error {
			close(began)
			<-end
			return nil
		})
	}()
	queued(t, w, 1)
	go func() { left <- change(ctx) }()
	queued(t, w, 2)

	release()
	<-began // both are of one group
	cancel()
	close(end)
	err := <-left
	return errors.Join(err, <-first)
}
