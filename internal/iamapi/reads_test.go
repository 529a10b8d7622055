package iamapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// What does not exist here is an empty page, or AWS's error.
func TestIAMReadsOfWhatIsAbsent(t *testing.T) {
	s := wiretest.Start(t)
	c, ctx := s.IAM(), t.Context()

	users := wiretest.Must(c.ListUsers(ctx, &iamclient.ListUsersInput{PathPrefix: aws.String("/a/")}))(t)
	groups := wiretest.Must(c.ListGroups(ctx, &iamclient.ListGroupsInput{MaxItems: aws.Int32(1)}))(t)
	profiles := wiretest.Must(c.ListInstanceProfiles(ctx, &iamclient.ListInstanceProfilesInput{}))(t)
	certificates := wiretest.Must(c.ListServerCertificates(ctx, &iamclient.ListServerCertificatesInput{}))(t)
	devices := wiretest.Must(c.ListVirtualMFADevices(ctx, &iamclient.ListVirtualMFADevicesInput{
		AssignmentStatus: types.AssignmentStatusTypeAny,
	}))(t)
	for name, page := range map[string]struct {
		length    int
		truncated bool
		marker    *string
	}{
		"users":             {len(users.Users), users.IsTruncated, users.Marker},
		"groups":            {len(groups.Groups), groups.IsTruncated, groups.Marker},
		"instance profiles": {len(profiles.InstanceProfiles), profiles.IsTruncated, profiles.Marker},
		"certificates": {
			len(certificates.ServerCertificateMetadataList), certificates.IsTruncated, certificates.Marker,
		},
		"MFA devices": {len(devices.VirtualMFADevices), devices.IsTruncated, devices.Marker},
	} {
		if page.length != 0 || page.truncated || page.marker != nil {
			t.Errorf("%s: %+v", name, page)
		}
	}

	_, err := c.GetAccountPasswordPolicy(ctx, &iamclient.GetAccountPasswordPolicyInput{})
	wiretest.WantError(t, err, "NoSuchEntity", "The Password Policy with domain name 000000000000 cannot be found.")
	_, err = c.GetInstanceProfile(ctx, &iamclient.GetInstanceProfileInput{InstanceProfileName: aws.String("web")})
	wiretest.WantError(t, err, "NoSuchEntity", "Instance Profile web cannot be found.")

	for _, pairs := range [][]string{
		{"ListUsers", "PathPrefix", "a"}, {"ListGroups", "MaxItems", "0"}, {"ListInstanceProfiles", "MaxItems", "1001"},
		{"GetInstanceProfile"}, {"ListVirtualMFADevices", "AssignmentStatus", "Some"},
	} {
		if status, code, _, _ := iamCall(t, s, pairs[0], pairs[1:]...); status != 400 || code != "ValidationError" {
			t.Errorf("%v: %d %s", pairs, status, code)
		}
	}
}

