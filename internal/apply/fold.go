package apply

import (
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/template"
)

// CloudFormation has inline policies, and the roles that a managed policy is attached to, as
// resources and properties of their own. Here they are properties of the roles.

// rolePolicy is an AWS::IAM::Policy or AWS::IAM::RolePolicy.
type rolePolicy struct {
	PolicyName     string   `file:"required"`
	PolicyDocument document `file:"required"`
	Roles          []string
	RoleName       string
}

var rolePolicySchema = schemaOf(rolePolicy{})

func (f *fileReader) foldPolicies() {
	for _, from := range f.template.Resources {
		if !f.has(from.Name, fateFolded) {
			continue
		}
		given, ok := f.template.Properties(from).(map[string]any)
		if !ok {
			f.fault(from.Line, "%s: Properties must be a mapping", from.Name)
			continue
		}
		f.refuseUsers(from.Line, from.Name, given)

		checked, _ := f.check(from.Line, from.Name, rolePolicySchema, given).(map[string]any)
		targets, _ := checked["Roles"].([]any)
		if name := checked["RoleName"]; name != nil {
			targets = append(targets, name)
		}
		policy := map[string]any{"PolicyName": checked["PolicyName"], "PolicyDocument": checked["PolicyDocument"]}
		f.fold(from, targets, policy)
	}
}

// fold makes a policy a part of its roles.
func (f *fileReader) fold(from *template.Resource, targets []any, policy map[string]any) {
	if len(targets) == 0 {
		f.fault(from.Line, "%s is for no role: give Roles", from.Name)
	}

	allLeftOut := len(targets) > 0
	for _, target := range targets {
		r, leftOut := f.roleOf(from.Line, from.Name, target)
		allLeftOut = allLeftOut && leftOut
		if r == nil {
			continue
		}

		policies, _ := r.Properties["Policies"].([]any)
		if slices.ContainsFunc(policies, func(one any) bool {
			other, _ := one.(map[string]any)
			return show(other["PolicyName"]) == show(policy["PolicyName"])
		}) {
			f.fault(from.Line, "%s: the role %s has a policy %s already", from.Name, r.Name, show(policy["PolicyName"]))
		}
		r.Properties["Policies"] = append(policies, policy)
		o := f.outcomes[from.Name]
		o.roles = append(o.roles, r.Name)
		f.note("%s is an inline policy of the role %s", from.Name, r.Name)
	}

	if allLeftOut {
		f.leaveOut(from, "its roles are left out")
	}
}

// attachPolicies attaches managed policies to the roles that they name.
func (f *fileReader) attachPolicies() {
	for policy := range f.allMade() {
		for _, target := range f.outcomes[policy.Name].attachTo {
			if r, _ := f.roleOf(policy.Line, policy.Name, target); r != nil {
				arns, _ := r.Properties["ManagedPolicyArns"].([]any)
				reference := &Reference{Line: policy.Line, Parts: []Part{{Resource: policy.Name, Attribute: "Ref"}}}
				r.Properties["ManagedPolicyArns"] = append(arns, reference)
			}
		}
	}
}

// refuseUsers refuses what IAM has for users and groups, and removes empty lists of them.
func (f *fileReader) refuseUsers(line int, name string, given map[string]any) {
	for _, key := range []string{"Users", "Groups"} {
		if list, isList := given[key].([]any); given[key] != nil && !isList || len(list) > 0 {
			f.fault(line, "%s.%s: Poolhouse has no users and groups", name, key)
		}
		delete(given, key)
	}
}

// roleOf finds the role of the file that a policy names. leftOut reports that it is left out.
func (f *fileReader) roleOf(line int, policy string, target any) (r *Resource, leftOut bool) {
	name, isText := target.(string)
	if ref, ok := target.(*Reference); ok && len(ref.Parts) == 1 && ref.Parts[0].Attribute == "Ref" {
		name = ref.Parts[0].Resource
		if r = f.made(name); r != nil && r.Type == roleType {
			return r, false
		}
		if f.leftOut(name) != nil {
			return nil, true
		}
	}

	if isText {
		for r := range f.allMade() {
			if r.Type == roleType && r.Properties["RoleName"] == name {
				return r, false
			}
		}
	}
	f.fault(line, "%s: %q is not a role of this file: only the file that has a role gives it policies", policy, name)

	return nil, false
}
