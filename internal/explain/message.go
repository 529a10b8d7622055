package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Message is a text that refused calls get on the wire. Several reasons may lead to it.
type Message struct {
	Code string // the error type on the wire; with a comma, that of AWS JSON and that of AWS Query
	Text string // {name} stands for a value; "" = the Message of the only reason
	When string // a sentence; "" = the reasons tell
	Fix  string // what to do; "" = the reasons tell

	Reasons []Code
}

// Messages returns the texts that chapters list, and those that their reasons set, sorted.
func Messages(chapters []Chapter) []Message {
	reasons := byCode(chapters)
	var list []Message
	for _, c := range chapters {
		own := map[string]int{} // text to index in list
		for _, r := range c.Reasons {
			if c.Outcome == "" || r.Message == "" {
				continue
			}
			n, known := own[r.Message]
			if !known {
				n = len(list)
				own[r.Message] = n
				list = append(list, Message{Code: c.Outcome, Text: r.Message})
			}
			list[n].Reasons = append(list[n].Reasons, r.Code)
		}
	}

	for _, c := range chapters {
		for _, m := range c.Messages {
			if m.Text == "" {
				m.Text = reasons[m.Reasons[0]].Message
			}
			list = append(list, m)
		}
	}

	slices.SortStableFunc(list, func(a, b Message) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Text), strings.ToLower(b.Text)), cmp.Compare(a.Code, b.Code))
	})

	return list
}

// byCode returns the reasons of all chapters.
func byCode(chapters []Chapter) map[Code]*Reason {
	reasons := map[Code]*Reason{}
	for _, c := range chapters {
		for _, r := range c.Reasons {
			reasons[r.Code] = r
		}
	}

	return reasons
}

// writeMessages writes the table of messages.
func writeMessages(b *strings.Builder, chapters []Chapter) {
	reasons := byCode(chapters)
	b.WriteString("| Message | Error | When | What to do |\n|---|---|---|---|\n")

	for _, m := range Messages(chapters) {
		var when, fix []string
		for _, code := range m.Reasons {
			r := reasons[code]
			when = append(when, fmt.Sprintf("`%s`: got %s; expected %s", code, cell(r.Got), cell(r.Expected)))
			if len(m.Reasons) == 1 {
				fix = append(fix, cell(r.Fix))
			} else {
				fix = append(fix, fmt.Sprintf("`%s`: %s", code, cell(r.Fix)))
			}
		}
		if m.When != "" {
			when = slices.Insert(when, 0, cell(m.When))
		}
		if m.Fix != "" {
			fix = slices.Insert(fix, 0, cell(m.Fix))
		}

		fmt.Fprintf(b, "| %s | `%s` | %s | %s |\n", cell(m.Text), strings.ReplaceAll(m.Code, ", ", "`, `"),
			strings.Join(when, "<br>"), strings.Join(fix, "<br>"))
	}
}
