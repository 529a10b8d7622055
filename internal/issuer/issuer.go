// Package issuer is the server's OpenID Connect issuer. It signs the tokens of
// GetOpenIdToken, publishes the keys that verify them, and rotates those keys. It does the
// same for issuers with another Profile, such as those of package webidentity.
//
// A verifier that honours the cache headers never meets a token that it cannot verify. So
// a key is published before it signs, and until its last token has expired:
//
//	made         NotBefore     successor's NotBefore   NotAfter
//	├─ Upcoming ─┼── Signing ──┼─────── Retired ───────┤ Ended
//	└─────────────────── published ────────────────────┘
//
// Retire withdraws an Upcoming or Retired key: it is no longer published or accepted. After
// a leak, call RotateNow, then Retire. All times are in the store, so that the nodes and the
// command line agree.
//
// Formats: RFC 7515, 7517, 7519; OpenID Connect Discovery 1.0. Start at New and Sign, then
// rotation.go.
package issuer

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/testkeys"
)

// Signature algorithms (RFC 7518).
const (
	RS512 = "RS512" // AWS's, and the default
	RS256 = "RS256"
	ES256 = "ES256"
	ES384 = "ES384" // of web identity tokens only
)

// Algorithms lists the algorithms that can sign Cognito tokens, the default first.
var Algorithms = []string{RS512, RS256, ES256}

// MaxTokenLifetime is the longest life of a token (API model, TokenDuration).
const MaxTokenLifetime = 24 * time.Hour

// KeyStore keeps the keys. *store.Store is one.
type KeyStore interface {
	Keys(ctx context.Context, purpose string) ([]store.Key, error)
	UpdateKeys(ctx context.Context, purpose string, change func([]store.Key) ([]store.Key, error)) ([]store.Key, error)
}

// Sealer protects private keys at rest. *envelope.Sealer is one.
type Sealer interface {
	Seal(plain []byte, aad string) []byte
	Open(sealed []byte, aad string) ([]byte, error)
}

// Options configures an Issuer. Store, Sealer, URL and Region are required.
// PublishDelay and TokenLifetime must be the same on every node and on the command line
// that use one store.
type Options struct {
	Store  KeyStore
	Sealer Sealer
	URL    string // the iss claim, without a trailing slash
	Region string // the first part of key IDs
	// Profile is that of another issuer, which needs no Region; nil = the issuer of Cognito tokens.
	Profile   *Profile
	Algorithm string           // for tokens that ask for none; "" = the profile's first, RS512
	Now       func() time.Time // nil = time.Now
	Logger    *slog.Logger     // nil = none

	// PublishDelay is the time between publishing a key and signing with it, at least
	// 4 s; 0 = 1 h. Verifiers may cache for at most a quarter of it, and a node may learn
	// of a new key that late.
	PublishDelay time.Duration
	// RefreshEvery is how often Run reads the keys; 0 = 2 s, or PublishDelay/8 if that is
	// shorter.
	RefreshEvery time.Duration
	// TokenLifetime is the longest life of a token. Keys stay published for as long after
	// their last signature. 0 = the profile's, MaxTokenLifetime.
	TokenLifetime time.Duration
	// Background makes New return without waiting for the first keys; the first call that
	// needs one waits. For development.
	Background bool
	// FirstKeysFrom is when the first keys sign from; zero = when they are made. For development, where
	// the clock may go back.
	FirstKeysFrom time.Time
	// Keys makes RSA keys; nil = generate them, and refuse test keys.
	Keys testkeys.Maker

	generate func(algorithm string) (crypto.Signer, error) // tests have ready-made keys
	idSuffix func(public crypto.PublicKey) (string, error) // tests name keys by their number
}

// Issuer signs and publishes. It is safe for concurrent use.
type Issuer struct {
	options   Options
	profile   Profile
	timing    timing
	order     []string // algorithms, the issuer's own first
	discovery document
	keys      atomic.Pointer[keySet] // cache: signing keys

	// refreshing is a lock: its holder may read and change the keys. It is a channel, so that
	// waiting can be cancelled.
	refreshing chan struct{}
	// retryAt and failure describe the last attempt, if it failed. Guarded by
	// refreshing.
	retryAt time.Time
	failure error
}

// New loads the signing keys, and makes those that are missing: a pool may ask for any
// algorithm at any time, and a key must be published before it signs. It fails if the
// options are not valid, the store does not answer, or a stored key was altered or
// sealed under another master key.
func New(ctx context.Context, o Options) (*Issuer, error) {
	i, err := newIssuer(o)
	if err != nil {
		return nil, err
	}

	i.refreshing <- struct{}{} // before anybody can call a method
	if !o.Background {
		defer i.release()

		return i, i.refresh(ctx, noLimit)
	}

	// Other faults may pass, and are found again in the background.
	if _, err := i.read(ctx, readTimeout); errors.Is(err, testkeys.ErrPublished) {
		i.release()
		return nil, err
	}

	go func() {
		defer i.release()

		if err := i.refresh(context.WithoutCancel(ctx), noLimit); err != nil && !errors.Is(err, store.ErrClosed) {
			i.options.Logger.Error("no signing keys", "error", err)
		}
	}()

	return i, nil
}

