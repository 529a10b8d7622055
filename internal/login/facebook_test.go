package login_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

const (
	notAccepted  = "Invalid login token. The login provider does not accept it."
	tokenExpired = "Invalid login token. Token is expired."
)

// Only a user's own, living token of the application is a login.
func TestFacebookTokens(t *testing.T) {
	now := logintest.NewClock().Now()
	for name, test := range map[string]struct {
		token             logintest.FacebookToken
		check, withSecret string // refused at; "" is accepted
	}{
		"user":    {logintest.FacebookToken{User: "1"}, "", ""},
		"living":  {logintest.FacebookToken{User: "1", Expires: now.Add(time.Second)}, "", ""},
		"expired": {logintest.FacebookToken{User: "1", Expires: now}, "token at Facebook", "token at Facebook"},
		"withdrawn": {logintest.FacebookToken{User: "1", Withdrawn: true}, "token at Facebook",
			"token at Facebook"},
		"page":        {logintest.FacebookToken{User: "1", Type: "PAGE"}, "token at Facebook", "token type"},
		"system user": {logintest.FacebookToken{User: "1", Type: "SYSTEM_USER"}, "", "token type"},
		"withdrawn page": {logintest.FacebookToken{User: "1", Type: "PAGE", Withdrawn: true}, "token at Facebook",
			"token at Facebook"},
	} {
		t.Run(name, func(t *testing.T) {
			o, api := newFacebook(t)
			test.token.App = facebookApp
			api.AddToken("EAATestedTokenOfFacebook", test.token)

			for secret, check := range map[string]string{"": test.check, facebookSecret: test.withSecret} {
				o.trust.AppSecret = secret
				if check == "" {
					o.accepts(t, "EAATestedTokenOfFacebook")
				} else {
					o.refuses(t, o.trust, "EAATestedTokenOfFacebook", check, notAccepted)
				}
			}
		})
	}

	t.Run("application", func(t *testing.T) {
		o, api := newFacebook(t)
		api.AddApp("777", facebookSecret)
		o.trust.Audiences = []string{"777"}
		o.refuses(t, o.trust, "777|"+facebookSecret, "token at Facebook", notAccepted)
		o.trust.AppSecret = facebookSecret
		o.refuses(t, o.trust, "777|"+facebookSecret, "token type", notAccepted)
	})
}

// The answers of debug_token, member by member.
func TestFacebookDebugToken(t *testing.T) {
	expiry := logintest.NewClock().Now().Unix()
	for name, test := range map[string]struct{ data, check, message string }{
		"numeric IDs": {`"app_id":` + facebookApp + `,"type":"USER","is_valid":true,"expires_at":0,"user_id":` +
			facebookUser, "", ""},
		"text IDs": {`"app_id":"` + facebookApp +
			`","type":"USER","is_valid":true,"expires_at":0,"user_id":"` + facebookUser + `"`, "", ""},
		"is_valid false": {`"app_id":"` + facebookApp +
			`","type":"USER","is_valid":false,"expires_at":0,"user_id":"` + facebookUser + `"`, "token at Facebook",
			notAccepted},
		"expires now": {fmt.Sprintf(`"app_id":"%s","type":"USER","is_valid":true,"expires_at":%d,"user_id":"%s"`,
			facebookApp, expiry, facebookUser), "token expiry", tokenExpired},
		"expires long ago": {fmt.Sprintf(`"app_id":"%s","type":"USER","is_valid":true,"expires_at":1,"user_id":"%s"`,
			facebookApp, facebookUser), "token expiry", tokenExpired},
		"expires soon": {fmt.Sprintf(`"app_id":"%s","type":"USER","is_valid":true,"expires_at":%d,"user_id":"%s"`,
			facebookApp, expiry+1, facebookUser), "", ""},
		"no type": {`"app_id":"` + facebookApp + `","is_valid":true,"expires_at":0,"user_id":"` +
			facebookUser + `"`, "token type", notAccepted},
		"lower-case type": {`"app_id":"` + facebookApp +
			`","type":"user","is_valid":true,"expires_at":0,"user_id":"` + facebookUser + `"`, "token type",
			notAccepted},
		"another user": {`"app_id":"` + facebookApp +
			`","type":"USER","is_valid":true,"expires_at":0,"user_id":"1"`, "token user", notAccepted},
		"no user": {`"app_id":"` + facebookApp + `","type":"USER","is_valid":true,"expires_at":0`,
			"token user", notAccepted},
		"application with 0": {`"app_id":"0` + facebookApp +
			`","type":"USER","is_valid":true,"expires_at":0,"user_id":"1"`, "unavailable", ""},
		"no application": {`"type":"USER","is_valid":true,"expires_at":0,"user_id":"` + facebookUser + `"`,
			"unavailable", ""},
		"no expiry": {`"app_id":"` + facebookApp + `","type":"USER","is_valid":true,"user_id":"` +
			facebookUser + `"`, "unavailable", ""},
		"expiry as text": {`"app_id":"` + facebookApp +
			`","type":"USER","is_valid":true,"expires_at":"0","user_id":"` + facebookUser + `"`, "unavailable", ""},
		"negative expiry": {`"app_id":"` + facebookApp +
			`","type":"USER","is_valid":true,"expires_at":-1,"user_id":"` + facebookUser + `"`, "unavailable", ""},
		"no is_valid": {`"app_id":"` + facebookApp + `","type":"USER","expires_at":0,"user_id":"` +
			facebookUser + `"`, "unavailable", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, api := newFacebook(t)
			o.trust.AppSecret = facebookSecret
			api.Answer(
				byPath(
					map[string]string{"debug_token": `{"data":{` + test.data + `}}`,
						"me": `{"id":"` + facebookUser + `"}`}))

			switch test.check {
			case "":
				if c := o.accepts(t, facebookToken); c.Subject != facebookUser {
					t.Errorf("subject %q", c.Subject)
				}
			case "unavailable":
				o.notAsked(t, facebookToken)
			default:
				o.refuses(t, o.trust, facebookToken, test.check, test.message)
			}
		})
	}
}

