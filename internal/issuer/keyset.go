package issuer

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
)

// keySet has all keys as they were at one reading of the store. It never changes; the
// clock decides which of them signs.
type keySet struct {
	read     time.Time // when the store held these keys
	all      []*key    // as the store has them
	keys     []*key    // without those that were withdrawn; by NotBefore, the oldest first
	byHeader map[string]*key
	// withdrawn are the keys that are no longer accepted, by header, for the text of a
	// refusal.
	withdrawn map[string]*key
	jwks      []edition
}

// edition is the key document from a moment on. The order of its keys changes when a key
// takes over.
type edition struct {
	from time.Time
	document
}

// document is an answer, ready to send.
type document struct {
	body []byte
	etag string
}

func newDocument(v any) (document, error) {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return document{}, err
	}
	sum := sha256.Sum256(body)
	return document{body, `"` + hex.EncodeToString(sum[:12]) + `"`}, nil
}

// publish makes keys the current set. They were read at the moment given.
func (i *Issuer) publish(keys []*key, read time.Time) error {
	set := &keySet{
		read:      read,
		all:       keys,
		byHeader:  make(map[string]*key, len(keys)),
		withdrawn: map[string]*key{},
	}

	for _, k := range keys {
		if k.withdrawn() {
			set.withdrawn[k.header] = k
		} else {
			set.keys = append(set.keys, k)
		}
	}
	slices.SortStableFunc(set.keys, func(a, b *key) int { return a.row.NotBefore.Compare(b.row.NotBefore) })

	moments := []time.Time{read}
	for _, k := range set.keys {
		set.byHeader[k.header] = k
		if k.row.NotBefore.After(moments[len(moments)-1]) {
			moments = append(moments, k.row.NotBefore)
		}
	}

	for _, from := range moments {
		d, err := newDocument(jose.JSONWebKeySet{Keys: set.published(i.order, from)})
		if err != nil {
			return fmt.Errorf("publishing the signing keys: %w", err)
		}
		set.jwks = append(set.jwks, edition{from, d})
	}

	i.keys.Store(set)

	return nil
}

// signer returns the key that signs with an algorithm at a moment: the youngest whose
// time has come. If its private half is gone, another node's clock has handed over
// already, and this node follows.
func (s *keySet) signer(algorithm string, now time.Time) *key {
	var next *key
	for _, k := range slices.Backward(s.keys) {
		switch {
		case k.row.Algorithm != algorithm:
		case k.row.NotBefore.After(now):
			next = k
		case k.private != nil:
			return k
		default:
			return next
		}
	}

	return nil
}

// published lists all keys at a moment. First come those that sign, led by the issuer's
// own algorithm because some engines read only the first key; then the others, the
// youngest first.
func (s *keySet) published(algorithms []string, now time.Time) []jose.JSONWebKey {
	var ordered []*key
	for _, algorithm := range algorithms {
		if k := s.signer(algorithm, now); k != nil {
			ordered = append(ordered, k)
		}
	}

	for _, k := range slices.Backward(s.keys) {
		if !slices.Contains(ordered, k) {
			ordered = append(ordered, k)
		}
	}

	list := make([]jose.JSONWebKey, len(ordered))
	for n, k := range ordered {
		thumbprint := sha256.Sum256(k.certificate.Raw)
		list[n] = jose.JSONWebKey{
			Key:                         k.public,
			KeyID:                       k.row.ID,
			Algorithm:                   k.row.Algorithm,
			Use:                         "sig",
			Certificates:                []*x509.Certificate{k.certificate},
			CertificateThumbprintSHA256: thumbprint[:],
		}
	}

	return list
}

// document returns the key document at a moment.
func (s *keySet) document(now time.Time) document {
	for _, e := range slices.Backward(s.jwks) {
		if !e.from.After(now) {
			return e.document
		}
	}
	return s.jwks[0].document
}
