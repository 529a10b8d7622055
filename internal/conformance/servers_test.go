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
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

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
		{"names that change the terminal", "{\"\x1b[2J\u009b2J\u202e\":\"\x1b[31m\"}", http.StatusOK},
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
				for _, d := range r.Differences {
					printable(t, r.ID, d.What+d.Want+d.Got)
				}
				printable(t, r.ID, r.Reason)
			}
			if failed < 250 {
				t.Errorf("%d probes fail", failed)
			}
		})
	}
}

func printable(t *testing.T, id, text string) {
	t.Helper()
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%s shows what is not printable: %q", id, text)
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

// proxy passes calls on to a server, and its answers through change.
func proxy(t *testing.T, to string, change func(operation string, answer *http.Response, body []byte) []byte) string {
	t.Helper()
	forward := httputil.NewSingleHostReverseProxy(wiretest.Must(url.Parse(to))(t))
	forward.ModifyResponse = func(answer *http.Response) error {
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		_, operation, _ := strings.Cut(answer.Request.Header.Get("X-Amz-Target"), ".")
		body = change(operation, answer, body)
		answer.Body = io.NopCloser(bytes.NewReader(body))
		answer.ContentLength = int64(len(body))
		answer.Header.Set("Content-Length", fmt.Sprint(len(body)))

		return nil
	}
	web := httptest.NewServer(forward)
	t.Cleanup(web.Close)

	return web.URL
}

func family(t *testing.T, name string) []conformance.Probe {
	t.Helper()
	return slices.DeleteFunc(probes(t), func(p conformance.Probe) bool { return p.Family != name })
}

// An answer with something behind its JSON is none: SDKs fail at it.
func TestTextBehindAnAnswer(t *testing.T) {
	s := wiretest.Start(t)
	chosen := slices.DeleteFunc(family(t, "pools"), func(p conformance.Probe) bool {
		return len(p.Want.Answer) == 0
	})
	for behind, passes := range map[string]bool{"": true, "\n": true, "}": false, "{}": false, "x": false} {
		address := proxy(t, s.URL, func(_ string, answer *http.Response, body []byte) []byte {
			if strings.HasPrefix(answer.Header.Get("Content-Type"), "application/x-amz-json") {
				body = append(body, behind...)
			}
			return body
		})
		results, _, err := conformance.KitFor(address).Run(t.Context(), chosen)
		if err != nil {
			t.Fatal(err)
		}

		for _, r := range results {
			if (r.Outcome == conformance.Passed) != passes {
				t.Errorf("%q behind the answer: %s %s %s %+v", behind, r.ID, r.Outcome, r.Reason, r.Differences)
			}
		}
	}
}

// An ID as long as the answer may be is not repeated in every later call and pattern.
func TestLongIDs(t *testing.T) {
	s := wiretest.Start(t)
	address := proxy(t, s.URL, func(operation string, _ *http.Response, body []byte) []byte {
		if operation == "GetId" {
			return fmt.Appendf(nil, `{"IdentityId":%q}`, strings.Repeat("x", 900_000))
		}
		return body
	})
	results, _, err := conformance.KitFor(address).Run(t.Context(), family(t, "tokens"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(results, func(r conformance.Result) bool {
		return r.Outcome == conformance.Failed && strings.Contains(r.Reason, "IdentityId has more than")
	}) {
		t.Error("no probe tells of the length")
	}
}

// A pool whose answer was lost may be there: the report names it.
func TestLostAnswersAreReported(t *testing.T) {
	s := wiretest.Start(t)
	address := proxy(t, s.URL, func(operation string, _ *http.Response, body []byte) []byte {
		if operation == "CreateIdentityPool" {
			panic(http.ErrAbortHandler)
		}
		return body
	})
	_, left, err := conformance.KitFor(address).Run(t.Context(), family(t, "tokens"))
	if !errors.Is(err, conformance.ErrUnreachable) && err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(left, []string{conformance.NamePrefix + "test"}) {
		t.Errorf("left: %q", left)
	}

	_, left, _ = conformance.KitFor("http://127.0.0.1:1").Run(t.Context(), family(t, "tokens"))
	if len(left) != 0 {
		t.Errorf("nothing was sent, and %q are left", left)
	}
}

// The end of a run by its caller is no failure of the probe that it met.
func TestStoppedRun(t *testing.T) {
	s := wiretest.Start(t)
	ctx, stop := context.WithCancel(t.Context())
	kit, waits := conformance.KitFor(s.URL), 0
	kit.Pause = time.Second
	kit.Wait = func(ctx context.Context, _ time.Duration) error {
		if waits++; waits == 5 {
			stop()
		}
		return ctx.Err()
	}

	results, left, err := kit.Run(ctx, probes(t))
	if !errors.Is(err, context.Canceled) || len(left) > 0 || len(results) == 0 {
		t.Fatalf("%d results, %q are left: %v", len(results), left, err)
	}
	for _, r := range results {
		if r.Outcome != conformance.Passed {
			t.Errorf("%s %s: %s", r.ID, r.Outcome, r.Reason)
		}
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
	}, Left: []string{"us-east-1:left\u009b"}, Err: errors.New("stopped")}

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
		Error          string
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

	type suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Skipped  int `xml:"skipped,attr"`
		Errors   int `xml:"errors,attr"`
	}
	var suites struct {
		Suites []suite `xml:"testsuite"`
	}
	if err := xml.Unmarshal(junit.Bytes(), &suites); err != nil {
		t.Fatal(err)
	}
	ended := suite{Tests: 1, Errors: 1} // what was not asked is not silently absent
	if decoded.Error != "stopped" || !slices.Equal(suites.Suites, []suite{{Tests: 3, Failures: 1, Skipped: 1}, ended}) {
		t.Errorf("error %q, suites %+v", decoded.Error, suites.Suites)
	}

	for _, out := range []string{text.String(), object.String(), junit.String()} {
		if strings.Contains(out, "wJalrXUtnFEMI") {
			t.Errorf("a secret: %s", out)
		}
		printable(t, "the report", strings.ReplaceAll(out, "\n", " "))
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
