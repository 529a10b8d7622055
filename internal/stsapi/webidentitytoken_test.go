package stsapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

const outside = "https://service.example.com"

// claimCaller is the claim with the facts about the caller.
const claimCaller = "https://sts.amazonaws.com/"

// webTokens is an STS client with one key.
func webTokens(s *wiretest.Server, key aws.Credentials) *sts.Client {
	return sts.New(sts.Options{
		BaseEndpoint:     &s.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		HTTPClient:       wiretest.Connections,
		Credentials:      credentials.StaticCredentialsProvider{Value: key},
	})
}

// wanted is a request for a token with the least that it needs.
func wanted(change ...func(*sts.GetWebIdentityTokenInput)) *sts.GetWebIdentityTokenInput {
	in := &sts.GetWebIdentityTokenInput{Audience: []string{outside}, SigningAlgorithm: aws.String(issuer.ES384)}
	for _, c := range change {
		c(in)
	}
	return in
}

// wantRefusal reports an error of another code, or without a text in its message.
func wantRefusal(t *testing.T, err error, code, text string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
		t.Errorf("%v, want %s with %q", err, code, text)
	}
}

// enableWebTokens enables the tokens with a key, and returns the issuer.
func enableWebTokens(t *testing.T, client *iamclient.Client) string {
	t.Helper()
	return *wiretest.Must(client.EnableOutboundWebIdentityFederation(t.Context(),
		&iamclient.EnableOutboundWebIdentityFederationInput{}))(t).IssuerIdentifier
}

var root = aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}

// mayAsk allows what the tests ask for.
const mayAsk = `{"Effect":"Allow","Action":["sts:GetWebIdentityToken","sts:TagGetWebIdentityToken"],"Resource":"*"}`

// webUser configures wiretest.Files with roles that may ask for tokens.
func webUser(c *poolhouse.Config) {
	wiretest.Files(c)
	for n := range c.Roles {
		c.Roles[n].Policies["web"] = wiretest.PolicyOf(mayAsk)
	}
}

// claimsOf verifies a token as an outside service does, with nothing but its issuer's address.
func claimsOf(t *testing.T, issuerURL, audience, token string) (claims map[string]any) {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), issuerURL)
	if err != nil {
		t.Fatal(err)
	}
	verified, err := provider.Verifier(&oidc.Config{ClientID: audience}).Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if err := verified.Claims(&claims); err != nil {
		t.Fatal(err)
	}

	return claims
}

