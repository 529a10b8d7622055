package main

import "fmt"

const (
	leastBlank       = 4.0 // per cent of the lines in function bodies
	mostBlank        = 10.0
	longBody         = 30 // lines: from here on a body needs a blank one
	mostFunction     = 70 // lines
	mostCognitive    = 30
	mostFile         = 500 // lines
	mostFilesAtRoot  = 13  // tests too
	smallestMeasured = 200 // lines in bodies: fewer have no meaningful share of blank ones
)

// mostStatements bounds the statements of the root module's code. A feature that needs more adds a row.
var mostStatements = sum([]share{
	{27_060, "what was there before the code was put in order"},
	{140, "the data and the page of `poolhouse dev`"},
	{300, "its control API, `dev env` and ready files"},
	{700, "its users, seeds and demo"},
	{220, "GetFederationToken, the reads of tools and AWS's managed policies"},
	{1_400, "CloudFormation templates"},
	{50, "templates as seeds"},
	{230, "builds and systemd's credentials"},
	{250, "the check of seeds before anything changes"},
	{200, "the check of templates likewise"},
	{400, "web identity tokens"},
	{1_300, "people who sign in at the issuer of `poolhouse dev`, and the end of what they had"},
	{3_500, "user pools of `poolhouse dev`: operations, tokens, seeds"},
	{1_200, "resets, faults, clock, calls and SAML responses of `poolhouse dev`"},
	{50, "the export of user pools"},
	{40, "bounds of the bytes of user pools and of wrong codes"},
	{1_600, "sign-in on the command line, and credentials for other programs"},
	{360, "what the control API, logins and the agent leave alone, keep or take back"},
	{30, "`logout --all`, files of other users, and second factors that are chosen"},
	{900, "conformance: what AWS is known to answer"},
	{250, "package poolhousetest"},
	{850, "what a token would pass, what rules would give, what a pool's settings would break"},
	{480, "the simulation of policies in the IAM API"},
	{600, "keys, status, settings and tests of providers in the admin API"},
	{950, "counters, statistics, pool summaries, searches and previews of deletions"},
	{130, "statistics of all nodes in one row for each hour"},
	{700, "`ListRefusals`, and nodes that ask each other"},
	{200, "nodes that stop and start, poolers, and bounds of what keys may ask"},
	{2_100, "commands of the admin API, exports of pools, and statistics by day"},
	{150, "the console: its page, headers, settings and listener"},
	{80, "principal tags of all providers of a pool"},
	{50, "the console's samples in Go"},
	{30, "counts that are as fresh for all who read at once"},
	{30, "pages of what a token would pass, which end within a pool"},
	{50, "command lines with a name or an address that nothing has"},
	{30, "lookups, which push out no refusals"},
	{40, "JSON and YAML that drive no terminal"},
	{60, "commands that fail after they made something"},
	{20, "readers of refusals that find no place to wait"},
	{20, "reasons of refusals that do not exist, and the place of principal tags"},
	{10, "names of login providers with secrets, in lists"},
})

// share is the number of statements that something needs.
type share struct {
	statements int
	of         string
}

func sum(shares []share) (all int) {
	for _, s := range shares {
		all += s.statements
	}
	return all
}

// findings lists each break of a limit that has a place, then those of a whole group. Tests are
// held to the limits of layout only: a table of cases is rightly long. With tests, all limits
// apply to them.
func findings(groups []*codeGroup, tests bool) []string {
	var breaks []string
	for _, g := range groups {
		layoutOnly := g.test && !tests
		for _, f := range g.files {
			breaks = append(breaks, f.findings(layoutOnly)...)
		}
		if layoutOnly {
			continue
		}

		share := g.blankShare()
		if g.bodyLines() >= smallestMeasured && (share < leastBlank || share > mostBlank) {
			breaks = append(breaks, fmt.Sprintf("%s: %.1f %% of the lines in bodies are blank, want %.0f to %.0f %%",
				g.title(), share, leastBlank, mostBlank))
		}
	}

	return breaks
}

// findings lists the breaks of one file. The limits of layout are the length of a line and the
// blank line that a long body needs.
func (f *file) findings(layoutOnly bool) []string {
	var breaks []string
	add := func(line int, format string, arguments ...any) {
		breaks = append(breaks, fmt.Sprintf("%s:%d: ", f.path, line)+fmt.Sprintf(format, arguments...))
	}

	if f.lines > mostFile && !layoutOnly {
		add(1, "the file has %d lines, more than %d", f.lines, mostFile)
	}

	for _, n := range f.long {
		add(n, "the line is longer than %d columns", columns)
	}

	for _, m := range f.functions {
		if m.tooLong() && !layoutOnly {
			add(m.line, "%s has %d lines, more than %d", m.name, m.lines, mostFunction)
		}
		if m.withoutParagraph() {
			add(m.line, "%s has %d lines and no blank one", m.name, m.body)
		}
		if m.cognitive > mostCognitive && !layoutOnly {
			add(m.line, "%s has a cognitive complexity of %d, more than %d", m.name, m.cognitive, mostCognitive)
		}
	}

	return breaks
}

// needless lists the exported names that no other package uses. There is no limit for
// them: a constant beside its used siblings is rightly exported.
func needless(files []*file) []string {
	var found []string
	for _, f := range files {
		for _, n := range f.unused {
			found = append(found,
				fmt.Sprintf("%s:%d: %s is exported, but no other package names it", f.path, n.line, n.text))
		}
	}
	return found
}

func (m function) tooLong() bool          { return m.lines > mostFunction && !m.table }
func (m function) withoutParagraph() bool { return m.body >= longBody && m.blank == 0 && !m.table }

// wholeProject lists the breaks that no single line causes.
func wholeProject(groups []*codeGroup, most int) []string {
	var breaks []string

	atRoot, statements := 0, 0
	for _, g := range groups {
		if g.module != "." {
			continue
		}

		for _, f := range g.files {
			if f.folder() == "." {
				atRoot++
			}
		}
		if !g.test {
			statements = g.statements()
		}
	}

	if atRoot > mostFilesAtRoot {
		breaks = append(breaks, fmt.Sprintf("root: %d Go files, more than %d", atRoot, mostFilesAtRoot))
	}
	if most > 0 && statements > most {
		breaks = append(breaks, fmt.Sprintf("root module: %d statements, more than %d", statements, most))
	}

	return breaks
}
