package issuer

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// DevKeyFile is the name of the file in the data folder that has the development issuer's key.
const DevKeyFile = "dev-issuer.json"

// ErrDevKey means that the file of the development issuer's key has no such key.
var ErrDevKey = errors.New("no key of the development issuer")

const (
	devKeyBits    = 2048
	maxDevKeyFile = 16 << 10 // bytes
)

// devKeyIssuer is the member of the key file that has the issuer's URL. Readers of a JSON Web Key
// ignore members that they do not know (RFC 7517, section 4).
const devKeyIssuer = "poolhouse_issuer"

// readDevKey reads the key of the development issuer from a file, a JSON Web Key (RFC 7517), and
// the issuer's URL at the last start; "" = the file does not tell. The error wraps fs.ErrNotExist
// if there is no file.
func readDevKey(path string) (key jose.JSONWebKey, issuer string, err error) {
	text, err := wholefile.Read(path, maxDevKeyFile)
	if refused, ok := errors.AsType[*wholefile.RefusedError](err); ok {
		return key, "", fmt.Errorf("%s: %w: %s", path, ErrDevKey, refused.Reason)
	}
	if err != nil {
		return key, "", err
	}

	if err := json.Unmarshal(text, &key); err != nil {
		return key, "", fmt.Errorf("%s: %w: %w: delete the file for a new key", path, ErrDevKey, err)
	}
	if private, ok := key.Key.(*rsa.PrivateKey); !ok || private.N.BitLen() < devKeyBits || key.KeyID == "" {
		return key, "", fmt.Errorf("%s: %w: it has no RSA key of %d bits with a kid: delete the file for a new key",
			path, ErrDevKey, devKeyBits)
	}
	if key.Use != "" && key.Use != "sig" || key.Algorithm != "" && key.Algorithm != string(jose.RS256) {
		return key, "", fmt.Errorf("%s: %w: the key is for use %q with alg %q, and not for signatures with %s: "+
			"delete the file for a new key", path, ErrDevKey, key.Use, key.Algorithm, jose.RS256)
	}

	var members map[string]any
	_ = json.Unmarshal(text, &members) // it is an object: a key was read from it
	issuer, _ = members[devKeyIssuer].(string)

	return key, issuer, nil
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

// writeDevKey writes the key and the issuer's URL whole or not at all.
func writeDevKey(path string, key jose.JSONWebKey, issuer string) error {
	text, err := devKeyText(key, issuer)
	if err != nil {
		return err
	}
	return wholefile.Replace(path, func(f *os.File) error {
		_, err := f.Write(append(text, '\n'))
		return err
	})
}

// devKeyText returns the content of a key file.
func devKeyText(key jose.JSONWebKey, issuer string) ([]byte, error) {
	text, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}

	members := map[string]any{}
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	members[devKeyIssuer] = issuer

	return json.Marshal(members)
}
