package devuserpool

import (
	"testing"
	"time"
)

// ConfirmForgotPassword does not tell which users exist: neither by the password's faults nor by the limit of
// wrong codes.
func TestForgottenPasswordTellsNoUser(t *testing.T) {
	r := newRig(t, nil, object{"PreventUserExistenceErrors": "ENABLED"})
	r.user("ada", "email", "ada@example.com")
	r.user("off", "email", "off@example.com")
	for _, name := range []string{"ada", "nobody", "off"} {
		r.ok("ForgotPassword", object{"ClientId": r.id, "Username": name})
	}
	r.ok("AdminDisableUser", r.about("off", nil))

	for _, name := range []string{"ada", "nobody", "off"} {
		confirm := func(password string) object {
			return object{"ClientId": r.id, "Username": name, "ConfirmationCode": "wrong", "Password": password}
		}
		r.refused("ConfirmForgotPassword", confirm("short"),
			"InvalidPasswordException: Password did not conform with policy: Password not long enough")
		for range maxCodeFailures {
			r.refused("ConfirmForgotPassword", confirm(rightPassword), codeWrongIs)
		}
		r.refused("ConfirmForgotPassword", confirm(rightPassword), tooManyCodes)
	}

	r.pass(codeFailuresReset)
	r.refused("ConfirmForgotPassword", object{"ClientId": r.id, "Username": "nobody", "ConfirmationCode": "wrong",
		"Password": rightPassword}, codeWrongIs)
}

// What sign-ins and requests for codes answer to users of each status. With PreventUserExistenceErrors only a
// user who knows the password learns the status (developer guide, "Managing user existence error responses").
func TestStatusesThatClientsTell(t *testing.T) {
	const (
		unreachable = "InvalidParameterException: Cannot reset password for the user as there is no " +
			"registered/verified email or phone_number"
		notNow       = "NotAuthorizedException: User password cannot be reset in the current state."
		isConfirmed  = "InvalidParameterException: User is already confirmed."
		notVerified  = "InvalidParameterException: Auto verification not turned on."
		noUser       = "UserNotFoundException: Username/client id combination not found."
		toBeReset    = "PasswordResetRequiredException: Password reset required for the user"
		newPassword  = "NEW_PASSWORD_REQUIRED"
		sends, hides = "sends a code", "sends none"
	)
	type answers struct{ right, wrong, forgot, resend string }
	for user, want := range map[string]struct{ legacy, enabled answers }{
		"new": {
			answers{notConfirmed, wrongPair, unreachable, sends},
			answers{notConfirmed, wrongPair, hides, sends},
		},
		"unreachable": {
			answers{notConfirmed, wrongPair, unreachable, notVerified},
			answers{notConfirmed, wrongPair, hides, hides},
		},
		"confirmed": {
			answers{"", wrongPair, sends, isConfirmed},
			answers{"", wrongPair, sends, hides},
		},
		"invited": {
			answers{newPassword, wrongPair, notNow, isConfirmed},
			answers{newPassword, wrongPair, hides, hides},
		},
		"reset": {
			answers{toBeReset, toBeReset, sends, isConfirmed},
			answers{toBeReset, wrongPair, sends, hides},
		},
		"disabled": {
			answers{disabledUser, wrongPair, disabledUser, disabledUser},
			answers{disabledUser, wrongPair, hides, hides},
		},
		"nobody": {
			answers{noSuchUser, noSuchUser, noUser, noUser},
			answers{wrongPair, wrongPair, hides, hides},
		},
	} {
		for setting, want := range map[string]answers{"LEGACY": want.legacy, "ENABLED": want.enabled} {
			t.Run(user+" "+setting, func(t *testing.T) {
				r := newRig(t, nil, object{"PreventUserExistenceErrors": setting})
				r.withStatus(user)

				for password, want := range map[string]string{rightPassword: want.right, "Wrong-1": want.wrong} {
					out, refusal := r.call("InitiateAuth", r.byPassword(user, password))
					if challenge, asked := out["ChallengeName"].(string); asked {
						refusal = challenge
					}
					if refusal != want {
						t.Errorf("with %s: %q, want %q", password, refusal, want)
					}

					if user == "nobody" && setting == "LEGACY" {
						continue // SRP does not begin
					}
					out, refusal = r.call("RespondToAuthChallenge", r.srp(user, password))
					if challenge, asked := out["ChallengeName"].(string); asked {
						refusal = challenge
					}
					if refusal != want {
						t.Errorf("SRP with %s: %q, want %q", password, refusal, want)
					}
				}

				for operation, want := range map[string]string{
					"ForgotPassword":         want.forgot,
					"ResendConfirmationCode": want.resend,
				} {
					before := len(r.codes)
					out, got := r.call(operation, object{"ClientId": r.id, "Username": user})
					if details, isThere := out["CodeDeliveryDetails"].(object); isThere && got == "" {
						got = hides
						if len(r.codes) > before {
							got = sends
						}
						if details["Destination"] == "" || details["AttributeName"] != "email" {
							t.Errorf("%s: the code goes to %v", operation, details)
						}
					}
					if got != want {
						t.Errorf("%s: %q, want %q", operation, got, want)
					}
				}
			})
		}
	}
}

