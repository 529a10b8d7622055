package iam

import (
	"context"
	"errors"
	"maps"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Providers has the methods of the IAM API for one kind of login provider, in the
// partition of a View's calls. They read the store each time, without a cache. Providers
// of the settings come first and hide those of the store with the same ARN; to change
// them is ErrSettings. An ARN of another account, or of another kind, is ErrNotFound.
type Providers[P any] struct {
	view     *View
	kind     string       // begins the last part of the ARN
	settings map[string]P // those of the settings, by stored ARN
	account  func(P) identitypool.AccountID
	key      func(P) string // the rest of the ARN
	make     func(ctx context.Context, p P) (P, error)
	find     func(ctx context.Context, account identitypool.AccountID, key string) (P, error)
	list     func(ctx context.Context, account identitypool.AccountID) ([]P, error)
	update   func(ctx context.Context, account identitypool.AccountID, key string, change func(*P) error) (P, error)
	remove   func(ctx context.Context, account identitypool.AccountID, key string) error
}

// OIDCProviders returns the methods for OpenID Connect providers. Delete returns nil if
// there is no such provider (IAM API reference, DeleteOpenIDConnectProvider).
func (v *View) OIDCProviders() Providers[store.OIDCProvider] {
	return Providers[store.OIDCProvider]{
		view:     v,
		kind:     oidcKind,
		settings: v.Directory.shownOIDC(),
		account:  func(p store.OIDCProvider) identitypool.AccountID { return p.Account },
		key:      store.OIDCProvider.Key,
		make: func(ctx context.Context, p store.OIDCProvider) (store.OIDCProvider, error) {
			return v.Directory.store.CreateOIDCProvider(ctx, p, MaxOIDCProviders)
		},
		find:   v.Directory.store.OIDCProvider,
		list:   v.Directory.store.OIDCProviders,
		update: v.Directory.store.UpdateOIDCProvider,
		remove: func(ctx context.Context, account identitypool.AccountID, key string) error {
			err := v.Directory.store.DeleteOIDCProvider(ctx, account, key)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			return err
		},
	}
}

// shownOIDC returns the providers of the settings with the client IDs that they have at the moment.
func (d *Directory) shownOIDC() map[string]store.OIDCProvider {
	shown := maps.Clone(d.settingsOIDC)
	for arn, p := range d.providers {
		if p.moreClientIDs != nil {
			one := shown[arn]
			one.ClientIDs = p.withMore().ClientIDs
			shown[arn] = one
		}
	}

	return shown
}

// SAMLProviders returns the methods for SAML providers. CheckSAMLMetadata must accept the
// metadata of one that Create adds; Create gives it an ID.
func (v *View) SAMLProviders() Providers[store.SAMLProvider] {
	return Providers[store.SAMLProvider]{
		view:     v,
		kind:     samlKind,
		settings: v.Directory.settingsSAML,
		account:  func(p store.SAMLProvider) identitypool.AccountID { return p.Account },
		key:      func(p store.SAMLProvider) string { return p.Name },
		make: func(ctx context.Context, p store.SAMLProvider) (store.SAMLProvider, error) {
			p.ID = newUniqueID(samlIDPrefix)
			return v.Directory.store.CreateSAMLProvider(ctx, p, MaxSAMLProviders)
		},
		find:   v.Directory.store.SAMLProvider,
		list:   v.Directory.store.SAMLProviders,
		update: v.Directory.store.UpdateSAMLProvider,
		remove: v.Directory.store.DeleteSAMLProvider,
	}
}

// ARN returns the ARN of p in the call's partition.
func (s Providers[P]) ARN(p P) string { return s.view.toCall(s.StoredARN(p)) }

// StoredARN returns the ARN of p in the stored partition.
func (s Providers[P]) StoredARN(p P) string {
	return s.view.Directory.ARN(s.account(p), s.kind+s.key(p))
}

// locate returns the stored ARN that a call means, and its key.
func (s Providers[P]) locate(account identitypool.AccountID, arn string) (stored, key string, err error) {
	if stored, err = s.view.fromCallToStored(arn); err != nil {
		return "", "", err
	}
	owner, key, ok := s.view.Directory.parseARN(stored, s.kind)
	if !ok || owner != account {
		return "", "", ErrNotFound
	}
	return stored, key, nil
}

// changeable is locate for providers that the settings do not define.
func (s Providers[P]) changeable(account identitypool.AccountID, arn string) (key string, err error) {
	stored, key, err := s.locate(account, arn)
	if _, defined := s.settings[stored]; err == nil && defined {
		err = ErrSettings
	}
	return key, err
}

// Find returns the provider with exactly that ARN.
func (s Providers[P]) Find(ctx context.Context, account identitypool.AccountID, arn string) (P, error) {
	stored, key, err := s.locate(account, arn)
	if err != nil {
		var none P
		return none, err
	}
	if p, ok := s.settings[stored]; ok {
		return p, nil
	}

	p, err := s.find(ctx, account, key)

	return p, fromStore(err)
}

// List returns an account's providers in the order of their ARNs.
func (s Providers[P]) List(ctx context.Context, account identitypool.AccountID) ([]P, error) {
	stored, err := s.list(ctx, account)
	if err != nil {
		return nil, err
	}
	settings := ofAccount(s.settings, account, s.account)
	return merge(settings, stored, s.key, len(stored)+len(settings)), nil
}

// Create adds a provider. Its error is ErrConflict if the ARN is taken.
func (s Providers[P]) Create(ctx context.Context, p P) (P, error) {
	if _, defined := s.settings[s.StoredARN(p)]; defined {
		return p, ErrConflict
	}
	defer s.view.Directory.changed(s.account(p))

	made, err := s.make(ctx, p)
	return made, fromStore(err)
}

// Update changes a provider. It returns change's error unchanged.
func (s Providers[P]) Update(
	ctx context.Context, account identitypool.AccountID, arn string, change func(*P) error,
) error {
	key, err := s.changeable(account, arn)
	if err != nil {
		return err
	}
	defer s.view.Directory.changed(account)

	_, err = s.update(ctx, account, key, change)
	return fromStore(err)
}

// Delete removes a provider.
func (s Providers[P]) Delete(ctx context.Context, account identitypool.AccountID, arn string) error {
	key, err := s.changeable(account, arn)
	if err != nil {
		return err
	}
	defer s.view.Directory.changed(account)

	return fromStore(s.remove(ctx, account, key))
}
