package iam

import (
	"errors"
	"fmt"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// RoleARN is the ARN of a role. ParseRoleARN and NewRoleARN make it; do not change its fields.
// The zero RoleARN is none.
type RoleARN struct {
	text string

	Partition string // aws, aws-cn, aws-us-gov, …
	Account   identitypool.AccountID
	Path      string // "/" or "/…/"
	Name      string
}

// Limits of a role's name and path (IAM API reference, roleNameType, pathType).
const (
	maxRoleName = 64
	maxRolePath = 512
)

// The functions below use no regular expressions: every signed call of a session
// parses an ARN.

func isPartition(s string) bool {
	rest, ok := strings.CutPrefix(s, "aws")
	return ok && (rest == "" || rest[0] == '-') &&
		only(rest, func(c byte) bool { return c == '-' || c >= 'a' && c <= 'z' })
}

func isAccount(s string) bool {
	return len(s) == 12 && only(s, func(c byte) bool { return c >= '0' && c <= '9' })
}

// isName reports whether s is at most longest characters that IAM allows in names.
func isName(s string, longest int) bool {
	return s != "" && len(s) <= longest && only(s, func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			strings.IndexByte("_+=,.@-", c) >= 0
	})
}

// IsSessionName reports whether s can name a role session (STS API reference,
// RoleSessionName: 2 to 64 characters).
func IsSessionName(s string) bool { return len(s) >= 2 && isName(s, 64) }

func isPath(s string) bool {
	return s == "/" || len(s) > 2 && len(s) <= maxRolePath && s[0] == '/' && s[len(s)-1] == '/' &&
		only(s, func(c byte) bool { return c > ' ' && c <= '~' })
}

func only(s string, allowed func(byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}

// ParseRoleARN reads arn:PARTITION:iam::ACCOUNT:role[/PATH]/NAME.
func ParseRoleARN(arn string) (RoleARN, error) {
	rest, isARN := strings.CutPrefix(arn, "arn:")
	partition, rest, _ := strings.Cut(rest, ":")
	rest, isIAM := strings.CutPrefix(rest, "iam::")
	owner, resource, complete := strings.Cut(rest, ":")
	if !isARN || !isIAM || !complete {
		return RoleARN{}, errors.New("is not an ARN of the form arn:PARTITION:iam::ACCOUNT:role/NAME")
	}

	r := RoleARN{text: arn, Partition: partition, Account: identitypool.AccountID(owner)}
	resource, ok := strings.CutPrefix(resource, "role/")
	if !ok {
		return RoleARN{}, errors.New("is not the ARN of a role: arn:PARTITION:iam::ACCOUNT:role/NAME")
	}
	whole := arn[len(arn)-len(resource)-1:] // with the slash after "role", which begins the path
	slash := strings.LastIndexByte(whole, '/') + 1
	r.Path, r.Name = whole[:slash], whole[slash:]

	switch {
	case !isPartition(r.Partition):
		return RoleARN{}, fmt.Errorf("has %q where the partition belongs (aws)", r.Partition)
	case !isAccount(owner):
		return RoleARN{}, fmt.Errorf("has %q where an account of 12 digits belongs", owner)
	case !isName(r.Name, maxRoleName):
		return RoleARN{}, fmt.Errorf("has the role name %q; names have 1 to 64 letters, digits and +=,.@_-", r.Name)
	case !isPath(r.Path):
		return RoleARN{}, fmt.Errorf(
			"has the path %q; paths have up to 512 printable characters between slashes", r.Path)
	}

	return r, nil
}

// NewRoleARN returns the ARN of a role. path is "/" or "/…/".
func NewRoleARN(partition string, account identitypool.AccountID, path, name string) RoleARN {
	return RoleARN{
		text:      "arn:" + partition + ":iam::" + string(account) + ":role" + path + name,
		Partition: partition,
		Account:   account,
		Path:      path,
		Name:      name,
	}
}

// String returns the ARN as text, "" for the zero RoleARN.
func (r RoleARN) String() string { return r.text }

// IsZero reports whether there is no role.
func (r RoleARN) IsZero() bool { return r.text == "" }

// In returns the ARN in a partition, or unchanged if that is "".
func (r RoleARN) In(partition string) RoleARN {
	if partition == "" || partition == r.Partition || r.IsZero() {
		return r
	}
	return NewRoleARN(partition, r.Account, r.Path, r.Name)
}

// Session returns the ARN of a session of the role. It has no path (IAM User Guide,
// "IAM identifiers").
func (r RoleARN) Session(name string) string {
	return "arn:" + r.Partition + ":sts::" + string(r.Account) + ":assumed-role/" + r.Name + "/" + name
}

// The last part of a provider's ARN begins with its kind.
const (
	oidcKind = "oidc-provider/"
	samlKind = "saml-provider/"
)

// OIDCProviderARN returns the ARN of the provider with issuer url. It has the URL's
// host and path as written, without the scheme.
func OIDCProviderARN(partition string, account identitypool.AccountID, url string) string {
	_, rest, _ := strings.Cut(url, "://")
	return "arn:" + partition + ":iam::" + string(account) + ":" + oidcKind + rest
}

// ResourceAccount returns the account of an ARN; "aws" for AWS's managed policies,
// "" if the ARN has no account.
func ResourceAccount(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return ""
	}
	return parts[4]
}

// accountOfARN returns the account of an ARN; "" if it has none, or if it belongs to
// AWS, whose managed policies every account can use.
func accountOfARN(arn string) identitypool.AccountID {
	account := ResourceAccount(arn)
	if account == "aws" {
		return ""
	}
	return identitypool.AccountID(account)
}
