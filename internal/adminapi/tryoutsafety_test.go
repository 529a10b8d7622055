package adminapi_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// identityCount returns the number of a pool's identities.
func identityCount(t *testing.T, s *wiretest.Server, pool string) int {
	t.Helper()
	most := int32(60)
	out := wiretest.Must(s.Admin().ListIdentities(t.Context(), &ci.ListIdentitiesInput{
		IdentityPoolId: &pool, MaxResults: &most,
	}))(t)
	return len(out.Identities)
}

// TestTryingOutLeavesNothing looks for identities, refusals, counted refusals and stored drafts
// after the operations that sign nobody in.
func TestTryingOutLeavesNothing(t *testing.T) {
	var mu sync.Mutex
	var traces []poolhouse.Trace
	s := wiretest.Start(t, noRates, func(c *poolhouse.Config) {
		c.OnTrace = func(trace poolhouse.Trace) {
			mu.Lock()
			defer mu.Unlock()
			traces = append(traces, trace)
		}
		c.BehindProxy = true // so that addresses are limited
		c.AddressLimits.RefusedLogins = ratelimit.Rate{PerSecond: 0.001, Burst: 3}
	})
	pool, info := s.NewPool(t), wiretest.DevInfo(s)
	good := s.Token(t, "alice")
	bad := wiretest.Flip(good)

	const address = "203.0.113.7"
	ask := func(operation string, in map[string]any) wiretest.Answer {
		body := encoded(t, in)
		return s.Raw(t, "", body, false, func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "PoolhouseAdmin."+operation)
			r.Header.Set("X-Forwarded-For", address)
			wiretest.Sign(t, r, body, "poolhouse")
		})
	}

	for range 10 {
		for _, token := range []string{good, bad} {
			decoded[explained](t, ask("ExplainToken", map[string]any{"Token": token}))
			decoded[tried](t, ask("TryRoles", map[string]any{
				"IdentityPoolId": pool, "ProviderName": info.LoginKey, "Token": token,
				"Roles": map[string]string{"authenticated": "arn:aws:iam::000000000000:role/Draft"},
			}))
		}
	}

	if n := identityCount(t, s, pool); n != 0 {
		t.Errorf("the pool has %d identities", n)
	}
	mu.Lock()
	if len(traces) != 0 {
		t.Errorf("refusals were recorded: %+v", traces)
	}
	mu.Unlock()

	roles := s.Raw(t, "GetIdentityPoolRoles", encoded(t, map[string]string{"IdentityPoolId": pool}), true)
	if strings.Contains(roles.Body, "Draft") {
		t.Errorf("a draft was stored: %s", roles.Body)
	}

	// The address still has its three refused logins; the fourth is one too many.
	for n := range 5 {
		in := encoded(t, map[string]any{"IdentityPoolId": pool, "Logins": map[string]string{info.LoginKey: bad}})
		got := s.Raw(t, "GetId", in, false, func(r *http.Request) { r.Header.Set("X-Forwarded-For", address) })
		if limited := got.Status == http.StatusTooManyRequests; limited != (n >= 3) {
			t.Errorf("refused login %d: %d %s", n, got.Status, got.Body)
		}
	}
}

