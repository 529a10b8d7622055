package policy

import (
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// How ARNs match across partitions. A role, provider, policy or session is one per
// account and name, but its ARN may have two partitions: the stored one, which Request
// has, and that of the call's region, Request.Partition. Policies may name it by either.
//
//   - A match that allows more (Resource and positive operators of an Allow,
//     NotResource and negated operators of a Deny) accepts only these two.
//   - A match that allows less (Resource and positive operators of a Deny, NotResource
//     and negated operators of an Allow) accepts the ARN in every partition.
//
// So a Deny never loses a match because of the partition, and an Allow gets only the
// name that is right in the call. Identity pools have only their region's partition.
// ARNs of other services are compared as they are.

// formsOf returns the other forms in which policies may name a request's value: wide
// returns those of every partition.
func formsOf(value, call string, wide bool) []string {
	if identitypool.IsServiceName(value) && value != CognitoPrincipal {
		return []string{CognitoPrincipal} // a trust policy may name the pools of all regions by this name
	}
	have := identitypool.PartitionOf(value)
	if have == "" {
		return nil
	}

	rest := value[len("arn:")+len(have):]
	account := strings.HasPrefix(rest, ":iam:") || strings.HasPrefix(rest, ":sts:")
	switch {
	case wide && (account || strings.HasPrefix(rest, ":cognito-identity:")):
		forms := make([]string, 0, len(partitions))
		for _, p := range partitions {
			if p != have {
				forms = append(forms, "arn:"+p+rest)
			}
		}
		return forms
	case account && call != "" && call != have:
		return []string{"arn:" + call + rest}
	}

	return nil
}

// wide reports whether a part of the statement must match in every partition. negated
// means that the statement applies if the part does not match.
func (s *Statement) wide(negated bool) bool { return (s.Effect == Deny) != negated }

// isThingKey reports whether the values of a condition key, in lower case, name
// resources of this server, so that formsOf has other forms of them.
func isThingKey(key string) bool {
	switch key {
	case "aws:principalarn", "aws:federatedprovider", "iam:passedtoservice", "iam:policyarn", "iam:permissionsboundary",
		"iam:associatedresourcearn", "cognito-identity:identitypoolarn":
		return true
	}
	prefix, isAMR := strings.CutSuffix(key, ":amr")
	return isAMR && identitypool.IsServiceName(prefix)
}

// matchThing is c.matches for all forms in which the policy may name a value.
func (c *condition) matchThing(value string, sc *scope) truth {
	return sc.inForms(value, isThingKey(c.key), c.wide, c.variables, func(form string) truth {
		return c.matches(form, sc)
	})
}

// matchResource returns whether the statement names the request's resource.
func (s *Statement) matchResource(sc *scope) truth {
	return sc.inForms(sc.request.Resource, true, s.wide(s.notResource), s.variables, func(form string) truth {
		return anyMatch(s.resources, form, sc)
	})
}

// inForms matches a value as it is and, if it names a resource of this server, in its
// other forms. It tries each with the stored values of variables, and with the other
// forms of those.
func (sc *scope) inForms(
	value string, isThing, wide bool, variables []keyName, match func(form string) truth,
) truth {
	matched := sc.matchForms(value, isThing, wide, match)
	isName := func(v keyName) bool { return isThingKey(v.key) }
	if matched == yes || !slices.ContainsFunc(variables, isName) {
		return matched
	}

	forms := partitions
	if !wide {
		forms = []string{sc.request.Partition}
	}

	for _, sc.variablesIn = range forms {
		matched = max(matched, sc.matchForms(value, isThing, wide, match))
	}
	sc.variablesIn = ""

	return matched
}

func (sc *scope) matchForms(value string, isThing, wide bool, match func(form string) truth) truth {
	matched := match(value)
	if matched == yes || !isThing {
		return matched
	}

	for _, form := range formsOf(value, sc.request.Partition, wide) {
		matched = max(matched, match(form))
	}

	return matched
}

// names reports whether a list of a Principal element has a principal, as it is or in a
// form of formsOf.
func names(list []string, principal, call string, wide bool) bool {
	if principal == "" || len(list) == 0 {
		return false
	}
	if slices.Contains(list, principal) {
		return true
	}

	for _, form := range formsOf(principal, call, wide) {
		if slices.Contains(list, form) {
			return true
		}
	}

	return false
}
