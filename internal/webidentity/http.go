package webidentity

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// lookTimeout bounds how long a request for a document waits for the database.
const lookTimeout = 2 * time.Second

// issuerID is the name of a pattern's part with the issuer's ID.
const issuerID = "issuer"

// documents are what an issuer publishes, by path below its address.
var documents = []struct {
	path, operation string
	handler         func(*issuer.Issuer) http.Handler
}{
	{issuer.DiscoveryPath, "WebIdentityDiscovery", (*issuer.Issuer).DiscoveryHandler},
	{jwksPath, "WebIdentityJWKS", (*issuer.Issuer).JWKSHandler},
	{issuer.AuthorizePath, "WebIdentityAuthorize", (*issuer.Issuer).AuthorizeHandler},
}

// Register mounts the documents of all issuers on mux, below Path. wrap gets the name of the operation, for
// the log and the metrics.
func (s *Issuers) Register(mux *http.ServeMux, wrap func(operation string, h http.Handler) http.Handler) {
	for _, d := range documents {
		mux.Handle("GET "+Path+"{"+issuerID+"}"+d.path, wrap(d.operation, s.serve(d.handler)))
	}
}

// serve answers with a document of the issuer in the path. An issuer that does not exist is not found; its
// ID is random, so nobody finds those of others.
func (s *Issuers) serve(document func(*issuer.Issuer) http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := overload.Within(r.Context(), lookTimeout)
		defer cancel()

		id := r.PathValue(issuerID)
		if !s.opened.Contains(id) && s.o.Admit != nil && !s.o.Admit() {
			later(w)
			return
		}

		i, err := s.published(ctx, id)
		switch {
		case err != nil:
			s.o.Logger.ErrorContext(r.Context(), "an issuer of web identity tokens could not be read", "error", err)
			later(w)
		case i == nil:
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "There is no such issuer.", http.StatusNotFound)
		default:
			document(i).ServeHTTP(w, r)
		}
	})
}

// later asks to come again.
func later(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Retry-After", "1") // seconds
	http.Error(w, "The issuer cannot be read now.", http.StatusServiceUnavailable)
}

// Document returns what an issuer publishes at an address: its discovery document or its keys. own is
// false for any other address. The server verifies these tokens with it where an account registered the
// issuer as a provider: it may not reach its own address.
func (s *Issuers) Document(ctx context.Context, address string) (body []byte, own bool, err error) {
	rest, ok := strings.CutPrefix(address, s.o.URL+Path)
	if !ok {
		return nil, false, nil
	}
	id, _, _ := strings.Cut(rest, "/")
	i, err := s.published(ctx, id)
	if err != nil || i == nil {
		return nil, err != nil, err
	}

	return i.Document(ctx, address)
}
