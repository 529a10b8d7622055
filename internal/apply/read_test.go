package apply_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

const readPool = `Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Properties:
      AllowUnauthenticatedIdentities: true
`

// attached is a role attachment with one mapping of one rule.
const attached = `Resources:
  A:
    Type: AWS::Cognito::IdentityPoolRoleAttachment
    Properties:
      IdentityPoolId: x
      RoleMappings:
        idp:
          Type: Rules
          RulesConfiguration: {Rules: [{Claim: a, MatchType: Equals, RoleARN: r, Value: v}]}
`

func TestReadFaults(t *testing.T) {
	policy := func(document string) string {
		return "Resources:\n  A: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: " + document + "}}\n"
	}
	tests := []struct{ name, text, want string }{
		// The file as a whole.
		{"empty", "", "the file must hold one YAML document with Resources"},
		{"two documents", "Resources: {}\n---\nResources: {}\n", "the file must hold one YAML document"},
		{"too long", strings.Repeat("#", apply.MaxFile+1), "the limit is 16777216"},
		{"no YAML", "Resources: [", "sequence end token ']' not found"},
		{"no mapping", "[a]\n", "line 1: the file must be a mapping"},
		{"section", "Resource: {}\n", `line 1: unknown section "Resource": did you mean Resources?`},
		{"section like none", "Elephants: {}\n",
			`unknown section "Elephants": there are AWSTemplateFormatVersion, Conditions, Description, `},
		{"anchor", "Resources: &a {}\n", "line 1: Resources must be a mapping"},
		{"alias", readPool + "      IdentityPoolName: &a x\n",
			"line 6: anchors, aliases and other special values are not supported"},
		{"merge", "Resources:\n" +
			"  A: {Type: AWS::Cognito::IdentityPool, Properties: {<<: {AllowUnauthenticatedIdentities: true}}}\n",
			"a key must be plain text"},
		{"key twice", "Resources: {}\nResources: {}\n", `mapping key "Resources" already defined`},
		{"key without a blank", readPool + "      IdentityPoolTags: {a:b: c}\n",
			`line 6: write the key that begins with "a:" in quotes`},
		{"endless brackets", "Resources: " + strings.Repeat("[", 1<<16), "line 1: nested too deeply"},
		{"endless indentation", "a:\n" + strings.Repeat(" ", 2000) + "b: c\n", "line 2: nested too deeply"},
		{"deep", readPool + "      IdentityPoolName: " + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "\n",
			"nested too deeply"},

		// A resource.
		{"no type", "Resources:\n  A: {Properties: {}}\n", "line 2: A has no Type"},
		{"type", "Resources:\n  A: {Type: AWS::IAM::Rol}\n",
			`line 2: unknown type of A "AWS::IAM::Rol": did you mean AWS::IAM::Role?`},
		{"type of a part", "Resources:\n  A: {Type: AWS::IAM::RolePolic}\n",
			`line 2: unknown type of A "AWS::IAM::RolePolic": did you mean AWS::IAM::RolePolicy?`},
		{"type like none", "Resources:\n  A: {Type: x}\n",
			`unknown type of A "x": there are AWS::Cognito::IdentityPool, ` +
				"AWS::Cognito::IdentityPoolPrincipalTag, AWS::Cognito::IdentityPoolRoleAttachment, " +
				"AWS::IAM::ManagedPolicy, AWS::IAM::OIDCProvider, AWS::IAM::Policy, AWS::IAM::Role, " +
				"AWS::IAM::RolePolicy, AWS::IAM::SAMLProvider"},
		{"attribute of a resource", "Resources:\n  A: {Type: AWS::IAM::Role, Propertes: {}}\n",
			`unknown attribute of A "Propertes": did you mean Properties?`},
		{"properties", "Resources:\n  A: {Type: AWS::IAM::Role, Properties: [a]}\n", "A: Properties must be a mapping"},
		{"no properties", "Resources:\n  A: {Type: AWS::IAM::OIDCProvider}\n", "line 2: A needs Url"},
		{"DependsOn",
			"Resources:\n  A: {Type: AWS::IAM::OIDCProvider, DependsOn: {a: b}, Properties: {Url: \"https://a\"}}\n",
			"A.DependsOn must be a name or a list of names"},
		{"DependsOn nothing",
			"Resources:\n  A: {Type: AWS::IAM::OIDCProvider, DependsOn: Aa, Properties: {Url: \"https://a\"}}\n",
			`line 2: unknown resource in DependsOn of A "Aa": did you mean A?`},
		{"ID that is none", "Resources:\n  A: {Type: AWS::Cognito::IdentityPool, Metadata: {PoolhouseId: 12345}, " +
			"Properties: {AllowUnauthenticatedIdentities: true}}\n", "PoolhouseId must be a pool ID"},
		{"misspelt ID", "Resources:\n  A: {Type: AWS::Cognito::IdentityPool, Metadata: {PoolHouseID: x}, " +
			"Properties: {AllowUnauthenticatedIdentities: true}}\n",
			`unknown metadata "PoolHouseID": did you mean PoolhouseId?`},
		{"ID of a provider", "Resources:\n  A: {Type: AWS::IAM::OIDCProvider, Metadata: {PoolhouseId: \"" + poolOne +
			"\"}, Properties: {Url: \"https://a\"}}\n", "A: only a pool's ID can be chosen with PoolhouseId"},

		// A property.
		{"property", readPool + "      IdentityPoolNam: x\n",
			`line 2: unknown property of Pool "IdentityPoolNam": did you mean IdentityPoolName?`},
		{"property like none", readPool + "      X: x\n", `unknown property of Pool "X": there are AllowClassicFlow, ` +
			"AllowUnauthenticatedIdentities, CognitoEvents, "},
		{"unexported field",
			"Resources:\n  A: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {}, inTheWay: v1}}\n",
			`unknown property of A "inTheWay"`},
		{"required", "Resources:\n  A: {Type: AWS::Cognito::IdentityPool}\n", "A needs AllowUnauthenticatedIdentities"},
		{"required and null", "Resources:\n  A: {Type: AWS::IAM::OIDCProvider, Properties: {Url: null}}\n",
			"A needs Url"},
		{"text", readPool + "      IdentityPoolName: [a]\n", "Pool.IdentityPoolName must be text"},
		{"text that is true", readPool + "      IdentityPoolName: true\n", "Pool.IdentityPoolName must be text"},
		{"boolean", readPool + "      AllowClassicFlow: 1\n", "Pool.AllowClassicFlow must be true or false"},
		{"boolean as text", readPool + "      AllowClassicFlow: \"yes\"\n",
			"Pool.AllowClassicFlow must be true or false"},
		{"integer", "Resources:\n  A: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}, " +
			"MaxSessionDuration: 1.5}}\n",
			"A.MaxSessionDuration must be an integer"},
		{"integer that JSON has not", "Resources:\n" +
			"  A: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}, MaxSessionDuration: 0x10}}\n",
			"A.MaxSessionDuration must be an integer"},
		{"list", readPool + "      OpenIdConnectProviderARNs: x\n", "Pool.OpenIdConnectProviderARNs must be a list"},
		{"member of a list", readPool + "      SamlProviderARNs: [a, {b: c}]\n",
			"Pool.SamlProviderARNs[1] must be text"},
		{"mapping", readPool + "      SupportedLoginProviders: x\n", "Pool.SupportedLoginProviders must be a mapping"},
		{"member of an object", readPool + "      CognitoIdentityProviders: [{ProviderName: a, Client: b}]\n",
			"unknown property of Pool.CognitoIdentityProviders[0] \"Client\": did you mean ClientId?\n" +
				"line 2: Pool.CognitoIdentityProviders[0] needs ClientId"},
		{"object", readPool + "      CognitoIdentityProviders: [a]\n",
			"Pool.CognitoIdentityProviders[0] must be a mapping"},
		{"object that is null", readPool + "      CognitoIdentityProviders: [null]\n",
			"Pool.CognitoIdentityProviders[0] needs ProviderName"},
		{"Cognito Sync", readPool + "      PushSync: {}\n",
			"Pool.PushSync belongs to Cognito Sync, which is not offered"},
		{"rule", strings.Replace(attached, "Claim: a, ", "", 1),
			"A.RoleMappings.idp.RulesConfiguration.Rules[0] needs Claim"},
		{"rules", strings.Replace(attached, "Rules: [", "Rule: [", 1),
			"unknown property of A.RoleMappings.idp.RulesConfiguration \"Rule\": did you mean Rules?"},

		// Tags.
		{"own tag", readPool + "      IdentityPoolTags: {\"poolhouse:applied\": x}\n",
			"Pool.IdentityPoolTags: tags that begin with poolhouse:applied are the command's own"},
		{"AWS's tag", readPool + "      IdentityPoolTags: {\"aws:cloudformation:stack-name\": x}\n",
			"AWS's own: leave aws:cloudformation:stack-name out"},
		{"AWS's tag in another case", readPool + "      IdentityPoolTags: [{Key: \"AWS:x\", Value: x}]\n",
			"AWS's own: leave AWS:x out"},
		{"tag twice", readPool + "      IdentityPoolTags: [{Key: a, Value: 1}, {Key: a, Value: 2}]\n",
			"the tag a is there twice"},
		{"tag without a value", readPool + "      IdentityPoolTags: [{Key: a}]\n",
			"Pool.IdentityPoolTags[0] needs Value"},
		{"tags", readPool + "      IdentityPoolTags: a\n",
			"Pool.IdentityPoolTags must be a list of Key and Value, or a mapping"},

		// Documents.
		{"document", policy("[a]"), "A.PolicyDocument must be a policy document, as YAML or as JSON text"},
		{"document that is no JSON", policy("'{'"), "A.PolicyDocument: "},
		{"number that JSON has not", policy(`{Statement: [{Condition: {NumericEquals: {"a:b": 0x10}}}]}`),
			"A.PolicyDocument.Statement[0].Condition.NumericEquals.a:b: write 0x10 as a decimal number, or in quotes"},
		{"key twice in JSON", policy(`'{"Statement":[{"Effect":"Deny","Effect":"Allow"}]}'`),
			`the key "Effect" is there twice`},
		{"something after JSON", policy(`'{"Statement":[]} {}'`), "something follows the JSON value"},
		{"deep JSON", policy("'" + strings.Repeat("[", 99999) + "'"), "JSON that is nested too deeply"},

		// References.
		{"reference", readPool + "      IdentityPoolName: !Ref Poll\n",
			`line 6: unknown resource "Poll": did you mean Pool?`},
		{"attribute", readPool + "      IdentityPoolName: !GetAtt Pool.Arm\n",
			`line 6: unknown attribute of Pool "Arm": did you mean Arn?`},
		{"attribute of what has none", attached + "  B: {Type: AWS::IAM::OIDCProvider, Properties: {Url: !Ref A}}\n",
			`unknown attribute of A "Ref": there are `},
		{"reference in a document", policy(`{Statement: [{Resource: [{"Fn::GetAtt": [B, Arn]}]}]}`),
			`unknown resource "B"`},
		{"reference in a place for none", readPool + "      AllowClassicFlow: !Ref AWS::Region\n",
			"Pool.AllowClassicFlow must be true or false"},
		{"function", readPool + "      IdentityPoolName: !Join [a, b]\n",
			"line 6: Fn::Join is not supported in this form: use Fn::Join: [DELIMITER, LIST]"},
		{"long function", readPool + "      IdentityPoolName: {\"Fn::Join\": [a, b]}\n",
			"Fn::Join is not supported in this form"},
		{"GetAtt without an attribute", readPool + "      IdentityPoolName: !GetAtt Pool\n",
			"Fn::GetAtt is not supported in this form"},
		{"Sub with a list", readPool + "      IdentityPoolName: !Sub [a, [b]]\n",
			"Fn::Sub is not supported in this form"},
		{"Sub that is open", readPool + "      IdentityPoolName: !Sub \"${Pool\"\n",
			"line 6: Fn::Sub: ${ is not closed"},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file, err := apply.Read([]byte(tt.text), apply.ReadOptions{})
			if wantError(t, err, tt.want); file != nil {
				t.Errorf("got resources, too: %v", file)
			}
		})
	}
}

