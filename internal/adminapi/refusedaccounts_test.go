package adminapi_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// refusedCall is a call that a test sends, with what it is signed with.
type refusedCall struct {
	key     aws.Credentials
	service string        // "" = cognito-identity
	ago     time.Duration // when it was signed
	before  func(*http.Request)
	after   func(*http.Request)
	presign bool
}

// send signs DescribeIdentityPool and returns the answer.
func (c refusedCall) send(t *testing.T, w *wiretest.Accounts, now time.Time) wiretest.Answer {
	t.Helper()
	body := `{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000000"}`
	r := wiretest.JSONCall(t, w.URL, "AWSCognitoIdentityService.DescribeIdentityPool", body)
	if c.before != nil {
		c.before(r)
	}
	if c.service == "" {
		c.service = "cognito-identity"
	}

	sum := sha256.Sum256([]byte(body))
	hash, at := hex.EncodeToString(sum[:]), now.Add(-c.ago)
	if c.presign {
		address, headers, err := v4.NewSigner().PresignHTTP(t.Context(), c.key, r, hash, c.service, wiretest.Region, at)
		if err != nil {
			t.Fatal(err)
		}
		signed := wiretest.Must(url.Parse(address))(t)

		r.URL = signed
		for name, values := range headers {
			r.Header[name] = values
		}
	} else if err := v4.NewSigner().SignHTTP(t.Context(), c.key, r, hash, c.service, wiretest.Region, at); err != nil {
		t.Fatal(err)
	}

	if c.after != nil {
		c.after(r)
	}

	return wiretest.Do(t, r)
}

func target(operation string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("X-Amz-Target", operation) }
}

func authorization(change func(string) string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", change(r.Header.Get("Authorization"))) }
}

