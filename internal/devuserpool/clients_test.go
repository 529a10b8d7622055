package devuserpool

import (
	"strings"
	"testing"
)

func TestClients(t *testing.T) {
	r := newRig(t, object{}, object{})
	in := func(more object) object {
		client := object{"UserPoolId": r.pool, "ClientName": "x"}
		for member, value := range more {
			client[member] = value
		}
		return client
	}
	for name, test := range map[string]struct {
		settings object
		want     string
	}{
		"hosted pages": {object{"AllowedOAuthFlows": []string{"code"}, "CallbackURLs": []string{"https://example.com"},
			"AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthScopes": []string{"openid"},
			"SupportedIdentityProviders": []string{"COGNITO"}}, ""},
		"provider": {object{"SupportedIdentityProviders": []string{"Google"}},
			"The provider Google does not exist for User Pool " + r.pool + "."},
		"unknown attribute": {object{"ReadAttributes": []string{"custom:none"}},
			"Invalid read attributes specified while creating a client"},
		"too short": {
			object{"AccessTokenValidity": 4, "TokenValidityUnits": object{"AccessToken": "minutes"}},
			badValidity,
		},
		"just long": {
			object{"AccessTokenValidity": 5, "TokenValidityUnits": object{"AccessToken": "minutes"}},
			"",
		},
		"too long":   {object{"IdTokenValidity": 25}, badValidity},
		"no refresh": {object{"RefreshTokenValidity": 0}, ""},
		"overflow":   {object{"RefreshTokenValidity": 315360000}, badValidity},
		"mixed flows": {
			object{"ExplicitAuthFlows": []string{"ALLOW_USER_SRP_AUTH", "USER_PASSWORD_AUTH"}},
			mixedFlows,
		},
		"exchange": {
			object{"ExplicitAuthFlows": []string{"ALLOW_TOKEN_EXCHANGE_DELEGATION"}},
			notHere + "the exchange of tokens (ExplicitAuthFlows ALLOW_TOKEN_EXCHANGE_DELEGATION).",
		},
		"secret manager": {
			object{"PublishSecretsInAWSSecretsManager": true},
			notHere + "secrets in AWS Secrets Manager (PublishSecretsInAWSSecretsManager).",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			want := test.want
			if want != "" {
				want = "InvalidParameterException: " + want
			}
			r.refused("CreateUserPoolClient", in(test.settings), want)
		})
	}
	r.t = t

	made := r.ok("CreateUserPoolClient", in(object{"GenerateSecret": true}))["UserPoolClient"].(object)
	secret, _ := made["ClientSecret"].(string)
	if len(secret) != 52 {
		t.Errorf("the secret is %q", secret)
	}
	changed := r.ok("UpdateUserPoolClient", object{"UserPoolId": r.pool, "ClientId": made["ClientId"],
		"RefreshTokenValidity": 5})["UserPoolClient"].(object)
	if changed["ClientSecret"] != secret || changed["ClientName"] != "x" || changed["RefreshTokenValidity"] != 5.0 {
		t.Errorf("changed: %v", changed)
	}

	r.ok("DeleteUserPoolClient", object{"UserPoolId": r.pool, "ClientId": made["ClientId"]})
	r.refused("DescribeUserPoolClient", object{"UserPoolId": r.pool, "ClientId": made["ClientId"]},
		"ResourceNotFoundException: User pool client "+made["ClientId"].(string)+" does not exist.")
}

const (
	notHere     = "Poolhouse's development user pools do not simulate "
	badValidity = "Invalid range for token validity."
	mixedFlows  = "ExplicitAuthFlows has values with the prefix ALLOW_ and values without it."
)

// Pages of a list do not repeat or skip anything, and their tokens can be anything without a fault.
func TestPages(t *testing.T) {
	r := newRig(t, object{}, object{})
	for range 7 {
		r.ok("CreateUserPoolClient", object{"UserPoolId": r.pool, "ClientName": "x"})
	}

	seen := map[any]bool{}
	in := object{"UserPoolId": r.pool, "MaxResults": 3}
	for pages := 1; ; pages++ {
		out := r.ok("ListUserPoolClients", in)
		for _, c := range out["UserPoolClients"].([]any) {
			id := c.(object)["ClientId"]
			if seen[id] {
				t.Errorf("%v is there twice", id)
			}
			seen[id] = true
		}
		if out["NextToken"] == nil {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		in["NextToken"] = out["NextToken"]
	}
	if len(seen) != 8 {
		t.Errorf("%d clients", len(seen))
	}

	for _, token := range []string{"!", "a", "=", strings.Repeat("x", 100_001)} {
		r.refused("ListUserPoolClients", object{"UserPoolId": r.pool, "NextToken": token},
			"InvalidParameterException: Invalid pagination token.")
	}
}

// A client's users may write what the pool requires of them, and nothing that only the pool sets.
func TestWriteAttributes(t *testing.T) {
	const invalid = "InvalidParameterException: Invalid write attributes specified while creating a client"
	r := newRig(t, object{"Schema": []object{{"Name": "email", "Required": true}}}, nil)
	for name, test := range map[string]struct {
		names []string
		want  string
	}{
		"none":             {nil, ""},
		"the required one": {[]string{"email", "name"}, ""},
		"not the required": {[]string{"name"}, invalid},
		"the subject":      {[]string{"email", "sub"}, invalid},
		"verified e-mail":  {[]string{"email", "email_verified"}, invalid},
		"verified number":  {[]string{"email", "phone_number_verified"}, invalid},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			_, got := r.call("CreateUserPoolClient", object{"UserPoolId": r.pool, "ClientName": "c",
				"WriteAttributes": test.names})
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