func TestWebIdentityTokenOfAPoolsUser(t *testing.T) {
	test := func(t *testing.T, change ...func(*poolhouse.Config)) {
		s := wiretest.Start(t, append([]func(*poolhouse.Config){webUser}, change...)...)
		s.FilesPool(t)
		issuerURL := enableWebTokens(t, s.IAM())
		if !strings.HasPrefix(issuerURL, s.URL+"/web-identity/") || strings.Contains(issuerURL, wiretest.HomeAccount) {
			t.Errorf("issuer %s", issuerURL)
		}
		user := s.User(t, s.Logins(t, "alice"))

		for _, algorithm := range webidentity.Algorithms {
			before := time.Now().Truncate(time.Second)
			out := wiretest.Must(webTokens(s, user.Key).GetWebIdentityToken(t.Context(),
				wanted(func(in *sts.GetWebIdentityTokenInput) {
					in.SigningAlgorithm = &algorithm
					in.Tags = []types.Tag{{Key: aws.String("job"), Value: aws.String("nightly é")}}
				})))(t)
			claims := claimsOf(t, issuerURL, outside, *out.WebIdentityToken)

			exp, iat := int64(claims["exp"].(float64)), int64(claims["iat"].(float64))
			jti, _ := claims["jti"].(string)
			if exp-iat != 300 || iat < before.Unix() || out.Expiration.Unix() != exp || len(jti) != 36 {
				t.Errorf("%s: exp %d, iat %d, expiration %s, jti %s", algorithm, exp, iat, out.Expiration, jti)
			}
			facts, _ := claims[claimCaller].(map[string]any)
			if end, err := time.Parse(time.RFC3339, fmt.Sprint(facts["original_session_exp"])); err != nil ||
				end.Before(before.Add(59*time.Minute)) {
				t.Errorf("%s: session until %v, %v", algorithm, facts["original_session_exp"], err)
			}
			delete(facts, "original_session_exp")
			for _, name := range []string{"exp", "iat", "jti"} {
				delete(claims, name)
			}

			want := map[string]any{
				"iss": issuerURL,
				"aud": outside, // a string, as AWS's with one audience
				"sub": wiretest.AuthenticatedRole,
				claimCaller: map[string]any{
					"aws_account":                     wiretest.HomeAccount,
					"source_region":                   wiretest.Region,
					"principal_id":                    wiretest.AuthenticatedRole,
					"principal_tags":                  map[string]any{"client": "poolhouse-dev", "username": "alice"},
					"request_tags":                    map[string]any{"job": "nightly é"},
					"federated_provider":              "cognito-identity.amazonaws.com",
					"cognito_identity_id":             user.ID,
					"cognito_identity_pool_id":        wiretest.FilesPool,
					"cognito_authentication_type":     "authenticated",
					"cognito_authentication_provider": wiretest.DevInfo(s).LoginKey,
				},
			}
			if diff := cmp.Diff(want, claims); diff != "" {
				t.Errorf("%s (-want +got):\n%s", algorithm, diff)
			}
		}
	}

	t.Run("sqlite", func(t *testing.T) { test(t) })
	t.Run("postgresql", func(t *testing.T) { test(t, onPostgreSQL(t)) })
}

func TestWebIdentityTokenOfAKey(t *testing.T) {
	s := wiretest.Start(t)
	issuerURL := enableWebTokens(t, s.IAM())
	out := wiretest.Must(webTokens(s, root).GetWebIdentityToken(t.Context(),
		wanted(func(in *sts.GetWebIdentityTokenInput) {
			in.Audience, in.DurationSeconds = []string{outside, "other"}, aws.Int32(3600)
		})))(t)
	claims := claimsOf(t, issuerURL, "other", *out.WebIdentityToken)
	if diff := cmp.Diff([]any{outside, "other"}, claims["aud"]); diff != "" {
		t.Error(diff)
	}
	if claims["exp"].(float64)-claims["iat"].(float64) != 3600 || claims["sub"] != "arn:aws:iam::000000000000:root" {
		t.Errorf("%v", claims)
	}
	if diff := cmp.Diff(map[string]any{
		"aws_account":   wiretest.HomeAccount,
		"source_region": wiretest.Region,
		"principal_id":  "arn:aws:iam::000000000000:root",
	}, claims[claimCaller]); diff != "" {
		t.Error(diff)
	}
}

