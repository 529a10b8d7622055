package devuserpool

import (
	"testing"
	"time"
)

// newCodesRig has a confirmed user with two verified addresses. Codes go to the telephone first.
func newCodesRig(t *testing.T, prevents string) *rig {
	pool := object{
		"AutoVerifiedAttributes": []string{"email", "phone_number"},
		"AccountRecoverySetting": object{"RecoveryMechanisms": []object{
			{"Name": "verified_phone_number", "Priority": 1},
			{"Name": "verified_email", "Priority": 2},
		}},
	}
	r := newRig(t, pool, object{"PreventUserExistenceErrors": prevents})
	r.ok("AdminCreateUser", r.about("ada", object{"UserAttributes": attributeObjects(
		"email", "ada@example.com", "email_verified", "true", "phone_number", "+49123", "phone_number_verified", "true",
	)}))
	r.ok("AdminSetUserPassword", r.about("ada", object{"Password": rightPassword, "Permanent": true}))

	return r
}

func (r *rig) forgot(name string) (code string) {
	r.t.Helper()
	r.ok("ForgotPassword", object{"ClientId": r.id, "Username": name})
	return r.code()
}

func (r *rig) resetting(name, code string) object {
	return object{"ClientId": r.id, "Username": name, "ConfirmationCode": code, "Password": "Another-1"}
}

// Only the newest code for a purpose works, wherever the one before went.
func TestNewestCodeCounts(t *testing.T) {
	t.Run("password", func(t *testing.T) {
		r := newCodesRig(t, "LEGACY")
		first := r.forgot("ada")
		r.change("ada", func(u *User) { delete(u.Attributes, "phone_number_verified") }) // not by an operation
		second := r.forgot("ada")
		r.refused("ConfirmForgotPassword", r.resetting("ada", first), codeWrongIs)
		r.ok("ConfirmForgotPassword", r.resetting("ada", second))
		r.refused("ConfirmForgotPassword", r.resetting("ada", first), codeExpiredIs)
	})

	t.Run("sign-up", func(t *testing.T) {
		r := newCodesRig(t, "LEGACY")
		r.ok("SignUp", object{"ClientId": r.id, "Username": "bob", "Password": rightPassword,
			"UserAttributes": attributeObjects("email", "bob@example.com", "phone_number", "+49456")})
		first := r.code()
		r.ok("AdminDeleteUserAttributes", r.about("bob", object{"UserAttributeNames": []string{"phone_number"}}))
		r.ok("ResendConfirmationCode", object{"ClientId": r.id, "Username": "bob"})
		confirm := object{"ClientId": r.id, "Username": "bob", "ConfirmationCode": first}
		r.refused("ConfirmSignUp", confirm, codeWrongIs)
		confirm["ConfirmationCode"] = r.code()
		r.ok("ConfirmSignUp", confirm)
	})

	t.Run("file of a former version", func(t *testing.T) {
		r := newCodesRig(t, "LEGACY")
		now := r.clock()
		r.change("ada", func(u *User) {
			for _, to := range []string{"phone_number", "email"} {
				u.Codes = append(u.Codes, Code{
					Purpose:     purposePassword,
					Attribute:   to,
					Value:       to,
					Destination: u.Attributes[to],
					Created:     now,
					Ends:        now.Add(time.Hour),
				})
			}
		})
		r.refused("ConfirmForgotPassword", r.resetting("ada", "phone_number"), codeWrongIs)
		r.ok("ConfirmForgotPassword", r.resetting("ada", "email"))
	})

	// Each address has its own code.
	t.Run("addresses", func(t *testing.T) {
		r := newCodesRig(t, "LEGACY")
		access := r.signIn("ada", rightPassword).access
		codes := map[string]string{}
		for _, attribute := range []string{"email", "phone_number"} {
			r.ok("GetUserAttributeVerificationCode", object{"AccessToken": access, "AttributeName": attribute})
			codes[attribute] = r.code()
		}
		for attribute, code := range codes {
			r.ok("VerifyUserAttribute", object{"AccessToken": access, "AttributeName": attribute, "Code": code})
		}
	})
}

// Wrong codes are counted for each purpose, and a right code does not end the count.
func TestCountOfWrongCodesOutlivesRightOnes(t *testing.T) {
	r := newCodesRig(t, "LEGACY")
	access := r.signIn("ada", rightPassword).access
	verify := func(code string) object {
		return object{"AccessToken": access, "AttributeName": "email", "Code": code}
	}
	address := func(value string) {
		t.Helper()
		r.ok("UpdateUserAttributes", object{"AccessToken": access, "UserAttributes": attributeObjects("email", value)})
	}
	address("victim@example.com")
	for range maxCodeFailures - 1 {
		r.refused("VerifyUserAttribute", verify("wrong"), codeWrongIs)
	}
	address("own@example.com")
	r.ok("VerifyUserAttribute", verify(r.code()))
	address("victim@example.com")
	r.refused("VerifyUserAttribute", verify("wrong"), codeWrongIs)
	r.refused("VerifyUserAttribute", verify(r.code()), tooManyCodes)

	// The same for passwords, which have a count of their own.
	for range maxCodeFailures - 1 {
		r.forgot("ada")
		r.refused("ConfirmForgotPassword", r.resetting("ada", "wrong"), codeWrongIs)
	}
	r.ok("ConfirmForgotPassword", r.resetting("ada", r.forgot("ada")))
	r.forgot("ada")
	r.refused("ConfirmForgotPassword", r.resetting("ada", "wrong"), codeWrongIs)
	r.refused("ConfirmForgotPassword", r.resetting("ada", r.code()), tooManyCodes)

	r.pass(codeFailuresReset - time.Second)
	r.forgot("ada")
	r.refused("ConfirmForgotPassword", r.resetting("ada", r.code()), tooManyCodes)
	r.pass(time.Second)
	r.ok("ConfirmForgotPassword", r.resetting("ada", r.code()))
}

