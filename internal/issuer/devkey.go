package issuer

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// DevKeyFile is the name of the file in the data folder that has the development issuer's key.
const DevKeyFile = "dev-issuer.json"

const (
	devKeyBits    = 2048
	maxDevKeyFile = 16 << 10 // bytes
)

// readDevKey reads the key of the development issuer from a file, a JSON Web Key (RFC 7517).
// The error wraps fs.ErrNotExist if there is no file.
func readDevKey(path string) (jose.JSONWebKey, error) {
	file, err := os.Open(path)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	defer file.Close()

	text, err := io.ReadAll(io.LimitReader(file, maxDevKeyFile))
	if err != nil {
		return jose.JSONWebKey{}, err
	}

	var key jose.JSONWebKey
	if err := json.Unmarshal(text, &key); err != nil {
		return key, fmt.Errorf("%s: %w: delete the file for a new key", path, err)
	}
	if private, ok := key.Key.(*rsa.PrivateKey); !ok || private.N.BitLen() < devKeyBits || key.KeyID == "" {
		return key, fmt.Errorf("%s has no RSA key of %d bits with a kid: delete the file for a new key",
			path, devKeyBits)
	}

	return key, nil
}

// newDevKey generates a key. Its ID is its thumbprint (RFC 7638), so that no two keys share one:
// whoever has cached a key under an ID never takes it for another.
func newDevKey() (jose.JSONWebKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, devKeyBits)
	if err != nil {
		return jose.JSONWebKey{}, err
	}

	key := jose.JSONWebKey{Key: private, Algorithm: string(jose.RS256), Use: "sig"}
	thumbprint, err := key.Thumbprint(crypto.SHA256)
	key.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)

	return key, err
}

// writeDevKey writes the key whole or not at all.
func writeDevKey(path string, key jose.JSONWebKey) error {
	text, err := json.Marshal(key)
	if err != nil {
		return err
	}
	return wholefile.Replace(path, func(f *os.File) error {
		_, err := f.Write(append(text, '\n'))
		return err
	})
}
