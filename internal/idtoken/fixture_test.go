package idtoken_test

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
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// fixture is one provider, one verifier and the trust between them.
type fixture struct {
	*logintest.Clock
	issuer   *logintest.Issuer
	client   *outbound.Client
	verifier *idtoken.Verifier
	trust    idtoken.Rule
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
	f.verifier = idtoken.New(f.client, o.Now)
	f.trust = idtoken.Rule{
		Provider: "issuer.test", Issuers: []string{f.issuer.URL}, Audiences: []string{logintest.Audience},
		Policy: outbound.Policy{AllowHTTP: true, AllowPrivate: true},
	}

	return f
}

// verify returns what Verify answers and what it recorded.
func (f *fixture) verify(tb testing.TB, trust idtoken.Rule, token string) (idtoken.Claims, *explain.Trace, error) {
	tb.Helper()
	trace := &explain.Trace{}
	c, err := f.verifier.Verify(explain.NewContext(tb.Context(), trace.For(trust.Provider)), &trust, token)
	if err != nil && c.All != nil {
		tb.Errorf("Verify returned claims %v with the error %v", c, err)
	}
	f.noLeak(tb, token, fmt.Sprint(err), trace)
	return c, trace, err
}

// accepts fails the test unless token passes.
func (f *fixture) accepts(tb testing.TB, token string) idtoken.Claims {
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
func (f *fixture) refuses(tb testing.TB, trust idtoken.Rule, token, check, message string) {
	tb.Helper()
	_ = f.refusal(tb, trust, token, check, message)
}

// refusal is refuses for tests that look at the refusal, too.
func (f *fixture) refusal(tb testing.TB, trust idtoken.Rule, token, check, message string) *idtoken.Refused {
	tb.Helper()
	_, trace, err := f.verify(tb, trust, token)
	var refused *idtoken.Refused
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

	return refused
}

// unavailable fails the test unless the provider could not be asked.
func (f *fixture) unavailable(tb testing.TB, token string) {
	tb.Helper()
	_ = f.unavailability(tb, token)
}

// unavailability is unavailable for tests that look at the error, too.
func (f *fixture) unavailability(tb testing.TB, token string) error {
	tb.Helper()
	_, trace, err := f.verify(tb, f.trust, token)
	var unavailable *idtoken.Unavailable
	if !errors.As(err, &unavailable) {
		tb.Fatalf("Verify = %v, want *Unavailable", err)
	}
	if unavailable.Provider != f.trust.Provider {
		tb.Errorf("Unavailable.Provider = %q, want %q", unavailable.Provider, f.trust.Provider)
	}

	steps := trace.Steps()
	if last := steps[max(0, len(steps)-1):]; len(last) == 0 || last[0].OK || last[0].Provider != f.trust.Provider ||
		last[0].Expected == "" || last[0].Got == "" || !inPlainWords(last[0].Fix) {
		tb.Errorf("trace does not explain why the provider could not be asked: %+v", steps)
	}

	return err
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
