package cognitoidentity_test

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
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// The whole point, for a guest and for a signed-in user: identity, token that
// verifies from discovery alone, credentials that STS tells from forged ones.
func TestMainFlow(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool := s.NewPool(t)
		info, _ := s.DevInfo()
		for name, logins := range map[string]map[string]string{"guest": nil, "authenticated": s.Logins(t, "alice")} {
			t.Run(name, func(t *testing.T) {
				id := s.GetID(t, pool, logins)
				if !regexp.MustCompile(
					`^us-east-1:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
					t.Errorf("identity ID %s is not REGION:UUIDv4", id)
				}

				token := wiretest.Must(s.Public().GetOpenIdToken(t.Context(),
					&ci.GetOpenIdTokenInput{IdentityId: &id, Logins: logins}))(t)
				provider, err := oidc.NewProvider(t.Context(), s.URL)
				if err != nil {
					t.Fatal(err)
				}

				verified, err := provider.Verifier(&oidc.Config{ClientID: pool,
					SupportedSigningAlgs: []string{"RS512"}}).Verify(t.Context(), *token.Token)
				if err != nil {
					t.Fatal(err)
				}
				wiretest.Equal(t, "token subject", verified.Subject, id)
				wiretest.Equal(t, "token lifetime", verified.Expiry.Sub(verified.IssuedAt).Seconds(), 600)

				var claims struct {
					AMR []string `json:"amr"`
					ARN string   `json:"https://cognito-identity.amazonaws.com/identity-pool-arn"`
				}
				if err := verified.Claims(&claims); err != nil {
					t.Fatal(err)
				}

				wiretest.Equal(t, "pool ARN claim", claims.ARN,
					"arn:aws:cognito-identity:us-east-1:000000000000:identitypool/"+pool)
				amr := "unauthenticated"
				if logins != nil {
					amr = "authenticated " + info.LoginKey + " " + info.OIDCProviderARN + ":OIDC:alice"
				}
				wiretest.Equal(t, "amr", strings.Join(claims.AMR, " "), amr)

				out := wiretest.Must(s.Public().GetCredentialsForIdentity(t.Context(),
					&ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins}))(t)
				wiretest.Equal(t, "identity of the credentials", *out.IdentityId, id)
				key, secret, session := *out.Credentials.AccessKeyId, *out.Credentials.SecretKey,
					*out.Credentials.SessionToken
				if !regexp.MustCompile(`^ASIA[A-Z2-7]{16}$`).MatchString(key) || len(secret) != 40 ||
					len(session) > 2000 {
					t.Errorf("credentials have the wrong form: %s, %d characters, %d characters", key, len(secret),
						len(session))
				}

				role := map[bool]string{true: "Guest", false: "Authenticated"}[logins == nil]
				who := wiretest.Must(s.Whoami(t, key, secret, session))(t)
				wiretest.Equal(t, "caller", *who.Arn,
					"arn:aws:sts::000000000000:assumed-role/"+role+"/CognitoIdentityCredentials")
				wiretest.Equal(t, "account", *who.Account, "000000000000")
				_, err = s.Whoami(t, key, wiretest.Flip(secret), session)
				wiretest.WantError(t, err, "SignatureDoesNotMatch", "")

				_, err = s.Whoami(t, key, secret, wiretest.Flip(session))
				wiretest.WantError(t, err, "InvalidClientTokenId", "")
				_, err = s.Whoami(t, key[:19]+map[bool]string{true: "A", false: "B"}[key[19] != 'A'], secret, session)
				wiretest.WantError(t, err, "InvalidClientTokenId", "")
				_, err = s.Whoami(t, key, secret, "")
				wiretest.WantError(t, err, "InvalidClientTokenId", "")

				// Vended credentials open nothing of the API that their role does not allow.
				_, err = s.SignedBy(wiretest.Region, key, secret, session).ListIdentityPools(t.Context(),
					&ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
				wiretest.WantError(t, err, "AccessDeniedException",
					"User: "+*who.Arn+
						" is not authorized to perform: cognito-identity:ListIdentityPools on "+
						"resource: arn:aws:cognito-identity:us-east-1:000000000000:identitypool/")
			})
		}
	})
}

// Every caller of a concurrent first sign-in gets the same identity.
func TestConcurrentFirstSignIn(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool := s.NewPool(t)

		logins := s.Logins(t, "alice")
		var group sync.WaitGroup
		ids := make([]string, 32)
		for i := range ids {
			group.Go(func() {
				if out, err := s.Public().GetId(context.Background(),
					&ci.GetIdInput{IdentityPoolId: &pool, Logins: logins}); err == nil {
					ids[i] = *out.IdentityId
				} else {
					ids[i] = err.Error()
				}
			})
		}
		group.Wait()

		for _, id := range ids {
			wiretest.Equal(t, "identity", id, ids[0])
		}
	})
}

func TestLoginRefusals(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	key := wiretest.DevInfo(s).LoginKey

	bare := *wiretest.Must(s.Admin().CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("bare"),
			AllowUnauthenticatedIdentities: false}))(t).IdentityPoolId
	good := s.Token(t, "alice")
	own := wiretest.Must(s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
		&ci.GetOpenIdTokenForDeveloperIdentityInput{
			IdentityPoolId: &pool, Logins: map[string]string{"login.my.app": "bob"}}))(t)

	for _, test := range []struct {
		name, pool    string
		logins        map[string]string
		code, message string
	}{
		{"guests off", bare, nil, "NotAuthorizedException",
			"Unauthenticated access is not supported for this identity pool."},
		{"empty map is a guest", bare, map[string]string{}, "NotAuthorizedException",
			"Unauthenticated access is not supported for this identity pool."},
		{"no providers", bare, map[string]string{key: good}, "NotAuthorizedException",
			"Identity pool - " + bare + " does not have identity providers configured."},
		{"another provider's key", pool, map[string]string{"accounts.google.com": good}, "NotAuthorizedException",
			"Invalid login token. Issuer doesn't match providerName"},
		{"developer provider", pool, map[string]string{"login.my.app": "bob"}, "InvalidParameterException",
			"Please provide a valid public provider"},
		{"own token", pool, map[string]string{"cognito-identity.amazonaws.com": *own.Token}, "NotAuthorizedException",
			"Invalid login token. Can't pass in a Cognito token."},
		{"own token under another key", pool, map[string]string{key: *own.Token}, "NotAuthorizedException", ""},
		{"not a token", pool, map[string]string{key: "alice"}, "NotAuthorizedException",
			"Invalid login token. Not a valid OpenId Connect identity token."},
		{"tampered", pool, map[string]string{key: wiretest.Flip(good)}, "NotAuthorizedException", ""},
		{"wrong audience", pool,
			map[string]string{key: s.Token(t, "alice", func(r *poolhouse.DevTokenRequest) { r.Audience = "other" })},
			"NotAuthorizedException", "Invalid login token. Incorrect token audience."},
		{"one good, one bad", pool, map[string]string{key: good, "accounts.google.com": good},
			"NotAuthorizedException", "Invalid login token. Issuer doesn't match providerName"},
		{"unknown pool", "us-east-1:00000000-0000-4000-8000-000000000000", nil, "ResourceNotFoundException",
			"IdentityPool 'us-east-1:00000000-0000-4000-8000-000000000000' not found."},
		{"malformed pool", "pool", nil, "ValidationException",
			`1 validation error detected: Value 'pool' at 'identityPoolId' failed to satisfy constraint: Member ` +
				`must satisfy regular expression pattern: [\w-]+:[0-9a-f-]+`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &test.pool, Logins: test.logins})
			wiretest.WantError(t, err, test.code, test.message)
		})
	}

	t.Run("expired", func(t *testing.T) {
		_, err := s.Public().GetId(t.Context(),
			&ci.GetIdInput{IdentityPoolId: &pool,
				Logins: s.Logins(t, "alice", func(r *poolhouse.DevTokenRequest) { r.ExpiresIn = -3600 })})
		var api smithy.APIError
		if !errors.As(err, &api) ||
			!regexp.MustCompile(`^Invalid login token\. Token expired: \d+ >= \d+$`).MatchString(api.ErrorMessage()) {
			t.Errorf("error = %v", err)
		}
	})
}

// Identity operations on identities: who may use which, linking and merging.
func TestIdentityLifecycle(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool := s.NewPool(t)
		credentials := func(id string, logins map[string]string) (string, error) {
			out, err := s.Public().GetCredentialsForIdentity(t.Context(),
				&ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins})
			if err != nil {
				return "", err
			}
			return *out.IdentityId, nil
		}
		alice, bob := s.Logins(t, "alice"), s.Logins(t, "bob")

		guest := s.GetID(t, pool, nil)
		linked := wiretest.Must(credentials(guest, alice))(t)
		wiretest.Equal(t, "identity after linking a guest", linked, guest)
		wiretest.Equal(t, "identity of the login afterwards", s.GetID(t, pool, alice), guest)
		_, err := credentials(guest, nil)
		wiretest.WantError(t, err, "NotAuthorizedException", "Access to Identity '"+guest+"' is forbidden.")
		_, err = credentials(guest, bob)
		wiretest.WantError(t, err, "NotAuthorizedException",
			"Logins don't match. Please include at least one valid login for this identity or identity pool.")

		second := s.GetID(t, pool, nil)
		wiretest.Equal(t, "identity after merging a guest", wiretest.Must(credentials(second, alice))(t), guest)
		_, err = credentials(second, nil)
		wiretest.WantError(t, err, "NotAuthorizedException", "Access to Identity '"+second+"' is forbidden.")
		_, err = credentials(second, alice)
		wiretest.WantError(t, err, "NotAuthorizedException", "Access to Identity '"+second+"' is forbidden.")

		list := wiretest.Must(s.Admin().ListIdentities(t.Context(),
			&ci.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(60)}))(t)
		wiretest.Equal(t, "identities", len(list.Identities), 2)
		list = wiretest.Must(s.Admin().ListIdentities(t.Context(),
			&ci.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(60), HideDisabled: true}))(t)
		wiretest.Equal(t, "enabled identities", len(list.Identities), 1)
		wiretest.Equal(t, "provider names", strings.Join(list.Identities[0].Logins, " "), wiretest.DevInfo(s).LoginKey)

		// Unlinking needs a linked login, and the login is a new identity afterwards.
		unlink := func(logins map[string]string) error {
			_, err := s.Public().UnlinkIdentity(t.Context(),
				&ci.UnlinkIdentityInput{IdentityId: &guest, Logins: logins,
					LoginsToRemove: []string{wiretest.DevInfo(s).LoginKey}})
			return err
		}

		wiretest.WantError(t, unlink(bob), "NotAuthorizedException",
			"Logins don't match. Please include at least one valid login for this identity or identity pool.")
		if err := unlink(alice); err != nil {
			t.Fatal(err)
		}
		if again := s.GetID(t, pool, alice); again == guest {
			t.Error("an unlinked login still leads to its identity")
		}

		for _, logins := range []map[string]string{nil, alice} {
			if _, err = credentials(guest, logins); err == nil {
				t.Errorf("an identity without logins can be used with %d logins", len(logins))
			}
		}

		// Deleted is unknown; unknown IDs count as done.
		out := wiretest.Must(s.Admin().DeleteIdentities(t.Context(),
			&ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{guest, second,
				"us-east-1:00000000-0000-4000-8000-000000000000"}}))(t)
		wiretest.Equal(t, "unprocessed", len(out.UnprocessedIdentityIds), 0)
		_, err = s.Admin().DescribeIdentity(t.Context(), &ci.DescribeIdentityInput{IdentityId: &guest})
		wiretest.WantError(t, err, "ResourceNotFoundException", "Identity '"+guest+"' not found.")

		_, err = credentials(second, nil)
		wiretest.WantError(t, err, "ResourceNotFoundException", "Identity '"+second+"' not found.")
	})
}

func TestDeveloperIdentities(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool, admin := s.NewPool(t), s.Admin()
		token := func(
			user string, change ...func(*ci.GetOpenIdTokenForDeveloperIdentityInput),
		) (*ci.GetOpenIdTokenForDeveloperIdentityOutput, error) {
			in := &ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool,
				Logins: map[string]string{"login.my.app": user}}
			for _, f := range change {
				f(in)
			}
			return admin.GetOpenIdTokenForDeveloperIdentity(t.Context(), in)
		}

		credentials := func(id, token string) error {
			_, err := s.Public().GetCredentialsForIdentity(t.Context(),
				&ci.GetCredentialsForIdentityInput{IdentityId: &id,
					Logins: map[string]string{"cognito-identity.amazonaws.com": token}})
			return err
		}

		bob := wiretest.Must(token("bob", func(in *ci.GetOpenIdTokenForDeveloperIdentityInput) {
			in.PrincipalTags = map[string]string{"dept": "sales"}
			in.TokenDuration = aws.Int64(86400)
		}))(t)
		wiretest.Equal(t, "identity of a known user", *wiretest.Must(token("bob"))(t).IdentityId, *bob.IdentityId)

		provider, err := oidc.NewProvider(t.Context(), s.URL)
		if err != nil {
			t.Fatal(err)
		}
		verifier := provider.Verifier(&oidc.Config{ClientID: pool, SupportedSigningAlgs: []string{"RS512"}})
		verified, err := verifier.Verify(t.Context(), *bob.Token)
		if err != nil {
			t.Fatal(err)
		}
		wiretest.Equal(t, "token lifetime", verified.Expiry.Sub(verified.IssuedAt).Seconds(), 86400)

		standard := wiretest.Must(verifier.Verify(t.Context(), *wiretest.Must(token("bob"))(t).Token))(t)
		wiretest.Equal(t, "token lifetime without TokenDuration", standard.Expiry.Sub(standard.IssuedAt).Seconds(), 900)
		var claims struct {
			AMR  []string `json:"amr"`
			Tags struct {
				Principal map[string][]string `json:"principal_tags"`
			} `json:"https://aws.amazon.com/tags"`
		}
		if err := verified.Claims(&claims); err != nil {
			t.Fatal(err)
		}

		wiretest.Equal(t, "amr", strings.Join(claims.AMR, " "), "authenticated login.my.app login.my.app:"+pool+":bob")
		wiretest.Equal(t, "tags", fmt.Sprint(claims.Tags.Principal), "map[dept:[sales]]")
		if err := credentials(*bob.IdentityId, *bob.Token); err != nil {
			t.Error(err)
		}

		// The token works for its own identity only, and not where AWS takes none.
		guest := s.GetID(t, pool, nil)
		wiretest.WantError(t, credentials(guest, *bob.Token), "NotAuthorizedException",
			"Logins don't match. Please include at least one valid login for this identity or identity pool.")
		wiretest.WantError(t, credentials(*bob.IdentityId, s.Token(t, "alice")), "NotAuthorizedException",
			"Invalid login token. Not a Cognito token.")

		_, err = s.Public().GetOpenIdToken(t.Context(),
			&ci.GetOpenIdTokenInput{IdentityId: bob.IdentityId,
				Logins: map[string]string{"cognito-identity.amazonaws.com": *bob.Token}})
		wiretest.WantError(t, err, "NotAuthorizedException", "Invalid login token. Can't pass in a Cognito token.")
		classic := wiretest.Must(s.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &guest}))(t)
		if credentials(guest, *classic.Token) == nil {
			t.Error("a guest's token passed for a developer's")
		}

		// Linking and its refusals.
		onIdentity := func(id string) func(*ci.GetOpenIdTokenForDeveloperIdentityInput) {
			return func(in *ci.GetOpenIdTokenForDeveloperIdentityInput) { in.IdentityId = &id }
		}
		wiretest.Equal(t, "guest with a developer login",
			*wiretest.Must(token("carol", onIdentity(guest)))(t).IdentityId, guest)
		wiretest.Equal(t, "the same link again", *wiretest.Must(token("carol", onIdentity(guest)))(t).IdentityId, guest)
		_, err = token("bob", onIdentity(guest))
		wiretest.WantError(t, err, "DeveloperUserAlreadyRegisteredException", "")

		_, err = token("dave", onIdentity(guest))
		wiretest.WantError(t, err, "NotAuthorizedException",
			"Logins don't match. Please include at least one valid login for this identity or identity pool.")
		_, err = admin.GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool,
				Logins: map[string]string{"login.other": "x"}})
		wiretest.WantError(t, err, "InvalidParameterException",
			"This identity pool does not support the specified developer provider")

		_, err = admin.GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool,
				Logins: map[string]string{"login.my.app": "frank", "login.other": "frank"}})
		wiretest.WantError(t, err, "NotAuthorizedException",
			"Token is not from a supported provider of this identity pool.")
		if _, err = token(strings.Repeat("\u00e9", 1024)); err != nil { // characters, not bytes
			t.Errorf("an identifier of 1024 characters: %v", err)
		}

		_, err = token(strings.Repeat("e", 1025))
		wiretest.WantError(t, err, "InvalidParameterException",
			"The developer user identifier has more than 1024 characters.")
		withAlice := s.Logins(t, "alice")
		withAlice["login.my.app"] = "erin"
		both := wiretest.Must(admin.GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool, Logins: withAlice}))(t)
		wiretest.Equal(t, "identity of the public login linked with it", s.GetID(t, pool, s.Logins(t, "alice")),
			*both.IdentityId)

		// Look-up, merge, unlink.
		lookup := func(change func(*ci.LookupDeveloperIdentityInput)) (*ci.LookupDeveloperIdentityOutput, error) {
			in := &ci.LookupDeveloperIdentityInput{IdentityPoolId: &pool}
			change(in)
			return admin.LookupDeveloperIdentity(t.Context(), in)
		}
		found := wiretest.Must(
			lookup(func(in *ci.LookupDeveloperIdentityInput) { in.DeveloperUserIdentifier = aws.String("bob") }))(t)
		wiretest.Equal(t, "identity of bob", *found.IdentityId, *bob.IdentityId)

		_, err = lookup(func(in *ci.LookupDeveloperIdentityInput) {
			in.DeveloperUserIdentifier, in.IdentityId = aws.String("bob"), &guest
		})
		wiretest.WantError(t, err, "ResourceConflictException", "")

		_, err = lookup(func(*ci.LookupDeveloperIdentityInput) {})
		wiretest.WantError(t, err, "InvalidParameterException", "")
		_, err = lookup(func(in *ci.LookupDeveloperIdentityInput) { in.DeveloperUserIdentifier = aws.String("nobody") })
		wiretest.WantError(t, err, "ResourceNotFoundException", "")
		merge := func(source, destination string) (*ci.MergeDeveloperIdentitiesOutput, error) {
			return admin.MergeDeveloperIdentities(t.Context(),
				&ci.MergeDeveloperIdentitiesInput{IdentityPoolId: &pool,
					DeveloperProviderName: aws.String("login.my.app"),
					SourceUserIdentifier:  &source, DestinationUserIdentifier: &destination})
		}

		wiretest.Equal(t, "merged identity", *wiretest.Must(merge("bob", "carol"))(t).IdentityId, guest)
		wiretest.Equal(t, "merged with itself", *wiretest.Must(merge("carol", "carol"))(t).IdentityId, guest)
		page := wiretest.Must(lookup(func(in *ci.LookupDeveloperIdentityInput) {
			in.IdentityId, in.MaxResults = &guest,
				aws.Int32(1)
		}))(t)
		rest := wiretest.Must(lookup(func(in *ci.LookupDeveloperIdentityInput) {
			in.IdentityId, in.MaxResults, in.NextToken = &guest, aws.Int32(1), page.NextToken
		}))(t)
		users := wiretest.Sorted(append(page.DeveloperUserIdentifierList, rest.DeveloperUserIdentifierList...))
		wiretest.Equal(t, "users after the merge", strings.Join(users, " "), "bob carol")
		wiretest.Equal(t, "more pages", rest.NextToken == nil, true)
		wiretest.WantError(t, credentials(*bob.IdentityId, *bob.Token), "NotAuthorizedException",
			"Access to Identity '"+*bob.IdentityId+"' is forbidden.")

		carol := wiretest.Must(token("carol"))(t)
		if err := credentials(guest, *carol.Token); err != nil {
			t.Error(err)
		}
		unlink := func(user, id string) error {
			_, err := admin.UnlinkDeveloperIdentity(t.Context(),
				&ci.UnlinkDeveloperIdentityInput{IdentityPoolId: &pool, IdentityId: &id,
					DeveloperProviderName: aws.String("login.my.app"), DeveloperUserIdentifier: &user})
			return err
		}

		wiretest.WantError(t, unlink("nobody", guest), "ResourceNotFoundException", "")
		wiretest.WantError(t, unlink("erin", guest), "ResourceConflictException", "")
		if err := unlink("carol", guest); err != nil {
			t.Fatal(err)
		}
		wiretest.WantError(t, credentials(guest, *carol.Token), "NotAuthorizedException",
			"Logins don't match. Please include at least one valid login for this identity or identity pool.")
		if again := wiretest.Must(token("carol"))(t); *again.IdentityId == guest {
			t.Error("an unlinked developer user still leads to its identity")
		}
	})
}

// Classic flow: absent allows it and stays absent, false refuses it.
func TestClassicFlowHasThreeStates(t *testing.T) {
	s := wiretest.Start(t)
	for _, state := range []*bool{nil, aws.Bool(true), aws.Bool(false)} {
		pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.AllowClassicFlow = state })
		described := wiretest.Must(s.Admin().DescribeIdentityPool(t.Context(),
			&ci.DescribeIdentityPoolInput{IdentityPoolId: &pool}))(t)
		if (described.AllowClassicFlow == nil) != (state == nil) || state != nil &&
			*state != *described.AllowClassicFlow {
			t.Errorf("AllowClassicFlow = %v, want %v", described.AllowClassicFlow, state)
		}

		id := s.GetID(t, pool, nil)
		_, err := s.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &id})
		if state != nil && !*state {
			wiretest.WantError(t, err, "InvalidParameterException",
				"Basic (classic) flow is not enabled, please use enhanced flow.")
		} else if err != nil {
			t.Errorf("state %v: %v", state, err)
		}

		if _, err := s.Public().GetCredentialsForIdentity(t.Context(),
			&ci.GetCredentialsForIdentityInput{IdentityId: &id}); err != nil {
			t.Errorf("enhanced flow with state %v: %v", state, err)
		}
		if _, err := s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool,
				Logins: map[string]string{"login.my.app": "x"}}); err != nil {
			t.Errorf("developer token with state %v: %v", state, err)
		}
	}
}

// A login through a provider that this version cannot check is never let through.
// Digits has closed down: pools keep it, and nobody signs in through it.
func TestDigitsLoginsAreRefused(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.SupportedLoginProviders = map[string]string{"graph.facebook.com": "1",
			"www.amazon.com": "amzn1.application.x", "api.twitter.com": "key;secret", "www.digits.com": "k;s"}
		in.SamlProviderARNs = []string{"arn:aws:iam::000000000000:saml-provider/corp"}
	})
	described := wiretest.Must(s.Admin().DescribeIdentityPool(t.Context(),
		&ci.DescribeIdentityPoolInput{IdentityPoolId: &pool}))(t)
	wiretest.Equal(t, "providers that round-trip",
		len(described.SupportedLoginProviders)+len(described.SamlProviderARNs), 5)

	_, err := s.Public().GetId(t.Context(),
		&ci.GetIdInput{IdentityPoolId: &pool, Logins: map[string]string{"www.digits.com": "a;b"}})
	wiretest.WantError(t, err, "NotAuthorizedException",
		"Token is not from a supported provider of this identity pool.")
}

func TestHealthAndMetrics(t *testing.T) {
	s := wiretest.Start(t)
	s.NewPool(t)

	for range 2 {
		wiretest.Equal(t, "a refusal",
			s.Raw(t, "GetId", `{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000000"}`, false).Status, 400)
	}
	wiretest.Equal(t, "an unknown operation", s.Raw(t, "GetEverything", `{}`, false).Status, 400)

	for _, test := range []struct{ path, want string }{
		{"/healthz", "ok"}, {"/readyz", "ready"},
		{"/metrics", `poolhouse_requests_total{operation="CreateIdentityPool",outcome="OK"} 1`},
		{"/metrics", `poolhouse_requests_total{operation="GetId",outcome="ResourceNotFoundException"} 2`},
		{"/metrics", `poolhouse_requests_total{operation="GetId",outcome="OK"} 0`},
		// its name would be the client's choice
		{"/metrics", `poolhouse_requests_total{operation="",outcome="UnknownOperationException"} 1`},
		{"/metrics", `poolhouse_request_seconds_count{operation="GetId"} 2`},
	} {
		if got := s.Get(t, test.path); got.Status != http.StatusOK || !strings.Contains(got.Body, test.want) {
			t.Errorf("%s = %d, without %s", test.path, got.Status, test.want)
		}
	}
}

// A server tells how many lines its log has dropped if whoever made the log knows.
func TestLogDropsAreCounted(t *testing.T) {
	const name = "poolhouse_log_lines_dropped_total"
	if got := wiretest.Start(t).Get(t, "/metrics"); strings.Contains(got.Body, name) {
		t.Errorf("without a count: %s", got.Body)
	}
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.LogLinesDropped = func() uint64 { return 7 } })
	if got := s.Get(t, "/metrics"); !strings.Contains(got.Body, "# TYPE "+name+" counter\n"+name+" 7\n") {
		t.Errorf("with a count: %s", got.Body)
	}
}

// The keys are under AWS's path and the usual one.
func TestKeysHaveTwoPaths(t *testing.T) {
	s := wiretest.Start(t)
	byAWS, usual := s.Get(t, "/.well-known/jwks_uri"), s.Get(t, "/.well-known/jwks.json")
	if byAWS.Status != http.StatusOK || !strings.Contains(byAWS.Body, `"keys":[{`) {
		t.Errorf("jwks_uri = %d %s", byAWS.Status, byAWS.Body)
	}
	wiretest.Equal(t, "jwks.json", usual.Body, byAWS.Body)
	wiretest.Equal(t, "its type", usual.Header.Get("Content-Type"), byAWS.Header.Get("Content-Type"))
}
