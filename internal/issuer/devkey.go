package issuer

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
	"path/filepath"

	"github.com/go-jose/go-jose/v4"
)

// DevKeyFile is the name of the file in the data folder that has the development issuer's key.
const DevKeyFile = "dev-issuer.json"

// ErrDevKey means that the file of the development issuer's key has no such key.
var ErrDevKey = errors.New("no key of the development issuer")

const (
	devKeyBits    = 2048
	maxDevKeyFile = 16 << 10 // bytes
)

// readDevKey reads the key of the development issuer from a file, a JSON Web Key (RFC 7517).
// The error wraps fs.ErrNotExist if there is no file.
func readDevKey(path string) (jose.JSONWebKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	if !info.Mode().IsRegular() { // opening a pipe or a device could wait for ever
		return jose.JSONWebKey{}, fmt.Errorf("%s: %w: it is no regular file", path, ErrDevKey)
	}
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
		return key, fmt.Errorf("%s: %w: %w: delete the file for a new key", path, ErrDevKey, err)
	}
	if private, ok := key.Key.(*rsa.PrivateKey); !ok || private.N.BitLen() < devKeyBits || key.KeyID == "" {
		return key, fmt.Errorf("%s: %w: it has no RSA key of %d bits with a kid: delete the file for a new key",
			path, ErrDevKey, devKeyBits)
	}
	if key.Use != "" && key.Use != "sig" || key.Algorithm != "" && key.Algorithm != string(jose.RS256) {
		return key, fmt.Errorf("%s: %w: the key is for use %q with alg %q, and not for signatures with %s: "+
			"delete the file for a new key", path, ErrDevKey, key.Use, key.Algorithm, jose.RS256)
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
func writeDevKey(path string, key jose.JSONWebKey) (err error) {
	text, err := json.Marshal(key)
	if err != nil {
		return err
	}

	file, err := os.CreateTemp(filepath.Dir(path), ".dev-issuer-*") // mode 0600
	if err != nil {
		return err
	}
	if _, err = file.Write(append(text, '\n')); err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}

	return os.Rename(file.Name(), path)
}