// All faults of a file are told at once, each with its line.
func TestReadTellsAllFaults(t *testing.T) {
	_, err := apply.Read([]byte(readPool+`      Name: x
  Role: {Type: AWS::IAM::Role, Properties: {Path: []}}
  Other: {Type: AWS::IAM::Group}
`), apply.ReadOptions{})
	wantError(t, err, `line 2: unknown property of Pool "Name": there are `)
	wantError(t, err, "\nline 7: Role.Path must be text\nline 7: Role needs AssumeRolePolicyDocument\n")
	wantError(t, err, "line 8: unknown type of Other")
}

// What looks odd and is right is taken as it was meant.
func TestReadTakes(t *testing.T) {
	resources := readFile(t, "\xef\xbb\xbfResources:\r\n  A:\r\n    Type: AWS::Cognito::IdentityPool\r\n"+
		"    Metadata: {Comment: x}\r\n    Properties:\r\n      AllowUnauthenticatedIdentities: 'true'\r\n"+
		"      IdentityPoolName: 0123\r\n      SupportedLoginProviders: {\"a:b\":c, www.amazon.com: 1.50}\r\n"+
		"      IdentityPoolTags: {a: 7, b: \"\"}\r\n      SamlProviderARNs: []\r\n"+
		"Description: text\r\nAWSTemplateFormatVersion: 2010-09-09\r\nMetadata: [anything]\r\n")
	equal(t, "properties", resources[0].Properties, map[string]any{
		"AllowUnauthenticatedIdentities": true,
		"IdentityPoolName":               "0123",
		"SupportedLoginProviders":        map[string]any{"a:b": "c", "www.amazon.com": "1.50"},
		"IdentityPoolTags":               map[string]any{"a": "7", "b": ""},
		"SamlProviderARNs":               []any{},
	})
	if resources := readFile(t, "Resources: {}\n"); len(resources) != 0 {
		t.Errorf("%v", resources)
	}
}

