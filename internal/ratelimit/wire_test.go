package ratelimit_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/stsapi"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// movedClock stands still where the wall clock was when it was first asked, so that
// buckets fill only when a test moves it. Signatures and tokens are made with the wall
// clock, from which it may differ by minutes only.
type movedClock struct {
	begin sync.Once
	began time.Time
	ahead atomic.Int64
}

func (c *movedClock) now() time.Time {
	c.begin.Do(func() { c.began = time.Now() })
	return c.began.Add(time.Duration(c.ahead.Load()))
}

func (c *movedClock) pass(d time.Duration) { c.ahead.Add(int64(d)) }

// samlRole trusts the provider Corp.
var samlRole = wiretest.Role("Saml", `"Federated":"`+wiretest.SAMLARN+`"`, `"sts:AssumeRoleWithSAML"`, "")

// from sends requests as a proxy does for the client of an address.
type from string

func (f from) Do(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", "10.9.9.9, "+string(f))
	return http.DefaultClient.Do(r)
}

// guestsFrom is an SDK client without keys, at an address.
func guestsFrom(s *wiretest.Server, address string, change ...func(*ci.Options)) *ci.Client {
	o := ci.Options{
		BaseEndpoint:     &s.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		Credentials:      aws.AnonymousCredentials{},
		HTTPClient:       from(address),
	}
	for _, f := range change {
		f(&o)
	}

	return ci.New(o)
}

// client calls both APIs from one address.
type client struct {
	pools *ci.Client
	sts   *sts.Client
}

func clientAt(s *wiretest.Server, address string) client {
	return client{pools: guestsFrom(s, address), sts: sts.New(sts.Options{
		BaseEndpoint:     &s.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		Credentials:      aws.AnonymousCredentials{},
		HTTPClient:       from(address),
	})}
}

// throttled reports whether err is the refusal of a limit.
func throttled(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains([]string{"TooManyRequestsException", "Throttling"}, api.ErrorCode())
}

func behindProxy(clock *movedClock) func(*poolhouse.Config) {
	return func(c *poolhouse.Config) { c.BehindProxy, c.Now = true, clock.now }
}

// identities counts the identities of a pool.
func identities(t *testing.T, s *wiretest.Server, pool string) int {
	t.Helper()

	n, in := 0, &ci.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(60)}
	for {
		page := wiretest.Must(s.Admin().ListIdentities(t.Context(), in))(t)
		n += len(page.Identities)
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return n
		}
	}
}

// By default an address makes 1,000 guests at once and 100 a second, the SDK's retry
// gets through, and what was refused wrote nothing.
func TestGuestsOfOneAddress(t *testing.T) {
	clock := &movedClock{}
	s := wiretest.Start(t, behindProxy(clock))
	pool := s.NewPool(t)

	client, get := guestsFrom(s, "192.0.2.1"), &ci.GetIdInput{IdentityPoolId: &pool}
	closed := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.AllowUnauthenticatedIdentities = false })
	for range 20 { // refused by another check
		_, err := client.GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &closed})
		wiretest.WantError(t, err, "NotAuthorizedException", "")
	}

	flood(t, 1000, func() error { _, err := client.GetId(t.Context(), get); return err })
	_, err := client.GetId(t.Context(), get)
	wiretest.WantError(t, err, "TooManyRequestsException", "Rate exceeded")
	wiretest.Must(guestsFrom(s, "192.0.2.2").GetId(t.Context(), get))(t)
	wiretest.Equal(t, "identities", identities(t, s, pool), 1001)

	var waits []time.Duration
	retrying := guestsFrom(s, "192.0.2.1", func(o *ci.Options) {
		o.RetryMaxAttempts = 0 // as the Retryer has it
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) {
				waits = append(waits, time.Second)
				clock.pass(time.Second)
				return 0, nil
			})
		})
	})
	wiretest.Must(retrying.GetId(t.Context(), get))(t)
	wiretest.Equal(t, "retries", len(waits), 1)
	flood(t, 99, func() error { _, err := client.GetId(t.Context(), get); return err })
	_, err = client.GetId(t.Context(), get)
	wiretest.WantError(t, err, "TooManyRequestsException", "Rate exceeded")

	page := wiretest.Do(t, wiretest.Must(http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/metrics",
		nil))(t)).Body
	if want := `poolhouse_rate_limited_total{limit="guests",operation="GetId"} 3`; !strings.Contains(page, want) {
		t.Errorf("metrics lack %s", want)
	}
}

