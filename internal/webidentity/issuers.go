// Package webidentity issues web identity tokens: the answers of sts:GetWebIdentityToken, by which a
// caller of this server shows a service outside who it is (IAM User Guide, "Federating AWS identities
// to external services").
//
// Each account has an issuer with an address and keys of its own, once it has enabled the tokens. An
// issuer is one of package issuer, which rotates the keys; this package finds the issuer of an account
// or of an address, and writes the claims. Start at Issuers.
package webidentity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/testkeys"
)

// Errors that callers distinguish with errors.Is.
var (
	// ErrEnabled means that the account has enabled the tokens already.
	ErrEnabled = errors.New("web identity tokens are enabled already")
	// ErrDisabled means that the account has not enabled the tokens, or has disabled them.
	ErrDisabled = errors.New("web identity tokens are not enabled")
	// ErrTooLarge means that the claims do not fit a token.
	ErrTooLarge = errors.New("the web identity token is too large")
)

// Path is the path of all issuers below the server's address. The issuer's ID follows.
const Path = "/web-identity/"

// Store keeps the issuers and their keys. *store.Store is one.
type Store interface {
	issuer.KeyStore
	EnableWebIdentity(
		ctx context.Context, account identitypool.AccountID, proposed string,
	) (store.WebIdentityIssuer, error)
	DisableWebIdentity(ctx context.Context, account identitypool.AccountID) error
	WebIdentityIssuer(ctx context.Context, account identitypool.AccountID) (store.WebIdentityIssuer, error)
	WebIdentityIssuerByID(ctx context.Context, id string) (store.WebIdentityIssuer, error)
	WebIdentityIssuers(ctx context.Context) ([]store.WebIdentityIssuer, error)
}

// Options configures Issuers. Store, Sealer and URL are required.
type Options struct {
	Store  Store
	Sealer issuer.Sealer
	URL    string           // the server's address, without a trailing slash
	Now    func() time.Time // nil = time.Now
	Logger *slog.Logger     // nil = none
	// Admit reports whether a request for a document may ask the database. It is asked for issuers that the
	// node does not hold, because anybody can make up their IDs. nil = always.
	Admit func() bool
	// Keys makes RSA keys; nil = generate them, and refuse test keys.
	Keys testkeys.Maker
	// FirstKeysFrom is when an issuer's first keys sign from; zero = when they are made.
	FirstKeysFrom time.Time
}

// maxOpened bounds the issuers whose keys a node holds: some 30 MB.
const maxOpened = 1024

// Issuers are the issuers of all accounts. It is safe for concurrent use.
type Issuers struct {
	o       Options
	opened  *lru.Cache[string, *issuer.Issuer] // cache: web identity issuers
	opening singleflight.Group
}

// New returns Issuers. It reads nothing before it is needed.
func New(o Options) *Issuers {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	opened, _ := lru.New[string, *issuer.Issuer](maxOpened) // fails for sizes < 1 only

	return &Issuers{o: o, opened: opened}
}

func (s *Issuers) url(id string) string { return s.o.URL + Path + id }

// Enable lets an account get tokens, and returns its issuer, the iss claim. The first time it makes the issuer and its
// keys; later the issuer stays the same. Error: ErrEnabled.
func (s *Issuers) Enable(ctx context.Context, account identitypool.AccountID) (string, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return "", err
	}
	w, err := s.o.Store.EnableWebIdentity(ctx, account, id.String())
	if errors.Is(err, store.ErrConflict) {
		return "", fmt.Errorf("account %s: %w", account, ErrEnabled)
	} else if err != nil {
		return "", err
	}

	// The first token would make the keys, too, but would have to wait for them.
	if _, err := s.open(ctx, w.ID); err != nil {
		s.o.Logger.WarnContext(ctx, "the first keys of an issuer of web identity tokens could not be made yet",
			"account", account, "error", err)
	}

	return s.url(w.ID), nil
}

// Disable ends an account's permission to get tokens. Its issuer goes on publishing the keys, so that
// tokens stay valid until they expire (IAM API reference, DisableOutboundWebIdentityFederation). Error:
// ErrDisabled.
func (s *Issuers) Disable(ctx context.Context, account identitypool.AccountID) error {
	err := s.o.Store.DisableWebIdentity(ctx, account)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("account %s: %w", account, ErrDisabled)
	}

	return err
}

