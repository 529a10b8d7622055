package admincli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

const demoPool = poolhousetest.DemoPool

// leaves returns the commands that do something.
func leaves(c *cobra.Command) (all []*cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.HasSubCommands() {
			all = append(all, leaves(sub)...)
		} else if sub.RunE != nil {
			all = append(all, sub)
		}
	}

	return all
}

// Every command has examples, which it would take: its flags exist, and its arguments are as many as it wants.
func TestExamples(t *testing.T) {
	r := &rig{}
	names := 0
	for _, c := range leaves(r.root()) {
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		names++
		for line := range strings.Lines(strings.ReplaceAll(c.Example, "\\\n", " ")) {
			line, _, _ = strings.Cut(line, "|")
			arguments := words(line)
			if arguments[0] != "poolhouse" {
				t.Errorf("%s: the example %q calls another program", c.CommandPath(), line)
				continue
			}
			if arguments[1] == "keys" {
				continue // of the program
			}

			found, rest, err := r.root().Find(arguments[1:])
			if err != nil || found.CommandPath() != c.CommandPath() {
				t.Errorf("the example %q is of %s, not of %s: %v", line, found.CommandPath(), c.CommandPath(), err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%q: %v", line, err)
			}
			if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%q: %v", line, err)
			}
			if err := found.ValidateRequiredFlags(); err != nil {
				t.Errorf("%q: %v", line, err)
			}
			if err := found.ValidateFlagGroups(); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	}

	if names < 39 {
		t.Errorf("only %d commands were found", names)
	}
}

// What reads has the same in JSON and YAML, with the members of the API.
func TestForms(t *testing.T) {
	r := newRig(t)
	files := r.prepare(t)["$FILES"]
	request := variables["$REQUEST"].FindStringSubmatch(r.must(t, "explain"))[1]
	for line, member := range map[string]string{
		"pool list":                               "Name",
		"pool show " + demoPool:                   "Pool",
		"pool delete --dry-run " + demoPool:       "LongestSession",
		"identity list " + demoPool:               "IdentityId",
		"role list":                               "Arn",
		"role show PoolhouseDemoUser":             "AssumeRolePolicyDocument",
		"provider list":                           "Arn",
		"key list":                                "AccessKeyId",
		"key show test":                           "Root",
		"signing-key list":                        "KeyId",
		"explain":                                 "RequestId",
		"explain " + request:                      "Steps",
		"explain --token " + files + "/token.txt": "Results",
		"try-roles " + demoPool:                   "RoleArn",
		"check-access iam:GetRole":                "Allowed",
		"statistics":                              "Series",
		"statistics --pool " + demoPool:           "KeptSince",
		"status":                                  "Nodes",
		"settings":                                "NeedsRestart",
		"pool create shop --guests --dry-run":     "Violations",
	} {
		var asJSON, asYAML, asShort any
		for flag, into := range map[string]*any{"-o json": &asJSON, "-o yaml": &asYAML, "--json": &asShort} {
			text := r.must(t, words(line+" "+flag)...)
			var err error
			if flag == "-o yaml" {
				err = yaml.Unmarshal([]byte(text), into)
			} else {
				err = json.Unmarshal([]byte(text), into)
			}
			if err != nil {
				t.Errorf("%s %s: %v\n%s", line, flag, err, text)
			}
		}

		first, _ := asJSON.(map[string]any)
		if list, ok := asJSON.([]any); ok && len(list) > 0 {
			first, _ = list[0].(map[string]any)
		}
		if _, has := first[member]; !has {
			t.Errorf("%s has no %s: %v", line, member, asJSON)
		}
		if keys(asJSON) != keys(asYAML) || keys(asJSON) != keys(asShort) {
			t.Errorf("%s differs:\n%s\n%s\n%s", line, keys(asJSON), keys(asYAML), keys(asShort))
		}
	}
}

// keys returns the names of all members in a value, in order.
func keys(value any) string {
	var all []string
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Interface:
			walk(path, v.Elem())
		case reflect.Map:
			for _, key := range v.MapKeys() {
				all = append(all, path+"."+key.String())
				walk(path+"."+key.String(), v.MapIndex(key))
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(path, v.Index(i))
			}
		}
	}
	walk("", reflect.ValueOf(value))
	slices.Sort(all)

	return strings.Join(slices.Compact(all), " ")
}

