package assume

import (
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// roleFacts answers for the condition keys of a request to assume a role that are
// made only when a policy asks for them.
type roleFacts struct {
	role   iam.Role
	caller iam.Caller // the zero Caller = the request is not signed
	client Client
	region string // of the request; "" = the default
	claims ClaimKeys
}

// ClaimKeys are the condition keys of the federated provider that an Attempt does not
// have.
type ClaimKeys struct {
	Prefix string // in lower case, without the colon; "" = there is no provider
	// Lacks reports whether the token is known to say nothing under a name, in lower
	// case; nil = it is not known of any.
	Lacks func(name string) bool
}

// Err is nil: nothing is looked up.
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

// present is a value that is absent when it is empty.
func present(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
