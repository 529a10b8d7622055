package devuserpool

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/srp"
	"github.com/poolhouse-id/poolhouse/internal/srp/srptest"
)

func unbase64(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// claims reads the claims of a token without verifying it.
func claims(t *testing.T, token string) object {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %q", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	out := object{}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSignInBySRP(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")

	set := r.tokensOf(r.ok("RespondToAuthChallenge", r.srp("ada", rightPassword)))
	if set.access == "" || set.id == "" || set.refresh == "" {
		t.Errorf("tokens: %+v", set)
	}
	r.ok("GetUser", object{"AccessToken": set.access})

	r.refused("RespondToAuthChallenge", r.srp("ada", "Wrong-1x"), wrongPair)

	proof := r.srp("ada", rightPassword)
	r.ok("RespondToAuthChallenge", proof)
	r.refused("RespondToAuthChallenge", proof, "NotAuthorizedException: Invalid session for the user, "+
		"session can only be used once.")

	proof = r.srp("ada", rightPassword)
	r.pass(3 * time.Minute)
	r.refused("RespondToAuthChallenge", proof, "NotAuthorizedException: Invalid session for the user, "+
		"session is expired.")

	proof = r.srp("ada", rightPassword)
	proof["ChallengeResponses"].(object)["TIMESTAMP"] = "2026-12-01T12:00:00Z"
	r.refused("RespondToAuthChallenge", proof, "InvalidParameterException: TIMESTAMP format should be "+
		"EEE MMM d HH:mm:ss z yyyy in english.")

	proof = r.srp("ada", rightPassword)
	proof["ChallengeResponses"].(object)["PASSWORD_CLAIM_SECRET_BLOCK"] = "bm90aGluZw=="
	r.refused("RespondToAuthChallenge", proof, badSession)

	for a, want := range map[string]string{
		"0":          "InvalidParameterException: Invalid SRP_A.",
		srp.PrimeHex: "InvalidParameterException: Invalid SRP_A.",
		"":           "InvalidParameterException: Missing required parameter SRP_A",
	} {
		r.refused("InitiateAuth", object{"ClientId": r.id, "AuthFlow": "USER_SRP_AUTH",
			"AuthParameters": object{"USERNAME": "ada", "SRP_A": a}}, want)
	}
}

// A password that changes between challenge and proof ends the sign-in, whichever of the two was proven.
func TestSRPWithAPasswordThatChanges(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")

	for _, password := range []string{rightPassword, "Another-1"} {
		r.ok("AdminSetUserPassword", object{"UserPoolId": r.pool, "Username": "ada", "Password": rightPassword,
			"Permanent": true})
		proof := r.srp("ada", password)
		r.ok("AdminSetUserPassword", object{"UserPoolId": r.pool, "Username": "ada", "Password": "Another-1",
			"Permanent": true})
		r.refused("RespondToAuthChallenge", proof, wrongPair)
	}
}

// Users who do not exist look like users who do, if the client must not tell.
func TestUsersWhoDoNotExist(t *testing.T) {
	r := newRig(t, nil, object{"PreventUserExistenceErrors": "ENABLED"})
	begin := func(name string) object {
		out := r.ok("InitiateAuth", object{"ClientId": r.id, "AuthFlow": "USER_SRP_AUTH",
			"AuthParameters": object{"USERNAME": name, "SRP_A": srptest.NewClient(t).A()}})
		return out["ChallengeParameters"].(object)
	}

	one, again, other := begin("nobody"), begin("nobody"), begin("no-one")
	if one["SALT"] != again["SALT"] || one["SALT"] == other["SALT"] || one["SRP_B"] == again["SRP_B"] {
		t.Errorf("salts %v, %v, %v", one["SALT"], again["SALT"], other["SALT"])
	}
	if one["USER_ID_FOR_SRP"] != "nobody" || len(begin("x@example.com")["USER_ID_FOR_SRP"].(string)) != 36 {
		t.Error("the user ID has another form than that of users")
	}
	r.refused("RespondToAuthChallenge", r.srp("nobody", rightPassword), wrongPair)
	r.refused("InitiateAuth", r.byPassword("nobody", rightPassword), wrongPair)
	r.ok("ForgotPassword", object{"ClientId": r.id, "Username": "nobody"})
	r.ok("ResendConfirmationCode", object{"ClientId": r.id, "Username": "nobody"})
	r.refused("ConfirmSignUp", object{"ClientId": r.id, "Username": "nobody", "ConfirmationCode": "123456"},
		codeExpiredIs)
	r.refused("ConfirmForgotPassword", object{"ClientId": r.id, "Username": "nobody",
		"ConfirmationCode": "123456", "Password": rightPassword}, codeWrongIs)

	legacy := newRig(t, nil, object{"PreventUserExistenceErrors": "LEGACY"})
	for operation, in := range map[string]object{
		"InitiateAuth": legacy.byPassword("nobody", rightPassword),
	} {
		legacy.refused(operation, in, noSuchUser)
	}
	legacy.refused("InitiateAuth", object{"ClientId": legacy.id, "AuthFlow": "USER_SRP_AUTH",
		"AuthParameters": object{"USERNAME": "nobody", "SRP_A": "1"}}, noSuchUser)
	const combination = "UserNotFoundException: Username/client id combination not found."
	legacy.refused("ForgotPassword", object{"ClientId": legacy.id, "Username": "nobody"}, combination)
	legacy.refused("ResendConfirmationCode", object{"ClientId": legacy.id, "Username": "nobody"}, combination)
	legacy.refused("ConfirmSignUp", object{"ClientId": legacy.id, "Username": "nobody", "ConfirmationCode": "1"},
		combination)
}

