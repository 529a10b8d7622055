package devcontrol

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
)

// ask sends a request to an API with an engine of faults, and returns the status and body of the answer.
func ask(faults *devfault.Engine, method, path, body string) (status int, answer string) {
	mux := http.NewServeMux()
	for pattern, handler := range devapi.Handlers(New(Options{Faults: faults}).Routes()) {
		mux.Handle(pattern, handler)
	}
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	mux.ServeHTTP(recorder, request)

	return recorder.Code, recorder.Body.String()
}

func TestFaultJSON(t *testing.T) {
	for body, want := range map[string]string{
		`{"database":"writes","error":"unavailable","delay_ms":1500,"hits":0}`: `{"id":"fault-1",` +
			`"error":"unavailable","database":"writes","hits":0,"delay_ms":1500}`,
		`{"operation":"GetId","disconnect":"before","times":2}`: `{"id":"fault-1","operation":"GetId",` +
			`"disconnect":"before","times":2,"hits":0}`,
	} {
		if status, got := ask(devfault.New(nil), "POST", FaultsPath, body); status != 200 || got != want+"\n" {
			t.Errorf("%s = %d %s", body, status, got)
		}
	}

	for body, text := range map[string]string{
		`{"operation":"GetId","error":1}`:              "error cannot be a number",
		`{"operation":"GetId","error":true}`:           "error cannot be true or false",
		`{"operation":"GetId","disconnect":true}`:      "disconnect cannot be true or false",
		`{"operation":"GetId","delay_ms":60001}`:       "delay_ms is 0 to 60000",
		`{"operation":"GetId","delay_ms":-1}`:          "delay_ms is 0 to 60000",
		`{"operation":"GetId","delay_ms":1e99}`:        "delay_ms cannot be 1e99",
		`{"operation":"GetId","other":1}`:              `unknown member \"other\"`,
		`{"operation":"GetId","DELAY_MS":1}`:           `unknown member \"DELAY_MS\"`,
		`{"Operation":"GetId","delay_ms":1}`:           `unknown member \"Operation\"`,
		`{"Fault":{"operation":"GetId"},"delay_ms":1}`: `unknown member \"Fault\"`,
		`{"operation":"GetId","Delay":1}`:              `unknown member \"Delay\"`,
		`{"operation":"GetId","delay_ms":1,"id":"a"}`:  "leave them out",
		`[]`: "no JSON object",
	} {
		status, got := ask(devfault.New(nil), "POST", FaultsPath, body)
		if status != 400 || !strings.Contains(got, text) {
			t.Errorf("%s = %d %s", body, status, got)
		}
	}
}

// Whatever somebody sends, a fault that is taken is within its bounds, and may be sent again as it is shown.
func FuzzFault(f *testing.F) {
	f.Add(`{"operation":"GetId","error":"Limit","times":1}`)
	f.Add(`{"provider":"*","answer":"status","status":500,"delay_ms":60000}`)
	f.Add(`{"database":"writes","error":"unavailable","after":2,"disconnect":true}`)
	f.Fuzz(func(t *testing.T, body string) {
		faults := devfault.New(nil)
		status, shown := ask(faults, "POST", FaultsPath, body)
		if status != http.StatusOK {
			if status >= 500 || !json.Valid([]byte(shown)) {
				t.Errorf("%s = %d %s", body, status, shown)
			}
			return
		}
		made, err := faults.Get("fault-1")
		if err != nil || made.Delay < 0 || made.Delay > devfault.MaxDelay || made.Times < 0 ||
			made.Times > devfault.MaxCount || made.After < 0 {
			t.Errorf("%s is taken as %+v, %v", body, made, err)
		}

		again := strings.Replace(shown, `"id":"fault-1",`, "", 1)
		status, _ = ask(faults, "POST", FaultsPath, again)
		other, err := faults.Get("fault-2")
		if other.ID = made.ID; status != http.StatusOK || err != nil || other != made {
			t.Errorf("%s, sent again, is %+v, %v", again, other, err)
		}
	})
}
