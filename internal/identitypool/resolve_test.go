package identitypool

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func public(provider, subject string) Login {
	return Login{Kind: Public, Provider: provider, Subject: subject}
}
func dev(user string) Login { return Login{Kind: Developer, Provider: "login.my.app", Subject: user} }

func person(id string, age int, logins ...Login) Identity {
	return Identity{ID: IdentityID(id), Logins: logins, EverLinked: len(logins) > 0,
		Created: epoch.Add(-time.Duration(age) * time.Hour)}
}

// view builds what the store would show for logins over the given identities.
func view(target *Identity, logins []Login, identities ...Identity) View {
	v := View{Target: target, Owners: map[Login]Identity{}}
	for _, l := range logins {
		for _, i := range identities {
			if i.HasLogin(l) {
				v.Owners[l] = i
			}
		}
	}

	return v
}

func TestResolve(t *testing.T) {
	google, google2, apple := public(googleKey, "g1"), public(googleKey, "g2"), public(appleKey, "a1")
	guest := person("guest", 1)
	alice := person("alice", 5, google)
	bob := person("bob", 9, apple)
	alice2 := person("alice2", 3, google2)
	devAlice, devBob := person("dev-alice", 4, dev("alice")), person("dev-bob", 2, dev("bob"))
	disabled := Identity{ID: "disabled", Disabled: true, EverLinked: true}
	unlinked := Identity{ID: "unlinked", EverLinked: true}

	full := person("full", 1)
	for i := range 20 {
		full.Logins = append(full.Logins, dev(fmt.Sprint(i)))
	}
	full.EverLinked = true
	all := []Identity{guest, alice, bob, alice2, devAlice, devBob, disabled, unlinked, full}
	r := Resolver{NewID: func() IdentityID { return "new" }, MaxLogins: 20}
	conflict := &LoginConflict{}

	tests := []struct {
		name   string
		decide func(View) (Plan, error)
		target *Identity
		logins []Login
		want   Plan
		err    any
	}{
		{"first sign-in, unknown login", r.FirstSignIn([]Login{google}), nil, []Login{google}, Plan{Identity: "alice"},
			nil},
		{"first sign-in, new user", r.FirstSignIn([]Login{public(googleKey, "new")}), nil,
			[]Login{public(googleKey, "new")},
			Plan{Identity: "new", Create: true, Link: []Login{public(googleKey, "new")}}, nil},
		{"first sign-in links the second login", r.FirstSignIn([]Login{google, public(appleKey, "x")}), nil,
			[]Login{google, public(appleKey, "x")},
			Plan{Identity: "alice", Link: []Login{public(appleKey, "x")}}, nil},
		{"first sign-in, two owners", r.FirstSignIn([]Login{google, apple}), nil, []Login{google, apple}, Plan{},
			&conflict},

		{"guest without logins", r.UseIdentity(nil), &guest, nil, Plan{Identity: "guest"}, nil},
		{"authenticated without logins", r.UseIdentity(nil), &alice, nil, Plan{}, ErrForbidden},
		{"unlinked without logins", r.UseIdentity(nil), &unlinked, nil, Plan{}, ErrForbidden},
		{"disabled without logins", r.UseIdentity(nil), &disabled, nil, Plan{}, ErrForbidden},
		{"disabled with a login", r.UseIdentity([]Login{google}), &disabled, []Login{google}, Plan{}, ErrForbidden},
		{"unlinked with a free login", r.UseIdentity([]Login{public(googleKey, "n")}), &unlinked,
			[]Login{public(googleKey, "n")}, Plan{}, ErrLoginsDontMatch},
		{"own login", r.UseIdentity([]Login{google}), &alice, []Login{google}, Plan{Identity: "alice"}, nil},
		{"foreign login alone", r.UseIdentity([]Login{apple}), &alice, []Login{apple}, Plan{}, ErrLoginsDontMatch},
		{"free login alone", r.UseIdentity([]Login{public(appleKey, "n")}), &alice,
			[]Login{public(appleKey, "n")}, Plan{}, ErrLoginsDontMatch},
		{"guest links", r.UseIdentity([]Login{public(appleKey, "n")}), &guest, []Login{public(appleKey, "n")},
			Plan{Identity: "guest", Link: []Login{public(appleKey, "n")}}, nil},
		{"guest merges into the owner", r.UseIdentity([]Login{google}), &guest, []Login{google},
			Plan{Identity: "alice", Absorb: []IdentityID{"guest"}}, nil},
		{"guest and two owners: the oldest survives", r.UseIdentity([]Login{google, apple}), &guest,
			[]Login{google, apple},
			Plan{Identity: "bob", Absorb: []IdentityID{"guest", "alice"}}, nil},
		{"linked plus free login", r.UseIdentity([]Login{google, public(appleKey, "n")}), &alice,
			[]Login{google, public(appleKey, "n")},
			Plan{Identity: "alice", Link: []Login{public(appleKey, "n")}}, nil},
		{"linked plus foreign login merges into the named", r.UseIdentity([]Login{google, apple}), &alice,
			[]Login{google, apple},
			Plan{Identity: "alice", Absorb: []IdentityID{"bob"}}, nil},
		{"second user of one provider", r.UseIdentity([]Login{apple, google2}), &bob, []Login{apple, google2},
			Plan{Identity: "bob", Absorb: []IdentityID{"alice2"}}, nil},

		{"developer, new user", r.DeveloperSignIn(dev("zoe"), nil), nil, []Login{dev("zoe")},
			Plan{Identity: "new", Create: true, Link: []Login{dev("zoe")}}, nil},
		{"developer, known user", r.DeveloperSignIn(dev("alice"), nil), nil, []Login{dev("alice")},
			Plan{Identity: "dev-alice"}, nil},
		{"developer, guest upgraded", r.DeveloperSignIn(dev("zoe"), nil), &guest, []Login{dev("zoe")},
			Plan{Identity: "guest", Link: []Login{dev("zoe")}}, nil},
		{"developer, same link again", r.DeveloperSignIn(dev("alice"), nil), &devAlice, []Login{dev("alice")},
			Plan{Identity: "dev-alice"}, nil},
		{"developer, authenticated without its login", r.DeveloperSignIn(dev("zoe"), nil), &alice, []Login{dev("zoe")},
			Plan{}, ErrLoginsDontMatch},
		{"developer, authenticated with its login", r.DeveloperSignIn(dev("zoe"), []Login{google}), &alice,
			[]Login{dev("zoe"), google},
			Plan{Identity: "alice", Link: []Login{dev("zoe")}}, nil},
		{"developer, user of another identity", r.DeveloperSignIn(dev("bob"), nil), &devAlice, []Login{dev("bob")},
			Plan{}, ErrDeveloperUserRegistered},
		{"developer, user of another identity, guest", r.DeveloperSignIn(dev("bob"), nil), &guest, []Login{dev("bob")},
			Plan{}, ErrDeveloperUserRegistered},
		{"developer, public login of another identity", r.DeveloperSignIn(dev("zoe"), []Login{google}), &guest,
			[]Login{dev("zoe"), google}, Plan{}, &conflict},
		{"developer, two owners", r.DeveloperSignIn(dev("alice"), []Login{google}), nil, []Login{dev("alice"), google},
			Plan{}, &conflict},
		{"developer, disabled", r.DeveloperSignIn(dev("alice"), nil), &disabled, []Login{dev("alice")}, Plan{},
			ErrForbidden},

		{"merge", r.MergeDevelopers(dev("alice"), dev("bob")), nil, []Login{dev("alice"), dev("bob")},
			Plan{Identity: "dev-bob", Absorb: []IdentityID{"dev-alice"}}, nil},
		{"merge with itself", r.MergeDevelopers(dev("alice"), dev("alice")), nil, []Login{dev("alice")},
			Plan{Identity: "dev-alice"}, nil},
		{"merge, unknown source", r.MergeDevelopers(dev("zoe"), dev("bob")), nil, []Login{dev("zoe"), dev("bob")},
			Plan{}, ErrUnknownDeveloperUser},
		{"merge, unknown destination", r.MergeDevelopers(dev("bob"), dev("zoe")), nil, []Login{dev("zoe"), dev("bob")},
			Plan{}, ErrUnknownDeveloperUser},
		{"merge over the limit", r.MergeDevelopers(dev("alice"), dev("3")), nil, []Login{dev("alice"), dev("3")},
			Plan{}, &conflict},
		{"link over the limit", r.DeveloperSignIn(dev("zoe"), []Login{google2}), &full, []Login{dev("zoe")}, Plan{},
			ErrLoginsDontMatch},
	}

	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.decide(view(test.target, test.logins, all...))
			switch want := test.err.(type) {
			case nil:
				if err != nil {
					t.Fatalf("error = %v, want none", err)
				}
			case error:
				if !errors.Is(err, want) {
					t.Fatalf("error = %v, want %v", err, want)
				}
			default:
				if !errors.As(err, want) {
					t.Fatalf("error = %v, want a %T", err, want)
				}
			}

			if err != nil && !explained(err) {
				t.Errorf("%v has no reason", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

// Two identities that each hold a different user of one public provider may
// never become one, by whatever road.
func TestNoTwoUsersOfOneProvider(t *testing.T) {
	one := person("one", 2, public(googleKey, "g1"), public(appleKey, "a1"))
	two := person("two", 1, public(googleKey, "g2"), dev("d2"))
	devOne := person("dev-one", 1, dev("d1"), public(googleKey, "g1"))
	r := Resolver{NewID: func() IdentityID { return "new" }, MaxLogins: 20}

	tests := map[string]struct {
		decide func(View) (Plan, error)
		view   View
	}{
		"link": {r.UseIdentity([]Login{public(appleKey, "a1"), public(googleKey, "free")}),
			view(&one, []Login{public(appleKey, "a1"), public(googleKey, "free")}, one)},
		"first sign-in": {r.FirstSignIn([]Login{public(appleKey, "a1"), public(googleKey, "free")}),
			view(nil, []Login{public(appleKey, "a1"), public(googleKey, "free")}, one)},
		"merge": {r.UseIdentity([]Login{public(appleKey, "a1"), public(googleKey, "g2")}),
			view(&one, []Login{public(appleKey, "a1"), public(googleKey, "g2")}, one, two)},
		"merge developers": {r.MergeDevelopers(dev("d1"), dev("d2")),
			view(nil, []Login{dev("d1"), dev("d2")}, devOne, two)},
		"developer": {r.DeveloperSignIn(dev("d2"), []Login{public(googleKey, "free")}),
			view(nil, []Login{dev("d2"), public(googleKey, "free")}, two)},
	}

	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var conflict *LoginConflict
			if plan, err := test.decide(test.view); !errors.As(err, &conflict) || conflict.Provider != googleKey {
				t.Errorf("= %+v, %v; want a conflict of %s", plan, err, googleKey)
			}
		})
	}
}
