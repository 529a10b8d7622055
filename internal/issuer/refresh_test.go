package issuer_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

func TestRestartKeepsKeys(t *testing.T) {
	f := newFixture(t)
	path := filepath.Join(t.TempDir(), "poolhouse.db")
	first := openStore(t, path)
	f.store = first
	before := f.issuer(t)
	token := f.sign(t, before, "")
	published, _ := fetch(t, before)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	f.store = openStore(t, path)
	after := f.issuer(t)
	if _, err := after.Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
	if again, _ := fetch(t, after); !slices.Equal(kids(published), kids(again)) {
		t.Errorf("published %v, after a restart %v", kids(published), kids(again))
	}
}

// Nodes that start together on one empty database end with one set of keys:
// each has its own connection to it, as processes do.
func TestConcurrentFirstStart(t *testing.T) {
	f := newFixture(t)
	path := filepath.Join(t.TempDir(), "poolhouse.db")
	nodes := make([]*issuer.Issuer, 4)
	for n := range nodes {
		f.store = openStore(t, path)
		o := f.options(func(o *issuer.Options) { o.Background = true })
		i, err := issuer.New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		nodes[n] = i
	}

	tokens := make([]string, len(nodes))
	var group sync.WaitGroup
	for n, node := range nodes {
		group.Go(func() { tokens[n], _ = node.Sign(t.Context(), issuer.Algorithms[n%3], f.claims()) })
	}
	group.Wait()

	for _, node := range nodes {
		for _, token := range tokens {
			if _, err := node.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		}
	}

	if rows, err := f.store.Keys(t.Context(), "signing"); err != nil || len(rows) != 3 {
		t.Errorf("%d keys, %v", len(rows), err)
	}
}

// New returns while keys are being made; who needs one waits, but not beyond
// its own deadline.
func TestBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixtureInMemory(t)
		begin := make(chan struct{})
		i := f.issuer(t, func(o *issuer.Options) {
			o.Background = true
			o.SetGenerate(func(algorithm string) (crypto.Signer, error) {
				<-begin
				return ready.generate(algorithm)
			})
		})

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		if _, err := i.Sign(ctx, "", f.claims()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Sign without a key: %v", err)
		}
		if _, err := i.Verify(ctx, "x.y.z"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Verify without a key: %v", err)
		}

		var token string
		var err error
		signed := make(chan struct{})
		go func() {
			defer close(signed)

			token, err = i.Sign(t.Context(), "", f.claims())
		}()

		synctest.Wait()

		select {
		case <-signed:
			t.Fatalf("signed without a key: %q, %v", token, err)
		default:
		}

		close(begin)
		<-signed
		if err != nil {
			t.Fatal(err)
		}
		if _, err := i.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
	})
}

// A start in the background that fails is tried again, but not by every request.
func TestBackgroundFailure(t *testing.T) {
	f := newFixtureInMemory(t)
	m := f.store.(*memory)
	m.setDown(errDown)

	i := f.issuer(t, func(o *issuer.Options) { o.Background = true })
	for range 20 {
		if _, err := i.Sign(t.Context(), "", f.claims()); !errors.Is(err, errDown) {
			t.Fatal(err)
		}
	}
	if m.reads != 2 { // at the start, and in the background
		t.Errorf("the database was asked %d times", m.reads)
	}
	m.setDown(nil)
	f.clock.advance(time.Minute)
	f.sign(t, i, "")
}

