package poolhousetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devcalls"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Call is a call that a client made to an API of the server. It has no token and no secret.
type Call struct {
	Number    uint64 // counts the calls from 1
	Time      time.Time
	Duration  time.Duration
	Service   string // signing name of the API, such as cognito-identity
	Operation string
	Pool      string // ID of the pool that the call is about; "" = none
	Status    int    // HTTP status; 0 = a fault cut the connection
	Error     string // error type; "" = success
	Message   string // of the error
	RequestID string
	// Explain tells which checks led to a refusal: what was expected, what came, and what to change. The
	// answer of the call does not tell; "" = the call was not refused.
	Explain string
}

// String returns the call in one line, and in further lines why it was refused.
func (c Call) String() string {
	outcome := "ok"
	switch {
	case c.Error != "" && c.Message != "":
		outcome = c.Error + ": " + c.Message
	case c.Error != "":
		outcome = c.Error
	}
	line := fmt.Sprintf("%d. %s %s (%d, %s): %s", c.Number, c.Service, c.Operation, c.Status,
		c.Duration.Round(time.Microsecond), outcome)
	if c.Explain == "" {
		return line
	}

	return line + "\n   " + strings.ReplaceAll(c.Explain, "\n", "\n   ")
}

// Calls returns the newest calls of clients, at most 1000, oldest first. The package's own calls are not among
// them. If the test fails, its log has the last of them.
func (s *Server) Calls() []Call {
	all := s.DevCalls()
	if all == nil {
		return nil
	}
	list, _ := all.Since(0, devcalls.Kept)

	calls := make([]Call, len(list))
	for n, c := range list {
		calls[n] = callOf(c)
	}

	return calls
}

// CallsOf returns the calls of one operation among Calls.
func (s *Server) CallsOf(operation string) []Call {
	var some []Call
	for _, c := range s.Calls() {
		if c.Operation == operation {
			some = append(some, c)
		}
	}
	return some
}

// WaitForCall returns the first call of an operation that was answered after the call with the number after, 0 =
// since the start. It waits for one with patience; then the test fails, and its message has what came instead.
func (s *Server) WaitForCall(t testing.TB, operation string, after uint64, patience time.Duration) Call {
	t.Helper()
	all := s.DevCalls()
	if all == nil {
		t.Fatal("poolhousetest: WaitForCall: only a development server remembers calls")
	}

	ctx, cancel := context.WithTimeout(lasting(t), patience)
	defer cancel()

	found, ok := all.Wait(ctx, after, func(c devcalls.Call) bool { return c.Operation == operation })
	if !ok {
		list, _ := all.Since(after, devcalls.Kept)
		var others []string
		for _, c := range list {
			others = append(others, c.Operation)
		}
		t.Fatalf("poolhousetest: nobody called %s within %s, only %v", operation, patience, others)
	}

	return callOf(found)
}

func callOf(c devcalls.Call) Call {
	return Call{
		Number:    c.ID,
		Time:      c.Start,
		Duration:  c.Duration,
		Service:   c.Service,
		Operation: c.Operation,
		Pool:      c.Pool,
		Status:    c.Status,
		Error:     c.Outcome,
		Message:   c.Message,
		RequestID: c.RequestID,
		Explain:   explain.Text(c.Steps, c.Planned, nil),
	}
}

const loggedCalls = 20 // of a failed test

// logCalls writes the last calls to the log of a test that has failed.
func (s *Server) logCalls(t testing.TB) {
	if !t.Failed() {
		return
	}
	calls := s.Calls()
	if len(calls) == 0 {
		return
	}

	var b strings.Builder
	fmt.Fprintf(&b, "poolhousetest: the last calls to %s:", s.URL)
	for _, c := range calls[max(0, len(calls)-loggedCalls):] {
		b.WriteString("\n" + c.String())
	}
	t.Log(b.String())
}

// Reset makes the server as it was after Start: all data goes, the seeds are applied again, the clock shows the
// machine's time, and there are no faults and no calls. The keys that sign tokens stay. Calls under way end first.
func (s *Server) Reset(t testing.TB) {
	t.Helper()
	if err := s.DevReset(lasting(t), false); err != nil {
		t.Fatalf("poolhousetest: Reset: %v", err)
	}
}

// RotateKey gives the server's own provider a new key. The former stays published, so that its tokens are valid
// until they expire.
func (s *Server) RotateKey(t testing.TB) {
	t.Helper()
	if err := s.DevRotateKey(lasting(t)); err != nil {
		t.Fatalf("poolhousetest: RotateKey: %v", err)
	}
}
