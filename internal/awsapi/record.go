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

// Record describes one request for the access log and the metrics. It holds no secret:
// no body, no Authorization header, no token.
type Record struct {
	RequestID   string
	Service     string   // signing name; "" when none was recognised
	Operation   string   // only names of the operation table; "" when unknown
	Account     string   // of the caller, or of the key that a refused signature names, or set by the operation
	Region      string   // of the credential scope, or set by the operation
	Pool        string   // the resource that the call concerns, set by the operation
	Others      []string // further accounts that the call concerns, such as a role's
	AccessKeyID string   // whose signature was proven
	// Authorized means that the caller had the permission for a signed operation.
	Authorized bool
	// ClaimedKeyID is the access key that a refused signature names, which anybody can
	// name. One that is in no account is shortened, because it may be a secret.
	ClaimedKeyID string
	// AskedPool is the pool that a call asked for, if there is none. It is shortened: an
	// identity ID, which may be a secret, is easily sent in its place.
	AskedPool string
	Code      string // error type on the wire; "" = success
	Status    int    // HTTP status
	Reason    string // why it was refused, for the log
	// Message is Refusal.Message, set by handlers outside AWS's protocols.
	Message string
	// ReasonCode is the code of the check that decided a refusal; "" = success.
	ReasonCode explain.Code
	Fault      string // name of the component that failed here (Options.FaultOf); "" = none
	// Throttled marks a request that was refused because too many came. Its Duration
	// does not measure the operation.
	Throttled bool
	Start     time.Time
	Duration  time.Duration
	// Waited is the part of Duration that the caller asked to wait for something to
	// happen. It does not measure the operation.
	Waited    time.Duration
	UserAgent string
	Client    Client
	Attrs     []slog.Attr // what the operation adds to the log line
	// SignIn and NewIdentity are set by operations of identity pools, for statistics.
	SignIn      SignIn
	NewIdentity bool // the call made an identity, if it succeeds
}

// SignIn says whether a call, if it succeeds, is a sign-in at an identity pool.
type SignIn int

// The kinds of sign-ins.
const (
	NoSignIn SignIn = iota
	UserSignIn
	GuestSignIn
)

// Work returns how long the server took, without what the caller asked it to wait.
func (r *Record) Work() time.Duration { return max(r.Duration-r.Waited, 0) }

// SignInOf returns the kind of sign-in with or without logins.
func SignInOf(guest bool) SignIn {
	if guest {
		return GuestSignIn
	}
	return UserSignIn
}

// Concern notes that the call concerns account: as the record's own if it has none yet,
// else as another one.
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

// Client is how a request came, for aws:SourceIp, aws:SecureTransport, aws:UserAgent
// and aws:Referer.
type Client struct {
	IP        netip.Addr // the zero Addr = unknown
	TLS       bool
	UserAgent string // unchanged
	Referer   string
}

// clientOf reads the Client from the connection. Behind a proxy it reads
// X-Forwarded-Proto and the last entry of X-Forwarded-For, the only one that the proxy
// vouches for.
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

// lastForwarded returns the last entry of X-Forwarded-For, or "" if there is none.
// Several lines count as one (RFC 9110, section 5.3).
func lastForwarded(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	last := lines[len(lines)-1]
	return strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
}

// peerAddress reads the address of a peer, which has a port. On a connection of another
// kind, such as a Unix socket, it returns the zero Addr. It allocates nothing for a
// peer with a port.
func peerAddress(text string) netip.Addr {
	both, err := netip.ParseAddrPort(text)
	if err == nil {
		return plainAddress(both.Addr())
	}
	ip, _ := netip.ParseAddr(text)
	return plainAddress(ip)
}

// forwardedAddress reads an entry of X-Forwarded-For, which may have a port. It returns
// the zero Addr for anything else: a name, an address in quotes. It allocates nothing
// for an entry without a port.
func forwardedAddress(text string) netip.Addr {
	ip, err := netip.ParseAddr(text)
	if err == nil {
		return plainAddress(ip)
	}
	both, _ := netip.ParseAddrPort(text)
	return plainAddress(both.Addr())
}

// plainAddress returns ip without a zone, and as IPv4 if it maps one.
func plainAddress(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }

type recordKey struct{}

// RecordFrom returns the record of ctx's request. Outside a request it returns a record
// that nobody reads. Only the goroutine that serves the request may change it.
func RecordFrom(ctx context.Context) *Record {
	if x, ok := ctx.Value(recordKey{}).(*exchange); ok {
		return &x.record
	}
	return new(Record)
}

// Refusal is a refused request with the checks that decided it.
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
	// Reason is the code of the step that decided: the last that failed. Planned are the
	// checks that would have followed.
	Reason  explain.Code
	Planned []explain.Code
	// AccessKeyID is the key whose signature was proven; "" = none was.
	AccessKeyID string
	// ClaimedKeyID and AskedPool are as in the record.
	ClaimedKeyID, AskedPool string
	// Lookup means that a caller with the permission only looked something up.
	Lookup    bool
	UserAgent string
	Pool      string     // as in the record
	Address   netip.Addr // of the client, as in the access log
}

// Recorder keeps refusals so that people can ask for the reason. Refused must return
// quickly and must bound what it keeps.
type Recorder interface {
	Refused(Refusal)
}

// exchange is one request being served, in one allocation: the writer of its answer,
// its context, record, trace and budget.
type exchange struct {
	http.ResponseWriter
	context exchangeContext
	record  Record
	trace   explain.Trace
	budget  overload.Budget
	call    call   // its protocol is nil until the client's protocol is known
	message string // Refusal.Message
	wrote   bool

	turnedAway bool // no trace is kept of it

	busy bool // a queue of this server is full: Options.Busy

	cut   Cut    // nothing is written, and the connection ends: Options.Injector
	fault string // Injection.Fault

	requestID, length [1]string       // backing arrays of header values
	steps             [8]explain.Step // backing array of trace
}

// exchangeContext is the context of a request, with its record, its trace and its
// budget of database time.
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
	if x.cut != CutNever {
		return
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(b []byte) (int, error) {
	if !x.wrote {
		x.wrote = true
		x.record.Status = http.StatusOK
	}
	if x.cut != CutNever {
		return len(b), nil
	}
	return x.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }
