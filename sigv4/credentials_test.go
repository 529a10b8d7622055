package sigv4

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
)

func TestCredentialsErrors(t *testing.T) {
	ctx := context.WithValue(t.Context(), ctxKey{}, "ours")
	unreachable := errors.New("database is gone")
	for _, c := range []struct {
		name string
		err  error
		code Code
		text string
	}{
		{"unknown", ErrUnknownKey, UnknownKey, "The security token included in the request is invalid."},
		{"invalid, wrapped", fmt.Errorf("opening: %w", ErrInvalidToken), InvalidToken,
			"The security token included in the request is invalid."},
		{"expired", fmt.Errorf("%w at noon", ErrExpiredToken), ExpiredToken,
			"The security token included in the request is expired"},
		{"unreachable", unreachable, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newVerifier()
			v.Credentials = func(ctx context.Context, accessKeyID, sessionToken string) (string, error) {
				if ctx.Value(ctxKey{}) != "ours" || accessKeyID != testKey || sessionToken != testToken {
					t.Errorf("Credentials(%v, %q, %q)", ctx, accessKeyID, sessionToken)
				}
				return testSecret, c.err // the secret must not count
			}

			r, body := newDraft().request()
			_, err := v.Verify(r.WithContext(ctx), body, "cognito-identity")
			if !errors.Is(err, c.err) {
				t.Errorf("Verify = %v, which is not %v", err, c.err)
			}

			if c.code == "" {
				if _, ok := err.(*Error); ok {
					t.Errorf("Verify = %v, a refusal, although the answer is not known", err)
				}
				return
			}

			wantRefusal(t, err, c.code, c.text)
		})
	}

	t.Run("empty secret", func(t *testing.T) {
		v := newVerifier()
		v.Credentials = func(context.Context, string, string) (string, error) { return "", nil }
		d := newDraft()
		d.secret = ""
		r, body := d.request()
		if _, err := v.Verify(r, body, "cognito-identity"); err == nil {
			t.Error("an empty secret verifies")
		}
	})
}

type ctxKey struct{}

func TestNotSetUp(t *testing.T) {
	r, body := newDraft().request()
	for _, v := range []*Verifier{{}, {Credentials: newVerifier().Credentials}, {Services: newVerifier().Services}} {
		_, err := v.Verify(r, body, "cognito-identity")
		if _, refusal := err.(*Error); err == nil || refusal {
			t.Errorf("Verify of %v = %v, want an error that is not the client's", v.Services, err)
		}
	}
}

// TestSecretChange: a new secret counts at once, although the keys derived from the old one are cached.
func TestSecretChange(t *testing.T) {
	var secret atomic.Value
	secret.Store(testSecret)
	v := newVerifier()
	v.Credentials = func(context.Context, string, string) (string, error) { return secret.Load().(string), nil }

	verify := func(with string) error {
		d := newDraft()
		d.secret = with
		r, body := d.request()
		_, err := v.Verify(r, body, "cognito-identity")
		return err
	}

	for _, current := range []string{testSecret, "second", testSecret, "third"} {
		secret.Store(current)

		for range 2 {
			for _, with := range []string{testSecret, "second", "third"} {
				if err := verify(with); (err == nil) != (with == current) {
					t.Errorf("secret %q, signed with %q: %v", current, with, err)
				}
			}
		}
	}
}

// TestUnknownKeyDoesTheSameWork: the number of allocations stands for the path taken, which a clock cannot show
// reliably. An unknown key, whether or not keys are cached, must not be told from a wrong signature by it.
func TestUnknownKeyDoesTheSameWork(t *testing.T) {
	v := newVerifier()
	allocations := func(change func(*draft), code Code) float64 {
		d := newDraft()
		change(d)

		r, body := d.request()
		// The least of many: the race detector makes sync.Pool forget at random.
		least := math.Inf(1)
		for range 50 {
			least = min(least, testing.AllocsPerRun(1, func() {
				_, err := v.Verify(r, body, "cognito-identity")
				wantRefusal(t, err, code, "")
			}))
		}

		return least
	}

	wrongUncached := allocations(func(d *draft) { d.secret = "x" }, BadSignature)
	r, body := newDraft().request()
	if _, err := v.Verify(r, body, "cognito-identity"); err != nil {
		t.Fatal(err)
	}
	wrong := allocations(func(d *draft) { d.secret = "x" }, BadSignature)
	unknown := allocations(func(d *draft) { d.key = "AKIDPOOLHOUSENOTX" }, UnknownKey)
	if d := wrong - unknown; d < -3 || d > 3 || wrong-wrongUncached > 1 || wrongUncached-wrong > 1 {
		t.Errorf("allocations: wrong signature %v (key not cached: %v), unknown key %v", wrong, wrongUncached, unknown)
	}
}

