package idtoken

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
)

// wycheproofFile is a file of Wycheproof's vectors on JSON Web tokens and keys.
type wycheproofFile struct {
	NumberOfTests int
	TestGroups    []struct {
		Comment         string
		Public, Private json.RawMessage // a JWK, or a JWK Set
		Tests           []struct {
			TCID            int `json:"tcId"`
			Comment, Result string
			JWS, JWE        json.RawMessage
		}
	}
}

// Every vector of Wycheproof that concerns JSON Web Signatures and Keys goes
// through what an ID token goes through: its form, its header, the reader of
// key sets, the choice of the key, and the check of the signature. (Its claims
// are left out: the vectors sign other text.) An invalid vector must be
// refused. A valid one must be accepted unless this package refuses its kind on
// purpose, and then it must be refused.
func TestWycheproof(t *testing.T) {
	for _, file := range []struct {
		name     string
		accepted int // vectors that must pass, so that the test cannot pass by refusing everything
	}{
		{"json_web_signature_test.json", 25},
		{"json_web_key_test.json", 1},
		{"json_web_crypto_test.json", 2},
		{"json_web_encryption_test.json", 0},
	} {
		t.Run(file.name, func(t *testing.T) {
			text, err := fs.ReadFile(wycheproof.TestVectors, file.name)
			if err != nil {
				t.Fatal(err)
			}
			var vectors wycheproofFile
			if err := json.Unmarshal(text, &vectors); err != nil {
				t.Fatal(err)
			}

			seen, accepted := 0, 0
			for n, group := range vectors.TestGroups {
				key := group.Public
				if key == nil {
					key = group.Private
				}

				valid, invalid, onPurpose := 0, 0, map[string]int{}
				for _, vector := range group.Tests {
					seen++

					token := vectorText(t, vector.JWS, vector.JWE)
					reason := refusedOnPurpose(token, key)
					passes := wycheproofVerdict(token, key)
					switch {
					case vector.Result != "valid" && vector.Result != "invalid":
						t.Errorf("vector %d: result %q is not known", vector.TCID, vector.Result)
					case passes && (vector.Result == "invalid" || reason != ""):
						t.Errorf("vector %d (%s, %s) is accepted; it is %s, %s", vector.TCID, group.Comment,
							vector.Comment, vector.Result, reason)
					case !passes && vector.Result == "valid" && reason == "":
						t.Errorf("vector %d (%s, %s) is valid, and refused", vector.TCID, group.Comment, vector.Comment)
					case vector.Result == "invalid":
						invalid++
					case passes:
						valid++
					default:
						onPurpose[reason]++
					}
				}

				accepted += valid
				t.Logf("group %d, %s: %d valid accepted, %d invalid refused, not applicable and refused: %v", n,
					group.Comment, valid, invalid, onPurpose)
			}

			if seen == 0 || seen != vectors.NumberOfTests {
				t.Errorf("%d vectors were tried, the file states %d", seen, vectors.NumberOfTests)
			}
			if accepted < file.accepted {
				t.Errorf("%d valid vectors passed, want at least %d", accepted, file.accepted)
			}
		})
	}
}

// vectorText returns a vector's token: text, or the JSON serialization as it stands.
func vectorText(t *testing.T, forms ...json.RawMessage) string {
	t.Helper()

	for _, form := range forms {
		var text string
		switch {
		case form == nil:
		case json.Unmarshal(form, &text) == nil:
			return text
		default:
			return string(form)
		}
	}
	t.Fatal("a vector without token")

	return ""
}

// wycheproofVerdict reports whether key proves token.
func wycheproofVerdict(token string, key json.RawMessage) bool {
	trust := Rule{Algorithms: []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
		"EdDSA", "HS256", "HS384", "HS512", "none"}}
	opened, _, refused := (&judge{rule: &trust}).open(token)
	if refused != nil {
		return false
	}
	set := []byte(key)
	if !strings.Contains(string(key), `"keys"`) {
		set = []byte(`{"keys":[` + string(key) + `]}`)
	}
	held, err := parseKeySet(set)

	return err == nil && held.prove(&opened) == nil
}

// refusedOnPurpose returns why this package refuses a valid vector; "" if it accepts it.
func refusedOnPurpose(token string, key json.RawMessage) string {
	parts := strings.Split(token, ".")
	if len(parts) == 5 || strings.HasPrefix(token, "{") {
		return "encrypted, or not in compact form"
	}

	var header struct{ Alg string }
	raw, _ := base64.RawURLEncoding.DecodeString(parts[0]) // not base64: not valid, or a shared secret's
	if json.Unmarshal(raw, &header) != nil || strings.HasPrefix(header.Alg, "HS") {
		return "a shared secret signs: no provider can publish it"
	}
	if len(parts) == 3 && parts[1] == "" {
		return "the payload is empty: it holds no claims"
	}
	var jwk struct{ Alg string }
	if json.Unmarshal(key, &jwk) == nil && jwk.Alg != "" && jwk.Alg != header.Alg {
		return "the key is declared for another algorithm than the token's: " + jwk.Alg + ", not " + header.Alg
	}

	return ""
}
