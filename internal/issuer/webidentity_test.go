package issuer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

const (
	webID    = "5f3c7d12-8a0b-4c1d-9e2f-96e93acfb431"
	otherID  = "0d9b2a77-1111-4222-8333-000000000001"
	webURL   = "https://id.example.com/web-identity/" + webID
	otherURL = "https://id.example.com/web-identity/" + otherID
)

// webOptions returns the options of an issuer of web identity tokens.
func webOptions(t testing.TB, f *fixture, url, id string) issuer.Options {
	t.Helper()
	profile, err := webidentity.Profile(id)
	if err != nil {
		t.Fatal(err)
	}

	return issuer.Options{Store: f.store, Sealer: f.sealer, URL: url, Profile: &profile, Now: f.clock.Now}
}

// newWebIdentity returns an issuer of web identity tokens.
func newWebIdentity(t testing.TB, f *fixture, url, id string) *issuer.Issuer {
	t.Helper()
	o := webOptions(t, f, url, id)
	o.SetGenerate(func(algorithm string) (crypto.Signer, error) {
		if algorithm == issuer.ES384 {
			return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		}
		return ready.generate(algorithm)
	})
	i, err := issuer.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}

	return i
}

func signWeb(t testing.TB, i *issuer.Issuer, f *fixture, url, algorithm string) string {
	t.Helper()
	now := f.clock.Now()
	payload := fmt.Sprintf(`{"aud":"service","sub":"arn:aws:iam::123456789012:role/App","iss":%q,"exp":%d,"iat":%d}`,
		url, now.Add(5*time.Minute).Unix(), now.Unix())
	token, err := i.SignPayload(t.Context(), algorithm, []byte(payload), now, now.Add(5*time.Minute))
	if err != nil {
		t.Fatal(err)
	}

	return token
}

// webVerifier verifies as an outside service does, by the published documents.
func webVerifier(t testing.TB, i *issuer.Issuer, f *fixture, url string) *oidc.IDTokenVerifier {
	t.Helper()
	set, _ := fetch(t, i)
	keys := &oidc.StaticKeySet{}
	for _, k := range set.Keys {
		keys.PublicKeys = append(keys.PublicKeys, k.Key)
	}

	return oidc.NewVerifier(url, keys, &oidc.Config{
		ClientID:             "service",
		Now:                  f.clock.Now,
		SupportedSigningAlgs: webidentity.Algorithms,
	})
}

func TestWebIdentityTokens(t *testing.T) {
	f := newFixture(t)
	i := newWebIdentity(t, f, webURL, webID)
	for _, algorithm := range webidentity.Algorithms {
		token := signWeb(t, i, f, webURL, algorithm)
		parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES384})
		if err != nil {
			t.Fatal(err)
		}
		header := parsed.Signatures[0].Header
		if header.Algorithm != algorithm || header.ExtraHeaders["typ"] != "JWT" ||
			!strings.HasPrefix(header.KeyID, "96e93acfb431-") {
			t.Errorf("%s: header %+v", algorithm, header)
		}
		if _, err := webVerifier(t, i, f, webURL).Verify(t.Context(), token); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}

	for _, algorithm := range []string{issuer.RS512, issuer.ES256, "none", "HS256"} {
		now := f.clock.Now()
		if _, err := i.SignPayload(t.Context(), algorithm, []byte("{}"), now, now.Add(time.Minute)); err == nil {
			t.Errorf("%s signs", algorithm)
		}
	}
	now := f.clock.Now()
	if _, err := i.SignPayload(t.Context(), issuer.ES384, []byte("{}"), now, now.Add(time.Hour+1)); err == nil {
		t.Error("a token outlives its key's publication")
	}
}

