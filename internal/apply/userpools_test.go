package apply_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

const userPools = `
Resources:
  Customers:
    Type: AWS::Cognito::UserPool
    Metadata: { PoolhouseId: us-east-1_Customers }
    Properties:
      UsernameAttributes: [email]
      AutoVerifiedAttributes: [email]
      Schema:
        - { Name: plan, AttributeDataType: String, Mutable: true, StringAttributeConstraints: { MaxLength: "20" } }
        - { Name: email, Required: true }
      Policies: { PasswordPolicy: { MinimumLength: 8, RequireSymbols: false } }
      UserPoolTags: { team: a }
  App:
    Type: AWS::Cognito::UserPoolClient
    Metadata: { PoolhouseId: customersapp }
    Properties:
      UserPoolId: !Ref Customers
      ExplicitAuthFlows: [ALLOW_USER_PASSWORD_AUTH, ALLOW_REFRESH_TOKEN_AUTH]
  Web:
    Type: AWS::Cognito::UserPoolClient
    Properties: { UserPoolId: !Ref Customers, GenerateSecret: true, RefreshTokenValidity: 5 }
  Admins:
    Type: AWS::Cognito::UserPoolGroup
    Properties: { UserPoolId: !Ref Customers, Precedence: 1 }
  Alice:
    Type: AWS::Cognito::UserPoolUser
    Properties:
      UserPoolId: !Ref Customers
      Username: alice@example.com
      UserAttributes:
        - { Name: email_verified, Value: "true" }
        - { Name: "custom:plan", Value: free }
      PoolhousePassword: Secret123
  AliceIsAdmin:
    Type: AWS::Cognito::UserPoolUserToGroupAttachment
    Properties: { UserPoolId: !Ref Customers, Username: !Ref Alice, GroupName: !Ref Admins }
  Pool:
    Type: AWS::Cognito::IdentityPool
    Properties:
      AllowUnauthenticatedIdentities: false
      CognitoIdentityProviders: [{ ProviderName: !GetAtt Customers.ProviderName, ClientId: !Ref App }]
Outputs:
  Pool: { Value: !Ref Customers }
  Arn: { Value: !GetAtt Customers.Arn }
  Url: { Value: !GetAtt Customers.ProviderURL }
  Client: { Value: !GetAtt App.ClientId }
`

// withUserPools reads a text for a server that has user pools.
func withUserPools(t *testing.T, text string) *apply.File {
	t.Helper()
	file, err := apply.Read([]byte(text), apply.ReadOptions{UserPools: true})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// actions returns what was done with each resource, without those that did not change.
func actions(result *apply.Result) string {
	var done []string
	for _, one := range result.Resources {
		if one.Action != apply.ActionNone {
			done = append(done, string(one.Action)+" "+one.Name)
		}
	}
	return strings.Join(done, ", ")
}

// User pools, clients, groups and users are made with the chosen IDs, stay as they are at the second time,
// and change where the file changed.
func TestUserPools(t *testing.T) {
	r := newRig(t)
	var out strings.Builder
	result, err := apply.Apply(t.Context(), r.client, withUserPools(t, userPools),
		apply.Options{Name: "pools", Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "the first time", actions(result), "create Customers, create App, create Web, create Admins, "+
		"create Alice, create AliceIsAdmin, create Pool")
	for name, want := range map[string]string{
		"Pool":   "us-east-1_Customers",
		"Arn":    "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_Customers",
		"Url":    "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Customers",
		"Client": "customersapp",
	} {
		equal(t, name, result.Outputs[name].Value, want)
	}
	if printed := out.String(); strings.Contains(printed, "Secret123") || !strings.Contains(printed, "****") {
		t.Errorf("the plan shows the password, or not that there is one:\n%s", printed)
	}

	password := map[string]string{"USERNAME": "alice@example.com", "PASSWORD": "Secret123"}
	var signedIn struct{ AuthenticationResult struct{ IdToken string } }
	if err := r.client.JSON(t.Context(), "cognito-idp", "AWSCognitoIdentityProviderService", "InitiateAuth",
		map[string]any{"ClientId": "customersapp", "AuthFlow": "USER_PASSWORD_AUTH",
			"AuthParameters": password}, &signedIn); err != nil ||
		signedIn.AuthenticationResult.IdToken == "" {
		t.Errorf("sign-in: %v", err)
	}

	equal(t, "the second time", actions(r.applied(withUserPools(t, userPools), "pools")), "")
	changed := strings.NewReplacer("MinimumLength: 8", "MinimumLength: 9", "RefreshTokenValidity: 5",
		"RefreshTokenValidity: 6", "Precedence: 1", "Precedence: 2", "Value: free", "Value: paid", "team: a", "team: b",
	).Replace(userPools)
	equal(t, "after a change", actions(r.applied(withUserPools(t, changed), "pools")),
		"update Customers, update Web, update Admins, update Alice")
	equal(t, "once more", actions(r.applied(withUserPools(t, changed), "pools")), "")
}

// --prune deletes no user pool, and says so: with a file that has some, and with one that had some before.
func TestPruneLeavesUserPoolsAlone(t *testing.T) {
	const about = "note: --prune leaves user pools alone"
	const gone = "note: the user pool us-east-1_Customers was made for Customers, which is no longer in the file"
	r := newRig(t)
	file := withUserPools(t, userPools)
	r.applied(file, "pools")
	none, err := apply.Read([]byte("Resources: {}"), apply.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		step        string
		file        *apply.File
		name        string
		prune       bool
		about, gone bool
	}{
		{"without --prune", file, "pools", false, false, false},
		{"with the user pool", file, "pools", true, true, false},
		{"another file", none, "others", true, false, false},
		{"without the user pool", none, "pools", true, false, true},
	} {
		var out strings.Builder
		options := apply.Options{Name: test.name, Out: &out, Prune: test.prune}
		if _, err := apply.Apply(t.Context(), r.client, test.file, options); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), about) != test.about || strings.Contains(out.String(), gone) != test.gone {
			t.Errorf("%s:\n%s", test.step, &out)
		}
	}

	in := map[string]any{"UserPoolId": "us-east-1_Customers"}
	if err := r.client.JSON(t.Context(), "cognito-idp", "AWSCognitoIdentityProviderService", "DescribeUserPool",
		in, nil); err != nil {
		t.Errorf("the user pool is gone: %v", err)
	}
}