// References are read in the short and in the long forms.
func TestReadReferences(t *testing.T) {
	want := func(parts ...apply.Part) *apply.Reference { return &apply.Reference{Line: 4, Parts: parts} }
	name := apply.Part{Resource: "Issuer", Attribute: "Arn"}

	for text, want := range map[string]*apply.Reference{
		"!Ref Issuer":                     want(apply.Part{Resource: "Issuer", Attribute: "Ref"}),
		"{Ref: Issuer}":                   want(apply.Part{Resource: "Issuer", Attribute: "Ref"}),
		"!GetAtt Issuer.Arn":              want(name),
		"{\"Fn::GetAtt\": [Issuer, Arn]}": want(name),
		"{\"Fn::GetAtt\": Issuer.Arn}":    want(name),
		"!Sub \"${!x}-${Issuer.Arn}\"":    want(apply.Part{Text: "${x}-"}, name),
		"!Sub \"a${AWS::Region}b\"": want(apply.Part{Text: "a"},
			apply.Part{Resource: "AWS::Region", Attribute: "Ref"}, apply.Part{Text: "b"}),
	} {
		resources := readFile(t,
			"Resources:\n  A:\n    Type: AWS::IAM::SAMLProvider\n    Properties: {SamlMetadataDocument: "+text+"}\n"+
				"  Issuer: {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://a\"}}\n")

		last := resources[len(resources)-1]
		if last.Name != "A" {
			last = resources[0]
		}
		equal(t, text, last.Properties["SamlMetadataDocument"], any(want))
	}
}

