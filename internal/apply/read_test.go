package apply

import (
	"reflect"
	"strings"
	"testing"
)

func TestReadFaults(t *testing.T) {
	pool := "Resources:\n  Pool:\n    Type: AWS::Cognito::IdentityPool\n    Properties:\n      AllowUnauthenticatedIdentities: true\n"
	tests := []struct{ name, text, want string }{
		{"empty", "", "one YAML document"},
		{"section", "Resource: {}\n", `line 1: unknown section "Resource": did you mean Resources?`},
		{"type", "Resources:\n  A: {Type: AWS::IAM::Rol}\n", "line 2: unknown type of A \"AWS::IAM::Rol\": did you mean AWS::IAM::Role?"},
		{"property", pool + "      IdentityPoolNam: x\n", "did you mean IdentityPoolName?"},
		{"required", "Resources:\n  A: {Type: AWS::Cognito::IdentityPool}\n", "A needs AllowUnauthenticatedIdentities"},
		{"kind", pool + "      OpenIdConnectProviderARNs: x\n", "Pool.OpenIdConnectProviderARNs must be a list"},
		{"sync", pool + "      PushSync: {}\n", "Cognito Sync"},
		{"reference", pool + "      IdentityPoolName: !Ref Poll\n", `line 6: unknown resource "Poll": did you mean Pool?`},
		{"attribute", pool + "      IdentityPoolName: !GetAtt Pool.Arm\n", "did you mean Arn?"},
		{"cycle", pool + "      IdentityPoolName: !Ref Pool\n", "Pool refers to itself"},
		{"function", pool + "      IdentityPoolName: !Join [a, b]\n", "!Join is not supported"},
		{"long function", pool + "      IdentityPoolName: {\"Fn::Join\": [a, b]}\n", "Fn::Join is not supported"},
		{"alias", pool + "      IdentityPoolName: &a x\n", "not supported"},
		{"own tag", pool + "      IdentityPoolTags: {\"poolhouse:applied\": x}\n", "the command's own"},
		{"pinned role", "Resources:\n  A: {Type: AWS::IAM::OIDCProvider, Metadata: {PoolhouseId: x}, Properties: {Url: \"https://a\"}}\n", "only a pool's ID"},
		{"no type", "Resources:\n  A: {Properties: {}}\n", "line 2: A has no Type"},
		{"AWS's tag", pool + "      IdentityPoolTags: {\"aws:cloudformation:stack-name\": x}\n", "AWS's own: leave aws:cloudformation:stack-name out"},
		{"AWS's tag in another case", pool + "      IdentityPoolTags: [{Key: \"AWS:x\", Value: x}]\n", "AWS's own: leave AWS:x out"},
		{"tag twice", pool + "      IdentityPoolTags: [{Key: a, Value: 1}, {Key: a, Value: 2}]\n", "the tag a is there twice"},
		{"key without a blank", pool + "      IdentityPoolTags: {a:b: c}\n", `line 6: write the key that begins with "a:" in quotes`},
		{"number that JSON has not", "Resources:\n  A:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument:\n        Statement: [{Condition: {NumericEquals: {\"a:b\": 0x10}}}]\n",
			"A.PolicyDocument.Statement[0].Condition.NumericEquals.a:b: write 0x10 as a decimal number, or in quotes"},
		{"key twice in JSON", "Resources:\n  A: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: '{\"Statement\":[{\"Effect\":\"Deny\",\"Effect\":\"Allow\"}]}'}}\n", `the key "Effect" is there twice`},
		{"something after JSON", "Resources:\n  A: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: '{\"Statement\":[]} {}'}}\n", "something follows the JSON value"},
		{"deep JSON", "Resources:\n  A: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: '" + strings.Repeat("[", 99999) + "'}}\n", "nested too deeply"},
		{"DependsOn", "Resources:\n  A: {Type: AWS::IAM::OIDCProvider, DependsOn: {a: b}, Properties: {Url: \"https://a\"}}\n", "A.DependsOn must be a name"},
		{"ID that is none", "Resources:\n  A: {Type: AWS::Cognito::IdentityPool, Metadata: {PoolhouseId: 12345}, Properties: {AllowUnauthenticatedIdentities: true}}\n", "PoolhouseId must be a pool ID"},
		{"misspelt ID", "Resources:\n  A: {Type: AWS::Cognito::IdentityPool, Metadata: {PoolHouseID: x}, Properties: {AllowUnauthenticatedIdentities: true}}\n", "did you mean PoolhouseId?"},
		{"anchor", "Resources: &a {}\n", "Resources must be a mapping"},
		{"merge", "Resources:\n  A: {Type: AWS::Cognito::IdentityPool, Properties: {<<: {AllowUnauthenticatedIdentities: true}}}\n", "a key must be plain text"},
		{"endless brackets", "Resources: " + strings.Repeat("[", 1<<16), "line 1: nested too deeply"},
		{"endless indentation", "a:\n" + strings.Repeat(" ", 2000) + "b: c\n", "line 2: nested too deeply"},
		{"deep", pool + "      IdentityPoolName: " + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "\n", "nested too deeply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read([]byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// What looks odd and is right is taken as it was meant.
func TestReadTakes(t *testing.T) {
	text := "\xef\xbb\xbfResources:\r\n  A:\r\n    Type: AWS::Cognito::IdentityPool\r\n    Metadata: {Comment: x}\r\n    Properties:\r\n      AllowUnauthenticatedIdentities: 'true'\r\n" +
		"      IdentityPoolName: 0123\r\n      SupportedLoginProviders: {\"a:b\":c, www.amazon.com: 1.50}\r\n"
	resources, err := Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"AllowUnauthenticatedIdentities": true, "IdentityPoolName": "0123", "SupportedLoginProviders": map[string]any{"a:b": "c", "www.amazon.com": "1.50"}}
	if got := resources[0].Properties; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestReadOrder(t *testing.T) {
	resources, err := Read([]byte("Resources:\n  B: {Type: AWS::Cognito::IdentityPool, Properties: {AllowUnauthenticatedIdentities: true, IdentityPoolName: !Sub \"${A.Arn}-${AWS::Region}-${!x}\"}}\n  A: {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://a\"}}\n"))
	if err != nil || len(resources) != 2 || resources[0].Name != "A" {
		t.Errorf("%v %v", resources, err)
	}
}

// Whatever a file holds, it is read or refused.
func FuzzRead(f *testing.F) {
	pool := "Resources:\n  Pool:\n    Type: AWS::Cognito::IdentityPool\n    Metadata: {PoolhouseId: \"us-east-1:11111111-2222-4333-8444-555555555555\"}\n    Properties:\n      AllowUnauthenticatedIdentities: true\n"
	for _, text := range []string{"", pool, pool + "      IdentityPoolName: !Sub \"${Pool.Arn}${!x}\"\n", "{Resources: {A: {Type: AWS::IAM::OIDCProvider, Properties: {Url: &a x, Tags: [{Key: a, Value: *a}]}}}}",
		"Resources: {A: {Type: AWS::IAM::ManagedPolicy, DependsOn: [A], Properties: {PolicyDocument: '{\"a\": [1, {}]}'}}}", "a: |\n  b\n--- c\n? - d\n: <<", "Resources: !Ref {Fn::GetAtt: [A, B]}\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		resources, err := Read([]byte(text))
		for _, r := range resources {
			if _, known := types[r.Type]; !known || err != nil || r.Properties == nil {
				t.Errorf("%+v, %v", r, err)
			}
		}
	})
}
