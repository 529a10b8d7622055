package session

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/poolhouse-id/poolhouse/internal/iam"
)

func TestMintAndOpen(t *testing.T) {
	ctx, c := t.Context(), newClock()
	m := newMinter(t, &keyTable{}, c)
	guest := Session{
		Account: "123456789012", RoleARN: roleOf("arn:aws:iam::123456789012:role/guest"), RoleID: "AROATEST",
		SessionName: EnhancedFlowName,
		IdentityID:  "us-east-1:1", PoolID: "us-east-1:2", AMR: []string{"unauthenticated"},
		Policies: []string{iam.GuestPolicy},
		Region:   "us-east-1", Expires: c.Now().Add(time.Hour),
	}

	bare := Session{
		Account:     "123456789012",
		RoleARN:     roleOf("arn:aws:iam::123456789012:role/r"),
		SessionName: "s1",
		Expires:     c.Now().Add(iam.MaxSession),
	}

	for name, s := range map[string]Session{"ordinary": ordinary(c.Now()), "guest": guest, "bare": bare} {
		t.Run(name, func(t *testing.T) {
			got, err := m.Mint(ctx, s)
			if err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(`^ASIA[A-Z2-7]{16}$`).MatchString(got.AccessKeyID) {
				t.Errorf("access key ID %q", got.AccessKeyID)
			}
			if !regexp.MustCompile(`^[A-Za-z0-9/+]{40}$`).MatchString(got.SecretAccessKey) {
				t.Errorf("the secret has %d characters", len(got.SecretAccessKey))
			}
			if !got.Expiration.Equal(s.Expires) {
				t.Errorf("Expiration = %v, want %v", got.Expiration, s.Expires)
			}

			opened, secret, err := m.Open(ctx, got.AccessKeyID, got.SessionToken)
			if err != nil {
				t.Fatal(err)
			}
			if secret != got.SecretAccessKey {
				t.Error("Open derives another secret than Mint")
			}

			want := s
			want.Issued = c.Now()
			if diff := cmp.Diff(want, opened, cmpopts.EquateComparable(iam.RoleARN{})); diff != "" {
				t.Errorf("Open returns another session (-want +got):\n%s", diff)
			}
		})
	}
}

