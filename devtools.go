package poolhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/devcalls"
	"github.com/poolhouse-id/poolhouse/internal/devclock"
	"github.com/poolhouse-id/poolhouse/internal/devcontrol"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devsaml"
	"github.com/poolhouse-id/poolhouse/internal/devseed"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/metrics"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// devTools let tests control a development server. They outlive its resets.
type devTools struct {
	clock  *devclock.Clock
	faults *devfault.Engine
	calls  devcalls.Calls

	issuer *devissuer.Issuer // with its keys; nil before the first start
	saml   *devsaml.Provider // with its key; nil before the first start
	keys   []store.Key       // of Cognito tokens, of the server before a reset
	reset  func(ctx context.Context, empty bool) ([]DevPool, error)
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

// firstKeysFrom returns when the first keys of Cognito tokens sign from: the first time that the clock can show,
// as tests move it back; zero in production.
func (t *devTools) firstKeysFrom() time.Time {
	if t == nil {
		return time.Time{}
	}
	return time.Date(devclock.MinYear, 1, 1, 0, 0, 0, 0, time.UTC)
}

// storeOptions adds the faults of the database.
func (t *devTools) storeOptions(o store.Options) store.Options {
	if t != nil {
		o.Fault = t.faults.Database
	}
	return o
}

// injector returns the faults of operations; nil in production.
func (t *devTools) injector() awsapi.Injector {
	if t == nil {
		return nil // not a nil *Engine, which would be an Injector
	}
	return t.faults
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
		s.dev.tools.faults.Serve(s.dev.known, s.logins.Forget, s.dev.isSeed)
	}
}

// addControl adds the part of the control API by which tests control the server, and the SAML provider.
func (s *Server) addControl(d *development) (err error) {
	tools := d.tools
	if tools.saml == nil {
		if tools.saml, err = devsaml.New(s.config.IssuerURL, s.config.Now); err != nil {
			return err
		}
	}
	d.samlProviders = append(d.samlProviders, SAMLProviderConfig{
		Name:        devsaml.Name,
		Metadata:    tools.saml.Metadata(),
		Development: true,
	})

	control := devcontrol.New(devcontrol.Options{
		Clock:  tools.clock,
		Faults: tools.faults,
		Calls:  &tools.calls,
		Reset:  func(ctx context.Context, empty bool) ([]DevPool, error) { return tools.reset(ctx, empty) },
		Seed:   s.devSeed,
		SAML:   func(r devcontrol.SAMLRequest) (devcontrol.SAMLResponse, error) { return s.devSAML(d, r) },
		Ending: tools.ending,
	})
	d.control = append(d.control, control.Routes()...)

	return nil
}

// DevSeeder returns what applies seeds to a development server; nil for other servers. After a reset it is
// another one.
func (s *Server) DevSeeder() *devseed.Seeder {
	if s.dev == nil {
		return nil
	}
	s = s.latest()
	info := s.dev.endpoints.Info

	// The handler of this very server: its door may be shut, or shut later.
	client := devseed.InProcess(s.handler, s.dev.seedAgent, info.Endpoint, info.Region, sigv4.Credentials{
		AccessKeyID:     info.AccessKeyID,
		SecretAccessKey: info.SecretAccessKey,
	})
	client.Now = s.dev.tools.clock.Date

	return &devseed.Seeder{
		Client:      client,
		Users:       s.dev.endpoints.Users,
		Clients:     s.dev.endpoints.Clients,
		ProviderARN: info.OIDCProviderARN,
		LoginKey:    info.LoginKey,
		Identities:  s.pools.SeedIdentities,

		CheckIdentities: s.pools.CheckSeededIdentities,
	}
}

// devSeed applies the text of a seed, for the control API.
func (s *Server) devSeed(ctx context.Context, name string, text []byte) (any, error) {
	c := &s.config
	file, err := devseed.Parse(name, text, apply.ReadOptions{
		Region:    c.region(),
		UserPools: true,
		Account:   func() (string, error) { return c.Account, nil },
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", devcontrol.ErrSeed, err)
	}

	var outcome apply.Result
	seeder := s.DevSeeder()
	seeder.Applied = func(r *apply.Result) { outcome = *r }
	if err := seeder.Apply(ctx, []devseed.File{file}, io.Discard); err != nil {
		return nil, seedError(err)
	}

	return outcome, nil
}

// seedError tells whether a seed is at fault, or this server.
func seedError(err error) error {
	_, ofSystem := errors.AsType[syscall.Errno](err) // users and user pools are files

	switch {
	case apply.IsServerFault(err), metrics.Unavailable(err), metrics.Busy(err):
		return fmt.Errorf("%w: %w", devcontrol.ErrUnavailable, err)
	case ofSystem, errors.Is(err, context.Canceled):
		return err
	default:
		return fmt.Errorf("%w: %w", devcontrol.ErrSeed, err)
	}
}

// devSAML signs a SAML response, for the control API. Claims of a user that are texts, or lists of texts, become
// attributes.
func (s *Server) devSAML(d *development, r devcontrol.SAMLRequest) (response devcontrol.SAMLResponse, err error) {
	login := devsaml.Login{
		NameID:     r.NameID,
		Attributes: r.Attributes,
		Audience:   r.Audience,
		Lifetime:   r.ExpiresIn,
	}
	if r.User != "" {
		if r.NameID != "" {
			return response, fmt.Errorf("%w: give user or name_id, not both", devcontrol.ErrSAML)
		}
		user, err := d.endpoints.Users.Get(r.User)
		if err != nil {
			return response, fmt.Errorf("%w: %w", devcontrol.ErrSAML, err)
		}
		login.NameID, login.Attributes = user.Subject, attributesOf(user, r.Attributes)
	}

	response.Response, err = d.tools.saml.Response(login)
	if errors.Is(err, devsaml.ErrRequest) {
		return response, fmt.Errorf("%w: %w", devcontrol.ErrSAML, err)
	}
	info := d.endpoints.Info
	response.LoginKey = "arn:" + identitypool.Partition(info.Region) + ":iam::" + info.AccountID +
		":saml-provider/" + devsaml.Name

	return response, err
}

// attributesOf returns the attributes of a user, and those given, which come first.
func attributesOf(user devuser.User, given map[string][]string) map[string][]string {
	all := map[string][]string{}
	for name, value := range user.Claims {
		switch value := value.(type) {
		case string:
			all[name] = []string{value}
		case []any:
			texts := make([]string, 0, len(value))
			for _, one := range value {
				if text, ok := one.(string); ok {
					texts = append(texts, text)
				}
			}
			if len(texts) > 0 && len(texts) == len(value) {
				all[name] = texts
			}
		}
	}
	maps.Copy(all, given)

	return all
}
