package servertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/devcalls"
	"github.com/poolhouse-id/poolhouse/internal/devclock"
	"github.com/poolhouse-id/poolhouse/internal/devcontrol"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
	"github.com/poolhouse-id/poolhouse/internal/devseed"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// control calls the control API of a server, and reads its answer.
func control(t *testing.T, s *wiretest.Server, method, path, body string, into any) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	got := wiretest.Do(t, request)
	if err := json.Unmarshal([]byte(got.Body), into); err != nil {
		t.Fatalf("%s %s = %d %s", method, path, got.Status, got.Body)
	}

	return got.Status
}

// atReset makes a server call hook when it is reset.
func atReset(hook func(context.Context, *poolhouse.Server, bool) error) func(*poolhouse.Config) {
	return func(c *poolhouse.Config) { c.OnDevReset = hook }
}

// SAML responses of the control API sign users in, at identity pools and at STS.
func TestDevSAMLResponses(t *testing.T) {
	s := wiretest.Start(t)
	var user any
	control(t, s, http.MethodPut, "/_poolhouse/dev/users/alice", `{"claims":{"email":"a@example.com"}}`, &user)

	var response devcontrol.SAMLResponse
	if status := control(t, s, http.MethodPost, poolhouse.DevSAMLPath,
		`{"user":"alice","attributes":{"https://aws.amazon.com/SAML/Attributes/RoleSessionName":["alice"],
		"https://aws.amazon.com/SAML/Attributes/Role":["arn:aws:iam::000000000000:role/SAML,`+
			`arn:aws:iam::000000000000:saml-provider/poolhouse-dev"]}}`, &response); status != http.StatusOK {
		t.Fatal(status)
	}

	pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = []string{response.LoginKey} })
	logins := map[string]string{response.LoginKey: response.Response}
	if first, again := s.GetID(t, pool, logins), s.GetID(t, pool, logins); first != again {
		t.Errorf("one user has the identities %s and %s", first, again)
	}

	s.NewIAMRole(t, "SAML", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithSAML",`+
		`"Principal":{"Federated":"`+response.LoginKey+`"},"Condition":{"StringEquals":{"SAML:sub":"alice"}}}]}`)
	client := sts.New(sts.Options{BaseEndpoint: &s.URL, Region: wiretest.Region, RetryMaxAttempts: 1})
	input := &sts.AssumeRoleWithSAMLInput{
		RoleArn:       aws.String("arn:aws:iam::000000000000:role/SAML"),
		PrincipalArn:  &response.LoginKey,
		SAMLAssertion: &response.Response,
	}
	out := wiretest.Must(client.AssumeRoleWithSAML(t.Context(), input))(t)
	if aws.ToString(out.Subject) != "alice" {
		t.Errorf("the subject is %s", aws.ToString(out.Subject))
	}
}

// samlPool returns a pool that trusts the SAML provider of a development server.
func samlPool(t *testing.T, s *wiretest.Server, response devcontrol.SAMLResponse) string {
	t.Helper()
	return s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = []string{response.LoginKey} })
}

func TestDevSAMLResponseExpires(t *testing.T) {
	s := wiretest.Start(t)
	response := wiretest.Must(s.DevSAML(poolhouse.DevSAMLRequest{NameID: "bob"}))(t)
	pool := samlPool(t, s, response)
	logins := map[string]string{response.LoginKey: response.Response}
	s.GetID(t, pool, logins)

	if err := s.DevClock().Advance(2 * time.Hour); err != nil {
		t.Fatal(err)
	}
	_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins})
	wiretest.WantError(t, err, "NotAuthorizedException", "")
}

// The SAML provider is there after a reset. A changed response proves nothing: the negative control.
func TestDevSAMLAfterReset(t *testing.T) {
	s := wiretest.Start(t)
	if err := s.DevReset(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	var response devcontrol.SAMLResponse
	control(t, s, http.MethodPost, poolhouse.DevSAMLPath, `{"name_id":"bob&<x>"}`, &response)
	pool := samlPool(t, s, response)
	s.GetID(t, pool, map[string]string{response.LoginKey: response.Response})

	_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{
		IdentityPoolId: &pool,
		Logins:         map[string]string{response.LoginKey: wiretest.Flip(response.Response)},
	})
	if err == nil {
		t.Error("a changed response signs in")
	}
}

