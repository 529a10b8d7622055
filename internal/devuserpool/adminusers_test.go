package devuserpool

import (
	"strings"
	"testing"
	"time"
)

// member adds the pool of the rig, and a user name, to an input.
func (r *rig) about(username string, more object) object {
	in := object{"UserPoolId": r.pool}
	if username != "" {
		in["Username"] = username
	}
	for name, value := range more {
		in[name] = value
	}
	return in
}

// status returns the status of a user, and whether the user is enabled.
func (r *rig) status(username string) (string, bool) {
	r.t.Helper()
	out := r.ok("AdminGetUser", r.about(username, nil))
	return out["UserStatus"].(string), out["Enabled"].(bool)
}

// attribute returns an attribute of a user; "" = the user does not have it.
func (r *rig) attributeOf(username, name string) string {
	r.t.Helper()
	for _, a := range r.ok("AdminGetUser", r.about(username, nil))["UserAttributes"].([]any) {
		if a.(object)["Name"] == name {
			return a.(object)["Value"].(string)
		}
	}
	return ""
}

// An administrator's user signs in with the temporary password, which the developer is shown, and must
// choose another.
func TestAdminCreateUser(t *testing.T) {
	r := newRig(t, nil, nil)
	out := r.ok("AdminCreateUser", r.about("alice", object{"UserAttributes": attributeObjects("email", "a@b.example",
		"email_verified", "true")}))["User"].(object)
	if out["UserStatus"] != "FORCE_CHANGE_PASSWORD" || out["Username"] != "alice" || out["Enabled"] != true {
		t.Errorf("made: %v", out)
	}
	sent := r.codes[len(r.codes)-1]
	if sent.Destination != "a@b.example" || sent.Username != "alice" || sent.Pool != r.pool {
		t.Errorf("sent: %+v", sent)
	}
	if got := r.ok("InitiateAuth", r.byPassword("alice", sent.Code))["ChallengeName"]; got != "NEW_PASSWORD_REQUIRED" {
		t.Errorf("challenge %v", got)
	}

	r.refused("AdminCreateUser", r.about("alice", nil), "UsernameExistsException: User already exists")
	r.ok("AdminCreateUser", r.about("alice", object{"MessageAction": "RESEND"}))
	if again := r.code(); again == sent.Code {
		t.Error("the temporary password is the same")
	}
	r.refused("InitiateAuth", r.byPassword("alice", sent.Code),
		"NotAuthorizedException: Incorrect username or password.")
	r.pass(days(8))
	_, got := r.call("InitiateAuth", r.byPassword("alice", r.code()))
	if !strings.HasPrefix(got, "NotAuthorizedException: Temporary password has expired") {
		t.Errorf("after a week: %q", got)
	}

	shown := len(r.codes)
	r.ok("AdminCreateUser", r.about("bob", object{"MessageAction": "SUPPRESS", "TemporaryPassword": rightPassword}))
	if len(r.codes) != shown {
		t.Error("a suppressed message was shown")
	}
	r.refused("AdminCreateUser", r.about("eve", object{"TemporaryPassword": "short"}),
		"InvalidPasswordException: Password did not conform with policy: Password not long enough")
	r.refused("AdminGetUser", r.about("eve", nil), "UserNotFoundException: User does not exist.")
	r.refused("AdminCreateUser", r.about("eve", object{"MessageAction": "RESEND"}),
		"UserNotFoundException: User does not exist.")
}

func TestAdminSetUserPassword(t *testing.T) {
	r := newRig(t, nil, nil)
	r.ok("AdminCreateUser", r.about("alice", nil))
	r.ok("AdminSetUserPassword", r.about("alice", object{"Password": rightPassword, "Permanent": true}))
	if status, _ := r.status("alice"); status != "CONFIRMED" {
		t.Errorf("status %s", status)
	}
	r.pass(days(30)) // a permanent password does not end
	r.signIn("alice", rightPassword)

	r.refused("AdminCreateUser", r.about("alice", object{"MessageAction": "RESEND"}),
		"UnsupportedUserStateException: Resend not possible. Status is not FORCE_CHANGE_PASSWORD")
	r.ok("AdminSetUserPassword", r.about("alice", object{"Password": "Another-1"}))
	if status, _ := r.status("alice"); status != "FORCE_CHANGE_PASSWORD" {
		t.Errorf("status %s", status)
	}
}

