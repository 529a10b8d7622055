package poolhouse_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/smithy-go"
	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/poolhouse-id/poolhouse"
)

// The whole point, for a guest and for a signed-in user: identity, token that
// verifies from discovery alone, credentials that STS tells from forged ones.
func TestMainFlow(t *testing.T) {
	eachStore(t, func(t *testing.T, s *testServer) {
		pool := s.newPool(t)
		info, _ := s.DevInfo()
		for name, logins := range map[string]map[string]string{"guest": nil, "authenticated": s.logins(t, "alice")} {
			t.Run(name, func(t *testing.T) {
				id := s.getID(t, pool, logins)
				if !regexp.MustCompile(`^us-east-1:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
					t.Errorf("identity ID %s is not REGION:UUIDv4", id)
				}
				token := must(s.public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &id, Logins: logins}))(t)
				provider, err := oidc.NewProvider(t.Context(), s.URL)
				if err != nil {
					t.Fatal(err)
				}
				verified, err := provider.Verifier(&oidc.Config{ClientID: pool, SupportedSigningAlgs: []string{"RS512"}}).Verify(t.Context(), *token.Token)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "token subject", verified.Subject, id)
				equal(t, "token lifetime", verified.Expiry.Sub(verified.IssuedAt).Seconds(), 600)
				var claims struct {
					AMR []string `json:"amr"`
					ARN string   `json:"https://cognito-identity.amazonaws.com/identity-pool-arn"`
				}
				if err := verified.Claims(&claims); err != nil {
					t.Fatal(err)
				}
				equal(t, "pool ARN claim", claims.ARN, "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/"+pool)
				amr := "unauthenticated"
				if logins != nil {
					amr = "authenticated " + info.LoginKey + " " + info.OIDCProviderARN + ":OIDC:alice"
				}
				equal(t, "amr", strings.Join(claims.AMR, " "), amr)

				out := must(s.public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins}))(t)
				equal(t, "identity of the credentials", *out.IdentityId, id)
				key, secret, session := *out.Credentials.AccessKeyId, *out.Credentials.SecretKey, *out.Credentials.SessionToken
				if !regexp.MustCompile(`^ASIA[A-Z2-7]{16}$`).MatchString(key) || len(secret) != 40 || len(session) > 2000 {
					t.Errorf("credentials have the wrong form: %s, %d characters, %d characters", key, len(secret), len(session))
				}
				role := map[bool]string{true: "Guest", false: "Authenticated"}[logins == nil]
				who := must(s.whoami(t, key, secret, session))(t)
				equal(t, "caller", *who.Arn, "arn:aws:sts::000000000000:assumed-role/"+role+"/CognitoIdentityCredentials")
				equal(t, "account", *who.Account, "000000000000")
				_, err = s.whoami(t, key, flip(secret), session)
				wantError(t, err, "SignatureDoesNotMatch", "")
				_, err = s.whoami(t, key, secret, flip(session))
				wantError(t, err, "InvalidClientTokenId", "")
				_, err = s.whoami(t, key[:19]+map[bool]string{true: "A", false: "B"}[key[19] != 'A'], secret, session)
				wantError(t, err, "InvalidClientTokenId", "")
				_, err = s.whoami(t, key, secret, "")
				wantError(t, err, "InvalidClientTokenId", "")

				// Vended credentials open nothing of the API that their role does not allow.
				_, err = s.signedBy(region, key, secret, session).ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
				wantError(t, err, "AccessDeniedException", "User: "+*who.Arn+" is not authorized to perform: cognito-identity:ListIdentityPools on resource: arn:aws:cognito-identity:us-east-1:000000000000:identitypool/")
			})
		}
	})
}

// Every caller of a concurrent first sign-in gets the same identity.
func TestConcurrentFirstSignIn(t *testing.T) {
	eachStore(t, func(t *testing.T, s *testServer) {
		pool := s.newPool(t)
		logins := s.logins(t, "alice")
		var group sync.WaitGroup
		ids := make([]string, 32)
		for i := range ids {
			group.Go(func() {
				if out, err := s.public().GetId(context.Background(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins}); err == nil {
					ids[i] = *out.IdentityId
				} else {
					ids[i] = err.Error()
				}
			})
		}
		group.Wait()
		for _, id := range ids {
			equal(t, "identity", id, ids[0])
		}
	})
}

func TestLoginRefusals(t *testing.T) {
	s := start(t)
	pool := s.newPool(t)
	key := devInfo(s).LoginKey
	bare := *must(s.admin().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("bare"), AllowUnauthenticatedIdentities: false}))(t).IdentityPoolId
	good := s.token(t, "alice")
	own := must(s.admin().GetOpenIdTokenForDeveloperIdentity(t.Context(), &ci.GetOpenIdTokenForDeveloperIdentityInput{
		IdentityPoolId: &pool, Logins: map[string]string{"login.my.app": "bob"}}))(t)
	for _, test := range []struct {
		name, pool    string
		logins        map[string]string
		code, message string
	}{
		{"guests off", bare, nil, "NotAuthorizedException", "Unauthenticated access is not supported for this identity pool."},
		{"empty map is a guest", bare, map[string]string{}, "NotAuthorizedException", "Unauthenticated access is not supported for this identity pool."},
		{"no providers", bare, map[string]string{key: good}, "NotAuthorizedException", "Identity pool - " + bare + " does not have identity providers configured."},
		{"another provider's key", pool, map[string]string{"accounts.google.com": good}, "NotAuthorizedException", "Invalid login token. Issuer doesn't match providerName"},
		{"developer provider", pool, map[string]string{"login.my.app": "bob"}, "InvalidParameterException", "Please provide a valid public provider"},
		{"own token", pool, map[string]string{"cognito-identity.amazonaws.com": *own.Token}, "NotAuthorizedException", "Invalid login token. Can't pass in a Cognito token."},
		{"own token under another key", pool, map[string]string{key: *own.Token}, "NotAuthorizedException", ""},
		{"not a token", pool, map[string]string{key: "alice"}, "NotAuthorizedException", "Invalid login token. Not a valid OpenId Connect identity token."},
		{"tampered", pool, map[string]string{key: flip(good)}, "NotAuthorizedException", ""},
		{"wrong audience", pool, map[string]string{key: s.token(t, "alice", func(r *poolhouse.DevTokenRequest) { r.Audience = "other" })}, "NotAuthorizedException", "Invalid login token. Incorrect token audience."},
		{"one good, one bad", pool, map[string]string{key: good, "accounts.google.com": good}, "NotAuthorizedException", "Invalid login token. Issuer doesn't match providerName"},
		{"unknown pool", "us-east-1:00000000-0000-4000-8000-000000000000", nil, "ResourceNotFoundException", "IdentityPool 'us-east-1:00000000-0000-4000-8000-000000000000' not found."},
		{"malformed pool", "pool", nil, "ValidationException", `1 validation error detected: Value 'pool' at 'identityPoolId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w-]+:[0-9a-f-]+`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &test.pool, Logins: test.logins})
			wantError(t, err, test.code, test.message)
		})
	}
	t.Run("expired", func(t *testing.T) {
		_, err := s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: s.logins(t, "alice", func(r *poolhouse.DevTokenRequest) { r.ExpiresIn = -3600 })})
		var api smithy.APIError
		if !errors.As(err, &api) || !regexp.MustCompile(`^Invalid login token\. Token expired: \d+ >= \d+$`).MatchString(api.ErrorMessage()) {
			t.Errorf("error = %v", err)
		}
	})
}

// Identity operations on identities: who may use which, linking and merging.
func TestIdentityLifecycle(t *testing.T) {
	eachStore(t, func(t *testing.T, s *testServer) {
		pool := s.newPool(t)
		credentials := func(id string, logins map[string]string) (string, error) {
			out, err := s.public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins})
			if err != nil {
				return "", err
			}
			return *out.IdentityId, nil
		}
		alice, bob := s.logins(t, "alice"), s.logins(t, "bob")

		guest := s.getID(t, pool, nil)
		linked := must(credentials(guest, alice))(t)
		equal(t, "identity after linking a guest", linked, guest)
		equal(t, "identity of the login afterwards", s.getID(t, pool, alice), guest)
		_, err := credentials(guest, nil)
		wantError(t, err, "NotAuthorizedException", "Access to Identity '"+guest+"' is forbidden.")
		_, err = credentials(guest, bob)
		wantError(t, err, "NotAuthorizedException", "Logins don't match. Please include at least one valid login for this identity or identity pool.")

		second := s.getID(t, pool, nil)
		equal(t, "identity after merging a guest", must(credentials(second, alice))(t), guest)
		_, err = credentials(second, nil)
		wantError(t, err, "NotAuthorizedException", "Access to Identity '"+second+"' is forbidden.")
		_, err = credentials(second, alice)
		wantError(t, err, "NotAuthorizedException", "Access to Identity '"+second+"' is forbidden.")

		list := must(s.admin().ListIdentities(t.Context(), &ci.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(60)}))(t)
		equal(t, "identities", len(list.Identities), 2)
		list = must(s.admin().ListIdentities(t.Context(), &ci.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(60), HideDisabled: true}))(t)
		equal(t, "enabled identities", len(list.Identities), 1)
		equal(t, "provider names", strings.Join(list.Identities[0].Logins, " "), devInfo(s).LoginKey)

		// Unlinking needs a linked login, and the login is a new identity afterwards.
		unlink := func(logins map[string]string) error {
			_, err := s.public().UnlinkIdentity(t.Context(), &ci.UnlinkIdentityInput{IdentityId: &guest, Logins: logins, LoginsToRemove: []string{devInfo(s).LoginKey}})
			return err
		}
		wantError(t, unlink(bob), "NotAuthorizedException", "Logins don't match. Please include at least one valid login for this identity or identity pool.")
		if err := unlink(alice); err != nil {
			t.Fatal(err)
		}
		if again := s.getID(t, pool, alice); again == guest {
			t.Error("an unlinked login still leads to its identity")
		}
		for _, logins := range []map[string]string{nil, alice} {
			if _, err = credentials(guest, logins); err == nil {
				t.Errorf("an identity without logins can be used with %d logins", len(logins))
			}
		}

		// Deleted is unknown; unknown IDs count as done.
		out := must(s.admin().DeleteIdentities(t.Context(), &ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{guest, second, "us-east-1:00000000-0000-4000-8000-000000000000"}}))(t)
		equal(t, "unprocessed", len(out.UnprocessedIdentityIds), 0)
		_, err = s.admin().DescribeIdentity(t.Context(), &ci.DescribeIdentityInput{IdentityId: &guest})
		wantError(t, err, "ResourceNotFoundException", "Identity '"+guest+"' not found.")
		_, err = credentials(second, nil)
		wantError(t, err, "ResourceNotFoundException", "Identity '"+second+"' not found.")
	})
}

