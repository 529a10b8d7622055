package poolhouse

import (
	"errors"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/adminapi"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
	"github.com/poolhouse-id/poolhouse/internal/devuserpool"
	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/metrics"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/stsapi"
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

	apis := append(awsAPIs(s.pools, s.stsAPI(p), s.iamAPI(p)), awsapi.API{
		Name:         adminapi.Name,
		Target:       adminapi.Target,
		InternalCode: "InternalErrorException",
		Operations:   s.adminAPI(p).Operations(),
		Codes:        awsapi.CodesOf(adminapi.Messages),
	})

	if c.Dev {
		apis = append(apis, s.dev.added().apis...)
		s.dev.known = devfault.OperationsOf(apis)
	} else {
		apis = append(apis, noUserPools())
	}

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
		Pools:             s.pools,
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
		AcceptUnknownRoles: s.config.AcceptUnknownRoles,
	})
}
