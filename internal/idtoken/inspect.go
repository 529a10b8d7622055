package idtoken

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// Inspection describes the documents that a provider publishes.
type Inspection struct {
	Algorithms  []string // that the discovery document names for ID tokens
	Keys        []InspectedKey
	Unusable    int // number of keys that are not valid or not usable here
	Took        time.Duration
	CertExpires time.Time // the earliest end of a certificate; zero without TLS

	Discovery, KeySet string // the addresses; "" = it did not come so far
}

// InspectedKey is a public key of a provider.
type InspectedKey struct {
	ID        string
	Type      string // RSA, EC or OKP
	Algorithm string // "" = the provider leaves it open
	Bits      int
}

// Prober fetches a document for a test: *outbound.Client.
type Prober interface {
	Probe(ctx context.Context, p outbound.Policy, address string) (outbound.Probed, error)
}

const maxShownAlgorithms = 20

// Inspect fetches what the provider of a rule publishes, by the rules that sign-ins have. It keeps
// nothing. With an error, the Inspection has what was found before it; the addresses in it tell where
// it happened.
func Inspect(ctx context.Context, c Prober, r *Rule) (in Inspection, err error) {
	p, address := r.Outbound(), r.JWKSURL
	if address == "" {
		in.Discovery = discoveryURL(r)
		document, err := in.fetch(ctx, c, p, in.Discovery)
		if err != nil {
			return in, err
		}
		if address, err = parseDiscovery(document, r.Issuers[0], p.AllowHTTP); err != nil {
			return in, err
		}
		in.Algorithms = namedAlgorithms(document)
	}

	in.KeySet = address
	document, err := in.fetch(ctx, c, p, address)
	if err != nil {
		return in, err
	}
	set, err := parseKeySet(document)
	if err != nil {
		return in, err
	}

	in.Unusable = set.skipped
	for _, k := range set.all {
		in.Keys = append(in.Keys, InspectedKey{
			ID:        explain.ShownText(k.id),
			Type:      k.kty,
			Algorithm: k.algorithm,
			Bits:      Bits(k.key),
		})
	}

	return in, nil
}

func (in *Inspection) fetch(ctx context.Context, c Prober, p outbound.Policy, address string) ([]byte, error) {
	d, err := c.Probe(ctx, p, address)
	in.Took += d.Took
	if !d.Expires.IsZero() && (in.CertExpires.IsZero() || d.Expires.Before(in.CertExpires)) {
		in.CertExpires = d.Expires
	}

	return d.Body, err
}

// namedAlgorithms returns the algorithms that a discovery document names.
func namedAlgorithms(document []byte) (names []string) {
	object, err := outbound.ParseObject(document, maxDiscoveryDepth)
	if err != nil {
		return nil
	}

	list, _ := object["id_token_signing_alg_values_supported"].([]any)
	for _, one := range list[:min(len(list), maxShownAlgorithms)] {
		if name, isText := one.(string); isText {
			names = append(names, explain.ShownText(name))
		}
	}

	return names
}

// Bits returns the size of a public key; 0 for an unknown type.
func Bits(key any) int {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen()
	case *ecdsa.PublicKey:
		return k.Curve.Params().BitSize
	case ed25519.PublicKey:
		return 8 * len(k)
	}

	return 0
}

// SignsWith reports whether a key of a type (RSA, EC or OKP) can sign with an algorithm.
func SignsWith(kty, algorithm string) bool {
	need, known := algorithms[algorithm]
	return known && need.kty == kty
}
