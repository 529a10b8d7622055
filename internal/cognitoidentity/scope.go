package cognitoidentity

import (
	"context"
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/saml"
)

// A SAML provider's ARN outlives its metadata: the document may be replaced by
// that of another identity provider, and a deleted provider may be made again. So
// its logins carry the identity provider's entity ID (identitypool.Login.Scope):
// the new provider's alice is not the old one's alice.

// formerLogins returns the forms in which the store may have an older SAML login:
// with a previous entity ID of the provider, or without a scope. Logins without a scope
// belong to the identity provider that was registered when the database was upgraded.
func (s *Service) formerLogins(l identitypool.Login, provider *saml.Provider) []identitypool.Login {
	var former []identitypool.Login
	for _, scope := range provider.FormerScopes(l.Scope) {
		l.Scope = scope
		former = append(former, l)
	}
	if s.scopelessIs(l.Provider, provider) {
		l.Scope = ""
		former = append(former, l)
	}

	return former
}

// scopelessIs reports whether the logins of an ARN without a scope belong to provider.
func (s *Service) scopelessIs(arn string, provider *saml.Provider) bool {
	entityID, bound := s.SAMLBindings[s.Providers.ToStored(arn)]
	if bound && entityID == "" {
		entityID = saml.Unrecorded
	}
	return bound && provider.Is(entityID)
}

// rescope gives the login of a proven user of a SAML provider its present scope,
// if the store has it in a former form.
func (s *Service) rescope(
	ctx context.Context, pool identitypool.PoolID, l identitypool.Login, provider *saml.Provider,
) error {
	for _, former := range s.formerLogins(l, provider) {
		if moved, err := s.Store.RescopeLogin(ctx, pool, former, l); err != nil || moved {
			return err
		}
	}
	return nil
}

// ofSubject makes the login of a subject that an administrator names, in the
// present scope. of is the provider if it is a SAML provider. known is false if that
// provider is not registered: then its subjects belong to no user.
func (s *Service) ofSubject(
	ctx context.Context, provider, subject string,
) (l identitypool.Login, of *saml.Provider, known bool, err error) {
	l = identitypool.Login{Kind: identitypool.Public, Provider: provider, Subject: subject}
	if _, kind, _, ok := identitypool.ParseProviderARN(provider); !ok || kind != identitypool.SAMLProvider {
		return l, nil, true, nil
	}

	registered, err := s.Directory.SAMLProvider(ctx, provider)
	if errors.Is(err, iam.ErrNotFound) {
		return l, nil, false, nil
	} else if err != nil {
		return l, nil, false, err
	}
	l.Scope = registered.Provider.EntityID

	return l, registered.Provider, true, nil
}

// LoginsOf returns the forms in which a pool may have a subject of a public login
// provider, the present form first.
func (s *Service) LoginsOf(ctx context.Context, provider, subject string) ([]identitypool.Login, error) {
	l, of, _, err := s.ofSubject(ctx, provider, subject)
	if err != nil || of == nil {
		return []identitypool.Login{l}, err
	}
	return append([]identitypool.Login{l}, s.formerLogins(l, of)...), nil
}

// isOf reports whether a linked login belongs to the identity provider whose metadata
// the SAML provider has now.
func (s *Service) isOf(l identitypool.Login, provider *saml.Provider) bool {
	if l.Scope == "" {
		return s.scopelessIs(l.Provider, provider)
	}
	return provider.Is(saml.EntityOf(l.Scope))
}
