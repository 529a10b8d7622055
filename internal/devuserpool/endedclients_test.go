package devuserpool

import (
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Tokens without origin_jti end with the sign-out, and those of a sign-in in the same second do not.
func TestSignInWithinTheSecondOfASignOut(t *testing.T) {
	r := newRig(t, nil, object{"EnableTokenRevocation": false})
	r.user("ada", "email", "ada@example.com")
	before := r.signIn("ada", rightPassword)
	r.ok("AdminUserGlobalSignOut", r.about("ada", nil))
	after := r.signIn("ada", rightPassword)

	r.refused("GetUser", object{"AccessToken": before.access}, revokedAccess)
	r.ok("GetUser", object{"AccessToken": after.access})
	r.ok("GlobalSignOut", object{"AccessToken": after.access})
	r.refused("GetUser", object{"AccessToken": after.access}, revokedAccess)
}

// A client, a user or a pool that is made again is another one: tokens of the former do not work.
func TestMadeAgain(t *testing.T) {
	const pool, client = "eu-central-1_Again", "againclient"
	for name, deletes := range map[string]string{
		"client": "DeleteUserPoolClient",
		"user":   "AdminDeleteUser",
		"pool":   "DeleteUserPool",
	} {
		for _, revokes := range []bool{true, false} {
			r := newRig(t, nil, nil)
			settings := object{"UserPoolId": pool, "ClientName": "c", "PoolhouseId": client,
				"EnableTokenRevocation": revokes,
				"ExplicitAuthFlows":     []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}}
			makeAll := func() {
				r.call("CreateUserPool", object{"PoolName": "p", "AutoVerifiedAttributes": []string{"email"},
					"UserPoolTags": object{identitypool.CustomIDTag: pool}})
				r.call("CreateUserPoolClient", settings)
				r.pool, r.id = pool, client
				if _, refusal := r.call("AdminGetUser", r.about("ada", nil)); refusal != "" {
					r.user("ada", "email", "ada@example.com")
				}
			}
			makeAll()
			set := r.signIn("ada", rightPassword)
			r.ok("GetUser", object{"AccessToken": set.access})

			r.ok(deletes, object{"UserPoolId": pool, "ClientId": client, "Username": "ada"})
			makeAll()
			if _, refusal := r.call("GetUser", object{"AccessToken": set.access}); refusal == "" {
				t.Errorf("%s, revocation %t: the access token works", name, revokes)
			}
			if _, refusal := r.call("GetTokensFromRefreshToken", r.refreshing(set.refresh)); refusal == "" {
				t.Errorf("%s, revocation %t: the refresh token works", name, revokes)
			}
			r.signIn("ada", rightPassword)
		}
	}
}
