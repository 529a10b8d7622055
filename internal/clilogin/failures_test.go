package clilogin

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// age leaves the credentials 15 minutes, and the ID token none.
func (r *rig) age(changes ...func(*signIn)) Credentials {
	r.t.Helper()
	p, err := r.Profile("photos")
	if err != nil {
		r.t.Fatal(err)
	}
	s := r.kept()
	s.IDTokenExpires = r.clock.Now().Add(-time.Minute)
	s.Credentials.Issued, s.Credentials.Expires = r.clock.Now().Add(-45*time.Minute), r.clock.Now().Add(15*time.Minute)
	for _, change := range changes {
		change(&s)
	}
	if err := r.writeSignIn(r.t.Context(), p, s); err != nil {
		r.t.Fatal(err)
	}

	return r.kept().Credentials
}

// answerAt makes the issuer answer a path.
func (r *rig) answerAt(path string, status int, body string) {
	r.issuer.set(func() {
		r.issuer.intercept = func(w http.ResponseWriter, q *http.Request) bool {
			if q.URL.Path != path {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))

			return true
		}
	})
}

// Credentials that are good are used, whatever the renewal fails of.
func TestGoodCredentialsAreUsed(t *testing.T) {
	pool := func(code string) func(*rig) {
		return func(r *rig) {
			r.requests.before = func(name string, q *http.Request) {
				if name == "GetCredentialsForIdentity" {
					q.URL.Host = strings.TrimPrefix(r.issuer.URL, "http://")
				}
			}
			r.answerAt("/", http.StatusBadRequest, `{"__type":"`+code+`","message":"by the test"}`)
		}
	}
	token := func(status int, code string) func(*rig) {
		return func(r *rig) { r.answerAt("/token", status, `{"error":"`+code+`"}`) }
	}

	for name, test := range map[string]struct {
		fail   func(*rig)
		silent bool
	}{
		"too many sign-ins":        {fail: token(429, "too_many_requests")},
		"temporarily unavailable":  {fail: token(400, "temporarily_unavailable")},
		"the sign-in has ended":    {fail: token(400, "invalid_grant")},
		"an error of the client":   {fail: token(401, "invalid_client")},
		"throttled":                {fail: pool("ThrottlingException")},
		"refused by the pool":      {fail: pool("NotAuthorizedException")},
		"no refresh token":         {fail: func(r *rig) { r.age(func(s *signIn) { s.RefreshToken = "" }) }},
		"the lock cannot be taken": {fail: func(r *rig) { r.spoil("lock") }},
		"another process renews":   {fail: (*rig).holdLock, silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.login()
			want := r.age()
			test.fail(r)

			r.notices = nil
			if got := r.credentials(); got != want || test.silent != (len(r.notices) == 0) {
				t.Errorf("the same: %t, told: %q", got == want, r.notices)
			}
		})
	}
}

// spoil makes a file of the sign-in one that cannot be written.
func (r *rig) spoil(name string) {
	path := filepath.Join(r.signInFolder("photos"), name)
	if err := errors.Join(os.RemoveAll(path), os.MkdirAll(filepath.Join(path, "full"), 0o700)); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) holdLock() {
	other := flock.New(filepath.Join(r.signInFolder("photos"), "lock"))
	if locked, err := other.TryLock(); !locked || err != nil {
		r.t.Fatal(locked, err)
	}
	r.t.Cleanup(func() { _ = other.Close() })
}

// New credentials that cannot be kept, as on a full disk, are used.
func TestNotKept(t *testing.T) {
	r := newRig(t)
	r.login()
	former := r.age(func(s *signIn) { s.IDTokenExpires = r.clock.Now().Add(time.Hour) })
	r.requests.before = func(name string, _ *http.Request) {
		if name == "GetCredentialsForIdentity" {
			r.spoil("sign-in.json")
		}
	}

	r.notices = nil
	if got := r.credentials(); got == former || len(r.notices) != 1 {
		t.Errorf("the former: %t, told: %q", got == former, r.notices)
	}
}

// A lock that another process holds is an error that passes.
func TestBusy(t *testing.T) {
	r := newRig(t)
	r.login()
	r.holdLock()
	if _, err := r.lock(t.Context(), "photos", time.Millisecond); err == nil {
		t.Fatal("two have the lock")
	} else if _, is := errors.AsType[*BusyError](err); !is {
		t.Error(err)
	}
	if release, err := r.lock(t.Context(), "other", 0); err != nil {
		t.Error(err)
	} else {
		release()
	}
}

