package devuserpool

import (
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/srp/srptest"
)

func TestSignUpAndConfirm(t *testing.T) {
	r := newRig(t, nil, nil)
	out := r.ok("SignUp", object{"ClientId": r.id, "Username": "ada", "Password": rightPassword,
		"UserAttributes": attributeObjects("email", "ada@example.com"), "ValidationData": nil,
		"ClientMetadata": object{}})
	details := out["CodeDeliveryDetails"].(object)
	if out["UserConfirmed"] != false || len(out["UserSub"].(string)) != 36 ||
		details["Destination"] != "a***@e***" || details["DeliveryMedium"] != "EMAIL" {
		t.Errorf("the answer is %v", out)
	}
	code := r.codes[0]
	if len(code.Code) != 6 || code.Destination != "ada@example.com" || code.Username != "ada" || code.Pool != r.pool {
		t.Errorf("the developer is shown %+v", code)
	}

	r.refused("SignUp", object{"ClientId": r.id, "Username": "ada", "Password": rightPassword},
		"UsernameExistsException: User already exists")
	confirm := object{"ClientId": r.id, "Username": "ada", "ConfirmationCode": "000000x",
		"ForceAliasCreation": true, "UserContextData": object{}, "AnalyticsMetadata": object{}}
	r.refused("ConfirmSignUp", confirm, codeWrongIs)

	former := r.code()
	for former == r.code() {
		r.ok("ResendConfirmationCode", object{"ClientId": r.id, "Username": "ada"})
	}
	confirm["ConfirmationCode"] = former
	r.refused("ConfirmSignUp", confirm, codeWrongIs)
	confirm["ConfirmationCode"] = r.code()
	r.ok("ConfirmSignUp", confirm)
	r.refused("ConfirmSignUp", confirm, "NotAuthorizedException: User cannot be confirmed. Current status is CONFIRMED")
	r.refused("ResendConfirmationCode", object{"ClientId": r.id, "Username": "ada"},
		"InvalidParameterException: User is already confirmed.")

	if id := claims(t, r.signIn("ada", rightPassword).id); id["email_verified"] != true {
		t.Errorf("the code does not verify the address: %v", id)
	}
}

func TestSignUpRefusals(t *testing.T) {
	closed := newRig(t, object{"AdminCreateUserConfig": object{"AllowAdminCreateUserOnly": true}}, nil)
	closed.refused("SignUp", object{"ClientId": closed.id, "Username": "ada", "Password": rightPassword},
		"NotAuthorizedException: SignUp is not permitted for this user pool")

	r := newRig(t, object{
		"Schema": []object{{"Name": "nickname", "Required": true}, {"Name": "plan", "AttributeDataType": "String",
			"Mutable": true}},
	}, object{"WriteAttributes": []string{"email", "nickname", "custom:plan"}})
	for _, test := range []struct {
		name, password string
		attributes     []string
		want           string
	}{
		{name: "a short password", password: "Ab-1",
			want: "InvalidPasswordException: Password did not conform with policy: Password not long enough"},
		{name: "no password", want: "InvalidParameterException: Missing required parameter Password"},
		{name: "an attribute is missing", password: rightPassword,
			want: "InvalidParameterException: Attributes did not conform to the schema: nickname: The attribute is " +
				"required\n"},
		{name: "an address verified by the user", password: rightPassword,
			attributes: []string{"nickname", "a", "email", "a@example.com", "email_verified", "true"},
			want:       "NotAuthorizedException: A client attempted to write unauthorized attribute"},
		{name: "an attribute that the client may not write", password: rightPassword,
			attributes: []string{"nickname", "a", "name", "Ada"},
			want:       "NotAuthorizedException: A client attempted to write unauthorized attribute"},
		{name: "an address of another form", password: rightPassword,
			attributes: []string{"nickname", "a", "email", "no address"},
			want:       "InvalidParameterException: Invalid email address format."},
		{name: "all is there", password: rightPassword, attributes: []string{"nickname", "a", "custom:plan", "gold"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := object{"ClientId": r.id, "Username": "ada", "UserAttributes": attributeObjects(test.attributes...)}
			if test.password != "" {
				in["Password"] = test.password
			}
			r.refused("SignUp", in, test.want)
		})
	}
}

