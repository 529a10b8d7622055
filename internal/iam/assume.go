package iam

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// Principal returns the names under which trust policies can name the caller.
func (c Caller) Principal() policy.Principal {
	arn := cmp.Or(c.stored, c.ARN)
	switch c.kind {
	case nobody:
		return policy.Principal{}
	case roleSession:
		return policy.Principal{AWS: []string{arn, c.roleARN.String(), c.roleID}}
	case boundedUser:
		return policy.Principal{AWS: []string{arn, c.UserID}}
	default:
		return policy.Principal{AWS: []string{arn}}
	}
}

// Nobody reports whether c is the zero Caller.
func (c Caller) Nobody() bool { return c.kind == nobody }

// AssumedRole reports whether c is the session of a role.
func (c Caller) AssumedRole() bool { return c.kind == roleSession }

// Root reports whether c is an account's root.
func (c Caller) Root() bool { return c.kind == accountRoot }

// IsTemporary reports whether c holds temporary credentials of an access key, from
// GetSessionToken or GetFederationToken.
func (c Caller) IsTemporary() bool { return c.limited }

// TransitiveTags returns the tags that c passes on to sessions that it starts.
func (c Caller) TransitiveTags() map[string]string { return maps.Clone(c.transitive) }

// SourceIdentity returns the source identity of a session; "" if it has none.
func (c Caller) SourceIdentity() string {
	if v := c.conditions["aws:sourceidentity"]; len(v) == 1 {
		return v[0]
	}
	return ""
}

// Temporary returns c as the holder of temporary credentials that GetSessionToken
// issued. They may do what the access key may do, except the IAM API and most of STS
// (STS API reference, GetSessionToken, without multi-factor authentication).
func (c Caller) Temporary(accessKeyID string, issued time.Time) Caller {
	c.conditions = maps.Clone(c.conditions)
	if c.conditions == nil {
		c.conditions = policy.Keys{}
	}
	c.conditions.Set("aws:TokenIssueTime", issued.UTC().Format(time.RFC3339))
	c.AccessKeyID, c.limited = accessKeyID, true

	return c
}

// limitedMay reports whether c, temporary credentials of an access key, may do action.
func (c Caller) limitedMay(action string) bool {
	service, operation, _ := strings.Cut(strings.ToLower(action), ":")
	switch {
	case service == "iam":
		return false
	case service == "sts" && c.kind == federatedUser:
		return operation == "getcalleridentity"
	case service == "sts":
		return operation == "assumerole" || operation == "tagsession" || operation == "setsourceidentity" ||
			operation == "getcalleridentity"
	}

	return true
}

const allowEverything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

var everything = mustParse(allowEverything)

// Conditions returns the caller's condition keys. They are shared: do not change them.
func (c Caller) Conditions() policy.Keys { return c.conditions }

// AuthorizeTrusted decides whether c may have access, such as sts:AssumeRole, to a
// role whose trust policy allows it (IAM User Guide, "Policy evaluation logic"). If
// the trust policy names the caller itself, and the role is in the caller's account,
// that is enough; otherwise the caller's own policies must allow the access, too. An
// explicit Deny, a permissions boundary and session policies apply in any case. It
// returns the errors of Authorize.
func (a *Authorizer) AuthorizeTrusted(ctx context.Context, c Caller, access Access, role Role, namesCaller bool) error {
	says := trustsAccount
	if namesCaller && role.Account == c.Account {
		says = trustsCaller
	}
	access.Resource = role.ARN.String()
	return a.authorize(ctx, c, access, says)
}

// ManagedPolicyDocument returns the current document of the managed policy with that
// ARN, in any partition. The error wraps ErrNotFound if there is none.
func (d *Directory) ManagedPolicyDocument(ctx context.Context, arn string) (string, error) {
	arn = d.ToStored(arn)
	if _, aws := d.awsManagedPolicy(arn); !aws && d.store == nil {
		return "", fmt.Errorf("policy %s: %w", arn, ErrNotFound)
	}

	p, _, err := d.PolicyNamed(ctx, accountOfARN(arn), arn)
	if err != nil {
		return "", err
	}
	v, ok := p.Version(p.Default)
	if !ok {
		return "", fmt.Errorf("policy %s has no version %d", arn, p.Default)
	}

	return v.Document, nil
}
