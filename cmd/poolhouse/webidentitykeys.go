package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

// rotateWebIdentity rotates the keys of web identity tokens of an account, or of all for "".
func rotateWebIdentity(
	ctx context.Context, d *database, sealer issuer.Sealer, account identitypool.AccountID, now bool,
) error {
	issuers := webidentity.New(webidentity.Options{
		Store:  d.store,
		Sealer: sealer,
		URL:    strings.TrimSuffix(d.settings.IssuerURL, "/"),
	})

	accounts := 0
	err := issuers.Each(ctx, account, func(_ store.WebIdentityIssuer, i *issuer.Issuer) error {
		accounts++
		if now {
			return i.RotateNow(ctx)
		}
		return i.Rotate(ctx)
	})
	if err == nil && account != "" && accounts == 0 {
		err = fmt.Errorf("account %s has no keys of web identity tokens: "+
			"it never called EnableOutboundWebIdentityFederation", account)
	}

	return err
}

// webIdentityReplaced prints which keys of web identity tokens a rotation replaced.
func webIdentityReplaced(ctx context.Context, w io.Writer, d *database, account identitypool.AccountID) error {
	keys, err := webidentity.ListKeys(ctx, d.store, account, time.Now())
	if err != nil {
		return err
	}

	for _, k := range keys {
		if k.State == issuer.Retired {
			fmt.Fprintf(w, "%s (%s, web identity tokens of account %s) is still accepted; "+
				"`poolhouse signing-keys retire %s` ends it.\n", k.ID, k.Algorithm, k.Account, k.ID)
		}
	}

	return nil
}

// showRetiredWebIdentity explains which tokens end with a key of web identity tokens.
func showRetiredWebIdentity(w io.Writer, k webidentity.Key) {
	if retiredBefore(w, k.KeyInfo) {
		return
	}

	fmt.Fprintf(w, `Tokens that end, signed from %s until %s:
  tokens of GetWebIdentityToken (up to 1 hour) of account %s
Callers get new tokens with the same call. Services outside may accept the key until they read
the account's published keys again: a minute if they honour the cache headers. Sessions that
they gave for such a token go on: end them there.
`, moment(k.SignsFrom), moment(k.SignsUntil), k.Account)
}
