package devfault

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
)

// foreign replaces the keys of a key set by others with the same IDs, which nobody signs with. Any other
// document stays as it is.
func foreign(body []byte) (altered []byte, isKeySet bool) {
	var set map[string]any
	if json.Unmarshal(body, &set) != nil {
		return body, false
	}
	keys, isKeySet := set["keys"].([]any)
	if !isKeySet {
		return body, false
	}

	for _, key := range keys {
		if members, ok := key.(map[string]any); ok {
			replaceKey(members)
		}
	}

	altered, err := json.Marshal(set)
	if err != nil { // it came as JSON
		return body, false
	}

	return altered, true
}

// replaceKey gives a JSON Web Key other public numbers (RFC 7518, section 6).
func replaceKey(key map[string]any) {
	delete(key, "x5c") // certificates of the former key
	delete(key, "x5t")
	delete(key, "x5t#S256")

	switch key["kty"] {
	case "RSA":
		former, _ := key["n"].(string)
		modulus := make([]byte, max(base64.RawURLEncoding.DecodedLen(len(former)), 256))
		rand.Read(modulus) // never fails (crypto/rand)
		modulus[0] |= 0x80
		modulus[len(modulus)-1] |= 1
		key["n"] = base64.RawURLEncoding.EncodeToString(modulus)
	case "EC":
		curves := map[any]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}
		curve := curves[key["crv"]]
		if curve == nil {
			return
		}
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			return
		}
		point, err := private.PublicKey.Bytes() // 4, x, y
		if err != nil {
			return
		}
		size := (len(point) - 1) / 2
		key["x"] = base64.RawURLEncoding.EncodeToString(point[1 : 1+size])
		key["y"] = base64.RawURLEncoding.EncodeToString(point[1+size:])
	case "OKP":
		public := make([]byte, 32)
		rand.Read(public)
		key["x"] = base64.RawURLEncoding.EncodeToString(public)
	}
}
