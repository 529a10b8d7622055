package userstatus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

const provider = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC"

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// backEnd gives the test's answers in turn, and then repeats the last one.
type backEnd struct {
	URL string

	mu       sync.Mutex
	answers  []reply
	requests []request
}

type reply struct {
	status int
	body   string
}

type request struct {
	header http.Header
	body   string
	signed error // nil when SigV4 verifies
}

func newBackEnd(t *testing.T, answers ...reply) *backEnd {
	b := &backEnd{answers: answers}
	verifier := &sigv4.Verifier{
		Credentials: func(_ context.Context, id, _ string) (string, error) {
			if id != "AKIDEXAMPLEEXAMPLE" {
				return "", sigv4.ErrUnknownKey
			}
			return "hushhush", nil
		},
		Services: map[string]sigv4.Service{"cognito-idp": {}},
		Now:      func() time.Time { return now },
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, err := verifier.Verify(r, body, "cognito-idp")
		b.mu.Lock()
		defer b.mu.Unlock()

		b.requests = append(b.requests, request{r.Header, string(body), err})
		answer := b.answers[0]
		if len(b.answers) > 1 {
			b.answers = b.answers[1:]
		}

		media := "application/json"
		if r.Header.Get("X-Amz-Target") != "" {
			media = "application/x-amz-json-1.1"
		}
		w.Header().Set("Content-Type", media)
		w.WriteHeader(answer.status)
		_, _ = w.Write([]byte(answer.body))
	}))
	t.Cleanup(web.Close)
	b.URL = web.URL

	return b
}

func (b *backEnd) seen() []request {
	b.mu.Lock()
	defer b.mu.Unlock()

	return slices.Clone(b.requests)
}

// config asks b in the given way.
func (b *backEnd) config(check string) userstatus.Config {
	c := userstatus.Config{Check: check, Endpoint: b.URL, AllowHTTP: true, AllowPrivate: true}
	if check == userstatus.AdminGetUser {
		c.AccessKeyID, c.SecretAccessKey = "AKIDEXAMPLEEXAMPLE", "hushhush"
	} else {
		c.ClientID, c.ClientSecret = "cli:ent", "s cret"
	}
	return c
}

