package login_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

const notACredential = "Invalid login token. Not a credential of this login provider."

// The login's value is token;secret and nothing else.
func TestTwitterValue(t *testing.T) {
	o, api := newTwitter(t)
	for _, value := range []string{"", ";", twitterToken, twitterToken + ";", ";" + twitterSecret,
		twitterToken + ";" + twitterSecret + ";", twitterToken + ";;" + twitterSecret,
		";" + twitterToken + ";" + twitterSecret, twitterToken + "; " + twitterSecret,
		twitterToken + ":" + twitterSecret, twitterToken + "；" + twitterSecret,
		twitterToken + `",oauth_token="x;` + twitterSecret, strings.Repeat("a", 513) + ";b", "a;" +
			strings.Repeat("b", 513)} {
		o.refuses(t, o.trust, value, "credential form", notACredential)
	}

	for _, trust := range []login.Trust{
		{},
		{Rule: idtoken.Rule{Audiences: []string{""}}},
		{Rule: idtoken.Rule{Audiences: []string{consumerKey}}},
		{AppSecret: consumerSecret},
		{Rule: idtoken.Rule{Audiences: []string{"a", "b"}}, AppSecret: "c"},
	} {
		trust.Kind, trust.BaseURL, trust.VerifyPath, trust.AllowHTTP, trust.AllowPrivate = login.Twitter, api.URL,
			usersMe, true, true
		o.refuses(t, trust, o.token, "pool application", login.MessageUnsupportedProvider)
	}

	if n := len(api.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// The request is signed with all four values, so each must be the right one.
func TestTwitterSignature(t *testing.T) {
	for name, change := range map[string]func(o *opaque){
		"token":           func(o *opaque) { o.token = "1" + o.token },
		"token's secret":  func(o *opaque) { o.token += "1" },
		"consumer key":    func(o *opaque) { o.trust.Audiences = []string{"1" + consumerKey} },
		"consumer secret": func(o *opaque) { o.trust.AppSecret += "1" },
	} {
		t.Run(name, func(t *testing.T) {
			o, api := newTwitter(t)
			o.accepts(t, o.token) // is remembered, for these four values only
			change(&o)
			o.refuses(t, o.trust, o.token, "token at X", notAccepted)
			o.trust.VerifyPath = oldPath
			o.refuses(t, o.trust, o.token, "token at X", notAccepted)
			if n := len(api.Requests()); n != 3 {
				t.Errorf("%d requests, want 3", n)
			}

			for _, r := range api.Requests() {
				if dump := fmt.Sprint(r.URL, r.Header); strings.Contains(dump, twitterSecret) ||
					strings.Contains(dump, consumerSecret) {
					t.Error("a secret is sent")
				}
			}
		})
	}

	t.Run("odd secrets", func(t *testing.T) { // every byte that the pool's value and a token may have
		o, api := newTwitter(t)
		api.AddConsumer("key/_.-", "se_c/r.e-t")
		api.AddToken("t~o+k=e|n/._-", logintest.TwitterToken{Secret: "s~e+c=r|e/t._-", Consumer: "key/_.-", User: "7"})
		o.trust.Audiences, o.trust.AppSecret = []string{"key/_.-"}, "se_c/r.e-t"
		o.accepts(t, "t~o+k=e|n/._-;s~e+c=r|e/t._-")
	})
}

// A server with a wrong clock is told so; it refuses nobody for it.
func TestTwitterClock(t *testing.T) {
	o, api := newTwitter(t)
	o.trust.VerifyPath = oldPath
	api.SetNow(func() time.Time { return o.Now().Add(time.Hour) })
	if err := o.whyNotAsked(t, o.token); !strings.Contains(err.Error(), "135") {
		t.Errorf("%v", err)
	}
}

// Answers of X, by path, status and code.
func TestTwitterAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		path         string
		status       int
		body         string
		user, reason string // reason "" with user, else the check, or "unavailable"
	}{
		"v2":                      {usersMe, 200, `{"data":{"id":"12","name":"n","username":"u"}}`, "12", ""},
		"v2 number":               {usersMe, 200, `{"data":{"id":12}}`, "", "unavailable"},
		"v2 id elsewhere":         {usersMe, 200, `{"id_str":"12","id":"12"}`, "", "unavailable"},
		"v2 errors":               {usersMe, 200, `{"errors":[{"title":"Not Found Error"}]}`, "", "unavailable"},
		"v2 id that is no number": {usersMe, 200, `{"data":{"id":"1a"}}`, "", "unavailable"},
		"old":                     {oldPath, 200, `{"id":12,"id_str":"12"}`, "12", ""},
		"old with rounded number": {oldPath, 200, `{"id":1269003884292223000,"id_str":"1269003884292222976"}`,
			"1269003884292222976", ""},
		"old number alone":      {oldPath, 200, `{"id":12}`, "", "unavailable"},
		"old with the new form": {oldPath, 200, `{"data":{"id":"12"}}`, "", "unavailable"},
		"401":                   {usersMe, 401, `{"title":"Unauthorized","status":401}`, "", "token at X"},
		"401 with 89": {oldPath, 401, `{"errors":[{"code":89,"message":"Invalid or expired token."}]}`,
			"", "token at X"},
		"400 with 89":  {oldPath, 400, `{"errors":[{"code":89}]}`, "", "token at X"},
		"401 with 135": {oldPath, 401, `{"errors":[{"code":135}]}`, "", "unavailable"},
		"401 with 32":  {oldPath, 401, `{"errors":[{"code":32}]}`, "", "token at X"},
		"403 with 453": {oldPath, 403, `{"errors":[{"code":453}]}`, "", "unavailable"},
		"403 of version 2": {usersMe, 403, `{"title":"Client Forbidden","reason":"client-not-enrolled"}`, "",
			"unavailable"},
		"suspended":                  {oldPath, 403, `{"errors":[{"code":64}]}`, "", "account at X"},
		"402":                        {usersMe, 402, `{"title":"CreditsDepleted"}`, "", "unavailable"},
		"429":                        {usersMe, 429, `{"errors":[{"code":88}]}`, "", "unavailable"},
		"429 with 89":                {usersMe, 429, `{"errors":[{"code":89}]}`, "", "unavailable"},
		"500 with 89":                {usersMe, 500, `{"errors":[{"code":89}]}`, "", "unavailable"},
		"400":                        {usersMe, 400, `{}`, "", "unavailable"},
		"code as text":               {oldPath, 400, `{"errors":[{"code":"89"}]}`, "", "unavailable"},
		"code in the second of them": {oldPath, 403, `{"errors":[{"code":453},{"code":64}]}`, "", "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			o, api := newTwitter(t)
			o.trust.VerifyPath = test.path
			api.Answer(jsonStatus(test.status, test.body))

			switch test.reason {
			case "":
				if c := o.accepts(t, o.token); c.Subject != test.user || c.Audience != consumerKey {
					t.Errorf("%+v", c)
				}
				return
			case "unavailable":
				o.notAsked(t, o.token)
			default:
				o.refuses(t, o.trust, o.token, test.reason, notAccepted)
			}

			if n := len(api.Requests()); n != 1 {
				t.Errorf("%d requests, want 1: none is repeated", n)
			}
			api.Answer(nil)
			if c := o.accepts(t, o.token); c.Subject != twitterUser {
				t.Errorf("%+v", c)
			}
		})
	}
}