// Somebody who waits for a call gets the first that fits, also one that comes later, with the reasons of a refusal.
func TestDevWaitForCall(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)

	type answer struct {
		ID      uint64 `json:"id"`
		Error   string `json:"error"`
		Explain struct {
			Reason string `json:"reason"`
		} `json:"explain"`
	}
	came := make(chan answer, 1)
	go func() {
		var got answer
		if status := control(t, s, http.MethodGet,
			poolhouse.DevCallsPath+"/wait?operation=GetId&error=NotAuthorizedException&timeout_seconds=60", "",
			&got); status != http.StatusOK {
			t.Errorf("status %d, %+v", status, got)
		}
		came <- got
	}()

	s.GetID(t, pool, nil)
	logins := map[string]string{"a.example": "b"}
	_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins})
	wiretest.WantError(t, err, "NotAuthorizedException", "")
	if got := <-came; got.Explain.Reason == "" || got.ID == 0 {
		t.Errorf("the call is %+v", got)
	}
}

// Nobody who waits keeps the server from stopping.
func TestDevWaitEndsWithTheServer(t *testing.T) {
	s := wiretest.Start(t)
	answered := make(chan int, 1)
	asked := make(chan struct{})
	go func() {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			s.URL+poolhouse.DevCallsPath+"/wait?operation=Never&timeout_seconds=60", nil)
		if err != nil {
			t.Error(err)
		}
		trace := httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { close(asked) }}
		got := wiretest.Do(t, request.WithContext(httptrace.WithClientTrace(t.Context(), &trace)))
		answered <- got.Status
	}()
	<-asked
	s.Stopping()
	if status := <-answered; status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
}

// A reset waits for calls under way, however they were delayed, and other calls wait for the reset.
func TestDevResetWaitsForCalls(t *testing.T) {
	inside, goOn := make(chan struct{}), make(chan struct{})
	s := wiretest.Start(t, atReset(func(context.Context, *poolhouse.Server, bool) error {
		close(inside)
		<-goOn
		return nil
	}))
	pool := s.NewPool(t)

	reset, call := make(chan int, 1), make(chan wiretest.Answer, 1)
	go func() {
		var got any
		reset <- control(t, s, http.MethodPost, poolhouse.DevResetPath, "", &got)
	}()
	<-inside
	sent := make(chan struct{})
	go func() {
		call <- s.Raw(t, "GetId", `{"IdentityPoolId":"`+pool+`"}`, false, func(r *http.Request) {
			trace := httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) }}
			*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), &trace))
		})
	}()
	<-sent

	// Faults, clock and calls are there meanwhile.
	var got any
	if status := control(t, s, http.MethodGet, poolhouse.DevFaultsPath, "", &got); status != http.StatusOK {
		t.Errorf("the faults have status %d", status)
	}
	select {
	case early := <-call:
		t.Errorf("a call was answered during the reset: %d %s", early.Status, early.Body)
	default:
	}
	close(goOn)
	if status := <-reset; status != http.StatusOK {
		t.Errorf("the reset has status %d", status)
	}
	if got := <-call; !strings.Contains(got.Body, "ResourceNotFoundException") {
		t.Errorf("after the reset the pool is still there: %s", got.Body)
	}
}

// A reset that fails leaves a server in memory as it was, with its clock, faults and calls.
func TestDevResetFails(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		atReset(func(context.Context, *poolhouse.Server, bool) error { return io.ErrUnexpectedEOF })(c)
	})
	pool := s.NewPool(t)
	fault := wiretest.Must(s.DevFaults().Add(devfault.Fault{
		Operation: "DescribeIdentityPool", Error: "TooManyRequestsException",
	}))(t)
	stopped := true
	clock := wiretest.Must(s.DevClock().Change(devclock.Change{Advance: time.Hour, Stopped: &stopped}))(t)

	var got map[string]any
	status := control(t, s, http.MethodPost, poolhouse.DevResetPath, "", &got)
	if status != http.StatusInternalServerError {
		t.Errorf("status %d", status)
	}

	if list := s.DevFaults().List(); len(list) != 1 || list[0] != fault {
		t.Errorf("the faults are %+v", list)
	}
	if now := s.DevClock().State(); !now.Now.Equal(clock.Now) || !now.Stopped {
		t.Errorf("the clock was %+v and is %+v", clock, now)
	}
	if calls := s.DevCalls().Newest(1); len(calls) != 1 || calls[0].Operation != "SetIdentityPoolRoles" {
		t.Errorf("the newest call is %+v", calls)
	}
	s.GetID(t, pool, s.Logins(t, "alice"))

	// Faults are about the server that is there.
	input := &ci.DescribeIdentityPoolInput{IdentityPoolId: &pool}
	once := func(o *ci.Options) { o.RetryMaxAttempts = 1 }
	_, err := s.Admin().DescribeIdentityPool(t.Context(), input, once)
	wiretest.WantError(t, err, "TooManyRequestsException", "")
	wiretest.Must(s.DevFaults().Add(devfault.Fault{Provider: devfault.Any, Answer: devfault.Down}))(t)
	_, err = s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: s.Logins(t, "alice")})
	wiretest.WantError(t, err, "ExternalServiceException", "")
}

