package devuserpool

import (
	"context"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// CreateGroup makes a group.
func (s *Service) CreateGroup(
	ctx context.Context, c awsapi.Caller, in *CreateGroupRequest,
) (*CreateGroupResponse, error) {
	now := s.Now()
	made := Group{Name: *in.GroupName, Created: now, Modified: now}
	made.set(in.Description, in.RoleArn, in.Precedence)

	err := s.changeCallerPool(ctx, c, *in.UserPoolId, func(p *Pool) error {
		if _, taken := p.Groups[made.Name]; taken {
			return awsapi.Refused(groupExists, groupTaken.With(), "A group with the name already exists.")
		}
		if len(p.Groups) >= maxGroups {
			return tooMany("groups of a user pool", maxGroups)
		}
		p.Groups[made.Name] = made

		return nil
	})
	if err != nil {
		return nil, err
	}

	return &CreateGroupResponse{Group: made.described(*in.UserPoolId)}, nil
}

// set changes what the members of a request name.
func (g *Group) set(description, role *string, precedence *int) {
	if description != nil {
		g.Description = *description
	}
	if role != nil {
		g.Role = *role
	}
	if precedence != nil {
		g.Precedence = precedence
	}
}

// described returns the group as answers show it.
func (g Group) described(pool string) *GroupType {
	d := &GroupType{
		GroupName:        new(g.Name),
		UserPoolId:       new(pool),
		Precedence:       g.Precedence,
		LastModifiedDate: awsapi.At(g.Modified),
		CreationDate:     awsapi.At(g.Created),
	}
	if g.Description != "" {
		d.Description = new(g.Description)
	}
	if g.Role != "" {
		d.RoleArn = new(g.Role)
	}

	return d
}

// GetGroup returns a group.
func (s *Service) GetGroup(ctx context.Context, c awsapi.Caller, in *GetGroupRequest) (*GetGroupResponse, error) {
	p, err := s.callerPool(ctx, c, *in.UserPoolId)
	if err != nil {
		return nil, err
	}
	g, found := p.Groups[*in.GroupName]
	if !found {
		return nil, groupNotFound()
	}

	return &GetGroupResponse{Group: g.described(p.ID)}, nil
}

// ListGroups returns the groups of a pool, in the order of their names.
func (s *Service) ListGroups(
	ctx context.Context, c awsapi.Caller, in *ListGroupsRequest,
) (*ListGroupsResponse, error) {
	p, err := s.callerPool(ctx, c, *in.UserPoolId)
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(sorted(p.Groups), Group.key, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}

	return &ListGroupsResponse{Groups: describeGroups(page, p.ID), NextToken: next}, nil
}

func (g Group) key() string { return g.Name }

func describeGroups(groups []Group, pool string) []GroupType {
	list := []GroupType{}
	for _, g := range groups {
		list = append(list, *g.described(pool))
	}
	return list
}

// UpdateGroup changes the members of a group that the input has.
func (s *Service) UpdateGroup(
	ctx context.Context, c awsapi.Caller, in *UpdateGroupRequest,
) (*UpdateGroupResponse, error) {
	var g Group
	err := s.changeCallerPool(ctx, c, *in.UserPoolId, func(p *Pool) error {
		var found bool
		if g, found = p.Groups[*in.GroupName]; !found {
			return groupNotFound()
		}
		g.set(in.Description, in.RoleArn, in.Precedence)
		g.Modified = s.Now()
		p.Groups[g.Name] = g

		return nil
	})
	if err != nil {
		return nil, err
	}

	return &UpdateGroupResponse{Group: g.described(*in.UserPoolId)}, nil
}

// DeleteGroup removes a group, from its users too.
func (s *Service) DeleteGroup(
	ctx context.Context, c awsapi.Caller, in *DeleteGroupRequest,
) (*awsapi.NoOutput, error) {
	return nil, s.changeCallerPool(ctx, c, *in.UserPoolId, func(p *Pool) error {
		if _, found := p.Groups[*in.GroupName]; !found {
			return groupNotFound()
		}
		delete(p.Groups, *in.GroupName)

		for key, u := range p.Users {
			u.leave(*in.GroupName)
			p.Users[key] = u
		}

		return nil
	})
}

func (u *User) leave(group string) {
	u.Groups = slices.DeleteFunc(u.Groups, func(g string) bool { return g == group })
}

// AdminAddUserToGroup adds a user to a group. A user who is in it stays in it.
func (s *Service) AdminAddUserToGroup(
	ctx context.Context, c awsapi.Caller, in *AdminAddUserToGroupRequest,
) (*awsapi.NoOutput, error) {
	return nil, s.changeMember(ctx, c, *in.UserPoolId, *in.Username, *in.GroupName, func(u *User) {
		if !slices.Contains(u.Groups, *in.GroupName) {
			u.Groups = append(u.Groups, *in.GroupName)
		}
	})
}

// AdminRemoveUserFromGroup removes a user from a group.
func (s *Service) AdminRemoveUserFromGroup(
	ctx context.Context, c awsapi.Caller, in *AdminRemoveUserFromGroupRequest,
) (*awsapi.NoOutput, error) {
	return nil, s.changeMember(ctx, c, *in.UserPoolId, *in.Username, *in.GroupName, func(u *User) {
		u.leave(*in.GroupName)
	})
}

// changeMember changes a user's membership in a group that exists.
func (s *Service) changeMember(
	ctx context.Context, c awsapi.Caller, pool, username, group string, edit func(*User),
) error {
	return s.changeCallerPool(ctx, c, pool, func(p *Pool) error {
		u, found := p.user(username)
		if !found {
			return userMissing()
		}
		if _, found := p.Groups[group]; !found {
			return groupNotFound()
		}
		edit(&u)
		p.put(u)

		return nil
	})
}

// AdminListGroupsForUser returns the groups of a user, in the order of their names.
func (s *Service) AdminListGroupsForUser(
	ctx context.Context, c awsapi.Caller, in *AdminListGroupsForUserRequest,
) (*AdminListGroupsForUserResponse, error) {
	p, err := s.callerPool(ctx, c, *in.UserPoolId)
	if err != nil {
		return nil, err
	}
	u, found := p.user(*in.Username)
	if !found {
		return nil, userMissing()
	}

	groups := p.groupsOf(u)
	slices.SortFunc(groups, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	page, next, err := pageOf(groups, Group.key, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}

	return &AdminListGroupsForUserResponse{Groups: describeGroups(page, p.ID), NextToken: next}, nil
}

func groupNotFound() *awsapi.Error {
	return awsapi.Refused(resourceNotFound, groupUnknown.With(), "Group not found.")
}
