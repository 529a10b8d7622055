package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

const (
	iamAccount = identitypool.AccountID("123456789012")
	policyBase = "arn:aws:iam::123456789012:policy"
)

func testRole(name string) Role {
	return Role{
		Account:    iamAccount,
		Name:       name,
		Path:       "/",
		ID:         "AROA" + name,
		Trust:      `{"trust":true}`,
		MaxSession: 3600,
	}
}

func testManagedPolicy(name string) ManagedPolicy {
	return ManagedPolicy{Account: iamAccount, Name: name, Path: "/", ID: "ANPA" + name,
		Versions: []PolicyVersion{{Number: 1, Document: `{"policy":"` + name + `"}`, Created: 1}}, Default: 1, Next: 2}
}

// fillIAM puts one of each IAM resource into a store.
func fillIAM(t *testing.T, s *Store) {
	t.Helper()
	p := testManagedPolicy("Managed")
	p.Path, p.Tags = "/team/", map[string]string{"a": "ä"}
	must(s.CreatePolicy(t.Context(), p, 0))(t)
	boundary := testManagedPolicy("Boundary")
	must(s.CreatePolicy(t.Context(), boundary, 0))(t)

	r := testRole("App")
	r.Path, r.Description, r.Boundary = "/team/", "what it does", policyBase+"/Boundary"
	r.Attached, r.Policies = []string{policyBase + "/team/Managed", "arn:aws:iam::aws:policy/AdministratorAccess"},
		map[string]string{"inline": "{}"}
	r.Tags = map[string]string{"b": "", "a": "1"}
	must(s.CreateRole(t.Context(), r, 0))(t)
	must(s.CreateOIDCProvider(t.Context(), OIDCProvider{
		Account:     iamAccount,
		URL:         "https://issuer.example/Path/",
		ClientIDs:   []string{"b", "a"},
		Thumbprints: []string{strings.Repeat("a", 40)},
	}, 0))(t)
	must(s.CreateSAMLProvider(t.Context(),
		SAMLProvider{Account: iamAccount, Name: "Corp", ID: "id", Metadata: "<a>\n</a>"}, 0))(t)
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestRoles(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		c := newClock()
		o.Now = c.now
		s := open(t, o)
		ctx := t.Context()
		want := testRole("App")
		want.Description, want.Tags, want.Policies = "ä\n", map[string]string{"k": "v"},
			map[string]string{"p": `{"x": 1}`}
		created := must(s.CreateRole(ctx, want, 2))(t)
		want.Created, want.TrustWritten = c.now(), 1
		got := must(s.Role(ctx, iamAccount, "aPP"))(t)
		if diff := cmp.Diff(want, got); diff != "" || cmp.Diff(created, got) != "" {
			t.Errorf("role (-want +got):\n%s", diff)
		}

		_, err := s.CreateRole(ctx, testRole("APP"), 2)
		wantError(t, "the name in another case", err, ErrConflict)
		other := testRole("App")
		other.Account = "210987654321"
		must(s.CreateRole(ctx, other, 2))(t)
		must(s.CreateRole(ctx, testRole("B"), 2))(t)
		_, err = s.CreateRole(ctx, testRole("C"), 2)
		wantError(t, "one too many", err, ErrLimit)

		_, err = s.Role(ctx, iamAccount, "C")
		wantError(t, "another name", err, ErrNotFound)
		_, err = s.Role(ctx, "000000000000", "App")
		wantError(t, "another account", err, ErrNotFound)

		for name, r := range map[string]Role{"no account": {Name: "x"}, "no name": {Account: iamAccount},
			"NUL in the name": testRole("\x00"),
			"not UTF-8":       {Account: iamAccount, Name: "x", Description: "\xff"},
			"too long":        {Account: iamAccount, Name: "x", Trust: strings.Repeat("x", maxSettings)}} {
			_, err = s.CreateRole(ctx, r, 0)
			wantError(t, name, err, ErrInvalid)
		}

		c.advance(time.Second)
		updated := must(s.UpdateRole(ctx, iamAccount, "APP", func(r *Role) error {
			r.Name, r.ID, r.Path, r.Account, r.Created = "renamed", "other", "/x/", "1", time.Time{}
			r.Description, r.MaxSession, r.Tags["k2"] = "new", 7200, "v2"
			return nil
		}))(t)

		want.Description, want.MaxSession, want.Tags = "new", 7200, map[string]string{"k": "v", "k2": "v2"}
		got = must(s.Role(ctx, iamAccount, "App"))(t)
		if diff := cmp.Diff(want, got); diff != "" || cmp.Diff(updated, got) != "" {
			t.Errorf("updated role (-want +got):\n%s", diff)
		}

		refused := errors.New("refused")
		_, err = s.UpdateRole(ctx, iamAccount, "App", func(*Role) error { return refused })
		wantError(t, "a refused update", err, refused)
		_, err = s.UpdateRole(ctx, iamAccount, "None", func(*Role) error { return nil })
		wantError(t, "update of none", err, ErrNotFound)

		wantError(t, "a refused deletion",
			s.DeleteRole(ctx, iamAccount, "App", func(Role) error { return refused }), refused)
		may := func(Role) error { return nil }
		wantError(t, "deletion", s.DeleteRole(ctx, iamAccount, "aPp", may), nil)
		wantError(t, "deletion again", s.DeleteRole(ctx, iamAccount, "App", may), ErrNotFound)
		must(s.Role(ctx, "210987654321", "App"))(t)
	})
}

