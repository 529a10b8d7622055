package store_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	stsclient "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// canaries are secrets by where they were planted.
type canaries struct {
	mu  sync.Mutex
	all map[string]string
}

// plant notes a secret and returns it.
func (c *canaries) plant(where, secret string) string {
	c.mu.Lock()
	defer c.mu.Unlock()

	if len(secret) < 12 {
		panic("too short to be told from other text: " + where)
	}
	c.all[where] = secret
	return secret
}

// writings are the ways in which a secret may be written: as it is, escaped for
// JSON and URLs, hexadecimal, and inside of a base64 text at any place.
func writings(secret string) [][]byte {
	inner := func(quoted string) string { return quoted[1 : len(quoted)-1] }

	quoted, _ := json.Marshal(secret)
	all := []string{secret, inner(string(quoted)), inner(strconv.Quote(secret)), url.QueryEscape(secret),
		url.PathEscape(secret), hex.EncodeToString([]byte(secret))}
	for shift := range 3 {
		padded := strings.Repeat("x", shift) + secret
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			encoded := encoding.EncodeToString([]byte(padded))
			all = append(all, encoded[(shift*4+2)/3:len(encoded)-2])
		}
	}

	seen, distinct := map[string]bool{}, [][]byte(nil)
	for _, one := range all {
		if !seen[one] {
			seen[one] = true
			distinct = append(distinct, []byte(one))
		}
	}

	return distinct
}

// in lists where the secrets were planted that content shows.
func (c *canaries) in(content []byte) (found []string) {
	for where, secret := range c.all {
		for _, one := range writings(secret) {
			if bytes.Contains(content, one) {
				found = append(found, where)
				break
			}
		}
	}

	return found
}

// The search finds each secret in each way of writing it: else the tests below
// would prove nothing.
func TestCanariesAreFound(t *testing.T) {
	c := &canaries{all: map[string]string{}}
	secret := c.plant("here", "canary+/;\"secret\"&1234")
	for _, text := range []string{
		secret,
		fmt.Sprintf("%q", secret),
		"a=" + url.QueryEscape(secret),
		base64.StdEncoding.EncodeToString([]byte("1" + secret + "2")),
		base64.RawURLEncoding.EncodeToString([]byte("12" + secret)),
		base64.StdEncoding.EncodeToString([]byte("123" + secret + "456")),
		hex.EncodeToString([]byte(secret)),
	} {
		if len(c.in([]byte("before "+text+" after"))) != 1 {
			t.Errorf("not found in %s", text)
		}
	}

	if found := c.in([]byte("something else")); found != nil {
		t.Errorf("found %v in nothing", found)
	}
}

// Secrets in every place that can hold one, and in every way that a call can end:
// none of them reaches the database's files, its write-ahead log, a backup, the log
// at its finest, the decision traces or the metrics.
func TestNoSecretIsKeptInClear(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), poolhouse.DatabaseFile)
		testNoSecretIsKeptInClear(t, store.Options{Path: path}, func() []byte { return filesBeside(t, path) })
	})
	t.Run("postgresql", func(t *testing.T) {
		plain := pgtest.URL(t)
		// The server trusts everybody, so it takes any password.
		address := plain + "&password=canary-database-password"
		testNoSecretIsKeptInClear(t, store.Options{URL: address}, func() []byte { return postgreSQLFiles(t, plain) })
	})
}

func filesBeside(t *testing.T, path string) (all []byte) {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	if err != nil || len(names) < 3 {
		t.Fatalf("%v, %v, want the database, its write-ahead log and its index", names, err)
	}

	for _, name := range names {
		all = append(all, wiretest.Must(os.ReadFile(name))(t)...)
	}

	return all
}

