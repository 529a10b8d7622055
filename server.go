// Package poolhouse is a self-hosted identity broker with the wire protocol of Amazon Cognito
// identity pools. A Server is an http.Handler: mount it, or let cmd/poolhouse listen for it.
// Start reading at New, then see wire.
//
// The Go API may change before version 1.
package poolhouse

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/console"
	"github.com/poolhouse-id/poolhouse/internal/datalock"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/logging"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/metrics"
	"github.com/poolhouse-id/poolhouse/internal/nodes"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/statistics"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/traces"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

// File names in Config.DataDir.
const (
	DatabaseFile  = "poolhouse.db"
	MasterKeyFile = "master.key"
)

// ErrStopped means that the server acknowledges no more writes while it runs, because the
// database's disk failed or its files are gone. See Server.Failed.
var ErrStopped = store.ErrStopped

// Server serves the APIs. It is an http.Handler.
type Server struct {
	config        Config
	store         *store.Store
	issuer        *issuer.Issuer
	webIdentities *webidentity.Issuers
	outbound      *outbound.Client
	sessions      *session.Minter
	logins        *login.Verifier
	signOuts      *signout.Service
	pools         *cognitoidentity.Service
	traces        *traces.Kept
	refusals      *traces.Everywhere
	nodes         *nodes.Nodes
	metrics       *metrics.Metrics
	faults        *logging.Faults
	overload      *overload.Guard
	handler       http.Handler
	apart         http.Handler // for MetricsHandler
	console       http.Handler // for ConsoleHandler
	forward       http.Handler // for ForwardHandler
	dev           *development // nil in production
	front         *devFront    // of the Server that New returned, in development; else nil
	keys          *iam.AccessKeys
	rates         *ratelimit.Reporter
	statistics    *statistics.Recorder
	counts        *statistics.Refresher // of statistics, and of the numbers of identities
	lock          *datalock.Lock        // of the data folder; nil without one
	stopping      atomic.Bool
	unready       atomic.Pointer[string] // reason of the last readiness probe; nil = ready
}

// Trace is the recorded decision of a refused call, as `poolhouse explain` shows it.
type Trace = traces.Trace

// New opens the database and builds a Server. Its errors name the setting at fault. Run does
// the background work. If another server uses DataDir, New waits for it to end, at most that
// server's LameDuck and ten seconds.
func New(ctx context.Context, c Config) (*Server, error) {
	if !c.Dev {
		return build(ctx, c, nil)
	}

	tools := newDevTools(&c)
	s, err := build(ctx, c, tools)
	if err != nil {
		return nil, err
	}
	s.front = newDevFront(c, tools, s)

	return s, nil
}

// build is New, for each server of a development server that begins anew. tools is nil in production.
func build(ctx context.Context, c Config, tools *devTools) (_ *Server, err error) {
	c.fill()
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.RequireInitialised {
		if err := c.checkInitialised(ctx); err != nil {
			return nil, err
		}
	}

	s := &Server{config: c, traces: traces.New(traces.Capacity, c.Now())}
	s.countFaults(tools)
	c.Logger = s.config.Logger

	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()

	if s.lock, err = c.lockData(ctx); err != nil {
		return nil, err
	}
	sealer, err := c.ownSealer(ctx)
	if err != nil {
		return nil, err
	}
	if s.store, err = store.Open(ctx, tools.storeOptions(c.storeOptions(sealer))); err != nil {
		return nil, err
	}
	if err := tools.restoreKeys(ctx, s.store, c.Now()); err != nil {
		return nil, err
	}

	keys := iam.AccessKeyOptions{
		Store:     s.store,
		Sealer:    sealer,
		Logger:    c.Logger,
		Now:       c.Now,
		Partition: identitypool.Partition(c.region()),
	}
	if !c.Dev {
		keys.Refused = DevAccessKeyID // also when somebody adds it while the server runs
	}
	s.keys, err = iam.NewAccessKeys(keys)
	if err != nil {
		return nil, err
	}

	if err := s.settleAccount(ctx); err != nil {
		return nil, err
	}
	if err := s.config.checkRoleAccounts(); err != nil && !c.Dev {
		return nil, err
	} else if err != nil {
		c.Logger.Warn("roles of the settings that no pool of this account can have; serve refuses them", "error", err)
	}

	if c.Dev {
		if s.dev, err = s.newDevelopment(tools); err != nil {
			return nil, err
		}
	}

	return s, s.wire(ctx, sealer)
}

// fill sets the defaults of fields that New requires.
func (c *Config) fill() {
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Limits = c.Limits.WithDefaults()
}

