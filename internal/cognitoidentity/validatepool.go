package cognitoidentity

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// ValidateIdentityPoolInput is the input of CreateIdentityPool, or of UpdateIdentityPool if it
// names a pool, with the inputs of SetIdentityPoolRoles and SetPrincipalTagAttributeMap that
// would follow. AWS has no such operation.
type ValidateIdentityPoolInput struct {
	IdentityPoolId *string
	CreateIdentityPoolInput
	Roles         map[string]string
	RoleMappings  map[string]RoleMapping
	PrincipalTags []TagMapDraft
}

// Validate hides that of CreateIdentityPoolInput: the operation answers what it would say.
func (in *ValidateIdentityPoolInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("identityPoolId", in.IdentityPoolId, &shapeIdentityPoolId, false)
	awsapi.Structures(&v, "principalTags", in.PrincipalTags, &awsapi.List{Max: maxTagMapDrafts}, false,
		func(*TagMapDraft, *awsapi.Validator) {})

	return v.Violations()
}

// PoolFault is one reason for which an operation would refuse the pool.
type PoolFault struct {
	Operation string // CreateIdentityPool, UpdateIdentityPool, SetIdentityPoolRoles or SetPrincipalTagAttributeMap
	// Field is the member of its input; "" = none of them. For SetPrincipalTagAttributeMap it begins with the place of
	// the draft, counted from 0: PrincipalTags[1].IdentityProviderName.
	Field   string
	Error   string // type; "" = the input breaks the API's model
	Message string // that the operation would answer if this were the only fault
	Why     *explain.Refusal
}

// PoolVerdict lists what the operations would refuse in a pool's settings, and what is probably a mistake.
type PoolVerdict struct {
	Faults []PoolFault // in the order of the checks
	// Refused has the first refusal of each operation that would refuse.
	Refused  []PoolFault
	Warnings []PoolWarning
}

// poolValidation is a PoolVerdict that is under way.
type poolValidation struct {
	*Service
	PoolVerdict
	caller    awsapi.Caller
	operation string
	pool      identitypool.Pool
	isNew     bool
	place     string // of the draft that is checked, such as PrincipalTags[1]; "" = none
}

// ValidateIdentityPool checks a pool as the operations that make and change it do, and reports
// all that they would refuse. It stores nothing, and takes no ID.
func (s *Service) ValidateIdentityPool(
	ctx context.Context, c awsapi.Caller, in *ValidateIdentityPoolInput,
) (*PoolVerdict, error) {
	v := &poolValidation{Service: s, caller: c, isNew: in.IdentityPoolId == nil}
	if !v.isNew {
		pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
		if err != nil {
			return nil, err
		}
		v.pool = pool
	}

	for _, step := range []func(context.Context, *ValidateIdentityPoolInput) error{
		v.checkPool, v.checkRoles, v.checkTags, v.warn,
	} {
		if err := step(ctx, in); err != nil {
			return nil, err
		}
	}

	return &v.PoolVerdict, nil
}

// checkPool checks the input of CreateIdentityPool or UpdateIdentityPool.
func (v *poolValidation) checkPool(ctx context.Context, in *ValidateIdentityPoolInput) error {
	config := configurationOf(&in.CreateIdentityPoolInput)
	config.IdentityPoolId = in.IdentityPoolId

	var found []awsapi.Violation
	v.operation = "UpdateIdentityPool"
	if v.isNew {
		v.operation = "CreateIdentityPool"
		found = in.CreateIdentityPoolInput.Validate()
	} else {
		found = config.Validate()
	}
	bad := v.addViolations(found)

	config = config.without(bad)
	if v.isNew {
		fresh := in.CreateIdentityPoolInput
		fresh.IdentityPoolTags = config.IdentityPoolTags

		var err error
		v.pool, err = v.newPool(v.caller, &fresh)
		if err := v.add("", err); err != nil {
			return err
		}
		if err != nil {
			v.pool.Account, v.pool.Region = identitypool.AccountID(v.caller.Account), v.caller.Region
		}
	}

	f := faults{all: true}
	v.configureAll(&v.pool, config, false, &f)

	for _, err := range f.list {
		if err := v.add("", err); err != nil {
			return err
		}
	}
	if v.isNew {
		return v.checkRoom(ctx)
	}

	return nil
}

// checkRoom refuses a new pool for which the account has no room, or whose chosen ID is taken.
func (v *poolValidation) checkRoom(ctx context.Context) error {
	account := identitypool.AccountID(v.caller.Account)
	full, err := v.Store.HasPools(ctx, account, v.caller.Region, v.Limits.Pools)
	if err != nil {
		return err
	}
	if full {
		return v.add("", v.poolLimitError(v.caller.Region))
	}

	_, err = v.Store.SharedPool(ctx, v.pool.ID)
	if err == nil {
		return v.add("IdentityPoolTags", poolConflict(v.pool.ID))
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}

	return nil
}

