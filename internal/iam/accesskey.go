package iam

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// AccessKeyStore is the part of the store that AccessKeys needs. Methods that take
// the ID of a key return an error that wraps store.ErrNotFound if there is no such
// key; the error of CreateAccessKey wraps store.ErrConflict if there is one already.
type AccessKeyStore interface {
	CreateAccessKey(ctx context.Context, k store.AccessKey) error
	// CreateAccessKeyWithin is CreateAccessKey, unless the account has limit keys: then its error wraps
	// store.ErrLimit.
	CreateAccessKeyWithin(ctx context.Context, k store.AccessKey, limit int) error
	CreateFirstAccessKey(ctx context.Context, k store.AccessKey) (made bool, err error)
	Initialise(ctx context.Context, k store.AccessKey) (home identitypool.AccountID, made bool, err error)
	AccessKey(ctx context.Context, id string) (store.AccessKey, error)
	AccessKeys(ctx context.Context, account identitypool.AccountID) ([]store.AccessKey, error)
	SetAccessKeyDisabled(ctx context.Context, id string, disabled bool) error
	DeleteAccessKey(ctx context.Context, id string) error
	// These two find only a key of the account. They return an error that wraps store.ErrLastKey rather
	// than leave the account without an enabled key that has no policy.
	SetAccessKeyDisabledOf(ctx context.Context, account identitypool.AccountID, id string, disabled bool) error
	DeleteAccessKeyOf(ctx context.Context, account identitypool.AccountID, id string) error
}

// Sealer seals and opens secrets, like envelope.Sealer. aad is the place that the
// sealed text is bound to.
type Sealer interface {
	Seal(plain []byte, aad string) []byte
	Open(sealed []byte, aad string) ([]byte, error)
}

// AccessKeyOptions configures AccessKeys.
type AccessKeyOptions struct {
	Store         AccessKeyStore
	Sealer        Sealer
	Logger        *slog.Logger     // nil = none
	Now           func() time.Time // nil = time.Now
	Partition     string           // of callers' ARNs; "" = aws
	Refused       string           // a well-known key that Lookup never finds, even if the store has it; "" = none
	CacheLifetime time.Duration    // 0 = MaxCacheLifetime, which is also the maximum
	CacheEntries  int              // 0 = 10,000
}

// DevAccessKeyID is the access key ID of every development server. Everybody knows its
// secret, so no other server accepts it.
const DevAccessKeyID = "test"

// MaxCacheLifetime bounds how long a key still works after another process disabled
// or deleted it. In the process that disables or deletes it, it stops at once.
const MaxCacheLifetime = 5 * time.Second

const defaultCacheEntries = 10_000

// AccessKey is a long-lived access key without its secret.
type AccessKey struct {
	ID          string
	Account     identitypool.AccountID
	Disabled    bool
	Description string
	Policy      string // JSON policy document; "" = root of the account
	Created     time.Time
}

// NewAccessKey describes a key to create.
type NewAccessKey struct {
	Account     identitypool.AccountID
	Description string // up to 256 characters
	Policy      string // JSON policy document that bounds the key, up to 10,240 bytes; "" = root of the account
}

// AccessKeys manages access keys. It is safe for concurrent use.
//
// Secrets are sealed for the store, and bound to the key's ID, account and policy.
// Somebody who can write to the database, but does not have the master key, cannot
// give a key another account or a wider policy.
type AccessKeys struct {
	store     AccessKeyStore
	sealer    Sealer
	logger    *slog.Logger
	now       func() time.Time
	partition string
	refused   string
	cache     *keyCache
}

// NewAccessKeys returns the access keys of a store. It fails if the store or the
// sealer is missing, or if CacheLifetime or CacheEntries is out of range.
func NewAccessKeys(o AccessKeyOptions) (*AccessKeys, error) {
	if o.Store == nil || o.Sealer == nil {
		return nil, errors.New("iam: access keys need a store and a sealer")
	}
	lifetime := cmp.Or(o.CacheLifetime, MaxCacheLifetime)
	if lifetime < 0 || lifetime > MaxCacheLifetime {
		return nil, fmt.Errorf("iam: access keys cannot be cached for %v; use up to %v", lifetime, MaxCacheLifetime)
	}

	k := &AccessKeys{
		store:     o.Store,
		sealer:    o.Sealer,
		logger:    cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
		now:       o.Now,
		partition: cmp.Or(o.Partition, "aws"),
		refused:   o.Refused,
	}
	if k.now == nil {
		k.now = time.Now
	}

	var err error
	k.cache, err = newKeyCache(cmp.Or(o.CacheEntries, defaultCacheEntries), lifetime)

	return k, err
}