// What cannot change is refused before anything changes.
func TestUserPoolsRefuse(t *testing.T) {
	r := newRig(t)
	r.applied(withUserPools(t, userPools), "pools")
	for _, test := range []struct{ before, after, want string }{
		{"UsernameAttributes: [email]", "UsernameAttributes: [phone_number]", "UsernameAttributes is "},
		{`MaxLength: "20"`, `MaxLength: "30"`, "the attributes of a user pool cannot be changed"},
		{"GenerateSecret: true", "GenerateSecret: false", "GenerateSecret is true and cannot be changed to false"},
		{": us-east-1_Customers", ": eu-west-1_Customers", "which is not of the region us-east-1"},
		{"AutoVerifiedAttributes: [email]", "MfaConfiguration: ON", "do not simulate multi-factor authentication"},
	} {
		text := strings.Replace(userPools, test.before, test.after, 1)
		file, err := apply.Read([]byte(text), apply.ReadOptions{UserPools: true})
		if err == nil {
			_, err = apply.Apply(t.Context(), r.client, file, apply.Options{Name: "pools", Out: io.Discard})
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.after, err, test.want)
		}
	}

	for _, id := range []string{"no ID", "us-east-1:11111111-2222-4333-8444-555555555555", "us-east-1_a/b"} {
		_, err := apply.Read([]byte(strings.Replace(userPools, "us-east-1_Customers", "'"+id+"'", 1)),
			apply.ReadOptions{UserPools: true})
		wantError(t, err, "PoolhouseId must be an ID of the form that AWS::Cognito::UserPool has")
	}
}

// Templates of AWS's tools make their user pools on a server that has some, the second time without a change.
func TestTemplatesWithUserPools(t *testing.T) {
	for file, made := range map[string]string{
		"cdk-providers.json": "create Users0A0EEA89, create Client01B0629F, create Admins",
		"amplify.json":       "create authUserPool, create authUserPoolAppClient, create authadminsGroup",
		"serverless.json":    "create Users, create Client",
	} {
		t.Run(file, func(t *testing.T) {
			r := newRig(t)
			options := apply.ReadOptions{IgnoreUnknown: true, UserPools: true}
			template, err := r.template(file, options)
			if err != nil {
				t.Fatal(err)
			}
			done := actions(r.applied(template, "stack"))
			for one := range strings.SplitSeq(made, ", ") {
				if !strings.Contains(done, one) {
					t.Errorf("%s lacks %s", done, one)
				}
			}
			for _, left := range template.Skipped {
				if strings.HasPrefix(left.Type, "AWS::Cognito") {
					t.Errorf("%+v is left out", left)
				}
			}

			if template, err = r.template(file, options); err != nil {
				t.Fatal(err)
			}
			equal(t, "the second time", actions(r.applied(template, "stack")), "")
		})
	}
}

// A server without user pools is found out before a file is read.
func TestHasUserPools(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		has     bool
		fails   bool
	}{
		"has": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"UserPools":[]}`)
		}, true, false},
		"has not": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"UnknownOperationException","message":"x"}`)
		}, false, false},
		"denies": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"x"}`)
		}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			has, err := rigAt(t, test.handler).client.HasUserPools(t.Context())
			if has != test.has || (err != nil) != test.fails {
				t.Errorf("%v, %v", has, err)
			}
		})
	}

	_, err := apply.Read([]byte(userPools), apply.ReadOptions{})
	wantError(t, err, `unknown type of Customers "AWS::Cognito::UserPool": this server has no user pools; the setting `+
		"user_pools lists those that it trusts; --ignore-unknown leaves it out, with what pools take from it")
	if !apply.MentionsUserPools([]byte(userPools)) || apply.MentionsUserPools([]byte("Resources: {}")) {
		t.Error("MentionsUserPools")
	}
}
