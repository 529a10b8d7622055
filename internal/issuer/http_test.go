package issuer_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

// serve mounts an issuer on a listening server.
func (f *fixture) serve(t *testing.T, change ...func(*issuer.Options)) (*issuer.Issuer, string) {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i := f.issuer(t, append(change, func(o *issuer.Options) { o.URL = server.URL })...)
	mux.Handle("GET "+issuer.DiscoveryPath, i.DiscoveryHandler())
	mux.Handle("GET "+issuer.JWKSPath, i.JWKSHandler())
	mux.Handle("GET "+issuer.AuthorizePath, i.AuthorizeHandler())

	return i, server.URL
}

func get(t *testing.T, method, target string, header ...string) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, target, nil)
	if err != nil {
		t.Fatal(err)
	}

	for n := 0; n < len(header); n += 2 {
		request.Header.Set(header[n], header[n+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	return response, body
}

func TestDiscoveryDocument(t *testing.T) {
	f := newFixture(t)
	_, at := f.serve(t, func(o *issuer.Options) { o.Algorithm = issuer.ES256 })
	response, body := get(t, http.MethodGet, at+issuer.DiscoveryPath)
	want := strings.ReplaceAll(
		`{"issuer":"AT","authorization_endpoint":"AT/authorize","jwks_uri":"AT/.well-known/jwks_uri",`+
			`"response_types_supported":["id_token"],"subject_types_supported":["public"],`+
			`"id_token_signing_alg_values_supported":["ES256","RS512","RS256"],`+
			`"claims_supported":["sub","aud","amr","https://aws.amazon.com/tags","iss",`+
			`"https://cognito-identity.amazonaws.com/identity-pool-arn","exp","iat"]}`, "AT", at)
	if diff := cmp.Diff(want, string(body)); diff != "" || response.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s (-want +got)\n%s", response.Header.Get("Content-Type"), diff)
	}

	var document struct {
		AuthorizationEndpoint string `json:"authorization_endpoint"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatal(err)
	}

	response, body = get(t, http.MethodGet,
		document.AuthorizationEndpoint+"?response_type=code&redirect_uri=https://evil.example")
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "GetOpenIdToken") ||
		response.Header.Get("Location") != "" {
		t.Errorf("authorization endpoint: %d %s", response.StatusCode, body)
	}
}

func TestDocumentsCanBeCached(t *testing.T) {
	f := newFixture(t)
	_, at := f.serve(t)
	for path, caching := range map[string]string{issuer.DiscoveryPath: "public, max-age=900",
		issuer.JWKSPath: "public, max-age=60"} {
		first, body := get(t, http.MethodGet, at+path)
		tag := first.Header.Get("ETag")
		if first.StatusCode != http.StatusOK || first.Header.Get("Cache-Control") != caching || len(tag) < 10 {
			t.Errorf("%s: %d, Cache-Control %q, ETag %q", path, first.StatusCode,
				first.Header.Get("Cache-Control"), tag)
		}

		for _, known := range []string{tag, `"x", ` + tag, "W/" + tag, "*"} {
			if again, body := get(t, http.MethodGet, at+path, "If-None-Match", known); again.StatusCode !=
				http.StatusNotModified || len(body) > 0 || again.Header.Get("Cache-Control") == "" {
				t.Errorf("%s with If-None-Match %s: %d", path, known, again.StatusCode)
			}
		}

		if other, again := get(t, http.MethodGet, at+path, "If-None-Match", `"x"`); other.StatusCode !=
			http.StatusOK || !bytes.Equal(body, again) {
			t.Errorf("%s with another ETag: %d", path, other.StatusCode)
		}
		if head, none := get(t, http.MethodHead, at+path); head.StatusCode != http.StatusOK ||
			int(head.ContentLength) != len(body) || len(none) > 0 {
			t.Errorf("HEAD %s: %d, %d bytes", path, head.StatusCode, head.ContentLength)
		}
	}
}

// What storage engines and verifiers need of the key document.
func TestPublishedKeys(t *testing.T) {
	for _, algorithm := range issuer.Algorithms {
		f := newFixture(t)
		i, at := f.serve(t, func(o *issuer.Options) { o.Algorithm = algorithm })
		set, _ := fetch(t, i)
		if len(set.Keys) != 3 || set.Keys[0].Algorithm != algorithm || set.Keys[0].KeyID != "us-east-11" {
			t.Fatalf("%d keys, the first is %s %s, want %s us-east-11", len(set.Keys), set.Keys[0].Algorithm,
				set.Keys[0].KeyID, algorithm)
		}
		if first := kid(t, f.sign(t, i, "")); first != set.Keys[0].KeyID {
			t.Errorf("the key that signs is %s, the first published %s", first, set.Keys[0].KeyID)
		}

		for _, k := range set.Keys {
			if k.Use != "sig" || !k.IsPublic() || !k.Valid() || len(k.Certificates) != 1 {
				t.Errorf("key %s: use %q, public %v, %d certificates", k.KeyID, k.Use, k.IsPublic(),
					len(k.Certificates))
				continue
			}

			certificate := k.Certificates[0]
			if !k.Key.(interface{ Equal(crypto.PublicKey) bool }).Equal(certificate.PublicKey) {
				t.Errorf("%s: x5c holds another key", k.KeyID)
			}
			if err := certificate.CheckSignature(certificate.SignatureAlgorithm, certificate.RawTBSCertificate,
				certificate.Signature); err != nil {
				t.Errorf("%s: the certificate: %v", k.KeyID, err)
			}

			u, err := url.Parse(at)
			if err != nil {
				t.Fatal(err)
			}

			now := f.clock.Now()
			if certificate.Subject.CommonName != u.Host || certificate.NotBefore.After(now) ||
				certificate.NotAfter.Before(now.AddDate(1000, 0, 0)) {
				t.Errorf("%s: certificate of %s, from %s to %s", k.KeyID, certificate.Subject, certificate.NotBefore,
					certificate.NotAfter)
			}
			if sum := sha256.Sum256(certificate.Raw); !bytes.Equal(sum[:], k.CertificateThumbprintSHA256) {
				t.Errorf("%s: x5t#S256 is of another certificate", k.KeyID)
			}
		}
	}
}

// The members of the document, as they are on the wire: private parts of any
// kind would show.
func TestPublishedMembers(t *testing.T) {
	f := newFixture(t)
	_, at := f.serve(t)
	_, body := get(t, http.MethodGet, at+issuer.JWKSPath)
	var document struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(body, &document, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}

	for _, k := range document.Keys {
		want := map[string]bool{"use": true, "kty": true, "kid": true, "alg": true, "x5c": true, "x5t#S256": true}
		if k["kty"] == "RSA" {
			want["n"], want["e"] = true, true
		} else {
			want["crv"], want["x"], want["y"] = true, true, true
		}

		got := map[string]bool{}
		for name := range k {
			got[name] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("members of %v (-want +got)\n%s", k["kid"], diff)
		}

		// not base64url (RFC 7517, 4.7)
		if der, err := base64.StdEncoding.DecodeString(k["x5c"].([]any)[0].(string)); err != nil {
			t.Error(err)
		} else if _, err := x509.ParseCertificate(der); err != nil {
			t.Error(err)
		}
	}
}

// go-oidc gets the issuer's URL and nothing else.
func TestDiscoveryAloneVerifies(t *testing.T) {
	f := newFixture(t)
	i, at := f.serve(t)
	provider, err := oidc.NewProvider(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}

	// algorithms from discovery
	verifier := provider.Verifier(&oidc.Config{ClientID: "us-east-1:pool", Now: f.clock.Now})
	for _, algorithm := range issuer.Algorithms {
		token := f.sign(t, i, algorithm)
		verified, err := verifier.Verify(t.Context(), token)
		if err != nil || verified.Subject != "us-east-1:identity" ||
			!verified.Expiry.Equal(f.clock.Now().Add(10*time.Minute)) {
			t.Errorf("%s: %v", algorithm, err)
		}
		if _, err := verifier.Verify(t.Context(), token[:len(token)-4]+"AAAA"); err == nil {
			t.Errorf("%s: an altered token verifies", algorithm)
		}
	}

	if err := i.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.clock.advance(2 * time.Hour)
	if _, err := verifier.Verify(t.Context(), f.sign(t, i, "")); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
}

func TestNoKeysToPublish(t *testing.T) {
	f := newFixtureInMemory(t)
	f.store.(*memory).setDown(errDown)
	i := f.issuer(t, func(o *issuer.Options) { o.Background = true })
	w := httptest.NewRecorder()
	i.JWKSHandler().ServeHTTP(w,
		httptest.NewRequestWithContext(context.Background(), http.MethodGet, issuer.JWKSPath, nil))

	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Cache-Control") != "no-store" ||
		w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "database") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
