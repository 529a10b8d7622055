package login_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// newOpaque returns a fixture without an issuer, for trust.
func newOpaque(tb testing.TB, trust login.Trust, change ...func(*outbound.Options)) *fixture {
	tb.Helper()
	f := &fixture{Clock: logintest.NewClock(), log: &logintest.Log{}, trust: trust}
	f.trust.Provider, f.trust.AllowHTTP, f.trust.AllowPrivate = "provider.test", true, true

	o := outbound.Options{Now: f.Now,
		Logger: slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, c := range change {
		c(&o)
	}
	f.client = outbound.New(o)
	tb.Cleanup(f.client.Close)
	f.verifier = login.New(f.client, login.Options{Now: o.Now, Logger: o.Logger})

	return f
}

// opaque is one provider of access tokens with a token that it knows.
type opaque struct {
	*fixture
	api   *logintest.API
	token string
	paths []string // what is asked for one login
}

const (
	facebookApp    = "1234567890123456"
	facebookSecret = "canary-app-secret-f00d"
	facebookToken  = "EAACanaryFacebookAccessToken"
	facebookUser   = "10215241773831025"
	amazonClient   = "amzn1.application-oa2-client.1111"
	amazonApp      = "amzn1.application.2222"
	amazonToken    = "Atza|IwEBCanaryAmazonAccessToken-_9"
	amazonUser     = "amzn1.account.AGHNXYZ"
	consumerKey    = "xvz1evFS4wEEPTGEFPHBog"
	consumerSecret = "canaryConsumerSecret0123456789"
	twitterToken   = "370773112-CanaryTwitterToken"
	twitterSecret  = "CanaryTwitterTokenSecret01"
	twitterUser    = "1269003884292222976"
	usersMe        = "/2/users/me"
	oldPath        = "/1.1/account/verify_credentials.json"
)

func newFacebook(tb testing.TB, change ...func(*outbound.Options)) (opaque, *logintest.Facebook) {
	api := logintest.NewFacebook(tb)
	api.AddApp(facebookApp, facebookSecret)
	api.AddToken(facebookToken, logintest.FacebookToken{App: facebookApp, User: facebookUser})
	f := newOpaque(tb,
		login.Trust{Kind: login.Facebook, Rule: idtoken.Rule{Audiences: []string{facebookApp}}, BaseURL: api.URL,
			APIVersion: "v25.0"}, change...)
	api.SetNow(f.Now)
	return opaque{f, &api.API, facebookToken, []string{"/v25.0/app", "/v25.0/me"}}, api
}

func newAmazon(tb testing.TB, change ...func(*outbound.Options)) (opaque, *logintest.Amazon) {
	api := logintest.NewAmazon(tb)
	f := newOpaque(tb,
		login.Trust{Kind: login.Amazon, Rule: idtoken.Rule{Audiences: []string{amazonClient}}, BaseURL: api.URL,
			VerifyPath: "/auth/o2/tokeninfo"}, change...)
	api.SetNow(f.Now)
	api.AddToken(amazonToken,
		logintest.AmazonToken{Client: amazonClient, App: amazonApp, User: amazonUser,
			Expires: f.Now().Add(24 * time.Hour)})

	return opaque{f, &api.API, amazonToken, []string{"/auth/o2/tokeninfo"}}, api
}

func newTwitter(tb testing.TB, change ...func(*outbound.Options)) (opaque, *logintest.Twitter) {
	api := logintest.NewTwitter(tb)
	api.AddConsumer(consumerKey, consumerSecret)
	api.AddToken(twitterToken, logintest.TwitterToken{Secret: twitterSecret, Consumer: consumerKey, User: twitterUser})
	f := newOpaque(tb,
		login.Trust{Kind: login.Twitter, Rule: idtoken.Rule{Audiences: []string{consumerKey}},
			AppSecret: consumerSecret, BaseURL: api.URL, VerifyPath: usersMe}, change...)
	api.SetNow(f.Now)
	return opaque{f, &api.API, twitterToken + ";" + twitterSecret, []string{usersMe}}, api
}

// eachOpaque runs test for every provider of access tokens.
func eachOpaque(t *testing.T, test func(t *testing.T, o opaque), change ...func(*outbound.Options)) {
	t.Run("facebook", func(t *testing.T) { o, _ := newFacebook(t, change...); test(t, o) })
	t.Run("facebook with secret", func(t *testing.T) {
		o, _ := newFacebook(t, change...)
		o.trust.AppSecret = facebookSecret
		o.paths = []string{"/v25.0/debug_token", "/v25.0/me"}
		test(t, o)
	})

	t.Run("amazon", func(t *testing.T) { o, _ := newAmazon(t, change...); test(t, o) })
	t.Run("twitter", func(t *testing.T) { o, _ := newTwitter(t, change...); test(t, o) })
}

// noSecret fails the test if a secret stands in an error, trace or log.
func (o opaque) noSecret(t *testing.T, said string) {
	t.Helper()

	for _, canary := range []string{facebookSecret, facebookToken, amazonToken, "IwEBCanary", consumerSecret,
		twitterToken, twitterSecret} {
		if strings.Contains(said+o.log.String(), canary) {
			t.Errorf("%s stands in an error, trace or log", canary)
		}
	}
}

// notAsked fails the test unless the provider could not be asked.
func (o opaque) notAsked(t *testing.T, token string) {
	t.Helper()
	_ = o.whyNotAsked(t, token)
}

// whyNotAsked is notAsked for tests that look at the error, too.
func (o opaque) whyNotAsked(t *testing.T, token string) error {
	t.Helper()
	_, trace, err := o.verify(t, o.trust, token)
	var unavailable *login.Unavailable
	if !errors.As(err, &unavailable) {
		t.Fatalf("Verify = %v, want *Unavailable", err)
	}
	steps := trace.Steps()
	if last := steps[len(steps)-1]; last.OK || last.Fix == "" {
		t.Errorf("trace does not explain why the provider could not be asked: %+v", steps)
	}
	o.noSecret(t, fmt.Sprint(err, steps))

	return err
}

// The token that the provider knows signs its user in, by the questions that
// the provider documents.
func TestOpaqueAccepted(t *testing.T) {
	want := map[string]string{"facebook": facebookUser, "facebook with secret": facebookUser, "amazon": amazonUser,
		"twitter": twitterUser}
	eachOpaque(t, func(t *testing.T, o opaque) {
		c := o.accepts(t, o.token)
		name := t.Name()[strings.Index(t.Name(), "/")+1:]
		if subject := want[strings.ReplaceAll(name, "_", " ")]; c.Subject != subject || c.All["sub"] != subject {
			t.Errorf("subject = %q, %v, want %q", c.Subject, c.All["sub"], subject)
		}
		if c.Audience != o.trust.Audiences[0] || c.All["aud"] != o.trust.Audiences[0] {
			t.Errorf("audience = %q, %v", c.Audience, c.All["aud"])
		}

		var paths []string
		for _, r := range o.api.Requests() {
			paths = append(paths, r.URL.Path)
		}
		if strings.Join(paths, " ") != strings.Join(o.paths, " ") {
			t.Errorf("asked %v, want %v", paths, o.paths)
		}
		o.noSecret(t, fmt.Sprint(c.All, c.Audience, c.Subject, c.Issuer))
	})
}

// Whatever no access token is sends no request, so nothing in it can change one.
func TestOpaqueForm(t *testing.T) {
	eachOpaque(t, func(t *testing.T, o opaque) {
		for name, change := range map[string]func(string) string{
			"empty":          func(string) string { return "" },
			"ampersand":      func(s string) string { return s + "&fields=id" },
			"query":          func(s string) string { return s + "?a=b" },
			"fragment":       func(s string) string { return s + "#" },
			"header":         func(s string) string { return s + "\r\nX-Forwarded-For: 127.0.0.1" },
			"line end":       func(s string) string { return s + "\n" },
			"blank before":   func(s string) string { return " " + s },
			"blank inside":   func(s string) string { return s[:4] + " " + s[4:] },
			"percent":        func(s string) string { return s + "%26" },
			"quote":          func(s string) string { return s + `"` },
			"comma":          func(s string) string { return s + "," },
			"NUL":            func(s string) string { return s + "\x00" },
			"invalid UTF-8":  func(s string) string { return s + "\xff" },
			"other letters":  func(s string) string { return s + "é" },
			"Bearer":         func(s string) string { return "Bearer " + s },
			"semicolon":      func(s string) string { return s + ";" },
			"two semicolons": func(s string) string { return s + ";;" },
			"too long":       func(s string) string { return s + strings.Repeat("a", 5000) },
		} {
			t.Run(name, func(t *testing.T) {
				o.refuses(t, o.trust, change(o.token), "credential form",
					"Invalid login token. Not a credential of this login provider.")
			})
		}

		if n := len(o.api.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

// A token that the provider does not know, or that is of another application,
// is refused, and asked about again the next time: nothing is remembered of it.
func TestOpaqueUnknown(t *testing.T) {
	eachOpaque(t, func(t *testing.T, o opaque) {
		for range 2 {
			before := len(o.api.Requests())
			_, _, err := o.verify(t, o.trust, "unknown-"+o.token)
			var refused *login.Refused
			if !errors.As(err, &refused) {
				t.Fatalf("Verify = %v, want *Refused", err)
			}
			o.noSecret(t, err.Error())

			if len(o.api.Requests()) != before+1 {
				t.Errorf("%d requests", len(o.api.Requests())-before)
			}
		}
	})
}

// Confused deputy: a token that another application got from its user, who is
// a user here as well, names that user but is no login here.
func TestTokenOfAnotherApplication(t *testing.T) {
	const message = login.MessageUnsupportedProvider
	t.Run("facebook", func(t *testing.T) {
		o, api := newFacebook(t)
		api.AddApp("999", "other-secret")
		api.AddToken("EAAForeign", logintest.FacebookToken{App: "999", User: facebookUser})
		o.refuses(t, o.trust, "EAAForeign", "token application", message)

		for _, r := range api.Requests() {
			if strings.HasSuffix(r.URL.Path, "/me") {
				t.Error("the user of another application's token was asked for")
			}
		}
	})

	t.Run("facebook with secret", func(t *testing.T) {
		o, api := newFacebook(t)
		o.trust.AppSecret = facebookSecret
		api.AddToken("EAAForeign", logintest.FacebookToken{App: "999", User: facebookUser})
		o.refuses(t, o.trust, "EAAForeign", "token at Facebook",
			"Invalid login token. The login provider does not accept it.")
	})

	t.Run("facebook answers about another application", func(t *testing.T) {
		o, api := newFacebook(t)
		o.trust.AppSecret = facebookSecret
		api.Answer(jsonText(`{"data":{"app_id":"999","type":"USER","is_valid":true,"expires_at":0,"user_id":"1"}}`))
		o.refuses(t, o.trust, facebookToken, "token application", message)
	})

	t.Run("amazon", func(t *testing.T) {
		o, api := newAmazon(t)
		api.AddToken("Atza|foreign",
			logintest.AmazonToken{Client: "amzn1.application-oa2-client.9", App: "amzn1.application.9",
				User: amazonUser, Expires: o.Now().Add(time.Hour)})
		o.refuses(t, o.trust, "Atza|foreign", "token application", message)
	})

	t.Run("twitter", func(t *testing.T) {
		o, api := newTwitter(t)
		api.AddConsumer("otherkey", "othersecret")
		api.AddToken("1-foreign", logintest.TwitterToken{Secret: "s", Consumer: "otherkey", User: twitterUser})
		o.refuses(t, o.trust, "1-foreign;s", "token at X",
			"Invalid login token. The login provider does not accept it.")
	})
}

func jsonText(body string) http.HandlerFunc { return jsonStatus(200, body) }

func jsonStatus(code int, body string) http.HandlerFunc {
	return logintest.Answer(code, "application/json", body)
}

// Answers that prove nothing and refuse nothing: the login is Unavailable, says
// why, and works again once the provider is mended. Nothing bad is remembered.
func TestOpaqueBrokenProviders(t *testing.T) {
	var sent atomic.Int64
	cases := logintest.BrokenAnswers(&sent)
	maps.Copy(cases, map[string]http.HandlerFunc{
		"402": jsonStatus(402, `{"title":"CreditsDepleted"}`),
		"NaN": jsonText(`{"id":NaN,"aud":"` + amazonClient +
			`","user_id":"u","exp":NaN,"data":{"id":NaN,"is_valid":true}}`),
		"same name twice": jsonText(`{"id":"` + facebookApp +
			`","id":"1","aud":"a","aud":"b","data":{"id":"1","id":"2"}}`),
		"empty members": jsonText(
			`{"id":"","aud":"","app_id":"","user_id":"","exp":1,"data":{"id":"","app_id":"","is_valid":true}}`),
		"other types": jsonText(
			`{"id":{},"aud":[],"app_id":1,"user_id":true,"exp":"1","data":[1],"errors":"x"}`),
		"fractions": jsonText(`{"id":1.5e15,"aud":"` + amazonClient +
			`","user_id":"u","exp":1e300,"data":{"id":1e3,"app_id":1e15,"is_valid":true}}`),
		"text for a boolean": jsonText(`{"data":{"app_id":"` + facebookApp +
			`","is_valid":"true","type":"USER","user_id":"1"}}`),
		"error in no form":    jsonStatus(400, `{"error":[1,2],"errors":{}}`),
		"error of a new kind": jsonStatus(400, `{"error":{"code":4711}}`),
	})
	eachOpaque(t, func(t *testing.T, o opaque) {
		for name, answer := range cases {
			t.Run(name, func(t *testing.T) {
				sent.Store(0)
				o.api.Answer(answer)
				before := len(o.api.Requests())
				o.notAsked(t, o.token)

				if n := len(o.api.Requests()) - before; n != 1 &&
					(o.trust.Kind == login.Twitter || name != "connection closed" && name != "not HTTP") {
					t.Errorf("%d requests for one login, want 1: no retries", n)
				}
				if n := sent.Load(); n > 16<<20 {
					t.Errorf("took %d bytes", n)
				}

				o.api.Answer(nil)
				o.Advance(2 * time.Minute) // past the breaker's pause
				o.accepts(t, o.token)
				o.Advance(10 * time.Minute) // past what is remembered of it
			})
		}
	})
}

// A provider that drips, or never answers, costs 5 seconds and not more, also
// when two questions are asked; after a few it is left alone for a while.
func TestOpaqueSlowProviders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int64
		f := &fixture{Clock: logintest.NewClock(), log: &logintest.Log{}}

		client := outbound.New(
			outbound.Options{Now: time.Now, Dial: func(context.Context, string, string) (net.Conn, error) {
				dials.Add(1)

				client, server := net.Pipe()
				go func() {
					defer server.Close()

					buffer := make([]byte, 4096)
					if _, err := server.Read(buffer); err != nil {
						return
					}

					_, err := io.WriteString(server,
						"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
					for err == nil {
						<-time.After(time.Second) // of the bubble
						_, err = io.WriteString(server, " ")
					}
				}()

				return client, nil
			}})
		defer client.Close()

		v := login.New(client, login.Options{})

		f.verifier = v
		for _, kind := range []login.Kind{login.Facebook, login.Amazon, login.Twitter} {
			trust := login.Trust{Kind: kind,
				BaseURL: "http://127.0.0.1:" +
					map[login.Kind]string{login.Facebook: "1", login.Amazon: "2", login.Twitter: "3"}[kind],
				VerifyPath: "/x", Rule: idtoken.Rule{Provider: "p", Audiences: []string{"1"},
					Policy: outbound.Policy{AllowHTTP: true, AllowPrivate: true}}}
			token := "token"
			if kind == login.Twitter {
				trust.AppSecret, token = "s", "token;secret"
			}
			dials.Store(0)

			for n := range 5 {
				before := time.Now()
				_, _, err := f.verify(t, trust, token)
				var unavailable *login.Unavailable
				if !errors.As(err, &unavailable) {
					t.Fatalf("%s: %v, want *Unavailable", kind, err)
				}
				if took := time.Since(before); took > 5*time.Second || n >= 3 && took > 0 {
					t.Errorf("%s: login %d took %v", kind, n, took)
				}
			}
			if n := dials.Load(); n != 3 {
				t.Errorf("%s: %d connections, want 3 and then none", kind, n)
			}
		}
		<-time.After(2 * time.Second) // the drips notice that nobody reads
	})
}

// Callers who leave do not make the provider look dead to those who stay.
func TestOpaqueCallersWhoLeave(t *testing.T) {
	eachOpaque(t, func(t *testing.T, o opaque) {
		arrived := make(chan struct{})
		o.api.Answer(func(_ http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			<-r.Context().Done()
		})

		for range 5 {
			ctx, leave := context.WithCancel(t.Context())
			go func() {
				<-arrived
				leave()
			}()
			_, err := o.verifier.Verify(ctx, o.trust, o.token)

			var unavailable *login.Unavailable
			if !errors.As(err, &unavailable) {
				t.Errorf("Verify = %v, want *Unavailable", err)
			}
		}

		o.api.Answer(nil)
		o.accepts(t, o.token)
	})
}

// Many callers cannot make us hold more than a fixed number of questions to a
// host; those beyond are told at once, and the others are not disturbed.
func TestOpaqueCrowd(t *testing.T) {
	o, api := newAmazon(t)
	const most = 256
	arrived, answer := make(chan struct{}), make(chan struct{})
	api.Answer(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-answer
		logintest.JSON(w, 200, map[string]any{"aud": amazonClient, "user_id": amazonUser, "exp": 60})
	})

	var group sync.WaitGroup
	for range most {
		group.Go(func() {
			if _, err := o.verifier.Verify(t.Context(), o.trust, amazonToken); err != nil {
				t.Error(err)
			}
		})
	}

	for range most {
		<-arrived
	}

	for range 10 {
		o.notAsked(t, amazonToken)
	}
	close(answer)
	group.Wait()
	api.Answer(nil)
	o.accepts(t, amazonToken)
}

// Close ends what is under way, and nobody is asked afterwards.
func TestOpaqueClose(t *testing.T) {
	eachOpaque(t, func(t *testing.T, o opaque) {
		arrived := make(chan struct{})
		o.api.Answer(func(_ http.ResponseWriter, r *http.Request) {
			close(arrived)
			<-r.Context().Done()
		})

		closed := make(chan struct{})
		go func() {
			<-arrived
			o.client.Close()
			close(closed)
		}()
		o.notAsked(t, o.token)
		<-closed
		o.api.Answer(nil)
		o.notAsked(t, o.token)
	})
}

// An address that no provider has is not asked, whatever the settings say.
func TestOpaqueAddresses(t *testing.T) {
	for _, base := range []string{"http://169.254.169.254", "http://127.0.0.1:1", "http://[::ffff:127.0.0.1]:1",
		"http://0.0.0.0:1"} {
		eachOpaque(t, func(t *testing.T, o opaque) {
			o.trust.BaseURL, o.trust.AllowPrivate = base, false
			o.notAsked(t, o.token)
			o.trust.AllowPrivate = base != "http://127.0.0.1:1"
			o.notAsked(t, o.token)
			o.trust.AllowHTTP = false
			if err := o.whyNotAsked(t, o.token); !strings.Contains(err.Error(), "not https") {
				t.Errorf("%v", err)
			}
		}, noNetwork(t))
	}
}

// byPath answers with the document whose name ends the path.
func byPath(documents map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for name, body := range documents {
			if strings.HasSuffix(r.URL.Path, "/"+name) {
				jsonText(body)(w, r)
				return
			}
		}

		w.WriteHeader(404)
	}
}
