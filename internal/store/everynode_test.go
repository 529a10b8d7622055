package store_test

import (
	"bytes"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/auth"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// everyNode is how long a change in the database takes to reach every node, at most
// (docs/operations.md, "How fast a change reaches every node").
const everyNode = 10 * time.Second

// observed is a node whose background work does not run, so that nothing polls, and
// the database beside it, through which others change what the node remembers. Its
// clock stands still until it is let run.
type observed struct {
	*wiretest.Server
	beside *store.Store
	sealer *envelope.Sealer
	begin  atomic.Pointer[time.Time] // of the present case
	runs   atomic.Pointer[time.Time] // since when; nil while it stands still
}

func (o *observed) now() time.Time {
	since := o.runs.Load()
	if since == nil {
		return *o.begin.Load()
	}
	return o.begin.Load().Add(everyNode - awaited + time.Since(*since))
}

// stand has the clock stand still from now on.
func (o *observed) stand() {
	now := o.now().Truncate(time.Second).Add(time.Second)
	o.begin.Store(&now)
	o.runs.Store(nil)
}

// run moves the clock, and lets it run for as long as a change may take from there.
func (o *observed) run() {
	now := time.Now()
	o.runs.Store(&now)
}

const (
	awaited    = 4 * time.Second // for which the node's clock runs
	probeEvery = 2 * time.Millisecond
)

func observe(t *testing.T, options store.Options) *observed {
	t.Helper()
	master := bytes.Repeat([]byte{7}, 32)
	o := &observed{sealer: wiretest.Must(envelope.New(master))(t)}
	begin := time.Now().Truncate(time.Second)
	o.begin.Store(&begin)

	listener := wiretest.Must(net.Listen("tcp", "127.0.0.1:0"))(t)
	c := poolhouse.Config{
		Dev:                 true,
		IssuerURL:           "http://" + listener.Addr().String(),
		DatabaseURL:         options.URL,
		MasterKey:           master,
		Now:                 o.now,
		SignOutEndsSessions: true,
	}
	if options.Path != "" {
		c.DataDir = filepath.Dir(options.Path)
	}

	wiretest.Files(&c)
	server := wiretest.Must(poolhouse.New(t.Context(), c))(t)
	web := httptest.NewUnstartedServer(server)
	_ = web.Listener.Close()
	web.Listener = listener
	web.Start()

	options.Sealer, options.Now = o.sealer, o.now
	o.beside = wiretest.Must(store.Open(t.Context(), options))(t)
	t.Cleanup(func() {
		web.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := o.beside.Close(); err != nil {
			t.Error(err)
		}
	})

	o.Server = &wiretest.Server{Server: server, URL: c.IssuerURL}
	o.FilesPool(t)

	return o
}

// verdict is how a call ended.
func verdict(err error) string {
	if err != nil {
		return "refused"
	}
	return "ok"
}

// role makes a role for the users of a pool.
func (o *observed) role(t *testing.T, name string, change ...func(*store.Role)) string {
	t.Helper()

	r := store.Role{
		Account:    wiretest.HomeAccount,
		Name:       name,
		Path:       "/",
		ID:         "AROA" + strings.ToUpper((name + strings.Repeat("X", 17))[:17]),
		Trust:      wiretest.FilesTrust,
		MaxSession: 3600,
		Policies:   map[string]string{"files": wiretest.FilesPolicy},
	}
	for _, f := range change {
		f(&r)
	}
	wiretest.Must(o.beside.CreateRole(t.Context(), r, 0))(t)

	return wiretest.IAMBase + "role/" + name
}

func (o *observed) changeRole(t *testing.T, name string, change func(*store.Role)) {
	t.Helper()
	wiretest.Must(o.beside.UpdateRole(t.Context(), wiretest.HomeAccount, name,
		func(r *store.Role) error { change(r); return nil }))(t)
}

func (o *observed) changePool(t *testing.T, id string, change func(*identitypool.Pool)) {
	t.Helper()
	wiretest.Must(o.beside.UpdatePool(t.Context(), identitypool.PoolID(id),
		func(p *identitypool.Pool) error { change(p); return nil }))(t)
}

// assumes is a probe: whether alice gets credentials of her role.
func (o *observed) assumes(t *testing.T) func() string {
	logins := o.Logins(t, "alice")
	id := o.GetID(t, wiretest.FilesPool, logins)
	return func() string {
		_, err := o.Public().GetCredentialsForIdentity(t.Context(),
			&ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins})
		return verdict(err)
	}
}

