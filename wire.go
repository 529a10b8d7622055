package poolhouse

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/adminapi"
	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/forwardauth"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/metrics"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/stsapi"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
)

// parts are shared by the APIs and forward auth, and needed only for wiring.
type parts struct {
	directory  *iam.Directory
	authorizer *iam.Authorizer
	revoked    *session.Revocations
	opened     *gate.Sessions
	gate       *gate.Gate
	providers  *provider.Registry
	events     *signout.Sources
	assume     *assume.Service
	pools      *cognitoidentity.Service
	addresses  *ratelimit.Addresses
}

// wire builds everything above the database: roles and providers, keys, the gate, the
// identity pools, the APIs, and their routes.
func (s *Server) wire(ctx context.Context, sealer *envelope.Sealer) (err error) {
	var p parts
	if p.directory, err = s.openDirectory(ctx); err != nil {
		return err
	}
	if err := s.openKeys(ctx, sealer); err != nil {
		return err
	}

	out := outbound.Options{Now: s.config.Now, Logger: s.config.Logger}
	if s.dev != nil {
		out.Own = s.dev.Issuer.Document
	}
	s.outbound = outbound.New(out)
	s.logins = login.New(s.outbound, login.Options{Now: s.config.Now, Logger: s.config.Logger})

	s.wireGate(&p)
	p.addresses = s.wireAddresses()
	checks, err := s.forwardAuth(p.opened, p.authorizer, p.gate)
	if err != nil {
		return err
	}
	if err := s.wirePools(ctx, &p, sealer); err != nil {
		return err
	}

	api, err := s.wireAPIs(&p)
	if err != nil {
		return err
	}

	if err := s.wireDevIssuer(api, p.directory); err != nil {
		return err
	}

	return s.wireRoutes(api, checks)
}

// openDirectory reads the roles and providers, and warns of faults in them and in the stored
// policies.
func (s *Server) openDirectory(ctx context.Context) (*iam.Directory, error) {
	c := &s.config
	providers := c.OIDCProviders
	if c.Dev {
		var err error
		if s.dev, err = s.devEndpoints(); err != nil {
			return nil, err
		}
		providers = append(slices.Clone(providers), OIDCProviderConfig{
			URL:           s.dev.Info.Issuer, // verified by discovery and published keys, like any other
			ClientIDs:     []string{DevAudience},
			AllowHTTP:     true,
			AllowPrivate:  true,
			Development:   true,
			MoreClientIDs: s.dev.Clients.IDs,
		})
	}

	directory, err := iam.NewDirectory(c.directory(providers, s.store))
	if err != nil {
		return nil, err
	}
	if err := directory.SettleTrust(ctx); err != nil {
		return nil, err
	}

	if !c.Dev { // development accepts the risks that the warnings are about
		for _, warning := range directory.Warnings() {
			c.Logger.Warn(warning)
		}
	}

	return directory, s.policyLog().Write(ctx, directory)
}

// policyLog returns the log of doubtful policies, of the settings too.
func (s *Server) policyLog() *iam.PolicyLog {
	c := &s.config
	documents := map[string]string{"guest_policy": c.GuestPolicy}
	for pool, document := range c.PoolGuestPolicies {
		documents["pool_guest_policies."+pool] = document
	}

	return &iam.PolicyLog{
		Logger:             c.Logger,
		Keys:               s.keys,
		Documents:          documents,
		ClientUnknown:      c.Check != nil && !c.BehindProxy, // forward auth does not learn the clients' addresses
		HasAccount:         s.hasAccount,
		AcceptUnknownRoles: c.AcceptUnknownRoles,
	}
}

