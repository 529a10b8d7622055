package forwardauth

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// bucket is an endpoint for a service that clients sign for as S3, with a session
// whose role has the statements.
type bucket struct {
	*Handler
	key sigv4.Credentials
}

func newBucket(t *testing.T, statements string) bucket {
	t.Helper()

	return newBucketWith(t, statements, Config{Service: "s3", Region: "us-east-1", Presigned: true, Body: unchecked,
		Routes: []Route{
			{Match: "GET /b", Action: "s3:ListBucket", Resource: "arn:aws:s3:::b"},
			{Match: "GET /b/{key...}", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/{key}"},
			{Match: "GET /b/{key...}?versionId", Action: "s3:GetObjectVersion", Resource: "arn:aws:s3:::b/{key}"},
			{Match: "PUT /b/{key...}", Action: "s3:PutObject", Resource: "arn:aws:s3:::b/{key}"},
			{Match: "GET /api", Action: "execute-api:Invoke",
				Resource: "arn:aws:execute-api:us-east-1:" + account + ":api/x"},
		}})
}

// newBucketWith is newBucket with other settings.
func newBucketWith(t *testing.T, statements string, config Config) bucket {
	t.Helper()
	clock := func() time.Time { return now }
	s, err := store.Open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = s.Close() })
	sealer, err := envelope.New(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}

	minter, err := session.NewMinter(t.Context(), session.MinterOptions{Store: s, Sealer: sealer, Now: clock})
	if err != nil {
		t.Fatal(err)
	}

	directory, err := iam.NewDirectory(iam.Config{Account: account, Roles: []iam.RoleConfig{{
		ARN: roleARN,
		TrustPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
			"Principal":{"Federated":"cognito-identity.amazonaws.com"},
			"Action":"sts:AssumeRoleWithWebIdentity",
			"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + pool + `"}}}]}`,
		Policies: map[string]string{"p": `{"Version":"2012-10-17","Statement":[` + statements + `]}`},
	}}})
	if err != nil {
		t.Fatal(err)
	}

	h, err := New(Options{
		Owner:      nobodys,
		Account:    account,
		Sessions:   gate.NewSessions(minter, noneRevoked{}, iam.NewAuthorizer(directory, clock), clock),
		Authorizer: iam.NewAuthorizer(directory, clock),
		Now:        clock,
		Config:     config,
	})
	if err != nil {
		t.Fatal(err)
	}

	c, err := minter.Mint(t.Context(), session.Session{
		Account:     account,
		RoleARN:     roleOf(roleARN),
		RoleID:      iam.RoleID(roleARN),
		SessionName: "CognitoIdentityCredentials",
		IdentityID:  alice,
		PoolID:      pool,
		AMR:         []string{"authenticated", "idp.example.com"},
		Issued:      now,
		Expires:     now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}

	return bucket{h, sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey,
		SessionToken: c.SessionToken}}
}

// answer signs a request as it was a while ago, and asks about it with its body.
func (b bucket) answer(
	t *testing.T, method, uri string, headers http.Header, body string,
) (*httptest.ResponseRecorder, *explain.Trace) {
	t.Helper()

	r := httptest.NewRequest(method, "http://files.example.com"+uri, nil)
	for name, values := range headers {
		r.Header[name] = values
	}
	if err := sigv4.Sign(r, []byte(body), b.key, "us-east-1", "s3", now.Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}

	trace := &explain.Trace{}
	q := httptest.NewRequest("GET", "/check", strings.NewReader(body))
	q.Header = r.Header
	q.Header.Set("X-Original-Method", method)
	q.Header.Set("X-Original-Uri", uri)
	q.Header.Set("X-Original-Host", "files.example.com")
	w := httptest.NewRecorder()
	b.ServeHTTP(w, q.WithContext(explain.NewContext(q.Context(), trace)))

	return w, trace
}

// asked signs a request as it was a while ago and asks about it. It returns whether
// it was let through, and the last step of the trace otherwise.
func (b bucket) asked(t *testing.T, method, uri string, headers http.Header) (allowed bool, step explain.Step) {
	t.Helper()
	w, trace := b.answer(t, method, uri, headers, "")
	if steps := trace.Steps(); len(steps) > 0 {
		step = steps[len(steps)-1]
	}

	switch w.Header().Get(headerReason) {
	case "", "AccessDenied", "IncompleteSignature", "MalformedQuery":
	default:
		t.Errorf("%s %s: %d %s", method, uri, w.Code, w.Body)
	}

	return w.Code == http.StatusOK, step
}

const allowEverything = `{"Effect":"Allow","Action":"*","Resource":"*"}`

// What a statement on a condition is worth: t true, f false, ? unknown; ! for a
// request that is refused before any policy is asked.
func worth(t *testing.T, condition, method, uri string, headers http.Header) string {
	t.Helper()
	allow := newBucket(t, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":`+condition+`}`)

	deny := newBucket(t, allowEverything+`,{"Effect":"Deny","Action":"*","Resource":"*","Condition":`+condition+`}`)
	allowed, why := allow.asked(t, method, uri, headers)
	passed, whyNot := deny.asked(t, method, uri, headers)
	switch {
	case why.Check == checkSignature && whyNot.Check == checkSignature:
		return "!"
	case allowed && !passed:
		return "t"
	case !allowed && passed:
		return "f"
	case !allowed && !passed:
		for _, step := range []explain.Step{why, whyNot} {
			if key := condition[strings.LastIndex(condition, `{"`)+2:]; !strings.Contains(step.Got,
				key[:strings.IndexByte(key, '"')]) || step.Fix == "" {
				t.Errorf("%s: the trace does not name the key: %+v", condition, step)
			}
		}

		return "?"
	}

	return "a Deny that does not deny"
}

