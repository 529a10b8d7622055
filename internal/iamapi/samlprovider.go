package iamapi

import (
	"context"
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// samlWords returns the texts about the provider with that ARN.
func samlWords(arn string) words {
	return words{
		what:    "SAML provider",
		section: "saml_providers",
		missing: "Manifest not found for arn " + arn,
		quota:   fmt.Sprintf("Cannot exceed quota for SAMLProvidersPerAccount: %d", iam.MaxSAMLProviders),
	}
}

// validUntil returns the end of the metadata's validity; if it states none, a
// hundred years after the provider was created, as AWS does.
func validUntil(p store.SAMLProvider) string {
	if metadata, err := iam.CheckSAMLMetadata(p.Metadata); err == nil && !metadata.ValidUntil.IsZero() {
		return timestamp(metadata.ValidUntil)
	}

	created := p.Created
	if created.IsZero() {
		created = time.Unix(0, 0)
	}

	return timestamp(created.AddDate(100, 0, 0))
}

// checkMetadata refuses a document that cannot verify any login, and settings that
// ask for encrypted assertions, which this server cannot read.
func checkMetadata(document string, encryption *string, privateKey *string) error {
	if value(encryption) == "Required" || privateKey != nil {
		return refuse(invalidInput, samlEncrypted.With())
	}
	if _, err := iam.CheckSAMLMetadata(document); err != nil {
		return refuse(invalidInput, samlUnreadable.With("problem", err.Error()))
	}
	return nil
}

type createSAMLProviderInput struct {
	Name                    *string
	SAMLMetadataDocument    *string
	AssertionEncryptionMode *string
	AddPrivateKey           *string
	Tags                    []tag
}

func (in *createSAMLProviderInput) Validate() []awsapi.Violation {
	return checkTags(checked(
		required("name", in.Name, &samlName),
		required("sAMLMetadataDocument", in.SAMLMetadataDocument, &samlMetadata),
	), in.Tags, false)
}

type createSAMLProviderOutput struct {
	SAMLProviderArn string
	Tags            list[tag]
}

func (s *Service) createSAMLProvider(
	ctx context.Context, c awsapi.Caller, in *createSAMLProviderInput,
) (*createSAMLProviderOutput, error) {
	if err := checkMetadata(*in.SAMLMetadataDocument, in.AssertionEncryptionMode, in.AddPrivateKey); err != nil {
		return nil, err
	}
	tags, err := addTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}

	p, err := s.directory.CreateSAMLProvider(ctx, store.SAMLProvider{
		Account:  accountOf(c),
		Name:     *in.Name,
		Metadata: *in.SAMLMetadataDocument,
		Tags:     tags,
	})
	if err != nil {
		w := samlWords("")
		w.conflict = "SAML provider " + *in.Name + " already exists."
		return nil, w.fault(err)
	}

	return &createSAMLProviderOutput{s.directory.SAMLProviderARN(p), tagsOf(p.Tags)}, nil
}

type getSAMLProviderInput struct{ SAMLProviderArn *string }

func (in *getSAMLProviderInput) Validate() []awsapi.Violation {
	return checked(required("sAMLProviderArn", in.SAMLProviderArn, &arn)).Violations()
}

type getSAMLProviderOutput struct {
	SAMLProviderUUID     string
	SAMLMetadataDocument string
	CreateDate           string
	ValidUntil           string
	Tags                 list[tag]
}

func (s *Service) getSAMLProvider(
	ctx context.Context, c awsapi.Caller, in *getSAMLProviderInput,
) (*getSAMLProviderOutput, error) {
	p, err := s.directory.RegisteredSAMLProvider(ctx, accountOf(c), *in.SAMLProviderArn)
	if err != nil {
		return nil, samlWords(*in.SAMLProviderArn).fault(err)
	}
	return &getSAMLProviderOutput{p.ID, p.Metadata, timestamp(p.Created), validUntil(p), tagsOf(p.Tags)}, nil
}

type updateSAMLProviderInput struct {
	SAMLProviderArn         *string
	SAMLMetadataDocument    *string
	AssertionEncryptionMode *string
	AddPrivateKey           *string
}

func (in *updateSAMLProviderInput) Validate() []awsapi.Violation {
	return checked(
		required("sAMLProviderArn", in.SAMLProviderArn, &arn),
		optional("sAMLMetadataDocument", in.SAMLMetadataDocument, &samlMetadata),
	).Violations()
}

type updateSAMLProviderOutput struct{ SAMLProviderArn string }