// openKeys opens the keys that sign tokens and seal sessions. Afterwards, when the master key
// is known to be the right one, it encrypts secrets that are still in clear.
func (s *Server) openKeys(ctx context.Context, sealer *envelope.Sealer) (err error) {
	c := &s.config
	s.issuer, err = issuer.New(ctx, issuer.Options{
		Store:      s.store,
		Sealer:     sealer,
		URL:        c.IssuerURL,
		Region:     c.region(),
		Algorithm:  c.TokenAlgorithm,
		Now:        c.Now,
		Logger:     c.Logger,
		Background: c.Dev,
	})
	if err != nil {
		return err
	}

	s.sessions, err = session.NewMinter(ctx, session.MinterOptions{
		Store:  s.store,
		Sealer: sealer,
		Now:    c.Now,
		Logger: c.Logger,
	})
	if err != nil {
		return err
	}

	return s.sealSecrets(ctx)
}

// wireGate builds the parts that decide who a caller is and what it may do.
func (s *Server) wireGate(p *parts) {
	now := s.config.Now
	p.revoked = s.revocations(p.directory)
	p.authorizer = iam.NewAuthorizer(p.directory, now)
	p.opened = gate.NewSessions(s.sessions, p.revoked, now)
	p.gate = gate.New(gate.Options{
		Keys:       s.keys,
		Sessions:   p.opened,
		Authorizer: p.authorizer,
		Services:   []string{cognitoidentity.Name, stsapi.APIName, iamapi.Name, adminapi.Name},
		Now:        now,
		Dev:        s.config.Dev,
	})
}

// revocations makes the list of revoked sessions.
func (s *Server) revocations(roles *iam.Directory) *session.Revocations {
	return session.NewRevocations(session.RevocationOptions{
		Store:              s.store,
		Roles:              roles,
		AcceptUnknownRoles: s.config.AcceptUnknownRoles,
		SignOuts:           s.config.SignOutEndsSessions,
		Now:                s.config.Now,
		Logger:             s.config.Logger,
	})
}

// forwardAuth makes the endpoint of forward auth that the settings name; nil without.
func (s *Server) forwardAuth(
	sessions *gate.Sessions, authorizer *iam.Authorizer, g *gate.Gate,
) (*forwardauth.Handler, error) {
	c := s.config.Check
	if c == nil {
		return nil, nil
	}

	settings := *c
	if settings.Region == "" {
		settings.Region = s.config.region()
	}

	return forwardauth.New(forwardauth.Options{
		Config:      settings,
		Account:     s.config.Account,
		Sessions:    sessions,
		Authorizer:  authorizer,
		Owner:       g.Owner,
		BehindProxy: s.config.BehindProxy,
		Now:         s.config.Now,
		Logger:      s.config.Logger,
	})
}

// wireAddresses builds the limits by client address; nil = they are off.
func (s *Server) wireAddresses() *ratelimit.Addresses {
	c := &s.config
	// The metrics are made later, with the APIs, which need the result of this function.
	observe := func(limit, operation string) { s.metrics.RateLimited(limit, operation) }
	s.rates = ratelimit.NewReporter(c.Logger, observe)
	if c.AddressLimits.Off {
		return nil
	}
	limits := c.AddressLimits.WithDefaults()

	return ratelimit.NewAddresses(ratelimit.AddressOptions{
		Guests:        limits.Guests,
		RefusedLogins: limits.RefusedLogins,
		BehindProxy:   c.BehindProxy,
		Now:           c.Now,
		Reporter:      s.rates,
		Logger:        c.Logger,
	})
}

