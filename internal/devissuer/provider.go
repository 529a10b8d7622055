package devissuer

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rs/cors"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// ProviderOptions configure a Provider. Issuer, Users, Clients and Now are required.
type ProviderOptions struct {
	Issuer     *Issuer
	Users      *devuser.Store
	Clients    *Clients
	GrantsFile string // "" = sessions and grants are temporary

	// AllowsOrigin reports whether pages of an origin may call a server that they name host: they may
	// read its answers, and people may be sent back to them. nil = none may.
	AllowsOrigin func(origin, host string) bool
	// GuardPage keeps the pages from others than the control API's callers: whoever sees them can sign
	// in as anybody. nil = everybody may.
	GuardPage func(http.Handler) http.Handler
	// Trusted reports whether identity pools may trust tokens for a client. nil = they trust all.
	Trusted func(clientID string) bool
	// Receiver is the server's own receiver of logout tokens; nil = none.
	Receiver http.Handler

	Now    func() time.Time
	Logger *slog.Logger // nil = discards
}

// Provider is the OpenID Connect provider around an Issuer. It keeps what its endpoints need.
type Provider struct {
	o        ProviderOptions
	grants   *grants
	requests *pending[authRequest] // by the secret in the page
	codes    *pending[code]
	devices  *pending[device] // by user code
	byDevice *pending[string] // user code by device code
	logouts  *pending[logout] // by the secret in the page

	client *http.Client // sends logout tokens to clients; follows no redirects

	// exchange lets codes, grants and sessions change one after the other: a second use of a code or
	// refresh token sees the first, and nothing outlives a logout or its user.
	exchange sync.Mutex
	handler  func() http.Handler
}

var (
	grantTypes = []oidc.GrantType{
		oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeDeviceCode,
	}
	scopesSupported = []string{
		oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopePhone, oidc.ScopeAddress,
		oidc.ScopeOfflineAccess,
	}
)

// NewProvider returns a Provider, with the sessions and grants of its file. It builds its routes at the
// first request, so that the start of the server stays quick. From now on, users who are deleted or get
// another subject lose their sessions and grants. Error: ErrGrants.
func NewProvider(o ProviderOptions) (*Provider, error) {
	kept, err := openGrants(o.GrantsFile, o.Now)
	if err != nil {
		return nil, err
	}

	if o.AllowsOrigin == nil {
		o.AllowsOrigin = func(string, string) bool { return false }
	}
	if o.GuardPage == nil {
		o.GuardPage = func(next http.Handler) http.Handler { return next }
	}
	if o.Trusted == nil {
		o.Trusted = func(string) bool { return true }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}

	p := &Provider{
		o:        o,
		grants:   kept,
		requests: newPending[authRequest](o.Now, requestLifetime),
		codes:    newPending[code](o.Now, codeLifetime),
		devices:  newPending[device](o.Now, deviceLifetime),
		byDevice: newPending[string](o.Now, deviceLifetime),
		logouts:  newPending[logout](o.Now, requestLifetime),
		client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
	}
	p.handler = sync.OnceValue(p.routes)

	// Users may have gone while the server was down.
	if err := kept.forget(p.isGone); err != nil {
		return nil, err
	}
	o.Users.OnEnd(p.endUsers)

	return p, nil
}

// Paths of the pages, below the issuer's URL.
const (
	signInPath  = "/sign-in"
	signOutPath = "/sign-out"
	devicePath  = "/device"
)

// Navigations returns the paths that a link, a form or a redirect of any page may open in a tab. What
// they open has no effect until its user acts.
func Navigations() []string {
	return []string{Path + authorizePath, Path + endSessionPath, Path + devicePath}
}

// IsSilent reports whether a request asks who is signed in without any page: an authorization request with
// prompt none. In a frame of another site it has no cookie, because that is SameSite=Lax: the answer is
// login_required.
func IsSilent(r *http.Request) bool {
	prompts := r.URL.Query()["prompt"]
	return r.URL.Path == Path+authorizePath && len(prompts) == 1 && prompts[0] == oidc.PromptNone
}

// Routes returns the provider by its pattern for http.ServeMux.
func (p *Provider) Routes() map[string]http.Handler { return map[string]http.Handler{Path + "/": p} }

// ServeHTTP serves the endpoints of the provider.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler().ServeHTTP(w, r) }

