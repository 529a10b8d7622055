package poolhouse

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
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

// maxNamedTrusts is how many trust policies the log names at start.
const maxNamedTrusts = 100

// warnOldTrusts names the roles whose trust policy was written before and would be
// refused today.
func (s *Server) warnOldTrusts(ctx context.Context, directory *iam.Directory) error {
	ours := map[identitypool.AccountID]bool{}
	isOurs := func(ctx context.Context, account identitypool.AccountID) (bool, error) {
		if known, ok := ours[account]; ok {
			return known, nil
		}
		known, err := s.hasAccount(ctx, account)
		ours[account] = known
		return known, err
	}

	count := 0
	err := directory.OldTrusts(ctx, isOurs, func(t iam.OldTrust) {
		if t.Fault == nil && s.config.AcceptUnknownRoles {
			return
		}
		if count++; count > maxNamedTrusts {
			return
		}
		if t.Fault != nil {
			s.config.Logger.WarnContext(ctx, "the trust policy of a role lets nobody in any more: it would be refused today",
				"role", t.Role, "reason", t.Fault.Error(), "fix", t.Fault.Fix)
			return
		}
		s.config.Logger.WarnContext(ctx, "the trust policy of a role names principals that do not exist: it would be refused today",
			"role", t.Role, "principals", strings.Join(t.Missing, ", "),
			"fix", "take them out of the trust policy, or create them")
	})
	if err == nil && count > maxNamedTrusts {
		s.config.Logger.WarnContext(ctx, "more trust policies would be refused today", "more", count-maxNamedTrusts)
	}
	return err
}