// Each read needs the permission of its name, on its kind of resource.
func TestIAMReadsNeedPermission(t *testing.T) {
	s := wiretest.StartBound(t)
	reads := map[string]struct{ resource, code string }{
		"ListUsers":                {"arn:aws:iam::000000000000:user/", ""},
		"ListGroups":               {"arn:aws:iam::000000000000:group/", ""},
		"ListInstanceProfiles":     {"arn:aws:iam::000000000000:instance-profile/", ""},
		"GetInstanceProfile":       {"arn:aws:iam::000000000000:instance-profile/web", "NoSuchEntity"},
		"ListServerCertificates":   {"arn:aws:iam::000000000000:server-certificate/", ""},
		"ListVirtualMFADevices":    {"arn:aws:iam::000000000000:mfa/", ""},
		"GetAccountSummary":        {"*", ""},
		"GetAccountPasswordPolicy": {"*", "NoSuchEntity"},
	}

	var statements []string
	for name, read := range reads {
		statements = append(statements,
			fmt.Sprintf(`{"Effect":"Allow","Action":"iam:%s","Resource":%q}`, name, read.resource))
	}
	code := func(policy, action string, pairs ...string) string {
		key, secret, err := s.Keys.Create(t.Context(), iam.NewAccessKey{
			Account: identitypool.AccountID(s.Account()), Policy: policy,
		})
		if err != nil {
			t.Fatal(err)
		}
		text := wiretest.Form(action, append([]string{"Version", "2010-05-08"}, pairs...)...).Encode()
		request := wiretest.Must(http.NewRequest(http.MethodPost, s.URL, strings.NewReader(text)))(t)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		wiretest.SignWith(t, request, text, "iam", wiretest.Region, key.ID, secret)
		_, code, _, _ := wiretest.Answered(t, request)
		return code
	}
	may := wiretest.PolicyOf(strings.Join(statements, ","))
	mayNot := wiretest.PolicyOf(`{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}`)

	for name, read := range reads {
		pairs := []string{}
		if name == "GetInstanceProfile" {
			pairs = append(pairs, "InstanceProfileName", "web")
		}
		if got := code(may, name, pairs...); got != read.code {
			t.Errorf("%s with permission: %q", name, got)
		}
		if got := code(mayNot, name, pairs...); got != "AccessDenied" {
			t.Errorf("%s without permission: %q", name, got)
		}
	}
}

// GetAccountSummary counts what the settings and the store have, and shows the quotas that
// this server enforces.
func TestIAMAccountSummary(t *testing.T) {
	idp := samltest.New(t, time.Now().Truncate(time.Second), 0)
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		role := wiretest.Role("settings", wiretest.Home, `"sts:AssumeRole"`, "")
		role.PermissionsBoundary = wiretest.PolicyOf(wiretest.AllowAllStatement)
		c.Roles = []poolhouse.RoleConfig{role}
		c.SAMLProviders = []poolhouse.SAMLProviderConfig{{Name: "Corp", Metadata: idp.Metadata()}}
	})
	c, ctx := s.IAM(), t.Context()

	summary := func() map[string]int32 {
		return wiretest.Must(c.GetAccountSummary(ctx, &iamclient.GetAccountSummaryInput{}))(t).SummaryMap
	}
	before := summary()
	for name, want := range map[string]int32{
		"Roles": 1, "Policies": 1, "PolicyVersionsInUse": 1, "Providers": 2, // SAML and the development issuer
		"RolesQuota": 1000, "PoliciesQuota": 1500, "PolicySizeQuota": 6144, "AssumeRolePolicySizeQuota": 2048,
		"RolePolicySizeQuota": 10240, "AttachedPoliciesPerRoleQuota": 10, "VersionsPerPolicyQuota": 5,
		"PolicyVersionsInUseQuota": 7500, "Users": 0, "UsersQuota": 0, "Groups": 0, "InstanceProfiles": 0,
		"AccountAccessKeysPresent": 1, "AccountMFAEnabled": 0, "GlobalEndpointTokenVersion": 2,
	} {
		if got, ok := before[name]; !ok || got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	wiretest.Equal(t, "keys", len(before), 34)

	const more = 103 // a second batch
	for i := range more {
		s.NewIAMRole(t, fmt.Sprint("app", i), wiretest.AccountTrust)
	}
	document := wiretest.PolicyOf(wiretest.AllowAllStatement)
	made := wiretest.Must(c.CreatePolicy(ctx, &iamclient.CreatePolicyInput{
		PolicyName: aws.String("own"), PolicyDocument: &document,
	}))(t).Policy.Arn
	wiretest.Must(c.CreatePolicyVersion(ctx, &iamclient.CreatePolicyVersionInput{
		PolicyArn: made, PolicyDocument: &document,
	}))(t)
	wiretest.Must(c.CreateOpenIDConnectProvider(ctx, &iamclient.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://login.example.com"),
	}))(t)

	after := summary()
	for name, want := range map[string]int32{"Roles": more, "Policies": 1, "PolicyVersionsInUse": 2, "Providers": 1} {
		if got := after[name] - before[name]; got != want {
			t.Errorf("%d more %s, want %d", got, name, want)
		}
	}
}
