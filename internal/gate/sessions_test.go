package gate

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/auth"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

const (
	ownKey       = "ASIAOWNOWNOWNOWNOWNO"
	sessionToken = "token"
)

// oneSession is the Minter, the Revocations and the Roles of one session.
type oneSession struct {
	content session.Session
	opened  atomic.Int64 // how often the token was opened
	retired atomic.Bool  // whether its session key is gone
	revoked atomic.Bool
	tags    map[string]string // of the role
	noRoles error
}

func (o *oneSession) RoleTags(context.Context, iam.Caller) (map[string]string, bool, error) {
	return o.tags, true, o.noRoles
}

func (o *oneSession) Open(_ context.Context, accessKeyID, token string) (session.Session, string, error) {
	o.opened.Add(1)
	if accessKeyID != ownKey || token != sessionToken || o.retired.Load() {
		return session.Session{}, "", session.ErrInvalidToken
	}
	return o.content, "secret", nil
}

func (o *oneSession) Knows(_ context.Context, token string) bool {
	return token == sessionToken && !o.retired.Load()
}

func (o *oneSession) Owner(context.Context, string, string) identitypool.AccountID {
	return o.content.Account
}

func (o *oneSession) Check(context.Context, string, *session.Session) error {
	if o.revoked.Load() {
		return session.ErrRevoked
	}
	return nil
}

// newOneSession returns a session, its cache, and the ways in: the APIs and forward auth.
func newOneSession() (*oneSession, *Sessions, *atomic.Int64, map[string]func(accessKeyID, token string) error) {
	begin := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	o := &oneSession{content: session.Session{
		Account:     "123456789012",
		RoleARN:     iam.NewRoleARN("aws", "123456789012", "/", "app"),
		RoleID:      "AROAX",
		SessionName: "me",
		Issued:      begin,
		Expires:     begin.Add(time.Hour),
	}}
	var ahead atomic.Int64
	s := NewSessions(o, o, o, func() time.Time { return begin.Add(time.Duration(ahead.Load())) })
	g := &Gate{sessions: s}

	return o, s, &ahead, map[string]func(accessKeyID, token string) error{
		"API": func(accessKeyID, token string) error {
			_, _, err := g.temporary(context.Background(), accessKeyID, token)
			return err
		},
		"forward auth": func(accessKeyID, token string) error {
			scope := sigv4.Scope{AccessKeyID: accessKeyID, Date: "20261124", Region: "us-east-1", Service: "s3"}
			_, err := s.key(context.Background(), scope, token)
			return err
		},
	}
}

// A session that is remembered is refused by the next call after it ended, and the memory of it
// is no help for another key or token.
func TestRememberedSessions(t *testing.T) {
	for name, test := range map[string]struct {
		end        func(o *oneSession, ahead *atomic.Int64)
		key, token string
		want       error
	}{
		"goes on": {func(*oneSession, *atomic.Int64) {}, ownKey, sessionToken, nil},
		"revoked": {
			func(o *oneSession, _ *atomic.Int64) { o.revoked.Store(true) },
			ownKey, sessionToken, sigv4.ErrInvalidToken,
		},
		"session key retired": {
			func(o *oneSession, _ *atomic.Int64) { o.retired.Store(true) },
			ownKey, sessionToken, sigv4.ErrInvalidToken,
		},
		"expired": {
			func(_ *oneSession, ahead *atomic.Int64) { ahead.Store(int64(time.Hour)) },
			ownKey, sessionToken, sigv4.ErrExpiredToken,
		},
		"another access key": {
			func(*oneSession, *atomic.Int64) {},
			"ASIAOTHEROTHEROTHERO", sessionToken, sigv4.ErrInvalidToken,
		},
		"another token":  {func(*oneSession, *atomic.Int64) {}, ownKey, "other", sigv4.ErrInvalidToken},
		"a longer token": {func(*oneSession, *atomic.Int64) {}, ownKey, sessionToken + "x", sigv4.ErrInvalidToken},
		"revoked and expired": {
			func(o *oneSession, ahead *atomic.Int64) {
				o.revoked.Store(true)
				ahead.Store(int64(time.Hour))
			},
			ownKey, sessionToken, sigv4.ErrExpiredToken,
		},
		"expired, key is gone": {
			func(o *oneSession, ahead *atomic.Int64) {
				o.retired.Store(true)
				ahead.Store(int64(time.Hour))
			},
			ownKey, sessionToken, sigv4.ErrExpiredToken,
		},
	} {
		o, _, ahead, ways := newOneSession()
		for way, ask := range ways {
			ahead.Store(0)
			o.retired.Store(false)
			o.revoked.Store(false)
			if err := ask(ownKey, sessionToken); err != nil {
				t.Fatalf("%s, %s: the first call: %v", name, way, err)
			}
			opened := o.opened.Load()
			if err := ask(ownKey, sessionToken); err != nil || o.opened.Load() != opened {
				t.Fatalf("%s, %s: the session is not remembered: %v", name, way, err)
			}

			test.end(o, ahead)
			if err := ask(test.key, test.token); !errors.Is(err, test.want) {
				t.Errorf("%s, %s: %v, want %v", name, way, err, test.want)
			}
		}
	}
}