// seedPool is a seed with an identity pool.
const seedPool = "Resources:\n  P:\n    Type: AWS::Cognito::IdentityPool\n" +
	"    Properties: {IdentityPoolName: seeded, AllowUnauthenticatedIdentities: true}\n"

// No fault is about the server's own calls: seeds are applied, also at a reset, whatever fails for clients.
func TestDevFaultsSpareSeeds(t *testing.T) {
	resettable(t, func(t *testing.T, store func(*poolhouse.Config)) {
		var s *wiretest.Server
		fail := func() {
			for _, f := range []devfault.Fault{
				{Database: devfault.All, Error: devfault.Unavailable},
				{Operation: devfault.Any, Error: "TooManyRequestsException"},
			} {
				wiretest.Must(s.DevFaults().Add(f))(t)
			}
		}
		s = wiretest.Start(t, store, func(c *poolhouse.Config) {
			atReset(func(ctx context.Context, fresh *poolhouse.Server, _ bool) error {
				fail() // while it is reset
				file, err := devseed.Parse("seed", []byte(seedPool), apply.ReadOptions{
					Region:  wiretest.Region,
					Account: func() (string, error) { return fresh.Account(), nil },
				})
				if err != nil {
					return err
				}
				return fresh.DevSeeder().Apply(ctx, []devseed.File{file}, io.Discard)
			})(c)
		})
		pool := s.NewPool(t)
		fail()

		got := s.Raw(t, "GetId", `{"IdentityPoolId":"`+pool+`"}`, false) // the negative control
		if got.Status == http.StatusOK {
			t.Error("a client's call succeeds")
		}
		request := wiretest.Must(http.NewRequestWithContext(t.Context(), http.MethodPost,
			s.URL+devcontrol.SeedPath, strings.NewReader(seedPool)))(t)
		request.Header.Set("Content-Type", "application/yaml")
		if got := wiretest.Do(t, request); got.Status != http.StatusOK {
			t.Errorf("a seed: %d %s", got.Status, got.Body)
		}

		if err := s.DevReset(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		pools := wiretest.Must(s.DevPools(t.Context(), 10))(t)
		if len(pools) != 1 || len(s.DevFaults().List()) != 0 {
			t.Errorf("the pools are %+v, and the faults %+v", pools, s.DevFaults().List())
		}
	})
}

// A stop that is announced in the middle of a reset counts for the server after it.
func TestDevStoppingDuringReset(t *testing.T) {
	var s *wiretest.Server
	s = wiretest.Start(t, func(c *poolhouse.Config) {
		atReset(func(context.Context, *poolhouse.Server, bool) error {
			s.Stopping()
			return nil
		})(c)
	})
	if got := s.Get(t, "/readyz"); got.Status != http.StatusOK {
		t.Errorf("before: %d %s", got.Status, got.Body)
	}
	if err := s.DevReset(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if got := s.Get(t, "/readyz"); got.Status != http.StatusServiceUnavailable {
		t.Errorf("after: %d %s", got.Status, got.Body)
	}
}

// Methods of a server that was reset are about what is there now: development has no home account, as before.
func TestFirstKeyAfterReset(t *testing.T) {
	s := wiretest.Start(t)
	for _, when := range []string{"before", "after"} {
		if _, made, err := s.FirstKey(t.Context()); made || !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: made %t, %v", when, made, err)
		}
		if err := s.DevReset(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
}

// brokenLog is a log that fails when it is broken.
type brokenLog struct {
	slog.Handler

	broken *atomic.Bool
}

func (b brokenLog) Handle(ctx context.Context, r slog.Record) error {
	if b.broken.Load() {
		return io.ErrClosedPipe
	}
	return b.Handler.Handle(ctx, r)
}

func (b brokenLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return brokenLog{b.Handler.WithAttrs(attrs), b.broken}
}

func (b brokenLog) WithGroup(name string) slog.Handler {
	return brokenLog{b.Handler.WithGroup(name), b.broken}
}

// A reset succeeds although the former data cannot be closed well.
func TestDevResetClosesBadly(t *testing.T) {
	var broken atomic.Bool
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.Logger = slog.New(brokenLog{slog.DiscardHandler, &broken})
		atReset(func(context.Context, *poolhouse.Server, bool) error {
			broken.Store(true)
			return nil
		})(c)
	})
	pool := s.NewPool(t)
	wiretest.Must(s.DevFaults().Add(devfault.Fault{Database: devfault.Writes, Error: devfault.Unavailable}))(t)
	for range 3 { // lines that are counted, and told at the end
		s.Raw(t, "GetId", `{"IdentityPoolId":"`+pool+`"}`, false)
	}

	if err := s.DevReset(t.Context(), true); err != nil {
		t.Error(err)
	}
	if calls := s.DevCalls().Newest(1); len(calls) > 0 {
		t.Errorf("a call from before is left: %+v", calls)
	}
}

// A server with a data folder that cannot begin anew stops, and tells why.
func TestDevResetFailsInAFolder(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.DataDir = t.TempDir()
		atReset(func(context.Context, *poolhouse.Server, bool) error { return io.ErrUnexpectedEOF })(c)
	})
	if err := s.DevReset(t.Context(), true); err == nil {
		t.Error("the reset succeeds")
	}
	<-s.Failed()
	if err := s.Failure(); err == nil || !strings.Contains(err.Error(), "reset") {
		t.Errorf("the failure is %v", err)
	}
}

