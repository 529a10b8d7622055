package devissuer

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Bounds of clients.
const (
	MaxClients = 90 // the provider at IAM has at most 100 client IDs

	maxClientID  = 128 // characters
	maxURIs      = 20  // of a kind
	maxURI       = 2048
	maxClientKey = 512 // characters of a secret
)

// ErrClient means that a client cannot be kept as it is.
var ErrClient = errors.New("invalid client")

// Client is a client that a seed describes. All others are public, with redirect URIs that lead to
// pages that may call the server.
type Client struct {
	ID     string
	Secret string // "" = a public client
	// RedirectURIs and PostLogoutRedirectURIs are compared exactly. Without any, those of other
	// clients are allowed.
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	BackChannelLogoutURI   string // "" = the client does not hear of logouts
}

var clientIDForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~:/@+-]*$`)

// Check refuses a client that cannot be kept. Error: ErrClient.
func (c Client) Check() error {
	switch {
	case !validClientID(c.ID):
		return fmt.Errorf("%w: the client ID %q must have 1 to %d letters, digits and ._~:/@+-, and begin with a "+
			"letter or digit", ErrClient, c.ID, maxClientID)
	case len(c.Secret) > maxClientKey:
		return fmt.Errorf("%w %s: the secret has more than %d characters", ErrClient, c.ID, maxClientKey)
	case len(c.RedirectURIs) > maxURIs || len(c.PostLogoutRedirectURIs) > maxURIs:
		return fmt.Errorf("%w %s: there are more than %d URIs", ErrClient, c.ID, maxURIs)
	}

	for _, uri := range c.RedirectURIs {
		if err := checkListed(uri, answerParameters...); err != nil {
			return fmt.Errorf("%w %s: %q %w", ErrClient, c.ID, uri, err)
		}
	}

	for _, uri := range c.PostLogoutRedirectURIs {
		if err := checkListed(uri, "state"); err != nil {
			return fmt.Errorf("%w %s: %q %w", ErrClient, c.ID, uri, err)
		}
	}
	if c.BackChannelLogoutURI == "" {
		return nil
	}

	parsed, err := parseRedirect(c.BackChannelLogoutURI)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return fmt.Errorf("%w %s: %q is no http or https URI", ErrClient, c.ID, c.BackChannelLogoutURI)
	}

	return nil
}

// checkListed refuses a URI of a seed to which nobody may be sent with the parameters of an answer.
func checkListed(uri string, added ...string) error {
	if _, err := parseRedirect(uri, added...); err != nil {
		return fmt.Errorf("is no redirect URI: %w", err)
	}
	if strings.Contains(uri, "*") {
		return errors.New("would match a * only: list each URI, or leave them all out to allow any page of this " +
			"machine")
	}

	return nil
}

func validClientID(id string) bool { return len(id) <= maxClientID && clientIDForm.MatchString(id) }

// webViewSchemes are the schemes of pages in apps, as capacitor://localhost/: those of Capacitor and of
// Ionic before it, on iOS, and of Tauri. On Android such pages have http or https.
var webViewSchemes = []string{"capacitor", "ionic", "tauri"}

// isPageOf reports whether a URI is a page with an origin, which may call the server or not.
func isPageOf(uri *url.URL) bool {
	return uri.Scheme == "http" || uri.Scheme == "https" || slices.Contains(webViewSchemes, uri.Scheme)
}

// parseRedirect parses a URI that a browser or program may be sent to. Schemes that browsers run or
// read files with have no dot, so no app has one of them: private-use schemes are reverse domain
// names (RFC 8252, section 7.1). Parameters that an answer adds must not be there before.
func parseRedirect(text string, added ...string) (*url.URL, error) {
	if len(text) > maxURI {
		return nil, fmt.Errorf("it has more than %d bytes", maxURI)
	}
	parsed, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("it is no URI")
	}

	page := isPageOf(parsed)
	switch {
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return nil, errors.New("it has characters that a URI must escape")
	case strings.Contains(text, "#") || parsed.User != nil:
		return nil, errors.New("it has a fragment, a user or a password")
	case page && parsed.Host == "":
		return nil, errors.New("it names no host")
	case !page && !strings.Contains(parsed.Scheme, "."):
		return nil, errors.New("its scheme is neither http, https nor one of " + strings.Join(webViewSchemes, ", ") +
			", nor has it a dot as com.example.app")
	}

	values, err := url.ParseQuery(parsed.RawQuery)
	if err != nil {
		return nil, errors.New("its query cannot be read")
	}

	for _, name := range added {
		if values.Has(name) {
			return nil, errors.New("it has the parameter " + name + ", which the answer adds")
		}
	}

	return parsed, nil
}

// answerParameters are those that an answer to an authorization request may add to a redirect URI.
var answerParameters = []string{"code", "state", "iss", "error", "error_description"}

// Clients are the clients that seeds describe. It is safe for concurrent use.
//
// cache: development clients
type Clients struct {
	mu   sync.RWMutex
	byID map[string]Client
}

// Put adds clients, or replaces those with their IDs: all of them or none. Error: ErrClient.
func (c *Clients) Put(clients ...Client) error {
	for _, one := range clients {
		if err := one.Check(); err != nil {
			return err
		}
	}

	c.mu.Lock()
	defer c.mu.Unlock()

	all := make(map[string]Client, len(c.byID)+len(clients))
	for id, one := range c.byID {
		all[id] = one
	}

	for _, one := range clients {
		all[one.ID] = one
	}
	if len(all) > MaxClients {
		return fmt.Errorf("%w: there would be more than %d clients", ErrClient, MaxClients)
	}
	c.byID = all

	return nil
}

// IDs returns the IDs of all clients in order.
func (c *Clients) IDs() []string {
	c.mu.RLock()
	defer c.mu.RUnlock()

	ids := make([]string, 0, len(c.byID))
	for id := range c.byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)

	return ids
}

// find returns a client; false = the ID can be no client's.
func (c *Clients) find(id string) (client, bool) {
	if !validClientID(id) {
		return client{}, false
	}

	c.mu.RLock()
	defer c.mu.RUnlock()

	if described, found := c.byID[id]; found {
		return client{described: described}, true
	}

	return client{described: Client{ID: strings.Clone(id)}}, true
}

// client is a Client as the library sees it.
type client struct{ described Client }

var _ op.Client = client{}

// isSecret reports whether text is the client's secret, in a time that does not depend on it.
func (c client) isSecret(text string) bool {
	own, sent := sha256.Sum256([]byte(c.described.Secret)), sha256.Sum256([]byte(text))
	return c.described.Secret != "" && subtle.ConstantTimeCompare(own[:], sent[:]) == 1
}

func (c client) GetID() string                    { return c.described.ID }
func (c client) RedirectURIs() []string           { return c.described.RedirectURIs }
func (c client) PostLogoutRedirectURIs() []string { return c.described.PostLogoutRedirectURIs }
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c client) GrantTypes() []oidc.GrantType         { return grantTypes }
func (c client) LoginURL(string) string               { return "" } // the authorization endpoint is ours
func (c client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (c client) IDTokenLifetime() time.Duration       { return tokenLifetime }
func (c client) DevMode() bool                        { return true }
func (c client) IsScopeAllowed(string) bool           { return false } // the standard scopes are, always
func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c client) ClockSkew() time.Duration             { return 0 }

func (c client) ApplicationType() op.ApplicationType {
	if c.described.Secret != "" {
		return op.ApplicationTypeWeb
	}
	return op.ApplicationTypeUserAgent
}

func (c client) AuthMethod() oidc.AuthMethod {
	if c.described.Secret != "" {
		return oidc.AuthMethodBasic
	}
	return oidc.AuthMethodNone
}

func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string     { return sameScopes }
func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string { return sameScopes }

func sameScopes(scopes []string) []string { return scopes }
