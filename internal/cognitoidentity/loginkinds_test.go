package cognitoidentity_test

import (
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// everyKind is a pool that takes logins of each kind of provider, and a login
// of one user of each.
type everyKind struct {
	*wiretest.Server
	apps     *wiretest.Apps
	corp     *logintest.Issuer
	userPool *logintest.Issuer
	idp      *samltest.IdP
	traces   *wiretest.TraceList
	pool     string
	logins   map[string]string
}

func startEveryKind(t *testing.T, change ...func(*poolhouse.Config)) everyKind {
	t.Helper()
	w := everyKind{apps: wiretest.NewApps(t), corp: logintest.NewIssuer(t), userPool: logintest.NewIssuer(t),
		idp: samltest.New(t, time.Now().Truncate(time.Second), 0), traces: &wiretest.TraceList{}}
	w.Server = wiretest.Start(t, append([]func(*poolhouse.Config){w.apps.Configure, func(c *poolhouse.Config) {
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{URL: w.corp.URL, ClientIDs: []string{"app"}, AllowHTTP: true,
			AllowPrivate: true}}
		c.UserPools = map[string]poolhouse.ProviderOverride{wiretest.UserPool: {Issuers: []string{"https://" +
			wiretest.UserPool}, JWKSURL: w.userPool.URL + logintest.KeysPath, AllowHTTP: true, AllowPrivate: true}}
		c.SAMLProviders = []poolhouse.SAMLProviderConfig{{Name: "Corp", Metadata: w.idp.Metadata()}}
		c.OnTrace = w.traces.Add
	}}, change...)...)

	w.pool = w.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.SupportedLoginProviders = w.apps.Supported
		in.OpenIdConnectProviderARNs = []string{wiretest.CorpARN + w.corpKey()}
		in.CognitoIdentityProviders = []types.CognitoIdentityProvider{
			{ProviderName: aws.String(wiretest.UserPool), ClientId: aws.String("app")},
			{ProviderName: aws.String(wiretest.UserPool), ClientId: aws.String("checked"),
				ServerSideTokenCheck: aws.Bool(true)}}
		in.SamlProviderARNs = []string{wiretest.SAMLARN}
		in.AllowClassicFlow = aws.Bool(true)
	})

	w.logins = maps.Clone(w.apps.Logins)
	w.logins[w.corpKey()] = w.corp.Token(map[string]any{"aud": "app", "sub": "alice"})
	w.logins[wiretest.UserPool] = w.poolToken("app", "alice", 0)
	w.logins[wiretest.SAMLARN] = w.idp.Response(t, samltest.Login{})

	return w
}

func (w everyKind) corpKey() string { return strings.TrimPrefix(w.corp.URL, "http://") }

func (w everyKind) poolToken(client, subject string, age time.Duration) string {
	return w.userPool.Token(map[string]any{"iss": "https://" + wiretest.UserPool, "aud": client, "sub": subject,
		"token_use":        "id",
		"cognito:username": subject, "iat": time.Now().Add(-age).Unix()})
}

// credentials is the identity of GetCredentialsForIdentity's answer.
func (w everyKind) credentials(t *testing.T, id string, logins map[string]string) (string, error) {
	out, err := w.Public().GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins})
	if err != nil {
		return "", err
	}
	return *out.IdentityId, nil
}

