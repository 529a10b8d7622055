package conformance

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Report is the result of a run.
type Report struct {
	Endpoint string
	Results  []Result
	Left     []string // what could not be deleted
	Err      error    // because of which the run ended early
}

// Count is the number of probes by outcome.
type Count struct{ Passed, Failed, NotRun int }

func (c *Count) add(o Outcome) {
	switch o {
	case Passed:
		c.Passed++
	case Failed:
		c.Failed++
	case NotRun:
		c.NotRun++
	}
}

// Total counts all probes.
func (r Report) Total() Count {
	var c Count
	for _, result := range r.Results {
		c.add(result.Outcome)
	}
	return c
}

// line is a row of a table of counts.
type line struct {
	name string
	Count
}

// by counts the probes in groups, in the order in which they appear.
func (r Report) by(group func(Probe) string) []line {
	var lines []line
	index := map[string]int{}
	for _, result := range r.Results {
		name := group(result.Probe)
		if _, is := index[name]; !is {
			index[name] = len(lines)
			lines = append(lines, line{name: name})
		}
		lines[index[name]].add(result.Outcome)
	}

	return lines
}

// WriteText writes what failed and what was not run, and then the tables of counts.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, result := range r.Results {
		if result.Outcome != Passed {
			result.describe(&b)
		}
	}

	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	write := func(title string, lines []line) {
		fmt.Fprintf(table, "%s\tpassed\tfailed\tnot run\n", title)

		for _, l := range lines {
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\n", l.name, l.Passed, l.Failed, l.NotRun)
		}
	}
	write("family", r.by(func(p Probe) string { return p.Family }))
	fmt.Fprintln(table)
	write("source", r.by(func(p Probe) string { return string(p.Source) }))
	total := r.Total()
	fmt.Fprintf(table, "all\t%d\t%d\t%d\n", total.Passed, total.Failed, total.NotRun)
	if err := table.Flush(); err != nil {
		return err
	}

	for _, id := range r.Left {
		fmt.Fprintf(&b, "could not be deleted: %s\n", Shown(id))
	}
	_, err := io.WriteString(w, b.String())

	return err
}

// describe tells the expected and the actual answer of a probe, and the source.
func (r Result) describe(b *strings.Builder) {
	fmt.Fprintf(b, "%s %s: %s\n", strings.ToUpper(string(r.Outcome)), r.ID, r.Rule)
	if r.Reason != "" {
		fmt.Fprintf(b, "  %s\n", r.Reason)
	}

	for _, d := range r.Differences {
		fmt.Fprintf(b, "  %s\n    expected %s\n    got      %s\n", d.What, d.Want, d.Got)
	}
	fmt.Fprintf(b, "  source   %s: %s\n\n", r.Source, r.Cite)
}

// shownProbe is a probe of the JSON report.
type shownProbe struct {
	ID          string       `json:"id"`
	Family      string       `json:"family"`
	Rule        string       `json:"rule"`
	Source      Source       `json:"source"`
	Cite        string       `json:"cite"`
	Call        string       `json:"call"`
	Expected    Want         `json:"expected"`
	Outcome     Outcome      `json:"outcome,omitempty"`
	Reason      string       `json:"reason,omitempty"`
	Differences []Difference `json:"differences,omitempty"`
	Status      int          `json:"status,omitempty"`
}

func shown(p Probe) shownProbe {
	return shownProbe{
		ID:       p.ID,
		Family:   p.Family,
		Rule:     p.Rule,
		Source:   p.Source,
		Cite:     p.Cite,
		Call:     p.Call,
		Expected: p.Want,
	}
}

// WriteJSON writes an object with the list probes.
func (r Report) WriteJSON(w io.Writer) error {
	probes := make([]shownProbe, len(r.Results))
	for i, result := range r.Results {
		probes[i] = shown(result.Probe)
		probes[i].Outcome, probes[i].Reason = result.Outcome, result.Reason
		probes[i].Differences, probes[i].Status = result.Differences, result.Answer.Status
	}

	left := make([]string, len(r.Left))
	for i, id := range r.Left {
		left[i] = Shown(id)
	}

	total := r.Total()
	object := map[string]any{
		"endpoint": r.Endpoint,
		"passed":   total.Passed,
		"failed":   total.Failed,
		"not_run":  total.NotRun,
		"left":     left,
		"probes":   probes,
	}
	if r.Err != nil {
		object["error"] = Shown(r.Err.Error())
	}

	return writeIndented(w, object)
}

func writeIndented(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")

	return encoder.Encode(value)
}

// List writes probes without running them.
func List(w io.Writer, probes []Probe, asJSON bool) error {
	if asJSON {
		list := make([]shownProbe, len(probes))
		for i, p := range probes {
			list[i] = shown(p)
		}
		return writeIndented(w, map[string]any{"probes": list})
	}

	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range probes {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.ID, p.Source, p.Rule, p.Cite)
	}

	return table.Flush()
}

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	Failure *junitNote `xml:"failure"`
	Error   *junitNote `xml:"error"`
	Skipped *junitNote `xml:"skipped"`
}

type junitNote struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report in the XML format of JUnit: a suite for each family, and one more if the run
// ended early.
func (r Report) WriteJUnit(w io.Writer) error {
	var suites junitSuites
	for _, family := range r.by(func(p Probe) string { return p.Family }) {
		suite := junitSuite{
			Name:     "conformance." + family.name,
			Tests:    family.Passed + family.Failed + family.NotRun,
			Failures: family.Failed,
			Skipped:  family.NotRun,
		}
		for _, result := range r.Results {
			if result.Family == family.name {
				suite.Cases = append(suite.Cases, result.junit())
			}
		}
		suites.Suites = append(suites.Suites, suite)
	}

	// What was never asked must not look like a suite that passed.
	if r.Err != nil {
		ended := junitCase{
			Name:  "all probes were run",
			Class: "conformance.run",
			Error: &junitNote{Message: Shown(r.Err.Error())},
		}
		suites.Suites = append(suites.Suites, junitSuite{
			Name:   "conformance.run",
			Tests:  1,
			Errors: 1,
			Cases:  []junitCase{ended},
		})
	}

	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(suites); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")

	return err
}

func (r Result) junit() junitCase {
	c := junitCase{Name: r.ID, Class: "conformance." + r.Family}
	var text strings.Builder
	r.describe(&text)

	switch r.Outcome {
	case Failed:
		c.Failure = &junitNote{Message: r.Rule, Text: text.String()}
	case NotRun:
		c.Skipped = &junitNote{Message: r.Reason}
	case Passed:
	}

	return c
}
