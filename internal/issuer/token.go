package issuer

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Claims are the contents of a token, except its issuer.
type Claims struct {
	Subject       string   // the identity ID
	Audience      string   // the identity pool ID
	AMR           []string // how the identity was proven
	PoolARN       string
	PrincipalTags map[string]string
	IssuedAt      time.Time // in whole seconds
	Expires       time.Time
}

// Names of claims that only AWS's tokens have.
const (
	claimTags    = "https://aws.amazon.com/tags"
	claimPoolARN = "https://cognito-identity.amazonaws.com/identity-pool-arn"
)

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

// Sign returns a token in compact form, signed with the given algorithm, or with the
// issuer's own if that is "". Members and their order are AWS's: header kid, typ, alg;
// claims sub, aud, amr, tags, iss, pool ARN, exp, iat. It refuses claims that outlive the
// longest token lifetime, because keys stay published only for that long. It fails if the
// keys could not be read for a whole publish delay: another node may have retired them.
//
// Sign writes header and claims itself. No JOSE library lets the order be chosen, and the
// signature should be all that signing costs.
func (i *Issuer) Sign(ctx context.Context, algorithm string, c Claims) (string, error) {
	k, err := i.signing(ctx, algorithm, c.IssuedAt, c.Expires)
	if err != nil {
		return "", err
	}

	claims, token := buffers.Get().(*[]byte), buffers.Get().(*[]byte)
	defer buffers.Put(claims)
	defer buffers.Put(token)

	if *claims, err = i.appendClaims((*claims)[:0], c); err != nil {
		return "", err
	}

	*token = append((*token)[:0], k.header...)
	*token, err = k.complete(*token, *claims)

	return string(*token), err
}

// SignPayload returns a token with a payload that is JSON already, signed under the rules of Sign. The
// payload must have the iss, iat and exp that belong to the issuer and the two times.
func (i *Issuer) SignPayload(
	ctx context.Context, algorithm string, payload []byte, issued, expires time.Time,
) (string, error) {
	k, err := i.signing(ctx, algorithm, issued, expires)
	if err != nil {
		return "", err
	}
	token, err := k.complete([]byte(k.header), payload)

	return string(token), err
}

// signing returns the key that signs a token with these times now, with the given algorithm.
func (i *Issuer) signing(ctx context.Context, algorithm string, issued, expires time.Time) (*key, error) {
	now := i.options.Now()
	set, err := i.current(ctx, now)
	if err != nil {
		return nil, err
	}
	if now.Sub(set.read) >= i.timing.publish {
		return nil, fmt.Errorf("the signing keys were last read at %s and may be out of date",
			set.read.UTC().Format(time.RFC3339))
	}

	algorithm = cmp.Or(algorithm, i.options.Algorithm)
	k := set.signer(algorithm, now)
	if k == nil {
		return nil, i.noSigner(set, algorithm)
	}

	if life := expires.Sub(now); life > i.timing.lifetime || !expires.After(issued) {
		return nil, fmt.Errorf("a token from %s to %s is not between 1s and %s long",
			issued.UTC().Format(time.RFC3339), expires.UTC().Format(time.RFC3339), i.timing.lifetime)
	}

	return k, nil
}

// complete appends claims and signature to a token's header.
func (k *key) complete(token, claims []byte) ([]byte, error) {
	token = base64.RawURLEncoding.AppendEncode(token, claims)
	signature, err := k.sign(token)
	if err != nil {
		return token[:0], fmt.Errorf("signing key %s: %w", k.row.ID, err)
	}
	token = append(token, '.')
	return base64.RawURLEncoding.AppendEncode(token, signature), nil
}

// noSigner reports why no key signs with an algorithm.
func (i *Issuer) noSigner(set *keySet, algorithm string) error {
	for _, k := range set.keys {
		if k.row.Algorithm == algorithm {
			return fmt.Errorf("no key signs %s yet: %s does from %s",
				algorithm, k.row.ID, k.row.NotBefore.UTC().Format(time.RFC3339))
		}
	}
	return i.profile.unknown(algorithm)
}

// encodeHeader writes the JOSE header. Neither argument needs escaping: an ID is a
// checked region or a part of a UUID, and a number.
func encodeHeader(id, tokenType, algorithm string) string {
	header := `{"kid":"` + id + `","typ":"` + tokenType + `","alg":"` + algorithm + `"}`
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "."
}

// appendClaims appends the claims as JSON.
func (i *Issuer) appendClaims(b []byte, c Claims) ([]byte, error) {
	var failed error
	text := func(prefix, s string) {
		b = append(b, prefix...)
		var err error
		b, err = jsontext.AppendQuote(b, s)
		if err != nil {
			failed = err
		}
	}

	text(`{"sub":`, c.Subject)
	text(`,"aud":`, c.Audience)

	separator := `,"amr":[`
	for _, entry := range c.AMR {
		text(separator, entry)
		separator = ","
	}
	if len(c.AMR) == 0 {
		b = append(b, separator...)
	}
	b = append(b, ']')

	if len(c.PrincipalTags) > 0 {
		separator = `,"` + claimTags + `":{"principal_tags":{`
		for _, name := range slices.Sorted(maps.Keys(c.PrincipalTags)) {
			text(separator, name)
			text(":[", c.PrincipalTags[name])
			b = append(b, ']')
			separator = ","
		}
		b = append(b, "}}"...)
	}

	text(`,"iss":`, i.options.URL)
	text(`,"`+claimPoolARN+`":`, c.PoolARN)
	b = append(b, `,"exp":`...)
	b = strconv.AppendInt(b, c.Expires.Unix(), 10)
	b = append(b, `,"iat":`...)
	b = strconv.AppendInt(b, c.IssuedAt.Unix(), 10)

	if failed != nil {
		return b, fmt.Errorf("a claim is not valid UTF-8: %w", failed)
	}

	return append(b, '}'), nil
}
