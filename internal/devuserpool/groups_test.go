package devuserpool

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGroups(t *testing.T) {
	r := newRig(t, nil, nil)
	group := func(name string, more object) object {
		in := object{"UserPoolId": r.pool, "GroupName": name}
		for member, value := range more {
			in[member] = value
		}
		return in
	}
	r.ok("AdminCreateUser", r.about("alice", nil))
	r.ok("CreateGroup", group("b", object{"Precedence": 1, "RoleArn": "arn:aws:iam::111122223333:role/b"}))
	r.ok("CreateGroup", group("a", object{"Description": "first"}))
	r.refused("CreateGroup", group("a", nil), "GroupExistsException: A group with the name already exists.")
	r.refused("CreateGroup", group("c", object{"Precedence": -1}), "InvalidParameterException: 1 validation error "+
		"detected: Value '-1' at 'precedence' failed to satisfy constraint: "+
		"Member must have value greater than or equal to 0")

	want := object{"GroupName": "b", "UserPoolId": r.pool, "Precedence": 7.0, "Description": "second",
		"RoleArn": "arn:aws:iam::111122223333:role/b", "CreationDate": 1796126400.0, "LastModifiedDate": 1796126400.0}
	r.ok("UpdateGroup", group("b", object{"Precedence": 7, "Description": "second"}))
	if diff := cmp.Diff(r.ok("GetGroup", group("b", nil))["Group"], any(want)); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}

	for _, name := range []string{"b", "a", "a"} {
		r.ok("AdminAddUserToGroup", r.about("alice", object{"GroupName": name}))
	}
	names := func(operation string, in object) string {
		t.Helper()
		text := ""
		for _, g := range r.ok(operation, in)["Groups"].([]any) {
			text += g.(object)["GroupName"].(string)
		}
		return text
	}
	if got := names("ListGroups", group("", nil)); got != "ab" {
		t.Errorf("groups %s", got)
	}
	if got := names("AdminListGroupsForUser", r.about("alice", nil)); got != "ab" {
		t.Errorf("alice's groups %s", got)
	}
	if users := r.ok("ListUsersInGroup", group("a", nil))["Users"].([]any); len(users) != 1 {
		t.Errorf("users %v", users)
	}

	r.ok("AdminRemoveUserFromGroup", r.about("alice", object{"GroupName": "a"}))
	r.ok("DeleteGroup", group("b", nil))
	if got := names("AdminListGroupsForUser", r.about("alice", nil)); got != "" {
		t.Errorf("alice's groups %s", got)
	}

	const missing = "ResourceNotFoundException: Group not found."
	r.refused("GetGroup", group("b", nil), missing)
	r.refused("DeleteGroup", group("b", nil), missing)
	r.refused("UpdateGroup", group("b", nil), missing)
	r.refused("ListUsersInGroup", group("b", nil), missing)
	r.refused("AdminAddUserToGroup", r.about("alice", object{"GroupName": "b"}), missing)
	r.refused("AdminAddUserToGroup", r.about("eve", object{"GroupName": "a"}),
		"UserNotFoundException: User does not exist.")
}

// A pool has at most so many groups.
func TestGroupLimit(t *testing.T) {
	r := newRig(t, nil, nil)
	if err := r.State.change(r.pool, func(p *Pool) error {
		for i := range maxGroups {
			name := fmt.Sprint(i)
			p.Groups[name] = Group{Name: name}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r.refused("CreateGroup", object{"UserPoolId": r.pool, "GroupName": "more"},
		"LimitExceededException: There are at most 300 groups of a user pool.")
}