// reads is a probe: whether alice's session may read her file.
func (o *observed) reads(t *testing.T) func() string {
	u := o.User(t, o.Logins(t, "alice"))
	return func() string {
		if got := o.Asked(t, u.Signed(t, "GET", wiretest.FilesURL+u.ID+"/a", "", o.now())); got.Status != 200 {
			return "refused"
		}
		return "ok"
	}
}

// goesOn is a probe: whether a session is accepted.
func (o *observed) goesOn(t *testing.T, u wiretest.User) func() string {
	return func() string {
		_, err := o.Whoami(t, u.Key.AccessKeyID, u.Key.SecretAccessKey, u.Key.SessionToken)
		return verdict(err)
	}
}

// guest is a probe: whether a pool takes a guest.
func (o *observed) guest(t *testing.T, pool string) func() string {
	return func() string {
		_, err := o.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool})
		return verdict(err)
	}
}

// takes is a probe: whether a pool takes a login.
func (o *observed) takes(t *testing.T, pool string, logins func() map[string]string) func() string {
	return func() string {
		_, err := o.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins()})
		return verdict(err)
	}
}

func (o *observed) accessKeys(t *testing.T) *iam.AccessKeys {
	return wiretest.Must(iam.NewAccessKeys(iam.AccessKeyOptions{Store: o.beside, Sealer: o.sealer, Now: o.now}))(t)
}