// A session must fit browsers' and proxies' headers with room to spare, and its
// token must not show what is in it.
func TestOrdinaryTokenIsShortAndOpaque(t *testing.T) {
	c := newClock()
	s := ordinary(c.Now())
	got, err := newMinter(t, &keyTable{}, c).Mint(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("an ordinary session token has %d bytes", len(got.SessionToken))
	if len(got.SessionToken) >= 2000 {
		t.Errorf("an ordinary session token has %d bytes, want fewer than 2,000", len(got.SessionToken))
	}

	raw, err := base64.StdEncoding.DecodeString(got.SessionToken)
	if err != nil {
		t.Fatal(err)
	}

	for _, secret := range []string{
		string(s.IdentityID),
		s.RoleARN.String(),
		s.Tags["email"],
		s.AMR[0],
		got.SecretAccessKey,
	} {
		if bytes.Contains(raw, []byte(secret)) {
			t.Errorf("the token shows %q", secret)
		}
	}
}

func TestEveryTokenIsItsOwn(t *testing.T) {
	c := newClock()
	m := newMinter(t, &keyTable{}, c)
	seen := map[string]bool{}
	for range 100 {
		got, err := m.Mint(t.Context(), ordinary(c.Now()))
		if err != nil {
			t.Fatal(err)
		}

		for _, part := range []string{got.AccessKeyID, got.SecretAccessKey, got.SessionToken} {
			if seen[part] {
				t.Fatalf("drawn twice")
			}
			seen[part] = true
		}
	}
}

// TestEveryFlippedBitIsRefused flips each bit of the token and of the access key
// ID, in the text and in the bytes below it.
func TestEveryFlippedBitIsRefused(t *testing.T) {
	ctx, c := t.Context(), newClock()
	m := newMinter(t, &keyTable{}, c)
	// Flipped key IDs must not be answered from a fresh read each time.
	for padding := range 3 { // each length modulo 3 pads base64 in its own way
		s := ordinary(c.Now())
		s.SourceIdentity = strings.Repeat("x", 2+padding)
		got, err := m.Mint(ctx, s)
		if err != nil {
			t.Fatal(err)
		}

		refused := func(what, id, token string) {
			t.Helper()
			if s, secret, err := m.Open(ctx, id, token); !errors.Is(err, ErrInvalidToken) ||
				secret != "" || !s.RoleARN.IsZero() {
				t.Fatalf("%s: Open = %v, %v, want ErrInvalidToken and nothing else", what, s, err)
			}
		}

		flip := func(b []byte, bit int) []byte {
			b = bytes.Clone(b)
			b[bit/8] ^= 1 << (bit % 8)
			return b
		}
		id, token := []byte(got.AccessKeyID), []byte(got.SessionToken)
		raw, err := base64.StdEncoding.DecodeString(got.SessionToken)
		if err != nil {
			t.Fatal(err)
		}

		for bit := range len(id) * 8 {
			refused(fmt.Sprintf("bit %d of the access key ID", bit), string(flip(id, bit)), got.SessionToken)
		}

		for bit := range len(token) * 8 {
			refused(fmt.Sprintf("bit %d of the token's text", bit), got.AccessKeyID, string(flip(token, bit)))
		}

		for bit := range len(raw) * 8 {
			refused(fmt.Sprintf("bit %d of the token", bit), got.AccessKeyID,
				base64.StdEncoding.EncodeToString(flip(raw, bit)))
		}

		for n := range len(raw) {
			refused(fmt.Sprintf("the first %d bytes", n), got.AccessKeyID, base64.StdEncoding.EncodeToString(raw[:n]))
		}
		refused("a byte more", got.AccessKeyID, base64.StdEncoding.EncodeToString(append(bytes.Clone(raw), 0)))

		for _, blank := range []string{"\n", "\r\n", " ", "="} {
			refused("with "+fmt.Sprintf("%q", blank)+" at its end", got.AccessKeyID, got.SessionToken+blank)
			refused("with "+fmt.Sprintf("%q", blank)+" within", got.AccessKeyID,
				got.SessionToken[:8]+blank+got.SessionToken[8:])
		}

		if _, _, err := m.Open(ctx, got.AccessKeyID, got.SessionToken); err != nil {
			t.Fatalf("unchanged: %v", err)
		}
	}
}

func TestOpenRefusesForeignPairs(t *testing.T) {
	ctx, c := t.Context(), newClock()
	m := newMinter(t, &keyTable{}, c)
	one, err := m.Mint(ctx, ordinary(c.Now()))
	if err != nil {
		t.Fatal(err)
	}

	two, err := m.Mint(ctx, ordinary(c.Now()))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := newMinter(t, &keyTable{}, c).Mint(ctx, ordinary(c.Now()))
	if err != nil {
		t.Fatal(err)
	}

	for name, pair := range map[string][2]string{
		"another session's token":  {one.AccessKeyID, two.SessionToken},
		"another installation's":   {elsewhere.AccessKeyID, elsewhere.SessionToken},
		"no token":                 {one.AccessKeyID, ""},
		"no key":                   {"", one.SessionToken},
		"a long-lived key":         {"AKIA" + one.AccessKeyID[4:], one.SessionToken},
		"a token of AWS":           {one.AccessKeyID, "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ"},
		"a token that is too long": {one.AccessKeyID, strings.Repeat("AAAA", MaxTokenBytes)},
		"a token in URL-safe base64": {one.AccessKeyID,
			strings.NewReplacer("+", "-", "/", "_").Replace(one.SessionToken) + "-_"},
	} {
		if _, _, err := m.Open(ctx, pair[0], pair[1]); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("%s: %v, want ErrInvalidToken", name, err)
		}
	}
}

