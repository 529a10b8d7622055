package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/textproto"
	"strings"
	"testing"
)

// The short way gives what the standard library gives, for keys and data of any length.
func TestSumIsHMAC(t *testing.T) {
	for _, key := range []int{0, 1, 32, 63, 64, 65, 200} {
		for _, data := range []int{0, 1, 55, 150, 447, 448, 449, 4096} {
			k, d := []byte(strings.Repeat("k", key)), strings.Repeat("d", data)
			h := hmac.New(sha256.New, k)
			h.Write([]byte(d))
			if got := sum(k, d); !hmac.Equal(got[:], h.Sum(nil)) {
				t.Errorf("key of %d, data of %d bytes: another code", key, data)
			}
		}
	}
}

func TestCanonicalNames(t *testing.T) {
	for name, known := range canonicalNames {
		if want := textproto.CanonicalMIMEHeaderKey(name); known != want {
			t.Errorf("%s: %s, want %s", name, known, want)
		}
	}
}
