package gate_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/auth"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// cluster is servers on one database, with the command line's store beside them,
// under a clock that can be moved on.
type cluster struct {
	nodes   []*wiretest.Server
	store   *store.Store
	sealer  *envelope.Sealer
	skipped atomic.Int64
}

func (c *cluster) now() time.Time { return time.Now().Add(time.Duration(c.skipped.Load())) }

func (c *cluster) skip(d time.Duration) { c.skipped.Add(int64(d)) }

// clusters are the deployments: two nodes on PostgreSQL, one on SQLite.
func eachCluster(t *testing.T, test func(t *testing.T, c *cluster), change ...func(*poolhouse.Config)) {
	master := bytes.Repeat([]byte{7}, 32)
	run := func(name string, nodes int, options func(t *testing.T) store.Options) {
		t.Run(name, func(t *testing.T) {
			c := &cluster{sealer: wiretest.Must(envelope.New(master))(t)}
			o := options(t)
			for range nodes {
				c.nodes = append(c.nodes, wiretest.Start(t,
					append([]func(*poolhouse.Config){wiretest.Files, func(p *poolhouse.Config) {
						p.DatabaseURL, p.MasterKey, p.Now, p.IssuerURL = o.URL, master, c.now, "https://id.example"
						if o.Path != "" {
							p.DataDir = filepath.Dir(o.Path)
						}
					}}, change...)...))
			}

			o.Sealer = c.sealer
			c.store = wiretest.Must(store.Open(t.Context(), o))(t)
			t.Cleanup(func() { _ = c.store.Close() })
			test(t, c)
		})
	}

	run("postgresql", 2, func(t *testing.T) store.Options { return store.Options{URL: pgtest.URL(t)} })
	run("sqlite", 1, func(t *testing.T) store.Options {
		return store.Options{Path: filepath.Join(t.TempDir(), poolhouse.DatabaseFile)}
	})
}

// signer opens the issuer as the command line does, beside the servers.
func (c *cluster) signer(t *testing.T) *issuer.Issuer {
	t.Helper()
	return wiretest.Must(issuer.New(t.Context(), issuer.Options{Store: c.store, Sealer: c.sealer,
		URL: "https://id.example", Region: wiretest.Region, Algorithm: "ES256", Now: c.now}))(t)
}

// A retired key's tokens are refused on every node within issuer.Lag, at STS and as
// a login, and no node publishes it; the tokens of the key after it go on. That
// holds for each algorithm, and a second time within the hour.
func TestLeakedSigningKey(t *testing.T) {
	for _, algorithm := range issuer.Algorithms {
		t.Run(algorithm, func(t *testing.T) {
			eachCluster(t, testLeakedSigningKey, func(c *poolhouse.Config) {
				c.PoolAlgorithms = map[string]string{wiretest.FilesPool: algorithm}
			})
		})
	}
}

func testLeakedSigningKey(t *testing.T, c *cluster) {
	s := c.nodes[0]
	s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.AllowClassicFlow = aws.Bool(true)
		in.DeveloperProviderName = aws.String("login.my.app")
		in.IdentityPoolTags = map[string]string{"_custom_id_": wiretest.FilesPool}
	})

	s.UseRole(t, wiretest.FilesPool, wiretest.AuthenticatedRole)
	type signed struct{ id, token string }
	sign := func(n *wiretest.Server) signed {
		t.Helper()
		out := wiretest.Must(n.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: aws.String(wiretest.FilesPool),
				Logins: map[string]string{"login.my.app": "alice"}, TokenDuration: aws.Int64(86400)}))(t)
		return signed{*out.IdentityId, *out.Token}
	}

	// states tells on which nodes STS and the enhanced flow take a token, and which
	// publish its key.
	states := func(x signed) (state string) {
		t.Helper()

		for n, s := range c.nodes {
			anonymous := stsclient.New(stsclient.Options{BaseEndpoint: &s.URL, Region: wiretest.Region,
				RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}})
			_, err := anonymous.AssumeRoleWithWebIdentity(t.Context(),
				&stsclient.AssumeRoleWithWebIdentityInput{RoleArn: aws.String(wiretest.AuthenticatedRole),
					RoleSessionName: aws.String("app"), WebIdentityToken: &x.token})
			if err == nil {
				state += "STS" + strconv.Itoa(n) + " "
			} else {
				wiretest.WantError(t, err, "InvalidIdentityToken", "")
			}

			_, err = s.Public().GetCredentialsForIdentity(t.Context(),
				&ci.GetCredentialsForIdentityInput{IdentityId: &x.id,
					Logins: map[string]string{"cognito-identity.amazonaws.com": x.token}})
			if err == nil {
				state += "login" + strconv.Itoa(n) + " "
			} else {
				wiretest.WantError(t, err, "NotAuthorizedException", "")
			}
			if strings.Contains(s.Get(t, "/.well-known/jwks_uri").Body, `"kid":"`+wiretest.KeyID(t, x.token)+`"`) {
				state += "published" + strconv.Itoa(n) + " "
			}
		}

		return strings.TrimSpace(state)
	}

	all := "STS0 login0 published0"
	if len(c.nodes) == 2 {
		all += " STS1 login1 published1"
	}

	leaked := sign(s)
	wiretest.Equal(t, "before", states(leaked), all)

	for round := range 2 { // the second is within the hour
		old := wiretest.KeyID(t, leaked.token)
		if _, err := issuer.RetireIn(t.Context(), c.store, c.sealer, c.now, old); !errors.Is(err, issuer.ErrKeySigns) {
			t.Errorf("retiring the key that signs: %v", err)
		}
		if err := c.signer(t).RotateNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.skip(issuer.Lag)

		var fresh []signed
		for n, node := range c.nodes {
			x := sign(node)
			if wiretest.KeyID(t, x.token) == old {
				t.Errorf("round %d: node %d signs with the old key", round, n)
			}
			fresh = append(fresh, x)
		}
		wiretest.Equal(t, "the old key before it is retired", states(leaked), all)

		gone, err := issuer.RetireIn(t.Context(), c.store, c.sealer, c.now, old)
		if err != nil || gone.ID != old || gone.State != issuer.Retired {
			t.Fatalf("%+v, %v", gone, err)
		}
		c.skip(issuer.Lag)
		wiretest.Equal(t, "the retired key", states(leaked), "")

		for _, x := range fresh {
			wiretest.Equal(t, "the key after it", states(x), all)
		}
		again, err := issuer.RetireIn(t.Context(), c.store, c.sealer, c.now, old)
		if err != nil || again.State != issuer.Withdrawn {
			t.Errorf("retired again: %+v, %v", again, err)
		}
		leaked = fresh[0]
	}

	if _, err := issuer.RetireIn(t.Context(), c.store, c.sealer, c.now, "us-east-1999"); !errors.Is(err,
		issuer.ErrNoKey) {
		t.Errorf("a key that there is not: %v", err)
	}
}

