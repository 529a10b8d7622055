package poolhouse

import (
	"cmp"
	"context"
	"path/filepath"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devpool"
	"github.com/poolhouse-id/poolhouse/internal/devuserpool"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

type (
	// DevCode is a code or a temporary password that a user of a development user pool would get by
	// e-mail or text message.
	DevCode = devuserpool.SentCode
	// DevUserPool is a user pool as a developer needs it.
	DevUserPool = devuserpool.Summary
)

// DevCodesPath is the path of the newest codes in the control API.
const DevCodesPath = devissuer.ControlPrefix + "dev/codes"

// noUserPools is in place of user pools in production.
func noUserPools() awsapi.API {
	return awsapi.API{
		Name:   devuserpool.Name,
		Target: devuserpool.TargetPrefix,
		Absent: "it has no user pools. poolhouse dev simulates them; " +
			"list those of your users in the setting user_pools",
	}
}

// addUserPools adds user pools to what a development server has.
func (s *Server) addUserPools(d *development) error {
	c := &s.config
	if err := devuserpool.CheckFixedCode(c.DevUserPoolCode); err != nil {
		return err
	}
	folder := ""
	if c.DataDir != "" {
		folder = filepath.Join(c.DataDir, devuserpool.Folder)
	}
	state, err := devuserpool.OpenState(folder)
	if err != nil {
		return err
	}

	d.userPools = devuserpool.New(devuserpool.Options{
		State:     state,
		Issuer:    c.IssuerURL,
		Now:       c.Now,
		Logger:    c.Logger,
		FixedCode: c.DevUserPoolCode,
		MayChooseIDs: func(account string) bool {
			return c.mayChooseIDs(identitypool.AccountID(account))
		},
		Codes: func(_ context.Context, code DevCode) {
			d.codes.Add(code)
			if c.OnDevCode != nil {
				c.OnDevCode(code)
			}
		},
	})
	d.localUserPools = cmp.Or[provider.LocalUserPools](c.LocalUserPools, state)
	d.apis = append(d.apis, d.userPools.API())
	d.documents = append(d.documents, d.userPools.Document)
	d.routes["GET "+DevCodesPath] = &d.codes

	return nil
}

// DevUserPools returns at most limit user pools of the account and region of a development server.
func (s *Server) DevUserPools(limit int) []DevUserPool {
	if s.dev == nil {
		return nil
	}
	return s.dev.userPools.Summaries(s.config.Account, s.config.region(), limit)
}

// ownUserPool returns the first user pool of a development server that an identity pool trusts; nil = none.
func (s *Server) ownUserPool(pool identitypool.Pool) *devpool.UserPool {
	for _, trusted := range pool.CognitoIdentityProviders {
		name, _ := identitypool.ParseUserPool(trusted.ProviderName)
		own, exists := s.dev.localUserPools.UserPool(name.ID)
		if exists && own.Name == trusted.ProviderName {
			return &devpool.UserPool{ID: name.ID, ClientID: trusted.ClientID}
		}
	}

	return nil
}
