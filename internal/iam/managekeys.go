package iam

import (
	"context"
	"errors"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

// MaxAccountKeys is the number of access keys that an account may have before KeyManager makes no more.
const MaxAccountKeys = 1000

// Refusals of a KeyManager.
var (
	// ErrBounded means that the caller's own permission is limited: a key that it makes or enables
	// could do more than the caller.
	ErrBounded = errors.New("the caller may not do everything in its account")
	// ErrRootKey means that a key without a policy was asked for.
	ErrRootKey = errors.New("a key without a policy cannot be made over the network")
	// ErrOwnKey means that the caller would lock itself out without having said so.
	ErrOwnKey = errors.New("the key is the caller's own")
	// ErrLastKey is the store's: the account would have no enabled key without a policy.
	ErrLastKey = store.ErrLastKey
	// ErrKeyLimit means that the account has MaxAccountKeys.
	ErrKeyLimit = fmt.Errorf("the account has %d access keys", MaxAccountKeys)
	// ErrKeyForm means that the description or the policy of a key is not valid.
	ErrKeyForm = errors.New("not valid")
)

// KeyManager changes access keys for callers of the network. The command `poolhouse keys` works with
// AccessKeys: whoever runs it owns the database.
//
// A key outlives the session that makes it, and no session policy or boundary holds for it. So only a
// caller that may do everything in its account may make or enable one, or take a key without a policy
// out of use: no other can tell whether the key may do more than itself.
type KeyManager struct {
	Keys       *AccessKeys
	Authorizer *Authorizer
}

// Create makes a key in the caller's account, with a policy.
// Errors: ErrBounded, ErrRootKey, ErrKeyLimit, ErrKeyForm.
func (m *KeyManager) Create(ctx context.Context, c Caller, n NewAccessKey) (AccessKey, string, error) {
	if n.Policy == "" {
		return AccessKey{}, "", ErrRootKey
	}
	if err := m.unbounded(ctx, c); err != nil {
		return AccessKey{}, "", err
	}

	n.Account = c.Account
	if err := n.check(); err != nil {
		return AccessKey{}, "", fmt.Errorf("%w: %w", ErrKeyForm, err)
	}

	secret := newSecret()
	row, err := m.Keys.row(newAccessKeyID(), secret, n)
	if err != nil {
		return AccessKey{}, "", err
	}
	err = m.Keys.store.CreateAccessKeyWithin(ctx, row, MaxAccountKeys)
	if errors.Is(err, store.ErrLimit) {
		return AccessKey{}, "", ErrKeyLimit
	} else if err != nil {
		return AccessKey{}, "", m.Keys.storeError(row.ID, err)
	}
	m.Keys.created(ctx, row)

	return fromRow(row), secret, nil
}

// SetDisabled disables or enables a key of the caller's account. own says that the caller knows that
// the key is its own. Errors: ErrNotFound, ErrBounded, ErrOwnKey, ErrLastKey.
func (m *KeyManager) SetDisabled(ctx context.Context, c Caller, id string, disabled, own bool) error {
	if err := m.mayChange(ctx, c, id, !disabled, own); err != nil {
		return err
	}

	defer m.Keys.cache.forget(id)

	if err := m.Keys.store.SetAccessKeyDisabledOf(ctx, c.Account, id, disabled); err != nil {
		return m.Keys.storeError(id, err)
	}
	m.Keys.logger.InfoContext(ctx, "access key changed", "access_key", id, "disabled", disabled, "by", c.ARN)

	return nil
}

// Delete removes a key of the caller's account. own says that the caller knows that the key is its
// own. Errors: ErrNotFound, ErrBounded, ErrOwnKey, ErrLastKey.
func (m *KeyManager) Delete(ctx context.Context, c Caller, id string, own bool) error {
	if err := m.mayChange(ctx, c, id, false, own); err != nil {
		return err
	}

	defer m.Keys.cache.forget(id)

	if err := m.Keys.store.DeleteAccessKeyOf(ctx, c.Account, id); err != nil {
		return m.Keys.storeError(id, err)
	}
	m.Keys.logger.InfoContext(ctx, "access key deleted", "access_key", id, "by", c.ARN)

	return nil
}

// mayChange decides whether the caller may change a key of its account.
func (m *KeyManager) mayChange(ctx context.Context, c Caller, id string, enables, own bool) error {
	if !isAccessKeyID(id) {
		return fmt.Errorf("access key: %w", ErrNotFound)
	}
	row, err := m.Keys.store.AccessKey(ctx, id)
	if err == nil && row.Account != c.Account {
		err = store.ErrNotFound
	}
	if err != nil {
		return m.Keys.storeError(ShownKeyID(id), err)
	}

	if row.Policy == "" || enables {
		if err := m.unbounded(ctx, c); err != nil {
			return err
		}
	}
	if c.UsesKey(id) && !enables && !own {
		return ErrOwnKey
	}

	return nil
}

// unbounded returns ErrBounded unless the caller may do everything in its account.
func (m *KeyManager) unbounded(ctx context.Context, c Caller) error {
	all, err := m.Authorizer.Unbounded(ctx, c)
	if err == nil && !all {
		err = ErrBounded
	}
	return err
}

// Unbounded reports whether c may do everything in its account, whatever the request: it is the
// account's root, or its policies allow all without condition, and nothing else bounds it. Temporary
// credentials of an access key are always bounded: AWS does not let them call the IAM API.
func (a *Authorizer) Unbounded(ctx context.Context, c Caller) (bool, error) {
	if c.kind == nobody || c.limited || len(c.policies) > 0 || c.guest {
		return false, nil
	}
	if c.kind == accountRoot {
		return true, nil
	}

	b, err := a.boundsOf(ctx, c, Access{})
	if errors.Is(err, ErrDenied) { // the role of the session is gone
		return false, nil
	} else if err != nil {
		return false, err
	}

	all := false
	for _, document := range b.identity {
		if document.Denies() {
			return false, nil
		}
		all = all || document.Everything()
	}

	return all && b.boundary == nil && len(b.session) == 0, nil
}

// UsesKey reports whether c signs with a long-lived key, or with temporary credentials of it.
func (c Caller) UsesKey(id string) bool { return id != "" && c.keyID == id }
