package devuserpool

import (
	"errors"
	"strings"
	"testing"
)

// fill lets the pool have some bytes in its file.
func (r *rig) fill(bytes int) {
	r.t.Helper()
	if err := r.State.change(r.pool, func(p *Pool) error {
		others := p.bytes - len(p.Groups["filling"].Description)
		p.Groups["filling"] = Group{Name: "filling", Description: strings.Repeat("x", bytes-others-200)}
		return nil
	}); err != nil {
		r.t.Fatal(err)
	}
}

// What is written can be read again: a full pool is refused before.
func TestFullPoolIsNotWritten(t *testing.T) {
	state, folder, _ := stored(t)
	grow := func(bytes int) error {
		return state.change("us-east-1_Abc", func(p *Pool) error {
			p.Groups["g"] = Group{Name: "g", Description: strings.Repeat("x", bytes)}
			return nil
		})
	}
	if err := grow(maxPoolBytes); !errors.Is(err, errPoolBytes) {
		t.Errorf("the error is %v", err)
	}
	if err := grow(maxPoolBytes / 2); err != nil {
		t.Error(err)
	}

	// A file of a former version may have more. It may get smaller, and no larger.
	p, err := state.view("us-east-1_Abc")
	if err != nil {
		t.Fatal(err)
	}
	former := p.clone()
	former.Groups["h"] = Group{Name: "h", Description: strings.Repeat("x", maxPoolBytes)}
	former.ends = true
	if err := state.keep(former); err != nil {
		t.Fatal(err)
	}
	if state, err = OpenState(folder); err != nil {
		t.Fatal(err)
	}
	if err := grow(maxPoolBytes/2 + 1); !errors.Is(err, errPoolBytes) {
		t.Errorf("growing: %v", err)
	}
	if err := grow(maxPoolBytes / 4); err != nil {
		t.Errorf("shrinking: %v", err)
	}
	if _, err := OpenState(folder); err != nil {
		t.Error(err)
	}
}

// Users cannot sign up in a pool that is nearly full, with what is left for others. In a full pool nobody can sign
// in, but sign-ins end, users can be deleted, and codes still be wrong.
func TestFullPool(t *testing.T) {
	const (
		noSignUp = "LimitExceededException: There are at most 25165824 bytes of a user pool in which users sign up."
		full     = "LimitExceededException: There are at most 33554432 bytes of a user pool."
	)
	folder := t.TempDir()
	r := newRig(t, nil, nil)
	r.State.folder = folder
	signUp := object{"ClientId": r.id, "Username": "new", "Password": rightPassword,
		"UserAttributes": attributeObjects("email", "new@example.com")}
	for _, name := range []string{"ada", "bob", "cleo"} {
		r.user(name, "email", name+"@example.com")
	}
	ada, bob, cleo := r.signIn("ada", rightPassword), r.signIn("bob", rightPassword), r.signIn("cleo", rightPassword)

	r.fill(maxSignUpBytes + 1000)
	r.refused("SignUp", signUp, noSignUp)
	r.signIn("ada", rightPassword)

	r.fill(maxPoolBytes)
	r.refused("InitiateAuth", r.byPassword("ada", rightPassword), full)
	r.refused("AdminCreateUser", r.about("made", nil), full)
	r.refused("ConfirmSignUp", object{"ClientId": r.id, "Username": "ada", "ConfirmationCode": "wrong"},
		"NotAuthorizedException: User cannot be confirmed. Current status is CONFIRMED")
	r.ok("GlobalSignOut", object{"AccessToken": ada.access})
	r.refused("GetUser", object{"AccessToken": ada.access}, revokedAccess)
	r.ok("RevokeToken", object{"ClientId": r.id, "Token": bob.refresh})
	r.refused("GetUser", object{"AccessToken": bob.access}, revokedAccess)
	r.ok("AdminDisableUser", r.about("cleo", nil))
	r.refused("GetUser", object{"AccessToken": cleo.access}, disabledUser)
	r.ok("AdminDeleteUser", r.about("bob", nil))

	if _, err := OpenState(folder); err != nil {
		t.Error(err)
	}
}

// A full pool does not tell either which users exist.
func TestFullPoolTellsNoUser(t *testing.T) {
	r := newRig(t, nil, object{"PreventUserExistenceErrors": "ENABLED"})
	r.user("ada", "email", "ada@example.com")
	r.fill(maxPoolBytes)
	shown := len(r.codes)
	for _, name := range []string{"ada", "nobody"} {
		r.ok("ForgotPassword", object{"ClientId": r.id, "Username": name})
	}
	if len(r.codes) != shown {
		t.Error("a code was shown that is not kept")
	}
}

// A user's attributes have bytes enough for what apps keep, and not for more: what signs up is of anybody.
func TestBytesOfAUser(t *testing.T) {
	const tooLarge = "LimitExceededException: There are at most 65536 bytes of a user's attributes."
	var schema, small, large []object
	for _, name := range strings.Fields("a b c d e f g h i") {
		schema = append(schema, object{"Name": name, "AttributeDataType": "String", "Mutable": true})
		small = append(small, object{"Name": "custom:" + name, "Value": strings.Repeat("x", 2048)})
		large = append(large, object{"Name": "custom:" + name, "Value": strings.Repeat("\U0001F600", 2048)})
	}
	r := newRig(t, object{"Schema": schema}, nil)
	signUp := func(name string, attributes []object) object {
		return object{"ClientId": r.id, "Username": name, "Password": rightPassword, "UserAttributes": attributes}
	}
	r.refused("SignUp", signUp("ada", large), tooLarge)
	r.refused("AdminCreateUser", r.about("ada", object{"UserAttributes": large}), tooLarge)
	r.ok("SignUp", signUp("ada", small))
	r.ok("AdminConfirmSignUp", r.about("ada", nil))
	set := r.signIn("ada", rightPassword)
	r.refused("UpdateUserAttributes", object{"AccessToken": set.access, "UserAttributes": large}, tooLarge)
	r.refused("AdminUpdateUserAttributes", r.about("ada", object{"UserAttributes": large}), tooLarge)

	// A user of a former version may have more, and only get smaller.
	r.change("ada", func(u *User) {
		for _, a := range large {
			u.Attributes[a["Name"].(string)] = a["Value"].(string)
		}
	})
	r.refused("UpdateUserAttributes", object{"AccessToken": set.access,
		"UserAttributes": attributeObjects("name", "A")}, tooLarge)
	r.ok("DeleteUserAttributes", object{"AccessToken": set.access, "UserAttributeNames": []string{"custom:a"}})
}