// What the issuer says at the end is shown, also after a renewal without an answer.
func TestEndAfterUnavailable(t *testing.T) {
	r := newRig(t)
	r.login()
	r.clock.Advance(2 * time.Hour)
	r.answerAt("/token", http.StatusServiceUnavailable, "")
	_, _ = r.Credentials(t.Context(), "photos")
	r.answerAt("/token", http.StatusBadRequest, `{"error":"invalid_grant","error_description":"disabled user"}`)

	_, err := r.Credentials(t.Context(), "photos")
	if !isSignIn(err) || !strings.Contains(err.Error(), "disabled user") {
		t.Error(err)
	}
	if status, err := r.Status(t.Context(), "photos"); err != nil || !strings.Contains(status.Ended, "invalid_grant") {
		t.Errorf("%+v, %v", status, err)
	}
}

// Nothing with secrets outlives a logout, also what a killed process has left.
func TestLeftovers(t *testing.T) {
	r := newRig(t)
	r.login()
	mine := filepath.Join(r.signInFolder("photos"), ".poolhouse-new-1")
	foreign := filepath.Join(r.signInFolder("other"), ".poolhouse-new-1") // another process may be writing it
	err := errors.Join(os.MkdirAll(filepath.Dir(foreign), 0o700), os.WriteFile(mine, []byte("secret"), 0o600),
		os.WriteFile(foreign, []byte("secret"), 0o600))
	if err != nil {
		t.Fatal(err)
	}

	if _, err := r.Logout(t.Context(), "photos", false); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(mine); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
}

// A sign-in that nobody can read is forgotten too, and the person is told that it was not revoked.
func TestLogoutOfABrokenSignIn(t *testing.T) {
	for name, spoil := range map[string]func(*rig) error{
		"others may read it": func(r *rig) error { return os.Chmod(r.signInPath("photos"), 0o644) },
		"no keyring": func(r *rig) error {
			return os.WriteFile(r.signInPath("photos"), []byte(`{"version":1,"sealed":"AAAA"}`), 0o600)
		},
		"a broken profile": func(r *rig) error { return os.WriteFile(r.profilePath("photos"), []byte("{"), 0o600) },
		"no profile":       func(r *rig) error { return os.Remove(r.profilePath("photos")) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.login()
			if err := spoil(r); err != nil {
				t.Fatal(err)
			}

			unrevoked, err := r.Logout(t.Context(), "photos", true)
			if unrevoked == nil || err != nil {
				t.Errorf("unrevoked: %v, %v", unrevoked, err)
			}
			for _, path := range []string{r.signInPath("photos"), r.profilePath("photos")} {
				if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: %v", path, err)
				}
			}
		})
	}

	if _, err := newRig(t).Logout(t.Context(), "photos", true); !isMissing(err) {
		t.Errorf("a profile that never was: %v", err)
	}
}

// A login that is refused leaves the profile and its former login as they were.
func TestRefusedLogin(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Profile)
		kept   bool // the former
	}{
		"a role that is refused": {func(p *Profile) { p.RoleARN = testRole + "Typo" }, true},
		"a server that is none":  {func(p *Profile) { p.Endpoint = "http://127.0.0.1:1" }, true},
		"no pool": {
			func(p *Profile) { p.IdentityPool = "us-east-1:00000000-0000-4000-8000-00000000dead" }, true,
		},
		"a good role": {func(p *Profile) { p.RoleARN = testRole }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.login()
			former := r.kept()

			changed := r.profile
			test.change(&changed)
			if err := r.Login(t.Context(), changed, LoginOptions{}); (err != nil) != test.kept {
				t.Errorf("the login: %v", err)
			}
			p, err := r.Profile("photos")
			if err != nil || (p.RoleARN == changed.RoleARN && p.binding() == changed.binding()) == test.kept {
				t.Errorf("the profile is %+v, %v", p, err)
			}
			if same := r.kept().RefreshToken == former.RefreshToken; same != test.kept {
				t.Errorf("the former login is kept: %t", same)
			}
			r.credentials()
		})
	}
}

// Others must not be able to replace a sign-in.
func TestOpenFolder(t *testing.T) {
	r := newRig(t)
	r.login()
	r.credentials()
	if err := os.Chmod(filepath.Dir(r.signInFolder("photos")), 0o777); err != nil { //nolint:gosec // the test's point
		t.Fatal(err)
	}
	if _, err := r.Credentials(t.Context(), "photos"); err == nil || !strings.Contains(err.Error(), "0777") {
		t.Errorf("the error is %v", err)
	}
}

func TestOddName(t *testing.T) {
	_, err := newIssuerRig(t).Profile("a\x1b[2J")
	if err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("%q", err)
	}
}