func (o *observed) revokes(
	t *testing.T, kind store.RevocationKind, value func(u wiretest.User) string,
) (probe func() string, change func()) {
	u := o.User(t, o.Logins(t, "alice"))
	return o.goesOn(t, u), func() {
		ok(t, o.beside.Revoke(t.Context(), store.Revocation{Kind: kind, Account: wiretest.HomeAccount, Value: value(u),
			NotBefore: o.now().Add(time.Second), Expires: o.now().Add(24 * time.Hour)}))
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A change in the database that was made elsewhere.
type changeElsewhere struct {
	// prepare returns what the node is asked and what is changed beside it.
	prepare func(t *testing.T, o *observed) (probe func() string, change func())
	before  string
	after   string
	// remembered: the node tells the old until its clock moves. The others ask the
	// database each time, or SQLite, whose cache learns of others within 100 ms.
	remembered bool
}

var changesElsewhere = map[string]changeElsewhere{
	"role created": {before: "refused", after: "ok", prepare: func(t *testing.T, o *observed) (func() string, func()) {
		o.UseRole(t, wiretest.FilesPool, wiretest.IAMBase+"role/Made")
		return o.assumes(t), func() { o.role(t, "Made") }
	}},
	"trust policy changed": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			o.UseRole(t, wiretest.FilesPool, o.role(t, "Retrusted"))
			return o.assumes(t),
				func() { o.changeRole(t, "Retrusted", func(r *store.Role) { r.WriteTrust(wiretest.AccountTrust) }) }
		}},
	"role deleted": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			o.UseRole(t, wiretest.FilesPool, o.role(t, "Deleted"))
			return o.assumes(t), func() {
				ok(t,
					o.beside.DeleteRole(t.Context(), wiretest.HomeAccount, "Deleted",
						func(store.Role) error { return nil }))
			}
		}},
	"deleted role's session": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			o.UseRole(t, wiretest.FilesPool, o.role(t, "Ended"))
			return o.goesOn(t, o.User(t, o.Logins(t, "alice"))), func() {
				ok(t,
					o.beside.DeleteRole(t.Context(), wiretest.HomeAccount, "Ended",
						func(store.Role) error { return nil }))
			}
		}},
	"inline policy removed": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			o.UseRole(t, wiretest.FilesPool, o.role(t, "Inline"))
			return o.reads(t), func() { o.changeRole(t, "Inline", func(r *store.Role) { r.Policies = nil }) }
		}},
	"inline policy added": {before: "refused", after: "ok", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			o.UseRole(t, wiretest.FilesPool, o.role(t, "Outline", func(r *store.Role) { r.Policies = nil }))
			return o.reads(t), func() {
				o.changeRole(t, "Outline",
					func(r *store.Role) { r.Policies = map[string]string{"files": wiretest.FilesPolicy} })
			}
		}},
	"boundary set": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			o.UseRole(t, wiretest.FilesPool, o.role(t, "Bound"))
			boundary := o.policy(t, "Boundary", wiretest.ReadPools)
			return o.reads(t), func() { o.changeRole(t, "Bound", func(r *store.Role) { r.Boundary = boundary }) }
		}},
	"managed policy changed": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			arn := o.policy(t, "Changed", wiretest.FilesPolicy)
			o.UseRole(t, wiretest.FilesPool,
				o.role(t, "Managed", func(r *store.Role) { r.Policies, r.Attached = nil, []string{arn} }))

			return o.reads(t), func() {
				wiretest.Must(o.beside.UpdatePolicy(t.Context(), wiretest.HomeAccount, "Changed",
					func(p *store.ManagedPolicy) error {
						p.Versions = append(p.Versions, store.PolicyVersion{Number: 2, Document: wiretest.ReadPools})
						p.Default, p.Next = 2, 3
						return nil
					}))(t)
			}
		}},
	"managed policy detached and deleted": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			arn := o.policy(t, "Detached", wiretest.FilesPolicy)
			o.UseRole(t, wiretest.FilesPool,
				o.role(t, "Loose", func(r *store.Role) { r.Policies, r.Attached = nil, []string{arn} }))
			return o.reads(t), func() {
				o.changeRole(t, "Loose", func(r *store.Role) { r.Attached = nil })
				ok(t, o.beside.DeletePolicy(t.Context(), wiretest.HomeAccount, "Detached",
					func(store.ManagedPolicy) error { return nil }))
			}
		}},

	"OpenID Connect provider registered": {before: "refused", after: "ok",
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			_, register, probe := o.openID(t)
			return probe, register
		}},
	"OpenID Connect client taken away": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			i, register, probe := o.openID(t)
			register()

			return probe, func() {
				wiretest.Must(o.beside.UpdateOIDCProvider(t.Context(), wiretest.HomeAccount, i,
					func(p *store.OIDCProvider) error {
						p.ClientIDs = []string{"another"}
						return nil
					}))(t)
			}
		}},
	"OpenID Connect provider deleted": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			i, register, probe := o.openID(t)
			register()
			return probe, func() { ok(t, o.beside.DeleteOIDCProvider(t.Context(), wiretest.HomeAccount, i)) }
		}},
	"SAML provider registered": {before: "refused", after: "ok",
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			register, probe := o.saml(t, "Registered")
			return probe, register
		}},
	"SAML metadata replaced": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			register, probe := o.saml(t, "Replaced")
			register()

			return probe, func() {
				wiretest.Must(o.beside.UpdateSAMLProvider(t.Context(), wiretest.HomeAccount, "Replaced",
					func(p *store.SAMLProvider) error {
						p.Metadata = samltest.New(t, o.now(), 1).Metadata()
						return nil
					}))(t)
			}
		}},
	"SAML provider deleted": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			register, probe := o.saml(t, "Gone")
			register()
			return probe, func() { ok(t, o.beside.DeleteSAMLProvider(t.Context(), wiretest.HomeAccount, "Gone")) }
		}},

	"pool created": {before: "refused", after: "ok", prepare: func(t *testing.T, o *observed) (func() string, func()) {
		const id = wiretest.Region + ":22222222-2222-4333-8444-555555555555"

		return o.guest(t, id), func() {
			ok(t, o.beside.CreatePool(t.Context(), identitypool.Pool{
				ID:                   id,
				Account:              wiretest.HomeAccount,
				Region:               wiretest.Region,
				Name:                 "p",
				AllowUnauthenticated: true,
			}, 0))
		}
	}},
	"guests switched off": {before: "ok", after: "refused",
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			id := o.NewPool(t)
			return o.guest(t, id),
				func() { o.changePool(t, id, func(p *identitypool.Pool) { p.AllowUnauthenticated = false }) }
		}},
	"pool's provider taken away": {before: "ok", after: "refused",
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			id, logins := o.NewPool(t), o.Logins(t, "alice")
			return o.takes(t, id, func() map[string]string { return logins }),
				func() { o.changePool(t, id, func(p *identitypool.Pool) { p.OIDCProviderARNs = nil }) }
		}},
	"pool's roles changed": {before: "ok", after: "refused",
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			return o.assumes(t),
				func() { o.changePool(t, wiretest.FilesPool, func(p *identitypool.Pool) { p.Roles = nil }) }
		}},
	"pool's tags changed": {before: "client username", after: "nick",
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			key := wiretest.DevInfo(o.Server).LoginKey
			names := strings.NewReplacer("=", " ", "&", " ")

			return func() string {
					u := o.User(t, o.Logins(t, "alice"))
					got := o.Asked(t, u.Signed(t, "GET", wiretest.FilesURL+u.ID+"/a", "", o.now())).Header.Get(
						auth.HeaderTags,
					)

					tags := strings.Fields(names.Replace(got))
					var keys []string
					for n := 0; n < len(tags); n += 2 {
						keys = append(keys, tags[n])
					}

					return strings.Join(keys, " ")
				}, func() {
					o.changePool(t, wiretest.FilesPool, func(p *identitypool.Pool) {
						p.PrincipalTags = map[string]identitypool.PrincipalTagMap{
							key: {Tags: map[string]string{"nick": "sub"}},
						}
					})
				}
		}},
	"pool deleted": {before: "ok", after: "refused", prepare: func(t *testing.T, o *observed) (func() string, func()) {
		id := o.NewPool(t)
		return o.guest(t, id), func() { ok(t, o.beside.DeletePool(t.Context(), identitypool.PoolID(id))) }
	}},
	"identity deleted": {before: "ok", after: "refused",
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			id := o.GetID(t, wiretest.FilesPool, nil)
			return func() string {
				_, err := o.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &id})
				return verdict(err)
			}, func() { ok(t, o.beside.DeleteIdentity(t.Context(), identitypool.IdentityID(id))) }
		}},
	"deleted identity's session": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			u := o.User(t, o.Logins(t, "alice"))
			return o.goesOn(t, u), func() { ok(t, o.beside.DeleteIdentity(t.Context(), identitypool.IdentityID(u.ID))) }
		}},

	"user signed out": {before: "ok", after: "refused",
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			logins := o.Logins(t, "alice")
			return o.takes(t, wiretest.FilesPool, func() map[string]string { return logins }),
				func() { o.signOut(t, "alice") }
		}},
	"signed-out user's session": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			return o.goesOn(t, o.User(t, o.Logins(t, "alice"))), func() { o.signOut(t, "alice") }
		}},
	"session revoked": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			return o.revokes(t, store.AccessKeyRevocation, func(u wiretest.User) string { return u.Key.AccessKeyID })
		}},
	"identity's sessions revoked": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			return o.revokes(t, store.IdentityRevocation, func(u wiretest.User) string { return u.ID })
		}},
	"pool's sessions revoked": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			return o.revokes(t, store.PoolRevocation, func(wiretest.User) string { return wiretest.FilesPool })
		}},
	"role's sessions revoked": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			return o.revokes(t, store.RoleRevocation, func(wiretest.User) string { return wiretest.AuthenticatedRole })
		}},

	"access key of a new account created": {before: "none", after: "ok",
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			var id, secret string
			probe := func() string {
				if id == "" {
					return "none"
				}
				return o.keyWorks(t, id, secret)
			}

			return probe, func() {
				k, s, err := o.accessKeys(t).Create(t.Context(), iam.NewAccessKey{Account: "123456789012"})
				ok(t, err)
				id, secret = k.ID, s
			}
		}},
	"access key disabled": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			id, probe := o.accessKey(t)
			return probe, func() { ok(t, o.accessKeys(t).SetDisabled(t.Context(), id, true)) }
		}},
	"access key enabled": {before: "refused", after: "ok",
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			id, probe := o.accessKey(t)
			ok(t, o.accessKeys(t).SetDisabled(t.Context(), id, true))
			return probe, func() { ok(t, o.accessKeys(t).SetDisabled(t.Context(), id, false)) }
		}},
	"access key deleted": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			id, probe := o.accessKey(t)
			return probe, func() { ok(t, o.accessKeys(t).Delete(t.Context(), id)) }
		}},
	"deleted access key's session": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			k, secret, err := o.accessKeys(t).Create(t.Context(), iam.NewAccessKey{Account: wiretest.HomeAccount})
			ok(t, err)
			c := wiretest.Must(o.stsBy(k.ID, secret).GetSessionToken(t.Context(), &stsclient.GetSessionTokenInput{}))(
				t,
			).Credentials
			u := wiretest.User{Key: aws.Credentials{
				AccessKeyID:     *c.AccessKeyId,
				SecretAccessKey: *c.SecretAccessKey,
				SessionToken:    *c.SessionToken,
			}}

			return o.goesOn(t, u), func() { ok(t, o.accessKeys(t).Delete(t.Context(), k.ID)) }
		}},

	"signing key published": {before: "old", after: "new", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			published := o.Get(t, issuer.JWKSPath).Body
			return func() string { return oldOrNew(o.Get(t, issuer.JWKSPath).Body == published) },
				func() { ok(t, o.signer(t).Rotate(t.Context())) }
		}},
	"signing key replaced": {before: "old", after: "new", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			first := wiretest.KeyID(t, o.guestToken(t))
			return func() string { return oldOrNew(wiretest.KeyID(t, o.guestToken(t)) == first) },
				func() { ok(t, o.signer(t).RotateNow(t.Context())) }
		}},
	"signing key retired": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			token := o.guestToken(t)
			anonymous := o.stsAs(aws.AnonymousCredentials{})

			return func() string {
					_, err := anonymous.AssumeRoleWithWebIdentity(t.Context(),
						&stsclient.AssumeRoleWithWebIdentityInput{
							RoleArn: aws.String(wiretest.GuestRole), RoleSessionName: aws.String("app"),
							WebIdentityToken: &token})
					return verdict(err)
				}, func() {
					ok(t, o.signer(t).RotateNow(t.Context()))
					wiretest.Must(issuer.RetireIn(t.Context(), o.beside, o.sealer, o.now, wiretest.KeyID(t, token)))(t)
				}
		}},
	"session key retired": {before: "ok", after: "refused", remembered: true,
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			u := o.User(t, o.Logins(t, "alice"))
			keys := session.Keys{Store: o.beside, Sealer: o.sealer, Now: o.now}

			return o.goesOn(t, u), func() {
				old := wiretest.Must(keys.List(t.Context()))(t)
				ok(t, keys.Rotate(t.Context(), true))

				for _, k := range old {
					if k.State == session.Sealing {
						wiretest.Must(keys.Retire(t.Context(), k.ID))(t)
					}
				}
			}
		}},
	"session under a new key": {before: "none", after: "ok",
		prepare: func(t *testing.T, o *observed) (func() string, func()) {
			var u wiretest.User
			probe := func() string {
				if u.ID == "" {
					return "none"
				}
				return o.goesOn(t, u)()
			}

			return probe, func() {
				ok(t, session.Keys{Store: o.beside, Sealer: o.sealer, Now: o.now}.Rotate(t.Context(), true))
				u = o.sessionElsewhere(t)
			}
		}},
}