// Every refusal is for the account that it concerns to explain, however little of
// the call could be proven; what concerns no account is for the home account. To
// everybody else it does not exist.
func TestRefusalsBelongToAccounts(t *testing.T) {
	const b, c = "111111111111", "222222222222"
	var clock atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(clock.Load())) }
	w := wiretest.StartTenants(t, []string{b, c}, wiretest.Files, func(config *poolhouse.Config) { config.Now = now })
	issuer := logintest.NewIssuer(t)
	m := w.Joins(t, b, issuer, "app")
	sign := func(subject string) *wiretest.SignedOutUser {
		return w.SignIn(t, m, issuer, strings.TrimPrefix(issuer.URL, "http://"), subject)
	}
	alice, revoked := sign("alice"), sign("revoked")
	if got := w.Administer(t, b, "RevokeSessions",
		`{"AccessKeyId":"`+revoked.Key.AccessKeyID+`"}`); got.Status != http.StatusOK {
		t.Fatal(got.Body)
	}

	key := w.Keys[b]
	wrong := aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: "wrong"}
	wrongSession := alice.Key
	wrongSession.SecretAccessKey = "wrong"
	garbage := key
	garbage.SessionToken = "garbage"
	otherToken := alice.Key
	otherToken.SessionToken = revoked.Key.SessionToken
	unknown := aws.Credentials{AccessKeyID: "AKIAUNKNOWNUNKNOWN00", SecretAccessKey: "x"}
	call := func(r refusedCall) func(*testing.T) wiretest.Answer {
		return func(t *testing.T) wiretest.Answer { return r.send(t, w, now()) }
	}

	public := func(operation, body string) func(*testing.T) wiretest.Answer {
		return func(t *testing.T) wiretest.Answer { return w.Raw(t, operation, body, false) }
	}
	form := func(values url.Values) func(*testing.T) wiretest.Answer {
		return func(t *testing.T) wiretest.Answer {
			values.Set("Version", "2011-06-15")
			return wiretest.Post(t, w.URL, "application/x-www-form-urlencoded", values.Encode())
		}
	}

	check := func(key aws.Credentials, service string, change ...func(*http.Request)) func(*testing.T) wiretest.Answer {
		return func(t *testing.T) wiretest.Answer {
			r := wiretest.Must(http.NewRequestWithContext(t.Context(), http.MethodGet, wiretest.FilesURL+"a", nil))(t)
			if key.AccessKeyID != "" {
				if err := v4.NewSigner().SignHTTP(t.Context(), key, r, emptyHash, service, wiretest.Region,
					now()); err != nil {
					t.Fatal(err)
				}
			}

			return w.Asked(t, r, change...)
		}
	}

	cases := []struct {
		name  string
		call  func(*testing.T) wiretest.Answer
		owner string // "" = nobody's, for the home account
	}{
		{"refused after the signature", call(refusedCall{key: key}), b},
		{"wrong secret", call(refusedCall{key: wrong}), b},
		{"wrong secret, presigned", call(refusedCall{key: wrong, presign: true}), b},
		{"expired", call(refusedCall{key: key, ago: time.Hour}), b},
		{"expired, presigned", call(refusedCall{key: key, ago: time.Hour, presign: true}), b},
		{"not yet current", call(refusedCall{key: key, ago: -time.Hour}), b},
		{"another service", call(refusedCall{key: key, service: "s3"}), b},
		{"without its signature", call(refusedCall{key: key, after: authorization(func(s string) string {
			return s[:strings.LastIndex(s, ", Signature")]
		})}), b},
		{"an unknown algorithm", call(refusedCall{key: key, after: authorization(func(s string) string {
			return strings.Replace(s, "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512", 1)
		})}), b},
		{"a header added",
			call(refusedCall{key: key, after: func(r *http.Request) { r.Header.Set("X-Amz-Extra", "1") }}), b},
		{"a bad date", call(refusedCall{key: key,
			after: func(r *http.Request) { r.Header.Set("X-Amz-Date", "soon") }}), b},
		{"header and query",
			call(refusedCall{key: key, after: func(r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=0" }}), b},
		{"a long-lived key with a token", call(refusedCall{key: garbage}), b},
		{"a session's wrong secret", call(refusedCall{key: wrongSession}), b},
		{"a session's, presigned", call(refusedCall{key: wrongSession, presign: true}), b},
		{"a session's, another service", call(refusedCall{key: alice.Key, service: "s3"}), b},
		{"a revoked session", call(refusedCall{key: revoked.Key}), b},
		{"a session that may not", call(refusedCall{key: alice.Key}), b},
		{"an unknown operation", call(refusedCall{key: key, before: target("AWSCognitoIdentityService.Nothing")}), b},
		{"an unknown operation, wrong secret",
			call(refusedCall{key: wrong, before: target("AWSCognitoIdentityService.Nothing")}), b},
		{"an unknown operation of a session",
			call(refusedCall{key: alice.Key, before: target("PoolhouseAdmin.Nothing"), service: "poolhouse"}), b},
		{"an unknown service", call(refusedCall{key: key, before: target("Nothing.Nothing")}), b},
		{"two operations",
			call(refusedCall{key: key, after: func(r *http.Request) { r.Header.Add("X-Amz-Target", "Nothing") }}), b},
		{"too long a body", call(refusedCall{key: key, after: func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat(" ", 4<<20))), 4<<20
		}}), b},
		{"another session's token", call(refusedCall{key: otherToken}), ""},
		{"an unknown key", call(refusedCall{key: unknown}), ""},
		{"an unknown key, expired", call(refusedCall{key: unknown, ago: time.Hour}), ""},
		{"no signature",
			func(t *testing.T) wiretest.Answer { return w.Raw(t, "ListIdentityPools", `{"MaxResults":1}`, false) }, ""},
		{"no operation", func(t *testing.T) wiretest.Answer { return w.Raw(t, "Nothing", `{}`, false) }, ""},

		{"a pool", public("GetId", `{"IdentityPoolId":"`+m.Pool+`"}`), b},
		{"a pool's login", public("GetId", `{"IdentityPoolId":"`+m.Pool+`","Logins":{"accounts.google.com":"x"}}`), b},
		{"an identity", public("GetOpenIdToken", `{"IdentityId":"`+alice.Identity+`"}`), b},
		{"an identity's credentials", public("GetCredentialsForIdentity", `{"IdentityId":"`+alice.Identity+`"}`), b},
		{"an identity's logins",
			public("UnlinkIdentity", `{"IdentityId":"`+alice.Identity+`","Logins":{},"LoginsToRemove":[]}`), b},
		{"an unknown pool", public("GetId", `{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000000"}`), ""},
		{"an unknown identity",
			public("GetOpenIdToken", `{"IdentityId":"us-east-1:00000000-0000-4000-8000-000000000000"}`), ""},

		{"a role", form(url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "RoleArn": {m.Role},
			"RoleSessionName":  {"session"},
			"WebIdentityToken": {issuer.Token(map[string]any{"aud": "other"})}}), b},
		{"a role, by SAML", form(url.Values{"Action": {"AssumeRoleWithSAML"}, "RoleArn": {m.Role},
			"PrincipalArn": {"arn:aws:iam::" + b + ":saml-provider/Corp"}, "SAMLAssertion": {"AAAA"}}), b},
		{"an unknown role",
			form(url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "RoleArn": {m.Role + "x"},
				"RoleSessionName":  {"session"},
				"WebIdentityToken": {issuer.Token(map[string]any{"aud": "app"})}}), ""},

		{"check: a session of the account", check(alice.Key, "execute-api"), b},
		{"check: its wrong secret", check(wrongSession, "execute-api"), b},
		{"check: another service", check(alice.Key, "s3"), b},
		{"check: a revoked session", check(revoked.Key, "execute-api"), b},
		{"check: a long-lived key", check(key, "execute-api"), b},
		{"check: a reserved header",
			check(alice.Key, "execute-api", func(r *http.Request) { r.Header.Set("X-Poolhouse-Identity-Id", "x") }), b},
		{"check: no original",
			check(alice.Key, "execute-api", func(r *http.Request) { r.Header.Del("X-Original-Uri") }), b},
		{"check: nobody", check(aws.Credentials{}, ""), ""},
	}

	test := func(name string, call func(*testing.T) wiretest.Answer, owner string) {
		t.Run(name, func(t *testing.T) {
			refused := call(t)
			id := refused.Header.Get("X-Amzn-Requestid")
			if refused.Status < 400 || refused.Status >= 500 || id == "" {
				t.Fatalf("the call: %d %s %s", refused.Status, id, refused.Body)
			}
			if owner == "" {
				owner = wiretest.HomeAccount
			}

			for _, account := range []string{wiretest.HomeAccount, b, c} {
				want := http.StatusBadRequest
				if account == owner {
					want = http.StatusOK
				}

				got := at(t, w, account, "Explain", `{"RequestId":"`+id+`"}`, now())
				if got.Status != want {
					t.Errorf("Explain by account %s: %d %s, want %d", account, got.Status, got.Body, want)
				}
				if want != http.StatusOK {
					none := at(t, w, account, "Explain", `{"RequestId":"none"}`, now())
					wiretest.Equal(t, "Explain by account "+account, got.Body, none.Body)
				}
			}
		})
	}

	for _, one := range cases {
		test(one.name, one.call, one.owner)
	}

	disabled := w.Keys[c]
	if err := w.AccessKeys(t).SetDisabled(t.Context(), disabled.AccessKeyID, true); err != nil {
		t.Fatal(err)
	}

	clock.Add(int64(6 * time.Second)) // what a node remembers of keys is five seconds old at most
	delete(w.Keys, c)
	w.AddKey(t, c)
	test("a disabled key", call(refusedCall{key: disabled}), c)
	clock.Add(int64(2 * time.Hour))
	test("an expired session", call(refusedCall{key: alice.Key}), b)
	test("check: an expired session", check(alice.Key, "execute-api"), b)
}

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// A flood of calls, whoever makes them, leaves each account its newest hundred
// refusals.
func TestExplainIsNotFlushed(t *testing.T) {
	const b = "111111111111"
	w := wiretest.StartTenants(t, []string{b})
	pool := wiretest.Must(w.Pools(b).CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")}))(t).IdentityPoolId
	refuse := func(r *http.Request) string {
		recorder := httptest.NewRecorder()
		w.ServeHTTP(recorder, r)
		return recorder.Header().Get("X-Amzn-Requestid")
	}

	own := func() (ids []string) {
		for range 100 {
			ids = append(ids, w.Post(t, b, "cognito-identity", "AWSCognitoIdentityService.DescribeIdentityPool",
				`{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000000"}`).Header.Get("X-Amzn-Requestid"))
		}
		return ids
	}

	for name, flood := range map[string]func() *http.Request{
		"unsigned": func() *http.Request {
			return wiretest.JSONCall(t, w.URL, "AWSCognitoIdentityService.ListIdentityPools", `{"MaxResults":1}`)
		},
		"to the account's pool": func() *http.Request {
			return wiretest.JSONCall(t, w.URL, "AWSCognitoIdentityService.GetId", `{"IdentityPoolId":"`+*pool+`"}`)
		},
		"with the account's key": func() *http.Request {
			r := wiretest.JSONCall(t, w.URL, "AWSCognitoIdentityService.ListIdentityPools", `{"MaxResults":1}`)
			r.Header.Set("Authorization",
				"AWS4-HMAC-SHA256 Credential="+w.Keys[b].AccessKeyID+
					"/20200101/us-east-1/cognito-identity/aws4_request, SignedHeaders=host, Signature=00")
			return r
		},
	} {
		ids := own()

		for range 10_400 {
			refuse(flood())
		}

		for n, id := range ids {
			if got := w.Administer(t, b, "Explain", `{"RequestId":"`+id+`"}`); got.Status != http.StatusOK {
				t.Errorf("after 10,400 calls %s, refusal %d is gone: %s", name, n, got.Body)
				break
			}
		}
	}
}

// at calls an operation of the admin API at a time.
func at(t *testing.T, w *wiretest.Accounts, account, operation, body string, now time.Time) wiretest.Answer {
	t.Helper()
	r := wiretest.JSONCall(t, w.URL, "PoolhouseAdmin."+operation, body)
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), w.Keys[account], r, hex.EncodeToString(sum[:]), "poolhouse",
		wiretest.Region, now); err != nil {
		t.Fatal(fmt.Errorf("account %s: %w", account, err))
	}

	return wiretest.Do(t, r)
}