// Our own tokens are proof of an identity under their own key alone, in every
// operation that takes logins, whoever they were issued for.
func TestCognitoTokensUnderForeignKeys(t *testing.T) {
	w := startEveryKind(t)
	developer := wiretest.Must(w.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
		&ci.GetOpenIdTokenForDeveloperIdentityInput{
			IdentityPoolId: &w.pool, Logins: map[string]string{"login.my.app": "bob"}}))(t)

	google := map[string]string{wiretest.GoogleKey: w.logins[wiretest.GoogleKey]}
	user := w.GetID(t, w.pool, google)
	basic := wiretest.Must(w.Public().GetOpenIdToken(t.Context(),
		&ci.GetOpenIdTokenInput{IdentityId: &user, Logins: google}))(t)

	for issued, token := range map[string]string{"for a developer's user": *developer.Token,
		"for a login": *basic.Token} {
		for _, key := range slices.Sorted(maps.Keys(w.logins)) {
			logins := map[string]string{key: token}
			_, err := w.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &w.pool, Logins: logins})
			wiretest.WantError(t, err, "NotAuthorizedException", "")
			if steps := w.traces.Last().Steps; !slices.ContainsFunc(steps,
				func(s explain.Step) bool { return !s.OK && s.Fix != "" }) {
				t.Errorf("%s under %s: the trace %+v", issued, key, steps)
			}

			for _, id := range []string{user, *developer.IdentityId} {
				_, err = w.credentials(t, id, logins)
				wiretest.WantError(t, err, "NotAuthorizedException", "")
				_, err = w.Public().GetOpenIdToken(t.Context(),
					&ci.GetOpenIdTokenInput{IdentityId: &id, Logins: logins})
				if err == nil {
					t.Errorf("%s under %s: GetOpenIdToken accepts it", issued, key)
				}

				_, err = w.Public().UnlinkIdentity(t.Context(),
					&ci.UnlinkIdentityInput{IdentityId: &id, Logins: logins,
						LoginsToRemove: []string{wiretest.GoogleKey}})
				if err == nil {
					t.Errorf("%s under %s: UnlinkIdentity accepts it", issued, key)
				}
			}
		}
	}

	// And what others issue is none of ours.
	for _, key := range slices.Sorted(maps.Keys(w.logins)) {
		_, err := w.credentials(t, user, map[string]string{"cognito-identity.amazonaws.com": w.logins[key]})
		wiretest.WantError(t, err, "NotAuthorizedException", "Invalid login token. Not a Cognito token.")
	}
}

