package clienttests

import (
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false,
	"write the table of clients with the versions that ran, and the names of the console's controls")

// newest is the name of the runs at the registries' newest versions: they
// install what the page tells to install, with the machine's own settings.
const newest = "newest"

// clientRun is one run of a client's page.
type clientRun struct {
	page   string // its name in clientsFolder, without the extension
	name   string // what a block's comment may ask for
	client string // its row in the table

	// prepare puts the client where the page's commands find it, and returns the
	// environment for that. It is nil if the page itself installs it.
	prepare func(t *testing.T, dir string) []string

	// version tells which version ran.
	version func(t *testing.T, dir string, environment []string) string

	// more tests what the page tells besides, if it is not nil.
	more func(t *testing.T, s *server, dir string, environment []string)

	ownPool bool // its page makes a pool
}

const (
	amplifyClient   = "[Amplify](amplify.md)"
	javaScript      = "[AWS SDK for JavaScript 3](javascript.md)"
	boto3Client     = "[boto3](boto3.md)"
	boto3OfDebian   = "[boto3](boto3.md) of Debian 12"
	cliOne          = "[AWS CLI](aws-cli.md) 1"
	cliTwo          = "[AWS CLI](aws-cli.md) 2, of Debian 12"
	goClient        = "[AWS SDK for Go 2](go.md)"
	javaClient      = "[AWS SDK for Java 2](java.md)"
	rustClient      = "[AWS SDK for Rust](rust.md)"
	dotnetClient    = "[AWS SDK for .NET](dotnet.md)" // nothing runs it
	terraformClient = "[Terraform](terraform.md)"
	cdkClient       = "[AWS CDK](cdk.md)"
)

// javaVersion is the version of the AWS SDK for Java that CI runs.
const javaVersion = "2.59.1"

// pinnedRuns are at the versions of this repository's lock files, and of Debian.
var pinnedRuns = []clientRun{
	{page: "amplify", name: "pinned", client: amplifyClient, version: npmVersion("aws-amplify"),
		prepare: func(t *testing.T, dir string) []string { return append(nodeModules(t, dir), freePort(t, dir)...) },
		more:    script("amplify.test.mjs")},
	{page: "javascript", name: "pinned", client: javaScript, prepare: nodeModules,
		version: npmVersion("@aws-sdk/client-sts"),
		more:    script("javascript.test.mjs")},
	{page: "boto3", name: "pinned", client: boto3Client, prepare: pythonPackages, version: boto3Version},
	{page: "boto3", name: "of Debian", client: boto3OfDebian, prepare: debian("/usr/bin/python3", "python3-boto3"),
		version: boto3Version},
	{page: "aws-cli", name: "version 1", client: cliOne, prepare: pythonPackages, version: cliVersion},
	{page: "aws-cli", name: "version 2", client: cliTwo, prepare: debian("/usr/bin/aws", "awscli"),
		version: cliVersion},
	{page: "go", name: "pinned", client: goClient, prepare: goModule,
		version: goVersion("github.com/aws/aws-sdk-go-v2/service/cognitoidentity")},
	{page: "java", name: "pinned", client: javaClient, prepare: javaClasspath, version: javaClassVersion},
}

// terraformRun needs Terraform and its AWS provider on the machine.
var terraformRun = clientRun{page: "terraform", name: "pinned", client: terraformClient, prepare: terraformFolder,
	version: terraformVersion, ownPool: true}

// newestRuns install from the registries.
var newestRuns = []clientRun{
	{page: "amplify", name: newest, client: amplifyClient, prepare: freePort, version: npmVersion("aws-amplify"),
		more: script("amplify.test.mjs")},
	{page: "javascript", name: newest, client: javaScript,
		version: npmVersion("@aws-sdk/client-sts"),
		more:    script("javascript.test.mjs")},
	{page: "boto3", name: newest, client: boto3Client, prepare: virtualEnvironment, version: boto3Version},
	{page: "aws-cli", name: newest, client: cliOne, prepare: virtualEnvironment, version: cliVersion},
	{page: "go", name: newest, client: goClient,
		version: goVersion("github.com/aws/aws-sdk-go-v2/service/cognitoidentity")},
	{page: "java", name: newest, client: javaClient, version: javaClassVersion},
	{page: "rust", name: newest, client: rustClient, prepare: cargoTarget, version: rustVersion},
	{page: "cdk", name: newest, client: cdkClient, version: npmVersion("aws-cdk-lib"), ownPool: true},
}

// allClientRuns has a row of the table for each client.
var allClientRuns = slices.Concat(pinnedRuns, []clientRun{terraformRun}, newestRuns)