// Permissions decide, for every kind of caller; without one nobody gets a token.
func TestWebIdentityTokenPermissions(t *testing.T) {
	s := wiretest.StartBound(t)
	enableWebTokens(t, s.IAM())
	tagged := func(in *sts.GetWebIdentityTokenInput) {
		in.Tags = []types.Tag{{Key: aws.String("job"), Value: aws.String("1")}}
	}
	allow := func(condition string) string {
		return strings.TrimSuffix(mayAsk, "}") + `,"Condition":{` + condition + `}}`
	}
	plain := func(*sts.GetWebIdentityTokenInput) {}
	several := func(in *sts.GetWebIdentityTokenInput) { in.Audience = []string{outside, "https://evil.example"} }

	for _, tc := range []struct {
		name, statements string
		ask              func(*sts.GetWebIdentityTokenInput)
		allowed          bool
	}{
		{"no permission", `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, plain, false},
		{"permission", mayAsk, plain, true},
		{"an explicit Deny", mayAsk + `,{"Effect":"Deny","Action":"sts:GetWebIdentityToken","Resource":"*"}`,
			plain, false},
		{"tags", mayAsk, tagged, true},
		{"tags without their permission", `{"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*"}`,
			tagged, false},
		{"the audience", allow(`"ForAllValues:StringEquals":{"sts:IdentityTokenAudience":["` + outside + `"]}`),
			plain, true},
		{"one audience more", allow(`"ForAllValues:StringEquals":{"sts:IdentityTokenAudience":["` + outside + `"]}`),
			several, false},
		{"any audience", allow(`"ForAnyValue:StringEquals":{"sts:IdentityTokenAudience":["` + outside + `"]}`),
			several, true},
		{"another audience", allow(`"ForAnyValue:StringEquals":{"sts:IdentityTokenAudience":["x"]}`), plain, false},
		{"the default duration", allow(`"NumericLessThanEquals":{"sts:DurationSeconds":"300"}`), plain, true},
		{"a longer duration", allow(`"NumericLessThanEquals":{"sts:DurationSeconds":"300"}`),
			func(in *sts.GetWebIdentityTokenInput) { in.DurationSeconds = aws.Int32(301) }, false},
		{"the algorithm", allow(`"StringEquals":{"sts:SigningAlgorithm":"ES384"}`), plain, true},
		{"another algorithm", allow(`"StringEquals":{"sts:SigningAlgorithm":"RS256"}`), plain, false},
		{"the subject mode", allow(`"StringEquals":{"sts:SubjectMode":"AWSIdentity"}`), plain, true},
		{"a tag", allow(`"StringEquals":{"aws:RequestTag/job":"1"}`), tagged, true},
		{"another tag", allow(`"StringEquals":{"aws:RequestTag/job":"2"}`), tagged, false},
		{"a tag key", allow(`"ForAllValues:StringEquals":{"aws:TagKeys":["job"]}`), tagged, true},
		{"another tag key", allow(`"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}`), tagged, false},
	} {
		for kind, key := range s.Callers(t, tc.statements) {
			_, err := webTokens(s.Server, key).GetWebIdentityToken(t.Context(), wanted(tc.ask))
			if tc.allowed {
				if err != nil {
					t.Errorf("%s, %s: %v", tc.name, kind, err)
				}
				continue
			}
			if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
				t.Errorf("%s, %s: %v, want AccessDenied", tc.name, kind, err)
			}
		}
	}
}

// Temporary credentials of an access key may call nearly nothing of STS (STS API reference).
func TestWebIdentityTokenOfTemporaryKeys(t *testing.T) {
	s := wiretest.Start(t)
	enableWebTokens(t, s.IAM())
	keys := webTokens(s, root)
	wiretest.Must(keys.GetWebIdentityToken(t.Context(), wanted()))(t) // the control

	session := wiretest.Must(keys.GetSessionToken(t.Context(), &sts.GetSessionTokenInput{}))(t).Credentials
	federated := wiretest.Must(keys.GetFederationToken(t.Context(), &sts.GetFederationTokenInput{
		Name:   aws.String("bob"),
		Policy: aws.String(wiretest.PolicyOf(wiretest.Anything)),
	}))(t).Credentials
	for kind, c := range map[string]*types.Credentials{"GetSessionToken": session, "GetFederationToken": federated} {
		_, err := webTokens(s, aws.Credentials{
			AccessKeyID:     *c.AccessKeyId,
			SecretAccessKey: *c.SecretAccessKey,
			SessionToken:    *c.SessionToken,
		}).GetWebIdentityToken(t.Context(), wanted())
		if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("%s: %v", kind, err)
		}
	}

	refused := s.Raw(t, "", wiretest.Form("GetWebIdentityToken", "Audience.member.1", outside, "SigningAlgorithm",
		"ES384").Encode(), false, func(r *http.Request) {
		r.Header.Del("X-Amz-Target")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	})
	if refused.Status != http.StatusForbidden || !strings.Contains(refused.Body, "MissingAuthenticationToken") {
		t.Errorf("unsigned: %d %s", refused.Status, refused.Body)
	}
}