// postgreSQLFiles are the files of our tables and indexes, and the write-ahead log.
func postgreSQLFiles(t *testing.T, address string) (all []byte) {
	t.Helper()

	db := wiretest.Must(sql.Open("pgx", address))(t)
	defer db.Close()

	if _, err := db.ExecContext(t.Context(), `CHECKPOINT`); err != nil {
		t.Fatal(err)
	}

	rows := wiretest.Must(db.QueryContext(t.Context(), `
		SELECT pg_read_binary_file(folder || '/' || name, 0, 100000000, TRUE)
			FROM (SELECT 'base/' || oid AS folder FROM pg_database WHERE datname = current_database()) AS d,
				pg_ls_dir(folder) AS name
			WHERE name ~ '^[0-9]{5,}'
		UNION ALL SELECT pg_read_binary_file('pg_wal/' || name, 0, 100000000, TRUE) FROM pg_ls_waldir()`))(t)
	defer rows.Close()

	for rows.Next() {
		var content []byte
		if err := rows.Scan(&content); err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}

	return all
}

func testNoSecretIsKeptInClear(t *testing.T, o store.Options, files func() []byte) {
	c := &canaries{all: map[string]string{}}
	if o.URL != "" {
		c.plant("database URL", "canary-database-password")
	}
	master := bytes.Repeat([]byte("canary-m"), 4)
	c.plant("master key", string(master))

	apps, corp := wiretest.NewApps(t), logintest.NewIssuer(t)
	for n, secret := range apps.Secrets {
		c.plant(fmt.Sprint("app providers ", n), secret)
	}
	idp := samltest.New(t, time.Now().Truncate(time.Second), 0)
	status := wiretest.NewUserPoolAPI(t)
	status.Says("", `{"active":true}`)
	engine := fakeEngine(t, c)

	logs := &wiretest.SafeBuffer{}
	var mu sync.Mutex
	var traces []poolhouse.Trace
	const outside = "us-east-1:11111111-2222-4333-8444-555555555555"
	corpKey := strings.TrimPrefix(corp.URL, "http://")
	s := wiretest.Start(t, apps.Configure, func(p *poolhouse.Config) {
		p.DatabaseURL, p.MasterKey, p.TokenAlgorithm = o.URL, master, "ES256"
		if o.Path != "" {
			p.DataDir = filepath.Dir(o.Path)
		}

		facebook := p.Providers[wiretest.FacebookKey]
		facebook.AppSecrets = map[string]poolhouse.Secret{"112233": "canary-facebook-secret"}
		p.Providers[wiretest.FacebookKey] = facebook
		p.OIDCProviders = []poolhouse.OIDCProviderConfig{
			{URL: corp.URL, ClientIDs: []string{"app"}, AllowHTTP: true, AllowPrivate: true},
		}

		p.SignOut = map[string]poolhouse.SignOutConfig{corpKey: {Audiences: []string{"stream"}}}
		p.SAMLProviders = []poolhouse.SAMLProviderConfig{{Name: "Corp", Metadata: idp.Metadata()}}
		p.UserPools = map[string]poolhouse.ProviderOverride{
			wiretest.UserPool: {Issuers: []string{"https://" + wiretest.UserPool},
				JWKSURL: corp.URL + logintest.KeysPath, AllowHTTP: true, AllowPrivate: true},
		}

		p.UserStatus = map[string]poolhouse.UserStatusConfig{
			wiretest.UserPool: {Check: userstatus.Introspection, Endpoint: status.URL + "/introspect", ClientID: "c",
				ClientSecret: poolhouse.Secret(c.plant("introspection client secret", "canary-introspection-secret")),
				AllowHTTP:    true, AllowPrivate: true}}
		p.CredentialEngines = map[string]poolhouse.CredentialEngineConfig{
			"storage": {Endpoint: engine, AllowHTTP: true, AllowPrivate: true, ClientID: "c",
				ClientSecret: poolhouse.Secret(c.plant("engine client secret", "canary-engine-client-secret"))}}

		p.PoolCredentialEngines = map[string]string{outside: "storage"}
		p.Logger = slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
		p.OnTrace = func(t poolhouse.Trace) {
			mu.Lock()
			defer mu.Unlock()

			traces = append(traces, t)
		}
	})

	sealer := wiretest.Must(envelope.New(master))(t)
	o.Sealer = sealer

	db := wiretest.Must(store.Open(t.Context(), o))(t)
	defer db.Close()

	pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.AllowClassicFlow = aws.Bool(true)
		in.SupportedLoginProviders = map[string]string{wiretest.TwitterKey: "canarykey;" +
			c.plant("X, by Create", "canary-x-secret-created"),
			"www.digits.com": "k;" + c.plant("Digits", "canary-digits-secret")}
		in.SamlProviderARNs = []string{wiretest.SAMLARN}
		in.OpenIdConnectProviderARNs = append(in.OpenIdConnectProviderARNs, wiretest.CorpARN+corpKey)
		in.CognitoIdentityProviders = []types.CognitoIdentityProvider{
			{ProviderName: aws.String(wiretest.UserPool), ClientId: aws.String("app"),
				ServerSideTokenCheck: aws.Bool(true)},
		}
	})

	wiretest.Equal(t, "pool of the engine",
		s.NewPool(t,
			func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{"_custom_id_": outside} }),
		outside)

	described := wiretest.Must(
		s.Admin().DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: &pool}),
	)(t)
	update := &ci.UpdateIdentityPoolInput{
		IdentityPoolId:                 &pool,
		IdentityPoolName:               aws.String("p"),
		AllowUnauthenticatedIdentities: true,
		AllowClassicFlow:               aws.Bool(true),
		DeveloperProviderName:          described.DeveloperProviderName,
		OpenIdConnectProviderARNs:      described.OpenIdConnectProviderARNs,
		SamlProviderARNs:               described.SamlProviderARNs,
		CognitoIdentityProviders:       described.CognitoIdentityProviders,
	}
	for code, bad := range map[string]map[string]string{
		"ValidationException": {wiretest.TwitterKey: "canarykey;" +
			c.plant("X, refused Update", "canary refused secret <>")},
		"InvalidParameterException": {
			"login.my.app": c.plant("a provider under the developer's name", "canary;under-developer-name"),
		},
	} {
		update.SupportedLoginProviders = bad
		_, err := s.Admin().UpdateIdentityPool(t.Context(), update)
		wiretest.WantError(t, err, code, "")
	}

	update.SupportedLoginProviders = apps.Supported // X's has the secret that its stand-in knows
	got := wiretest.Must(s.Admin().UpdateIdentityPool(t.Context(), update))(t)
	wiretest.Equal(t, "X's value as AWS shows it", got.SupportedLoginProviders[wiretest.TwitterKey],
		"canarykey;canary-consumer-secret")

	credentials := func(where string, out *types.Credentials) {
		c.plant(where+": secret key", *out.SecretKey)
		c.plant(where+": session token", *out.SessionToken)
	}

	logins := map[string]string{
		corpKey: c.plant("OpenID Connect token", corp.Token(map[string]any{"aud": "app", "sub": "s", "sid": "x1"})),
		wiretest.UserPool: c.plant("user pool token",
			corp.Token(map[string]any{"iss": "https://" + wiretest.UserPool, "aud": "app", "sub": "s",
				"token_use": "id", "cognito:username": "s"})),
		wiretest.SAMLARN: c.plant("SAML response",
			idp.Response(t, samltest.Login{NameID: "alice", Attributes: []samltest.Attribute{
				samltest.Roles(wiretest.AuthenticatedRole + "," + wiretest.SAMLARN),
				{Name: "https://aws.amazon.com/SAML/Attributes/RoleSessionName", Values: []string{"alice"}}}})),
	}

	for provider, credential := range apps.Logins {
		logins[provider] = c.plant("credential of "+provider, credential)
	}

	signIns := map[string]map[string]string{"guest": nil, "dev": s.Logins(t, "alice")}
	for provider, credential := range logins {
		signIns[provider] = map[string]string{provider: credential}
		// The same, refused.
		_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{
			IdentityPoolId: &pool,
			Logins:         map[string]string{provider: c.plant("a damaged one of "+provider, credential+"x")},
		})
		if err == nil {
			t.Errorf("a damaged credential of %s is accepted", provider)
		}

		_, err = s.Public().GetId(t.Context(),
			&ci.GetIdInput{IdentityPoolId: &pool, Logins: map[string]string{credential: provider}})
		if err == nil {
			t.Errorf("a credential of %s is accepted as a name", provider)
		}
	}

	for name, of := range signIns {
		id := s.GetID(t, pool, of)
		out, err := s.Public().GetCredentialsForIdentity(t.Context(),
			&ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: of})
		if err != nil {
			t.Errorf("credentials of %s: %v", name, err)
			continue
		}

		credentials(name, out.Credentials)
		wiretest.Must(s.Whoami(t, *out.Credentials.AccessKeyId, *out.Credentials.SecretKey,
			*out.Credentials.SessionToken))(t)
		if _, err := s.Whoami(t, *out.Credentials.AccessKeyId, c.plant(name+": a wrong secret", "canary-wrong-"+name),
			*out.Credentials.SessionToken); err == nil {
			t.Errorf("a wrong secret of %s is accepted", name)
		}
		if name == wiretest.SAMLARN { // which has no classic flow
			continue
		}

		token := wiretest.Must(s.Public().GetOpenIdToken(t.Context(),
			&ci.GetOpenIdTokenInput{IdentityId: &id, Logins: of}))(t)
		c.plant(name+": OpenID token", *token.Token)
	}

	anonymous := stsclient.New(stsclient.Options{
		BaseEndpoint:     &s.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		Credentials:      aws.AnonymousCredentials{},
	})
	for where := range signIns {
		_, _ = anonymous.AssumeRoleWithWebIdentity(t.Context(),
			&stsclient.AssumeRoleWithWebIdentityInput{
				RoleArn:          aws.String(wiretest.AuthenticatedRole),
				RoleSessionName:  aws.String("app"),
				WebIdentityToken: aws.String(c.all[where+": OpenID token"]),
			})
	}

	_, _ = anonymous.AssumeRoleWithSAML(t.Context(), &stsclient.AssumeRoleWithSAMLInput{
		RoleArn:       aws.String(wiretest.AuthenticatedRole),
		PrincipalArn:  aws.String(wiretest.SAMLARN),
		SAMLAssertion: aws.String(logins[wiretest.SAMLARN]),
	})
	developer := wiretest.Must(
		s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(), &ci.GetOpenIdTokenForDeveloperIdentityInput{
			IdentityPoolId: &pool,
			Logins:         map[string]string{"login.my.app": "user"},
		}),
	)(t)
	c.plant("developer token", *developer.Token)

	own := map[string]string{"cognito-identity.amazonaws.com": *developer.Token}
	credentials("developer",
		wiretest.Must(s.Public().GetCredentialsForIdentity(t.Context(),
			&ci.GetCredentialsForIdentityInput{IdentityId: developer.IdentityId, Logins: own}))(t).Credentials)
	engines := s.Logins(t, "bob")
	id := s.GetID(t, outside, engines)
	wiretest.Must(s.Public().GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: engines}))(t)

	for n, claims := range []map[string]any{
		{"sub": "s", "sid": "x1", "events": map[string]any{wiretest.LogoutEvent: map[string]any{}}, "aud": "app"},
		{"sub": "s", "aud": "another"},
	} {
		s.BackChannelLogout(t, corpKey,
			c.plant(fmt.Sprint("logout token ", n), wiretest.Event(corp, "logout+jwt", fmt.Sprint("j", n), claims)))
	}

	keys := wiretest.Must(iam.NewAccessKeys(iam.AccessKeyOptions{Store: db, Sealer: sealer}))(t)
	key, secret, err := keys.Create(t.Context(), iam.NewAccessKey{Account: identitypool.AccountID(s.Account())})
	if err != nil {
		t.Fatal(err)
	}

	c.plant("access key", secret)
	wiretest.Must(s.SignedBy(wiretest.Region, key.ID, secret, "").ListIdentityPools(t.Context(),
		&ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)}))(t)

	temporary := wiretest.Must(
		stsclient.New(stsclient.Options{
			BaseEndpoint: &s.URL,
			Region:       wiretest.Region,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: secret}, nil
			}),
		}).GetSessionToken(t.Context(), &stsclient.GetSessionTokenInput{}))(t)
	c.plant("GetSessionToken: secret key", *temporary.Credentials.SecretAccessKey)
	c.plant("GetSessionToken: session token", *temporary.Credentials.SessionToken)
	plantKeys(t, c, db, sealer)

	var backup bytes.Buffer
	if err := db.Dump(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	dump := wiretest.Must(io.ReadAll(wiretest.Must(gzip.NewReader(&backup))(t)))(t)
	metrics := httptest.NewRecorder()
	s.ServeHTTP(metrics, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/metrics", nil))
	mu.Lock()
	defer mu.Unlock()

	if len(traces) < 10 || len(c.all) < 60 {
		t.Fatalf("%d traces, %d secrets: the test proves nothing", len(traces), len(c.all))
	}

	for where, content := range map[string][]byte{
		"database":        files(),
		"backup":          dump,
		"log":             []byte(logs.String()),
		"decision traces": wiretest.Must(json.Marshal(traces))(t),
		"metrics":         metrics.Body.Bytes(),
	} {
		if !bytes.Contains(content,
			map[string][]byte{"database": []byte(pool), "backup": []byte(pool), "log": []byte("GetOpenIdToken"),
				"decision traces": []byte("GetId"), "metrics": []byte("poolhouse_requests_total")}[where]) {
			t.Errorf("the %s has nothing of the test: it proves nothing", where)
		}

		for _, secret := range c.in(content) {
			t.Errorf("the %s shows the secret of: %s", where, secret)
		}
	}
}

// fakeEngine is a credential engine. What it is sent and what it answers is secret.
func fakeEngine(t *testing.T, c *canaries) string {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err == nil && r.Form.Get("WebIdentityToken") != "" {
			c.plant("engine token", r.Form.Get("WebIdentityToken"))
		}
		_, _ = io.WriteString(w,
			`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`+
				`<AssumeRoleWithWebIdentityResult><Credentials>`+
				`<AccessKeyId>engines-key</AccessKeyId><SecretAccessKey>`+
				c.plant("engine's secret key", "canary-engines-secret-key")+`</SecretAccessKey><SessionToken>`+
				c.plant("engine's session token", "canary-engines-session-token")+`</SessionToken><Expiration>`+
				time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+
				`</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`)
	}))
	t.Cleanup(web.Close)

	return web.URL
}