// Create makes a key and returns it with its secret, which no later call returns.
// It fails if n has a policy that is not valid.
func (k *AccessKeys) Create(ctx context.Context, n NewAccessKey) (key AccessKey, secret string, err error) {
	secret = newSecret()
	key, err = k.add(ctx, newAccessKeyID(), secret, n)
	if err != nil {
		return AccessKey{}, "", err
	}
	return key, secret, nil
}

// CreateFirst creates a key if the store has none; made reports whether it did. If
// several nodes start at once, only one of them does.
func (k *AccessKeys) CreateFirst(
	ctx context.Context, n NewAccessKey,
) (key AccessKey, secret string, made bool, err error) {
	secret = newSecret()
	row, err := k.row(newAccessKeyID(), secret, n)
	if err == nil {
		made, err = k.store.CreateFirstAccessKey(ctx, row)
	}
	if err != nil || !made {
		return AccessKey{}, "", false, err
	}
	k.created(ctx, row)

	return fromRow(row), secret, true, nil
}

// Initialise makes n.Account the store's home account and creates its first key, both
// or neither. It returns the home account. If the store had another one, Initialise
// changes nothing. made is false if there is an access key already.
func (k *AccessKeys) Initialise(ctx context.Context, n NewAccessKey) (
	home identitypool.AccountID, key AccessKey, secret string, made bool, err error,
) {
	secret = newSecret()
	row, err := k.row(newAccessKeyID(), secret, n)
	if err == nil {
		home, made, err = k.store.Initialise(ctx, row)
	}
	if err != nil || !made {
		return home, AccessKey{}, "", false, err
	}
	k.created(ctx, row)

	return home, fromRow(row), secret, true, nil
}

// isAccessKeyID reports whether id can be the ID of a long-lived key: AWS's
// accessKeyIdType, but from three characters on, for well-known keys.
func isAccessKeyID(id string) bool {
	return len(id) >= 3 && len(id) <= 128 && only(id, func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
	})
}

// ShownKeyID returns an access key ID of a request for logs and traces. A text that
// does not have the form of IDs that AWS or this server makes may be a secret in the
// wrong place; ShownKeyID returns only its length.
func ShownKeyID(id string) string {
	if madeKeyID(id) {
		return id
	}
	return fmt.Sprintf("(%d characters)", utf8.RuneCountInString(id))
}

