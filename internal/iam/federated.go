package iam

import (
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// maxFederatedName is the longest name of a federated user (STS API reference,
// GetFederationToken).
const maxFederatedName = 32

// IsFederatedName reports whether GetFederationToken accepts a name: 2 to 32 letters,
// digits and +=,.@_-.
func IsFederatedName(name string) bool { return len(name) <= maxFederatedName && IsSessionName(name) }

// FederatedUserARN returns the ARN of an account's federated user.
func FederatedUserARN(partition string, account identitypool.AccountID, name string) string {
	return "arn:" + partition + ":sts::" + string(account) + ":federated-user/" + name
}

// FederatedUserID returns the UserId of an account's federated user.
func FederatedUserID(account identitypool.AccountID, name string) string {
	return string(account) + ":" + name
}

// FederatedUser describes temporary credentials that GetFederationToken issued.
type FederatedUser struct {
	AccessKeyID string            // of the credentials
	Name        string            // chosen by the owner of the access key
	Policies    []string          // session policies, JSON documents; none = nothing is allowed
	Tags        map[string]string // aws:PrincipalTag
	Issued      time.Time
}

// Federated returns the federated user that c, an access key, made. It may do what both
// the key and at least one session policy allow, but nothing of the IAM API, and of STS
// only GetCallerIdentity (STS API reference, GetFederationToken). For other callers it
// returns the zero Caller.
func (c Caller) Federated(u FederatedUser) Caller {
	if c.kind != accountRoot && c.kind != boundedUser || c.limited {
		return Caller{}
	}

	f := Caller{
		Account:     c.Account,
		ARN:         FederatedUserARN(identitypool.PartitionOf(c.ARN), c.Account, u.Name),
		UserID:      FederatedUserID(c.Account, u.Name),
		AccessKeyID: u.AccessKeyID,
		kind:        federatedUser,
		document:    c.document,
		keyID:       c.keyID,
		policies:    u.Policies,
		limited:     true,
		conditions:  policy.Keys{},
	}
	if c.kind == accountRoot {
		f.document = everything
	}

	for key, value := range u.Tags {
		f.conditions.Set("aws:PrincipalTag/"+key, value)
	}
	f.conditions.Set("aws:PrincipalArn", f.ARN)
	f.conditions.Set("aws:PrincipalType", "FederatedUser")
	f.conditions.Set("aws:TokenIssueTime", u.Issued.UTC().Format(time.RFC3339))
	f.setCommon()

	return f
}

// ofAccessKey reports whether the policies of an access key bound c: it is the key's
// user, or a federated user that the key made.
func (c Caller) ofAccessKey() bool { return c.kind == boundedUser || c.kind == federatedUser }
