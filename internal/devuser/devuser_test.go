package devuser_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

func user(t *testing.T, name string, claims map[string]any) devuser.User {
	t.Helper()
	u, err := devuser.New(name, claims)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestUsersAreKept checks that what one process wrote the next one reads, with all digits.
func TestUsersAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), devuser.File)
	for name, file := range map[string]string{"file": path, "memory": ""} {
		s, err := devuser.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		bob := user(t, "bob", map[string]any{"sub": "0815", "level": json.Number("12345678901234567890")})
		if err := s.Put(bob, user(t, "alice", nil), user(t, "carol", nil)); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete("carol"); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete("carol"); !errors.Is(err, devuser.ErrNotFound) {
			t.Errorf("%s: a second deletion: %v", name, err)
		}

		if file != "" {
			if s, err = devuser.Open(file); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.List(); len(got) != 2 || got[0].Name != "alice" || !reflect.DeepEqual(got[1], bob) {
			t.Errorf("%s: %+v", name, got)
		}
		if got, err := s.Get("bob"); err != nil || got.Subject != "0815" {
			t.Errorf("%s: bob is %+v, %v", name, got, err)
		}
		if _, err := s.Get("carol"); !errors.Is(err, devuser.ErrNotFound) {
			t.Errorf("%s: carol: %v", name, err)
		}
	}

	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
}

// TestPutIsAllOrNothing checks that one bad user keeps the others out too, also out of the file.
func TestPutIsAllOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), devuser.File)
	s, err := devuser.Open(path)
	if err != nil {
		t.Fatal(err)
	}

	if err := s.Put(user(t, "alice", nil), devuser.User{Name: "bob"}); !errors.Is(err, devuser.ErrInvalid) {
		t.Errorf("a user without a subject: %v", err)
	}
	var many []devuser.User
	for n := range devuser.MaxUsers + 1 {
		many = append(many, user(t, fmt.Sprint("u", n), nil))
	}
	if err := s.Put(many...); !errors.Is(err, devuser.ErrInvalid) {
		t.Errorf("too many users: %v", err)
	}
	if got := s.List(); len(got) > 0 {
		t.Errorf("%d users were kept", len(got))
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was written")
	}

	// A write that fails changes nothing in memory either.
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(user(t, "alice", nil)); err == nil || len(s.List()) > 0 {
		t.Errorf("a failed write: %v, %v", err, s.List())
	}
}

func TestUsersThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		name   string
		claims map[string]any
	}{
		"no name":           {"", nil},
		"a blank":           {"a b", nil},
		"an option":         {"-alice", nil},
		"a path":            {"../alice", nil},
		"a long name":       {strings.Repeat("a", 129), nil},
		"a subject's type":  {"alice", map[string]any{"sub": 1}},
		"an empty subject":  {"alice", map[string]any{"sub": ""}},
		"a long subject":    {"alice", map[string]any{"sub": strings.Repeat("a", 256)}},
		"the issuer's own":  {"alice", map[string]any{"exp": 1}},
		"many claims":       {"alice", map[string]any{"a": strings.Repeat("a", 16<<10)}},
		"a claim not JSON":  {"alice", map[string]any{"a": func() {}}},
		"sub in capitals":   {"alice", map[string]any{"Sub": "a"}},
		"iss in capitals":   {"alice", map[string]any{"ISS": "a"}},
		"iss of Unicode":    {"alice", map[string]any{"i\u017fs": "a"}},
		"another of pools":  {"alice", map[string]any{"Token_Use": "id"}},
		"a subject no text": {"alice", map[string]any{"sub": "\xff"}},
	} {
		if u, err := devuser.New(test.name, test.claims); !errors.Is(err, devuser.ErrInvalid) {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
	}

	fine := map[string]any{"token_use": "id", "nonce": "n", "SUBJECT": "a", "Issuer": "b", "Email": "c"}
	if _, err := devuser.New("alice", fine); err != nil {
		t.Errorf("claims that pools take: %v", err)
	}
	if _, err := devuser.New("alice+1@example.com", map[string]any{"sub": strings.Repeat("a", 255)}); err != nil {
		t.Errorf("an e-mail address: %v", err)
	}
}

