package devuserpool

import (
	"context"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// ListUsers returns the users of a pool that match a filter, in the order of their user names.
func (s *Service) ListUsers(ctx context.Context, c awsapi.Caller, in *ListUsersRequest) (*ListUsersResponse, error) {
	p, err := s.callerPool(ctx, c, *in.UserPoolId)
	if err != nil {
		return nil, err
	}

	matches := func(User) bool { return true }
	if in.Filter != nil && strings.TrimSpace(*in.Filter) != "" {
		f, err := parseFilter(*in.Filter)
		if err != nil {
			return nil, err
		}
		matches = f.matches
	}

	for _, name := range in.AttributesToGet {
		if _, known := p.attribute(name); !known {
			return nil, awsapi.Refused(invalidParameter, attributeValue.With(),
				"One or more requested attributes do not exist.")
		}
	}

	users := slices.DeleteFunc(sorted(p.Users), func(u User) bool { return !matches(u) })
	page, next, err := pageOf(users, p.keyOf, in.Limit, in.PaginationToken)
	if err != nil {
		return nil, err
	}

	return &ListUsersResponse{Users: describeUsers(page, in.AttributesToGet), PaginationToken: next}, nil
}

// ListUsersInGroup returns the users of a group, in the order of their user names.
func (s *Service) ListUsersInGroup(
	ctx context.Context, c awsapi.Caller, in *ListUsersInGroupRequest,
) (*ListUsersInGroupResponse, error) {
	p, err := s.callerPool(ctx, c, *in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if _, found := p.Groups[*in.GroupName]; !found {
		return nil, groupNotFound()
	}

	users := slices.DeleteFunc(sorted(p.Users), func(u User) bool { return !slices.Contains(u.Groups, *in.GroupName) })
	page, next, err := pageOf(users, p.keyOf, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}

	return &ListUsersInGroupResponse{Users: describeUsers(page, nil), NextToken: next}, nil
}

// keyOf returns the key of a user in Users.
func (p *Pool) keyOf(u User) string { return p.key(u.Username) }

func describeUsers(users []User, names []string) []UserType {
	list := []UserType{}
	for _, u := range users {
		list = append(list, *u.described(names))
	}
	return list
}

// filter is the Filter of ListUsers.
type filter struct {
	attribute string
	prefix    bool // the value is the beginning
	value     string
}

// searchable are the attributes that a filter may name (API reference, ListUsers).
var searchable = []string{
	"username", "email", "phone_number", "name", "given_name", "family_name", "preferred_username",
	"cognito:user_status", "status", "sub",
}

// parseFilter reads ATTRIBUTE = "VALUE" or ATTRIBUTE ^= "VALUE". In a value, a backslash stands before a
// quotation mark or another backslash. AWS takes the attribute in double quotes, too.
func parseFilter(text string) (filter, error) {
	name, rest, found := strings.Cut(strings.TrimSpace(text), "=")
	if !found {
		return filter{}, filterFault("Error while parsing filter.")
	}

	f := filter{attribute: strings.TrimSpace(name)}
	if before, isPrefix := strings.CutSuffix(f.attribute, "^"); isPrefix {
		f.prefix, f.attribute = true, strings.TrimSpace(before)
	}
	f.attribute = unquoted(f.attribute)
	if f.attribute == "" {
		return filter{}, filterFault("Error while parsing filter.")
	}
	if !slices.Contains(searchable, f.attribute) {
		return filter{}, filterFault("One or more requested attributes cannot be searched.")
	}

	var ok bool
	if f.value, ok = quotedValue(strings.TrimSpace(rest)); !ok {
		return filter{}, filterFault("Error while parsing filter.")
	}

	return f, nil
}

// unquoted removes double quotes around a name.
func unquoted(name string) string {
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		return name[1 : len(name)-1]
	}
	return name
}

// quotedValue returns the text in double quotes, and whether nothing is wrong with the quotes.
func quotedValue(text string) (string, bool) {
	inner, opened := strings.CutPrefix(text, `"`)
	if !opened {
		return "", false
	}

	var value strings.Builder
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case c == '"':
			return value.String(), i == len(inner)-1
		case c == '\\' && i+1 < len(inner) && (inner[i+1] == '"' || inner[i+1] == '\\'):
			i++
			value.WriteByte(inner[i])
		default:
			value.WriteByte(c)
		}
	}

	return "", false // it is not closed
}

func filterFault(message string) *awsapi.Error {
	return awsapi.Refused(invalidParameter, filterForm.With(), "%s", message)
}

// matches reports whether the filter shows a user.
func (f filter) matches(u User) bool {
	value, want := u.Attributes[f.attribute], f.value
	switch f.attribute {
	case "username":
		value = u.Username
	case "sub":
		value = u.Sub
	case "cognito:user_status":
		value, want = u.Status, strings.ToUpper(want)
	case "status":
		value = "Disabled"
		if u.Enabled {
			value = "Enabled"
		}
	}

	if f.prefix {
		return value != "" && strings.HasPrefix(value, want)
	}

	return value == want && value != ""
}