// TestCredentialsAreNotLogged looks for a token, its parts and its claims in all that a server
// writes about calls. The control is the account, which the access log has.
func TestCredentialsAreNotLogged(t *testing.T) {
	var log wiretest.SafeBuffer
	var mu sync.Mutex
	var traces strings.Builder
	issuer := logintest.NewIssuer(t)
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(&log, nil))
		c.OnTrace = func(trace poolhouse.Trace) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(&traces, "%+v\n", trace)
		}
	})
	pool, info := s.NewPool(t), wiretest.DevInfo(s)

	secret := "s3cr3t-claim-value"
	good := s.Token(t, secret, func(r *poolhouse.DevTokenRequest) { r.Claims = map[string]any{"plan": secret} })
	tokens := []string{
		good, wiretest.Flip(good), issuer.Token(map[string]any{"sub": secret}), "opaque-" + secret,
		good + strings.Repeat("x", 60_000), "{" + secret + "}",
	}
	for _, token := range tokens {
		for _, member := range []string{"Token", "SamlResponse"} {
			s.AdminCall(t, "ExplainToken", encoded(t, map[string]any{member: token}))
			s.AdminCall(t, "ExplainToken", encoded(t, map[string]any{member: []string{token}}))
			s.AdminCall(t, "ExplainToken", encoded(t, map[string]any{member: token, "NextToken": token}))
		}
		s.AdminCall(t, "TryRoles", encoded(t, map[string]any{
			"IdentityPoolId": pool, "ProviderName": info.LoginKey, "Token": token,
		}))
	}
	for _, claims := range []any{map[string]any{"sub": secret, "plan": secret}, secret, []string{secret}} {
		s.AdminCall(t, "TryRoles", encoded(t, map[string]any{
			"IdentityPoolId": pool, "ProviderName": info.LoginKey, "Claims": claims,
		}))
	}

	mu.Lock()
	defer mu.Unlock()
	written := log.String() + traces.String() + s.Get(t, "/metrics").Body
	if !strings.Contains(written, "000000000000") || !strings.Contains(written, "ExplainToken") {
		t.Fatalf("nothing was written about the calls: %.2000s", written)
	}
	for _, token := range tokens[:3] {
		for _, part := range append(strings.Split(token, "."), secret) {
			if at := strings.Index(written, part); at >= 0 {
				t.Errorf("found in what the server writes: %s", written[max(0, at-300):min(len(written), at+50)])
			}
		}
	}
}

// TestTryOutInputs sends bad inputs, and calls of those who may not call.
func TestTryOutInputs(t *testing.T) {
	w := wiretest.StartTenants(t, []string{wiretest.Stranger}, noRates)
	pool, info := w.NewPool(t), wiretest.DevInfo(w.Server)
	token := w.Token(t, "alice")

	for _, test := range []struct {
		operation string
		in        any
		want      string
	}{
		{"ExplainToken", map[string]any{}, "InvalidParameterException"},
		{"ExplainToken", map[string]any{"Token": token, "SamlResponse": "x"}, "InvalidParameterException"},
		{"ExplainToken", map[string]any{"Token": 1}, "SerializationException"},
		{"ExplainToken", map[string]any{"Token": ""}, "ValidationException"},
		{"ExplainToken", map[string]any{"Token": strings.Repeat("x", 50_001)}, "ValidationException"},
		{"ExplainToken", map[string]any{"Token": token, "ProviderName": ""}, "ValidationException"},
		{"ExplainToken", map[string]any{"Token": token, "NextToken": "made-up"}, "InvalidParameterException"},
		{"ExplainToken", map[string]any{"Token": token, "IdentityPoolIds": twentyOne(pool)}, "ValidationException"},
		{"ExplainToken", map[string]any{"Token": token, "IdentityPoolIds": []string{otherPool}},
			"ResourceNotFoundException"},
		{"TryRoles", map[string]any{}, "ValidationException"},
		{"TryRoles", map[string]any{"IdentityPoolId": otherPool}, "ResourceNotFoundException"},
		{"TryRoles", map[string]any{"IdentityPoolId": pool, "Claims": map[string]any{}}, "InvalidParameterException"},
		{"TryRoles", map[string]any{"IdentityPoolId": pool, "Token": token}, "InvalidParameterException"},
		{"TryRoles", map[string]any{"IdentityPoolId": pool, "ProviderName": info.LoginKey, "Token": token,
			"Claims": map[string]any{}}, "InvalidParameterException"},
		{"TryRoles", map[string]any{"IdentityPoolId": pool, "ProviderName": info.LoginKey, "Claims": 1},
			"InvalidParameterException"},
		{"TryRoles", map[string]any{"IdentityPoolId": pool, "ProviderName": info.LoginKey,
			"Claims": map[string]any{"x": strings.Repeat("x", 50_001)}}, "InvalidParameterException"},
		{"TryRoles", map[string]any{"IdentityPoolId": pool, "ProviderName": "login.my.app",
			"Claims": map[string]any{}}, "InvalidParameterException"},
		{"TryRoles", map[string]any{"IdentityPoolId": pool, "CustomRoleArn": "short"}, "ValidationException"},
		{"TryRoles", map[string]any{"IdentityPoolId": pool, "Roles": map[string]string{"x": "short"}},
			"ValidationException"},
		{"TryRoles", map[string]any{"IdentityPoolId": pool, "Roles": map[string]string{
			"authenticated": "arn:aws:iam::111111111111:role/Other"}}, "NotAuthorizedException"},
		{"TryRoles", map[string]any{"IdentityPoolId": pool, "RoleMappings": map[string]any{
			"a.example": map[string]any{"Type": "Token", "AmbiguousRoleResolution": "Deny"}}},
			"InvalidParameterException"},
		{"TryRoles", map[string]any{"IdentityPoolId": pool, "PrincipalTags": []any{map[string]any{
			"IdentityProviderName": "a.example", "PrincipalTags": map[string]string{"a": "b"}}}},
			"InvalidParameterException"},
		{"ValidateIdentityPool", map[string]any{"IdentityPoolId": otherPool}, "ResourceNotFoundException"},
		{"ValidateIdentityPool", map[string]any{"IdentityPoolId": "x"}, "ValidationException"},
		{"ValidateIdentityPool", map[string]any{"IdentityPoolName": 1}, "SerializationException"},
	} {
		body := encoded(t, test.in)
		got := w.AdminCall(t, test.operation, body)
		if got.Status != http.StatusBadRequest || !strings.Contains(got.Body, test.want) {
			t.Errorf("%s %.200s: %d %s, want %s", test.operation, body, got.Status, got.Body, test.want)
		}
	}

	// A foreign account gets the answer for a pool that does not exist, and none of its pools.
	for operation, in := range map[string]any{
		"ExplainToken":         map[string]any{"Token": token, "IdentityPoolIds": []string{pool}},
		"TryRoles":             map[string]any{"IdentityPoolId": pool},
		"ValidateIdentityPool": map[string]any{"IdentityPoolId": pool},
	} {
		got := w.Administer(t, wiretest.Stranger, operation, encoded(t, in))
		if !strings.Contains(got.Body, "ResourceNotFoundException") ||
			!strings.Contains(got.Body, "IdentityPool '"+pool+"' not found.") {
			t.Errorf("%s by a stranger: %d %s", operation, got.Status, got.Body)
		}
	}
	all := decoded[explained](t, w.Administer(t, wiretest.Stranger, "ExplainToken",
		encoded(t, map[string]any{"Token": token})))
	if len(all.Results) != 0 {
		t.Errorf("a stranger sees pools: %+v", all)
	}
}

