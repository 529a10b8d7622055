package keys_test

import (
	"crypto/rsa"
	"os"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/testkeys"
	"github.com/poolhouse-id/poolhouse/poolhousetest/internal/keys"
)

const given = 16 - keys.Foreign // keys that a server gets without generating one

// all returns the keys of the list: those of servers, and the foreign ones.
func all(t *testing.T) []*rsa.PrivateKey {
	t.Helper()
	var list []*rsa.PrivateKey
	next := keys.NewMaker()
	for range given {
		list = append(list, must(t, next.New))
	}
	for n := range keys.Foreign {
		list = append(list, must(t, func() (*rsa.PrivateKey, error) { return keys.ForeignKey(n) }))
	}

	return list
}

func must(t *testing.T, get func() (*rsa.PrivateKey, error)) *rsa.PrivateKey {
	t.Helper()
	key, err := get()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Every key is refused by its fingerprint. After a change of keys.pem, write what this test prints to the
// file that it names.
func TestFingerprints(t *testing.T) {
	const file = "../../../internal/testkeys/fingerprints.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	var want strings.Builder
	for _, key := range all(t) {
		want.WriteString(testkeys.Fingerprint(key.Public()) + "\n")
	}
	if string(text) != want.String() {
		t.Errorf("%s should be\n%s", file, want.String())
	}
}

// Only who gives out test keys accepts them.
func TestRefused(t *testing.T) {
	var own testkeys.Maker // of a server for production
	for n, key := range all(t) {
		if err := own.Check(key.Public()); err == nil {
			t.Errorf("key %d is accepted", n)
		}
		if err := keys.NewMaker().Check(key.Public()); err != nil {
			t.Errorf("key %d is refused by the server that it is for: %v", n, err)
		}
	}

	if err := own.Check(must(t, own.New).Public()); err != nil {
		t.Errorf("a new key is refused: %v", err)
	}
}

// No two keys of a server are the same, also when the list ends.
func TestDifferent(t *testing.T) {
	next := keys.NewMaker()
	seen := map[string]bool{}
	for n := range given + 1 {
		key := must(t, next.New)
		seen[testkeys.Fingerprint(key.Public())] = true
		if len(seen) != n+1 {
			t.Fatalf("key %d was given out before", n)
		}
		if published := (testkeys.Maker)(nil).Check(key.Public()) != nil; published != (n < given) {
			t.Errorf("key %d is a test key: %t", n, published)
		}
	}
}
