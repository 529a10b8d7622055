package apply

import (
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/template"
)

// Types that become something else here.
const (
	// metadataType is only for AWS's own statistics.
	metadataType      = "AWS::CDK::Metadata"
	policyType        = "AWS::IAM::Policy"
	rolePolicyType    = "AWS::IAM::RolePolicy"
	managedPolicyType = "AWS::IAM::ManagedPolicy"
	roleType          = "AWS::IAM::Role"
	providerType      = "AWS::IAM::OIDCProvider"
	poolType          = "AWS::Cognito::IdentityPool"
	poolRolesType     = "AWS::Cognito::IdentityPoolRoleAttachment"
	principalTagsType = "AWS::Cognito::IdentityPoolPrincipalTag"
	samlProviderType  = "AWS::IAM::SAMLProvider"
	functionType      = "AWS::Lambda::Function"
	// customOIDCProvider is what CDK's OpenIdConnectProvider makes: a Lambda function that makes
	// the provider.
	customOIDCProvider = "Custom::AWSCDKOpenIdConnectProvider"
)

// sortOut decides for each resource whether it is made, becomes a part of another or is left out.
func (f *fileReader) sortOut() {
	needless := f.providerFunctions()
	for _, r := range f.Resources {
		_, known := types[r.Type]
		switch {
		case r.Condition != "", r.Type == "":
		case needless[r.Name] != "":
			f.leaveOut(r, needless[r.Name])
		case known:
			f.take(r, r.Type)
		case r.Type == customOIDCProvider:
			f.take(r, providerType)
			f.note("%s becomes an %s: no function makes it", r.Name, providerType)
		case r.Type == policyType, r.Type == rolePolicyType:
			f.policies = append(f.policies, r)
		case r.Type == metadataType:
			f.leaveOut(r, "it is for AWS's statistics")
		case f.options.IgnoreUnknown:
			f.leaveOut(r, absence(r.Type))
		default:
			f.refuseType(r)
		}
	}

	if f.options.IgnoreUnknown {
		f.findServiceRoles()
	}
}

// absence tells why there is no resource of a type.
func absence(typeName string) string {
	if isUserPool(typeName) {
		return "Poolhouse has no user pools yet"
	}
	return "Poolhouse has no resource of this type"
}

// refuseType refuses a type by its name.
func (f *fileReader) refuseType(r *template.Resource) {
	f.refused[r.Name] = true

	names := append(typeNames(), policyType, rolePolicyType)
	what := "type of " + r.Name
	near := explain.Nearest(r.Type, names)
	switch {
	case isUserPool(r.Type):
		f.fault(r.Line, "unknown %s %q: %s; --ignore-unknown leaves it out, with what pools take from it",
			what, r.Type, absence(r.Type))
	case near == "" && strings.Count(r.Type, "::") > 0:
		f.fault(r.Line, "unknown %s %q: %s; --ignore-unknown leaves it out", what, r.Type, absence(r.Type))
	default:
		f.unknown(r.Line, what, r.Type, names)
	}
}

// users returns the names of the resources that mention each resource.
func (f *fileReader) users() map[string][]*template.Resource {
	all := map[string][]*template.Resource{}
	for _, r := range f.Resources {
		for name := range f.Mentions(r) {
			if name != r.Name {
				all[name] = append(all[name], r)
			}
		}
	}

	return all
}

// providerFunctions finds the functions that make OpenID Connect providers for CDK, and the roles
// of these functions, if nothing else needs them.
func (f *fileReader) providerFunctions() map[string]string {
	users := f.users()
	needless := map[string]string{}
	onlyFor := func(r *template.Resource, typeName string, is func(*template.Resource) bool) {
		by := users[r.Name]
		if r.Type != typeName || len(by) == 0 || !every(by, is) {
			return
		}
		needless[r.Name] = "only " + by[0].Name + " needs it, and Poolhouse makes that itself"
	}

	for _, r := range f.Resources {
		onlyFor(r, functionType, func(by *template.Resource) bool { return by.Type == customOIDCProvider })
	}

	functions := maps.Clone(needless)
	for _, r := range f.Resources {
		onlyFor(r, roleType, func(by *template.Resource) bool { return functions[by.Name] != "" })
	}

	return needless
}

