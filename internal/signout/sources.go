package signout

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// Settings are the rules for a provider's reports of sign-outs. Every OpenID Connect
// provider of the home account may report them for its client IDs, without settings.
type Settings struct {
	// Audiences are accepted in aud besides the client IDs. A user pool has no client IDs
	// here, so it needs Audiences to report anything.
	Audiences []string `yaml:"audiences"`
	// CredentialChange makes a changed credential end the user's logins, too.
	CredentialChange bool `yaml:"credential_change"`
}

// IsZero reports whether nothing is set.
func (s Settings) IsZero() bool { return len(s.Audiences) == 0 && !s.CredentialChange }

// Validate refuses an audience without a name.
func (s Settings) Validate() error {
	if n := slices.Index(s.Audiences, ""); n >= 0 {
		return fmt.Errorf("audiences[%d] is empty: name what stands in aud, or leave it out", n)
	}
	return nil
}

// Sources finds the provider that a receiver's path names. It can be an OpenID Connect
// provider of any account, from the settings or from the IAM API. If the settings allow it,
// it can also be a user pool, or a provider of ID tokens that every account has. Every other
// key is unknown.
//
// An event of the home account's provider, or of a user pool in the settings, counts for all
// accounts that trust the provider. An event for a client that only other accounts have
// registered counts only for those: they may register any issuer and client, and must not
// affect other accounts.
type Sources struct {
	Providers *provider.Registry
	Directory *iam.Directory
	Home      identitypool.AccountID
	Settings  map[string]Settings // by Logins key
}

// registered returns the ARN of an account's OpenID Connect provider with a Logins
// key; "" = there is none.
func (s *Sources) registered(ctx context.Context, account identitypool.AccountID, key string) (string, error) {
	arn := iam.OIDCProviderARN(s.Providers.Partition(), account, "://"+key)
	if _, _, _, formed := identitypool.ParseProviderARN(arn); !formed {
		return "", nil
	}

	_, err := s.Directory.OIDCProvider(ctx, arn)
	if errors.Is(err, iam.ErrNotFound) {
		return "", nil
	}

	return arn, err
}

// Name returns the provider that a Logins key stands for in an account. An OpenID
// Connect provider stands for itself, even if a user pool has the same issuer.
func (s *Sources) Name(ctx context.Context, account identitypool.AccountID, key string) (string, error) {
	arn, err := s.registered(ctx, account, key)
	if arn != "" || err != nil {
		return key, err
	}
	return s.Providers.NameOf(key), nil
}

// Known reports whether a provider can vouch for anybody in one of the accounts: every
// account has it, it is a user pool, or it is registered there.
func (s *Sources) Known(ctx context.Context, accounts []identitypool.AccountID, name string) (bool, error) {
	if s.Providers.EveryAccountHas(name) {
		return true, nil
	}

	everywhere := slices.Equal(accounts, AllAccounts)
	owner, kind, _, isARN := identitypool.ParseProviderARN(name)
	if isARN && kind == identitypool.SAMLProvider {
		if !everywhere && !slices.Contains(accounts, owner) {
			return false, nil
		}
		_, err := s.Directory.SAMLProvider(ctx, name)
		if errors.Is(err, iam.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}

	if everywhere {
		owners, err := s.Directory.OIDCProviderAccounts(ctx, name)
		return len(owners) > 0, err
	}

	for _, account := range accounts {
		if arn, err := s.registered(ctx, account, name); arn != "" || err != nil {
			return arn != "", err
		}
	}

	return false, nil
}

// Find returns the provider of a Logins key as the home account trusts it, and as
// the other accounts do that have registered it.
func (s *Sources) Find(ctx context.Context, key string) ([]Provider, error) {
	name, err := s.Name(ctx, s.Home, key)
	if err != nil {
		return nil, err
	}

	var found []Provider
	home, err := s.ofHome(ctx, name)
	if err == nil {
		found = append(found, home)
	} else if !errors.Is(err, ErrUnknownProvider) {
		return nil, err
	}

	others, err := s.ofOthers(ctx, key)
	if err != nil {
		return nil, err
	}
	if found = append(found, others...); len(found) == 0 {
		return nil, ErrUnknownProvider
	}

	return found, nil
}

// ofHome returns a provider of the home account or of the settings.
func (s *Sources) ofHome(ctx context.Context, name string) (Provider, error) {
	settings := s.Settings[name]
	arn, err := s.registered(ctx, s.Home, name)
	if err != nil {
		return Provider{}, err
	}

	c := identitypool.ProviderConfig{Name: name, ClientIDs: settings.Audiences}
	row, _ := s.Providers.Table().ByKey(name)
	switch {
	case arn != "":
		c.Kind, c.ARN = identitypool.OIDCProviderKind, arn
	case len(settings.Audiences) == 0:
		return Provider{}, ErrUnknownProvider
	case row.SignOutEvents:
		c.Kind, c.AppID = identitypool.SocialProvider, settings.Audiences[0]
	default:
		c.Kind = identitypool.UserPoolProvider
	}

	trust, err := s.Providers.Trust(ctx, c)
	if err != nil {
		return Provider{}, err
	}
	trust.Audiences = slices.Concat(trust.Audiences, settings.Audiences)

	return Provider{Name: name, Trust: trust, CredentialChange: settings.CredentialChange}, nil
}

// ofOthers returns an OpenID Connect provider as accounts other than the home account
// have registered it. Accounts that differ only in their clients share an entry, so that
// an event costs one check of its signature for all of them.
func (s *Sources) ofOthers(ctx context.Context, key string) ([]Provider, error) {
	accounts, err := s.Directory.OIDCProviderAccounts(ctx, key)
	if err != nil {
		return nil, err
	}

	var found []Provider
	for _, account := range accounts {
		if account == s.Home {
			continue
		}

		arn, err := s.registered(ctx, account, key)
		if err != nil {
			return nil, err
		}
		if arn == "" {
			continue // deleted since
		}
		trust, err := s.Providers.Trust(ctx, identitypool.ProviderConfig{
			Name: key,
			Kind: identitypool.OIDCProviderKind,
			ARN:  arn,
		})
		if err != nil {
			return nil, err
		}

		n := slices.IndexFunc(found, func(p Provider) bool { return sameIssuer(p.Trust, trust) })
		if n < 0 {
			n = len(found)
			found = append(found, Provider{
				Name:             key,
				Trust:            trust,
				Clients:          map[identitypool.AccountID][]string{},
				CredentialChange: s.Settings[key].CredentialChange,
			})
			found[n].Trust.Audiences = nil
		}
		found[n].Clients[account] = trust.Audiences
		found[n].Trust.Audiences = append(found[n].Trust.Audiences, trust.Audiences...)
	}

	return found, nil
}

// sameIssuer reports whether two trusts prove the same tokens, apart from the audience.
func sameIssuer(a, b login.Trust) bool {
	for _, trust := range []*login.Trust{&a, &b} {
		trust.Audiences, trust.ClientsAt, trust.OneClientAt, trust.Link = nil, "", "", explain.Link{}
		if !trust.EnforceThumbprints {
			trust.Thumbprints = nil
		}
	}

	return reflect.DeepEqual(a, b)
}
