package idtoken

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // crypto.Hash.New of algorithms
	_ "crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// signatureAlgorithm describes the key of a signature algorithm, and how RSA signs
// with it.
type signatureAlgorithm struct {
	kty    string
	curve  elliptic.Curve // EC only
	hash   crypto.Hash    // RSA only
	salted bool           // RSASSA-PSS
}

// algorithms are the signature algorithms that can be verified (RFC 7518 section
// 3.1, RFC 8037). Each is bound to its type of key, so that a header cannot apply
// an algorithm to a key of another type.
var algorithms = map[string]signatureAlgorithm{
	"RS256": {kty: "RSA", hash: crypto.SHA256},
	"RS384": {kty: "RSA", hash: crypto.SHA384},
	"RS512": {kty: "RSA", hash: crypto.SHA512},
	"PS256": {kty: "RSA", hash: crypto.SHA256, salted: true},
	"PS384": {kty: "RSA", hash: crypto.SHA384, salted: true},
	"PS512": {kty: "RSA", hash: crypto.SHA512, salted: true},
	"ES256": {kty: "EC", curve: elliptic.P256()},
	"ES384": {kty: "EC", curve: elliptic.P384()},
	"ES512": {kty: "EC", curve: elliptic.P521()},
	"EdDSA": {kty: "OKP"},
}

// defaultAlgorithms are those that AWS accepts (Cognito developer guide, "Open ID
// Connect providers": the signature must verify with an RSA key).
var defaultAlgorithms = []string{"RS256"}

// Bounds on a key set and its keys.
const (
	maxKeys    = 100
	minRSABits = 2048 // NIST SP 800-131A
	maxRSABits = 8192 // bounds the cost of a signature check
	// minRSAExponent is the least that FIPS 186-5 section 5.1 allows. Smaller ones
	// have made forgeries possible (e = 1 makes them trivial).
	minRSAExponent = 65537
	maxRSAExponent = 1<<31 - 1
)

// publicKey is a key that a provider signs with.
type publicKey struct {
	id        string
	algorithm string // "" if the provider leaves it open
	kty       string
	key       any // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// keys are a provider's usable keys, by ID ("" for keys without one).
type keys struct {
	byID    map[string][]publicKey
	all     []publicKey
	skipped int // number of keys that are not valid or not usable here
}

// parseKeySet reads a JWK Set (RFC 7517 section 5). It leaves out keys that are not
// valid or not for verifying signatures, and keeps the others.
func parseKeySet(body []byte) (*keys, error) {
	raw, err := splitKeySet(body)
	if err != nil {
		return nil, err
	}

	set := &keys{byID: map[string][]publicKey{}}
	for _, text := range raw {
		k, err := parseKey(text)
		if err != nil {
			set.skipped++
			continue
		}
		set.all = append(set.all, k)
		set.byID[k.id] = append(set.byID[k.id], k)
	}

	return set, nil
}

// splitKeySet returns the text of each key in a JWK Set.
func splitKeySet(body []byte) ([]jsontext.Value, error) {
	// A key that repeats a name is bad, but the other keys of the set are usable.
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

	if d.PeekKind() != '{' {
		return nil, errors.New("the key set is not a JSON object")
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, errors.New("the key set is not valid JSON")
	}

	var list []jsontext.Value
	found := false
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, errors.New("the key set is not valid JSON")
		}
		if name.String() != "keys" {
			if err := d.SkipValue(); err != nil {
				return nil, errors.New("the key set is not valid JSON")
			}
			continue
		}

		if found {
			return nil, errors.New(`the key set has the member "keys" twice`)
		}
		found = true
		if d.PeekKind() != '[' {
			return nil, errors.New(`the key set's member "keys" is not a list`)
		}

		if _, err := d.ReadToken(); err != nil {
			return nil, errors.New("the key set is not valid JSON")
		}

		for d.PeekKind() != ']' {
			value, err := d.ReadValue()
			if err != nil {
				return nil, errors.New("the key set is not valid JSON")
			}
			if len(list) == maxKeys {
				return nil, fmt.Errorf("the key set has more than %d keys", maxKeys)
			}
			list = append(list, value.Clone())
		}
		if _, err := d.ReadToken(); err != nil {
			return nil, errors.New("the key set is not valid JSON")
		}
	}
	if _, err := d.ReadToken(); err != nil || len(bytes.Trim(d.UnreadBuffer(), " \t\r\n")) > 0 {
		return nil, errors.New("the key set is not valid JSON")
	}
	if !found {
		return nil, errors.New(`the key set has no member "keys"`)
	}

	return list, nil
}

const maxKeyDepth = 4

// parseKey reads one JWK. It reads only the members of a public key: it never
// holds a private half that a provider published by mistake, and certificates
// beside a key have no effect.
func parseKey(text []byte) (publicKey, error) {
	members, err := outbound.ParseObject(text, maxKeyDepth, "kty", "kid", "use", "alg", "crv", "n", "e", "x", "y")
	if err != nil {
		return publicKey{}, err
	}

	public := map[string]string{}
	for _, name := range []string{"kty", "use", "alg", "kid", "n", "e", "crv", "x", "y"} {
		value, present := members[name]
		if !present {
			continue
		}
		member, isString := value.(string)
		if !isString {
			return publicKey{}, fmt.Errorf("member %s is not a string", name)
		}
		public[name] = member
	}

	if use := public["use"]; use != "" && use != "sig" {
		return publicKey{}, errors.New("the key is not for signatures")
	}
	if operations, present := members["key_ops"]; present {
		list, isList := operations.([]any)
		if !isList || !slices.Contains(list, any("verify")) {
			return publicKey{}, errors.New("the key is not for verifying")
		}
	}
	if algorithm := public["alg"]; algorithm != "" {
		if need, known := algorithms[algorithm]; !known || need.kty != public["kty"] {
			return publicKey{}, errors.New("the key's algorithm is not supported or not of its type")
		}
	}

	if len(public["kid"]) > maxKeyIDBytes {
		return publicKey{}, errors.New("the key ID is too long")
	}
	if len(public["n"]) > maxRSABits { // base64 of the longest modulus is far below
		return publicKey{}, errors.New("the RSA key is too large")
	}

	clean, err := json.Marshal(public)
	if err != nil {
		return publicKey{}, err
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(clean); err != nil {
		return publicKey{}, err
	}
	if err := checkStrength(jwk.Key); err != nil {
		return publicKey{}, err
	}

	return publicKey{id: public["kid"], algorithm: public["alg"], kty: public["kty"], key: jwk.Key}, nil
}

// checkStrength refuses keys that are weak, absurd, or not public.
func checkStrength(key any) error {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits || k.N.Bit(0) == 0 {
			return fmt.Errorf("an RSA modulus of %d bits, or an even one", bits)
		}
		if k.E < minRSAExponent || k.E > maxRSAExponent || k.E%2 == 0 {
			return fmt.Errorf("the RSA exponent %d", k.E)
		}
		if madeByROCA(k.N) {
			return errors.New("an RSA key of a flawed generator (CVE-2017-15361)")
		}

		return nil
	case *ecdsa.PublicKey:
		return nil // the reader checked curve and point
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize {
			return errors.New("an Ed25519 key of the wrong size")
		}
		return nil
	default:
		return fmt.Errorf("a key of type %T", key)
	}
}
