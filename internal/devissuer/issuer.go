// Package devissuer is the OpenID Connect provider of `poolhouse dev`: people choose on its page who
// they are, and programs ask its control API for tokens. github.com/zitadel/oidc reads what programs
// send; state, tokens and pages are here. Start at NewControl and NewProvider.
package devissuer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/testkeys"
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

// Issuer signs the ID tokens of `poolhouse dev`. They are ordinary RS256 ID tokens, verified by
// discovery and JWKS. Never mount it in production: it authenticates nobody.
type Issuer struct {
	URL      string // the iss claim
	Audience string // the default aud claim, and the client ID that pools trust
	// Former is the iss claim of the last start, if that was another; "" = it was not. Users of
	// its tokens get new identities.
	Former string

	keyFile string // "" = the keys are temporary
	rsaKeys testkeys.Maker
	now     func() time.Time
	ready   chan struct{} // closed once the key or err is set
	err     error

	mu   sync.RWMutex
	keys keys
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
//
// With test keys it waits for the key, which is there at once.
func New(baseURL, audience, keyFile string, now func() time.Time, rsaKeys testkeys.Maker) (*Issuer, error) {
	i := &Issuer{
		URL:      baseURL + Path,
		Audience: audience,
		keyFile:  keyFile,
		rsaKeys:  rsaKeys,
		now:      now,
		ready:    make(chan struct{}),
	}

	if keyFile != "" {
		kept, err := readKeys(keyFile)
		if err == nil && kept.issuer != i.URL {
			i.Former, kept.issuer = kept.issuer, i.URL
			err = writeKeys(keyFile, kept)
		}
		if err == nil {
			defer close(i.ready)

			i.keys = kept

			return i, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the development issuer's key: %w", err)
		}
	}

	if rsaKeys != nil {
		i.generate()
		return i, i.err
	}

	go i.generate()

	return i, nil
}

func (i *Issuer) generate() {
	defer close(i.ready)

	key, err := newKey(i.rsaKeys)
	first := keys{signing: key, issuer: i.URL}
	if err == nil && i.keyFile != "" {
		err = writeKeys(i.keyFile, first)
	}
	if err != nil {
		i.err = fmt.Errorf("the development issuer's key: %w", err)
		return
	}

	i.mu.Lock()
	defer i.mu.Unlock()

	i.keys = first
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

	if err := devuser.CheckClaims(claims); err != nil {
		return "", fmt.Errorf("%w: %s", ErrRequest, withoutKind(err))
	}

	now := i.now()
	claims["iss"], claims["sub"], claims["aud"] = i.URL, r.Subject, cmp.Or(r.Audience, i.Audience)
	claims["iat"], claims["exp"] = now.Unix(), now.Add(lifetime).Unix()
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrRequest, err)
	}

	return i.sign(ctx, idTokenType, payload)
}

// Types of the tokens that the issuer signs, in the header typ.
const (
	idTokenType     = "JWT"
	logoutTokenType = "logout+jwt" // OpenID Connect Back-Channel Logout 1.0, section 2.4
)

// sign returns the JWT with a payload.
func (i *Issuer) sign(ctx context.Context, kind jose.ContentType, payload []byte) (string, error) {
	if err := i.wait(ctx); err != nil {
		return "", err
	}

	i.mu.RLock()
	key := i.keys.signing
	i.mu.RUnlock()

	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType(kind))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
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
