package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// stackOf is a template as CDK writes it, of one pool.
func stackOf(stack, pool string) string {
	return `{
 "Parameters": {"Guests": {"Type": "String", "Default": "true", "AllowedValues": ["true", "false"]}},
 "Resources": {
  "Pool": {
   "Type": "AWS::Cognito::IdentityPool",
   "Properties": {"AllowUnauthenticatedIdentities": {"Ref": "Guests"}, "IdentityPoolName": "` + pool + `"},
   "Metadata": {"aws:cdk:path": "` + stack + `/Pool/Resource"}
  }
 },
 "Outputs": {"PoolId": {"Description": "its ID", "Value": {"Ref": "Pool"}, "Export": {"Name": "` + pool + `-id"}}}
}
`
}

// withInput runs a command line in this process, with standard input.
func withInput(t *testing.T, input string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, notes strings.Builder
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(input))
	root.SetOut(&out)
	root.SetErr(&notes)
	err = root.ExecuteContext(t.Context())

	return out.String(), notes.String(), err
}

func describePool(t *testing.T, endpoint, id string) *ci.DescribeIdentityPoolOutput {
	t.Helper()
	pools := ci.New(ci.Options{
		BaseEndpoint: &endpoint,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	pool, err := pools.DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: aws.String(id)})
	if err != nil {
		t.Fatal(err)
	}

	return pool
}

// A template comes from a pipe, takes parameters and prints its pools and outputs.
func TestApplyFromPipe(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	run := func(text string, more ...string) (string, string, error) {
		t.Helper()
		return withInput(t, text, append([]string{"apply", "--endpoint", endpoint, "-f", "-"}, more...)...)
	}

	out, notes, err := run(stackOf("Shop", "shop"), "--dry-run")
	if err != nil || notes != "" {
		t.Fatal(err, notes)
	}
	contains(t, out, "1 to create", "pool Pool: (known after apply)\n",
		"output PoolId has no value: it is known after apply\n")

	out, _, err = run(stackOf("Shop", "shop"), "--parameter", "Guests=false")
	if err != nil {
		t.Fatal(err)
	}
	_, id, _ := strings.Cut(out, "\npool Pool: ")
	id, rest, _ := strings.Cut(id, "\n")
	contains(t, rest, "output PoolId: "+id+"\n")
	pool := describePool(t, endpoint, id)
	if pool.AllowUnauthenticatedIdentities || pool.IdentityPoolTags["poolhouse:applied"] != "Shop/Pool" {
		t.Errorf("%+v", pool)
	}

	// Another stack makes its own; a text that tells no name gets one, and says so.
	if out, notes, err = run(stackOf("Other", "shop")); err != nil || notes != "" {
		t.Fatal(err, notes)
	}
	contains(t, out, "1 to create")
	plain := "Resources: {Pool: {Type: AWS::Cognito::IdentityPool, " +
		"Properties: {AllowUnauthenticatedIdentities: true}}}\n"
	out, notes, err = run(plain)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "1 to create")
	contains(t, notes, `note: the resources get the name "stdin"`)

	for _, test := range []struct {
		text, want string
		flags      []string
	}{
		{"  \n", "standard input is empty: if cdk synth has several stacks, name one", nil},
		{"Resource: {}\n", "standard input: line 1: unknown section", nil},
		{plain, "--stack needs a folder", []string{"--stack", "x"}},
		{plain, "--parameter needs NAME=VALUE", []string{"--parameter", "x"}},
		{plain, "the file has no parameters: it cannot take x", []string{"--parameter", "x=y"}},
		{stackOf("Shop", "shop"), "--parameter Guests is there twice",
			[]string{"--parameter", "Guests=true", "--parameter", "Guests=false"}},
		{stackOf("Shop", "shop"), "the value of the parameter Guests must be one of true, false",
			[]string{"--parameter", "Guests=maybe"}},
		{"Resources: {Bucket: {Type: AWS::S3::Bucket}}\n", "--ignore-unknown leaves it out", nil},
	} {
		if _, _, err := run(test.text, test.flags...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q %v: got %v, want %q", test.text, test.flags, err, test.want)
		}
	}
	_, notes, err = run("Resources: {Bucket: {Type: AWS::S3::Bucket}}\n", "--ignore-unknown", "--name", "x")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, notes, "left out: Bucket, AWS::S3::Bucket: Poolhouse has no resource of this type\n")
}

