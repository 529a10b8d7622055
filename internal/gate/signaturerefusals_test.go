package gate_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// onTheWay changes requests after they were signed.
type onTheWay func(*http.Request)

func (f onTheWay) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if f != nil {
		f(r)
	}
	return wiretest.Connections.Transport.RoundTrip(r)
}

// signedCalls call one operation of each protocol with the SDK.
var signedCalls = map[string]func(t *testing.T, s *wiretest.Server, key aws.Credentials, region string,
	change onTheWay) error{
	"JSON": func(t *testing.T, s *wiretest.Server, key aws.Credentials, region string, change onTheWay) error {
		client := ci.New(ci.Options{
			BaseEndpoint:     &s.URL,
			Region:           region,
			RetryMaxAttempts: 1,
			HTTPClient:       &http.Client{Transport: change},
			Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey,
				key.SessionToken),
		})
		_, err := client.ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})

		return err
	},
	"Query": func(t *testing.T, s *wiretest.Server, key aws.Credentials, region string, change onTheWay) error {
		client := iamclient.New(iamclient.Options{
			BaseEndpoint:     &s.URL,
			Region:           region,
			RetryMaxAttempts: 1,
			HTTPClient:       &http.Client{Transport: change},
			Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey,
				key.SessionToken),
		})
		_, err := client.ListRoles(t.Context(), &iamclient.ListRolesInput{})

		return err
	},
}

// inAuthorization replaces a part of the Authorization header.
func inAuthorization(old, text string) onTheWay {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, text, 1))
	}
}

