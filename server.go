// Package poolhouse is a self-hosted identity broker that speaks Amazon Cognito
// identity pools on the wire. A Server is an http.Handler: mount it, or let
// cmd/poolhouse listen for it. Start at New, then see wire.
//
// The Go API is not settled before version 1.
package poolhouse

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/adminapi"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/datalock"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/logging"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/metrics"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/sts"
)

// File names in Config.DataDir.
const (
	DatabaseFile  = "poolhouse.db"
	MasterKeyFile = "master.key"
)

// Server serves the APIs. It is an http.Handler.
type Server struct {
	config   Config
	store    *store.Store
	issuer   *issuer.Issuer
	sessions *sts.Minter
	logins   *login.Verifier
	signOuts *signout.Service
	traces   *adminapi.Traces
	metrics  *metrics.Metrics
	faults   *logging.Faults
	overload *overload.Guard
	handler  http.Handler
	apart    http.Handler // for MetricsHandler
	forward  http.Handler // for ForwardHandler
	dev      *devEndpoints
	keys     *iam.AccessKeys
	rates    *ratelimit.Reporter
	lock     *datalock.Lock // of the data folder; nil without one
	stopping atomic.Bool
	unready  atomic.Pointer[string] // what the last readiness probe answered; nil = ready
}

// Trace is the recorded decision of one refused call: what `poolhouse explain` shows.
type Trace = adminapi.Trace

// AccessKey is an account's access key with its secret.
type AccessKey struct {
	Account         string
	AccessKeyID     string
	SecretAccessKey string
}