// A guest of the enhanced flow gets no token, however generous the role. The same guest without AWS's bound is
// the control.
func TestGuestsGetNoWebIdentityToken(t *testing.T) {
	for bound, allowed := range map[string]bool{"aws": false, "off": true} {
		s := wiretest.Start(t, func(c *poolhouse.Config) {
			wiretest.Files(c)
			c.GuestPolicy = bound
			for n := range c.Roles {
				c.Roles[n].Policies = map[string]string{"all": wiretest.PolicyOf(wiretest.Anything)}
			}
		})
		s.FilesPool(t)
		issuerURL := enableWebTokens(t, s.IAM())

		out, err := webTokens(s, s.User(t, nil).Key).GetWebIdentityToken(t.Context(), wanted())
		if !allowed {
			if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
				t.Errorf("with the bound: %v", err)
			}
			continue
		}
		if err != nil {
			t.Errorf("without a bound: %v", err)
			continue
		}
		facts, _ := claimsOf(t, issuerURL, outside, *out.WebIdentityToken)[claimCaller].(map[string]any)
		if facts["cognito_authentication_type"] != "unauthenticated" {
			t.Errorf("a guest's token: %v", facts)
		}
	}
}

func TestWebIdentityTokenRefusals(t *testing.T) {
	s := wiretest.Start(t)
	keys := webTokens(s, root)
	_, err := keys.GetWebIdentityToken(t.Context(), wanted())
	wantRefusal(t, err, "OutboundWebIdentityFederationDisabledException", "is not enabled for this account")
	enableWebTokens(t, s.IAM())

	repeated := func(n, size int) (tags []types.Tag) {
		for i := range n {
			tags = append(tags, types.Tag{
				Key:   aws.String(fmt.Sprintf("%03d", i) + strings.Repeat("k", 100)),
				Value: aws.String(strings.Repeat("v", size)),
			})
		}
		return tags
	}
	type in = sts.GetWebIdentityTokenInput
	for name, tc := range map[string]struct {
		change        func(*in)
		code, message string
	}{
		"no audience":       {func(i *in) { i.Audience = []string{} }, "ValidationError", "audience"},
		"an empty audience": {func(i *in) { i.Audience = []string{""} }, "ValidationError", "audience"},
		"eleven audiences": {func(i *in) { i.Audience = strings.Split("abcdefghijk", "") },
			"ValidationError", "audience"},
		"a long audience": {func(i *in) { i.Audience = []string{strings.Repeat("a", 1001)} },
			"ValidationError", "audience"},
		"a shared secret": {func(i *in) { i.SigningAlgorithm = aws.String("HS256") },
			"ValidationError", "signingAlgorithm"},
		"no signature": {func(i *in) { i.SigningAlgorithm = aws.String("none ") },
			"ValidationError", "signingAlgorithm"},
		"the pools' algorithm": {func(i *in) { i.SigningAlgorithm = aws.String("RS512") },
			"ValidationError", "signingAlgorithm"},
		"59 seconds":   {func(i *in) { i.DurationSeconds = aws.Int32(59) }, "ValidationError", "durationSeconds"},
		"3601 seconds": {func(i *in) { i.DurationSeconds = aws.Int32(3601) }, "ValidationError", "durationSeconds"},
		"51 tags":      {func(i *in) { i.Tags = repeated(51, 1) }, "ValidationError", "tags"},
		"a long value": {func(i *in) { i.Tags = repeated(1, 257) }, "ValidationError", "value"},
		"a tag of AWS's": {func(i *in) { i.Tags = []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("")}} },
			"ValidationError", "tags"},
		"a tag twice": {func(i *in) {
			for _, key := range []string{"a", "A"} {
				i.Tags = append(i.Tags, types.Tag{Key: &key, Value: aws.String("")})
			}
		}, "ValidationError", "Duplicate tag keys"},
		"too large": {func(i *in) { i.Tags = repeated(50, 256) }, "JWTPayloadSizeExceededException", "payload size"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := keys.GetWebIdentityToken(t.Context(), wanted(tc.change))
			wantRefusal(t, err, tc.code, tc.message)
		})
	}

	for _, tc := range []struct{ name, value, text string }{
		{"SubjectMode", "OriginIdentity", "trusted identity propagation"},
		{"SubjectMode", "Other", "subjectMode"},
		{"Scope", "read", "Scope"},
		{"Scope", " read", "scope"},
		{"SubjectMode", "AWSIdentity", "WebIdentityToken"},
	} {
		body := wiretest.Form("GetWebIdentityToken", "Audience.member.1", outside, "SigningAlgorithm", "ES384",
			tc.name, tc.value).Encode()
		r := wiretest.Must(http.NewRequest(http.MethodPost, s.URL, strings.NewReader(body)))(t)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		wiretest.Sign(t, r, body, "sts")
		if got := wiretest.Do(t, r); got.Status >= 500 || !strings.Contains(got.Body, tc.text) {
			t.Errorf("%s=%s: %d %s", tc.name, tc.value, got.Status, got.Body)
		}
	}

	wiretest.Must(s.IAM().DisableOutboundWebIdentityFederation(t.Context(),
		&iamclient.DisableOutboundWebIdentityFederationInput{}))(t)
	_, err = keys.GetWebIdentityToken(t.Context(), wanted())
	wantRefusal(t, err, "OutboundWebIdentityFederationDisabledException", "is not enabled for this account")
}

