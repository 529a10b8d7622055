package issuer

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
	devDefaultLifetime = 60 * 60      // seconds
	devMaxLifetime     = 24 * 60 * 60 // seconds
	devMaxSubject      = 255          // bytes (OpenID Connect Core 1.0, section 2)
)

// DevPath is the issuer's path below the server's base URL.
const DevPath = "/dev-issuer"

// ErrDevRequest means that a token request was refused.
var ErrDevRequest = errors.New("development token request")

// DevIssuer is the OpenID Connect issuer of `poolhouse dev`. It mints ID tokens for
// anybody who asks, so that people can try the authenticated flow with nothing else
// installed. They are ordinary RS256 ID tokens, verified by discovery and JWKS. Never
// mount it in production: it authenticates nobody.
type DevIssuer struct {
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

// DevTokenRequest describes one ID token.
type DevTokenRequest struct {
	Subject   string         `json:"sub"`
	User      string         `json:"user,omitempty"` // names a user in place of Subject; for DevTokenPath only
	Audience  string         `json:"aud"`            // "" = the issuer's
	ExpiresIn int64          `json:"expires_in"`     // seconds; 0 = one hour
	Claims    map[string]any `json:"claims"`
}

// NewDevIssuer returns an issuer at baseURL + DevPath. It keeps its RSA key and its URL in keyFile;
// with "" both are lost when the process ends. It generates a new key in the background, for a quick
// start; the first call that needs the key waits. A file that has no key is an error.
func NewDevIssuer(baseURL, audience, keyFile string, now func() time.Time) (*DevIssuer, error) {
	i := &DevIssuer{URL: baseURL + DevPath, Audience: audience, now: now, ready: make(chan struct{})}
	if keyFile != "" {
		key, issuer, err := readDevKey(keyFile)
		if err == nil && issuer != i.URL {
			i.Former = issuer
			err = writeDevKey(keyFile, key, i.URL)
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

func (i *DevIssuer) generate(keyFile string) {
	defer close(i.ready)

	key, err := newDevKey()
	if err == nil && keyFile != "" {
		err = writeDevKey(keyFile, key, i.URL)
	}
	if err != nil {
		i.err = fmt.Errorf("the development issuer's key: %w", err)
		return
	}

	i.err = i.use(key)
}

// use sets the key that signs, and publishes it.
func (i *DevIssuer) use(key jose.JSONWebKey) (err error) {
	i.signer, err = jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return err
	}
	i.jwks, err = json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})

	return err
}

func (i *DevIssuer) wait(ctx context.Context) error {
	select {
	case <-i.ready:
		return i.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Token mints an ID token. Its errors wrap ErrDevRequest if the request is at fault.
func (i *DevIssuer) Token(ctx context.Context, r DevTokenRequest) (string, error) {
	if r.Subject == "" || len(r.Subject) > devMaxSubject {
		return "", fmt.Errorf("%w: the subject must have 1 to %d bytes", ErrDevRequest, devMaxSubject)
	}

	// A negative lifetime mints an expired token on purpose, to test refusals.
	if r.ExpiresIn > devMaxLifetime || r.ExpiresIn < -devMaxLifetime {
		return "", fmt.Errorf("%w: expires_in is beyond 24 hours", ErrDevRequest)
	}
	lifetime := time.Duration(cmp.Or(r.ExpiresIn, devDefaultLifetime)) * time.Second

	claims := maps.Clone(r.Claims)
	if claims == nil {
		claims = map[string]any{}
	}

	for _, reserved := range []string{"iss", "sub", "aud", "iat", "exp"} {
		if _, ok := claims[reserved]; ok {
			return "", fmt.Errorf(
				"%w: the claim %q is set by the issuer: leave it out (sub, aud and the lifetime have places of "+
					"their own)",
				ErrDevRequest, reserved)
		}
	}

	now := i.now()
	claims["iss"], claims["sub"], claims["aud"] = i.URL, r.Subject, cmp.Or(r.Audience, i.Audience)
	claims["iat"], claims["exp"] = now.Unix(), now.Add(lifetime).Unix()
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrDevRequest, err)
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
func (i *DevIssuer) LoginKey() string {
	_, key, _ := strings.Cut(i.URL, "://")
	return key
}

// Paths of the issuer's documents, below its URL.
const (
	devDiscoveryPath = "/.well-known/openid-configuration"
	devKeysPath      = "/jwks"
)

// Document returns what the issuer publishes at an address: its discovery document or its keys.
// own is false for any other address. The server itself verifies the issuer's tokens with it: it
// may not reach its own URL, which can be a name in the network of its clients.
func (i *DevIssuer) Document(ctx context.Context, address string) (body []byte, own bool, err error) {
	switch address {
	case i.URL + devDiscoveryPath:
		body, err = json.Marshal(map[string]any{
			"issuer":                                i.URL,
			"jwks_uri":                              i.URL + devKeysPath,
			"response_types_supported":              []string{"id_token"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
		return body, true, err
	case i.URL + devKeysPath:
		err = i.wait(ctx)
		return i.jwks, true, err
	default:
		return nil, false, nil
	}
}

// Routes returns the handlers of discovery and keys, below DevPath, by their patterns for http.ServeMux.
func (i *DevIssuer) Routes() map[string]http.Handler {
	all := map[string]http.Handler{}
	for _, path := range []string{devDiscoveryPath, devKeysPath} {
		all["GET "+DevPath+path] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _, err := i.Document(r.Context(), i.URL+path)
			if err != nil {
				http.Error(w, "the key is not ready: "+err.Error(), http.StatusServiceUnavailable)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body) // an error means that the client has gone
		})
	}

	return all
}
