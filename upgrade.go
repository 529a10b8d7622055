package poolhouse

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// What a start does with the database of an older version, and tells of it.

// sealSecrets seals what an older version left in clear. The keys were opened
// before, so the master key is the right one.
func (s *Server) sealSecrets(ctx context.Context) error {
	sealed, err := s.store.SealSecrets(ctx)
	if err != nil && sealed {
		s.config.Logger.Error("the database's files may still hold secrets that were in clear; the next start tries again",
			"error", err,
			"fix", "with SQLite make room for two more copies of the database and close other programs that read it")
		return nil
	}
	return err
}

// bindSAMLLogins binds the SAML logins of a database from before there were scopes
// to the identity providers that are registered now.
func (s *Server) bindSAMLLogins(ctx context.Context, directory *iam.Directory) (map[string]string, error) {
	bindings, err := s.store.BindSAMLLogins(ctx, func(arn string) (entityID string, known bool) {
		provider, err := directory.SAMLProvider(ctx, arn)
		switch {
		case errors.Is(err, iam.ErrNotFound):
			return "", true
		case err != nil:
			s.config.Logger.Error("the logins of a SAML provider are nobody's until its metadata can be read",
				"provider", arn, "error", err)
			return "", false
		}
		return provider.Provider.EntityID, true
	})

	for _, arn := range slices.Sorted(maps.Keys(bindings)) {
		provider, err := directory.SAMLProvider(ctx, arn)
		claimed := err == nil && provider.Provider.Is(iam.UnrecordedEntityID)
		if bindings[arn] == "" && !claimed {
			s.config.Logger.Warn("a SAML provider with users was not registered when this database was upgraded, "+
				"so nobody gets their identities; register it, and name \""+iam.UnrecordedEntityID+
				"\" in its previous_entity_ids if they are its users", "provider", arn)
		}
	}
	return bindings, err
}