// flood makes n calls, some at the same time, that must succeed.
func flood(t *testing.T, n int, call func() error) {
	t.Helper()

	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := worker; i < n; i += 8 {
				if err := call(); err != nil {
					t.Errorf("call %d: %v", i, err)
					return
				}
			}
		})
	}
	group.Wait()
}

// What an address is refused does not use up what the account may call.
func TestOneAddressLeavesTheAccountItsCalls(t *testing.T) {
	s := wiretest.Start(t, behindProxy(&movedClock{}), func(c *poolhouse.Config) {
		c.AddressLimits.Guests = poolhouse.Rate{PerSecond: 1, Burst: 3}
		c.RateLimits.Operations = map[string]poolhouse.Rate{"cognito-identity:GetId": {PerSecond: 1, Burst: 10}}
	})
	pool := s.NewPool(t)

	made := 0
	for range 50 {
		for n := range 2 {
			in := &ci.GetIdInput{IdentityPoolId: &pool}
			if _, err := guestsFrom(s, fmt.Sprintf("192.0.2.%d", n)).GetId(t.Context(), in); err == nil {
				made++
			}
		}
	}

	wiretest.Equal(t, "guests of two addresses", made, 6)

	for n := range 4 {
		wiretest.Must(guestsFrom(s, fmt.Sprintf("198.51.100.%d", n)).GetId(t.Context(),
			&ci.GetIdInput{IdentityPoolId: &pool}))(t)
	}
	_, err := guestsFrom(s, "203.0.113.1").GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool})
	wiretest.WantError(t, err, "TooManyRequestsException", "Rate exceeded")
}

// Off, or on a peer that stands for many, nothing is limited.
func TestGuestsWithoutLimit(t *testing.T) {
	for name, change := range map[string]func(*poolhouse.Config){
		"switched off": func(c *poolhouse.Config) { c.BehindProxy, c.AddressLimits.Off = true, true },
		"loopback":     func(*poolhouse.Config) {},
	} {
		t.Run(name, func(t *testing.T) {
			s := wiretest.Start(t, change, func(c *poolhouse.Config) {
				c.AddressLimits.Guests = poolhouse.Rate{PerSecond: 1, Burst: 1}
			})
			pool := s.NewPool(t)
			for range 20 {
				wiretest.Must(guestsFrom(s, "192.0.2.1").GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool}))(t)
			}
		})
	}
}

// limitedCall is a call that is counted: its first time passes the rate of 1, its
// second is refused.
type limitedCall struct {
	api, operation string
}

