package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// WebIdentityIssuer is the issuer of an account's web identity tokens. An account has at most
// one, for good.
type WebIdentityIssuer struct {
	Account identitypool.AccountID
	ID      string    // random, in the issuer's address and the purpose of its keys
	Enabled bool      // whether the account may get new tokens
	Created time.Time // to the millisecond
}

func (w WebIdentityIssuer) check() error {
	return errors.Join(checkID("account", string(w.Account)), checkID("issuer ID", w.ID))
}

const webIdentityColumns = `account, issuer_id, enabled, created`

func scanWebIdentityIssuer(row scanner) (w WebIdentityIssuer, err error) {
	var created int64
	err = row.Scan(&w.Account, &w.ID, &w.Enabled, &created)
	w.Created = fromMillis(created)
	return w, err
}

// insertWebIdentityIssuer adds an issuer unless the account has one. It returns the number of
// rows.
func insertWebIdentityIssuer(t *engine.Tx, w WebIdentityIssuer) (int64, error) {
	return t.Exec(`INSERT INTO web_identity_issuers (`+webIdentityColumns+`) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account) DO NOTHING`, string(w.Account), w.ID, w.Enabled, millis(w.Created))
}

// EnableWebIdentity lets an account get web identity tokens. The first time, it makes the account's
// issuer, with the ID proposed; later calls keep the first ID. Of several nodes that enable the same
// account at once, one does. Errors: ErrConflict if it is enabled already; ErrInvalid.
func (s *Store) EnableWebIdentity(
	ctx context.Context, account identitypool.AccountID, proposed string,
) (WebIdentityIssuer, error) {
	w := WebIdentityIssuer{Account: account, ID: proposed, Enabled: true, Created: s.now()}
	if err := w.check(); err != nil {
		return WebIdentityIssuer{}, err
	}

	return writeResult(ctx, s, func(t *engine.Tx) (WebIdentityIssuer, error) {
		changed, err := t.Exec(`UPDATE web_identity_issuers SET enabled = TRUE WHERE account = $1 AND NOT enabled`,
			string(account))
		if err == nil && changed == 0 {
			changed, err = insertWebIdentityIssuer(t, w)
		}
		if err != nil {
			return WebIdentityIssuer{}, err
		}
		if changed == 0 {
			return WebIdentityIssuer{}, fmt.Errorf("web identity tokens of account %s: %w", account, ErrConflict)
		}

		return collectOne(t, "issuer", scanWebIdentityIssuer, webIdentityByAccount, string(account))
	})
}

// DisableWebIdentity ends an account's permission to get web identity tokens. Its issuer stays.
// Error: ErrNotFound if it is not enabled.
func (s *Store) DisableWebIdentity(ctx context.Context, account identitypool.AccountID) error {
	if err := checkID("account", string(account)); err != nil {
		return err
	}

	return s.write(ctx, func(t *engine.Tx) error {
		return mustFind(t, "enabled issuer",
			`UPDATE web_identity_issuers SET enabled = FALSE WHERE account = $1 AND enabled`, string(account))
	})
}

const (
	webIdentityByAccount = `SELECT ` + webIdentityColumns + ` FROM web_identity_issuers WHERE account = $1`
	webIdentityByID      = `SELECT ` + webIdentityColumns + ` FROM web_identity_issuers WHERE issuer_id = $1`
)

// WebIdentityIssuer returns an account's issuer, also of an account that disabled it. The store never
// caches it. Error: ErrNotFound.
func (s *Store) WebIdentityIssuer(
	ctx context.Context, account identitypool.AccountID,
) (WebIdentityIssuer, error) {
	return s.webIdentityIssuer(ctx, webIdentityByAccount, string(account))
}

// WebIdentityIssuerByID returns the issuer with an ID. Error: ErrNotFound.
func (s *Store) WebIdentityIssuerByID(ctx context.Context, id string) (WebIdentityIssuer, error) {
	return s.webIdentityIssuer(ctx, webIdentityByID, id)
}

func (s *Store) webIdentityIssuer(ctx context.Context, text, key string) (WebIdentityIssuer, error) {
	if !storable(key, maxID) {
		return WebIdentityIssuer{}, notFound("issuer")
	}
	return readOne(ctx, s, "issuer", scanWebIdentityIssuer, text, key)
}

// WebIdentityIssuers returns the issuers of all accounts, ordered by account.
func (s *Store) WebIdentityIssuers(ctx context.Context) ([]WebIdentityIssuer, error) {
	return readAll(ctx, s, scanWebIdentityIssuer,
		`SELECT `+webIdentityColumns+` FROM web_identity_issuers ORDER BY account`)
}

// dumpWebIdentity is a WebIdentityIssuer.
type dumpWebIdentity struct {
	Account string `json:"account"`
	ID      string `json:"id"`
	Enabled bool   `json:"enabled,omitzero"`
	Created int64  `json:"created"`
}

func dumpedWebIdentity(w WebIdentityIssuer) (dumpLine, error) {
	return dumpLine{WebIdentity: &dumpWebIdentity{
		Account: string(w.Account),
		ID:      w.ID,
		Enabled: w.Enabled,
		Created: millis(w.Created),
	}}, nil
}

func (d *dumpWebIdentity) insert(t *engine.Tx) error {
	w := WebIdentityIssuer{
		Account: identitypool.AccountID(d.Account),
		ID:      d.ID,
		Enabled: d.Enabled,
		Created: fromMillis(d.Created),
	}
	if err := w.check(); err != nil {
		return err
	}
	added, err := insertWebIdentityIssuer(t, w)
	if err == nil && added == 0 {
		err = fmt.Errorf("%w: two issuers of account %s", errBadDump, d.Account)
	}

	return err
}
