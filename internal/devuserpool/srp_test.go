package devuserpool

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
)

// srpClient is the other side of the exchange, as Amplify, amazon-cognito-identity-js and
// pycognito compute it.
type srpClient struct {
	secret *big.Int
	public *big.Int
}

func newSRPClient(t *testing.T) *srpClient {
	t.Helper()
	secret := make([]byte, 128)
	if _, err := rand.Read(secret); err != nil {
		t.Fatal(err)
	}
	return srpClientOf(new(big.Int).SetBytes(secret))
}

func srpClientOf(secret *big.Int) *srpClient {
	return &srpClient{secret: secret, public: new(big.Int).Exp(srpGenerator, secret, srpPrime)}
}

func (c *srpClient) srpA() string { return c.public.Text(16) }

// key computes the shared key from a challenge: S = (B - k·g^x)^(a + u·x).
func (c *srpClient) key(t *testing.T, poolID, userID, password, salt, public string) []byte {
	t.Helper()
	saltNumber, saltOK := new(big.Int).SetString(salt, 16)
	b, ok := new(big.Int).SetString(public, 16)
	if !ok || !saltOK {
		t.Fatalf("SALT %q and SRP_B %q are not hexadecimal", salt, public)
	}

	inner := hashed([]byte(poolName(poolID) + userID + ":" + password))
	x := new(big.Int).SetBytes(hashed(padded(saltNumber), inner))
	u := new(big.Int).SetBytes(hashed(padded(c.public), padded(b)))

	base := new(big.Int).Exp(srpGenerator, x, srpPrime)
	base.Mul(base, srpMultiplier)
	base.Sub(b, base)
	base.Mod(base, srpPrime)
	exponent := new(big.Int).Mul(u, x)
	exponent.Add(exponent, c.secret)
	s := new(big.Int).Exp(base, exponent, srpPrime)

	extracted := authenticated(padded(u), padded(s))

	return authenticated(extracted, []byte("Caldera Derived Key"), []byte{1})[:16]
}

// signature returns PASSWORD_CLAIM_SIGNATURE.
func (c *srpClient) signature(
	t *testing.T, poolID, userID, password, salt, public string, block []byte, timestamp string,
) string {
	t.Helper()
	key := c.key(t, poolID, userID, password, salt, public)
	message := slices.Concat([]byte(poolName(poolID)), []byte(userID), block, []byte(timestamp))
	return base64.StdEncoding.EncodeToString(authenticated(key, message))
}

const (
	srpTestPool = "eu-central-1_Abc123XyZ"
	srpTestTime = "Sun Nov 9 18:04:11 UTC 2026"
)

func TestSRPExchange(t *testing.T) {
	v, err := newVerifier(rand.Reader, srpTestPool, "ada", "Correct-1")
	if err != nil {
		t.Fatal(err)
	}
	client := newSRPClient(t)
	exchange, err := newExchange(rand.Reader, v, client.srpA())
	if err != nil {
		t.Fatal(err)
	}
	salt, public := exchange.challenge()
	block := []byte("a block that comes back")

	for _, test := range []struct {
		name                     string
		pool, user, password     string
		block                    []byte
		claimed, sent, signature string
		want                     bool
	}{
		{name: "right", password: "Correct-1", want: true},
		{name: "wrong password", password: "Correct-2"},
		{name: "other user", password: "Correct-1", user: "eve"},
		{name: "other pool", password: "Correct-1", pool: "eu-central-1_Other"},
		{name: "other block", password: "Correct-1", block: []byte("another")},
		{name: "other time", password: "Correct-1", sent: "Sun Nov 9 18:04:12 UTC 2026"},
		{name: "no signature", password: "Correct-1", signature: " "},
	} {
		t.Run(test.name, func(t *testing.T) {
			or := func(text, instead string) string {
				if text == "" {
					return instead
				}
				return text
			}
			signed := block
			if test.block != nil {
				signed = test.block
			}
			signature := client.signature(t, or(test.pool, srpTestPool), or(test.user, "ada"), test.password,
				salt, public, signed, srpTestTime)
			signature = or(test.signature, signature)

			got := exchange.proven(srpTestPool, "ada", block, or(test.sent, srpTestTime), signature)
			if got != test.want {
				t.Errorf("proven is %t, want %t", got, test.want)
			}
		})
	}
}

// An attacker who sends a multiple of the prime would know the key without the password.
func TestSRPRefusesWeakValues(t *testing.T) {
	v := simulatedVerifier([]byte("secret"), "ada")
	twice := new(big.Int).Mul(srpPrime, big.NewInt(2))
	for name, a := range map[string]string{
		"none":         "",
		"zero":         "0",
		"many zeros":   strings.Repeat("0", srpMaxHex),
		"the prime":    srpPrimeHex,
		"its double":   twice.Text(16),
		"too long":     strings.Repeat("1", srpMaxHex+1),
		"negative":     "-1",
		"with a sign":  "+1",
		"underscore":   "1_0",
		"no hex":       "xyz",
		"with a space": " 1",
	} {
		if _, err := newExchange(rand.Reader, v, a); !errors.Is(err, errSRP) {
			t.Errorf("%s: %v, want errSRP", name, err)
		}
	}

	for _, a := range []string{"1", "0002", strings.Repeat("e", srpMaxHex)} { // the control
		if _, err := newExchange(rand.Reader, v, a); err != nil {
			t.Errorf("%.5s: %v", a, err)
		}
	}
	if _, err := newExchange(bytes.NewReader(nil), v, "1"); err == nil || errors.Is(err, errSRP) {
		t.Errorf("without randomness: %v", err)
	}
}

