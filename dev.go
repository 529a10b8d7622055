package poolhouse

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

// These values are the same for every `poolhouse dev`. A server without Config.Dev does not
// start on a database that has the key, and does not accept the key if it is added later.
const (
	DevAccount         = "000000000000"
	DevRegion          = "us-east-1"
	DevAccessKeyID     = iam.DevAccessKeyID
	DevSecretAccessKey = "test"
	DevAudience        = "poolhouse-dev"
)

// DevInfo has what clients of a development server need.
type DevInfo struct {
	Endpoint        string `json:"endpoint"`
	Region          string `json:"region"`
	AccountID       string `json:"account_id"`
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	Issuer          string `json:"issuer"`            // of development ID tokens
	OIDCProviderARN string `json:"oidc_provider_arn"` // to configure on pools
	LoginKey        string `json:"login_key"`         // the key in Logins
	Audience        string `json:"audience"`          // the client ID that is trusted
}

// DevTokenRequest asks for a development ID token.
type DevTokenRequest struct {
	Subject   string         `json:"sub"`
	Audience  string         `json:"aud"`
	ExpiresIn int64          `json:"expires_in"` // seconds; 0 = one hour
	Claims    map[string]any `json:"claims"`
}

// DevTokenResponse has the token, or the reason why there is none.
type DevTokenResponse struct {
	Token string `json:"token,omitempty"`
	Error string `json:"error,omitempty"`
}

// Paths of the development endpoints.
const (
	DevInfoPath  = "/_poolhouse/dev/info"
	DevTokenPath = "/_poolhouse/dev/token"
)

const maxDevRequest = 64 << 10 // bytes

// devTokenRule explains how to request a token.
const devTokenRule = "send one JSON object of at most 64 KiB with sub and aud (texts), expires_in (whole seconds) " +
	"and claims (an object of any JSON values, which enter the token as they are)"

// devEndpoints serves the development issuer and its tokens. It sends no CORS headers: a page
// of another origin must not mint tokens.
type devEndpoints struct {
	issuer *issuer.DevIssuer
	info   DevInfo
}

func newDevEndpoints(baseURL, account, region string, now func() time.Time) *devEndpoints {
	issuer := issuer.NewDevIssuer(baseURL, DevAudience, now)

	return &devEndpoints{issuer: issuer, info: DevInfo{
		Endpoint:        baseURL,
		Region:          region,
		AccountID:       account,
		AccessKeyID:     DevAccessKeyID,
		SecretAccessKey: DevSecretAccessKey,
		Issuer:          issuer.URL,
		OIDCProviderARN: "arn:" + identitypool.Partition(region) + ":iam::" + account +
			":oidc-provider/" + issuer.LoginKey(),
		LoginKey: issuer.LoginKey(),
		Audience: DevAudience,
	}}
}

// provider returns the development issuer as a provider like any other: its tokens are
// verified by discovery and published keys.
func (d *devEndpoints) provider() OIDCProviderConfig {
	return OIDCProviderConfig{
		URL:          d.issuer.URL,
		ClientIDs:    []string{DevAudience},
		AllowHTTP:    true,
		AllowPrivate: true,
		Development:  true,
	}
}

func (d *devEndpoints) register(mux *http.ServeMux) {
	d.issuer.Register(mux)
	mux.HandleFunc("GET "+DevInfoPath, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, d.info)
	})
	mux.HandleFunc("POST "+DevTokenPath, d.token)
}

func (d *devEndpoints) token(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/json" {
		// A form post needs no preflight, so a foreign page could send one.
		writeJSON(w, http.StatusUnsupportedMediaType, DevTokenResponse{Error: "send application/json"})
		return
	}

	var request DevTokenRequest
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxDevRequest))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	if err := decoder.Decode(&request); err != nil {
		writeJSON(w, http.StatusBadRequest, DevTokenResponse{Error: err.Error() + ": " + devTokenRule})
		return
	}

	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		writeJSON(w, http.StatusBadRequest, DevTokenResponse{Error: "something follows the request: " + devTokenRule})
		return
	}

	const most = int64(issuer.DevMaxLifetime / time.Second)
	if request.ExpiresIn > most || request.ExpiresIn < -most {
		writeJSON(w, http.StatusBadRequest, DevTokenResponse{Error: "expires_in is beyond 24 hours"})
		return
	}

	token, err := d.issuer.Token(r.Context(), issuer.DevTokenRequest{
		Subject:  request.Subject,
		Audience: request.Audience,
		Lifetime: time.Duration(request.ExpiresIn) * time.Second,
		Claims:   request.Claims,
	})
	switch {
	case errors.Is(err, issuer.ErrDevRequest):
		writeJSON(w, http.StatusBadRequest, DevTokenResponse{Error: err.Error()})
	case err != nil:
		writeJSON(w, http.StatusInternalServerError, DevTokenResponse{Error: "the token could not be signed"})
	default:
		writeJSON(w, http.StatusOK, DevTokenResponse{Token: token})
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // an error means that the client has gone
}
