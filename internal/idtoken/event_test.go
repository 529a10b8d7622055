package idtoken_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

func TestVerifyEvent(t *testing.T) {
	f := newFixture(t, nil)
	other := logintest.NewKey(t, "RS256")

	event := func(header, claims map[string]any) string {
		return f.issuer.Key().Sign(header, f.issuer.Payload(claims))
	}
	logout := map[string]any{"typ": "logout+jwt"}
	now := f.Now().Unix()
	for name, test := range map[string]struct {
		token string
		types []string
		check string // "" = accepted
	}{
		"plain":              {event(logout, map[string]any{"exp": nil}), nil, ""},
		"type in capitals":   {event(map[string]any{"typ": "Logout+JWT"}, nil), nil, ""},
		"no subject":         {event(logout, map[string]any{"sub": nil, "sid": "s"}), nil, ""},
		"one audience of us": {event(logout, map[string]any{"aud": []string{"other", logintest.Audience}}), nil, ""},
		"no type, accepted":  {event(map[string]any{"typ": nil}, nil), []string{"logout+jwt", ""}, ""},
		"no type":            {event(map[string]any{"typ": nil}, nil), nil, "token type"},
		"an ID token":        {event(nil, nil), nil, "token type"},
		"empty type":         {event(map[string]any{"typ": ""}, nil), []string{"logout+jwt", ""}, "token type"},
		"type of a number":   {event(map[string]any{"typ": 1}, nil), []string{"logout+jwt", ""}, "token type"},
		"an access token":    {event(map[string]any{"typ": "at+jwt"}, nil), []string{"logout+jwt", ""}, "token type"},
		"expired":            {event(logout, map[string]any{"exp": now - 3600}), nil, "token expiry"},
		"expiry as text":     {event(logout, map[string]any{"exp": "1"}), nil, "token times"},
		"from the future":    {event(logout, map[string]any{"iat": now + 3600}), nil, "token times"},
		"foreign issuer":     {event(logout, map[string]any{"iss": "https://evil.example"}), nil, "token issuer"},
		"foreign audience":   {event(logout, map[string]any{"aud": "other"}), nil, "token audience"},
		"no audience":        {event(logout, map[string]any{"aud": nil}), nil, "token audience"},
		"bad subject":        {event(logout, map[string]any{"sub": 1}), nil, "token subject"},
		"events twice": {event(logout, map[string]any{"events": map[string]any{}, "Events": map[string]any{}}),
			nil, "token claims"},
		"Events":      {event(logout, map[string]any{"Events": map[string]any{}}), nil, "token claims"},
		"unknown key": {other.Sign(logout, f.issuer.Payload(nil)), nil, "token signature"},
		"forged": {other.Sign(map[string]any{"typ": "logout+jwt", "kid": f.issuer.Key().ID},
			f.issuer.Payload(nil)), nil, "token signature"},
		"unsigned": {event(map[string]any{"typ": "logout+jwt", "alg": "none"}, nil), nil,
			"signature algorithm"},
		"own key": {event(map[string]any{"typ": "logout+jwt", "jwk": map[string]any{}}, nil), nil,
			"token header"},
	} {
		t.Run(name, func(t *testing.T) {
			types := test.types
			if types == nil {
				types = []string{"logout+jwt"}
			}
			trace := &explain.Trace{}
			c, err := f.verifier.VerifyEvent(explain.NewContext(t.Context(), trace), &f.trust, types, test.token)
			f.noLeak(t, test.token, "", trace)

			var refused *idtoken.Refused
			switch {
			case test.check == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.check == "" && c.Issuer != f.issuer.URL:
				t.Errorf("claims = %+v", c)
			case test.check != "" && (!errors.As(err, &refused) || refused.Reason.Check != test.check || c.All != nil):
				t.Errorf("VerifyEvent = %+v, %v; want a refusal at %q", c, err, test.check)
			}
		})
	}

	// An event token is no login.
	f.refuses(t, f.trust, event(logout, nil), "token type", idtoken.MessageNotOIDC)
	f.issuer.Answer(logintest.KeysPath,
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	f.Advance(48 * time.Hour)
	_, err := f.verifier.VerifyEvent(t.Context(), &f.trust, []string{"logout+jwt"},
		f.issuer.Key().Sign(logout, f.issuer.Payload(nil)))

	var unavailable *idtoken.Unavailable
	if !errors.As(err, &unavailable) {
		t.Errorf("VerifyEvent without the provider's keys = %v, want *Unavailable", err)
	}
}