// nested returns a claim of levels lists, as JSON that was read.
func nested(levels int) any {
	var value any = json.Number("1")
	for range levels {
		value = []any{value}
	}
	return value
}

// TestDepthOfClaims checks that claims are as deep as pools read them (idtoken), at most.
func TestDepthOfClaims(t *testing.T) {
	flat := strings.Repeat(`[\"`, 20)
	if _, err := devuser.New("alice", map[string]any{"a": nested(15), "b": nested(15), "c": flat}); err != nil {
		t.Errorf("16 levels: %v", err)
	}
	for _, levels := range []int{16, 4200} {
		claims := map[string]any{"a": nested(levels)}
		if _, err := devuser.New("alice", claims); !errors.Is(err, devuser.ErrInvalid) ||
			!strings.Contains(err.Error(), "more than 16 levels deep") {
			t.Errorf("%d levels and the claims: %v", levels, err)
		}
		if err := devuser.CheckClaims(claims); !errors.Is(err, devuser.ErrInvalid) {
			t.Errorf("of a token, %d levels and the claims: %v", levels, err)
		}
	}
}

// largest returns users of the largest size that have a claim.
func largest(t *testing.T, count int, claim any) []devuser.User {
	t.Helper()
	many := make([]devuser.User, count)
	for n := range many {
		claims := map[string]any{"a": claim, "sub": strings.Repeat("\x01", 255)}
		many[n] = user(t, fmt.Sprintf("u%0127d", n), claims)
	}

	return many
}

// written returns a file of users.
func written(t *testing.T, users []devuser.User) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), devuser.File)
	s, err := devuser.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(users...); err != nil {
		t.Fatal(err)
	}

	return path
}

