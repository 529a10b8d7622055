package stsapi_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// lastStep is the step that decided the last refusal.
func (w *stsWorld) lastStep(t *testing.T) explain.Step {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()

	if len(w.traces) == 0 || len(w.traces[len(w.traces)-1].Steps) == 0 {
		t.Fatal("no refusal was traced")
	}
	steps := w.traces[len(w.traces)-1].Steps

	return steps[len(steps)-1]
}

// A role that does not let a token in is explained by its statement and the cause, with
// what to change and where.
func TestTrustRefusalsAreExplained(t *testing.T) {
	w := startSTS(t)
	host := strings.TrimPrefix(w.corp.URL, "http://")
	if !strings.HasPrefix(host, "127.0.0.1:") {
		t.Fatalf("the provider is at %s", host)
	}

	local := strings.Replace(host, "127.0.0.1", "localhost", 1)
	const arn, webIdentity = "arn:aws:iam::000000000000:oidc-provider/", "sts:AssumeRoleWithWebIdentity"
	statement := func(effect, provider, action, condition string) string {
		if condition != "" {
			condition = `,"Condition":{` + condition + `}`
		}
		return `{"Effect":"` + effect + `","Principal":{"Federated":"` + arn + provider + `"},"Action":"` + action +
			`"` + condition + `}`
	}
	token := w.corp.Token(map[string]any{"sub": "alice", "aud": "app"})

	for _, test := range []struct {
		name       string
		statements []string
		code       string // on the wire
		why        explain.Code
		fix        string
		never      string // not advised
	}{
		{"localhost as principal", []string{statement("Allow", local, webIdentity, "")}, "AccessDenied",
			"trust-policy-principal-spelling", "localhost and 127.0.0.1 are two names", ""},
		{"a slash", []string{statement("Allow", host+"/", webIdentity, "")}, "AccessDenied",
			"trust-policy-principal-spelling", "the slash at the end counts", ""},
		{"another action", []string{statement("Allow", host, "sts:AssumeRole", "")}, "AccessDenied",
			"trust-policy-action", "add sts:AssumeRoleWithWebIdentity to the Action of statement 0",
			"add the principal"},
		{"another provider", []string{statement("Allow", "idp.example", webIdentity, "")}, "AccessDenied",
			"trust-policy-principal", "add the principal and the action", ""},
		{"a Deny", []string{statement("Allow", host, webIdentity, ""), statement("Deny", host, "sts:*", "")},
			"AccessDenied",
			"trust-policy-deny", "change or remove that statement", "add"},
		{"localhost in a key",
			[]string{statement("Allow", host, webIdentity, `"StringEquals":{"`+local+`:sub":"alice"}`)},
			"InvalidIdentityToken",
			"trust-policy-condition-key", "write the condition key as " + host + ":sub", "add"},
		{"letter case", []string{statement("Allow", host, webIdentity, `"StringEquals":{"`+host+`:sub":"Alice"}`)},
			"InvalidIdentityToken",
			"trust-policy-condition", "change this condition", "letter case"},
		{"another user", []string{statement("Allow", host, webIdentity, `"StringEquals":{"`+host+`:sub":"bob"}`)},
			"InvalidIdentityToken",
			"trust-policy-condition", "change this condition", "add"},
		{"no such claim", []string{statement("Allow", host, webIdentity, `"StringEquals":{"`+host+`:dept":"it"}`)},
			"InvalidIdentityToken",
			"trust-policy-condition-absent", "it has " + host + ":aud", "add"},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := strings.Map(func(r rune) rune {
				if r == ' ' || r == '.' {
					return '-'
				}
				return r
			}, test.name)

			policy := `{"Version":"2012-10-17","Statement":[` + strings.Join(test.statements, ",") + `]}`
			wiretest.Must(w.IAM().CreateRole(t.Context(),
				&iamclient.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &policy}))(t)

			_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
				RoleArn: aws.String(wiretest.RolePrefix + name), RoleSessionName: aws.String("s1"),
				WebIdentityToken: &token,
			})
			wiretest.WantError(t, err, test.code, "")

			step := w.lastStep(t)
			if step.Code != test.why || step.Subject != wiretest.RolePrefix+name ||
				!strings.Contains(step.Fix, test.fix) ||
				test.never != "" && strings.Contains(step.Fix, test.never) {
				t.Errorf("%+v, want %s: %s", step, test.why, test.fix)
			}

			want := explain.Link{
				Kind:   explain.LinkRole,
				ID:     wiretest.RolePrefix + name,
				Field:  "AssumeRolePolicyDocument",
				Source: explain.SourceAPI,
			}
			if step.Link == nil || *step.Link != want {
				t.Errorf("the refusal leads to %+v", step.Link)
			}
		})
	}

	t.Run("a role of the settings", func(t *testing.T) {
		bob := w.corp.Token(map[string]any{"sub": "bob", "aud": "app"})
		_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String(wiretest.RolePrefix + "corp/Alice"), RoleSessionName: aws.String("s1"),
			WebIdentityToken: &bob,
		})
		wiretest.WantError(t, err, "InvalidIdentityToken", "")

		if link := w.lastStep(t).Link; link == nil ||
			*link !=
				(explain.Setting("roles[0].trust_policy")) {
			t.Errorf("the refusal leads to %+v", link)
		}
	})

	t.Run("checks that were not reached", func(t *testing.T) {
		_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String(wiretest.RolePrefix + "Nobody"), RoleSessionName: aws.String("s1"),
			WebIdentityToken: &token,
		})
		wiretest.WantError(t, err, "AccessDenied", "")
		if step := w.lastStep(t); step.Code != "role-missing" {
			t.Errorf("refused by %+v", step)
		}
	})
}

