package store

import (
	"errors"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// The rows of a dump: what a line holds, and how it becomes a row of the database.

type dumpPool struct {
	ID       string     `json:"id"`
	Account  string     `json:"account"`
	Region   string     `json:"region"`
	Settings storedPool `json:"settings"`
	Version  int64      `json:"version"`
	Created  int64      `json:"created"`
	Updated  int64      `json:"updated"`

	OwnedSince int64 `json:"ownedSince,omitzero"` // a number of the order of ownership
}

func dumpedPool(p storedPool) *dumpPool {
	return &dumpPool{
		ID:         string(p.ID),
		Account:    string(p.Account),
		Region:     p.Region,
		Settings:   p,
		Version:    p.Version,
		Created:    millis(p.Created),
		Updated:    millis(p.Updated),
		OwnedSince: int64(p.OwnedSince),
	}
}

type dumpIdentity struct {
	ID         string `json:"id"`
	Pool       string `json:"pool"`
	Disabled   bool   `json:"disabled,omitzero"`
	MergedTo   string `json:"mergedTo,omitzero"`
	EverLinked bool   `json:"everLinked,omitzero"`
	Created    int64  `json:"created"`
	Modified   int64  `json:"modified"`
}

type dumpLogin struct {
	Pool     string `json:"pool"`
	Identity string `json:"identity"`
	Kind     string `json:"kind"`
	Provider string `json:"provider"`
	Subject  []byte `json:"subject"` // any bytes
	Scope    string `json:"scope,omitzero"`
}

func (l *dumpLogin) login() identitypool.Login {
	return identitypool.Login{
		Kind:     identitypool.LoginKind(l.Kind),
		Provider: l.Provider,
		Subject:  string(l.Subject),
		Scope:    l.Scope,
	}
}

// dumpBinding is a samlBinding.
type dumpBinding struct {
	Provider string `json:"provider"`
	EntityID string `json:"entityId,omitzero"`
}

func (d *dumpBinding) insert(t *engine.Tx) error {
	if err := checkText("provider", d.Provider, maxProvider); err != nil {
		return err
	}
	return insertBinding(t, samlBinding{Provider: d.Provider, EntityID: d.EntityID})
}

type dumpAccessKey struct {
	ID           string `json:"id"`
	Account      string `json:"account"`
	SealedSecret []byte `json:"sealedSecret"`
	Disabled     bool   `json:"disabled,omitzero"`
	Description  string `json:"description,omitzero"`
	Policy       string `json:"policy,omitzero"`
	Created      int64  `json:"created"`
}

func dumpedAccessKey(k AccessKey) *dumpAccessKey {
	return &dumpAccessKey{
		ID:           k.ID,
		Account:      string(k.Account),
		SealedSecret: k.SealedSecret,
		Disabled:     k.Disabled,
		Description:  k.Description,
		Policy:       k.Policy,
		Created:      millis(k.Created),
	}
}

func (k *dumpAccessKey) accessKey() AccessKey {
	return AccessKey{
		ID:           k.ID,
		Account:      identitypool.AccountID(k.Account),
		SealedSecret: k.SealedSecret,
		Disabled:     k.Disabled,
		Description:  k.Description,
		Policy:       k.Policy,
		Created:      fromMillis(k.Created),
	}
}

type dumpKey struct {
	Purpose   string `json:"purpose"`
	ID        string `json:"id"`
	Algorithm string `json:"algorithm,omitzero"`
	Sealed    []byte `json:"sealed"`
	Public    []byte `json:"public"`
	Created   int64  `json:"created"`
	NotBefore int64  `json:"notBefore,omitzero"`
	NotAfter  int64  `json:"notAfter,omitzero"`
	Withdrawn int64  `json:"withdrawn,omitzero"`
}

func dumpedKey(k Key) *dumpKey {
	return &dumpKey{
		Purpose:   k.Purpose,
		ID:        k.ID,
		Algorithm: k.Algorithm,
		Sealed:    k.Sealed,
		Public:    k.Public,
		Created:   millis(k.Created),
		NotBefore: millis(k.NotBefore),
		NotAfter:  millis(k.NotAfter),
		Withdrawn: millis(k.Withdrawn),
	}
}

func (k *dumpKey) key() Key {
	return Key{
		Purpose:   k.Purpose,
		ID:        k.ID,
		Algorithm: k.Algorithm,
		Sealed:    k.Sealed,
		Public:    k.Public,
		Created:   fromMillis(k.Created),
		NotBefore: fromMillis(k.NotBefore),
		NotAfter:  fromMillis(k.NotAfter),
		Withdrawn: fromMillis(k.Withdrawn),
	}
}

type dumpSignOut struct {
	Kind      string `json:"kind"`
	Account   string `json:"account,omitzero"` // "" = all
	Provider  string `json:"provider"`
	Value     []byte `json:"value"` // any bytes
	NotBefore int64  `json:"notBefore,omitzero"`
	Expires   int64  `json:"expires"`
}

func dumpedSignOut(m SignOut) *dumpSignOut {
	return &dumpSignOut{
		Kind:      string(m.Kind),
		Account:   string(m.Account),
		Provider:  m.Provider,
		Value:     []byte(m.Value),
		NotBefore: millis(m.NotBefore),
		Expires:   millis(m.Expires),
	}
}

func (m *dumpSignOut) signOut() SignOut {
	return SignOut{
		Kind:      SignOutKind(m.Kind),
		Account:   identitypool.AccountID(m.Account),
		Provider:  m.Provider,
		Value:     string(m.Value),
		NotBefore: fromMillis(m.NotBefore),
		Expires:   fromMillis(m.Expires),
	}
}

type dumpRevoked struct {
	Kind      string `json:"kind"`
	Account   string `json:"account"`
	Value     string `json:"value"`
	NotBefore int64  `json:"notBefore"`
	Expires   int64  `json:"expires"`
}

func dumpedRevoked(m Revocation) *dumpRevoked {
	return &dumpRevoked{
		Kind:      string(m.Kind),
		Account:   string(m.Account),
		Value:     m.Value,
		NotBefore: millis(m.NotBefore),
		Expires:   millis(m.Expires),
	}
}

func (m *dumpRevoked) revocation() Revocation {
	return Revocation{
		Kind:      RevocationKind(m.Kind),
		Account:   identitypool.AccountID(m.Account),
		Value:     m.Value,
		NotBefore: fromMillis(m.NotBefore),
		Expires:   fromMillis(m.Expires),
	}
}

// dumpIAM is a role, managed policy or provider; only one of its last four
// members is set.
type dumpIAM struct {
	Account      string         `json:"account"`
	Created      int64          `json:"created"`
	Role         *Role          `json:"role,omitzero"`
	Policy       *ManagedPolicy `json:"policy,omitzero"`
	OIDCProvider *OIDCProvider  `json:"oidcProvider,omitzero"`
	SAMLProvider *SAMLProvider  `json:"samlProvider,omitzero"`
}

func dumpedIAM(row resourceRow) (dumpLine, error) {
	i := &dumpIAM{Account: string(row.account), Created: row.createdMillis}
	var err error

	switch row.kind {
	case roleKind:
		i.Role, err = pointed(resourceOf[Role](row))
	case policyKind:
		i.Policy, err = pointed(resourceOf[ManagedPolicy](row))
	case oidcKind:
		i.OIDCProvider, err = pointed(resourceOf[OIDCProvider](row))
	case samlKind:
		i.SAMLProvider, err = pointed(resourceOf[SAMLProvider](row))
	default:
		err = fmt.Errorf("an IAM resource of the kind %q", row.kind)
	}

	return dumpLine{IAM: i}, err
}

func pointed[T any](v T, err error) (*T, error) { return &v, err }

// insert adds the resource to the database. The attachments follow from it.
func (i *dumpIAM) insert(t *engine.Tx) error {
	h := header{account: identitypool.AccountID(i.Account), created: fromMillis(i.Created)}
	switch {
	case i.Role != nil:
		return loadResource(t, *i.Role, h)
	case i.Policy != nil:
		return loadResource(t, *i.Policy, h)
	case i.OIDCProvider != nil:
		return loadResource(t, *i.OIDCProvider, h)
	case i.SAMLProvider != nil:
		return loadResource(t, *i.SAMLProvider, h)
	}

	return fmt.Errorf("%w: an IAM resource without content", errBadDump)
}

// dumpFormer is an ID that was deleted, or that is in a pool being removed.
type dumpFormer struct {
	Kind       string `json:"kind"`
	ID         string `json:"id"`
	Account    string `json:"account"`
	OwnedSince int64  `json:"ownedSince,omitzero"`
	Deleted    int64  `json:"deleted"`
}

func dumpedFormer(f formerID) *dumpFormer {
	return &dumpFormer{
		Kind:       string(f.kind),
		ID:         f.id,
		Account:    string(f.account),
		OwnedSince: int64(f.ownedSince),
		Deleted:    f.deleted,
	}
}

func (f *dumpFormer) insert(t *engine.Tx) error {
	if f.Kind != string(poolIDs) && f.Kind != string(identityIDs) {
		return fmt.Errorf("%w: a former ID of the kind %q", errBadDump, f.Kind)
	}
	if err := errors.Join(checkID("former ID", f.ID), checkID("account", f.Account)); err != nil {
		return err
	}
	_, err := t.Exec(`INSERT INTO former_ids (`+formerIDColumns+`) VALUES ($1, $2, $3, $4, $5)`,
		f.Kind, f.ID, f.Account, f.OwnedSince, f.Deleted)

	return err
}

// dumpTrust is a trust policy of the settings.
type dumpTrust struct {
	Role    string `json:"role"`
	SHA256  []byte `json:"sha256"`
	Written int64  `json:"written"`
}

func dumpedTrust(t settingsTrust) *dumpTrust {
	return &dumpTrust{Role: t.role, SHA256: t.sha256[:], Written: int64(t.written)}
}

func (d *dumpTrust) insert(t *engine.Tx) error {
	if err := checkText("role ARN", d.Role, maxARN); err != nil {
		return err
	}
	trust := settingsTrust{role: d.Role, written: identitypool.Sequence(d.Written)}
	if len(d.SHA256) != len(trust.sha256) {
		return fmt.Errorf("%w: a hash of %d bytes", errBadDump, len(d.SHA256))
	}
	copy(trust.sha256[:], d.SHA256)

	return insertSettingsTrust(t, trust)
}

func loadResource[T iamResource, P setter[T]](t *engine.Tx, v T, h header) error {
	P(&v).setHeader(h)
	row, err := rowOf(v)
	if err != nil {
		return err
	}
	return insertResource(t, row, v)
}
