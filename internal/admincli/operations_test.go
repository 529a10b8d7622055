package admincli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// table returns the rows of a table between marks of a document, as cells.
func table(t *testing.T, page, begin, end string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), begin)
	rest, _, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("%s has no %q", page, end)
	}

	for line := range strings.Lines(rest) {
		if cells := strings.Split(line, "|"); len(cells) > 3 && !strings.HasPrefix(line, "|---") {
			rows = append(rows, cells[1:len(cells)-1])
		}
	}

	return rows[1:]
}

// Every operation of the admin API has a command, which the table of docs/cli.md names; every command of the table
// exists, and every command is in it.
func TestEveryOperationHasACommand(t *testing.T) {
	r := newRig(t)
	commands := table(t, "cli.md", "<!-- commands -->", "<!-- end of commands -->")
	var operations []string
	listed := map[string]bool{}
	quoted := regexp.MustCompile("`([^`]+)`")
	for _, row := range commands {
		operations = append(operations, regexp.MustCompile(`\w+`).FindAllString(row[1], -1)...)
		for _, name := range quoted.FindAllStringSubmatch(row[0], -1) {
			if strings.HasPrefix(name[1], "--") {
				continue
			}
			found, rest, err := r.root().Find(strings.Fields(name[1]))
			if err != nil || !found.Runnable() {
				t.Errorf("docs/cli.md has the command %q: %v", name[1], err)
				continue
			}
			for _, flag := range rest {
				if flag, is := strings.CutPrefix(flag, "--"); is && found.Flags().Lookup(flag) == nil {
					t.Errorf("docs/cli.md has %q, which has no flag --%s", name[1], flag)
				}
			}
			listed[found.CommandPath()] = true
		}
	}
	for _, c := range leaves(r.root()) {
		if !listed[c.CommandPath()] {
			t.Errorf("docs/cli.md lacks the command %q", c.CommandPath())
		}
	}

	for _, row := range table(t, "admin-api/README.md", "<!-- operations:", "<!-- end of operations -->") {
		name := strings.TrimSpace(row[0])
		if name != "LoadIdentities" && !slices.Contains(operations, name) { // `poolhouse apply` loads
			t.Errorf("docs/cli.md has no command for %s", name)
		}
	}
}
