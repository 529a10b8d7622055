package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// grounds tells what the fix of a reason changes.
var grounds = map[string]string{
	"link":        "one thing of an API; a linkCase of package adminapi follows the link over the wire",
	"unread":      "one thing of an API, of which only the operator's log tells: no account may read the refusal",
	"unreached":   "one thing of an API, and an earlier check refuses the call: only tests of its package get there",
	"setting":     "a setting, which the refusal links to (TestLinkedSettingsExist)",
	"unlinked":    "a thing that no kind of link has: a managed policy, a user pool, a switch of the account",
	"several":     "one of several things, so that no link is right",
	"client":      "the call, or the settings of the client",
	"provider":    "something at the identity provider",
	"machine":     "a clock, proxy, engine or another thing that the operator runs",
	"nothing":     "nothing: wait, or call again",
	"development": "something that only poolhouse dev has",
}

// What a link proposes comes from Link.Adding, which leaves out what people cannot read.
func TestLinksProposeByAdding(t *testing.T) {
	forbid(t, regexp.MustCompile(`\.Add = `), "sets what a link proposes without Adding")
}

// groundsOf reads the list of grounds.
func groundsOf(t *testing.T) map[explain.Code]string {
	t.Helper()
	text, err := os.ReadFile("internal/house/testdata/links.txt")
	if err != nil {
		t.Fatal(err)
	}

	found, ground := map[explain.Code]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, heading := strings.CutSuffix(line, ":"); heading {
			if ground = name; grounds[ground] == "" {
				t.Fatalf("the ground %q is not known", ground)
			}
			continue
		}

		code := explain.Code(line)
		if found[code] != "" {
			t.Errorf("%s is listed twice", code)
		}
		found[code] = ground
	}

	return found
}

// For every reason it is decided whether its refusals link to what the fix changes, and
// if not, why.
func TestEveryReasonHasALinkOrAGround(t *testing.T) {
	atRoot(t)
	listed := groundsOf(t)
	for _, c := range poolhouse.Refusals() {
		for _, r := range c.Reasons {
			if listed[r.Code] == "" {
				t.Errorf("%s: add it to internal/house/testdata/links.txt, below what its fix changes", r.Code)
			}
			delete(listed, r.Code)
		}
	}

	for code := range listed {
		t.Errorf("%s is listed, and no reason has it", code)
	}
}

// Those links of APIs are followed over the wire that the list says.
func TestListedLinksAreFollowed(t *testing.T) {
	atRoot(t)
	files, err := filepath.Glob("internal/adminapi/linkcures*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}

	var cases strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cases.Write(text)
	}

	for code, ground := range groundsOf(t) {
		followed := strings.Contains(cases.String(), `"`+string(code)+`"`)

		never := ground == "unread" || ground == "unreached"
		if ground == "link" && !followed || never && followed {
			t.Errorf("%s is listed as %s; a linkCase follows it: %t", code, ground, followed)
		}
	}
}