func TestConditionsOfTheRequest(t *testing.T) {
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h[pairs[i]] = append(h[pairs[i]], pairs[i+1])
		}
		return h
	}

	prefix := func(value string) string { return `{"StringEquals":{"s3:prefix":"` + value + `"}}` }
	const noPrefix = `{"Null":{"s3:prefix":"true"}}`
	for _, tc := range []struct {
		condition, method, uri string
		headers                http.Header
		want                   string
	}{
		// From the query, where every server reads it alike.
		{prefix("a/"), "GET", "/b?prefix=a%2F", nil, "t"},
		{prefix("a/"), "GET", "/b?list-type=2&prefix=a/&delimiter=%2F", nil, "t"},
		{prefix("a/"), "GET", "/b?%70refix=a/", nil, "t"},
		{prefix("a/"), "GET", "/b?prefix=b/", nil, "f"},
		{prefix(""), "GET", "/b?prefix=", nil, "t"},
		{prefix(""), "GET", "/b?prefix", nil, "t"},
		{prefix("a/"), "GET", "/b", nil, "f"},
		{prefix("a/"), "GET", "/b?x=prefix", nil, "f"},
		{noPrefix, "GET", "/b", nil, "t"},
		{noPrefix, "GET", "/b?list-type=2&prefixes=a&xprefix=b", nil, "t"},
		{noPrefix, "GET", "/b?prefix=a", nil, "f"},
		{prefix("ä"), "GET", "/b?prefix=%C3%A4", nil, "t"},
		{prefix("100%"), "GET", "/b?prefix=100%25", nil, "t"},

		// Where they do not.
		{prefix("a/"), "GET", "/b?prefix=a/&prefix=b/", nil, "!"},
		{prefix("a/"), "GET", "/b?prefix=a/&prefix=a/", nil, "!"},
		{prefix("a/"), "GET", "/b?prefix=a/&Prefix=b/", nil, "?"},
		{prefix("a/"), "GET", "/b?prefix=a/&PREFIX=b/", nil, "?"},
		{noPrefix, "GET", "/b?Prefix=b/", nil, "?"},
		{noPrefix, "GET", "/b?prefix%5B%5D=b/", nil, "?"},
		{noPrefix, "GET", "/b?%20prefix=b/", nil, "?"},
		{noPrefix, "GET", "/b?+prefix=b/", nil, "?"},
		{noPrefix, "GET", "/b?prefix%00=b/", nil, "?"},
		{noPrefix, "GET", "/b?%2570refix=b/", nil, "?"},
		{prefix("a/"), "GET", "/b?x=1;prefix=b/&prefix=a/", nil, "!"},
		{prefix("a b"), "GET", "/b?prefix=a+b", nil, "?"},
		{prefix("a"), "GET", "/b?prefix=a%00b", nil, "?"},
		{prefix("a/b"), "GET", "/b?prefix=a%252Fb", nil, "?"},
		{`{"StringNotEquals":{"s3:prefix":"b/"}}`, "GET", "/b?prefix=a/&prefix=b/", nil, "!"},
		{`{"StringEqualsIfExists":{"s3:prefix":"a/"}}`, "GET", "/b?Prefix=b/", nil, "?"},

		{`{"NumericLessThanEquals":{"s3:max-keys":"10"}}`, "GET", "/b?max-keys=10", nil, "t"},
		{`{"NumericLessThanEquals":{"s3:max-keys":"10"}}`, "GET", "/b?max-keys=1000", nil, "f"},
		{`{"NumericLessThanEquals":{"s3:max-keys":"10"}}`, "GET", "/b?max_keys=1000", nil, "?"},
		{`{"NumericNotEquals":{"s3:max-keys":"10"}}`, "GET", "/b?max-keys=abc", nil, "?"},
		{`{"StringEquals":{"s3:delimiter":"/"}}`, "GET", "/b?delimiter=%2F", nil, "t"},
		{`{"StringEquals":{"s3:VersionId":"v1"}}`, "GET", "/b/k?versionId=v1", nil, "t"},
		{`{"StringEquals":{"s3:VersionId":"v1"}}`, "GET", "/b/k?versionId=v2", nil, "f"},

		// From the headers.
		{`{"StringEquals":{"s3:x-amz-acl":"public-read"}}`, "PUT", "/b/k", header("X-Amz-Acl", "public-read"), "t"},
		{`{"StringEquals":{"s3:x-amz-acl":"public-read"}}`, "PUT", "/b/k", header("X-Amz-Acl", "private"), "f"},
		{`{"StringEquals":{"s3:x-amz-acl":"public-read"}}`, "PUT", "/b/k", nil, "f"},
		{`{"StringEquals":{"s3:x-amz-acl":"public-read"}}`, "PUT", "/b/k",
			header("X-Amz-Acl", "private", "X-Amz-Acl", "public-read"), "!"},
		{`{"StringEquals":{"s3:x-amz-acl":"public-read"}}`, "PUT", "/b/k", header("X_amz_acl", "public-read"), "?"},
		{`{"StringEquals":{"s3:x-amz-acl":"public-read"}}`, "PUT", "/b/k?x-amz-acl=public-read", nil, "?"},
		{`{"StringEquals":{"s3:x-amz-acl":"public-read"}}`, "PUT", "/b/k?X-Amz-Acl=public-read",
			header("X-Amz-Acl", "private"), "?"},
		{`{"StringNotEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}}`, "PUT", "/b/k",
			header("X-Amz-Server-Side-Encryption", "aws:kms"), "f"},
		{`{"StringNotEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}}`, "PUT", "/b/k", nil, "t"},
		{`{"StringLike":{"s3:x-amz-copy-source":"/b/public/*"}}`, "PUT", "/b/k",
			header("X-Amz-Copy-Source", "/b/secret/x"), "f"},
		{`{"StringEquals":{"s3:object-lock-mode":"GOVERNANCE"}}`, "PUT", "/b/k",
			header("X-Amz-Object-Lock-Mode", "GOVERNANCE"), "t"},
		{`{"Null":{"s3:if-none-match":"false"}}`, "PUT", "/b/k", header("If-None-Match", "*"), "t"},
		{`{"StringLike":{"aws:Referer":"https://www.example.com/*"}}`, "GET", "/b",
			header("Referer", "https://www.example.com/x"), "t"},
		{`{"StringEquals":{"aws:UserAgent":"curl"}}`, "GET", "/b", header("User-Agent", "curl", "User-Agent", "x"),
			"?"},

		// From the signature.
		{`{"StringEquals":{"s3:authType":"REST-HEADER","s3:signatureversion":"AWS4-HMAC-SHA256"}}`, "GET", "/b", nil,
			"t"},
		{`{"NumericGreaterThan":{"s3:signatureAge":"600000"}}`, "GET", "/b", nil, "f"},
		{`{"NumericEquals":{"s3:signatureAge":"60000"}}`, "GET", "/b", nil, "t"},
		{`{"StringEquals":{"s3:x-amz-content-sha256":"UNSIGNED-PAYLOAD"}}`, "GET", "/b", nil, "f"},
		{`{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}`, "GET", "/b", nil, "t"},

		// The session's, and what does not exist here.
		{`{"StringEquals":{"cognito-identity.amazonaws.com:sub":"` + alice + `"}}`, "GET", "/b", nil, "t"},
		{`{"StringEquals":{"aws:PrincipalTag/team":"red"}}`, "GET", "/b", nil, "f"},
		{`{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`, "GET", "/b", nil, "f"},
		{`{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`, "GET", "/b", nil, "t"},
		{`{"StringEquals":{"aws:SourceVpce":"vpce-1"}}`, "GET", "/b", nil, "f"},
		{`{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}`, "GET", "/b", nil, "t"},
		{`{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}`, "GET", "/b", nil, "t"},
		{`{"Bool":{"aws:ViaAWSService":"false"}}`, "GET", "/b", nil, "t"},
		{`{"StringNotEquals":{"accounts.google.com:aud":"x"}}`, "GET", "/b", nil, "t"},
		{`{"StringEquals":{"sts:ExternalId":"x"}}`, "GET", "/b", nil, "f"},

		// What the service alone knows, and what nobody does.
		{`{"StringEquals":{"s3:ExistingObjectTag/env":"prod"}}`, "PUT", "/b/k", nil, "?"},
		{`{"StringNotEquals":{"s3:ExistingObjectTag/env":"prod"}}`, "PUT", "/b/k", nil, "?"},
		{`{"StringEquals":{"s3:RequestObjectTag/env":"prod"}}`, "PUT", "/b/k", nil, "?"},
		{`{"StringEqualsIfExists":{"s3:LocationConstraint":"x"}}`, "PUT", "/b/k", nil, "?"},
		{`{"StringEquals":{"aws:ResourceTag/env":"prod"}}`, "GET", "/b", nil, "?"},
		{`{"Null":{"aws:RequestTag/env":"true"}}`, "GET", "/b", nil, "?"},
		{`{"ForAllValues:StringEquals":{"aws:TagKeys":"env"}}`, "GET", "/b", nil, "?"},
		{`{"ForAnyValue:StringEquals":{"dynamodb:LeadingKeys":"x"}}`, "GET", "/b", nil, "?"},
		{`{"StringEquals":{"ec2:Vpc":"x"}}`, "GET", "/b", nil, "?"},
		{`{"StringNotEquals":{"aws:NoSuchKey":"x"}}`, "GET", "/b", nil, "?"},
		{`{"StringNotEquals":{"foo:bar":"x"}}`, "GET", "/b", nil, "?"},
		{`{"StringNotEquals":{"aws:ResourceAccount":"x"}}`, "GET", "/b", nil, "?"},
		{`{"StringNotEquals":{"cognito-identity.amazonaws.com:audience":"x"}}`, "GET", "/b", nil, "?"},
		{`{"StringNotEquals":{"s3:prefix":"x"}}`, "GET", "/api?prefix=x", nil, "?"},
		{`{"StringEquals":{"aws:ResourceAccount":"` + account + `"}}`, "GET", "/api", nil, "t"},

		// How the client came, which the proxy is not trusted to tell.
		{`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, "GET", "/b", nil, "?"},
		{`{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, "GET", "/b", nil, "?"},
		{`{"Bool":{"aws:SecureTransport":"false"}}`, "GET", "/b", nil, "?"},
	} {
		if got := worth(t, tc.condition, tc.method, tc.uri, tc.headers); got != tc.want {
			t.Errorf("%s of %s %s %v: %s, want %s", tc.condition, tc.method, tc.uri, tc.headers, got, tc.want)
		}
	}
}

