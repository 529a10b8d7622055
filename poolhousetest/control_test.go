package poolhousetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

// once returns a client that does not repeat calls.
func once(s *poolhousetest.Server) *cognitoidentity.Client {
	return cognitoidentity.NewFromConfig(s.AWSConfig(), func(o *cognitoidentity.Options) { o.RetryMaxAttempts = 1 })
}

// getIdentity signs alice in to the demo.
func getIdentity(t *testing.T, s *poolhousetest.Server) error {
	t.Helper()
	_, err := once(s).GetId(t.Context(), &cognitoidentity.GetIdInput{
		IdentityPoolId: aws.String(poolhousetest.DemoPool),
		Logins:         s.Logins(t, "alice"),
	})
	return err
}

// newPool writes to the database.
func newPool(t *testing.T, s *poolhousetest.Server, name string) error {
	t.Helper()
	_, err := once(s).CreateIdentityPool(t.Context(), &cognitoidentity.CreateIdentityPoolInput{IdentityPoolName: &name})
	return err
}

// Each kind of fault comes true as often as it should, and not for the calls of the package itself.
func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault poolhousetest.Fault
		call  func(*testing.T, *poolhousetest.Server) error
		want  []string // what each call answers; "" = success
	}{
		"throttled once": {
			fault: poolhousetest.Fault{Operation: "GetId", Error: "TooManyRequestsException", Times: 1},
			call:  getIdentity,
			want:  []string{"TooManyRequestsException", ""},
		},
		"an answer is lost": {
			fault: poolhousetest.Fault{Operation: "GetId", Disconnect: poolhousetest.AfterCall, Times: 1},
			call:  getIdentity,
			want:  []string{"EOF", ""},
		},
		"a provider is down": {
			fault: poolhousetest.Fault{Provider: poolhousetest.Any, Answer: poolhousetest.Down},
			call:  getIdentity,
			want:  []string{"ExternalServiceException", "ExternalServiceException"},
		},
		"a provider lies": {
			fault: poolhousetest.Fault{Provider: poolhousetest.Any, Answer: poolhousetest.ForeignKeys},
			call:  getIdentity,
			want:  []string{"NotAuthorizedException"},
		},
		"a disk is full after two writes": {
			fault: poolhousetest.Fault{
				Database: poolhousetest.Writes,
				Error:    poolhousetest.DiskFull,
				After:    2,
				Times:    1,
			},
			call: func(t *testing.T, s *poolhousetest.Server) error {
				t.Helper()
				return newPool(t, s, "another")
			},
			want: []string{"", "", "InternalErrorException", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := poolhousetest.Start(t, poolhousetest.Demo())
			fault := server.Fail(t, test.fault)
			if test.fault.Operation != "" {
				server.SignIn(t, "", "bob") // by the package itself
			}

			failed := 0
			for n, want := range test.want {
				err := test.call(t, server)
				if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
					t.Errorf("call %d: %v, want %q", n+1, err, want)
				}
				if want != "" {
					failed++
				}
			}
			if test.fault.Times > 0 && fault.Hits() != failed {
				t.Errorf("the fault came true %d times, want %d", fault.Hits(), failed)
			}

			fault.End()
			fault.End()
			if err := test.call(t, server); err != nil {
				t.Errorf("after the end of the fault: %v", err)
			}
		})
	}
}

// A fault that cannot come true is a mistake of the test.
func TestImpossibleFaults(t *testing.T) {
	server := poolhousetest.Start(t)
	for want, fault := range map[string]poolhousetest.Fault{
		"did you mean GetId?":                    {Operation: "GetID", Error: "TooManyRequestsException"},
		"did you mean TooManyRequestsException?": {Operation: "GetId", Error: "TooManyRequestException"},
		"name one of operation":                  {Error: "TooManyRequestsException"},
	} {
		if message := failureOf(t, func(t testing.TB) { server.Fail(t, fault) }); !strings.Contains(message, want) {
			t.Errorf("%+v: the test fails with %q, want %q", fault, message, want)
		}
	}
}

