package traces

import (
	"net/netip"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// Trace is the recorded decision of one refused call, which `poolhouse explain` shows. It
// contains no token, secret or assertion.
type Trace struct {
	RequestID string
	Time      time.Time
	Account   string   // the account that the call reached, or whose key it named; "" = none
	Others    []string // other accounts that the refusal concerns, such as a role's
	Region    string
	Operation string
	Outcome   string // the error type on the wire
	Message   string // the error message on the wire
	Steps     []explain.Step
	// Reason is the code of the deciding step: the last that failed. Planned are
	// the checks that would have followed it.
	Reason  explain.Code
	Planned []explain.Code

	// AccessKeyID is the key that the call is signed with; "" = it is not signed. With
	// KeyUnproven the signature was refused: anybody can name the key.
	AccessKeyID string
	KeyUnproven bool
	// PoolID is the identity pool that the call reached; "" = none. One that does not
	// exist is shortened, and ends with Shortened.
	PoolID string
	// Provider is the login provider of the deciding step, or of the call's only login.
	Provider string
	// Client is the app that called: the client ID in the provider's token, which need not
	// be proven; else what the program calls itself in its User-Agent.
	Client string
	// Address is where the call came from, as in the access log; the zero Addr = unknown.
	Address netip.Addr
	// Lookup means that a caller with permission only looked something up, such as a request
	// ID: it is found by its own ID, and no list has it, because the lists are looked at.
	Lookup bool
	// Node names the node that refused the call; "" = this one.
	Node string
}

// Shortened ends the ID of a pool that does not exist.
const Shortened = "…"

// views returns the parts of the trace that each account concerned may see. The operator
// sees the whole trace of a call that reached no account.
func (t Trace) views() []Trace {
	own := t
	own.Others = nil
	if t.Account != "" {
		own.show(t, t.Account)
	} else {
		own.name()
	}

	views := []Trace{own}
	for _, account := range t.Others {
		other := own
		other.Account = account
		other.Client = "" // of the caller's program
		other.show(t, account)
		other.Region = "" // the caller's; a role has none
		// With a key these traces could push out those of the account's calls.
		other.AccessKeyID, other.KeyUnproven = "", false
		other.PoolID = "" // another account's, as is where the call came from
		other.Address = netip.Addr{}
		views = append(views, other)
	}

	return views
}

// show reduces the whole trace to the part that an account may see. If a hidden step
// decided, it drops the planned checks, which would reveal that step.
func (t *Trace) show(whole Trace, account string) {
	t.Steps, t.Planned, t.Reason = explain.Visible(whole.Steps, account), whole.Planned, ""
	if deciding, ok := explain.Deciding(t.Steps); ok {
		t.Reason = deciding.Code
	}
	if deciding, ok := explain.Deciding(whole.Steps); ok && deciding.Scope != nil && deciding.Scope.Account != account {
		t.Planned = nil
	}
	t.name()
}

// name sets the login provider, and the client of its token if one is known, from the
// steps: those of the deciding step, or of the only provider if the login passed and a
// later check decided.
func (t *Trace) name() {
	t.Provider = ""
	if deciding, ok := explain.Deciding(t.Steps); ok {
		t.Provider = deciding.Provider
	}
	if t.Provider == "" {
		t.Provider = onlyProvider(t.Steps)
	}
	if t.Provider == "" {
		return
	}

	for _, s := range t.Steps {
		if s.Provider == t.Provider && s.Client != "" {
			t.Client = s.Client
		}
	}
}

// onlyProvider returns the provider of all steps that have one, or "" if they have several.
func onlyProvider(steps []explain.Step) (provider string) {
	for _, s := range steps {
		switch {
		case s.Provider == "" || s.Provider == provider:
		case provider != "":
			return ""
		default:
			provider = s.Provider
		}
	}

	return provider
}

// maxProgram bounds the name of a program, in bytes.
const maxProgram = 64

// Program returns what a program calls itself in its User-Agent: the application ID that
// AWS's SDKs send as app/ID, else its first product, such as aws-cli/2.30. It returns ""
// for one with characters that no product has.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html
func Program(userAgent string) string {
	name := ""
	for word := range strings.FieldsSeq(userAgent) {
		if id, ok := strings.CutPrefix(word, "app/"); ok {
			name = id
			break
		}
		if name == "" {
			name = word
		}
	}

	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' {
			return ""
		}
	}

	return strings.Clone(name[:min(len(name), maxProgram)])
}

// callerClass is how well the caller of a refused call is known. Strangers can
// make as many calls in an account's name as they like: they only need a pool's ID, or the
// ID of an access key. Guests can make signed calls.
type callerClass int

const (
	unprovenCaller callerClass = iota // no proven signature
	sessionCaller                     // temporary credentials, such as a guest's
	keyCaller                         // a long-lived access key
	lookupCaller                      // only looked something up, however well known
	numCallerClasses
)

func (t *Trace) class() callerClass {
	switch {
	case t.Lookup:
		return lookupCaller
	case t.AccessKeyID == "", t.KeyUnproven:
		return unprovenCaller
	case strings.HasPrefix(t.AccessKeyID, iam.SessionPrefix):
		return sessionCaller
	default:
		return keyCaller
	}
}