func TestStatusesAtSignIn(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	r.ok("SignUp", object{"ClientId": r.id, "Username": "new", "Password": rightPassword})

	// The status shows only after the right password.
	r.refused("InitiateAuth", r.byPassword("new", rightPassword), notConfirmed)
	r.refused("InitiateAuth", r.byPassword("new", "Wrong-1x"), wrongPair)
	r.refused("RespondToAuthChallenge", r.srp("new", rightPassword), notConfirmed)

	set := r.signIn("ada", rightPassword)
	r.ok("AdminDisableUser", object{"UserPoolId": r.pool, "Username": "ada"})
	r.refused("InitiateAuth", r.byPassword("ada", rightPassword), disabledUser)
	r.refused("InitiateAuth", r.byPassword("ada", "Wrong-1x"), wrongPair)
	r.refused("RespondToAuthChallenge", r.srp("ada", rightPassword), disabledUser)
	r.refused("GetUser", object{"AccessToken": set.access}, disabledUser)

	r.ok("AdminEnableUser", object{"UserPoolId": r.pool, "Username": "ada"})
	r.refused("GetUser", object{"AccessToken": set.access}, "NotAuthorizedException: Access Token has been revoked")
	r.ok("AdminResetUserPassword", object{"UserPoolId": r.pool, "Username": "ada"})
	const reset = "PasswordResetRequiredException: Password reset required for the user"
	r.refused("InitiateAuth", r.byPassword("ada", rightPassword), reset)
	r.refused("RespondToAuthChallenge", r.srp("ada", rightPassword), reset)
	r.ok("ConfirmForgotPassword", object{"ClientId": r.id, "Username": "ada", "ConfirmationCode": r.code(),
		"Password": "Another-1"})
	r.signIn("ada", "Another-1")
}

func TestLockout(t *testing.T) {
	for _, prevents := range []string{"ENABLED", "LEGACY"} {
		r := newRig(t, object{"UsernameConfiguration": object{"CaseSensitive": false}},
			object{"PreventUserExistenceErrors": prevents})
		r.user("ada", "email", "ada@example.com")
		names := map[string]string{"ada": wrongPair, "nobody": wrongPair}
		if prevents == "LEGACY" {
			names["nobody"] = noSuchUser
		}

		for name, refusal := range names {
			for range freeFailures {
				r.refused("InitiateAuth", r.byPassword(name, "Wrong-1x"), refusal)
			}
			r.refused("InitiateAuth", r.byPassword(name, rightPassword), lockedOut)
		}
		r.refused("InitiateAuth", object{"ClientId": r.id, "AuthFlow": "USER_SRP_AUTH",
			"AuthParameters": object{"USERNAME": "ADA", "SRP_A": "1"}}, lockedOut)

		r.pass(time.Second)
		r.refused("InitiateAuth", r.byPassword("ada", "Wrong-1x"), wrongPair)
		r.pass(time.Second)
		r.refused("InitiateAuth", r.byPassword("ada", rightPassword), lockedOut)
		r.pass(time.Second)
		r.signIn("ada", rightPassword)
		r.refused("InitiateAuth", r.byPassword("ada", "Wrong-1x"), wrongPair)
		r.signIn("ada", rightPassword)
	}
}

func TestSignInsAreBounded(t *testing.T) {
	r := newRig(t, nil, nil)
	first := r.challenges.begin(challenge{ends: r.now.Add(time.Minute)}, sessionBytes)
	for range maxChallenges {
		r.challenges.begin(challenge{ends: r.now.Add(time.Minute)}, 1)
	}
	if _, result := r.challenges.find(first); result != unknown || len(r.challenges.waiting) > maxChallenges {
		t.Errorf("%d sign-ins wait, and the first is %d", len(r.challenges.waiting), result)
	}

	r.pass(time.Minute)
	r.challenges.begin(challenge{ends: r.now}, sessionBytes)
	if len(r.challenges.order) != 1 {
		t.Errorf("%d sign-ins are kept after their time", len(r.challenges.order))
	}
}