func oldOrNew(old bool) string {
	if old {
		return "old"
	}
	return "new"
}

// policy makes a managed policy.
func (o *observed) policy(t *testing.T, name, document string) string {
	t.Helper()
	wiretest.Must(o.beside.CreatePolicy(t.Context(), store.ManagedPolicy{
		Account:  wiretest.HomeAccount,
		Name:     name,
		Path:     "/",
		ID:       "ANPA" + strings.ToUpper((name + strings.Repeat("X", 17))[:17]),
		Versions: []store.PolicyVersion{{Number: 1, Document: document}},
		Default:  1,
		Next:     2,
	}, 0))(t)

	return wiretest.IAMBase + "policy/" + name
}

// openID makes an OpenID Connect provider that a pool names and nobody has registered.
func (o *observed) openID(t *testing.T) (key string, register func(), probe func() string) {
	t.Helper()
	i := logintest.NewIssuer(t)
	i.SetNow(o.now)
	key = strings.TrimPrefix(i.URL, "http://")
	pool := o.NewPool(t)
	o.changePool(t, pool, func(p *identitypool.Pool) {
		p.OIDCProviderARNs = []string{iam.OIDCProviderARN("aws", wiretest.HomeAccount, i.URL)}
	})

	register = func() {
		wiretest.Must(o.beside.CreateOIDCProvider(t.Context(),
			store.OIDCProvider{
				Account:   wiretest.HomeAccount,
				URL:       i.URL,
				ClientIDs: []string{logintest.Audience},
			}, 0))(t)
	}

	return key, register, o.takes(t, pool, func() map[string]string { return map[string]string{key: i.Token(nil)} })
}

