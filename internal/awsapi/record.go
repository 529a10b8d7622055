package awsapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// Record is what the access log and the metrics know of one request. It holds
// nothing secret: no body, no Authorization header, no token.
type Record struct {
	RequestID   string
	Service     string   // signing name; "" when none was recognised
	Operation   string   // only names of the operation table; "" when unknown
	Account     string   // of the caller, of the key that a refused signature names, or as the operation sets it
	Region      string   // of the credential scope, or as the operation sets it
	Pool        string   // the resource that the operation says it concerns
	Others      []string // further accounts that the call concerns, such as a role's
	AccessKeyID string   // whose signature was proven
	Code        string   // error type on the wire; "" = success
	Status      int      // HTTP status
	Reason      string   // why it was refused, for the log
	// Message is Refusal.Message of handlers that answer in no protocol of AWS.
	Message string
	// ReasonCode is that of the check that decided a refusal; "" = success.
	ReasonCode explain.Code
	Fault      string // the name of what failed here (Options.FaultOf); "" = nothing that has one
	// Throttled: it was refused because too many came, not for what it met; its
	// Duration tells nothing about the operation.
	Throttled bool
	Start     time.Time
	Duration  time.Duration
	UserAgent string
	Client    Client
	Attrs     []slog.Attr // what the operation adds to the log line
}

// Concern notes that the call concerns account: as the record's own when it has
// none yet, as a further one otherwise.
func (r *Record) Concern(account string) {
	switch {
	case r.Account == "":
		r.Account = account
	case account != r.Account && !slices.Contains(r.Others, account):
		r.Others = append(r.Others, account)
	}
}

// Add adds attributes to the request's log line. Values must not be secret.
func (r *Record) Add(attrs ...slog.Attr) { r.Attrs = append(r.Attrs, attrs...) }

// Client is how a request came: what aws:SourceIp, aws:SecureTransport,
// aws:UserAgent and aws:Referer say.
type Client struct {
	IP        netip.Addr // the zero Addr = unknown
	TLS       bool
	UserAgent string // as it came
	Referer   string
}

// clientOf reads it from the connection, or behind a proxy from what that adds:
// the last X-Forwarded-For entry, the only one that the proxy vouches for, and
// X-Forwarded-Proto.
func clientOf(r *http.Request, behindProxy bool) Client {
	c := Client{TLS: r.TLS != nil, UserAgent: r.UserAgent(), Referer: r.Referer()}
	if behindProxy {
		c.TLS = r.Header.Get("X-Forwarded-Proto") == "https"
		c.IP = forwardedAddress(lastForwarded(r.Header.Values("X-Forwarded-For")))
	} else {
		c.IP = peerAddress(r.RemoteAddr)
	}
	return c
}

// lastForwarded is the last entry of X-Forwarded-For, whose lines count as one
// (RFC 9110, section 5.3); "" when there is none.
func lastForwarded(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	last := lines[len(lines)-1]
	return strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
}

// peerAddress reads the address of a peer, which has a port, unless the connection is
// of another kind: the zero Addr stands for the path of a Unix socket. It allocates
// nothing for a peer with a port.
func peerAddress(text string) netip.Addr {
	both, err := netip.ParseAddrPort(text)
	if err == nil {
		return plainAddress(both.Addr())
	}
	ip, _ := netip.ParseAddr(text)
	return plainAddress(ip)
}

// forwardedAddress reads an entry of X-Forwarded-For, which may have a port. The zero
// Addr stands for everything else: a name, an address in quotes. It allocates nothing
// for an entry without a port.
func forwardedAddress(text string) netip.Addr {
	ip, err := netip.ParseAddr(text)
	if err == nil {
		return plainAddress(ip)
	}
	both, _ := netip.ParseAddrPort(text)
	return plainAddress(both.Addr())
}

// plainAddress is ip without a zone, and as IPv4 if it stands for one.
func plainAddress(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }

type recordKey struct{}

// RecordFrom returns the record of the request that ctx belongs to; outside a
// request a record that nobody reads. Only the goroutine that serves the
// request may change it.
func RecordFrom(ctx context.Context) *Record {
	if x, ok := ctx.Value(recordKey{}).(*exchange); ok {
		return &x.record
	}
	return new(Record)
}

// Refusal is a request that was not granted, with the checks that decided it.
type Refusal struct {
	Time      time.Time
	RequestID string
	Service   string
	Account   string   // as in the record
	Others    []string // as in the record
	Region    string
	Operation string
	Code      string // error type on the wire
	Message   string // as on the wire, without values of the request
	Status    int
	Steps     []explain.Step
	// Reason is the code of the step that decided: the last that failed. Planned are
	// the checks that would have followed.
	Reason  explain.Code
	Planned []explain.Code
	// AccessKeyID is the key whose signature was proven; "" = none was.
	AccessKeyID string
}

// Recorder keeps refusals for whoever asks why. Refused must return quickly and
// must bound what it keeps.
type Recorder interface {
	Refused(Refusal)
}

// exchange is one request under way: the writer of its answer, its context, its
// record, its trace and its budget, in one allocation.
type exchange struct {
	http.ResponseWriter
	context exchangeContext
	record  Record
	trace   explain.Trace
	budget  overload.Budget
	call    call   // its protocol is nil until it is clear what the client speaks
	message string // Refusal.Message
	wrote   bool

	turnedAway bool // nothing is kept of it

	busy bool // something of this server takes no more at present: Options.Busy

	requestID, length [1]string       // values of headers
	steps             [8]explain.Step // memory of trace
}

// exchangeContext is the context of a request, which knows its record, its trace and
// its budget of time for the database.
type exchangeContext struct {
	context.Context
	x *exchange
}

func (c *exchangeContext) Value(key any) any {
	switch key {
	case recordKey{}:
		return c.x
	case explain.ContextKey{}:
		return &c.x.trace
	case overload.BudgetKey{}:
		return &c.x.budget
	}
	return c.Context.Value(key)
}

func (x *exchange) WriteHeader(status int) {
	if !x.wrote && status >= 200 {
		x.wrote = true
		x.record.Status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(b []byte) (int, error) {
	if !x.wrote {
		x.wrote = true
		x.record.Status = http.StatusOK
	}
	return x.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }
