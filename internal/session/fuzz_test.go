package session

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"
)

// FuzzOpen opens arbitrary pairs: only those that Mint made may open, whatever
// is done to the rest.
func FuzzOpen(f *testing.F) {
	c := newClock()
	m := newMinter(f, &keyTable{}, c)
	minted, err := m.Mint(f.Context(), ordinary(c.Now()))
	if err != nil {
		f.Fatal(err)
	}
	genuine, err := base64.StdEncoding.DecodeString(minted.SessionToken)
	if err != nil {
		f.Fatal(err)
	}

	f.Add(minted.AccessKeyID, minted.SessionToken, []byte{0})
	f.Add("", "", []byte{})
	f.Add("ASIAAAAAAAAAAAAAAAAA", "AQ==", []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, id, token string, mask []byte) {
		try := func(id, token string) {
			s, secret, err := m.Open(t.Context(), id, token)
			switch {
			case err == nil && (id != minted.AccessKeyID || token != minted.SessionToken):
				t.Fatalf("Open(%q, %q) was accepted", id, token)
			case err == nil && secret != minted.SecretAccessKey:
				t.Fatal("another secret")
			case err != nil && (!errors.Is(err, ErrInvalidToken) || secret != "" || !s.RoleARN.IsZero()):
				t.Fatalf("Open = %+v, %v", s, err)
			}
		}

		try(id, token)
		try(minted.AccessKeyID, token)
		// The genuine token with the mask laid over it, at both ends.
		for _, at := range []int{0, max(0, len(genuine)-len(mask))} {
			changed := bytes.Clone(genuine)
			for i := range mask {
				if at+i < len(changed) {
					changed[at+i] ^= mask[i]
				}
			}
			try(minted.AccessKeyID, base64.StdEncoding.EncodeToString(changed))
		}
	})
}
