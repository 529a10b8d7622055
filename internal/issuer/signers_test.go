package issuer

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"
)

// Each caller gets the signature of its own digest, however many wait; nobody
// works when nothing waits; and what panics is an error of its caller's.
func TestSigners(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		t.Fatal(err)
	}

	s := newSigners(time.Now)
	var group sync.WaitGroup
	for n := range 50 {
		group.Go(func() {
			digest := sha256.Sum256(fmt.Append(nil, n))
			signature, err := s.sign(key, crypto.SHA256, digest[:])
			if err == nil {
				err = rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature)
			}
			if err != nil {
				t.Errorf("signature %d: %v", n, err)
			}
			if n%10 == 0 {
				if _, err := s.sign(nil, crypto.SHA256, digest[:]); err == nil {
					t.Error("no key signs")
				}
			}
		})
	}

	group.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()

	if len(s.waiting) != 0 {
		t.Errorf("%d signatures wait", len(s.waiting))
	}
}
