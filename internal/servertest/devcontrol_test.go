package servertest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devcontrol"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
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

// SAML responses of the control API sign users in, at identity pools and at STS, until they expire.
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

	if err := s.DevClock().Advance(2 * time.Hour); err != nil {
		t.Fatal(err)
	}
	_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins})
	wiretest.WantError(t, err, "NotAuthorizedException", "")

	// A changed response proves nothing: the negative control.
	if err := s.DevReset(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	pool = s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = []string{response.LoginKey} })
	control(t, s, http.MethodPost, poolhouse.DevSAMLPath, `{"name_id":"bob&<x>"}`, &response)
	s.GetID(t, pool, map[string]string{response.LoginKey: response.Response})
	_, err = s.Public().GetId(t.Context(), &ci.GetIdInput{
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
		close(asked)
		got := wiretest.Do(t, request)
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
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.OnDevReset = func(context.Context, *poolhouse.Server, bool) error {
			close(inside)
			<-goOn
			return nil
		}
	})
	pool := s.NewPool(t)

	reset, call := make(chan int, 1), make(chan wiretest.Answer, 1)
	go func() {
		var got any
		reset <- control(t, s, http.MethodPost, poolhouse.DevResetPath, "", &got)
	}()
	<-inside
	go func() { call <- s.Raw(t, "GetId", `{"IdentityPoolId":"`+pool+`"}`, false) }()

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

// A reset that fails leaves a server in memory as it was.
func TestDevResetFails(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.OnDevReset = func(context.Context, *poolhouse.Server, bool) error { return io.ErrUnexpectedEOF }
	})
	pool := s.NewPool(t)
	var got map[string]any
	status := control(t, s, http.MethodPost, poolhouse.DevResetPath, "", &got)
	if status != http.StatusInternalServerError {
		t.Errorf("status %d", status)
	}
	s.GetID(t, pool, s.Logins(t, "alice"))

	wiretest.Must(s.DevFaults().Add(devfault.Fault{Provider: devfault.Any, Answer: devfault.Down}))(t)
	_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: s.Logins(t, "alice")})
	wiretest.WantError(t, err, "ExternalServiceException", "") // faults are about the server that is there
}

// A server with a data folder that cannot begin anew stops, and tells why.
func TestDevResetFailsInAFolder(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.DataDir = t.TempDir()
		c.OnDevReset = func(context.Context, *poolhouse.Server, bool) error { return io.ErrUnexpectedEOF }
	})
	if err := s.DevReset(t.Context(), true); err == nil {
		t.Error("the reset succeeds")
	}
	<-s.Failed()
	if err := s.Failure(); err == nil || !strings.Contains(err.Error(), "reset") {
		t.Errorf("the failure is %v", err)
	}
}
