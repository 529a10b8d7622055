package devapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// asked is a request of tests.
type asked struct {
	Name    string         `json:"name"`
	Count   int            `json:"count"`
	Claims  map[string]any `json:"claims"`
	Enabled *bool          `json:"enabled"`
}

func TestReadJSON(t *testing.T) {
	for body, want := range map[string]string{
		`{"name":"a","count":2,"claims":{"n":[12345678901234567890]}}`: "",
		" \n{}":                    "",
		`{"Name":"a"}`:             `unknown member "Name"`,
		`{"name":"a","NAME":"b"}`:  `unknown member "NAME"`,
		`{"name":"a","name":"b"}`:  "a member comes twice",
		`{"claims":{"a":1,"a":2}}`: "a member comes twice",
		`{"name":1}`:               "name cannot be a number",
		`{"name":[]}`:              "name cannot be a list",
		`{"count":1.5}`:            "count cannot be 1.5",
		`{"count":"1"}`:            "count cannot be a text",
		`{"claims":[]}`:            "claims cannot be a list",
		`{"enabled":"yes"}`:        "enabled cannot be a text",
		`{"name":"a"`:              "the body ends too early",
		`{} {}`:                    "after top-level value",
		"{\"name\":\"\xff\"}":      "invalid UTF-8",
		`null`:                     "no JSON object",
		`[]`:                       "no JSON object",
		``:                         "no JSON object",
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		w := httptest.NewRecorder()
		var got asked
		read := ReadJSON(w, r, &got, "the rule")

		var refusal ErrorResponse
		if !read && (json.Unmarshal(w.Body.Bytes(), &refusal) != nil || w.Code != http.StatusBadRequest ||
			!strings.HasSuffix(refusal.Error, ": the rule")) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
		if read != (want == "") || !strings.Contains(refusal.Error, want) ||
			strings.Contains(refusal.Error, "devapi") || strings.Contains(refusal.Error, "Go ") {
			t.Errorf("%s: %t, %s", body, read, refusal.Error)
		}
		if list, ok := got.Claims["n"].([]any); ok && list[0] != json.Number("12345678901234567890") {
			t.Errorf("the number has become %v", list)
		}
	}
}

// A body that may be left out may be empty in any way, and else is as any other.
func TestReadOptionalJSON(t *testing.T) {
	for name, test := range map[string]struct {
		body, kind string
		length     int64
		status     int
	}{
		"none":             {"", "", 0, 200},
		"empty JSON":       {"", "application/json", 0, 200},
		"empty form":       {"", "application/x-www-form-urlencoded", 0, 200},
		"empty, in chunks": {"", "", -1, 200},
		"in chunks":        {`{"name":"a"}`, "application/json", -1, 200},
		"object":           {`{"name":"a"}`, "application/json", 12, 200},
		"form":             {"name=a", "application/x-www-form-urlencoded", 6, 415},
		"no kind":          {`{"name":"a"}`, "", 12, 415},
		"null":             {"null", "application/json", 4, 400},
		"too large":        {strings.Repeat(" ", MaxRequest+1), "application/json", MaxRequest + 1, 400},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(test.body))
		r.ContentLength = test.length
		r.Header.Set("Content-Type", test.kind)
		w := httptest.NewRecorder()

		read := ReadOptionalJSON(w, r, new(asked), "the rule")
		if read != (test.status == 200) || w.Code != test.status {
			t.Errorf("%s: %t, %d %s", name, read, w.Code, w.Body)
		}
	}
}
