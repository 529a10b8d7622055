package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// header is the part that every IAM resource has.
type header struct {
	account identitypool.AccountID
	kind    string
	key     string // unique in account and kind
	path    string
	created time.Time
}

func (h header) check() error {
	return errors.Join(
		checkID("account", string(h.account)),
		checkID("name", h.key),
		checkText("path", h.path, maxProvider),
	)
}

// iamResource is a type of IAM resource.
type iamResource interface {
	Role | ManagedPolicy | OIDCProvider | SAMLProvider
	header() header
}

// setter is the pointer to an IAM resource.
type setter[T any] interface {
	*T
	setHeader(header)
}

// resourceRow is an IAM resource as the database holds it.
type resourceRow struct {
	header
	settings      string
	createdMillis int64
}

const resourceColumns = `account, kind, resource_key, path, settings, created`

func scanResource(row scanner) (r resourceRow, err error) {
	err = row.Scan(&r.account, &r.kind, &r.key, &r.path, &r.settings, &r.createdMillis)
	return r, err
}

func resourceOf[T iamResource, P setter[T]](row resourceRow) (v T, err error) {
	if err := json.Unmarshal([]byte(row.settings), &v); err != nil {
		return v, fmt.Errorf("reading %s: %w", row.kind, err)
	}
	row.created = fromMillis(row.createdMillis)
	P(&v).setHeader(row.header)
	return v, nil
}

// rowOf returns the row of v. Error: ErrInvalid.
func rowOf[T iamResource](v T) (resourceRow, error) {
	row := resourceRow{header: v.header()}
	row.createdMillis = millis(row.created)
	if err := row.check(); err != nil {
		return row, err
	}

	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return row, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	row.settings = string(text)

	return row, checkText(row.kind+" settings", row.settings, maxSettings)
}

// changeIAM changes an account's IAM resources. look reads what the decision
// depends on, and decide returns the write. The write is made unless any
// resource of the account was changed after look began; in that case everything
// starts over.
func (s *Store) changeIAM(
	ctx context.Context, account identitypool.AccountID,
	look func(engine.Querier) error, decide func() (func(*engine.Tx) error, error),
) error {
	if err := checkID("account", string(account)); err != nil {
		return err
	}

	return s.retryRaces(ctx, func() error {
		var revision int64
		err := s.read(ctx, func(q engine.Querier) error {
			found, err := collect(q, scanInt, `SELECT revision FROM iam_accounts WHERE account = $1`, string(account))
			if err != nil {
				return err
			}
			revision = 0
			if len(found) > 0 {
				revision = found[0]
			}

			return look(q)
		})
		if err != nil {
			return err
		}

		apply, err := decide()
		if err != nil {
			return err
		}

		return s.write(ctx, func(t *engine.Tx) error {
			if err := mustChange(t, `INSERT INTO iam_accounts (account, revision) VALUES ($1, $2)
				ON CONFLICT (account) DO UPDATE SET revision = $2 WHERE iam_accounts.revision = $3`,
				string(account), revision+1, revision); err != nil {
				return err
			}
			return apply(t)
		})
	})
}

// selectResource returns the row of a resource. Error: ErrNotFound.
func selectResource(q engine.Querier, h header) (resourceRow, error) {
	return collectOne(q, h.kind, scanResource, `SELECT `+resourceColumns+` FROM iam_resources
		WHERE account = $1 AND kind = $2 AND resource_key = $3`, string(h.account), h.kind, h.key)
}

func createResource[T iamResource, P setter[T]](ctx context.Context, s *Store, v T, limit int) (T, error) {
	h := v.header()
	h.created = s.now()
	P(&v).setHeader(h)
	row, err := rowOf(v)
	if err != nil {
		return v, err
	}

	err = s.changeIAM(ctx, h.account, func(q engine.Querier) error {
		switch _, err := selectResource(q, h); {
		case err == nil:
			return fmt.Errorf("%s: %w", h.kind, ErrConflict)
		case !errors.Is(err, ErrNotFound):
			return err
		}

		if limit > 0 {
			count, err := collect(q, scanInt, `SELECT count(*) FROM iam_resources WHERE account = $1 AND kind = $2`,
				string(h.account), h.kind)
			if err != nil {
				return err
			}
			if count[0] >= int64(limit) {
				return ErrLimit
			}
		}

		return checkUses(q, v, nil)
	}, func() (func(*engine.Tx) error, error) {
		return func(t *engine.Tx) error {
			if err := numberTrust(t, &v, nil); err != nil {
				return err
			}

			// The outer err is not assigned here: the caller may leave, and read it,
			// while this still runs.
			numbered, err := rowOf(v)
			if err != nil {
				return err
			}
			row = numbered

			return insertResource(t, row, v)
		}, nil
	})
	if err != nil {
		var none T
		return none, err
	}

	return resourceOf[T, P](row) // as the next read will show it
}

