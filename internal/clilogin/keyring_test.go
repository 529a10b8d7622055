package clilogin

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// memoryKeyring is a keyring; err fails each use.
type memoryKeyring struct {
	mu      sync.Mutex
	secrets map[string]string
	err     error
	before  func() // runs before Get; nil = nothing
}

func (k *memoryKeyring) Get(name string) (string, error) {
	if k.before != nil {
		k.before()
	}

	k.mu.Lock()
	defer k.mu.Unlock()

	secret, found := k.secrets[name]
	if k.err == nil && !found {
		return "", ErrNoKey
	}
	return secret, k.err
}

func (k *memoryKeyring) Set(name, secret string) error {
	k.mu.Lock()
	defer k.mu.Unlock()

	k.secrets[name] = secret

	return k.err
}

func (k *memoryKeyring) Delete(name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()

	delete(k.secrets, name)

	return k.err
}

func TestKeyring(t *testing.T) {
	r := newRig(t)
	keyring := &memoryKeyring{secrets: map[string]string{}}
	r.o.Keyring = keyring
	r.Client = New(r.o)
	r.login()

	text, err := os.ReadFile(r.signInPath("photos"))
	if err != nil || strings.Contains(string(text), "refresh") || strings.Contains(string(text), "eyJ") ||
		!strings.Contains(string(text), `"sealed"`) {
		t.Errorf("the file has %s, %v", text, err)
	}
	if len(keyring.secrets) != 1 || len(keyring.secrets["profile photos"]) > 64 {
		t.Errorf("the keyring has %v", keyring.secrets)
	}
	r.clock.Advance(2 * time.Hour)
	r.credentials()

	// A sign-in opens neither as that of another profile nor with another key.
	p := r.profile
	p.Name, p.Storage = "other", StorageKeyring
	keyring.secrets["profile other"] = keyring.secrets["profile photos"]
	err = errors.Join(r.keepProfile(p), os.MkdirAll(r.signInFolder("other"), 0o700),
		os.WriteFile(r.signInPath("other"), text, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Credentials(t.Context(), "other"); !isSignIn(err) {
		t.Errorf("as another profile: %v", err)
	}

	keyring.err = errors.New("it is locked")
	if _, err := r.Credentials(t.Context(), "photos"); err == nil || isSignIn(err) ||
		!strings.Contains(err.Error(), "it is locked") {
		t.Errorf("a locked keyring: %v", err)
	}
	keyring.err = nil

	good := keyring.secrets["profile photos"]
	keyring.secrets["profile photos"] = strings.Repeat("A", 43) + "="
	if _, err := r.Credentials(t.Context(), "photos"); !isSignIn(err) {
		t.Errorf("another key: %v", err)
	}
	keyring.secrets["profile photos"] = good
	if _, err := r.Logout(t.Context(), "photos", false); err != nil || keyring.secrets["profile photos"] != "" {
		t.Errorf("after the logout the keyring has %v, %v", keyring.secrets, err)
	}
}

// Without a keyring that works, a file is chosen.
func TestBrokenKeyring(t *testing.T) {
	r := newRig(t)
	r.o.Keyring = &memoryKeyring{secrets: map[string]string{}, err: errors.New("no service")}
	r.Client = New(r.o)
	r.login()
	if p, err := r.Profile("photos"); err != nil || p.Storage != StorageFile {
		t.Errorf("the storage is %q, %v", p.Storage, err)
	}
	r.credentials()
}

// A refresh token whose answer comes at the last moment is kept, also if the keyring takes longer than is left.
func TestLateAnswerIsKept(t *testing.T) {
	r := newRig(t)
	keyring := &memoryKeyring{secrets: map[string]string{}}
	r.o.Keyring = keyring
	r.Client = New(r.o)
	r.login()
	p, err := r.Profile("photos")
	if err != nil {
		t.Fatal(err)
	}

	s := r.kept()
	former := s.RefreshToken
	ctx, cancel := context.WithCancel(t.Context())
	keyring.before = func() {
		if r.requests.named("/token") > 1 { // the first was that of the login
			cancel()
			<-ctx.Done()
		}
	}
	if err := r.refresh(ctx, p, &s); err == nil {
		t.Error("the key set was fetched after the end")
	}

	keyring.before = nil
	if kept := r.kept().RefreshToken; kept == former || kept != s.RefreshToken {
		t.Errorf("the token that was sent is kept: %t", kept == former)
	}
}