func TestDeveloperIdentities(t *testing.T) {
	eachStore(t, func(t *testing.T, s *testServer) {
		pool, admin := s.newPool(t), s.admin()
		token := func(user string, change ...func(*ci.GetOpenIdTokenForDeveloperIdentityInput)) (*ci.GetOpenIdTokenForDeveloperIdentityOutput, error) {
			in := &ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool, Logins: map[string]string{"login.my.app": user}}
			for _, f := range change {
				f(in)
			}
			return admin.GetOpenIdTokenForDeveloperIdentity(t.Context(), in)
		}
		credentials := func(id, token string) error {
			_, err := s.public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &id,
				Logins: map[string]string{"cognito-identity.amazonaws.com": token}})
			return err
		}
		bob := must(token("bob", func(in *ci.GetOpenIdTokenForDeveloperIdentityInput) {
			in.PrincipalTags = map[string]string{"dept": "sales"}
			in.TokenDuration = aws.Int64(86400)
		}))(t)
		equal(t, "identity of a known user", *must(token("bob"))(t).IdentityId, *bob.IdentityId)
		provider, err := oidc.NewProvider(t.Context(), s.URL)
		if err != nil {
			t.Fatal(err)
		}
		verifier := provider.Verifier(&oidc.Config{ClientID: pool, SupportedSigningAlgs: []string{"RS512"}})
		verified, err := verifier.Verify(t.Context(), *bob.Token)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "token lifetime", verified.Expiry.Sub(verified.IssuedAt).Seconds(), 86400)
		standard := must(verifier.Verify(t.Context(), *must(token("bob"))(t).Token))(t)
		equal(t, "token lifetime without TokenDuration", standard.Expiry.Sub(standard.IssuedAt).Seconds(), 900)
		var claims struct {
			AMR  []string `json:"amr"`
			Tags struct {
				Principal map[string][]string `json:"principal_tags"`
			} `json:"https://aws.amazon.com/tags"`
		}
		if err := verified.Claims(&claims); err != nil {
			t.Fatal(err)
		}
		equal(t, "amr", strings.Join(claims.AMR, " "), "authenticated login.my.app login.my.app:"+pool+":bob")
		equal(t, "tags", fmt.Sprint(claims.Tags.Principal), "map[dept:[sales]]")
		if err := credentials(*bob.IdentityId, *bob.Token); err != nil {
			t.Error(err)
		}

		// The token works for its own identity only, and not where AWS takes none.
		guest := s.getID(t, pool, nil)
		wantError(t, credentials(guest, *bob.Token), "NotAuthorizedException", "Logins don't match. Please include at least one valid login for this identity or identity pool.")
		wantError(t, credentials(*bob.IdentityId, s.token(t, "alice")), "NotAuthorizedException", "Invalid login token. Not a Cognito token.")
		_, err = s.public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: bob.IdentityId, Logins: map[string]string{"cognito-identity.amazonaws.com": *bob.Token}})
		wantError(t, err, "NotAuthorizedException", "Invalid login token. Can't pass in a Cognito token.")
		classic := must(s.public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &guest}))(t)
		if credentials(guest, *classic.Token) == nil {
			t.Error("a guest's token passed for a developer's")
		}

		// Linking and its refusals.
		onIdentity := func(id string) func(*ci.GetOpenIdTokenForDeveloperIdentityInput) {
			return func(in *ci.GetOpenIdTokenForDeveloperIdentityInput) { in.IdentityId = &id }
		}
		equal(t, "guest with a developer login", *must(token("carol", onIdentity(guest)))(t).IdentityId, guest)
		equal(t, "the same link again", *must(token("carol", onIdentity(guest)))(t).IdentityId, guest)
		_, err = token("bob", onIdentity(guest))
		wantError(t, err, "DeveloperUserAlreadyRegisteredException", "")
		_, err = token("dave", onIdentity(guest))
		wantError(t, err, "NotAuthorizedException", "Logins don't match. Please include at least one valid login for this identity or identity pool.")
		_, err = admin.GetOpenIdTokenForDeveloperIdentity(t.Context(), &ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool, Logins: map[string]string{"login.other": "x"}})
		wantError(t, err, "InvalidParameterException", "This identity pool does not support the specified developer provider")
		_, err = admin.GetOpenIdTokenForDeveloperIdentity(t.Context(), &ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool,
			Logins: map[string]string{"login.my.app": "frank", "login.other": "frank"}})
		wantError(t, err, "NotAuthorizedException", "Token is not from a supported provider of this identity pool.")
		if _, err = token(strings.Repeat("\u00e9", 1024)); err != nil { // characters, not bytes
			t.Errorf("an identifier of 1024 characters: %v", err)
		}
		_, err = token(strings.Repeat("e", 1025))
		wantError(t, err, "InvalidParameterException", "The developer user identifier has more than 1024 characters.")
		withAlice := s.logins(t, "alice")
		withAlice["login.my.app"] = "erin"
		both := must(admin.GetOpenIdTokenForDeveloperIdentity(t.Context(), &ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool, Logins: withAlice}))(t)
		equal(t, "identity of the public login linked with it", s.getID(t, pool, s.logins(t, "alice")), *both.IdentityId)

		// Look-up, merge, unlink.
		lookup := func(change func(*ci.LookupDeveloperIdentityInput)) (*ci.LookupDeveloperIdentityOutput, error) {
			in := &ci.LookupDeveloperIdentityInput{IdentityPoolId: &pool}
			change(in)
			return admin.LookupDeveloperIdentity(t.Context(), in)
		}
		found := must(lookup(func(in *ci.LookupDeveloperIdentityInput) { in.DeveloperUserIdentifier = aws.String("bob") }))(t)
		equal(t, "identity of bob", *found.IdentityId, *bob.IdentityId)
		_, err = lookup(func(in *ci.LookupDeveloperIdentityInput) {
			in.DeveloperUserIdentifier, in.IdentityId = aws.String("bob"), &guest
		})
		wantError(t, err, "ResourceConflictException", "")
		_, err = lookup(func(*ci.LookupDeveloperIdentityInput) {})
		wantError(t, err, "InvalidParameterException", "")
		_, err = lookup(func(in *ci.LookupDeveloperIdentityInput) { in.DeveloperUserIdentifier = aws.String("nobody") })
		wantError(t, err, "ResourceNotFoundException", "")
		merge := func(source, destination string) (*ci.MergeDeveloperIdentitiesOutput, error) {
			return admin.MergeDeveloperIdentities(t.Context(), &ci.MergeDeveloperIdentitiesInput{IdentityPoolId: &pool, DeveloperProviderName: aws.String("login.my.app"),
				SourceUserIdentifier: &source, DestinationUserIdentifier: &destination})
		}
		equal(t, "merged identity", *must(merge("bob", "carol"))(t).IdentityId, guest)
		equal(t, "merged with itself", *must(merge("carol", "carol"))(t).IdentityId, guest)
		page := must(lookup(func(in *ci.LookupDeveloperIdentityInput) { in.IdentityId, in.MaxResults = &guest, aws.Int32(1) }))(t)
		rest := must(lookup(func(in *ci.LookupDeveloperIdentityInput) {
			in.IdentityId, in.MaxResults, in.NextToken = &guest, aws.Int32(1), page.NextToken
		}))(t)
		users := sorted(append(page.DeveloperUserIdentifierList, rest.DeveloperUserIdentifierList...))
		equal(t, "users after the merge", strings.Join(users, " "), "bob carol")
		equal(t, "more pages", rest.NextToken == nil, true)
		wantError(t, credentials(*bob.IdentityId, *bob.Token), "NotAuthorizedException", "Access to Identity '"+*bob.IdentityId+"' is forbidden.")

		carol := must(token("carol"))(t)
		if err := credentials(guest, *carol.Token); err != nil {
			t.Error(err)
		}
		unlink := func(user, id string) error {
			_, err := admin.UnlinkDeveloperIdentity(t.Context(), &ci.UnlinkDeveloperIdentityInput{IdentityPoolId: &pool, IdentityId: &id,
				DeveloperProviderName: aws.String("login.my.app"), DeveloperUserIdentifier: &user})
			return err
		}
		wantError(t, unlink("nobody", guest), "ResourceNotFoundException", "")
		wantError(t, unlink("erin", guest), "ResourceConflictException", "")
		if err := unlink("carol", guest); err != nil {
			t.Fatal(err)
		}
		wantError(t, credentials(guest, *carol.Token), "NotAuthorizedException", "Logins don't match. Please include at least one valid login for this identity or identity pool.")
		if again := must(token("carol"))(t); *again.IdentityId == guest {
			t.Error("an unlinked developer user still leads to its identity")
		}
	})
}

