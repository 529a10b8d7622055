package adminapi_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Whatever an account's role refuses to another account's caller, both can look it
// up. Each sees its own reasons. Of the other's settings the caller cannot even see
// whether the role exists, and nobody sees an external ID.
func TestRefusalsBetweenAccounts(t *testing.T) {
	const a, b, c, external = "111111111111", "222222222222", "333333333333", "TOP-SECRET"
	logs := &wiretest.SafeBuffer{}
	var traces wiretest.TraceList
	w := wiretest.StartTenants(t, []string{a, b, c}, func(config *poolhouse.Config) {
		config.AcceptUnknownRoles, config.OnTrace = false, traces.Add
		config.Logger = slog.New(slog.NewJSONHandler(logs, nil))
	})
	pool := func(account string) string {
		return *wiretest.Must(w.Pools(account).CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
			IdentityPoolName:               aws.String("p"),
			AllowUnauthenticatedIdentities: true,
			AllowClassicFlow:               aws.Bool(true),
		}))(t).IdentityPoolId
	}

	token := func(pool string) string {
		id := w.GetID(t, pool, nil)
		return *wiretest.Must(w.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &id}))(t).Token
	}
	poolA, poolB, noClassic := pool(a), pool(b), pool(b)
	tokenA, tokenB, tokenOfNoClassic := token(poolA), token(poolB), token(noClassic)
	wiretest.Must(w.Pools(b).UpdateIdentityPool(t.Context(), &ci.UpdateIdentityPoolInput{
		IdentityPoolId: &noClassic, IdentityPoolName: aws.String("p"), AllowUnauthenticatedIdentities: true,
		AllowClassicFlow: aws.Bool(false),
	}))(t)

	create := func(account, name, statement string) {
		trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + statement + `}]}`
		wiretest.Must(w.Roles(account).CreateRole(t.Context(), &iamclient.CreateRoleInput{
			RoleName: &name, AssumeRolePolicyDocument: &trust,
		}))(t)
	}

	ofB := `"Principal":{"AWS":"arn:aws:iam::` + b + `:root"},"Action":"sts:AssumeRole"`
	create(a, "Ext", ofB+`,"Condition":{"StringEquals":{"sts:ExternalId":"`+external+`"}}`)
	create(a, "Org", ofB+`,"Condition":{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::`+b+`:user/Secret"}}`)
	create(a, "Other", strings.ReplaceAll(ofB, b, a))
	create(a, "Open", ofB)
	create(a, "Pool",
		`"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"`+poolA+`"}}`)
	create(a, "Guests",
		`"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"`+poolB+
			`","aws:SourceIp":"secret-address"}}`)

	metadata := string(samltest.New(t, time.Now().Truncate(time.Second), 0).Metadata())
	wiretest.Must(w.Roles(b).CreateSAMLProvider(t.Context(), &iamclient.CreateSAMLProviderInput{
		Name: aws.String("Corp"), SAMLMetadataDocument: &metadata,
	}))(t)

	id, secret, err := w.AccessKeys(t).Create(t.Context(), iam.NewAccessKey{
		Account: b,
		Policy:  `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sts:*","Resource":"*"}]}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	bounded := aws.Credentials{AccessKeyID: id.ID, SecretAccessKey: secret}

	send := func(
		key *aws.Credentials, action, service string, parameters ...string,
	) func(*testing.T, string) wiretest.Answer {
		return func(t *testing.T, role string) wiretest.Answer {
			values := url.Values{"Action": {action}, "Version": {"2011-06-15"}, "RoleArn": {role}}
			for i := 0; i < len(parameters); i += 2 {
				values.Set(parameters[i], parameters[i+1])
			}
			body := values.Encode()
			r := wiretest.Must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL,
				strings.NewReader(body)))(t)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")

			if key != nil {
				wiretest.SignWith(t, r, body, service, wiretest.Region, key.AccessKeyID, key.SecretAccessKey)
			}

			return wiretest.Do(t, r)
		}
	}

	rootB := w.Keys[b]
	assume := func(key aws.Credentials, more ...string) func(*testing.T, string) wiretest.Answer {
		return send(&key, "AssumeRole", "sts", append([]string{"RoleSessionName", "session"}, more...)...)
	}
	byToken := func(token string) func(*testing.T, string) wiretest.Answer {
		return send(nil, "AssumeRoleWithWebIdentity", "", "RoleSessionName", "session", "WebIdentityToken", token)
	}
	bySAML := send(nil, "AssumeRoleWithSAML", "", "PrincipalArn", "arn:aws:iam::"+b+":saml-provider/Corp",
		"SAMLAssertion", "AAAA")
	roleA, roleB := "arn:aws:iam::"+a+":role/", "arn:aws:iam::"+b+":role/"

	for _, test := range []struct {
		name   string
		call   func(*testing.T, string) wiretest.Answer
		role   string
		caller string // what account B reads; "" = nothing
		owner  string // what account A reads; "" = nothing
		hides  string // what account B must not read
	}{
		{"wrong external ID", assume(rootB, "ExternalId", "wrong-guess"), roleA + "Ext", "ask account " + a,
			"sts:ExternalId", "StringEquals"},
		{"no external ID", assume(rootB), roleA + "Ext", "ask account " + a, "sts:ExternalId", "StringEquals"},
		{"another condition", assume(rootB), roleA + "Org", "ask account " + a, "user/Secret", "Secret"},
		{"another principal", assume(rootB), roleA + "Other", "ask account " + a, "a statement for", "statement"},
		{"tags", assume(rootB, "Tags.member.1.Key", "k", "Tags.member.1.Value", "v"), roleA + "Open",
			"ask account " + a, "sts:TagSession", "TagSession"},
		{"the caller's policies", assume(bounded), roleA + "Open", "sts:AssumeRole on", "ask account " + b, ""},
		{"a role that is missing", assume(rootB), roleA + "None", "ask account " + a, "", "this server knows"},
		{"its own role that is missing", assume(rootB), roleB + "None", "this server knows", "", ""},
		{"too long a session", assume(rootB, "DurationSeconds", "43200"), roleA + "Open", "MaxSessionDuration",
			"up to 1h0m0s", "1h0m0s"},

		{"a guest of another pool", byToken(tokenB), roleA + "Pool", "ask account " + a, poolA, poolA},
		{"a guest, another condition", byToken(tokenB), roleA + "Guests", "ask account " + a, "secret-address",
			"secret-address"},
		{"a token, no Cognito role", byToken(tokenB), roleA + "Ext", "ask account " + a, "a statement for",
			"statement"},
		{"a token, a role that is missing", byToken(tokenB), roleA + "None", "ask account " + a, "",
			"this server knows"},
		{"a token, its own role that is missing", byToken(tokenB), roleB + "None", "this server knows", "", ""},
		{"a pool without the classic flow", byToken(tokenOfNoClassic), roleA + "Pool", "classic flow",
			"ask account " + b, "role"},
		{"the same, a role that is missing", byToken(tokenOfNoClassic), roleA + "None", "classic flow", "", "role"},
		{"a token of the owner's own", byToken(tokenA), roleA + "Ext", "", "a statement for", ""},

		{"another account's SAML provider", bySAML, roleA + "Pool", "ask account " + a,
			"a provider registered in account " + a, "registered"},
		{"the same, a role that is missing", bySAML, roleA + "None", "ask account " + a, "", "this server knows"},

		{"an unknown operation", send(&rootB, "Nothing", "sts"), roleA + "Ext", "{", "", ""},
		{"an unknown API", send(&rootB, "Nothing", "sts", "Version", "2000-01-01"), roleA + "Ext", "{", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			refused := test.call(t, test.role)
			request := refused.Header.Get("X-Amzn-Requestid")
			if refused.Status < 400 || refused.Status >= 500 || request == "" {
				t.Fatalf("the call: %d %s", refused.Status, refused.Body)
			}

			for account, want := range map[string]string{a: test.owner, b: test.caller, c: "",
				wiretest.HomeAccount: ""} {
				steps, found := steps(t, w, account, request)
				if found != (want != "") || !strings.Contains(steps, strings.TrimPrefix(want, "{")) {
					t.Errorf("account %s reads %t %s, want %q", account, found, steps, want)
				}
				if strings.Contains(steps, external) || strings.Contains(steps, "wrong-guess") {
					t.Errorf("account %s reads an external ID: %s", account, steps)
				}
				if account == b && test.hides != "" && strings.Contains(steps, test.hides) {
					t.Errorf("account %s reads %q: %s", account, test.hides, steps)
				}
			}
		})
	}

	t.Run("missing or not trusting", func(t *testing.T) {
		for _, call := range []func(*testing.T, string) wiretest.Answer{assume(rootB), byToken(tokenB),
			byToken(tokenOfNoClassic), bySAML} {
			there, missing := call(t, roleA+"Other"), call(t, roleA+"None")
			got, _ := steps(t, w, b, there.Header.Get("X-Amzn-Requestid"))
			want, _ := steps(t, w, b, missing.Header.Get("X-Amzn-Requestid"))
			wiretest.Equal(t, "steps", got, want)
		}
	})

	for _, trace := range traces.List {
		for _, step := range trace.Steps {
			if text := step.Expected + step.Got + step.Fix; strings.Contains(text, external) ||
				strings.Contains(text, "wrong-guess") {
				t.Errorf("a trace holds an external ID: %+v", step)
			}
		}
	}

	text := logs.String()
	if strings.Contains(text, external) || strings.Contains(text, "wrong-guess") ||
		!strings.Contains(text, "sts:ExternalId") {
		t.Errorf("the log holds an external ID, or lacks the reason: %s", text)
	}

	for line := range strings.Lines(text) {
		if strings.Contains(line, `"operation":"AssumeRole"`) && strings.Contains(line, "WebIdentity") {
			t.Errorf("the log takes AssumeRole for another operation: %s", line)
		}
	}
}

// steps returns the text that an account reads of a refusal, if it may look it up.
func steps(t *testing.T, w *wiretest.Accounts, account, request string) (text string, found bool) {
	t.Helper()
	got := w.Administer(t, account, "Explain", `{"RequestId":"`+request+`"}`)
	if got.Status != http.StatusOK {
		return "", false
	}

	var out struct{ Steps json.RawMessage }
	if err := json.Unmarshal([]byte(got.Body), &out); err != nil {
		t.Fatal(err)
	}

	return string(out.Steps), true
}
