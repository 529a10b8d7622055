package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestDevRotateKey checks that the new key signs first, and that the one before stays published.
func TestDevRotateKey(t *testing.T) {
	p := launch(t, "dev", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"))
	url, _ := firstLines(t, p)
	published := func() (ids []string) {
		answer, err := http.Get(url + "/dev-issuer/jwks")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var set struct {
			Keys []struct {
				ID string `json:"kid"`
			} `json:"keys"`
		}
		if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
			t.Fatal(err)
		}
		for _, key := range set.Keys {
			ids = append(ids, key.ID)
		}
		return ids
	}

	before := published()
	out, err := run1(t, "dev", "rotate-key", "--endpoint", url)
	if err != nil {
		t.Fatal(out, err)
	}
	after := published()
	if len(before) != 1 || len(after) != 2 || after[0] != strings.TrimSpace(out) || after[1] != before[0] {
		t.Errorf("printed %q; published %q before, %q after", out, before, after)
	}
	ends(t, p)
}
