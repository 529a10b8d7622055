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

	for _, name := range []string{"victim", "vic", sub} {
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

// A preferred user name in the form of an address would keep the address's owner from it, so that it is refused
// where such addresses are aliases.
func TestPreferredNameIsNoAddress(t *testing.T) {
	const (
		isEmail = "InvalidParameterException: Username cannot be of email format, since user pool is configured for " +
			"email alias."
		isPhone = "InvalidParameterException: Username cannot be of phone number format, since user pool is " +
			"configured for phone number alias."
	)
	for name, test := range map[string]struct {
		aliases         []string
		preferred, want string
		stays           bool // the user has the name already
	}{
		"email":             {[]string{"email", "preferred_username"}, "x@example.com", isEmail, false},
		"phone":             {[]string{"phone_number", "preferred_username"}, "+4912345", isPhone, false},
		"no address":        {[]string{"email", "preferred_username"}, "countess", "", false},
		"no alias":          {[]string{"email"}, "x@example.com", "", false},
		"other address":     {[]string{"phone_number", "preferred_username"}, "x@example.com", "", false},
		"had before a mend": {[]string{"email", "preferred_username"}, "x@example.com", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, object{"AliasAttributes": test.aliases}, nil)
			r.user("ada", "email", "ada@example.com", "phone_number", "+49999")
			set := r.signIn("ada", rightPassword)
			if test.stays {
				r.change("ada", func(u *User) { u.Attributes["preferred_username"] = test.preferred })
			}

			given := attributeObjects("preferred_username", test.preferred)
			calls := map[string]object{
				"UpdateUserAttributes":      {"AccessToken": set.access, "UserAttributes": given},
				"AdminUpdateUserAttributes": r.about("ada", object{"UserAttributes": given}),
			}
			for operation, in := range calls {
				if _, got := r.call(operation, in); got != test.want {
					t.Errorf("%s: %q, want %q", operation, got, test.want)
				}
			}
			if test.want != "" {
				r.refused("AdminCreateUser", r.about("new", object{"UserAttributes": given}), test.want)
			}
		})
	}
}

// change changes a user as no operation does.
func (r *rig) change(name string, edit func(*User)) {
	r.t.Helper()
	if err := r.State.change(r.pool, func(p *Pool) error {
		u := p.Users[name]
		edit(&u)
		p.put(u)

		return nil
	}); err != nil {
		r.t.Fatal(err)
	}
}

// The owner of an address gets it by force from users of former versions, whose preferred user name it is.
func TestOwnerTakesAnAddressBack(t *testing.T) {
	const address = "x@example.com"
	for name, take := range map[string]func(*rig){
		"ConfirmSignUp": func(r *rig) {
			r.ok("SignUp", object{"ClientId": r.id, "Username": "owner", "Password": "Another-1",
				"UserAttributes": attributeObjects("email", address)})
			confirm := object{"ClientId": r.id, "Username": "owner", "ConfirmationCode": r.code()}
			r.refused("ConfirmSignUp", confirm,
				"AliasExistsException: An account with the given email already exists.")
			confirm["ForceAliasCreation"] = true
			r.ok("ConfirmSignUp", confirm)
		},
		"AdminCreateUser": func(r *rig) {
			in := r.about("owner", object{"TemporaryPassword": "Another-1",
				"UserAttributes": attributeObjects("email", address, "email_verified", "true")})
			r.refused("AdminCreateUser", in, "AliasExistsException: An account with the given email already exists.")
			in["ForceAliasCreation"] = true
			r.ok("AdminCreateUser", in)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, object{"AliasAttributes": []string{"email", "preferred_username"}}, nil)
			r.user("first", "email", "first@example.com")
			r.change("first", func(u *User) { u.Attributes["preferred_username"] = address })
			r.signIn(address, rightPassword)

			take(r)
			p, err := r.State.view(r.pool)
			if err != nil {
				t.Fatal(err)
			}
			if u, _ := p.user(address); u.Username != "owner" || p.Users["first"].Attributes["email"] == "" {
				t.Errorf("the address is %s's, and the other user has %v", u.Username, p.Users["first"].Attributes)
			}
		})
	}
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
