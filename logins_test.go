package poolhouse_test

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
)

// everyKind is a pool that takes logins of each kind of provider, and a login
// of one user of each.
type everyKind struct {
	*testServer
	apps     *apps
	corp     *logintest.Issuer
	userPool *logintest.Issuer
	idp      *samltest.IdP
	traces   *traceList
	pool     string
	logins   map[string]string
}

func startEveryKind(t *testing.T, change ...func(*poolhouse.Config)) everyKind {
	t.Helper()
	w := everyKind{apps: newApps(t), corp: logintest.NewIssuer(t), userPool: logintest.NewIssuer(t),
		idp: samltest.New(t, time.Now().Truncate(time.Second), 0), traces: &traceList{}}
	w.testServer = start(t, append([]func(*poolhouse.Config){w.apps.configure, func(c *poolhouse.Config) {
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{URL: w.corp.URL, ClientIDs: []string{"app"}, AllowHTTP: true, AllowPrivate: true}}
		c.UserPools = map[string]poolhouse.ProviderOverride{userPool: {Issuers: []string{"https://" + userPool}, JWKSURL: w.userPool.URL + logintest.KeysPath, AllowHTTP: true, AllowPrivate: true}}
		c.SAMLProviders = []poolhouse.SAMLProviderConfig{{Name: "Corp", Metadata: w.idp.Metadata()}}
		c.OnTrace = w.traces.add
	}}, change...)...)
	w.pool = w.newPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.SupportedLoginProviders = w.apps.supported
		in.OpenIdConnectProviderARNs = []string{corpARN + w.corpKey()}
		in.CognitoIdentityProviders = []types.CognitoIdentityProvider{
			{ProviderName: aws.String(userPool), ClientId: aws.String("app")},
			{ProviderName: aws.String(userPool), ClientId: aws.String("checked"), ServerSideTokenCheck: aws.Bool(true)}}
		in.SamlProviderARNs = []string{samlARN}
		in.AllowClassicFlow = aws.Bool(true)
	})
	w.logins = maps.Clone(w.apps.logins)
	w.logins[w.corpKey()] = w.corp.Token(map[string]any{"aud": "app", "sub": "alice"})
	w.logins[userPool] = w.poolToken("app", "alice", 0)
	w.logins[samlARN] = w.idp.Response(t, samltest.Login{})
	return w
}

func (w everyKind) corpKey() string { return strings.TrimPrefix(w.corp.URL, "http://") }

func (w everyKind) poolToken(client, subject string, age time.Duration) string {
	return w.userPool.Token(map[string]any{"iss": "https://" + userPool, "aud": client, "sub": subject, "token_use": "id",
		"cognito:username": subject, "iat": time.Now().Add(-age).Unix()})
}

// credentials is the identity of GetCredentialsForIdentity's answer.
func (w everyKind) credentials(t *testing.T, id string, logins map[string]string) (string, error) {
	out, err := w.public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins})
	if err != nil {
		return "", err
	}
	return *out.IdentityId, nil
}