// URL returns the issuer of an account that enabled the tokens, the iss claim. Error: ErrDisabled.
func (s *Issuers) URL(ctx context.Context, account identitypool.AccountID) (string, error) {
	id, err := s.enabled(ctx, account)
	if err != nil {
		return "", err
	}

	return s.url(id), nil
}

// enabled returns the ID of an account's issuer. Error: ErrDisabled.
func (s *Issuers) enabled(ctx context.Context, account identitypool.AccountID) (string, error) {
	w, err := s.o.Store.WebIdentityIssuer(ctx, account)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", fmt.Errorf("account %s: %w", account, ErrDisabled)
	case err != nil:
		return "", err
	case !w.Enabled:
		return "", fmt.Errorf("account %s: %w", account, ErrDisabled)
	}

	return w.ID, nil
}

// published returns the issuer with an ID, also of an account that disabled it; nil = there is none.
func (s *Issuers) published(ctx context.Context, id string) (*issuer.Issuer, error) {
	if i, ok := s.opened.Get(id); ok {
		return i, nil
	}
	if parsed, err := uuid.Parse(id); err != nil || parsed.String() != id { // spares the database a look
		return nil, nil
	}

	_, err := s.o.Store.WebIdentityIssuerByID(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}

	return s.open(ctx, id)
}

// open returns the issuer with an ID that exists. The first time it reads the issuer's keys, and makes
// those that are missing. Later the issuer itself reads them when a call needs them and the last reading
// is a few seconds old.
func (s *Issuers) open(ctx context.Context, id string) (*issuer.Issuer, error) {
	if i, ok := s.opened.Get(id); ok {
		return i, nil
	}

	profile, err := Profile(id)
	if err != nil {
		return nil, err
	}

	opened, err, _ := s.opening.Do(id, func() (any, error) {
		// Others wait for this, too: a client that leaves must not end it.
		i, err := issuer.New(overload.WithoutBudget(context.WithoutCancel(ctx)), issuer.Options{
			Store:   s.o.Store,
			Sealer:  s.o.Sealer,
			URL:     s.url(id),
			Profile: &profile,
			Now:     s.o.Now,
			Logger:  s.o.Logger,
			Keys:    s.o.Keys,

			FirstKeysFrom: s.o.FirstKeysFrom,
		})
		if err != nil {
			return nil, err
		}
		s.opened.Add(id, i)

		return i, nil
	})
	if err != nil {
		return nil, fmt.Errorf("the issuer %s: %w", id, err)
	}

	return opened.(*issuer.Issuer), nil
}

// upkeepEvery is how often Run looks after the keys of all issuers. Nothing waits for it: calls look
// after the keys that they need.
const upkeepEvery = time.Hour

// Run erases private keys that no longer sign and drops keys whose last token has expired, also of
// issuers that nobody uses, until ctx ends.
func (s *Issuers) Run(ctx context.Context) {
	ticker := time.NewTicker(upkeepEvery)
	defer ticker.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := s.Upkeep(ctx); err != nil && ctx.Err() == nil {
				s.o.Logger.Error("keys of web identity tokens could not be looked after", "error", err)
			}
		}
	}
}

// Upkeep is one round of Run.
func (s *Issuers) Upkeep(ctx context.Context) error {
	return s.Each(ctx, "", func(_ store.WebIdentityIssuer, i *issuer.Issuer) error { return i.Refresh(ctx) })
}

// Each calls do with the issuers of an account, or of all accounts for "". It ends at the first error.
func (s *Issuers) Each(
	ctx context.Context, account identitypool.AccountID, do func(store.WebIdentityIssuer, *issuer.Issuer) error,
) error {
	all, err := s.o.Store.WebIdentityIssuers(ctx)
	if err != nil {
		return err
	}

	for _, w := range all {
		if account != "" && w.Account != account {
			continue
		}
		i, err := s.open(ctx, w.ID)
		if err != nil {
			return fmt.Errorf("account %s: %w", w.Account, err)
		}
		if err := do(w, i); err != nil {
			return fmt.Errorf("account %s: %w", w.Account, err)
		}
	}

	return nil
}