// otherPool has the form of a pool's ID.
const otherPool = "us-east-1:00000000-0000-4000-8000-00000000000f"

func twentyOne(id string) []string {
	list := make([]string, 21)
	for i := range list {
		list[i] = id
	}
	return list
}

// TestTryOutPermissions calls with keys that may do something else only.
func TestTryOutPermissions(t *testing.T) {
	s := wiretest.StartBound(t)
	const others = `{"Effect":"Allow","Action":["poolhouse:Explain","cognito-identity:*"],"Resource":"*"}`
	for name, key := range s.Callers(t, others) {
		for _, operation := range []string{"ExplainToken", "TryRoles", "ValidateIdentityPool"} {
			body := map[string]any{"IdentityPoolId": otherPool, "Token": "x"}
			if refused, got := s.Call(t, key, "PoolhouseAdmin."+operation, body); !refused {
				t.Errorf("%s of %s: %d %s", operation, name, got.Status, got.Body)
			}
		}
	}
}

// TestExplainTokenPages reads 45 pools by pages: the pools that know the issuer come first.
func TestExplainTokenPages(t *testing.T) {
	w := wiretest.StartTenants(t, []string{wiretest.Stranger}, noRates)
	token := w.Token(t, "alice")
	for n := range 45 {
		w.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
			if n%2 == 1 {
				in.OpenIdConnectProviderARNs = nil
			}
		})
	}

	seen, accepted, in := map[string]bool{}, []bool{}, map[string]any{"Token": token}
	var next *string
	for range 4 {
		got := decoded[explained](t, w.AdminCall(t, "ExplainToken", encoded(t, in)))
		if len(got.Results) > 20 {
			t.Errorf("a page of %d", len(got.Results))
		}
		for _, r := range got.Results {
			seen[r.IdentityPoolId] = true
			accepted = append(accepted, r.Accepted)
		}
		if got.NextToken == nil {
			break
		}
		next = got.NextToken
		in["NextToken"] = *next
	}
	if len(seen) != 45 || len(accepted) != 45 {
		t.Errorf("%d pools in %d results", len(seen), len(accepted))
	}
	for n, ok := range accepted {
		if ok != (n < 23) {
			t.Errorf("result %d: accepted %t", n, ok)
		}
	}

	// A page token belongs to the account and the credential.
	if next == nil {
		t.Fatal("there is one page only")
	}
	foreign := w.Administer(t, wiretest.Stranger, "ExplainToken", encoded(t, in))
	other := w.AdminCall(t, "ExplainToken", encoded(t, map[string]any{"Token": w.Token(t, "bob"), "NextToken": *next}))
	for _, got := range []wiretest.Answer{foreign, other} {
		if !strings.Contains(got.Body, "Invalid NextToken.") {
			t.Errorf("a foreign page token: %d %s", got.Status, got.Body)
		}
	}
}

