package apply

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// managedPolicies are those of the file.
type managedPolicies struct {
	coming  map[string]bool // ARNs of those that are still to be made
	denying map[string]bool // ARNs of those that deny something
}

// denies reports whether a policy document has a statement that denies.
func (d document) denies() bool { return strings.Contains(string(d), `"Effect":"Deny"`) }

// checkPolicies refuses managed policies that are not there, before anything is changed: without one
// the role would stay behind with half of its policies. A key that may not ask learns it later.
func (r *role) checkPolicies(ctx context.Context, a *applier, have *role) error {
	named := without(r.ManagedPolicyArns, have.ManagedPolicyArns)
	if r.PermissionsBoundary != "" && r.PermissionsBoundary != have.PermissionsBoundary {
		named = append(named, r.PermissionsBoundary)
	}

	for _, arn := range named {
		if a.policies.coming[arn] || strings.Contains(arn, knownAfterApply) {
			continue
		}
		there, err := found(a.iam(ctx, "GetPolicy", url.Values{"PolicyArn": {arn}}, nil))
		if refusedAs(err, "AccessDenied", "AccessDeniedException") {
			continue
		}
		if err == nil && !there {
			err = fmt.Errorf("the managed policy %s is not there", arn)
		}
		if err != nil {
			return err
		}
	}

	return nil
}

// policyCall is a call that changes a policy of a role.
type policyCall struct{ operation, key, value, document string }

// policyCalls bring the inline and the attached policies to what is wanted. What denies comes first
// and goes last, so that a failure in the middle leaves no more allowed than was or will be.
func (r *role) policyCalls(have *role, policies managedPolicies) (calls []policyCall) {
	var denials, others, weaker, gone, goneDenials []policyCall
	was, is := have.byName(), r.byName()
	for name, text := range sorted(is) {
		call := policyCall{"PutRolePolicy", "PolicyName", name, string(text)}
		switch {
		case was[name] == text:
		case text.denies():
			denials = append(denials, call)
		case was[name].denies():
			weaker = append(weaker, call)
		default:
			others = append(others, call)
		}
	}

	for name, text := range sorted(was) {
		call := policyCall{operation: "DeleteRolePolicy", key: "PolicyName", value: name}
		switch _, stays := is[name]; {
		case stays:
		case text.denies():
			goneDenials = append(goneDenials, call)
		default:
			gone = append(gone, call)
		}
	}

	attach := func(denying bool) (all []policyCall) {
		for _, arn := range without(r.ManagedPolicyArns, have.ManagedPolicyArns) {
			if policies.denying[arn] == denying {
				all = append(all, policyCall{operation: "AttachRolePolicy", key: "PolicyArn", value: arn})
			}
		}
		return all
	}

	var detach []policyCall

	for _, arn := range without(have.ManagedPolicyArns, r.ManagedPolicyArns) {
		detach = append(detach, policyCall{operation: "DetachRolePolicy", key: "PolicyArn", value: arn})
	}

	return slices.Concat(denials, attach(true), attach(false), others, gone, detach, weaker, goneDenials)
}

func (r *role) putPolicies(ctx context.Context, a *applier, have *role, on url.Values) error {
	for _, call := range r.policyCalls(have, a.policies) {
		in := with(on, call.key, call.value)
		if call.document != "" {
			in.Set("PolicyDocument", call.document)
		}
		if err := a.iam(ctx, call.operation, in, nil); err != nil {
			return err
		}
	}

	return nil
}
