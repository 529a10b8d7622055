package issuer

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"time"
)

// Paths of the published documents, below the issuer's URL. AWS publishes its keys
// under jwks_uri, literally.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	JWKSPath      = "/.well-known/jwks_uri"
	AuthorizePath = "/authorize"
)

// discoveryDocument returns the discovery document (OpenID Connect Discovery 1.0,
// section 3). It never changes.
func (i *Issuer) discoveryDocument() (document, error) {
	return newDocument(struct {
		Issuer                 string   `json:"issuer"`
		AuthorizationEndpoint  string   `json:"authorization_endpoint"`
		JWKSURI                string   `json:"jwks_uri"`
		ResponseTypesSupported []string `json:"response_types_supported"`
		SubjectTypesSupported  []string `json:"subject_types_supported"`
		Algorithms             []string `json:"id_token_signing_alg_values_supported"`
		ClaimsSupported        []string `json:"claims_supported"`
	}{
		i.options.URL,
		i.options.URL + AuthorizePath,
		i.options.URL + i.profile.JWKSPath,
		[]string{"id_token"},
		[]string{"public"},
		i.order,
		i.profile.Claims,
	})
}

// DiscoveryHandler serves the discovery document.
func (i *Issuer) DiscoveryHandler() http.Handler {
	caching := caching(i.timing.maxAgeFixed)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.discovery.serve(w, r, caching)
	})
}

// Document returns what the issuer publishes at an address: its discovery document or its keys. own is
// false for any other address.
func (i *Issuer) Document(ctx context.Context, address string) (body []byte, own bool, err error) {
	switch address {
	case i.options.URL + DiscoveryPath:
		return i.discovery.body, true, nil
	case i.options.URL + i.profile.JWKSPath:
		now := i.options.Now()
		set, err := i.current(ctx, now)
		if err != nil {
			return nil, true, err
		}
		return set.document(now).body, true, nil
	default:
		return nil, false, nil
	}
}

// JWKSHandler serves the keys (RFC 7517). A verifier that keeps them for the answer's
// max-age never gets a token whose key it lacks.
func (i *Issuer) JWKSHandler() http.Handler {
	usual := caching(i.timing.maxAge)

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := i.options.Now()
		set, err := i.current(r.Context(), now)
		if err != nil {
			i.options.Logger.ErrorContext(r.Context(), "no keys to publish", "error", err)
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Retry-After", "1") // seconds
			http.Error(w, "The signing keys are not available.", http.StatusServiceUnavailable)
			return
		}

		caching := usual
		if now.Sub(set.read) >= i.timing.stale {
			// There may be a newer key by now, so verifiers must ask again.
			caching = "no-cache"
		}

		set.document(now).serve(w, r, caching)
	})
}

// AuthorizeHandler serves the endpoint at which, by the discovery document, users sign
// in. Verifiers and storage engines refuse a discovery document without that endpoint
// (section 3 requires it), but nobody signs in here. So it answers how to get a token
// instead, in the form of RFC 6749, section 4.1.2.1. It never redirects.
func (i *Issuer) AuthorizeHandler() http.Handler {
	body := []byte(`{"error":"unsupported_response_type","error_description":"This issuer signs nobody in. ` +
		i.profile.Refusal + `"}` + "\n")
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(body) // a client that is gone cannot be told
	})
}

// caching returns the Cache-Control that lets an answer be kept for age.
func caching(age time.Duration) string {
	return "public, max-age=" + strconv.Itoa(int(age/time.Second))
}

func (d document) serve(w http.ResponseWriter, r *http.Request, caching string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", caching)
	h.Set("ETag", d.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.body)) // HEAD, If-None-Match
}
