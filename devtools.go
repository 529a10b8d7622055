package poolhouse

import (
	"context"
	"crypto/rand"
	"net/url"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/devcalls"
	"github.com/poolhouse-id/poolhouse/internal/devclock"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devsaml"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// devTools are what tests do with a development server. They outlive its resets.
type devTools struct {
	clock  *devclock.Clock
	faults *devfault.Engine
	calls  devcalls.Calls

	issuer *devissuer.Issuer // with its keys; nil before the first start
	saml   *devsaml.Provider // with its key; nil before the first start
	keys   []store.Key       // of Cognito tokens, of the server before a reset
	reset  func(ctx context.Context, empty bool) error
	latest func() *Server  // the server that answers now
	ending context.Context // ends when the server stops
	end    context.CancelFunc
}

// newDevTools returns the tools of a development server, and makes its configuration read their clock.
func newDevTools(c *Config) *devTools {
	if c.Now == nil {
		c.Now = time.Now
	}
	tools := &devTools{
		clock:  devclock.New(c.Now),
		faults: devfault.New(nil),
	}
	tools.ending, tools.end = context.WithCancel(context.Background())
	c.Now = tools.clock.Now

	if c.DataDir == "" && c.DatabaseURL == "" && len(c.MasterKey) == 0 {
		c.MasterKey = make([]byte, 32) // for the keys that outlive a reset
		rand.Read(c.MasterKey)         // never fails (crypto/rand)
	}

	return tools
}

// machine returns the clock by which waits are measured, of a server that reads now.
func (t *devTools) machine(now func() time.Time) func() time.Time {
	if t == nil {
		return now
	}
	return t.clock.Machine
}

// date returns the clock of Date headers; nil in production.
func (t *devTools) date() func() time.Time {
	if t == nil {
		return nil
	}
	return t.clock.Date
}

// signing returns the second clock of signatures; nil in production.
func (t *devTools) signing() func() time.Time {
	if t == nil {
		return nil
	}

	return func() time.Time {
		if t.clock.Skewed() {
			return time.Time{}
		}
		return t.clock.Machine()
	}
}

// storeOptions adds the faults of the database.
func (t *devTools) storeOptions(o store.Options) store.Options {
	if t != nil {
		o.Fault = t.faults.Database
	}
	return o
}

// injector returns the faults of operations; nil in production.
func (t *devTools) injector(isSeed func(userAgent string) bool) awsapi.Injector {
	if t == nil {
		return nil // not a nil *devInjector, which would be one
	}
	return devInjector{engine: t.faults, isSeed: isSeed}
}

// devInjector makes calls fail, but not those by which the server applies a seed.
type devInjector struct {
	engine *devfault.Engine
	isSeed func(userAgent string) bool
}

func (i devInjector) Inject(ctx context.Context, service, operation string) awsapi.Injection {
	if i.isSeed(awsapi.RecordFrom(ctx).UserAgent) {
		return awsapi.Injection{}
	}
	return i.engine.Inject(ctx, service, operation)
}

// restoreKeys gives a new database the keys of Cognito tokens that the former one had, so that whoever has
// fetched them can go on to verify tokens.
func (t *devTools) restoreKeys(ctx context.Context, s *store.Store, now time.Time) error {
	if t == nil || len(t.keys) == 0 {
		return nil
	}

	_, err := s.UpdateKeys(ctx, issuer.KeyPurpose, func(own []store.Key) ([]store.Key, error) {
		if len(own) > 0 {
			return own, nil
		}
		// A key that was made by a clock that was moved ahead would be of the future.
		return slices.DeleteFunc(slices.Clone(t.keys), func(k store.Key) bool { return k.Created.After(now) }), nil
	})

	return err
}

// devRules tell the faults which operations the server has.
type devRules struct {
	names  map[string][]string
	errors map[[2]string][]string // by signing name and operation
}

// newDevRules returns the rules of APIs.
func newDevRules(apis []awsapi.API) devRules {
	rules := devRules{names: map[string][]string{}, errors: map[[2]string][]string{}}
	for i := range apis {
		api := &apis[i]
		for _, operation := range api.Operations {
			rules.names[api.Name] = append(rules.names[api.Name], operation.Name())
			rules.errors[[2]string{api.Name, operation.Name()}] = api.ErrorNames(operation.Name())
		}
	}

	return rules
}

// ErrorNames returns the error types that an operation may answer.
func (r devRules) ErrorNames(service, operation string) []string {
	return r.errors[[2]string{service, operation}]
}

// Operations returns the names of the operations by the signing names of their APIs.
func (r devRules) Operations() map[string][]string { return r.names }

// devTools returns the tools of a development server; nil in production.
func (s *Server) devTools() *devTools {
	if s.dev == nil {
		return nil
	}
	return s.dev.tools
}

// providerFault returns the faults of login providers; nil in production.
func (d *development) providerFault() func(*url.URL) *outbound.Fault {
	if d == nil {
		return nil
	}
	return d.tools.faults.Provider
}

// useTools makes faults be about this server.
func (s *Server) useTools() {
	if s.dev != nil {
		s.dev.tools.faults.Serve(s.dev.rules, s.logins.Forget)
	}
}
