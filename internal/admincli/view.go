package admincli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Forms in which a command shows what it has.
const (
	asTable = "table"
	asJSON  = "json"
	asYAML  = "yaml"
)

var forms = []string{asTable, asJSON, asYAML}

// addForm adds the flags that choose the form.
func addForm(c *cobra.Command) {
	c.Flags().StringP("output", "o", asTable, "form: table for people; json or yaml for programs")
	c.Flags().Bool("json", false, "the same as --output json")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(forms, cobra.ShellCompDirectiveNoFileComp))
}

// formOf returns the form that the flags choose.
func formOf(c *cobra.Command) (string, error) {
	form, _ := c.Flags().GetString("output")
	if short, _ := c.Flags().GetBool("json"); short {
		if c.Flags().Changed("output") && form != asJSON {
			return "", fmt.Errorf("--json and --output %s: give one of them", form)
		}
		form = asJSON
	}
	if !slices.Contains(forms, form) {
		return "", fmt.Errorf("--output %q: use %s", form, strings.Join(forms, ", "))
	}

	return form, nil
}

// show prints value, which has the members of the API, in the form that the flags choose. table
// prints it for people.
func show(c *cobra.Command, value any, table func(*lines)) error {
	return showText(c, value, func(out io.Writer) error {
		text := &lines{}
		table(text)
		return text.writeTo(out)
	})
}

// showText is show for what is more than one table: write prints it for people.
func showText(c *cobra.Command, value any, write func(io.Writer) error) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	if form == asTable {
		return write(c.OutOrStdout())
	}

	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}

	text = explain.TerminalJSON(text)
	if form == asYAML {
		if text, err = terminalYAML(text); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), string(bytes.TrimRight(text, "\n")))

	return err
}

// terminalYAML returns JSON as YAML of the same values, which cannot drive a terminal.
func terminalYAML(text []byte) ([]byte, error) {
	var value any
	if err := yaml.UnmarshalWithOptions(text, &value, yaml.UseOrderedMap()); err != nil {
		return nil, err
	}
	root, err := yaml.ValueToNode(value)
	if err != nil {
		return nil, err
	}
	ast.Walk(quoter{}, root)

	return []byte(root.String()), nil
}

// quoter puts texts in quotes that would drive a terminal. Go's escapes are also YAML's.
type quoter struct{}

// Visit implements ast.Visitor.
func (q quoter) Visit(node ast.Node) ast.Visitor {
	drives := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) } // a tab would be lost, too
	if text, is := node.(*ast.StringNode); is && strings.IndexFunc(text.Value, drives) >= 0 {
		text.Value = strconv.Quote(text.Value)
	}

	return q
}

// lines are rows of cells, whose columns get one width.
type lines struct {
	rows  [][]string
	below []document // texts of several lines, after the rows
}

// document is a JSON text with its title.
type document struct{ title, text string }

// json adds a JSON document, which is shown indented below the rows.
func (l *lines) json(title, text string) {
	if text != "" {
		l.below = append(l.below, document{title, text})
	}
}

// add adds a row. Cells may come from anybody: they cannot drive the terminal.
func (l *lines) add(cells ...string) {
	for i := range cells {
		cells[i] = explain.Escaped(cells[i])
	}
	l.rows = append(l.rows, cells)
}

// named adds a row with a name and a value, unless there is no value.
func (l *lines) named(name, value string) {
	if value != "" {
		l.add(name, value)
	}
}

// printed is a text that cannot drive the terminal.
func printed(text string) string { return explain.Escaped(text) }

func (l *lines) writeTo(out io.Writer) error {
	var table strings.Builder

	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, row := range l.rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // a strings.Builder takes all

	for line := range strings.Lines(table.String()) {
		if _, err := fmt.Fprintln(out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}

	for _, d := range l.below {
		if _, err := fmt.Fprintf(out, "\n%s\n%s\n", printed(d.title), d.indented()); err != nil {
			return err
		}
	}

	return nil
}

// indented returns the document with its members on lines of their own. No line drives the terminal.
func (d document) indented() string {
	var b bytes.Buffer
	text := d.text
	if json.Indent(&b, []byte(text), "", "  ") == nil {
		text = b.String()
	}

	var all []string
	for line := range strings.Lines(text) {
		all = append(all, "  "+printed(strings.TrimRight(line, "\r\n")))
	}

	return strings.Join(all, "\n")
}
