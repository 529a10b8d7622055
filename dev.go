package poolhouse

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/console"
	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devcalls"
	"github.com/poolhouse-id/poolhouse/internal/devcontrol"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devpage"
	"github.com/poolhouse-id/poolhouse/internal/devpool"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/devuserpool"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// Files of Config.DataDir that only `poolhouse dev` writes: DevIssuerKeyFile has the key of the
// development issuer, DevUsersFile the users that it vouches for by name, and DevSignInsFile who is
// signed in to what. The folder DevUserPoolsFolder has the user pools with their users and keys.
const (
	DevIssuerKeyFile   = devissuer.KeyFile
	DevUsersFile       = devuser.File
	DevSignInsFile     = devissuer.GrantsFile
	DevUserPoolsFolder = devuserpool.Folder
)

// Paths of the control API of a development server. Config.DevControlToken guards them.
const (
	DevInfoPath   = devissuer.InfoPath
	DevTokenPath  = devissuer.TokenPath
	DevPoolsPath  = devissuer.PoolsPath
	DevRotatePath = devissuer.RotatePath

	DevResetPath  = devcontrol.ResetPath
	DevSeedPath   = devcontrol.SeedPath
	DevSAMLPath   = devcontrol.SAMLPath
	DevClockPath  = devcontrol.ClockPath
	DevFaultsPath = devcontrol.FaultsPath
	DevCallsPath  = devcontrol.CallsPath
	// DevCodesPath is the path of the newest codes of user pools.
	DevCodesPath = devapi.Prefix + "dev/codes"
)

// MaxDevDelay bounds how long a development server keeps a client waiting on request, by a fault or until a call
// comes.
const MaxDevDelay = max(devfault.MaxDelay, devcontrol.MaxWait)

// MaxDevPools bounds the pools of a DevPoolsResponse.
const MaxDevPools = devissuer.MaxPools

type (
	// DevInfo is the answer of the endpoint DevInfoPath.
	DevInfo = devissuer.Info
	// DevTokenRequest is the body of a request to DevTokenPath.
	DevTokenRequest = devissuer.TokenRequest
	// DevTokenResponse is the answer of the endpoint DevTokenPath.
	DevTokenResponse = devissuer.TokenResponse
	// DevErrorResponse is the answer of every endpoint that refuses a request.
	DevErrorResponse = devapi.ErrorResponse
	// DevSAMLRequest is the body of a request to DevSAMLPath.
	DevSAMLRequest = devcontrol.SAMLRequest
	// DevSAMLResponse is the answer of the endpoint DevSAMLPath.
	DevSAMLResponse = devcontrol.SAMLResponse
	// DevPoolsResponse is the answer of the endpoint DevPoolsPath.
	DevPoolsResponse = devissuer.PoolsResponse
	// DevPool is an identity pool as a developer needs it.
	DevPool = devpool.Pool
	// DevCode is a code or a temporary password that a user of a development user pool would get by
	// e-mail or text message.
	DevCode = devuserpool.SentCode
	// DevUserPool is a user pool as a developer needs it.
	DevUserPool = devuserpool.Summary
)

// development has the parts of a development server that production lacks. Server.dev is nil in
// production: everything for developers hangs on it.
type development struct {
	endpoints *devissuer.Control
	control   []devapi.Route // the whole control API
	guards    devGuards
	page      http.Handler
	tools     *devTools
	known     devfault.Operations // of all APIs
	// seedAgent is the user agent of the calls by which the server applies seeds. They are no calls of clients:
	// neither the page nor the terminal shows them. No client can guess it.
	seedAgent string
	userPools *devuserpool.Service
	codes     devuserpool.Codes // for the page

	devParts
}

// devParts holds the additions of development to the server: its issuer, and whatever
// newDevelopment lists with it. Production has none.
type devParts struct {
	// apis are served beside AWS's, signed or public as their operations say.
	apis []awsapi.API
	// routes are handlers by their patterns for http.ServeMux. They are behind the guards, and have
	// neither CORS headers nor lines in the access log.
	routes map[string]http.Handler
	// oidcProviders are registered beside those of the settings.
	oidcProviders []OIDCProviderConfig
	samlProviders []SAMLProviderConfig
	// localUserPools are the server's own user pools. Those that the settings name come first.
	localUserPools provider.LocalUserPools
	// documents return what the server publishes itself, so that it verifies tokens without reaching
	// its own URL (outbound.Options.Own).
	documents []func(ctx context.Context, address string) (body []byte, own bool, err error)
}