// The first refusals that a newcomer meets tell what was expected, what came and what
// to change, in both protocols, and no secret.
func TestSignatureRefusalsAreExplained(t *testing.T) {
	const account = "111111111111"
	const mistaken = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYxx" // a secret where an ID belongs
	logs := &wiretest.SafeBuffer{}
	var traces wiretest.TraceList
	var ahead atomic.Int64
	w := wiretest.StartTenants(t, []string{account}, func(c *poolhouse.Config) {
		c.OnTrace = traces.Add
		c.Logger = slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	good := w.Keys[account]
	session := func(key aws.Credentials) aws.Credentials {
		client := sts.New(sts.Options{
			BaseEndpoint: &w.URL,
			Region:       wiretest.Region,
			Credentials:  credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
		})
		c := wiretest.Must(client.GetSessionToken(t.Context(), &sts.GetSessionTokenInput{}))(t).Credentials
		return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey,
			SessionToken: *c.SessionToken}
	}
	temporary := session(good)

	keys := w.AccessKeys(t)
	disabled, disabledSecret, err := keys.Create(t.Context(), iam.NewAccessKey{Account: account})
	if err != nil {
		t.Fatal(err)
	}
	orphan := session(aws.Credentials{AccessKeyID: disabled.ID, SecretAccessKey: disabledSecret})
	if err := keys.SetDisabled(t.Context(), disabled.ID, true); err != nil {
		t.Fatal(err)
	}
	ahead.Store(int64(iam.MaxCacheLifetime + time.Second)) // the server may remember the key as long

	dev := aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
	with := func(k aws.Credentials, id, secret, token string) aws.Credentials {
		return aws.Credentials{AccessKeyID: id + k.AccessKeyID, SecretAccessKey: secret + k.SecretAccessKey,
			SessionToken: token}
	}
	unknown := aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "PLANTED-1"}

	for _, test := range []struct {
		name    string
		key     aws.Credentials
		region  string
		ahead   time.Duration
		change  onTheWay
		reason  explain.Code
		account string // whose the trace is; "" = the home account's, for calls that reached none
		tells   []string
	}{
		{name: "unknown key", key: unknown, reason: "access-key-unknown-development",
			tells: []string{"AKIAIOSFODNN7EXAMPLE", "`poolhouse dev` knows the keys test/test"}},
		{name: "disabled key", key: aws.Credentials{AccessKeyID: disabled.ID, SecretAccessKey: disabledSecret},
			account: account,
			reason:  "access-key-disabled", tells: []string{disabled.ID, account,
				"poolhouse keys enable " + disabled.ID}},
		{name: "ID and secret swapped", key: aws.Credentials{AccessKeyID: mistaken,
			SecretAccessKey: "AKIAIOSFODNN7EXAMPLE"},
			reason: "access-key-secret", tells: []string{"swapped", "40 characters"}},
		{name: "swapped, with slashes", key: aws.Credentials{AccessKeyID: strings.ReplaceAll(mistaken, "K7", "/7"),
			SecretAccessKey: "AKIAIOSFODNN7EXAMPLE"},
			reason: "signature-form-credential", tells: []string{"6 parts", "swapped"}},
		{name: "key in another case", key: with(aws.Credentials{SecretAccessKey: good.SecretAccessKey},
			strings.ToLower(good.AccessKeyID), "", ""),
			reason: "access-key-spelling", tells: []string{"upper case"}},
		{name: "blank behind the key", key: with(aws.Credentials{SecretAccessKey: good.SecretAccessKey},
			good.AccessKeyID+" ", "", ""),
			reason: "access-key-spelling", tells: []string{"blanks"}},
		{name: "development key in another case", key: aws.Credentials{AccessKeyID: "Test", SecretAccessKey: "test"},
			reason: "access-key-spelling-development", tells: []string{"lower case"}},
		{name: "session without token", key: with(aws.Credentials{SecretAccessKey: temporary.SecretAccessKey},
			temporary.AccessKeyID, "", ""),
			reason: "access-key-without-token", tells: []string{"AWS_SESSION_TOKEN"}},
		{name: "wrong secret", key: with(good, "", "PLANTED-2", ""), account: account,
			reason: "request-signature-mismatch",
			tells: []string{good.AccessKeyID, account, "x-amz-date", "127.0.0.1", "canonical request",
				"AWS4-HMAC-SHA256\n", "host:127.0.0.1"}},
		{name: "wrong secret in development", key: with(aws.Credentials{AccessKeyID: "test"}, "", "PLANTED-3", ""),
			account: wiretest.HomeAccount,
			reason:  "request-signature-mismatch-development", tells: []string{"AWS_SECRET_ACCESS_KEY=test"}},
		{name: "a header changed by a proxy", key: dev,
			change:  func(r *http.Request) { r.Header.Set("Amz-Sdk-Request", "attempt=2; max=9") },
			account: wiretest.HomeAccount,
			reason:  "request-signature-mismatch-development", tells: []string{"proxy", "attempt=2; max=9"}},
		{name: "the host changed by a proxy", key: good, change: func(r *http.Request) { r.Host = "localhost:1" },
			account: account,
			reason:  "request-signature-mismatch", tells: []string{"proxy", "localhost:1"}},
		{name: "wrong secret of a session", key: with(temporary, "", "PLANTED-4", temporary.SessionToken),
			account: account,
			reason:  "request-signature-mismatch-session",
			tells:   []string{temporary.AccessKeyID, "x-amz-security-token:REDACTED"}},
		{name: "token of another", key: with(temporary, "", "", orphan.SessionToken), reason: "session-token-invalid",
			tells: []string{"one response"}},
		{name: "token left over", key: with(good, "", "", temporary.SessionToken), account: account,
			reason: "session-token-unasked", tells: []string{"unset AWS_SESSION_TOKEN"}},
		{name: "session of a disabled key", key: orphan, account: account, reason: "session-token-key",
			tells: []string{"disabled or deleted"}},
		{name: "expired session", key: temporary, ahead: 13 * time.Hour, change: signedAt(t, temporary, 13*time.Hour),
			account: account,
			reason:  "session-token-expired", tells: []string{"new credentials"}},
		{name: "clock behind", key: good, ahead: 20 * time.Minute, account: account, reason: "signature-time-expired",
			tells: []string{"15m0s", "20m", "behind", "T", "Z"}},
		{name: "clock ahead", key: good, ahead: -20 * time.Minute, account: account, reason: "signature-time-future",
			tells: []string{"m", "ahead"}},
		{name: "user pools' service", key: good, change: scoped("cognito-idp"), account: account,
			reason: "credential-scope-service-user-pools", tells: []string{"user pools"}},
		{name: "another service", key: good, change: scoped("s3"), account: account,
			reason: "credential-scope-service", tells: []string{"s3"}},
		{name: "region in another case", key: good, region: "US-East-1", account: account,
			reason: "credential-scope-region-spelling", tells: []string{"us-east-1"}},
		{name: "region with a blank", key: good, change: inAuthorization("/us-east-1/", "/us-east-1 /"),
			account: account, reason: "credential-scope-region-spelling", tells: []string{"blanks"}},
		{name: "no region", key: good, change: inAuthorization("/us-east-1/", "//"), account: account,
			reason: "credential-scope-region", tells: []string{"AWS_REGION"}},
		{name: "another day", key: good, change: inAuthorization("/20", "/19"), account: account,
			reason: "credential-scope-day", tells: []string{"X-Amz-Date"}},
		{name: "another terminator", key: good, change: inAuthorization("aws4_request", "PLANTED-5"),
			account: account, reason: "credential-scope-terminator", tells: []string{"aws4_request"}},
		{name: "no signature", key: good, change: func(r *http.Request) { r.Header.Del("Authorization") },
			reason: "request-signature-missing", tells: []string{"access key"}},
		{name: "another scheme", key: good, change: func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer PLANTED-6")
		}, reason: "signature-form-scheme", tells: []string{"the scheme Bearer"}},
		{name: "another algorithm", key: good, change: inAuthorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
			account: account, reason: "signature-form-algorithm", tells: []string{"4A"}},
		{name: "a part missing", key: good, change: inAuthorization("SignedHeaders=", "Sigmed="), account: account,
			reason: "signature-form-parameters", tells: []string{"unknown parameter"}},
		{name: "a bad date", key: good, change: func(r *http.Request) { r.Header.Set("X-Amz-Date", "yesterday") },
			account: account, reason: "signature-form-date", tells: []string{"YYYYMMDDTHHMMSSZ"}},
		{name: "a header added", key: good, change: func(r *http.Request) {
			r.Header.Set("X-Amz-Cf-Id", "PLANTED-7")
		}, account: account, reason: "signed-headers-unsigned", tells: []string{"X-Amz-Cf-Id", "proxy"}},
		{name: "a header taken off", key: good,
			change: func(r *http.Request) { r.Header.Del("Amz-Sdk-Invocation-Id") }, account: account,
			reason: "signed-headers-absent", tells: []string{"amz-sdk-invocation-id", "proxy"}},
		{name: "a header twice", key: good, change: func(r *http.Request) {
			r.Header.Add("X-Amz-Date", r.Header.Get("X-Amz-Date"))
		}, account: account, reason: "signature-form-header", tells: []string{"several times"}},
		{name: "query and header", key: good,
			change: func(r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=PLANTED-8" }, account: account,
			reason: "signature-form-parameters", tells: []string{"Authorization"}},
		{name: "another body", key: good, change: func(r *http.Request) {
			r.Header.Set("X-Amz-Content-Sha256", strings.Repeat("0", 64))
		}, account: account, reason: "signed-headers-unsigned", tells: []string{"X-Amz-Content-Sha256"}},
	} {
		for protocol, call := range signedCalls {
			t.Run(test.name+"/"+protocol, func(t *testing.T) {
				before := ahead.Load()
				ahead.Add(int64(test.ahead))
				defer ahead.Store(before)

				if test.region == "" {
					test.region = wiretest.Region
				}
				if err := call(t, w.Server, test.key, test.region, test.change); err == nil {
					t.Fatal("the call was accepted")
				}

				trace := traces.Last()
				step, _ := explain.Deciding(trace.Steps)
				wiretest.Equal(t, "reason", trace.Reason, test.reason)
				wiretest.Equal(t, "account", trace.Account, test.account)

				text := strings.Join([]string{step.Subject, step.Expected, step.Got, step.Fix, step.Detail}, "\n")
				for _, want := range test.tells {
					if !strings.Contains(text, want) {
						t.Errorf("the reason does not tell %q:\n%s", want, text)
					}
				}
				wantNoSignature(t, step, good.SecretAccessKey, traces.Text(t)+logs.String())
			})
		}
	}

	// Of a canonical request, values of the application are not shown.
	r := wiretest.Must(http.NewRequestWithContext(t.Context(), http.MethodGet,
		w.URL+"/?Action=ListRoles&Version=2010-05-08&ExternalId=PLANTED-9", nil))(t)
	r.Header.Set("X-Amz-Application", "PLANTED-10")
	wrong := sigv4.Credentials{AccessKeyID: good.AccessKeyID, SecretAccessKey: "wrong"}
	if err := sigv4.Sign(r, nil, wrong, wiretest.Region, "iam", time.Now()); err != nil {
		t.Fatal(err)
	}
	wiretest.Do(t, r)

	step, _ := explain.Deciding(traces.Last().Steps)
	for _, want := range []string{"Action=ListRoles&ExternalId=(9 bytes)", "x-amz-application:(10 bytes)", "GET\n/\n"} {
		if !strings.Contains(step.Detail, want) {
			t.Errorf("the canonical request lacks %q:\n%s", want, step.Detail)
		}
	}

	shown := traces.Text(t) + logs.String()
	for _, secret := range []string{
		"PLANTED-", mistaken, mistaken[:20], mistaken[30:], good.SecretAccessKey, disabledSecret,
		temporary.SecretAccessKey,
		temporary.SessionToken, url.QueryEscape(temporary.SessionToken), orphan.SecretAccessKey, orphan.SessionToken,
	} {
		if strings.Contains(shown, secret) {
			t.Errorf("%.12s… is in a trace or in the log", secret)
		}
	}
}