// A provider that is registered under another spelling of the token's issuer is named.
func TestProviderSpellingIsExplained(t *testing.T) {
	w := startSTS(t)
	token := w.dead.Token(map[string]any{"iss": w.corp.URL + "/", "sub": "alice", "aud": "app"})
	_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(wiretest.RolePrefix + "corp/Any"), RoleSessionName: aws.String("s1"),
		WebIdentityToken: &token,
	})
	wiretest.WantError(t, err, "InvalidIdentityToken",
		"No OpenIDConnect provider found in your account for "+w.corp.URL+"/")

	step := w.lastStep(t)
	if step.Code != "openid-connect-provider-spelling" || step.Got != w.corp.URL ||
		!strings.Contains(step.Fix, "the slash at the end counts") {
		t.Errorf("the explanation is %+v", step)
	}
}

// STS takes tokens of 20,000 characters and assertions of 100,000, and says of longer
// ones that they are too long.
func TestLongTokens(t *testing.T) {
	w := startSTS(t)
	webIdentity := func(role, provider, token string) error {
		in := &sts.AssumeRoleWithWebIdentityInput{
			RoleArn:          aws.String(wiretest.RolePrefix + role),
			RoleSessionName:  aws.String("s1"),
			WebIdentityToken: &token,
		}
		if provider != "" {
			in.ProviderId = &provider
		}
		_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), in)

		return err
	}

	const tooLong = "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member " +
		"must have length less than or equal to 20000"
	sized := func(length int, sign func(pad string) string) string {
		for pad := (length-len(sign("")))*3/4 - 2; ; pad++ {
			if token := sign(strings.Repeat("x", pad)); len(token) >= length {
				return token
			}
		}
	}

	corp := func(pad string) string {
		return w.corp.Token(map[string]any{"sub": "alice", "aud": "app", "pad": pad})
	}
	google := func(pad string) string {
		return w.apps.Google.Token(
			map[string]any{"iss": "accounts.google.com", "aud": "google-app", "sub": "g", "pad": pad},
		)
	}
	for name, test := range map[string]struct {
		role string
		sign func(string) string
	}{"a registered provider": {"corp/Any", corp}, "Google": {"Google", google}} {
		short := sized(19997, test.sign)
		if len(short) > 20000 {
			t.Fatalf("a token of %d characters", len(short))
		}
		if err := webIdentity(test.role, "", short); err != nil {
			t.Errorf("%s, %d characters: %v", name, len(short), err)
		}

		err := webIdentity(test.role, "", sized(20001, test.sign))
		wiretest.WantError(t, err, "ValidationError", tooLong)
	}

	// What no server can read counts by its length alone: 20,000 is not too long.
	wiretest.WantError(t, webIdentity("corp/Any", "", strings.Repeat("x", 20000)), "InvalidIdentityToken", "")
	wiretest.WantError(t, webIdentity("corp/Any", "", strings.Repeat("x", 20001)), "ValidationError", tooLong)
	wiretest.WantError(t, webIdentity("Facebook", wiretest.FacebookKey, strings.Repeat("x", 20000)),
		"IDPRejectedClaim", "")
	wiretest.WantError(t, webIdentity("Facebook", wiretest.FacebookKey, strings.Repeat("x", 20001)),
		"ValidationError", tooLong)

	response := func(pad int) string {
		return w.idp.Response(t, samltest.Login{
			NameID: "alice",
			Format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
			Attributes: []samltest.Attribute{
				wiretest.Pairs(wiretest.RolePrefix + "SamlPlain"),
				{Name: "https://aws.amazon.com/SAML/Attributes/RoleSessionName", Values: []string{"alice"}},
				{Name: "pad", Values: []string{strings.Repeat("x", pad)}},
			},
		})
	}

	bySAML := func(assertion string) error {
		_, err := w.anonymous().AssumeRoleWithSAML(t.Context(), &sts.AssumeRoleWithSAMLInput{
			RoleArn: aws.String(wiretest.RolePrefix + "SamlPlain"), PrincipalArn: aws.String(wiretest.SAMLARN),
			SAMLAssertion: &assertion,
		})
		return err
	}

	most := 1 + (100000-len(response(1)))*3/4
	if err := bySAML(response(most)); err != nil {
		t.Errorf("an assertion of %d characters: %v", len(response(most)), err)
	}
	wiretest.WantError(t, bySAML(response(most+3)), "ValidationError",
		"1 validation error detected: Value at 'sAMLAssertion' failed to satisfy constraint: Member must have "+
			"length less than or equal to 100000")
}

