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

	Messages []Message // of the package
	Outcome  string    // the error type on the wire with the reasons' own messages; "" = Messages has them
}

// Reference returns the page of all messages and reasons in Markdown. Chapters without reasons are
// left out.
func Reference(chapters []Chapter) string {
	var b strings.Builder
	b.WriteString(`# Errors

<!-- Written by: poolhouse explain --docs -->

Find your error by its text. Words in braces stand for values. Where one message has several reasons,
` + "`poolhouse explain REQUEST_ID`" + ` tells which one it was, with the values. The request ID is in the
answer's header ` + "`x-amzn-RequestId`" + `; SDKs show it with the error.

- [Messages](#messages): each text on the wire, when it is sent, and what to do
- [Reasons](#reasons): each code of a reason, as the log and the metrics have it

## Messages

An answer is deliberately short: it must not help those who guess. In the columns, a code names a reason.

`)
	writeMessages(&b, chapters)

	b.WriteString(`
## Reasons

Every refusal has a code. It is in the log (` + "`check.code`" + `), in the metric ` + "`poolhouse_refusals_total`" + `
(` + "`reason`" + `) and in the answer of ` +
		"`poolhouse explain REQUEST_ID`" + `, with all checks that were made. Codes
do not change between versions; texts may.
`)

	for _, c := range chapters {
		if len(c.Reasons) == 0 {
			continue
		}

		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", c.Title, c.About)
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
