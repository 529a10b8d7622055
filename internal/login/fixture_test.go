package login_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// fixture is one provider, one verifier and the trust between them.
type fixture struct {
	*logintest.Clock
	issuer   *logintest.Issuer
	client   *outbound.Client
	verifier *login.Verifier
	trust    login.Trust
	log      *logintest.Log
}

// newFixture starts a provider; change, if any, edits the verifier's options.
func newFixture(tb testing.TB, change func(*outbound.Options)) *fixture {
	tb.Helper()
	f := &fixture{Clock: logintest.NewClock(), issuer: logintest.NewIssuer(tb), log: &logintest.Log{}}
	f.issuer.SetNow(f.Now)
	o := outbound.Options{Now: f.Now,
		Logger: slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&o)
	}

	f.client = outbound.New(o)
	tb.Cleanup(f.client.Close)
	f.verifier = login.New(f.client, login.Options{Now: o.Now, Logger: o.Logger})
	f.trust = login.Trust{Rule: idtoken.Rule{
		Provider:  "issuer.test",
		Issuers:   []string{f.issuer.URL},
		Audiences: []string{logintest.Audience},
		Policy:    outbound.Policy{AllowHTTP: true, AllowPrivate: true},
	}}

	return f
}

// verify returns what Verify answers and what it recorded.
func (f *fixture) verify(tb testing.TB, trust login.Trust, token string) (login.Claims, *explain.Trace, error) {
	tb.Helper()
	trace := &explain.Trace{}
	c, err := f.verifier.Verify(explain.NewContext(tb.Context(), trace), trust, token)
	if err != nil && c.All != nil {
		tb.Errorf("Verify returned claims %v with the error %v", c, err)
	}
	f.noLeak(tb, token, fmt.Sprint(err), trace)
	return c, trace, err
}

// accepts fails the test unless token passes.
func (f *fixture) accepts(tb testing.TB, token string) login.Claims {
	tb.Helper()
	c, trace, err := f.verify(tb, f.trust, token)
	if err != nil {
		tb.Fatalf("Verify: %v\ntrace: %+v", err, trace.Steps())
	}
	if trace.Refused() {
		tb.Errorf("trace of an accepted token has a failed step: %+v", trace.Steps())
	}

	return c
}

// refuses fails the test unless token is refused at check with message.
func (f *fixture) refuses(tb testing.TB, trust login.Trust, token, check, message string) {
	tb.Helper()
	_, trace, err := f.verify(tb, trust, token)
	var refused *login.Refused
	if !errors.As(err, &refused) {
		tb.Fatalf("Verify = %v, want *Refused at %q", err, check)
	}
	if refused.Reason.Check != check || refused.Message != message {
		tb.Errorf("refused at %q with %q, want %q with %q", refused.Reason.Check, refused.Message, check, message)
	}
	if refused.Expected == "" || refused.Got == "" || refused.Fix == "" {
		tb.Errorf("refusal does not explain itself: %+v", refused)
	}

	steps := trace.Steps()
	last := refused.Step()
	last.Provider = trust.Provider
	if len(steps) == 0 || steps[len(steps)-1] != last {
		tb.Errorf("trace ends with %+v, want %+v", steps, last)
	}

	for _, step := range steps[:max(0, len(steps)-1)] {
		if !step.OK {
			tb.Errorf("trace has a second failed step %+v", step)
		}
	}
}

// noLeak fails the test if any part of token stands in an error, trace or log.
func (f *fixture) noLeak(tb testing.TB, token, errText string, trace *explain.Trace) {
	tb.Helper()
	var said strings.Builder
	said.WriteString(errText)
	said.WriteString(f.log.String())

	for _, s := range trace.Steps() {
		said.WriteString(s.Check + s.Expected + s.Got + s.Fix)
	}

	for part := range strings.SplitSeq(token, ".") {
		if len(part) >= 16 && strings.Contains(said.String(), part[:16]) {
			tb.Errorf("a part of the token stands in an error, trace or log")
		}
	}
}

// noNetwork makes every connection fail the test.
func noNetwork(tb testing.TB) func(*outbound.Options) {
	return func(o *outbound.Options) {
		o.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
			tb.Errorf("connection to %s", address)
			return nil, errors.New("no network in this test")
		}
	}
}
