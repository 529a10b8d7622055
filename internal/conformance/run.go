package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// Kit runs probes against one endpoint.
type Kit struct {
	// Endpoint returns the URL of a service by its signing name: cognito-identity, cognito-idp, sts, iam.
	Endpoint    func(service string) string
	Credentials sigv4.Credentials
	Region      string
	IAMRegion   string // that IAM calls are signed for

	// Given has the values of variables that no recipe has to make, such as ACCOUNT and OIDCTOKEN.
	Given map[string]string
	// RunID tells the pools of this run from all others: letters and digits.
	RunID string

	Transport http.RoundTripper
	Timeout   time.Duration // of one call
	Pause     time.Duration // before each call, for servers that limit rates
	Now       func() time.Time
	Wait      func(ctx context.Context, d time.Duration) error
}

// NamePrefix begins the name of all that the kit makes.
const NamePrefix = "poolhouse-conformance-"

// maxSaved bounds a value of an answer that later calls and patterns repeat, in bytes. Tokens and session tokens of AWS
// are below it.
const maxSaved = 16 << 10

// maxUnreachable is the number of calls in a row without an answer after which a run ends.
const maxUnreachable = 3

// Outcome tells how a probe ended.
type Outcome string

// Outcomes.
const (
	Passed Outcome = "passed"
	Failed Outcome = "failed"
	NotRun Outcome = "not run" // the server, or the caller, lacks what the probe needs
)

// Result is a probe with its outcome.
type Result struct {
	Probe
	Outcome     Outcome
	Reason      string // why it was not run, or could not be prepared
	Differences []Difference
	Answer      Answer
	Want        Want // with the variables filled in
}

// ErrUnreachable means that the endpoint does not answer.
var ErrUnreachable = errors.New("the endpoint does not answer")

// needError is the lack of something that is not the server's fault.
type needError struct{ what string }

func (n needError) Error() string { return "needs " + n.what }

// run is one run of a kit.
type run struct {
	Kit
	recipes map[string]*Recipe
	shared  map[string]string
	broken  map[*Recipe]error // recipes that failed
	made    []made
	lost    []string // names of what calls without an answer may have made
	silent  int      // calls in a row without an answer
	called  bool
}

// Run runs probes one after the other, and then deletes what it made. It returns ErrUnreachable, and the
// results so far, if the endpoint does not answer, and a list of what could not be deleted.
func (k Kit) Run(ctx context.Context, probes []Probe) (results []Result, left []string, err error) {
	byName, err := recipes()
	if err != nil {
		return nil, nil, err
	}

	r := &run{Kit: k, recipes: byName, shared: map[string]string{}, broken: map[*Recipe]error{}}
	maps.Copy(r.shared, k.Given)
	r.shared["REGION"], r.shared["RUN"], r.shared["NAME"] = k.Region, k.RunID, NamePrefix+k.RunID
	defer func() { left = r.clean(context.WithoutCancel(ctx)) }()

	for _, p := range probes {
		if err := ctx.Err(); err != nil {
			return results, nil, err
		}
		result, err := r.probe(ctx, p)
		if err != nil {
			return results, nil, err
		}
		results = append(results, result)
		if r.silent >= maxUnreachable {
			return results, nil, fmt.Errorf("%w: %s", ErrUnreachable, result.Reason)
		}
	}

	return results, nil, nil
}

// probe runs one probe. An error means that ctx ended, which is not the server's fault.
func (k *run) probe(ctx context.Context, p Probe) (Result, error) {
	result := Result{Probe: p, Outcome: Failed, Want: p.Want}
	s := scope{own: map[string]string{}, shared: k.shared}

	answer, err := k.ask(ctx, p, s)
	if need, is := errors.AsType[needError](err); is {
		result.Outcome, result.Reason = NotRun, Shown(need.Error())
		return result, nil
	}
	if err != nil && ctx.Err() != nil {
		return result, ctx.Err()
	}
	if err != nil {
		result.Reason = Shown(err.Error())
		return result, nil
	}

	result.Answer, result.Want = answer, p.Want.fill(s)
	result.Differences = result.Want.differences(answer)
	if len(result.Differences) == 0 {
		result.Outcome = Passed
	}

	return result, nil
}

