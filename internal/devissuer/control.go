package devissuer

import (
	"bytes"
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

	"github.com/go-json-experiment/json/jsontext"

	"github.com/poolhouse-id/poolhouse/internal/devpool"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/testkeys"
)

// Info has what clients of a development server need.
type Info struct {
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

// TokenResponse has the token, or the reason why there is none.
type TokenResponse struct {
	Token string `json:"token,omitempty"`
	Error string `json:"error,omitempty"`
}

// ControlPrefix begins all paths of the control API of a development server. Requests for what is
// below it pass a guard first.
const ControlPrefix = "/_poolhouse/"

// Paths of the control API.
const (
	InfoPath   = ControlPrefix + "dev/info"
	TokenPath  = ControlPrefix + "dev/token"
	PoolsPath  = ControlPrefix + "dev/pools"
	UsersPath  = ControlPrefix + "dev/users" // a user is below it, by name
	RotatePath = ControlPrefix + "dev/rotate-key"
)

const maxRequest = 64 << 10 // bytes

// tokenRule explains how to request a token.
const tokenRule = "send one JSON object of at most 64 KiB with sub or user, and aud (texts), expires_in " +
	"(whole seconds) and claims (an object of any JSON values, which enter the token as they are)"

// Control serves the development issuer and its tokens. It sends no CORS headers: a page of
// another origin must not mint tokens.
type Control struct {
	Info    Info
	Issuer  *Issuer
	Users   *devuser.Store // whom the issuer vouches for by name
	Clients *Clients       // that seeds describe
	// Provider serves the issuer's endpoints; nil = discovery and keys alone.
	Provider *Provider
	// More are the patterns of the rest of the control API, for the answer about paths that it does not have.
	More []string
	// Pools returns at most limit pools of the server, in the order of their IDs.
	Pools func(ctx context.Context, limit int) ([]devpool.Pool, error)
}

// NewControl returns the endpoints of a development server. Its issuer is at baseURL + Path
// and keeps its key in keyFile ("" = nowhere). NewControl fills the fields of info that are
// about the issuer. kept is the issuer of the same server before its data was deleted, whose keys stay; nil = a
// new one.
func NewControl(
	info Info, baseURL, keyFile string, users *devuser.Store, now func() time.Time,
	rsaKeys testkeys.Maker, kept *Issuer,
) (*Control, error) {
	issuer, err := kept, error(nil)
	if issuer == nil {
		issuer, err = New(baseURL, info.Audience, keyFile, now, rsaKeys)
	}
	if err != nil {
		return nil, err
	}
	info.Issuer, info.LoginKey = issuer.URL, issuer.LoginKey()
	info.OIDCProviderARN = "arn:" + identitypool.Partition(info.Region) + ":iam::" + info.AccountID +
		":oidc-provider/" + info.LoginKey

	return &Control{Info: info, Issuer: issuer, Users: users, Clients: &Clients{}}, nil
}

// Routes lists the paths of the control API with their methods, as patterns of http.ServeMux.
func Routes() []string {
	var patterns []string
	for _, route := range (&Control{}).routes() {
		patterns = append(patterns, route.pattern)
	}
	return patterns
}

type route struct {
	pattern string
	serve   http.HandlerFunc
}

func (d *Control) routes() []route {
	return []route{
		{pattern: "GET " + InfoPath, serve: d.info},
		{pattern: "GET " + PoolsPath, serve: d.pools},
		{pattern: "POST " + TokenPath, serve: d.token},
		{pattern: "GET " + UsersPath, serve: d.listUsers},
		{pattern: "PUT " + UsersPath + "/{name}", serve: d.putUser},
		{pattern: "DELETE " + UsersPath + "/{name}", serve: d.deleteUser},
		{pattern: "POST " + RotatePath, serve: d.rotate},
	}
}

// Routes returns the handlers of the endpoints and of their issuer, by their patterns for http.ServeMux.
func (d *Control) Routes() map[string]http.Handler {
	all := d.Issuer.Routes()
	if d.Provider != nil {
		all = d.Provider.Routes()
	}

	for _, route := range d.routes() {
		all[route.pattern] = route.serve
	}
	all[ControlPrefix] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusNotFound, TokenResponse{
			Error: "the control API has no such path with this method: it has " +
				strings.Join(append(Routes(), d.More...), ", "),
		})
	})

	return all
}

