package admincli_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/sigv4"
)

// limit lets the rig sign with a key that may do some things only.
func (r *rig) limit(t *testing.T, actions ...string) {
	t.Helper()
	policy := filepath.Join(t.TempDir(), "policy.json")
	list, err := json.Marshal(actions)
	if err != nil {
		t.Fatal(err)
	}
	write(t, policy, `{"Version": "2012-10-17",
		"Statement": {"Effect": "Allow", "Action": `+string(list)+`, "Resource": "*"}}`)
	var made struct {
		AccessKey       struct{ AccessKeyId string }
		SecretAccessKey string
	}
	if err := json.Unmarshal([]byte(r.must(t, "key", "create", "--policy", policy, "--json")), &made); err != nil {
		t.Fatal(err)
	}

	r.key = sigv4.Credentials{AccessKeyID: made.AccessKey.AccessKeyId, SecretAccessKey: made.SecretAccessKey}
}

// Roles that the server would refuse are refused before anything of the pool is saved.
func TestPoolRolesAreCheckedFirst(t *testing.T) {
	r := newRig(t)
	for _, line := range []string{
		"pool create shop --guests --guest-role nope",
		"pool update " + demoPool + " --name other --guest-role nope",
	} {
		out, _, err := r.run(t, "", words(line+" --json")...)
		if err == nil || !strings.Contains(err.Error(), "nothing was saved: SetIdentityPoolRoles: ") || out != "" {
			t.Errorf("%s: %q, %v", line, out, err)
		}
	}

	for _, operation := range []string{"CreateIdentityPool", "UpdateIdentityPool", "SetIdentityPoolRoles"} {
		if n := r.called(operation); n > 0 {
			t.Errorf("%s was called %d times", operation, n)
		}
	}
}

// What was made before a command failed is shown with its ID, to people and to programs.
func TestUnfinished(t *testing.T) {
	for line, want := range map[string]struct{ id, fault string }{
		"pool create shop --guest-role arn:aws:iam::000000000000:role/PoolhouseDemoGuest": {
			`"IdentityPoolId": "(us-east-1:[0-9a-f-]{36})"`, "was created, without its roles: SetIdentityPoolRoles: "},
		"role create Shopper --pool " + demoPool + " --policy testdata/policy.json": {
			`"Arn": "(arn:aws:iam::000000000000:role/Shopper)"`, "was created, without its policy: PutRolePolicy: "},
		"role create Shopper --pool " + demoPool: {
			`"Arn": "(arn:aws:iam::000000000000:role/Shopper)"`, "was created, and cannot be read: GetRole: "},
		"provider create https://idp.example.com --client-id shop": {
			`"Arn": "(arn:aws:iam::000000000000:oidc-provider/idp.example.com)"`, "was created, and cannot be read: "},
		"identity create " + demoPool: {
			`"IdentityId": "(us-east-1:[0-9a-f-]{36})"`, "was made, and cannot be read: LookupIdentity: "},
	} {
		for _, form := range []string{"json", "table"} {
			r := newRig(t)
			r.limit(t, "cognito-identity:CreateIdentityPool", "cognito-identity:GetId", "iam:CreateRole",
				"iam:CreateOpenIDConnectProvider")

			out, _, err := r.run(t, "", append(words(line), "-o", form)...)
			if err == nil || !strings.Contains(err.Error(), want.fault) {
				t.Errorf("%s -o %s: %v", line, form, err)
				continue
			}
			if form == "table" {
				want.id = regexp.MustCompile(`\(.*\)`).FindString(want.id)
			}
			found := regexp.MustCompile(want.id).FindStringSubmatch(out)
			if found == nil || form == "json" && !json.Valid([]byte(out)) {
				t.Errorf("%s -o %s shows:\n%s", line, form, out)
			}
		}
	}
}

// A role whose policy the server refuses is not kept: the command can be given again.
func TestRoleWithARefusedPolicy(t *testing.T) {
	r := newRig(t)
	policy := filepath.Join(t.TempDir(), "policy.json")
	write(t, policy, `{"a": 1}`)
	out, _, err := r.run(t, "", "role", "create", "Shopper", "--pool", demoPool, "--policy", policy, "--json")
	if err == nil || !strings.Contains(err.Error(), "the role was not created: PutRolePolicy: ") || out != "" {
		t.Errorf("%q, %v", out, err)
	}
	if roles := r.must(t, "role", "list"); strings.Contains(roles, "Shopper") {
		t.Errorf("it stays:\n%s", roles)
	}

	r.must(t, "role", "create", "Shopper", "--pool", demoPool)
	_, _, err = r.run(t, "", "role", "update", "Shopper", "--description", "for shoppers", "--policy", policy)
	if err == nil || !strings.HasPrefix(err.Error(), "changed already: description and longest session; then: Put") {
		t.Errorf("update: %v", err)
	}
}

// A file with nothing in it is a mistake, not a flag that is left out.
func TestEmptyFiles(t *testing.T) {
	r := newRig(t)
	empty := filepath.Join(t.TempDir(), "empty.json")
	write(t, empty, "")
	for line, fault := range map[string]string{
		"role create Shopper --pool " + demoPool + " --policy " + empty: "--policy: there is nothing in",
		"role create Shopper --trust " + empty:                          "--trust: there is nothing in",
		"role update Shopper --policy ''":                               "--policy: give the name of a file",
		"provider create Company --metadata " + empty:                   "--metadata: there is nothing in",
		"key create --policy " + empty:                                  "--policy: there is nothing in",
	} {
		_, _, err := r.run(t, "", words(line)...)
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v", line, err)
		}
	}

	for operation := range r.calls {
		t.Errorf("%s was called", operation)
	}
}

// A list that is given as empty is emptied; one that is not given stays.
func TestPoolUpdateEmptiesTags(t *testing.T) {
	r := newRig(t)
	r.must(t, "pool", "update", demoPool, "--tag", "team=a")
	if out := r.must(t, "pool", "update", demoPool, "--name", "shop"); !strings.Contains(out, "team") {
		t.Errorf("another change:\n%s", out)
	}
	r.must(t, "pool", "update", demoPool, "--tag", "")
	if out := r.must(t, "pool", "show", demoPool); strings.Contains(out, "team") {
		t.Errorf("they stay:\n%s", out)
	}
}