// saml makes a SAML provider that a pool names and nobody has registered.
func (o *observed) saml(t *testing.T, name string) (register func(), probe func() string) {
	t.Helper()
	idp := samltest.New(t, o.now().Truncate(time.Second), 0)
	arn, pool := wiretest.IAMBase+"saml-provider/"+name, o.NewPool(t)
	o.changePool(t, pool, func(p *identitypool.Pool) { p.SAMLProviderARNs = []string{arn} })
	register = func() {
		wiretest.Must(o.beside.CreateSAMLProvider(t.Context(), store.SAMLProvider{
			Account:  wiretest.HomeAccount,
			Name:     name,
			ID:       "ASPAXXXXXXXXXXXXXXXXX",
			Metadata: idp.Metadata(),
		}, 0))(t)
	}

	return register, o.takes(t, pool, func() map[string]string {
		return map[string]string{arn: idp.Response(t, samltest.Login{})}
	})
}

func (o *observed) signOut(t *testing.T, subject string) {
	t.Helper()
	ok(t, o.beside.MarkSignOuts(t.Context(), store.SignOut{Kind: store.SubjectSignOut, Account: wiretest.HomeAccount,
		Provider: wiretest.DevInfo(o.Server).LoginKey, Value: subject, NotBefore: o.now().Add(time.Second),
		Expires: o.now().Add(time.Hour)}))
}