func newChecker(t *testing.T, c userstatus.Config, clock func() time.Time) userstatus.Checker {
	t.Helper()
	client := outbound.New(outbound.Options{})
	t.Cleanup(client.Close)
	checker, err := userstatus.New(c, userstatus.Options{Asker: client, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return checker
}

func fixed() time.Time { return now }

// alice is a user whose pool calls her otherwise than by her sub.
var alice = userstatus.User{Provider: provider, Token: "head.claims.signature",
	Claims: idtoken.Claims{Issuer: "https://" + provider, Subject: "sub-1",
		All: map[string]any{"cognito:username": "alice@example.org"}}}

// outcome returns yes, no or unknown, and fails the test unless the trace has the reason.
func outcome(t *testing.T, c userstatus.Checker, u userstatus.User) string {
	t.Helper()
	trace := &explain.Trace{}
	err := c.Check(explain.NewContext(t.Context(), trace), u)
	steps := trace.Steps()
	if len(steps) == 0 || steps[len(steps)-1].OK != (err == nil) || err != nil && steps[len(steps)-1].Fix == "" {
		t.Errorf("Check = %v, with the trace %+v", err, steps)
	}

	for _, s := range steps {
		for _, secret := range []string{"hushhush", "s cret", "alice@", "head.claims"} {
			if strings.Contains(s.Check+s.Expected+s.Got+s.Fix, secret) {
				t.Errorf("the trace holds %q: %+v", secret, s)
			}
		}
	}

	var refused *idtoken.Refused
	var unavailable *idtoken.Unavailable
	switch {
	case err == nil:
		return "yes"
	case errors.As(err, &refused):
		return "no"
	case errors.As(err, &unavailable):
		return "unknown"
	default:
		t.Errorf("Check = %v", err)
		return ""
	}
}

func TestAdminGetUser(t *testing.T) {
	user := func(enabled bool, status string, attributes ...map[string]string) reply {
		text, _ := json.Marshal(map[string]any{"Username": "alice@example.org", "Enabled": enabled,
			"UserStatus": status, "UserAttributes": attributes})
		return reply{200, string(text)}
	}
	sub := func(value string) map[string]string { return map[string]string{"Name": "sub", "Value": value} }
	failed := func(status int, name string) reply {
		return reply{status, `{"__type":"com.amazonaws.cognito#` + name + `","message":"m"}`}
	}

	for name, test := range map[string]struct {
		answers []reply
		want    string
		asked   int
	}{
		"confirmed":        {[]reply{user(true, "CONFIRMED", sub("sub-1"))}, "yes", 1},
		"external":         {[]reply{user(true, "EXTERNAL_PROVIDER", sub("sub-1"))}, "yes", 1},
		"no sub":           {[]reply{user(true, "CONFIRMED")}, "no", 1},
		"sub twice":        {[]reply{user(true, "CONFIRMED", sub("sub-1"), sub("sub-1"))}, "no", 1},
		"unknown status":   {[]reply{user(true, "UNKNOWN", sub("sub-1"))}, "no", 1},
		"disabled":         {[]reply{user(false, "CONFIRMED")}, "no", 1},
		"archived":         {[]reply{user(true, "ARCHIVED")}, "no", 1},
		"compromised":      {[]reply{user(true, "COMPROMISED")}, "no", 1},
		"a status to come": {[]reply{user(true, "LOCKED")}, "no", 1},
		"a name's next owner": {[]reply{user(true, "CONFIRMED", map[string]string{"Name": "email", "Value": "x"},
			sub("sub-2"))}, "no", 1},
		"deleted":            {[]reply{failed(400, "UserNotFoundException")}, "no", 1},
		"no such pool":       {[]reply{failed(400, "ResourceNotFoundException")}, "unknown", 1},
		"not allowed to ask": {[]reply{failed(400, "NotAuthorizedException")}, "unknown", 1},
		"another service":    {[]reply{{404, "<html>"}}, "unknown", 1},
		"no JSON":            {[]reply{{200, "ok"}}, "unknown", 1},
		"says nothing":       {[]reply{{200, "{}"}}, "unknown", 1},
		"Enabled as text":    {[]reply{{200, `{"Enabled":"true","UserStatus":"CONFIRMED"}`}}, "unknown", 1},
		"Enabled twice": {[]reply{{200, `{"Enabled":false,"Enabled":true,"UserStatus":"CONFIRMED"}`}},
			"unknown", 1},
		"busy once": {[]reply{failed(400, "TooManyRequestsException"),
			user(true, "CONFIRMED", sub("sub-1"))}, "yes", 2},
		"busy":                 {[]reply{failed(400, "TooManyRequestsException")}, "unknown", 2},
		"429":                  {[]reply{{429, ""}, user(false, "CONFIRMED")}, "no", 2},
		"a fault":              {[]reply{{500, "{}"}}, "unknown", 2},
		"a fault, then an end": {[]reply{{503, ""}, failed(400, "UserNotFoundException")}, "no", 2},
		"a redirect":           {[]reply{{307, ""}}, "unknown", 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackEnd(t, test.answers...)
			if got := outcome(t, newChecker(t, b.config(userstatus.AdminGetUser), fixed), alice); got != test.want {
				t.Errorf("outcome = %s, want %s", got, test.want)
			}
			if n := len(b.seen()); n != test.asked {
				t.Errorf("asked %d times, want %d", n, test.asked)
			}
		})
	}

	t.Run("the question", func(t *testing.T) {
		b := newBackEnd(t, user(true, "CONFIRMED"))
		c := newChecker(t, b.config(userstatus.AdminGetUser), fixed)
		plain := alice
		plain.Claims.All = nil
		outcome(t, c, alice)
		outcome(t, c, plain)

		for n, want := range []string{`{"UserPoolId":"eu-west-1_AbC","Username":"alice@example.org"}`,
			`{"UserPoolId":"eu-west-1_AbC","Username":"sub-1"}`} {
			r := b.seen()[n]
			if r.body != want || r.header.Get("X-Amz-Target") != "AWSCognitoIdentityProviderService.AdminGetUser" ||
				r.signed != nil {
				t.Errorf("question %d: %s, %s, signature %v", n, r.body, r.header.Get("X-Amz-Target"), r.signed)
			}
			if !strings.Contains(r.header.Get("Authorization"), "/eu-west-1/cognito-idp/aws4_request") {
				t.Errorf("signed for %s", r.header.Get("Authorization"))
			}
		}
	})
}

// A refusal tells what the user can do, which depends on the reason.
func TestAdvice(t *testing.T) {
	for name, test := range map[string]struct {
		check  string
		answer reply
		want   string
	}{
		"ended session": {userstatus.Introspection, reply{200, `{"active":false}`}, "sign in again"},
		"expired":       {userstatus.Introspection, reply{200, `{"active":true,"exp":1}`}, "sign in again"},
		"disabled": {userstatus.AdminGetUser, reply{200, `{"Enabled":false,"UserStatus":"CONFIRMED"}`},
			"administrator"},
		"deleted": {userstatus.AdminGetUser, reply{400, `{"__type":"UserNotFoundException"}`},
			"a user whom the user pool knows"},
		"a new owner": {userstatus.AdminGetUser,
			reply{200, strings.ReplaceAll(ways[userstatus.AdminGetUser], "sub-1", "sub-2")}, "sign in again"},
	} {
		err := newChecker(t, newBackEnd(t, test.answer).config(test.check), fixed).Check(t.Context(), alice)

		var refused *idtoken.Refused
		if !errors.As(err, &refused) || !strings.Contains(refused.Fix, test.want) {
			t.Errorf("%s: %v, want the advice %q", name, err, test.want)
		}
	}
}

// asker notes where it was asked, and answers nothing.
type asker struct{ url, authorization string }

func (a *asker) Post(_ context.Context, e outbound.Endpoint, header http.Header, _ []byte) (outbound.Response, error) {
	a.url, a.authorization = e.URL, header.Get("Authorization")
	return outbound.Response{}, errors.New("nobody is there")
}

// Without an endpoint a pool at AWS is asked at its own host, and no other pool
// is asked at all.
func TestDefaultEndpoint(t *testing.T) {
	for name, want := range map[string]struct{ url, region string }{
		provider: {"https://cognito-idp.eu-west-1.amazonaws.com/", "eu-west-1"},
		"cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbC": {"https://cognito-idp.cn-north-1.amazonaws.com.cn/",
			"cn-north-1"},
		"cognito-idp.us-east-1.amazonaws.com/local_AbC": {"https://cognito-idp.us-east-1.amazonaws.com/",
			"us-east-1"},
		"idp.example/us-east-1_AbC": {},
	} {
		a := &asker{}
		c, err := userstatus.New(userstatus.Config{Check: userstatus.AdminGetUser, AccessKeyID: "k",
			SecretAccessKey: "s"}, userstatus.Options{Asker: a, Now: fixed})
		if err != nil {
			t.Fatal(err)
		}

		u := alice
		u.Provider = name
		if got := outcome(t, c, u); got != "unknown" || a.url != want.url ||
			!strings.Contains(a.authorization, want.region+"/") && want.region != "" {
			t.Errorf("%s: %s, asked %q with %q, want %q", name, got, a.url, a.authorization, want.url)
		}
	}
}

func TestIntrospection(t *testing.T) {
	for name, test := range map[string]struct {
		answers []reply
		want    string
		asked   int
	}{
		"active":             {[]reply{{200, `{"active":true}`}}, "yes", 1},
		"active, same user":  {[]reply{{200, `{"active":true,"sub":"sub-1"}`}}, "yes", 1},
		"another user":       {[]reply{{200, `{"active":true,"sub":"sub-2"}`}}, "no", 1},
		"a user of a number": {[]reply{{200, `{"active":true,"sub":1}`}}, "no", 1},
		"all that fits": {[]reply{{200,
			fmt.Sprintf(`{"active":true,"sub":"sub-1","iss":"https://%s","exp":%d,"aud":"another"}`, provider,
				now.Unix()+60)}}, "yes", 1},
		"another issuer":     {[]reply{{200, `{"active":true,"iss":"https://evil.example"}`}}, "no", 1},
		"an issuer list":     {[]reply{{200, fmt.Sprintf(`{"active":true,"iss":["https://%s"]}`, provider)}}, "no", 1},
		"issuer null":        {[]reply{{200, `{"active":true,"iss":null}`}}, "yes", 1},
		"user null":          {[]reply{{200, `{"active":true,"sub":null}`}}, "yes", 1},
		"exp null":           {[]reply{{200, `{"active":true,"exp":null}`}}, "yes", 1},
		"exp 0":              {[]reply{{200, `{"active":true,"exp":0}`}}, "no", 1},
		"nbf 0":              {[]reply{{200, `{"active":true,"nbf":0,"iat":0}`}}, "yes", 1},
		"active null":        {[]reply{{200, `{"active":null}`}}, "unknown", 1},
		"error null":         {[]reply{{200, `{"active":true,"error":null}`}}, "yes", 1},
		"error and success":  {[]reply{{200, `{"active":true,"error":"x"}`}}, "unknown", 1},
		"expired":            {[]reply{{200, fmt.Sprintf(`{"active":true,"exp":%d}`, now.Unix()-300)}}, "no", 1},
		"expired, with skew": {[]reply{{200, fmt.Sprintf(`{"active":true,"exp":%d}`, now.Unix()-299)}}, "yes", 1},
		"exp as text":        {[]reply{{200, fmt.Sprintf(`{"active":true,"exp":"%d"}`, now.Unix()+60)}}, "no", 1},
		"exp of no date":     {[]reply{{200, `{"active":true,"exp":1e300}`}}, "no", 1},
		"inactive":           {[]reply{{200, `{"active":false}`}}, "no", 1},
		"active as text":     {[]reply{{200, `{"active":"true"}`}}, "unknown", 1},
		"says nothing":       {[]reply{{200, `{}`}}, "unknown", 1},
		"ID tokens unknown":  {[]reply{{400, `{"error":"unsupported_token_type"}`}}, "unknown", 1},
		"wrong secret":       {[]reply{{401, `{"error":"invalid_client"}`}}, "unknown", 1},
		"not found":          {[]reply{{404, ``}}, "unknown", 1},
		"a fault once":       {[]reply{{502, ``}, {200, `{"active":true}`}}, "yes", 2},
		"a fault":            {[]reply{{502, ``}}, "unknown", 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackEnd(t, test.answers...)
			if got := outcome(t, newChecker(t, b.config(userstatus.Introspection), fixed), alice); got != test.want {
				t.Errorf("outcome = %s, want %s", got, test.want)
			}
			if n := len(b.seen()); n != test.asked {
				t.Errorf("asked %d times, want %d", n, test.asked)
			}
			r := b.seen()[0]

			form, err := url.ParseQuery(r.body)
			if err != nil || form.Get("token") != alice.Token ||
				r.header.Get("Authorization") != "Basic Y2xpJTNBZW50OnMrY3JldA==" {
				t.Errorf("question %s, %s", r.body, r.header.Get("Authorization"))
			}
		})
	}
}