// The sessions of a retired key end on every node within session.Lag, at the APIs, at
// forward auth and for services that verify by themselves; those of the key
// after it go on.
func TestLeakedSessionKey(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *cluster) {
		s := c.nodes[0]
		s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
			in.IdentityPoolTags = map[string]string{"_custom_id_": wiretest.FilesPool}
			in.DeveloperProviderName = aws.String("login.my.app")
		})

		s.UseRole(t, wiretest.FilesPool, wiretest.AuthenticatedRole)
		signIn := func(s *wiretest.Server) wiretest.User {
			t.Helper()
			token := wiretest.Must(s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
				&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: aws.String(wiretest.FilesPool),
					Logins: map[string]string{"login.my.app": "alice"}}))(t)
			got := wiretest.Must(s.Public().GetCredentialsForIdentity(t.Context(),
				&ci.GetCredentialsForIdentityInput{IdentityId: token.IdentityId,
					Logins: map[string]string{"cognito-identity.amazonaws.com": *token.Token}}))(t).Credentials

			return wiretest.User{ID: *token.IdentityId, Key: aws.Credentials{AccessKeyID: *got.AccessKeyId,
				SecretAccessKey: *got.SecretKey, SessionToken: *got.SessionToken}}
		}

		var verifiers []*auth.Verifier
		want := ""
		for _, n := range c.nodes {
			verifiers = append(verifiers,
				wiretest.Must(auth.New(auth.Options{Endpoint: n.URL, Region: wiretest.Region, Now: c.now,
					Credentials: sigv4.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}}))(t))
			want += "200 verified known "
		}

		states := func(u wiretest.User) (state string) {
			for n, s := range c.nodes {
				r := u.Signed(t, "GET", wiretest.FilesURL+u.ID+"/a", "", c.now())
				state += strconv.Itoa(s.Asked(t, r).Status) + " "
				r.RequestURI, r.Host = r.URL.RequestURI(), r.URL.Host
				if _, err := verifiers[n].Verify(r, nil); err == nil {
					state += "verified "
				}
				if _, err := s.Whoami(t, u.Key.AccessKeyID, u.Key.SecretAccessKey, u.Key.SessionToken); err == nil {
					state += "known "
				}
			}

			return state
		}
		keys := session.Keys{Store: c.store, Sealer: c.sealer, Now: c.now}

		leaked := signIn(s)
		wiretest.Equal(t, "before", states(leaked), want)

		for range 2 {
			var old string
			for _, k := range wiretest.Must(keys.List(t.Context()))(t) {
				if k.State == session.Sealing {
					old = k.ID
				}
			}

			if _, err := keys.Retire(t.Context(), old); !errors.Is(err, session.ErrKeySeals) {
				t.Errorf("retiring the key that seals: %v", err)
			}
			if err := keys.Rotate(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			c.skip(session.Lag)

			var fresh []wiretest.User
			for _, n := range c.nodes {
				fresh = append(fresh, signIn(n))
			}
			wiretest.Equal(t, "the old key before it is retired", states(leaked), want)

			gone, err := keys.Retire(t.Context(), old)
			if err != nil || gone.ID != old || gone.State != session.Opening {
				t.Fatalf("%+v, %v", gone, err)
			}
			c.skip(session.Lag)
			wiretest.Equal(t, "the retired key", states(leaked), strings.Repeat("403 ", len(c.nodes)))

			for _, u := range fresh {
				wiretest.Equal(t, "the key after it", states(u), want)
			}
			leaked = fresh[0]
		}

		if _, err := keys.Retire(t.Context(), "0123456789abcdef"); !errors.Is(err, session.ErrNoKey) {
			t.Errorf("a key that there is not: %v", err)
		}
	})
}
