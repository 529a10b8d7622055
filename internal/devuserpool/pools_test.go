package devuserpool

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// described returns the pool of the rig.
func (r *rig) described() object {
	r.t.Helper()
	return r.ok("DescribeUserPool", object{"UserPoolId": r.pool})["UserPool"].(object)
}

// A new pool has the settings that AWS gives it, in the form in which Terraform finds no change.
func TestNewPool(t *testing.T) {
	r := newRig(t, object{"UserPoolTags": object{"team": "a"}}, object{})
	got := r.described()
	schema := got["SchemaAttributes"].([]any)
	delete(got, "SchemaAttributes")

	want := object{
		"Id": r.pool, "Name": "p",
		"Arn": "arn:aws:cognito-idp:eu-central-1:111122223333:userpool/" + r.pool,
		"Policies": object{
			"PasswordPolicy": object{
				"MinimumLength": 8.0, "RequireUppercase": true, "RequireLowercase": true, "RequireNumbers": true,
				"RequireSymbols": true, "TemporaryPasswordValidityDays": 7.0,
			},
			"SignInPolicy": object{"AllowedFirstAuthFactors": []any{"PASSWORD"}},
		},
		"DeletionProtection": "INACTIVE", "LambdaConfig": object{},
		"CreationDate": 1796126400.0, "LastModifiedDate": 1796126400.0,
		"AutoVerifiedAttributes":      []any{"email"},
		"VerificationMessageTemplate": object{"DefaultEmailOption": "CONFIRM_WITH_CODE"},
		"UserAttributeUpdateSettings": object{"AttributesRequireVerificationBeforeUpdate": []any{}},
		"MfaConfiguration":            "OFF", "EstimatedNumberOfUsers": 0.0,
		"EmailConfiguration":    object{"EmailSendingAccount": "COGNITO_DEFAULT"},
		"UserPoolTags":          object{"team": "a"},
		"AdminCreateUserConfig": object{"AllowAdminCreateUserOnly": false, "UnusedAccountValidityDays": 7.0},
		"AccountRecoverySetting": object{"RecoveryMechanisms": []any{
			object{"Priority": 1.0, "Name": "verified_email"}, object{"Priority": 2.0, "Name": "verified_phone_number"},
		}},
		"UserPoolTier": "ESSENTIALS",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	if len(schema) != 20 {
		t.Errorf("%d attributes", len(schema))
	}

	client := r.ok("DescribeUserPoolClient", object{"UserPoolId": r.pool, "ClientId": r.id})["UserPoolClient"].(object)
	delete(client, "ExplicitAuthFlows")
	want = object{
		"UserPoolId": r.pool, "ClientId": r.id, "ClientName": "c",
		"CreationDate": 1796126400.0, "LastModifiedDate": 1796126400.0,
		"RefreshTokenValidity": 30.0, "TokenValidityUnits": object{}, "AuthSessionValidity": 3.0,
		"AllowedOAuthFlowsUserPoolClient": false, "EnableTokenRevocation": true,
		"EnablePropagateAdditionalUserContextData": false,
	}
	if diff := cmp.Diff(client, want); diff != "" {
		t.Errorf("the client: got -, want +\n%s", diff)
	}
}

// UpdateUserPool gives settings that it does not name their defaults, and keeps what cannot change.
func TestUpdatePool(t *testing.T) {
	r := newRig(t, object{
		"UsernameAttributes": []string{"email"}, "UserPoolTags": object{"team": "a"},
		"Schema": []object{{"Name": "plan", "AttributeDataType": "String", "Mutable": true}},
	}, object{})
	r.ok("UpdateUserPool", object{"UserPoolId": r.pool, "DeletionProtection": "ACTIVE",
		"Policies": object{"PasswordPolicy": object{"MinimumLength": 12}}})

	got := r.described()
	policy := got["Policies"].(object)["PasswordPolicy"].(object)
	if policy["MinimumLength"] != 12.0 || policy["RequireSymbols"] != false || got["AutoVerifiedAttributes"] != nil {
		t.Errorf("changed: %v", got)
	}
	if !slices.Equal(got["UsernameAttributes"].([]any), []any{"email"}) || got["Name"] != "p" ||
		got["UserPoolTags"].(object)["team"] != "a" || len(got["SchemaAttributes"].([]any)) != 21 {
		t.Errorf("kept: %v", got)
	}

	r.refused("DeleteUserPool", object{"UserPoolId": r.pool}, "InvalidParameterException: The user pool cannot be "+
		"deleted because deletion protection is activated. Deletion protection must be inactivated first.")
	r.ok("UpdateUserPool", object{"UserPoolId": r.pool, "PoolName": "renamed"})
	if got := r.described()["Name"]; got != "renamed" {
		t.Errorf("the name is %v", got)
	}
	r.ok("UpdateUserPool", object{"UserPoolId": r.pool, "UserPoolAddOns": object{"AdvancedSecurityMode": "OFF"}})
	if got := r.described()["UserPoolAddOns"]; !cmp.Equal(got, any(object{"AdvancedSecurityMode": "OFF"})) {
		t.Errorf("the add-ons are %v", got) // Terraform's next plan compares them
	}
	r.ok("DeleteUserPool", object{"UserPoolId": r.pool})
	r.refused("DescribeUserPool", object{"UserPoolId": r.pool},
		"ResourceNotFoundException: User pool "+r.pool+" does not exist.")
}

// What is not simulated is refused in words that tell so, and changes nothing. Values that mean nothing pass.
func TestRefusedSettings(t *testing.T) {
	const refusal = "InvalidParameterException: Poolhouse's development user pools do not simulate "
	for name, test := range map[string]struct {
		settings object
		want     string // "" = accepted
	}{
		"MFA":    {object{"MfaConfiguration": "OPTIONAL"}, "multi-factor authentication (MfaConfiguration)"},
		"no MFA": {object{"MfaConfiguration": "OFF"}, ""},
		"triggers": {
			object{"LambdaConfig": object{"PreSignUp": arnOfFunction}},
			"Lambda triggers (LambdaConfig)",
		},
		"no triggers": {object{"LambdaConfig": object{}}, ""},
		"null":        {object{"LambdaConfig": nil, "DeviceConfiguration": nil, "AliasAttributes": []string{}}, ""},
		"devices": {
			object{"DeviceConfiguration": object{"ChallengeRequiredOnNewDevice": true}},
			"device tracking (DeviceConfiguration)",
		},
		"always remember devices": {
			object{"DeviceConfiguration": object{"ChallengeRequiredOnNewDevice": false}},
			"device tracking (DeviceConfiguration)",
		},
		"devices by default": {object{"DeviceConfiguration": object{}}, "device tracking (DeviceConfiguration)"},
		"threats": {
			object{"UserPoolAddOns": object{"AdvancedSecurityMode": "AUDIT"}},
			"threat protection (UserPoolAddOns)",
		},
		"threats in custom flows": {
			object{"UserPoolAddOns": object{"AdvancedSecurityMode": "OFF",
				"AdvancedSecurityAdditionalFlows": object{"CustomAuthMode": "AUDIT"}}},
			"threat protection (UserPoolAddOns)",
		},
		"no threats": {object{"UserPoolAddOns": object{"AdvancedSecurityMode": "OFF"}}, ""},
		"links": {
			object{"VerificationMessageTemplate": object{"DefaultEmailOption": "CONFIRM_WITH_LINK"}},
			"confirmation by link (VerificationMessageTemplate)",
		},
		"no passwords": {
			object{"Policies": object{"SignInPolicy": object{
				"AllowedFirstAuthFactors": []string{"PASSWORD", "WEB_AUTHN"}}}},
			"sign-in without a password (AllowedFirstAuthFactors)",
		},
		"history": {
			object{"Policies": object{"PasswordPolicy": object{"PasswordHistorySize": 3}}},
			"the history of passwords (PasswordHistorySize)",
		},
		"e-mail settings": {
			object{"EmailConfiguration": object{"EmailSendingAccount": "DEVELOPER", "From": "a@b.c"}},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, object{}, object{})
			made := object{"PoolName": "other"}
			changed := object{"UserPoolId": r.pool}
			for member, value := range test.settings {
				made[member], changed[member] = value, value
			}
			delete(changed, "AliasAttributes")

			want := test.want
			if want != "" {
				want = refusal + want + "."
			}
			before := len(r.State.all())
			r.refused("CreateUserPool", made, want)
			r.refused("UpdateUserPool", changed, want)
			if after := len(r.State.all()); after > before && want != "" {
				t.Errorf("%d pools, %d before", after, before)
			}
		})
	}
}