// With --json standard output has one object, and the plan is on standard error.
func TestApplyJSON(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	run := func(more ...string) (result apply.Result, stderr string) {
		t.Helper()
		args := append([]string{"apply", "--endpoint", endpoint, "-f", "-", "--json"}, more...)
		out, stderr, err := withInput(t, stackOf("Shop", "shop"), args...)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(strings.NewReader(out))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&result); err != nil || decoder.More() {
			t.Fatalf("%v\n%s", err, out)
		}
		return result, stderr
	}

	planned, plan := run("--dry-run")
	contains(t, plan, "1 to create")
	if !planned.DryRun || planned.Pools[0].ID != "" || planned.Resources[0].Action != "create" {
		t.Errorf("%+v", planned)
	}
	made, _ := run()
	id := made.Pools[0].ID
	describePool(t, endpoint, id)
	want := apply.Result{
		Name:  "Shop",
		Pools: []apply.PoolResult{{Name: "Pool", ID: id, IdentityPoolName: "shop"}},
		Resources: []apply.ResourceResult{{
			Name:       "Pool",
			Type:       "AWS::Cognito::IdentityPool",
			PhysicalID: id,
			Action:     "create",
		}},
		Outputs: map[string]apply.OutputResult{"PoolId": {Value: id, Description: "its ID", Export: "shop-id"}},
		Skipped: []apply.Skipped{},
		Notes:   []string{},
	}
	equalJSON(t, made, want)
	want.Resources[0].Action = "none"
	again, _ := run()
	equalJSON(t, again, want)
}

func equalJSON(t *testing.T, got, want any) {
	t.Helper()
	x, _ := json.Marshal(got)
	y, _ := json.Marshal(want)
	if string(x) != string(y) {
		t.Errorf("got  %s\nwant %s", x, y)
	}
}

// assembly writes a folder as cdk synth does: two stacks, of which the second one in the manifest
// comes first, and one of a stage.
func assembly(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	stage := filepath.Join(folder, "assembly-Prod")
	if err := os.Mkdir(stage, 0o700); err != nil {
		t.Fatal(err)
	}
	artifact := func(file, more string) string {
		return `{"type": "aws:cloudformation:stack", "properties": {"templateFile": "` + file + `"` + more
	}
	for path, text := range map[string]string{
		filepath.Join(folder, "manifest.json"): `{"version": "55.0.0", "artifacts": {
			"App.assets": {"type": "cdk:asset-manifest", "properties": {"file": "App.assets.json"}},
			"App": ` + artifact("App.template.json", `}, "dependencies": ["Base", "App.assets"]}`) + `,
			"Base": ` + artifact("Base.template.json", `, "stackName": "base-stack"}, "displayName": "Base"}`) + `,
			"assembly-Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}}}`,
		filepath.Join(folder, "App.template.json"):  stackOf("App", "app"),
		filepath.Join(folder, "Base.template.json"): stackOf("Base", "base"),
		filepath.Join(stage, "manifest.json"): `{"artifacts": {"ProdShop": ` +
			artifact("ProdShop.template.json", `, "stackName": "Prod-Shop"}, "displayName": "Prod/Shop"}`) + `}}`,
		filepath.Join(stage, "ProdShop.template.json"): stackOf("Prod/Shop", "prod"),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	return folder
}

func TestApplyFolder(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	folder := assembly(t)
	run := func(more ...string) string {
		t.Helper()
		return mustRun(t, append([]string{"apply", "--endpoint", endpoint}, more...)...)
	}

	out := run("-f", folder)
	first, second := strings.Index(out, "# base-stack\n"), strings.Index(out, "# App\n")
	third := strings.Index(out, "# Prod-Shop\n")
	if first < 0 || second < first || third < second || strings.Count(out, "\noutput PoolId: ") != 3 {
		t.Errorf("%d, %d, %d:\n%s", first, second, third, out)
	}
	for _, name := range []string{"base-stack", "Base"} {
		out = run("-f", folder, "--stack", name)
		contains(t, out, "0 to create, 0 to update, 0 to delete, 1 without change")
		if strings.Contains(out, "# ") {
			t.Errorf("one stack has a title:\n%s", out)
		}
	}
	contains(t, run("-f", folder, "--stack", "Prod/Shop", "--stack", "App"), "# App\n", "# Prod-Shop\n")

	// The file alone, and the same by a pipe, is the same stack.
	contains(t, run("-f", filepath.Join(folder, "App.template.json")), "1 without change")
	piped, _, err := withInput(t, stackOf("App", "app"), "apply", "--endpoint", endpoint, "-f", "-")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, piped, "1 without change")

	var result apply.Result
	if err := json.Unmarshal([]byte(run("-f", folder, "--json")), &result); err != nil {
		t.Fatal(err)
	}
	if result.Name != "base-stack,App,Prod-Shop" || len(result.Pools) != 3 || result.Resources[1].Name != "App/Pool" ||
		result.Outputs["Prod-Shop/PoolId"].Value != result.Pools[2].ID {
		t.Errorf("%+v", result)
	}

	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-f", folder, "--stack", "Bace"}, `has no stack "Bace": there are base-stack, App, Prod-Shop`},
		{[]string{"-f", folder, "--name", "x"}, "--name is for one file: choose one of the 3 stacks"},
		{[]string{"-f", t.TempDir()}, "has no manifest.json and no file *.template.json"},
		{[]string{"-f", filepath.Join(folder, "App.template.json"), "--stack", "App"}, "--stack needs a folder"},
	} {
		if _, err := command(t, append([]string{"apply", "--endpoint", endpoint}, test.args...)...); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v, want %q", test.args, err, test.want)
		}
	}
}

