package store

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Scopes tell logins apart that are equal otherwise, and are kept in every way
// that logins are.
func TestLoginScopes(t *testing.T) {
	const corp, gone = "arn:aws:iam::123456789012:saml-provider/Corp", "arn:aws:iam::123456789012:saml-provider/Gone"
	scoped := func(provider, scope string) identitypool.Login {
		return identitypool.Login{Kind: identitypool.Public, Provider: provider, Subject: "alice", Scope: scope}
	}
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)
		owner := map[identitypool.Login]identitypool.IdentityID{}
		for _, l := range []identitypool.Login{
			scoped(corp, ""), scoped(corp, "a"), scoped(corp, "b"), scoped(corp, "a\n\nb"), scoped(corp, "a\nb\n"),
			scoped(gone, ""), scoped("accounts.google.com", ""), scoped("idp.example", ""),
		} {
			owner[l] = addLinked(t, s, pool, l).ID
		}

		check := func(what string, s *Store) {
			t.Helper()

			for l, want := range owner {
				if got, err := s.IdentityByLogin(t.Context(), pool, l); err != nil || got.ID != want ||
					!got.HasLogin(l) {
					t.Errorf("%s: %+v leads to %+v, %v; want %s", what, l, got, err, want)
				}
			}
		}
		check("added", s)

		// A login moves to another scope with all that it leads to, once, and only to
		// where nobody is.
		to := scoped(corp, "c")
		for n, want := range []bool{true, false} {
			if moved, err := s.RescopeLogin(t.Context(), pool, scoped(corp, "a"), to); moved != want || err != nil {
				t.Errorf("%d: RescopeLogin = %t, %v", n, moved, err)
			}
		}

		owner[to] = owner[scoped(corp, "a")]
		delete(owner, scoped(corp, "a"))
		if moved, err := s.RescopeLogin(t.Context(), pool, scoped(corp, "b"), to); moved || err != nil {
			t.Errorf("onto another's login: %t, %v", moved, err)
		}
		if moved, err := s.RescopeLogin(t.Context(), "us-east-1:none", to, scoped(corp, "d")); moved || err != nil {
			t.Errorf("in no pool: %t, %v", moved, err)
		}

		if _, err := s.IdentityByLogin(t.Context(), pool, scoped(corp, "a")); !errors.Is(err, ErrNotFound) {
			t.Errorf("the login from before: %v", err)
		}
		if _, err := s.RescopeLogin(t.Context(), pool, to,
			scoped(corp, strings.Repeat("x", maxScope+1))); !errors.Is(err, ErrInvalid) {
			t.Errorf("a scope that is too long: %v", err)
		}
		check("moved", s)

		// Logins without a scope are bound once, to what the first start finds.
		var asked []string

		bind := func(s *Store, entityID string) map[string]string {
			t.Helper()
			asked = nil
			bindings, err := s.BindSAMLLogins(t.Context(), func(arn string) (string, bool) {
				asked = append(asked, arn)
				return entityID, arn == corp
			})
			if err != nil {
				t.Fatal(err)
			}

			return bindings
		}

		for _, entityID := range []string{"https://one.example", "https://two.example"} {
			if diff := cmp.Diff(map[string]string{corp: "https://one.example"}, bind(s, entityID)); diff != "" {
				t.Errorf("bindings (-want +got):\n%s", diff)
			}
		}
		if diff := cmp.Diff([]string{gone}, asked); diff != "" {
			t.Errorf("what was not known is asked for again, and nothing else (-want +got):\n%s", diff)
		}

		loaded := open(t, Options{})
		if err := loaded.Load(t.Context(), bytes.NewReader(dumpOf(t, s))); err != nil {
			t.Fatal(err)
		}
		check("from a dump", loaded)
		if diff := cmp.Diff(map[string]string{corp: "https://one.example"},
			bind(loaded, "https://two.example")); diff != "" {
			t.Errorf("bindings of a dump (-want +got):\n%s", diff)
		}
	})
}
