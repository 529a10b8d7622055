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
	// customOIDCProvider is the type of CDK's OpenIdConnectProvider: a Lambda function makes the
	// provider.
	customOIDCProvider = "Custom::AWSCDKOpenIdConnectProvider"
)

// decide decides for each resource whether it is made, becomes a part of another or is left out.
func (f *fileReader) decide() {
	needless := f.providerFunctions()
	for _, r := range f.template.Resources {
		known := f.hasType(r.Type)
		switch {
		case r.Condition != "", r.Type == "":
		case needless[r.Name] != "":
			f.leaveOut(r, needless[r.Name])
		case known:
			f.make(r, r.Type)
		case r.Type == customOIDCProvider:
			f.make(r, providerType)
			f.note("%s becomes an %s: no function makes it", r.Name, providerType)
		case r.Type == policyType, r.Type == rolePolicyType:
			f.outcomes[r.Name] = &outcome{fate: fateFolded}
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
		return "this server has no user pools; the setting user_pools lists those that it trusts"
	}
	return "Poolhouse has no resource of this type"
}

// refuseType refuses a type by its name.
func (f *fileReader) refuseType(r *template.Resource) {
	f.outcomes[r.Name] = &outcome{fate: fateRefused}

	names := append(f.typeNames(), policyType, rolePolicyType)
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
	for _, r := range f.template.Resources {
		for name := range f.template.Mentions(r) {
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

	for _, r := range f.template.Resources {
		onlyFor(r, functionType, func(by *template.Resource) bool { return by.Type == customOIDCProvider })
	}

	functions := maps.Clone(needless)
	for _, r := range f.template.Resources {
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
	for _, r := range f.template.Resources {
		by := slices.DeleteFunc(slices.Clone(users[r.Name]), func(u *template.Resource) bool {
			return u.Type == policyType || u.Type == rolePolicyType || u.Type == managedPolicyType
		})
		isLeftOut := func(u *template.Resource) bool { return f.leftOut(u.Name) != nil }
		if f.made(r.Name) != nil && r.Type == roleType && len(by) > 0 && every(by, isLeftOut) {
			f.outcomes[r.Name].usedBy = by[0].Name
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

// skippedIn returns the first resource that a value refers to and that is left out, nil if there is none.
func (f *fileReader) skippedIn(v any) (found *Skipped) {
	eachPart(v, func(_ *Reference, resource, _ string) {
		if found == nil {
			found = f.leftOut(resource)
		}
	})

	return found
}

// skippedUserPool is skippedIn for what belongs to user pools.
func (f *fileReader) skippedUserPool(v any) *Skipped {
	if s := f.skippedIn(v); s != nil && isUserPool(s.Type) {
		return s
	}
	return nil
}