// Run takes up a rotation of the command line before its keys sign, and stops
// with its context.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixtureInMemory(t)
		own := func(o *issuer.Options) { o.Now = nil } // the bubble's clock

		node, other := f.issuer(t, own), f.issuer(t, own)
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)

			node.Run(ctx)
		}()

		if err := other.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if set, _ := fetch(t, node); len(set.Keys) != 3 {
			t.Fatalf("%d keys are published before anybody looked", len(set.Keys))
		}

		<-time.After(time.Minute + time.Second) // fake time
		synctest.Wait()
		if set, _ := fetch(t, node); len(set.Keys) != 6 {
			t.Errorf("%d keys are published a minute later, want 6", len(set.Keys))
		}

		// Without the store, the hand-over still happens: by the clock.
		f.store.(*memory).setDown(errDown)
		<-time.After(time.Hour - 2*time.Minute)
		c := issuer.Claims{Subject: "s", Audience: "a", IssuedAt: time.Now(), Expires: time.Now().Add(time.Minute)}
		before, err := node.Sign(t.Context(), "", c)
		if err != nil {
			t.Fatal(err)
		}

		<-time.After(time.Minute)
		after, err := node.Sign(t.Context(), "", c)
		if err != nil {
			t.Fatal(err)
		}
		if kid(t, before) != "us-east-11" || kid(t, after) != "us-east-14" {
			t.Errorf("signed by %s, then by %s", kid(t, before), kid(t, after))
		}
		cancel()
		<-stopped
	})
}

// A node whose Run stood still, on a suspended machine for one, reads the keys
// before it uses or publishes them.
func TestStaleKeysAreRead(t *testing.T) {
	f := newFixture(t)
	node, other := f.issuer(t), f.issuer(t)
	if err := other.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.clock.advance(3 * time.Hour)
	if got, want := kid(t, f.sign(t, node, "")), kid(t, f.sign(t, other, "")); got != want {
		t.Errorf("signed by %s, want %s", got, want)
	}

	idle := f.issuer(t)
	f.clock.advance(time.Hour)
	if err := other.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if set, _ := fetch(t, idle); len(set.Keys) != 9 {
		t.Errorf("%d keys are published, want 9", len(set.Keys))
	}
}

// slowKeys is a store whose reads wait for leave, once there is a channel for it.
type slowKeys struct {
	issuer.KeyStore
	leave chan struct{}
}

func (s *slowKeys) Keys(ctx context.Context, purpose string) ([]store.Key, error) {
	if s.leave != nil {
		<-s.leave
	}
	return s.KeyStore.Keys(ctx, purpose)
}

// The first calls after a suspension come at once: those that do not read the keys wait
// for who does, also when that began before the clock moved.
func TestCallsAfterASuspensionWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixtureInMemory(t)
		slow := &slowKeys{KeyStore: f.store}
		i := f.issuer(t, func(o *issuer.Options) { o.Store = slow })
		f.clock.advance(20 * time.Minute)
		slow.leave = make(chan struct{})
		failures := make(chan error, 5)

		call := func() {
			_, err := i.Sign(t.Context(), issuer.ES256, f.claims())
			failures <- err
		}
		go call() // it reads, as of now
		synctest.Wait()
		f.clock.advance(3 * time.Hour)

		for range cap(failures) - 1 {
			go call()
		}
		synctest.Wait()
		close(slow.leave)

		for n := range cap(failures) {
			if err := <-failures; err != nil {
				t.Errorf("call %d: %v", n, err)
			}
		}
	})
}

// Without the database a node goes on with the keys that it has, has nobody
// keep them, and stops signing before they can be wrong.
func TestStoreDown(t *testing.T) {
	f := newFixtureInMemory(t)
	m := f.store.(*memory)
	var logged bytes.Buffer
	i := f.issuer(t, func(o *issuer.Options) { o.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
	published, maxAge := fetch(t, i)
	if maxAge != issuer.MaxCached {
		t.Errorf("max-age %s", maxAge)
	}

	m.setDown(errDown)
	f.clock.advance(15 * time.Minute)
	f.sign(t, i, "")

	for range 100 {
		w := httptest.NewRecorder()
		i.JWKSHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, issuer.JWKSPath, nil))
		if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-cache" {
			t.Fatalf("%d, Cache-Control %q", w.Code, w.Header().Get("Cache-Control"))
		}
	}

	if set, _ := fetch(t, i); !slices.Equal(kids(set), kids(published)) {
		t.Errorf("published %v", kids(set))
	}
	if m.reads != 1 || strings.Count(logged.String(), errDown.Error()) != 1 {
		t.Errorf("the database was asked %d times; log:\n%s", m.reads, &logged)
	}

	f.clock.advance(45*time.Minute - time.Second)
	token := f.sign(t, i, "")
	f.clock.advance(time.Second)
	if _, err := i.Sign(t.Context(), "", f.claims()); err == nil ||
		!strings.Contains(err.Error(), "2026-03-01T12:00:00Z") {
		t.Errorf("signed with keys that are an hour old: %v", err)
	}
	if _, err := i.Verify(t.Context(), token); err == nil || errors.Is(err, issuer.ErrNotOurs) {
		t.Errorf("a token whose key may have been retired by now: %v", err)
	}

	m.setDown(nil)
	f.clock.advance(time.Minute)
	f.sign(t, i, "")
	if _, maxAge := fetch(t, i); maxAge != issuer.MaxCached {
		t.Errorf("max-age %s after the database is back", maxAge)
	}
}

