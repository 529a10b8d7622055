package clilogin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// Credentials that are good cost no request, and SDKs that ask 15 minutes before the expiry get new ones.
func TestFreshCredentials(t *testing.T) {
	r := newRig(t)
	r.login()
	first, before := r.credentials(), r.requests.total()

	r.clock.Advance(39 * time.Minute)
	if second := r.credentials(); second != first || r.requests.total() != before {
		t.Errorf("after 39 minutes there were %d requests", r.requests.total()-before)
	}

	r.clock.Advance(2 * time.Minute)
	third := r.credentials()
	if third == first || third.Expires.Sub(r.clock.Now()) < 59*time.Minute {
		t.Errorf("after 41 minutes they expire at %s, now is %s", third.Expires, r.clock.Now())
	}
	if r.issuer.spent != 0 {
		t.Error("the refresh token was spent though the ID token is good")
	}
}

func TestFresh(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		issued, expires time.Duration // from now
		want            bool
	}{
		{0, time.Hour, true},
		{-39 * time.Minute, 21 * time.Minute, true},
		{-41 * time.Minute, 19 * time.Minute, false},
		{-9 * time.Minute, 6 * time.Minute, true}, // of 15 minutes
		{-11 * time.Minute, 4 * time.Minute, false},
		{-2 * time.Hour, -time.Hour, false},
		{time.Hour, 2 * time.Hour, false}, // the clock was set back
		{time.Minute, time.Hour, true},
	} {
		k := Credentials{AccessKeyID: "A", Issued: now.Add(test.issued), Expires: now.Add(test.expires)}
		if got := k.fresh(now); got != test.want {
			t.Errorf("issued %s, expires %s: fresh is %t", test.issued, test.expires, got)
		}
	}
}

// Refresh tokens rotate: each is spent once, and the next is kept.
func TestRotation(t *testing.T) {
	r := newRig(t)
	r.login()
	for n := range 3 {
		r.clock.Advance(2 * time.Hour)
		r.credentials()
		if kept := r.kept().RefreshToken; kept != r.issuer.refresh || r.issuer.spent != n+1 {
			t.Errorf("renewal %d: %q is kept, %q is good; %d were spent", n, kept, r.issuer.refresh, r.issuer.spent)
		}
	}
}

// An issuer without rotation gives no new refresh token: the former stays.
func TestNoRotation(t *testing.T) {
	r := newRig(t)
	r.login()
	first := r.kept().RefreshToken
	r.issuer.answer = map[string]any{"refresh_token": nil}
	r.clock.Advance(2 * time.Hour)

	r.credentials()
	if kept := r.kept().RefreshToken; kept != first {
		t.Errorf("%q is kept, not %q", kept, first)
	}
}