// ways are the back ends that ask, each with a yes for alice.
var ways = map[string]string{
	userstatus.AdminGetUser: `{"Enabled":true,"UserStatus":"CONFIRMED","UserAttributes":[{"Name":"sub",` +
		`"Value":"sub-1"}]}`,
	userstatus.Introspection: `{"active":true,"sub":"sub-1"}`,
}

// Whatever is no clear answer in JSON lets nobody in, in bounded time and
// memory, and is not remembered once the pool is mended.
func TestBrokenAnswers(t *testing.T) {
	for check, yes := range ways {
		var sent atomic.Int64
		cases := logintest.BrokenAnswers(&sent)
		maps.Copy(cases, map[string]http.HandlerFunc{
			"a yes in HTML":         logintest.Answer(200, "text/html", yes),
			"a yes in text":         logintest.Answer(200, "text/plain; charset=utf-8", yes),
			"a yes of no type":      logintest.Answer(200, "", yes),
			"a yes that is created": logintest.Answer(201, "application/json", yes),
			"a yes with an error": logintest.Answer(200, "application/json",
				strings.Replace(yes, "{", `{"error":"invalid_token",`, 1)),
			"a yes with AWS's error": logintest.Answer(200, "application/json",
				strings.Replace(yes, "{", `{"__type":"UserNotFoundException",`, 1)),
			"a yes that is cut short": logintest.Answer(200, "application/json", yes[:len(yes)-1]),
			"a yes with a tail":       logintest.Answer(200, "application/json", yes+"{}"),
			"a yes said twice": logintest.Answer(200, "application/json",
				strings.Replace(yes, "{", `{"active":false,"Enabled":false,`, 1)),
			"NaN": logintest.Answer(200, "application/json",
				`{"active":NaN,"Enabled":NaN,"UserStatus":NaN}`),
			"numbers for booleans": logintest.Answer(200, "application/json",
				strings.ReplaceAll(yes, "true", "1")),
			"a refusal of another shape": logintest.Answer(400, "text/html", `{"__type":"UserNotFoundException"}`),
		})

		for name, answer := range cases {
			t.Run(check+", "+name, func(t *testing.T) {
				sent.Store(0)
				var asked atomic.Int64
				var mended atomic.Bool
				web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked.Add(1)
					if mended.Load() {
						logintest.Answer(200, "application/json", yes)(w, r)
						return
					}
					answer(w, r)
				}))
				t.Cleanup(web.Close)

				c := (&backEnd{URL: web.URL}).config(check)
				c.Cache = time.Second
				checker := newChecker(t, c, fixed)
				if got := outcome(t, checker, alice); got != "unknown" {
					t.Errorf("outcome = %s, want unknown", got)
				}

				if n := sent.Load(); n > 16<<20 {
					t.Errorf("took %d bytes", n)
				}
				if n := asked.Load(); n > 4 { // asked twice, each of which HTTP itself may repeat
					t.Errorf("asked %d times", n)
				}

				mended.Store(true)
				if got := outcome(t, checker, alice); got != "yes" {
					t.Errorf("mended: outcome = %s, want yes", got)
				}
			})
		}
	}
}

