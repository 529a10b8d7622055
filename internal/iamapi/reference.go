package iamapi

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// reference is the member of an input that names a resource. Inputs embed one.
type reference interface {
	// field returns the member with its constraints.
	field() field
	// access describes access to the resource.
	access(ctx context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error)
	// tags returns the resource's tags.
	tags(ctx context.Context, s *Service, c awsapi.Caller) (map[string]string, error)
	// changeTags replaces the resource's tags by those that change makes of them.
	changeTags(ctx context.Context, s *Service, c awsapi.Caller, change tagChange) error
}

type tagChange = func(have map[string]string) (map[string]string, error)

type byRole struct{ RoleName *string }

func (r byRole) field() field { return required("roleName", r.RoleName, &roleName) }

func (r byRole) access(ctx context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.roleAccess(ctx, c, r.RoleName)
}

func (r byRole) tags(ctx context.Context, s *Service, c awsapi.Caller) (map[string]string, error) {
	role, err := s.named(ctx, c, r.RoleName)
	return role.Tags, err
}

func (r byRole) changeTags(ctx context.Context, s *Service, c awsapi.Caller, change tagChange) error {
	_, err := s.updateNamed(ctx, c, r.RoleName, func(role *store.Role) (err error) {
		role.Tags, err = change(role.Tags)
		return err
	})
	return err
}

type byPolicy struct{ PolicyArn *string }

func (r byPolicy) field() field { return required("policyArn", r.PolicyArn, &arn) }

func (r byPolicy) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.arnAccess(c, r.PolicyArn), nil
}

func (r byPolicy) tags(ctx context.Context, s *Service, c awsapi.Caller) (map[string]string, error) {
	p, _, err := s.policyNamed(ctx, c, r.PolicyArn)
	return p.Tags, err
}

func (r byPolicy) changeTags(ctx context.Context, s *Service, c awsapi.Caller, change tagChange) error {
	_, err := s.updatePolicy(ctx, c, r.PolicyArn, func(p *store.ManagedPolicy) (err error) {
		p.Tags, err = change(p.Tags)
		return err
	})
	return err
}

type byOIDC struct{ OpenIDConnectProviderArn *string }

func (r byOIDC) field() field {
	return required("openIDConnectProviderArn", r.OpenIDConnectProviderArn, &arn)
}

func (r byOIDC) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.arnAccess(c, r.OpenIDConnectProviderArn), nil
}

func (r byOIDC) find(ctx context.Context, s *Service, c awsapi.Caller) (store.OIDCProvider, error) {
	return findProvider(ctx, c, s.view.OIDCProviders(), r.OpenIDConnectProviderArn, oidcWords)
}

func (r byOIDC) update(
	ctx context.Context, s *Service, c awsapi.Caller, change func(*store.OIDCProvider) error,
) error {
	return updateProvider(ctx, c, s.view.OIDCProviders(), r.OpenIDConnectProviderArn, oidcWords, change)
}

func (r byOIDC) tags(ctx context.Context, s *Service, c awsapi.Caller) (map[string]string, error) {
	p, err := r.find(ctx, s, c)
	return p.Tags, err
}

func (r byOIDC) changeTags(ctx context.Context, s *Service, c awsapi.Caller, change tagChange) error {
	return r.update(ctx, s, c, func(p *store.OIDCProvider) (err error) {
		p.Tags, err = change(p.Tags)
		return err
	})
}

type bySAML struct{ SAMLProviderArn *string }

func (r bySAML) field() field { return required("sAMLProviderArn", r.SAMLProviderArn, &arn) }

func (r bySAML) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.arnAccess(c, r.SAMLProviderArn), nil
}

func (r bySAML) find(ctx context.Context, s *Service, c awsapi.Caller) (store.SAMLProvider, error) {
	return findProvider(ctx, c, s.view.SAMLProviders(), r.SAMLProviderArn, samlWords)
}

func (r bySAML) update(
	ctx context.Context, s *Service, c awsapi.Caller, change func(*store.SAMLProvider) error,
) error {
	return updateProvider(ctx, c, s.view.SAMLProviders(), r.SAMLProviderArn, samlWords, change)
}

func (r bySAML) tags(ctx context.Context, s *Service, c awsapi.Caller) (map[string]string, error) {
	p, err := r.find(ctx, s, c)
	return p.Tags, err
}

func (r bySAML) changeTags(ctx context.Context, s *Service, c awsapi.Caller, change tagChange) error {
	return r.update(ctx, s, c, func(p *store.SAMLProvider) (err error) {
		p.Tags, err = change(p.Tags)
		return err
	})
}

// findProvider returns the caller's provider with that ARN.
func findProvider[P any](
	ctx context.Context, c awsapi.Caller, providers iam.Providers[P], arn *string, texts func(arn string) words,
) (P, error) {
	p, err := providers.Find(ctx, accountOf(c), *arn)
	return p, texts(*arn).fault(err)
}

// updateProvider changes the caller's provider with that ARN.
func updateProvider[P any](
	ctx context.Context, c awsapi.Caller, providers iam.Providers[P], arn *string, texts func(arn string) words,
	change func(*P) error,
) error {
	return texts(*arn).fault(providers.Update(ctx, accountOf(c), *arn, change))
}