// Once the session is revoked, no call of those that run in parallel is let in any more.
func TestRevokedInParallel(t *testing.T) {
	o, _, _, ways := newOneSession()

	var calls sync.WaitGroup
	for _, ask := range ways {
		for range 8 {
			calls.Go(func() {
				for range 200 {
					ended := o.revoked.Load()
					if err := ask(ownKey, sessionToken); ended && !errors.Is(err, sigv4.ErrInvalidToken) {
						t.Errorf("after the end: %v", err)
					}
					_ = ask("ASIAOTHEROTHEROTHERO", sessionToken)
				}
			})
		}
	}

	calls.Go(func() {
		for o.opened.Load() < 300 { // in the middle of the calls
			runtime.Gosched()
		}
		o.revoked.Store(true)
	})
	calls.Wait()
}

// Services outside accept sessions of roles only: not the temporary credentials of an access
// key, and not a federated user of it.
func TestServicesRefuseSessionsOfAccessKeys(t *testing.T) {
	for name, federated := range map[string]string{"session token": "", "federated user": "bob"} {
		_, role, _, _ := newOneSession()
		if _, err := role.ofRole(t.Context(), ownKey, sessionToken); err != nil {
			t.Fatalf("a role's session: %v", err)
		}

		o, s, _, _ := newOneSession()
		o.content = session.Session{
			Account:       "123456789012",
			Key:           "AKIAAAAAAAAAAAAAAAAA",
			FederatedUser: federated,
			Issued:        o.content.Issued,
			Expires:       o.content.Expires,
		}
		scope := sigv4.Scope{AccessKeyID: ownKey, Date: "20261124", Region: "us-east-1", Service: "execute-api"}
		if _, err := s.key(t.Context(), scope, sessionToken); !errors.Is(err, sigv4.ErrInvalidToken) {
			t.Errorf("%s: forward auth: %v", name, err)
		}
		_, err := s.Verify(t.Context(), "123456789012", ownKey, sessionToken, "20261124", "us-east-1", "execute-api")
		if !errors.Is(err, session.ErrInvalidToken) {
			t.Errorf("%s: VerifySession: %v", name, err)
		}
	}
}

// Services learn a role's tags with those of the session, as they are now and in every partition.
func TestServicesLearnRoleTags(t *testing.T) {
	o, s, _, _ := newOneSession()
	o.content.Tags = map[string]string{"team": "session"}
	verify := func(region string) *auth.Principal {
		t.Helper()
		v, err := s.Verify(t.Context(), "123456789012", ownKey, sessionToken, "20261124", region, "s3")
		if err != nil {
			t.Fatal(err)
		}
		return v.Principal
	}

	for _, tc := range []struct {
		role, want map[string]string
	}{
		{nil, map[string]string{"team": "session"}},
		{map[string]string{"Team": "role", "site": "north"}, map[string]string{"team": "session", "site": "north"}},
		{map[string]string{"site": "south"}, map[string]string{"team": "session", "site": "south"}},
		{nil, map[string]string{"team": "session"}},
	} {
		o.tags = tc.role
		for _, region := range []string{"us-east-1", "us-gov-west-1"} {
			p := verify(region)
			header := http.Header{}
			p.SetHeaders(header)
			if !maps.Equal(p.Tags, tc.want) || verify(region) != p {
				t.Errorf("%s: the role has %v: %v, want %v, described once", region, tc.role, p.Tags, tc.want)
			}

			scope := sigv4.Scope{AccessKeyID: ownKey, Date: "20261124", Region: region, Service: "s3"}
			key, err := s.key(t.Context(), scope, sessionToken)
			if err != nil {
				t.Fatal(err)
			}
			if got := key.Owner.(*Session).In(region).Header; !reflect.DeepEqual(got, header) {
				t.Errorf("%s: headers %v, want %v", region, got, header)
			}
		}
	}

	o.noRoles = errors.New("no database")
	if _, err := s.Verify(t.Context(), "123456789012", ownKey, sessionToken, "20261124", "us-east-1",
		"s3"); !errors.Is(err, o.noRoles) {
		t.Errorf("without the roles: %v", err)
	}
}
