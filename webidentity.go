package poolhouse

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

// openWebIdentities builds the issuers of web identity tokens, one for each account that enables them.
func (s *Server) openWebIdentities(sealer *envelope.Sealer) {
	s.webIdentities = webidentity.New(webidentity.Options{
		Store:  s.store,
		Sealer: sealer,
		URL:    s.config.IssuerURL,
		Now:    s.config.Now,
		Logger: s.config.Logger,
		Admit:  func() bool { return s.overload.Admit(overload.Reads) },
	})
}

// ownDocument returns what this server publishes itself at an address, for the verification of tokens
// whose issuers are at the same time login providers (outbound.Options.Own).
func (s *Server) ownDocument(ctx context.Context, address string) (body []byte, own bool, err error) {
	if s.dev != nil {
		if body, own, err = s.dev.document(ctx, address); own {
			return body, own, err
		}
	}

	return s.webIdentities.Document(ctx, address)
}
