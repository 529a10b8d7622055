package iamapi

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
)

type getAccountSummaryInput struct{}

// summaryMap is a map in a response, sorted by key.
type summaryMap struct {
	Entries []summaryEntry `xml:"entry"`
}

type summaryEntry struct {
	Key   string `xml:"key"`
	Value int    `xml:"value"`
}

type getAccountSummaryOutput struct{ SummaryMap summaryMap }

// getAccountSummary counts what the account has, and shows this server's quotas. What
// does not exist here has the quota 0.
func (s *Service) getAccountSummary(
	ctx context.Context, c awsapi.Caller, _ *getAccountSummaryInput,
) (*getAccountSummaryOutput, error) {
	counts, err := s.view.Directory.Count(ctx, accountOf(c))
	if err != nil {
		return nil, err
	}
	hasRootKey, err := s.hasRootKey(ctx, accountOf(c))
	if err != nil {
		return nil, err
	}

	numbers := map[string]int{
		"Roles":                        counts.Roles,
		"RolesQuota":                   iam.MaxRoles,
		"AssumeRolePolicySizeQuota":    maxTrustPolicy,
		"RolePolicySizeQuota":          maxInlinePolicies,
		"AttachedPoliciesPerRoleQuota": maxAttachedPolicies,

		"Policies":                 counts.Policies,
		"PoliciesQuota":            iam.MaxPolicies,
		"PolicySizeQuota":          maxManagedPolicy,
		"PolicyVersionsInUse":      counts.PolicyVersions,
		"PolicyVersionsInUseQuota": iam.MaxPolicies * maxPolicyVersions,
		"VersionsPerPolicyQuota":   maxPolicyVersions,

		"Providers":                  counts.Providers,
		"GlobalEndpointTokenVersion": 2, // valid in all regions
	}
	if hasRootKey {
		numbers["AccountAccessKeysPresent"] = 1
	}

	out := &getAccountSummaryOutput{}
	for _, key := range summaryKeys {
		out.SummaryMap.Entries = append(out.SummaryMap.Entries, summaryEntry{key, numbers[key]})
	}

	return out, nil
}

// summaryKeys are the keys that AWS answers (IAM API reference, GetAccountSummary).
var summaryKeys = []string{
	"AccessKeysPerUserQuota", "AccountAccessKeysPresent", "AccountMFAEnabled", "AccountPasswordPresent",
	"AccountSigningCertificatesPresent", "AssumeRolePolicySizeQuota", "AttachedPoliciesPerGroupQuota",
	"AttachedPoliciesPerRoleQuota", "AttachedPoliciesPerUserQuota", "GlobalEndpointTokenVersion",
	"GroupPolicySizeQuota", "Groups", "GroupsPerUserQuota", "GroupsQuota", "InstanceProfiles",
	"InstanceProfilesQuota", "MFADevices", "MFADevicesInUse", "Policies", "PoliciesQuota", "PolicySizeQuota",
	"PolicyVersionsInUse", "PolicyVersionsInUseQuota", "Providers", "RolePolicySizeQuota", "Roles", "RolesQuota",
	"ServerCertificates", "ServerCertificatesQuota", "SigningCertificatesPerUserQuota", "UserPolicySizeQuota",
	"Users", "UsersQuota", "VersionsPerPolicyQuota",
}
