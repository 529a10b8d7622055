package srp

import (
	"crypto/rand"
	"errors"
	"testing"
)

// Both sides agree about a password, and about no other.
func TestBothSides(t *testing.T) {
	const poolID, userID, timestamp = "us-east-1_Shop", "ann", "Sun Nov 9 18:04:11 UTC 2026"
	block := []byte("block")
	verifier, err := NewVerifier(rand.Reader, poolID, userID, "right")
	if err != nil {
		t.Fatal(err)
	}

	for password, want := range map[string]bool{"right": true, "wrong": false} {
		client, err := NewClient(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		exchange, err := NewExchange(rand.Reader, verifier, client.Public())
		if err != nil {
			t.Fatal(err)
		}
		salt, public := exchange.Challenge()
		signature, err := client.Prove(poolID, userID, password, salt, public, block, timestamp)
		if err != nil {
			t.Fatal(err)
		}
		if got := exchange.Proves(poolID, userID, block, timestamp, signature); got != want {
			t.Errorf("%s: %v", password, got)
		}
	}
}

// A client gives no proof for values of no group.
func TestHostileServer(t *testing.T) {
	client, err := NewClient(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	for name, v := range map[string]struct{ userID, salt, public string }{
		"zero":    {"ann", "ab", "0"},
		"prime":   {"ann", "ab", PrimeHex},
		"no salt": {"ann", "", "2"},
		"no user": {"", "ab", "2"},
	} {
		proof, err := client.Prove("us-east-1_A", v.userID, "p", v.salt, v.public, nil, "")
		if !errors.Is(err, ErrValue) || proof != "" {
			t.Errorf("%s: %q, %v", name, proof, err)
		}
	}
}