// Nobody can make an address verified that they cannot read.
func TestOnlyCodesVerifyAddresses(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	set := r.signIn("ada", rightPassword)
	r.refused("UpdateUserAttributes", object{"AccessToken": set.access,
		"UserAttributes": attributeObjects("email_verified", "true")},
		"NotAuthorizedException: A client attempted to write unauthorized attribute")

	// A code that was sent to the former address does not verify the new one.
	r.ok("GetUserAttributeVerificationCode", object{"AccessToken": set.access, "AttributeName": "email"})
	former := r.code()
	r.ok("AdminUpdateUserAttributes", object{"UserPoolId": r.pool, "Username": "ada",
		"UserAttributes": attributeObjects("email", "eve@example.com")})
	r.refused("VerifyUserAttribute", object{"AccessToken": set.access, "AttributeName": "email", "Code": former},
		codeWrongIs)
	r.ok("VerifyUserAttribute", object{"AccessToken": set.access, "AttributeName": "email", "Code": r.code()})
}

// The code of a sign-up confirms nothing after the address has changed.
func TestSignUpWithAnAddressThatChanges(t *testing.T) {
	r := newRig(t, nil, nil)
	r.ok("SignUp", object{"ClientId": r.id, "Username": "ada", "Password": rightPassword,
		"UserAttributes": attributeObjects("email", "ada@example.com")})
	former := r.code()
	r.ok("AdminUpdateUserAttributes", object{"UserPoolId": r.pool, "Username": "ada",
		"UserAttributes": attributeObjects("email", "victim@example.com")})
	confirm := object{"ClientId": r.id, "Username": "ada", "ConfirmationCode": former}
	r.refused("ConfirmSignUp", confirm, codeExpiredIs)

	r.ok("ResendConfirmationCode", object{"ClientId": r.id, "Username": "ada"})
	confirm["ConfirmationCode"] = r.code()
	r.ok("ConfirmSignUp", confirm)
}

func TestSignInByAddress(t *testing.T) {
	r := newRig(t, object{"UsernameAttributes": []string{"email", "phone_number"}}, nil)
	const form = "InvalidParameterException: Username should be either an email or a phone number."
	r.refused("SignUp", object{"ClientId": r.id, "Username": "ada", "Password": rightPassword}, form)
	r.user("ada@example.com")
	r.refused("SignUp", object{"ClientId": r.id, "Username": "ada@example.com", "Password": rightPassword},
		"UsernameExistsException: An account with the given email already exists.")

	set := r.tokensOf(r.ok("RespondToAuthChallenge", r.srp("ada@example.com", rightPassword)))
	id := claims(t, set.id)
	if id["cognito:username"] != id["sub"] || id["email"] != "ada@example.com" || id["email_verified"] != true {
		t.Errorf("claims of a user who is named by an address: %v", id)
	}
	r.signIn(id["sub"].(string), rightPassword)

	r.ok("SignUp", object{"ClientId": r.id, "Username": "+4912345678", "Password": rightPassword})
	r.refused("InitiateAuth", r.byPassword("+4912345678", rightPassword), notConfirmed)
}