// A claim that is null is absent, for every kind of token that has claims.
func TestNullClaimsAtSTS(t *testing.T) {
	w := startSTS(t)
	null := json.RawMessage("null")

	for _, nulls := range []map[string]any{
		{"https://aws.amazon.com/tags": null},
		{"https://aws.amazon.com/tags": map[string]any{"principal_tags": null, "transitive_tag_keys": null}},
		{"https://aws.amazon.com/tags/principal_tags/team": null},
		{"https://aws.amazon.com/tags/transitive_tag_keys": null},
		{"https://aws.amazon.com/source_identity": null},
		{"dept": null, "DEPT": null},
		{"azp": null},
		{"nbf": null},
		{"nbf": 0},
	} {
		with := func(claims map[string]any) map[string]any {
			maps.Copy(claims, nulls)
			return claims
		}

		for kind, test := range map[string]struct{ role, token string }{
			"registered provider": {"corp/Alice", w.corp.Token(with(map[string]any{"sub": "alice", "aud": "app"}))},
			"Google": {"Google",
				w.apps.Google.Token(
					with(map[string]any{"iss": "accounts.google.com", "aud": "google-app", "sub": "g"}),
				)},
			"development issuer": {"path/Dev", w.Token(t, "alice", func(r *poolhouse.DevTokenRequest) {
				r.Claims = with(map[string]any{})
			})},
		} {
			_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
				RoleArn: aws.String(wiretest.RolePrefix + test.role), RoleSessionName: aws.String("s1"),
				WebIdentityToken: &test.token,
			})
			if err != nil {
				t.Errorf("%s, %v: %v", kind, nulls, err)
			}
		}
	}
}

