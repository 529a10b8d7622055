package sts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// explainTrust records why a trust policy refused request and how to mend it, and
// returns the reason in one line. denied is the Deny statement, if one it was;
// fix says what to change.
func explainTrust(trace *explain.Trace, role iam.Role, request policy.Request, denied *policy.Statement, fix func(action string, m policy.Mismatch) string) string {
	check := "trust policy of " + role.ARN
	if denied != nil {
		return explainDeny(trace, check, role, request, denied)
	}

	m, ok := nearest(role.Trust.Mismatches(request))
	if !ok {
		trace.Fail(check, "a statement that allows "+request.Action, "no Allow statement", fix(request.Action, m))
		return "its trust policy has no Allow statement"
	}

	m = masked(m, slices.Contains(request.Values(policy.CognitoAMR), identitypool.Unauthenticated))
	expected, got := "a statement for "+principalName(request.Principal)+" that allows "+request.Action, m.String()
	if m.Element == "Condition" {
		expected = fmt.Sprintf("%s %s %s (%s)", m.Operator, m.Key, strings.Join(m.Wanted, " or "), m.Statement)
		got = "the request does not have that key"
		if len(m.Got) > 0 {
			got = strings.Join(m.Got, ", ")
		}
	}
	help := fix(request.Action, m)
	if m.Unknown != "" {
		got, help = m.Unknown+" cannot be evaluated here", unknownFix(m.Unknown)
	}
	trace.Fail(check, expected, got, help)
	return request.Action + " is not allowed: " + m.String()
}

// explainDeny is explainTrust for a Deny statement.
func explainDeny(
	trace *explain.Trace, check string, role iam.Role, request policy.Request, denied *policy.Statement,
) string {
	reason, fix := "an explicit Deny in "+denied.String(), "change or remove that statement of the trust policy"
	for _, u := range role.Trust.Unknown(request) {
		if u.Statement.Index == denied.Index {
			reason, fix = "an explicit Deny in "+u.String(), unknownFix(u.Key)
			break
		}
	}

	trace.Fail(check, "no Deny statement for "+request.Action, reason, fix)
	return reason
}

// unknownFix says what to do about a condition key that cannot be evaluated.
func unknownFix(key string) string {
	return "remove " + key + " from the trust policy, or have the identity provider give a value that the operator " +
		"can compare; docs/iam.md lists the keys that are known"
}

// nearest picks the statement that came closest to allowing.
func nearest(list []policy.Mismatch) (policy.Mismatch, bool) {
	rank := func(m policy.Mismatch) int {
		switch strings.TrimPrefix(m.Element, "Not") {
		case "Condition":
			return 2
		case "Action":
			return 1
		default:
			return 0
		}
	}
	var best policy.Mismatch
	for i, m := range list {
		if i == 0 || rank(m) > rank(best) {
			best = m
		}
	}
	return best, len(list) > 0
}

// principalName names who asks, in a trace.
func principalName(p policy.Principal) string {
	if len(p.AWS) > 0 {
		return p.AWS[0]
	}
	return p.Federated
}

// shownKeys are the condition keys that say nothing personal, or what whoever
// reads the trace knows anyway. Every other value is a claim about a person.
var shownKeys = []string{
	"aws:sourceip", "aws:securetransport", "aws:currenttime", "aws:epochtime", "aws:tagkeys", "aws:federatedprovider",
	"aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:userid", "aws:username",
	"sts:rolesessionname", "sts:transitivetagkeys", "saml:iss", "saml:aud", "saml:doc", "saml:sub_type",
	policy.CognitoSubject,
}

// masked hides the values of tags and of other claims about a person, and a
// guest's identity ID: whoever knows that is the guest. An external ID is a secret
// that the caller and the role's account share, so that even the policy's is hidden.
func masked(m policy.Mismatch, guest bool) policy.Mismatch {
	key := policy.ClassicKey(strings.ToLower(m.Key))
	if key == policy.ExternalID {
		m.Wanted = []string{"the trust policy's value"}
		if len(m.Got) > 0 {
			m.Got = []string{"another value"}
		}
		return m
	}

	_, name, _ := strings.Cut(key[strings.LastIndexByte(key, '/')+1:], ":")
	shown := slices.Contains(shownKeys, key) || !strings.HasPrefix(key, "aws:") && slices.Contains([]string{"aud", "oaud", "amr", "app_id"}, name)
	if guest && key == strings.ToLower(policy.CognitoSubject) {
		shown = false
	}
	if shown || len(m.Got) == 0 {
		return m
	}
	m.Got = []string{fmt.Sprintf("another value, of %d bytes", len(strings.Join(m.Got, "")))}
	return m
}

// fix says what to change, in plain words.
func fix(r Request, action string, m policy.Mismatch) string {
	pool := string(r.PoolID)
	if m.Element == "Condition" {
		switch key := policy.ClassicKey(strings.ToLower(m.Key)); {
		case key == strings.ToLower(policy.CognitoAudience):
			return "the role trusts another pool: add " + pool + " to this condition, or give the pool a role that trusts it"
		case key == strings.ToLower(policy.CognitoAMR) && r.Guest:
			return "the role is not for guests: give the pool another unauthenticated role, or add unauthenticated to this condition"
		case key == strings.ToLower(policy.CognitoAMR):
			return "the role is not for how this user signed in: choose another role, or add one of the request's amr values to this condition"
		case key == strings.ToLower(policy.CognitoSubject) && r.Guest:
			return "the role is for other identities: give the pool another unauthenticated role, or add the guest's identity ID to this condition"
		case key == strings.ToLower(policy.CognitoSubject):
			return "the role is for other identities: choose another role, or add " + string(r.IdentityID) + " to this condition"
		case strings.HasPrefix(key, "aws:requesttag/"), key == "aws:tagkeys":
			return "compare the pool's principal tag mapping with this condition of the trust policy"
		default:
			return "change this condition of the trust policy, or choose another role"
		}
	}
	if action == tagAction {
		return "the identity has principal tags, which need " + tagAction + " beside " + assumeAction +
			" in the Action of the trust policy's statement; or remove the pool's principal tag mapping"
	}
	service := identitypool.ServiceName(identitypool.RegionOf(pool))
	return `add to the trust policy: {"Effect": "Allow", "Principal": {"Federated": "` + service + `"}, "Action": "` + assumeAction +
		`", "Condition": {"StringEquals": {"` + service + `:aud": "` + pool + `"}}}`
}
