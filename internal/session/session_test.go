package session

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// The contents of a federated session are the same after sealing and opening, and policies
// can see them. The same holds for the credentials of an access key.
func TestFederatedSessions(t *testing.T) {
	c := newClock()
	m := newMinter(t, &keyTable{}, c)
	s := ordinary(c.Now())
	s.PoolID, s.IdentityID, s.AMR = "", "", nil
	s.FederatedProvider = "arn:aws:iam::123456789012:oidc-provider/idp.example"
	s.Claims = map[string][]string{"idp.example:sub": {"u1"}, "idp.example:amr": {"pwd", "otp"}}

	for _, size := range []int{0, 100, 1500, 1501, 1502, 1503, 1504, 1700, 4095, 4096} {
		minted, err := m.MintSized(t.Context(), s, size)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(minted.SessionToken); n < size || size > 1504 && n > size+4 {
			t.Errorf("%d bytes for %d", n, size)
		}

		opened, _, err := m.Open(t.Context(), minted.AccessKeyID, minted.SessionToken)
		if err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(s, opened, cmpopts.EquateComparable(iam.RoleARN{})); diff != "" {
			t.Fatal(diff)
		}
		if got := opened.Caller(minted.AccessKeyID).TransitiveTags(); !cmp.Equal(got,
			map[string]string{"team": "platform"}) {
			t.Errorf("transitive tags %v", got)
		}
	}

	key := Session{
		Account: "123456789012",
		Key:     "AKIAAAAAAAAAAAAAAAAA",
		Issued:  c.Now(),
		Expires: c.Now().Add(time.Hour),
	}
	minted, err := m.Mint(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}

	opened, _, err := m.Open(t.Context(), minted.AccessKeyID, minted.SessionToken)
	if diff := cmp.Diff(key, opened, cmpopts.EquateComparable(iam.RoleARN{})); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if !opened.Caller(minted.AccessKeyID).Nobody() {
		t.Error("an access key's session is somebody by itself")
	}

	key.RoleARN = roleOf("arn:aws:iam::123456789012:role/team/app")
	if _, err := m.Mint(t.Context(), key); err == nil {
		t.Error("a session of a key and a role was minted")
	}
}

// A federated user's session has its name, policies and tags, behind any padding. Only such a
// session of an access key has policies: others would lose them.
func TestFederatedUserSessions(t *testing.T) {
	c := newClock()
	m := newMinter(t, &keyTable{}, c)
	bob := Session{
		Account:       "123456789012",
		Key:           "AKIAAAAAAAAAAAAAAAAA",
		FederatedUser: "bob",
		Policies:      []string{`{"Statement":[]}`, "{}"},
		Tags:          map[string]string{"team": "red"},
		Issued:        c.Now(),
		Expires:       c.Now().Add(time.Hour),
	}
	for size := range 700 {
		minted, err := m.MintSized(t.Context(), bob, size)
		if err != nil {
			t.Fatal(err)
		}
		if len(minted.SessionToken) < size {
			t.Fatalf("%d bytes, want %d", len(minted.SessionToken), size)
		}
		opened, _, err := m.Open(t.Context(), minted.AccessKeyID, minted.SessionToken)
		if diff := cmp.Diff(bob, opened, cmpopts.EquateComparable(iam.RoleARN{})); err != nil || diff != "" {
			t.Fatal(size, err, diff)
		}
		if !opened.Caller(minted.AccessKeyID).Nobody() {
			t.Fatal("a federated user is somebody without its access key")
		}
	}

	for name, change := range map[string]func(*Session){
		"no key":                   func(s *Session) { s.Key = "" },
		"a role":                   func(s *Session) { s.RoleARN = roleOf("arn:aws:iam::123456789012:role/app") },
		"a long name":              func(s *Session) { s.FederatedUser = strings.Repeat("b", 33) },
		"a name with a slash":      func(s *Session) { s.FederatedUser = "a/b" },
		"no name, but policies":    func(s *Session) { s.FederatedUser, s.Tags = "", nil },
		"no name, but tags":        func(s *Session) { s.FederatedUser, s.Policies = "", nil },
		"a role's session, a name": func(s *Session) { *s = ordinary(c.Now()); s.FederatedUser = "bob" },
	} {
		s := bob
		change(&s)
		if _, err := m.Mint(t.Context(), s); err == nil {
			t.Errorf("%s: it was minted", name)
		}
	}
}

// A node of a version before federated users must refuse their tokens: it would take them
// for those of the access key itself. It refuses fields that it does not know.
func TestFederatedUsersHaveTheirOwnField(t *testing.T) {
	text := appendSession(nil, &Session{
		Account:       "123456789012",
		Key:           "AKIAAAAAAAAAAAAAAAAA",
		FederatedUser: "bob",
		Issued:        time.Unix(1795479904, 0),
		Expires:       time.Unix(1795483504, 0),
	}, 0)
	if !strings.HasSuffix(string(text), "\x12\x14AKIAAAAAAAAAAAAAAAAA\x14\x03bob") {
		t.Errorf("%q", text)
	}
}

// Padding hits every length that it is asked for, or one more.
func TestPadding(t *testing.T) {
	for missing := range 600 {
		if got := len(appendPadding(nil, missing)); got < missing || got > missing+1 {
			t.Fatalf("%d bytes for %d", got, missing)
		}
	}
}

func TestCallerOfOddSessions(t *testing.T) {
	s := Session{RoleARN: roleOf("no ARN"), SessionName: "s"}
	if got := s.Caller("ASIATEST"); got.Account != "" || got.ARN != "" || got.UserID != "" {
		t.Errorf("a session without a role is %+v, want nobody", got)
	}

	c := Session{
		Account:     "1",
		RoleARN:     roleOf("arn:aws:iam::123456789012:role/app"),
		RoleID:      "AROAX",
		SessionName: "s",
		PoolID:      "us-east-1:11111111-2222-3333-4444-555555555555",
	}.Caller("ASIATEST")
	if c.Account != "123456789012" {
		t.Errorf("account %s, want the role's", c.Account)
	}
}