// TestLargestFileLoads checks that a file of as many users as there may be loads, each as large as a user
// may be. Whatever their claims consist of, the file is no larger than that.
func TestLargestFileLoads(t *testing.T) {
	const room = 16<<10 - len(`{"a":""}`)
	text := strings.Repeat("a", room)
	many := largest(t, devuser.MaxUsers, text)
	s, err := devuser.Open(written(t, many))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.List(); !reflect.DeepEqual(got, many) {
		t.Errorf("%d users were read", len(got))
	}

	size := func(claim any) int64 {
		info, err := os.Stat(written(t, largest(t, 5, claim)))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	most := size(text)
	for name, claim := range map[string]any{
		"numbers": slices.Repeat([]any{json.Number("0")}, room/2),
		"lists":   slices.Repeat([]any{nested(14)}, room/30),
		"escapes": strings.Repeat("<", room/6),
	} {
		if got := size(claim); got > most {
			t.Errorf("%s: 5 users take %d bytes, and with text %d", name, got, most)
		}
	}
}

func TestDamagedFiles(t *testing.T) {
	for name, text := range map[string]string{
		"empty":       "",
		"not JSON":    "users",
		"a list":      "[]",
		"a bad user":  `{"users": [{"name": "alice"}]}`,
		"a bad claim": `{"users": [{"name": "alice", "sub": "a", "claims": {"iss": "x"}}]}`,
	} {
		path := filepath.Join(t.TempDir(), devuser.File)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := devuser.Open(path); !errors.Is(err, devuser.ErrDamaged) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}

	if _, err := devuser.Open(t.TempDir()); !errors.Is(err, devuser.ErrDamaged) {
		t.Errorf("a folder: %v", err)
	}
}

func TestWhatPeopleSee(t *testing.T) {
	for _, test := range []struct {
		claims              map[string]any
		name, email, groups string
	}{
		{nil, "alice", "", "[]"},
		{map[string]any{"name": "Alice A.", "email": "a@b.c", "cognito:groups": []any{"admins", 1, "x"}},
			"Alice A.", "a@b.c", "[admins x]"},
		{map[string]any{"name": " ", "email": 1, "groups": []any{"staff"}}, "alice", "", "[staff]"},
		{map[string]any{"name": "\x1b[31mred", "groups": "admins"}, "\ufffd[31mred", "", "[]"},
	} {
		u := user(t, "alice", test.claims)
		if u.DisplayName() != test.name || u.Email() != test.email || fmt.Sprint(u.Groups()) != test.groups {
			t.Errorf("%v: %q, %q, %v", test.claims, u.DisplayName(), u.Email(), u.Groups())
		}
	}
}

// TestNobodyChangesAKeptUser checks that callers get and give copies.
func TestNobodyChangesAKeptUser(t *testing.T) {
	s, err := devuser.Open("")
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{"email": "a@b.c"}
	given := user(t, "alice", claims)
	if err := s.Put(given); err != nil {
		t.Fatal(err)
	}
	claims["email"], given.Claims["email"] = "x", "x"
	s.List()[0].Claims["email"] = "x"

	if got, err := s.Get("alice"); err != nil || got.Email() != "a@b.c" {
		t.Errorf("alice is %+v, %v", got, err)
	}
}

func TestExampleFlag(t *testing.T) {
	for want, users := range map[string][]devuser.User{
		"--sub alice": nil,
		"--user zoe":  {{Name: "zoe"}, {Name: "amy"}},
	} {
		if got := devuser.ExampleFlag(users); got != want {
			t.Errorf("ExampleFlag(%v) = %s, want %s", users, got, want)
		}
	}
}

// TestOnEnd checks who is told of, and that a change waits for the one before.
func TestOnEnd(t *testing.T) {
	s, err := devuser.Open("")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	s.OnEnd(func(ended []devuser.User) error {
		for _, u := range ended {
			_, err := s.Get(u.Name)
			told = append(told, fmt.Sprint(u.Name, " ", u.Subject, " ", err == nil))
		}
		return nil
	})

	change := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	change(s.Put(user(t, "alice", nil), user(t, "bob", nil), user(t, "carol", nil)))
	change(s.Put(user(t, "alice", map[string]any{"email": "a@b.c"})))
	change(s.Add(user(t, "dora", nil)))
	if len(told) > 0 {
		t.Errorf("nobody has gone, but told was %v", told)
	}
	change(s.Put(user(t, "bob", map[string]any{"sub": "b-2"}), user(t, "carol", map[string]any{"sub": "c-2"})))
	change(s.Delete("alice"))
	if got := strings.Join(told, ", "); got != "bob bob true, carol carol true, alice alice false" {
		t.Errorf("told was %s", got)
	}

	fault := errors.New("a fault")
	s.OnEnd(func([]devuser.User) error { return fault })
	if err := s.Delete("bob"); !errors.Is(err, fault) {
		t.Errorf("the fault: %v", err)
	}
	if _, err := s.Get("bob"); !errors.Is(err, devuser.ErrNotFound) {
		t.Errorf("bob: %v", err)
	}
}

// TestChangesWaitForTheEnd checks that nobody is made again before all of the former user has ended.
func TestChangesWaitForTheEnd(t *testing.T) {
	s, err := devuser.Open("")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(user(t, "alice", nil)); err != nil {
		t.Fatal(err)
	}

	made, order := make(chan error), []string{}
	s.OnEnd(func([]devuser.User) error {
		go func() { made <- s.Put(user(t, "alice", nil)) }()
		for range 1000 { // time for the other change
			runtime.Gosched()
			if len(s.List()) > 0 {
				order = append(order, "made again")
			}
		}
		order = append(order, "ended")

		return nil
	})
	if err := s.Delete("alice"); err != nil {
		t.Fatal(err)
	}
	if err := <-made; err != nil || len(order) != 1 {
		t.Errorf("%v, %v", order, err)
	}
}
