package policy

import (
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// A role has one name per account, but two ARNs: one in the stored partition, which Request
// has, and one in that of the call's region, Request.Partition. The same holds for
// providers, policies and sessions. Policies may name them by either.
//
//   - A match that allows more (Resource and positive operators of an Allow,
//     NotResource and negated operators of a Deny) accepts only these two.
//   - A match that allows less (Resource and positive operators of a Deny, NotResource
//     and negated operators of an Allow) accepts the ARN in every partition.
//
// So a Deny never loses a match because of the partition, and an Allow gets only the
// name that is right in the call. Identity pools have only their region's partition.
// ARNs of other services are compared as they are.
//
// formsOf returns the other forms in which policies may name a request's value: those of
// every partition if anyPartition is true.
func formsOf(value, call string, anyPartition bool) []string {
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
	case anyPartition && (account || strings.HasPrefix(rest, ":cognito-identity:")):
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

// anyPartition reports whether a part of the statement matches ARNs in every partition.
// negated means that the statement applies if the part does not match.
func (s *Statement) anyPartition(negated bool) bool { return (s.Effect == Deny) != negated }

// holdsLocalARN reports whether the values of a condition key, in lower case, name resources
// of this server, so that formsOf has other forms of them.
func holdsLocalARN(key string) bool {
	switch key {
	case "aws:principalarn", "aws:federatedprovider", "iam:passedtoservice", "iam:policyarn", "iam:permissionsboundary",
		"iam:associatedresourcearn", "cognito-identity:identitypoolarn":
		return true
	}
	prefix, isAMR := strings.CutSuffix(key, ":amr")
	return isAMR && identitypool.IsServiceName(prefix)
}

// matchInPartitions is c.matches for all forms in which the policy may name a value.
func (c *condition) matchInPartitions(value string, sc *scope) truth {
	return sc.inForms(value, holdsLocalARN(c.key), c.anyPartition, c.variables, func(form string) truth {
		return c.matches(form, sc)
	})
}

// matchResource returns whether the statement names the request's resource.
func (s *Statement) matchResource(sc *scope) truth {
	return sc.inForms(sc.request.Resource, true, s.anyPartition(s.notResource), s.variables, func(form string) truth {
		return anyMatch(s.resources, form, sc)
	})
}

// inForms matches a value as it is and, if it names a resource of this server, in its
// other forms. It tries each with the stored values of variables, and with the other
// forms of those.
func (sc *scope) inForms(
	value string, local, anyPartition bool, variables []keyName, match func(form string) truth,
) truth {
	matched := sc.matchForms(value, local, anyPartition, match)
	named := func(v keyName) bool { return holdsLocalARN(v.key) }
	if matched == yes || !slices.ContainsFunc(variables, named) {
		return matched
	}

	tried := partitions
	if !anyPartition {
		tried = []string{sc.request.Partition}
	}

	for _, partition := range tried {
		sc.variablesIn = partition
		matched = max(matched, sc.matchForms(value, local, anyPartition, match))
	}
	sc.variablesIn = ""

	return matched
}

func (sc *scope) matchForms(value string, local, anyPartition bool, match func(form string) truth) truth {
	matched := match(value)
	if matched == yes || !local {
		return matched
	}

	for _, form := range formsOf(value, sc.request.Partition, anyPartition) {
		matched = max(matched, match(form))
	}

	return matched
}

// names reports whether a list of a Principal element has a principal, as it is or in a
// form of formsOf.
func names(list []string, principal, call string, anyPartition bool) bool {
	if principal == "" || len(list) == 0 {
		return false
	}

	isNamed := func(form string) bool { return slices.Contains(list, form) }
	return isNamed(principal) || slices.ContainsFunc(formsOf(principal, call, anyPartition), isNamed)
}