// New opens the database and wires a Server. Its errors name the setting at
// fault. Background work starts with Run. While another server uses DataDir, New
// waits for it to end: for that server's LameDuck and ten seconds, at most.
func New(ctx context.Context, c Config) (_ *Server, err error) {
	c.fill()
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.RequireInitialised {
		if err := c.checkInitialised(ctx); err != nil {
			return nil, err
		}
	}

	s := &Server{config: c, traces: adminapi.NewTraces(adminapi.KeptTraces)}
	s.countFaults()
	c.Logger = s.config.Logger
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()

	if s.lock, err = c.lockData(ctx); err != nil {
		return nil, err
	}
	sealer, err := c.ownSealer(ctx)
	if err != nil {
		return nil, err
	}
	if s.store, err = store.Open(ctx, c.storeOptions(sealer)); err != nil {
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
	return s, s.wire(ctx, sealer)
}

// fill gives the fields that New cannot do without their defaults.
func (c *Config) fill() {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Limits = withDefaults(c.Limits)
}

// check refuses settings that cannot run.
func (c *Config) check() error {
	if c.AcceptUnknownRoles && !c.Dev {
		return errors.New("accepting unknown roles is for development only")
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

// directory reads the settings' roles and providers; those of the IAM API are in
// resources, which may be nil to check the settings alone.
func (c *Config) directory(oidc []OIDCProviderConfig, resources *store.Store) (*iam.Directory, error) {
	return iam.NewDirectory(iam.Config{
		Account:           identitypool.AccountID(cmp.Or(c.Account, DevAccount)),
		Partition:         identitypool.Partition(c.region()),
		Roles:             c.Roles,
		OIDCProviders:     oidc,
		SAMLProviders:     c.samlProviders(),
		PreviousEntityIDs: c.SAMLPreviousEntityIDs,
		Store:             resources,
		Now:               c.Now,
		SAMLNames:         []string{c.IssuerURL},
		Local:             c.Dev,
	})
}

// databaseName names the setting that says where the data is, for messages.
func (c *Config) databaseName() string {
	switch {
	case c.DatabaseURL != "":
		return `the database that "database" names`
	case c.DataDir != "":
		return fmt.Sprintf(`the database in "data" (%s)`, c.DataDir)
	default:
		return "the database"
	}
}

func (c *Config) storeOptions(sealer *envelope.Sealer) store.Options {
	o := store.Options{URL: c.DatabaseURL, Sealer: sealer, Logger: c.Logger, Now: c.Now}
	if c.DatabaseURL != "" {
		o.ReadConns = c.DatabaseConnections
	}
	if c.DataDir != "" && c.DatabaseURL == "" {
		o.Path = filepath.Join(c.DataDir, DatabaseFile)
	}
	return o
}

// ownSealer returns the seal under the master key, which is the one that the
// database's secrets are sealed under. It looks before anything is written: what
// another key seals beside them would keep the right one from starting the server.
func (c *Config) ownSealer(ctx context.Context) (*envelope.Sealer, error) {
	found, err := store.Inspect(ctx, c.storeOptions(nil))
	if err != nil {
		return nil, err
	}
	return c.sealerOf(found)
}

// sealerOf returns the seal if it owns what was found in the database. Error:
// store.ErrOtherSealer.
func (c *Config) sealerOf(found store.Contents) (*envelope.Sealer, error) {
	sealer, err := c.sealer(!c.RequireInitialised && len(found.Sealed) == 0)
	if err != nil {
		return nil, err
	}
	for _, sealed := range found.Sealed {
		if !sealer.Owns(sealed) {
			return nil, fmt.Errorf("%s: %w in %s; put your copy back", c.masterKeyName(), store.ErrOtherSealer, c.databaseName())
		}
	}
	return sealer, nil
}

// masterKeyName names where the master key comes from, for messages.
func (c *Config) masterKeyName() string {
	if len(c.MasterKey) > 0 {
		return `"master_key_file" or "master_key"`
	}
	return filepath.Join(c.DataDir, MasterKeyFile)
}

// sealer returns the seal under the master key: the one given, that of the data
// folder, which it may make, or a temporary one for data in memory.
func (c *Config) sealer(mayMake bool) (*envelope.Sealer, error) {
	key := c.MasterKey
	switch {
	case len(key) > 0:
	case c.DataDir != "" && !mayMake:
		loaded, err := envelope.Load(filepath.Join(c.DataDir, MasterKeyFile))
		if err != nil {
			return nil, fmt.Errorf("%w: without it nothing opens what the database has sealed; put your copy back", err)
		}
		key = loaded
	case c.DataDir != "":
		loaded, created, err := envelope.LoadOrCreate(filepath.Join(c.DataDir, MasterKeyFile))
		if err != nil {
			return nil, err
		}
		if created {
			c.Logger.Info("made a master key; keep a copy apart from the backups", "file", filepath.Join(c.DataDir, MasterKeyFile))
		}
		key = loaded
	default:
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails (crypto/rand)
	}
	return envelope.New(key)
}

// settleAccount finds the account that the settings' roles and providers belong
// to: the one they name, else the deployment's home account.
func (s *Server) settleAccount(ctx context.Context) error {
	existing, err := s.keys.List(ctx, "")
	if err != nil {
		return err
	}
	if s.config.Dev {
		return s.settleDevAccount(ctx, existing)
	}
	for _, k := range existing {
		if k.ID == DevAccessKeyID {
			return fmt.Errorf("%s holds the development key %q: delete it with `poolhouse keys delete %s`, "+
				"or use another database", s.config.databaseName(), k.ID, k.ID)
		}
	}

	proposed := s.config.Account
	if proposed == "" && s.config.RequireInitialised && len(existing) > 0 {
		proposed = string(existing[0].Account) // an old backup does not name its home account
	}
	if proposed == "" {
		if proposed, err = newAccount(); err != nil {
			return err
		}
	}

	home, err := s.store.SettleAccount(ctx, identitypool.AccountID(proposed))
	if err != nil {
		return err
	}
	if s.config.Account == "" {
		s.config.Account = string(home)
	}
	s.warnOfForeignHome(home, existing)
	return nil
}

// settleDevAccount gives the development account its well-known key, in a database
// that is not one of production.
func (s *Server) settleDevAccount(ctx context.Context, existing []iam.AccessKey) error {
	switch home, err := s.store.HomeAccount(ctx); {
	case err == nil:
		return fmt.Errorf("%s holds the production data of account %s: development would add its well-known key %q to it; "+
			"use another database for development, or none to keep data in memory",
			s.config.databaseName(), home, DevAccessKeyID)
	case !errors.Is(err, store.ErrNotFound):
		return err
	}

	if s.config.Account == "" {
		s.config.Account = DevAccount
	}
	if slices.ContainsFunc(existing, func(k iam.AccessKey) bool { return k.ID == DevAccessKeyID }) {
		return nil
	}
	_, err := s.keys.Import(ctx, DevAccessKeyID, DevSecretAccessKey, iam.NewAccessKey{
		Account:     identitypool.AccountID(s.config.Account),
		Description: "development",
	})
	return err
}

// warnOfForeignHome tells when the settings' account is not the one that was
// made, and has no access key: nobody can manage what it owns.
func (s *Server) warnOfForeignHome(home identitypool.AccountID, existing []iam.AccessKey) {
	own := identitypool.AccountID(s.config.Account)
	hasKey := slices.ContainsFunc(existing, func(k iam.AccessKey) bool { return k.Account == own })
	if own == home || hasKey || len(existing) == 0 {
		return
	}
	s.config.Logger.Warn("account_id is not the account that the database was initialised with, and has no access key",
		"account_id", own, "initialised_with", home, "fix", "poolhouse keys create --account "+string(own))
}

// newAccount draws a twelve-digit account number that does not begin with 0.
func newAccount() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(9e11))
	if err != nil {
		return "", err
	}
	return fmt.Sprint(n.Int64() + 1e11), nil
}

// FirstKey makes a root access key of the account if there is no access key at
// all. It is the only time its secret can be seen, so call it when nothing else
// stands in the way of serving. made is false when there is a key, or another
// node made one meanwhile.
func (s *Server) FirstKey(ctx context.Context) (key AccessKey, made bool, err error) {
	k, secret, made, err := s.keys.CreateFirst(ctx, iam.NewAccessKey{Account: identitypool.AccountID(s.config.Account), Description: "root key of the first start"})
	if err != nil || !made {
		return AccessKey{}, false, err
	}
	return AccessKey{Account: string(k.Account), AccessKeyID: k.ID, SecretAccessKey: secret}, true, nil
}

// Account returns the account of the settings' roles and providers.
func (s *Server) Account() string { return s.config.Account }

// DevInfo returns what clients of a development server need; false otherwise.
func (s *Server) DevInfo() (DevInfo, bool) {
	if s.dev == nil {
		return DevInfo{}, false
	}
	return s.dev.info, true
}

// hasAccount reports whether the account is one of this server: it owns the
// settings' roles, or has an access key.
func (s *Server) hasAccount(ctx context.Context, account identitypool.AccountID) (bool, error) {
	ofSettings := func(r RoleConfig) bool {
		arn, err := iam.ParseRoleARN(r.ARN)
		return err == nil && arn.Account == account
	}
	if string(account) == s.config.Account || slices.ContainsFunc(s.config.Roles, ofSettings) {
		return true, nil
	}
	keys, err := s.keys.List(ctx, account)
	return len(keys) > 0, err
}

// samlProviders are the settings' providers, which may name us by our issuer URL.
func (c *Config) samlProviders() []SAMLProviderConfig {
	providers := slices.Clone(c.SAMLProviders)
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

// routes: the APIs answer POST on any path, because clients put any path in
// their endpoint; the rest are GETs.
func (s *Server) routes(api *awsapi.Service) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", api)
	mux.Handle("GET /.well-known/openid-configuration", api.Wrap("Discovery", s.issuer.DiscoveryHandler()))
	// AWS publishes its keys under this very path; jwks.json is what others guess.
	mux.Handle("GET /.well-known/jwks_uri", api.Wrap("JWKS", s.issuer.JWKSHandler()))
	mux.Handle("GET /.well-known/jwks.json", api.Wrap("JWKS", s.issuer.JWKSHandler()))
	mux.Handle("GET /authorize", api.Wrap("Authorize", s.issuer.AuthorizeHandler()))
	s.health(mux)
	if s.config.MetricsApart {
		mux.Handle("GET /metrics", http.NotFoundHandler())
	} else {
		mux.Handle("GET /metrics", s.metrics.Handler())
	}
	s.receivers(mux, api)
	if s.dev != nil {
		s.dev.register(mux)
	}
	// The mux redirects a path such as "//". Clients of the APIs do not follow that, and
	// a presigned URL is no longer the one that was signed.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.URL.RawQuery == ""
		if page || isClean(r.URL.Path) {
			mux.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// isClean reports whether a mux takes the path as it is.
func isClean(p string) bool {
	clean := path.Clean(p)

	return p == clean || clean != "/" && p == clean+"/"
}

// metricsRoutes returns the routes of a listener for metrics alone.
func (s *Server) metricsRoutes() http.Handler {
	mux := http.NewServeMux()
	s.health(mux)
	mux.Handle("GET /metrics", s.metrics.Handler())
	return mux
}

// MetricsHandler serves /metrics, /healthz and /readyz, for a listener that the
// public does not reach.
func (s *Server) MetricsHandler() http.Handler { return s.apart }

// ForwardHandler serves the routes of Config.Check that have ForwardTo, for a listener
// of its own; nil when there is none. It reads bodies for as long as they come: the
// http.Server must have no ReadTimeout and no WriteTimeout.
func (s *Server) ForwardHandler() http.Handler { return s.forward }

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client has gone; nothing is left to tell
}

// Refused keeps the trace of a refused call (awsapi.Recorder).
func (s *Server) Refused(r awsapi.Refusal) {
	if r.Service == iamapi.Name { // which is of no region: clients sign for us-east-1, wherever they are
		r.Region = ""
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
		AccessKeyID: r.AccessKeyID,
	}
	s.traces.Add(t)
	if s.config.OnTrace != nil {
		s.config.OnTrace(t)
	}
}

// ServeHTTP serves the APIs, discovery, keys, health and, unless they are apart,
// metrics.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Load() {
		w.Header().Set("Connection", "close") // net/http also ends HTTP/2 connections for it
	}
	s.handler.ServeHTTP(w, r)
}