// An address is an alias only once it is verified, and of one user.
func TestAliases(t *testing.T) {
	r := newRig(t, object{"AliasAttributes": []string{"email", "preferred_username"}},
		object{"PreventUserExistenceErrors": "ENABLED"})
	r.refused("SignUp", object{"ClientId": r.id, "Username": "ada@example.com", "Password": rightPassword},
		"InvalidParameterException: Username cannot be of email format, since user pool is configured for email alias.")
	r.refused("SignUp", object{"ClientId": r.id, "Username": "ada", "Password": rightPassword,
		"UserAttributes": attributeObjects("preferred_username", "countess")},
		"InvalidParameterException: Preferred username cannot be provided for unconfirmed account")

	address := attributeObjects("email", "ada@example.com")
	r.ok("SignUp", object{"ClientId": r.id, "Username": "ada", "Password": rightPassword, "UserAttributes": address})
	first := r.code()
	r.refused("InitiateAuth", r.byPassword("ada@example.com", rightPassword), wrongPair)
	r.ok("ConfirmSignUp", object{"ClientId": r.id, "Username": "ada", "ConfirmationCode": first})
	r.signIn("ada@example.com", rightPassword)

	r.ok("SignUp", object{"ClientId": r.id, "Username": "eve", "Password": "Another-1", "UserAttributes": address})
	confirm := object{"ClientId": r.id, "Username": "eve", "ConfirmationCode": r.code()}
	r.refused("ConfirmSignUp", confirm, "AliasExistsException: An account with the email already exists.")
	r.signIn("ada@example.com", rightPassword)

	confirm["ForceAliasCreation"] = true
	r.ok("ConfirmSignUp", confirm)
	r.signIn("ada@example.com", "Another-1")
	r.refused("InitiateAuth", r.byPassword("ada@example.com", rightPassword), wrongPair)
	r.signIn("ada", rightPassword)
}

func TestCodesAreBounded(t *testing.T) {
	r := newRig(t, nil, nil)
	r.ok("SignUp", object{"ClientId": r.id, "Username": "ada", "Password": rightPassword,
		"UserAttributes": attributeObjects("email", "ada@example.com")})
	confirm := func(code string) object {
		return object{"ClientId": r.id, "Username": "ada", "ConfirmationCode": code}
	}
	for range maxCodeFailures {
		r.refused("ConfirmSignUp", confirm("wrong"), codeWrongIs)
	}
	r.refused("ConfirmSignUp", confirm(r.code()), tooManyCodes)

	// Another code does not give more attempts.
	r.ok("ResendConfirmationCode", object{"ClientId": r.id, "Username": "ada"})
	r.refused("ConfirmSignUp", confirm(r.code()), tooManyCodes)

	r.pass(codeFailuresReset)
	for range maxCodeFailures {
		r.refused("ConfirmSignUp", confirm("wrong"), codeWrongIs)
	}
	r.refused("ConfirmSignUp", confirm(r.code()), tooManyCodes)
	r.pass(codeFailuresReset)
	r.ok("ConfirmSignUp", confirm(r.code()))

	r.ok("ForgotPassword", object{"ClientId": r.id, "Username": "ada"})
	r.pass(passwordCodeLifetime)
	r.refused("ConfirmForgotPassword", object{"ClientId": r.id, "Username": "ada", "ConfirmationCode": r.code(),
		"Password": "Another-1"}, codeExpiredIs)
}

func TestFixedCode(t *testing.T) {
	r := newRig(t, nil, nil)
	r.FixedCode = "123456"
	r.ok("SignUp", object{"ClientId": r.id, "Username": "ada", "Password": rightPassword,
		"UserAttributes": attributeObjects("email", "ada@example.com")})
	r.ok("ConfirmSignUp", object{"ClientId": r.id, "Username": "ada", "ConfirmationCode": "123456"})
}