// newDevelopment makes all that only a development server has. The server has its store, keys and account
// by now. A further part of development adds its lines at the end.
func (s *Server) newDevelopment(tools *devTools) (*development, error) {
	guards, err := s.config.devGuards()
	if err != nil {
		return nil, err
	}
	endpoints, err := s.devEndpoints(tools)
	if err != nil {
		return nil, err
	}

	d := &development{
		endpoints: endpoints,
		guards:    guards,
		tools:     tools,
		seedAgent: "poolhouse-dev-seed/" + rand.Text(),
	}
	d.page = devpage.New(devpage.Options{
		Info:    endpoints.Info,
		Version: s.config.Version,
		Data:    s.DataPlace(),
		Calls:   &tools.calls,
		Logger:  s.config.Logger,
		Pools:   s.DevPools,
		Users:   endpoints.Users.List,

		UserPools: s.DevUserPools,
		Codes:     d.codes.Newest,
		Console:   s.consoleURL(),
	})

	issuer, err := s.devProvider(d)
	if err != nil {
		return nil, err
	}
	d.routes = issuer.Routes()
	d.control = endpoints.Routes()
	d.documents = append(d.documents, endpoints.Issuer.Document)
	d.oidcProviders = append(d.oidcProviders, OIDCProviderConfig{
		URL:           endpoints.Info.Issuer, // verified by discovery and published keys, like any other
		ClientIDs:     []string{DevAudience},
		AllowHTTP:     true,
		AllowPrivate:  true,
		Development:   true,
		MoreClientIDs: endpoints.Clients.IDs,
	})

	if err := s.addUserPools(d); err != nil {
		return nil, err
	}
	if err := s.addControl(d); err != nil {
		return nil, err
	}
	maps.Copy(d.routes, devapi.Handlers(d.control))

	return d, nil
}

// consoleURL returns where a browser finds the console, for the page of a development server; "" = there is none.
func (s *Server) consoleURL() string {
	switch {
	case !s.HasConsole():
		return ""
	case s.config.ConsoleApart:
		return s.config.DevConsoleURL
	default:
		return console.Path
	}
}

// devEndpoints returns the endpoints of a development server. Their issuer keeps its key and its
// users in the data folder.
func (s *Server) devEndpoints(tools *devTools) (*devissuer.Control, error) {
	c := &s.config
	keyFile, usersFile := "", ""
	if c.DataDir != "" {
		keyFile = filepath.Join(c.DataDir, DevIssuerKeyFile)
		usersFile = filepath.Join(c.DataDir, DevUsersFile)

		// The store's lock keeps other servers away.
		if err := wholefile.RemoveTemporary(c.DataDir); err != nil {
			return nil, err
		}
	}
	users, err := devuser.Open(usersFile)
	if err != nil {
		return nil, err
	}

	endpoints, err := devissuer.NewControl(devissuer.ControlOptions{
		Info: DevInfo{
			Endpoint:        cmp.Or(c.DevEndpoint, c.IssuerURL),
			Region:          c.region(),
			AccountID:       c.Account,
			AccessKeyID:     DevAccessKeyID,
			SecretAccessKey: DevSecretAccessKey,
			Audience:        DevAudience,
		},
		Issuer:  tools.issuer,
		BaseURL: c.IssuerURL,
		KeyFile: keyFile,
		Now:     c.Now,
		RSAKeys: c.TestKeys,
		Users:   users,
		Pools:   s.DevPools,
	})
	if err != nil {
		return nil, err
	}
	tools.issuer = endpoints.Issuer

	if former := endpoints.Issuer.Former; former != "" {
		c.Logger.Warn("the development issuer has another name than at the last start: its users get new "+
			"identities, and pools that name the former provider refuse its tokens",
			"former", former, "now", endpoints.Issuer.URL,
			"fix", "to keep the former name, start with --issuer-url "+strings.TrimSuffix(former, devissuer.Path))
	}

	return endpoints, nil
}