// A token does not outlive the session that asks for it.
func TestWebIdentityTokenEndsWithTheSession(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	s := wiretest.Start(t, webUser, func(c *poolhouse.Config) { c.Now = func() time.Time { return now } })
	s.FilesPool(t)
	enableWebTokens(t, s.IAM())
	asker := webTokens(s, s.User(t, s.Logins(t, "alice")).Key)
	ask := func(seconds int32) error {
		_, err := asker.GetWebIdentityToken(t.Context(),
			wanted(func(in *sts.GetWebIdentityTokenInput) { in.DurationSeconds = &seconds }))
		return err
	}

	if err := ask(3600); err != nil {
		t.Errorf("as long as the session: %v", err)
	}
	now = now.Add(10 * time.Minute)
	wantRefusal(t, ask(3001), "SessionDurationEscalationException", "original expiration")
	if err := ask(3000); err != nil {
		t.Errorf("as long as the rest of the session: %v", err)
	}
}

// Every document of an issuer can be cached for as long as the rotation of keys allows, and nothing tells
// which accounts have one.
func TestWebIdentityDocuments(t *testing.T) {
	s := wiretest.StartTenants(t, []string{wiretest.Stranger})
	issuerURL := enableWebTokens(t, s.IAM())
	other := enableWebTokens(t, s.Roles(wiretest.Stranger))
	path := strings.TrimPrefix(issuerURL, s.URL)

	var discovery map[string]any
	got := s.Get(t, path+"/.well-known/openid-configuration")
	if err := json.Unmarshal([]byte(got.Body), &discovery); err != nil || got.Status != http.StatusOK ||
		got.Header.Get("Cache-Control") != "public, max-age=900" || got.Header.Get("ETag") == "" {
		t.Errorf("discovery: %d %v %s", got.Status, got.Header, got.Body)
	}
	if discovery["issuer"] != issuerURL || discovery["jwks_uri"] != issuerURL+"/.well-known/jwks.json" {
		t.Errorf("discovery: %v", discovery)
	}
	keys := s.Get(t, path+"/.well-known/jwks.json")
	if keys.Status != http.StatusOK || keys.Header.Get("Cache-Control") != "public, max-age=60" ||
		strings.Count(keys.Body, `"kid"`) != 2 {
		t.Errorf("keys: %d %v %s", keys.Status, keys.Header, keys.Body)
	}
	if others := s.Get(t, strings.TrimPrefix(other, s.URL)+"/.well-known/jwks.json"); others.Body == keys.Body {
		t.Error("two accounts have the same keys")
	}
	if own := s.Get(t, "/.well-known/jwks_uri"); strings.Contains(own.Body, "ES384") {
		t.Errorf("the pools' keys: %s", own.Body)
	}

	for _, id := range []string{
		wiretest.HomeAccount, "00000000-0000-4000-8000-000000000000",
		strings.ToUpper(path[len("/web-identity/"):]), "%00", "..%2f", "",
	} {
		for _, document := range []string{"/.well-known/openid-configuration", "/.well-known/jwks.json"} {
			got := s.Get(t, "/web-identity/"+id+document)
			if got.Status < 400 || got.Status >= 500 || strings.Contains(got.Body, "jwks") {
				t.Errorf("%s%s: %d %s", id, document, got.Status, got.Body)
			}
		}
	}
}