// TestIssuersShareNoKey: neither the Cognito issuer nor another account's accepts or publishes what an
// issuer of web identity tokens signs, and the reverse.
func TestIssuersShareNoKey(t *testing.T) {
	f := newFixture(t)
	cognito := f.issuer(t)
	one, other := newWebIdentity(t, f, webURL, webID), newWebIdentity(t, f, otherURL, otherID)

	own := f.sign(t, cognito, issuer.RS512)
	if _, err := cognito.Verify(t.Context(), own); err != nil {
		t.Fatalf("control: %v", err)
	}
	token := signWeb(t, one, f, webURL, issuer.ES384)
	if _, err := cognito.Verify(t.Context(), token); err == nil {
		t.Error("the Cognito issuer takes a web identity token")
	}
	if _, err := webVerifier(t, other, f, webURL).Verify(t.Context(), token); err == nil {
		t.Error("another account's keys verify the token")
	}

	seen := map[string]bool{}
	for _, i := range []*issuer.Issuer{cognito, one, other} {
		set, _ := fetch(t, i)
		for _, k := range set.Keys {
			if seen[k.KeyID] {
				t.Errorf("two issuers publish %s", k.KeyID)
			}
			seen[k.KeyID] = true
		}
	}
	if len(seen) != 3+2+2 {
		t.Errorf("%d keys are published", len(seen))
	}
}

// TestKeyOfAnotherIssuer: nobody who can write to the database can move a sealed key to another issuer.
func TestKeyOfAnotherIssuer(t *testing.T) {
	f := newFixture(t)
	newWebIdentity(t, f, webURL, webID)
	rows, err := f.store.Keys(t.Context(), "web-identity/"+webID)
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d keys, %v", len(rows), err)
	}
	if _, err := f.store.UpdateKeys(t.Context(), "web-identity/"+otherID, func([]store.Key) ([]store.Key, error) {
		for n := range rows {
			rows[n].Purpose = "web-identity/" + otherID
		}
		return rows, nil
	}); err != nil {
		t.Fatal(err)
	}

	if _, err := issuer.New(context.Background(), webOptions(t, f, otherURL, otherID)); err == nil {
		t.Error("a key that was moved is used")
	}
}

func TestWebIdentityRotation(t *testing.T) {
	f := newFixture(t)
	i := newWebIdentity(t, f, webURL, webID)
	old := signWeb(t, i, f, webURL, issuer.ES384)
	if err := i.RotateNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := webVerifier(t, i, f, webURL).Verify(t.Context(), old); err != nil {
		t.Errorf("a rotated key is still accepted: %v", err)
	}

	profile := *webOptions(t, f, webURL, webID).Profile
	keys, err := profile.List(t.Context(), f.store, f.clock.Now())
	if err != nil || len(keys) != 4 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	retired := ""
	for _, k := range keys {
		if k.State == issuer.Retired && k.Algorithm == issuer.ES384 {
			retired = k.ID
		}
	}
	if _, err := profile.RetireIn(t.Context(), f.store, f.sealer, f.clock.Now, retired); err != nil {
		t.Fatal(err)
	}
	if err := i.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := webVerifier(t, i, f, webURL).Verify(t.Context(), old); err == nil {
		t.Error("a retired key is still published")
	}
	if _, err := webVerifier(t, i, f, webURL).Verify(t.Context(), signWeb(t, i, f, webURL, issuer.ES384)); err != nil {
		t.Errorf("a new token: %v", err)
	}
}

// The master key can be changed: the place of each sealed key is known.
func TestSealPlaces(t *testing.T) {
	f := newFixture(t)
	f.issuer(t)
	newWebIdentity(t, f, webURL, webID)
	for purpose, placeOf := range map[string]func(store.Key) (string, bool){
		"signing": issuer.SealPlace, "web-identity/" + webID: webidentity.SealPlace,
	} {
		rows, err := f.store.Keys(t.Context(), purpose)
		if err != nil || len(rows) == 0 {
			t.Fatalf("%d keys, %v", len(rows), err)
		}
		for _, r := range rows {
			place, ok := placeOf(r)
			if _, err := f.sealer.Open(r.Sealed, place); !ok || err != nil {
				t.Errorf("%s, %s: %t, %v", purpose, r.ID, ok, err)
			}
		}
	}
	for purpose, ok := range map[string][2]bool{
		"signing": {true, false}, "web-identity/x": {false, true}, "session": {},
	} {
		_, signing := issuer.SealPlace(store.Key{Purpose: purpose})
		_, web := webidentity.SealPlace(store.Key{Purpose: purpose})
		if signing != ok[0] || web != ok[1] {
			t.Errorf("a key for %s has a place: %t, %t", purpose, signing, web)
		}
	}
}