// Stopping announces the end: from now on /readyz answers 503 and every answer
// asks its client to connect anew, which leads it to another node. All calls are
// still answered, until the caller closes the listener.
func (s *Server) Stopping() { s.stopping.Store(true) }

// Run does the background work until ctx ends: keys are renewed, changes that
// other nodes and the command line made are picked up, deletions that a crash
// cut short are finished.
func (s *Server) Run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { s.issuer.Run(ctx) })
	group.Go(func() { s.sessions.Run(ctx) })
	group.Go(func() { s.rates.Run(ctx) })
	group.Go(func() { s.overload.Run(ctx) })
	if err := s.store.ResumeDeletions(ctx); err != nil && ctx.Err() == nil {
		s.config.Logger.Error("interrupted pool deletions could not be finished", "error", err)
	}
	group.Wait()
}

// Close ends outgoing fetches, closes the database after the writes under way,
// logs what it counted of warnings and errors, and frees the data folder.
func (s *Server) Close() error {
	if s.logins != nil {
		s.logins.Close()
	}
	var errs []error
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	errs = append(errs, s.faults.Close())
	if s.lock != nil {
		errs = append(errs, s.lock.Release())
	}
	return errors.Join(errs...)
}

// countFaults makes the logger count equal warnings and errors.
func (s *Server) countFaults() {
	s.faults = logging.NewFaults(logging.FaultOptions{
		Now: s.config.Now,
		// The access line of a failed call: whose call it was is not the fault.
		Attributes: map[string][]string{"request": {logging.FaultAttribute, "reason", "stack"}},
		Summaries:  []string{overload.RefusalsMessage, ratelimit.RefusalsMessage},
		FaultOf:    metrics.FaultOf,
	})
	s.config.Logger = slog.New(s.faults.Handler(s.config.Logger.Handler()))
}
