package devuserpool

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/srp/srptest"
)

const (
	invalidRefresh = "NotAuthorizedException: Invalid Refresh Token"
	expiredRefresh = "NotAuthorizedException: Refresh Token has expired"
	revokedRefresh = "NotAuthorizedException: Refresh Token has been revoked"
	revokedAccess  = "NotAuthorizedException: Access Token has been revoked"
)

func (r *rig) byRefresh(token string) object {
	return object{"ClientId": r.id, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": object{"REFRESH_TOKEN": token}}
}

func (r *rig) refreshing(token string) object { return object{"ClientId": r.id, "RefreshToken": token} }

func TestRefresh(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	set := r.signIn("ada", rightPassword)
	first := claims(t, set.access)
	r.pass(time.Minute)

	for operation, in := range map[string]object{
		"InitiateAuth":              r.byRefresh(set.refresh),
		"GetTokensFromRefreshToken": r.refreshing(set.refresh),
	} {
		again := r.tokensOf(r.ok(operation, in))
		next := claims(t, again.access)
		if again.refresh != "" || again.id == "" {
			t.Errorf("%s: %+v", operation, again)
		}
		for _, name := range []string{"auth_time", "origin_jti", "event_id", "sub"} {
			if next[name] != first[name] {
				t.Errorf("%s: %s is %v, was %v", operation, name, next[name], first[name])
			}
		}
		if next["iat"] == first["iat"] || next["jti"] == first["jti"] {
			t.Errorf("%s: the token is the same", operation)
		}
		r.ok("GetUser", object{"AccessToken": again.access})
	}

	other := r.ok("CreateUserPoolClient", object{"UserPoolId": r.pool, "ClientName": "other"})
	in := r.refreshing(set.refresh)
	in["ClientId"] = other["UserPoolClient"].(object)["ClientId"]
	r.refused("GetTokensFromRefreshToken", in, invalidRefresh)
	r.refused("GetTokensFromRefreshToken", r.refreshing("unknown"), invalidRefresh)
	r.refused("InitiateAuth", r.byRefresh(""), "InvalidParameterException: Missing required parameter REFRESH_TOKEN")

	r.pass(30 * 24 * time.Hour)
	r.refused("GetTokensFromRefreshToken", r.refreshing(set.refresh), expiredRefresh)
}

// The tokens of a refresh have the user's groups and attributes of now.
func TestRefreshReadsTheUserAgain(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	set := r.signIn("ada", rightPassword)
	r.ok("CreateGroup", object{"UserPoolId": r.pool, "GroupName": "editors"})
	r.ok("AdminAddUserToGroup", object{"UserPoolId": r.pool, "GroupName": "editors", "Username": "ada"})
	r.ok("UpdateUserAttributes", object{"AccessToken": set.access, "UserAttributes": attributeObjects("name", "Ada")})

	id := claims(t, r.tokensOf(r.ok("GetTokensFromRefreshToken", r.refreshing(set.refresh))).id)
	if id["name"] != "Ada" || id["cognito:groups"] == nil {
		t.Errorf("claims %v", id)
	}
	r.ok("AdminDisableUser", object{"UserPoolId": r.pool, "Username": "ada"})
	r.refused("GetTokensFromRefreshToken", r.refreshing(set.refresh), revokedRefresh)
}

func TestRotationOfRefreshTokens(t *testing.T) {
	r := newRig(t, nil, object{"RefreshTokenRotation": object{"Feature": "ENABLED", "RetryGracePeriodSeconds": 10},
		"ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH"}})
	r.user("ada", "email", "ada@example.com")
	set := r.signIn("ada", rightPassword)
	r.refused("InitiateAuth", r.byRefresh(set.refresh),
		"InvalidParameterException: Auth flow not enabled for this client")

	next := r.tokensOf(r.ok("GetTokensFromRefreshToken", r.refreshing(set.refresh)))
	if next.refresh == "" || next.refresh == set.refresh {
		t.Error("the refresh token is not rotated")
	}
	r.pass(9 * time.Second)
	retried := r.tokensOf(r.ok("GetTokensFromRefreshToken", r.refreshing(set.refresh)))
	r.pass(time.Second)
	r.refused("GetTokensFromRefreshToken", r.refreshing(set.refresh),
		"RefreshTokenReuseException: Refresh Token has been rotated")
	r.ok("GetTokensFromRefreshToken", r.refreshing(retried.refresh))

	// A new refresh token does not live longer than the first.
	r.pass(30*24*time.Hour - 10*time.Second)
	r.refused("GetTokensFromRefreshToken", r.refreshing(next.refresh), expiredRefresh)
}