// A wrong code, which anybody may send, costs no write.
func TestWrongCodesWriteNothing(t *testing.T) {
	r := newCodesRig(t, "LEGACY")
	r.forgot("ada")
	before := r.State.Changes()
	r.refused("ConfirmForgotPassword", r.resetting("ada", "wrong"), codeWrongIs)
	if after := r.State.Changes(); after != before {
		t.Errorf("%d changes", after-before)
	}
}

// A code for a new password ends with what it was sent for: the address, or the password.
func TestPasswordCodeEndsWithWhatItIsFor(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(*rig)
		want string
	}{
		"nothing": {func(*rig) {}, ""},
		"other attribute": {func(r *rig) {
			r.ok("AdminUpdateUserAttributes", r.about("ada", object{"UserAttributes": attributeObjects("name", "A")}))
		}, ""},
		"other address": {func(r *rig) {
			r.ok("AdminUpdateUserAttributes", r.about("ada", object{"UserAttributes": attributeObjects(
				"phone_number", "+49999", "phone_number_verified", "true")}))
		}, codeExpiredIs},
		"address deleted": {func(r *rig) {
			r.ok("AdminDeleteUserAttributes", r.about("ada", object{"UserAttributeNames": []string{"phone_number"}}))
		}, codeExpiredIs},
		"address not verified any more": {func(r *rig) {
			r.ok("AdminUpdateUserAttributes", r.about("ada", object{"UserAttributes": attributeObjects(
				"phone_number_verified", "false")}))
		}, codeExpiredIs},
		"other recovery": {func(r *rig) {
			emailOnly := object{"RecoveryMechanisms": []object{{"Name": "verified_email", "Priority": 1}}}
			r.ok("UpdateUserPool", object{"UserPoolId": r.pool, "AccountRecoverySetting": emailOnly})
		}, codeExpiredIs},
		"administrator's password": {func(r *rig) {
			r.ok("AdminSetUserPassword", r.about("ada", object{"Password": "Third-pw-1", "Permanent": true}))
		}, codeExpiredIs},
		"temporary password": {func(r *rig) {
			r.ok("AdminSetUserPassword", r.about("ada", object{"Password": "Third-pw-1"}))
		}, codeExpiredIs},
		"user's password": {func(r *rig) {
			r.ok("ChangePassword", object{"AccessToken": r.signIn("ada", rightPassword).access,
				"PreviousPassword": rightPassword, "ProposedPassword": "Third-pw-1"})
		}, codeExpiredIs},
		"status alone, in a former file": {func(r *rig) {
			r.change("ada", func(u *User) { u.Status = statusForceChange })
		}, codeExpiredIs},
	} {
		t.Run(name, func(t *testing.T) {
			r := newCodesRig(t, "LEGACY")
			code := r.forgot("ada")

			test.end(r)
			if _, got := r.call("ConfirmForgotPassword", r.resetting("ada", code)); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// ConfirmForgotPassword answers alike for users who have no code, whatever the reason.
func TestCodesTellNoUser(t *testing.T) {
	r := newCodesRig(t, "ENABLED")
	r.ok("SignUp", object{"ClientId": r.id, "Username": "unreachable", "Password": rightPassword})
	r.ok("SignUp", object{"ClientId": r.id, "Username": "used", "Password": rightPassword})
	r.change("used", func(u *User) {
		u.Attributes["email"], u.Attributes["email_verified"] = "u@example.com", "true"
	})
	r.ok("ConfirmForgotPassword", r.resetting("used", r.forgot("used")))
	late := r.forgot("ada")
	r.pass(passwordCodeLifetime)
	r.ok("ForgotPassword", object{"ClientId": r.id, "Username": "unreachable"})

	for _, name := range []string{"nobody", "unreachable", "used", "ada"} {
		for range maxCodeFailures {
			r.refused("ConfirmForgotPassword", r.resetting(name, "wrong"), codeWrongIs)
		}
		r.refused("ConfirmForgotPassword", r.resetting(name, "wrong"), tooManyCodes)
	}

	// Who has the code knows the user.
	r.pass(codeFailuresReset)
	r.refused("ConfirmForgotPassword", r.resetting("ada", late), codeExpiredIs)
}