func insertResource(t *engine.Tx, row resourceRow, v any) error {
	if _, err := t.Exec(`INSERT INTO iam_resources (`+resourceColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		string(row.account), row.kind, row.key, row.path, row.settings, row.createdMillis); err != nil {
		return err
	}
	return insertUses(t, v)
}

func findResource[T iamResource, P setter[T]](
	ctx context.Context, s *Store, account identitypool.AccountID, kind, key string,
) (v T, err error) {
	if !storable(string(account), maxID) || !storable(key, maxID) {
		return v, notFound(kind)
	}

	var row resourceRow
	err = s.read(ctx, func(q engine.Querier) (err error) {
		row, err = selectResource(q, header{account: account, kind: kind, key: key})
		return err
	})
	if err != nil {
		return v, err
	}

	return resourceOf[T, P](row)
}

func listResources[T iamResource, P setter[T]](
	ctx context.Context, s *Store, account identitypool.AccountID, kind, pathPrefix, after string, limit int,
) ([]T, error) {
	if err := errors.Join(
		checkText("account", string(account), maxID),
		checkText("path", pathPrefix, maxProvider),
		checkText("after", after, maxProvider),
	); err != nil {
		return nil, err
	}

	rows, err := readAll(ctx, s, scanResource, `SELECT `+resourceColumns+` FROM iam_resources
		WHERE account = $1 AND kind = $2 AND resource_key > $3 AND substr(path, 1, $5) = $4
		ORDER BY resource_key LIMIT $6`,
		string(account), kind, after, pathPrefix, len(pathPrefix), limit)
	if err != nil {
		return nil, err
	}

	list := make([]T, len(rows))
	for i, row := range rows {
		if list[i], err = resourceOf[T, P](row); err != nil {
			return nil, err
		}
	}

	return list, nil
}

func updateResource[T iamResource, P setter[T]](
	ctx context.Context, s *Store, account identitypool.AccountID, kind, key string, change func(*T) error,
) (T, error) {
	var none T
	if !storable(key, maxID) {
		return none, notFound(kind)
	}

	var before, result T // not named results: the write assigns result, maybe after the caller left
	err := s.changeIAM(ctx, account, func(q engine.Querier) (err error) {
		before, result, err = changed[T, P](q, header{account: account, kind: kind, key: key}, change)
		return err
	}, func() (func(*engine.Tx) error, error) {
		h := result.header()
		h.account, h.created = account, before.header().created
		P(&result).setHeader(h)

		row, err := rowOf(result)
		if err != nil {
			return nil, err
		}
		if row.key != key {
			return nil, fmt.Errorf("%w: a %s cannot be renamed", ErrInvalid, kind)
		}

		return func(t *engine.Tx) error { return replaceResource[T, P](t, &before, &result) }, nil
	})
	if err != nil {
		return none, err
	}

	return result, nil
}

// changed returns a resource before and after a change. It looks the managed policies
// that the result uses up after the change, which works on a copy.
func changed[T iamResource, P setter[T]](
	q engine.Querier, h header, change func(*T) error,
) (before, after T, err error) {
	row, err := selectResource(q, h)
	if err != nil {
		return before, after, err
	}
	if before, err = resourceOf[T, P](row); err != nil {
		return before, after, err
	}
	if after, err = resourceOf[T, P](row); err != nil {
		return before, after, err
	}
	if err := change(&after); err != nil {
		return before, after, err
	}

	return before, after, checkUses(q, after, before)
}

