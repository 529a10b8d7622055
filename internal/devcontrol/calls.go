package devcontrol

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devcalls"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// call is a call in JSON.
type call struct {
	ID        uint64       `json:"id"`
	Time      time.Time    `json:"time"`
	Duration  float64      `json:"duration_ms"`
	Service   string       `json:"service"`
	Operation string       `json:"operation"`
	Pool      string       `json:"pool,omitempty"`
	Status    int          `json:"status"`
	Error     string       `json:"error,omitempty"`
	Message   string       `json:"message,omitempty"`
	RequestID string       `json:"request_id"`
	Explain   *explanation `json:"explain,omitempty"`
}

// explanation is why a call was refused: the text that the terminal shows, and its parts.
type explanation struct {
	Reason  explain.Code   `json:"reason"`
	Text    string         `json:"text"`
	Steps   []explain.Step `json:"steps"`
	Planned []explain.Code `json:"planned,omitempty"`
}

// callList is a list of calls, in JSON.
type callList struct {
	Calls []call `json:"calls"`
	Last  uint64 `json:"last"`
}

// missedCall is the answer when a call does not come in time.
type missedCall struct {
	Error string `json:"error"`
	callList
}

// shown returns a call as it is shown.
func shown(c devcalls.Call) call {
	one := call{
		ID:        c.ID,
		Time:      c.Start.UTC(),
		Duration:  float64(c.Duration) / float64(time.Millisecond),
		Service:   c.Service,
		Operation: c.Operation,
		Pool:      c.Pool,
		Status:    c.Status,
		Error:     c.Outcome,
		Message:   c.Message,
		RequestID: c.RequestID,
	}
	if step := c.Deciding(); step != nil {
		one.Explain = &explanation{
			Reason:  step.Code,
			Text:    explain.Text(c.Steps, c.Planned, nil),
			Steps:   c.Steps,
			Planned: c.Planned,
		}
	}

	return one
}

func shownAll(calls []devcalls.Call, last uint64) callList {
	list := callList{Calls: make([]call, len(calls)), Last: last} // not nil: its JSON is a list
	for n, c := range calls {
		list.Calls[n] = shown(c)
	}
	return list
}

// Bounds of queries.
const (
	defaultCalls = 100
	defaultWait  = 10 * time.Second
	maxMissed    = 20 // calls that came in place of the one that was waited for
)

// MaxWait bounds how long somebody may wait for a call.
const MaxWait = time.Minute

func (c *Control) calls(w http.ResponseWriter, r *http.Request) {
	q := newQuery(r, "after", "limit")
	after, limit := q.number("after", 0, 1<<53), q.number("limit", defaultCalls, devcalls.Kept)
	if q.refused(w) {
		return
	}

	devapi.WriteJSON(w, http.StatusOK, shownAll(c.o.Calls.Since(after, int(limit))))
}

func (c *Control) forgetCalls(w http.ResponseWriter, _ *http.Request) {
	c.o.Calls.Forget()
	devapi.WriteJSON(w, http.StatusOK, shownAll(c.o.Calls.Since(0, 0)))
}

func (c *Control) waitForCall(w http.ResponseWriter, r *http.Request) {
	q := newQuery(r, "after", "timeout_seconds", "service", "operation", "status", "error")
	after := q.number("after", 0, 1<<53)
	timeout := q.number("timeout_seconds", uint64(defaultWait/time.Second), uint64(MaxWait/time.Second))
	status := q.number("status", 0, 599)
	if q.refused(w) {
		return
	}

	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(timeout)*time.Second)
	defer cancel()
	defer context.AfterFunc(c.o.Ending, cancel)()

	isWanted := func(one devcalls.Call) bool {
		is := func(name, value string) bool { return !q.values.Has(name) || q.values.Get(name) == value }
		return is("service", one.Service) && is("operation", one.Operation) && is("error", one.Outcome) &&
			(!q.values.Has("status") || int(status) == one.Status)
	}
	if found, ok := c.o.Calls.Wait(ctx, after, isWanted); ok {
		devapi.WriteJSON(w, http.StatusOK, shown(found))
		return
	}
	if c.o.Ending.Err() != nil {
		refuse(w, http.StatusServiceUnavailable, errors.New("the server is stopping"), nil)
		return
	}

	came, last := c.o.Calls.Since(after, devcalls.Kept)
	text := fmt.Sprintf("no such call came within %d seconds", timeout)
	devapi.WriteJSON(w, http.StatusRequestTimeout, missedCall{
		Error:    text + "; " + others(came),
		callList: shownAll(came[max(0, len(came)-maxMissed):], last),
	})
}

// others tells which calls came in place of the one that was waited for.
func others(calls []devcalls.Call) string {
	if len(calls) == 0 {
		return "none came at all"
	}

	count := map[string]int{}
	for _, c := range calls {
		count[strings.TrimSpace(c.Operation+" "+c.Outcome)]++
	}
	var parts []string

	for _, name := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d %s", count[name], name))
	}

	return "these came: " + strings.Join(parts[:min(len(parts), maxMissed)], ", ")
}

// query reads the parameters of a request, and collects their faults.
type query struct {
	values url.Values
	fault  error
}

// newQuery reads parameters of which each is given at most once, and no others.
func newQuery(r *http.Request, names ...string) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{values: values, fault: err}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(names, name) || len(values[name]) > 1 {
			q.fault = fmt.Errorf("the parameters are %s, each at most once, not %q", strings.Join(names, ", "), name)
		}
	}

	return q
}

// number returns a whole number, or the default if it is not given.
func (q *query) number(name string, otherwise, most uint64) uint64 {
	if !q.values.Has(name) {
		return otherwise
	}

	n, err := strconv.ParseUint(q.values.Get(name), 10, 64)
	if err != nil || n > most {
		q.fault = fmt.Errorf("%s is a whole number from 0 to %d", name, most)
	}

	return n
}

// refused answers if the parameters are wrong.
func (q *query) refused(w http.ResponseWriter) bool {
	if q.fault == nil {
		return false
	}
	refuse(w, http.StatusBadRequest, q.fault, nil)

	return true
}
