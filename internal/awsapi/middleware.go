package awsapi

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Wrap adds to h what every answer of the server needs. operation names h in log and
// metrics; it is "" when h finds the operation itself.
func (s *Service) Wrap(operation string, h http.Handler) http.Handler {
	// cors is outermost, so that preflights cost nothing more.
	return s.cors(operation, s.WrapInternal(operation, s.limitBody(operation, h)))
}

// WrapInternal is Wrap for endpoints that browsers do not call: h gets every method,
// and bounds the body itself.
func (s *Service) WrapInternal(operation string, h http.Handler) http.Handler {
	for _, wrap := range []func(string, http.Handler) http.Handler{ // innermost first
		s.recoverPanic,
		s.logAccess, // outside recoverPanic: panics are logged too
		s.identify,
	} {
		h = wrap(operation, h)
	}

	return h
}

// Denial refuses a request before anything looks at its content.
type Denial struct {
	Message string
	Why     *explain.Refusal // the check that refused it
	// Challenge is the WWW-Authenticate header of status 401, for a request that lacks a
	// credential; "" = none, and status 403.
	Challenge string
	// Plain makes the answer one JSON object with error, as that of the control API, and not in the form of AWS.
	Plain bool
}

// Guard puts check before next. A request that check denies gets status 403 or 401 in the
// form of its protocol, or plain, without CORS headers. It is logged, counted and kept with its
// trace, as any refusal.
func (s *Service) Guard(check func(*http.Request) *Denial, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if denied := check(r); denied != nil {
			s.deny(w, r, denied)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// deny answers a request that is refused before its body is read.
func (s *Service) deny(w http.ResponseWriter, r *http.Request, d *Denial) {
	status := http.StatusForbidden
	if d.Challenge != "" {
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", d.Challenge)
	}

	s.WrapInternal("", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange)
		x.call = s.newCall(r)
		if d.Plain {
			x.call.protocol = plainJSON{}
		}
		x.refuse(&x.call, &Error{
			Kind:    AccessDenied,
			Status:  status,
			Message: d.Message,
			Why:     d.Why,
		})
	})).ServeHTTP(w, r)
}

// Values of headers that never change. All answers share the slices.
var (
	anyOrigin      = []string{"*"}
	varyOrigin     = []string{"Origin"}
	exposedHeaders = []string{"x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date,Retry-After"}
	allowedMethods = []string{"POST"}
	preflightAge   = []string{"172800"} // seconds
	yes            = []string{"true"}
	empty          = []string{"0"}
	strictTLS      = []string{"max-age=31536000; includeSubDomains"}
)

// cors lets pages of allowed origins call, and answers preflights. Any origin is safe,
// because nothing here looks at cookies. Date is exposed so that a browser SDK can
// correct its clock.
func (s *Service) cors(_ string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Date"] = s.date.value(s.dateNow())
		if r.TLS != nil {
			h["Strict-Transport-Security"] = strictTLS
		}

		allowed := anyOrigin

		if s.checkOrigin != nil {
			h["Vary"] = varyOrigin
			if denied := s.checkOrigin(r); denied != nil {
				s.deny(w, r, denied)
				return
			}
			allowed = r.Header["Origin"]
		}

		if len(allowed) > 0 {
			h["Access-Control-Allow-Origin"] = allowed
			h["Access-Control-Expose-Headers"] = exposedHeaders
		}

		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}

		h["Access-Control-Allow-Methods"] = allowedMethods
		h["Access-Control-Max-Age"] = preflightAge
		if asked := r.Header.Get("Access-Control-Request-Headers"); IsHeaderList(asked) {
			h["Access-Control-Allow-Headers"] = []string{asked}
		}
		if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
			h["Access-Control-Allow-Private-Network"] = yes
		}

		h["Content-Length"] = empty
		w.WriteHeader(http.StatusOK)
	})
}

// IsHeaderList reports whether s may be echoed as a list of header names.
func IsHeaderList(s string) bool {
	if s == "" || len(s) > 4096 {
		return false
	}

	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			strings.IndexByte("-_,. ", c) >= 0) {
			return false
		}
	}

	return true
}

// identify gives the request its ID, record and trace.
func (s *Service) identify(operation string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, r := s.newExchange(w, r, operation)
		x.requestID[0] = x.record.RequestID
		w.Header()["X-Amzn-Requestid"] = x.requestID[:]
		next.ServeHTTP(x, r)

		if x.cut != CutNever {
			panic(http.ErrAbortHandler) // net/http ends the connection
		}
	})
}

// logAccess writes the access log line, feeds the metrics and hands refusals
// with their trace to the recorder.
func (s *Service) logAccess(_ string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		// The answer may still be in a buffer: a hook that panics must not cost the
		// client its answer.
		defer s.recoverHook()

		x := w.(*exchange)
		if !x.wrote && x.cut == CutNever {
			x.record.Status = http.StatusOK // as net/http will answer
		}
		x.record.Duration = s.now().Sub(x.record.Start)

		var steps []explain.Step
		if x.record.Code != "" {
			steps = x.decided()
		}
		s.log(r, x, steps)

		defer s.observed(&x.record) // whoever is told of a call can ask for the reasons

		if rec := &x.record; s.recorder != nil && rec.Code != "" {
			s.recorder.Refused(Refusal{
				Time:         rec.Start,
				RequestID:    rec.RequestID,
				Service:      rec.Service,
				Account:      rec.Account,
				Others:       rec.Others,
				Region:       rec.Region,
				Operation:    rec.Operation,
				Code:         rec.Code,
				Message:      cmp.Or(x.message, rec.Message),
				Status:       rec.Status,
				Steps:        steps,
				Reason:       rec.ReasonCode,
				Planned:      x.trace.Planned(),
				AccessKeyID:  rec.AccessKeyID,
				ClaimedKeyID: rec.ClaimedKeyID,
				AskedPool:    rec.AskedPool,
				Lookup:       rec.Authorized && x.call.op.lookup,
				UserAgent:    rec.UserAgent,
				Pool:         rec.Pool,
				Address:      rec.Client.IP,
			})
		}
	})
}

