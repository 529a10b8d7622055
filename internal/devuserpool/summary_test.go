package devuserpool

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The newest codes are kept, as many as there is room for, and told newest first.
func TestCodes(t *testing.T) {
	var codes Codes
	for n := range keptCodes + 2 {
		codes.Add(SentCode{Code: strconv.Itoa(n), Username: "alice", Time: time.Unix(0, 0).UTC()})
	}
	newest := codes.Newest()
	if len(newest) != keptCodes || newest[0].Code != "21" || newest[keptCodes-1].Code != "2" {
		t.Errorf("codes: %+v", newest)
	}

	answer := httptest.NewRecorder()
	codes.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	const first = `{"codes":[{"user_pool_id":"","user_pool_name":"","username":"alice","purpose":"","destination":"",` +
		`"code":"21","time":"1970-01-01T00:00:00Z"},`
	if !strings.HasPrefix(answer.Body.String(), first) || answer.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s %v", answer.Body, answer.Header())
	}

	answer = httptest.NewRecorder()
	new(Codes).ServeHTTP(answer, nil)
	if got := answer.Body.String(); got != "{\"codes\":[]}\n" {
		t.Errorf("without codes: %s", got)
	}
}

func TestCheckFixedCode(t *testing.T) {
	for code, ok := range map[string]bool{
		"": true, "123456": true, "aB1": true, "12 34": false, "<b>": false, strings.Repeat("1", 65): false,
	} {
		if err := CheckFixedCode(code); (err == nil) != ok {
			t.Errorf("%q: %v", code, err)
		}
	}
}

func TestSummaries(t *testing.T) {
	r := newRig(t, nil, nil)
	r.ok("AdminCreateUser", r.about("alice", nil))
	want := []Summary{{ID: r.pool, Name: "p", Users: 1, Clients: []ClientSummary{{ID: r.id, Name: "c"}}}}
	if diff := cmp.Diff(r.Summaries("111122223333", "eu-central-1", 5), want); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
	for _, other := range [][]Summary{
		r.Summaries("999999999999", "eu-central-1", 5), r.Summaries("111122223333", "eu-west-1", 5),
		r.Summaries("111122223333", "eu-central-1", 0),
	} {
		if len(other) != 0 {
			t.Errorf("%+v", other)
		}
	}
}
