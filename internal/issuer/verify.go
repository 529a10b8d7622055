package issuer

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Refusals of Verify.
var (
	// ErrNotOurs means that this issuer did not sign the token, or does not accept it.
	ErrNotOurs = errors.New("not a token of this issuer")
	// ErrExpired means that the token has expired.
	ErrExpired = errors.New("the token has expired")
	// ErrKeyRetired means that Retire took the key that signed the token out of use. It is an
	// ErrNotOurs.
	ErrKeyRetired = fmt.Errorf("%w: its key was retired", ErrNotOurs)
)

// maxToken bounds a token of this issuer, in bytes; 50 tags fit.
const maxToken = 64 << 10

// Verify reads a token that this issuer signed. It returns ErrNotOurs for any other
// token, and ErrKeyRetired if its key was retired. If the token has expired, it returns
// ErrExpired with the claims, without leeway: issue and check use the same clocks. It
// needs no network. The header must be, byte for byte, that of one of our keys, which
// decides algorithm and key at once.
func (i *Issuer) Verify(ctx context.Context, token string) (Claims, error) {
	now := i.options.Now()
	set, err := i.current(ctx, now)
	if err != nil {
		return Claims{}, err
	}

	if len(token) > maxToken {
		return Claims{}, fmt.Errorf("%w: it has %d bytes", ErrNotOurs, len(token))
	}
	if strings.ContainsAny(token, "\r\n") { // base64 decoders ignore them
		return Claims{}, fmt.Errorf("%w: it has line breaks", ErrNotOurs)
	}

	if unread := now.Sub(set.read); unread >= maxUnread {
		return Claims{}, fmt.Errorf("the signing keys could not be read for %s: one may have been retired",
			unread.Truncate(time.Second))
	}
	dot := strings.IndexByte(token, '.')
	k := set.byHeader[token[:dot+1]]
	if k == nil {
		if gone := set.withdrawn[token[:dot+1]]; gone != nil {
			at := gone.row.Withdrawn.UTC().Format(time.RFC3339)
			return Claims{}, fmt.Errorf("%w: %s at %s", ErrKeyRetired, gone.row.ID, at)
		}
		return Claims{}, fmt.Errorf("%w: its header names none of our keys", ErrNotOurs)
	}

	middle, end, ok := strings.Cut(token[dot+1:], ".")
	signature, err := base64.RawURLEncoding.Strict().DecodeString(end)
	if !ok || err != nil || !k.verify([]byte(token[:dot+1+len(middle)]), signature) {
		return Claims{}, fmt.Errorf("%w: the signature does not fit", ErrNotOurs)
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(middle)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrNotOurs, err)
	}

	c, err := i.readClaims(payload)
	if err == nil && !now.Before(c.Expires) {
		err = ErrExpired
	}

	return c, err
}

// readClaims reads only what appendClaims wrote: if our keys ever sign a token of another
// shape, it must not pass for a login. The JSON package refuses names given twice.
func (i *Issuer) readClaims(payload []byte) (Claims, error) {
	var raw struct {
		Sub  string   `json:"sub"`
		Aud  string   `json:"aud"`
		AMR  []string `json:"amr"`
		Tags struct {
			Principal map[string][]string `json:"principal_tags"`
		} `json:"https://aws.amazon.com/tags"`
		Iss     string `json:"iss"`
		PoolARN string `json:"https://cognito-identity.amazonaws.com/identity-pool-arn"`
		Exp     int64  `json:"exp"`
		Iat     int64  `json:"iat"`
	}

	if err := json.Unmarshal(payload, &raw, json.RejectUnknownMembers(true)); err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrNotOurs, err)
	}
	if raw.Iss != i.options.URL {
		return Claims{}, fmt.Errorf("%w: its issuer is %q", ErrNotOurs, raw.Iss)
	}
	if raw.Sub == "" || raw.Aud == "" || raw.Exp == 0 {
		return Claims{}, fmt.Errorf("%w: it lacks sub, aud or exp", ErrNotOurs)
	}

	c := Claims{
		Subject:  raw.Sub,
		Audience: raw.Aud,
		AMR:      raw.AMR,
		PoolARN:  raw.PoolARN,
		IssuedAt: time.Unix(raw.Iat, 0).UTC(),
		Expires:  time.Unix(raw.Exp, 0).UTC(),
	}
	for name, values := range raw.Tags.Principal {
		if len(values) != 1 {
			return Claims{}, fmt.Errorf("%w: principal tag %q has %d values", ErrNotOurs, name, len(values))
		}

		if c.PrincipalTags == nil {
			c.PrincipalTags = make(map[string]string, len(raw.Tags.Principal))
		}
		c.PrincipalTags[name] = values[0]
	}

	return c, nil
}
