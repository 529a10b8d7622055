package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
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

// The chunks of the example in the S3 API reference, "Authenticating requests:
// using the Authorization header (chunked upload)".
func TestSigningKeyOfChunks(t *testing.T) {
	key := DeriveSigningKey("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1", "s3")
	previous := "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
	for _, chunk := range []struct {
		data, signature string
	}{
		{strings.Repeat("a", 65536), "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"},
		{strings.Repeat("a", 1024), "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"},
		{"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"},
	} {
		sum := sha256.Sum256([]byte(chunk.data))
		mac := hmac.New(sha256.New, key[:])
		mac.Write([]byte("AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n" +
			previous + "\n" + emptyHash + "\n" + hex.EncodeToString(sum[:])))
		if previous = hex.EncodeToString(mac.Sum(nil)); previous != chunk.signature {
			t.Errorf("chunk of %d bytes: %s, want %s", len(chunk.data), previous, chunk.signature)
		}
	}
}
