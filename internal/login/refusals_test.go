package login_test

import (
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// everyRefusal has a case for each reason of login.Refusals. A case changes the provider,
// and returns the credential to send.
var everyRefusal = map[explain.Code]func(t *testing.T) (opaque, string){
	"provider-answer": func(t *testing.T) (opaque, string) {
		o, api := newAmazon(t)
		api.Answer(jsonStatus(503, `{}`))
		return o, amazonToken
	},
	"credential-form-empty": func(t *testing.T) (opaque, string) {
		o, _ := newAmazon(t)
		return o, ""
	},
	"credential-form-text": func(t *testing.T) (opaque, string) {
		o, _ := newAmazon(t)
		return o, amazonToken + " "
	},
	"credential-form-pair": func(t *testing.T) (opaque, string) {
		o, _ := newTwitter(t)
		return o, twitterToken
	},
	"credential-form-limited-login": func(t *testing.T) (opaque, string) {
		o, _ := newFacebook(t)
		return o, "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
	},
	"token-application": func(t *testing.T) (opaque, string) {
		o, _ := newAmazon(t)
		o.trust.Audiences = []string{"amzn1.application-oa2-client.other"}
		return o, amazonToken
	},
	"token-expiry-provider": func(t *testing.T) (opaque, string) {
		o, api := newAmazon(t)
		api.Answer(jsonText(`{"aud":"` + amazonClient + `","user_id":"u","exp":0}`))
		return o, amazonToken
	},
	"token-at-amazon": func(t *testing.T) (opaque, string) {
		o, _ := newAmazon(t)
		return o, amazonToken + "1"
	},
	"token-at-facebook": func(t *testing.T) (opaque, string) {
		o, _ := newFacebook(t)
		return o, facebookToken + "1"
	},
	"token-at-facebook-invalid": func(t *testing.T) (opaque, string) {
		return debugged(t, `"app_id":"`+facebookApp+`","type":"USER","is_valid":false`)
	},
	"token-type-facebook": func(t *testing.T) (opaque, string) {
		return debugged(t, `"app_id":"`+facebookApp+`","type":"PAGE","is_valid":true`)
	},
	"token-user": func(t *testing.T) (opaque, string) {
		return debugged(t, `"app_id":"`+facebookApp+`","type":"USER","is_valid":true,"expires_at":0,"user_id":"1"`)
	},
	"pool-application": func(t *testing.T) (opaque, string) {
		o, _ := newTwitter(t)
		o.trust.AppSecret = ""
		return o, o.token
	},
	"token-at-x": func(t *testing.T) (opaque, string) {
		o, _ := newTwitter(t)
		return o, "1" + o.token
	},
	"account-at-x": func(t *testing.T) (opaque, string) {
		o, api := newTwitter(t)
		api.AddToken(twitterToken, logintest.TwitterToken{
			Secret:    twitterSecret,
			Consumer:  consumerKey,
			User:      twitterUser,
			Suspended: true,
		})
		o.trust.VerifyPath = oldPath
		return o, o.token
	},
}

// debugged is a Facebook whose debug_token answers with data.
func debugged(t *testing.T, data string) (opaque, string) {
	o, api := newFacebook(t)
	o.trust.AppSecret = facebookSecret
	api.Answer(byPath(map[string]string{
		"debug_token": `{"data":{` + data + `}}`,
		"me":          `{"id":"` + facebookUser + `"}`,
	}))

	return o, facebookToken
}

// Each reason of the catalogue has a case that leads to it, in which one step of the trace
// names the provider, the check, what was expected, what came, and what to do.
func TestEveryRefusalExplains(t *testing.T) {
	for _, reason := range login.Refusals {
		t.Run(string(reason.Code), func(t *testing.T) {
			prepare, known := everyRefusal[reason.Code]
			if !known {
				t.Fatal("no case leads to this reason")
			}
			o, credential := prepare(t)
			_, trace, err := o.verify(t, o.trust, credential)
			if err == nil {
				t.Fatal("accepted")
			}

			var failed []explain.Step
			for _, step := range trace.Steps() {
				if !step.OK {
					failed = append(failed, step)
				}
			}
			if len(failed) != 1 || failed[0].Code != reason.Code {
				t.Fatalf("failed steps: %+v", failed)
			}
			step := failed[0]
			if step.Provider != o.trust.Provider || step.Check != reason.Check {
				t.Errorf("provider %q, check %q", step.Provider, step.Check)
			}
			for _, text := range []string{step.Expected, step.Got, step.Fix} {
				if text == "" || strings.ContainsAny(text, "{}") {
					t.Errorf("the step is not complete: %+v", step)
				}
			}
			o.noSecret(t, step.Expected+step.Got+step.Fix+err.Error())
		})
	}

	if len(everyRefusal) != len(login.Refusals) {
		t.Errorf("%d cases for %d reasons", len(everyRefusal), len(login.Refusals))
	}
}