// Each resource follows what it refers to, and otherwise stays where the file has it.
func TestReadOrder(t *testing.T) {
	provider := func(name, more string) string {
		return "  " + name + ": {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://" + name +
			"\"}" + more + "}\n"
	}
	saml := func(name, text string) string {
		return "  " + name + ": {Type: AWS::IAM::SAMLProvider, Properties: {SamlMetadataDocument: " + text + "}}\n"
	}
	for _, test := range []struct{ name, text, want string }{
		{"none", provider("C", "") + provider("A", "") + provider("B", ""), "C A B"},
		{"one", provider("C", ", DependsOn: B") + provider("A", "") + provider("B", ""), "B C A"},
		{"several, by name", provider("D", ", DependsOn: [C, A, B]") + provider("C", "") + provider("B", "") +
			provider("A", ""), "A B C D"},
		{"chain", provider("A", ", DependsOn: B") + provider("B", ", DependsOn: C") + provider("C", ""), "C B A"},
		{"diamond", provider("A", ", DependsOn: [B, C]") + provider("B", ", DependsOn: D") +
			provider("C", ", DependsOn: D") + provider("D", ""), "D B C A"},
		{"reference", saml("A", "!Ref B") + provider("B", ""), "B A"},
		{"reference in text", saml("A", `!Sub "x-${C}-${B.Arn}-${AWS::Region}"`) + provider("C", "") +
			provider("B", ""), "B C A"},
		{"what is no reference", saml("A", `!Sub "${!B}"`) + provider("B", ""), "A B"},
	} {
		var names []string
		for _, r := range readFile(t, "Resources:\n"+test.text) {
			names = append(names, r.Name)
		}
		equal(t, test.name, strings.Join(names, " "), test.want)
	}

	for name, text := range map[string]string{
		"itself":        saml("A", "!Ref A"),
		"by DependsOn":  provider("A", ", DependsOn: A"),
		"by another":    provider("A", ", DependsOn: B") + provider("B", ", DependsOn: A"),
		"by two others": provider("A", ", DependsOn: B") + saml("B", "!Ref C") + saml("C", `!Sub "${A}"`),
	} {
		_, err := apply.Read([]byte("Resources:\n"+text), apply.ReadOptions{})
		wantError(t, err, "line 2: A refers to itself, by way of others")
		if t.Failed() {
			t.Log(name)
		}
	}
}