// Logins of every kind become one identity, in whatever order they come; what
// would join two users is refused in AWS's words, and changes nothing.
func TestLinkingAcrossKinds(t *testing.T) {
	w := startEveryKind(t)
	const dontMatch = "Logins don't match. Please include at least one valid login for this identity or identity pool."

	keys := slices.Sorted(maps.Keys(w.logins))
	only := func(key string) map[string]string { return map[string]string{key: w.logins[key]} }
	t.Run("a login alone does not open another's identity", func(t *testing.T) {
		owner := w.GetID(t, w.pool, only(keys[0]))
		for _, key := range keys[1:] {
			_, err := w.credentials(t, owner, only(key))
			wiretest.WantError(t, err, "NotAuthorizedException", dontMatch)
		}
		_, err := w.credentials(t, owner, nil)
		wiretest.WantError(t, err, "NotAuthorizedException", "Access to Identity '"+owner+"' is forbidden.")
	})

	t.Run("one after the other", func(t *testing.T) {
		user := w.GetID(t, w.pool, only(keys[0]))
		for n := 1; n < len(keys); n++ {
			both := only(keys[n-1]) // linked already
			both[keys[n]] = w.logins[keys[n]]
			wiretest.Equal(t, "identity with "+keys[n], wiretest.Must(w.credentials(t, user, both))(t), user)
			wiretest.Equal(t, "identity of "+keys[n], w.GetID(t, w.pool, only(keys[n])), user)
		}

		described := wiretest.Must(w.Admin().DescribeIdentity(t.Context(),
			&ci.DescribeIdentityInput{IdentityId: &user}))(t)
		wiretest.Equal(t, "logins", strings.Join(slices.Sorted(slices.Values(described.Logins)), " "),
			strings.Join(keys, " "))

		// Another user of one of the providers cannot come along.
		for key, foreign := range map[string]string{
			w.corpKey():       w.corp.Token(map[string]any{"aud": "app", "sub": "bob"}),
			wiretest.UserPool: w.poolToken("app", "bob", 0),
			wiretest.SAMLARN:  w.idp.Response(t, samltest.Login{NameID: "bob"}),
		} {
			mixed := maps.Clone(w.logins)
			mixed[key] = foreign
			_, err := w.credentials(t, user, mixed)
			wiretest.WantError(t, err, "ResourceConflictException", "")
			_, err = w.credentials(t, user, map[string]string{key: foreign})
			wiretest.WantError(t, err, "NotAuthorizedException", dontMatch)
			if other := w.GetID(t, w.pool, map[string]string{key: foreign}); other == user {
				t.Errorf("another user of %s has the identity", key)
			}
		}
		wiretest.Equal(t, "identity of all afterwards", w.GetID(t, w.pool, w.logins), user)

		// Each failure of one login fails the call, in the words for that failure.
		for name, test := range map[string]struct{ key, value, message string }{
			"no token": {w.corpKey(), "alice",
				"Invalid login token. Not a valid OpenId Connect identity token."},
			"tampered": {wiretest.UserPool, wiretest.Flip(w.logins[wiretest.UserPool]), ""},
			"another key": {w.corpKey(),
				logintest.NewKey(t, w.corp.Key().Algorithm).Sign(nil, w.corp.Payload(map[string]any{"aud": "app"})),
				"Invalid login token. Couldn't verify signed token."},
			"another issuer": {w.corpKey(), w.logins[wiretest.UserPool],
				"Invalid login token. Issuer doesn't match providerName"},
			"no audience": {wiretest.UserPool,
				w.userPool.Token(map[string]any{"iss": "https://" + wiretest.UserPool, "aud": nil,
					"token_use": "access", "client_id": "app"}), "Invalid login token. Missing a required claim: aud"},
			"another app": {wiretest.UserPool, w.poolToken("other", "alice", 0),
				"Token is not from a supported provider of this identity pool."},
			"no such key": {"idp.example", w.logins[w.corpKey()],
				"Invalid login token. Issuer doesn't match providerName"},
			"a developer's": {"login.my.app", "alice", ""},
			"unsigned": {wiretest.SAMLARN, samltest.Encode(w.idp.Unsigned(samltest.Login{})),
				"Invalid login token. Response signature invalid"},
			"Facebook's no":   {wiretest.FacebookKey, "EAANobody", ""},
			"Amazon's no":     {wiretest.AmazonKey, "Atza|Nobody", ""},
			"X's no":          {wiretest.TwitterKey, "1-nobody;s", ""},
			"our own, forged": {"cognito-identity.amazonaws.com", w.logins[w.corpKey()], ""},
		} {
			logins := maps.Clone(w.logins)
			logins[test.key] = test.value
			_, err := w.credentials(t, user, logins)
			code := "NotAuthorizedException"
			if name == "a developer's" || name == "our own, forged" {
				code = "InvalidParameterException"
			}
			t.Run(name, func(t *testing.T) { wiretest.WantError(t, err, code, test.message) })
		}
	})

	t.Run("a guest's identity takes them all", func(t *testing.T) {
		fresh := startEveryKind(t)
		guest := fresh.GetID(t, fresh.pool, nil)
		wiretest.Equal(t, "identity", wiretest.Must(fresh.credentials(t, guest, fresh.logins))(t), guest)
	})
	t.Run("two identities become one", func(t *testing.T) {
		fresh := startEveryKind(t)
		ids := map[string]string{}
		for key := range fresh.logins {
			ids[key] = fresh.GetID(t, fresh.pool, map[string]string{key: fresh.logins[key]})
		}

		merged := wiretest.Must(fresh.credentials(t, ids[wiretest.SAMLARN], fresh.logins))(t)
		for key, id := range ids {
			wiretest.Equal(t, "identity of "+key,
				fresh.GetID(t, fresh.pool, map[string]string{key: fresh.logins[key]}), merged)
			if id != merged {
				_, err := fresh.credentials(t, id, map[string]string{key: fresh.logins[key]})
				wiretest.WantError(t, err, "NotAuthorizedException", "Access to Identity '"+id+"' is forbidden.")
			}
		}
	})
}