// check refuses settings that cannot run.
func (c *Config) check() error {
	if c.AcceptUnknownRoles && !c.Dev {
		return errors.New("accepting unknown roles is for development only")
	}
	if c.TestKeys != nil && (!c.Dev || c.DataDir != "" || c.DatabaseURL != "") {
		return errors.New("test keys are for development with all data in memory only")
	}
	if err := c.checkDatabase(); err != nil {
		return err
	}
	if c.IssuerURL == "" {
		return errors.New(`no issuer: set "issuer_url" to the https:// URL ` +
			`under which clients and relying parties reach this server`)
	}

	return c.Validate()
}

// checkDatabase refuses settings that name no database, or no master key for it.
func (c *Config) checkDatabase() error {
	switch {
	case c.DataDir == "" && c.DatabaseURL == "" && !c.Dev:
		return errors.New(`no database: set "data" to a folder or "database" to a postgres:// URL`)
	case c.DatabaseURL != "" && len(c.MasterKey) == 0:
		return errors.New(`no master key: with "database" set "master_key_file" or POOLHOUSE_MASTER_KEY; ` +
			`every node needs the same one`)
	}

	return nil
}

// directory returns the settings' roles and providers, and the server's own SAML providers. resources has those
// of the IAM API; it may be nil to check only the settings.
func (c *Config) directory(
	oidc []OIDCProviderConfig, own []SAMLProviderConfig, resources *store.Store,
) iam.Config {
	return iam.Config{
		Account:           identitypool.AccountID(cmp.Or(c.Account, DevAccount)),
		Partition:         identitypool.Partition(c.region()),
		Roles:             c.Roles,
		OIDCProviders:     oidc,
		SAMLProviders:     c.samlProviders(own),
		PreviousEntityIDs: c.SAMLPreviousEntityIDs,
		AWSPolicies:       c.ManagedPolicies,
		Store:             resources,
		Now:               c.Now,
		SAMLNames:         []string{c.IssuerURL},
		Local:             c.Dev,
	}
}

// Account returns the account of the settings' roles and providers.
func (s *Server) Account() string { return s.latest().config.Account }

// DataPlace tells people where the server keeps its data: "in " and a place.
func (s *Server) DataPlace() string {
	switch {
	case s.config.DatabaseURL != "":
		return "in the PostgreSQL database of the settings"
	case s.config.DataDir != "":
		return "in " + s.config.DataDir
	default:
		return "in memory: it is lost when the server stops"
	}
}

// samlProviders returns the settings' providers, which may name this server by its issuer URL.
func (c *Config) samlProviders(own []SAMLProviderConfig) []SAMLProviderConfig {
	providers := slices.Concat(c.SAMLProviders, own)
	if c.IssuerURL == "" {
		return providers
	}

	for i := range providers {
		p := &providers[i]
		p.Audiences = append(slices.Clone(p.Audiences), c.IssuerURL)
		p.Recipients = append(slices.Clone(p.Recipients), c.IssuerURL)
	}

	return providers
}

func (c *Config) region() string {
	if c.Region == "" {
		return DevRegion
	}
	return c.Region
}

// MetricsHandler serves /metrics, /healthz and /readyz, for a listener that the public cannot
// reach.
func (s *Server) MetricsHandler() http.Handler {
	if s.front == nil {
		return s.apart
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.latest().apart.ServeHTTP(w, r) })
}

// ForwardHandler serves the routes of Config.Check that have ForwardTo, for a separate
// listener; nil if there are none. It reads a body for as long as data arrives, so its
// http.Server must have no ReadTimeout and no WriteTimeout.
func (s *Server) ForwardHandler() http.Handler {
	if s.front == nil || s.forward == nil {
		return s.forward
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.latest().forward.ServeHTTP(w, r) })
}

// HasConsole reports whether the console is on, and part of this program.
func (s *Server) HasConsole() bool { return s.config.Console && console.Files() != nil }

// ConsoleHandler serves everything that the Server does, and the console, for a separate listener; nil unless
// the console is on and apart. The page may call only the address that it came from.
func (s *Server) ConsoleHandler() http.Handler {
	if s.console == nil {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, func(latest *Server) http.Handler { return latest.console })
	})
}

// Refused keeps the trace of a refused call (awsapi.Recorder).
func (s *Server) Refused(r awsapi.Refusal) {
	if r.Service == iamapi.Name { // IAM has no region: clients sign for us-east-1 everywhere
		r.Region = ""
	}

	if s.dev.isSeed(r.UserAgent) { // a seed looks for what may not be there
		s.dev.explainSeed(r)
		return
	}

	t := Trace{
		RequestID:   r.RequestID,
		Time:        r.Time,
		Account:     r.Account,
		Others:      r.Others,
		Region:      r.Region,
		Operation:   r.Operation,
		Outcome:     r.Code,
		Message:     r.Message,
		Steps:       r.Steps,
		Reason:      r.Reason,
		Planned:     r.Planned,
		AccessKeyID: cmp.Or(r.AccessKeyID, r.ClaimedKeyID),
		KeyUnproven: r.AccessKeyID == "" && r.ClaimedKeyID != "",
		PoolID:      cmp.Or(r.Pool, r.AskedPool),
		Client:      traces.Program(r.UserAgent),
		Address:     r.Address,
		Lookup:      r.Lookup,
	}
	s.traces.Add(t)
	s.dev.explain(t)

	if s.config.OnTrace != nil {
		s.config.OnTrace(t)
	}
}