// plantKeys opens the signing and session keys: what is sealed is to be found
// nowhere else.
func plantKeys(t *testing.T, c *canaries, db *store.Store, sealer *envelope.Sealer) {
	t.Helper()

	for _, k := range wiretest.Must(db.Keys(t.Context(), "signing"))(t) {
		sum := sha256.Sum256(k.Public)
		pkcs8 := wiretest.Must(sealer.Open(k.Sealed,
			"signing-key/"+k.ID+"/"+k.Algorithm+"/"+hex.EncodeToString(sum[:])))(t)
		switch private := wiretest.Must(x509.ParsePKCS8PrivateKey(pkcs8))(t).(type) {
		case *rsa.PrivateKey:
			c.plant("signing key "+k.ID, string(private.D.Bytes()[:32]))
			c.plant("prime of signing key "+k.ID, string(private.Primes[0].Bytes()[:32]))
		case *ecdsa.PrivateKey:
			c.plant("signing key "+k.ID, string(wiretest.Must(private.Bytes())(t)))
		}
	}

	for _, k := range wiretest.Must(db.Keys(t.Context(), "session"))(t) {
		c.plant("session key "+k.ID, string(wiretest.Must(sealer.Open(k.Sealed, "session-key/"+k.ID))(t)))
	}
}
