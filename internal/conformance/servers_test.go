package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/conformance"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// No probe passes at a server that answers everything alike.
func TestServersThatAnswerEverythingAlike(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"200 with an empty object", "{}", http.StatusOK},
		{"404", "no such page", http.StatusNotFound},
		{"500", "{}", http.StatusInternalServerError},
		{"redirect", "", http.StatusFound},
		{"no JSON", "\x00\xff<", http.StatusOK},
		{"an error", `{"__type":"ValidationException","message":"1 validation error detected"}`, http.StatusBadRequest},
		{"an array", "[[[[", http.StatusOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			t.Cleanup(web.Close)

			results, _, err := conformance.KitFor(web.URL).Run(t.Context(), probes(t))
			if err != nil || len(results) != len(probes(t)) {
				t.Fatal(err, len(results))
			}
			failed := 0
			for _, r := range results {
				if r.Outcome == conformance.Passed {
					t.Errorf("%s passes", r.ID)
				}
				if r.Outcome == conformance.Failed {
					failed++
				}
			}
			if failed < 250 {
				t.Errorf("%d probes fail", failed)
			}
		})
	}
}

// A server that is not there, or that sends more than it may, ends the run or the probe.
func TestServersThatDoNotAnswer(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	_, _, err := conformance.KitFor(gone.URL).Run(t.Context(), probes(t))
	if !errors.Is(err, conformance.ErrUnreachable) {
		t.Errorf("a server that is gone: %v", err)
	}

	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(hanging.Close)
	kit := conformance.KitFor(hanging.URL)
	kit.Timeout = 20 * time.Millisecond
	results, _, err := kit.Run(t.Context(), probes(t))
	if !errors.Is(err, conformance.ErrUnreachable) || len(results) > 10 {
		t.Errorf("a server that hangs: %v after %d probes", err, len(results))
	}

	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		block := bytes.Repeat([]byte(" "), 1<<16)
		for i := 0; i < 64; i++ {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
	t.Cleanup(endless.Close)
	results, _, err = conformance.KitFor(endless.URL).Run(t.Context(), probes(t)[:3])
	if err != nil || results[0].Outcome != conformance.Failed || !strings.Contains(results[0].Reason, "more than") {
		t.Errorf("an endless answer: %v %+v", err, results)
	}
}

// The kit deletes what it made and nothing else, also if the server names something else as made.
func TestNothingOfOthersIsDeleted(t *testing.T) {
	s := wiretest.Start(t)
	mine := s.NewPool(t)
	target := wiretest.Must(url.Parse(s.URL))(t)
	var deleted []string
	var mu sync.Mutex
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := wiretest.Must(io.ReadAll(r.Body))(t)
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DeleteIdentityPool") {
			mu.Lock()
			deleted = append(deleted, string(body))
			mu.Unlock()
		}
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".CreateIdentityPool") {
			fmt.Fprintf(w, `{"IdentityPoolId":%q,"IdentityPoolName":"production"}`, mine)
			return
		}

		r.URL.Scheme, r.URL.Host, r.RequestURI = target.Scheme, target.Host, ""
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
	}))
	t.Cleanup(web.Close)

	chosen := slices.DeleteFunc(probes(t), func(p conformance.Probe) bool { return p.Family != "tokens" })
	if _, _, err := conformance.KitFor(web.URL).Run(t.Context(), chosen); err != nil {
		t.Fatal(err)
	}
	if len(deleted) > 0 {
		t.Errorf("deleted %v", deleted)
	}
}

// The kit waits between calls as the caller wants it, and not before the first.
func TestPauses(t *testing.T) {
	s := wiretest.Start(t)
	waits, calls := 0, 0
	kit := conformance.KitFor(s.URL)
	kit.Pause = time.Second
	kit.Wait = func(_ context.Context, d time.Duration) error {
		waits++
		wiretest.Equal(t, "pause", d, time.Second)
		return nil
	}
	kit.Transport = counting{&calls}

	if _, _, err := kit.Run(t.Context(), probes(t)[:20]); err != nil {
		t.Fatal(err)
	}
	wiretest.Equal(t, "waits", waits, calls-1)
}

type counting struct{ calls *int }

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	*c.calls++
	return http.DefaultTransport.RoundTrip(r)
}

// The reports tell for each failure what was expected, what came, and who has the rule; they have no secret.
func TestReports(t *testing.T) {
	report := conformance.Report{Endpoint: "http://example", Results: []conformance.Result{
		{Probe: probe("good"), Outcome: conformance.Passed},
		{Probe: probe("bad"), Outcome: conformance.Failed, Differences: []conformance.Difference{
			{What: "message", Want: "this <text>", Got: conformance.Shown(`{"SecretKey":"wJalrXUtnFEMI"}` + "\n")},
		}},
		{Probe: probe("absent"), Outcome: conformance.NotRun, Reason: "needs IAM"},
	}, Left: []string{"us-east-1:left"}}

	var text, object, junit bytes.Buffer
	for _, err := range []error{report.WriteText(&text), report.WriteJSON(&object), report.WriteJUnit(&junit)} {
		if err != nil {
			t.Fatal(err)
		}
	}

	for _, want := range []string{"FAILED bad: rule bad", "expected this <text>", "recorded: https://example.com/bad",
		"NOT RUN absent", "needs IAM", "could not be deleted: us-east-1:left"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, &text)
		}
	}

	var decoded struct {
		Passed, Failed int
		Probes         []struct {
			ID, Outcome, Cite string
			Differences       []conformance.Difference
			Expected          map[string]any
		}
	}
	if err := json.Unmarshal(object.Bytes(), &decoded); err != nil {
		t.Fatal(err)
	}
	if decoded.Passed != 1 || len(decoded.Probes) != 3 || decoded.Probes[1].Differences[0].Want != "this <text>" ||
		decoded.Probes[2].Outcome != "not run" || decoded.Probes[0].Expected["status"] != 200.0 {
		t.Errorf("%+v", decoded)
	}

	var suites struct {
		Suites []struct {
			Tests, Failures, Skipped int `xml:",attr"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(junit.Bytes(), &suites); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{text.String(), object.String(), junit.String()} {
		if strings.Contains(out, "wJalrXUtnFEMI") {
			t.Errorf("a secret: %s", out)
		}
	}
}

func probe(id string) conformance.Probe {
	return conformance.Probe{
		ID:     id,
		Family: "family",
		Rule:   "rule " + id,
		Source: conformance.Recorded,
		Cite:   "https://example.com/" + id,
		Want:   conformance.Want{Status: 200},
	}
}
