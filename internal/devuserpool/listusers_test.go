package devuserpool

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestListUsers(t *testing.T) {
	r := newRig(t, object{"UsernameConfiguration": object{"CaseSensitive": true}}, nil)
	for _, name := range []string{"Bob", "alice", `q"uote`} {
		r.ok("AdminCreateUser", r.about(name, object{"UserAttributes": attributeObjects("email", strings.ToLower(
			strings.Trim(name, `"`))+"@b.example", "given_name", name)}))
	}
	r.ok("AdminDisableUser", r.about("Bob", nil))
	sub := r.attributeOf("alice", "sub")

	for filter, want := range map[string]string{
		"":                              "Bob alice q\"uote",
		" ":                             "Bob alice q\"uote",
		`username = "alice"`:            "alice",
		`username="alice"`:              "alice",
		`"username" = "alice"`:          "alice",
		`username = "ALICE"`:            "",
		`username ^= "al"`:              "alice",
		`email ^= ""`:                   "Bob alice q\"uote",
		`email="bob@b.example"`:         "Bob",
		`name = "x"`:                    "",
		`given_name = "q\"uote"`:        "q\"uote",
		`status = "Disabled"`:           "Bob",
		`status = "Enabled"`:            "alice q\"uote",
		`cognito:user_status ^= "forc"`: "Bob alice q\"uote",
		`sub = "` + sub + `"`:           "alice",
	} {
		var names []string
		for _, u := range r.ok("ListUsers", object{"UserPoolId": r.pool, "Filter": filter})["Users"].([]any) {
			names = append(names, u.(object)["Username"].(string))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", filter, got, want)
		}
	}

	for filter, want := range map[string]string{
		`username`:               "Error while parsing filter.",
		`username = alice`:       "Error while parsing filter.",
		`username = "alice`:      "Error while parsing filter.",
		`username = "a" or "b"`:  "Error while parsing filter.",
		`= "x"`:                  "Error while parsing filter.",
		`email = '"." '`:         "Error while parsing filter.",
		`email ^= "".".x\""`:     "Error while parsing filter.",
		`custom:plan = "x"`:      "One or more requested attributes cannot be searched.",
		`username ~= "x"`:        "One or more requested attributes cannot be searched.",
		`phone_number_x = "\\" `: "One or more requested attributes cannot be searched.",
	} {
		r.refused("ListUsers", object{"UserPoolId": r.pool, "Filter": filter}, "InvalidParameterException: "+want)
	}

	out := r.ok("ListUsers", object{"UserPoolId": r.pool, "AttributesToGet": []string{"email"}, "Limit": 1})
	user := out["Users"].([]any)[0].(object)
	if attributes := user["Attributes"].([]any); len(attributes) != 1 || out["PaginationToken"] == nil {
		t.Errorf("%v", out)
	}
	r.refused("ListUsers", object{"UserPoolId": r.pool, "AttributesToGet": []string{"none"}},
		"InvalidParameterException: One or more requested attributes do not exist.")
}

// A filter of any text is refused or means something, without a fault.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{`email = "a"`, `email ^= "a\"b"`, `"sub" = ""`, `a=`, `\`, `email="\\"`} {
		f.Add(seed)
	}
	u := User{Username: "alice", Attributes: map[string]string{"email": "a@b.example"}}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseFilter(text)
		if err != nil {
			return
		}
		if strings.Contains(parsed.attribute, `"`) || utf8.ValidString(text) && !utf8.ValidString(parsed.value) {
			t.Errorf("%q: %+v", text, parsed)
		}
		parsed.matches(u)
	})
}