const arnOfFunction = "arn:aws:lambda:eu-central-1:111122223333:function:f"

// Every operation of the model is there: those that are not simulated are refused with status 400.
func TestRefusedOperations(t *testing.T) {
	r := newRig(t, object{}, object{})
	simulated, refused := 0, 0
	for _, op := range apiOperations {
		_, got := r.call(op.name, object{})
		switch {
		case strings.Contains(got, "do not simulate the operation "+op.name+"."):
			refused++
		case strings.Contains(got, "validation error") || strings.Contains(got, "Exception"):
			simulated++
		default:
			t.Errorf("%s: %q", op.name, got)
		}
	}
	if simulated != 57 || refused != len(apiOperations)-57 {
		t.Errorf("%d operations are simulated, %d refused", simulated, refused)
	}
}

// Schemas that AWS refuses are refused, with its words where they are known.
func TestSchemas(t *testing.T) {
	attribute := func(name, kind string, more object) []object {
		a := object{"Name": name, "AttributeDataType": kind}
		for k, v := range more {
			a[k] = v
		}
		return []object{a}
	}
	for name, test := range map[string]struct {
		schema []object
		want   string
	}{
		"custom":   {attribute("plan", "String", object{"StringAttributeConstraints": object{"MaxLength": "5"}}), ""},
		"standard": {attribute("email", "String", object{"Required": true, "Mutable": true}), ""},
		"type of a standard one": {attribute("email", "Number", nil),
			"You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute email"},
		"required custom": {attribute("plan", "String", object{"Required": true}),
			"Required custom attributes are not supported currently."},
		"twice": {append(attribute("plan", "String", nil), attribute("plan", "String", nil)...),
			"custom:plan: Existing attribute already has name custom:plan."},
		"no number": {attribute("plan", "Number", object{"NumberAttributeConstraints": object{"MinValue": "x"}}),
			"The bounds of attribute custom:plan must be whole numbers."},
		"crossed": {attribute("plan", "String", object{"StringAttributeConstraints": object{
			"MinLength": "5", "MaxLength": "4"}}), "The lower bound of attribute custom:plan is above the upper one."},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, object{}, object{})
			want := test.want
			if want != "" {
				want = "InvalidParameterException: " + want
			}
			r.refused("CreateUserPool", object{"PoolName": "other", "Schema": test.schema}, want)
		})
	}

	r := newRig(t, object{}, object{})
	r.ok("AddCustomAttributes", object{"UserPoolId": r.pool, "CustomAttributes": attribute("plan", "String", nil)})
	var many []object
	for i := range maxCustom {
		many = append(many, attribute(fmt.Sprintf("a%d", i), "String", nil)...)
	}
	for _, part := range [][]object{many[:25], many[25:49]} {
		r.ok("AddCustomAttributes", object{"UserPoolId": r.pool, "CustomAttributes": part})
	}
	r.refused("AddCustomAttributes", object{"UserPoolId": r.pool, "CustomAttributes": many[49:]},
		"LimitExceededException: There are at most 50 custom attributes.")
}

