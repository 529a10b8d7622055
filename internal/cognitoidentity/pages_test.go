package cognitoidentity

import (
	"bytes"
	"encoding/base64"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"testing"
)

func newPages(t testing.TB) *Service {
	sealer, err := envelope.New(bytes.Repeat([]byte{5}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Sealer: sealer})
}

// A page token begins the page that it was made for, of its own list alone.
func TestPageToken(t *testing.T) {
	s := newPages(t)
	token := s.pageToken("identities/a/false", "us-east-1:x")
	if last, err := s.pageStart("identities/a/false", token); err != nil || last != "us-east-1:x" {
		t.Errorf("pageStart = %q, %v", last, err)
	}
	if last, err := s.pageStart("identities/a/false", nil); err != nil || last != "" {
		t.Errorf("no token: %q, %v", last, err)
	}

	for _, scope := range []string{"identities/b/false", "identities/a/true", "pools/a", ""} {
		if last, err := s.pageStart(scope, token); err == nil {
			t.Errorf("scope %q took it: %q", scope, last)
		}
	}
}

// Any token is refused, or has the contents that were sealed into it. (Seals are random
// and fuzzing has several processes, so ours is recognised by its contents.)
func FuzzPageToken(f *testing.F) {
	s := newPages(f)
	good := *s.pageToken("pools/1", "last")
	f.Add(good)
	f.Add(good + "=")
	f.Add(good[:len(good)-1])
	f.Add("")
	f.Add("AAAA")
	f.Add(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0}, 64)))
	f.Fuzz(func(t *testing.T, token string) {
		last, err := s.pageStart("pools/1", &token)
		if token == good && err != nil || err == nil && last != "last" {
			t.Errorf("pageStart(%q) = %q, %v", token, last, err)
		}
	})
}