func TestForgottenPassword(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	out := r.ok("ForgotPassword", object{"ClientId": r.id, "Username": "ada"})
	if details := out["CodeDeliveryDetails"].(object); details["AttributeName"] != "email" {
		t.Errorf("the code goes to %v", details)
	}
	confirm := object{"ClientId": r.id, "Username": "ada", "ConfirmationCode": r.code(), "Password": "short"}
	r.refused("ConfirmForgotPassword", confirm,
		"InvalidPasswordException: Password did not conform with policy: Password not long enough")
	confirm["Password"] = "Another-1"
	r.ok("ConfirmForgotPassword", confirm)
	r.refused("ConfirmForgotPassword", confirm, codeExpiredIs)
	r.refused("InitiateAuth", r.byPassword("ada", rightPassword), wrongPair)
	r.signIn("ada", "Another-1")

	r.ok("SignUp", object{"ClientId": r.id, "Username": "new", "Password": rightPassword})
	r.refused("ForgotPassword", object{"ClientId": r.id, "Username": "new"}, "InvalidParameterException: Cannot reset "+
		"password for the user as there is no registered/verified email or phone_number")

	r.ok("AdminCreateUser", object{"UserPoolId": r.pool, "Username": "invited", "TemporaryPassword": rightPassword})
	r.refused("ForgotPassword", object{"ClientId": r.id, "Username": "invited"},
		"NotAuthorizedException: User password cannot be reset in the current state.")
}

func TestNewPasswordRequired(t *testing.T) {
	r := newRig(t, object{"Schema": []object{{"Name": "nickname", "Required": true, "Mutable": true}}}, nil)
	invite := func(name string) {
		r.ok("AdminCreateUser", object{"UserPoolId": r.pool, "Username": name, "TemporaryPassword": rightPassword,
			"UserAttributes": attributeObjects("nickname", "countess", "email", name+"@example.com",
				"email_verified", "true")})
	}
	invite("ada")
	out := r.ok("InitiateAuth", r.byPassword("ada", rightPassword))
	parameters, _ := out["ChallengeParameters"].(object)
	if out["ChallengeName"] != "NEW_PASSWORD_REQUIRED" || parameters["USER_ID_FOR_SRP"] != "ada" ||
		parameters["requiredAttributes"] != "[]" ||
		!strings.Contains(parameters["userAttributes"].(string), `"email":"ada@example.com"`) {
		t.Errorf("the challenge is %v", out)
	}

	answer := func(session any, password string, more ...string) object {
		responses := object{"USERNAME": "ada", "NEW_PASSWORD": password}
		for i := 0; i+1 < len(more); i += 2 {
			responses[more[i]] = more[i+1]
		}
		return object{"ClientId": r.id, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": session,
			"ChallengeResponses": responses}
	}
	session := out["Session"]
	r.refused("RespondToAuthChallenge", answer(session, "short"),
		"InvalidPasswordException: Password did not conform with policy: Password not long enough")
	r.refused("RespondToAuthChallenge", answer(strings.Repeat("x", 40), "Another-1"), badSession)
	r.refused("RespondToAuthChallenge", answer(session, "Another-1", "userAttributes.email_verified", "true"),
		"NotAuthorizedException: A client attempted to write unauthorized attribute")
	r.refused("RespondToAuthChallenge", answer(session, "Another-1", "USERNAME", "eve"), badSession)

	set := r.tokensOf(r.ok("RespondToAuthChallenge", answer(session, "Another-1", "userAttributes.nickname", "A",
		"SRP_A", "pycognito sends it again")))
	if got := claims(t, set.id)["nickname"]; got != "A" {
		t.Errorf("the attribute is %v", got)
	}
	r.refused("RespondToAuthChallenge", answer(session, "Third-pw-1"), "NotAuthorizedException: Invalid session for "+
		"the user, session can only be used once.")
	r.signIn("ada", "Another-1")
	r.refused("InitiateAuth", r.byPassword("ada", rightPassword), wrongPair)

	invite("old")
	r.pass(7 * 24 * time.Hour)
	r.refused("InitiateAuth", r.byPassword("old", rightPassword), "NotAuthorizedException: Temporary password has "+
		"expired and must be reset by an administrator.")
}