// Our own tokens are proof of an identity under their own key alone, in every
// operation that takes logins, whoever they were issued for.
func TestOwnTokensUnderForeignKeys(t *testing.T) {
	w := startEveryKind(t)
	developer := must(w.admin().GetOpenIdTokenForDeveloperIdentity(t.Context(), &ci.GetOpenIdTokenForDeveloperIdentityInput{
		IdentityPoolId: &w.pool, Logins: map[string]string{"login.my.app": "bob"}}))(t)
	google := map[string]string{googleKey: w.logins[googleKey]}
	user := w.getID(t, w.pool, google)
	basic := must(w.public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &user, Logins: google}))(t)
	for issued, token := range map[string]string{"for a developer's user": *developer.Token, "for a login": *basic.Token} {
		for _, key := range slices.Sorted(maps.Keys(w.logins)) {
			logins := map[string]string{key: token}
			_, err := w.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &w.pool, Logins: logins})
			wantError(t, err, "NotAuthorizedException", "")
			if steps := w.traces.last().Steps; !slices.ContainsFunc(steps, func(s explain.Step) bool { return !s.OK && s.Fix != "" }) {
				t.Errorf("%s under %s: the trace %+v", issued, key, steps)
			}
			for _, id := range []string{user, *developer.IdentityId} {
				_, err = w.credentials(t, id, logins)
				wantError(t, err, "NotAuthorizedException", "")
				_, err = w.public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &id, Logins: logins})
				if err == nil {
					t.Errorf("%s under %s: GetOpenIdToken accepts it", issued, key)
				}
				_, err = w.public().UnlinkIdentity(t.Context(), &ci.UnlinkIdentityInput{IdentityId: &id, Logins: logins, LoginsToRemove: []string{googleKey}})
				if err == nil {
					t.Errorf("%s under %s: UnlinkIdentity accepts it", issued, key)
				}
			}
		}
	}
	// And what others issue is none of ours.
	for _, key := range slices.Sorted(maps.Keys(w.logins)) {
		_, err := w.credentials(t, user, map[string]string{"cognito-identity.amazonaws.com": w.logins[key]})
		wantError(t, err, "NotAuthorizedException", "Invalid login token. Not a Cognito token.")
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
		owner := w.getID(t, w.pool, only(keys[0]))
		for _, key := range keys[1:] {
			_, err := w.credentials(t, owner, only(key))
			wantError(t, err, "NotAuthorizedException", dontMatch)
		}
		_, err := w.credentials(t, owner, nil)
		wantError(t, err, "NotAuthorizedException", "Access to Identity '"+owner+"' is forbidden.")
	})
	t.Run("one after the other", func(t *testing.T) {
		user := w.getID(t, w.pool, only(keys[0]))
		for n := 1; n < len(keys); n++ {
			both := only(keys[n-1]) // linked already
			both[keys[n]] = w.logins[keys[n]]
			equal(t, "identity with "+keys[n], must(w.credentials(t, user, both))(t), user)
			equal(t, "identity of "+keys[n], w.getID(t, w.pool, only(keys[n])), user)
		}
		described := must(w.admin().DescribeIdentity(t.Context(), &ci.DescribeIdentityInput{IdentityId: &user}))(t)
		equal(t, "logins", strings.Join(slices.Sorted(slices.Values(described.Logins)), " "), strings.Join(keys, " "))

		// Another user of one of the providers cannot come along.
		for key, foreign := range map[string]string{
			w.corpKey(): w.corp.Token(map[string]any{"aud": "app", "sub": "bob"}), userPool: w.poolToken("app", "bob", 0), samlARN: w.idp.Response(t, samltest.Login{NameID: "bob"}),
		} {
			mixed := maps.Clone(w.logins)
			mixed[key] = foreign
			_, err := w.credentials(t, user, mixed)
			wantError(t, err, "ResourceConflictException", "")
			_, err = w.credentials(t, user, map[string]string{key: foreign})
			wantError(t, err, "NotAuthorizedException", dontMatch)
			if other := w.getID(t, w.pool, map[string]string{key: foreign}); other == user {
				t.Errorf("another user of %s has the identity", key)
			}
		}
		equal(t, "identity of all afterwards", w.getID(t, w.pool, w.logins), user)

		// Each failure of one login fails the call, in the words for that failure.
		for name, test := range map[string]struct{ key, value, message string }{
			"no token":        {w.corpKey(), "alice", "Invalid login token. Not a valid OpenId Connect identity token."},
			"tampered":        {userPool, flip(w.logins[userPool]), ""},
			"another key":     {w.corpKey(), logintest.NewKey(t, w.corp.Key().Algorithm).Sign(nil, w.corp.Payload(map[string]any{"aud": "app"})), "Invalid login token. Couldn't verify signed token."},
			"another issuer":  {w.corpKey(), w.logins[userPool], "Invalid login token. Issuer doesn't match providerName"},
			"no audience":     {userPool, w.userPool.Token(map[string]any{"iss": "https://" + userPool, "aud": nil, "token_use": "access", "client_id": "app"}), "Invalid login token. Missing a required claim: aud"},
			"another app":     {userPool, w.poolToken("other", "alice", 0), "Token is not from a supported provider of this identity pool."},
			"no such key":     {"idp.example", w.logins[w.corpKey()], "Invalid login token. Issuer doesn't match providerName"},
			"a developer's":   {"login.my.app", "alice", ""},
			"unsigned":        {samlARN, samltest.Encode(w.idp.Unsigned(samltest.Login{})), "Invalid login token. Response signature invalid"},
			"Facebook's no":   {facebookKey, "EAANobody", ""},
			"Amazon's no":     {amazonKey, "Atza|Nobody", ""},
			"X's no":          {twitterKey, "1-nobody;s", ""},
			"our own, forged": {"cognito-identity.amazonaws.com", w.logins[w.corpKey()], ""},
		} {
			logins := maps.Clone(w.logins)
			logins[test.key] = test.value
			_, err := w.credentials(t, user, logins)
			code := "NotAuthorizedException"
			if name == "a developer's" || name == "our own, forged" {
				code = "InvalidParameterException"
			}
			t.Run(name, func(t *testing.T) { wantError(t, err, code, test.message) })
		}
	})
	t.Run("a guest's identity takes them all", func(t *testing.T) {
		fresh := startEveryKind(t)
		guest := fresh.getID(t, fresh.pool, nil)
		equal(t, "identity", must(fresh.credentials(t, guest, fresh.logins))(t), guest)
	})
	t.Run("two identities become one", func(t *testing.T) {
		fresh := startEveryKind(t)
		ids := map[string]string{}
		for key := range fresh.logins {
			ids[key] = fresh.getID(t, fresh.pool, map[string]string{key: fresh.logins[key]})
		}
		merged := must(fresh.credentials(t, ids[samlARN], fresh.logins))(t)
		for key, id := range ids {
			equal(t, "identity of "+key, fresh.getID(t, fresh.pool, map[string]string{key: fresh.logins[key]}), merged)
			if id != merged {
				_, err := fresh.credentials(t, id, map[string]string{key: fresh.logins[key]})
				wantError(t, err, "NotAuthorizedException", "Access to Identity '"+id+"' is forbidden.")
			}
		}
	})
}