func every(list []*template.Resource, is func(*template.Resource) bool) bool {
	return !slices.ContainsFunc(list, func(r *template.Resource) bool { return !is(r) })
}

// findServiceRoles finds roles that only resources need which are left out.
func (f *fileReader) findServiceRoles() {
	users := f.users()
	for _, r := range f.Resources {
		by := slices.DeleteFunc(slices.Clone(users[r.Name]), func(u *template.Resource) bool {
			return u.Type == policyType || u.Type == rolePolicyType || u.Type == managedPolicyType
		})
		isLeft := func(u *template.Resource) bool { _, left := f.left[u.Name]; return left }
		if f.byName[r.Name] != nil && r.Type == roleType && len(by) > 0 && every(by, isLeft) {
			f.onlyFor[r.Name] = by[0].Name
		}
	}
}

// trustsServices reports whether only AWS's services may assume a role, which they do at AWS only.
func trustsServices(properties map[string]any) bool {
	trust, _ := properties["AssumeRolePolicyDocument"].(map[string]any)
	statements, isList := trust["Statement"].([]any)
	if !isList {
		statements = []any{trust["Statement"]}
	}

	return !slices.ContainsFunc(statements, func(one any) bool {
		statement, _ := one.(map[string]any)
		who, _ := statement["Principal"].(map[string]any)
		return len(who) != 1 || who["Service"] == nil
	})
}

// oidcProperties turns the properties of CDK's resource into those of a provider.
func oidcProperties(given map[string]any) map[string]any {
	out := map[string]any{}
	for key, v := range given {
		switch key {
		case "ServiceToken", "CodeHash", "RejectUnauthorized":
		case "ClientIDList":
			out["ClientIdList"] = v
		default:
			out[key] = v
		}
	}

	return out
}

// skippedIn returns what a value refers to and is left out.
func (f *fileReader) skippedIn(v any) (found Skipped, is bool) {
	eachPart(v, func(_ *Reference, resource, _ string) {
		if s, left := f.left[resource]; left && !is {
			found, is = s, true
		}
	})

	return found, is
}

// withoutSkipped drops what a resource takes from user pools that are left out. It returns false if
// nothing of the resource remains.
func (f *fileReader) withoutSkipped(r *Resource, given map[string]any) bool {
	fromUserPool := func(v any) (Skipped, bool) {
		s, is := f.skippedIn(v)
		return s, is && isUserPool(s.Type)
	}

	switch r.Type {
	case poolType:
		list, _ := given["CognitoIdentityProviders"].([]any)
		var kept []any
		for _, one := range list {
			if s, is := fromUserPool(one); is {
				f.note("%s has no login by %s, an %s that is left out", r.Name, s.Name, s.Type)
				continue
			}
			kept = append(kept, one)
		}
		if len(kept) < len(list) {
			given["CognitoIdentityProviders"] = kept
		}
	case poolRolesType:
		mappings, _ := given["RoleMappings"].(map[string]any)

		for key, one := range sorted(mappings) {
			// With another provider, or for a pool of another file, what needs something that is left
			// out is an error: without the mapping, logins would get the pool's default role.
			mapping, _ := one.(map[string]any)
			_, ours := given["IdentityPoolId"].(*Reference)
			if s, is := fromUserPool(mapping["IdentityProvider"]); is && ours {
				f.note("%s has no role mapping %s: it is for %s, an %s that is left out", r.Name, key, s.Name, s.Type)
				delete(mappings, key)
			}
		}
	case principalTagsType:
		if s, is := fromUserPool(given["IdentityProviderName"]); is {
			f.leaveOut(f.Resource(r.Name), "it is for "+s.Name+", an "+s.Type+" that is left out")
			return false
		}
	}

	return true
}