// Classic flow: absent allows it and stays absent, false refuses it.
func TestClassicFlowHasThreeStates(t *testing.T) {
	s := start(t)
	for _, state := range []*bool{nil, aws.Bool(true), aws.Bool(false)} {
		pool := s.newPool(t, func(in *ci.CreateIdentityPoolInput) { in.AllowClassicFlow = state })
		described := must(s.admin().DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: &pool}))(t)
		if (described.AllowClassicFlow == nil) != (state == nil) || state != nil && *state != *described.AllowClassicFlow {
			t.Errorf("AllowClassicFlow = %v, want %v", described.AllowClassicFlow, state)
		}
		id := s.getID(t, pool, nil)
		_, err := s.public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &id})
		if state != nil && !*state {
			wantError(t, err, "InvalidParameterException", "Basic (classic) flow is not enabled, please use enhanced flow.")
		} else if err != nil {
			t.Errorf("state %v: %v", state, err)
		}
		if _, err := s.public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &id}); err != nil {
			t.Errorf("enhanced flow with state %v: %v", state, err)
		}
		if _, err := s.admin().GetOpenIdTokenForDeveloperIdentity(t.Context(), &ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool, Logins: map[string]string{"login.my.app": "x"}}); err != nil {
			t.Errorf("developer token with state %v: %v", state, err)
		}
	}
}

