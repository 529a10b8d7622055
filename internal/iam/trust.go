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

// Trust policies: which ones may be stored, and which of the stored ones count.

// PolicyFault is the reason for which a policy document is refused, in IAM's text.
type PolicyFault = policy.Fault

// TrustPolicy describes a trust policy that CheckTrustPolicy accepts.
type TrustPolicy struct {
	// AsksForAMR is false if guests of a pool can assume the role through the classic
	// flow.
	AsksForAMR bool
	// Principals are the AWS principals: ARNs, unique IDs, and account numbers.
	Principals []string
	// ARNs are the ARNs of all principals, also of providers and accounts.
	ARNs []string
}

// CheckTrustPolicy refuses a document that cannot be a role's trust policy, or that
// lets strangers assume the role: the Cognito principal without whole pools, a shared
// issuer without its customer, and actions that do not assume roles. Its errors are
// *policy.ParseError and *PolicyFault.
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

// readTrust returns a stored trust policy, or the fault for which it does not count:
// policies that were stored under older rules must meet today's.
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

// Principals has the AWS principals of a trust policy that were not found.
type Principals struct {
	Missing []string // roles, and sessions of roles, that an account of this server does not have
	Unknown []string // users that no access key can be, and principals of accounts that this server does not have
}

// AccountCheck reports whether this server has an account.
type AccountCheck func(context.Context, identitypool.AccountID) (bool, error)

// LookUp looks for principals of TrustPolicy.Principals. It skips unique IDs.
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
			arn, _ := ParseRoleARN(principal) // the zero ARN is not found
			_, err = d.RoleID(ctx, arn)
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

// principalParts returns the account of an AWS principal, and the part of its ARN
// after the account; no account for a unique ID.
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

// hasSessionOf looks for the role of ROLE/SESSION by its name; a session's ARN does
// not have the role's path. The error wraps ErrNotFound if there is none.
func (d *Directory) hasSessionOf(ctx context.Context, account identitypool.AccountID, arn, session string) error {
	name, _, _ := strings.Cut(session, "/")
	r, err := d.NamedRole(ctx, account, name)
	if err == nil && r.Name != name {
		return fmt.Errorf("%s: %w", arn, ErrNotFound)
	}
	return err
}

// IsSessionOf reports whether principal is the ARN of a session of role, which is an
// ARN, too.
func IsSessionOf(principal, role string) bool {
	r, err := ParseRoleARN(role)
	if err != nil {
		return false
	}
	return strings.HasPrefix(identitypool.InPartition(principal, r.Partition), r.Session(""))
}

// OldTrust is a stored trust policy that today's rules refuse or warn about.
type OldTrust struct {
	Role    string       // ARN
	Fault   *PolicyFault // the fault for which it does not count; nil = it counts
	Missing []string     // principals that do not exist
}

// oldTrust examines the trust policy of a role; ok is false if it meets today's rules.
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
