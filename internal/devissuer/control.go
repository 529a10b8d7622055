package devissuer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
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

// TokenResponse is the answer of the endpoint TokenPath.
type TokenResponse struct {
	Token string `json:"token"`
}

// Paths of this part of the control API.
const (
	InfoPath   = devapi.Prefix + "dev/info"
	TokenPath  = devapi.Prefix + "dev/token"
	PoolsPath  = devapi.Prefix + "dev/pools"
	UsersPath  = devapi.Prefix + "dev/users" // a user is below it, by name
	RotatePath = devapi.Prefix + "dev/rotate-key"
)

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

	pools func(ctx context.Context, limit int) ([]devpool.Pool, error)
}

// ControlOptions configure a Control.
type ControlOptions struct {
	// Info tells clients how to use the server. NewControl fills the members that are about the issuer.
	Info Info
	// Issuer is the issuer of the same server before its data was deleted, whose keys stay; nil = a new one, by
	// the fields below.
	Issuer  *Issuer
	BaseURL string // the issuer is at BaseURL + Path
	KeyFile string // "" = nowhere
	Now     func() time.Time
	RSAKeys testkeys.Maker // nil = new keys

	Users *devuser.Store
	// Pools returns at most limit pools of the server, in the order of their IDs.
	Pools func(ctx context.Context, limit int) ([]devpool.Pool, error)
}

// NewControl returns the endpoints of a development server, and makes its issuer.
func NewControl(o ControlOptions) (*Control, error) {
	issuer := o.Issuer
	if issuer == nil {
		var err error
		if issuer, err = New(o.BaseURL, o.Info.Audience, o.KeyFile, o.Now, o.RSAKeys); err != nil {
			return nil, err
		}
	}

	info := o.Info
	info.Issuer, info.LoginKey = issuer.URL, issuer.LoginKey()
	info.OIDCProviderARN = "arn:" + identitypool.Partition(info.Region) + ":iam::" + info.AccountID +
		":oidc-provider/" + info.LoginKey

	return &Control{Info: info, Issuer: issuer, Users: o.Users, Clients: &Clients{}, pools: o.Pools}, nil
}

// Routes returns the endpoints, without those of the issuer.
func (d *Control) Routes() []devapi.Route {
	return []devapi.Route{
		{Pattern: "GET " + InfoPath, Serve: d.info},
		{Pattern: "GET " + PoolsPath, Serve: d.listPools},
		{Pattern: "POST " + TokenPath, Serve: d.token},
		{Pattern: "GET " + UsersPath, Serve: d.listUsers},
		{Pattern: "PUT " + UsersPath + "/{name}", Serve: d.putUser},
		{Pattern: "DELETE " + UsersPath + "/{name}", Serve: d.deleteUser},
		{Pattern: "POST " + RotatePath, Serve: d.rotate},
	}
}

func (d *Control) info(w http.ResponseWriter, r *http.Request) {
	info := d.Info
	info.Endpoint = Endpoint(r)
	devapi.WriteJSON(w, http.StatusOK, info)
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

func (d *Control) listPools(w http.ResponseWriter, r *http.Request) {
	list, err := d.pools(r.Context(), MaxPools)
	if err != nil {
		devapi.Refuse(w, http.StatusServiceUnavailable, "the pools could not be read: try again")
		return
	}
	devapi.WriteJSON(w, http.StatusOK, PoolsResponse{Pools: list})
}

func (d *Control) token(w http.ResponseWriter, r *http.Request) {
	var request TokenRequest
	if !devapi.ReadJSON(w, r, &request, tokenRule) {
		return
	}

	token, err := d.Mint(r.Context(), request)
	switch {
	case errors.Is(err, ErrRequest):
		text := strings.TrimPrefix(err.Error(), ErrRequest.Error()+": ")
		devapi.Refuse(w, http.StatusBadRequest, text)
	case err != nil:
		devapi.Refuse(w, http.StatusInternalServerError, "the token could not be signed: "+err.Error())
	default:
		devapi.WriteJSON(w, http.StatusOK, TokenResponse{Token: token})
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
