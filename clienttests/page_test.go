package clienttests

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// clientsFolder has a page for each client.
const clientsFolder = "../docs/clients"

var (
	// fencedBlock is a block of a page with the comment before it, if there is one.
	fencedBlock = regexp.MustCompile("(?m)(?:^<!-- (.*) -->\n)?^```(\\w+)\n((?s).*?)^```$")

	// fileComment is a first line that names the file which the block is.
	fileComment = regexp.MustCompile(`^(?://|#|<!--) ([\w./-]+\.\w+)(?: -->)?\n`)

	// runBy is the comment of a block that only some run has, with the reason.
	runBy = regexp.MustCompile(`^run by ([\w ]+): \S`)
)

// page has the files and commands that a document gives its reader.
type page struct {
	files    map[string]string // text by name
	commands []command

	hasUserPools bool // it has a program for user pools of development servers
}

// command is a block of shell commands.
type command struct {
	text string
	by   string // the only run that has it; "" for every run
}

// readPage reads a page of clientsFolder.
func readPage(name string) (*page, error) {
	text, err := os.ReadFile(filepath.Join(clientsFolder, name+".md"))
	if err != nil {
		return nil, err
	}

	p, err := parsePage(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s.md: %w", name, err)
	}

	return p, nil
}

// parsePage reads the text of a page. Each of its blocks is a file, shell
// commands, output, or says why it is not run.
func parsePage(text string) (*page, error) {
	p := &page{files: map[string]string{}, hasUserPools: strings.Contains(text, "\n## Development user pools\n")}
	for n, block := range fencedBlock.FindAllStringSubmatch(text, -1) {
		comment, language, content := block[1], block[2], block[3]
		file := fileComment.FindStringSubmatch(content)
		only := runBy.FindStringSubmatch(comment)

		switch {
		case strings.HasPrefix(comment, "no-run: ") || language == "text":
		case language == "sh" && only != nil:
			p.commands = append(p.commands, command{content, only[1]})
		case language == "sh" && comment == "":
			p.commands = append(p.commands, command{content, ""})
		case language != "sh" && file != nil:
			p.files[file[1]] = content
		default:
			return nil, fmt.Errorf("block %d (%s) neither names its file nor says why it is not run", n+1, language)
		}
	}

	return p, nil
}

// script is the page's shell commands in a run.
func (p *page) script(run string) string {
	var script strings.Builder
	for n, c := range p.commands {
		if c.by == "" || c.by == run {
			fmt.Fprintf(&script, "echo '--- commands %d' >&2\n%s\n", n+1, c.text)
		}
	}

	return script.String()
}

// write writes the page's files into dir.
func (p *page) write(t *testing.T, dir string) {
	t.Helper()
	for name, text := range p.files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// shell runs a script in dir and returns its output.
func shell(t *testing.T, dir string, environment []string, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = dir, environment
	var messages bytes.Buffer
	cmd.Stderr = &messages
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, tail(messages.String()))
	}

	return string(out)
}

// Every page of a client is run, and a block that is not says why.
func TestReadPage(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(clientsFolder, "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}

	names, run := map[string]bool{}, map[string]bool{"README": true} // beforeYouStart runs that
	for _, r := range allClientRuns {
		names[r.name], run[r.page] = true, true
	}

	for _, path := range pages {
		name := strings.TrimSuffix(filepath.Base(path), ".md")
		p, err := readPage(name)
		if err != nil {
			t.Error(err)
			continue
		}

		if !run[name] && len(p.files)+len(p.commands) > 0 {
			t.Errorf("nothing runs %s.md, and the page does not say so", name)
		}

		for _, c := range p.commands {
			if c.by != "" && !names[c.by] {
				t.Errorf("%s.md: no run has the name %q", name, c.by)
			}
		}
	}
}

// The blocks of a page are files and commands, and none is left out in silence.
func TestParsePage(t *testing.T) {
	p, err := parsePage("Text.\n\n```go\n// cmd/main.go\npackage main\n```\n" +
		"```xml\n<!-- pom.xml -->\n<project/>\n```\n```sh\necho one\n```\n" +
		"<!-- run by newest: installs -->\n```sh\necho two\n```\n" +
		"<!-- no-run: ends never -->\n```sh\nsleep infinity\n```\n```text\none\n```\n")
	if err != nil {
		t.Fatal(err)
	}

	want := map[string]string{
		"cmd/main.go": "// cmd/main.go\npackage main\n",
		"pom.xml":     "<!-- pom.xml -->\n<project/>\n",
	}
	if !maps.Equal(p.files, want) {
		t.Errorf("files %q", p.files)
	}

	for run, commands := range map[string]string{"pinned": "one", "newest": "one two"} {
		if got := strings.Fields(shell(t, t.TempDir(), nil, p.script(run))); strings.Join(got, " ") != commands {
			t.Errorf("%s runs %q, want %q", run, got, commands)
		}
	}

	for name, text := range map[string]string{
		"a program without its file": "```js\nf();\n```\n",
		"commands without a reason":  "<!-- no-run: -->\n```sh\nls\n```\n",
		"an unknown comment":         "<!-- hidden -->\n```sh\nls\n```\n",
		"a run without a reason":     "<!-- run by newest: -->\n```sh\nls\n```\n",
	} {
		if p, err := parsePage(text); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
