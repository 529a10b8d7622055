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
	if awsapi.Text(encryption) == "Required" || privateKey != nil {
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

	p, err := s.view.SAMLProviders().Create(ctx, store.SAMLProvider{
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

	return &createSAMLProviderOutput{
		SAMLProviderArn: s.view.SAMLProviders().ARN(p),
		Tags:            tagsOf(p.Tags),
	}, nil
}

// samlInput is the input of operations on a provider that need no more than its ARN.
type samlInput struct{ bySAML }

func (in *samlInput) Validate() []awsapi.Violation { return checked(in.field()).Violations() }

type getSAMLProviderOutput struct {
	SAMLProviderUUID     string
	SAMLMetadataDocument string
	CreateDate           string
	ValidUntil           string
	Tags                 list[tag]
}

func (s *Service) getSAMLProvider(
	ctx context.Context, c awsapi.Caller, in *samlInput,
) (*getSAMLProviderOutput, error) {
	p, err := in.find(ctx, s, c)
	if err != nil {
		return nil, err
	}

	return &getSAMLProviderOutput{
		SAMLProviderUUID:     p.ID,
		SAMLMetadataDocument: p.Metadata,
		CreateDate:           timestamp(p.Created),
		ValidUntil:           validUntil(p),
		Tags:                 tagsOf(p.Tags),
	}, nil
}

type updateSAMLProviderInput struct {
	bySAML
	SAMLMetadataDocument    *string
	AssertionEncryptionMode *string
	AddPrivateKey           *string
}

func (in *updateSAMLProviderInput) Validate() []awsapi.Violation {
	return checked(
		in.field(),
		optional("sAMLMetadataDocument", in.SAMLMetadataDocument, &samlMetadata),
	).Violations()
}

type updateSAMLProviderOutput struct{ SAMLProviderArn string }

func (s *Service) updateSAMLProvider(
	ctx context.Context, c awsapi.Caller, in *updateSAMLProviderInput,
) (*updateSAMLProviderOutput, error) {
	if in.SAMLMetadataDocument != nil || in.AddPrivateKey != nil ||
		awsapi.Text(in.AssertionEncryptionMode) == "Required" {
		if err := checkMetadata(
			awsapi.Text(in.SAMLMetadataDocument), in.AssertionEncryptionMode, in.AddPrivateKey,
		); err != nil {
			return nil, err
		}
	}

	err := in.update(ctx, s, c, func(p *store.SAMLProvider) error {
		if in.SAMLMetadataDocument != nil {
			p.Metadata = *in.SAMLMetadataDocument
		}
		return nil
	})
	if err != nil {
		return nil, err
	}

	return &updateSAMLProviderOutput{SAMLProviderArn: *in.SAMLProviderArn}, nil
}

type listSAMLProvidersInput struct{}

type samlProviderEntry struct{ Arn, ValidUntil, CreateDate string }

type listSAMLProvidersOutput struct {
	SAMLProviderList list[samlProviderEntry]
}

func (s *Service) listSAMLProviders(
	ctx context.Context, c awsapi.Caller, _ *listSAMLProvidersInput,
) (*listSAMLProvidersOutput, error) {
	providers := s.view.SAMLProviders()
	found, err := providers.List(ctx, accountOf(c))
	if err != nil {
		return nil, err
	}

	out := &listSAMLProvidersOutput{}
	for _, p := range found {
		out.SAMLProviderList.Members = append(out.SAMLProviderList.Members, samlProviderEntry{
			Arn:        providers.ARN(p),
			ValidUntil: validUntil(p),
			CreateDate: timestamp(p.Created),
		})
	}

	return out, nil
}

func (s *Service) deleteSAMLProvider(
	ctx context.Context, c awsapi.Caller, in *samlInput,
) (*awsapi.NoOutput, error) {
	return nil, samlWords(*in.SAMLProviderArn).fault(
		s.view.SAMLProviders().Delete(ctx, accountOf(c), *in.SAMLProviderArn))
}
