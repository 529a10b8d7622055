package clilogin

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// answering is a server that answers one thing.
type answering struct {
	status int
	body   string
}

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode:    a.status,
		ContentLength: int64(len(a.body)),
		Body:          io.NopCloser(strings.NewReader(a.body)),
	}, nil
}

// Errors that pass are told from refusals, by status and by code.
func TestAWSErrors(t *testing.T) {
	for _, test := range []struct {
		name        string
		answer      answering
		unavailable bool
		want        string
	}{
		{"refused", answering{400, `{"__type":"a#NotAuthorizedException","message":"no"}`}, false,
			"NotAuthorizedException: no"},
		{"its message in upper case", answering{400, `{"__type":"ResourceNotFoundException","Message":"no"}`}, false,
			"ResourceNotFoundException: no"},
		{"attempts", answering{400, `{"__type":"LimitExceededException"}`}, true, "LimitExceededException"},
		{"too many", answering{400, `{"__type":"TooManyRequestsException"}`}, true, "TooManyRequestsException"},
		{"a provider is down", answering{400, `{"__type":"ExternalServiceException"}`}, true, "ExternalService"},
		{"status 429", answering{429, `{"__type":"TooManyRequestsException"}`}, true, "status 429"},
		{"status 500", answering{500, `{"__type":"InternalErrorException"}`}, true, "status 500"},
		{"a proxy's page", answering{502, "<html>"}, true, "status 502"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var output struct{}
			web := newWeb(test.answer)
			err := web.call(t.Context(), "https://id.example", identityService, "GetId", output, &output)
			checkAWSError(t, err, test.unavailable, test.want)
		})
	}

	for code, unavailable := range map[string]bool{
		"AccessDenied": false, "Throttling": true, "IDPCommunicationError": true,
	} {
		c := New(Options{HTTP: answering{400, "<E><Error><Code>" + code + "</Code></Error></E>"}})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://sts.example", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		checkAWSError(t, c.query(r, "AssumeRoleWithWebIdentity", &struct{}{}), unavailable, code)
	}
}

func checkAWSError(t *testing.T, err error, unavailable bool, want string) {
	t.Helper()
	_, is := errors.AsType[*UnavailableError](err)
	if err == nil || is != unavailable || !strings.Contains(err.Error(), want) {
		t.Errorf("%v; it may pass: %t, want %t and %q", err, is, unavailable, want)
	}
}

// Only a refusal that another clock would not give points at the clock.
func TestClockHint(t *testing.T) {
	for name, test := range map[string]struct {
		claims map[string]any
		want   bool
	}{
		"expired":         {map[string]any{"exp": 1}, true},
		"from the future": {map[string]any{"iat": 4102444800}, true},
		"no time":         {map[string]any{"iat": "noon"}, false},
		"other audience":  {map[string]any{"aud": "some-time-expired"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newIssuerRig(t)
			r.issuer.claims = test.claims
			err := r.Login(t.Context(), r.profile, LoginOptions{})
			if err == nil || strings.Contains(err.Error(), "clock of this machine") != test.want {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
