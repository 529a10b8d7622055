package iamapi

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Versions of managed policies.

type policyVersion struct {
	Document         *string `xml:",omitempty"`
	VersionId        string
	IsDefaultVersion bool
	CreateDate       string
}

func versionName(number int) string { return "v" + strconv.Itoa(number) }

func versionOf(p store.ManagedPolicy, v store.PolicyVersion, whole bool) policyVersion {
	out := policyVersion{
		VersionId:        versionName(v.Number),
		IsDefaultVersion: v.Number == p.Default,
		CreateDate:       timestamp(fromMillis(v.Created)),
	}
	if whole {
		out.Document = new(encoded(v.Document))
	}

	return out
}

type createPolicyVersionInput struct {
	byPolicy
	PolicyDocument *string
	SetAsDefault   *bool
}

func (in *createPolicyVersionInput) Validate() []awsapi.Violation {
	return checked(
		in.field(),
		required("policyDocument", in.PolicyDocument, &document),
	).Violations()
}

type policyVersionOutput struct{ PolicyVersion policyVersion }

func (s *Service) createPolicyVersion(
	ctx context.Context, c awsapi.Caller, in *createPolicyVersionInput,
) (*policyVersionOutput, error) {
	if err := checkManaged(*in.PolicyDocument); err != nil {
		return nil, err
	}

	now := s.now().UnixMilli()
	p, err := s.updatePolicy(ctx, c, in.PolicyArn, func(p *store.ManagedPolicy) error {
		if len(p.Versions) >= maxPolicyVersions {
			return refuse(limitExceeded, policyVersionQuota.With("limit", strconv.Itoa(maxPolicyVersions)))
		}

		p.Versions = append(p.Versions, store.PolicyVersion{Number: p.Next, Document: *in.PolicyDocument, Created: now})
		if in.SetAsDefault != nil && *in.SetAsDefault {
			p.Default = p.Next
		}
		p.Next++
		p.Updated = now

		return nil
	})
	if err != nil {
		return nil, err
	}
	s.warnOfKeys(ctx, *in.PolicyArn, iam.IdentityPolicyWarnings(*in.PolicyDocument, false))

	return &policyVersionOutput{PolicyVersion: versionOf(p, p.Versions[len(p.Versions)-1], false)}, nil
}

// policyVersionInput names a version of a policy.
type policyVersionInput struct {
	byPolicy
	VersionId *string
}

func (in *policyVersionInput) Validate() []awsapi.Violation {
	return checked(in.field(), required("versionId", in.VersionId, &versionID)).Violations()
}

func versionMissing(arn, version string) error {
	return refuse(noSuchEntity, policyVersionMissing.With("arn", arn, "version", version).Of(arn))
}

// versionNumbered returns the version of p that a request names, such as v2.
func versionNumbered(p store.ManagedPolicy, name string) (store.PolicyVersion, bool) {
	number, err := strconv.Atoi(strings.TrimPrefix(name, "v"))
	if err != nil {
		return store.PolicyVersion{}, false
	}
	return p.Version(number)
}

func (s *Service) getPolicyVersion(
	ctx context.Context, c awsapi.Caller, in *policyVersionInput,
) (*policyVersionOutput, error) {
	p, _, err := s.policyNamed(ctx, c, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	v, ok := versionNumbered(p, *in.VersionId)
	if !ok {
		return nil, versionMissing(*in.PolicyArn, *in.VersionId)
	}

	return &policyVersionOutput{PolicyVersion: versionOf(p, v, true)}, nil
}

type listPolicyVersionsInput struct {
	byPolicy
	paging
}

func (in *listPolicyVersionsInput) Validate() []awsapi.Violation {
	return listed(in.paging, in.field())
}

type listPolicyVersionsOutput struct {
	Versions list[policyVersion]
	pageEnd
}

// listPolicyVersions lists the newest version first, as AWS does.
func (s *Service) listPolicyVersions(
	ctx context.Context, c awsapi.Caller, in *listPolicyVersionsInput,
) (*listPolicyVersionsOutput, error) {
	p, _, err := s.policyNamed(ctx, c, in.PolicyArn)
	if err != nil {
		return nil, err
	}

	versions := slices.Clone(p.Versions)
	slices.Reverse(versions)

	out := &listPolicyVersionsOutput{}
	// Keys must ascend, and the numbers descend.
	versions, out.pageEnd, err = page(in.paging, versions, func(v store.PolicyVersion) string {
		return fmt.Sprintf("%010d", 1<<31-v.Number)
	})
	for _, v := range versions {
		out.Versions.Members = append(out.Versions.Members, versionOf(p, v, false))
	}

	return out, err
}

func (s *Service) setDefaultPolicyVersion(
	ctx context.Context, c awsapi.Caller, in *policyVersionInput,
) (*awsapi.NoOutput, error) {
	_, err := s.updatePolicy(ctx, c, in.PolicyArn, func(p *store.ManagedPolicy) error {
		v, ok := versionNumbered(*p, *in.VersionId)
		if !ok {
			return versionMissing(*in.PolicyArn, *in.VersionId)
		}
		p.Default, p.Updated = v.Number, s.now().UnixMilli()
		return nil
	})

	return nil, err
}

func (s *Service) deletePolicyVersion(
	ctx context.Context, c awsapi.Caller, in *policyVersionInput,
) (*awsapi.NoOutput, error) {
	_, err := s.updatePolicy(ctx, c, in.PolicyArn, func(p *store.ManagedPolicy) error {
		v, ok := versionNumbered(*p, *in.VersionId)
		switch {
		case !ok:
			return versionMissing(*in.PolicyArn, *in.VersionId)
		case v.Number == p.Default:
			return refuse(deleteConflict, policyVersionDefault.With())
		}

		p.Versions = slices.DeleteFunc(p.Versions, func(other store.PolicyVersion) bool {
			return other.Number == v.Number
		})
		p.Updated = s.now().UnixMilli()

		return nil
	})

	return nil, err
}
