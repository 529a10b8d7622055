package poolhousetest_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devseed"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/testkeys"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
	"github.com/poolhouse-id/poolhouse/poolhousetest/internal/keys"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// opened starts a server on a data folder, gives it to use, and ends it.
func opened(t *testing.T, dev bool, folder string, use func(*poolhouse.Server)) error {
	t.Helper()
	server, err := poolhouse.New(t.Context(), poolhouse.Config{
		Dev:       dev,
		DataDir:   folder,
		IssuerURL: "https://id.example.com",
	})
	if err != nil {
		return err
	}

	if use != nil {
		use(server)
	}
	if dev { // the issuer writes its first key in the background
		server.ServeHTTP(httptest.NewRecorder(),
			httptest.NewRequestWithContext(t.Context(), "GET", "http://127.0.0.1/dev-issuer/jwks", nil))
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}

	return nil
}

// signWith gives a database new signing keys for Cognito tokens, or for web identity tokens.
func signWith(t *testing.T, folder, webIdentity string, rsaKeys testkeys.Maker) {
	t.Helper()
	master, err := envelope.Load(filepath.Join(folder, poolhouse.MasterKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := envelope.New(master)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Options{
		Path:   filepath.Join(folder, poolhouse.DatabaseFile),
		Sealer: sealer,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	options := issuer.Options{
		Store:  s,
		Sealer: sealer,
		URL:    "https://id.example.com",
		Region: "us-east-1",
		Keys:   rsaKeys,
	}
	if webIdentity != "" {
		profile, err := webidentity.Profile(webIdentity)
		if err != nil {
			t.Fatal(err)
		}
		options.Profile = &profile
	}

	i, err := issuer.New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.RotateNow(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// edit replaces what matches in a file, which must be there.
func edit(t *testing.T, path, pattern string, with []byte) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	where := regexp.MustCompile(pattern).FindIndex(before)
	if where == nil {
		t.Fatalf("%s does not match %s", path, pattern)
	}

	after := append(append(append([]byte{}, before[:where[0]]...), with...), before[where[1]:]...)
	if err := os.WriteFile(path, after, 0o600); err != nil {
		t.Fatal(err)
	}
}

func newUserPool(t *testing.T, server *poolhouse.Server) {
	t.Helper()
	info, _ := server.DevInfo()
	client := devseed.InProcess(server, "test", info.Endpoint, info.Region, sigv4.Credentials{
		AccessKeyID:     info.AccessKeyID,
		SecretAccessKey: info.SecretAccessKey,
	})
	in := map[string]any{"PoolName": "app"}
	if err := client.JSON(t.Context(), "cognito-idp", "AWSCognitoIdentityProviderService", "CreateUserPool",
		in, nil); err != nil {
		t.Fatal(err)
	}
}

// No server keeps test keys for others, wherever they are: anybody could sign as the server. Each case has
// its negative control with keys of the data's own.
func TestPublishedKeysAreRefused(t *testing.T) {
	for name, put := range map[string]func(t *testing.T, folder string, rsaKeys testkeys.Maker){
		"signing keys": func(t *testing.T, folder string, rsaKeys testkeys.Maker) {
			signWith(t, folder, "", rsaKeys)
		},
		"development issuer": func(t *testing.T, folder string, rsaKeys testkeys.Maker) {
			key := jose.JSONWebKey{Key: newKey(t, rsaKeys), KeyID: "k", Algorithm: "RS256", Use: "sig"}
			text, err := key.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			edit(t, filepath.Join(folder, poolhouse.DevIssuerKeyFile), `(?s).*`, text)
		},
		"user pool": func(t *testing.T, folder string, rsaKeys testkeys.Maker) {
			text, err := x509.MarshalPKCS8PrivateKey(newKey(t, rsaKeys))
			if err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(folder, poolhouse.DevUserPoolsFolder, "*_*.json"))
			if err != nil || len(files) != 1 {
				t.Fatalf("user pools: %v, %v", files, err)
			}
			edit(t, files[0], `MII[\w+/]{1000,}=*`, []byte(base64.StdEncoding.EncodeToString(text)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, dev := range []bool{true, false} {
				if !dev && name != "signing keys" {
					continue // `serve` reads no file of development
				}

				for _, published := range []bool{true, false} {
					folder := t.TempDir()
					if err := opened(t, dev, folder, func(server *poolhouse.Server) {
						if dev {
							newUserPool(t, server)
						}
					}); err != nil {
						t.Fatal(err)
					}

					var rsaKeys testkeys.Maker
					if published {
						rsaKeys = keys.NewMaker()
					}
					put(t, folder, rsaKeys)

					if err := opened(t, dev, folder, nil); errors.Is(err, testkeys.ErrPublished) != published {
						t.Errorf("development: %t, published: %t: the server starts with %v", dev, published, err)
					}
				}
			}
		})
	}
}

func newKey(t *testing.T, rsaKeys testkeys.Maker) *rsa.PrivateKey {
	t.Helper()
	key, err := rsaKeys.New()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Test keys never reach a disk, nor a server for production.
func TestKeysForMemoryOnly(t *testing.T) {
	for name, c := range map[string]poolhouse.Config{
		"a folder":     {Dev: true, DataDir: t.TempDir()},
		"a database":   {Dev: true, DatabaseURL: "postgres://127.0.0.1:1/x", MasterKey: make([]byte, 32)},
		"a production": {DataDir: t.TempDir()},
	} {
		c.IssuerURL, c.TestKeys = "https://id.example.com", keys.NewMaker()
		if _, err := poolhouse.New(t.Context(), c); err == nil || err.Error() !=
			"test keys are for development with all data in memory only" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
