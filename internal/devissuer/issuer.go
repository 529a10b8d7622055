package devissuer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Limits of a token.
const (
	defaultLifetime = 60 * 60      // seconds
	maxLifetime     = 24 * 60 * 60 // seconds
	maxSubject      = 255          // bytes (OpenID Connect Core 1.0, section 2)
)

// Path is the issuer's path below the server's base URL.
const Path = "/dev-issuer"

// ErrRequest means that a token request was refused.
var ErrRequest = errors.New("development token request")

// Issuer is the OpenID Connect issuer of `poolhouse dev`. It mints ID tokens for
// anybody who asks, so that people can try the authenticated flow with nothing else
// installed. They are ordinary RS256 ID tokens, verified by discovery and JWKS. Never
// mount it in production: it authenticates nobody.
type Issuer struct {
	URL      string // the iss claim
	Audience string // the default aud claim, and the client ID that pools trust
	// Former is the iss claim of the last start, if that was another; "" = it was not. Users of
	// its tokens get new identities.
	Former string

	now    func() time.Time
	ready  chan struct{} // closed once signer and jwks are set
	signer jose.Signer
	jwks   []byte
	err    error
}

// TokenRequest describes one ID token.
type TokenRequest struct {
	Subject   string         `json:"sub"`
	User      string         `json:"user,omitempty"` // names a user in place of Subject; for TokenPath only
	Audience  string         `json:"aud"`            // "" = the issuer's
	ExpiresIn int64          `json:"expires_in"`     // seconds; 0 = one hour
	Claims    map[string]any `json:"claims"`
}

// New returns an issuer at baseURL + Path. It keeps its RSA key and its URL in keyFile;
// with "" both are lost when the process ends. It generates a new key in the background, for a quick
// start; the first call that needs the key waits. A file that has no key is an error.
func New(baseURL, audience, keyFile string, now func() time.Time) (*Issuer, error) {
	i := &Issuer{URL: baseURL + Path, Audience: audience, now: now, ready: make(chan struct{})}
	if keyFile != "" {
		key, issuer, err := readKey(keyFile)
		if err == nil && issuer != i.URL {
			i.Former = issuer
			err = writeKey(keyFile, key, i.URL)
		}
		if err == nil {
			defer close(i.ready)

			return i, i.use(key)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the development issuer's key: %w", err)
		}
	}

	go i.generate(keyFile)

	return i, nil
}

func (i *Issuer) generate(keyFile string) {
	defer close(i.ready)

	key, err := newKey()
	if err == nil && keyFile != "" {
		err = writeKey(keyFile, key, i.URL)
	}
	if err != nil {
		i.err = fmt.Errorf("the development issuer's key: %w", err)
		return
	}

	i.err = i.use(key)
}

// use sets the key that signs, and publishes it.
func (i *Issuer) use(key jose.JSONWebKey) (err error) {
	i.signer, err = jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return err
	}
	i.jwks, err = json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})

	return err
}

func (i *Issuer) wait(ctx context.Context) error {
	select {
	case <-i.ready:
		return i.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Token mints an ID token. Its errors wrap ErrRequest if the request is at fault.
func (i *Issuer) Token(ctx context.Context, r TokenRequest) (string, error) {
	if r.Subject == "" || len(r.Subject) > maxSubject {
		return "", fmt.Errorf("%w: the subject must have 1 to %d bytes", ErrRequest, maxSubject)
	}

	// A negative lifetime mints an expired token on purpose, to test refusals.
	if r.ExpiresIn > maxLifetime || r.ExpiresIn < -maxLifetime {
		return "", fmt.Errorf("%w: expires_in is beyond 24 hours", ErrRequest)
	}
	lifetime := time.Duration(cmp.Or(r.ExpiresIn, defaultLifetime)) * time.Second

	claims := maps.Clone(r.Claims)
	if claims == nil {
		claims = map[string]any{}
	}

	for _, reserved := range []string{"iss", "sub", "aud", "iat", "exp"} {
		if _, ok := claims[reserved]; ok {
			return "", fmt.Errorf(
				"%w: the claim %q is set by the issuer: leave it out (sub, aud and the lifetime have places of "+
					"their own)",
				ErrRequest, reserved)
		}
	}

	now := i.now()
	claims["iss"], claims["sub"], claims["aud"] = i.URL, r.Subject, cmp.Or(r.Audience, i.Audience)
	claims["iat"], claims["exp"] = now.Unix(), now.Add(lifetime).Unix()
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrRequest, err)
	}

	if err := i.wait(ctx); err != nil {
		return "", err
	}
	signed, err := i.signer.Sign(payload)
	if err != nil {
		return "", err
	}

	return signed.CompactSerialize()
}

// LoginKey returns the issuer's key in a Logins map: its URL without the scheme.
func (i *Issuer) LoginKey() string {
	_, key, _ := strings.Cut(i.URL, "://")
	return key
}

// Paths of the issuer's documents, below its URL.
const (
	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/jwks"
)

// Document returns what the issuer publishes at an address: its discovery document or its keys.
// own is false for any other address. The server itself verifies the issuer's tokens with it: it
// may not reach its own URL, which can be a name in the network of its clients.
func (i *Issuer) Document(ctx context.Context, address string) (body []byte, own bool, err error) {
	switch address {
	case i.URL + discoveryPath:
		body, err = json.Marshal(map[string]any{
			"issuer":                                i.URL,
			"jwks_uri":                              i.URL + keysPath,
			"response_types_supported":              []string{"id_token"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
		return body, true, err
	case i.URL + keysPath:
		err = i.wait(ctx)
		return i.jwks, true, err
	default:
		return nil, false, nil
	}
}

// Register mounts discovery and keys on mux, below Path.
func (i *Issuer) Register(mux *http.ServeMux) {
	for _, path := range []string{discoveryPath, keysPath} {
		mux.HandleFunc("GET "+Path+path, func(w http.ResponseWriter, r *http.Request) {
			body, _, err := i.Document(r.Context(), i.URL+path)
			if err != nil {
				http.Error(w, "the key is not ready: "+err.Error(), http.StatusServiceUnavailable)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body) // an error means that the client has gone
		})
	}
}
