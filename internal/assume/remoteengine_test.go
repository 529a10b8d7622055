package assume

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

func TestCredentials(t *testing.T) {
	for name, answer := range map[string]string{
		"AWS": granted(),
		"MinIO": `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
			`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">` +
			`<AssumeRoleWithWebIdentityResult>` +
			`<AssumedRoleUser><Arn></Arn><AssumeRoleId></AssumeRoleId></AssumedRoleUser><Credentials><AccessKeyId>` +
			theKey + `</AccessKeyId><SecretAccessKey>` + theSecret +
			`</SecretAccessKey><Expiration>2026-11-24T13:00:00Z</Expiration>` +
			`<SessionToken>c2Vzc2lvbg==</SessionToken></Credentials></AssumeRoleWithWebIdentityResult>` +
			`</AssumeRoleWithWebIdentityResponse>`,
		"Ceph": granted("T13:00:00Z", "T13:00:00.000000000Z"),
	} {
		f := newFixture(t, newFakeSTS(t, answering(200, answer)).at(EngineConfig{}), 0)
		got, err := f.ask(t, user())

		want := session.Credentials{
			AccessKeyID:     theKey,
			SecretAccessKey: theSecret,
			SessionToken:    "c2Vzc2lvbg==",
			Expiration:      now.Add(time.Hour),
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}

		if f.trace.Refused() {
			t.Errorf("%s: the trace has a refusal: %+v", name, f.trace.Steps())
		}
		f.quiet(t, err)
	}
}

