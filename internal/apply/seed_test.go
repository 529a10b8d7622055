package apply_test

import (
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// TestSectionsOfSeeds checks that only seeds have users and identities: elsewhere they would be
// left out without a word.
func TestSectionsOfSeeds(t *testing.T) {
	for _, section := range []string{"Users: {}", "Identities: []"} {
		text := "Resources: {}\n" + section + "\n"
		name, _, _ := strings.Cut(section, ":")
		want := "line 2: the section " + name + " is for files of `poolhouse dev --seed` only"
		if _, err := apply.Read([]byte(text), apply.ReadOptions{}); err == nil || err.Error() != want {
			t.Errorf("the error is %v, want %s", err, want)
		}
		if _, err := apply.ReadSeed([]byte(text), apply.ReadOptions{}); err != nil {
			t.Errorf("the seed: %v", err)
		}
	}

	// Nor does an ordinary file know the built-in issuer.
	const pool = readPool + "      OpenIdConnectProviderARNs: [!Ref Poolhouse::DevProviderArn]\n"
	if _, err := apply.Read([]byte(pool), apply.ReadOptions{}); err == nil || !strings.Contains(err.Error(),
		`unknown resource "Poolhouse::DevProviderArn"`) {
		t.Errorf("the error is %v", err)
	}
	if _, err := apply.ReadSeed([]byte(pool), apply.ReadOptions{}); err != nil {
		t.Errorf("the seed: %v", err)
	}
}