// Every operation of the three APIs that has a rate is refused when an account calls
// it more often, as its protocol says it; before that nothing is refused, and other
// accounts go on.
func TestEveryOperationHasARate(t *testing.T) {
	clock := &movedClock{}
	rates := map[string]poolhouse.Rate{}
	var calls []limitedCall
	w := wiretest.StartTenants(t, []string{wiretest.Stranger}, func(c *poolhouse.Config) {
		c.Now = clock.now
		c.RateLimits.Operations = rates
		c.AcceptUnknownRoles = false
		c.Roles = []poolhouse.RoleConfig{wiretest.Role("Web", wiretest.FromPool, wiretest.Web, wiretest.OfPool),
			samlRole}

		for _, op := range cognitoidentity.New(cognitoidentity.Options{}).Operations() {
			calls = append(calls, limitedCall{api: "cognito-identity", operation: op.Name()})
		}

		for _, op := range stsapi.NewAPI(stsapi.APIOptions{}).Operations() {
			calls = append(calls, limitedCall{api: "sts", operation: op.Name()})
		}

		for _, op := range iamapi.New(iamapi.Options{}).Operations() {
			calls = append(calls, limitedCall{api: "iam", operation: op.Name()})
		}

		for _, call := range calls {
			if call.operation != "CreateIdentityPool" && call.operation != "GetId" { // which the test needs
				rates[call.api+":"+call.operation] = poolhouse.Rate{PerSecond: 0.001, Burst: 1}
			}
		}
		rates["cognito-identity:CreateIdentityPool"] = poolhouse.Rate{PerSecond: 0.001, Burst: 2}
		rates["cognito-identity:GetId"] = poolhouse.Rate{PerSecond: 0.001, Burst: 2}
	})
	pool := *guestPool(t, w, wiretest.HomeAccount).IdentityPoolId
	identity := w.GetID(t, pool, nil)

	unsigned := map[string]bool{
		"GetId": true, "GetOpenIdToken": true, "GetCredentialsForIdentity": true, "UnlinkIdentity": true,
		"AssumeRoleWithWebIdentity": true, "AssumeRoleWithSAML": true,
	}
	ask := func(call limitedCall, account string) (status int, text, after string) {
		var r *http.Request
		body := "{}"
		service := call.api
		if call.api == "cognito-identity" {
			if unsigned[call.operation] {
				body = strings.NewReplacer("POOL", pool, "IDENTITY",
					identity).Replace(wiretest.Operations[call.operation].Input)
			}
			r = wiretest.JSONCall(t, w.URL, "AWSCognitoIdentityService."+call.operation, body)
		} else {
			form := url.Values{"Action": {call.operation}, "Version": {"2011-06-15"}}
			if call.api == "iam" {
				form.Set("Version", "2010-05-08")
			}

			switch call.operation {
			case "AssumeRoleWithWebIdentity":
				form.Set("RoleArn", wiretest.RolePrefix+"Web")
				form.Set("RoleSessionName", "s1")
				form.Set("WebIdentityToken", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSJ9.AAAA")
			case "AssumeRoleWithSAML":
				form.Set("RoleArn", wiretest.RolePrefix+"Saml")
				form.Set("PrincipalArn", wiretest.SAMLARN)
				form.Set("SAMLAssertion", "PHg+PC94Pg==")
			}

			body = form.Encode()
			r = wiretest.Must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL,
				strings.NewReader(body)))(t)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}

		if !unsigned[call.operation] {
			key := w.Keys[account]
			wiretest.SignWith(t, r, body, service, wiretest.Region, key.AccessKeyID, key.SecretAccessKey)
		}
		a := wiretest.Do(t, r)

		return a.Status, a.Body, a.Header.Get("Retry-After")
	}

	for _, call := range calls {
		t.Run(call.api+":"+call.operation, func(t *testing.T) {
			const wait = "1000"
			if status, text, after := ask(call, wiretest.HomeAccount); strings.Contains(text, "Rate exceeded") ||
				after != "" {
				t.Fatalf("first call: %d %s", status, text)
			}
			status, text, after := ask(call, wiretest.HomeAccount)
			want, code := http.StatusBadRequest, "<Code>Throttling</Code>"
			if call.api == "cognito-identity" {
				want, code = http.StatusTooManyRequests, `"TooManyRequestsException"`
			}

			worded := strings.Contains(text, code) && strings.Contains(text, "Rate exceeded")
			if status != want || !worded || after != wait {
				t.Errorf("second call: %d, Retry-After %q: %s", status, after, text)
			}
			if unsigned[call.operation] {
				return
			}
			if status, text, _ := ask(call, wiretest.Stranger); strings.Contains(text, "Rate exceeded") {
				t.Errorf("another account: %d %s", status, text)
			}
		})
	}
}

// guestPool makes a pool of an account that takes guests, and asks it for one.
func guestPool(t *testing.T, w *wiretest.Accounts, account string) *ci.GetIdInput {
	t.Helper()
	pool := wiretest.Must(w.Pools(account).CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName:               aws.String("p"),
		AllowUnauthenticatedIdentities: true,
	}))(t)
	return &ci.GetIdInput{IdentityPoolId: pool.IdentityPoolId}
}

