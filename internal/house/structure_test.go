package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// atRoot makes the project's root the working directory. The go command keeps the result of a
// test that read files of another module, whatever becomes of the files: run these tests with
// -count=1.
func atRoot(t *testing.T) {
	t.Helper()
	root, err := projectRoot()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
}

// allowedImports is the direction of imports: what each package may import of ours.
var allowedImports = map[string][]string{
	"": {
		"internal/adminapi", "internal/apply", "internal/assume", "internal/awsapi", "internal/cognitoidentity",
		"internal/datalock", "internal/devapi", "internal/devcalls", "internal/devclock", "internal/devcontrol",
		"internal/devfault", "internal/devissuer", "internal/devpage", "internal/devpool", "internal/devsaml",
		"internal/devseed", "internal/devuser", "internal/devuserpool", "internal/envelope", "internal/explain",
		"internal/forwardauth",
		"internal/gate", "internal/iam", "internal/iamapi", "internal/identitypool", "internal/idtoken",
		"internal/issuer", "internal/logging", "internal/login", "internal/metrics", "internal/outbound",
		"internal/overload", "internal/provider", "internal/ratelimit", "internal/saml", "internal/session",
		"internal/signout", "internal/store", "internal/stsapi", "internal/testkeys", "internal/userstatus",
		"internal/webidentity", "internal/wholefile", "sigv4",
		"internal/providercheck", "internal/serverstatus", "internal/settingtable", "internal/signingkeys",
		"internal/statistics",
		"internal/nodes", "internal/traces",
		"internal/console",
	},
	"auth": {"sigv4"},
	"cmd/poolhouse": {
		"", "internal/admincli", "internal/apply", "internal/assume", "internal/clilogin", "internal/conformance",
		"internal/credentialagent", "internal/datalock", "internal/devissuer", "internal/devseed",
		"internal/devuser", "internal/devuserpool", "internal/envelope", "internal/explain",
		"internal/iam", "internal/iam/policy", "internal/identitypool", "internal/issuer", "internal/logging",
		"internal/outbound", "internal/provider", "internal/session", "internal/store", "internal/webidentity",
		"internal/wholefile", "sigv4", "internal/settingtable", "internal/signingkeys", "internal/terminal",
	},
	"internal/adminapi": {
		"auth", "internal/awsapi", "internal/cognitoidentity", "internal/explain", "internal/gate",
		"internal/iam", "internal/identitypool", "internal/ratelimit", "internal/session", "internal/signout",
		"internal/store",
		"internal/issuer", "internal/providercheck", "internal/serverstatus", "internal/settingtable",
		"internal/signingkeys",
		"internal/statistics",
		"internal/envelope", "internal/traces",
		"internal/apply",
	},
	"internal/providercheck": {
		"internal/explain", "internal/iam", "internal/identitypool", "internal/idtoken", "internal/outbound",
		"internal/saml",
	},
	"internal/serverstatus": {"internal/assume", "internal/nodes", "internal/overload", "internal/store"},
	"internal/settingtable": {"internal/explain"},
	"internal/signingkeys":  {"internal/identitypool", "internal/issuer", "internal/store", "internal/webidentity"},
	"internal/admincli":     {"internal/apply", "internal/explain", "internal/terminal"},
	"internal/terminal":     {},
	"internal/apply": {
		"internal/explain", "internal/iam", "internal/identitypool", "internal/provider", "internal/template",
		"internal/wholefile", "sigv4",
	},
	"internal/assume": {
		"internal/explain", "internal/iam", "internal/iam/policy", "internal/identitypool", "internal/issuer",
		"internal/outbound", "internal/session",
	},
	"internal/awsapi": {"internal/explain", "internal/overload"},
	"internal/clilogin": {
		"internal/explain", "internal/idtoken", "internal/outbound", "internal/srp", "internal/wholefile", "sigv4",
	},
	"internal/credentialagent": {"internal/clilogin", "internal/outbound", "internal/wholefile"},
	"internal/cognitoidentity": {
		"internal/assume", "internal/awsapi", "internal/envelope", "internal/explain", "internal/iam",
		"internal/iam/policy",
		"internal/identitypool", "internal/idtoken", "internal/issuer", "internal/login", "internal/overload",
		"internal/provider", "internal/ratelimit", "internal/saml", "internal/session", "internal/store",
		"internal/userstatus",
	},
	"internal/devapi":   {},
	"internal/devcalls": {"internal/explain"},
	"internal/devclock": {},
	"internal/devcontrol": {
		"internal/devapi", "internal/devcalls", "internal/devclock", "internal/devfault", "internal/devissuer",
		"internal/devpool",
		"internal/explain",
	},
	"internal/devfault": {
		"internal/awsapi", "internal/explain", "internal/outbound", "internal/overload", "internal/store",
	},
	"internal/conformance": {"internal/outbound", "sigv4"},
	"internal/console":     {},
	"internal/datalock":    {},
	"internal/envelope":    {"internal/wholefile"},
	"internal/devissuer": {
		"internal/devapi", "internal/devpool", "internal/devstyle", "internal/devuser", "internal/explain",
		"internal/identitypool",
		"internal/testkeys", "internal/wholefile",
	},
	"internal/devpage": {
		"internal/devcalls", "internal/devissuer", "internal/devpool", "internal/devstyle", "internal/devuser",
		"internal/devuserpool",
	},
	"internal/devpool": {"internal/identitypool"},
	"internal/devsaml": {},
	"internal/devseed": {
		"internal/apply", "internal/cognitoidentity", "internal/devissuer", "internal/devuser", "internal/explain",
		"internal/identitypool", "internal/wholefile", "sigv4",
	},
	"internal/devstyle": {},
	"internal/devuser":  {"internal/wholefile"},
	"internal/devuserpool": {
		"internal/awsapi", "internal/devapi", "internal/explain", "internal/identitypool", "internal/srp",
		"internal/overload", "internal/provider", "internal/testkeys", "internal/wholefile",
	},
	"internal/explain": {},
	"internal/forwardauth": {
		"auth", "internal/awsapi", "internal/explain", "internal/gate", "internal/iam", "internal/iam/policy",
		"internal/identitypool", "internal/ratelimit", "internal/session", "sigv4",
	},
	"internal/gate": {
		"auth", "internal/awsapi", "internal/explain", "internal/iam", "internal/iam/policy",
		"internal/identitypool", "internal/session", "sigv4",
	},
	"internal/iam": {
		"internal/explain", "internal/iam/policy", "internal/identitypool", "internal/saml", "internal/store",
	},
	"internal/iam/policy": {"internal/identitypool"},
	"internal/iamapi": {
		"internal/awsapi", "internal/explain", "internal/iam", "internal/iam/policy", "internal/identitypool",
		"internal/store", "internal/webidentity",
	},
	"internal/identitypool": {"internal/explain"},
	"internal/idtoken":      {"internal/explain", "internal/outbound"},
	"internal/issuer":       {"internal/explain", "internal/overload", "internal/store", "internal/testkeys"},
	"internal/logging":      {},
	"internal/login": {
		"internal/explain", "internal/identitypool", "internal/idtoken", "internal/outbound", "internal/saml",
	},
	"internal/metrics": {
		"internal/awsapi", "internal/explain", "internal/issuer", "internal/login", "internal/overload",
		"internal/store",
	},
	"internal/outbound": {"internal/explain"},
	"internal/overload": {},
	"internal/provider": {
		"internal/explain", "internal/iam", "internal/identitypool", "internal/idtoken", "internal/login",
		"internal/outbound",
	},
	"internal/ratelimit": {"internal/awsapi", "internal/explain", "internal/login"},
	"internal/saml":      {"internal/explain"},
	"internal/session": {
		"internal/explain", "internal/iam", "internal/iam/policy", "internal/identitypool", "internal/overload",
		"internal/store",
	},
	"internal/signout": {
		"internal/explain", "internal/iam", "internal/identitypool", "internal/login", "internal/provider",
		"internal/store",
	},
	"internal/statistics": {"internal/awsapi", "internal/identitypool", "internal/store"},
	"internal/store": {
		"internal/identitypool", "internal/overload", "internal/store/engine", "internal/store/postgres",
		"internal/store/sqlite",
	},
	"internal/store/engine":   {"internal/overload"},
	"internal/store/postgres": {"internal/overload", "internal/store/engine"},
	"internal/store/sqlite":   {"internal/overload", "internal/store/engine"},
	"internal/stsapi": {
		"internal/assume", "internal/awsapi", "internal/explain", "internal/iam", "internal/iam/policy",
		"internal/identitypool", "internal/idtoken", "internal/issuer", "internal/login", "internal/overload",
		"internal/provider", "internal/ratelimit", "internal/saml", "internal/session", "internal/webidentity",
	},
	"internal/userstatus": {
		"internal/explain", "internal/identitypool", "internal/idtoken", "internal/outbound", "sigv4",
	},
	"internal/template": {"internal/explain"},
	"internal/testkeys": {},
	"internal/webidentity": {
		"internal/identitypool", "internal/issuer", "internal/overload", "internal/store", "internal/testkeys",
	},
	"internal/nodes":     {"internal/envelope"},
	"internal/traces":    {"internal/explain", "internal/iam", "internal/nodes"},
	"internal/wholefile": {},
	"poolhousetest": {
		"", "internal/apply", "internal/devcalls", "internal/devclock", "internal/devfault", "internal/devseed",
		"internal/devuser", "internal/explain", "internal/wholebody", "poolhousetest/internal/keys", "sigv4",
	},
	"poolhousetest/internal/keys": {"internal/testkeys"},
	"internal/srp":                {},
	"internal/srp/srptest":        {},
	"internal/wholebody":          {},
	"sigv4":                       {},
}

