package issuer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devpool"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// DevInfo has what clients of a development server need.
type DevInfo struct {
	Endpoint        string `json:"endpoint"` // in an answer the address by which the client came
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

// ControlPrefix begins all paths of the control API of a development server. Requests for what is
// below it pass a guard first.
const ControlPrefix = "/_poolhouse/"

// Paths of the control API.
const (
	DevInfoPath  = ControlPrefix + "dev/info"
	DevTokenPath = ControlPrefix + "dev/token"
	DevPoolsPath = ControlPrefix + "dev/pools"
)

const maxDevRequest = 64 << 10 // bytes

// devTokenRule explains how to request a token.
const devTokenRule = "send one JSON object of at most 64 KiB with sub or user, and aud (texts), expires_in " +
	"(whole seconds) and claims (an object of any JSON values, which enter the token as they are)"

// DevEndpoints serves the development issuer and its tokens. It sends no CORS headers: a page of
// another origin must not mint tokens.
type DevEndpoints struct {
	Info   DevInfo
	Issuer *DevIssuer
	Users  *devuser.Store // whom the issuer vouches for by name
	// Pools returns at most limit pools of the server, in the order of their IDs.
	Pools func(ctx context.Context, limit int) ([]devpool.Pool, error)
}

// NewDevEndpoints returns the endpoints of a development server. Its issuer is at baseURL + DevPath
// and keeps its key in keyFile ("" = nowhere). NewDevEndpoints fills the fields of info that are
// about the issuer.
func NewDevEndpoints(
	info DevInfo, baseURL, keyFile string, users *devuser.Store, now func() time.Time,
) (*DevEndpoints, error) {
	issuer, err := NewDevIssuer(baseURL, info.Audience, keyFile, now)
	if err != nil {
		return nil, err
	}
	info.Issuer, info.LoginKey = issuer.URL, issuer.LoginKey()
	info.OIDCProviderARN = "arn:" + identitypool.Partition(info.Region) + ":iam::" + info.AccountID +
		":oidc-provider/" + info.LoginKey

	return &DevEndpoints{Info: info, Issuer: issuer, Users: users}, nil
}

// DevRoutes lists the paths of the control API with their methods, as patterns of http.ServeMux.
func DevRoutes() []string {
	var patterns []string
	for _, route := range (&DevEndpoints{}).routes() {
		patterns = append(patterns, route.pattern)
	}
	return patterns
}

type devRoute struct {
	pattern string
	serve   http.HandlerFunc
}

func (d *DevEndpoints) routes() []devRoute {
	return []devRoute{
		{pattern: "GET " + DevInfoPath, serve: d.info},
		{pattern: "GET " + DevPoolsPath, serve: d.pools},
		{pattern: "POST " + DevTokenPath, serve: d.token},
	}
}

// Routes returns the handlers of the endpoints and of their issuer, by their patterns for http.ServeMux.
func (d *DevEndpoints) Routes() map[string]http.Handler {
	all := d.Issuer.Routes()
	for _, route := range d.routes() {
		all[route.pattern] = route.serve
	}
	all[ControlPrefix] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeDevJSON(w, http.StatusNotFound, DevTokenResponse{
			Error: "the control API has no such path with this method: it has " + strings.Join(DevRoutes(), ", "),
		})
	})

	return all
}

func (d *DevEndpoints) info(w http.ResponseWriter, r *http.Request) {
	info := d.Info
	info.Endpoint = DevEndpoint(r)
	writeDevJSON(w, http.StatusOK, info)
}

// DevEndpoint returns the address by which a client reached a development server: of this machine, or
// a name that the guard accepts.
func DevEndpoint(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// MaxDevPools bounds the pools that DevPoolsPath lists.
const MaxDevPools = 1000

// DevPoolsResponse is the answer of the endpoint DevPoolsPath.
type DevPoolsResponse struct {
	Pools []devpool.Pool `json:"pools"` // at most MaxDevPools, in the order of their IDs
}

func (d *DevEndpoints) pools(w http.ResponseWriter, r *http.Request) {
	list, err := d.Pools(r.Context(), MaxDevPools)
	if err != nil {
		writeDevJSON(w, http.StatusServiceUnavailable,
			DevTokenResponse{Error: "the pools could not be read: try again"})
		return
	}
	writeDevJSON(w, http.StatusOK, DevPoolsResponse{Pools: list})
}

func (d *DevEndpoints) token(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
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

	var token string
	err := d.asUser(&request)
	if err == nil {
		token, err = d.Issuer.Token(r.Context(), request)
	}

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

// asUser gives a request that names a user that user's subject and claims. Claims of the request
// come before the user's.
func (d *DevEndpoints) asUser(request *DevTokenRequest) error {
	if request.User == "" {
		return nil
	}
	if request.Subject != "" {
		return fmt.Errorf("%w: give sub or user, not both", ErrDevRequest)
	}

	user, err := d.Users.Get(request.User)
	if err != nil {
		return fmt.Errorf("%w: %w%s", ErrDevRequest, err, d.otherUsers(request.User))
	}
	request.Subject = user.Subject

	claims := user.Claims
	if claims == nil {
		claims = map[string]any{}
	}
	maps.Copy(claims, request.Claims)
	request.Claims = claims

	return nil
}

const maxUsersNamed = 10

// otherUsers tells which users there are, for somebody who named none of them.
func (d *DevEndpoints) otherUsers(name string) string {
	var names []string
	for _, u := range d.Users.List() {
		names = append(names, u.Name)
	}

	near := explain.Nearest(name, names)
	switch {
	case len(names) == 0:
		return ": this server has no users: give any sub, or seed some with poolhouse dev --seed"
	case near != "":
		return ": did you mean " + near + "?"
	case len(names) > maxUsersNamed:
		return ": there are " + strings.Join(names[:maxUsersNamed], ", ") + " and others"
	default:
		return ": there are " + strings.Join(names, ", ")
	}
}

func writeDevJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // an error means that the client has gone
}