// checkRoles checks the input of SetIdentityPoolRoles, if there is any.
func (v *poolValidation) checkRoles(ctx context.Context, in *ValidateIdentityPoolInput) error {
	if in.Roles == nil && in.RoleMappings == nil {
		return nil
	}

	v.operation = "SetIdentityPoolRoles"
	roles := &SetIdentityPoolRolesInput{
		IdentityPoolId: new(string(v.pool.ID)),
		Roles:          in.Roles,
		RoleMappings:   in.RoleMappings,
	}
	bad := v.addViolations(roles.Validate())
	if bad["Roles"] {
		roles.Roles = nil
	}
	if bad["RoleMappings"] {
		roles.RoleMappings = nil
	}

	f := faults{all: true}
	v.pool.RoleMappings = v.checkAllRoles(ctx, v.caller, v.pool, roles.Roles, roles.RoleMappings, &f)
	v.pool.Roles = roles.Roles
	for _, err := range f.list {
		if err := v.add("Roles", err); err != nil {
			return err
		}
	}

	return nil
}

// checkTags checks the inputs of SetPrincipalTagAttributeMap.
func (v *poolValidation) checkTags(_ context.Context, in *ValidateIdentityPoolInput) error {
	v.operation = "SetPrincipalTagAttributeMap"
	for i := range in.PrincipalTags {
		v.place = "PrincipalTags[" + strconv.Itoa(i) + "]"
		draft := in.PrincipalTags[i].of(v.pool)
		if bad := v.addViolations(draft.Validate()); len(bad) > 0 {
			continue
		}

		err := checkTagMap(v.pool, *draft.IdentityProviderName, draft.PrincipalTags)
		if err == nil {
			_, err = v.setTagMap(&v.pool, draft)
		}
		if err := v.add("PrincipalTags", err); err != nil {
			return err
		}
	}

	return nil
}

// addViolations adds what the API's model forbids, and returns the members that break it.
func (v *poolValidation) addViolations(found []awsapi.Violation) map[string]bool {
	bad := map[string]bool{}
	for _, one := range found {
		member, _, _ := strings.Cut(one.Path, ".")
		field := strings.ToUpper(member[:1]) + member[1:]
		bad[field] = true
		if v.place != "" {
			field = v.place + "." + field
		}
		v.Faults = append(v.Faults, PoolFault{
			Operation: v.operation,
			Field:     field,
			Message:   awsapi.Invalid([]awsapi.Violation{one}).Message,
			Why:       one.Why(),
		})
	}

	if len(found) > 0 {
		first := v.Faults[len(v.Faults)-len(found)]
		first.Message = awsapi.Invalid(found).Message
		v.refuse(first)
	}

	return bad
}

// add adds a refusal of a member, if err is one. An error that is no refusal is returned.
func (v *poolValidation) add(field string, err error) error {
	if err == nil {
		return nil
	}
	refused, ok := errors.AsType[*awsapi.Error](err)
	if !ok {
		return err
	}

	fault := PoolFault{
		Operation: v.operation,
		Field:     field,
		Error:     refused.Code,
		Message:   refused.Message,
		Why:       refused.Why,
	}
	if refused.Kind == awsapi.AccessDenied {
		fault.Error = "AccessDeniedException"
	}
	if why := refused.Why; why != nil && why.Link != nil && why.Link.Kind == explain.LinkPool {
		fault.Field = why.Link.Field
	}
	if v.place != "" {
		fault.Field = v.place
	}
	v.Faults = append(v.Faults, fault)
	v.refuse(fault)

	return nil
}

// refuse notes the first refusal of an operation.
func (v *poolValidation) refuse(f PoolFault) {
	for _, have := range v.Refused {
		if have.Operation == f.Operation {
			return
		}
	}
	v.Refused = append(v.Refused, f)
}

// without returns a configuration without the members that break the model. Members that a pool
// must have get a value that breaks no rule.
func (in *IdentityPool) without(bad map[string]bool) *IdentityPool {
	c := *in
	if bad["IdentityPoolName"] {
		c.IdentityPoolName = new("pool")
	}
	if bad["AllowUnauthenticatedIdentities"] {
		c.AllowUnauthenticatedIdentities = new(false)
	}
	if bad["SupportedLoginProviders"] {
		c.SupportedLoginProviders = nil
	}
	if bad["DeveloperProviderName"] {
		c.DeveloperProviderName = nil
	}
	if bad["OpenIdConnectProviderARNs"] {
		c.OpenIdConnectProviderARNs = nil
	}
	if bad["CognitoIdentityProviders"] {
		c.CognitoIdentityProviders = nil
	}
	if bad["SamlProviderARNs"] {
		c.SamlProviderARNs = nil
	}
	if bad["IdentityPoolTags"] {
		c.IdentityPoolTags = nil
	}

	return &c
}

// poolLimitError refuses a pool beyond the account's limit.
func (s *Service) poolLimitError(region string) *awsapi.Error {
	why := poolLimit.With("limit", strconv.Itoa(s.Limits.Pools)).At(explain.Setting("limits.pools"))

	return awsapi.Refused(limitExceeded, why,
		"The account has reached its limit of %d identity pools in %s.", s.Limits.Pools, region)
}

// poolConflict refuses an ID that is taken.
func poolConflict(id identitypool.PoolID) *awsapi.Error {
	return awsapi.Refused(conflict, poolIDTaken.With(), "IdentityPool '%s' already exists.", id)
}
