package devissuer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// maxFormer bounds the former keys that are published at once.
const maxFormer = 20

// publishedAfter is how long a key is published after its last signature: until its last token has
// expired, for verifiers whose clocks are behind.
const publishedAfter = maxLifetime*time.Second + 5*time.Minute

// ErrTooManyKeys means that a rotation would publish too many keys.
var ErrTooManyKeys = errors.New("too many former keys are still published")

// Rotate makes a new key, which signs from now on, and returns its ID. The key before stays published
// until its tokens have expired. Errors: ErrTooManyKeys; ErrKey if the former key is too large.
func (i *Issuer) Rotate(ctx context.Context) (keyID string, err error) {
	if err := i.wait(ctx); err != nil {
		return "", err
	}
	key, err := newKey(i.rsaKeys)
	if err != nil {
		return "", err
	}

	i.mu.Lock()
	defer i.mu.Unlock()

	now := i.now()
	former := slices.DeleteFunc(slices.Clone(i.keys.former), func(f formerKey) bool { return !now.Before(f.Until) })
	if len(former) >= maxFormer {
		return "", fmt.Errorf("%w: %d; the first expires at %s",
			ErrTooManyKeys, len(former), former[0].Until.UTC().Format(time.RFC3339))
	}

	next := keys{
		signing: key,
		former:  append(former, formerKey{Key: i.keys.signing.Public(), Until: now.Add(publishedAfter)}),
		issuer:  i.keys.issuer,
	}
	if i.keyFile != "" {
		if err := writeKeys(i.keyFile, next); err != nil {
			return "", err
		}
	}
	i.keys = next

	return key.KeyID, nil
}

// published returns the public keys, the signing one first.
func (i *Issuer) published(ctx context.Context) (jose.JSONWebKeySet, error) {
	if err := i.wait(ctx); err != nil {
		return jose.JSONWebKeySet{}, err
	}

	i.mu.RLock()
	defer i.mu.RUnlock()

	now := i.now()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.keys.signing.Public()}}
	for _, f := range i.keys.former {
		if now.Before(f.Until) {
			set.Keys = append(set.Keys, f.Key)
		}
	}

	return set, nil
}