// Whatever a file holds, it is read or refused; what is read can be planned.
func FuzzRead(f *testing.F) {
	pinned := strings.Replace(readPool, "    Properties",
		"    Metadata: {PoolhouseId: \""+poolOne+"\"}\n    Properties", 1)
	for _, text := range []string{
		"", readPool, attached, pinned + "      IdentityPoolName: !Sub \"${Pool.Arn}${!x}\"\n",
		"{Resources: {A: {Type: AWS::IAM::OIDCProvider, Properties: {Url: &a x, Tags: [{Key: a, Value: *a}]}}}}",
		"Resources: {A: {Type: AWS::IAM::ManagedPolicy, DependsOn: [A], Properties: {PolicyDocument: '{\"a\": [1," +
			" {}]}'}}}",
		"a: |\n  b\n--- c\n? - d\n: <<", "Resources: !Ref {Fn::GetAtt: [A, B]}\n",
		"Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: !Sub \"{${AWS::Region}}\", " +
			"MaxSessionDuration: +5, " +
			"Policies: [{PolicyName: 1, PolicyDocument: {a: 1e400}}], Tags: {a: null}}}}",
		"Resources: {T: {Type: AWS::Cognito::IdentityPoolPrincipalTag, Properties: {IdentityPoolId: 0x10, " +
			"IdentityProviderName: [], UseDefaults: \"false\"}}}",
	} {
		f.Add(text)
	}

	known := []string{"AWS::Cognito::IdentityPool", "AWS::Cognito::IdentityPoolRoleAttachment",
		"AWS::Cognito::IdentityPoolPrincipalTag",
		"AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::IAM::OIDCProvider", "AWS::IAM::SAMLProvider"}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := apply.Read([]byte(text), apply.ReadOptions{Region: region})
		if (file == nil) == (err == nil) {
			t.Fatalf("%v, %v", file, err)
		}
		if err != nil {
			return
		}
		for _, r := range file.Resources {
			if !slices.Contains(known, r.Type) || r.Properties == nil {
				t.Errorf("%+v", r)
			}
		}
		r := rigAt(t, emptyServer{})

		_, err = apply.Apply(t.Context(), r.client, file, apply.Options{Name: "f", DryRun: true, Out: &r.transcript})
		if err != nil && !strings.Contains(err.Error(), " (line ") {
			t.Errorf("%v is no fault of the file:\n%s", err, text)
		}
	})
}