func TestListRoles(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		for _, name := range []string{"b", "C", "a", "D_", "é"} {
			r := testRole(name)
			if name != "b" {
				r.Path = "/team/x/"
			}
			must(s.CreateRole(t.Context(), r, 0))(t)
		}

		for _, test := range []struct {
			prefix, after string
			limit         int
			want          string
		}{
			{"", "", 10, "a b C D_ é"}, {"/", "", 2, "a b"}, {"/", "B", 2, "C D_"}, {"/team/", "", 10, "a C D_ é"},
			{"/team/x/y", "", 10, ""},
			{"/te%", "", 10, ""}, {"/", "é", 10, ""},
		} {
			list := must(s.Roles(t.Context(), iamAccount, test.prefix, test.after, test.limit))(t)
			var names []string
			for _, r := range list {
				names = append(names, r.Name)
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("roles under %q after %q: %q, want %q", test.prefix, test.after, got, test.want)
			}
		}

		_, err := s.Roles(t.Context(), iamAccount, "\xff", "", 1)
		wantError(t, "bad prefix", err, ErrInvalid)
	})
}

func TestManagedPolicies(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		fillIAM(t, s)
		role, policies, err := s.RoleWithPolicies(ctx, iamAccount, "app")
		if err != nil || role.Name != "App" || len(policies) != 2 {
			t.Fatalf("RoleWithPolicies = %+v, %+v, %v", role, policies, err)
		}

		slices.SortFunc(policies, func(a, b ManagedPolicy) int { return strings.Compare(a.Name, b.Name) })
		if d, ok := policies[1].Version(policies[1].Default); policies[1].Name != "Managed" || !ok ||
			d.Document != `{"policy":"Managed"}` {
			t.Errorf("attached policy = %+v", policies[1])
		}

		_, _, err = s.RoleWithPolicies(ctx, iamAccount, "none")
		wantError(t, "RoleWithPolicies of none", err, ErrNotFound)
		uses := must(s.PolicyUses(ctx, iamAccount))(t)
		want := map[string]map[PolicyUsage]int{policyBase + "/Boundary": {BoundaryUsage: 1},
			policyBase + "/team/Managed":                  {AttachedUsage: 1},
			"arn:aws:iam::aws:policy/AdministratorAccess": {AttachedUsage: 1}}
		if diff := cmp.Diff(want, uses); diff != "" {
			t.Errorf("uses (-want +got):\n%s", diff)
		}

		users := must(s.PolicyUsers(ctx, iamAccount, policyBase+"/Boundary"))(t)
		if len(users) != 1 || users[0].Usage != BoundaryUsage || users[0].Role.Name != "App" {
			t.Errorf("users = %+v", users)
		}

		may := func(ManagedPolicy) error { return nil }
		wantError(t, "deleting an attached policy", s.DeletePolicy(ctx, iamAccount, "managed", may), ErrConflict)
		wantError(t, "deleting a boundary", s.DeletePolicy(ctx, iamAccount, "Boundary", may), ErrConflict)

		for name, arn := range map[string]string{"no such policy": policyBase + "/None",
			"another path": policyBase + "/Managed"} {
			_, err = s.UpdateRole(ctx, iamAccount, "App",
				func(r *Role) error { r.Attached = append(r.Attached, arn); return nil })
			wantError(t, name, err, ErrPolicyNotFound)
			r := testRole("New")
			r.Boundary = arn

			_, err = s.CreateRole(ctx, r, 0)
			wantError(t, name+" as boundary", err, ErrNotFound)
		}

		must(s.UpdateRole(ctx, iamAccount, "App",
			func(r *Role) error { r.Attached, r.Boundary = nil, ""; return nil }))(t)
		wantError(t, "deleting a detached policy", s.DeletePolicy(ctx, iamAccount, "managed", may), nil)
		if users := must(s.PolicyUses(ctx, iamAccount))(t); len(users) != 0 {
			t.Errorf("uses after detaching: %v", users)
		}
		// The row of a role takes its uses along.
		must(s.UpdateRole(ctx, iamAccount, "App",
			func(r *Role) error { r.Boundary = policyBase + "/Boundary"; return nil }))(t)
		wantError(t, "DeleteRole", s.DeleteRole(ctx, iamAccount, "App", func(Role) error { return nil }), nil)
		wantError(t, "deleting a boundary of nothing", s.DeletePolicy(ctx, iamAccount, "Boundary", may), nil)
	})
}