// wirePools builds the identity pools, and the parts that prove their logins and give their
// credentials.
func (s *Server) wirePools(ctx context.Context, p *parts, sealer *envelope.Sealer) error {
	c := &s.config
	status, err := c.userStatus().Pools(userstatus.Options{Asker: s.outbound, Now: c.Now})
	if err != nil {
		return err
	}
	if err := status.SelfTest(ctx, c.Logger); err != nil {
		return err
	}

	s.wireSignOuts(p)
	credentials, err := s.wireCredentials(p)
	if err != nil {
		return err
	}
	bindings, err := s.bindSAMLLogins(ctx, p.directory)
	if err != nil {
		return err
	}

	p.pools = cognitoidentity.New(cognitoidentity.Options{
		Store:              s.store,
		Logins:             s.logins,
		Directory:          p.directory,
		Providers:          p.providers,
		Issuer:             s.issuer,
		Credentials:        credentials,
		Sealer:             sealer,
		Authorize:          p.gate.Authorize,
		Limits:             c.Limits,
		Addresses:          p.addresses,
		SAMLBindings:       bindings,
		CredentialsByToken: c.CredentialEngine != "" && c.CredentialEngine != assume.Builtin,
		SignOuts:           s.signOuts,
		UserStatus:         status,
		Algorithms:         poolAlgorithms(c.PoolAlgorithms),
		PinnedPoolIDs:      c.Dev,
		MayChooseIDs:       c.mayChooseIDs,
		Now:                c.Now,
		Logger:             c.Logger,
	})
	if c.Dev {
		s.pools = p.pools
	}

	return nil
}

// wireSignOuts builds the registry of login providers, and the parts that receive their sign-outs.
func (s *Server) wireSignOuts(p *parts) {
	c := &s.config
	p.providers = provider.New(c.loginProviders(p.directory))
	p.events = &signout.Sources{
		Providers: p.providers,
		Directory: p.directory,
		Home:      identitypool.AccountID(c.Account),
		Settings:  c.SignOut,
	}
	s.signOuts = signout.New(signout.Options{
		Store:     s.store,
		Verifier:  s.logins,
		Providers: p.events.Find,
		Now:       c.Now,
		Logger:    c.Logger,
	})
}

// wireCredentials builds the part that assumes roles, and the engines that give the credentials.
func (s *Server) wireCredentials(p *parts) (*assume.Router, error) {
	c := &s.config
	guests, err := c.guestPolicies()
	if err != nil {
		return nil, err
	}

	p.assume = assume.NewService(assume.ServiceOptions{
		Minter:             s.sessions,
		Roles:              p.directory,
		Now:                c.Now,
		Logger:             c.Logger,
		AcceptUnknownRoles: c.AcceptUnknownRoles,
		GuestPolicies:      guests,
	})

	return c.engines().Router(p.assume, assume.RemoteEngineOptions{
		Signer: s.issuer,
		Poster: s.outbound,
		Now:    c.Now,
		Logger: c.Logger,
	})
}

// databaseTime is how long a call waits for the database in total, so that every call is
// answered within five seconds, whatever the state of the database.
const databaseTime = 4500 * time.Millisecond

