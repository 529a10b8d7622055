package webidentity_test

import (
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

// The ID begins key IDs, which are in the headers of tokens as they are.
func TestProfileNeedsAUUID(t *testing.T) {
	for _, id := range []string{`x","alg":"none`, "123456789012", "../x", ""} {
		if p, err := webidentity.Profile(id); err == nil {
			t.Errorf("%q is accepted: %+v", id, p)
		}
	}

	p, err := webidentity.Profile("5f3c7d12-8a0b-4c1d-9e2f-96e93acfb431")
	if err != nil || p.KeyIDs != "96e93acfb431-" || p.Purpose != "web-identity/5f3c7d12-8a0b-4c1d-9e2f-96e93acfb431" {
		t.Errorf("%+v, %v", p, err)
	}
	if got := strings.Join(p.Claims, " "); got != "aud sub https://sts.amazonaws.com/ iss exp iat jti" {
		t.Errorf("the claims are %s", got)
	}
}
