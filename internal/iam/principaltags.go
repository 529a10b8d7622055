package iam

import (
	"context"
	"errors"
	"maps"
	"strings"
)

// RoleTags returns the tags of the role of a session as they are now; none for other callers. If the
// role is gone, or another one has its name, known is false: a condition on its tags must then not
// give access. An error means that the role could not be looked up.
func (a *Authorizer) RoleTags(ctx context.Context, c Caller) (tags map[string]string, known bool, err error) {
	tags, err = a.roleTags(ctx, c)
	if errors.Is(err, ErrDenied) {
		return nil, false, nil
	}
	return tags, err == nil, err
}

func (a *Authorizer) roleTags(ctx context.Context, c Caller) (map[string]string, error) {
	if c.kind != roleSession {
		return nil, nil
	}
	role, err := sessionRole(ctx, a.roles, c, Access{})

	return role.Tags, err
}

// PrincipalTags returns the principal tags of a session: those of its role, over which session tags of
// the same key count (IAM User Guide, "Pass session tags in AWS STS"); none for other callers. The
// result may be shared: do not change it. The error is a *DeniedError if the role is gone, or another
// one has its name.
func (a *Authorizer) PrincipalTags(ctx context.Context, c Caller) (map[string]string, error) {
	tags, err := a.roleTags(ctx, c)
	if err != nil || c.facts == nil {
		return nil, err
	}
	return OverRoleTags(tags, c.facts.Tags), nil
}

// OverRoleTags returns the tags of a session over those of its role. Case does not matter in the keys
// of session tags (STS API reference, Tag).
func OverRoleTags(role, session map[string]string) map[string]string {
	if len(role) == 0 {
		return session
	}

	all := maps.Clone(role)
	for key, value := range session {
		maps.DeleteFunc(all, func(other, _ string) bool { return strings.EqualFold(other, key) })
		all[key] = value
	}

	return all
}