// The refusals of signed operations say what was expected, what came, and the fix.
func TestSignedRefusalsAreExplained(t *testing.T) {
	w := startSTS(t)
	user := w.user
	role := func(name string) *sts.AssumeRoleInput {
		return &sts.AssumeRoleInput{RoleArn: aws.String(wiretest.RolePrefix + name), RoleSessionName: aws.String("s1")}
	}
	abroad := role("")
	abroad.RoleArn = aws.String("arn:aws:iam::444455556666:role/may/Nobody")

	for _, test := range []struct {
		name string
		in   *sts.AssumeRoleInput
		code string // on the wire
		why  explain.Code
	}{
		{"no such role", role("may/Nobody"), "AccessDenied", "role-missing"},
		{"no such role elsewhere", abroad, "AccessDenied", "role-missing-account"},
		{"the caller's policies", role("Elsewhere"), "AccessDenied", "policies-key-none"},
		{"no external ID", role("may/External"), "AccessDenied", "trust-policy-condition-external-id"},
		{"another principal", role("hop/One"), "AccessDenied", "trust-policy-principal"},
		{"too long",
			func() *sts.AssumeRoleInput {
				in := role("may/Home")
				in.DurationSeconds = aws.Int32(43200)
				return in
			}(), "ValidationError", "session-duration-role"},
		{"a code of a device",
			func() *sts.AssumeRoleInput { in := role("may/Home"); in.TokenCode = aws.String("123456"); return in }(),
			"AccessDenied", "second-factor"},
		{"no policy",
			func() *sts.AssumeRoleInput { in := role("may/Home"); in.Policy = aws.String("{"); return in }(),
			"MalformedPolicyDocument", "inline-session-policy"},
	} {
		_, err := user.AssumeRole(t.Context(), test.in)
		wiretest.WantError(t, err, test.code, "")
		if step := w.lastStep(t); step.Code != test.why || step.Expected == "" || step.Got == "" || step.Fix == "" {
			t.Errorf("%s: %+v, want %s", test.name, step, test.why)
		}
	}

	id := w.GetID(t, w.pool, nil)
	out := wiretest.Must(w.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &id}))(t)
	w.ahead.Store(int64(11 * time.Minute))
	_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(wiretest.RolePrefix + "Unauthenticated"), RoleSessionName: aws.String("s1"),
		WebIdentityToken: out.Token,
	})
	wiretest.WantError(t, err, "ExpiredTokenException", "")

	if step := w.lastStep(t); step.Code != "token-expiry-own" {
		t.Errorf("an old token of ours: %+v", step)
	}
}

// A token of another application is refused by the application that the role names, and
// so is the advice.
func TestOtherApplicationsAtSTS(t *testing.T) {
	w := startSTS(t)
	w.apps.Facebook.AddApp("555", "other-secret")
	w.apps.Facebook.AddToken("EAAForeign", logintest.FacebookToken{App: "555", User: "1"})
	_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn:          aws.String(wiretest.RolePrefix + "Facebook"),
		RoleSessionName:  aws.String("s1"),
		ProviderId:       aws.String(wiretest.FacebookKey),
		WebIdentityToken: aws.String("EAAForeign"),
	})
	wiretest.WantError(t, err, "InvalidIdentityToken", "")

	step := w.lastStep(t)
	if step.Code != "token-application" ||
		!strings.Contains(step.Fix, "graph.facebook.com:app_id in the role's trust policy") ||
		step.Link == nil || step.Link.Kind != explain.LinkSetting {
		t.Errorf("%+v, %+v", step, step.Link)
	}
}
