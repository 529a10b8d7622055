// Command zitadelop is an OpenID Connect provider on github.com/zitadel/oidc: a
// peer for the tests of Poolhouse, in a module of its own. Its ID tokens look
// like a user pool's (token_use), and its introspection knows them.
//
// Environment: ISSUER, CALLBACK, LOGOUT (where the application hears of logouts).
// POST /rotate signs with a new key, POST /end?sub= ends a user's tokens for
// introspection, POST /logout?sub= sends a logout token and answers with what
// the application answered.
package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/crypto"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// key is a signing key, and its own public form.
type key struct {
	id      string
	private *rsa.PrivateKey
}

func (k key) ID() string                                  { return k.id }
func (k key) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k key) Key() any                                    { return k.private }

type published struct{ key }

func (p published) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (p published) Use() string                        { return "sig" }
func (p published) Key() any                           { return &p.private.PublicKey }

// users is the example's storage with keys that rotate and users that end.
type users struct {
	*storage.Storage

	mu    sync.Mutex
	keys  []key // the first signs
	ended map[string]bool
}

func (u *users) rotate() error {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()

	u.keys = append([]key{{fmt.Sprintf("key-%d", len(u.keys)), private}}, u.keys...)

	return nil
}

func (u *users) SigningKey(context.Context) (op.SigningKey, error) {
	u.mu.Lock()
	defer u.mu.Unlock()

	return u.keys[0], nil
}

func (u *users) KeySet(context.Context) ([]op.Key, error) {
	u.mu.Lock()
	defer u.mu.Unlock()

	var set []op.Key
	for _, k := range u.keys {
		set = append(set, published{k})
	}
	return set, nil
}

// SetUserinfoFromRequest adds a claim to ID tokens.
func (u *users) SetUserinfoFromRequest(
	_ context.Context, info *oidc.UserInfo, token op.IDTokenRequest, _ []string,
) error {
	info.Subject = token.GetSubject()
	info.AppendClaims("token_use", "id")
	return nil
}

// SetIntrospectionFromToken knows ID tokens, which have no ID here, by subject.
func (u *users) SetIntrospectionFromToken(
	ctx context.Context, answer *oidc.IntrospectionResponse, id, subject, client string,
) error {
	if id != "" {
		return u.Storage.SetIntrospectionFromToken(ctx, answer, id, subject, client)
	}

	u.mu.Lock()
	defer u.mu.Unlock()

	if u.ended[subject] {
		return errors.New("the user was signed out")
	}
	answer.Subject = subject

	return nil
}

// logout sends a logout token.
func (u *users) logout(issuer, subject, address string) (string, error) {
	signing, err := u.SigningKey(context.Background())
	if err != nil {
		return "", err
	}
	signer, err := op.SignerFromKey(signing)
	if err != nil {
		return "", err
	}

	expiry := time.Now().Add(time.Minute)
	claims := oidc.NewLogoutTokenClaims(issuer, subject, oidc.Audience{"app"}, expiry, rand.Text(), "", 0)
	token, err := crypto.Sign(claims, signer)
	if err != nil {
		return "", err
	}
	response, err := http.PostForm(address, url.Values{"logout_token": {token}})
	if err != nil {
		return "", err
	}

	defer func() { _ = response.Body.Close() }()

	text, err := io.ReadAll(response.Body)

	return response.Status + " " + string(text), err
}

func run() error {
	issuer := os.Getenv("ISSUER")
	address, err := url.Parse(issuer)
	if err != nil {
		return err
	}

	clients := map[string]*storage.Client{"app": storage.WebClient("app", "app-secret", os.Getenv("CALLBACK"))}
	u := &users{
		Storage: storage.NewStorageWithClients(storage.NewUserStore(issuer), clients),
		ended:   map[string]bool{},
	}
	if err := u.rotate(); err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.HandleFunc("POST /rotate", func(w http.ResponseWriter, _ *http.Request) {
		if err := u.rotate(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("POST /end", func(_ http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		defer u.mu.Unlock()

		u.ended[r.FormValue("sub")] = true
	})

	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		answer, err := u.logout(issuer, r.FormValue("sub"), os.Getenv("LOGOUT"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(w, answer)
	})

	mux.Handle("/", exampleop.SetupServer(issuer, u, slog.New(slog.NewTextHandler(os.Stderr, nil)), false))
	fmt.Println("provider starts on " + issuer)

	return http.ListenAndServe(address.Host, mux)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
