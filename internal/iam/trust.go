package iam

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Trust policies: what may be written, and which of the stored ones count.

// PolicyFault says why a policy document is refused, in IAM's text.
type PolicyFault = policy.Fault

// TrustPolicy describes a trust policy that may be written.
type TrustPolicy struct {
	// AsksForAMR is false when guests of a pool can take the role through the
	// classic flow.
	AsksForAMR bool
	// Principals are the AWS principals that it names: ARNs, unique IDs, and
	// numbers of accounts.
	Principals []string
	// ARNs are all principals that it names by ARNs, providers and accounts, too.
	ARNs []string
}

// CheckTrustPolicy refuses what cannot be a role's trust policy, and what would
// let strangers assume it: the Cognito principal without whole pools, a shared
// issuer without its customer, and actions other than those that assume roles.
// Its errors are *policy.ParseError and *PolicyFault.
func CheckTrustPolicy(text string) (TrustPolicy, error) {
	d, err := policy.Parse([]byte(text))
	if err != nil {
		return TrustPolicy{}, err
	}
	if err := d.CheckTrust(); err != nil {
		return TrustPolicy{}, err
	}
	return TrustPolicy{
		AsksForAMR: policy.CognitoTrustNamesAMR(d),
		Principals: d.AWSPrincipals(),
		ARNs:       d.PrincipalARNs(),
	}, nil
}

// readTrust returns a stored trust policy, or the fault for which it opens nothing
// any more: policies that were written under older rules must meet those of today.
func readTrust(text string) (*policy.Document, *PolicyFault) {
	d, err := policy.Parse([]byte(text))
	if err == nil {
		err = d.CheckTrust()
	}
	if err == nil {
		return d, nil
	}

	if fault, ok := errors.AsType[*PolicyFault](err); ok {
		return nil, fault
	}
	return nil, &PolicyFault{
		Where:    "the document",
		Text:     "the document: " + err.Error(),
		Expected: "a policy that this server can evaluate",
		Got:      err.Error(),
		Fix:      "write the trust policy anew with UpdateAssumeRolePolicy",
	}
}

// Principals lists the AWS principals of a trust policy that were not found.
type Principals struct {
	Missing []string // roles, and sessions of roles, that an account of this server does not have
	Unknown []string // users that no access key can be, and principals of accounts that this server does not have
}

// AccountCheck reports whether this server has an account.
type AccountCheck func(context.Context, identitypool.AccountID) (bool, error)

// LookUp looks for principals as TrustPolicy names them, except for unique IDs.
func (d *Directory) LookUp(ctx context.Context, principals []string, isOurs AccountCheck) (Principals, error) {
	var found Principals
	for _, principal := range principals {
		account, resource := principalParts(principal)
		if account == "" { // a unique ID
			continue
		}

		ours, err := isOurs(ctx, account)
		if err != nil {
			return Principals{}, err
		}
		if !ours {
			found.Unknown = append(found.Unknown, principal)
			continue
		}

		kind, name, _ := strings.Cut(resource, "/")
		switch {
		case kind == "role":
			_, err = d.RoleID(ctx, principal)
		case kind == "assumed-role":
			err = d.hasSessionOf(ctx, account, principal, name)
		case kind == "federated-user", kind == "user" && !strings.HasPrefix(name, keyUserPath):
			found.Unknown = append(found.Unknown, principal)
		}

		if errors.Is(err, ErrNotFound) {
			found.Missing = append(found.Missing, principal)
		} else if err != nil {
			return Principals{}, err
		}
	}

	return found, nil
}

// principalParts returns the account of an AWS principal, and what follows it in
// an ARN; no account for a unique ID.
func principalParts(principal string) (account identitypool.AccountID, resource string) {
	if isAccount(principal) {
		return identitypool.AccountID(principal), ""
	}
	parts := strings.SplitN(principal, ":", 6)
	if len(parts) != 6 {
		return "", ""
	}
	return identitypool.AccountID(parts[4]), parts[5]
}

// hasSessionOf finds the role of ROLE/SESSION by its name, which is all that a
// session's ARN has of it. The error wraps ErrNotFound when there is none.
func (d *Directory) hasSessionOf(ctx context.Context, account identitypool.AccountID, arn, session string) error {
	name, _, _ := strings.Cut(session, "/")
	r, err := d.NamedRole(ctx, account, name)
	if err == nil && r.Name != name {
		return fmt.Errorf("%s: %w", arn, ErrNotFound)
	}
	return err
}

// IsSessionOf reports whether principal is the ARN of a session of the role of that
// ARN.
func IsSessionOf(principal, role string) bool {
	r, err := ParseRoleARN(role)
	if err != nil {
		return false
	}
	return strings.HasPrefix(identitypool.InPartition(principal, r.Partition), r.Session(""))
}

// OldTrust is a trust policy that was written before and would be refused today,
// or warned of.
type OldTrust struct {
	Role    string       // ARN
	Fault   *PolicyFault // it opens nothing any more; nil = it counts
	Missing []string     // principals that do not exist
}

// oldTrust looks at the trust policy of a role; ok is false when it would be taken
// today as it is.
func (d *Directory) oldTrust(ctx context.Context, r store.Role, isOurs AccountCheck) (
	old OldTrust, ok bool, err error,
) {
	trust, fault := readTrust(r.Trust)
	if fault != nil {
		return OldTrust{Role: d.RoleARN(r), Fault: fault}, true, nil
	}

	principals, err := d.LookUp(ctx, trust.AWSPrincipals(), isOurs)
	if err != nil || len(principals.Missing) == 0 {
		return OldTrust{}, false, err
	}
	return OldTrust{Role: d.RoleARN(r), Missing: principals.Missing}, true, nil
}