// The pages of the clients do what they tell, at the versions that are pinned,
// and the table of clients has these versions.
func TestClientPages(t *testing.T) {
	checkTable(t, runClients(t, pinnedRuns), 1)
}

// runClients runs pages beside one server and returns the versions by client.
func runClients(t *testing.T, runs []clientRun) map[string]string {
	t.Helper()
	s := startDev(t, "--demo", "--dev-user-pool-code", code)
	common := beforeYouStart(t, s)
	versions := map[string]string{}
	users := map[string]string{} // identity of the user by client
	for _, run := range runs {
		t.Run(run.page+", "+run.name, func(t *testing.T) {
			dir := t.TempDir()
			p, err := readPage(run.page)
			if err != nil {
				t.Fatal(err)
			}

			environment := slices.Concat(run.environment(t), common)
			p.write(t, dir)
			if run.prepare != nil {
				environment = overlay(environment, run.prepare(t, dir))
			}

			out := shell(t, dir, environment, p.script(run.name))
			user, ok := signedIn(out)
			if !ok {
				t.Errorf("the page's program printed:\n%s", out)
			}
			if p.hasUserPools != userPoolLine.MatchString(color.ReplaceAllString(out, "")) {
				t.Errorf("a program with user pools: %t; it printed:\n%s", p.hasUserPools, out)
			}
			if !run.ownPool {
				users[run.client] = user
			}
			if run.more != nil {
				run.more(t, s, dir, environment)
			}

			if !t.Failed() {
				versions[run.client] = run.version(t, dir, environment)
			}
		})
	}

	// One user has one identity, whatever the client.
	if different := slices.Compact(slices.Sorted(maps.Values(users))); len(different) > 1 {
		t.Errorf("the user has several identities: %v", users)
	}

	return versions
}

// environment is a plain one with the program under test, in newest runs with the machine's settings.
func (r clientRun) environment(t *testing.T) []string {
	if r.name != newest {
		return withProgram(plainEnvironment(t))
	}

	environment := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "AWS_") || strings.HasPrefix(entry, "POOLHOUSE_")
	})

	return withProgram(overlay(environment, []string{"GOWORK=off", "GOFLAGS="}))
}

// overlay returns environment with more; entries of more take the place of those with their names.
// A PATH of more comes before the other.
func overlay(environment, more []string) []string {
	out := slices.Clone(environment)
	for _, entry := range more {
		name, value, _ := strings.Cut(entry, "=")
		at := slices.IndexFunc(out, func(old string) bool { return strings.HasPrefix(old, name+"=") })

		switch {
		case at < 0:
			out = append(out, entry)
		case name == "PATH":
			out[at] = "PATH=" + value + ":" + strings.TrimPrefix(out[at], "PATH=")
		default:
			out[at] = entry
		}
	}

	return out
}

// beforeYouStart runs the commands that the pages' programs rely on, and
// returns the variables that they set.
func beforeYouStart(t *testing.T, s *server) []string {
	t.Helper()
	client(t, "/usr/bin/aws", "awscli")
	p, err := readPage("README")
	if err != nil {
		t.Fatal(err)
	}

	// The reader is in the server's folder. This server keeps nothing, so the variable tells its address.
	environment := append(withProgram(plainEnvironment(t)), "AWS_ENDPOINT_URL_COGNITO_IDENTITY="+s.info.Endpoint)
	out := shell(t, t.TempDir(), environment,
		p.script("")+`echo VARIABLES; env | grep -E '^(ENDPOINT|POOL|LOGIN|TOKEN|USER_|POOLHOUSE_|AWS_)'`)
	_, variables, _ := strings.Cut(out, "VARIABLES\n")

	return strings.Fields(variables)
}

var signedInLine = regexp.MustCompile(`(?m)^(guest|user) (us-east-1:[0-9a-f-]{36}) ` +
	`arn:aws:sts::000000000000:assumed-role/([\w-]+)/CognitoIdentityCredentials$`)

// userPoolLine matches the line of a program with a development user pool.
var userPoolLine = regexp.MustCompile(`(?m)^ann us-east-1:[0-9a-f-]{36} ` +
	`arn:aws:sts::000000000000:assumed-role/[\w-]+/CognitoIdentityCredentials$`)

// color matches the color codes that Maven prints into files, too.
var color = regexp.MustCompile(`\x1b\[[\d;]*m`)

// signedIn reports whether a page's program printed a guest and a user with the
// roles of such, and returns the user's identity.
func signedIn(out string) (string, bool) {
	ids := map[string]string{}
	for _, found := range signedInLine.FindAllStringSubmatch(color.ReplaceAllString(out, ""), -1) {
		if strings.HasSuffix(strings.ToLower(found[3]), found[1]) {
			ids[found[1]] = found[2]
		}
	}

	return ids["user"], ids["guest"] != "" && ids["user"] != ""
}