// The tag _custom_id_ chooses the ID of a pool; IDs that differ in case only are the same for file systems.
func TestChosenPoolID(t *testing.T) {
	r := newRig(t, object{}, object{})
	create := func(id string) object {
		return object{"PoolName": "x", "UserPoolTags": object{identitypool.CustomIDTag: id}}
	}
	pool := r.ok("CreateUserPool", create("Mine"))["UserPool"].(object)
	if pool["Id"] != "eu-central-1_Mine" {
		t.Errorf("the ID is %v", pool["Id"])
	}

	r.refused("CreateUserPool", create("eu-central-1_MINE"), "InvalidParameterException: The user pool ID is taken.")
	for _, id := range []string{
		"us-east-1_Mine", "a b", "../x", "eu-central-1_../x", "", "eu-central-1_" + strings.Repeat("x", 60),
	} {
		r.refused("CreateUserPool", create(id),
			"InvalidParameterException: The tag _custom_id_ is not the ID of a user pool in eu-central-1.")
	}
}

// A pool belongs to the account and region of the caller.
func TestForeignPools(t *testing.T) {
	r := newRig(t, object{}, object{})
	p, err := r.State.view(r.pool)
	if err != nil {
		t.Fatal(err)
	}
	for id, change := range map[string]func(*Pool){
		"eu-central-1_Foreign": func(p *Pool) { p.Account = "999999999999" },
		"eu-west-1_Elsewhere":  func(p *Pool) { p.Region = "eu-west-1" },
	} {
		other := p.clone()
		other.ID, other.Clients = id, map[string]Client{}
		change(other)
		if err := r.State.create(other); err != nil {
			t.Fatal(err)
		}
		want := "ResourceNotFoundException: User pool " + id + " does not exist."
		r.refused("DescribeUserPool", object{"UserPoolId": id}, want)
		r.refused("DeleteUserPool", object{"UserPoolId": id}, want)
		r.refused("UpdateUserPool", object{"UserPoolId": id}, want)
		r.refused("ListUsers", object{"UserPoolId": id}, want)
	}

	if list := r.ok("ListUserPools", object{"MaxResults": 10})["UserPools"].([]any); len(list) != 1 {
		t.Errorf("listed: %v", list)
	}
}

