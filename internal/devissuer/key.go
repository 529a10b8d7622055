package devissuer

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// KeyFile is the name of the file in the data folder that has the development issuer's key.
const KeyFile = "dev-issuer.json"

// ErrKey means that the file of the development issuer's key has no such key.
var ErrKey = errors.New("no key of the development issuer")

const (
	keyBits    = 2048
	maxKeyFile = 16 << 10 // bytes
)

// keyIssuer is the member of the key file that has the issuer's URL. Readers of a JSON Web Key
// ignore members that they do not know (RFC 7517, section 4).
const keyIssuer = "poolhouse_issuer"

// readKey reads the key of the development issuer from a file, a JSON Web Key (RFC 7517), and
// the issuer's URL at the last start; "" = the file does not tell. The error wraps fs.ErrNotExist
// if there is no file.
func readKey(path string) (key jose.JSONWebKey, issuer string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return key, "", err
	}
	if !info.Mode().IsRegular() { // opening a pipe or a device could wait for ever
		return key, "", fmt.Errorf("%s: %w: it is no regular file", path, ErrKey)
	}
	file, err := os.Open(path)
	if err != nil {
		return key, "", err
	}
	defer file.Close()

	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return key, "", err
	}

	if err := json.Unmarshal(text, &key); err != nil {
		return key, "", fmt.Errorf("%s: %w: %w: delete the file for a new key", path, ErrKey, err)
	}
	if private, ok := key.Key.(*rsa.PrivateKey); !ok || private.N.BitLen() < keyBits || key.KeyID == "" {
		return key, "", fmt.Errorf("%s: %w: it has no RSA key of %d bits with a kid: delete the file for a new key",
			path, ErrKey, keyBits)
	}
	if key.Use != "" && key.Use != "sig" || key.Algorithm != "" && key.Algorithm != string(jose.RS256) {
		return key, "", fmt.Errorf("%s: %w: the key is for use %q with alg %q, and not for signatures with %s: "+
			"delete the file for a new key", path, ErrKey, key.Use, key.Algorithm, jose.RS256)
	}

	var members map[string]any
	_ = json.Unmarshal(text, &members) // it is an object: a key was read from it
	issuer, _ = members[keyIssuer].(string)

	return key, issuer, nil
}

// newKey generates a key. Its ID is its thumbprint (RFC 7638), so that no two keys share one:
// whoever has cached a key under an ID never takes it for another.
func newKey() (jose.JSONWebKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return jose.JSONWebKey{}, err
	}

	key := jose.JSONWebKey{Key: private, Algorithm: string(jose.RS256), Use: "sig"}
	thumbprint, err := key.Thumbprint(crypto.SHA256)
	key.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)

	return key, err
}

// writeKey writes the key and the issuer's URL whole or not at all.
func writeKey(path string, key jose.JSONWebKey, issuer string) error {
	text, err := keyText(key, issuer)
	if err != nil {
		return err
	}
	return wholefile.Replace(path, func(f *os.File) error {
		_, err := f.Write(append(text, '\n'))
		return err
	})
}

// keyText returns the content of a key file.
func keyText(key jose.JSONWebKey, issuer string) ([]byte, error) {
	text, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}

	members := map[string]any{}
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	members[keyIssuer] = issuer

	return json.Marshal(members)
}
