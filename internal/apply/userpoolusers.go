package apply

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

const (
	userPoolGroupType  = "AWS::Cognito::UserPoolGroup"
	userPoolUserType   = "AWS::Cognito::UserPoolUser"
	userPoolMemberType = "AWS::Cognito::UserPoolUserToGroupAttachment"
)

// userPoolGroup is a group of a user pool.
type userPoolGroup struct {
	userPoolPart

	UserPoolId  string   `json:",omitempty" file:"required,fixed"`
	GroupName   string   `json:",omitempty" file:"fixed"`
	Description string   `json:",omitempty" file:"byServer"`
	RoleArn     string   `json:",omitempty" file:"byServer"`
	Precedence  settings `file:"byServer"`
}

func (*userPoolGroup) typeName() string { return userPoolGroupType }

func (g *userPoolGroup) key(Resource) string { return g.UserPoolId + "/" + g.GroupName }

func (g *userPoolGroup) complete(r Resource) error {
	g.GroupName = cmp.Or(g.GroupName, r.Name)
	return nil
}

func (g *userPoolGroup) id(*server, Resource) string { return g.UserPoolId + "/" + g.GroupName }

func (g *userPoolGroup) attributes(*server, string) map[string]string {
	return map[string]string{"Ref": g.GroupName}
}

func (g *userPoolGroup) find(ctx context.Context, a *applier, _ Resource) (*state, error) {
	if strings.HasPrefix(g.UserPoolId, knownAfterApply) {
		return nil, nil
	}
	var out struct{ Group map[string]any }
	in := map[string]any{"UserPoolId": g.UserPoolId, "GroupName": g.GroupName}
	if ok, err := found(a.userPools(ctx, "GetGroup", in, &out)); !ok {
		return nil, err
	}

	server := &userPoolGroup{}
	err := fill(server, alike(tree(g), out.Group))

	return &state{id: g.id(nil, Resource{}), properties: server}, err
}

func (g *userPoolGroup) put(ctx context.Context, a *applier, ch *change) error {
	operation := "CreateGroup"
	if ch.have != nil {
		operation = "UpdateGroup"
	}
	return a.userPools(ctx, operation, tree(g), nil)
}

func (g *userPoolGroup) title() string { return "Group" + g.GroupName }

// userPoolUser is a user of a user pool. PoolhousePassword is set when the user is made, and can be used at
// once; without it the server makes a temporary one, and shows it.
type userPoolUser struct {
	userPoolPart

	UserPoolId             string          `json:",omitempty" file:"required,fixed"`
	Username               string          `json:",omitempty" file:"fixed"`
	UserAttributes         []userAttribute `json:",omitempty"`
	DesiredDeliveryMediums []string        `json:",omitempty" file:"byServer"`
	ForceAliasCreation     *bool           `json:",omitempty" file:"byServer"`
	MessageAction          string          `json:",omitempty" file:"byServer"`
	ClientMetadata         settings        `file:"byServer"`
	ValidationData         settings        `file:"byServer"`
	PoolhousePassword      string          `json:",omitempty" file:"byServer"`
}

type userAttribute struct {
	Name  string `json:",omitempty" file:"required"`
	Value string `json:",omitempty" file:"blank"`
}

func (*userPoolUser) typeName() string { return userPoolUserType }

func (u *userPoolUser) key(Resource) string { return u.UserPoolId + "/" + u.Username }

func (u *userPoolUser) complete(r Resource) error {
	u.Username = cmp.Or(u.Username, r.Name)
	return nil
}

func (u *userPoolUser) id(*server, Resource) string { return u.UserPoolId + "/" + u.Username }

func (u *userPoolUser) attributes(*server, string) map[string]string {
	return map[string]string{"Ref": u.Username}
}

func (u *userPoolUser) find(ctx context.Context, a *applier, _ Resource) (*state, error) {
	if strings.HasPrefix(u.UserPoolId, knownAfterApply) {
		return nil, nil
	}
	var out struct{ UserAttributes []userAttribute }
	in := map[string]any{"UserPoolId": u.UserPoolId, "Username": u.Username}
	err := a.userPools(ctx, "AdminGetUser", in, &out)
	if Missing(err) || refusedAs(err, "UserNotFoundException") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}

	// What the file does not name stays as it is, and a password cannot be read.
	server := *u
	server.UserAttributes = nil
	for _, have := range out.UserAttributes {
		if slices.ContainsFunc(u.UserAttributes, func(want userAttribute) bool { return want.Name == have.Name }) {
			server.UserAttributes = append(server.UserAttributes, have)
		}
	}

	return &state{id: u.id(nil, Resource{}), properties: &server}, nil
}

func (u *userPoolUser) put(ctx context.Context, a *applier, ch *change) error {
	about := map[string]any{"UserPoolId": u.UserPoolId, "Username": u.Username}
	if ch.have != nil {
		about["UserAttributes"] = u.UserAttributes
		return a.userPools(ctx, "AdminUpdateUserAttributes", about, nil)
	}

	in := tree(u)
	delete(in, "PoolhousePassword")
	if u.PoolhousePassword != "" {
		in["MessageAction"] = "SUPPRESS"
	}
	if err := a.userPools(ctx, "AdminCreateUser", in, nil); err != nil || u.PoolhousePassword == "" {
		return err
	}
	about["Password"], about["Permanent"] = u.PoolhousePassword, true

	return a.userPools(ctx, "AdminSetUserPassword", about, nil)
}

func (u *userPoolUser) title() string { return "User" + u.Username }

// userPoolMember makes a user a member of a group.
type userPoolMember struct {
	userPoolPart

	UserPoolId string `json:",omitempty" file:"required,fixed"`
	Username   string `json:",omitempty" file:"required,fixed"`
	GroupName  string `json:",omitempty" file:"required,fixed"`
}

func (*userPoolMember) typeName() string { return userPoolMemberType }

func (m *userPoolMember) key(Resource) string { return show(m) }

func (m *userPoolMember) find(ctx context.Context, a *applier, _ Resource) (*state, error) {
	if strings.HasPrefix(m.UserPoolId, knownAfterApply) {
		return nil, nil
	}
	var out struct{ Groups []struct{ GroupName string } }
	in := map[string]any{"UserPoolId": m.UserPoolId, "Username": m.Username}
	err := a.userPools(ctx, "AdminListGroupsForUser", in, &out)
	if Missing(err) || refusedAs(err, "UserNotFoundException") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}

	for _, g := range out.Groups {
		if g.GroupName == m.GroupName {
			return &state{id: show(m), properties: m}, nil
		}
	}

	return nil, nil
}

func (m *userPoolMember) put(ctx context.Context, a *applier, _ *change) error {
	return a.userPools(ctx, "AdminAddUserToGroup", m, nil)
}

func (m *userPoolMember) title() string { return "Member" + m.Username + m.GroupName }