func (o *observed) stsBy(id, secret string) *stsclient.Client {
	return o.stsAs(credentials.NewStaticCredentialsProvider(id, secret, ""))
}

func (o *observed) stsAs(c aws.CredentialsProvider) *stsclient.Client {
	return stsclient.New(stsclient.Options{
		BaseEndpoint:     &o.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		HTTPClient:       wiretest.Connections,
		Credentials:      c,
	})
}

func (o *observed) keyWorks(t *testing.T, id, secret string) string {
	_, err := o.Whoami(t, id, secret, "")
	return verdict(err)
}

func (o *observed) accessKey(t *testing.T) (id string, probe func() string) {
	t.Helper()
	k, secret, err := o.accessKeys(t).Create(t.Context(), iam.NewAccessKey{Account: wiretest.HomeAccount})
	ok(t, err)
	return k.ID, func() string { return o.keyWorks(t, k.ID, secret) }
}

func (o *observed) signer(t *testing.T) *issuer.Issuer {
	t.Helper()

	return wiretest.Must(issuer.New(t.Context(), issuer.Options{
		Store:     o.beside,
		Sealer:    o.sealer,
		URL:       o.URL,
		Region:    wiretest.Region,
		Algorithm: "ES256",
		Now:       o.now,
	}))(t)
}