// observed feeds the metrics.
func (s *Service) observed(rec *Record) {
	if s.observe != nil {
		defer s.recoverHook()

		s.observe(rec)
	}
}

// recoverHook logs that a hook panicked; defer it. If the log itself panicked, nothing
// more is reported: writing past it could block.
func (s *Service) recoverHook() {
	p := recover()
	if p == nil {
		return
	}
	defer func() { _ = recover() }()

	s.logger.Error("a hook of log or metrics panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}

// log writes the line of a request, for a refused one with the steps of its trace.
func (s *Service) log(r *http.Request, x *exchange, steps []explain.Step) {
	rec, level := &x.record, slog.LevelInfo
	if rec.Status >= 500 && r.Context().Err() == nil { // a client that hangs up is not the server's fault
		level = slog.LevelError
	}

	switch {
	case x.busy:
		level = slog.LevelWarn
	case rec.Throttled: // its refuser writes one line a minute, however many there are
		level = slog.LevelDebug
	}
	if !s.logger.Enabled(r.Context(), level) {
		return
	}

	var room [16]slog.Attr

	attrs := room[:0]
	for _, a := range [...]struct{ name, value string }{
		{"request_id", rec.RequestID},
		{"service", rec.Service},
		{"operation", rec.Operation},
		{"account", rec.Account},
		{"region", rec.Region},
		{"pool", rec.Pool},
		{"access_key_id", rec.AccessKeyID},
		{"outcome", cmp.Or(rec.Code, "OK")},
		{"fault", rec.Fault},
		{"reason", rec.Reason},
		{"user_agent", rec.UserAgent},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, a.value))
		}
	}
	attrs = append(attrs, slog.Int("status", rec.Status), slog.Duration("duration", rec.Duration))
	if rec.Waited > 0 {
		attrs = append(attrs, slog.Duration("waited", rec.Waited))
	}
	attrs = append(attrs, failedCheck(steps)...)

	// Without the caller's address, which costs more than the attributes do.
	line := slog.NewRecord(rec.Start.Add(rec.Duration), level, "request", 0)
	line.AddAttrs(attrs...)
	line.AddAttrs(rec.Attrs...)
	_ = s.logger.Handler().Handle(r.Context(), line) // a log that cannot be written must not fail the request
}

// failedCheck describes the check that decided a refusal: the last that failed.
func failedCheck(steps []explain.Step) []slog.Attr {
	step, ok := explain.Deciding(steps)
	if !ok {
		return nil
	}

	check := []any{
		slog.String("code", string(step.Code)),
		slog.String("name", step.Check),
		slog.String("expected", step.Expected),
		slog.String("got", step.Got),
		slog.String("fix", step.Fix),
	}
	if step.Subject != "" {
		check = append(check, slog.String("subject", step.Subject))
	}
	if step.Provider != "" {
		check = append(check, slog.String("provider", step.Provider))
	}

	return []slog.Attr{slog.Group("check", check...)}
}

// userAgent prefers x-amz-user-agent: in a browser it names the SDK.
func userAgent(r *http.Request) string {
	ua := cmp.Or(r.Header.Get("X-Amz-User-Agent"), r.UserAgent())
	return ua[:min(len(ua), 256)]
}

// recoverPanic turns a panic into an internal error. net/http would drop the
// connection.
func (s *Service) recoverPanic(_ string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}

			x := w.(*exchange)
			x.record.Add(slog.String("stack", string(debug.Stack())))
			err := Internal(fmt.Errorf("panic: %v", p))

			if x.wrote {
				x.record.Code, x.record.Reason = "panic", err.Error()
				x.trace.Refuse(serverFault.With("fault", "a panic", "request", x.record.RequestID))
				return
			}

			if x.call.protocol == nil {
				x.call = s.newCall(r)
			}
			x.refuse(&x.call, err)
		}()

		next.ServeHTTP(w, r)
	})
}

// limitBody bounds how much a handler can read. net/http closes the connection of a
// client that sends more.
func (s *Service) limitBody(_ string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody && (r.ContentLength < 0 || r.ContentLength > s.maxBody) {
			defer func(body io.Reader) { _ = discardRest(r, body) }(r.Body) // net/http closes the connection

			r.Body = http.MaxBytesReader(w.(*exchange).ResponseWriter, r.Body, s.maxBody)
		}

		next.ServeHTTP(w, r)
	})
}

// dateHeader formats the Date header once a second.
//
// cache: date header
type dateHeader struct {
	last atomic.Pointer[formattedDate]
}

type formattedDate struct {
	second int64
	value  []string
}

func (d *dateHeader) value(now time.Time) []string {
	second := now.Unix()
	f := d.last.Load()
	if f == nil || f.second != second {
		f = &formattedDate{second: second, value: []string{now.UTC().Format(http.TimeFormat)}}
		d.last.Store(f)
	}
	return f.value
}
