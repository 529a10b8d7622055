package iamapi

import "github.com/poolhouse-id/poolhouse/internal/awsapi"

// Operations is the API's table.
func (s *Service) Operations() []awsapi.Operation {
	return []awsapi.Operation{
		awsapi.Signed("CreateRole", "iam:CreateRole", s.createRole, s.needsCreateRole),
		awsapi.Signed("GetRole", "iam:GetRole", s.getRole, onRole(s, func(in *getRoleInput) *string { return in.RoleName })),
		awsapi.Signed("UpdateRole", "iam:UpdateRole", s.updateRole, onRole(s, func(in *updateRoleInput) *string { return in.RoleName })),
		awsapi.Signed("UpdateRoleDescription", "iam:UpdateRoleDescription", s.updateRoleDescription,
			onRole(s, func(in *updateRoleDescriptionInput) *string { return in.RoleName })),
		awsapi.Signed("UpdateAssumeRolePolicy", "iam:UpdateAssumeRolePolicy", s.updateAssumeRolePolicy,
			onRole(s, func(in *updateAssumeRolePolicyInput) *string { return in.RoleName })),
		awsapi.Signed("DeleteRole", "iam:DeleteRole", s.deleteRole, onRole(s, func(in *deleteRoleInput) *string { return in.RoleName })),
		awsapi.Signed("ListRoles", "iam:ListRoles", s.listRoles, onAll[listRolesInput](s, "role/")),
		awsapi.Signed("TagRole", "iam:TagRole", s.tagRole, s.needsTagRole),
		awsapi.Signed("UntagRole", "iam:UntagRole", s.untagRole, s.needsUntagRole),
		awsapi.Signed("ListRoleTags", "iam:ListRoleTags", s.listRoleTags, onRole(s, func(in *listRoleTagsInput) *string { return in.RoleName })),
		awsapi.Signed("ListInstanceProfilesForRole", "iam:ListInstanceProfilesForRole", s.listInstanceProfilesForRole,
			onRole(s, func(in *listInstanceProfilesForRoleInput) *string { return in.RoleName })),
		awsapi.Signed("PutRolePermissionsBoundary", "iam:PutRolePermissionsBoundary", s.putRolePermissionsBoundary, s.needsBoundary),
		awsapi.Signed("DeleteRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", s.deleteRolePermissionsBoundary,
			onRole(s, func(in *deleteRolePermissionsBoundaryInput) *string { return in.RoleName })),

		awsapi.Signed("PutRolePolicy", "iam:PutRolePolicy", s.putRolePolicy, onRole(s, func(in *putRolePolicyInput) *string { return in.RoleName })),
		awsapi.Signed("GetRolePolicy", "iam:GetRolePolicy", s.getRolePolicy, onRole(s, func(in *getRolePolicyInput) *string { return in.RoleName })),
		awsapi.Signed("DeleteRolePolicy", "iam:DeleteRolePolicy", s.deleteRolePolicy,
			onRole(s, func(in *deleteRolePolicyInput) *string { return in.RoleName })),
		awsapi.Signed("ListRolePolicies", "iam:ListRolePolicies", s.listRolePolicies,
			onRole(s, func(in *listRolePoliciesInput) *string { return in.RoleName })),
		awsapi.Signed("AttachRolePolicy", "iam:AttachRolePolicy", s.attachRolePolicy, s.needsAttach),
		awsapi.Signed("DetachRolePolicy", "iam:DetachRolePolicy", s.detachRolePolicy, s.needsDetach),
		awsapi.Signed("ListAttachedRolePolicies", "iam:ListAttachedRolePolicies", s.listAttachedRolePolicies,
			onRole(s, func(in *listAttachedRolePoliciesInput) *string { return in.RoleName })),

		awsapi.Signed("CreatePolicy", "iam:CreatePolicy", s.createPolicy, s.needsCreatePolicy),
		awsapi.Signed("GetPolicy", "iam:GetPolicy", s.getPolicy, onARN(func(in *getPolicyInput) *string { return in.PolicyArn })),
		awsapi.Signed("DeletePolicy", "iam:DeletePolicy", s.deletePolicy, onARN(func(in *deletePolicyInput) *string { return in.PolicyArn })),
		awsapi.Signed("ListPolicies", "iam:ListPolicies", s.listPolicies, onAll[listPoliciesInput](s, "policy/")),
		awsapi.Signed("CreatePolicyVersion", "iam:CreatePolicyVersion", s.createPolicyVersion,
			onARN(func(in *createPolicyVersionInput) *string { return in.PolicyArn })),
		awsapi.Signed("GetPolicyVersion", "iam:GetPolicyVersion", s.getPolicyVersion,
			onARN(func(in *getPolicyVersionInput) *string { return in.PolicyArn })),
		awsapi.Signed("ListPolicyVersions", "iam:ListPolicyVersions", s.listPolicyVersions,
			onARN(func(in *listPolicyVersionsInput) *string { return in.PolicyArn })),
		awsapi.Signed("SetDefaultPolicyVersion", "iam:SetDefaultPolicyVersion", s.setDefaultPolicyVersion,
			onARN(func(in *setDefaultPolicyVersionInput) *string { return in.PolicyArn })),
		awsapi.Signed("DeletePolicyVersion", "iam:DeletePolicyVersion", s.deletePolicyVersion,
			onARN(func(in *deletePolicyVersionInput) *string { return in.PolicyArn })),
		awsapi.Signed("ListEntitiesForPolicy", "iam:ListEntitiesForPolicy", s.listEntitiesForPolicy,
			onARN(func(in *listEntitiesForPolicyInput) *string { return in.PolicyArn })),
		awsapi.Signed("TagPolicy", "iam:TagPolicy", s.tagPolicy,
			onTagged(func(in *tagPolicyInput) (*string, map[string][]string) { return in.PolicyArn, tagConditions(in.Tags) })),
		awsapi.Signed("UntagPolicy", "iam:UntagPolicy", s.untagPolicy,
			onTagged(func(in *untagPolicyInput) (*string, map[string][]string) {
				return in.PolicyArn, keyConditions(in.TagKeys)
			})),
		awsapi.Signed("ListPolicyTags", "iam:ListPolicyTags", s.listPolicyTags, onARN(func(in *listPolicyTagsInput) *string { return in.PolicyArn })),

		awsapi.Signed("CreateOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider", s.createOIDCProvider, s.needsCreateOIDCProvider),
		awsapi.Signed("GetOpenIDConnectProvider", "iam:GetOpenIDConnectProvider", s.getOIDCProvider,
			onARN(func(in *getOIDCProviderInput) *string { return in.OpenIDConnectProviderArn })),
		awsapi.Signed("ListOpenIDConnectProviders", "iam:ListOpenIDConnectProviders", s.listOIDCProviders, onAll[listOIDCProvidersInput](s, "oidc-provider/*")),
		awsapi.Signed("AddClientIDToOpenIDConnectProvider", "iam:AddClientIDToOpenIDConnectProvider", s.addClientID,
			onARN(func(in *addClientIDInput) *string { return in.OpenIDConnectProviderArn })),
		awsapi.Signed("RemoveClientIDFromOpenIDConnectProvider", "iam:RemoveClientIDFromOpenIDConnectProvider", s.removeClientID,
			onARN(func(in *removeClientIDInput) *string { return in.OpenIDConnectProviderArn })),
		awsapi.Signed("UpdateOpenIDConnectProviderThumbprint", "iam:UpdateOpenIDConnectProviderThumbprint", s.updateThumbprint,
			onARN(func(in *updateThumbprintInput) *string { return in.OpenIDConnectProviderArn })),
		awsapi.Signed("DeleteOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider", s.deleteOIDCProvider,
			onARN(func(in *deleteOIDCProviderInput) *string { return in.OpenIDConnectProviderArn })),
		awsapi.Signed("TagOpenIDConnectProvider", "iam:TagOpenIDConnectProvider", s.tagOIDCProvider,
			onTagged(func(in *tagOIDCProviderInput) (*string, map[string][]string) {
				return in.OpenIDConnectProviderArn, tagConditions(in.Tags)
			})),
		awsapi.Signed("UntagOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider", s.untagOIDCProvider,
			onTagged(func(in *untagOIDCProviderInput) (*string, map[string][]string) {
				return in.OpenIDConnectProviderArn, keyConditions(in.TagKeys)
			})),
		awsapi.Signed("ListOpenIDConnectProviderTags", "iam:ListOpenIDConnectProviderTags", s.listOIDCProviderTags,
			onARN(func(in *listOIDCProviderTagsInput) *string { return in.OpenIDConnectProviderArn })),

		awsapi.Signed("CreateSAMLProvider", "iam:CreateSAMLProvider", s.createSAMLProvider, s.needsCreateSAMLProvider),
		awsapi.Signed("GetSAMLProvider", "iam:GetSAMLProvider", s.getSAMLProvider, onARN(func(in *getSAMLProviderInput) *string { return in.SAMLProviderArn })),
		awsapi.Signed("UpdateSAMLProvider", "iam:UpdateSAMLProvider", s.updateSAMLProvider,
			onARN(func(in *updateSAMLProviderInput) *string { return in.SAMLProviderArn })),
		awsapi.Signed("ListSAMLProviders", "iam:ListSAMLProviders", s.listSAMLProviders, onAll[listSAMLProvidersInput](s, "saml-provider/*")),
		awsapi.Signed("DeleteSAMLProvider", "iam:DeleteSAMLProvider", s.deleteSAMLProvider,
			onARN(func(in *deleteSAMLProviderInput) *string { return in.SAMLProviderArn })),
		awsapi.Signed("TagSAMLProvider", "iam:TagSAMLProvider", s.tagSAMLProvider,
			onTagged(func(in *tagSAMLProviderInput) (*string, map[string][]string) {
				return in.SAMLProviderArn, tagConditions(in.Tags)
			})),
		awsapi.Signed("UntagSAMLProvider", "iam:UntagSAMLProvider", s.untagSAMLProvider,
			onTagged(func(in *untagSAMLProviderInput) (*string, map[string][]string) {
				return in.SAMLProviderArn, keyConditions(in.TagKeys)
			})),
		awsapi.Signed("ListSAMLProviderTags", "iam:ListSAMLProviderTags", s.listSAMLProviderTags,
			onARN(func(in *listSAMLProviderTagsInput) *string { return in.SAMLProviderArn })),

		awsapi.Signed("GetUser", "iam:GetUser", s.getUser, nil),
		awsapi.Signed("GetAccountAuthorizationDetails", "iam:GetAccountAuthorizationDetails", s.getAccountAuthorizationDetails, nil),
		awsapi.Signed("ListAccountAliases", "iam:ListAccountAliases", s.listAccountAliases, nil),
	}
}