// withStatus makes a user of a status that the name tells.
func (r *rig) withStatus(name string) {
	r.t.Helper()
	address := attributeObjects("email", name+"@example.com", "email_verified", "true")
	switch name {
	case "nobody":
	case "new":
		r.ok("SignUp", object{
			"ClientId":       r.id,
			"Username":       name,
			"Password":       rightPassword,
			"UserAttributes": address[:1],
		})
	case "unreachable":
		r.ok("SignUp", object{"ClientId": r.id, "Username": name, "Password": rightPassword})
	case "invited":
		r.ok("AdminCreateUser", r.about(name, object{"TemporaryPassword": rightPassword, "UserAttributes": address}))
	case "confirmed":
		r.user(name, "email", name+"@example.com")
	case "reset":
		r.user(name, "email", name+"@example.com")
		r.ok("AdminResetUserPassword", r.about(name, nil))
	case "disabled":
		r.user(name, "email", name+"@example.com")
		r.ok("AdminDisableUser", r.about(name, nil))
	}
}

// A disabled user cannot confirm the sign-up, and is not told of where the client must not tell.
func TestDisabledUserConfirmsNothing(t *testing.T) {
	for prevents, want := range map[string]string{"LEGACY": disabledUser, "ENABLED": codeExpiredIs} {
		r := newRig(t, nil, object{"PreventUserExistenceErrors": prevents})
		r.ok("SignUp", object{"ClientId": r.id, "Username": "ada", "Password": rightPassword,
			"UserAttributes": attributeObjects("email", "ada@example.com")})
		confirm := object{"ClientId": r.id, "Username": "ada", "ConfirmationCode": r.code()}
		r.ok("AdminDisableUser", r.about("ada", nil))
		r.refused("ConfirmSignUp", confirm, want)

		r.ok("AdminEnableUser", r.about("ada", nil))
		r.ok("ConfirmSignUp", confirm)
	}
}

// A new password ends a lockout.
func TestNewPasswordEndsTheLockout(t *testing.T) {
	const other = "Another-1"
	for name, set := range map[string]func(*rig){
		"administrator": func(r *rig) {
			r.ok("AdminSetUserPassword", r.about("ada", object{"Password": other, "Permanent": true}))
		},
		"code": func(r *rig) {
			r.ok("ForgotPassword", object{"ClientId": r.id, "Username": "ada"})
			r.ok("ConfirmForgotPassword", object{"ClientId": r.id, "Username": "ada", "Password": other,
				"ConfirmationCode": r.code()})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, nil)
			r.user("ada", "email", "ada@example.com")
			for range freeFailures + 5 {
				r.call("InitiateAuth", r.byPassword("ada", "wrong"))
				r.pass(10 * time.Millisecond)
			}
			r.refused("InitiateAuth", r.byPassword("ada", rightPassword), lockedOut)
			r.refused("AdminSetUserPassword", r.about("ada", object{"Password": "x"}),
				"InvalidPasswordException: Password did not conform with policy: Password not long enough")
			r.refused("InitiateAuth", r.byPassword("ada", rightPassword), lockedOut)

			set(r)
			r.signIn("ada", other)
		})
	}
}