// Of many processes at once, one spends the refresh token.
func TestManyProcesses(t *testing.T) {
	r := newRig(t)
	r.login()
	r.clock.Advance(2 * time.Hour)

	var group sync.WaitGroup
	results := make([]Credentials, 16)
	for n := range results {
		group.Go(func() {
			var err error
			if results[n], err = New(r.o).Credentials(t.Context(), "photos"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()

	for _, got := range results {
		if got != results[0] {
			t.Error("they got different credentials")
		}
	}
	if r.issuer.spent != 1 {
		t.Errorf("the refresh token was spent %d times", r.issuer.spent)
	}
}

// Each step is kept before the next, so that a process that dies loses nothing that was kept: that a
// refresh token is being spent, and the new one before anybody is asked about its ID token.
func TestWrittenBeforeUse(t *testing.T) {
	r := newRig(t)
	r.login()
	r.clock.Advance(2 * time.Hour)

	checked := map[string]bool{}
	r.requests.before = func(name string, _ *http.Request) {
		checked[name] = true
		switch s := r.kept(); name {
		case "/token":
			if s.Refreshing.IsZero() || s.RefreshToken != r.issuer.refresh {
				t.Errorf("before the token is spent, the sign-in has %v", s.Refreshing)
			}
		case "/jwks", "GetCredentialsForIdentity":
			if s.RefreshToken != r.issuer.refresh || !s.Refreshing.IsZero() {
				t.Errorf("before %s, the sign-in has not the new token", name)
			}
		}
	}
	r.credentials()
	if !checked["/token"] || !checked["/jwks"] || !checked["GetCredentialsForIdentity"] {
		t.Errorf("checked: %v", checked)
	}
}

// A caller that goes away does not lose the new refresh token.
func TestInterruptedCaller(t *testing.T) {
	r := newRig(t)
	r.login()
	r.clock.Advance(2 * time.Hour)

	ctx, cancel := context.WithCancel(t.Context())
	r.requests.before = func(name string, _ *http.Request) {
		if name == "/token" {
			cancel()
		}
	}
	_, _ = r.Credentials(ctx, "photos")
	if kept := r.kept(); kept.RefreshToken != r.issuer.refresh || !kept.Refreshing.IsZero() {
		t.Error("the new refresh token is not kept")
	}
	r.credentials()
}

// A process died between the request and the answer: the next tries the token, and tells what happened
// if it is no longer good.
func TestDiedWhileRefreshing(t *testing.T) {
	for name, good := range map[string]bool{"the request did not arrive": true, "the answer was lost": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.login()
			r.clock.Advance(2 * time.Hour)

			p, s := r.profile, r.kept()
			p.Storage = StorageFile
			s.Refreshing = r.clock.Now()
			if err := r.writeSignIn(t.Context(), p, s); err != nil {
				t.Fatal(err)
			}
			if !good {
				r.issuer.refresh = "another"
			}

			_, err := r.Credentials(t.Context(), "photos")
			if good && err != nil || !good && (!isSignIn(err) || !strings.Contains(err.Error(), "had no answer")) {
				t.Error(err)
			}
		})
	}
}

// A login that was ended is not tried again, and the error names the command.
func TestRevoked(t *testing.T) {
	r := newRig(t)
	r.login()
	r.clock.Advance(2 * time.Hour)
	r.issuer.refresh = ""

	_, err := r.Credentials(t.Context(), "photos")
	if !isSignIn(err) || !strings.Contains(err.Error(), "poolhouse login --profile photos") ||
		!strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("the error is %v", err)
	}
	before := r.requests.total()
	if _, err := r.Credentials(t.Context(), "photos"); !isSignIn(err) || r.requests.total() != before {
		t.Errorf("again: %v after %d requests", err, r.requests.total()-before)
	}

	r.login()
	r.credentials()
}

// While the issuer or the server cannot be asked, credentials that are still good are used.
func TestUnavailable(t *testing.T) {
	for name, fail := range map[string]func(*rig){
		"server stopped": func(r *rig) { r.server.Stop() },
		"a page of the network": func(r *rig) {
			page := strings.TrimPrefix(r.issuer.URL, "http://")
			r.requests.before = func(_ string, q *http.Request) { q.URL.Host = page }
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.login()
			first := r.credentials()
			fail(r)

			r.clock.Advance(50 * time.Minute)
			r.notices = nil
			if got := r.credentials(); got != first || len(r.notices) != 1 {
				t.Errorf("the same: %t, told: %q", got == first, r.notices)
			}
			r.clock.Advance(11 * time.Minute)
			if _, err := r.Credentials(t.Context(), "photos"); err == nil || isSignIn(err) {
				t.Errorf("after the expiry: %v", err)
			}
		})
	}
}

func TestIssuerUnavailable(t *testing.T) {
	r := newRig(t)
	r.login()
	r.clock.Advance(2 * time.Hour)
	r.issuer.intercept = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true }
	_, err := r.Credentials(t.Context(), "photos")
	if _, is := errors.AsType[*UnavailableError](err); !is {
		t.Errorf("the error is %v", err)
	}

	r.issuer.set(func() { r.issuer.intercept = nil })
	r.credentials()
}

