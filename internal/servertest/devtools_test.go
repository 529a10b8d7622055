package servertest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/smithy-go"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devcalls"
	"github.com/poolhouse-id/poolhouse/internal/devclock"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// openTrust is a trust policy that lets everybody in.
const openTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}`

// guest returns the credentials of a new guest.
func guest(t *testing.T, s *wiretest.Server, pool string) *ci.GetCredentialsForIdentityOutput {
	t.Helper()

	id := s.GetID(t, pool, nil)
	return wiretest.Must(s.Public().GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: &id}))(t)
}

// When the clock is moved, what was given out expires, and new things are good. Clients that sign by the
// machine's clock are answered all the same.
func TestDevClockMoves(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	const day = 24 * time.Hour
	for _, step := range []time.Duration{2 * time.Hour, 30 * day, 500 * day, -10 * day} {
		token := s.Logins(t, "alice")
		keys := guest(t, s, pool).Credentials
		before := s.DevClock().Now()

		if err := s.DevClock().Advance(step); err != nil {
			t.Fatal(err)
		}
		if moved := s.DevClock().Now().Sub(before); moved < step || moved > step+time.Minute {
			t.Errorf("the clock moved by %s", moved)
		}

		if _, err := s.Whoami(t, "test", "test", ""); err != nil {
			t.Errorf("after %s the client's own keys are refused: %v", step, err)
		}
		_, err := s.Whoami(t, *keys.AccessKeyId, *keys.SecretKey, *keys.SessionToken)
		_, loginErr := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: token})
		if step > 0 {
			if err == nil || step < 24*time.Hour && !strings.Contains(err.Error(), "ExpiredToken") {
				t.Errorf("after %s the former credentials: %v", step, err) // their key is dropped at last
			}
			wiretest.WantError(t, loginErr, "NotAuthorizedException", "")
		}

		s.GetID(t, pool, s.Logins(t, "alice"))
		fresh := guest(t, s, pool).Credentials
		if left := fresh.Expiration.Sub(s.DevClock().Now()); left < 50*time.Minute || left > 2*time.Hour {
			t.Errorf("after %s new credentials last %s", step, left)
		}
		if _, err := s.Whoami(t, *fresh.AccessKeyId, *fresh.SecretKey, *fresh.SessionToken); err != nil {
			t.Errorf("after %s new credentials are refused: %v", step, err)
		}
	}
}

// When the clock goes back before the server's start, tokens and credentials are good as ever.
func TestDevClockBeforeTheStart(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	for _, now := range []time.Time{
		s.DevClock().Now().Add(-2 * time.Hour), time.Date(devclock.MinYear, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if err := s.DevClock().Set(now); err != nil {
			t.Fatal(err)
		}

		id := s.GetID(t, pool, nil)
		_, err := s.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &id})
		if err != nil {
			t.Errorf("at %s: %v", now, err)
		}
		guest(t, s, pool)
		s.GetID(t, pool, s.Logins(t, "alice"))
	}
}

// A skewed clock refuses signatures of the machine's time, and tells SDKs its own in the Date header, so that
// they correct themselves.
func TestDevClockSkewed(t *testing.T) {
	s := wiretest.Start(t)
	yes := true
	if _, err := s.DevClock().Change(devclock.Change{Advance: time.Hour, Skewed: &yes}); err != nil {
		t.Fatal(err)
	}

	got := s.Raw(t, "ListIdentityPools", `{"MaxResults":1}`, true)
	if got.Status != http.StatusBadRequest || !strings.Contains(got.Body, "InvalidSignatureException") {
		t.Errorf("signed by the machine's clock: %d %s", got.Status, got.Body)
	}

	client := s.Admin()
	input := &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)}
	_, err := client.ListIdentityPools(t.Context(), input)
	wiretest.WantError(t, err, "InvalidSignatureException", "")
	wiretest.Must(client.ListIdentityPools(t.Context(), input))(t) // signed by the server's date
}

// Faults of operations come true exactly as often as they should, whoever calls at the same time.
func TestDevFaultCount(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	fault, err := s.DevFaults().Add(devfault.Fault{
		Operation: "GetId", Error: "TooManyRequestsException", After: 10, Times: 37,
	})
	if err != nil {
		t.Fatal(err)
	}

	var failed atomic.Int32
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			got := s.Raw(t, "GetId", `{"IdentityPoolId":"`+pool+`"}`, false)
			switch {
			case got.Status == http.StatusOK:
			case got.Status == http.StatusTooManyRequests && got.Header.Get("X-Amzn-Errortype") ==
				"TooManyRequestsException:" && got.Header.Get("Retry-After") != "" &&
				got.Body == `{"__type":"TooManyRequestsException","message":"Rate exceeded"}`:
				failed.Add(1)
			default:
				t.Errorf("%d %s", got.Status, got.Body)
			}
		})
	}
	group.Wait()

	now, err := s.DevFaults().Get(fault.ID)
	if failed.Load() != 37 || err != nil || now.Hits != 37 {
		t.Errorf("%d calls failed, %d hits, %v", failed.Load(), now.Hits, err)
	}
	calls, _ := s.DevCalls().Since(0, 1000)
	n := 0
	for _, call := range calls {
		if step := call.Deciding(); call.Outcome != "" && (step == nil || step.Code != "injected-faults-operation" ||
			!strings.Contains(step.Got, fault.ID)) {
			t.Errorf("the record has %+v", call)
		} else if call.Outcome != "" {
			n++
		}
	}
	if n != 37 {
		t.Errorf("the record has %d refused calls", n)
	}
}

// A connection that is cut after the operation leaves what it did; one that is cut before leaves nothing.
func TestDevFaultDisconnect(t *testing.T) {
	s := wiretest.Start(t)
	for _, when := range []string{devfault.BeforeCall, devfault.AfterCall} {
		fault := wiretest.Must(s.DevFaults().Add(devfault.Fault{
			Operation: "CreateIdentityPool", Disconnect: when, Times: 1,
		}))(t)
		once := func(o *ci.Options) { o.RetryMaxAttempts = 1 }
		_, err := s.Admin().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
			IdentityPoolName: aws.String(when), AllowUnauthenticatedIdentities: true}, once)
		if answer, ok := errors.AsType[smithy.APIError](err); err == nil || ok {
			t.Errorf("%s: %v %v", when, err, answer)
		}

		pools := wiretest.Must(s.DevPools(t.Context(), 10))(t)
		if made := len(pools) > 0; made != (when == devfault.AfterCall) {
			t.Errorf("%s: the pools are %+v", when, pools)
		}
		call, found := s.DevCalls().Wait(t.Context(), 0, func(c devcalls.Call) bool {
			step := c.Deciding()
			return step != nil && strings.Contains(step.Got, fault.ID)
		})
		if !found || call.Status != 0 || call.Outcome != "ConnectionCut" {
			t.Errorf("%s: the record has %+v", when, call)
		}
	}
}

// Faults of the database are answered as its real ones: nothing is written, and nothing is half written.
func TestDevFaultDatabase(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	for _, name := range []string{
		devfault.Unavailable, devfault.DiskFull, devfault.ReadOnly, devfault.UnknownOutcome,
	} {
		fault := wiretest.Must(s.DevFaults().Add(devfault.Fault{
			Database: devfault.Writes, Error: name, After: 2, Times: 1,
		}))(t)

		for n := range 4 {
			got := s.Raw(t, "GetId", `{"IdentityPoolId":"`+pool+`"}`, false)
			switch {
			case n == 2 && got.Status != http.StatusServiceUnavailable:
				t.Errorf("%s: %d %s", name, got.Status, got.Body)
			case n != 2 && got.Status != http.StatusOK:
				t.Errorf("%s, write %d: %d %s", name, n, got.Status, got.Body)
			}
		}
		if ended, err := s.DevFaults().Delete(fault.ID); err != nil || ended.Hits != 1 {
			t.Errorf("%s: %v, %d hits", name, err, ended.Hits)
		}
	}

	list := wiretest.Must(s.Admin().ListIdentities(t.Context(),
		&ci.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(60)}))(t)
	if len(list.Identities) != 3*4+1 { // an unknown outcome was a success
		t.Errorf("%d identities", len(list.Identities))
	}
}

// A provider at fault fails sign-ins at once, although its keys were fetched before, and is good again when the
// fault ends.
func TestDevFaultProvider(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	key := wiretest.DevInfo(s).LoginKey
	s.GetID(t, pool, s.Logins(t, "alice"))

	for _, answer := range []string{devfault.Down, devfault.BadStatus, devfault.ForeignKeys, devfault.Garbage} {
		fault := wiretest.Must(s.DevFaults().Add(devfault.Fault{Provider: key, Answer: answer}))(t)
		for range 4 {
			_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: s.Logins(t, "bob")},
				func(o *ci.Options) { o.RetryMaxAttempts = 1 })
			code := "ExternalServiceException"
			if answer == devfault.ForeignKeys {
				code = "NotAuthorizedException"
			}
			wiretest.WantError(t, err, code, "")
		}
		if ended, err := s.DevFaults().Delete(fault.ID); err != nil || ended.Hits == 0 {
			t.Errorf("%s: %+v, %v", answer, ended, err)
		}
		s.GetID(t, pool, s.Logins(t, "bob"))
	}
}

// A call that a fault delays ends when the fault is deleted, the server is reset or it stops.
func TestDevFaultDelayEnds(t *testing.T) {
	s := wiretest.Start(t)
	for name, end := range map[string]func(){
		"deleted": func() { s.DevFaults().Clear() },
		"reset":   func() { _ = s.DevReset(t.Context(), true) },
		"stopped": s.Stopping,
	} {
		wiretest.Must(s.DevFaults().Add(devfault.Fault{Operation: "GetId", Delay: devfault.MaxDelay}))(t)
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			s.Raw(t, "GetId", `{}`, false)
		}()
		wiretest.Await(t, func() bool {
			list := s.DevFaults().List()
			return len(list) == 1 && list[0].Hits == 1
		})

		end()
		select {
		case <-answered:
		case <-t.Context().Done():
			t.Errorf("%s: the call still waits", name)
		}
		if name == "stopped" {
			break
		}
	}
}

// resettable are the stores of a server that can be reset.
func resettable(t *testing.T, test func(t *testing.T, change func(*poolhouse.Config))) {
	t.Run("in memory", func(t *testing.T) { test(t, func(*poolhouse.Config) {}) })
	t.Run("in a folder", func(t *testing.T) {
		folder := t.TempDir()
		test(t, func(c *poolhouse.Config) { c.DataDir = folder })
	})
}

// A reset leaves nothing but the keys that sign tokens.
func TestDevReset(t *testing.T) {
	resettable(t, func(t *testing.T, store func(*poolhouse.Config)) {
		fills := 0
		s := wiretest.Start(t, store, func(c *poolhouse.Config) {
			atReset(func(_ context.Context, fresh *poolhouse.Server, empty bool) error {
				fills++
				if pools, err := fresh.DevPools(context.Background(), 1); len(pools) > 0 || err != nil || !empty {
					return errors.New("the fresh server is not empty")
				}
				return nil
			})(c)
		})
		pool := s.NewPool(t)
		keys := guest(t, s, pool).Credentials
		s.NewIAMRole(t, "R", openTrust)
		jwks, own := s.Get(t, "/.well-known/jwks_uri").Body, s.Get(t, "/dev-issuer/jwks").Body
		if err := s.DevClock().Advance(time.Hour); err != nil {
			t.Fatal(err)
		}

		if err := s.DevReset(t.Context(), true); err != nil || fills != 1 {
			t.Fatal(err, fills)
		}

		if _, err := s.Whoami(t, *keys.AccessKeyId, *keys.SecretKey, *keys.SessionToken); err == nil {
			t.Error("credentials from before are good")
		}
		if _, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool}); err == nil {
			t.Error("the pool is still there")
		}
		if pools := wiretest.Must(s.DevPools(t.Context(), 1))(t); len(pools) > 0 {
			t.Errorf("the pools are %+v", pools)
		}
		if state := s.DevClock().State(); state.Offset > time.Minute {
			t.Errorf("the clock is %+v", state)
		}
		if after := s.Get(t, "/.well-known/jwks_uri").Body; after != jwks {
			t.Errorf("the keys of Cognito tokens were\n%s\nand are\n%s", jwks, after)
		}
		if after := s.Get(t, "/dev-issuer/jwks").Body; after != own {
			t.Errorf("the keys of the development issuer were\n%s\nand are\n%s", own, after)
		}

		pool = s.NewPool(t) // everything works as before
		s.GetID(t, pool, s.Logins(t, "alice"))
		guest(t, s, pool)
		s.NewIAMRole(t, "R", openTrust)
	})
}

// Resets while calls are under way leave no half state: each call is answered by the server before or by the one
// after, and resets at the same time wait for each other.
func TestDevResetsDuringCalls(t *testing.T) {
	resettable(t, func(t *testing.T, store func(*poolhouse.Config)) {
		s := wiretest.Start(t, store)
		var calls, resets sync.WaitGroup
		done := make(chan struct{})
		for range 4 {
			calls.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					got := s.Raw(t, "CreateIdentityPool",
						`{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":true}`, true)
					if got.Status != http.StatusOK {
						t.Errorf("%d %s", got.Status, got.Body)
					}
				}
			})
		}
		for range 3 {
			resets.Go(func() {
				var pools any
				status := control(t, s, http.MethodPost, poolhouse.DevResetPath, "", &pools)
				if status != http.StatusOK {
					t.Errorf("a reset has status %d: %v", status, pools)
				}
			})
		}
		resets.Wait()
		close(done)
		calls.Wait()

		if err := s.DevReset(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if pools := wiretest.Must(s.DevPools(t.Context(), 1))(t); len(pools) > 0 {
			t.Errorf("the pools are %+v", pools)
		}
	})
}
