package provider

import (
	"slices"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// What the settings say of size and algorithms reaches every trust in ID tokens.
func TestTrustFollowsSettings(t *testing.T) {
	const pool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_A"
	r := New(Options{MaxTokenBytes: 1234,
		WellKnown: map[string]Override{"graph.facebook.com": {LimitedLogin: true}},
		UserPools: map[string]Override{pool: {Algorithms: []string{"ES256"}}}})
	facebook, err := r.Trust(t.Context(),
		identitypool.ProviderConfig{Kind: identitypool.SocialProvider, Name: "graph.facebook.com", AppID: "1"})
	if err != nil || facebook.MaxTokenBytes != 1234 || facebook.IDTokens.MaxTokenBytes != 1234 {
		t.Errorf("Facebook's Limited Login: %+v, %v", facebook.IDTokens, err)
	}

	for name, want := range map[string][]string{pool: {"ES256"}, pool + "B": nil} {
		trust, err := r.Trust(t.Context(),
			identitypool.ProviderConfig{Kind: identitypool.UserPoolProvider, Name: name, ClientIDs: []string{"c"}})
		if err != nil || trust.MaxTokenBytes != 1234 || !slices.Equal(trust.Algorithms, want) {
			t.Errorf("%s: %+v, %v", name, trust, err)
		}
	}
}
