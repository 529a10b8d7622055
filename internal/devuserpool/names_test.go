package devuserpool

import "testing"

// A name that names a user in any way cannot come to name another.
func TestOneNameOneUser(t *testing.T) {
	const taken = "UsernameExistsException: User already exists"
	r := newRig(t, object{"AliasAttributes": []string{"email", "preferred_username"}}, nil)
	r.user("victim", "email", "victim@example.com")
	r.user("thief", "email", "thief@example.com")
	p, err := r.State.view(r.pool)
	if err != nil {
		t.Fatal(err)
	}
	sub := p.Users["victim"].Sub
	victim, thief := r.signIn("victim", rightPassword), r.signIn("thief", rightPassword)
	preferred := func(token, name string) object {
		return object{"AccessToken": token, "UserAttributes": attributeObjects("preferred_username", name)}
	}
	r.ok("UpdateUserAttributes", preferred(victim.access, "vic"))

	for _, name := range []string{"victim", "vic", "victim@example.com", sub} {
		r.refused("UpdateUserAttributes", preferred(thief.access, name),
			"AliasExistsException: An account with the given preferred_username already exists.")
		r.refused("AdminUpdateUserAttributes", object{"UserPoolId": r.pool, "Username": "thief",
			"UserAttributes": attributeObjects("preferred_username", name)},
			"AliasExistsException: An account with the given preferred_username already exists.")
	}
	for _, name := range []string{"victim", "vic", sub} {
		r.refused("SignUp", object{"ClientId": r.id, "Username": name, "Password": rightPassword}, taken)
		r.refused("AdminCreateUser", object{"UserPoolId": r.pool, "Username": name}, taken)
	}

	// Names that are free count, and a user may have one name in several ways.
	r.ok("UpdateUserAttributes", preferred(thief.access, "thief"))
	r.signIn("vic", rightPassword)
	r.signIn(sub, rightPassword)
}

// An address that is another user's preferred user name does not begin to count by verification, not even
// by force: only an address of the same kind moves.
func TestVerificationTakesNoName(t *testing.T) {
	r := newRig(t, object{"AliasAttributes": []string{"email", "preferred_username"}}, nil)
	r.user("first", "email", "first@example.com")
	first := r.signIn("first", rightPassword)
	r.ok("SignUp", object{"ClientId": r.id, "Username": "second", "Password": rightPassword,
		"UserAttributes": attributeObjects("email", "x@example.com")})
	code := r.code()
	r.ok("UpdateUserAttributes", object{"AccessToken": first.access,
		"UserAttributes": attributeObjects("preferred_username", "x@example.com")})

	r.refused("ConfirmSignUp", object{"ClientId": r.id, "Username": "second", "ConfirmationCode": code,
		"ForceAliasCreation": true}, "AliasExistsException: An account with the given email already exists.")
	r.signIn("x@example.com", rightPassword)
}

// Case counts in no comparison of names, or in all.
func TestNamesWithoutCase(t *testing.T) {
	r := newRig(t, object{"AliasAttributes": []string{"preferred_username"},
		"UsernameConfiguration": object{"CaseSensitive": false}}, nil)
	r.user("victim", "email", "victim@example.com")
	r.ok("AdminUpdateUserAttributes", object{"UserPoolId": r.pool, "Username": "victim",
		"UserAttributes": attributeObjects("preferred_username", "Vic")})
	p, err := r.State.view(r.pool)
	if err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{"VIC", "Victim", p.Users["victim"].Sub} {
		r.refused("SignUp", object{"ClientId": r.id, "Username": name, "Password": rightPassword},
			"UsernameExistsException: User already exists")
	}
	r.ok("SignUp", object{"ClientId": r.id, "Username": "vi", "Password": rightPassword})
}

// Users of a damaged or former file may share an alias: every call finds the same one.
func TestSharedAliasIsOfOneUser(t *testing.T) {
	p := &Pool{Users: map[string]User{}}
	p.Settings.AliasAttributes = []string{"preferred_username"}
	for _, name := range []string{"a", "b", "c", "d"} {
		p.put(User{Username: name, Sub: "sub-" + name, Attributes: map[string]string{"preferred_username": "x"}})
	}
	p.put(User{Username: "e", Sub: "e", Attributes: map[string]string{"preferred_username": "sub-d"}})

	for range 50 {
		if u, _ := p.user("x"); u.Username != "a" {
			t.Fatalf("x is %s", u.Username)
		}
		if u, _ := p.user("sub-d"); u.Username != "d" {
			t.Fatalf("the subject of d is %s's", u.Username)
		}
	}
}