func TestRevocation(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	one, other := r.signIn("ada", rightPassword), r.signIn("ada", rightPassword)
	refreshed := r.tokensOf(r.ok("GetTokensFromRefreshToken", r.refreshing(one.refresh)))

	revoke := object{"ClientId": r.id, "Token": one.refresh}
	r.ok("RevokeToken", revoke)
	r.ok("RevokeToken", revoke)
	for _, token := range []string{one.access, refreshed.access} {
		r.refused("GetUser", object{"AccessToken": token}, revokedAccess)
	}
	r.refused("GetTokensFromRefreshToken", r.refreshing(one.refresh), revokedRefresh)
	r.ok("GetUser", object{"AccessToken": other.access}) // the other sign-in stays

	r.ok("RevokeToken", object{"ClientId": r.id, "Token": "unknown"})
	r.refused("RevokeToken", object{"ClientId": r.id, "Token": other.access},
		"UnsupportedTokenTypeException: Unsupported token type.")
	r.refused("RevokeToken", object{"ClientId": "unknown", "Token": other.refresh},
		"UnauthorizedException: Invalid client.")
	r.refused("RevokeToken", object{"ClientId": r.id, "Token": other.refresh, "ClientSecret": strings.Repeat("x", 30)},
		"UnauthorizedException: Invalid client.")

	// Another client cannot revoke the token.
	second := r.ok("CreateUserPoolClient", object{"UserPoolId": r.pool, "ClientName": "second"})
	r.ok("RevokeToken", object{"ClientId": second["UserPoolClient"].(object)["ClientId"], "Token": other.refresh})
	r.ok("GetUser", object{"AccessToken": other.access})
}

func TestClientWithoutRevocation(t *testing.T) {
	r := newRig(t, nil, object{"EnableTokenRevocation": false})
	r.user("ada", "email", "ada@example.com")
	set := r.signIn("ada", rightPassword)
	if claims(t, set.access)["origin_jti"] != nil {
		t.Error("the token has origin_jti, so that Amplify would revoke it")
	}
	r.refused("RevokeToken", object{"ClientId": r.id, "Token": set.refresh},
		"UnsupportedOperationException: Token revocation is not enabled for this client.")
	r.ok("GlobalSignOut", object{"AccessToken": set.access})
	r.refused("GetUser", object{"AccessToken": set.access}, revokedAccess)
	r.refused("GetTokensFromRefreshToken", r.refreshing(set.refresh), revokedRefresh)
	r.pass(time.Second)
	r.ok("GetUser", object{"AccessToken": r.signIn("ada", rightPassword).access})
}

func TestGlobalSignOut(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	one, other := r.signIn("ada", rightPassword), r.signIn("ada", rightPassword)
	r.ok("GlobalSignOut", object{"AccessToken": one.access})
	for _, set := range []tokens{one, other} {
		r.refused("GetUser", object{"AccessToken": set.access}, revokedAccess)
		r.refused("GetTokensFromRefreshToken", r.refreshing(set.refresh), revokedRefresh)
	}

	// A sign-in of the same second is not ended.
	again := r.signIn("ada", rightPassword)
	r.ok("GetUser", object{"AccessToken": again.access})
	r.ok("AdminUserGlobalSignOut", object{"UserPoolId": r.pool, "Username": "ada"})
	r.refused("GetUser", object{"AccessToken": again.access}, revokedAccess)
}

func TestSessionsAreBounded(t *testing.T) {
	r := newRig(t, nil, nil)
	u := &User{}
	now := r.clock()
	for range maxUserSignIns + 5 {
		one, _ := r.newRefreshToken(Client{})
		u.keepToken(one, now)
	}
	if len(u.RefreshTokens) != maxUserSignIns {
		t.Errorf("%d sessions are kept", len(u.RefreshTokens))
	}
	one, _ := r.newRefreshToken(Client{})
	if u.keepToken(one, now.Add(defaultRefresh)); len(u.RefreshTokens) != 1 {
		t.Errorf("%d sessions are kept after their time", len(u.RefreshTokens))
	}
}

