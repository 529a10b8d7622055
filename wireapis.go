package poolhouse

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse/internal/adminapi"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
	"github.com/poolhouse-id/poolhouse/internal/devuserpool"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/metrics"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/providercheck"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/serverstatus"
	"github.com/poolhouse-id/poolhouse/internal/settingtable"
	"github.com/poolhouse-id/poolhouse/internal/signingkeys"
	"github.com/poolhouse-id/poolhouse/internal/statistics"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/stsapi"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

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
		origins = nil // the guard of development decides
	}

	s.overload = s.newGuard()
	apis := append(awsAPIs(s.pools, s.stsAPI(p), s.iamAPI(p)), adminAPI(s.adminService(p)))

	if c.Dev {
		apis = append(apis, s.dev.added().apis...)
		s.dev.known = devfault.OperationsOf(apis)
	} else {
		apis = append(apis, noUserPools())
	}

	s.metrics = metrics.New(c.Version, apis, s.store, Refusals())
	s.metrics.Watch(s.overload)
	s.statistics = s.newStatistics(apis)
	s.counts = s.countRefresher()
	s.metrics.CountStatisticsOverflow(s.statistics.Overflowed)
	if c.LogLinesDropped != nil {
		s.metrics.CountLogDrops(c.LogLinesDropped)
	}

	var limiter awsapi.Limiter // an interface, because a nil *Accounts in it would not be nil
	if rates := c.RateLimits.Rates(adminapi.Rates()); len(rates) > 0 {
		limiter = ratelimit.NewAccounts(rates, apis, c.Now, s.rates)
	}

	return awsapi.New(awsapi.Options{
		APIs:        apis,
		Gate:        p.gate,
		Logger:      c.Logger,
		Now:         s.devTools().machine(c.Now),
		Date:        s.devTools().date(),
		Injector:    s.devTools().injector(),
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

// newStatistics returns the recorder of statistics for the operations of apis.
func (s *Server) newStatistics(apis []awsapi.API) *statistics.Recorder {
	o := statistics.Options{
		Store:  s.store,
		Node:   uuid.NewString(),
		Now:    s.devTools().machine(s.config.Now),
		Logger: s.config.Logger,
	}
	for _, api := range apis {
		for _, operation := range api.Operations {
			o.Operations = append(o.Operations, operation.Name())
		}
	}

	for _, chapter := range Refusals() {
		for _, reason := range chapter.Reasons {
			o.Reasons = append(o.Reasons, string(reason.Code))
		}
	}

	return statistics.New(o)
}

// noUserPools is in place of user pools in production.
func noUserPools() awsapi.API {
	return awsapi.API{
		Name:   devuserpool.Name,
		Target: devuserpool.TargetPrefix,
		Absent: "it has no user pools. poolhouse dev simulates them; " +
			"list those of your users in the setting user_pools",
	}
}

// awsAPIs returns the APIs of AWS. Their operations may have a rate.
func awsAPIs(pools *cognitoidentity.Service, tokens *stsapi.API, roles *iamapi.Service) []awsapi.API {
	return []awsapi.API{
		{
			Name:         cognitoidentity.Name,
			Target:       cognitoidentity.TargetPrefix,
			InternalCode: "InternalErrorException",
			Operations:   pools.Operations(),
			Exceptions:   cognitoidentity.Exceptions,
		},
		{
			Name:       stsapi.APIName,
			Version:    stsapi.APIVersion,
			Namespace:  stsapi.APINamespace,
			Operations: tokens.Operations(),
			Statuses:   stsapi.APIStatuses,
			Codes:      awsapi.CodesOf(stsapi.Messages),
		},
		{
			Name:         iamapi.Name,
			Version:      iamapi.Version,
			Namespace:    iamapi.Namespace,
			InternalCode: iamapi.InternalCode,
			Operations:   roles.Operations(),
			Statuses:     iamapi.Statuses,
			Codes:        awsapi.CodesOf(iamapi.Messages),
		},
	}
}

// adminAPI returns the admin API. Its operations may have a rate, too.
func adminAPI(operations *adminapi.Service) awsapi.API {
	return awsapi.API{
		Name:         adminapi.Name,
		Target:       adminapi.Target,
		InternalCode: "InternalErrorException",
		Operations:   operations.Operations(),
		Codes:        awsapi.CodesOf(adminapi.Messages),
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

// adminService returns the operations of the admin API.
func (s *Server) adminService(p *parts) *adminapi.Service {
	c := &s.config

	return adminapi.New(adminapi.Options{
		CommonParts: adminapi.CommonParts{
			Store:     s.store,
			Pools:     s.pools,
			Directory: p.directory,
			Sealer:    p.sealer,
			Authorize: p.gate.Authorize,
			Home:      identitypool.AccountID(c.Account),
			Now:       c.Now,
		},
		RefusalParts: adminapi.RefusalParts{Traces: s.refusals, Reasons: ReasonCodes()},
		TrialParts: adminapi.TrialParts{
			WebIssuer: s.webIssuer,
			Checker:   providercheck.New(s.outbound, p.directory, c.Now),
		},
		SessionParts: adminapi.SessionParts{
			Sessions:          p.opened,
			Revoked:           p.revoked,
			SignOuts:          s.signOuts,
			Providers:         p.events,
			Opaque:            p.providers.Opaque,
			SignOutEverywhere: c.SignOutInAllAccounts,
		},
		KeyParts: adminapi.KeyParts{
			Keys:        s.keys,
			Authorizer:  p.authorizer,
			SigningKeys: s.signingKeys(p.sealer),
		},
		OverviewParts: adminapi.OverviewParts{
			Fresh:   s.refreshCounts,
			Counted: s.devTools().machine(c.Now),
		},
		OperatorParts: adminapi.OperatorParts{
			Status:   s.status(p),
			Settings: c.shownSettings(),
		},
	})
}

// webIssuer returns the issuer of an account's web identity tokens; "" = it has none.
func (s *Server) webIssuer(ctx context.Context, account identitypool.AccountID) (string, error) {
	url, err := s.webIdentities.URL(ctx, account)
	if errors.Is(err, webidentity.ErrDisabled) {
		return "", nil
	}
	return url, err
}

// signingKeys returns the keys that sign tokens, for the admin API.
func (s *Server) signingKeys(sealer *envelope.Sealer) *signingkeys.Keys {
	return &signingkeys.Keys{
		Store:  s.store,
		Sealer: sealer,
		Pools:  s.issuer,
		Web:    s.webIdentities,
		Now:    s.config.Now,
	}
}

// status returns what tells the status of this node and of the others.
func (s *Server) status(p *parts) *serverstatus.Everywhere {
	return serverstatus.NewEverywhere(&serverstatus.Reporter{
		Version:         s.config.Version,
		Started:         s.config.Now(),
		Now:             s.config.Now,
		Store:           s.store,
		Engines:         p.engines.Health,
		LogLinesDropped: s.config.LogLinesDropped,
		Guard:           s.overload,
	}, s.nodes)
}

// countRefresher returns what stores this node's counts, so that an administrator sees them.
func (s *Server) countRefresher() *statistics.Refresher {
	return statistics.NewRefresher(func(ctx context.Context) error {
		return errors.Join(s.store.FlushCounts(ctx), s.statistics.Flush(ctx))
	}, s.devTools().machine(s.config.Now))
}

// refreshCounts stores this node's counts. If it cannot, the answer shows those of half a minute ago.
func (s *Server) refreshCounts(ctx context.Context) {
	if err := s.counts.Refresh(ctx); err != nil {
		s.config.Logger.Debug("counts could not be stored for an administrator's call", "error", err)
	}
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
		UserStatus:    p.status,
		Addresses:     p.addresses,
		Region:        c.region(),
		Now:           c.Now,
		WebIdentities: s.webIdentities,

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
		WebIdentities:      s.webIdentities,
		Authorizer:         p.authorizer,
		KeyOwner:           s.keys.Caller,
		AcceptUnknownRoles: s.config.AcceptUnknownRoles,
	})
}

// Setting is a setting with its value in force, as ListSettings shows it. Secrets are masked.
type Setting = settingtable.Setting

// shownSettings lists the settings: those that the program gave, or else the single-valued ones of c.
func (c *Config) shownSettings() []Setting {
	if c.Settings != nil {
		return c.Settings
	}

	// Rows needs addresses of structs, and must not share those of the server.
	shown, standard := *c, Config{}
	standard.Limits = standard.Limits.WithDefaults()
	standard.AddressLimits = standard.AddressLimits.WithDefaults()

	return settingtable.Of(reflect.ValueOf(&shown).Elem(), reflect.ValueOf(&standard).Elem())
}
