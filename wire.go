package poolhouse

import (
	"cmp"
	"context"
	"os"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/adminapi"
	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/forwardauth"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/nodes"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/stsapi"
	"github.com/poolhouse-id/poolhouse/internal/traces"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

// parts are shared by the APIs and forward auth, and needed only for wiring.
type parts struct {
	directory  *iam.Directory
	authorizer *iam.Authorizer
	revoked    *session.Revocations
	opened     *gate.Sessions
	gate       *gate.Gate
	providers  *provider.Registry
	status     *userstatus.Pools
	events     *signout.Sources
	assume     *assume.Service
	addresses  *ratelimit.Addresses
	sealer     *envelope.Sealer
	engines    *assume.Router
}

// wire builds everything above the database: roles and providers, keys, the gate, the
// identity pools, the APIs, and their routes.
func (s *Server) wire(ctx context.Context, sealer *envelope.Sealer) (err error) {
	p := parts{sealer: sealer}
	s.joinNodes(sealer)
	if p.directory, err = s.openDirectory(ctx); err != nil {
		return err
	}
	if err := s.openKeys(ctx, sealer); err != nil {
		return err
	}

	s.openWebIdentities(sealer)
	s.outbound = outbound.New(outbound.Options{
		Now:    s.config.Now,
		Logger: s.config.Logger,
		Own:    s.ownDocument,
		Fault:  s.dev.providerFault(),
	})
	s.logins = login.New(s.outbound, login.Options{Now: s.config.Now, Logger: s.config.Logger})

	p.providers = s.loginProviders(p.directory)
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

	if err := s.wireRoutes(api, checks); err != nil {
		return err
	}
	s.useTools()

	return nil
}

// openDirectory reads the roles and providers, and warns of faults in them and in the stored
// policies.
func (s *Server) openDirectory(ctx context.Context) (*iam.Directory, error) {
	c := &s.config
	providers := slices.Concat(c.OIDCProviders, s.dev.added().oidcProviders)
	directory, err := iam.NewDirectory(c.directory(providers, s.dev.added().samlProviders, s.store))
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

// joinNodes makes the refusals of all nodes of the database visible at each. Run listens to the others.
func (s *Server) joinNodes(sealer *envelope.Sealer) {
	name, _ := os.Hostname() // only for people
	o := nodes.Options{
		Sealer: sealer,
		Name:   cmp.Or(name, "node"),
		Now:    s.config.Now,
		Logger: s.config.Logger,
	}
	if carrier := s.store.Notices(); carrier != nil { // else a nil interface would not be nil in the other
		o.Carrier = carrier
	}
	s.nodes = nodes.New(o)
	s.refusals = traces.NewEverywhere(s.traces, s.nodes)
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
		Background: c.Dev && c.TestKeys == nil,
		Keys:       c.TestKeys,

		FirstKeysFrom: s.devTools().firstKeysFrom(),
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

// openWebIdentities builds the issuers of web identity tokens, one for each account that enables them.
func (s *Server) openWebIdentities(sealer *envelope.Sealer) {
	s.webIdentities = webidentity.New(webidentity.Options{
		Store:  s.store,
		Sealer: sealer,
		URL:    s.config.IssuerURL,
		Now:    s.config.Now,
		Logger: s.config.Logger,
		Admit:  func() bool { return s.overload.Admit(overload.Reads) },
		Keys:   s.config.TestKeys,

		FirstKeysFrom: s.devTools().firstKeysFrom(),
	})
}

// ownDocument returns what this server publishes itself at an address, for the verification of tokens
// whose issuers are at the same time login providers (outbound.Options.Own).
func (s *Server) ownDocument(ctx context.Context, address string) (body []byte, own bool, err error) {
	if s.dev != nil {
		if body, own, err = s.dev.document(ctx, address); own {
			return body, own, err
		}
	}

	return s.webIdentities.Document(ctx, address)
}

// wireGate builds the parts that decide who a caller is and what it may do.
func (s *Server) wireGate(p *parts) {
	now := s.config.Now
	services := []string{cognitoidentity.Name, stsapi.APIName, iamapi.Name, adminapi.Name}
	for _, api := range s.dev.added().apis {
		services = append(services, api.Name)
	}

	p.revoked = session.NewRevocations(session.RevocationOptions{
		Store:              s.store,
		Roles:              p.directory,
		UserPools:          p.providers,
		AcceptUnknownRoles: s.config.AcceptUnknownRoles,
		SignOuts:           s.config.SignOutEndsSessions,
		Now:                now,
		Logger:             s.config.Logger,
	})
	p.authorizer = iam.NewAuthorizer(p.directory, now)
	p.opened = gate.NewSessions(s.sessions, p.revoked, p.authorizer, now)
	p.gate = gate.New(gate.Options{
		Keys:       s.keys,
		Sessions:   p.opened,
		Authorizer: p.authorizer,
		Services:   services,
		Now:        now,
		Dev:        s.config.Dev,
		Signing:    s.devTools().signing(),
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
	status, err := c.userStatus().Pools(userstatus.Options{
		Asker: s.outbound,
		Local: p.providers,
		Now:   c.Now,
	})
	if err != nil {
		return err
	}
	if err := status.SelfTest(ctx, c.Logger); err != nil {
		return err
	}
	p.status = &status

	s.wireSignOuts(p)
	credentials, err := s.wireCredentials(p)
	if err != nil {
		return err
	}
	p.engines = credentials
	bindings, err := s.bindSAMLLogins(ctx, p.directory)
	if err != nil {
		return err
	}

	s.pools = cognitoidentity.New(cognitoidentity.Options{
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
		UserStatus:         p.status,
		Algorithms:         poolAlgorithms(c.PoolAlgorithms),
		PinnedPoolIDs:      c.Dev,
		MayChooseIDs:       c.mayChooseIDs,
		Now:                c.Now,
		Logger:             c.Logger,
	})

	return nil
}

// loginProviders builds the registry of login providers.
func (s *Server) loginProviders(directory *iam.Directory) *provider.Registry {
	c := &s.config
	o := c.loginProviders(directory)
	if local := s.dev.added().localUserPools; local != nil {
		o.Local = provider.Local{UserPools: local, URL: c.IssuerURL, Region: c.region()}
	}

	return provider.New(o)
}

// wireSignOuts builds the parts that receive the sign-outs of login providers.
func (s *Server) wireSignOuts(p *parts) {
	c := &s.config
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

func poolAlgorithms(byPool map[string]string) map[identitypool.PoolID]string {
	algorithms := make(map[identitypool.PoolID]string, len(byPool))
	for pool, algorithm := range byPool {
		algorithms[identitypool.PoolID(pool)] = algorithm
	}
	return algorithms
}
