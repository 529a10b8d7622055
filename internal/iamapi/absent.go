package iamapi

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// Reads of things that do not exist here. Tools make them before they do anything else.

// underPath selects the entities of a listing whose path begins with a prefix.
type underPath struct {
	paging
	PathPrefix *string
}

func (in *underPath) Validate() []awsapi.Violation {
	return listed(in.paging, optional("pathPrefix", in.PathPrefix, &pathPrefix))
}

type listUsersInput struct{ underPath }

type listUsersOutput struct {
	Users list[empty]
	pageEnd
}

// listUsers returns an empty list: access keys belong to an account, not to users.
func (s *Service) listUsers(context.Context, awsapi.Caller, *listUsersInput) (*listUsersOutput, error) {
	return &listUsersOutput{}, nil
}

type listGroupsInput struct{ underPath }

type listGroupsOutput struct {
	Groups list[empty]
	pageEnd
}

// listGroups returns an empty list.
func (s *Service) listGroups(context.Context, awsapi.Caller, *listGroupsInput) (*listGroupsOutput, error) {
	return &listGroupsOutput{}, nil
}

type listInstanceProfilesInput struct{ underPath }

type listInstanceProfilesOutput struct {
	InstanceProfiles list[empty]
	pageEnd
}

// listInstanceProfiles returns an empty list: there are no instances here.
func (s *Service) listInstanceProfiles(
	context.Context, awsapi.Caller, *listInstanceProfilesInput,
) (*listInstanceProfilesOutput, error) {
	return &listInstanceProfilesOutput{}, nil
}

type listServerCertificatesInput struct{ underPath }

type listServerCertificatesOutput struct {
	ServerCertificateMetadataList list[empty]
	pageEnd
}

// listServerCertificates returns an empty list.
func (s *Service) listServerCertificates(
	context.Context, awsapi.Caller, *listServerCertificatesInput,
) (*listServerCertificatesOutput, error) {
	return &listServerCertificatesOutput{}, nil
}

type listVirtualMFADevicesInput struct {
	paging
	AssignmentStatus *string
}

func (in *listVirtualMFADevicesInput) Validate() []awsapi.Violation {
	return listed(in.paging, optional("assignmentStatus", in.AssignmentStatus, &assignmentStatus))
}

type listVirtualMFADevicesOutput struct {
	VirtualMFADevices list[empty]
	pageEnd
}

// listVirtualMFADevices returns an empty list: access keys have no second factor.
func (s *Service) listVirtualMFADevices(
	context.Context, awsapi.Caller, *listVirtualMFADevicesInput,
) (*listVirtualMFADevicesOutput, error) {
	return &listVirtualMFADevicesOutput{}, nil
}

type getInstanceProfileInput struct{ InstanceProfileName *string }

func (in *getInstanceProfileInput) Validate() []awsapi.Violation {
	return checked(required("instanceProfileName", in.InstanceProfileName, &profileName)).Violations()
}

// getInstanceProfile finds none.
func (s *Service) getInstanceProfile(
	_ context.Context, _ awsapi.Caller, in *getInstanceProfileInput,
) (*empty, error) {
	return nil, refuse(noSuchEntity, profileMissing.With("name", *in.InstanceProfileName))
}

type getAccountPasswordPolicyInput struct{}

// getAccountPasswordPolicy answers as AWS does for an account that has set none: nobody
// has a password here.
func (s *Service) getAccountPasswordPolicy(
	_ context.Context, c awsapi.Caller, _ *getAccountPasswordPolicyInput,
) (*empty, error) {
	return nil, refuse(noSuchEntity, passwordPolicyMissing.With("account", c.Account))
}
