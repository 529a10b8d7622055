package devuserpool

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// atOnce counts how many of several calls at the same time are accepted.
func (r *rig) atOnce(operation string, in object) int {
	r.t.Helper()
	var accepted atomic.Int32
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			if _, refusal := r.call(operation, in); refusal == "" {
				accepted.Add(1)
			}
		})
	}
	calls.Wait()

	return int(accepted.Load())
}

// What may be used once is used once, however many calls come at the same time.
func TestUsedOnceAtTheSameTime(t *testing.T) {
	r := newRig(t, nil, object{"RefreshTokenRotation": object{"Feature": "ENABLED", "RetryGracePeriodSeconds": 0},
		"ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_USER_AUTH"}})
	r.ok("SignUp", object{"ClientId": r.id, "Username": "ada", "Password": rightPassword,
		"UserAttributes": attributeObjects("email", "ada@example.com")})
	confirm := object{"ClientId": r.id, "Username": "ada", "ConfirmationCode": r.code()}
	if n := r.atOnce("ConfirmSignUp", confirm); n != 1 {
		t.Errorf("a code was accepted %d times", n)
	}
	if n := r.atOnce("RespondToAuthChallenge", r.srp("ada", rightPassword)); n != 1 {
		t.Errorf("a proof was accepted %d times", n)
	}
	set := r.signIn("ada", rightPassword)
	if n := r.atOnce("GetTokensFromRefreshToken", r.refreshing(set.refresh)); n != 1 {
		t.Errorf("a refresh token was rotated %d times", n)
	}

	r.ok("AdminCreateUser", object{"UserPoolId": r.pool, "Username": "new", "TemporaryPassword": rightPassword})
	session := r.ok("InitiateAuth", r.byPassword("new", rightPassword))["Session"]
	if n := r.atOnce("RespondToAuthChallenge", object{"ClientId": r.id, "ChallengeName": "NEW_PASSWORD_REQUIRED",
		"Session":            session,
		"ChallengeResponses": object{"USERNAME": "new", "NEW_PASSWORD": "Another-1"}}); n != 1 {
		t.Errorf("a session was accepted %d times", n)
	}
}

func TestTimeForAStep(t *testing.T) {
	r := newRig(t, nil, object{"AuthSessionValidity": 10})
	r.user("ada", "email", "ada@example.com")
	proof, late := r.srp("ada", rightPassword), r.srp("ada", rightPassword)
	r.pass(10*time.Minute - time.Second)
	r.ok("RespondToAuthChallenge", proof)
	r.pass(time.Second)
	r.refused("RespondToAuthChallenge", late, "NotAuthorizedException: Invalid session for the user, "+
		"session is expired.")
}

// A session belongs to one client and one step.
func TestSessionsOfOtherClients(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	other := r.ok("CreateUserPoolClient", object{"UserPoolId": r.pool, "ClientName": "other"})
	proof := r.srp("ada", rightPassword)
	proof["ClientId"] = other["UserPoolClient"].(object)["ClientId"]
	r.refused("RespondToAuthChallenge", proof, badSession)

	out := r.ok("InitiateAuth", object{"ClientId": r.id, "AuthFlow": "USER_AUTH",
		"AuthParameters": object{"USERNAME": "ada"}})
	r.refused("RespondToAuthChallenge", object{"ClientId": r.id, "ChallengeName": "NEW_PASSWORD_REQUIRED",
		"Session": out["Session"], "ChallengeResponses": object{"USERNAME": "ada", "NEW_PASSWORD": "Another-1"}},
		badSession)
	r.refused("InitiateAuth", object{"ClientId": r.id, "AuthFlow": "USER_AUTH", "Session": out["Session"],
		"AuthParameters": object{"USERNAME": "ada"}}, badSession)

	// The secrets of other steps are no secret blocks.
	choose := object{"ClientId": r.id, "AuthFlow": "USER_AUTH", "AuthParameters": object{"USERNAME": "ada"}}
	out = r.ok("InitiateAuth", choose)
	proof = r.srp("ada", rightPassword)
	proof["ChallengeResponses"].(object)["PASSWORD_CLAIM_SECRET_BLOCK"] = out["Session"]
	r.refused("RespondToAuthChallenge", proof, badSession)
	out = r.ok("InitiateAuth", choose)
	r.user("eve", "email", "eve@example.com")
	r.refused("RespondToAuthChallenge", object{"ClientId": r.id, "ChallengeName": "SELECT_CHALLENGE",
		"Session":            out["Session"],
		"ChallengeResponses": object{"USERNAME": "eve", "ANSWER": "PASSWORD", "PASSWORD": rightPassword}}, badSession)

	r.refused("SetUserSettings", object{"AccessToken": r.signIn("ada", rightPassword).access, "MFAOptions": []any{}},
		"InvalidParameterException: Poolhouse's development user pools do not simulate the operation SetUserSettings.")
}

// Sign-ins outlive a restart, and the file has neither passwords nor tokens.
func TestSignInsAfterARestart(t *testing.T) {
	r := newRig(t, nil, object{"PreventUserExistenceErrors": "ENABLED"})
	folder := t.TempDir()
	r.State.folder = folder // from now on in a file
	r.user("ada", "email", "ada@example.com")
	set := r.signIn("ada", rightPassword)
	unknown := object{"ClientId": r.id, "AuthFlow": "USER_SRP_AUTH",
		"AuthParameters": object{"USERNAME": "nobody", "SRP_A": "1"}}
	salt := r.ok("InitiateAuth", unknown)["ChallengeParameters"].(object)["SALT"]

	text, err := os.ReadFile(filepath.Join(folder, r.pool+".json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]string{"password": rightPassword, "refresh token": set.refresh,
		"access token": set.access} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the file has the %s", name)
		}
	}
	if !strings.Contains(string(text), "ada@example.com") { // the control
		t.Error("the file does not have the user")
	}

	state, err := OpenState(folder)
	if err != nil {
		t.Fatal(err)
	}
	r.State = state
	r.ok("GetUser", object{"AccessToken": set.access})
	r.ok("GetTokensFromRefreshToken", r.refreshing(set.refresh))
	r.tokensOf(r.ok("RespondToAuthChallenge", r.srp("ada", rightPassword)))
	if again := r.ok("InitiateAuth", unknown)["ChallengeParameters"].(object)["SALT"]; again != salt {
		t.Error("an unknown user has another salt after a restart")
	}
}
