package conformance

import (
	"fmt"
	"strconv"
	"strings"
)

// Reference describes probes in Markdown, for docs/conformance-probes.md.
func Reference(probes []Probe) string {
	var b strings.Builder
	b.WriteString(`# Probes of conformance

[Conformance](conformance.md) tells how to run them. This page is generated: ` + "`make generate`" + `.

| Family | Probes | of the model | of guides | recorded | measured |
|---|---|---|---|---|---|
`)

	var families []string
	inFamily := map[string][]Probe{}
	for _, p := range probes {
		if _, is := inFamily[p.Family]; !is {
			families = append(families, p.Family)
		}
		inFamily[p.Family] = append(inFamily[p.Family], p)
	}
	row := func(name string, chosen []Probe) {
		counts := map[Source]int{}
		for _, p := range chosen {
			counts[p.Source]++
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", name, len(chosen), counts[Model], counts[Guide],
			counts[Recorded], counts[Measured])
	}

	for _, family := range families {
		row(fmt.Sprintf("[%s](#%s)", family, family), inFamily[family])
	}
	row("all", probes)

	for _, family := range families {
		fmt.Fprintf(&b, "\n## %s\n| Probe | Rule | AWS answers | Source |\n|---|---|---|---|\n", family)

		for _, p := range inFamily[family] {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s: %s |\n", p.ID, cell(p.Rule), cell(p.Want.brief()), p.Source,
				cell(linked(p.Cite)))
		}
	}

	return b.String()
}

// maxBrief bounds a text of the table, in characters.
const maxBrief = 110

// brief returns the status and the error, or names the parts that are compared.
func (w Want) brief() string {
	status := "200"
	switch {
	case w.Status != 0:
		status = strconv.Itoa(w.Status)
	case w.Error != "":
		status = "4xx"
	}

	parts := []string{status}
	if w.Error != "" {
		parts = append(parts, "`"+w.Error+"`")
	}
	if w.Message != "" && !strings.HasPrefix(w.Message, "~") {
		parts = append(parts, code(w.Message))
	}
	if w.Error == "" && len(w.Answer) > 0 {
		parts = append(parts, code(asJSON(w.Answer)))
	}

	return strings.Join(parts, " ")
}

// code writes a text as code, cut off where it is too long for a table.
func code(text string) string {
	if runes := []rune(text); len(runes) > maxBrief {
		text = string(runes[:maxBrief]) + "…"
	}
	return "`" + strings.ReplaceAll(text, "`", "'") + "`"
}

// cell escapes what would end a cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "|", "\\|"), "\n", " ")
}

// linked makes a link of an address.
func linked(cite string) string {
	address, rest, _ := strings.Cut(cite, ": ")
	if !strings.HasPrefix(address, "https://") {
		return cite
	}
	name := strings.TrimPrefix(address, "https://")
	if at := strings.LastIndexByte(name, '/'); len(name) > 60 && at > 0 {
		name = name[:strings.IndexByte(name, '/')] + "/…" + name[at:]
	}
	text := "[" + name + "](" + address + ")"
	if rest != "" {
		text += ", " + rest
	}

	return text
}
