package explain

import (
	"fmt"
	"strings"
)

// Chapter is the catalogue of one package, for the page of all reasons.
type Chapter struct {
	Title   string
	About   string // when its reasons occur, in one sentence
	Package string // its path in the module; "" = the root
	Reasons Catalogue
}

// Reference returns the page of all reasons in Markdown. Chapters without reasons are
// left out.
func Reference(chapters []Chapter) string {
	var b strings.Builder
	b.WriteString(`# Why calls are refused

<!-- Written by: poolhouse explain --docs -->

Every refusal has a code. It is in the log (` + "`check.code`" + `), in the metric ` + "`poolhouse_refusals_total`" + `
(` + "`reason`" + `) and, with all checks that were made, in the answer of ` +
		"`poolhouse explain REQUEST_ID`" + `, which has
values in place of the words in braces. Codes do not change between versions; texts may.
`)

	for _, c := range chapters {
		if len(c.Reasons) == 0 {
			continue
		}

		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", c.Title, c.About)
		b.WriteString("| Code | Check | Expected | Got | What to change |\n|---|---|---|---|---|\n")

		for _, r := range c.Reasons {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n",
				r.Code, cell(r.Check), cell(r.Expected), cell(r.Got), cell(r.Fix))
		}
	}

	return b.String()
}

// cell returns text for a cell of a Markdown table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "*", `\*`).Replace(text)
}
