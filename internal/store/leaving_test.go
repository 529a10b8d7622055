package store

import (
	"context"
	"errors"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// A write goes on when its caller leaves. The two must not touch the same
// variables then: the race detector finds it if they do.
func TestLeavingAChangeOfARole(t *testing.T) {
	s := openFile(t)
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
			err := leaveTaken(t, s, change)
			for err == nil { // it was answered before it could leave
				if name == "create" {
					always := func(Role) error { return nil }
					wantError(t, "DeleteRole", s.DeleteRole(t.Context(), iamAccount, "new", always), nil)
				}
				err = leaveTaken(t, s, change)
			}

			wantError(t, "the caller that left", err, ErrIndeterminate)
		})
	}
}

// leaveTaken runs change, and has its caller leave when the writer has taken its
// write up, behind another one that is just then allowed to go on.
func leaveTaken(t *testing.T, s *Store, change func(context.Context) error) error {
	t.Helper()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	release := hold(t, s)

	began, end := make(chan struct{}), make(chan struct{})
	first, left := make(chan error, 1), make(chan error, 1)
	go func() {
		first <- s.engine.Write(context.Background(), 0, func(*engine.Tx) error {
			close(began)
			<-end
			return nil
		})
	}()
	queued(t, s, 1)

	go func() { left <- change(ctx) }()
	queued(t, s, 2)

	release()
	<-began // both are of one group
	cancel()
	close(end)
	err := <-left

	return errors.Join(err, <-first)
}

// As above, for the changes of a database without an account or marks.
func TestLeavingAFirstChange(t *testing.T) {
	key := AccessKey{ID: "AKIA1", Account: "111122223333", SealedSecret: []byte("s")}
	at := newClock().now()
	for name, change := range map[string]func(context.Context, *Store) error{
		"Initialise": func(ctx context.Context, s *Store) error {
			home, made, err := s.Initialise(ctx, key)
			if err != nil && (home != "" || made) {
				t.Errorf("Initialise: %q, %t, %v", home, made, err)
			}
			return err
		},
		"SettleAccount": func(ctx context.Context, s *Store) error {
			home, err := s.SettleAccount(ctx, key.Account)
			if err != nil && home != "" {
				t.Errorf("SettleAccount: %q, %v", home, err)
			}
			return err
		},
		"CreateFirstAccessKey": func(ctx context.Context, s *Store) error {
			return second(s.CreateFirstAccessKey(ctx, key))
		},
		"RemoveRevocations": func(ctx context.Context, s *Store) error {
			return second(s.RemoveRevocations(ctx, at, 10))
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := error(nil)
			for err == nil { // it was answered before it could leave
				s := openFile(t)
				if name == "CreateFirstAccessKey" {
					noError(t, second(s.SettleAccount(t.Context(), key.Account)))
				}

				noError(t, s.Revoke(t.Context(), Revocation{
					Kind:      RoleRevocation,
					Account:   key.Account,
					Value:     "r",
					NotBefore: at,
					Expires:   at,
				}))
				err = leaveTaken(t, s, func(ctx context.Context) error { return change(ctx, s) })
			}

			wantError(t, "the caller that left", err, ErrIndeterminate)
		})
	}
}