// A wrong command line is refused before any call.
func TestRefusedCommandLines(t *testing.T) {
	r := newRig(t)
	for line, fault := range map[string]string{
		"pool list -o xml":                                                 "use table, json, yaml",
		"pool list --json -o yaml":                                         "give one of them",
		"pool list --max -1":                                               "--max -1",
		"pool create shop --login google":                                  "--login \"google\": use NAME=VALUE",
		"pool create shop --user-pool x":                                   "--user-pool",
		"pool show":                                                        "accepts 1 arg(s)",
		"identity create " + demoPool + " --developer x":                   "use PROVIDER=USER",
		"identity list " + demoPool + " --provider x":                      "subject",
		"identity list " + demoPool + " --created-after monday":            "use a time such as",
		"identity update x":                                                "at least one of the flags",
		"identity delete a b --dry-run":                                    "--dry-run is for one identity",
		"role create x":                                                    "at least one of the flags",
		"role create x --trust none.json":                                  "--trust: open none.json",
		"role update x":                                                    "at least one of the flags",
		"provider create x --client-id a --metadata b":                     "none of the others can be",
		"provider update arn:aws:iam::1:saml-provider/x --add-client-id a": "change it by --metadata",
		"provider test":                                                    "give an issuer",
		"key create":                                                       "required flag(s) \"policy\"",
		"key update x":                                                     "at least one of the flags",
		"key update x --disable --enable":                                  "none of the others can be",
		"explain 17":                                                       "is not a request ID",
		"explain --follow 3b2f6c1e-5f0e-4b7e-9d57-0d4b8f3f1c55":            "take no request ID",
		"explain --follow --token x":                                       "none of the others can be",
		"explain --token none.txt":                                         "--token: open none.txt",
		"explain --token -":                                                "there is nothing in it",
		"try-roles " + demoPool + " --claims a --token b":                  "none of the others can be",
		"try-roles " + demoPool + " --claims testdata/transcript.txt":      "it is no JSON object",
		"try-roles " + demoPool + " --roles testdata/claims.json":          "use Roles, RoleMappings and PrincipalTags",
		"check-access":                                                     "accepts between 1 and 2",
		"statistics --last 0s":                                             "must be more than 0",
		"session verify ASIA":                                              "required flag(s) \"token\"",
	} {
		out, _, err := r.run(t, "", words(line)...)
		if err == nil || !strings.Contains(err.Error(), fault) || out != "" {
			t.Errorf("poolhouse %s: %q, %v, want %s", line, out, err, fault)
		}
	}

	for operation := range r.calls {
		t.Errorf("%s was called", operation)
	}
}

// Without a terminal and without --yes nothing is deleted, and a dry run deletes nothing either.
func TestDeletionsAsk(t *testing.T) {
	r := newRig(t)
	identity := string(r.SignIn(t, demoPool, "alice").ID)
	made := r.must(t, "key", "create", "--policy", "testdata/policy.json")
	key := variables["$KEY"].FindStringSubmatch(made)[1]
	r.must(t, "role", "create", "Shopper", "--pool", demoPool, "--policy", "testdata/policy.json")
	r.must(t, "provider", "create", "https://idp.example.com", "--client-id", "shop")
	const provider = "arn:aws:iam::000000000000:oidc-provider/idp.example.com"

	deletions := []string{"identity delete " + identity, "role delete Shopper", "provider delete " + provider,
		"key delete " + key, "pool delete " + demoPool}
	for _, line := range deletions {
		_, _, err := r.run(t, "yes\n", words(line)...)
		if err == nil || !strings.Contains(err.Error(), "--yes") {
			t.Errorf("%s without a terminal: %v", line, err)
		}
		if out := r.must(t, words(line+" --dry-run")...); !strings.HasPrefix(out, "deletes ") {
			t.Errorf("%s --dry-run: %s", line, out)
		}
		if out := r.must(t, words(line+" --dry-run --yes")...); !strings.HasPrefix(out, "deletes ") {
			t.Errorf("%s --dry-run --yes: %s", line, out)
		}
	}
	if _, _, err := r.run(t, "", "signing-key", "retire", "x"); err == nil || !strings.Contains(err.Error(), "--yes") {
		t.Errorf("signing-key retire without a terminal: %v", err)
	}
	if _, _, err := r.run(t, "", "identity", "delete", identity, identity); err == nil {
		t.Error("identities were deleted without a terminal")
	}
	for _, operation := range []string{"DeleteIdentities", "DeleteRole", "DeleteRolePolicy",
		"DeleteOpenIDConnectProvider", "DeleteAccessKey", "DeleteIdentityPool", "RetireSigningKey"} {
		if n := r.called(operation); n > 0 {
			t.Errorf("%s was called %d times", operation, n)
		}
	}

	previews := r.called("PreviewDeletion")
	for _, line := range deletions {
		if out := r.must(t, words(line+" --yes")...); !strings.HasPrefix(out, "deleted: ") {
			t.Errorf("%s --yes: %q", line, out)
		}
	}
	if r.called("PreviewDeletion") != previews {
		t.Error("--yes looks at what nobody reads")
	}
}