func TestProviders(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		c := newClock()
		o.Now = c.now
		s := open(t, o)
		ctx := t.Context()
		fillIAM(t, s)
		_, err := s.CreateOIDCProvider(ctx, OIDCProvider{Account: iamAccount, URL: "http://issuer.example/Path/"}, 0)
		wantError(t, "the same host and path", err, ErrConflict)
		must(s.CreateOIDCProvider(ctx, OIDCProvider{Account: iamAccount, URL: "https://issuer.example/path/"}, 2))(t)

		_, err = s.CreateOIDCProvider(ctx, OIDCProvider{Account: iamAccount, URL: "https://b.example"}, 2)
		wantError(t, "one too many", err, ErrLimit)
		must(s.UpdateOIDCProvider(ctx, iamAccount, "issuer.example/Path/", func(p *OIDCProvider) error {
			p.URL, p.ClientIDs, p.Thumbprints = "https://other", append(p.ClientIDs, "c"), nil
			return nil
		}))(t)

		want := OIDCProvider{
			Account:   iamAccount,
			Created:   c.now(),
			URL:       "https://issuer.example/Path/",
			ClientIDs: []string{"b", "a", "c"},
		}
		if diff := cmp.Diff(want, must(s.OIDCProvider(ctx, iamAccount, "issuer.example/Path/"))(t),
			cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("provider (-want +got):\n%s", diff)
		}
		if list := must(s.OIDCProviders(ctx, iamAccount))(t); len(list) != 2 {
			t.Errorf("%d providers, want 2", len(list))
		}

		wantError(t, "delete", s.DeleteOIDCProvider(ctx, iamAccount, "issuer.example/Path/"), nil)
		wantError(t, "delete again", s.DeleteOIDCProvider(ctx, iamAccount, "issuer.example/Path/"), ErrNotFound)

		_, err = s.CreateSAMLProvider(ctx, SAMLProvider{Account: iamAccount, Name: "Corp"}, 0)
		wantError(t, "the same name", err, ErrConflict)
		must(s.UpdateSAMLProvider(ctx, iamAccount, "Corp",
			func(p *SAMLProvider) error { p.Metadata = "new"; return nil }))(t)
		if list := must(s.SAMLProviders(ctx, iamAccount))(t); len(list) != 1 || list[0].Metadata != "new" ||
			list[0].ID != "id" {
			t.Errorf("SAML providers = %+v", list)
		}
		wantError(t, "delete", s.DeleteSAMLProvider(ctx, iamAccount, "Corp"), nil)

		_, err = s.SAMLProvider(ctx, iamAccount, "Corp")
		wantError(t, "after deletion", err, ErrNotFound)
	})
}

