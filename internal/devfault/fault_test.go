package devfault

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// rules are the operations of a server with two APIs that share a name.
var rules = Operations{
	"cognito-identity": {"GetId": {"Limit", "Throttled"}, "TagResource": {"Throttled"}},
	"cognito-idp":      {"TagResource": {"Throttled", "NoPool"}},
}

// started returns an engine whose waits end only when the test ends them.
func started() *Engine {
	e := New(func(time.Duration) (<-chan time.Time, func() bool) {
		return make(chan time.Time), func() bool { return true }
	})
	e.Serve(rules, func() {}, nil)
	return e
}

func TestInvalidFaults(t *testing.T) {
	list := []Fault{
		{},
		{Operation: "GetId"},
		{Operation: "GetId", Provider: "*", Answer: Down},
		{Operation: "GetIdd", Error: "Limit"},
		{Operation: "GetId", Error: "NoPool"},
		{Operation: "TagResource", Service: "cognito-identity", Error: "NoPool"},
		{Operation: "TagResource", Service: "iam", Error: "NoPool"},
		{Operation: "GetId", Error: "Limit", Disconnect: BeforeCall},
		{Operation: "GetId", Disconnect: "between"},
		{Operation: "GetId", Delay: MaxDelay + 1},
		{Operation: "GetId", Delay: -1},
		{Operation: "GetId", Delay: 1, Times: -1},
		{Operation: "GetId", Delay: 1, After: MaxCount + 1},
		{Operation: "GetId", Delay: 1, Message: "m"},
		{Operation: "GetId", Error: "Limit", Message: strings.Repeat("m", maxMessage+1)},
		{Operation: "GetId", Delay: 1, Status: 500},
		{Operation: Any, Error: "Unknown"},
		{Provider: "*"},
		{Provider: "*", Answer: "gone"},
		{Provider: "*", Answer: Down, Status: 500},
		{Provider: "*", Answer: BadStatus, Status: 200},
		{Provider: "*", Answer: Down, Error: "Limit"},
		{Provider: strings.Repeat("p", maxName+1), Answer: Down},
		{Database: "some", Error: Unavailable},
		{Database: All},
		{Database: All, Error: ReadOnly},
		{Database: Writes, Error: "Limit"},
		{Database: Writes, Error: Unavailable, Service: "iam"},
	}

	for _, f := range list {
		if _, err := started().Add(f); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	e := started()
	for range MaxFaults {
		if _, err := e.Add(Fault{Operation: "GetId", Error: "Limit"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Add(Fault{Operation: "GetId", Error: "Limit"}); !errors.Is(err, ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
	if ended := e.Clear(); len(ended) != MaxFaults || len(e.List()) != 0 {
		t.Errorf("%d ended", len(ended))
	}
	e.Stop()
	if _, err := e.Add(Fault{Operation: "GetId", Error: "Limit"}); err != nil {
		t.Fatal(err)
	}
	if got := e.Inject(t.Context(), "cognito-identity", "GetId"); got.Code != "" {
		t.Errorf("a stopped engine injects %+v", got)
	}
}

// The oldest fault that is due counts, each exactly as often as it should.
func TestWhichFaultCounts(t *testing.T) {
	e := started()
	for _, f := range []Fault{
		{Operation: "TagResource", Service: "cognito-idp", Error: "NoPool", Times: 1},
		{Operation: Any, Error: "Limit", After: 1, Times: 2},
		{Operation: "GetId", Error: "Throttled", Times: 1},
	} {
		if _, err := e.Add(f); err != nil {
			t.Fatal(err)
		}
	}

	var got []string
	for _, call := range []string{
		"cognito-identity TagResource", "cognito-idp TagResource", "cognito-idp TagResource",
		"cognito-identity GetId", "cognito-identity GetId", "cognito-identity GetId", "cognito-identity GetId",
	} {
		service, operation, _ := strings.Cut(call, " ")
		n := e.Inject(t.Context(), service, operation)
		got = append(got, n.Code+" "+n.Fault)
	}
	want := []string{" ", "NoPool fault-1", " ", "Throttled fault-3", "Limit fault-2", "Limit fault-2", " "}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestExactlyTimes(t *testing.T) {
	e := started()
	fault, err := e.Add(Fault{Operation: "GetId", Disconnect: AfterCall, After: 20, Times: 50})
	if err != nil {
		t.Fatal(err)
	}

	var group sync.WaitGroup
	cuts := make(chan awsapi.Cut, 1000)
	for range 100 {
		group.Go(func() {
			for range 10 {
				cuts <- e.Inject(t.Context(), "cognito-identity", "GetId").Cut
			}
		})
	}
	group.Wait()
	close(cuts)

	n := 0
	for cut := range cuts {
		if cut == awsapi.CutAfter {
			n++
		}
	}
	if now, err := e.Get(fault.ID); n != 50 || err != nil || now.Hits != 50 {
		t.Errorf("%d cuts, %+v, %v", n, now, err)
	}
}

// Whoever waits because of a fault goes on when the fault or its own context ends, and when faults are held.
func TestWaitsEnd(t *testing.T) {
	for name, end := range map[string]func(e *Engine, id string, cancel func()){
		"deleted":  func(e *Engine, id string, _ func()) { _, _ = e.Delete(id) },
		"cleared":  func(e *Engine, _ string, _ func()) { e.Clear() },
		"stopped":  func(e *Engine, _ string, _ func()) { e.Stop() },
		"held":     func(e *Engine, _ string, _ func()) { e.Hold() },
		"canceled": func(_ *Engine, _ string, cancel func()) { cancel() },
	} {
		waiting := make(chan struct{})
		e := New(func(time.Duration) (<-chan time.Time, func() bool) {
			close(waiting)
			return make(chan time.Time), func() bool { return true }
		})
		fault, err := e.Add(Fault{Operation: "GetId", Delay: MaxDelay})
		if err != nil {
			t.Fatal(err)
		}

		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			e.Inject(ctx, "cognito-identity", "GetId")
		}()
		<-waiting
		select {
		case <-ended:
			t.Errorf("%s: nobody waits", name)
		default:
		}
		end(e, fault.ID, cancel)
		<-ended // otherwise the test never ends
		cancel()
	}
}

// While faults are held none comes true. Then they do as before, with their hits.
func TestHold(t *testing.T) {
	e := started()
	if _, err := e.Add(Fault{Operation: "GetId", Error: "Limit", Times: 1}); err != nil {
		t.Fatal(err)
	}
	inject := func() string { return e.Inject(t.Context(), "cognito-identity", "GetId").Code }

	release := e.Hold()
	if got := inject(); got != "" {
		t.Errorf("a held fault answers %q", got)
	}
	release()
	if got := []string{inject(), inject()}; got[0] != "Limit" || got[1] != "" {
		t.Errorf("afterwards: %q", got)
	}
}

func TestProviderAddresses(t *testing.T) {
	for _, test := range []struct {
		provider, address string
		want              bool
	}{
		{"accounts.google.com", "https://accounts.google.com/.well-known/openid-configuration", true},
		{"accounts.google.com", "https://ACCOUNTS.google.com/x", true},
		{"accounts.google.com", "https://accounts.google.com.evil.example/x", false},
		{"127.0.0.1:4599/dev-issuer", "http://127.0.0.1:4599/dev-issuer/jwks", true},
		{"127.0.0.1:4599/dev-issuer", "http://127.0.0.1:4599/dev-issuers/jwks", false},
		{"127.0.0.1:4599/dev-issuer", "http://127.0.0.1:4599/", false},
		{"cognito-idp.us-east-1.amazonaws.com/us-east-1_abc", "http://127.0.0.1:4599/us-east-1_Abc/jwks", true},
		{"cognito-idp.us-east-1.amazonaws.com/us-east-1_abc", "http://127.0.0.1:4599/us-east-1_Abcd/x", false},
	} {
		address, err := url.Parse(test.address)
		if err != nil {
			t.Fatal(err)
		}

		if got := isAt(test.provider, address); got != test.want {
			t.Errorf("%s at %s: %t", test.provider, test.address, got)
		}
	}
}

// The keys of a provider may be at another host than its discovery document.
func TestForeignKeysFollowDiscovery(t *testing.T) {
	e := started()
	added, err := e.Add(Fault{Provider: "id.example", Answer: ForeignKeys, Times: 1})
	if err != nil {
		t.Fatal(err)
	}
	discovery, _ := url.Parse("https://id.example/.well-known/openid-configuration")
	keys, _ := url.Parse("https://cdn.example/keys")
	if e.Provider(keys) != nil {
		t.Error("the fault is about another host from the start")
	}
	document := `{"issuer":"https://id.example","jwks_uri":"https://cdn.example/keys"}`
	if got := e.Provider(discovery).Alter([]byte(document)); string(got) != document {
		t.Errorf("the discovery document became %s", got)
	}
	if f, err := e.Get(added.ID); f.Hits != 0 || err != nil {
		t.Errorf("a document without keys is a hit: %+v, %v", f, err)
	}

	if e.Provider(keys) == nil {
		t.Error("the fault is not about the keys")
	}
	if e.Provider(keys) != nil {
		t.Error("the fault comes true twice")
	}
}

// Foreign keys are good keys of the same kinds and IDs, but others.
func TestForeignKeys(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	for id, key := range map[string]any{"r": private.Public(), "e": curve.Public(), "o": edwards} {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key, KeyID: id, Use: "sig"})
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}

	var altered jose.JSONWebKeySet
	if got, isKeySet := foreign(text); !isKeySet || json.Unmarshal(got, &altered) != nil {
		t.Fatalf("%s, %v", got, isKeySet)
	}
	for n, key := range altered.Keys {
		own, _ := set.Keys[n].MarshalJSON()
		other, _ := key.MarshalJSON()
		if key.KeyID != set.Keys[n].KeyID || !key.Valid() || string(own) == string(other) {
			t.Errorf("%s became %s", own, other)
		}
	}
	for _, same := range []string{`{"issuer":"a"}`, `no JSON`, `[]`, `{"keys":1}`} {
		if got, isKeySet := foreign([]byte(same)); string(got) != same || isKeySet {
			t.Errorf("%s became %s, %v", same, got, isKeySet)
		}
	}
}
