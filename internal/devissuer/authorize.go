package devissuer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Bounds of an authorization request.
const (
	maxState  = 4096 // bytes
	maxNonce  = 1024 // bytes
	maxHint   = 256  // bytes of login_hint
	maxMaxAge = 100 * 365 * 24 * 60 * 60
)

// authRequest is an authorization request that waits for a person.
type authRequest struct {
	client       client
	redirectURI  string
	responseMode string
	scopes       []string
	state, nonce string
	challenge    string
	loginHint    string
	prompt       []string
	maxAge       int64  // seconds; -1 = any
	userCode     string // of the device that asks; "" = a page or program asks
}

// compact returns the request without the rest of its form, of which its texts are parts: it waits long.
func (a authRequest) compact() authRequest {
	for _, text := range []*string{
		&a.redirectURI, &a.responseMode, &a.state, &a.nonce, &a.challenge, &a.loginHint,
	} {
		*text = strings.Clone(*text)
	}
	return a
}

// knownPrompts returns the values of prompt that have an effect, each once.
func knownPrompts(text string) (known []string) {
	sent := strings.Fields(text)
	for _, one := range []string{
		oidc.PromptNone, oidc.PromptLogin, oidc.PromptConsent, oidc.PromptSelectAccount,
	} {
		if slices.Contains(sent, one) {
			known = append(known, one)
		}
	}

	return known
}

// mustSignIn reports whether the request wants a new sign-in although there is a session.
func (a authRequest) mustSignIn(s session, now time.Time) bool {
	return slices.Contains(a.prompt, oidc.PromptLogin) ||
		a.maxAge >= 0 && now.Sub(s.AuthTime) > time.Duration(a.maxAge)*time.Second
}

// Errors of an authorization request besides those of package oidc.
const (
	requestNotSupported     = "request_not_supported"
	requestURINotSupported  = "request_uri_not_supported"
	unsupportedResponseType = "unsupported_response_type"
)

// fault is a refusal that the client hears of.
type fault struct{ code, text string }

func (f *fault) Error() string { return f.code + ": " + f.text }

// errRedirect means that the client cannot hear of a refusal, because nobody knows where it is.
var errRedirect = errors.New("the app cannot be sent an answer")

// challengeForm has the challenges of the method S256 (RFC 7636, section 4.2).
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// authorize serves the authorization endpoint (OpenID Connect Core 1.0, section 3.1.2).
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	c, redirectURI, err := p.whoAsks(r)
	if err != nil {
		p.showProblem(w, http.StatusBadRequest, err.Error())
		return
	}

	a := authRequest{
		client:       c,
		redirectURI:  redirectURI,
		responseMode: r.Form.Get("response_mode"),
		state:        r.Form.Get("state"),
		nonce:        r.Form.Get("nonce"),
		scopes:       withoutUnknown(strings.Fields(r.Form.Get("scope"))),
		prompt:       knownPrompts(r.Form.Get("prompt")),
		challenge:    r.Form.Get("code_challenge"),
		loginHint:    r.Form.Get("login_hint"),
		maxAge:       -1,
	}
	if err := a.check(r.Form); err != nil {
		p.sendFault(w, a, err)
		return
	}

	s, signedIn := p.sessionOf(r)
	hinted, err := p.hinted(r, &a)
	if err != nil {
		p.sendFault(w, a, err)
		return
	}
	if slices.Contains(a.prompt, oidc.PromptNone) {
		p.authorizeSilently(w, a, s, signedIn, hinted)
		return
	}

	secret := rand.Text()
	p.requests.put(secret, a.compact())
	p.showSignIn(w, r, http.StatusOK, secret, a, made{})
}

// whoAsks returns the client of an authorization request, and where to send the answer. Its errors are
// for people.
func (p *Provider) whoAsks(r *http.Request) (client, string, error) {
	id, redirectURI := r.Form.Get("client_id"), r.Form.Get("redirect_uri")
	if id == "" || redirectURI == "" {
		return client{}, "", fmt.Errorf("%w: its request lacks client_id or redirect_uri", errRedirect)
	}

	c, found := p.o.Clients.find(id)
	if !found {
		return client{}, "", fmt.Errorf("%w: its client_id has characters that no client ID has, or more than %d",
			errRedirect, maxClientID)
	}
	if err := p.checkRedirect(r, c.described.RedirectURIs, redirectURI, answerParameters...); err != nil {
		return client{}, "", fmt.Errorf("%w: redirect_uri of the client %s: %w", errRedirect, id, err)
	}

	return c, redirectURI, nil
}

// checkRedirect refuses a URI to which nobody may be sent. Those of a described client are compared
// exactly; others must lead to a page that may call this server, or to an app. The answer adds parameters.
func (p *Provider) checkRedirect(r *http.Request, described []string, uri string, added ...string) error {
	if len(described) > 0 {
		if slices.Contains(described, uri) {
			return nil
		}
		return errors.New("it is none of those that the seed has for the client")
	}

	parsed, err := parseRedirect(uri, added...)
	if err != nil {
		return err
	}
	if isPageOf(parsed) && !p.o.AllowsOrigin(parsed.Scheme+"://"+parsed.Host, r.Host) {
		return errors.New("it does not lead to this machine: add its origin to dev.allowed_origins, or describe " +
			"the client in a seed")
	}

	return nil
}