func TestFlowsOfAClient(t *testing.T) {
	const (
		srpOff      = "InvalidParameterException: USER_SRP_AUTH is not enabled for the client."
		passwordOff = "InvalidParameterException: USER_PASSWORD_AUTH flow not enabled for this client"
		otherOff    = "InvalidParameterException: Auth flow not enabled for this client"
		userOff     = "InvalidParameterException: USER_AUTH flow not enabled for this client"
	)
	for _, test := range []struct {
		name                                      string
		flows                                     []string
		srp, password, admin, refresh, userChoice string
	}{
		{name: "none", srp: "", password: passwordOff, admin: otherOff, userChoice: userOff},
		{name: "SRP", flows: []string{"ALLOW_USER_SRP_AUTH"}, password: passwordOff, admin: otherOff,
			refresh: otherOff, userChoice: userOff},
		{name: "password", flows: []string{"ALLOW_USER_PASSWORD_AUTH"}, srp: srpOff, admin: otherOff,
			refresh: otherOff, userChoice: userOff},
		{name: "administrator", flows: []string{"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"},
			srp: srpOff, password: passwordOff, userChoice: userOff},
		{name: "choice", flows: []string{"ALLOW_USER_AUTH"}, srp: srpOff, password: passwordOff, admin: otherOff,
			refresh: otherOff},
		{name: "former password", flows: []string{"USER_PASSWORD_AUTH"}, admin: otherOff, userChoice: userOff},
		{name: "former administrator", flows: []string{"ADMIN_NO_SRP_AUTH"}, password: passwordOff,
			userChoice: userOff},
		{name: "former custom", flows: []string{"CUSTOM_AUTH_FLOW_ONLY"}, srp: srpOff, password: passwordOff,
			admin: otherOff, userChoice: userOff},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := Client{Settings: UserPoolClientType{ExplicitAuthFlows: test.flows}}
			for flow, want := range map[string]string{
				flowSRP: test.srp, flowPassword: test.password, flowAdminPassword: test.admin,
				flowRefresh: test.refresh, flowUser: test.userChoice,
			} {
				got := ""
				if !c.allows(flow) {
					got = flowRefused(flow).Error()
				}
				if got != want {
					t.Errorf("%s: %q, want %q", flow, got, want)
				}
			}
		})
	}

	r := newRig(t, nil, object{"ExplicitAuthFlows": []string{"ALLOW_USER_SRP_AUTH"}})
	r.refused("InitiateAuth", r.byPassword("ada", rightPassword), passwordOff)
	r.refused("InitiateAuth", object{"ClientId": r.id, "AuthFlow": "REFRESH_TOKEN",
		"AuthParameters": object{"REFRESH_TOKEN": "x"}}, otherOff)
	r.refused("InitiateAuth", object{"ClientId": r.id, "AuthFlow": "ADMIN_NO_SRP_AUTH"},
		"InvalidParameterException: Initiate Auth method not supported.")
	r.refused("InitiateAuth", object{"ClientId": r.id, "AuthFlow": "CUSTOM_AUTH",
		"AuthParameters": object{"USERNAME": "ada"}},
		"InvalidParameterException: Poolhouse's development user pools do not simulate the flow CUSTOM_AUTH.")
	r.refused("InitiateAuth", object{"ClientId": r.id, "AuthFlow": "USER_SRP_AUTH"},
		"InvalidParameterException: Missing required parameter USERNAME")
	r.refused("InitiateAuth", object{"ClientId": "unknown", "AuthFlow": "USER_SRP_AUTH"},
		"ResourceNotFoundException: User pool client unknown does not exist.")
}

func TestAdministratorsSignIn(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	call := func(flow string, parameters object) object {
		return object{"UserPoolId": r.pool, "ClientId": r.id, "AuthFlow": flow, "AuthParameters": parameters}
	}
	pair := object{"USERNAME": "ada", "PASSWORD": rightPassword}
	for _, flow := range []string{"ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"} {
		set := r.tokensOf(r.ok("AdminInitiateAuth", call(flow, pair)))
		r.ok("AdminInitiateAuth", call("REFRESH_TOKEN_AUTH", object{"REFRESH_TOKEN": set.refresh}))
	}
	r.refused("AdminInitiateAuth", call("USER_PASSWORD_AUTH", pair),
		"InvalidParameterException: Initiate Auth method not supported.")

	client := srptest.NewClient(t)
	out := r.ok("AdminInitiateAuth", call("USER_SRP_AUTH", object{"USERNAME": "ada", "SRP_A": client.A()}))
	proof := r.proofOf(client, out, rightPassword)
	proof["UserPoolId"] = r.pool
	r.tokensOf(r.ok("AdminRespondToAuthChallenge", proof))

	other := newRig(t, nil, nil)
	in := call("ADMIN_USER_PASSWORD_AUTH", pair)
	in["UserPoolId"] = other.pool
	other.refused("AdminInitiateAuth", in, "ResourceNotFoundException: User pool client "+r.id+" does not exist.")
}
