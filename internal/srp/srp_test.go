package srp

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/srp/srptest"
)

const (
	testPool = "eu-central-1_Abc123XyZ"
	testTime = "Sun Nov 9 18:04:11 UTC 2026"
)

func TestExchange(t *testing.T) {
	v, err := NewVerifier(rand.Reader, testPool, "ada", "Correct-1")
	if err != nil {
		t.Fatal(err)
	}
	client := srptest.NewClient(t)
	exchange, err := NewExchange(rand.Reader, v, client.A())
	if err != nil {
		t.Fatal(err)
	}
	salt, public := exchange.Challenge()
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
			signature := client.Signature(t, or(test.pool, testPool), or(test.user, "ada"), test.password,
				salt, public, signed, testTime)
			signature = or(test.signature, signature)

			got := exchange.Proves(testPool, "ada", block, or(test.sent, testTime), signature)
			if got != test.want {
				t.Errorf("Proves is %t, want %t", got, test.want)
			}
		})
	}
}

// An attacker who sends a multiple of the prime would know the key without the password.
func TestWeakValues(t *testing.T) {
	v := SimulatedVerifier([]byte("secret"), "ada")
	twice := new(big.Int).Mul(prime, big.NewInt(2))
	for name, a := range map[string]string{
		"none":         "",
		"zero":         "0",
		"many zeros":   strings.Repeat("0", maxHex),
		"the prime":    PrimeHex,
		"its double":   twice.Text(16),
		"too long":     strings.Repeat("1", maxHex+1),
		"negative":     "-1",
		"with a sign":  "+1",
		"underscore":   "1_0",
		"no hex":       "xyz",
		"with a space": " 1",
	} {
		if _, err := NewExchange(rand.Reader, v, a); !errors.Is(err, ErrValue) {
			t.Errorf("%s: %v, want ErrValue", name, err)
		}
	}

	for _, a := range []string{"1", "0002", strings.Repeat("e", maxHex)} { // the control
		if _, err := NewExchange(rand.Reader, v, a); err != nil {
			t.Errorf("%.5s: %v", a, err)
		}
	}
	if _, err := NewExchange(bytes.NewReader(nil), v, "1"); err == nil || errors.Is(err, ErrValue) {
		t.Errorf("without randomness: %v", err)
	}
}

func TestVerifierMatches(t *testing.T) {
	v, err := NewVerifier(rand.Reader, testPool, "ada", "Correct-1")
	if err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		pool, user, password string
		want                 bool
	}{
		{testPool, "ada", "Correct-1", true},
		{testPool, "ada", "correct-1", false},
		{testPool, "ada", "", false},
		{testPool, "eve", "Correct-1", false},
		{"eu-central-1_Other", "ada", "Correct-1", false},
	} {
		if got := v.Matches(test.pool, test.user, test.password); got != test.want {
			t.Errorf("%+v: %t", test, got)
		}
	}
	if (Verifier{}).Matches(testPool, "ada", "") {
		t.Error("a user without a password can sign in")
	}
	empty := Verifier{Value: valueOf(nil, testPool, "ada", "")}
	if empty.Matches(testPool, "ada", "") {
		t.Error("a verifier without salt matches")
	}
	if _, err := NewVerifier(bytes.NewReader(nil), testPool, "ada", "Correct-1"); err == nil {
		t.Error("a verifier without randomness")
	}
}

func TestSimulatedVerifier(t *testing.T) {
	one, again := SimulatedVerifier([]byte("s"), "ada"), SimulatedVerifier([]byte("s"), "ada")
	if !bytes.Equal(one.Salt, again.Salt) || !bytes.Equal(one.Value, again.Value) {
		t.Error("the same unknown user has two salts")
	}

	for _, other := range []Verifier{
		SimulatedVerifier([]byte("s"), "eve"), SimulatedVerifier([]byte("t"), "ada"),
	} {
		if bytes.Equal(one.Salt, other.Salt) || bytes.Equal(one.Value, other.Value) {
			t.Error("two unknown users share a verifier")
		}
	}
	if len(one.Salt) != saltBytes || len(one.Value) < len(prime.Bytes())-2 {
		t.Errorf("%d bytes of salt, %d of verifier", len(one.Salt), len(one.Value))
	}
}

// TestVectors compares with values that the clients' own code computed from the pinned
// numbers: @aws-amplify/auth 6.21.1, amazon-cognito-identity-js 6.3 and pycognito 2024.5.1 agree.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
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
			v := Verifier{Salt: salt, Value: valueOf(salt, vector.Pool, vector.User, vector.Password)}
			if got := hex.EncodeToString(v.Value); got != vector.Verifier {
				t.Errorf("the verifier is %s", got)
			}

			exchange, err := NewExchange(bytes.NewReader(unhex(t, vector.SecretB)), v, vector.A)
			if err != nil {
				t.Fatal(err)
			}
			if shown, public := exchange.Challenge(); shown != vector.ShownSalt || public != vector.B {
				t.Errorf("the challenge is %s, %s", shown, public)
			}
			if got := hex.EncodeToString(exchange.key()); got != vector.Key {
				t.Errorf("the key is %s, want %s", got, vector.Key)
			}

			block, err := base64.StdEncoding.DecodeString(vector.SecretBlock)
			if err != nil {
				t.Fatal(err)
			}
			if !exchange.Proves(vector.Pool, vector.User, block, vector.Timestamp, vector.Signature) {
				t.Error("the clients' signature is refused")
			}

			client := srptest.ClientOf(new(big.Int).SetBytes(unhex(t, vector.SecretA)))
			signature := client.Signature(t, vector.Pool, vector.User, vector.Password,
				vector.ShownSalt, vector.B, block, vector.Timestamp)
			if signature != vector.Signature || client.A() != vector.A {
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