// A public operation counts for the account of the pool, whoever signs; what names no
// pool that exists counts for nobody; and explain names the limit.
func TestPublicOperationsCountForThePool(t *testing.T) {
	clock := &movedClock{}
	var mu sync.Mutex
	var traces []poolhouse.Trace
	w := wiretest.StartTenants(t, []string{wiretest.Stranger}, func(c *poolhouse.Config) {
		c.Now = clock.now
		c.RateLimits = poolhouse.RateLimits{Preset: poolhouse.PresetAWS}

		c.OnTrace = func(t poolhouse.Trace) { mu.Lock(); defer mu.Unlock(); traces = append(traces, t) }
	})
	ours, alsoOurs, theirs := guestPool(t, w, wiretest.HomeAccount), guestPool(t, w, wiretest.HomeAccount),
		guestPool(t, w, wiretest.Stranger)

	unknown := &ci.GetIdInput{
		IdentityPoolId: aws.String("us-east-1:00000000-0000-4000-8000-000000000000"),
		AccountId:      aws.String(wiretest.HomeAccount),
	}
	for range 60 {
		_, err := w.Public().GetId(t.Context(), unknown)
		wiretest.WantError(t, err, "ResourceNotFoundException", "")
	}

	for i := range 25 {
		in := ours
		if i%2 == 0 {
			in = alsoOurs
		}
		wiretest.Must(w.Pools(wiretest.Stranger).GetId(t.Context(), in))(t) // signed, which is not looked at
	}

	_, err := w.Public().GetId(t.Context(), ours)
	wiretest.WantError(t, err, "TooManyRequestsException", "Rate exceeded")
	wiretest.Must(w.Public().GetId(t.Context(), theirs))(t)

	mu.Lock()
	last := traces[len(traces)-1]
	mu.Unlock()
	step := last.Steps[len(last.Steps)-1]
	wiretest.Equal(t, "account of the trace", last.Account, wiretest.HomeAccount)
	wiretest.Equal(t, "expected", step.Expected,
		"at most 25 a second, 25 at once (rate_limits.operations.cognito-identity:GetId, or rate_limits.preset)")
	wiretest.Equal(t, "got", step.Got, "account 000000000000 calls cognito-identity:GetId more often")
	clock.pass(time.Second)

	for range 25 {
		wiretest.Must(w.Public().GetId(t.Context(), ours))(t)
	}
	_, err = w.Public().GetId(t.Context(), ours)
	wiretest.WantError(t, err, "TooManyRequestsException", "Rate exceeded")
}

// The SDKs take the refusals of all three APIs for throttling, and retry them.
func TestSDKRetriesThrottling(t *testing.T) {
	clock := &movedClock{}
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.Now = clock.now
		c.RateLimits.Operations = map[string]poolhouse.Rate{
			"cognito-identity:*": {PerSecond: 1}, "sts:*": {PerSecond: 1}, "iam:signed": {PerSecond: 1},
		}
	})

	retries := 0
	retryer := retry.NewStandard(func(r *retry.StandardOptions) {
		r.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) {
			retries++
			clock.pass(time.Second)
			return 0, nil
		})
	})
	config := aws.Config{
		BaseEndpoint: &s.URL,
		Region:       wiretest.Region,
		Retryer:      func() aws.Retryer { return retryer },
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	}

	pools, tokens, roles := ci.NewFromConfig(config), sts.NewFromConfig(config), iamclient.NewFromConfig(config)
	for range 2 {
		wiretest.Must(pools.ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)}))(t)
		wiretest.Must(tokens.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t)
		wiretest.Must(roles.ListRoles(t.Context(), &iamclient.ListRolesInput{}))(t)
	}
	if retries == 0 {
		t.Error("nothing was throttled")
	}
}