// When the clock moves, credentials and tokens expire, and an SDK goes on to work. A skewed clock refuses what
// it signs, until the SDK has learnt the server's time.
func TestClockOfAServer(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.Demo())
	alice := server.SignIn(t, "", "alice")
	logins := server.Logins(t, "alice")
	before := server.Clock.Now()

	server.Clock.Advance(2 * time.Hour)
	if moved := server.Clock.Now().Sub(before); moved < 2*time.Hour {
		t.Errorf("the clock moved by %s", moved)
	}

	_, err := sts.NewFromConfig(alice.AWSConfig()).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wiretest.WantError(t, err, "ExpiredToken", "")
	_, err = once(server).GetId(t.Context(), &cognitoidentity.GetIdInput{
		IdentityPoolId: aws.String(poolhousetest.DemoPool),
		Logins:         logins,
	})
	wiretest.WantError(t, err, "NotAuthorizedException", "")
	if err := newPool(t, server, "later"); err != nil {
		t.Errorf("a signed call after two hours: %v", err)
	}
	callerOf(t, server.SignIn(t, poolhousetest.DemoPool, "alice"))

	server.Clock.Reset()
	server.Clock.Skew(time.Hour)
	wiretest.WantError(t, newPool(t, server, "skewed"), "InvalidSignatureException", "")
	server.Guest(t, poolhousetest.DemoPool)

	server.Clock.Reset()
	server.Clock.Stop()
	stopped := server.Clock.Now()
	server.Clock.Set(stopped.AddDate(1, 0, 0))
	if now := server.Clock.Now(); !now.Equal(stopped.AddDate(1, 0, 0)) {
		t.Errorf("the clock shows %s", now)
	}
	server.Clock.Start()
}

// A provider signs by the clock of the server that trusts it, so that its tokens are of the server's time.
func TestProviderFollowsTheClock(t *testing.T) {
	provider := poolhousetest.NewProvider(t)
	server := poolhousetest.Start(t, provider.AddTo, poolhousetest.SeedText(`
Resources:
  Shop:
    Type: AWS::Cognito::IdentityPool
    Properties:
      IdentityPoolName: shop
      AllowUnauthenticatedIdentities: false
      OpenIdConnectProviderARNs: ["`+provider.ARN()+`"]
  Roles:
    Type: AWS::Cognito::IdentityPoolRoleAttachment
    Properties:
      IdentityPoolId: !Ref Shop
      Roles: {authenticated: "arn:aws:iam::000000000000:role/Member"}
`))

	first := server.SignInWith(t, "shop", provider.Logins("u-1"))
	server.Clock.Advance(24 * time.Hour)
	if again := server.SignInWith(t, "shop", provider.Logins("u-1")); again.ID != first.ID {
		t.Errorf("the user has the identities %s and %s", first.ID, again.ID)
	}

	server.Reset(t)
	server.SignInWith(t, "shop", provider.Logins("u-1"))
}

// A reset leaves what Start made: nothing of the test, and all of the seeds.
func TestReset(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.Demo())
	alice, before := server.SignIn(t, "", "alice"), server.Clock.Now()
	server.PutUser(t, "dora", nil)
	if err := newPool(t, server, "another"); err != nil {
		t.Fatal(err)
	}
	server.Clock.Advance(time.Hour)
	server.Fail(t, poolhousetest.Fault{Operation: "GetId", Error: "TooManyRequestsException"})

	server.Reset(t)
	if pool := server.PoolID(t, ""); pool != poolhousetest.DemoPool {
		t.Errorf("the only pool is %s", pool)
	}
	if calls := server.Calls(); len(calls) != 0 {
		t.Errorf("there are calls: %v", calls)
	}
	if ahead := server.Clock.Now().Sub(before); ahead > 30*time.Minute {
		t.Errorf("the clock is %s ahead", ahead)
	}
	if message := failureOf(t, func(t testing.TB) { server.Token(t, "dora") }); !strings.Contains(message, "dora") {
		t.Errorf("dora is still there: %q", message)
	}
	if again := server.SignIn(t, "", "alice"); again.ID == alice.ID {
		t.Error("alice's identity is still there")
	}
	if err := getIdentity(t, server); err != nil {
		t.Errorf("a fault is still there: %v", err)
	}
}

// Subtests share a server and clean up after themselves, when their contexts are over.
func TestCleanup(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.Demo())
	t.Run("subtest", func(t *testing.T) {
		server.PutUser(t, "dora", nil)
		t.Cleanup(func() {
			server.SignIn(t, "", "dora")
			server.Reset(t)
		})
	})
	if users := server.DevUsers().List(); len(users) != 3 {
		t.Errorf("after the subtest the server has %d users, want alice, bob and carol", len(users))
	}
}

