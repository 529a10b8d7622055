package iamapi

import "github.com/poolhouse-id/poolhouse/internal/awsapi"

// Operations returns the API's table: each operation's name and method. The permission
// that it needs has the same name, for the resources that the input names (needs.go).
func (s *Service) Operations() []awsapi.Operation {
	return []awsapi.Operation{
		signed(s, "CreateRole", (*Service).createRole),
		signed(s, "GetRole", (*Service).getRole),
		signed(s, "UpdateRole", (*Service).updateRole),
		signed(s, "UpdateRoleDescription", (*Service).updateRoleDescription),
		signed(s, "UpdateAssumeRolePolicy", (*Service).updateAssumeRolePolicy),
		signed(s, "DeleteRole", (*Service).deleteRole),
		signed(s, "ListRoles", (*Service).listRoles),
		signed(s, "TagRole", tagResource[byRole]),
		signed(s, "UntagRole", untagResource[byRole]),
		signed(s, "ListRoleTags", listResourceTags[byRole]),
		signed(s, "ListInstanceProfilesForRole", (*Service).listInstanceProfilesForRole),
		signed(s, "PutRolePermissionsBoundary", (*Service).putRolePermissionsBoundary),
		signed(s, "DeleteRolePermissionsBoundary", (*Service).deleteRolePermissionsBoundary),

		signed(s, "PutRolePolicy", (*Service).putRolePolicy),
		signed(s, "GetRolePolicy", (*Service).getRolePolicy),
		signed(s, "DeleteRolePolicy", (*Service).deleteRolePolicy),
		signed(s, "ListRolePolicies", (*Service).listRolePolicies),
		signed(s, "AttachRolePolicy", (*Service).attachRolePolicy),
		signed(s, "DetachRolePolicy", (*Service).detachRolePolicy),
		signed(s, "ListAttachedRolePolicies", (*Service).listAttachedRolePolicies),

		signed(s, "CreatePolicy", (*Service).createPolicy),
		signed(s, "GetPolicy", (*Service).getPolicy),
		signed(s, "DeletePolicy", (*Service).deletePolicy),
		signed(s, "ListPolicies", (*Service).listPolicies),
		signed(s, "CreatePolicyVersion", (*Service).createPolicyVersion),
		signed(s, "GetPolicyVersion", (*Service).getPolicyVersion),
		signed(s, "ListPolicyVersions", (*Service).listPolicyVersions),
		signed(s, "SetDefaultPolicyVersion", (*Service).setDefaultPolicyVersion),
		signed(s, "DeletePolicyVersion", (*Service).deletePolicyVersion),
		signed(s, "ListEntitiesForPolicy", (*Service).listEntitiesForPolicy),
		signed(s, "TagPolicy", tagResource[byPolicy]),
		signed(s, "UntagPolicy", untagResource[byPolicy]),
		signed(s, "ListPolicyTags", listResourceTags[byPolicy]),

		signed(s, "CreateOpenIDConnectProvider", (*Service).createOIDCProvider),
		signed(s, "GetOpenIDConnectProvider", (*Service).getOIDCProvider),
		signed(s, "ListOpenIDConnectProviders", (*Service).listOIDCProviders),
		signed(s, "AddClientIDToOpenIDConnectProvider", (*Service).addClientID),
		signed(s, "RemoveClientIDFromOpenIDConnectProvider", (*Service).removeClientID),
		signed(s, "UpdateOpenIDConnectProviderThumbprint", (*Service).updateThumbprint),
		signed(s, "DeleteOpenIDConnectProvider", (*Service).deleteOIDCProvider),
		signed(s, "TagOpenIDConnectProvider", tagResource[byOIDC]),
		signed(s, "UntagOpenIDConnectProvider", untagResource[byOIDC]),
		signed(s, "ListOpenIDConnectProviderTags", listResourceTags[byOIDC]),

		signed(s, "CreateSAMLProvider", (*Service).createSAMLProvider),
		signed(s, "GetSAMLProvider", (*Service).getSAMLProvider),
		signed(s, "UpdateSAMLProvider", (*Service).updateSAMLProvider),
		signed(s, "ListSAMLProviders", (*Service).listSAMLProviders),
		signed(s, "DeleteSAMLProvider", (*Service).deleteSAMLProvider),
		signed(s, "TagSAMLProvider", tagResource[bySAML]),
		signed(s, "UntagSAMLProvider", untagResource[bySAML]),
		signed(s, "ListSAMLProviderTags", listResourceTags[bySAML]),

		signed(s, "ListUsers", (*Service).listUsers),
		signed(s, "ListGroups", (*Service).listGroups),
		signed(s, "ListInstanceProfiles", (*Service).listInstanceProfiles),
		signed(s, "GetInstanceProfile", (*Service).getInstanceProfile),
		signed(s, "ListServerCertificates", (*Service).listServerCertificates),
		signed(s, "ListVirtualMFADevices", (*Service).listVirtualMFADevices),

		awsapi.Signed("GetUser", "iam:GetUser", call(s, (*Service).getUser), nil),
		awsapi.Signed("GetAccountAuthorizationDetails", "iam:GetAccountAuthorizationDetails",
			call(s, (*Service).getAccountAuthorizationDetails), nil),
		awsapi.Signed("GetAccountSummary", "iam:GetAccountSummary", call(s, (*Service).getAccountSummary), nil),
		awsapi.Signed("GetAccountPasswordPolicy", "iam:GetAccountPasswordPolicy",
			call(s, (*Service).getAccountPasswordPolicy), nil),
		awsapi.Signed("ListAccountAliases", "iam:ListAccountAliases", call(s, (*Service).listAccountAliases), nil),
	}
}
