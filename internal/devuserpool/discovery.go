package devuserpool

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// Paths of what a pool publishes, below the URL of the server and the pool's ID.
const (
	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/.well-known/jwks.json"
)

// IssuerOf returns the iss claim of a pool's tokens: this server's name for the pool, or AWS's if the pool
// is set so.
func (s *Service) IssuerOf(p *Pool) string {
	if p.AWSIssuer {
		return "https://" + p.ProviderName()
	}
	return s.base(p.ID)
}

// base returns the URL of a pool on this server.
func (s *Service) base(pool string) string { return s.Issuer + "/" + pool }

// Document returns what a pool publishes at an address of this server: its discovery document or its keys.
// own is false for any other address. The server verifies tokens of its own pools with it, because it may
// not reach its own URL.
func (s *Service) Document(_ context.Context, address string) (body []byte, own bool, err error) {
	rest, below := strings.CutPrefix(address, s.Issuer+"/")
	id, path, _ := strings.Cut(rest, "/")
	if !below || "/"+path != discoveryPath && "/"+path != keysPath {
		return nil, false, nil
	}
	p, err := s.State.view(id)
	if err != nil {
		return nil, false, nil //nolint:nilerr // the address is not of a pool
	}

	if "/"+path == keysPath {
		set, err := p.keySet()
		if err != nil {
			return nil, true, err
		}
		body, err = json.Marshal(set)
		return body, true, err
	}

	body, err = json.Marshal(map[string]any{
		"issuer":                                s.IssuerOf(p),
		"jwks_uri":                              s.base(p.ID) + keysPath,
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})

	return body, true, err
}

// Publishes reports whether r asks for a document that a pool publishes, or would if there were the pool.
func (s *Service) Publishes(r *http.Request) bool {
	pool, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.Contains(pool, "_") &&
		("/"+path == discoveryPath || "/"+path == keysPath)
}

// Publish answers with the document that r asks for.
func (s *Service) Publish(w http.ResponseWriter, r *http.Request) {
	body, own, err := s.Document(r.Context(), s.Issuer+r.URL.Path)
	if err != nil {
		s.Logger.ErrorContext(r.Context(), "the keys of a user pool cannot be read", "error", err)
		http.Error(w, "the keys of the user pool cannot be read", http.StatusInternalServerError)
		return
	}
	if !own {
		http.NotFound(w, r)
		return
	}

	// Browsers verify tokens too, and the documents are public.
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // an error means that the client has gone
}
