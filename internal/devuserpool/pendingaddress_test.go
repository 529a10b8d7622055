package devuserpool

import "testing"

// newAddressRig has a pool where an address changes only with its code. Its schema has a short address.
func newAddressRig(t *testing.T, email object) *rig {
	email["Name"] = "email"
	r := newRig(t, object{"Schema": []object{email}, "UserAttributeUpdateSettings": object{
		"AttributesRequireVerificationBeforeUpdate": []string{"email"}}}, nil)
	r.user("ada", "email", "ada@x.example")

	return r
}

func (r *rig) emailOf(name string) string {
	p, err := r.State.view(r.pool)
	if err != nil {
		r.t.Fatal(err)
	}
	return p.Users[name].Attributes["email"]
}

// An address that waits for its code must conform to the schema as any other.
func TestPendingAddressConforms(t *testing.T) {
	for name, test := range map[string]struct {
		email         object
		address, want string
	}{
		"immutable": {
			object{"Mutable": false}, "new@x.example",
			"InvalidParameterException: Attributes did not conform to the schema: " +
				"email: Attribute cannot be updated.\n",
		},
		"form": {object{}, "no address", "InvalidParameterException: Invalid email address format."},
		"length": {
			object{"StringAttributeConstraints": object{"MaxLength": "15"}}, "quite.long@x.example",
			"InvalidParameterException: Attributes did not conform to the schema: " +
				"email: String must be no longer than 15.\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newAddressRig(t, test.email)
			set, codes := r.signIn("ada", rightPassword), len(r.codes)
			r.refused("UpdateUserAttributes", object{"AccessToken": set.access,
				"UserAttributes": attributeObjects("email", test.address)}, test.want)
			r.refused("AdminUpdateUserAttributes", r.about("ada", object{
				"UserAttributes": attributeObjects("email", test.address)}), test.want)
			if len(r.codes) != codes || r.emailOf("ada") != "ada@x.example" {
				t.Errorf("%d codes, address %s", len(r.codes)-codes, r.emailOf("ada"))
			}
		})
	}
}

// The schema counts again when the code comes back.
func TestPendingAddressConformsLater(t *testing.T) {
	r := newAddressRig(t, object{})
	set := r.signIn("ada", rightPassword)
	r.ok("UpdateUserAttributes", object{"AccessToken": set.access,
		"UserAttributes": attributeObjects("email", "new@x.example")})
	if err := r.State.change(r.pool, func(p *Pool) error {
		for i, a := range p.Settings.SchemaAttributes {
			if *a.Name == "email" {
				p.Settings.SchemaAttributes[i].Mutable = new(false)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r.refused("VerifyUserAttribute", object{"AccessToken": set.access, "AttributeName": "email", "Code": r.code()},
		"InvalidParameterException: Attributes did not conform to the schema: email: Attribute cannot be updated.\n")
}

// An address that waits for its code does not come after a later change.
func TestLaterChangeEndsAPendingAddress(t *testing.T) {
	for name, later := range map[string]func(r *rig, access string){
		"administrator": func(r *rig, _ string) {
			r.ok("AdminUpdateUserAttributes", r.about("ada", object{
				"UserAttributes": attributeObjects("email", "z@x.example", "email_verified", "true")}))
		},
		"administrator, deleted": func(r *rig, _ string) {
			r.ok("AdminDeleteUserAttributes", r.about("ada", object{"UserAttributeNames": []string{"email"}}))
		},
		"user, deleted": func(r *rig, access string) {
			r.ok("DeleteUserAttributes", object{"AccessToken": access, "UserAttributeNames": []string{"email"}})
		},
		"user, back to the present one": func(r *rig, access string) {
			r.ok("UpdateUserAttributes", object{"AccessToken": access,
				"UserAttributes": attributeObjects("email", "ada@x.example")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newAddressRig(t, object{})
			set := r.signIn("ada", rightPassword)
			r.ok("UpdateUserAttributes", object{"AccessToken": set.access,
				"UserAttributes": attributeObjects("email", "new@x.example")})
			verify := object{"AccessToken": set.access, "AttributeName": "email", "Code": r.code()}

			later(r, set.access)
			want := r.emailOf("ada")
			r.refused("VerifyUserAttribute", verify, codeExpiredIs)
			if got := r.emailOf("ada"); got != want {
				t.Errorf("the address is %q, want %q", got, want)
			}
		})
	}
}

// Administrators change an address at once only if they say that it is verified.
func TestAdminsAddressWaitsForItsCode(t *testing.T) {
	r := newAddressRig(t, object{})
	r.ok("AdminUpdateUserAttributes", r.about("ada", object{
		"UserAttributes": attributeObjects("email", "new@x.example")}))
	if got := r.emailOf("ada"); got != "ada@x.example" {
		t.Errorf("before the code: %s", got)
	}
	set := r.signIn("ada", rightPassword)
	r.ok("VerifyUserAttribute", object{"AccessToken": set.access, "AttributeName": "email", "Code": r.code()})
	if got := r.emailOf("ada"); got != "new@x.example" {
		t.Errorf("after the code: %s", got)
	}

	r.ok("AdminUpdateUserAttributes", r.about("ada", object{
		"UserAttributes": attributeObjects("email", "other@x.example", "email_verified", "true")}))
	if got := r.emailOf("ada"); got != "other@x.example" {
		t.Errorf("said to be verified: %s", got)
	}
}