func TestTags(t *testing.T) {
	r := newRig(t, object{"UserPoolTags": object{"a": "1"}}, object{})
	arn := r.described()["Arn"]
	r.ok("TagResource", object{"ResourceArn": arn, "Tags": object{"a": "2", "b": "3"}})
	r.ok("UntagResource", object{"ResourceArn": arn, "TagKeys": []string{"a", "none"}})
	got := r.ok("ListTagsForResource", object{"ResourceArn": arn})["Tags"]
	if !cmp.Equal(got, any(object{"b": "3"})) {
		t.Errorf("tags: %v", got)
	}

	many := object{}
	for i := range maxTags {
		many[fmt.Sprint(i)] = ""
	}
	r.refused("TagResource", object{"ResourceArn": arn, "Tags": many},
		"LimitExceededException: There are at most 50 tags of a user pool.")
	const other = "arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_x"
	r.refused("ListTagsForResource", object{"ResourceArn": other},
		"InvalidParameterException: "+other+" is not the ARN of a user pool of this account and region.")
}

// Multi-factor authentication is off, and stays so.
func TestMFAConfig(t *testing.T) {
	r := newRig(t, object{}, object{})
	for name, test := range map[string]struct {
		config object
		want   string
	}{
		"off": {object{"MfaConfiguration": "OFF", "SoftwareTokenMfaConfiguration": object{"Enabled": false}}, ""},
		"on":  {object{"MfaConfiguration": "ON"}, "multi-factor authentication (MfaConfiguration)"},
		"tokens": {
			object{"SoftwareTokenMfaConfiguration": object{"Enabled": true}},
			"multi-factor authentication (SoftwareTokenMfaConfiguration)",
		},
		"passkey": {
			object{"WebAuthnConfiguration": object{"RelyingPartyId": "x.example"}},
			"passkeys (WebAuthnConfiguration)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			test.config["UserPoolId"] = r.pool
			want := test.want
			if want != "" {
				want = "InvalidParameterException: Poolhouse's development user pools do not simulate " + want + "."
			}
			r.refused("SetUserPoolMfaConfig", test.config, want)
		})
	}

	r.t = t
	got := r.ok("GetUserPoolMfaConfig", object{"UserPoolId": r.pool})
	if !cmp.Equal(got, object{"MfaConfiguration": "OFF"}) {
		t.Errorf("%v", got)
	}
}