// --max bounds a list, across pages.
func TestPaging(t *testing.T) {
	r := newRig(t)
	for range 65 {
		r.Guest(t, demoPool)
	}
	for most, want := range map[string]int{"0": 65, "10": 10, "60": 60, "61": 61, "100": 65} {
		before := r.called("SearchIdentities")
		var all []struct{ IdentityId string }
		text := r.must(t, "identity", "list", demoPool, "--json", "--max", most)
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatal(err)
		}

		seen := map[string]bool{}
		for _, one := range all {
			seen[one.IdentityId] = true
		}
		pages := 1
		if want > 60 {
			pages = 2
		}
		if calls := r.called("SearchIdentities") - before; len(seen) != want || len(all) != want || calls != pages {
			t.Errorf("--max %s: %d identities, %d of them different, in %d calls", most, len(all), len(seen), calls)
		}
	}
}

// Whatever is in a name or a description, it does not drive the terminal, and a row stays a row.
func TestHostileNames(t *testing.T) {
	r := newRig(t)
	const hostile = "a\tb\x1b[31m\u202e\u0007x\nINJECTED row"
	r.must(t, "pool", "create", "shop\tb\nINJECTED row", "--guests")
	r.must(t, "key", "create", "--policy", "testdata/policy.json", "--description", hostile)
	policy := filepath.Join(t.TempDir(), "policy.json")
	write(t, policy, `{"Version": "2012-10-17", "Statement": {"Sid": "a", "Effect": "Allow", "Action": "a:b",
		"Resource": "arn:aws:s3:::x`+"\u202e\u009b"+`INJECTED"}}`)
	r.must(t, "key", "create", "--policy", policy, "--description", "of a hostile policy")
	client := r.must(t, "key", "list", "--json")
	if !strings.Contains(client, "INJECTED") {
		t.Fatal("the server took another description")
	}

	keys := regexp.MustCompile(`AKIA[A-Z2-7]{16}`).FindAllString(client, -1)
	pool := regexp.MustCompile(`(us-east-1:[0-9a-f-]{36})  shop`).FindStringSubmatch(r.must(t, "pool", "list"))[1]
	for _, line := range []string{"pool list", "pool show " + pool, "key list", "key show " + keys[0],
		"key show " + keys[1],
		"explain", "__complete pool show ''", "__complete key show ''"} {
		out := r.must(t, words(line)...)
		for row := range strings.Lines(out) {
			if strings.HasPrefix(row, "INJECTED") {
				t.Errorf("%s: a name made a row:\n%s", line, out)
			}
			row = strings.TrimSuffix(row, "\n")
			if strings.HasPrefix(line, "__complete") {
				row = strings.Replace(row, "\t", "", 1) // between a name and its description
			}
			if i := strings.IndexFunc(row, func(c rune) bool { return !unicode.IsPrint(c) }); i >= 0 {
				t.Errorf("%s: %q drives the terminal", line, row)
			}
		}
	}

	// In a refusal, and in the question before a deletion.
	_, notes, err := r.run(t, "", "pool", "delete", "us-east-1:\x1b[31m\u202e")
	if err == nil || strings.ContainsAny(err.Error()+notes, "\x1b\u202e") {
		t.Errorf("%q, %q", err, notes)
	}
}

