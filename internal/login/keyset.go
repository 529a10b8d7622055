package login

import (
	"context"
	"errors"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxMissing bounds the key IDs that are remembered as not published.
const maxMissing = 256

// Reasons for which a provider's keys do not prove a token.
var (
	errUnknownKey   = errors.New("the provider does not publish this key")
	errUnfitKey     = errors.New("the provider's key is not for this algorithm")
	errBadSignature = errors.New("the signature does not match the token")
)

// keySet is a provider's keys at one URL. A key ID that it does not hold may
// mean that the provider rotated its keys, so it is looked for once more; but
// anyone can invent key IDs, so that happens at most once per RefetchPeriod and
// URL, whoever asks. The period is short, so that callers who invent key IDs all
// the time cannot keep a new key out for longer. A signature that does not verify
// under a known key ID never causes a fetch.
type keySet struct {
	document published[*keys]
	missing  *lru.Cache[string, time.Time] // cache: missing key IDs; until when a key ID is not looked for again

	// Used by lookAgain only, which runs once at a time.
	againAt  time.Time // when the next fetch for an unknown key may start
	againErr error     // of the latest one
}

// prove checks a token's signature with the provider's keys, asking the
// provider where necessary. The error is one of this file's, or tells why the
// provider could not be asked.
func (s *keySet) prove(ctx context.Context, now time.Time, t *idToken) error {
	before := s.document.current.Load()
	e, err := s.document.get(ctx, now)
	if err != nil {
		return err
	}
	reason := s.document.v.prove(e.value, t)
	// Without a key ID, a key that is not there looks like a bad signature.
	if reason == nil || t.keyID != "" && !errors.Is(reason, errUnknownKey) || e != before {
		if e != before && errors.Is(reason, errUnknownKey) {
			s.missing.Add(t.keyID, now.Add(s.document.v.o.RefetchPeriod))
		}
		return reason
	}
	if until, remembered := s.missing.Get(t.keyID); remembered && now.Before(until) {
		return reason
	}
	looked, err := s.lookAgain(ctx, e)
	if err != nil {
		return err
	}
	if !looked {
		return reason
	}
	reason = s.document.v.prove(s.document.current.Load().value, t)
	if errors.Is(reason, errUnknownKey) {
		s.missing.Add(t.keyID, now.Add(s.document.v.o.RefetchPeriod))
	}
	return reason
}

// lookAgain fetches the keys if they are still those of seen and the latest
// fetch for an unknown key is long enough ago. It reports whether there may be
// other keys now; the error says why the provider could not be asked.
func (s *keySet) lookAgain(ctx context.Context, seen *edition[*keys]) (bool, error) {
	d := &s.document
	err := d.wait(ctx, "look again", func() error {
		now := d.v.now()
		if d.current.Load() != seen {
			return nil
		}
		if now.Before(s.againAt) {
			return s.againErr
		}
		if err := d.failing(now); err != nil {
			return err
		}
		s.againAt = now.Add(d.v.o.RefetchPeriod)
		_, s.againErr, _ = d.flights.Do("fetch", func() (any, error) { return nil, d.fetch() })
		return s.againErr
	})
	return err == nil && d.current.Load() != seen, err
}