func (d *Control) info(w http.ResponseWriter, r *http.Request) {
	info := d.Info
	info.Endpoint = Endpoint(r)
	WriteJSON(w, http.StatusOK, info)
}

// Endpoint returns the address by which a client reached a development server: of this machine, or
// a name that the guard accepts.
func Endpoint(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// MaxPools bounds the pools that PoolsPath lists.
const MaxPools = 1000

// PoolsResponse is the answer of the endpoint PoolsPath.
type PoolsResponse struct {
	Pools []devpool.Pool `json:"pools"` // at most MaxPools, in the order of their IDs
}

func (d *Control) pools(w http.ResponseWriter, r *http.Request) {
	list, err := d.Pools(r.Context(), MaxPools)
	if err != nil {
		WriteJSON(w, http.StatusServiceUnavailable,
			TokenResponse{Error: "the pools could not be read: try again"})
		return
	}
	WriteJSON(w, http.StatusOK, PoolsResponse{Pools: list})
}

func (d *Control) token(w http.ResponseWriter, r *http.Request) {
	var request TokenRequest
	if !ReadJSON(w, r, &request, tokenRule) {
		return
	}

	token, err := d.Mint(r.Context(), request)
	switch {
	case errors.Is(err, ErrRequest):
		text := strings.TrimPrefix(err.Error(), ErrRequest.Error()+": ")
		WriteJSON(w, http.StatusBadRequest, TokenResponse{Error: text})
	case err != nil:
		WriteJSON(w, http.StatusInternalServerError,
			TokenResponse{Error: "the token could not be signed: " + err.Error()})
	default:
		WriteJSON(w, http.StatusOK, TokenResponse{Token: token})
	}
}

// Mint returns an ID token of a user, or of anybody. Its errors wrap ErrRequest if the request is at fault.
func (d *Control) Mint(ctx context.Context, request TokenRequest) (string, error) {
	if err := d.asUser(&request); err != nil {
		return "", err
	}
	return d.Issuer.Token(ctx, request)
}

// asUser gives a request that names a user that user's subject and claims. Claims of the request
// come before the user's.
func (d *Control) asUser(request *TokenRequest) error {
	if request.User == "" {
		return nil
	}
	if request.Subject != "" {
		return fmt.Errorf("%w: give sub or user, not both", ErrRequest)
	}

	user, err := d.Users.Get(request.User)
	if err != nil {
		return fmt.Errorf("%w: %w%s", ErrRequest, err, d.otherUsers(request.User))
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
func (d *Control) otherUsers(name string) string {
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

// ReadJSON reads a request of one JSON object. If it cannot, it answers with what is wrong, and the rule.
func ReadJSON(w http.ResponseWriter, r *http.Request, into any, rule string) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		// A form post needs no preflight, so a foreign page could send one.
		WriteJSON(w, http.StatusUnsupportedMediaType, TokenResponse{Error: "send application/json"})
		return false
	}

	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		text := fmt.Sprintf("the body has more than %d bytes, or was cut off: %s", maxRequest, rule)
		WriteJSON(w, http.StatusBadRequest, TokenResponse{Error: text})

		return false
	}

	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		text := err.Error()
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok { // its text names our types
			text = cmp.Or(wrong.Field, "the body") + " cannot be " + wrong.Value
		}
		WriteJSON(w, http.StatusBadRequest, TokenResponse{Error: text + ": " + rule})

		return false
	}

	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		WriteJSON(w, http.StatusBadRequest, TokenResponse{Error: "something follows the request: " + rule})
		return false
	}
	if !jsontext.Value(body).IsValid() { // encoding/json takes both
		text := "a member comes twice, or a text is not UTF-8: " + rule
		WriteJSON(w, http.StatusBadRequest, TokenResponse{Error: text})

		return false
	}

	return true
}

// WriteJSON answers with JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // an error means that the client has gone
}