// An issuer cannot turn a sign-in into that of another user.
func TestRenewedForAnother(t *testing.T) {
	r := newRig(t)
	r.login()
	r.clock.Advance(2 * time.Hour)
	r.issuer.subject = "mallory"
	_, err := r.Credentials(t.Context(), "photos")
	if !isUntrusted(err) || !strings.Contains(err.Error(), "another user") {
		t.Errorf("the error is %v", err)
	}
	if r.kept().IDToken != "" {
		t.Error("the token of the other user is kept")
	}
}

func TestIssuerRenewsNoIDToken(t *testing.T) {
	r := newRig(t)
	r.login()
	r.clock.Advance(2 * time.Hour)
	r.issuer.answer = map[string]any{"id_token": nil}
	if _, err := r.Credentials(t.Context(), "photos"); !isSignIn(err) {
		t.Errorf("the error is %v", err)
	}
}

// A clock that is wrong is named in the error, and does not end the sign-in.
func TestWrongClock(t *testing.T) {
	for _, wrong := range []time.Duration{-48 * time.Hour, 48 * time.Hour} {
		t.Run(fmt.Sprint(wrong), func(t *testing.T) {
			r := newRig(t)
			r.login()

			o := r.o
			o.Now = func() time.Time { return r.clock.Now().Add(wrong) }
			_, err := New(o).Credentials(t.Context(), "photos")
			if wrong > 0 && (!isUntrusted(err) || !strings.Contains(err.Error(), "clock")) {
				t.Errorf("the error is %v", err)
			}
			r.credentials()
		})
	}
}

// An identity that was deleted is followed by a new one of the same login.
func TestDeletedIdentity(t *testing.T) {
	r := newRig(t)
	r.login()
	p, s := r.profile, r.kept()
	p.Storage = StorageFile
	s.IdentityID = "us-east-1:00000000-0000-4000-8000-00000000dead"
	s.Credentials = Credentials{}
	if err := r.writeSignIn(t.Context(), p, s); err != nil {
		t.Fatal(err)
	}

	r.credentials()
	if got := r.kept().IdentityID; got == s.IdentityID || got == "" {
		t.Errorf("the identity is %q", got)
	}
}

// Whoever edits a profile cannot send its tokens elsewhere.
func TestChangedProfile(t *testing.T) {
	r := newRig(t)
	r.login()
	good, err := r.Profile("photos")
	if err != nil {
		t.Fatal(err)
	}

	for name, change := range map[string]func(*Profile){
		"endpoint":  func(p *Profile) { p.Endpoint = "http://127.0.0.1:1" },
		"issuer":    func(p *Profile) { p.Issuer = "http://127.0.0.1:1" },
		"client":    func(p *Profile) { p.ClientID = "another" },
		"pool":      func(p *Profile) { p.IdentityPool = "us-east-1:00000000-0000-4000-8000-000000000009" },
		"sts":       func(p *Profile) { p.STSEndpoint = "http://127.0.0.1:1" },
		"user pool": func(p *Profile) { p.Issuer, p.UserPool = "", "us-east-1_Other" },
	} {
		t.Run(name, func(t *testing.T) {
			p := good
			change(&p)
			if err := r.keepProfile(p); err != nil {
				t.Fatal(err)
			}

			before := r.requests.total()
			if _, err := r.Credentials(t.Context(), "photos"); !isSignIn(err) || r.requests.total() != before {
				t.Errorf("%v after %d requests", err, r.requests.total()-before)
			}
		})
	}
}

func TestOpenFile(t *testing.T) {
	r := newRig(t)
	r.login()
	if err := os.Chmod(r.signInPath("photos"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Credentials(t.Context(), "photos"); err == nil || !strings.Contains(err.Error(), "0644") {
		t.Errorf("a file that others may read: %v", err)
	}
}

// Secrets do not come out of a format verb.
func TestShown(t *testing.T) {
	for _, value := range []any{
		Credentials{SecretAccessKey: "hidden"}, signIn{RefreshToken: "hidden"},
		&signIn{RefreshToken: "hidden", Credentials: Credentials{SecretAccessKey: "hidden"}},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, "hidden") {
				t.Errorf("%s shows %s", verb, text)
			}
		}
	}
}