// check refuses what the client did wrong. Error: *fault.
func (a *authRequest) check(form url.Values) error {
	refuse := func(code, text string) error { return &fault{code, text} }
	invalid := string(oidc.InvalidRequest)

	switch mode := a.responseMode; {
	case len(a.state) > maxState:
		a.state = ""
		return refuse(invalid, "state has more than 4096 bytes")
	case mode != "" && mode != string(oidc.ResponseModeQuery) && mode != string(oidc.ResponseModeFragment):
		a.responseMode = ""
		return refuse(invalid, "response_mode must be query or fragment")
	case form.Has("request"):
		return refuse(requestNotSupported, "request objects are not supported")
	case form.Has("request_uri"):
		return refuse(requestURINotSupported, "request objects are not supported")
	case form.Get("response_type") != string(oidc.ResponseTypeCode):
		return refuse(unsupportedResponseType, "response_type must be code")
	case !slices.Contains(a.scopes, oidc.ScopeOpenID):
		return refuse(string(oidc.InvalidScope), "scope must have openid")
	case len(a.nonce) > maxNonce || len(a.loginHint) > maxHint:
		return refuse(invalid, "nonce or login_hint is too long")
	case a.challenge == "" && a.client.described.Secret == "":
		return refuse(invalid, "a public client must send a code_challenge (PKCE)")
	case a.challenge != "" && form.Get("code_challenge_method") != string(oidc.CodeChallengeMethodS256):
		return refuse(invalid, "code_challenge_method must be S256")
	case a.challenge != "" && !challengeForm.MatchString(a.challenge):
		return refuse(invalid, "code_challenge must have 43 characters of base64url")
	case slices.Contains(a.prompt, oidc.PromptNone) && len(a.prompt) > 1:
		return refuse(invalid, "prompt none must stand alone")
	}

	return a.readMaxAge(form)
}

func (a *authRequest) readMaxAge(form url.Values) error {
	if text := form.Get("max_age"); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds < 0 {
			return &fault{string(oidc.InvalidRequest), "max_age must be whole seconds"}
		}
		a.maxAge = min(seconds, maxMaxAge)
	}

	return nil
}

// hinted returns the subject of id_token_hint; "" = there is none. It takes the place of login_hint.
func (p *Provider) hinted(r *http.Request, a *authRequest) (subject string, err error) {
	token := r.Form.Get("id_token_hint")
	if token == "" {
		return "", nil
	}

	h, err := p.o.Issuer.readHint(r.Context(), token)
	if errors.Is(err, errHint) {
		return "", &fault{string(oidc.InvalidRequest), "id_token_hint is no ID token of this issuer"}
	}
	a.loginHint = h.Subject

	return h.Subject, err
}

// authorizeSilently answers a request with prompt none: with a code for the session's user, or with
// login_required.
func (p *Provider) authorizeSilently(
	w http.ResponseWriter, a authRequest, s session, signedIn bool, hinted string,
) {
	switch {
	case !signedIn:
		p.sendFault(w, a, &fault{string(oidc.LoginRequired), "nobody is signed in in this browser"})
	case a.mustSignIn(s, p.o.Now()):
		p.sendFault(w, a, &fault{string(oidc.LoginRequired), "the sign-in is older than max_age"})
	case hinted != "" && hinted != s.Subject:
		p.sendFault(w, a, &fault{string(oidc.LoginRequired), "another user is signed in"})
	default:
		p.sendCode(w, a, s)
	}
}

// sendCode sends a browser back to the client with an authorization code.
func (p *Provider) sendCode(w http.ResponseWriter, a authRequest, s session) {
	p.exchange.Lock()
	defer p.exchange.Unlock()

	if err := p.remember(s, a.client.GetID()); err != nil {
		p.sendFault(w, a, err)
		return
	}

	secret := rand.Text()
	p.codes.put(secret, code{
		client:      a.client.GetID(),
		redirectURI: a.redirectURI,
		challenge:   a.challenge,
		nonce:       a.nonce,
		scopes:      a.scopes,
		session:     s,
		grant:       rand.Text(),
	})
	p.sendBack(w, a, url.Values{"code": {secret}})
}

// sendFault sends a browser back to the client with an error.
func (p *Provider) sendFault(w http.ResponseWriter, a authRequest, err error) {
	f, known := errors.AsType[*fault](err)
	if !known {
		p.o.Logger.Error("a sign-in failed", "client", a.client.GetID(), "error", err)
		f = &fault{string(oidc.ServerError), "the sign-in could not be stored: the log has the reason"}
	}

	p.sendBack(w, a, url.Values{"error": {f.code}, "error_description": {f.text}})
}

// sendBack sends a browser back to the client, with state and the issuer (RFC 9207).
func (p *Provider) sendBack(w http.ResponseWriter, a authRequest, answer url.Values) {
	answer.Set("iss", p.o.Issuer.URL)
	if a.state != "" {
		answer.Set("state", a.state)
	}

	location := withParameters(a.redirectURI, answer)
	if a.responseMode == string(oidc.ResponseModeFragment) {
		location = a.redirectURI + "#" + answer.Encode()
	}

	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}

// withParameters adds parameters to a URI without a fragment.
func withParameters(uri string, values url.Values) string {
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	return uri + separator + values.Encode()
}