// A client that sends its body slowly does not keep a reset waiting: it is cut off. Bodies that have come are not.
func TestDevResetCutsSlowUploads(t *testing.T) {
	s := wiretest.Start(t)
	address := strings.TrimPrefix(s.URL, "http://")
	for _, path := range []string{"/", poolhouse.DevTokenPath, poolhouse.DevSeedPath} {
		conn := wiretest.Must((&net.Dialer{}).DialContext(t.Context(), "tcp", address))(t)
		wiretest.Must(fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
			"X-Amz-Target: AWSCognitoIdentityService.GetId\r\nContent-Length: 1000\r\n\r\n{", path, address))(t)
		t.Cleanup(func() { _ = conn.Close() })
	}

	var pools any
	if status := control(t, s, http.MethodPost, poolhouse.DevResetPath, "", &pools); status != http.StatusOK {
		t.Fatalf("the reset has status %d: %v", status, pools)
	}
	wiretest.Must(s.DevToken(t.Context(), poolhouse.DevTokenRequest{Subject: "alice"}))(t)
}

// A client that leaves while a fault keeps it waiting is no fault of the server.
func TestDevClientLeaves(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	for _, fault := range []devfault.Fault{
		{Operation: "GetId", Delay: devfault.MaxDelay},
		{Operation: "GetId", Error: "TooManyRequestsException", Delay: devfault.MaxDelay},
		{Database: devfault.All, Delay: devfault.MaxDelay},
	} {
		made := wiretest.Must(s.DevFaults().Add(fault))(t)
		_, last := s.DevCalls().Since(0, 0)
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			for t.Context().Err() == nil { // until the call waits
				if f, err := s.DevFaults().Get(made.ID); err != nil || f.Hits > 0 {
					break
				}
				runtime.Gosched()
			}
			leave()
		}()
		if _, err := s.Public().GetId(ctx, &ci.GetIdInput{IdentityPoolId: &pool}); err == nil {
			t.Fatal("the call has an answer")
		}

		call, ok := s.DevCalls().Wait(t.Context(), last, func(devcalls.Call) bool { return true })
		if step := call.Deciding(); !ok || call.Status != 0 || call.Outcome != "ConnectionCut" || step == nil ||
			step.Code != "client-left" {
			t.Errorf("%+v: %+v", fault, call)
		}
		wiretest.Must(s.DevFaults().Delete(made.ID))(t)
	}
}

// What the server cannot do is no fault of a seed.
func TestDevSeedOfABrokenServer(t *testing.T) {
	const users, pools = `{"Users":{"erin":{}}}`, `{"Resources":{"P":{"Type":"AWS::Cognito::IdentityPool",` +
		`"Properties":{"AllowUnauthenticatedIdentities":true}}}}`
	folder := t.TempDir()
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.DataDir = folder })
	var answer struct {
		Error string `json:"error"`
	}
	if status := control(t, s, http.MethodPost, poolhouse.DevSeedPath, `{"Users":1}`, &answer); status != 400 {
		t.Errorf("a bad seed has status %d: %s", status, answer.Error)
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}

	for seed, want := range map[string]int{
		users: http.StatusInternalServerError,
		pools: http.StatusServiceUnavailable,
	} {
		answer.Error = ""
		status := control(t, s, http.MethodPost, poolhouse.DevSeedPath, seed, &answer)
		if status != want || answer.Error == "" {
			t.Errorf("%s = %d %s", seed, status, answer.Error)
		}
	}
}
