package devissuer_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devpool"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// controlAPI returns a control API whose server has the pools, or fails to read them.
func controlAPI(t *testing.T, pools []devpool.Pool, fault error) http.Handler {
	t.Helper()
	users, err := devuser.Open("")
	if err != nil {
		t.Fatal(err)
	}
	endpoints, err := devissuer.NewControl(devissuer.ControlOptions{
		Info:    devissuer.Info{Region: "us-east-1", AccountID: "000000000000"},
		BaseURL: "http://127.0.0.1:4599",
		Users:   users,
		Now:     time.Now,
		Pools: func(_ context.Context, limit int) ([]devpool.Pool, error) {
			return pools[:min(limit, len(pools))], fault
		},
	})
	if err != nil {
		t.Fatal(err)
	}

	return mounted(devapi.Handlers(endpoints.Routes()))
}

// mounted returns a mux with the routes.
func mounted(routes map[string]http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, handler := range routes {
		mux.Handle(pattern, handler)
	}

	return mux
}

// TestControlAnswers checks the statuses and bodies that docs/control-api.md promises.
func TestControlAnswers(t *testing.T) {
	guests := []devpool.Role{{Who: "guests", Name: "Guest"}}
	pool := devpool.Pool{ID: "us-east-1:1", Name: "app", Guests: true, Trusts: true, Roles: guests}
	healthy, broken := controlAPI(t, []devpool.Pool{pool}, nil), controlAPI(t, nil, errors.New("secret cause"))
	const plain, withCharset = "application/json", "application/json; charset=utf-8"
	get := func(path string) [4]string { return [4]string{"GET", path} }
	post := func(kind, body string) [4]string { return [4]string{"POST", devissuer.TokenPath, kind, body} }
	put := func(body string) [4]string { return [4]string{"PUT", devissuer.UsersPath + "/eve", plain, body} }
	deep := strings.Repeat("[", 4200) + strings.Repeat("]", 4200)
	listed := `{"pools":[{"id":"us-east-1:1","name":"app","allow_guests":true}]}`
	large := `{"sub":"` + strings.Repeat("a", 70<<10) + `"}`
	for name, test := range map[string]struct {
		api     http.Handler
		request [4]string // method, path, Content-Type, body
		status  int
		want    string
	}{
		"info":         {healthy, get(devissuer.InfoPath), 200, `"endpoint":"http://named.test:1"`},
		"pools":        {healthy, get(devissuer.PoolsPath), 200, listed},
		"no pools":     {controlAPI(t, []devpool.Pool{}, nil), get(devissuer.PoolsPath), 200, `{"pools":[]}`},
		"no database":  {broken, get(devissuer.PoolsPath), 503, `"error":"the pools could not be read`},
		"token":        {healthy, post(plain, `{"sub":"a"}`), 200, `{"token":"eyJ`},
		"charset":      {healthy, post(withCharset, `{"sub":"a"}`), 200, `{"token":"eyJ`},
		"form":         {healthy, post("application/x-www-form-urlencoded", `{"sub":"a"}`), 415, `"error"`},
		"text":         {healthy, post("text/plain; application/json", `{"sub":"a"}`), 415, `"error"`},
		"no kind":      {healthy, post("", `{"sub":"a"}`), 415, `"error"`},
		"no JSON":      {healthy, post(plain, `sub=a`), 400, `"error"`},
		"no subject":   {healthy, post(plain, `{}`), 400, `"error"`},
		"other case":   {healthy, post(plain, `{"Sub":"a"}`), 400, `unknown member \"Sub\"`},
		"null":         {healthy, post(plain, `null`), 400, "no JSON object"},
		"list":         {healthy, post(plain, `[]`), 400, "no JSON object"},
		"null user":    {healthy, put(`null`), 400, "no JSON object"},
		"wrong type":   {healthy, post(plain, `{"sub":{}}`), 400, "sub cannot be an object"},
		"fraction":     {healthy, post(plain, `{"sub":"a","expires_in":1.5}`), 400, "expires_in cannot be 1.5"},
		"wrong name":   {healthy, post(plain, `{"subject":"a"}`), 400, `"error"`},
		"own claim":    {healthy, post(plain, `{"sub":"a","claims":{"iss":"x"}}`), 400, `"error"`},
		"too large":    {healthy, post(plain, large), 400, `"error"`},
		"padded":       {healthy, post(plain, `{}`+strings.Repeat(" ", 70<<10)+"x"), 400, "more than 65536 bytes"},
		"two values":   {healthy, post(plain, `{"sub":"a"} {"sub":"b"}`), 400, "after top-level value"},
		"name twice":   {healthy, post(plain, `{"sub":"a","sub":"b"}`), 400, "comes twice"},
		"no UTF-8":     {healthy, post(plain, "{\"sub\":\"a\xff\"}"), 400, "invalid UTF-8"},
		"too deep":     {healthy, post(plain, `{"sub":"a","claims":{"a":`+deep+`}}`), 400, "more than 16 levels deep"},
		"deep user":    {healthy, put(`{"claims":{"a":` + deep + `}}`), 400, "more than 16 levels deep"},
		"user":         {healthy, put(`{"claims":{"a":[[1]]}}`), 200, `"name":"eve"`},
		"method":       {healthy, get(devissuer.TokenPath), 404, "POST " + devissuer.TokenPath},
		"another path": {healthy, get("/_poolhouse/dev/nothing"), 404, "GET " + devissuer.InfoPath},
		"preflight":    {healthy, [4]string{"OPTIONS", devissuer.TokenPath}, 404, `"error"`},
	} {
		t.Run(name, func(t *testing.T) {
			sent := test.request
			request := httptest.NewRequest(sent[0], sent[1], strings.NewReader(sent[3]))
			request.Host = "named.test:1"
			request.Header.Set("Content-Type", sent[2])
			answer := httptest.NewRecorder()
			test.api.ServeHTTP(answer, request)

			body := answer.Body.String()
			if answer.Code != test.status || !strings.Contains(body, test.want) || !json.Valid([]byte(body)) ||
				strings.Contains(body, "secret cause") {
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
	api := controlAPI(t, make([]devpool.Pool, devissuer.MaxPools+1), nil)
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, devissuer.PoolsPath, nil))

	var list devissuer.PoolsResponse
	if err := json.Unmarshal(answer.Body.Bytes(), &list); err != nil || len(list.Pools) != devissuer.MaxPools {
		t.Errorf("%d pools, %v", len(list.Pools), err)
	}
}