// A login that was good before the sign-out stays refused when it is replayed,
// also where the user pool still says yes and that yes was kept.
func TestReplayAfterSignOut(t *testing.T) {
	api := newUserPoolAPI(t)
	w := startEveryKind(t, func(c *poolhouse.Config) {
		c.UserStatus = map[string]poolhouse.UserStatusConfig{userPool: {Check: userstatus.AdminGetUser, Endpoint: api.URL, AccessKeyID: "k", SecretAccessKey: "s",
			Cache: userstatus.MaxCache, AllowHTTP: true, AllowPrivate: true}}
	})
	api.says(`{"Enabled":true,"UserStatus":"CONFIRMED","UserAttributes":[{"Name":"sub","Value":"alice"}]}`, "")
	replayed := map[string]string{userPool: w.poolToken("checked", "alice", time.Hour)}
	user := &signedIn{w.testServer, w.getID(t, w.pool, replayed)}
	equal(t, "before", user.refusal(t, w.pool, replayed), "accepted")
	equal(t, "sign-out", w.adminCall(t, "SignOut", `{"ProviderName":"`+userPool+`","Subject":"alice"}`).status, 200)
	for range 3 {
		equal(t, "replayed", user.refusal(t, w.pool, replayed), "refused")
	}
	with := maps.Clone(w.logins)
	with[userPool] = replayed[userPool]
	_, err := w.credentials(t, user.identity, with)
	wantError(t, err, "NotAuthorizedException", signout.MessageSignedOut)
	equal(t, "a new sign-in", user.refusal(t, w.pool, map[string]string{userPool: w.poolToken("checked", "alice", -time.Second)}), "accepted")
}

// Introspection that could never let anybody in stops the start and says what
// to change; one that does not answer now does not.
func TestIntrospectionAtTheStart(t *testing.T) {
	api := newUserPoolAPI(t)
	status := poolhouse.UserStatusConfig{Check: userstatus.Introspection, Endpoint: api.URL, ClientID: "c", ClientSecret: "s", AllowHTTP: true, AllowPrivate: true}
	begin := func() error {
		s, err := poolhouse.New(t.Context(), poolhouse.Config{Dev: true, IssuerURL: "http://127.0.0.1:1",
			UserStatus: map[string]poolhouse.UserStatusConfig{userPool: status}})
		if err == nil {
			err = s.Close()
		}
		return err
	}
	api.says("", `{"error":"unsupported_token_type"}`)
	if err := begin(); err == nil || !strings.Contains(err.Error(), "user_pools ("+userPool+").status: ") || !strings.Contains(err.Error(), "use admin_get_user or push") {
		t.Errorf("a provider that introspects no ID tokens: %v", err)
	}
	api.says("", `{"active":false}`)
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
	s := start(t, func(c *poolhouse.Config) {
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{URL: issuer.URL, ClientIDs: []string{"app"}, AllowHTTP: true, AllowPrivate: true}}
		c.UserPools = map[string]poolhouse.ProviderOverride{userPool: {Issuers: []string{issuer.URL}, JWKSURL: issuer.URL + logintest.KeysPath, AllowHTTP: true, AllowPrivate: true}}
	})
	id := s.newPool(t, func(in *ci.CreateIdentityPoolInput) { in.OpenIdConnectProviderARNs = []string{corpARN + key} })
	for user, signOut := range map[string]func() answer{
		"alice": func() answer {
			return s.backChannelLogout(t, key, event(issuer, "logout+jwt", "1", map[string]any{"aud": "app", "sub": "alice", "events": map[string]any{logoutEvent: map[string]any{}}}))
		},
		"bob": func() answer { return s.adminCall(t, "SignOut", `{"ProviderName":"`+key+`","Subject":"bob"}`) },
	} {
		old := map[string]string{key: issuer.Token(map[string]any{"aud": "app", "sub": user, "iat": time.Now().Add(-time.Hour).Unix()})}
		who := &signedIn{s, s.getID(t, id, old)}
		got := signOut()
		equal(t, "sign-out of "+user+": "+got.body, got.status, 200)
		equal(t, user+" afterwards", who.refusal(t, id, old), "refused")
	}
}
