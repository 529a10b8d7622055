package issuer_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

func TestAnotherMasterKey(t *testing.T) {
	f := newFixture(t)
	f.issuer(t)
	f.sealer = newSealer(t, 2)
	if _, err := issuer.New(t.Context(), f.options()); !errors.Is(err, envelope.ErrWrongKey) ||
		!strings.Contains(err.Error(), "us-east-11") {
		t.Errorf("%v", err)
	}
}

// The store must not hold what signs, and cannot be used to slip a key in.
func TestAlteredRows(t *testing.T) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(3)}
	foreign, err := x509.CreateCertificate(rand.Reader, template, template, own.Public(), own)
	if err != nil {
		t.Fatal(err)
	}

	for name, test := range map[string]struct {
		alter func(rows []store.Key) // RS512, RS256, ES256; the private keys are erased in the second round
		want  error
	}{
		"sealed key altered": {func(r []store.Key) { r[0].Sealed[len(r[0].Sealed)-1] ^= 1 }, envelope.ErrCorrupt},
		"sealed key cut":     {func(r []store.Key) { r[0].Sealed = r[0].Sealed[:20] }, envelope.ErrCorrupt},
		"sealed key emptied": {func(r []store.Key) { r[0].Sealed = nil }, envelope.ErrCorrupt},
		"keys exchanged": {func(r []store.Key) { r[0].Sealed, r[1].Sealed = r[1].Sealed, r[0].Sealed },
			envelope.ErrCorrupt},
		"IDs exchanged":          {func(r []store.Key) { r[0].ID, r[1].ID = r[1].ID, r[0].ID }, envelope.ErrCorrupt},
		"algorithm changed":      {func(r []store.Key) { r[0].Algorithm = issuer.RS256 }, envelope.ErrCorrupt},
		"public half replaced":   {func(r []store.Key) { r[2].Public = foreign }, envelope.ErrCorrupt},
		"public half of another": {func(r []store.Key) { r[0].Public = r[1].Public }, envelope.ErrCorrupt},
		"sealed under another master": {
			func(r []store.Key) { r[0].Sealed = newSealer(t, 9).Seal(nil, "signing-key/us-east-11") },
			envelope.ErrWrongKey,
		},
		"a sealed value of other kind": {func(r []store.Key) { r[0].Sealed = newSealer(t, 1).Seal(nil, "page/x") },
			envelope.ErrCorrupt},
	} {
		for _, erased := range []bool{false, true} {
			f := newFixtureInMemory(t)
			m := f.store.(*memory)
			i := f.issuer(t)
			if erased {
				if err := i.Rotate(t.Context()); err != nil {
					t.Fatal(err)
				}
				f.clock.advance(2 * time.Hour)
				if err := i.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
			}

			for n := range m.keys {
				m.keys[n].Sealed = bytes.Clone(m.keys[n].Sealed)
			}
			test.alter(m.keys)
			if _, err := issuer.New(t.Context(), f.options()); !errors.Is(err, test.want) ||
				!strings.Contains(err.Error(), "signing key us-east-1") {
				t.Errorf("%s (erased %v): New: %v", name, erased, err)
			}

			// A node that runs goes on with the keys it has.
			before, _ := fetch(t, i)
			if err := i.Refresh(t.Context()); !errors.Is(err, test.want) {
				t.Errorf("%s (erased %v): Refresh: %v", name, erased, err)
			}

			if after, _ := fetch(t, i); len(after.Keys) != len(before.Keys) {
				t.Errorf("%s (erased %v): %d keys are published, before %d", name, erased, len(after.Keys),
					len(before.Keys))
			}
			if err := i.Rotate(t.Context()); !errors.Is(err, test.want) {
				t.Errorf("%s (erased %v): Rotate: %v", name, erased, err)
			}
		}
	}
}

// Rows that the master key vouches for but this version cannot use.
func TestUnusableRows(t *testing.T) {
	f := newFixtureInMemory(t)
	f.issuer(t)
	m := f.store.(*memory)
	m.keys[2].Algorithm = "ES384"
	m.keys[2].Sealed = f.sealer.Seal(nil, issuer.SealedFor(m.keys[2]))
	if _, err := issuer.New(t.Context(), f.options()); err == nil || !strings.Contains(err.Error(), "ES384") {
		t.Errorf("an algorithm of a newer version: %v", err)
	}
	m.keys[2].Algorithm = issuer.ES256
	m.keys[2].Sealed = f.sealer.Seal([]byte("x"), issuer.SealedFor(m.keys[2]))
	if _, err := issuer.New(t.Context(), f.options()); err == nil || !strings.Contains(err.Error(), "us-east-13") {
		t.Errorf("no private key: %v", err)
	}

	other, err := ready.generate(issuer.ES256)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	m.keys[2].Sealed = f.sealer.Seal(der, issuer.SealedFor(m.keys[2]))
	if _, err := issuer.New(t.Context(), f.options()); err == nil ||
		!strings.Contains(err.Error(), "do not belong together") {
		t.Errorf("another private key: %v", err)
	}
}

// Nothing of a private key is readable in the store.
func TestPrivateKeysAreSealed(t *testing.T) {
	f := newFixtureInMemory(t)
	fixed := fixedKey(t)
	f.issuer(t, func(o *issuer.Options) { o.SetGenerate(fixedGenerator(fixed)) })

	for _, r := range f.store.(*memory).keys[:2] {
		for _, secret := range [][]byte{fixed.D.Bytes(), fixed.Primes[0].Bytes(), fixed.Primes[1].Bytes()} {
			if bytes.Contains(r.Sealed, secret[:16]) || bytes.Contains(r.Public, secret[:16]) {
				t.Errorf("a part of private key %s is in the store", r.ID)
			}
		}
	}
}