// A session for a new password ends when somebody else sets the password.
func TestNewPasswordSessionEndsWithThePassword(t *testing.T) {
	r := newRig(t, nil, nil)
	r.ok("AdminCreateUser", object{"UserPoolId": r.pool, "Username": "ada", "TemporaryPassword": rightPassword})
	session := r.ok("InitiateAuth", r.byPassword("ada", rightPassword))["Session"]
	r.ok("AdminSetUserPassword", object{"UserPoolId": r.pool, "Username": "ada", "Password": "Another-1"})
	r.refused("RespondToAuthChallenge", object{"ClientId": r.id, "ChallengeName": "NEW_PASSWORD_REQUIRED",
		"Session": session, "ChallengeResponses": object{"USERNAME": "ada", "NEW_PASSWORD": "Third-pw-1"}}, badSession)
}

func TestChoiceOfAFactor(t *testing.T) {
	r := newRig(t, nil, nil)
	out := r.ok("SignUp", object{"ClientId": r.id, "Username": "ada", "Password": rightPassword,
		"UserAttributes": attributeObjects("email", "ada@example.com")})
	if out["UserConfirmed"] != false {
		t.Error("the user is confirmed")
	}
	begin := func(parameters ...string) object {
		in := object{}
		for i := 0; i+1 < len(parameters); i += 2 {
			in[parameters[i]] = parameters[i+1]
		}
		return object{"ClientId": r.id, "AuthFlow": "USER_AUTH", "AuthParameters": in}
	}

	confirmed := r.ok("ConfirmSignUp", object{"ClientId": r.id, "Username": "ada", "ConfirmationCode": r.code()})
	in := begin("USERNAME", "ada")
	in["Session"] = confirmed["Session"]
	r.tokensOf(r.ok("InitiateAuth", in))
	r.refused("InitiateAuth", in, "NotAuthorizedException: Invalid session for the user, "+
		"session can only be used once.")

	r.tokensOf(r.ok("InitiateAuth", begin("USERNAME", "ada", "PREFERRED_CHALLENGE", "PASSWORD",
		"PASSWORD", rightPassword)))
	client := srptest.NewClient(t)
	out = r.ok("InitiateAuth", begin("USERNAME", "ada", "PREFERRED_CHALLENGE", "PASSWORD_SRP", "SRP_A", client.A()))
	r.tokensOf(r.ok("RespondToAuthChallenge", r.proofOf(client, out, rightPassword)))

	chosen := func(session any, answer ...string) object {
		responses := object{"USERNAME": "ada"}
		for i := 0; i+1 < len(answer); i += 2 {
			responses[answer[i]] = answer[i+1]
		}
		return object{"ClientId": r.id, "ChallengeName": "SELECT_CHALLENGE", "Session": session,
			"ChallengeResponses": responses}
	}
	out = r.ok("InitiateAuth", begin("USERNAME", "ada", "PREFERRED_CHALLENGE", "EMAIL_OTP"))
	if available, _ := out["AvailableChallenges"].([]any); out["ChallengeName"] != "SELECT_CHALLENGE" ||
		len(available) != 2 {
		t.Errorf("the choice is %v", out)
	}
	r.refused("RespondToAuthChallenge", chosen(out["Session"], "ANSWER", "WEB_AUTHN"), "InvalidParameterException: "+
		"Poolhouse's development user pools do not simulate factors other than PASSWORD and PASSWORD_SRP (ANSWER).")
	r.tokensOf(r.ok("RespondToAuthChallenge", chosen(out["Session"], "ANSWER", "PASSWORD", "PASSWORD", rightPassword)))

	out = r.ok("InitiateAuth", begin("USERNAME", "ada"))
	client = srptest.NewClient(t)
	out = r.ok("RespondToAuthChallenge", chosen(out["Session"], "ANSWER", "PASSWORD_SRP", "SRP_A", client.A()))
	r.tokensOf(r.ok("RespondToAuthChallenge", r.proofOf(client, out, rightPassword)))
	r.refused("RespondToAuthChallenge", object{"ClientId": r.id, "ChallengeName": "SMS_MFA",
		"ChallengeResponses": object{"USERNAME": "ada"}},
		"InvalidParameterException: Poolhouse's development user pools do not simulate the challenge SMS_MFA.")
}
