package devuserpool

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// secretHash is SECRET_HASH as clients compute it.
func secretHash(secret, name, client string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(name + client))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func (r *rig) attribute(access, name string) any {
	r.t.Helper()
	for _, a := range r.ok("GetUser", object{"AccessToken": access})["UserAttributes"].([]any) {
		if a.(object)["Name"] == name {
			return a.(object)["Value"]
		}
	}
	return nil
}

func TestOwnAttributes(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	access := r.signIn("ada", rightPassword).access

	out := r.ok("UpdateUserAttributes", object{"AccessToken": access,
		"UserAttributes": attributeObjects("name", "Ada", "email", "new@example.com")})
	list, _ := out["CodeDeliveryDetailsList"].([]any)
	if len(list) != 1 || list[0].(object)["Destination"] != "n***@e***" ||
		r.attribute(access, "email") != "new@example.com" || r.attribute(access, "email_verified") != "false" {
		t.Errorf("after the change: %v", out)
	}
	verify := object{"AccessToken": access, "AttributeName": "email", "Code": "wrong"}
	r.refused("VerifyUserAttribute", verify, codeWrongIs)
	verify["Code"] = r.code()
	r.ok("VerifyUserAttribute", verify)
	if r.attribute(access, "email_verified") != "true" {
		t.Error("the address is not verified")
	}
	r.refused("VerifyUserAttribute", verify, codeExpiredIs)
	r.refused("GetUserAttributeVerificationCode", object{"AccessToken": access, "AttributeName": "name"},
		"InvalidParameterException: Invalid attribute name: only email and phone_number can be verified.")
	r.refused("GetUserAttributeVerificationCode", object{"AccessToken": access, "AttributeName": "phone_number"},
		"InvalidParameterException: User does not have a value for the attribute phone_number.")

	r.ok("DeleteUserAttributes", object{"AccessToken": access, "UserAttributeNames": []string{"name", "email"}})
	if r.attribute(access, "name") != nil || r.attribute(access, "email_verified") != nil {
		t.Error("the attributes are still there")
	}
	r.refused("UpdateUserAttributes", object{"AccessToken": access,
		"UserAttributes": attributeObjects("custom:unknown", "x")}, "InvalidParameterException: Attributes did not "+
		"conform to the schema: custom:unknown: Attribute does not exist in the schema.\n")
	r.refused("UpdateUserAttributes", object{"AccessToken": access, "UserAttributes": attributeObjects("sub", "x")},
		"InvalidParameterException: Attributes did not conform to the schema: sub: Attribute cannot be updated.\n")
	if devices := r.ok("ListDevices", object{"AccessToken": access})["Devices"].([]any); len(devices) != 0 {
		t.Errorf("devices %v", devices)
	}
}

// Where the pool asks for it, an address changes only when its code comes back.
func TestAddressThatChangesByCode(t *testing.T) {
	r := newRig(t, object{"UserAttributeUpdateSettings": object{
		"AttributesRequireVerificationBeforeUpdate": []string{"email"}}}, nil)
	r.user("ada", "email", "ada@example.com")
	access := r.signIn("ada", rightPassword).access
	r.ok("UpdateUserAttributes", object{"AccessToken": access,
		"UserAttributes": attributeObjects("email", "new@example.com", "name", "Ada")})
	if r.attribute(access, "email") != "ada@example.com" || r.attribute(access, "email_verified") != "true" ||
		r.attribute(access, "name") != "Ada" {
		t.Error("the address has changed at once")
	}
	r.ok("VerifyUserAttribute", object{"AccessToken": access, "AttributeName": "email", "Code": r.code()})
	if r.attribute(access, "email") != "new@example.com" || r.attribute(access, "email_verified") != "true" {
		t.Error("the address has not changed")
	}
}

