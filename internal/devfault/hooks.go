package devfault

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Refusals lists the reasons for which this package makes work fail. Those of operations are at awsapi.
var Refusals explain.Catalogue

var databaseInjected = Refusals.Add(explain.Reason{
	Code:     "injected-faults-database",
	Check:    "injected faults",
	Expected: "no fault for the database",
	Got:      "the fault {fault}, which somebody injected",
	Fix:      "delete the fault: DELETE /_poolhouse/dev/faults/{fault}",
})

// Inject makes calls fail (awsapi.Injector).
func (e *Engine) Inject(ctx context.Context, service, operation string) awsapi.Injection {
	if e.isOwnCall(ctx) {
		return awsapi.Injection{}
	}

	f := e.take(func(f *active) bool { return e.isAbout(f, service, operation) })
	if f == nil {
		return awsapi.Injection{}
	}
	e.wait(ctx, f, f.Delay)

	n := awsapi.Injection{Code: f.Error, Message: f.Message, Fault: f.ID}
	switch f.Disconnect {
	case BeforeCall:
		n.Cut = awsapi.CutBefore
	case AfterCall:
		n.Cut = awsapi.CutAfter
	}

	return n
}

// isOwnCall reports whether a call is the server's own, such as one of a seed.
func (e *Engine) isOwnCall(ctx context.Context) bool {
	e.mu.Lock()
	isOwn := e.isOwn
	e.mu.Unlock()

	return isOwn != nil && isOwn(awsapi.RecordFrom(ctx).UserAgent)
}

// isAbout reports whether a fault is about an operation. One about any is only about those that may answer
// its error. The caller holds mu.
func (e *Engine) isAbout(f *active, service, operation string) bool {
	switch {
	case f.Operation == "" || f.Service != "" && f.Service != service:
		return false
	case f.Operation != Any && f.Operation != operation:
		return false
	case f.Error == "" || e.known == nil:
		return true
	default:
		return slices.Contains(e.known[service][operation], f.Error)
	}
}

// slowAnswer is how late a slow provider answers if its fault does not tell: later than any caller waits.
const slowAnswer = 30 * time.Second

// Provider returns the fault of a request to a login provider (outbound.Options.Fault).
func (e *Engine) Provider(address *url.URL) *outbound.Fault {
	f := e.take(func(f *active) bool {
		return f.Provider != "" && (f.Provider == Any || f.also[address.String()] || isAt(f.Provider, address))
	})
	if f == nil {
		return nil
	}

	delay := f.Delay
	if f.Answer == Slow && delay == 0 {
		delay = slowAnswer
	}
	fault := outbound.Fault{Wait: func(ctx context.Context) { e.wait(ctx, f, delay) }}

	switch f.Answer {
	case Down:
		fault.Down = true
	case BadStatus:
		fault.Status, fault.Body = f.Status, []byte(`{"error":"injected"}`)
		if fault.Status == 0 {
			fault.Status = http.StatusServiceUnavailable
		}
	case Garbage:
		fault.Status, fault.Body = http.StatusOK, []byte("\x00<!DOCTYPE html><title>injected</title>{")
	case ForeignKeys:
		fault.Alter = func(body []byte) []byte {
			altered, isKeySet := foreign(body)
			if !isKeySet {
				e.follow(f.ID, body)
			}

			return altered
		}
	}

	return &fault
}

// isAt reports whether the documents of a provider are at an address. provider is its key in Logins.
func isAt(provider string, address *url.URL) bool {
	place := strings.ToLower(address.Host + address.Path)
	if rest, below := strings.CutPrefix(place, strings.TrimSuffix(provider, "/")); below {
		return rest == "" || rest[0] == '/'
	}

	// The settings may give a user pool another address.
	_, pool, _ := strings.Cut(provider, "/")

	return strings.HasPrefix(provider, "cognito-idp.") && pool != "" &&
		strings.HasPrefix(strings.ToLower(address.Path)+"/", "/"+pool+"/")
}

// follow does not count a document without keys, which stays as it is, for a hit. If that is a discovery document, the
// fault is also about the keys that it names, which may be at another host.
func (e *Engine) follow(id string, body []byte) {
	var discovery struct {
		Keys string `json:"jwks_uri"`
	}
	_ = json.Unmarshal(body, &discovery) // anything else names no keys

	e.mu.Lock()
	defer e.mu.Unlock()

	for _, f := range e.faults {
		if f.ID != id {
			continue
		}
		f.seen--
		f.Hits--
		if discovery.Keys != "" && len(f.also) < MaxFaults {
			f.also[discovery.Keys] = true
		}
	}
}

// Database makes reads and writes of calls fail (store.Options.Fault). The server's own work does not count.
func (e *Engine) Database(ctx context.Context, write bool) (after, err error) {
	if awsapi.RecordFrom(ctx).Operation == "" || e.isOwnCall(ctx) {
		return nil, nil
	}
	work := Reads
	if write {
		work = Writes
	}

	f := e.take(func(f *active) bool { return f.Database == work || f.Database == All })
	if f == nil {
		return nil, nil
	}
	if f.Delay > 0 && !e.waitForDatabase(ctx, f) {
		explain.FromContext(ctx).Refuse(databaseInjected.With("fault", f.ID))
		return nil, store.ErrUnavailable
	}
	if f.Error == "" {
		return nil, nil
	}

	explain.FromContext(ctx).Refuse(databaseInjected.With("fault", f.ID))

	switch f.Error {
	case DiskFull:
		return nil, store.ErrDiskFull
	case ReadOnly:
		return nil, store.ErrReadOnly
	case UnknownOutcome:
		return store.ErrIndeterminate, nil
	default:
		return nil, store.ErrUnavailable
	}
}

// waitForDatabase waits as for a slow database: false = longer than the call may wait for one.
func (e *Engine) waitForDatabase(ctx context.Context, f *active) bool {
	if !overload.BudgetLeft(ctx) {
		return false
	}

	allowed, end := overload.StartWait(ctx, 0)
	defer end()

	if allowed > 0 && allowed < f.Delay {
		e.wait(ctx, f, allowed)
		return false
	}
	e.wait(ctx, f, f.Delay)

	return ctx.Err() == nil
}
