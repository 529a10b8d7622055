package issuer

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
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

// DevEndpoints serves the development issuer and its tokens. It sends no CORS headers: a page of
// another origin must not mint tokens.
type DevEndpoints struct {
	Info   DevInfo
	issuer *DevIssuer
}

// NewDevEndpoints returns the endpoints of a development server, whose issuer keeps its key in
// keyFile ("" = nowhere). It fills the fields of info that are about the issuer.
func NewDevEndpoints(info DevInfo, keyFile string, now func() time.Time) (*DevEndpoints, error) {
	issuer, err := NewDevIssuer(info.Endpoint, info.Audience, keyFile, now)
	if err != nil {
		return nil, err
	}
	info.Issuer, info.LoginKey = issuer.URL, issuer.LoginKey()
	info.OIDCProviderARN = "arn:" + identitypool.Partition(info.Region) + ":iam::" + info.AccountID +
		":oidc-provider/" + info.LoginKey

	return &DevEndpoints{Info: info, issuer: issuer}, nil
}

// Register mounts the endpoints on mux.
func (d *DevEndpoints) Register(mux *http.ServeMux) {
	d.issuer.Register(mux)
	mux.HandleFunc("GET "+DevInfoPath, func(w http.ResponseWriter, _ *http.Request) {
		writeDevJSON(w, http.StatusOK, d.Info)
	})
	mux.HandleFunc("POST "+DevTokenPath, d.token)
}

func (d *DevEndpoints) token(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/json" {
		// A form post needs no preflight, so a foreign page could send one.
		writeDevJSON(w, http.StatusUnsupportedMediaType, DevTokenResponse{Error: "send application/json"})
		return
	}

	var request DevTokenRequest
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxDevRequest))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	if err := decoder.Decode(&request); err != nil {
		text := err.Error()
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok { // its text names our types
			text = cmp.Or(wrong.Field, "the body") + " cannot be " + wrong.Value
		}
		writeDevJSON(w, http.StatusBadRequest, DevTokenResponse{Error: text + ": " + devTokenRule})
		return
	}

	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		writeDevJSON(w, http.StatusBadRequest,
			DevTokenResponse{Error: "something follows the request: " + devTokenRule})
		return
	}

	token, err := d.issuer.Token(r.Context(), request)
	switch {
	case errors.Is(err, ErrDevRequest):
		text := strings.TrimPrefix(err.Error(), ErrDevRequest.Error()+": ")
		writeDevJSON(w, http.StatusBadRequest, DevTokenResponse{Error: text})
	case err != nil:
		writeDevJSON(w, http.StatusInternalServerError,
			DevTokenResponse{Error: "the token could not be signed: " + err.Error()})
	default:
		writeDevJSON(w, http.StatusOK, DevTokenResponse{Token: token})
	}
}

func writeDevJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // an error means that the client has gone
}
