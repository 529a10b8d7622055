package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// codeGroup is the code or the tests of one module, without generated files.
type codeGroup struct {
	module string
	test   bool
	files  []*file
}

// group sorts files into groups: the root module first, code before tests.
func group(files []*file) []*codeGroup {
	var groups []*codeGroup
	for _, f := range files {
		if f.generated {
			continue
		}
		i := slices.IndexFunc(groups, func(g *codeGroup) bool { return g.module == f.module && g.test == f.test })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &codeGroup{module: f.module, test: f.test})
		}
		groups[i].files = append(groups[i].files, f)
	}

	slices.SortFunc(groups, func(a, b *codeGroup) int {
		if a.module == b.module && a.test != b.test {
			if b.test {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.module, b.module)
	})

	return groups
}

func (g *codeGroup) title() string {
	module, kind := "root module", "code"
	if g.module != "." {
		module = "module " + g.module
	}
	if g.test {
		kind = "tests"
	}
	return module + ", " + kind
}

func (g *codeGroup) print(out io.Writer) error {
	packages := map[string]bool{}
	atRoot, long, unused, lines := 0, 0, 0, 0
	var fileLines []int
	for _, f := range g.files {
		packages[f.folder()] = true
		if f.folder() == "." {
			atRoot++
		}
		long += len(f.long)
		unused += len(f.unused)
		lines += f.lines
		fileLines = append(fileLines, f.lines)
	}

	var functionLines []int
	bare, tooLong, tables, complicated, functions := 0, 0, 0, 0, g.functions()
	for _, m := range functions {
		functionLines = append(functionLines, m.lines)
		bare += one(m.withoutParagraph())
		tooLong += one(m.tooLong())
		tables += one(m.table && m.lines > mostFunction)
		complicated += one(m.cognitive > mostCognitive)
	}

	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(label, format string, arguments ...any) {
		_, _ = fmt.Fprintf(w, "  %s\t%s\n", label, fmt.Sprintf(format, arguments...))
	}
	_, _ = fmt.Fprintln(w, g.title())
	row("packages, files", "%d, %d", len(packages), len(g.files))
	row("lines, statements", "%d, %d", lines, g.statements())
	row("file lines: median, p90, largest", "%s", spread(fileLines))
	row("functions", "%d", len(functions))
	row("function lines: median, p90, largest", "%s", spread(functionLines))
	row("blank lines in bodies", "%.1f %%", g.blankShare())
	row("bodies of 30 lines or more without a blank one", "%d", bare)
	row("lines over 120 columns", "%d", long)
	row("functions over 70 lines", "%d, and %d tables", tooLong, tables)
	row("functions over cognitive complexity 30", "%d", complicated)
	if !g.test {
		row("exported, named by no other package", "%d", unused)
	}
	if atRoot > 0 && g.module == "." {
		row("Go files at the root", "%d", atRoot)
	}

	return w.Flush()
}

func (g *codeGroup) functions() []function {
	var all []function
	for _, f := range g.files {
		all = append(all, f.functions...)
	}
	return all
}

func (g *codeGroup) statements() int {
	sum := 0
	for _, f := range g.files {
		sum += f.statements
	}
	return sum
}

func (g *codeGroup) bodyLines() int {
	sum := 0
	for _, m := range g.functions() {
		sum += m.body
	}
	return sum
}

// blankShare returns the blank lines in function bodies, per cent of all lines there.
func (g *codeGroup) blankShare() float64 {
	blank := 0
	for _, m := range g.functions() {
		blank += m.blank
	}
	return 100 * float64(blank) / float64(max(1, g.bodyLines()))
}

// spread returns the median, the 90th percentile and the largest of values.
func spread(values []int) string {
	if len(values) == 0 {
		return "none"
	}
	slices.Sort(values)
	last := len(values) - 1
	return strings.Trim(fmt.Sprint([]int{values[last/2], values[last*9/10], values[last]}), "[]")
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
