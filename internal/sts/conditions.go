package sts

import (
	"context"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/saml"
)

// roleFacts answers for the condition keys of a request to assume a role that are
// made only when a policy asks for them.
type roleFacts struct {
	ctx    context.Context
	role   iam.Role
	caller iam.Caller // the zero Caller = the request is not signed
	region string     // of the request; "" = the default
	claims claimKeys
}

// claimKeys are the condition keys of the federated provider.
type claimKeys struct {
	prefix string // in lower case, without the colon; "" = there is no provider
	// lacks reports whether the token is known to say nothing under a name, in lower
	// case; nil = it is not known of any.
	lacks func(name string) bool
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
	if name, ok := strings.CutPrefix(key, f.claims.prefix+":"); ok && f.claims.prefix != "" {
		return nil, f.claims.lacks != nil && f.claims.lacks(name)
	}

	client := awsapi.RecordFrom(f.ctx).Client
	switch key {
	case "aws:resourceaccount":
		return present(string(f.role.Account)), true
	case "aws:requestedregion":
		return present(f.region), true
	case "aws:useragent":
		return present(client.UserAgent), true
	case "aws:referer":
		return present(client.Referer), true
	case "aws:viaawsservice":
		return []string{"false"}, true
	}

	return nil, f.caller.Knows(key) || iam.STSAPI.Knows(key, assumeRoleAction)
}

// present is a value that is absent when it is empty.
func present(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// tokenClaims are the condition keys of a provider's token. They are unknown where
// tokenConditions makes none of a claim that is there: one that is no text, number,
// truth value or short list of texts, and two whose names differ by case.
func tokenClaims(provider string, all map[string]any) claimKeys {
	lacks := func(name string) bool {
		for claim, value := range all {
			list, isList := value.([]any)
			empty := value == nil || isList && len(list) == 0
			if !empty && policy.FoldKey(claim) == name {
				return false
			}
		}
		return true
	}
	return claimKeys{prefix: policy.FoldKey(provider), lacks: lacks}
}

// onlyClaims are the condition keys of a provider whose tokens have no others.
func onlyClaims(provider string, names ...string) claimKeys {
	return claimKeys{
		prefix: policy.FoldKey(provider),
		lacks:  func(name string) bool { return slices.Contains(names, name) },
	}
}

// samlClaims are the condition keys of an assertion. An attribute with more values
// than samlConditions takes cannot be known.
func samlClaims(a *saml.Assertion) claimKeys {
	return claimKeys{prefix: "saml", lacks: func(name string) bool {
		for attribute, key := range iam.SAMLAttributes {
			if key == name {
				return len(a.Attributes[attribute]) == 0
			}
		}
		return slices.Contains([]string{"aud", "doc", "iss", "namequalifier", "sub", "sub_type"}, name)
	}}
}
