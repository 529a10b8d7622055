package stsapi_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// What was withdrawn since a token was issued counts in both flows that take
// tokens of ours: STS, and GetCredentialsForIdentity for those of developers.
// Every token works before the change, so the change alone ends it.
func TestTokensFromBeforeAChange(t *testing.T) {
	w := startSTS(t)
	upstream := wiretest.Start(t) // another issuer, which the IAM API registers
	up, _ := upstream.DevInfo()
	_, upKey, _ := strings.Cut(up.Issuer, "://")
	register := func() string {
		return *wiretest.Must(w.IAM().CreateOpenIDConnectProvider(t.Context(),
			&iamclient.CreateOpenIDConnectProviderInput{Url: &up.Issuer, ClientIDList: []string{up.Audience}}))(t).
			OpenIDConnectProviderArn
	}
	made, devKey := register(), wiretest.DevInfo(w.Server).LoginKey

	update := func(change func(*ci.UpdateIdentityPoolInput)) {
		t.Helper()
		in := &ci.UpdateIdentityPoolInput{
			IdentityPoolId:                 &w.pool,
			IdentityPoolName:               aws.String("test pool"),
			AllowUnauthenticatedIdentities: true,
			AllowClassicFlow:               aws.Bool(true),
			OpenIdConnectProviderARNs:      []string{wiretest.DevInfo(w.Server).OIDCProviderARN, made},
			SamlProviderARNs:               []string{wiretest.SAMLARN},
		}
		change(in)
		wiretest.Must(w.Admin().UpdateIdentityPool(t.Context(), in))(t)
	}

	classic := func(role, token string) error {
		_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String(wiretest.RolePrefix + role), RoleSessionName: aws.String("app"),
			WebIdentityToken: &token})
		return err
	}

	enhanced := func(id, token string) error {
		_, err := w.Public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &id,
			Logins: map[string]string{"cognito-identity.amazonaws.com": token}})
		return err
	}
	developer := func(user string, logins map[string]string) (id, token string) {
		t.Helper()
		all := maps.Clone(logins)
		if all == nil {
			all = map[string]string{}
		}
		all["login.my.app"] = user
		out := wiretest.Must(w.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &w.pool, Logins: all}))(t)

		return *out.IdentityId, *out.Token
	}

	unlink := func(id, key string, logins map[string]string) {
		t.Helper()
		wiretest.Must(w.Public().UnlinkIdentity(t.Context(),
			&ci.UnlinkIdentityInput{IdentityId: &id, Logins: logins, LoginsToRemove: []string{key}}))(t)
	}
	signOut := func(key, subject string) {
		t.Helper()
		w.ahead.Add(int64(2 * time.Second)) // marks count in whole seconds
		if got := w.AdminCall(t, "SignOut", `{"ProviderName":"`+key+`","Subject":"`+subject+`"}`); got.Status != 200 {
			t.Fatalf("SignOut: %d %s", got.Status, got.Body)
		}
	}

	load := func(id, logins string) {
		t.Helper()
		body := `{"IdentityPoolId":"` + w.pool + `","Identities":[{"IdentityId":"` + id +
			`","CreationDate":1,"Logins":[` + logins + `]}]}`
		if got := w.AdminCall(t, "LoadIdentities", body); got.Status != 200 ||
			!strings.Contains(got.Body, `"Loaded":1`) {
			t.Fatalf("LoadIdentities: %d %s", got.Status, got.Body)
		}
	}

	login := func(provider, subject string) string {
		return `{"ProviderName":"` + provider + `","Subject":"` + subject + `"}`
	}
	deleteIdentity := func(id string) {
		t.Helper()
		wiretest.Must(w.Admin().DeleteIdentities(t.Context(),
			&ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{id}}))(t)
	}

	for name, c := range map[string]struct {
		user   string // "" = a guest
		made   bool   // of the provider that the IAM API registered
		change func(id string, logins map[string]string)
	}{
		"guests switched off": {change: func(string, map[string]string) {
			update(func(in *ci.UpdateIdentityPoolInput) { in.AllowUnauthenticatedIdentities = false })
		}},
		"guest linked": {
			change: func(id string, _ map[string]string) {
				wiretest.Must(w.credentials(t, id, w.Logins(t, "linked")))(t)
			},
		},
		"guest merged": {change: func(id string, _ map[string]string) {
			w.GetID(t, w.pool, w.Logins(t, "owner"))
			wiretest.Must(w.credentials(t, id, w.Logins(t, "owner")))(t)
		}},
		"identity deleted": {user: "deleted", change: func(id string, _ map[string]string) {
			wiretest.Must(w.Admin().DeleteIdentities(t.Context(),
				&ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{id}}))(t)
		}},
		"identity deleted and loaded again": {user: "back", change: func(id string, _ map[string]string) {
			deleteIdentity(id)
			load(id, login(devKey, "back"))
		}},
		"identity deleted and loaded for another user": {user: "before", change: func(id string, _ map[string]string) {
			deleteIdentity(id)
			load(id, login(devKey, "after"))
		}},
		"signed out in the second of the token": {user: "quick", change: func(string, map[string]string) {
			if got := w.AdminCall(t, "SignOut", `{"ProviderName":"`+devKey+`","Subject":"quick"}`); got.Status != 200 {
				t.Fatalf("SignOut: %d %s", got.Status, got.Body)
			}
		}},
		"login unlinked": {user: "unlinked",
			change: func(id string, logins map[string]string) { unlink(id, devKey, logins) }},
		"provider taken away": {user: "stranded", change: func(string, map[string]string) {
			update(func(in *ci.UpdateIdentityPoolInput) { in.OpenIdConnectProviderARNs = nil })
		}},
		"user signed out": {user: "gone", change: func(string, map[string]string) { signOut(devKey, "gone") }},
		"made user signed out": {user: "gone", made: true,
			change: func(string, map[string]string) { signOut(upKey, "gone") }},
		"registration taken away": {user: "cut off", made: true, change: func(string, map[string]string) {
			wiretest.Must(w.IAM().DeleteOpenIDConnectProvider(t.Context(),
				&iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &made}))(t)
		}},
		"classic flow off": {user: "late", change: func(string, map[string]string) {
			update(func(in *ci.UpdateIdentityPoolInput) { in.AllowClassicFlow = aws.Bool(false) })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			update(func(*ci.UpdateIdentityPoolInput) {})
			var logins map[string]string
			role := "Unauthenticated"
			if c.user != "" {
				role, logins = "Authenticated", w.Logins(t, c.user)
				if c.made {
					logins = map[string]string{upKey: upstream.Token(t, c.user)}
				}
			}

			id, token := w.openIDToken(t, logins)
			if err := classic(role, token); err != nil {
				t.Fatalf("before: %v", err)
			}

			c.change(id, logins)
			if err := classic(role, token); err == nil {
				t.Error("the token from before is still good in the classic flow")
			}

			w.refusedWith(t, " ")
			if err := enhanced(id, token); err == nil {
				t.Error("a token of the classic flow is a login")
			}
			if name == "registration taken away" {
				made = register()
			}
		})
	}

	for name, change := range map[string]func(id, user string, logins map[string]string){
		"developer's user unlinked": func(id, user string, _ map[string]string) {
			wiretest.Must(w.Admin().UnlinkDeveloperIdentity(t.Context(), &ci.UnlinkDeveloperIdentityInput{
				IdentityPoolId:          &w.pool,
				IdentityId:              &id,
				DeveloperProviderName:   aws.String("login.my.app"),
				DeveloperUserIdentifier: &user,
			}))(t)
		},
		"developer's user merged": func(_, user string, _ map[string]string) {
			developer("into", nil)
			wiretest.Must(w.Admin().MergeDeveloperIdentities(t.Context(), &ci.MergeDeveloperIdentitiesInput{
				IdentityPoolId:            &w.pool,
				DeveloperProviderName:     aws.String("login.my.app"),
				SourceUserIdentifier:      &user,
				DestinationUserIdentifier: aws.String("into"),
			}))(t)
		},
		"login unlinked": func(id, _ string, logins map[string]string) { unlink(id, devKey, logins) },
		"provider taken away": func(string, string, map[string]string) {
			update(func(in *ci.UpdateIdentityPoolInput) { in.OpenIdConnectProviderARNs = nil })
		},
		"identity deleted and loaded again": func(id, user string, _ map[string]string) {
			deleteIdentity(id)
			load(id, login(devKey, user)+","+login("login.my.app", user))
		},
		"login signed out in the second of the token": func(_, user string, _ map[string]string) {
			if got := w.AdminCall(t, "SignOut", `{"ProviderName":"`+devKey+`","Subject":"`+user+`"}`); got.Status !=
				200 {
				t.Fatalf("SignOut: %d %s", got.Status, got.Body)
			}
		},
		"login signed out": func(_, user string, _ map[string]string) { signOut(devKey, user) },
	} {
		t.Run("developer/"+name, func(t *testing.T) {
			update(func(*ci.UpdateIdentityPoolInput) {})
			user := strings.ReplaceAll(name, " ", "-")
			logins := w.Logins(t, user)
			id, token := developer(user, logins)
			if err := classic("Authenticated", token); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := enhanced(id, token); err != nil {
				t.Fatalf("before: %v", err)
			}

			change(id, user, logins)
			if err := classic("Authenticated", token); err == nil {
				t.Error("the token from before is still good in the classic flow")
			}
			w.refusedWith(t, " ")
			if err := enhanced(id, token); err == nil {
				t.Error("the token from before is still a login")
			}
			w.refusedWith(t, " ")
		})
	}

	// A SAML login chooses roles by its assertion, at which the classic flow does
	// not look: neither GetOpenIdToken nor a developer's token brings it there.
	update(func(*ci.UpdateIdentityPoolInput) {})
	id, token := developer("with SAML", map[string]string{wiretest.SAMLARN: w.idp.Response(t, samltest.Login{})})
	wiretest.WantError(t, classic("Authenticated", token), "AccessDenied",
		"Not authorized to perform sts:AssumeRoleWithWebIdentity")
	w.refusedWith(t, "GetCredentialsForIdentity")
	if err := enhanced(id, token); err != nil {
		t.Error(err)
	}
}