// Sign-out, disabling and deleting end the user's tokens.
func TestAdminsEndSignIns(t *testing.T) {
	for operation, want := range map[string]string{
		"AdminUserGlobalSignOut": "NotAuthorizedException: Access Token has been revoked",
		"AdminDisableUser":       "NotAuthorizedException: User is disabled.",
		"AdminDeleteUser":        "UserNotFoundException: User does not exist.",
	} {
		t.Run(operation, func(t *testing.T) {
			r := newRig(t, nil, nil)
			r.user("alice", "email", "a@b.example")
			tokens := r.signIn("alice", rightPassword)
			r.pass(time.Minute)
			r.ok("GetUser", object{"AccessToken": tokens.access})

			r.ok(operation, r.about("alice", nil))
			r.refused("GetUser", object{"AccessToken": tokens.access}, want)
			if _, got := r.call("InitiateAuth", object{"ClientId": r.id, "AuthFlow": "REFRESH_TOKEN_AUTH",
				"AuthParameters": object{"REFRESH_TOKEN": tokens.refresh}}); !strings.HasPrefix(got, "NotAuthorized") {
				t.Errorf("refresh: %q", got)
			}
		})
	}
}

func TestAdminAttributes(t *testing.T) {
	r := newRig(t, object{"AliasAttributes": []string{"email"}, "Schema": []object{
		{"Name": "plan", "AttributeDataType": "String", "Mutable": true,
			"StringAttributeConstraints": object{"MaxLength": "4"}},
		{"Name": "fixed", "AttributeDataType": "String"},
		{"Name": "family_name", "Required": true},
	}}, nil)
	verified := func(more ...string) object {
		return object{"UserAttributes": attributeObjects(append(more, "email_verified", "true", "family_name", "x")...)}
	}
	r.ok("AdminCreateUser", r.about("alice", verified("email", "a@b.example", "custom:fixed", "1")))
	update := func(want string, pairs ...string) {
		t.Helper()
		in := r.about("a@b.example", object{"UserAttributes": attributeObjects(pairs...)})
		r.refused("AdminUpdateUserAttributes", in, want)
	}
	const schema = "InvalidParameterException: Attributes did not conform to the schema: "
	update("", "custom:plan", "free")
	update(schema+"custom:plan: String must be no longer than 4.\n", "custom:plan", "freeeeee")
	update(schema+"custom:none: Attribute does not exist in the schema.\n", "custom:none", "1")
	update(schema+"custom:fixed: Attribute cannot be updated.\n", "custom:fixed", "2")
	update(schema+"sub: Attribute cannot be updated.\n", "sub", "2")
	update(schema+"family_name: The attribute is required\n", "family_name", "")
	update("InvalidParameterException: Invalid email address format.", "email", "nonsense")
	update("InvalidParameterException: Invalid phone number format.", "phone_number", "5550100")
	if got := r.attributeOf("alice", "custom:plan"); got != "free" {
		t.Errorf("plan %q", got)
	}

	r.refused("AdminCreateUser", r.about("bob", verified("email", "a@b.example")),
		"AliasExistsException: An account with the given email already exists.")
	r.ok("AdminCreateUser", r.about("bob", object{"UserAttributes": verified("email", "a@b.example")["UserAttributes"],
		"ForceAliasCreation": true}))
	if got := r.ok("AdminGetUser", r.about("a@b.example", nil))["Username"]; got != "bob" {
		t.Errorf("the alias names %v", got)
	}
	r.refused("AdminCreateUser", r.about("x@y.example", verified()), "InvalidParameterException: "+
		"Username cannot be of email format, since user pool is configured for email alias.")

	// A new address is not verified, and gets a code where the pool verifies addresses by itself.
	address := object{"UserAttributes": attributeObjects("email", "n@b.example")}
	r.ok("AdminUpdateUserAttributes", r.about("bob", address))
	got := r.attributeOf("bob", "email_verified")
	if got != "false" || r.codes[len(r.codes)-1].Destination != "n@b.example" {
		t.Errorf("verified %q, %+v", got, r.codes)
	}
	r.ok("AdminDeleteUserAttributes", r.about("bob", object{"UserAttributeNames": []string{"email", "custom:plan"}}))
	if r.attributeOf("bob", "email")+r.attributeOf("bob", "email_verified") != "" {
		t.Error("the address is still there")
	}
}