// A login through a provider that this version cannot check is never let through.
// Digits has closed down: pools keep it, and nobody signs in through it.
func TestDigitsLoginsAreRefused(t *testing.T) {
	s := start(t)
	pool := s.newPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.SupportedLoginProviders = map[string]string{"graph.facebook.com": "1", "www.amazon.com": "amzn1.application.x", "api.twitter.com": "key;secret", "www.digits.com": "k;s"}
		in.SamlProviderARNs = []string{"arn:aws:iam::000000000000:saml-provider/corp"}
	})
	described := must(s.admin().DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: &pool}))(t)
	equal(t, "providers that round-trip", len(described.SupportedLoginProviders)+len(described.SamlProviderARNs), 5)
	_, err := s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: map[string]string{"www.digits.com": "a;b"}})
	wantError(t, err, "NotAuthorizedException", "Token is not from a supported provider of this identity pool.")
}

func TestHealthAndMetrics(t *testing.T) {
	s := start(t)
	s.newPool(t)
	for range 2 {
		equal(t, "a refusal", s.raw(t, "GetId", `{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000000"}`, false).status, 400)
	}
	equal(t, "an unknown operation", s.raw(t, "GetEverything", `{}`, false).status, 400)
	for _, test := range []struct{ path, want string }{
		{"/healthz", "ok"}, {"/readyz", "ready"},
		{"/metrics", `poolhouse_requests_total{operation="CreateIdentityPool",outcome="OK"} 1`},
		{"/metrics", `poolhouse_requests_total{operation="GetId",outcome="ResourceNotFoundException"} 2`},
		{"/metrics", `poolhouse_requests_total{operation="GetId",outcome="OK"} 0`},
		{"/metrics", `poolhouse_requests_total{operation="",outcome="UnknownOperationException"} 1`}, // its name would be the client's choice
		{"/metrics", `poolhouse_request_seconds_count{operation="GetId"} 2`},
	} {
		if got := s.get(t, test.path); got.status != http.StatusOK || !strings.Contains(got.body, test.want) {
			t.Errorf("%s = %d, without %s", test.path, got.status, test.want)
		}
	}
}

// A server tells how many lines its log has dropped if whoever made the log knows.
func TestLogDropsAreCounted(t *testing.T) {
	const name = "poolhouse_log_lines_dropped_total"
	if got := start(t).get(t, "/metrics"); strings.Contains(got.body, name) {
		t.Errorf("without a count: %s", got.body)
	}
	s := start(t, func(c *poolhouse.Config) { c.LogLinesDropped = func() uint64 { return 7 } })
	if got := s.get(t, "/metrics"); !strings.Contains(got.body, "# TYPE "+name+" counter\n"+name+" 7\n") {
		t.Errorf("with a count: %s", got.body)
	}
}

// The keys are under AWS's path and the usual one.
func TestKeysHaveTwoPaths(t *testing.T) {
	s := start(t)
	aws, usual := s.get(t, "/.well-known/jwks_uri"), s.get(t, "/.well-known/jwks.json")
	if aws.status != http.StatusOK || !strings.Contains(aws.body, `"keys":[{`) {
		t.Errorf("jwks_uri = %d %s", aws.status, aws.body)
	}
	equal(t, "jwks.json", usual.body, aws.body)
	equal(t, "its type", usual.header.Get("Content-Type"), aws.header.Get("Content-Type"))
}
