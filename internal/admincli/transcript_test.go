package admincli_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

var update = flag.Bool("update", false, "write testdata/transcript.txt anew")

const transcriptFile = "testdata/transcript.txt"

// changing finds what differs from run to run, and what it becomes: texts of the same length, so that
// columns stay.
var changing = []struct {
	pattern     *regexp.Regexp
	replacement string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d{5}`), "127.0.0.1:PORT5"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), ""},
	{regexp.MustCompile(`(AKIA|ASIA|AROA)[A-Z2-7]{16}`), "${1}----------------"},
	{regexp.MustCompile(`AWS_SECRET_ACCESS_KEY=\S+`), "AWS_SECRET_ACCESS_KEY=SECRET"},
	{regexp.MustCompile(`\d+\.\d MiB`), "9.9 MiB"},
	{regexp.MustCompile(`\d+\.\d ms wait`), "9.9 ms wait"},
	{regexp.MustCompile(`us-east-1\d-[0-9a-f]{16}`), "us-east-1N-----------------"},
	{regexp.MustCompile(`node     \S+`), "node     NAME"},
	{regexp.MustCompile(`node \S+/[a-z2-7]{4}\n`), "node NAME\n"},
	{regexp.MustCompile(`"Node": "[^"]+"`), `"Node": "NAME"`},
	{regexp.MustCompile(`RS256 [\w-]{43}`), "RS256 KEY"},
	{regexp.MustCompile(`aws-sdk-go-v2/[\d.]+`), "aws-sdk-go-v2/9"},
	{regexp.MustCompile(`token form: \d+ bytes`), "token form: 999 bytes"},
	{regexp.MustCompile(`schema \d+`), "schema 99"},
}

// fixed are IDs that are the same in each run.
var fixed = []string{"00000000-0000-4000-8000-000000000001", "11111111-2222-4333-8444-555555555555"}

func settled(text string) string {
	for _, c := range changing {
		text = c.pattern.ReplaceAllStringFunc(text, func(found string) string {
			switch {
			case strings.HasPrefix(found, fixed[0]), strings.HasPrefix(found, fixed[1]):
				return found
			case c.replacement == "":
				return "--------" + found[8:9] + "----" + "-----" + "-----" + "-------------"
			default:
				return c.pattern.ReplaceAllString(found, c.replacement)
			}
		})
	}

	return text
}

// word is a word of a command line, maybe in quotation marks.
var word = regexp.MustCompile(`'[^']*'|\S+`)

func words(line string) []string {
	all := word.FindAllString(line, -1)
	for i := range all {
		all[i] = strings.Trim(all[i], "'")
	}
	return all
}

// variables find what later commands of the transcript name.
var variables = map[string]*regexp.Regexp{
	"$IDENTITY": regexp.MustCompile(`identity  +(us-east-1:[0-9a-f-]{36})`),
	"$KEY":      regexp.MustCompile(`AWS_ACCESS_KEY_ID=(\S+)`),
	"$SIGNING":  regexp.MustCompile(`(?m)^(\S+)  RS256  +retired`),
	"$REQUEST":  regexp.MustCompile(`(?m)^\S+Z  ([0-9a-f-]{36})`),
}

// Every command says in a table what testdata/transcript.txt has. It is written by
// `go test ./internal/admincli -run TestTranscript -update`, and read by whoever changes it.
func TestTranscript(t *testing.T) {
	r := newRig(t)
	before, err := os.ReadFile(transcriptFile)
	if err != nil {
		t.Fatal(err)
	}
	values := r.prepare(t)
	var got strings.Builder
	for line := range strings.Lines(string(before)) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasPrefix(line, "$ poolhouse ") {
			continue
		}

		command := line
		for name, value := range values {
			command = strings.ReplaceAll(command, name, value)
		}
		out, notes, err := r.run(t, "", words(command)[2:]...)
		got.WriteString(line + "\n" + settled(out+notes))
		if err != nil {
			got.WriteString("error: " + settled(err.Error()) + "\n")
		}
		got.WriteString("\n")

		for name, pattern := range variables {
			if found := pattern.FindStringSubmatch(out); found != nil {
				values[name] = found[1]
			}
		}
	}

	// What the admin API has is called, but for `poolhouse apply`, which loads, and the statistics of today.
	for _, row := range table(t, "admin-api/README.md", "<!-- operations:", "<!-- end of operations -->") {
		name := strings.TrimSpace(row[0])
		if r.called(name) == 0 && name != "LoadIdentities" && name != "GetStatistics" {
			t.Errorf("no command of the transcript calls %s", name)
		}
	}

	if *update {
		if err := os.WriteFile(transcriptFile, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	compare(t, string(before), got.String())
}

// prepare makes what the transcript's commands show: a refusal, and a user with credentials. It returns
// the values of variables.
func (r *rig) prepare(t *testing.T) map[string]string {
	t.Helper()
	r.refuse(t)
	credentials, err := r.SignIn(t, poolhousetest.DemoPool, "alice").AWSConfig().Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write(t, filepath.Join(folder, "token.txt"), r.Token(t, "alice"))
	write(t, filepath.Join(folder, "session.txt"), credentials.SessionToken)

	return map[string]string{
		"$FILES":    folder,
		"$SESSION":  credentials.AccessKeyID,
		"$PROVIDER": slices.Collect(maps.Keys(r.Logins(t, "alice")))[0],
	}
}

// refuse makes a call that the server refuses.
func (r *rig) refuse(t *testing.T) {
	t.Helper()
	client := cognitoidentity.NewFromConfig(r.AWSConfig())
	_, err := client.GetId(t.Context(), &cognitoidentity.GetIdInput{
		IdentityPoolId: new("us-east-1:00000000-0000-4000-8000-000000000009"),
	})
	if err == nil {
		t.Fatal("an unknown pool was accepted")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func compare(t *testing.T, want, got string) {
	t.Helper()
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	command := ""
	for i := range max(len(wants), len(gots)) {
		have, expected := "", ""
		if i < len(gots) {
			have = gots[i]
		}
		if i < len(wants) {
			expected = wants[i]
		}
		if strings.HasPrefix(have, "$ ") {
			command = have
		}
		if have != expected {
			t.Fatalf("%s\nline %d:\n got %s\nwant %s", command, i+1, have, expected)
		}
	}
}
