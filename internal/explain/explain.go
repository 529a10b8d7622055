// Package explain records why a call was decided as it was. AWS's answers to a refused
// login are deliberately terse. A Trace keeps, outside the answer, which check failed,
// what it expected and got, and how to fix it. The code that adds a step masks its
// values: no token, secret or assertion enters a Trace.
//
// Start reading at Trace and Reason.
package explain

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// Step is one check of a decision.
type Step struct {
	Code     Code   `json:"code"`               // of the reason; of the check if it passed
	Provider string `json:"provider,omitempty"` // the Logins key, for the checks of one login
	Check    string `json:"check"`              // what was looked at, e.g. "token audience"
	Subject  string `json:"subject,omitempty"`  // the one of several that was checked, e.g. the ARN of a role
	OK       bool   `json:"ok"`                 // whether it passed
	Expected string `json:"expected,omitempty"` // what would have passed
	Got      string `json:"got,omitempty"`      // the value checked, masked
	Fix      string `json:"fix,omitempty"`      // what to change, in plain words
	Link     *Link  `json:"link,omitempty"`     // the thing that the fix changes; nil = not one thing
	Detail   string `json:"detail,omitempty"`   // Got in several lines, e.g. a canonical request
	Client   string `json:"client,omitempty"`   // the client ID that the login's token names, proven or not

	// Scope is the account whose step it is, if the request concerns several; nil = all
	// of them may read it.
	Scope *Scope `json:"-"`
}

// Title names the check and its subject, for people.
func (s Step) Title() string {
	if s.Subject == "" {
		return s.Check
	}
	return s.Check + " of " + s.Subject
}

// Deciding returns the step that decided a refusal: the last that failed.
func Deciding(steps []Step) (Step, bool) {
	for _, s := range slices.Backward(steps) {
		if !s.OK {
			return s, true
		}
	}
	return Step{}, false
}

// Scope limits steps to one account, because they show its data.
type Scope struct {
	Account string
	Instead Step // replaces a failed step for other accounts
}

// Visible returns the steps as account may read them: another account's failed steps are
// replaced, and its passed ones left out.
func Visible(steps []Step, account string) []Step {
	list := make([]Step, 0, len(steps))
	for _, s := range steps {
		scope := s.Scope
		s.Scope = nil

		switch {
		case scope == nil || scope.Account == account:
			list = append(list, s)
		case !s.OK && !slices.Contains(list, scope.Instead):
			list = append(list, scope.Instead)
		}
	}

	return list
}

// Trace collects the steps of one request. A nil Trace drops them, so that code outside a
// request needs no special case. It is safe for concurrent use.
type Trace struct {
	mu    sync.Mutex
	steps []Step
	plans [maxPlans][]Code
	nplan int

	whole    *Trace // the request's Trace, if this one is for one provider or account
	provider string
	scope    *Scope
}

// For returns a Trace that adds its steps to t, each with the provider. The logins of one
// call are verified at the same time, so each needs its own.
func (t *Trace) For(provider string) *Trace {
	if t == nil {
		return nil
	}
	return &Trace{whole: t, provider: provider}
}

// Within returns a Trace that adds its steps to t, for one account to read. For failed
// steps, other accounts that the request concerns read instead.
func (t *Trace) Within(account string, instead Step) *Trace {
	if t == nil {
		return nil
	}
	return &Trace{whole: t, scope: &Scope{Account: account, Instead: instead}}
}

// Reserve gives an empty Trace memory for its first steps.
func (t *Trace) Reserve(room []Step) { t.steps = room[:0] }

// maxSteps bounds a trace. Ten logins with all their checks fit.
const maxSteps = 200

// maxText bounds each text of a step, in bytes, because refusals are kept in memory.
const maxText = 512

// maxDetail bounds a step's Detail, in bytes.
const maxDetail = 4096

// maxPlans bounds how many lists of checks a request plans.
const maxPlans = 6

// request returns the Trace of the whole request, which has the steps; nil for a nil Trace.
func (t *Trace) request() *Trace {
	for t != nil && t.whole != nil {
		t = t.whole
	}
	return t
}