// routes returns the endpoints: what programs call, with CORS, and what people see, with the guard.
func (p *Provider) routes() http.Handler {
	programs := http.NewServeMux()
	for pattern, handler := range p.o.Issuer.Routes() {
		programs.Handle(pattern, handler)
	}

	// The library tells slog's default logger, which is the embedding program's, about each route that it
	// registers, and takes no other. So nobody hears of it who signs nobody in.
	built := sync.OnceValue(p.library)
	library := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { built().ServeHTTP(w, r) })
	for _, path := range []string{tokenPath, introspectionPath, revocationPath, deviceAuthorizationPath} {
		programs.Handle("POST "+Path+path, checkForm(challenge("Basic", library)))
	}
	programs.Handle("GET "+Path+userinfoPath, checkForm(challenge("Bearer", library)))
	programs.Handle("POST "+Path+userinfoPath, checkForm(challenge("Bearer", library)))

	pages := http.NewServeMux()
	for pattern, serve := range map[string]http.HandlerFunc{
		"GET " + Path + authorizePath:   p.authorize,
		"POST " + Path + authorizePath:  p.authorize,
		"POST " + Path + signInPath:     p.signIn,
		"GET " + Path + devicePath:      p.askUserCode,
		"POST " + Path + devicePath:     p.readUserCode,
		"GET " + Path + endSessionPath:  p.endSession,
		"POST " + Path + endSessionPath: p.endSession,
		"POST " + Path + signOutPath:    p.signOut,
	} {
		pages.Handle(pattern, serve)
	}
	guarded := p.o.GuardPage(p.checkPage(pages))

	withCORS := cors.New(cors.Options{
		AllowOriginVaryRequestFunc: func(r *http.Request, origin string) (bool, []string) {
			return p.o.AllowsOrigin(origin, r.Host), nil
		},
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost},
		AllowedHeaders: []string{"*"},
		MaxAge:         600,
	}).Handler(programs)

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isPage(r.URL.Path) {
			guarded.ServeHTTP(w, r)
			return
		}
		withCORS.ServeHTTP(w, r)
	})
}

// library returns the endpoints whose requests the library reads.
func (p *Provider) library() http.Handler {
	return http.StripPrefix(Path, op.RegisterServer(&server{p: p}, op.Endpoints{
		Token:               op.NewEndpoint(tokenPath),
		Introspection:       op.NewEndpoint(introspectionPath),
		Userinfo:            op.NewEndpoint(userinfoPath),
		Revocation:          op.NewEndpoint(revocationPath),
		DeviceAuthorization: op.NewEndpoint(deviceAuthorizationPath),
	}, op.WithServerCORSOptions(nil)))
}

func isPage(path string) bool {
	return slices.Contains([]string{
		Path + authorizePath, Path + signInPath, Path + devicePath, Path + endSessionPath, Path + signOutPath,
	}, path)
}

// formProblem parses the form of a request, and tells what is wrong with it; "" = nothing. A parameter
// may be there only once (RFC 6749, section 3.1).
func formProblem(w http.ResponseWriter, r *http.Request) string {
	r.Body = http.MaxBytesReader(w, r.Body, devapi.MaxRequest)
	if err := r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return "the form has more than 64 KiB"
		}
		return "the form cannot be read: send application/x-www-form-urlencoded"
	}

	for name, values := range r.Form {
		if len(values) > 1 && len(name) < 64 && isToken(name) {
			return "the parameter " + name + " is there more than once"
		}
		if len(values) > 1 {
			return "a parameter is there more than once"
		}
	}

	return ""
}

// isToken reports whether a text may be quoted in a message as it is.
func isToken(text string) bool { return clientIDForm.MatchString(text) }

// checkForm refuses forms that are not as they must be before next sees them, and keeps answers out of
// caches.
func checkForm(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		problem := formProblem(w, r)
		if problem == "" && r.Method == http.MethodPost && r.URL.RawQuery != "" {
			problem = "a parameter is in the URL: send all in the body, which logs do not keep"
		}
		if problem != "" {
			devapi.WriteJSON(w, http.StatusBadRequest,
				map[string]string{"error": string(oidc.InvalidRequest), "error_description": problem})
			return
		}

		next.ServeHTTP(w, r)
	})
}

// challenge adds to answers with status 401 how to authenticate (RFC 9110, section 15.5.2).
func challenge(scheme string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := scheme + ` realm="poolhouse dev"`
		if scheme == oidc.BearerToken && r.Header.Get("Authorization") != "" {
			text += `, error="` + invalidToken + `"`
		}
		next.ServeHTTP(&challenger{w, text}, r)
	})
}

type challenger struct {
	http.ResponseWriter

	text string
}

func (c *challenger) WriteHeader(status int) {
	if status == http.StatusUnauthorized {
		c.Header().Set("WWW-Authenticate", c.text)
	}
	c.ResponseWriter.WriteHeader(status)
}