// A positive answer is used for five minutes and not longer, under the same
// four values, path and address; a refusal is not kept at all.
func TestTwitterAnswersAreKept(t *testing.T) {
	o, api := newTwitter(t)
	asked := func(want int) {
		t.Helper()
		if n := len(api.Requests()); n != want {
			t.Errorf("%d requests, want %d", n, want)
		}
	}

	first := o.accepts(t, o.token)
	first.All["sub"] = "changed by a caller"
	asked(1)

	for range 10 {
		o.Advance(29 * time.Second)
		if c := o.accepts(t, o.token); c.Subject != twitterUser || c.All["sub"] != twitterUser ||
			c.Audience != consumerKey {
			t.Errorf("%+v", c)
		}
	}

	asked(1)
	o.Advance(10 * time.Second) // 300 s
	api.AddToken(twitterToken, logintest.TwitterToken{})
	o.refuses(t, o.trust, o.token, "token at X", notAccepted)
	asked(2)
	api.AddToken(twitterToken, logintest.TwitterToken{Secret: twitterSecret, Consumer: consumerKey, User: twitterUser})
	o.accepts(t, o.token)
	asked(3)

	o.trust.VerifyPath = oldPath
	o.accepts(t, o.token)
	asked(4)
	o.trust.Provider = "www.digits.com"
	o.accepts(t, o.token)
	asked(5)
	o.trust.CABundle = "another"
	o.notAsked(t, o.token)
}

// Many logins at once: one user's never answers for another's.
func TestTwitterConcurrently(t *testing.T) {
	o, api := newTwitter(t)
	const users = 50
	for n := range users {
		api.AddToken(fmt.Sprintf("%d-token", n),
			logintest.TwitterToken{Secret: fmt.Sprintf("secret%d", n), Consumer: consumerKey,
				User: fmt.Sprint(1000 + n)})
	}

	var group sync.WaitGroup
	for round := range 4 {
		for n := range users {
			group.Go(func() {
				c, err := o.verifier.Verify(t.Context(), o.trust, fmt.Sprintf("%d-token;secret%d", n, n))
				if err != nil || c.Subject != fmt.Sprint(1000+n) {
					t.Errorf("round %d: user %d is %q, %v", round, n, c.Subject, err)
				}
				_, err = o.verifier.Verify(t.Context(), o.trust, fmt.Sprintf("%d-token;secret%d", n, n+1))
				if refused := new(login.Refused); !errors.As(err, &refused) {
					t.Errorf("user %d with another's secret: %v", n, err)
				}
			})
		}
	}
	group.Wait()
}
