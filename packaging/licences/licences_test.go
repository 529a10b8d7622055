package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// TestListIsUpToDate also fails if a module has a licence that is not allowed.
func TestListIsUpToDate(t *testing.T) {
	want, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, listFile))
	if err != nil {
		t.Fatal(err)
	}

	if string(got) != string(want) {
		t.Errorf("%s is out of date: run go run ./packaging/licences", listFile)
	}
	for _, module := range []string{"| Go |", "| modernc.org/sqlite |", "| github.com/inconshreveable/mousetrap |",
		"| npm svelte |"} {
		if !strings.Contains(string(want), module) {
			t.Errorf("the list lacks %s", module)
		}
	}
}

// The list is made for one architecture: the others use the same modules.
func TestPlatforms(t *testing.T) {
	for _, system := range platforms {
		var names [2][]string
		for i, arch := range []string{"amd64", "arm64"} {
			packages, err := list(root, system, arch, "./cmd/poolhouse")
			if err != nil {
				t.Fatal(err)
			}
			modules, err := modulesOf(packages)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range modules {
				names[i] = append(names[i], m.name)
			}
		}

		if len(names[0]) < 20 || !slices.Equal(names[0], names[1]) {
			t.Errorf("%s: amd64 has\n%v\narm64\n%v", system, names[0], names[1])
		}
	}
}

func TestIdentify(t *testing.T) {
	mit := strings.Join(phrasesOf(t, "MIT"), " ")
	three := strings.Join(phrasesOf(t, "BSD-3-Clause"), " ")

	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"Go's":       {text: read(t, "bsd3.txt"), want: []string{"BSD-3-Clause"}},
		"Apache":     {text: readRoot(t, "LICENSE"), want: []string{"Apache-2.0"}},
		"MIT":        {text: strings.ToUpper(mit), want: []string{"MIT"}},
		"two in one": {text: mit + "\n---\n" + three, want: []string{"BSD-3-Clause", "MIT"}},
		"two clauses": {
			text: strings.ReplaceAll(three, endorsement, ""),
			want: []string{"BSD-2-Clause"},
		},
	} {
		got, err := identify(tc.text)
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, tc.want)
		}
	}
}

// Licences that are not allowed are refused, also beside one that is.
func TestIdentifyRefuses(t *testing.T) {
	mit := strings.Join(phrasesOf(t, "MIT"), " ")
	for name, text := range map[string]string{
		"GPL":                 "GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007",
		"LGPL beside MIT":     mit + " GNU Lesser General Public License",
		"MIT, Commons Clause": mit + "\n“Commons Clause” License Condition v1.0",
		"AGPL":                "GNU AFFERO GENERAL PUBLIC LICENSE",
	} {
		if got, err := identify(text); err == nil || errors.Is(err, errUnknown) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}

	if got, err := identify("All rights reserved."); !errors.Is(err, errUnknown) {
		t.Errorf("a text that grants nothing: %v, %v", got, err)
	}
	if got, err := identify(strings.Replace(mit, "free of charge", "for a fee", 1)); !errors.Is(err, errUnknown) {
		t.Errorf("a changed MIT licence: %v, %v", got, err)
	}
}

func TestPartNeedsLicence(t *testing.T) {
	for name, p := range map[string]part{
		"no file":         {},
		"only a notice":   {files: []document{{path: "NOTICE", text: "Copyright"}}},
		"an unknown file": {files: []document{{path: "LICENSE", text: "Ask me."}}},
		"beside one that is known": {files: []document{
			{path: "LICENSE", text: strings.Join(phrasesOf(t, "MIT"), " ")},
			{path: "sub/LICENSE", text: "Ask me."},
		}},
	} {
		if err := p.identify(); err == nil {
			t.Errorf("%s: %v", name, p.licences)
		}
	}
}

func phrasesOf(t *testing.T, id string) []string {
	t.Helper()
	for _, l := range allowed {
		if l.id == id {
			return l.phrases
		}
	}
	t.Fatal(id)

	return nil
}

func readRoot(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