// scoped puts another service into the credential scope.
func scoped(service string) onTheWay {
	return func(r *http.Request) {
		for _, name := range []string{"/cognito-identity/", "/iam/"} {
			inAuthorization(name, "/"+service+"/")(r)
		}
	}
}

// signedAt signs requests anew at a distance from now.
func signedAt(t *testing.T, key aws.Credentials, distance time.Duration) onTheWay {
	return func(r *http.Request) {
		service := "iam"
		if r.Header.Get("X-Amz-Target") != "" {
			service = "cognito-identity"
		}

		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(text))
		credentials := sigv4.Credentials{
			AccessKeyID:     key.AccessKeyID,
			SecretAccessKey: key.SecretAccessKey,
			SessionToken:    key.SessionToken,
		}
		if err := sigv4.Sign(r, text, credentials, wiretest.Region, service, time.Now().Add(distance)); err != nil {
			t.Error(err)
		}
	}
}

// wantNoSignature fails if the signature that would have been right, or its key, is shown.
func wantNoSignature(t *testing.T, step explain.Step, secret, shown string) {
	t.Helper()
	_, toSign, ok := strings.Cut(step.Detail, "\n\nAWS4-HMAC-SHA256\n")
	if !ok {
		return
	}

	toSign = "AWS4-HMAC-SHA256\n" + toSign
	parts := strings.Split(strings.Split(toSign, "\n")[2], "/")
	for _, secret := range []string{secret, "test"} {
		key := sigv4.DeriveSigningKey(secret, parts[0], parts[1], parts[2])
		mac := hmac.New(sha256.New, key[:])
		mac.Write([]byte(toSign))

		for what, hidden := range map[string]string{
			"right signature":     hex.EncodeToString(mac.Sum(nil)),
			"signing key":         hex.EncodeToString(key[:]),
			"signing key, Base64": base64.StdEncoding.EncodeToString(key[:]),
		} {
			if strings.Contains(shown, hidden) {
				t.Errorf("the %s is shown", what)
			}
		}
	}
}