// A pool that drips costs two seconds and not more.
func TestDrip(t *testing.T) {
	for check := range ways {
		synctest.Test(t, func(t *testing.T) {
			verifier := outbound.New(outbound.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go func() {
					defer server.Close()

					if _, err := server.Read(make([]byte, 8192)); err != nil {
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
			defer verifier.Close()

			checker, err := userstatus.New((&backEnd{URL: "http://127.0.0.1:1"}).config(check),
				userstatus.Options{Asker: verifier, Now: fixed})
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			if got := outcome(t, checker, alice); got != "unknown" || time.Since(begin) != 2*time.Second {
				t.Errorf("%s: %s after %v", check, got, time.Since(begin))
			}
			<-time.After(2 * time.Second) // the drip notices that nobody reads
		})
	}
}

// A pool that does not answer lets nobody in, in bounded time.
func TestUnreachable(t *testing.T) {
	release := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(web.Close)
	t.Cleanup(func() { close(release) })

	begin := time.Now()
	slow := newChecker(t, (&backEnd{URL: web.URL}).config(userstatus.AdminGetUser), fixed)
	if got := outcome(t, slow, alice); got != "unknown" {
		t.Errorf("a pool that hangs: %s", got)
	}
	if d := time.Since(begin); d > 30*time.Second { // TestDrip has the bound
		t.Errorf("it took %s", d)
	}

	dead := httptest.NewServer(nil)
	dead.Close()
	if got := outcome(t, newChecker(t, (&backEnd{URL: dead.URL}).config(userstatus.Introspection), fixed),
		alice); got != "unknown" {
		t.Errorf("a pool that is not there: %s", got)
	}

	private := (&backEnd{URL: dead.URL}).config(userstatus.Introspection)
	private.AllowPrivate = false
	if got := outcome(t, newChecker(t, private, fixed), alice); got != "unknown" {
		t.Errorf("a pool at an address that is not allowed: %s", got)
	}
}

// A yes is kept for as long as the settings say, for this user alone; a no is not.
func TestCache(t *testing.T) {
	yes, no := reply{200,
		`{"Enabled":true,"UserStatus":"CONFIRMED","UserAttributes":[{"Name":"sub","Value":"sub-1"}]}`},
		reply{200, `{"Enabled":false,"UserStatus":"CONFIRMED"}`}
	b := newBackEnd(t, no, yes, no)
	at := now
	c := b.config(userstatus.AdminGetUser)
	c.Cache = 3 * time.Second

	checker := newChecker(t, c, func() time.Time { return at })
	bob := alice
	bob.Claims.Subject, bob.Claims.All = "sub-2", nil

	for n, step := range []struct {
		after time.Duration
		user  userstatus.User
		want  string
		asked int
	}{
		{0, alice, "no", 1}, {0, alice, "yes", 2}, {2 * time.Second, alice, "yes", 2}, {0, bob, "no", 3},
		{time.Second, alice, "no", 4}, {0, alice, "no", 5},
	} {
		at = at.Add(step.after)
		if got := outcome(t, checker, step.user); got != step.want || len(b.seen()) != step.asked {
			t.Errorf("step %d: %s after %d questions, want %s after %d", n, got, len(b.seen()), step.want, step.asked)
		}
	}

	uncached := newBackEnd(t, yes)
	checker = newChecker(t, uncached.config(userstatus.AdminGetUser), fixed)
	for range 3 {
		outcome(t, checker, alice)
	}
	if n := len(uncached.seen()); n != 3 {
		t.Errorf("without a cache: %d questions, want 3", n)
	}
}

func TestSettings(t *testing.T) {
	admin := userstatus.Config{Check: userstatus.AdminGetUser, AccessKeyID: "k", SecretAccessKey: "s"}
	introspection := userstatus.Config{Check: userstatus.Introspection, Endpoint: "https://idp.example/introspect",
		ClientID: "c", ClientSecret: "s"}
	for name, test := range map[string]struct {
		base   userstatus.Config
		change func(*userstatus.Config)
		want   []string // in the error; none = accepted
	}{
		"AWS":            {admin, func(*userstatus.Config) {}, nil},
		"introspection":  {introspection, func(*userstatus.Config) {}, nil},
		"push":           {userstatus.Config{Check: userstatus.Push}, func(*userstatus.Config) {}, nil},
		"most cache":     {admin, func(c *userstatus.Config) { c.Cache = 5 * time.Second }, nil},
		"too much cache": {admin, func(c *userstatus.Config) { c.Cache = 6 * time.Second }, []string{"cache 6s"}},
		"unknown": {admin, func(c *userstatus.Config) { c.Check = "ask" },
			[]string{`"ask"`, "admin_get_user"}},
		"nothing": {userstatus.Config{}, func(*userstatus.Config) {}, []string{"check"}},
		"no keys": {admin, func(c *userstatus.Config) { c.AccessKeyID, c.SecretAccessKey = "", "" },
			[]string{"access_key_id is missing", "secret_access_key is missing"}},
		"a client for AWS": {admin, func(c *userstatus.Config) { c.ClientID = "x" },
			[]string{"client_id has no meaning"}},
		"no endpoint": {introspection, func(c *userstatus.Config) { c.Endpoint = "" },
			[]string{"endpoint is missing"}},
		"http": {introspection, func(c *userstatus.Config) { c.Endpoint = "http://idp.example" },
			[]string{"endpoint: ", "https"}},
		"bad certificates": {introspection, func(c *userstatus.Config) { c.CABundle = "x" },
			[]string{"endpoint: ", "certificate"}},
		"an endpoint to push": {userstatus.Config{Check: userstatus.Push},
			func(c *userstatus.Config) { c.Endpoint = "https://a" }, []string{"endpoint has no meaning"}},
		"a region to push": {userstatus.Config{Check: userstatus.Push},
			func(c *userstatus.Config) { c.Region = "r" }, []string{"region has no meaning"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := test.base
			test.change(&c)
			_, err := userstatus.New(c, userstatus.Options{})
			if (err == nil) != (len(test.want) == 0) {
				t.Fatalf("New: %v", err)
			}

			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

// Settings that could let nobody in are told apart from a pool that is not
// there now, and no user is asked about.
func TestSelfTest(t *testing.T) {
	for name, test := range map[string]struct {
		answer reply
		want   string // "" = passes, - = no answer now, else in the error
	}{
		"knows no such token":   {reply{200, `{"active":false}`}, ""},
		"takes anything":        {reply{200, `{"active":true}`}, ""},
		"no ID tokens":          {reply{400, `{"error":"unsupported_token_type"}`}, "unsupported_token_type"},
		"another client":        {reply{401, `{"error":"invalid_client"}`}, "client"},
		"no such page":          {reply{404, `{}`}, "404"},
		"not an answer":         {reply{200, `{"ok":true}`}, "whether the token is active"},
		"a fault at the moment": {reply{503, `{}`}, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackEnd(t, test.answer)
			err := userstatus.SelfTest(t.Context(), newChecker(t, b.config(userstatus.Introspection), fixed))
			wrong, misconfigured := errors.AsType[*userstatus.Misconfigured](err)
			switch test.want {
			case "":
				if err != nil {
					t.Error(err)
				}
			case "-":
				if err == nil || misconfigured {
					t.Errorf("error = %v", err)
				}
			default:
				if !misconfigured || !strings.Contains(wrong.Error(), test.want) || wrong.Fix == "" {
					t.Errorf("error = %v, want %s and a fix", err, test.want)
				}
			}
		})
	}

	b := newBackEnd(t, reply{400, `{}`})
	for _, c := range []userstatus.Config{b.config(userstatus.AdminGetUser), {Check: userstatus.Push}} {
		if err := userstatus.SelfTest(t.Context(), newChecker(t, c, fixed)); err != nil {
			t.Errorf("%s: %v", c.Check, err)
		}
	}
	if n := len(b.seen()); n != 0 {
		t.Errorf("%d questions about a user who is not there", n)
	}
}

func TestPools(t *testing.T) {
	yes := newBackEnd(t, reply{200, `{"active":true}`})

	no := newBackEnd(t, reply{200, `{"active":false}`})
	push := newChecker(t, userstatus.Config{Check: userstatus.Push}, fixed)
	pools := userstatus.Pools{
		ByProvider: map[string]userstatus.Checker{provider: newChecker(t, yes.config(userstatus.Introspection), fixed),
			"other.example/x": push},
		ByRegion: map[string]userstatus.Checker{"eu-west-1": newChecker(t, no.config(userstatus.Introspection), fixed),
			"eu-west-2": newChecker(t, yes.config(userstatus.Introspection), fixed)},
	}

	for name, want := range map[string]string{
		provider: "yes", "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other": "no",
		"cognito-idp.us-east-1.amazonaws.com/us-east-1_AbC": "no", "other.example/x": "yes", "": "no",
		// The host names the region, not the ID that an emulator gave.
		"cognito-idp.eu-west-2.amazonaws.com/local_AbC":     "yes",
		"cognito-idp.eu-west-1.amazonaws.com/eu-west-2_AbC": "no",
		"idp.example/eu-west-2_AbC":                         "no",
	} {
		u := alice
		u.Provider = name
		if got := outcome(t, pools, u); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