// fences keeps libraries where they belong.
var fences = map[string][]string{
	"modernc.org/sqlite":          {"internal/store/sqlite"},
	"github.com/jackc/pgx/v5":     {"internal/store/postgres"},
	"github.com/pressly/goose/v3": {"internal/store"},
	"github.com/go-jose/go-jose/v4": {
		"internal/devissuer", "internal/devuserpool", "internal/idtoken", "internal/issuer",
	},
	"github.com/beevik/etree":             {"internal/devsaml", "internal/saml"},
	"github.com/russellhaering/goxmldsig": {"internal/devsaml", "internal/saml"},
	"github.com/prometheus/client_golang": {"internal/metrics"},
	"github.com/spf13/cobra":              {"cmd/poolhouse", "internal/admincli"},
	"github.com/knadh/koanf":              {"cmd/poolhouse"},
	"github.com/gofrs/flock":              {"internal/clilogin", "internal/credentialagent", "internal/datalock"},
	"github.com/zalando/go-keyring":       {"internal/clilogin"},
	"golang.org/x/oauth2":                 {"internal/clilogin"},
	"github.com/goccy/go-yaml": {
		"cmd/poolhouse", "internal/admincli", "internal/conformance", "internal/template",
	},
	// Commands read profiles with it, poolhousetest configures clients; else tests only.
	"github.com/aws/aws-sdk-go-v2": {"cmd/poolhouse", "poolhousetest"},

	"github.com/KimMachineGun/automemlimit": {"cmd/poolhouse"},
}

