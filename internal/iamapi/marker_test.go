package iamapi_test

import (
	"encoding/base64"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
	"strings"
	"testing"
)

// A marker that no listing gave out is the caller's mistake, or begins a page
// somewhere: it is never ours.
func TestIAMMarkers(t *testing.T) {
	s := wiretest.Start(t)
	s.NewIAMRole(t, "App", wiretest.AccountTrust)
	const admin = "arn:aws:iam::aws:policy/AdministratorAccess"

	listings := map[string][]string{
		"ListRoles": nil, "ListPolicies": nil, "GetAccountAuthorizationDetails": nil,
		"ListRoleTags": {"RoleName", "App"}, "ListRolePolicies": {"RoleName", "App"},
		"ListAttachedRolePolicies": {"RoleName", "App"},
		"ListPolicyVersions":       {"PolicyArn", admin}, "ListEntitiesForPolicy": {"PolicyArn", admin},
		"ListPolicyTags": {"PolicyArn", admin},
	}

	for name, marker := range map[string]string{
		"NUL": "app\x00", "not UTF-8": "\xff\xfe", "NUL behind a kind": "0/\x00", "not UTF-8 behind a kind": "2/\xff",
		"long": strings.Repeat("a", 2000),
		"long behind a kind": "0/" +
			strings.Repeat("a", 2000), "long policy": "2/" +
			strings.Repeat("a", 2000), "quotes": "2/' OR 1=1 --", "another listing's": "app",
	} {
		for action, pairs := range listings {
			status, code, message, _ := iamCall(t, s, action, append(
				[]string{"Marker", base64.RawURLEncoding.EncodeToString([]byte(marker))}, pairs...)...)
			if status != 200 &&
				(status != 400 || code != "ValidationError" ||
					message != "The marker is not one that this API returned.") {
				t.Errorf("%s, %s: %d %s: %s", action, name, status, code, message)
			}
			if strings.Contains(name, "U") && status == 200 { // NUL and what is not UTF-8
				t.Errorf("%s, %s: a page", action, name)
			}
		}
	}
}
