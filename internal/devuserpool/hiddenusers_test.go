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