func TestAdminConfirmAndReset(t *testing.T) {
	r := newRig(t, nil, nil)
	r.ok("SignUp", object{"ClientId": r.id, "Username": "alice", "Password": rightPassword})
	r.refused("AdminResetUserPassword", r.about("alice", nil),
		"NotAuthorizedException: User password cannot be reset in the current state.")
	r.ok("AdminConfirmSignUp", r.about("alice", nil))
	r.refused("AdminConfirmSignUp", r.about("alice", nil),
		"NotAuthorizedException: User cannot be confirmed. Current status is CONFIRMED")
	r.refused("AdminResetUserPassword", r.about("alice", nil), "InvalidParameterException: "+
		"Cannot reset password for the user as there is no registered/verified email or phone_number")

	r.ok("AdminUpdateUserAttributes", r.about("alice", object{"UserAttributes": attributeObjects(
		"email", "a@b.example", "email_verified", "true")}))
	r.ok("AdminResetUserPassword", r.about("alice", nil))
	if status, _ := r.status("alice"); status != "RESET_REQUIRED" {
		t.Errorf("status %s", status)
	}
	r.refused("InitiateAuth", r.byPassword("alice", rightPassword),
		"PasswordResetRequiredException: Password reset required for the user")
	r.ok("ConfirmForgotPassword", object{"ClientId": r.id, "Username": "alice", "Password": "Another-1",
		"ConfirmationCode": r.code()})
	r.signIn("alice", "Another-1")

	r.ok("AdminDisableUser", r.about("alice", nil))
	r.ok("AdminEnableUser", r.about("alice", nil))
	r.signIn("alice", "Another-1")
}

// User names are found whatever their case, if the pool is set so.
func TestCaseOfNames(t *testing.T) {
	for name, test := range map[string]struct {
		settings object
		found    bool
	}{
		"insensitive": {object{"UsernameConfiguration": object{"CaseSensitive": false}}, true},
		"sensitive":   {object{"UsernameConfiguration": object{"CaseSensitive": true}}, false},
		"unset":       {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, test.settings, nil)
			r.ok("AdminCreateUser", r.about("Alice", nil))
			if _, refusal := r.call("AdminGetUser", r.about("aLICE", nil)); (refusal == "") != test.found {
				t.Errorf("found: %q", refusal)
			}
		})
	}
}

// Addresses name users where the pool is set so; their user names are subjects.
func TestUsernameAttributes(t *testing.T) {
	r := newRig(t, object{"UsernameAttributes": []string{"email", "phone_number"}}, nil)
	made := r.ok("AdminCreateUser", r.about("a@b.example", nil))["User"].(object)
	if got := r.attributeOf("a@b.example", "sub"); made["Username"] != got || len(got) != 36 {
		t.Errorf("the user name is %v, the subject %q", made["Username"], got)
	}
	r.ok("AdminCreateUser", r.about("+14155550100", nil))
	if got := r.attributeOf("+14155550100", "phone_number"); got != "+14155550100" {
		t.Errorf("number %q", got)
	}
	r.refused("AdminCreateUser", r.about("a@b.example", nil),
		"UsernameExistsException: An account with the given email already exists.")
	r.refused("AdminCreateUser", r.about("alice", nil),
		"InvalidParameterException: Username should be either an email or a phone number.")
	r.refused("AdminUpdateUserAttributes", r.about("+14155550100", object{"UserAttributes": attributeObjects("email",
		"a@b.example")}), "AliasExistsException: An account with the given email already exists.")
}

// An administrator's reset sends its code where the user's own would go: by the pool's setting, to a
// verified address.
func TestAdminResetFollowsTheRecoverySetting(t *testing.T) {
	way := func(names ...string) object {
		list := []object{}
		for i, name := range names {
			list = append(list, object{"Name": name, "Priority": i + 1})
		}
		return object{"AccountRecoverySetting": object{"RecoveryMechanisms": list}}
	}
	const none = "InvalidParameterException: Cannot reset password for the user as there is no registered/verified " +
		"email or phone_number"

	for name, test := range map[string]struct {
		settings      object
		unverified    string // attribute; "" = none
		want, refusal string
	}{
		"default":            {want: "a@b.example"},
		"telephone first":    {settings: way("verified_phone_number", "verified_email"), want: "+14155550100"},
		"no verified number": {way("verified_phone_number", "verified_email"), "phone_number", "a@b.example", ""},
		"administrator":      {settings: way("admin_only"), refusal: none},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, test.settings, nil)
			attributes := []string{"email", "a@b.example", "phone_number", "+14155550100"}
			for _, address := range []string{"email", "phone_number"} {
				if address != test.unverified {
					attributes = append(attributes, address+verifiedSuffix, "true")
				}
			}
			r.ok("AdminCreateUser", r.about("alice", object{"UserAttributes": attributeObjects(attributes...)}))
			r.ok("AdminSetUserPassword", r.about("alice", object{"Password": rightPassword, "Permanent": true}))

			r.refused("AdminResetUserPassword", r.about("alice", nil), test.refusal)
			if got := r.codes[len(r.codes)-1].Destination; test.want != "" && got != test.want {
				t.Errorf("the code went to %s, want %s", got, test.want)
			}
		})
	}
}