// Only `key create` shows the secret of a key, and nothing shows a token.
func TestSecrets(t *testing.T) {
	r := newRig(t)
	values := r.prepare(t)
	made := r.must(t, "key", "create", "--policy", "testdata/policy.json", "-o", "json")
	var key struct {
		AccessKey       struct{ AccessKeyId string }
		SecretAccessKey string
	}
	if err := json.Unmarshal([]byte(made), &key); err != nil || key.SecretAccessKey == "" {
		t.Fatal(made, err)
	}
	token, err := os.ReadFile(values["$FILES"] + "/token.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, signature, _ := strings.Cut(strings.TrimPrefix(string(token), "ey"), ".")
	session, err := os.ReadFile(values["$FILES"] + "/session.txt")
	if err != nil {
		t.Fatal(err)
	}

	for _, line := range []string{"key list", "key show " + key.AccessKey.AccessKeyId, "settings", "status", "explain",
		"explain --token " + values["$FILES"] + "/token.txt", "explain --token -",
		"try-roles " + demoPool + " --token - --provider " + values["$PROVIDER"],
		"session verify " + values["$SESSION"] + " --token " + values["$FILES"] + "/session.txt",
		"session verify ASIAIOSFODNN7EXAMPLE --token -"} {
		for _, form := range []string{"table", "json", "yaml"} {
			out, notes, err := r.run(t, string(token), append(words(line), "-o", form)...)
			if (err != nil) != strings.Contains(line, "EXAMPLE") {
				t.Errorf("%s: %v", line, err)
			}
			text := out + notes
			if err != nil {
				text += err.Error()
			}
			for _, secret := range []string{key.SecretAccessKey, signature[:40], string(session), `"SigningKey"`} {
				if strings.Contains(text, secret) {
					t.Errorf("%s -o %s shows a secret:\n%s", line, form, text)
				}
			}
			if strings.Contains(text, "\x1b") {
				t.Errorf("%s has colours though it is no terminal", line)
			}
		}
	}

	// A token that is none is not printed either.
	out, notes, err := r.run(t, "CANARY-not-a-token", "explain", "--token", "-", "--login", "accounts.google.com")
	if strings.Contains(out+notes, "CANARY") || err != nil && strings.Contains(err.Error(), "CANARY") {
		t.Errorf("%s%s%v", out, notes, err)
	}
}

// The shell completes what the server has, and nothing if there is no server.
func TestCompletion(t *testing.T) {
	r := newRig(t)
	r.refuse(t)

	for line, want := range map[string]string{
		"pool show ''":           demoPool + "\tPoolhouseDemo",
		"pool update ''":         demoPool,
		"identity list ''":       demoPool,
		"try-roles ''":           demoPool,
		"role show ''":           "PoolhouseDemoGuest",
		"provider show ''":       "arn:aws:iam::000000000000:oidc-provider/",
		"key show ''":            "test\tdevelopment",
		"key delete ''":          "test",
		"signing-key retire ''":  "\tsigning",
		"explain --reason ''":    "token-audience",
		"explain --operation ''": "GetId",
		"explain --pool ''":      demoPool,
		"pool list --output ''":  "yaml",
		"pool list --sort ''":    "Refused24h",
	} {
		arguments := append([]string{"__complete"}, words(line)...)

		if out := r.must(t, arguments...); !strings.Contains(out, want) || !strings.Contains(out, ":4") {
			t.Errorf("%s: %s", line, out)
		}
		if regexp.MustCompile("--(reason|output|sort)").MatchString(line) { // these need no server
			continue
		}

		r.lose(true)
		if out := r.must(t, arguments...); strings.Contains(out, want) || !strings.Contains(out, ":4") {
			t.Errorf("%s without a server: %s", line, out)
		}
		r.lose(false)
	}
}

// A pool is shown with all its principal tags, and nothing is refused meanwhile.
func TestShowLeavesNoRefusals(t *testing.T) {
	r := newRig(t)
	const pool = "us-east-1:11111111-2222-4333-8444-555555555555"
	r.must(t, "pool", "create", "shop", "--id", pool, "--login", "accounts.google.com=a.apps.googleusercontent.com",
		"--login", "www.amazon.com=amzn1.application-oa2-client.a")
	client, _ := r.client(nil)
	if err := client.CallPools(t.Context(), "SetPrincipalTagAttributeMap", map[string]any{
		"IdentityPoolId":       pool,
		"IdentityProviderName": "accounts.google.com",
		"PrincipalTags":        map[string]string{"team": "hd"},
	}, nil); err != nil {
		t.Fatal(err)
	}

	out := r.must(t, "pool", "show", pool)
	if !regexp.MustCompile(`(?m)^principal tags +accounts.google.com +team=hd$`).MatchString(out) ||
		strings.Count(out, "principal tags") != 1 {
		t.Errorf("pool show:\n%s", out)
	}
	r.must(t, "pool", "update", pool, "--name", "shop2", "--dry-run")
	r.must(t, "pool", "update", pool, "--name", "shop2")
	if refused := r.must(t, "explain", "--json"); strings.TrimSpace(refused) != "[]" {
		t.Errorf("refusals: %s", refused)
	}
}
