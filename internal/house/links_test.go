package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	// link is a link or picture of a page, without its title.
	link = regexp.MustCompile(`\]\(<?([^)\s>]+)`)
	// fence begins or ends a block of code.
	fence = regexp.MustCompile("^\\s*```")
	// inlineCode is text that looks like a link and is none.
	inlineCode = regexp.MustCompile("`[^`]*`")
	// linkText is a link in a heading: its text alone belongs to the anchor.
	linkText = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
)

// TestLinks: every relative link of a page leads to a file, and its anchor to a heading.
func TestLinks(t *testing.T) {
	atRoot(t)

	pages := map[string]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && path != "." || entry.Name() == "node_modules") {
			return filepath.SkipDir
		}
		// The licences of others keep their texts, whose links lead to places of their own.
		if filepath.Ext(path) != ".md" || path == "THIRD_PARTY_LICENSES.md" {
			return nil
		}

		text, err := os.ReadFile(path)
		pages[path] = string(text)

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	followed := 0
	for page, text := range pages {
		for _, target := range linksOf(text) {
			if fault := follow(pages, page, target); fault != "" {
				t.Errorf("%s: the link to %s: %s", page, target, fault)
			}
			followed++
		}
	}
	if followed < 100 {
		t.Errorf("%d links: the pages were not found", followed)
	}
}

// follow returns what is wrong with a link of a page, or nothing.
func follow(pages map[string]string, page, target string) string {
	path, anchor, _ := strings.Cut(target, "#")
	file := page
	if path != "" {
		file = filepath.Join(filepath.Dir(page), filepath.FromSlash(path))
		if _, err := os.Stat(file); err != nil {
			return "there is no such file"
		}
	}

	if anchor == "" {
		return ""
	}
	if text, found := pages[file]; !found || !anchorsOf(text)[anchor] {
		return "there is no such heading"
	}

	return ""
}

// proseOf returns a page's lines outside blocks of code.
func proseOf(text string) (lines []string) {
	code := false
	for line := range strings.Lines(text) {
		if fence.MatchString(line) {
			code = !code
		} else if !code {
			lines = append(lines, strings.TrimRight(line, "\r\n"))
		}
	}

	return lines
}

// linksOf returns the relative links of a page.
func linksOf(text string) (targets []string) {
	for _, line := range proseOf(text) {
		for _, found := range link.FindAllStringSubmatch(inlineCode.ReplaceAllString(line, "``"), -1) {
			if target := found[1]; !strings.Contains(target, "://") && !strings.HasPrefix(target, "mailto:") {
				targets = append(targets, target)
			}
		}
	}
	return targets
}

// anchorsOf returns the names that GitHub gives to the headings of a page.
func anchorsOf(text string) map[string]bool {
	anchors := map[string]bool{}
	for _, line := range proseOf(text) {
		heading := strings.TrimLeft(line, "#")
		if heading == line || !strings.HasPrefix(heading, " ") {
			continue
		}
		anchors[anchorOf(linkText.ReplaceAllString(strings.TrimSpace(heading), "$1"))] = true
	}

	return anchors
}

func anchorOf(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		default:
			return -1
		}
	}, heading)
}

func TestFollow(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("there.go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{"a.md": "# One `two`: three & [four](b.md)\n\n```sh\n# code\n```\n"}

	for target, broken := range map[string]bool{
		"#one-two-three--four":     false,
		"a.md#one-two-three--four": true, // a page that is not on the disk
		"#code":                    true,
		"#one":                     true,
		"there.go":                 false,
		"there.go#L1":              true,
		"missing.go":               true,
	} {
		if fault := follow(pages, "a.md", target); (fault != "") != broken {
			t.Errorf("%s: %q", target, fault)
		}
	}
}

func TestLinksOf(t *testing.T) {
	got := linksOf("[a](b.md) ![c](<d.png>) `[no](code.md)` [web](https://a.example/b) [m](mailto:a@b.c)\n" +
		"```\n[no](block.md)\n```\n[e](f.md#g \"title\")\n")
	if want := "b.md d.png f.md#g"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