func TestVerifierMatches(t *testing.T) {
	v, err := newVerifier(rand.Reader, srpTestPool, "ada", "Correct-1")
	if err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		pool, user, password string
		want                 bool
	}{
		{srpTestPool, "ada", "Correct-1", true},
		{srpTestPool, "ada", "correct-1", false},
		{srpTestPool, "ada", "", false},
		{srpTestPool, "eve", "Correct-1", false},
		{"eu-central-1_Other", "ada", "Correct-1", false},
	} {
		if got := v.matches(test.pool, test.user, test.password); got != test.want {
			t.Errorf("%+v: %t", test, got)
		}
	}
	if (srpVerifier{}).matches(srpTestPool, "ada", "") {
		t.Error("a user without a password can sign in")
	}
	empty := srpVerifier{verifier: verifierOf(nil, srpTestPool, "ada", "")}
	if empty.matches(srpTestPool, "ada", "") {
		t.Error("a verifier without salt matches")
	}
	if _, err := newVerifier(bytes.NewReader(nil), srpTestPool, "ada", "Correct-1"); err == nil {
		t.Error("a verifier without randomness")
	}
}

func TestSimulatedVerifier(t *testing.T) {
	one, again := simulatedVerifier([]byte("s"), "ada"), simulatedVerifier([]byte("s"), "ada")
	if !bytes.Equal(one.salt, again.salt) || !bytes.Equal(one.verifier, again.verifier) {
		t.Error("the same unknown user has two salts")
	}

	for _, other := range []srpVerifier{
		simulatedVerifier([]byte("s"), "eve"), simulatedVerifier([]byte("t"), "ada"),
	} {
		if bytes.Equal(one.salt, other.salt) || bytes.Equal(one.verifier, other.verifier) {
			t.Error("two unknown users share a verifier")
		}
	}
	if len(one.salt) != srpSaltBytes || len(one.verifier) < len(srpPrime.Bytes())-2 {
		t.Errorf("%d bytes of salt, %d of verifier", len(one.salt), len(one.verifier))
	}
}

// TestSRPVectors compares with values that the clients' own code computed from the pinned
// numbers: @aws-amplify/auth 6.21.1, amazon-cognito-identity-js 6.3 and pycognito 2024.5.1 agree.
func TestSRPVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/srp-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Pool        string `json:"pool_id"`
		User        string `json:"user"`
		Password    string `json:"password"`
		Salt        string `json:"salt"`
		Verifier    string `json:"verifier"`
		SecretA     string `json:"a"`
		SecretB     string `json:"b"`
		A           string `json:"SRP_A"`
		ShownSalt   string `json:"SALT"`
		B           string `json:"SRP_B"`
		SecretBlock string `json:"SECRET_BLOCK"`
		Key         string `json:"key"`
		Timestamp   string `json:"timestamp"`
		Signature   string `json:"PASSWORD_CLAIM_SIGNATURE"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors: %v", len(vectors), err)
	}

	for _, vector := range vectors {
		t.Run(vector.User, func(t *testing.T) {
			salt := unhex(t, vector.Salt)
			v := srpVerifier{salt: salt, verifier: verifierOf(salt, vector.Pool, vector.User, vector.Password)}
			if got := hex.EncodeToString(v.verifier); got != vector.Verifier {
				t.Errorf("the verifier is %s", got)
			}

			exchange, err := newExchange(bytes.NewReader(unhex(t, vector.SecretB)), v, vector.A)
			if err != nil {
				t.Fatal(err)
			}
			if shown, public := exchange.challenge(); shown != vector.ShownSalt || public != vector.B {
				t.Errorf("the challenge is %s, %s", shown, public)
			}
			if got := hex.EncodeToString(exchange.key()); got != vector.Key {
				t.Errorf("the key is %s, want %s", got, vector.Key)
			}

			block, err := base64.StdEncoding.DecodeString(vector.SecretBlock)
			if err != nil {
				t.Fatal(err)
			}
			if !exchange.proven(vector.Pool, vector.User, block, vector.Timestamp, vector.Signature) {
				t.Error("the clients' signature is refused")
			}

			client := srpClientOf(new(big.Int).SetBytes(unhex(t, vector.SecretA)))
			signature := client.signature(t, vector.Pool, vector.User, vector.Password,
				vector.ShownSalt, vector.B, block, vector.Timestamp)
			if signature != vector.Signature || client.srpA() != vector.A {
				t.Errorf("the client in this test signs %s", signature)
			}
		})
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
