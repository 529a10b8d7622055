package assume

import (
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// roleFacts finds the condition keys of a request to assume a role that are made only when
// a policy asks for them.
type roleFacts struct {
	role   iam.Role
	caller iam.Caller // the zero Caller = the request is not signed
	client Client
	region string // of the request; "" = the default
	claims ClaimKeys
}

// ClaimKeys describes the condition keys of the federated provider that an Attempt does not
// have.
type ClaimKeys struct {
	Prefix string // in lower case, without the colon; "" = there is no provider
	// Lacks reports whether the token is known to have no claim of a name, in lower case;
	// nil = that is known of no name.
	Lacks func(name string) bool
}

// Err returns nil, because nothing is looked up.
func (f *roleFacts) Err() error { return nil }

// Condition implements iam.Facts, and is policy.Request.Later.
func (f *roleFacts) Condition(key string) (values []string, known bool) {
	for _, prefix := range []string{"aws:resourcetag/", "iam:resourcetag/"} {
		if name, ok := strings.CutPrefix(key, prefix); ok {
			return iam.TagValues(f.role.Tags, name)
		}
	}
	if name, ok := strings.CutPrefix(key, f.claims.Prefix+":"); ok && f.claims.Prefix != "" {
		return nil, f.claims.Lacks != nil && f.claims.Lacks(name)
	}

	switch key {
	case "aws:resourceaccount":
		return present(string(f.role.Account)), true
	case "aws:requestedregion":
		return present(f.region), true
	case "aws:useragent":
		return present(f.client.UserAgent), true
	case "aws:referer":
		return present(f.client.Referer), true
	case "aws:viaawsservice":
		return []string{"false"}, true
	}

	return nil, f.caller.Knows(key) || iam.STSAPI.Knows(key, RoleAction)
}

// present returns a value as a list, empty if the value is.
func present(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