// A policy variable that the request fills, or that cannot be known.
func TestVariablesOfTheRequest(t *testing.T) {
	for _, tc := range []struct {
		statements, uri string
		allowed         bool
	}{
		{`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*",` +
			`"Condition":{"StringLike":{"s3:prefix":"${cognito-identity.amazonaws.com:sub}/*"}}}`,
			"/b?prefix=" + alice + "/x", true},
		{`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*",` +
			`"Condition":{"StringLike":{"s3:prefix":"${cognito-identity.amazonaws.com:sub}/*"}}}`,
			"/b?prefix=" + alice + "/x&prefix=", false},
		{`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*",` +
			`"Condition":{"StringLike":{"s3:prefix":"${cognito-identity.amazonaws.com:sub}/*"}}}`, "/b", false},
		{allowEverything + `,{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::${aws:ResourceTag/name}"}`,
			"/b", false},
		{allowEverything + `,{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::c${aws:ResourceTag/name}"}`,
			"/b", true},
		{allowEverything + `,{"Effect":"Deny","Action":"s3:*","NotResource":"arn:aws:s3:::${aws:ResourceTag/name}"}`,
			"/b", false},
		{`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:ResourceTag/name}"}`, "/b", false},
		{`{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::${aws:ResourceTag/name}"}`, "/b", false},
	} {
		if allowed, step := newBucket(t, tc.statements).asked(t, "GET", tc.uri, nil); allowed != tc.allowed {
			t.Errorf("%s, %s: allowed %t: %+v", tc.statements, tc.uri, allowed, step)
		}
	}
}