// devProvider returns the OpenID Connect provider around the development issuer.
func (s *Server) devProvider(d *development) (*devissuer.Provider, error) {
	c := &s.config
	grantsFile := ""
	if c.DataDir != "" {
		grantsFile = filepath.Join(c.DataDir, DevSignInsFile)
	}
	clients := d.endpoints.Clients

	return devissuer.NewProvider(devissuer.ProviderOptions{
		Issuer:       d.endpoints.Issuer,
		Users:        d.endpoints.Users,
		Clients:      clients,
		GrantsFile:   grantsFile,
		AllowsOrigin: d.guards.browsers.Allows,
		GuardPage:    d.guardPage,
		Trusted: func(id string) bool {
			return id == DevAudience || slices.Contains(clients.IDs(), id)
		},
		Receiver: http.HandlerFunc(s.receiveLogoutToken),
		Now:      c.Now,
		Logger:   c.Logger,
	})
}

// addUserPools adds user pools to what a development server has.
func (s *Server) addUserPools(d *development) error {
	c := &s.config
	if err := devuserpool.CheckFixedCode(c.DevUserPoolCode); err != nil {
		return err
	}
	folder := ""
	if c.DataDir != "" {
		folder = filepath.Join(c.DataDir, devuserpool.Folder)
	}
	state, err := devuserpool.OpenState(folder)
	if err != nil {
		return err
	}

	d.userPools = devuserpool.New(devuserpool.Options{
		State:     state,
		Issuer:    c.IssuerURL,
		Now:       c.Now,
		Logger:    c.Logger,
		FixedCode: c.DevUserPoolCode,
		Keys:      c.TestKeys,
		MayChooseIDs: func(account string) bool {
			return c.mayChooseIDs(identitypool.AccountID(account))
		},
		Codes: func(_ context.Context, code DevCode) {
			d.codes.Add(code)
			if c.OnDevCode != nil {
				c.OnDevCode(code)
			}
		},
	})
	d.localUserPools = state
	d.apis = append(d.apis, d.userPools.API())
	d.documents = append(d.documents, d.userPools.Document)
	d.control = append(d.control, devapi.Route{Pattern: "GET " + DevCodesPath, Serve: d.codes.ServeHTTP})

	return nil
}

// receiveLogoutToken gives a logout token of the development issuer to the receiver of this server, as if
// it came over the network.
func (s *Server) receiveLogoutToken(w http.ResponseWriter, r *http.Request) {
	received := r.Clone(r.Context())
	received.URL = &url.URL{Path: backChannelPrefix + r.PathValue(signout.ProviderPath)}
	s.handler.ServeHTTP(w, received)
}

// added returns what the parts of development add; nothing in production.
func (d *development) added() devParts {
	if d == nil {
		return devParts{}
	}
	return d.devParts
}

// document returns what the server publishes at an address (outbound.Options.Own).
func (p devParts) document(ctx context.Context, address string) (body []byte, own bool, err error) {
	for _, document := range p.documents {
		if body, own, err = document(ctx, address); own {
			break
		}
	}

	return body, own, err
}

// observe remembers an answered request for the page, if a client called an API.
func (d *development) observe(r *awsapi.Record) {
	if d == nil || r.Operation == "" || r.Service == "" || d.isSeed(r.UserAgent) {
		return
	}

	d.tools.calls.Add(devcalls.Call{
		RequestID: r.RequestID,
		Start:     r.Start,
		Duration:  r.Duration,
		Service:   r.Service,
		Operation: r.Operation,
		Pool:      r.Pool,
		Status:    r.Status,
		Outcome:   r.Code,
	})
}

// explainSeed remembers why a call of a seed was refused, for whoever made it.
func (d *development) explainSeed(r awsapi.Refusal) {
	d.tools.calls.ExplainOwn(r.RequestID, r.Message, r.Steps, r.Planned)
}

// explain remembers for the page why a call was refused.
func (d *development) explain(t Trace) {
	if d != nil && t.Operation != "" {
		d.tools.calls.Explain(t.RequestID, t.Message, t.Steps, t.Planned)
	}
}