func (o *observed) guestToken(t *testing.T) string {
	t.Helper()
	id := o.GetID(t, wiretest.FilesPool, nil)
	return *wiretest.Must(o.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &id}))(t).Token
}

// sessionElsewhere is a session of alice's that another node made.
func (o *observed) sessionElsewhere(t *testing.T) wiretest.User {
	t.Helper()
	minter := wiretest.Must(
		session.NewMinter(t.Context(), session.MinterOptions{Store: o.beside, Sealer: o.sealer, Now: o.now}),
	)(t)

	id := o.GetID(t, wiretest.FilesPool, o.Logins(t, "alice"))
	c := wiretest.Must(minter.Mint(t.Context(), session.Session{
		Account:     wiretest.HomeAccount,
		RoleARN:     wiretest.Must(iam.ParseRoleARN(wiretest.AuthenticatedRole))(t),
		RoleID:      iam.RoleID(wiretest.AuthenticatedRole),
		SessionName: session.EnhancedFlowName,
		IdentityID:  identitypool.IdentityID(id),
		PoolID:      wiretest.FilesPool,
		Region:      wiretest.Region,
		Issued:      o.now(),
		Expires:     o.now().Add(time.Hour),
	}))(t)

	return wiretest.User{
		ID: id,
		Key: aws.Credentials{
			AccessKeyID:     c.AccessKeyID,
			SecretAccessKey: c.SecretAccessKey,
			SessionToken:    c.SessionToken,
		},
	}
}

// see has the node see one change.
func (o *observed) see(t *testing.T, c changeElsewhere) {
	o.stand()
	o.UseRole(t, wiretest.FilesPool, wiretest.AuthenticatedRole)
	probe, change := c.prepare(t, o)
	wiretest.Equal(t, "before", probe(), c.before)
	change()
	if c.remembered {
		wiretest.Equal(t, "at once", probe(), c.before)
	}

	o.run()
	got := probe()

	tick := time.NewTicker(probeEvery) // SQLite's cache goes by real time
	defer tick.Stop()

	for end := time.Now().Add(awaited); got != c.after && time.Now().Before(end); <-tick.C {
		got = probe()
	}
	wiretest.Equal(t, "after "+everyNode.String(), got, c.after)
}

// Whatever changes in the database, a node that did not change it, and whose background
// work stands still, knows of it within everyNode. That it remembers what it does is
// the control: it tells the old until its clock moves.
func TestEveryChangeReachesEveryNode(t *testing.T) {
	for engine, options := range map[string]func(t *testing.T) store.Options{
		"sqlite": func(t *testing.T) store.Options {
			return store.Options{Path: filepath.Join(t.TempDir(), poolhouse.DatabaseFile)}
		},
		"postgresql": func(t *testing.T) store.Options { return store.Options{URL: pgtest.URL(t)} },
	} {
		t.Run(engine, func(t *testing.T) {
			o := observe(t, options(t))
			for name, c := range changesElsewhere {
				t.Run(name, func(t *testing.T) { o.see(t, c) })
			}
		})
	}
}