// Plan notes the checks that follow, in order, so that a refusal can name those that were
// not reached. The list must not change afterwards. A list adds nothing if an earlier one
// contains it: an operation plans all its parts, and the parts plan for themselves too.
func (t *Trace) Plan(checks []Code) {
	t = t.request()
	if t == nil {
		return
	}

	t.mu.Lock()
	defer t.mu.Unlock()

	if t.nplan < maxPlans {
		t.plans[t.nplan] = checks
		t.nplan++
	}
}

// PassPlanned notes that all checks planned so far passed, including those without a step.
func (t *Trace) PassPlanned() {
	t = t.request()
	if t == nil {
		return
	}

	t.mu.Lock()
	defer t.mu.Unlock()

	t.nplan = 0
}

// wholePlan joins the lists, without those that an earlier one contains. Only a refusal
// needs it.
func (t *Trace) wholePlan() (planned []Code) {
	for _, list := range t.plans[:t.nplan] {
		held := func(c Code) bool { return slices.Contains(planned, c) }
		if !slices.ContainsFunc(list, func(c Code) bool { return !held(c) }) {
			continue
		}
		planned = append(planned, list...)
	}

	return planned
}

// Planned returns the checks that the request did not reach: those planned after the last
// one that left a step.
func (t *Trace) Planned() []Code {
	t = t.request()
	if t == nil {
		return nil
	}

	steps := t.Steps()
	t.mu.Lock()
	defer t.mu.Unlock()

	planned := t.wholePlan()
	reached := 0
	for _, s := range steps {
		if n := slices.Index(planned, CodeOf(s.Check)); n >= reached {
			reached = n + 1
		}
	}

	return planned[reached:]
}

// Pass records a check that succeeded.
func (t *Trace) Pass(check, got string) { t.add(Step{Check: check, OK: true, Got: got}) }

// PassOf is Pass for one of several subjects.
func (t *Trace) PassOf(check, subject, got string) {
	t.add(Step{
		Check:   check,
		Subject: subject,
		OK:      true,
		Got:     got,
	})
}

// PassBy is Pass for a check of the client that a token was issued to.
func (t *Trace) PassBy(check, client string) {
	t.add(Step{
		Check:  check,
		OK:     true,
		Got:    client,
		Client: client,
	})
}

// Refuse records a failed check, only once if it is called again, and returns it. It
// ignores a nil refusal.
func (t *Trace) Refuse(r *Refusal) *Refusal {
	if t == nil || r == nil || r.recorded {
		return r
	}
	r.recorded = true
	t.add(r.Step())
	return r
}

func (t *Trace) add(s Step) {
	if t == nil {
		return
	}
	if t.whole != nil {
		if t.provider != "" {
			s.Provider = t.provider
		}
		if s.Scope == nil {
			s.Scope = t.scope
		}
		t.whole.add(s)
		return
	}

	for _, text := range []*string{&s.Provider, &s.Subject, &s.Expected, &s.Got, &s.Fix, &s.Client} {
		*text = cut(*text, maxText)
	}
	s.Detail = cut(s.Detail, maxDetail)

	t.mu.Lock()
	defer t.mu.Unlock()

	if len(t.steps) < maxSteps {
		t.steps = append(t.steps, s)
	}
}

// cut returns text with at most limit bytes of it.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.Clone(strings.ToValidUTF8(text[:limit], "")) + "…"
}

// Join adds the steps of o, a Trace of the same request.
func (t *Trace) Join(o *Trace) {
	for _, s := range o.Steps() {
		t.add(s)
	}
}

// Steps returns a copy of the steps so far.
func (t *Trace) Steps() []Step {
	t = t.request()
	if t == nil {
		return nil
	}

	t.mu.Lock()
	defer t.mu.Unlock()

	list := slices.Clone(t.steps)
	for i := range list {
		if list[i].Code == "" {
			list[i].Code = CodeOf(list[i].Check)
		}
	}

	return list
}

// Refused reports whether any recorded check failed.
func (t *Trace) Refused() bool {
	_, refused := Deciding(t.Steps())
	return refused
}

// ContextKey is the key of a context's *Trace, for contexts that implement Value
// themselves.
type ContextKey struct{}

// NewContext returns ctx with t.
func NewContext(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, ContextKey{}, t)
}

// FromContext returns the request's Trace, or nil.
func FromContext(ctx context.Context) *Trace {
	t, _ := ctx.Value(ContextKey{}).(*Trace)
	return t
}
