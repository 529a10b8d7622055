package poolhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/devcontrol"
	"github.com/poolhouse-id/poolhouse/internal/devsaml"
	"github.com/poolhouse-id/poolhouse/internal/devseed"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// addControl adds the part of the control API by which tests control the server, and the SAML provider.
func (s *Server) addControl(d *development) (err error) {
	tools := d.tools
	if tools.saml == nil {
		if tools.saml, err = devsaml.New(s.config.IssuerURL, s.config.Now); err != nil {
			return err
		}
	}
	d.samlProviders = append(d.samlProviders, SAMLProviderConfig{Name: devsaml.Name, Metadata: tools.saml.Metadata()})

	control := devcontrol.New(devcontrol.Options{
		Clock:     tools.clock,
		Faults:    tools.faults,
		Calls:     &tools.calls,
		Reset:     func(ctx context.Context, empty bool) error { return tools.reset(ctx, empty) },
		ResetBusy: func(err error) bool { return errors.Is(err, ErrResetBusy) },
		Seed:      s.devSeed,
		SAML:      func(r devcontrol.SAMLRequest) (devcontrol.SAMLResponse, error) { return s.devSAML(d, r) },
		Pools:     s.latestDevPools,
		Ending:    tools.ending,
	})
	maps.Copy(d.routes, control.Routes())
	d.endpoints.More = append(devcontrol.Routes(), "GET "+DevCodesPath)

	return nil
}

// latestDevPools returns the pools of the server that answers now: after a reset, that is not s.
func (s *Server) latestDevPools(ctx context.Context, limit int) ([]DevPool, error) {
	return s.dev.tools.latest().DevPools(ctx, limit)
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
	err = seeder.Apply(ctx, []devseed.File{file}, io.Discard)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", devcontrol.ErrSeed, err)
	}

	return outcome, nil
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