// TestExplainTokenRate finds the rate that is in force without settings.
func TestExplainTokenRate(t *testing.T) {
	s := wiretest.Start(t)
	for n := range 200 {
		got := s.AdminCall(t, "ExplainToken", `{"Token":"x"}`)
		if got.Status == http.StatusTooManyRequests {
			if n < 20 {
				t.Errorf("call %d was refused", n)
			}
			return
		}
	}
	t.Error("no call was refused")
}

// TestValidationHidesOthersRoles gives a pool a role that another account has, and one that it lacks.
func TestValidationHidesOthersRoles(t *testing.T) {
	eachAccounts(t, func(t *testing.T, w *wiretest.Accounts) {
		wiretest.Must(w.Roles(wiretest.HomeAccount).CreateRole(t.Context(), &iamclient.CreateRoleInput{
			RoleName:                 new("Secret"),
			AssumeRolePolicyDocument: new(wiretest.AccountTrust),
		}))(t)
		pool := *wiretest.Must(w.Pools(wiretest.Stranger).CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
			IdentityPoolName:               new("p"),
			AllowUnauthenticatedIdentities: true,
		}))(t).IdentityPoolId

		validate := func(account, pool, role string) string {
			in := map[string]any{
				"IdentityPoolName":               "p",
				"AllowUnauthenticatedIdentities": true,
				"Roles": map[string]string{
					"unauthenticated": "arn:aws:iam::000000000000:role/" + role,
				},
			}
			if pool != "" {
				in["IdentityPoolId"] = pool
			}
			got := w.Administer(t, account, "ValidateIdentityPool", encoded(t, in))
			wiretest.Equal(t, "status", got.Status, http.StatusOK)

			return strings.ReplaceAll(got.Body, role, "ROLE")
		}

		for _, pool := range []string{"", pool} {
			there, absent := validate(wiretest.Stranger, pool, "Secret"), validate(wiretest.Stranger, pool, "Absent")
			wiretest.Equal(t, "answer about another account's role", there, absent)
		}
		if validate(wiretest.HomeAccount, "", "Secret") == validate(wiretest.HomeAccount, "", "Absent") {
			t.Error("the answers about the caller's own roles do not differ")
		}
	})
}

// TestTryRolesWithATokenExplains needs the permission of ExplainToken where it judges a token.
func TestTryRolesWithATokenExplains(t *testing.T) {
	eachAccounts(t, func(t *testing.T, w *wiretest.Accounts) {
		pool := *wiretest.Must(w.Pools(wiretest.Stranger).CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
			IdentityPoolName:               new("p"),
			AllowUnauthenticatedIdentities: true,
		}))(t).IdentityPoolId
		newKey(t, w, wiretest.Stranger, "rules", wiretest.PolicyOf(
			`{"Effect":"Allow","Action":"poolhouse:TryRoles","Resource":"*"}`))
		newKey(t, w, wiretest.Stranger, "tokens", wiretest.PolicyOf(
			`{"Effect":"Allow","Action":["poolhouse:TryRoles","poolhouse:ExplainToken"],"Resource":"*"}`))

		guest := map[string]any{"IdentityPoolId": pool}
		login := map[string]any{"IdentityPoolId": pool, "ProviderName": "login.example.com", "Token": "eyJ.e30.e30"}
		wantRefused(t, "a token", w.Administer(t, "rules", "TryRoles", encoded(t, login)),
			"AccessDenied", "poolhouse:ExplainToken")
		wiretest.Equal(t, "no token", w.Administer(t, "rules", "TryRoles", encoded(t, guest)).Status, http.StatusOK)
		wiretest.Equal(t, "both permissions",
			w.Administer(t, "tokens", "TryRoles", encoded(t, login)).Status, http.StatusOK)
	})
}