// helpers are programs and packages for tests and measuring, outside the table.
func isHelper(name string) bool {
	return slices.ContainsFunc([]string{
		"bench", "clienttests", "internal/house", "internal/pgtest", "internal/yardstick",
		"internal/apigen", "internal/adminapi/writereference",
		"packaging", "sigv4/internal", "console/src/samples",
	}, func(p string) bool {
		return name == p || strings.HasPrefix(name, p+"/")
	}) || strings.HasSuffix(name, "test")
}

func TestImports(t *testing.T) {
	atRoot(t)

	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}

	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}

		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, modulePath), "/")
		if isHelper(name) && name != "poolhousetest" {
			continue // others use poolhousetest, too: it brings no library with it
		}
		allowed, known := allowedImports[name]
		if !known {
			t.Errorf("package %q is not in the table of imports", name)
		}

		for _, path := range p.Imports {
			if ours, ok := strings.CutPrefix(path, modulePath); ok {
				if ours = strings.TrimPrefix(ours, "/"); !slices.Contains(allowed, ours) {
					t.Errorf("%q may not import %q", name, ours)
				}
			}

			for library, places := range fences {
				if (path == library || strings.HasPrefix(path, library+"/")) && !slices.Contains(places, name) {
					t.Errorf("%q may not import %s", name, path)
				}
			}
		}
	}
}

