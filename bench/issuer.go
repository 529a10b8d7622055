package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// issuer is an OpenID Connect provider with one RSA-2048 key. Below /issuers/ it serves
// many others with the same key.
type issuer struct {
	url string
	key *rsa.PrivateKey
	web *http.Server
}

const (
	audience    = "bench-client"
	keyID       = "bench-1"
	loginExpiry = 3 * time.Hour
)

func newIssuer() (*issuer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}

	i := &issuer{url: "http://" + l.Addr().String(), key: key}
	mux := http.NewServeMux()
	publish(mux, "GET /.well-known/openid-configuration", map[string]any{
		"issuer": i.url, "jwks_uri": i.url + "/keys", "response_types_supported": []string{"id_token"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
	})
	mux.HandleFunc("GET /issuers/{n}/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "max-age=3600")
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.other(r.PathValue("n")), "jwks_uri": i.url +
			"/keys"}) // a client that is gone cannot be told
	})
	publish(mux, "GET /keys", map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID,
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}}})

	i.web = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = i.web.Serve(l) }() // ends with close

	return i, nil
}

func publish(mux *http.ServeMux, pattern string, document any) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "max-age=3600")
		_ = json.NewEncoder(w).Encode(document) // a client that is gone cannot be told
	})
}

func (i *issuer) close() { _ = i.web.Close() }

// loginKey returns the issuer's key in Logins.
func (i *issuer) loginKey() string { return strings.TrimPrefix(i.url, "http://") }

// other returns the URL of another issuer of the same process.
func (i *issuer) other(n string) string { return i.url + "/issuers/" + n }

// subject returns the name of the n-th user.
func subject(n int) string { return fmt.Sprintf("user-%07d", n) }

// tokens signs ID tokens for users 0 to n-1, with the claims that such tokens
// usually have.
func (i *issuer) tokens(n int) ([]string, error) {
	return i.sign(n, func(int) map[string]any { return nil })
}

// sign signs n tokens. more returns the claims in which each differs from an ID token of
// user n.
func (i *issuer) sign(n int, more func(int) map[string]any) ([]string, error) {
	list := make([]string, n)

	var next atomic.Int64
	var group sync.WaitGroup
	var failed atomic.Pointer[error]
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for at := next.Add(1) - 1; at < int64(n); at = next.Add(1) - 1 {
				var err error
				if list[at], err = i.token(int(at), more(int(at))); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}

	return list, nil
}

func (i *issuer) token(n int, more map[string]any) (string, error) {
	now := time.Now()
	header, err := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "kid": keyID})
	if err != nil {
		return "", err
	}

	all := map[string]any{
		"iss": i.url, "sub": subject(n), "aud": audience, "iat": now.Unix(), "exp": now.Add(loginExpiry).Unix(),
		"auth_time": now.Unix(), "email": subject(n) +
			"@example.com", "email_verified": true, "name": "Some Body", "locale": "en",
	}
	maps.Copy(all, more)
	claims, err := json.Marshal(all)
	if err != nil {
		return "", err
	}

	text := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}

	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