// Every answer but credentials is an error, of the right kind, with a reason
// and a fix, and no secret gets anywhere.
func TestBadAnswers(t *testing.T) {
	redirected := newFakeSTS(t, answering(200, granted()))
	var sent atomic.Int64
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })

	long := strings.Repeat("x", 9000)
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
		reason string // part of the trace
	}{
		{"no", answering(403, refusing("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")),
			ErrDenied, "AccessDenied: Not authorized"},
		{"bad token", answering(400, refusing("InvalidIdentityToken", "Incorrect token audience")), ErrDenied,
			"Incorrect token audience"},
		{"expired token", answering(400, refusing("ExpiredTokenException", "Token expired")), ErrDenied,
			"Token expired"},
		{"claim rejected", answering(403, refusing("IDPRejectedClaim", "revoked")), ErrDenied, "revoked"},
		{"validation",
			answering(400,
				refusing("ValidationError",
					"The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")), ErrDenied,
			"MaxSessionDuration"},
		{"policy", answering(400, refusing("MalformedPolicyDocument", "m")), ErrDenied, "MalformedPolicyDocument"},
		{"policy too large", answering(400, refusing("PackedPolicyTooLarge", "m")), ErrDenied, "PackedPolicyTooLarge"},
		{"region off", answering(403, refusing("RegionDisabledException", "m")), ErrDenied, "RegionDisabledException"},
		{"MinIO's", answering(400, refusing("InvalidParameterValue", "unsupported action 'ses:*'")), ErrDenied,
			"unsupported action"},
		{"Ceph's", answering(403, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code>`+
			`<Message></Message><RequestId>tx</RequestId><HostId>h</HostId></Error>`), ErrDenied, "AccessDenied"},
		{"that repeats the token",
			answering(400, refusing("InvalidIdentityToken", "bad token "+theToken+" and key "+theSecret)), ErrDenied,
			"bad token [masked]"},
		{"that forges lines", answering(400, refusing("AccessDenied", "x\nlevel=ERROR \u2028 y")), ErrDenied,
			"AccessDenied: x level"},

		{"provider not reached", answering(400, refusing("IDPCommunicationError", "m")), ErrUnavailable,
			"IDPCommunicationError"},
		{"throttled", answering(400, refusing("Throttling", "Rate exceeded")), ErrUnavailable, "Throttling"},
		{"throttled by status", answering(429, refusing("Other", "m")), ErrUnavailable, "429"},
		{"fault", answering(500, refusing("InternalFailure", "m")), ErrUnavailable, "500"},
		{"fault that says no", answering(503, refusing("AccessDenied", "m")), ErrUnavailable, "503"},
		{"500 of a page", answering(500, "<html><body><h1>Oops</h1><br></body></html>"), ErrUnavailable, "status 500"},
		{"403 of a page", answering(403, "<html><body>forbidden</body></html>"), ErrUnavailable,
			"status 403 without an error code"},
		{"404 empty", answering(404, ""), ErrUnavailable, "status 404"},
		{"page", answering(200, "<!DOCTYPE html><html><body>Sign in</body></html>"), ErrUnavailable, "document type"},
		{"JSON", answering(200, `{"Credentials":{}}`), ErrUnavailable, "no answer of an STS"},
		{"empty", answering(200, ""), ErrUnavailable, "empty"},
		{"error with status 200", answering(200, refusing("AccessDenied", "m")), ErrUnavailable, "AccessKeyId"},
		{"credentials with status 201", answering(201, granted()), ErrUnavailable, "201"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, redirected.URL, http.StatusTemporaryRedirect)
		}, ErrUnavailable, "redirect"},
		{"slow", func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		}, ErrUnavailable, "in time"},
		{"slow body", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, granted()[:100])
			_ = http.NewResponseController(w).Flush()

			select {
			case <-stop:
			case <-r.Context().Done():
			}
		}, ErrUnavailable, "in time"},
		{"huge", func(w http.ResponseWriter, _ *http.Request) {
			for range 1000 {
				n, err := w.Write([]byte(strings.Repeat(" ", 64<<10)))
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		}, ErrUnavailable, "more than 65536 bytes"},
		{"cut", answering(200, granted()[:400]), ErrUnavailable, "no XML"},
		{"hung up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrUnavailable, ""},
		{"other root", answering(200, granted("AssumeRoleWithWebIdentityResponse", "AssumeRoleResponse")),
			ErrUnavailable, "AccessKeyId"},
		{"no key", answering(200, granted("<AccessKeyId>"+theKey+"</AccessKeyId>", "")), ErrUnavailable, "AccessKeyId"},
		{"empty key", answering(200, granted(theKey, "")), ErrUnavailable, "AccessKeyId"},
		{"no secret", answering(200, granted("<SecretAccessKey>"+theSecret+"</SecretAccessKey>", "")), ErrUnavailable,
			"SecretAccessKey"},
		{"secret with a blank", answering(200, granted(theSecret, "a b")), ErrUnavailable, "SecretAccessKey"},
		{"no token", answering(200, granted("<SessionToken>c2Vzc2lvbg==</SessionToken>", "")), ErrUnavailable,
			"SessionToken"},
		{"long token", answering(200, granted("c2Vzc2lvbg==", long)), ErrUnavailable, "SessionToken"},
		{"token beyond ASCII", answering(200, granted("c2Vzc2lvbg==", "töken")), ErrUnavailable, "SessionToken"},
		{"no end", answering(200, granted("<Expiration>2026-11-24T13:00:00Z</Expiration>", "")), ErrUnavailable,
			"Expiration"},
		{"end in seconds", answering(200, granted("2026-11-24T13:00:00Z", "1795525200")), ErrUnavailable, "Expiration"},
		{"over", answering(200, granted("T13:00:00Z", "T12:00:00Z")), ErrUnavailable, "that end at"},
		{"endless", answering(200, granted("2026-11-24T13", "2036-11-24T13")), ErrUnavailable, "that end at"},
		{"twice", answering(200, granted("<Credentials>", "<Credentials><AccessKeyId>OTHER</AccessKeyId>")),
			ErrUnavailable, "twice"},
		{"two answers", answering(200, granted()+granted()), ErrUnavailable, "after its end"},
		{"text behind", answering(200, granted()+"x"), ErrUnavailable, "around its XML"},
		{"entity", answering(200, `<!DOCTYPE x [<!ENTITY k "v">]>`+granted(theKey, "&k;")), ErrUnavailable,
			"document type"},
		{"instruction", answering(200, `<?php echo 1 ?>`+granted()), ErrUnavailable, "processing instruction"},
		{"deep", answering(200, strings.Repeat("<a>", 20)+strings.Repeat("</a>", 20)), ErrUnavailable, "too deep"},
		{"wide", answering(200, "<a>"+strings.Repeat("<b/>", 300)+"</a>"), ErrUnavailable, "twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			timeout := 30 * time.Second
			if c.reason == "in time" {
				timeout = 100 * time.Millisecond
			}
			fake := newFakeSTS(t, c.answer)
			f := newFixture(t, fake.at(EngineConfig{ClientID: "broker", ClientSecret: "hushhush"}), timeout)
			got, err := f.ask(t, user())
			if !errors.Is(err, c.want) || got != (session.Credentials{}) {
				t.Fatalf("got %v, %v, want %v", got, err, c.want)
			}

			steps := f.trace.Steps()
			last := steps[len(steps)-1]
			if last.OK || last.Fix == "" || !strings.Contains(last.Got, c.reason) ||
				strings.ContainsAny(last.Got, "\n\u2028") {
				t.Errorf("the trace ends with %+v, want %q", last, c.reason)
			}
			if strings.Count(f.log.String(), "\n") != 1 {
				t.Errorf("the log says %q", f.log)
			}
			f.quiet(t, err)
		})
	}

	if redirected.asked != 0 {
		t.Error("a redirect was followed")
	}
	if sent.Load() > 32<<20 {
		t.Errorf("%d bytes of an endless answer were read", sent.Load())
	}
}

// An engine that does not answer, or answers with faults, is left alone after a
// few attempts, asked once in a while, and asked by all again when it is well.
func TestBreaker(t *testing.T) {
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })

	for name, sick := range map[string]http.HandlerFunc{
		"slow": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		},
		"slow body": func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()

			select {
			case <-stop:
			case <-r.Context().Done():
			}
		},
		"hung up":                func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"500":                    answering(500, ""),
		"fault of an STS":        answering(500, refusing("InternalFailure", "m")),
		"502 of a proxy":         answering(502, "<html><body>Bad Gateway</body></html>"),
		"503 that says no":       answering(503, refusing("AccessDenied", "m")),
		"503 while it starts":    answering(503, refusing("XMinioServerNotInitialized", "m")),
		"504 of a load balancer": answering(504, ""),
	} {
		t.Run(name, func(t *testing.T) {
			var well atomic.Bool
			fake := newFakeSTS(t, func(w http.ResponseWriter, r *http.Request) {
				if well.Load() {
					answering(200, granted())(w, r)
					return
				}
				sick(w, r)
			})

			timeout := 30 * time.Second
			if strings.HasPrefix(name, "slow") {
				timeout = 100 * time.Millisecond
			}

			f := newFixture(t, fake.at(EngineConfig{}), timeout)
			fails := func(asked int, alone bool) {
				t.Helper()
				_, err := f.ask(t, user())
				if !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "left alone") != alone ||
					fake.questions() != asked {
					t.Fatalf("asked %d times: %v; want %d times, left alone %t", fake.questions(), err, asked, alone)
				}
			}

			for n := range 3 {
				fails(n+1, false)
			}
			fails(3, true)
			f.ahead = 5*time.Second - 1
			fails(3, true)

			f.ahead++
			fails(4, false)
			fails(4, true)
			well.Store(true)
			f.ahead += 10 * time.Second

			for range 4 {
				if _, err := f.ask(t, user()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}

	t.Run("gone", func(t *testing.T) {
		dead := newFakeSTS(t, nil)
		dead.Close()

		f := newFixture(t, dead.at(EngineConfig{}), 0)
		for n := range 4 {
			_, err := f.ask(t, user())
			if open := strings.Contains(err.Error(), "left alone"); !errors.Is(err, ErrUnavailable) ||
				open != (n == 3) {
				t.Errorf("attempt %d: %v", n, err)
			}
		}
	})

	// What an engine refuses, and that it is asked too often, concerns who asks:
	// others are not to suffer from it.
	for name, answer := range map[string]http.HandlerFunc{
		"refusal":   answering(403, refusing("AccessDenied", "m")),
		"throttled": answering(429, refusing("Throttling", "m")),
		"page":      answering(200, "<html></html>"),
	} {
		fake := newFakeSTS(t, answer)
		f := newFixture(t, fake.at(EngineConfig{}), 0)
		for range 6 {
			_, _ = f.ask(t, user())
		}
		if fake.questions() != 6 {
			t.Errorf("%s: asked %d times", name, fake.questions())
		}
	}
}

func TestCallerLeaves(t *testing.T) {
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	ctx, leave := context.WithCancel(t.Context())
	f := newFixture(t, newFakeSTS(t, func(_ http.ResponseWriter, r *http.Request) {
		leave()

		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}).at(EngineConfig{}), 0)
	if _, err := f.AssumeRoleForIdentity(ctx, user()); !errors.Is(err, ErrUnavailable) ||
		!errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// What the settings do not let be asked is refused before anybody is asked.
func TestNotAsked(t *testing.T) {
	fake := newFakeSTS(t, answering(200, granted()))
	other, none, unlisted := user(), user(), user()
	other.Role = ReadPoolRole("arn:aws:iam::999999999999:role/User")
	none.Role = ReadPoolRole("arn:minio:iam:::role/x")
	unlisted.Role = ReadPoolRole("arn:aws:iam::123456789012:role/Other")
	c := EngineConfig{
		Roles: map[string]string{userRole: "engine-user"},
		Token: TokenConfig{Claims: map[string]any{"policy": []any{"${tag:team}"}}},
	}
	comma, pattern, missing := c, c, c
	comma.Token.Claims = map[string]any{"policy": "${tag:list}"}
	pattern.SessionPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*",` +
		`"Resource":"arn:aws:s3:::files/${tag:list}/*"}]}`
	missing.Token.Claims = map[string]any{"policy": map[string]any{"x": "${tag:absent}"}}

	for name, try := range map[string]struct {
		c EngineConfig
		r Request
	}{
		"another account":           {c, other},
		"no role's ARN":             {c, none},
		"a role that is not listed": {c, unlisted},
		"a tag with a comma":        {comma, user()},
		"a tag in the policy":       {pattern, user()},
		"a tag that is not there":   {missing, user()},
	} {
		f := newFixture(t, fake.at(try.c), 0)
		if _, err := f.ask(t, try.r); !errors.Is(err, ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
		if steps := f.trace.Steps(); len(steps) == 0 || steps[len(steps)-1].Fix == "" {
			t.Errorf("%s: no reason: %+v", name, steps)
		}
		f.quiet(t, nil)
	}

	if fake.asked != 0 {
		t.Error("the engine was asked")
	}
	f := newFixture(t, fake.at(c), 0)
	if _, err := f.ask(t, Request{}); err == nil || errors.Is(err, ErrDenied) {
		t.Errorf("a request about nobody: %v", err)
	}
	if _, err := f.ask(t, user()); err != nil {
		t.Errorf("what is listed: %v", err)
	}
}