// IDs are compared as text: no digit is lost, and no other spelling passes.
func TestFacebookIDs(t *testing.T) {
	for id, want := range map[string]string{
		`"10215241773831025"`: "10215241773831025", `10215241773831025`: "10215241773831025", `"9"`: "9",
		`98765432109876543210`: "98765432109876543210",
		`"01"`:                 "", `"-1"`: "", `1.0`: "", `1e3`: "", `"1 "`: "", `""`: "", `"0"`: "", `0`: "",
		`"１"`: "", `true`: "", `["1"]`: "",
		`"` + strings.Repeat("1", 33) + `"`: "",
	} {
		o, api := newFacebook(t)
		api.Answer(byPath(map[string]string{"app": `{"id":"` + facebookApp + `"}`, "me": `{"id":` + id + `}`}))
		if want == "" {
			o.notAsked(t, facebookToken)
		} else if c := o.accepts(t, facebookToken); c.Subject != want {
			t.Errorf("subject of %s = %q", id, c.Subject)
		}
	}
}

// Errors of the Graph API that are not the token's fault are nobody's refusal.
func TestFacebookErrors(t *testing.T) {
	for code, refusal := range map[int]bool{190: true, 102: true, 2500: true, 100: false, 104: false, 1: false,
		2: false, 4: false, 10: false, 17: false, 32: false, 200: false, 341: false, 613: false} {
		for _, status := range []int{400, 401, 403, 500, 503} {
			o, api := newFacebook(t)
			api.Answer(
				jsonStatus(status,
					fmt.Sprintf(`{"error":{"message":"%s","code":%d,"error_subcode":463}}`, facebookToken, code)))
			if refusal && status < 500 {
				o.refuses(t, o.trust, facebookToken, "token at Facebook", notAccepted)
			} else {
				o.notAsked(t, facebookToken)
			}
		}
	}
}

// With the secret, every call proves that it comes from the application, and
// the token is never in a query but where debug_token takes it.
func TestFacebookSecret(t *testing.T) {
	o, api := newFacebook(t)
	api.RequireProof = true
	if err := o.whyNotAsked(t, facebookToken); !strings.Contains(err.Error(), "104") {
		t.Errorf("%v", err)
	}
	o.trust.AppSecret = "wrong"
	o.notAsked(t, facebookToken)
	o.trust.AppSecret = facebookSecret
	o.accepts(t, facebookToken)

	for _, r := range api.Requests() {
		if strings.Contains(r.URL.RawQuery, facebookSecret) ||
			strings.Contains(r.URL.RawQuery, facebookToken) != strings.HasSuffix(r.URL.Path, "debug_token") {
			t.Errorf("query of %s: %s", r.URL.Path, r.URL.RawQuery)
		}
	}
}

// Limited Login's ID tokens are taken only where the settings say so, and by
// the rules for ID tokens.
func TestFacebookLimitedLogin(t *testing.T) {
	o, api := newFacebook(t)
	issuer := logintest.NewIssuer(t)
	issuer.SetNow(o.Now)
	token := issuer.Token(
		map[string]any{"iss": "https://limited.facebook.com", "aud": facebookApp, "sub": facebookUser})
	o.refuses(t, o.trust, token, "credential form", "Invalid login token. Not a credential of this login provider.")

	o.trust.IDTokens = &idtoken.Rule{Provider: o.trust.Provider,
		Issuers:   []string{"https://www.facebook.com", "https://limited.facebook.com"},
		JWKSURL:   issuer.URL + logintest.KeysPath,
		Audiences: []string{facebookApp}, Policy: outbound.Policy{AllowHTTP: true, AllowPrivate: true}}
	if c := o.accepts(t, token); c.Subject != facebookUser || c.Audience != facebookApp {
		t.Errorf("%+v", c)
	}

	o.refuses(t, o.trust,
		issuer.Token(map[string]any{"iss": "https://limited.facebook.com", "aud": "999", "sub": facebookUser}),
		"token audience", login.MessageWrongAudience)
	o.refuses(t, o.trust,
		issuer.Token(map[string]any{"iss": "https://facebook.com", "aud": facebookApp, "sub": facebookUser}),
		"token issuer", login.MessageIssuerMismatch)

	forger := logintest.NewIssuer(t)
	forger.SetNow(o.Now)
	o.refuses(t, o.trust,
		forger.Token(map[string]any{"iss": "https://limited.facebook.com", "aud": facebookApp, "sub": facebookUser}),
		"signing key", login.MessageBadSignature)
	if n := len(api.Requests()); n != 0 {
		t.Errorf("the Graph API was asked %d times", n)
	}
	o.accepts(t, facebookToken)
}
