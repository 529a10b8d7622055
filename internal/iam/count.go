package iam

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Counts are the numbers of an account's resources, of the settings and of the store.
type Counts struct {
	Roles          int
	Policies       int // managed policies of the account
	PolicyVersions int // of those
	Providers      int // OpenID Connect and SAML
}

// countBatch is the number of resources that Count reads at a time.
const countBatch = 100

// Count counts an account's resources.
func (d *Directory) Count(ctx context.Context, account identitypool.AccountID) (Counts, error) {
	var n Counts
	for after, more := "", true; more; {
		roles, err := d.NamedRoles(ctx, account, "", after, countBatch)
		if err != nil {
			return n, err
		}
		n.Roles += len(roles)
		if more = len(roles) == countBatch; more {
			after = roles[len(roles)-1].Name
		}
	}

	for after, more := "", true; more; {
		policies, err := d.Policies(ctx, account, "", after, countBatch)
		if err != nil {
			return n, err
		}
		n.Policies += len(policies)

		for _, p := range policies {
			n.PolicyVersions += len(p.Versions)
		}

		if more = len(policies) == countBatch; more {
			after = policies[len(policies)-1].Name
		}
	}

	oidc, err := d.For("").OIDCProviders().List(ctx, account)
	if err != nil {
		return n, err
	}
	saml, err := d.For("").SAMLProviders().List(ctx, account)
	if err != nil {
		return n, err
	}
	n.Providers = len(oidc) + len(saml)

	return n, nil
}