func TestChangePassword(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	set := r.signIn("ada", rightPassword)
	change := func(from, to string) object {
		return object{"AccessToken": set.access, "PreviousPassword": from, "ProposedPassword": to}
	}
	r.refused("ChangePassword", change("Wrong-1x", "Another-1"), wrongPair)
	r.refused("ChangePassword", change(rightPassword, "another-1"),
		"InvalidPasswordException: Password did not conform with policy: Password must have uppercase characters")
	r.ok("ChangePassword", change(rightPassword, "Another-1"))
	r.refused("InitiateAuth", r.byPassword("ada", rightPassword), wrongPair)
	r.tokensOf(r.ok("RespondToAuthChallenge", r.srp("ada", "Another-1")))
	r.ok("GetUser", object{"AccessToken": set.access}) // the tokens stay

	for range freeFailures {
		r.call("ChangePassword", change("Wrong-1x", "Third-pw-1"))
	}
	r.refused("ChangePassword", change("Another-1", "Third-pw-1"), tooManyCodes)
	r.pass(time.Second)
	r.ok("ChangePassword", change("Another-1", "Third-pw-1"))
}

func TestDeleteUser(t *testing.T) {
	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	set := r.signIn("ada", rightPassword)
	r.ok("DeleteUser", object{"AccessToken": set.access})
	r.refused("GetUser", object{"AccessToken": set.access}, noSuchUser)
	r.refused("GetTokensFromRefreshToken", r.refreshing(set.refresh), invalidRefresh)

	// Another user of the same name gets nothing from the tokens.
	r.user("ada", "email", "other@example.com")
	r.refused("GetUser", object{"AccessToken": set.access}, noSuchUser)
}

func TestPasswordPolicy(t *testing.T) {
	policy := func(settings object) *Pool {
		r := newRig(t, object{"Policies": object{"PasswordPolicy": settings}}, nil)
		p, err := r.State.view(r.pool)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	all := policy(object{"MinimumLength": 8, "RequireUppercase": true, "RequireLowercase": true,
		"RequireNumbers": true, "RequireSymbols": true})
	long := policy(object{"MinimumLength": 20})
	for _, test := range []struct {
		pool           *Pool
		password, want string
	}{
		{all, "Correct-1", ""},
		{all, "Correct 1", ""}, // a space is a symbol
		{all, "Corr-1", "not long enough"},
		{all, "correct-1", "must have uppercase characters"},
		{all, "CORRECT-1", "must have lowercase characters"},
		{all, "Correct-x", "must have numeric characters"},
		{all, "Correct11", "must have symbol characters"},
		{all, "Correct-1 ", "must not start or end with a space"},
		{all, "Пароль-Aa1", ""},
		{long, "aaaaaaaaaaaaaaaaaaa", "not long enough"},
		{long, "aaaaaaaaaaaaaaaaaaaa", ""},
		{validPool(t), "Correct-1", ""},
		{validPool(t), "correct-1", "must have uppercase characters"},
	} {
		got := ""
		if err := test.pool.checkPassword(test.password); err != nil {
			got = strings.TrimPrefix(err.Error(),
				"InvalidPasswordException: Password did not conform with policy: Password ")
		}
		if got != test.want {
			t.Errorf("%q: %q, want %q", test.password, got, test.want)
		}
	}

	for _, p := range []*Pool{all, long, validPool(t)} {
		seen := map[string]bool{}
		for range 50 {
			password := p.newPassword()
			if err := p.checkPassword(password); err != nil || seen[password] {
				t.Errorf("the temporary password %q: %v", password, err)
			}
			seen[password] = true
		}
	}
}

func TestMaskedDestinations(t *testing.T) {
	for address, want := range map[string]string{
		"ada@example.com": "a***@e***", "ö@ü.de": "ö***@ü***", "": "***@***", "x": "x***@***",
	} {
		if got := maskedEmail(address); got != want {
			t.Errorf("%q is shown as %q", address, got)
		}
	}
	for number, want := range map[string]string{"+4912345678": "+******5678", "+12": "+12", "": "+"} {
		if got := maskedPhone(number); got != want {
			t.Errorf("%q is shown as %q", number, got)
		}
	}
}