// A login that was good before the sign-out stays refused when it is replayed,
// even if the user pool still confirms the user and the answer was kept.
func TestReplayAfterSignOut(t *testing.T) {
	api := wiretest.NewUserPoolAPI(t)
	w := startEveryKind(t, func(c *poolhouse.Config) {
		c.UserStatus = map[string]poolhouse.UserStatusConfig{wiretest.UserPool: {Check: userstatus.AdminGetUser,
			Endpoint: api.URL, AccessKeyID: "k", SecretAccessKey: "s",
			Cache: userstatus.MaxCache, AllowHTTP: true, AllowPrivate: true}}
	})
	api.Says(`{"Enabled":true,"UserStatus":"CONFIRMED","UserAttributes":[{"Name":"sub","Value":"alice"}]}`, "")
	replayed := map[string]string{wiretest.UserPool: w.poolToken("checked", "alice", time.Hour)}
	user := &wiretest.SignedIn{Server: w.Server, Identity: w.GetID(t, w.pool, replayed)}
	wiretest.Equal(t, "before", user.Refusal(t, w.pool, replayed), "accepted")
	wiretest.Equal(t, "sign-out",
		w.AdminCall(t, "SignOut", `{"ProviderName":"`+wiretest.UserPool+`","Subject":"alice"}`).Status, 200)

	for range 3 {
		wiretest.Equal(t, "replayed", user.Refusal(t, w.pool, replayed), "refused")
	}
	with := maps.Clone(w.logins)
	with[wiretest.UserPool] = replayed[wiretest.UserPool]

	_, err := w.credentials(t, user.Identity, with)
	wiretest.WantError(t, err, "NotAuthorizedException", signout.MessageSignedOut)
	wiretest.Equal(t, "a new sign-in",
		user.Refusal(t, w.pool, map[string]string{wiretest.UserPool: w.poolToken("checked", "alice", -time.Second)}),
		"accepted")
}

// Introspection that could never let anybody in stops the start and says what
// to change; one that does not answer now does not.
func TestIntrospectionAtTheStart(t *testing.T) {
	api := wiretest.NewUserPoolAPI(t)
	status := poolhouse.UserStatusConfig{Check: userstatus.Introspection, Endpoint: api.URL, ClientID: "c",
		ClientSecret: "s", AllowHTTP: true, AllowPrivate: true}
	begin := func() error {
		s, err := poolhouse.New(t.Context(), poolhouse.Config{Dev: true, IssuerURL: "http://127.0.0.1:1",
			UserStatus: map[string]poolhouse.UserStatusConfig{wiretest.UserPool: status}})
		if err == nil {
			err = s.Close()
		}
		return err
	}

	api.Says("", `{"error":"unsupported_token_type"}`)
	if err := begin(); err == nil || !strings.Contains(err.Error(), "user_pools ("+wiretest.UserPool+").status: ") ||
		!strings.Contains(err.Error(), "use admin_get_user or push") {
		t.Errorf("a provider that introspects no ID tokens: %v", err)
	}
	api.Says("", `{"active":false}`)
	if err := begin(); err != nil {
		t.Errorf("a provider that does: %v", err)
	}

	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	status.Endpoint = "http://" + gone.Addr().String()
	_ = gone.Close()
	if err := begin(); err != nil {
		t.Errorf("a provider that is not there: %v", err)
	}
}

// In development a user pool's issuer stands for the user pool, unless it is an
// OpenID Connect provider of its own: then each is told of its own sign-outs.
func TestSignOutOfASharedIssuer(t *testing.T) {
	issuer := logintest.NewIssuer(t)

	key := strings.TrimPrefix(issuer.URL, "http://")
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{URL: issuer.URL, ClientIDs: []string{"app"}, AllowHTTP: true,
			AllowPrivate: true}}
		c.UserPools = map[string]poolhouse.ProviderOverride{wiretest.UserPool: {Issuers: []string{issuer.URL},
			JWKSURL: issuer.URL + logintest.KeysPath, AllowHTTP: true, AllowPrivate: true}}
	})
	id := s.NewPool(t,
		func(in *ci.CreateIdentityPoolInput) { in.OpenIdConnectProviderARNs = []string{wiretest.CorpARN + key} })

	for user, signOut := range map[string]func() wiretest.Answer{
		"alice": func() wiretest.Answer {
			return s.BackChannelLogout(t, key,
				wiretest.Event(issuer, "logout+jwt", "1",
					map[string]any{"aud": "app", "sub": "alice",
						"events": map[string]any{wiretest.LogoutEvent: map[string]any{}}}))
		},
		"bob": func() wiretest.Answer {
			return s.AdminCall(t, "SignOut",
				`{"ProviderName":"`+key+`","Subject":"bob"}`)
		},
	} {
		old := map[string]string{key: issuer.Token(map[string]any{"aud": "app", "sub": user,
			"iat": time.Now().Add(-time.Hour).Unix()})}
		who := &wiretest.SignedIn{Server: s, Identity: s.GetID(t, id, old)}
		got := signOut()
		wiretest.Equal(t, "sign-out of "+user+": "+got.Body, got.Status, 200)
		wiretest.Equal(t, user+" afterwards", who.Refusal(t, id, old), "refused")
	}
}