// ask makes what the probe needs, and then sends its call.
func (k *run) ask(ctx context.Context, p Probe, s scope) (Answer, error) {
	for _, step := range p.Before {
		if err := k.ensure(ctx, step.names(), s); err != nil {
			return Answer{}, err
		}
		if err := k.prepare(ctx, step, s, s.own); err != nil {
			return Answer{}, err
		}
	}

	if err := k.ensure(ctx, append(p.names(), p.Want.names()...), s); err != nil {
		return Answer{}, err
	}
	answer, err := k.do(ctx, p.Step, s)
	k.count(err)

	return answer, err
}

// count counts the calls in a row that got no answer.
func (k *run) count(err error) {
	if _, is := errors.AsType[unreachable](err); is {
		k.silent++
		return
	}
	if err == nil {
		k.silent = 0
	}
}

// prepare sends a call that must succeed, and keeps in to what it saves.
func (k *run) prepare(ctx context.Context, step Step, s scope, to map[string]string) error {
	answer, err := k.do(ctx, step, s)
	k.count(err)
	if err != nil {
		return fmt.Errorf("preparing with %s: %w", step.Call, err)
	}
	if answer.Status != http.StatusOK {
		return fmt.Errorf("preparing with %s: status %d: %s", step.Call, answer.Status, Shown(answer.Body))
	}

	for name, path := range step.Save {
		value, is := find(answer.Members, path)
		text := fmt.Sprint(value)
		if !is || text == "" {
			return fmt.Errorf("preparing with %s: no %s in %s", step.Call, path, Shown(answer.Body))
		}
		if len(text) > maxSaved {
			return fmt.Errorf("preparing with %s: %s has more than %d bytes", step.Call, path, maxSaved)
		}
		to[name] = text
	}

	return nil
}

// ensure makes the variables that do not exist yet.
func (k *run) ensure(ctx context.Context, names []string, s scope) error {
	for _, name := range names {
		if _, is := s.lookup(name); is {
			continue
		}
		name = strings.TrimPrefix(name, forged)
		recipe := k.recipes[name]
		if recipe == nil {
			return needError{cmp.Or(givenNames[name], "$"+name)}
		}
		if err := k.broken[recipe]; err != nil {
			return err
		}
		if err := k.follow(ctx, recipe, s); err != nil {
			if !recipe.Own {
				k.broken[recipe] = err
			}
			return err
		}
	}

	return nil
}

// follow carries out a recipe.
func (k *run) follow(ctx context.Context, recipe *Recipe, s scope) error {
	if recipe.Local && !k.isLocal() {
		return needError{recipe.Needs}
	}
	to := s.shared
	if recipe.Own {
		to = s.own
	}

	for _, step := range recipe.Steps {
		if err := k.ensure(ctx, step.names(), s); err != nil {
			return err
		}
		err := k.prepare(ctx, step, s, to)
		service, _ := step.split()
		_, isNeed := errors.AsType[needError](err)
		_, isSilent := errors.AsType[unreachable](err)
		if err != nil && !isNeed && !isSilent && recipe.Needs != "" && (service != "" || recipe.Whole) {
			return needError{recipe.Needs + " (" + err.Error() + ")"}
		}
		if err != nil {
			return err
		}
	}

	return nil
}

// givenNames tells what the variables are that only the caller can give.
var givenNames = map[string]string{
	"OIDCTOKEN": "an ID token of an OpenID Connect provider (--oidc-token-file, --oidc-key, --oidc-provider-arn)",
}

// isLocal reports whether the endpoint is a loopback address.
func (k *run) isLocal() bool {
	address, err := url.Parse(k.Endpoint("cognito-identity"))

	return err == nil && outbound.IsLoopback(address.Hostname())
}

// pace waits between calls, as the caller wants it.
func (k *run) pace(ctx context.Context) error {
	if !k.called || k.Pause <= 0 {
		k.called = true
		return ctx.Err()
	}
	return k.Wait(ctx, k.Pause)
}