// The clock is injected: only commands, and the default of an option, read it.
func TestNoWallClock(t *testing.T) {
	forbid(t, regexp.MustCompile(`\btime\.(Now|Since)\(`), "reads the clock")
}

// Only commands write to an output of the process, a running server through the
// outputs of cmd/poolhouse: a write to a pipe that nobody reads would hang it.
func TestNoDirectOutput(t *testing.T) {
	forbid(t,
		regexp.MustCompile(
			`\bos\.Std(out|err)\b|\bfmt\.Print|\blog\.(Print|Fatal|Panic)|\bslog\.(Debug|Info|Warn|Error|Log)\(`,
		),
		"writes to an output of the process")
}

// forbid finds code that only commands and tests may have.
func forbid(t *testing.T, pattern *regexp.Regexp, fault string) {
	t.Helper()
	atRoot(t)

	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && path != "." || entry.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.HasPrefix(path, "cmd/") || isHelper(filepath.ToSlash(filepath.Dir(path))) {
			return nil
		}

		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}

		for n, line := range strings.Split(string(text), "\n") {
			if code, _, _ := strings.Cut(line, "//"); pattern.MatchString(code) {
				t.Errorf("%s:%d %s: %s", path, n+1, fault, strings.TrimSpace(line))
			}
		}

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var testName = regexp.MustCompile("`(Test[A-Za-z0-9_]+)`")

// Pages that name the test of a statement name one that is there.
func TestDocumentedTestsExist(t *testing.T) {
	atRoot(t)

	var sources strings.Builder
	named := map[string]string{} // test to page
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && path != "." || entry.Name() == "node_modules") {
			return filepath.SkipDir
		}
		source, page := strings.HasSuffix(path, "_test.go"), filepath.Ext(path) == ".md"
		if !source && !page {
			return nil
		}

		text, err := os.ReadFile(path)
		if source {
			sources.Write(text)
		} else {
			for _, found := range testName.FindAllSubmatch(text, -1) {
				named[string(found[1])] = path
			}
		}

		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(named) < 20 {
		t.Errorf("%d tests are named: the pages were not found", len(named))
	}

	for name, page := range named {
		if !strings.Contains(sources.String(), "func "+name+"(") {
			t.Errorf("%s names %s, which does not exist", page, name)
		}
	}
}

var phrase = regexp.MustCompile("`([^`]+)`")

// TestGlossary: the phrases in the last column of the glossary stand nowhere else.
func TestGlossary(t *testing.T) {
	atRoot(t)

	const glossary = "docs/glossary.md"
	text, err := os.ReadFile(glossary)
	if err != nil {
		t.Fatal(err)
	}

	var banned []string
	for row := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSuffix(strings.TrimSpace(row), "|"), "|")
		if len(cells) < 3 {
			continue
		}

		for _, found := range phrase.FindAllStringSubmatch(cells[len(cells)-1], -1) {
			banned = append(banned, regexp.QuoteMeta(found[1]))
		}
	}

	if len(banned) < 5 {
		t.Fatalf("%d phrases are banned: the table was not found", len(banned))
	}
	pattern := regexp.MustCompile(`(?i)\b(` + strings.Join(banned, "|") + `)\b`)

	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && path != "." || entry.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if ext := filepath.Ext(path); ext != ".go" && ext != ".md" || path == glossary {
			return nil
		}

		text, err := os.ReadFile(path)
		for n, line := range strings.Split(string(text), "\n") {
			if found := pattern.FindString(line); found != "" {
				t.Errorf("%s:%d has %q: docs/glossary.md has a better word", path, n+1, found)
			}
		}

		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Tests keep to the limits of layout, as go run ./internal/house -limits checks them.
func TestLayoutOfTests(t *testing.T) {
	atRoot(t)
	files, err := readProject(".")
	if err != nil {
		t.Fatal(err)
	}

	tests := slices.DeleteFunc(group(files), func(g *codeGroup) bool { return !g.test })
	if len(tests) == 0 {
		t.Fatal("no tests were read")
	}

	for _, found := range findings(tests, false) {
		t.Error(found)
	}
}
