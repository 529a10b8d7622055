package awsapi

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Whatever refuses a call before its operation, or for a fault of the server, leaves a
// complete step with a code of the catalogue and without values of the request.
func TestEveryRefusalIsExplained(t *testing.T) {
	const secret = "s3cr3t!"
	form := func(body string) *http.Request {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}

	get := func(target string) *http.Request { return httptest.NewRequest("GET", target, nil) }
	twice := post("StoreService.LookUp", `{}`)
	twice.Header.Add("X-Amz-Target", "StoreService.Put")
	unannounced := post("StoreService.LookUp", `{}`)
	unannounced.Header.Del("X-Amz-Target")
	cut := post("StoreService.LookUp", `{}`)
	cut.Body = io.NopCloser(brokenBody{errors.New("s3cr3t! broke")})

	for name, test := range map[string]struct {
		request *http.Request
		reason  explain.Code
		subject string
	}{
		"no operation":         {unannounced, "operation-missing", ""},
		"by GET":               {get("/?Action=Who&Version=2000-01-01"), "operation-service", ""},
		"by PUT":               {httptest.NewRequest("PUT", "/?Action=Who", nil), "operation-method", ""},
		"two targets":          {twice, "operation-twice", ""},
		"an unknown operation": {post("StoreService.Nope", `{}`), "operation-unknown", ""},
		"an unknown action":    {get("/?Action=Nope&Version=2011-06-15"), "operation-unknown", ""},
		"too large": {post("StoreService.LookUp", `{"a":"`+strings.Repeat("x", 1<<20)+`"}`),
			"request-body-size", ""},
		"cut": {cut, "request-body-unread", ""},
		"too deep": {post("StoreService.LookUp", strings.Repeat(`{"a":`, 40)+"1"+strings.Repeat("}", 40)),
			"request-body-depth", ""},
		"no object":    {post("StoreService.LookUp", `"s3cr3t!"`), "request-body-object", ""},
		"no JSON":      {post("StoreService.LookUp", `{"StoreId":s3cr3t!}`), "request-body-syntax", ""},
		"a wrong type": {post("StoreService.LookUp", `{"StoreId":["s3cr3t!"]}`), "request-body-type", "StoreId"},
		"a member twice": {post("StoreService.LookUp", `{"StoreId":"s3cr3t!","StoreId":"s3cr3t!"}`),
			"request-body-twice", "StoreId"},
		"a violation":         {post("StoreService.LookUp", `{"StoreId":"s3cr3t!"}`), "input-constraint", "storeId"},
		"a missing member":    {post("StoreService.LookUp", `{}`), "input-missing", "storeId"},
		"bad escapes":         {form("Action=%zz"), "request-parameters-encoding", ""},
		"a parameter twice":   {form("Action=Show&Action=Show"), "request-parameters-twice", "action"},
		"too many parameters": {form(strings.Repeat("a=b&", 2000)), "request-parameters-count", ""},
		"no number": {get("/?Action=Show&Version=2011-06-15&DurationSeconds=s3cr3t!"),
			"request-parameters-type", "durationSeconds"},
		"no signature": {post("StoreService.Put", `{}`), "request-signature-missing", ""},
		"a panic":      {post("StoreService.Fail", `{"How":"panic"}`), "server-fault", ""},
		"a fault":      {post("StoreService.Fail", `{"How":"internal"}`), "server-fault", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, seen, refusals, _ := logged(t, test.request)
			if len(refusals) != 1 {
				t.Fatalf("%d refusals were recorded", len(refusals))
			}
			refused := refusals[0]
			step, _ := explain.Deciding(refused.Steps)
			if refused.Reason != test.reason || step.Code != test.reason || step.Subject != test.subject ||
				seen[0].ReasonCode != test.reason {
				t.Errorf("reason %q, step %+v", refused.Reason, step)
			}

			for _, text := range []string{step.Expected, step.Got, step.Fix} {
				if text == "" || strings.Contains(text, "{") || strings.Contains(text, secret) {
					t.Errorf("%+v", step)
				}
			}
			if !slices.ContainsFunc(Refusals, func(r *explain.Reason) bool { return r.Code == step.Code }) {
				t.Errorf("%s is not in the catalogue", step.Code)
			}
		})
	}
}

// Each violation of an input is a step, up to the number that the message lists.
func TestEachViolationIsAStep(t *testing.T) {
	_, _, refusals, _ := logged(t,
		post("StoreService.Put", `{"Id":"?","Tags":{"":""}}`, "Authorization", "AWS4-HMAC-SHA256 good"))
	count := strings.Count(refusals[0].Message, "failed to satisfy constraint")
	if count < 1 || len(refusals[0].Steps) != count {
		t.Errorf("%d steps for %d violations: %+v", len(refusals[0].Steps), count, refusals[0])
	}
}

// A refusal without a reason gets one that tells that it is missing.
func TestRefusalWithoutReason(t *testing.T) {
	x := &exchange{}
	x.record.Code = "AnyException"
	steps := x.decided()
	if step, ok := explain.Deciding(steps); !ok || step.Code != Unexplained ||
		!strings.Contains(step.Got, "AnyException") || step.Fix == "" {
		t.Errorf("%+v", steps)
	}
}

// A value of another type is named as what it is, null among them.
func TestTypesAreNamed(t *testing.T) {
	for body, test := range map[string]struct{ subject, expected, got string }{
		`{"StoreId":["x"]}`:          {"StoreId", "a string", "a list"},
		`{"StoreId":{}}`:             {"StoreId", "a string", "an object"},
		`{"StoreId":1}`:              {"StoreId", "a string", "a number"},
		`{"StoreId":true}`:           {"StoreId", "a string", "true or false"},
		`{"Id":"a","Tags":"x"}`:      {"Tags", "an object", "a string"},
		`{"Tags":{"a":null}}`:        {"Tags", "strings only", "null among them"},
		`{"Tags":{"a":1}}`:           {"Tags", "strings only", "a value of another type"},
		`{"Id":"a","Tags":{"a":[]}}`: {"Tags", "strings only", "a value of another type"},
	} {
		t.Run(body, func(t *testing.T) {
			target := "StoreService.Put"
			if strings.Contains(body, "StoreId") {
				target = "StoreService.LookUp"
			}
			_, _, refusals, _ := logged(t, post(target, body, "Authorization", "AWS4-HMAC-SHA256 good"))

			step, _ := explain.Deciding(refusals[0].Steps)
			if step.Subject != test.subject || step.Expected != test.expected || step.Got != test.got {
				t.Errorf("%+v", step)
			}
		})
	}
}