// Once an address has had too many logins refused, its next ones are refused before
// they are looked at, in each operation that takes them, whichever emptied the
// bucket; a login that was accepted before goes on, and so do others.
func TestRefusedLoginsOfOneAddress(t *testing.T) {
	clock := &movedClock{}
	idp := samltest.New(t, clock.now().Truncate(time.Second), 0)
	corp := logintest.NewIssuer(t)
	host := strings.TrimPrefix(corp.URL, "http://")
	provider := "arn:aws:iam::000000000000:oidc-provider/" + host
	s := wiretest.Start(t, behindProxy(clock), func(c *poolhouse.Config) {
		c.AddressLimits.RefusedLogins = poolhouse.Rate{PerSecond: 1, Burst: 5}
		c.AcceptUnknownRoles = false
		c.SAMLProviders = []poolhouse.SAMLProviderConfig{{Name: "Corp", Metadata: idp.Metadata()}}
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{
			URL:          corp.URL,
			ClientIDs:    []string{"app"},
			AllowHTTP:    true,
			AllowPrivate: true,
		}}

		c.Roles = []poolhouse.RoleConfig{
			wiretest.Role("Corp", `"Federated":"`+provider+`"`, wiretest.Web, `"StringEquals":{"`+host+`:aud":"app"}`),
			samlRole,
			wiretest.Role("User", wiretest.FromPool, wiretest.Web, wiretest.OfPool),
		}
	})
	pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.OpenIdConnectProviderARNs = append(in.OpenIdConnectProviderARNs, provider)
		in.AllowClassicFlow = aws.Bool(true)
	})

	forged := corp.Token(map[string]any{"sub": "mallory", "aud": "app"})
	forged = forged[:strings.LastIndexByte(forged, '.')+1] + "AAAA"
	good := corp.Token(map[string]any{"sub": "alice", "aud": "app"})
	user := func(subject, id string) string {
		return corp.Token(map[string]any{"sub": subject, "aud": "app", "jti": id})
	}
	with := func(token string) map[string]string { return map[string]string{host: token} }
	first := &ci.GetIdInput{IdentityPoolId: &pool, Logins: with(good)}
	identity := *wiretest.Must(guestsFrom(s, "198.51.100.1").GetId(t.Context(), first))(t).IdentityId

	operations := map[string]func(c client, token string) error{
		"GetId": func(c client, token string) error {
			_, err := c.pools.GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: with(token)})
			return err
		},
		"GetOpenIdToken": func(c client, token string) error {
			in := &ci.GetOpenIdTokenInput{IdentityId: &identity, Logins: with(token)}
			_, err := c.pools.GetOpenIdToken(t.Context(), in)
			return err
		},
		"GetCredentialsForIdentity": func(c client, token string) error {
			in := &ci.GetCredentialsForIdentityInput{IdentityId: &identity, Logins: with(token)}
			_, err := c.pools.GetCredentialsForIdentity(t.Context(), in)
			return err
		},
		"GetCredentialsForIdentity with our token": func(c client, token string) error {
			in := &ci.GetCredentialsForIdentityInput{
				IdentityId: &identity,
				Logins:     map[string]string{"cognito-identity.amazonaws.com": token},
			}
			_, err := c.pools.GetCredentialsForIdentity(t.Context(), in)
			return err
		},
		"UnlinkIdentity": func(c client, token string) error {
			in := &ci.UnlinkIdentityInput{IdentityId: &identity, Logins: with(token), LoginsToRemove: []string{"none"}}
			_, err := c.pools.UnlinkIdentity(t.Context(), in)
			return err
		},
		"AssumeRoleWithWebIdentity": func(c client, token string) error {
			_, err := c.sts.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
				RoleArn:          aws.String(wiretest.RolePrefix + "Corp"),
				RoleSessionName:  aws.String("s1"),
				WebIdentityToken: &token,
			})
			return err
		},
		"AssumeRoleWithSAML": func(c client, token string) error {
			_, err := c.sts.AssumeRoleWithSAML(t.Context(), &sts.AssumeRoleWithSAMLInput{
				RoleArn:       aws.String(wiretest.RolePrefix + "Saml"),
				PrincipalArn:  aws.String(wiretest.SAMLARN),
				SAMLAssertion: &token,
			})
			return err
		},
	}

	number := 0
	for name, call := range operations {
		t.Run(name, func(t *testing.T) {
			number++
			address := fmt.Sprintf("192.0.2.%d", number)

			c := clientAt(s, address)
			for range 5 {
				if err := call(c, forged); err == nil || throttled(err) {
					t.Fatalf("a refused login: %v", err)
				}
			}

			for other, call := range operations {
				if err := call(c, forged); !throttled(err) {
					t.Errorf("%s after: %v", other, err)
				}
			}
			if err := operations["GetId"](c, good); err != nil {
				t.Errorf("a login that was accepted before: %v", err)
			}
			if err := operations["GetId"](c, user("bob", name)); !throttled(err) {
				t.Errorf("a login that nobody knows: %v", err)
			}

			_, err := c.pools.GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool})
			if err != nil {
				t.Errorf("a guest: %v", err)
			}
			elsewhere := client{pools: guestsFrom(s, "198.51.100.1")}
			if err := operations["GetId"](elsewhere, user("carol", "")); err != nil {
				t.Errorf("another address: %v", err)
			}
		})
	}
}

// What a client sends as X-Forwarded-For changes nothing without behind_proxy, and
// behind one only the last entry counts.
func TestSpoofedAddresses(t *testing.T) {
	clock := &movedClock{}
	s := wiretest.Start(t, behindProxy(clock), func(c *poolhouse.Config) {
		c.AddressLimits.Guests = poolhouse.Rate{PerSecond: 1, Burst: 3}
	})
	pool := s.NewPool(t)

	refused := 0
	for i := range 10 {
		r := wiretest.JSONCall(t, s.URL, "AWSCognitoIdentityService.GetId", `{"IdentityPoolId":"`+pool+`"}`)
		spoofed := fmt.Sprintf("203.0.113.%d", i)
		r.Header["X-Forwarded-For"] = []string{spoofed, spoofed + ", 192.0.2.1"}
		if a := wiretest.Do(t, r); a.Status == http.StatusTooManyRequests {
			refused++
			wiretest.Equal(t, "Retry-After", a.Header.Get("Retry-After"), "1")
		}
	}

	wiretest.Equal(t, "refused", refused, 7)
}