// A fault in any stack is told before anything is changed.
func TestApplyFolderReadsAllFirst(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	folder := assembly(t)
	bad := strings.Replace(stackOf("App", "app"), "IdentityPoolName", "IdentityPolName", 1)
	if err := os.WriteFile(filepath.Join(folder, "App.template.json"), []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := command(t, "apply", "--endpoint", endpoint, "-f", folder)
	if err == nil || !strings.Contains(err.Error(), "did you mean IdentityPoolName?") {
		t.Errorf("got %v", err)
	}
	if text := mustRun(t, "export", "--endpoint", endpoint); strings.Contains(text, "base") {
		t.Errorf("something was made:\n%s", text)
	}
}

// Manifests that are wrong, or lead out of their folder, are refused; a folder without one has its
// templates by name, without nested ones.
func TestStacks(t *testing.T) {
	write := func(folder, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stack := func(file string) string {
		return `{"artifacts": {"A": {"type": "aws:cloudformation:stack", ` +
			`"properties": {"templateFile": "` + file + `"}}}}`
	}
	stage := func(folder string) string {
		return `{"artifacts": {"A": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "` + folder + `"}}}}`
	}
	for manifest, want := range map[string]string{
		"[":                         "manifest.json: ",
		stack("../x.template.json"): `the path "../x.template.json" leads out of the folder`,
		stack("/etc/passwd"):        "leads out of the folder",
		stack(""):                   "leads out of the folder",
		`{"artifacts": {}}`:         "has no manifest.json and no file",
		stage("none"):               "none has no manifest.json",
		stage("."):                  "too many stages",
	} {
		folder := t.TempDir()
		write(folder, "manifest.json", manifest)
		if _, err := apply.Stacks(folder, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", manifest, err, want)
		}
	}

	folder := t.TempDir()
	for _, name := range []string{"B.template.json", "A.template.json", "A1.nested.template.json", "other.json"} {
		write(folder, name, "{}")
	}
	all, err := apply.Stacks(folder, nil)
	if err != nil || len(all) != 2 || all[0].Name != "A" || all[1].Name != "B" {
		t.Errorf("%+v, %v", all, err)
	}
	if name := apply.StackName(filepath.Join(folder, "A.template.json")); name != "" {
		t.Errorf("a file without a manifest is of the stack %q", name)
	}
}

// A condition on the account asks the server for it, and only then.
func TestApplyAsksForTheAccount(t *testing.T) {
	devKeys(t)
	endpoint := devServer(t)
	text := `Conditions: {Ours: !Equals [!Ref "AWS::AccountId", "000000000000"]}
Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Condition: Ours
    Properties: {AllowUnauthenticatedIdentities: true}
`
	contains(t, mustRun(t, "apply", "--endpoint", endpoint, "-f", written(t, "f.yaml", text)), "1 to create")

	file := written(t, "f.yaml", "Resource: {}\n")
	if _, err := command(t, "apply", "--endpoint", "http://127.0.0.1:1", "-f", file); err == nil ||
		!strings.Contains(err.Error(), "unknown section") {
		t.Errorf("got %v", err)
	}
}