// A server in production tells how keys are made there, and that development's is not
// one.
func TestUnknownKeysInProduction(t *testing.T) {
	var traces wiretest.TraceList
	p := wiretest.StartProduction(t, func(c *poolhouse.Config) { c.OnTrace = traces.Add })
	for key, want := range map[string]explain.Code{
		"AKIAIOSFODNN7EXAMPLE": "access-key-unknown",
		"test":                 "access-key-of-development",
		"minioadmin":           "access-key-unknown",
	} {
		for protocol, call := range signedCalls {
			if call(t, p.Server, aws.Credentials{AccessKeyID: key, SecretAccessKey: "test"}, wiretest.Region,
				nil) == nil {
				t.Fatalf("%s, %s: accepted", key, protocol)
			}
			trace := traces.Last()
			step, _ := explain.Deciding(trace.Steps)
			if trace.Reason != want || trace.Account != "" || !strings.Contains(step.Fix, "poolhouse keys create") {
				t.Errorf("%s, %s: %+v", key, protocol, trace)
			}
		}
	}
}

// Policies that refuse are named with their statement, and what was not reached is
// planned.
func TestPolicyRefusalsAreExplained(t *testing.T) {
	var traces wiretest.TraceList
	w := wiretest.StartTenants(t, nil, func(c *poolhouse.Config) {
		c.OnTrace = traces.Add
		c.Roles = []poolhouse.RoleConfig{{
			ARN: "arn:aws:iam::000000000000:role/InFile",
			TrustPolicy: wiretest.PolicyOf(
				`{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}`,
			),
			Policies: map[string]string{
				"reading": wiretest.PolicyOf(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`),
			},
		}}
	})
	key := func(statements string) aws.Credentials {
		k, secret, err := w.AccessKeys(t).Create(t.Context(),
			iam.NewAccessKey{Account: wiretest.HomeAccount, Policy: wiretest.PolicyOf(statements)})
		if err != nil {
			t.Fatal(err)
		}
		return aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: secret}
	}

	role := func(name, inline string, change func(*iamclient.CreateRoleInput)) string {
		trust := wiretest.PolicyOf(`{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}`)
		in := &iamclient.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust}
		if change != nil {
			change(in)
		}

		arn := wiretest.Must(w.Server.IAM().CreateRole(t.Context(), in))(t).Role.Arn
		wiretest.Must(w.Server.IAM().PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{
			RoleName: &name, PolicyName: aws.String("inline-" + name),
			PolicyDocument: aws.String(wiretest.PolicyOf(inline)),
		}))(t)

		return *arn
	}

	assume := func(arn string, session *string) aws.Credentials {
		client := sts.New(sts.Options{
			Region:       wiretest.Region,
			BaseEndpoint: &w.URL,
			Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		})
		c := wiretest.Must(client.AssumeRole(t.Context(),
			&sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("s1"), Policy: session}))(t).Credentials

		return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey,
			SessionToken: *c.SessionToken}
	}

	const other = `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`
	boundary := wiretest.Must(w.Server.IAM().CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{
		PolicyName: aws.String("fence"), PolicyDocument: aws.String(wiretest.PolicyOf(other)),
	}))(t).Policy.Arn

	for _, test := range []struct {
		name   string
		key    aws.Credentials
		reason explain.Code
		tells  []string
		link   explain.Link
	}{
		{"no statement of a key", key(other), "policies-key-none",
			[]string{"access key AKIA", "poolhouse keys create --policy"},
			explain.Link{Kind: explain.LinkAccessKey, Source: explain.SourceAPI}},
		{"a statement of a key",
			key(wiretest.AllowAllStatement + `,{"Sid":"NoLists","Effect":"Deny","Action":"*:List*","Resource":"*"}`),
			"policies-key-deny", []string{`statement "NoLists"`},
			explain.Link{Kind: explain.LinkAccessKey, Source: explain.SourceAPI}},
		{"no statement of a role", assume(role("A", other, nil), nil), "policies-none", []string{"inline-A", "role/A"},
			explain.Link{Kind: explain.LinkRole, Field: "Policies", Source: explain.SourceAPI}},
		{"a statement of a role", assume(role("B",
			wiretest.AllowAllStatement+`,{"Effect":"Deny","Action":"*:List*","Resource":"*"}`, nil), nil),
			"policies-deny", []string{"inline-B", "statement 1"},
			explain.Link{Kind: explain.LinkRole, Field: "Policies", Source: explain.SourceAPI}},
		{"a boundary", assume(role("C", wiretest.AllowAllStatement,
			func(in *iamclient.CreateRoleInput) { in.PermissionsBoundary = boundary }), nil), "policies-boundary",
			[]string{*boundary},
			explain.Link{Kind: explain.LinkRole, Field: "PermissionsBoundary", Source: explain.SourceAPI}},
		{"a session policy", assume(role("D", wiretest.AllowAllStatement, nil), aws.String(wiretest.PolicyOf(other))),
			"policies-session", []string{"session policies (1)"}, explain.Link{}},
		{"a role of the settings", assume("arn:aws:iam::000000000000:role/InFile", nil), "policies-none",
			[]string{"reading"},
			explain.Setting("roles[0].policies")},
		{"an unknown key",
			key(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"foo:bar":"x"}}}`),
			"policies-none-unknown", []string{"foo:bar"},
			explain.Link{Kind: explain.LinkAccessKey, Source: explain.SourceAPI}},
	} {
		for protocol, call := range signedCalls {
			t.Run(test.name+"/"+protocol, func(t *testing.T) {
				if call(t, w.Server, test.key, wiretest.Region, nil) == nil {
					t.Fatal("the call was accepted")
				}
				trace := traces.Last()
				step, _ := explain.Deciding(trace.Steps)
				wiretest.Equal(t, "reason", trace.Reason, test.reason)
				action := map[string]string{"JSON": "cognito-identity:ListIdentityPools",
					"Query": "iam:ListRoles"}[protocol]

				text := strings.Join([]string{step.Expected, step.Got, step.Fix}, "\n")
				for _, want := range append(test.tells, action) {
					if !strings.Contains(text, want) {
						t.Errorf("the reason does not tell %q:\n%s", want, text)
					}
				}
				if !strings.HasPrefix(step.Subject, "arn:aws:") || step.Subject == "" {
					t.Errorf("the subject is %q", step.Subject)
				}

				var link explain.Link
				if step.Link != nil {
					link = *step.Link
				}
				if link.Kind != explain.LinkSetting {
					link.ID = ""
				}

				wiretest.Equal(t, "link", link, test.link)
			})
		}
	}
}

// Explain tells the code of each step, the one that decided, and what was not reached.
func TestExplainTellsReasonAndPlan(t *testing.T) {
	s := wiretest.Start(t)
	got := s.Raw(t, "ListIdentityPools", `{"MaxResults":0}`, true)
	why := s.AdminCall(t, "Explain", `{"RequestId":"`+got.Header.Get("x-amzn-RequestId")+`"}`)
	var out struct {
		Reason  string
		Planned []string
		Steps   []struct{ Code, Subject, Check string }
	}
	if err := json.Unmarshal([]byte(why.Body), &out); err != nil {
		t.Fatal(err)
	}
	if out.Reason != "input-constraint" || len(out.Steps) != 1 || out.Steps[0].Code != out.Reason ||
		out.Steps[0].Subject != "maxResults" || len(out.Planned) != 1 || out.Planned[0] != "policies" {
		t.Errorf("%s", why.Body)
	}

	unsigned := s.Raw(t, "ListIdentityPools", `{"MaxResults":1}`, false)
	why = s.AdminCall(t, "Explain", `{"RequestId":"`+unsigned.Header.Get("x-amzn-RequestId")+`"}`)
	if !strings.Contains(why.Body, `"Planned":["account-call-rate","server-load","request-body","input","policies"]`) {
		t.Errorf("%s", why.Body)
	}

	metrics := wiretest.Must(http.Get(s.URL + "/metrics"))(t)
	defer metrics.Body.Close()

	text := string(wiretest.Must(io.ReadAll(metrics.Body))(t))
	for _, line := range []string{
		`poolhouse_refusals_total{operation="ListIdentityPools",reason="input-constraint"} 1`,
		`poolhouse_refusals_total{operation="ListIdentityPools",reason="request-signature-missing"} 1`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}