// Changes that meet are carried out one after the other: none is lost, limits
// hold, and no role is left with a policy that went away meanwhile.
func TestConcurrentIAM(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		must(s.CreateRole(ctx, testRole("App"), 0))(t)
		must(s.CreatePolicy(ctx, testManagedPolicy("P"), 0))(t)

		const n = 12
		var group sync.WaitGroup
		errs := make([]error, 2*n+2)
		for i := range n {
			group.Go(func() {
				_, errs[i] = s.UpdateRole(ctx, iamAccount, "App", func(r *Role) error {
					if r.Tags == nil {
						r.Tags = map[string]string{}
					}
					r.Tags[fmt.Sprint(i)] = ""
					return nil
				})
			})

			group.Go(func() { _, errs[n+i] = s.CreateRole(ctx, testRole(fmt.Sprintf("New%d", i)), 5) })
		}

		group.Go(func() {
			_, errs[2*n] = s.UpdateRole(ctx, iamAccount, "App",
				func(r *Role) error { r.Attached = []string{policyBase + "/P"}; return nil })
		})
		group.Go(func() {
			errs[2*n+1] = s.DeletePolicy(ctx, iamAccount, "P", func(ManagedPolicy) error { return nil })
		})
		group.Wait()

		for _, err := range errs[:n] {
			wantError(t, "UpdateRole", err, nil)
		}
		if r := must(s.Role(ctx, iamAccount, "App"))(t); len(r.Tags) != n {
			t.Errorf("%d tags, want %d", len(r.Tags), n)
		}

		made := 0
		for _, err := range errs[n : 2*n] {
			if err == nil {
				made++
			} else {
				wantError(t, "CreateRole", err, ErrLimit)
			}
		}

		if made != 4 {
			t.Errorf("%d roles were made within the limit, want 4", made)
		}
		attached, deleted := errs[2*n], errs[2*n+1]
		if (attached == nil) == (deleted == nil) || attached != nil && !errors.Is(attached, ErrPolicyNotFound) ||
			deleted != nil && !errors.Is(deleted, ErrConflict) {
			t.Errorf("attach: %v, delete: %v; one of them should win", attached, deleted)
		}
	})
}

// EachRole sees every role of every account once, in order, over several batches.
func TestEachRole(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		s := open(t, o)
		fillIAM(t, s)

		for i := range 2*resourcePage + 1 {
			r := testRole(fmt.Sprintf("R%04d", i))
			r.Account = []identitypool.AccountID{"111111111111", iamAccount, "999999999999"}[i%3]
			must(s.CreateRole(t.Context(), r, 0))(t)
		}

		var seen []string
		err := s.EachRole(t.Context(), func(r Role) error {
			seen = append(seen, string(r.Account)+"/"+strings.ToLower(r.Name))
			return nil
		})
		if want := 2*resourcePage + 2; err != nil || len(seen) != want || !slices.IsSorted(seen) ||
			len(slices.Compact(slices.Clone(seen))) != want {
			t.Errorf("%d roles, sorted %t, %v; want %d", len(seen), slices.IsSorted(seen), err, want)
		}

		stop := errors.New("stop")
		wantError(t, "visit's error", s.EachRole(t.Context(), func(Role) error { return stop }), stop)
	})
}

// Every managed policy of every account is visited once, page by page.
func TestEachManagedPolicy(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		want := map[string]int{}
		for i := range resourcePage + 3 {
			p := ManagedPolicy{
				Account:  []identitypool.AccountID{iamAccount, "210987654321"}[i%2],
				Name:     fmt.Sprintf("P%03d", i),
				Path:     "/",
				ID:       fmt.Sprintf("ANPA%d", i),
				Default:  1,
				Next:     2,
				Versions: []PolicyVersion{{Number: 1, Document: "{}"}},
			}
			must(s.CreatePolicy(t.Context(), p, 0))(t)
			want[string(p.Account)+" "+p.Name]++
		}

		got := map[string]int{}
		err := s.EachManagedPolicy(t.Context(),
			func(p ManagedPolicy) error { got[string(p.Account)+" "+p.Name]++; return nil })
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("visited (-want +got), %v:\n%s", err, diff)
		}

		stop := errors.New("stop")
		wantError(t, "visit's error", s.EachManagedPolicy(t.Context(), func(ManagedPolicy) error { return stop }), stop)
	})
}
