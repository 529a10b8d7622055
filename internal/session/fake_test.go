package session

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// keyTable is a KeyStore in memory, which several Minters share as nodes share
// a database.
type keyTable struct {
	mu      sync.Mutex
	keys    []store.Key
	reads   int
	writes  int
	broken  error         // what every call answers, when set
	entered chan struct{} // when set, a read announces itself here
	proceed chan struct{} // and waits for this
}

func (k *keyTable) Keys(ctx context.Context, purpose string) ([]store.Key, error) {
	k.mu.Lock()
	entered, proceed := k.entered, k.proceed
	k.mu.Unlock()
	if entered != nil {
		entered <- struct{}{}
		<-proceed
	}

	k.mu.Lock()
	defer k.mu.Unlock()

	k.reads++
	if purpose != keyPurpose {
		return nil, errors.New("another purpose: " + purpose)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}

	return slices.Clone(k.keys), k.broken
}

func (k *keyTable) UpdateKeys(
	_ context.Context, _ string, change func([]store.Key) ([]store.Key, error),
) ([]store.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()

	k.writes++
	if k.broken != nil {
		return nil, k.broken
	}

	changed, err := change(slices.Clone(k.keys))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(changed, func(a, b store.Key) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})

	k.keys = changed

	return slices.Clone(changed), nil
}

func (k *keyTable) count() (keys, reads, writes int) {
	k.mu.Lock()
	defer k.mu.Unlock()

	return len(k.keys), k.reads, k.writes
}

// boundSealer seals nothing, but refuses what it sealed under another master
// key or for another place, as the real one does.
type boundSealer struct{ master string }

func (s boundSealer) prefix(aad string) []byte { return []byte(s.master + " for " + aad + "\x00") }

func (s boundSealer) Seal(plain []byte, aad string) []byte { return append(s.prefix(aad), plain...) }

func (s boundSealer) Open(sealed []byte, aad string) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, s.prefix(aad))
	if !ok {
		return nil, errors.New("sealed under another master key")
	}
	return plain, nil
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.now = c.now.Add(d)
}

func newMinter(t testing.TB, table KeyStore, c *clock) *Minter {
	t.Helper()
	m, err := NewMinter(t.Context(), MinterOptions{Store: table, Sealer: boundSealer{}, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// ordinary is the session of somebody who signed in with a user pool, with five tags.
func ordinary(now time.Time) Session {
	const userPool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEfGhI"

	return Session{
		Account:     "123456789012",
		RoleARN:     roleOf("arn:aws:iam::123456789012:role/service-role/Cognito_WebAppAuth_Role"),
		RoleID:      "AROAABCDEFGHIJKLMNOPQ",
		SessionName: EnhancedFlowName,
		IdentityID:  "us-east-1:99999999-2222-3333-4444-555555555555",
		PoolID:      "us-east-1:11111111-2222-3333-4444-555555555555",
		AMR: []string{
			"authenticated", userPool, userPool + ":CognitoSignIn:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
			"accounts.google.com",
			"accounts.google.com:1234567890-abcdefghijklmnopqrstuvwxyz012345.apps.googleusercontent.com:" +
				"108204268033311374519",
		},
		Tags: map[string]string{
			"username": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "client": "1h57kf5cpq17m0eml12EXAMPLE",
			"department": "Research and Development", "team": "platform", "email": "first.last@department.example.com",
		},
		TransitiveTagKeys: []string{"team"},
		SourceIdentity:    "first.last",
		Provider:          userPool + "," + userPool + ":CognitoSignIn:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
		Region:            "us-east-1",
		Issued:            now,
		Expires:           now.Add(time.Hour),
	}
}

// roleOf reads the ARN of a role; the zero ARN if the text is none.
func roleOf(text string) iam.RoleARN {
	arn, _ := iam.ParseRoleARN(text)
	return arn
}