// wireAPIs builds the APIs, with their metrics.
func (s *Server) wireAPIs(p *parts) (*awsapi.Service, error) {
	c := &s.config
	origins, err := awsapi.OriginCheck(originsSetting, c.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	if c.Dev {
		origins = nil // the devGuard decides
	}

	apis := append(awsAPIs(p.pools, s.stsAPI(p), s.iamAPI(p)), awsapi.API{
		Name:         adminapi.Name,
		Target:       adminapi.Target,
		InternalCode: "InternalErrorException",
		Operations:   s.adminAPI(p).Operations(),
	})

	s.overload = s.newGuard()
	s.metrics = metrics.New(c.Version, apis, s.store, Refusals())
	s.metrics.Watch(s.overload)
	if c.LogLinesDropped != nil {
		s.metrics.CountLogDrops(c.LogLinesDropped)
	}

	var limiter awsapi.Limiter // an interface, because a nil *Accounts in it would not be nil
	if rates := c.RateLimits.Rates(); len(rates) > 0 {
		limiter = ratelimit.NewAccounts(rates, apis, c.Now, s.rates)
	}

	return awsapi.New(awsapi.Options{
		APIs:        apis,
		Gate:        p.gate,
		Logger:      c.Logger,
		Now:         c.Now,
		Observe:     s.observe,
		Recorder:    s,
		Limiter:     limiter,
		FaultOf:     metrics.FaultOf,
		Admission:   s.overload,
		Busy:        metrics.Busy,
		Unavailable: metrics.Unavailable,
		CheckOrigin: origins,
		BehindProxy: c.BehindProxy,

		DatabaseTime: databaseTime,
	})
}

// awsAPIs returns the APIs of AWS. Their operations may have a rate.
func awsAPIs(pools *cognitoidentity.Service, tokens *stsapi.API, roles *iamapi.Service) []awsapi.API {
	return []awsapi.API{
		{
			Name:         cognitoidentity.Name,
			Target:       cognitoidentity.TargetPrefix,
			InternalCode: "InternalErrorException",
			Operations:   pools.Operations(),
		},
		{
			Name:       stsapi.APIName,
			Version:    stsapi.APIVersion,
			Namespace:  stsapi.APINamespace,
			Operations: tokens.Operations(),
			Statuses:   stsapi.APIStatuses,
		},
		{
			Name:         iamapi.Name,
			Version:      iamapi.Version,
			Namespace:    iamapi.Namespace,
			InternalCode: iamapi.InternalCode,
			Operations:   roles.Operations(),
			Statuses:     iamapi.Statuses,
		},
	}
}

// newGuard returns the guard that refuses calls while the server is overloaded.
func (s *Server) newGuard() *overload.Guard {
	return overload.NewGuard(overload.Options{
		MaxWait: s.config.MaxWait,
		Queues: map[overload.Class]*overload.Queue{
			overload.Signing: issuer.SigningQueue(),
			overload.Writes:  s.store.Writes(),
		},
		Database: s.store.Reads(),
		Delay:    overload.SchedulerDelay(),
		Now:      time.Now, // work is measured in real time, even if a test sets the clock
		Logger:   s.config.Logger,
	})
}

// adminAPI returns the administrators' API.
func (s *Server) adminAPI(p *parts) *adminapi.Service {
	c := &s.config

	return adminapi.New(adminapi.Options{
		Store:             s.store,
		Traces:            s.traces,
		Pools:             p.pools,
		Directory:         p.directory,
		Sessions:          p.opened,
		Revoked:           p.revoked,
		SignOuts:          s.signOuts,
		Providers:         p.events,
		Opaque:            p.providers.Opaque,
		Home:              identitypool.AccountID(c.Account),
		SignOutEverywhere: c.SignOutInAllAccounts,
		Now:               c.Now,
	})
}

// stsAPI returns the STS API, with the same parts as the pools.
func (s *Server) stsAPI(p *parts) *stsapi.API {
	c := &s.config
	o := stsapi.APIOptions{
		Sessions:      s.sessions,
		Roles:         p.directory,
		CognitoTokens: s.issuer,
		IssuerURL:     c.IssuerURL,
		Logins:        s.logins,
		Providers:     p.directory,
		Authorizer:    p.authorizer,
		Keys:          s.keys,
		Policies:      p.directory,
		Identities:    s.store,
		IsNotFound:    func(err error) bool { return errors.Is(err, store.ErrNotFound) },
		SignOuts:      s.signOuts,
		Addresses:     p.addresses,
		Region:        c.region(),
		Now:           c.Now,

		LoginProviders: p.providers,
	}
	if c.AcceptUnknownRoles {
		o.AcceptUnknown = p.assume
	}

	return stsapi.NewAPI(o)
}

// iamAPI returns the IAM API.
func (s *Server) iamAPI(p *parts) *iamapi.Service {
	return iamapi.New(iamapi.Options{
		Directory:          p.directory,
		Now:                s.config.Now,
		Logger:             s.config.Logger,
		HasAccount:         s.hasAccount,
		HasRootKey:         s.keys.HasRoot,
		AcceptUnknownRoles: s.config.AcceptUnknownRoles,
	})
}

func poolAlgorithms(byPool map[string]string) map[identitypool.PoolID]string {
	algorithms := make(map[identitypool.PoolID]string, len(byPool))
	for pool, algorithm := range byPool {
		algorithms[identitypool.PoolID(pool)] = algorithm
	}
	return algorithms
}
