package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/signingkeys"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

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
func showRetiredWebIdentity(w io.Writer, k signingkeys.Key) {
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