func newIssuer(o Options) (*Issuer, error) {
	if o.Store == nil || o.Sealer == nil {
		return nil, errors.New("issuer: a store and a sealer are needed")
	}
	if err := CheckURL(o.URL); err != nil {
		return nil, err
	}
	if o.Profile == nil && !regionPattern.MatchString(o.Region) {
		return nil, fmt.Errorf("region %q cannot begin a key ID: use the form us-east-1", o.Region)
	}

	p := o.profile()
	o.Algorithm = cmp.Or(o.Algorithm, p.Algorithms[0])
	if !slices.Contains(p.Algorithms, o.Algorithm) {
		return nil, p.unknown(o.Algorithm)
	}

	if o.Now == nil {
		o.Now = time.Now
	}
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if o.generate == nil {
		o.generate = func(algorithm string) (crypto.Signer, error) { return generate(algorithm, o.Keys) }
	}
	if o.idSuffix == nil {
		o.idSuffix = idSuffix
	}

	t, err := newTiming(o)
	if err != nil {
		return nil, err
	}

	i := &Issuer{
		options:    o,
		profile:    p,
		timing:     t,
		order:      p.ordered(o.Algorithm),
		refreshing: make(chan struct{}, 1),
	}
	i.discovery, err = i.discoveryDocument()

	return i, err
}

var regionPattern = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$`)

// CheckURL refuses an issuer URL that is not plain and absolute, such as one with a user
// or a query. It also refuses forms that fail in verifiers, which compare iss byte for
// byte (OpenID Connect Discovery 1.0, section 3; http is for development).
func CheckURL(text string) error {
	u, err := url.Parse(text)
	shown := explain.ShownAddress(text)
	switch {
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("issuer URL %q must be plain ASCII without spaces: write names in their encoded forms", shown)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("issuer URL %q is not an absolute https URL", shown)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return fmt.Errorf("issuer URL %q must have neither user, query nor fragment", shown)
	case strings.ContainsFunc(text, notInURL):
		return fmt.Errorf("issuer URL %q has a character other than letters, digits and -._~:/[]%%@+,=: write it in "+
			"its encoded form", shown)
	case strings.HasSuffix(text, "/"):
		return fmt.Errorf("issuer URL %q ends in a slash: write %s", shown, strings.TrimRight(shown, "/"))
	}

	return nil
}

// notInURL reports whether a character would mean something to a shell or a page that shows the URL. RFC 3986
// allows $, &, ( and others, too, which no issuer needs.
func notInURL(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && !strings.ContainsRune("-._~:/[]%@+,=", r)
}

// timing has the times in the life of a key. All follow from the publish delay, so they
// cannot contradict each other. A new key is in every verifier's cache after refresh +
// maxAge, at most half the delay. The other half is for clocks that differ and refreshes
// that fail.
type timing struct {
	publish     time.Duration // from publishing to signing
	maxAge      time.Duration // how long verifiers may cache the keys, in whole seconds
	maxAgeFixed time.Duration // the same for documents that never change
	refresh     time.Duration // how often Run reads the keys
	stale       time.Duration // age at which a call that needs the keys reads them
	margin      time.Duration // by how much clocks may differ
	lifetime    time.Duration // the longest life of a token
}

const (
	defaultPublishDelay = time.Hour
	defaultRefresh      = 2 * time.Second
	// maxStale lets one poll fail, and leaves time within Lag for the read itself and for
	// the cache of package auth (auth.Fresh).
	maxStale = 5 * time.Second
)

// Lag is how long a node whose database answers may use keys that were changed
// elsewhere. A withdrawn key is refused everywhere within this time.
const Lag = 10 * time.Second

// maxUnread is how long tokens are verified by keys that could not be read again. Any of
// them may have been withdrawn meanwhile.
const maxUnread = 5 * time.Minute

// MaxCached is how long verifiers may keep the published keys. They may accept a
// withdrawn one for as long after Lag.
const MaxCached = time.Minute

func newTiming(o Options) (timing, error) {
	publish := cmp.Or(o.PublishDelay, defaultPublishDelay)
	longest := o.profile().Lifetime
	t := timing{
		publish:     publish,
		maxAge:      min(MaxCached, (publish / 4).Truncate(time.Second)),
		maxAgeFixed: (publish / 4).Truncate(time.Second),
		refresh:     cmp.Or(o.RefreshEvery, min(defaultRefresh, publish/8)),
		stale:       min(maxStale, publish/4),
		margin:      publish / 4,
		lifetime:    cmp.Or(o.TokenLifetime, longest),
	}

	switch {
	case t.maxAge < time.Second:
		return t, fmt.Errorf(
			"a publish delay of %s leaves verifiers no time to see a key before it signs: at least 4s is needed",
			publish)
	case t.refresh <= 0 || t.refresh > t.stale:
		return t, fmt.Errorf("refreshing keys every %s is not possible with a publish delay of %s: at most %s is",
			t.refresh, publish, t.stale)
	case t.lifetime <= 0 || t.lifetime > longest:
		return t, fmt.Errorf("a token lifetime of %s is not between 1s and %s", t.lifetime, longest)
	}

	return t, nil
}
