package declare

import (
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

func TestReadOrder(t *testing.T) {
	resources, err := Read([]byte("Resources:\n  B: {Type: AWS::Cognito::IdentityPool, Properties: {AllowUnauthenticatedIdentities: true, IdentityPoolName: !Sub \"${A.Arn}-${AWS::Region}-${!x}\"}}\n  A: {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://a\"}}\n"))
	if err != nil || len(resources) != 2 || resources[0].Name != "A" {
		t.Errorf("%v %v", resources, err)
	}
}