func (s *Service) updateSAMLProvider(
	ctx context.Context, c awsapi.Caller, in *updateSAMLProviderInput,
) (*updateSAMLProviderOutput, error) {
	if in.SAMLMetadataDocument != nil || in.AddPrivateKey != nil || value(in.AssertionEncryptionMode) == "Required" {
		if err := checkMetadata(
			value(in.SAMLMetadataDocument), in.AssertionEncryptionMode, in.AddPrivateKey,
		); err != nil {
			return nil, err
		}
	}

	_, err := s.directory.UpdateSAMLProvider(ctx, accountOf(c), *in.SAMLProviderArn, func(p *store.SAMLProvider) error {
		if in.SAMLMetadataDocument != nil {
			p.Metadata = *in.SAMLMetadataDocument
		}
		return nil
	})
	if err != nil {
		return nil, samlWords(*in.SAMLProviderArn).fault(err)
	}

	return &updateSAMLProviderOutput{*in.SAMLProviderArn}, nil
}

type listSAMLProvidersInput struct{}

type samlProviderEntry struct{ Arn, ValidUntil, CreateDate string }

type listSAMLProvidersOutput struct {
	SAMLProviderList list[samlProviderEntry]
}

func (s *Service) listSAMLProviders(
	ctx context.Context, c awsapi.Caller, _ *listSAMLProvidersInput,
) (*listSAMLProvidersOutput, error) {
	providers, err := s.directory.RegisteredSAMLProviders(ctx, accountOf(c))
	if err != nil {
		return nil, err
	}

	out := &listSAMLProvidersOutput{}
	for _, p := range providers {
		out.SAMLProviderList.Members = append(out.SAMLProviderList.Members, samlProviderEntry{
			s.directory.SAMLProviderARN(p), validUntil(p), timestamp(p.Created),
		})
	}

	return out, nil
}

type deleteSAMLProviderInput struct{ SAMLProviderArn *string }

func (in *deleteSAMLProviderInput) Validate() []awsapi.Violation {
	return checked(required("sAMLProviderArn", in.SAMLProviderArn, &arn)).Violations()
}

func (s *Service) deleteSAMLProvider(
	ctx context.Context, c awsapi.Caller, in *deleteSAMLProviderInput,
) (*awsapi.NoOutput, error) {
	return nil, samlWords(*in.SAMLProviderArn).fault(
		s.directory.DeleteSAMLProvider(ctx, accountOf(c), *in.SAMLProviderArn))
}

type tagSAMLProviderInput struct {
	SAMLProviderArn *string
	Tags            []tag
}

func (in *tagSAMLProviderInput) Validate() []awsapi.Violation {
	return checkTags(checked(required("sAMLProviderArn", in.SAMLProviderArn, &arn)), in.Tags, true)
}

func (s *Service) tagSAMLProvider(
	ctx context.Context, c awsapi.Caller, in *tagSAMLProviderInput,
) (*awsapi.NoOutput, error) {
	_, err := s.directory.UpdateSAMLProvider(
		ctx, accountOf(c), *in.SAMLProviderArn, func(p *store.SAMLProvider) (err error) {
			p.Tags, err = addTags(p.Tags, in.Tags)
			return err
		})
	return nil, samlWords(*in.SAMLProviderArn).fault(err)
}

type untagSAMLProviderInput struct {
	SAMLProviderArn *string
	TagKeys         []string
}

func (in *untagSAMLProviderInput) Validate() []awsapi.Violation {
	return checkTagKeys(checked(required("sAMLProviderArn", in.SAMLProviderArn, &arn)), in.TagKeys)
}

func (s *Service) untagSAMLProvider(
	ctx context.Context, c awsapi.Caller, in *untagSAMLProviderInput,
) (*awsapi.NoOutput, error) {
	_, err := s.directory.UpdateSAMLProvider(ctx, accountOf(c), *in.SAMLProviderArn, func(p *store.SAMLProvider) error {
		p.Tags = removeTags(p.Tags, in.TagKeys)
		return nil
	})
	return nil, samlWords(*in.SAMLProviderArn).fault(err)
}

type listSAMLProviderTagsInput struct {
	SAMLProviderArn *string
	Marker          *string
	MaxItems        *int
}

func (in *listSAMLProviderTagsInput) Validate() []awsapi.Violation {
	return listed(paging{in.Marker, in.MaxItems}, required("sAMLProviderArn", in.SAMLProviderArn, &arn))
}

func (s *Service) listSAMLProviderTags(
	ctx context.Context, c awsapi.Caller, in *listSAMLProviderTagsInput,
) (*tagList, error) {
	p, err := s.directory.RegisteredSAMLProvider(ctx, accountOf(c), *in.SAMLProviderArn)
	if err != nil {
		return nil, samlWords(*in.SAMLProviderArn).fault(err)
	}
	return listTags(paging{in.Marker, in.MaxItems}, p.Tags)
}