// A server on a Unix socket cannot know addresses: it logs that once, and limits nobody.
func TestNoAddressIsToldOnce(t *testing.T) {
	var log strings.Builder

	server := wiretest.Must(poolhouse.New(t.Context(), poolhouse.Config{
		Dev:           true,
		IssuerURL:     "http://127.0.0.1:1",
		AddressLimits: poolhouse.AddressLimits{Guests: poolhouse.Rate{PerSecond: 1, Burst: 1}},
		Logger:        slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}))(t)
	defer server.Close()

	ask := func(operation, body string, signed bool) string {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(body))
		r.RemoteAddr = "@"
		r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService."+operation)
		if signed {
			wiretest.Sign(t, r, body, "cognito-identity")
		}

		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		text, _ := io.ReadAll(w.Body)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", operation, w.Code, text)
		}

		return string(text)
	}

	made := ask("CreateIdentityPool", `{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":true}`, true)
	_, rest, _ := strings.Cut(made, `"IdentityPoolId":"`)

	pool, _, _ := strings.Cut(rest, `"`)
	for range 5 {
		ask("GetId", `{"IdentityPoolId":"`+pool+`"}`, false)
	}
	const line = "address_limits do not count clients whose address cannot be told"
	wiretest.Equal(t, "lines", strings.Count(log.String(), line), 1)
}

// Rates that cannot be stop the start, by the setting's name.
func TestRateSettings(t *testing.T) {
	type rate = poolhouse.Rate
	one := func(name string, r rate) poolhouse.Config {
		return poolhouse.Config{RateLimits: poolhouse.RateLimits{Operations: map[string]rate{name: r}}}
	}

	addresses := func(guests, refused rate) poolhouse.Config {
		return poolhouse.Config{AddressLimits: poolhouse.AddressLimits{Guests: guests, RefusedLogins: refused}}
	}
	const (
		noName = ": is not SERVICE:OPERATION, nor a group that has operations: SERVICE:signed," +
			" SERVICE:public or SERVICE:*"
		noRate  = ": use a number of calls a second from 0.001 to 1000000"
		noBurst = ": use a number of calls from 1 to 1000000, or leave it out"
	)

	for _, test := range []struct {
		config poolhouse.Config
		want   string
	}{
		{one("cognito-identity:GetId", rate{PerSecond: 1}), ""},
		{one("sts:signed", rate{}), ""},
		{one("iam:*", rate{PerSecond: 0.5, Burst: 3}), ""},
		{one("cognito-identity:GetID", rate{PerSecond: 1}),
			"rate_limits.operations.cognito-identity:GetID" + noName + "; did you mean cognito-identity:GetId?"},
		{one("iam:public", rate{PerSecond: 1}),
			"rate_limits.operations.iam:public" + noName + "; did you mean sts:public?"},
		{one("sts:*", rate{PerSecond: 1e308}), "rate_limits.operations.sts:*: rate 1e+308" + noRate},
		{one("sts:*", rate{PerSecond: 1e-300}), "rate_limits.operations.sts:*: rate 1e-300" + noRate},
		{one("GetId", rate{PerSecond: 1}), "rate_limits.operations.GetId" + noName},
		{one("login:Explain", rate{PerSecond: 1}), "rate_limits.operations.login:Explain" + noName},
		{one("sts:*", rate{PerSecond: -1}), "rate_limits.operations.sts:*: rate -1" + noRate},
		{one("sts:*", rate{PerSecond: math.NaN()}), "rate_limits.operations.sts:*: rate NaN" + noRate},
		{one("sts:*", rate{PerSecond: 1, Burst: -1}), "rate_limits.operations.sts:*: burst -1" + noBurst},
		{poolhouse.Config{RateLimits: poolhouse.RateLimits{Preset: "AWS"}},
			`rate_limits.preset "AWS": use aws, or leave it out`},
		{addresses(rate{PerSecond: 1e9}, rate{}), "address_limits.guest_rate 1000000000" + noRate},
		{addresses(rate{}, rate{Burst: 1e9}), "address_limits.refused_login_burst 1000000000" + noBurst},
	} {
		got := ""
		if err := test.config.Validate(); err != nil {
			got = err.Error()
		}
		wiretest.Equal(t, "fault", got, test.want)
	}
}