// ServeHTTP serves the APIs, discovery, keys and health, and metrics unless MetricsApart is
// set.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, func(latest *Server) http.Handler { return latest.handler })
}

// serve answers with the handler of a listener that of gives, of whichever server answers now.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, of func(*Server) http.Handler) {
	if s.stopping.Load() {
		w.Header().Set("Connection", "close") // net/http also ends HTTP/2 connections for it
	}
	if s.front != nil {
		s.front.serve(w, r, of)
		return
	}
	of(s).ServeHTTP(w, r)
}

// Stopping announces the end: from now on /readyz answers 503, and every response asks its
// client to reconnect, which leads to another node. All calls are still answered until the
// caller closes the listener.
func (s *Server) Stopping() {
	s.stopping.Store(true)
	s.traces.Stop()
	if s.front != nil {
		s.front.stopping() // first, so that a reset that ends now marks its server
		s.latest().stopping.Store(true)
		s.latest().traces.Stop()
	}
}

// Failed returns a channel that is closed when no more writes will be acknowledged: a commit
// could not be made durable, the database is damaged, or its files are gone. Answer the
// running calls, then end the process, so that its supervisor restarts it. Failure returns
// the cause. In development it is closed only while Run runs, or after a reset that left nothing.
func (s *Server) Failed() <-chan struct{} {
	if s.front != nil {
		return s.front.failed
	}
	return s.store.Failed()
}

// Failure returns nil, or why no more writes will be acknowledged: an ErrStopped that names
// the failed operation, the file and the fix.
func (s *Server) Failure() error {
	if s.front != nil {
		if failure := s.front.failure.Load(); failure != nil {
			return *failure
		}
	}
	return s.latest().store.Failure()
}

// Run does the background work until ctx ends: it renews keys, picks up changes that other
// nodes and the command line made, and finishes deletions that a crash interrupted.
func (s *Server) Run(ctx context.Context) {
	if s.front != nil {
		s.front.run(ctx)
		return
	}
	s.run(ctx)
}

func (s *Server) run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { s.issuer.Run(ctx) })
	group.Go(func() { s.webIdentities.Run(ctx) })
	group.Go(func() { s.sessions.Run(ctx) })
	group.Go(func() { s.rates.Run(ctx) })
	group.Go(func() { s.overload.Run(ctx) })
	group.Go(func() { s.store.RunCounts(ctx) })
	group.Go(func() { s.statistics.Run(ctx) })
	group.Go(func() { s.nodes.Run(ctx) })

	if err := s.store.ResumeDeletions(ctx); err != nil && ctx.Err() == nil {
		s.config.Logger.Error("interrupted pool deletions could not be finished", "error", err)
	}

	group.Wait()
}

// Close ends outgoing fetches, closes the database after the running writes, logs its counts of warnings
// and errors, and releases the data folder.
func (s *Server) Close() error {
	if s.front != nil {
		return s.front.close()
	}
	return s.close()
}

func (s *Server) close() error {
	if s.outbound != nil {
		s.outbound.Close()
	}

	var errs []error
	if s.store != nil {
		errs = append(errs, s.store.CloseAfter(s.flushStatistics))
	}
	errs = append(errs, s.faults.Close())
	if s.lock != nil {
		errs = append(errs, s.lock.Release())
	}

	return errors.Join(errs...)
}

// flushStatistics stores the statistics of the last seconds.
func (s *Server) flushStatistics(ctx context.Context) {
	if s.statistics == nil { // the server did not start
		return
	}
	if err := s.statistics.Flush(ctx); err != nil {
		s.config.Logger.Warn("the statistics of the last seconds could not be stored", "error", err)
	}
}

// countFaults makes the logger count equal warnings and errors.
func (s *Server) countFaults(tools *devTools) {
	s.faults = logging.NewFaults(logging.FaultOptions{
		Now: tools.machine(s.config.Now),
		// For the access line of a failed call: the caller is not part of the fault.
		Attributes: map[string][]string{"request": {logging.FaultAttribute, "reason", "stack"}},
		Summaries:  []string{overload.RefusalsMessage, ratelimit.RefusalsMessage},
		FaultOf:    metrics.FaultOf,
	})
	s.config.Logger = slog.New(s.faults.Handler(s.config.Logger.Handler()))
}
