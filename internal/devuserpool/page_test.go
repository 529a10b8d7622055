package devuserpool

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the table of docs/dev-user-pools.md")

const pagePath = "../../docs/dev-user-pools.md"

// ignored are members that clients send and that have no meaning here.
var ignored = []string{"AnalyticsMetadata", "ClientMetadata", "ContextData", "DeviceKey",
	"RevokeAssociatedSessions", "UserContextData", "ValidationData"}

// shown are members that are kept and shown, and have no other effect: the server sends no messages, and has
// no hosted pages.
var shown = []string{
	"AllowedOAuthFlows", "AllowedOAuthFlowsUserPoolClient", "AllowedOAuthScopes", "AnalyticsConfiguration",
	"CallbackURLs", "DefaultRedirectURI", "EmailConfiguration", "EmailVerificationMessage",
	"EmailVerificationSubject", "EnablePropagateAdditionalUserContextData", "LogoutURLs", "SmsAuthenticationMessage",
	"SmsConfiguration", "SmsVerificationMessage", "UserPoolTier", "VerificationMessageTemplate",
}

// modelMembers returns the members of each operation's input in the API model.
func modelMembers(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../apigen/cognito-idp.json")
	if err != nil {
		t.Fatal(err)
	}
	var model struct {
		Operations map[string]struct{ Input struct{ Shape string } }
		Shapes     map[string]struct{ Members map[string]any }
	}
	if err := json.Unmarshal(text, &model); err != nil {
		t.Fatal(err)
	}

	all := map[string][]string{}
	for name, op := range model.Operations {
		all[name] = slices.Sorted(maps.Keys(model.Shapes[op.Input.Shape].Members))
	}

	return all
}

// refusedLiteral matches the names of parts that the sources refuse.
var refusedLiteral = regexp.MustCompile(`(?:refusedPart\(|part\{\s*)"([^"]+)"`)

// refusedParts returns the names of parts that the sources refuse, besides operations.
func refusedParts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range refusedLiteral.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasSuffix(found[1], " ") { // a beginning: the operation follows
				all = append(all, found[1])
			}
		}
	}
	slices.Sort(all)

	return slices.Compact(all)
}

// operationTable returns the tables of the page.
func operationTable(t *testing.T) string {
	t.Helper()
	r := newRig(t, nil, nil)
	members := modelMembers(t)
	quoted := func(names []string) string {
		if len(names) == 0 {
			return ""
		}
		return "`" + strings.Join(names, "`, `") + "`"
	}

	var b strings.Builder
	b.WriteString("| Operation | Members | Kept and shown | Without effect |\n|---|---|---|---|\n")
	var refused []string
	for _, op := range apiOperations {
		if _, answer := r.call(op.name, object{}); strings.Contains(answer, "do not simulate the operation") {
			refused = append(refused, op.name)
			continue
		}

		var effect, kept, none []string
		for _, m := range members[op.name] {
			switch {
			case slices.Contains(ignored, m):
				none = append(none, m)
			case slices.Contains(shown, m):
				kept = append(kept, m)
			default:
				effect = append(effect, m)
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", op.name, quoted(effect), quoted(kept), quoted(none))
	}

	b.WriteString("\nRefused with status 400 and `InvalidParameterException`, wherever a call asks for it:\n\n")
	for _, part := range refusedParts(t) {
		b.WriteString("- " + part + "\n")
	}
	b.WriteString("\nOperations that are refused in the same way:\n\n")
	for line := range slices.Chunk(refused, 3) {
		b.WriteString("- " + quoted(line) + "\n")
	}

	return b.String()
}

// TestPage checks that the page has the tables of the code.
func TestPage(t *testing.T) {
	const begin, end = "<!-- begin operations -->\n", "<!-- end operations -->"
	text, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatal("the page has no place for the tables")
	}

	want := before + begin + "\n" + operationTable(t) + "\n" + end + after
	if *update {
		if err := os.WriteFile(pagePath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Error("the tables are out of date: go test ./internal/devuserpool -run TestPage -update")
	}
}