// TestDecoySecret: an unknown key stays unknown even to somebody who guesses the secret it is compared with.
func TestDecoySecret(t *testing.T) {
	d := newDraft()
	d.key = "AKIDOTHER"
	r, body := d.request()
	v := newVerifier()
	_, err := v.Verify(r, body, "cognito-identity")
	wantRefusal(t, err, UnknownKey, "")
	other := newVerifier()
	_, err = other.Verify(r, body, "cognito-identity")
	wantRefusal(t, err, UnknownKey, "")
	if v.decoy.secret == other.decoy.secret || len(v.decoy.secret) < 20 {
		t.Errorf("decoy secrets %q, %q", v.decoy.secret, other.decoy.secret)
	}

	d.secret = v.decoy.secret
	r, body = d.request()
	_, err = v.Verify(r, body, "cognito-identity")
	wantRefusal(t, err, UnknownKey, "")
}

// TestMalformedKeyIsNotLookedUp: what cannot be an access key ID does not reach Credentials and its database.
func TestMalformedKeyIsNotLookedUp(t *testing.T) {
	v := newVerifier()
	v.Credentials = func(_ context.Context, accessKeyID, _ string) (string, error) {
		t.Errorf("%q was looked up", accessKeyID)
		return testSecret, nil
	}
	for _, key := range []string{"", "a b", "a%00", "a'b", "é", strings.Repeat("A", 129)} {
		d := newDraft()
		d.key = key
		r, body := d.request()
		_, err := v.Verify(r, body, "cognito-identity")
		wantRefusal(t, err, UnknownKey, "")
	}
}

// Where only signing keys are returned, an unknown key costs what a wrong signature does: both derive no key, which
// takes no entry of the cache and no secret.
func TestUnknownKeyOfDerivedOnly(t *testing.T) {
	d := newDraft()
	v := newVerifier()
	v.Credentials, v.DerivedOnly = nil, true
	v.Keys = func(_ context.Context, scope Scope, _ string) (Key, error) {
		if scope.AccessKeyID != testKey {
			return Key{Owner: "nobody"}, ErrUnknownKey
		}
		return Key{SigningKey: DeriveSigningKey(testSecret, scope.Date, scope.Region, scope.Service), Owner: "us"}, nil
	}

	r, body := d.request()
	result, err := v.Verify(r, body, "cognito-identity")
	if err != nil || result.Owner != "us" {
		t.Errorf("Verify = %+v, %v", result, err)
	}
	result, err = v.Verify(r, []byte("other"), "cognito-identity")
	wantRefusal(t, err, BadSignature, "")
	if result.Owner != "us" || result.AccessKeyID != "" {
		t.Errorf("a wrong signature has the result %+v", result)
	}

	d.key = "AKIDPOOLHOUSENOTX"
	r, body = d.request()
	result, err = v.Verify(r, body, "cognito-identity")
	wantRefusal(t, err, UnknownKey, "")
	if result.Owner != "nobody" {
		t.Errorf("an unknown key has the owner %v", result.Owner)
	}
	if v.decoy.secret != "" {
		t.Error("a secret was made for an unknown key, which costs more than a wrong signature")
	}
}

// A key is not printed, whatever its form.
func TestKeyHidesItself(t *testing.T) {
	key := Key{Secret: testSecret}
	if text := fmt.Sprintf("%v %+v %#v %s", key, key, key, key); strings.Trim(text, "REDACT ") != "" {
		t.Errorf("a key is printed: %s", text)
	}
}