// The tokens of one kind are never taken for those of another; each refusal has its control.
func TestWebIdentityTokensAreNoPoolTokens(t *testing.T) {
	s := wiretest.Start(t, webUser, func(c *poolhouse.Config) {
		c.Roles = append(c.Roles, wiretest.Role("Pool", wiretest.FromPool, wiretest.Web+","+wiretest.Tagged,
			`"StringEquals":{"cognito-identity.amazonaws.com:aud":"`+wiretest.FilesPool+`"}`))
	})
	s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.IdentityPoolTags = map[string]string{"_custom_id_": wiretest.FilesPool}
		in.DeveloperProviderName = aws.String("login.corp")
	})
	issuerURL := enableWebTokens(t, s.IAM())
	logins := s.Logins(t, "alice")
	user := s.User(t, logins)

	// The web identity token says all that the pool's token says.
	ofPool := func(in *sts.GetWebIdentityTokenInput) { in.Audience = []string{wiretest.FilesPool} }
	out := wiretest.Must(webTokens(s, user.Key).GetWebIdentityToken(t.Context(), wanted(ofPool)))(t)
	web := *out.WebIdentityToken
	developers := wiretest.Must(s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
		&ci.GetOpenIdTokenForDeveloperIdentityInput{
			IdentityPoolId: aws.String(wiretest.FilesPool),
			Logins:         map[string]string{"login.corp": "alice"},
		}))(t)
	pools := *developers.Token

	credentialsFor := func(token string) error {
		_, err := s.Public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{
			IdentityId: developers.IdentityId,
			Logins:     map[string]string{"cognito-identity.amazonaws.com": token},
		})
		return err
	}
	if err := credentialsFor(pools); err != nil {
		t.Errorf("the pool's token as a login: %v", err)
	}
	if err := credentialsFor(web); err == nil {
		t.Error("a web identity token is taken as a login of the pool")
	}

	assume := func(token string) error {
		_, err := webTokens(s, root).AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn:          aws.String(wiretest.RolePrefix + "Pool"),
			RoleSessionName:  aws.String("me"),
			WebIdentityToken: &token,
		})
		return err
	}
	if err := assume(pools); err != nil {
		t.Errorf("the pool's token at STS: %v", err)
	}
	if err := assume(web); err == nil {
		t.Error("a web identity token assumes a role that trusts the pool")
	}

	// The reverse: the pool's token is none of the account's issuer.
	provider := wiretest.Must(oidc.NewProvider(t.Context(), issuerURL))(t)
	verifier := provider.Verifier(&oidc.Config{ClientID: wiretest.FilesPool})
	if _, err := verifier.Verify(t.Context(), web); err != nil {
		t.Errorf("the web identity token outside: %v", err)
	}
	if _, err := verifier.Verify(t.Context(), pools); err == nil {
		t.Error("the pool's token passes for a web identity token")
	}
}

// onPostgreSQL has a server use PostgreSQL.
func onPostgreSQL(t *testing.T) func(*poolhouse.Config) {
	t.Helper()
	return func(c *poolhouse.Config) {
		c.DatabaseURL, c.MasterKey = pgtest.URL(t), bytes.Repeat([]byte{7}, 32)
	}
}
