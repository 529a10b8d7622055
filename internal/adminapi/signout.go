package adminapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// signOutInput names the user or session to sign out: a provider's subject, one of the
// subject's sessions, or a session alone.
type signOutInput struct {
	ProviderName *string
	Subject      *string
	Session      *string // sid, origin_jti or jti of the tokens
}

type signOutOutput struct {
	ProviderName string // the provider that an alias stands for
	NotBefore    awsapi.Timestamp
	// Known is true if the provider can vouch for anybody in the account: it is registered,
	// a user pool, or one that every account has. A deleted provider is not known.
	Known bool
}

// signOut makes the server refuse the tokens that a provider issued to a subject before
// now, or in a session. It counts in the identity pools and for the roles of the caller's
// account. It counts in all accounts if the home account asks and the settings allow it.
func (s *Service) signOut(ctx context.Context, c awsapi.Caller, in *signOutInput) (*signOutOutput, error) {
	key, subject, sid := awsapi.Text(in.ProviderName), awsapi.Text(in.Subject), awsapi.Text(in.Session)
	if key == "" || subject == "" && sid == "" {
		return nil, missing("ProviderName, and Subject or Session or both")
	}
	if strings.Contains(key, "://") {
		return nil, badInput(providerScheme.With(), "ProviderName is the key in Logins: leave out the scheme.")
	}

	account := identitypool.AccountID(c.Account)
	name, err := s.options.Providers.Name(ctx, account, key)
	if err != nil {
		return nil, err
	}
	if s.options.Opaque(name) {
		return nil, badInput(providerOpaque.With("provider", name), "Tokens of "+name+" have no time of issue. "+
			"Sign the user out at the provider: the server asks it about each login.")
	}

	accounts := []identitypool.AccountID{account}
	if s.options.SignOutEverywhere && account == s.options.Home {
		accounts = signout.AllAccounts
	}
	known, err := s.options.Providers.Known(ctx, accounts, name)
	if err != nil {
		return nil, err
	}

	now := s.options.Now()
	if err := s.options.SignOuts.SignOut(ctx, accounts, name, subject, sid, now); errors.Is(err, store.ErrInvalid) {
		why := valueInvalid.With("members", "ProviderName, Subject or Session")
		return nil, badInput(why, "ProviderName, Subject or Session is too long or not valid text.").Because(err)
	} else if err != nil {
		return nil, err
	}

	return &signOutOutput{
		ProviderName: iam.ShownARN(name, identitypool.Partition(c.Region)),
		NotBefore:    awsapi.Timestamp(now.Truncate(time.Second)),
		Known:        known,
	}, nil
}
