package issuer_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

// controlAPI returns a control API whose server has the pools, or fails to read them.
func controlAPI(t *testing.T, pools []identitypool.Pool, fault error) http.Handler {
	t.Helper()
	endpoints, err := issuer.NewDevEndpoints(issuer.DevInfo{Region: "us-east-1", AccountID: "000000000000"},
		"http://127.0.0.1:4599", "", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	endpoints.Pools = func(_ context.Context, limit int) ([]identitypool.Pool, error) {
		return pools[:min(limit, len(pools))], fault
	}

	mux := http.NewServeMux()
	endpoints.Register(mux)

	return mux
}

// TestControlAnswers checks the statuses and bodies that docs/control-api.md promises.
func TestControlAnswers(t *testing.T) {
	pool := identitypool.Pool{ID: "us-east-1:1", Name: "app", AllowUnauthenticated: true}
	healthy, broken := controlAPI(t, []identitypool.Pool{pool}, nil), controlAPI(t, nil, errors.New("secret cause"))
	const plain, withCharset = "application/json", "application/json; charset=utf-8"
	for name, test := range map[string]struct {
		api                      http.Handler
		method, path, kind, body string
		status                   int
		want                     string
	}{
		"info":         {healthy, "GET", issuer.DevInfoPath, "", "", 200, `"endpoint":"http://named.test:1"`},
		"pools":        {healthy, "GET", issuer.DevPoolsPath, "", "", 200, `{"pools":[{"id":"us-east-1:1","name":"app","allow_guests":true}]}`},
		"no pools":     {controlAPI(t, nil, nil), "GET", issuer.DevPoolsPath, "", "", 200, `{"pools":[]}`},
		"no database":  {broken, "GET", issuer.DevPoolsPath, "", "", 503, `"error":"the pools could not be read`},
		"token":        {healthy, "POST", issuer.DevTokenPath, plain, `{"sub":"a"}`, 200, `{"token":"eyJ`},
		"charset":      {healthy, "POST", issuer.DevTokenPath, withCharset, `{"sub":"a"}`, 200, `{"token":"eyJ`},
		"form":         {healthy, "POST", issuer.DevTokenPath, "application/x-www-form-urlencoded", `{"sub":"a"}`, 415, `"error"`},
		"text":         {healthy, "POST", issuer.DevTokenPath, "text/plain; application/json", `{"sub":"a"}`, 415, `"error"`},
		"no kind":      {healthy, "POST", issuer.DevTokenPath, "", `{"sub":"a"}`, 415, `"error"`},
		"no JSON":      {healthy, "POST", issuer.DevTokenPath, plain, `sub=a`, 400, `"error"`},
		"no subject":   {healthy, "POST", issuer.DevTokenPath, plain, `{}`, 400, `"error"`},
		"wrong name":   {healthy, "POST", issuer.DevTokenPath, plain, `{"subject":"a"}`, 400, `"error"`},
		"own claim":    {healthy, "POST", issuer.DevTokenPath, plain, `{"sub":"a","claims":{"iss":"x"}}`, 400, `"error"`},
		"too large":    {healthy, "POST", issuer.DevTokenPath, plain, `{"sub":"` + strings.Repeat("a", 70<<10) + `"}`, 400, `"error"`},
		"method":       {healthy, "GET", issuer.DevTokenPath, "", "", 404, "POST " + issuer.DevTokenPath},
		"another path": {healthy, "GET", "/_poolhouse/dev/nothing", "", "", 404, "GET " + issuer.DevInfoPath},
		"preflight":    {healthy, "OPTIONS", issuer.DevTokenPath, "", "", 404, `"error"`},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(test.method, test.path, strings.NewReader(test.body))
			request.Host = "named.test:1"
			request.Header.Set("Content-Type", test.kind)
			answer := httptest.NewRecorder()
			test.api.ServeHTTP(answer, request)

			body := answer.Body.String()
			if answer.Code != test.status || !strings.Contains(body, test.want) || strings.Contains(body, "secret cause") ||
				!json.Valid([]byte(body)) {
				t.Errorf("%d %s", answer.Code, body)
			}
			if got := answer.Header(); got.Get("Content-Type") != plain || got.Get("Cache-Control") != "no-store" ||
				got.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("headers %v", got)
			}
		})
	}
}

// TestControlListsSoManyPools checks the bound of the list.
func TestControlListsSoManyPools(t *testing.T) {
	api := controlAPI(t, make([]identitypool.Pool, issuer.MaxDevPools+1), nil)
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, issuer.DevPoolsPath, nil))

	var list issuer.DevPoolsResponse
	if err := json.Unmarshal(answer.Body.Bytes(), &list); err != nil || len(list.Pools) != issuer.MaxDevPools {
		t.Errorf("%d pools, %v", len(list.Pools), err)
	}
}