// An identity that is loaded again at once under its old ID can be used: only what
// was issued to its predecessor is refused.
func TestIdentityLoadedAgainWorks(t *testing.T) {
	w := startSTS(t)
	key := wiretest.DevInfo(w.Server).LoginKey
	id := w.GetID(t, w.pool, w.Logins(t, "alice"))
	old := wiretest.Must(w.credentials(t, id, w.Logins(t, "alice")))(t).Credentials
	wiretest.Must(w.Admin().DeleteIdentities(t.Context(),
		&ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{id}}))(t)
	got := w.AdminCall(t, "LoadIdentities", `{"IdentityPoolId":"`+w.pool+`","Identities":[{"IdentityId":"`+id+
		`","CreationDate":1,
		"Logins":[{"ProviderName":"`+key+`","Subject":"bob"}]}]}`)
	wiretest.Equal(t, "LoadIdentities", got.Status, 200)

	young := wiretest.Must(w.credentials(t, id, w.Logins(t, "bob")))(t).Credentials
	if _, err := w.Whoami(t, *young.AccessKeyId, *young.SecretKey, *young.SessionToken); err != nil {
		t.Errorf("bob's credentials: %v", err)
	}
	_, token := w.openIDToken(t, w.Logins(t, "bob"))
	_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(wiretest.RolePrefix + "Authenticated"), RoleSessionName: aws.String("app"),
		WebIdentityToken: &token})
	if err != nil {
		t.Errorf("bob's token: %v", err)
	}

	w.ahead.Add(int64(3 * time.Second)) // what the server remembers of sessions is older then
	_, err = w.Whoami(t, *old.AccessKeyId, *old.SecretKey, *old.SessionToken)
	wiretest.WantError(t, err, "InvalidClientTokenId", "")
	if _, err := w.Whoami(t, *young.AccessKeyId, *young.SecretKey, *young.SessionToken); err != nil {
		t.Errorf("bob's credentials later: %v", err)
	}
}

// credentials gets an identity's credentials, which links its logins.
func (w *stsWorld) credentials(
	t *testing.T, id string, logins map[string]string,
) (*ci.GetCredentialsForIdentityOutput, error) {
	t.Helper()
	return w.Public().GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins})
}
