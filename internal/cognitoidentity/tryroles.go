package cognitoidentity

import (
	"context"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// TryRolesInput is a login, and drafts of the pool's roles, role mappings and principal tags that
// replace those of the pool. AWS has no such operation.
type TryRolesInput struct {
	IdentityPoolId *string
	ProviderName   *string // the Logins key; absent = a guest
	// Claims is a JSON object with the claims of a token, or the attributes of a SAML
	// assertion, which count as proved. Token is a login instead: a value of Logins.
	Claims        jsontext.Value
	Token         *string
	CustomRoleArn *string
	Roles         map[string]string
	RoleMappings  map[string]RoleMapping
	PrincipalTags []TagMapDraft
}

// TagMapDraft is the input of SetPrincipalTagAttributeMap without the pool.
type TagMapDraft struct {
	IdentityProviderName *string
	UseDefaults          *bool
	PrincipalTags        map[string]string
}

// maxTagMapDrafts is the limit of maps in one call. A pool may have more.
const maxTagMapDrafts = 50

// Validate returns what the models of GetCredentialsForIdentity, SetIdentityPoolRoles and
// SetPrincipalTagAttributeMap forbid about in.
func (in *TryRolesInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("identityPoolId", in.IdentityPoolId, &shapeIdentityPoolId, true)
	v.String("providerName", in.ProviderName, &shapeIdentityProviderName, false)
	v.String("token", in.Token, &shapeIdentityProviderToken, false)
	v.String("customRoleArn", in.CustomRoleArn, &shapeARNString, false)
	v.Map("roles", in.Roles, &shapeRolesMap, false)
	awsapi.StructureMap(&v, "roleMappings", in.RoleMappings, &shapeRoleMappingMap, false, (*RoleMapping).validate)
	awsapi.Structures(&v, "principalTags", in.PrincipalTags, &awsapi.List{Max: maxTagMapDrafts}, false,
		(*TagMapDraft).validate)

	return v.Violations()
}

func (in *TagMapDraft) validate(v *awsapi.Validator) {
	v.String("identityProviderName", in.IdentityProviderName, &shapeIdentityProviderName, true)
	v.Bool("useDefaults", in.UseDefaults, false)
	v.Map("principalTags", in.PrincipalTags, &shapePrincipalTags, false)
}

func (in *TagMapDraft) of(pool identitypool.Pool) *SetPrincipalTagAttributeMapInput {
	return &SetPrincipalTagAttributeMapInput{
		IdentityPoolId:       new(string(pool.ID)),
		IdentityProviderName: in.IdentityProviderName,
		UseDefaults:          in.UseDefaults,
		PrincipalTags:        in.PrincipalTags,
	}
}

// TryRoles returns the role and the principal tags that a new user of a pool would get, with the
// pool's settings or with drafts of them. It stores nothing.
func (s *Service) TryRoles(ctx context.Context, c awsapi.Caller, in *TryRolesInput) (Trial, error) {
	pool, err := s.callerPool(ctx, c, *in.IdentityPoolId)
	if err != nil {
		return Trial{}, err
	}
	if err := in.contradiction(pool); err != nil {
		return Trial{}, err
	}
	if pool, err = s.drafted(ctx, c, pool, in); err != nil {
		return Trial{}, err
	}

	custom := ""
	if in.CustomRoleArn != nil {
		custom = *in.CustomRoleArn
	}

	t, ctx := s.newTrial(ctx, pool, custom)
	switch {
	case in.Token != nil:
		err = t.examine(ctx, providerDeadline(ctx), *in.ProviderName, *in.Token)
	case in.ProviderName == nil:
		err = t.tryGuest(ctx)
	case *in.ProviderName == pool.DeveloperProviderName:
		err = t.chooseRole(ctx, identitypool.RoleRequest{CognitoToken: true})
	default:
		err = t.tryClaims(ctx, *in.ProviderName, in.Claims)
	}

	return t.result(), err
}

// contradiction refuses members that do not go together.
func (in *TryRolesInput) contradiction(pool identitypool.Pool) error {
	member := ""
	switch {
	case in.Token != nil && in.Claims != nil:
		member = "Claims or Token, not both"
	case in.ProviderName == nil && (in.Token != nil || in.Claims != nil):
		member = "ProviderName with Claims or Token"
	case in.ProviderName != nil && *in.ProviderName == pool.DeveloperProviderName && in.Claims != nil:
		member = "no Claims for the developer provider"
	default:
		return nil
	}

	return awsapi.Refused(invalidParameter, tryMembers.With("members", member), "Give %s.", member)
}

// drafted returns a pool with the drafts of the input. It refuses those that the operations
// which store them would refuse.
func (s *Service) drafted(
	ctx context.Context, c awsapi.Caller, pool identitypool.Pool, in *TryRolesInput,
) (identitypool.Pool, error) {
	mappings, err := s.checkRoles(ctx, c, pool, in.Roles, in.RoleMappings)
	if err != nil {
		return pool, err
	}
	if in.Roles != nil {
		pool.Roles = maps.Clone(in.Roles)
	}
	if in.RoleMappings != nil {
		pool.RoleMappings = mappings
	}

	pool.PrincipalTags = maps.Clone(pool.PrincipalTags)
	for _, draft := range in.PrincipalTags {
		if err := checkTagMap(pool, *draft.IdentityProviderName, draft.PrincipalTags); err != nil {
			return pool, err
		}
		if _, err := s.setTagMap(&pool, draft.of(pool)); err != nil {
			return pool, err
		}
	}

	return pool, nil
}

// tryGuest decides about the role of a guest.
func (t *trial) tryGuest(ctx context.Context) error {
	if t.custom != "" {
		if _, err := t.refused(t.checkCustomRole(t.Pool, t.custom)); err != nil {
			return err
		}
	}
	if _, err := t.refused(guestsAllowed(t.Pool)); err != nil {
		return err
	}

	return t.chooseRole(ctx, identitypool.RoleRequest{})
}

// tryClaims decides about the role of a user with claims, as if the provider had proved them.
func (t *trial) tryClaims(ctx context.Context, key string, text jsontext.Value) error {
	claims := map[string]any{}
	if text != nil {
		var err error
		if claims, err = idtoken.ParseClaims(text); err != nil {
			return awsapi.Refused(invalidParameter, tryClaimsForm.With("problem", err.Error()),
				"Claims must be one JSON object: it is %s.", err)
		}
	}
	if t.custom != "" {
		if _, err := t.refused(t.checkCustomRole(t.Pool, t.custom)); err != nil {
			return err
		}
	}

	l, err := t.Providers.ResolveStated(ctx, t.Pool, key)
	if err != nil {
		_, err = t.refused(providerError(err, t.Pool))
		return err
	}

	t.ProviderName = t.Pool.ShownName(l.Config.Name)
	stated, err := login.Stated(explain.NewContext(ctx, t.trace.For(l.Config.Name)), l.Trust, claims)
	if err != nil {
		_, err = t.refused(loginError(err))
		return err
	}
	if stated.Audience == "" && len(l.Trust.Audiences) > 0 {
		stated.Audience = slices.Min(l.Trust.Audiences)
	}

	return t.chooseRole(ctx, identitypool.RoleRequest{
		Logins: []identitypool.VerifiedLogin{verifiedLogin(&l, stated)},
	})
}