// replaceResource writes a resource in place of an earlier form of it. Afterwards it has
// the form in which the next read shows it.
func replaceResource[T iamResource, P setter[T]](t *engine.Tx, before, after *T) error {
	if err := numberTrust(t, after, before); err != nil {
		return err
	}
	row, err := rowOf(*after)
	if err != nil {
		return err
	}
	if *after, err = resourceOf[T, P](row); err != nil {
		return err
	}

	if err := mustChange(t,
		`UPDATE iam_resources SET settings = $4, path = $5 WHERE account = $1 AND kind = $2 AND resource_key = $3`,
		string(row.account), row.kind, row.key, row.settings, row.path); err != nil {
		return err
	}
	if err := deleteUses(t, row.kind, row.account, row.key); err != nil {
		return err
	}

	return insertUses(t, *after)
}

func deleteResource[T iamResource, P setter[T]](
	ctx context.Context, s *Store, account identitypool.AccountID, kind, key string, may func(T) error,
) error {
	if !storable(key, maxID) {
		return notFound(kind)
	}

	return s.changeIAM(ctx, account, func(q engine.Querier) error {
		row, err := selectResource(q, header{account: account, kind: kind, key: key})
		if err != nil {
			return err
		}
		v, err := resourceOf[T, P](row)
		if err != nil {
			return err
		}

		if kind == policyKind {
			users, err := collect(q, scanInt,
				`SELECT count(*) FROM iam_attachments WHERE account = $1 AND policy_key = $2`, string(account), key)
			if err != nil {
				return err
			}
			if users[0] > 0 {
				return fmt.Errorf("a role uses the policy: %w", ErrConflict)
			}
		}

		return may(v)
	}, func() (func(*engine.Tx) error, error) {
		return func(t *engine.Tx) error {
			if err := deleteUses(t, kind, account, key); err != nil {
				return err
			}
			return mustChange(t, `DELETE FROM iam_resources WHERE account = $1 AND kind = $2 AND resource_key = $3`,
				string(account), kind, key)
		}, nil
	})
}

// use is a managed policy that a role uses.
type use struct {
	usage PolicyUsage
	arn   string
}

func usesOf(v any) (uses []use) {
	r, ok := v.(Role)
	if !ok {
		return nil
	}

	for _, arn := range r.Attached {
		uses = append(uses, use{AttachedUsage, arn})
	}
	if r.Boundary != "" {
		uses = append(uses, use{BoundaryUsage, r.Boundary})
	}

	return uses
}

// checkUses makes sure that the managed policies exist that v uses and before
// does not. AWS's own are not looked up.
func checkUses(q engine.Querier, v, before any) error {
	had := map[string]bool{}
	for _, u := range usesOf(before) {
		had[u.arn] = true
	}
	account := identitypool.AccountID("")
	if r, ok := v.(Role); ok {
		account = r.Account
	}

	for _, u := range usesOf(v) {
		if err := checkText("policy ARN", u.arn, maxARN); err != nil {
			return err
		}
		key := policyKeyOf(account, u.arn)
		if had[u.arn] || key == "" {
			continue
		}

		row, err := selectResource(q, header{account: account, kind: policyKind, key: key})
		if errors.Is(err, ErrNotFound) {
			return ErrPolicyNotFound
		} else if err != nil {
			return err
		}

		p, err := resourceOf[ManagedPolicy](row)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(u.arn, ":policy"+p.Path+p.Name) { // it has another path
			return ErrPolicyNotFound
		}
	}

	return nil
}

func insertUses(t *engine.Tx, v any) error {
	for _, u := range usesOf(v) {
		h := v.(Role).header()
		if _, err := t.Exec(
			`INSERT INTO iam_attachments (account, role_key, usage, policy_arn, policy_key)
				VALUES ($1, $2, $3, $4, $5)`,
			string(h.account), h.key, string(u.usage), u.arn, policyKeyOf(h.account, u.arn)); err != nil {
			return err
		}
	}

	return nil
}

func deleteUses(t *engine.Tx, kind string, account identitypool.AccountID, key string) error {
	if kind != roleKind {
		return nil
	}
	_, err := t.Exec(`DELETE FROM iam_attachments WHERE account = $1 AND role_key = $2`, string(account), key)
	return err
}
