package issuer_test

import (
	"bytes"
	"regexp"
	"slices"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// After a restore, the keys that are then made get no ID of a key that the backup lacks: verifiers may
// have cached it. IDs without a hash, as versions before had, are the control.
func TestRestoredKeysGetNewIDs(t *testing.T) {
	for name, tc := range map[string]struct {
		start  func(f *fixture) *issuer.Issuer
		id     string
		reused bool
	}{
		"Cognito tokens": {func(f *fixture) *issuer.Issuer {
			return f.issuer(t, (*issuer.Options).HashKeys)
		}, `^us-east-1\d+-[0-9a-f]{16}$`, false},
		"web identity tokens": {func(f *fixture) *issuer.Issuer {
			return newWebIdentity(t, f, webURL, webID)
		}, `^96e93acfb431-\d+-[0-9a-f]{16}$`, false},
		"the control": {func(f *fixture) *issuer.Issuer { return f.issuer(t) }, `^us-east-1\d+$`, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			publics, reused := map[string][]byte{}, false
			note := func(rows []store.Key) {
				for _, r := range rows {
					if known, ok := publics[r.ID]; ok && !bytes.Equal(known, r.Public) {
						reused = true
					}
					publics[r.ID] = r.Public
					if !regexp.MustCompile(tc.id).MatchString(r.ID) {
						t.Errorf("ID %s", r.ID)
					}
				}
			}

			i := tc.start(f)
			purpose := "signing"
			if name == "web identity tokens" {
				purpose = "web-identity/" + webID
			}
			backup, err := f.store.Keys(t.Context(), purpose)
			if err != nil {
				t.Fatal(err)
			}
			note(backup)
			for range 2 {
				if err := i.Rotate(t.Context()); err != nil {
					t.Fatal(err)
				}
				rows, err := f.store.Keys(t.Context(), purpose)
				if err != nil {
					t.Fatal(err)
				}
				note(rows)

				if _, err := f.store.UpdateKeys(t.Context(), purpose, func([]store.Key) ([]store.Key, error) {
					return slices.Clone(backup), nil
				}); err != nil {
					t.Fatal(err)
				}
				i = tc.start(f)
			}
			if reused != tc.reused {
				t.Errorf("an ID was used for two keys: %t, want %t", reused, tc.reused)
			}
		})
	}
}

// Keys with IDs of versions before stay, sign, and are followed and retired like others.
func TestOldKeyIDs(t *testing.T) {
	f := newFixture(t)
	old := f.sign(t, f.issuer(t), "")
	i := f.issuer(t, (*issuer.Options).HashKeys)
	if got := kid(t, f.sign(t, i, "")); got != "us-east-11" {
		t.Fatalf("%s signs", got)
	}

	if err := i.RotateNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := kid(t, f.sign(t, i, "")); !regexp.MustCompile(`^us-east-1[456]-[0-9a-f]{16}$`).MatchString(got) {
		t.Errorf("%s signs after the rotation", got)
	}
	if _, err := i.Verify(t.Context(), old); err != nil {
		t.Errorf("a token of the old key: %v", err)
	}

	if _, err := i.Retire(t.Context(), "us-east-11"); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Verify(t.Context(), old); err == nil {
		t.Error("a token of the old key is accepted after it was retired")
	}
}