// A tag chooses the issuer of a pool's tokens.
func TestIssuerTag(t *testing.T) {
	r := newRig(t, object{"UserPoolTags": object{issuerTag: "aws"}}, nil)
	issuer := func() string {
		t.Helper()
		p, err := r.State.view(r.pool)
		if err != nil {
			t.Fatal(err)
		}
		return r.IssuerOf(p)
	}
	const local = "http://127.0.0.1:9229/"
	aws := "https://cognito-idp.eu-central-1.amazonaws.com/" + r.pool
	arn := r.described()["Arn"]
	if got := issuer(); got != aws {
		t.Errorf("the issuer is %s", got)
	}

	r.ok("UntagResource", object{"ResourceArn": arn, "TagKeys": []string{issuerTag}})
	if got := issuer(); got != local+r.pool {
		t.Errorf("without the tag: %s", got)
	}
	r.ok("TagResource", object{"ResourceArn": arn, "Tags": object{issuerTag: "aws"}})
	r.ok("UpdateUserPool", object{"UserPoolId": r.pool, "AutoVerifiedAttributes": []string{"email"}})
	if got := issuer(); got != aws {
		t.Errorf("after an update without tags: %s", got)
	}

	r.refused("TagResource", object{"ResourceArn": arn, "Tags": object{issuerTag: "https://x.example"}},
		"InvalidParameterException: The tag _issuer_ is aws or local.")
	r.refused("CreateUserPool", object{"PoolName": "x", "UserPoolTags": object{issuerTag: "AWS"}},
		"InvalidParameterException: The tag _issuer_ is aws or local.")
}

// Tags that would have no effect, or are AWS's own, are refused.
func TestTagsThatCannotBe(t *testing.T) {
	const reserved = "InvalidParameterException: Tag keys cannot begin with aws:, which is reserved for system use."
	const late = "InvalidParameterException: The tag _custom_id_ chooses the ID of a new pool only."
	r := newRig(t, object{"UserPoolTags": object{identitypool.CustomIDTag: "Chosen"}}, nil)
	arn := r.described()["Arn"]
	for _, key := range []string{"aws:x", "AWS:x"} {
		r.refused("TagResource", object{"ResourceArn": arn, "Tags": object{key: "1"}}, reserved)
		r.refused("CreateUserPool", object{"PoolName": "p", "UserPoolTags": object{key: "1"}}, reserved)
	}
	other := object{identitypool.CustomIDTag: "Other"}
	r.refused("TagResource", object{"ResourceArn": arn, "Tags": other}, late)
	r.refused("UpdateUserPool", object{"UserPoolId": r.pool, "UserPoolTags": other}, late)

	for _, id := range []string{"Chosen", "eu-central-1_Chosen"} { // as templates send it again
		r.ok("UpdateUserPool", object{"UserPoolId": r.pool, "UserPoolTags": object{identitypool.CustomIDTag: id}})
	}
}

// A custom attribute of the type DateTime takes a date and a time.
func TestDateTimeAttribute(t *testing.T) {
	r := newRig(t, object{"Schema": []object{{"Name": "at", "AttributeDataType": "DateTime", "Mutable": true}}}, nil)
	create := func(value string) object {
		return r.about("u"+value[:1], object{"UserAttributes": attributeObjects("custom:at", value)})
	}
	r.refused("AdminCreateUser", create("hello"), "InvalidParameterException: Attributes did not conform to the "+
		"schema: custom:at: Attribute value must be a date and a time (RFC 3339).\n")
	r.ok("AdminCreateUser", create("2026-12-01T12:00:00Z"))
}