// outputOf runs a program and returns what it prints.
func outputOf(t *testing.T, dir string, environment []string, name string, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/usr/bin/env", append([]string{name}, arguments...)...)
	cmd.Dir, cmd.Env = dir, environment
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, out)
	}

	return strings.TrimSpace(string(out))
}

// script returns the tests of js/NAME for a page's programs, which are in dir.
func script(name string) func(*testing.T, *server, string, []string) {
	return func(t *testing.T, s *server, dir string, environment []string) {
		t.Helper()
		chromium := client(t, "/usr/bin/chromium", "chromium")
		more := append(slices.DeleteFunc(slices.Clone(environment), func(entry string) bool {
			return strings.HasPrefix(entry, "PATH=")
		}), "POOLHOUSE_CHROMIUM="+chromium, "PAGE="+dir)
		allPassed(t, s.script(t, "js", more, client(t, "node", "nodejs"), "--test", "--test-reporter=tap", name))
	}
}

// table is the clients' table in the README of their pages.
var table = regexp.MustCompile(`(?s)<!-- versions -->\n(.*?)<!-- /versions -->`)

// checkTable compares a column of the clients' table with the versions of a
// run; with -update it writes them.
func checkTable(t *testing.T, versions map[string]string, column int) {
	t.Helper()
	path := filepath.Join(clientsFolder, "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	found := table.FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s has no table", path)
	}

	written := string(found[1])
	ran := withVersions(written, versions, column)
	switch {
	case written == ran:
	case *update:
		text = table.ReplaceAll(text, []byte("<!-- versions -->\n"+ran+"<!-- /versions -->"))
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Error(err)
		}
	case column == 1:
		t.Errorf("%s is stale: run go test ./clienttests -run TestClientPages -update\ngot:\n%s\nwant:\n%s", path,
			written, ran)
	default: // the registries change without this repository
		t.Logf("other versions ran than %s has:\n%s", path, ran)
	}
}

// withVersions returns the clients' table with other versions in a column. The
// rows of clients that did not run stay.
func withVersions(written string, versions map[string]string, column int) string {
	cells := map[string][]string{}
	for line := range strings.Lines(written) {
		if row := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | "); len(row) == 3 {
			cells[row[0]] = row
		}
	}

	var out strings.Builder
	out.WriteString("| Client | Version in CI | Newest |\n|---|---|---|\n")
	for _, name := range clientRows() {
		row := cells[name]
		if row == nil {
			row = []string{name, "not run", "not run"}
		}
		if version, ran := versions[name]; ran {
			row[column] = version
		}
		out.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}

	return out.String()
}

// clientRows are the rows of the clients' table, in order.
func clientRows() []string {
	rows := []string{}
	for _, run := range allClientRuns {
		if !slices.Contains(rows, run.client) {
			rows = append(rows, run.client)
		}
	}

	return append(rows, dotnetClient)
}

// A run writes the versions of its clients only, into its column.
func TestWithVersions(t *testing.T) {
	first := withVersions("", map[string]string{goClient: "v1", javaClient: "2.1"}, 1)
	second := withVersions(first, map[string]string{goClient: "v2", rustClient: "1.3"}, 2)
	for _, row := range []string{"| " + goClient + " | v1 | v2 |", "| " + javaClient + " | 2.1 | not run |",
		"| " + rustClient + " | not run | 1.3 |", "| " + dotnetClient + " | not run | not run |"} {
		if !strings.Contains(second, row+"\n") {
			t.Errorf("the table lacks %s:\n%s", row, second)
		}
	}

	if again := withVersions(second, map[string]string{goClient: "v1"}, 1); again != second {
		t.Errorf("the table changes without a change:\n%s", again)
	}
}

// What a page's program prints counts only with both identities and their roles.
func TestSignedIn(t *testing.T) {
	const id = "us-east-1:00000000-0000-4000-8000-000000000001"
	line := func(who, role string) string {
		return who + " " + id + " arn:aws:sts::000000000000:assumed-role/" + role + "/CognitoIdentityCredentials\n"
	}

	if user, ok := signedIn("\x1b[0m" + line("guest", "app-guest") + line("user", "User")); !ok || user != id {
		t.Errorf("%q, %t", user, ok)
	}

	for _, out := range []string{"", line("user", "User"), line("guest", "Guest"), line("guest", "User") +
		line("user", "User"), line("guest", "Guest") + line("user", "Guest")} {
		if _, ok := signedIn(out); ok {
			t.Errorf("accepted: %s", out)
		}
	}
}