// madeKeyID reports whether id has the form of IDs that AWS or this server makes.
func madeKeyID(id string) bool {
	return len(id) == 20 && (strings.HasPrefix(id, "AKIA") || strings.HasPrefix(id, SessionPrefix)) &&
		only(id, func(c byte) bool { return c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' })
}

func isSecret(s string) bool {
	return s != "" && len(s) <= 128 && only(s, func(c byte) bool { return c > ' ' && c <= '~' })
}

// Import adds a key whose ID and secret are known in advance, such as
// development's test/test. Importing the same key again changes nothing and returns
// the stored key. The error wraps ErrConflict if there is a key with this ID, but
// another secret, account or policy. Not for production: whoever knows a well-known
// secret owns the key.
func (k *AccessKeys) Import(ctx context.Context, id, secret string, n NewAccessKey) (AccessKey, error) {
	switch {
	case !isAccessKeyID(id):
		return AccessKey{}, fmt.Errorf("access key ID %q: use 3 to 128 letters, digits and underscores", id)
	case strings.HasPrefix(id, SessionPrefix):
		return AccessKey{}, fmt.Errorf("access key ID %q: %s begins the IDs of temporary keys", id, SessionPrefix)
	case !isSecret(secret):
		return AccessKey{}, fmt.Errorf("the secret of access key %s: use 1 to 128 printable ASCII characters", id)
	}

	key, err := k.add(ctx, id, secret, n)
	if !errors.Is(err, ErrConflict) {
		return key, err
	}

	row, err := k.store.AccessKey(ctx, id)
	if err != nil {
		return AccessKey{}, k.storeError(id, err)
	}
	have, err := k.open(row)
	if err != nil {
		return AccessKey{}, err
	}
	if subtle.ConstantTimeCompare([]byte(have), []byte(secret)) != 1 ||
		row.Account != n.Account || row.Policy != n.Policy {
		return AccessKey{}, fmt.Errorf(
			"access key %s exists with another secret, account or policy: %w", id, ErrConflict)
	}

	return fromRow(row), nil
}

func (k *AccessKeys) add(ctx context.Context, id, secret string, n NewAccessKey) (AccessKey, error) {
	row, err := k.row(id, secret, n)
	if err != nil {
		return AccessKey{}, err
	}
	if err := k.store.CreateAccessKey(ctx, row); err != nil {
		return AccessKey{}, k.storeError(id, err)
	}
	k.created(ctx, row)

	return fromRow(row), nil
}

func (k *AccessKeys) created(ctx context.Context, row store.AccessKey) {
	k.cache.forget(row.ID)
	k.logger.InfoContext(ctx, "access key created",
		"access_key", row.ID, "account", string(row.Account), "with_policy", row.Policy != "")

	for _, warning := range AccessKeyPolicyWarnings(row.Policy) {
		k.logger.WarnContext(ctx, "a policy depends on a condition key that this server cannot know",
			"policy", "access key "+row.ID, "problem", warning)
	}
}

// row checks a new key and seals its secret.
func (k *AccessKeys) row(id, secret string, n NewAccessKey) (store.AccessKey, error) {
	if err := n.check(); err != nil {
		return store.AccessKey{}, err
	}

	row := store.AccessKey{
		ID:          id,
		Account:     n.Account,
		Description: n.Description,
		Policy:      n.Policy,
		// The store keeps milliseconds; Create must return the same time as List.
		Created: k.now().UTC().Truncate(time.Millisecond),
	}
	row.SealedSecret = k.sealer.Seal([]byte(secret), SealPlace(row))

	return row, nil
}

// check refuses what no key can have.
func (n NewAccessKey) check() error {
	const (
		maxDescription = 256
		maxPolicy      = 10_240 // the largest of IAM's quotas for inline policies
	)

	switch {
	case !isAccount(string(n.Account)):
		return fmt.Errorf("account %q: use 12 digits", n.Account)
	case utf8.RuneCountInString(n.Description) > maxDescription,
		!utf8.ValidString(n.Description),
		strings.ContainsRune(n.Description, 0):
		return fmt.Errorf(
			"the description of an access key has up to %d characters of UTF-8, none of them NUL", maxDescription)
	case len(n.Policy) > maxPolicy:
		return fmt.Errorf("the access key's policy has %d bytes, %d are allowed", len(n.Policy), maxPolicy)
	}
	if _, err := keyPolicy(n.Policy); err != nil {
		return fmt.Errorf("the access key's policy: %w", err)
	}

	return nil
}

// Lookup returns the caller of an access key, and the key's secret. The error wraps
// ErrNotFound or ErrDisabled, or is a failure of the store. The result is up to
// CacheLifetime old.
func (k *AccessKeys) Lookup(ctx context.Context, id string) (c Caller, secret string, err error) {
	if !isAccessKeyID(id) || id == k.refused {
		return Caller{}, "", fmt.Errorf("access key: %w", ErrNotFound)
	}

	now := k.now()
	if hit, ok := k.cache.get(id, now); ok {
		return hit.caller, hit.secret, nil
	}

	generation := k.cache.generation.Load()
	row, err := k.store.AccessKey(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Caller{}, "", fmt.Errorf("access key: %w", ErrNotFound) // without its ID, which may be a secret
	} else if err != nil {
		return Caller{}, "", k.storeError(ShownKeyID(id), err)
	}
	if row.Disabled {
		return Caller{}, "", fmt.Errorf("%s: %w", id, ErrDisabled)
	}

	secret, err = k.open(row)
	if err != nil {
		return Caller{}, "", err
	}
	document, err := keyPolicy(row.Policy)
	if err != nil {
		return Caller{}, "", fmt.Errorf("the policy of access key %s: %w", id, err)
	}

	c = newKeyCaller(k.partition, row.ID, row.Account, document)
	k.cache.put(id, cachedKey{caller: c, secret: secret, read: now}, generation)

	return c, secret, nil
}

// Caller is Lookup without the secret.
func (k *AccessKeys) Caller(ctx context.Context, id string) (Caller, error) {
	caller, _, err := k.Lookup(ctx, id)
	return caller, err
}

// Owner returns the account of a key, even if the key is disabled; "" if there is no
// such key. A refused call may name the key without having its secret: its account
// need not be the caller's.
func (k *AccessKeys) Owner(ctx context.Context, id string) (identitypool.AccountID, error) {
	if !isAccessKeyID(id) || id == k.refused {
		return "", nil
	}
	if hit, ok := k.cache.get(id, k.now()); ok {
		return hit.caller.Account, nil
	}

	row, err := k.store.AccessKey(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	} else if err != nil {
		return "", k.storeError(ShownKeyID(id), err)
	}

	return row.Account, nil
}

// List returns the keys of an account, or of all accounts for "".
func (k *AccessKeys) List(ctx context.Context, account identitypool.AccountID) ([]AccessKey, error) {
	rows, err := k.store.AccessKeys(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("access keys: %w", err)
	}

	list := make([]AccessKey, 0, len(rows))
	for _, row := range rows {
		list = append(list, fromRow(row))
	}

	return list, nil
}

// HasRoot reports whether an account has a key without a policy, disabled or not.
func (k *AccessKeys) HasRoot(ctx context.Context, account identitypool.AccountID) (bool, error) {
	keys, err := k.List(ctx, account)
	return slices.ContainsFunc(keys, func(key AccessKey) bool { return key.Policy == "" }), err
}

// SetDisabled disables or enables a key. The error wraps ErrNotFound.
func (k *AccessKeys) SetDisabled(ctx context.Context, id string, disabled bool) error {
	// Forget it whatever the outcome: a write may succeed although it returns an error.
	defer k.cache.forget(id)

	if err := k.store.SetAccessKeyDisabled(ctx, id, disabled); err != nil {
		return k.storeError(id, err)
	}
	k.logger.InfoContext(ctx, "access key changed", "access_key", id, "disabled", disabled)
	return nil
}

// Delete removes a key. The error wraps ErrNotFound.
func (k *AccessKeys) Delete(ctx context.Context, id string) error {
	defer k.cache.forget(id)

	if err := k.store.DeleteAccessKey(ctx, id); err != nil {
		return k.storeError(id, err)
	}
	k.logger.InfoContext(ctx, "access key deleted", "access_key", id)
	return nil
}

func (k *AccessKeys) open(row store.AccessKey) (string, error) {
	secret, err := k.sealer.Open(row.SealedSecret, SealPlace(row))
	if err != nil {
		return "", fmt.Errorf("the secret of access key %s cannot be read: %w", row.ID, err)
	}
	return string(secret), nil
}

func (k *AccessKeys) storeError(id string, err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("access key %s: %w", id, ErrNotFound)
	case errors.Is(err, store.ErrConflict):
		return fmt.Errorf("access key %s: %w", id, ErrConflict)
	default:
		return fmt.Errorf("access key %s: %w", id, err)
	}
}

// SealPlace returns the place that binds a key's sealed secret to its ID, account and
// policy.
func SealPlace(row store.AccessKey) string {
	digest := sha256.Sum256([]byte(row.Policy))
	return "access-key/" + row.ID + "/" + string(row.Account) + "/" + hex.EncodeToString(digest[:])
}

func keyPolicy(text string) (*policy.Document, error) {
	if text == "" {
		return nil, nil
	}
	return policy.ParseIdentity(text)
}

func fromRow(row store.AccessKey) AccessKey {
	return AccessKey{
		ID:          row.ID,
		Account:     row.Account,
		Disabled:    row.Disabled,
		Description: row.Description,
		Policy:      row.Policy,
		Created:     row.Created,
	}
}