func TestRotateKey(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.Demo())
	before := server.Logins(t, "alice")
	server.RotateKey(t)
	after := server.Logins(t, "alice")

	old, recent := server.SignInWith(t, "", before), server.SignInWith(t, "", after)
	if old.ID != recent.ID {
		t.Errorf("alice is %s and %s", old.ID, recent.ID)
	}
}

// The calls of the program under test are remembered with their outcome, and refusals with the reason.
func TestCalls(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.Demo())
	server.SignIn(t, "", "bob") // by the package itself
	if err := getIdentity(t, server); err != nil {
		t.Fatal(err)
	}
	wrong := server.Logins(t, "alice")
	for key := range wrong {
		wrong[key] = server.TokenOf(t, poolhouse.DevTokenRequest{Subject: "alice", ExpiresIn: -3600})
	}
	_, err := once(server).GetId(t.Context(), &cognitoidentity.GetIdInput{
		IdentityPoolId: aws.String(poolhousetest.DemoPool),
		Logins:         wrong,
	})
	wiretest.WantError(t, err, "NotAuthorizedException", "")

	calls := server.CallsOf("GetId")
	if len(calls) != 2 || len(server.Calls()) != 2 || len(server.CallsOf("CreateIdentityPool")) != 0 {
		t.Fatalf("the calls are %v", server.Calls())
	}
	if good := calls[0]; good.Status != 200 || good.Error != "" || good.Explain != "" ||
		good.Service != "cognito-identity" || good.Pool != poolhousetest.DemoPool || good.Number != 1 {
		t.Errorf("the first call is %+v", good)
	}
	if bad := calls[1]; bad.Status != 400 || bad.Error != "NotAuthorizedException" ||
		!strings.Contains(bad.Explain, ": token expiry: expected ") || !strings.Contains(bad.Explain, "fix: ") {
		t.Errorf("the second call is %+v", bad)
	}
	if strings.Contains(fmt.Sprint(calls), "eyJ") {
		t.Errorf("a call has a token: %v", calls)
	}
}

// A test waits for a call that the program makes later; if none comes, the message has what came instead.
func TestWaitForCall(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.Demo())
	done := make(chan error, 1)
	go func() { done <- getIdentity(t, server) }()

	call := server.WaitForCall(t, "GetId", 0, time.Minute)
	if err := <-done; err != nil || call.Operation != "GetId" {
		t.Errorf("the call is %v, %v", call, err)
	}

	message := failureOf(t, func(t testing.TB) { server.WaitForCall(t, "GetOpenIdToken", 0, time.Millisecond) })
	if !strings.Contains(message, "nobody called GetOpenIdToken within 1ms, only [GetId]") {
		t.Errorf("the test fails with %q", message)
	}
}

// logged is a test that keeps its log, and fails or not.
type logged struct {
	testing.TB
	fails    bool
	log      strings.Builder
	cleanups []func()
}

func (l *logged) Failed() bool     { return l.fails }
func (l *logged) Cleanup(f func()) { l.cleanups = append(l.cleanups, f) }
func (l *logged) Log(args ...any)  { fmt.Fprintln(&l.log, args...) }

// A test that fails has the last calls in its log, with the reasons of refusals; one that passes has not.
func TestFailedTestShowsCalls(t *testing.T) {
	for _, fails := range []bool{true, false} {
		l := &logged{TB: t, fails: fails}
		server := poolhousetest.Start(l, poolhousetest.Demo())
		_, err := once(server).GetId(t.Context(), &cognitoidentity.GetIdInput{
			IdentityPoolId: aws.String("us-east-1:99999999-0000-4000-8000-000000000000"),
		})
		wiretest.WantError(t, err, "ResourceNotFoundException", "")
		for _, cleanup := range l.cleanups {
			cleanup()
		}

		has := strings.Contains(l.log.String(), "GetId (400") && strings.Contains(l.log.String(), "refused ") &&
			strings.Contains(l.log.String(), "the last calls to "+server.URL)
		if has != fails {
			t.Errorf("fails: %t, log: %s", fails, l.log.String())
		}
	}
}