func TestExpiry(t *testing.T) {
	ctx, c := t.Context(), newClock()
	m := newMinter(t, &keyTable{}, c)
	got, err := m.Mint(ctx, ordinary(c.Now()))
	if err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Hour - time.Nanosecond)
	if _, _, err := m.Open(ctx, got.AccessKeyID, got.SessionToken); err != nil {
		t.Errorf("a moment before: %v", err)
	}

	c.Advance(time.Nanosecond)
	if s, secret, err := m.Open(ctx, got.AccessKeyID, got.SessionToken); !errors.Is(err, ErrExpiredToken) ||
		errors.Is(err, ErrInvalidToken) || secret != "" || !s.RoleARN.IsZero() {
		t.Errorf("at the end: %v, %v, want ErrExpiredToken", s, err)
	}
}

func TestMintRefuses(t *testing.T) {
	ctx, c := t.Context(), newClock()
	m := newMinter(t, &keyTable{}, c)
	for name, change := range map[string]func(*Session){
		"no role":             func(s *Session) { s.RoleARN = iam.RoleARN{} },
		"another account":     func(s *Session) { s.Account = "999999999999" },
		"no name":             func(s *Session) { s.SessionName = "" },
		"a name with a slash": func(s *Session) { s.SessionName = "a/b" },
		"a name of 65":        func(s *Session) { s.SessionName = strings.Repeat("a", 65) },
		"no end":              func(s *Session) { s.Expires = time.Time{} },
		"an end at its start": func(s *Session) { s.Expires = s.Issued },
		"a start before 1970": func(s *Session) { s.Issued = time.Unix(-1, 0) },
		"longer than a key":   func(s *Session) { s.Expires = s.Issued.Add(iam.MaxSession + time.Second) },
	} {
		s := ordinary(c.Now())
		change(&s)
		if got, err := m.Mint(ctx, s); err == nil || got != (Credentials{}) || errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestTooLarge(t *testing.T) {
	ctx, c := t.Context(), newClock()
	m := newMinter(t, &keyTable{}, c)
	s := ordinary(c.Now())
	s.Tags = map[string]string{}

	for i := range 50 {
		s.Tags[fmt.Sprintf("%0128d", i)] = strings.Repeat("v", 256)
	}
	if _, err := m.Mint(ctx, s); !errors.Is(err, ErrTooLarge) {
		t.Errorf("the largest tags: %v, want ErrTooLarge", err)
	}

	// The limit is exact: what is minted can be opened, what is longer is not minted.
	s = ordinary(c.Now())
	largest := 0
	for n := range 4096 {
		s.Policies = []string{strings.Repeat("p", n)}
		got, err := m.Mint(ctx, s)
		if err != nil {
			if !errors.Is(err, ErrTooLarge) {
				t.Fatal(err)
			}
			break
		}

		largest = len(got.SessionToken)
		if _, _, err := m.Open(ctx, got.AccessKeyID, got.SessionToken); err != nil {
			t.Fatalf("minted with %d bytes, but: %v", largest, err)
		}
	}

	if largest > MaxTokenBytes || largest < MaxTokenBytes-4 {
		t.Errorf("the longest token has %d bytes, want %d", largest, MaxTokenBytes)
	}
}

func BenchmarkMint(b *testing.B) {
	c := newClock()
	m := newMinter(b, &keyTable{}, c)
	s := ordinary(c.Now())
	b.ReportAllocs()

	for b.Loop() {
		if _, err := m.Mint(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	c := newClock()
	m := newMinter(b, &keyTable{}, c)
	got, err := m.Mint(b.Context(), ordinary(c.Now()))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()

	for b.Loop() {
		if _, _, err := m.Open(b.Context(), got.AccessKeyID, got.SessionToken); err != nil {
			b.Fatal(err)
		}
	}
}
