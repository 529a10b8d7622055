package devissuer

import (
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/testkeys"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// KeyFile is the name of the file in the data folder that has the development issuer's key.
const KeyFile = "dev-issuer.json"

// ErrKey means that the file of the development issuer's key has no such key.
var ErrKey = errors.New("no key of the development issuer")

const (
	keyBits    = 2048
	maxKeyFile = 64 << 10 // bytes
)

// Members of the key file besides those of a JSON Web Key. Readers of a JSON Web Key ignore members
// that they do not know (RFC 7517, section 4).
const (
	memberIssuer = "poolhouse_issuer" // the issuer's URL
	memberFormer = "poolhouse_former" // the keys before, in their public form
)

// keys are the issuer's keys.
type keys struct {
	signing jose.JSONWebKey
	former  []formerKey // oldest first
	issuer  string      // the issuer's URL at the last start; "" = the file does not tell
}

// formerKey is a key that signed until a rotation.
type formerKey struct {
	Key   jose.JSONWebKey `json:"key"`   // public
	Until time.Time       `json:"until"` // its last token has expired then
}

// readKeys reads the keys of the development issuer from a file, a JSON Web Key (RFC 7517). The error
// wraps fs.ErrNotExist if there is no file.
func readKeys(path string) (keys, error) {
	text, err := wholefile.Read(path, maxKeyFile)
	if refused, ok := errors.AsType[*wholefile.RefusedError](err); ok {
		return keys{}, fmt.Errorf("%s: %w: %s", path, ErrKey, refused.Reason)
	}
	if err != nil {
		return keys{}, err
	}

	var key jose.JSONWebKey
	if err := json.Unmarshal(text, &key); err != nil {
		return keys{}, fmt.Errorf("%s: %w: %w: delete the file for a new key", path, ErrKey, err)
	}
	private, ok := key.Key.(*rsa.PrivateKey)
	if !ok || private.N.BitLen() < keyBits || key.KeyID == "" {
		return keys{}, fmt.Errorf("%s: %w: it has no RSA key of %d bits with a kid: delete the file for a new key",
			path, ErrKey, keyBits)
	}
	if key.Use != "" && key.Use != "sig" || key.Algorithm != "" && key.Algorithm != string(jose.RS256) {
		return keys{}, fmt.Errorf("%s: %w: the key is for use %q with alg %q, and not for signatures with %s: "+
			"delete the file for a new key", path, ErrKey, key.Use, key.Algorithm, jose.RS256)
	}

	if err := testkeys.Check(&private.PublicKey); err != nil {
		return keys{}, fmt.Errorf("%s: %w: it has %w: delete the file for a new key", path, ErrKey, err)
	}

	var others struct {
		Issuer any         `json:"poolhouse_issuer"`
		Former []formerKey `json:"poolhouse_former"`
	}
	if err := json.Unmarshal(text, &others); err != nil {
		return keys{}, fmt.Errorf("%s: %w: %w: delete the file for a new key", path, ErrKey, err)
	}

	for n := range others.Former {
		others.Former[n].Key = others.Former[n].Key.Public()
		if err := testkeys.Check(others.Former[n].Key.Key); err != nil {
			return keys{}, fmt.Errorf("%s: %w: it has %w: delete the file for a new key", path, ErrKey, err)
		}
	}
	issuer, _ := others.Issuer.(string)

	return keys{signing: key, former: others.Former, issuer: issuer}, nil
}

// newKey generates a key. Its ID is its thumbprint (RFC 7638), so that no two keys share one:
// whoever has cached a key under an ID never takes it for another.
func newKey(rsaKeys testkeys.Maker) (jose.JSONWebKey, error) {
	private, err := rsaKeys.New()
	if err != nil {
		return jose.JSONWebKey{}, err
	}

	key := jose.JSONWebKey{Key: private, Algorithm: string(jose.RS256), Use: "sig"}
	thumbprint, err := key.Thumbprint(crypto.SHA256)
	key.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)

	return key, err
}

// writeKeys writes the keys whole or not at all. Error: ErrKey, if one that its user has put into the file is
// so large that the file could not be read again.
func writeKeys(path string, k keys) error {
	text, err := json.Marshal(k.signing)
	if err != nil {
		return err
	}

	members := map[string]any{}
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	members[memberIssuer] = k.issuer
	if len(k.former) > 0 {
		members[memberFormer] = k.former
	}
	if text, err = json.Marshal(members); err != nil {
		return err
	}

	err = wholefile.ReplaceWithin(path, append(text, '\n'), maxKeyFile)
	if refused, ok := errors.AsType[*wholefile.RefusedError](err); ok {
		return fmt.Errorf("%s: %w: %s: delete the file for a new key", path, ErrKey, refused.Reason)
	}

	return err
}