func TestSecretsOfClients(t *testing.T) {
	r := newRig(t, nil, object{"GenerateSecret": true})
	described := r.ok("DescribeUserPoolClient", object{"UserPoolId": r.pool, "ClientId": r.id})
	secret := described["UserPoolClient"].(object)["ClientSecret"].(string)
	hash := func(name string) string { return secretHash(secret, name, r.id) }
	missing := "NotAuthorizedException: Client " + r.id + " is configured with secret but SECRET_HASH was not received"
	wrong := "NotAuthorizedException: Unable to verify secret hash for client " + r.id

	signUp := object{"ClientId": r.id, "Username": "ada", "Password": rightPassword,
		"UserAttributes": attributeObjects("email", "ada@example.com")}
	r.refused("SignUp", signUp, missing)
	signUp["SecretHash"] = hash("eve")
	r.refused("SignUp", signUp, wrong)
	signUp["SecretHash"] = hash("ada")
	r.ok("SignUp", signUp)
	confirm := object{"ClientId": r.id, "Username": "ada", "ConfirmationCode": r.code()}
	r.refused("ConfirmSignUp", confirm, missing)
	confirm["SecretHash"] = hash("ada")
	r.ok("ConfirmSignUp", confirm)

	begin := r.byPassword("ada", rightPassword)
	r.refused("InitiateAuth", begin, missing)
	begin["AuthParameters"].(object)["SECRET_HASH"] = "%%%"
	r.refused("InitiateAuth", begin, wrong)
	begin["AuthParameters"].(object)["SECRET_HASH"] = hash("ada")
	set := r.tokensOf(r.ok("InitiateAuth", begin))

	client := srptest.NewClient(t)
	out := r.ok("InitiateAuth", object{"ClientId": r.id, "AuthFlow": "USER_SRP_AUTH",
		"AuthParameters": object{"USERNAME": "ada", "SRP_A": client.A(), "SECRET_HASH": hash("ada")}})
	proof := r.proofOf(client, out, rightPassword)
	r.refused("RespondToAuthChallenge", proof, missing)
	proof["ChallengeResponses"].(object)["SECRET_HASH"] = hash("ada")
	r.ok("RespondToAuthChallenge", proof)

	refresh := r.byRefresh(set.refresh)
	r.refused("InitiateAuth", refresh, missing)
	for _, given := range []string{hash("ada"), hash(claims(t, set.id)["sub"].(string)), secret} {
		refresh["AuthParameters"].(object)["SECRET_HASH"] = given
		r.ok("InitiateAuth", refresh)
	}
	for _, given := range []string{hash("eve"), hash("ada@example.com"), "%%%"} {
		refresh["AuthParameters"].(object)["SECRET_HASH"] = given
		r.refused("InitiateAuth", refresh, "NotAuthorizedException: SecretHash does not match for the client: "+r.id)
	}

	in := r.refreshing(set.refresh)
	r.refused("GetTokensFromRefreshToken", in, "NotAuthorizedException: Unable to verify secret for client "+r.id)
	in["ClientSecret"] = secret
	r.ok("GetTokensFromRefreshToken", in)
	r.refused("ForgotPassword", object{"ClientId": r.id, "Username": "ada"}, missing)
	r.refused("RevokeToken", object{"ClientId": r.id, "Token": set.refresh}, "UnauthorizedException: Invalid client.")
	r.ok("RevokeToken", object{"ClientId": r.id, "Token": set.refresh, "ClientSecret": secret})

	public := newRig(t, nil, nil)
	begin = public.byPassword("ada", rightPassword)
	begin["AuthParameters"].(object)["SECRET_HASH"] = "aGFzaA=="
	public.refused("InitiateAuth", begin, "InvalidParameterException: App client "+public.id+
		" is not configured for secret but secret hash was received")
}

// Refreshes of one sign-in do not end the user's others, and a token that was replaced lately still tells
// its reuse.
func TestRotationSparesOtherSignIns(t *testing.T) {
	r := newRig(t, nil, object{"RefreshTokenRotation": object{"Feature": "ENABLED", "RetryGracePeriodSeconds": 0},
		"ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH"}})
	r.user("ada", "email", "ada@example.com")
	other, first := r.signIn("ada", rightPassword), r.signIn("ada", rightPassword)
	set, last := first, first
	for range 3 * maxRotated {
		last, set = set, r.tokensOf(r.ok("GetTokensFromRefreshToken", r.refreshing(set.refresh)))
	}

	r.ok("GetUser", object{"AccessToken": other.access})
	r.ok("GetUser", object{"AccessToken": set.access})
	r.refused("GetTokensFromRefreshToken", r.refreshing(last.refresh),
		"RefreshTokenReuseException: Refresh Token has been rotated")
	r.refused("GetTokensFromRefreshToken", r.refreshing(first.refresh),
		"NotAuthorizedException: Invalid Refresh Token")
	r.ok("GetTokensFromRefreshToken", r.refreshing(other.refresh))
}

// Above the bounds, what is of least use goes first.
func TestWhichSessionsGo(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	u := &User{}
	for i := range maxUserSignIns {
		u.keepToken(RefreshToken{Origin: fmt.Sprint(i), Revoked: i == 7, Ends: now.Add(time.Hour)}, now)
	}
	for range 5 * maxUserSignIns { // retries within the grace period
		u.keepToken(RefreshToken{Origin: "3", Replaced: now.Add(time.Minute), Ends: now.Add(time.Hour)}, now)
	}
	count := func(origin string) (n int) {
		for _, s := range u.RefreshTokens {
			if s.Origin == origin {
				n++
			}
		}
		return n
	}
	if len(u.RefreshTokens) != maxUserSignIns-1+maxRotated || count("3") != maxRotated {
		t.Errorf("%d sessions, %d of the sign-in that was refreshed", len(u.RefreshTokens), count("3"))
	}

	u.keepToken(RefreshToken{Origin: "new", Ends: now.Add(time.Hour)}, now)
	if count("7") != 0 || count("0") != 1 {
		t.Error("a revoked sign-in does not go first")
	}
	u.keepToken(RefreshToken{Origin: "newer", Ends: now.Add(time.Hour)}, now)
	if count("0") != 0 || count("1") != 1 {
		t.Error("the oldest sign-in does not go")
	}
}
