package sigv4

import (
	"fmt"
	"testing"
)

func TestKeyCache(t *testing.T) {
	var c keyCache
	scope := Scope{AccessKeyID: testKey, Date: "20261123", Region: "r", Service: "s", terminator: terminator}
	used := newKeyID(testSecret, scope)
	c.put(used, SigningKey{1})
	for i := range 20 * keysPerGeneration {
		s := scope
		s.Region = fmt.Sprint(i)
		c.put(newKeyID(testSecret, s), SigningKey{2})
		if k, ok := c.get(used); !ok || k != (SigningKey{1}) {
			t.Fatalf("a key in use is gone after %d others", i)
		}
		if n := len(c.young) + len(c.old); n > 2*keysPerGeneration {
			t.Fatalf("the cache holds %d keys", n)
		}
	}
	if _, ok := c.get(newKeyID(testSecret, scope)); !ok {
		t.Error("the same facts have another ID")
	}
	for _, other := range []Scope{
		{"AKIDPOOLHOUSETES", "T20261123", "r", "s", terminator},
		{testKey, "20261124", "r", "s", terminator},
		{testKey, "20261123", "rs", "", terminator},
		{testKey, "20261123", "r", "t", terminator},
	} {
		if newKeyID(testSecret, other) == used {
			t.Errorf("%v has the key of %v", other, scope)
		}
	}
	if newKeyID(testSecret+"x", scope) == used {
		t.Error("another secret has the same key")
	}
}

// TestOnlyVerifiedKeysAreCached: who has no secret cannot push the keys of others out.
func TestOnlyVerifiedKeysAreCached(t *testing.T) {
	v := newVerifier()
	for i := range 100 {
		d := newDraft()
		d.secret, d.region = "x", fmt.Sprint("r", i)
		r, body := d.request()
		if _, err := v.Verify(r, body, "cognito-identity"); err == nil {
			t.Fatal("a wrong secret verifies")
		}
	}
	if n := len(v.keys.young) + len(v.keys.old); n != 0 {
		t.Errorf("%d keys are cached after refusals alone", n)
	}
	for range 3 {
		r, body := newDraft().request()
		if _, err := v.Verify(r, body, "cognito-identity"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(v.keys.young) + len(v.keys.old); n != 1 {
		t.Errorf("%d keys are cached after three requests with one", n)
	}
}