// Refresh, Rotate, Sign and Verify at the same time (for the race detector, and
// no reading of older keys may replace a newer one).
func TestConcurrentUse(t *testing.T) {
	f := newFixture(t)
	i := f.issuer(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 10 {
				if err := i.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
				token, err := i.Sign(t.Context(), issuer.ES256, f.claims())
				if err != nil {
					t.Error(err)
				}
				if _, err := i.Verify(t.Context(), token); err != nil {
					t.Error(err)
				}
			}
		})
	}

	if err := i.Rotate(t.Context()); err != nil {
		t.Error(err)
	}
	if set, _ := fetch(t, i); len(set.Keys) != 6 {
		t.Errorf("%d keys are published after a rotation", len(set.Keys))
	}
	group.Wait()
}

func TestOptionsRefused(t *testing.T) {
	f := newFixture(t)
	for name, test := range map[string]struct {
		change func(*issuer.Options)
		want   string
	}{
		"no store":  {func(o *issuer.Options) { o.Store = nil }, "store"},
		"no sealer": {func(o *issuer.Options) { o.Sealer = nil }, "sealer"},
		"algorithm": {func(o *issuer.Options) { o.Algorithm = "HS256" },
			`"HS256" is not known: use RS512, RS256, ES256`},
		"region":             {func(o *issuer.Options) { o.Region = `us"east` }, "region"},
		"no region":          {func(o *issuer.Options) { o.Region = "" }, "region"},
		"short delay":        {func(o *issuer.Options) { o.PublishDelay = time.Second }, "at least 4s"},
		"negative delay":     {func(o *issuer.Options) { o.PublishDelay = -time.Hour }, "at least 4s"},
		"rare refresh":       {func(o *issuer.Options) { o.RefreshEvery = 16 * time.Minute }, "at most 5s"},
		"negative refresh":   {func(o *issuer.Options) { o.RefreshEvery = -1 }, "not possible"},
		"long tokens":        {func(o *issuer.Options) { o.TokenLifetime = 25 * time.Hour }, "24h0m0s"},
		"URL without scheme": {func(o *issuer.Options) { o.URL = "id.example" }, "absolute"},
		"no URL":             {func(o *issuer.Options) { o.URL = "" }, "absolute"},
		"URL with a slash":   {func(o *issuer.Options) { o.URL = "https://id.example/" }, "write https://id.example"},
		"URL with a query":   {func(o *issuer.Options) { o.URL = "https://id.example?a=b" }, "query"},
		"URL with a name":    {func(o *issuer.Options) { o.URL = "https://me@id.example" }, "user"},
		"URL not in ASCII":   {func(o *issuer.Options) { o.URL = "https://pökal.example" }, "ASCII"},
		"file URL":           {func(o *issuer.Options) { o.URL = "file:///etc" }, "absolute"},
	} {
		if _, err := issuer.New(t.Context(), f.options(test.change)); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}

	if rows, err := f.store.Keys(t.Context(), "signing"); err != nil || len(rows) != 0 {
		t.Errorf("%d keys were made, %v", len(rows), err)
	}
	f.issuer(t, func(o *issuer.Options) { o.URL = "http://localhost:4300/a/b" })
}
