package idtoken

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

const (
	// refetchPeriod is the least time between two fetches for key IDs that are not held.
	refetchPeriod = 3 * time.Second
	// maxMissing bounds the key IDs that are remembered as not published.
	maxMissing = 256
)

// Reasons why a provider's keys do not prove a token.
var (
	errUnknownKey   = errors.New("the provider does not publish this key")
	errUnfitKey     = errors.New("the provider's key is not for this algorithm")
	errBadSignature = errors.New("the signature does not match the token")
)

// Discovery documents and keys are shared by every pool that trusts the same
// provider under the same policy.
type discoveryKey struct {
	issuer, url string
	policy      outbound.Policy
}

type keySetKey struct {
	url    string
	policy outbound.Policy
}

// keySet holds a provider's keys at one URL. A key ID that it does not hold may
// mean that the provider rotated its keys, so it fetches them again. Anyone can
// invent key IDs, so it does that at most once per refetchPeriod and URL, whoever
// asks. The period is short: callers who keep inventing key IDs cannot keep a new
// key out for longer. A signature that does not verify under a known key ID never
// causes a fetch.
type keySet struct {
	document *outbound.Published[*keys]
	missing  *lru.Cache[string, time.Time] // cache: missing key IDs; until when a key ID is not looked for again
}

// proveSignature checks a token's signature with its provider's keys. Only the
// rule determines where those are, never the token.
func (v *Verifier) proveSignature(ctx context.Context, r *Rule, now time.Time, token *idToken) error {
	if r.OwnKeys != nil {
		own, err := v.ownKeySet(r.OwnKeys)
		if err != nil {
			return err
		}
		return v.prove(own, token)
	}

	p := r.Outbound()
	if address, held := v.heldKeysURL(r, p, now); held {
		set := v.keySet(address, p)
		if e, held := set.document.Held(now); held {
			reason := v.prove(e.Value, token)
			if reason == nil || token.keyID != "" && !errors.Is(reason, errUnknownKey) {
				return reason
			}
		}
	}

	// The provider may have to be asked. One deadline covers all requests.
	ctx, cancel := v.client.WithTimeout(ctx)
	defer cancel()

	address := r.JWKSURL
	if address == "" {
		e, err := v.discovery(r, p).Get(ctx, now)
		if err != nil {
			return err
		}
		address = e.Value
	}

	return v.proveWith(ctx, now, v.keySet(address, p), token)
}

// maxOwnKeySets bounds the key sets of this server that are kept parsed.
const maxOwnKeySets = 256

// ownKeySet returns the keys of a key set of this server.
func (v *Verifier) ownKeySet(text []byte) (*keys, error) {
	name := sha256.Sum256(text)
	if set, held := v.own.Get(name); held {
		return set, nil
	}

	set, err := parseKeySet(text)
	if err != nil {
		return nil, err
	}
	v.own.Add(name, set)

	return set, nil
}

// heldKeysURL returns the address of a provider's keys, if it is known without asking.
func (v *Verifier) heldKeysURL(r *Rule, p outbound.Policy, now time.Time) (string, bool) {
	if r.JWKSURL != "" {
		return r.JWKSURL, true
	}

	e, held := v.discovery(r, p).Held(now)
	if !held {
		return "", false
	}

	return e.Value, true
}

func (v *Verifier) discovery(r *Rule, p outbound.Policy) *outbound.Published[string] {
	issuer := r.Issuers[0]

	return v.discoveries.Get(discoveryKey{
		issuer: issuer,
		url:    r.DiscoveryURL,
		policy: p,
	}, func() *outbound.Published[string] {
		return outbound.NewPublished(v.client, discoveryURL(r), p, func(body []byte) (string, error) {
			return parseDiscovery(body, issuer, p.AllowHTTP)
		})
	})
}

func (v *Verifier) keySet(address string, p outbound.Policy) *keySet {
	return v.keySets.Get(keySetKey{url: address, policy: p}, func() *keySet {
		missing, err := lru.New[string, time.Time](maxMissing)
		if err != nil {
			panic(err) // only for a size below 1
		}

		return &keySet{document: outbound.NewPublished(v.client, address, p, parseKeySet), missing: missing}
	})
}

// proveWith checks a token's signature with the keys of s, and asks the provider
// if necessary. It returns an error of this file if the keys do not prove the
// token, and the outbound error if the provider could not be asked.
func (v *Verifier) proveWith(ctx context.Context, now time.Time, s *keySet, t *idToken) error {
	before := s.document.Current()
	e, err := s.document.Get(ctx, now)
	if err != nil {
		return err
	}

	reason := v.prove(e.Value, t)
	// Without a key ID, a missing key looks like a bad signature.
	if reason == nil || t.keyID != "" && !errors.Is(reason, errUnknownKey) || e != before {
		if e != before && errors.Is(reason, errUnknownKey) {
			s.missing.Add(t.keyID, now.Add(refetchPeriod))
		}
		return reason
	}
	if until, remembered := s.missing.Get(t.keyID); remembered && now.Before(until) {
		return reason
	}

	newer, err := s.document.Newer(ctx, e, refetchPeriod)
	if err != nil {
		return err
	}
	if newer == e {
		return reason
	}

	reason = v.prove(newer.Value, t)
	if errors.Is(reason, errUnknownKey) {
		s.missing.Add(t.keyID, now.Add(refetchPeriod))
	}

	return reason
}
