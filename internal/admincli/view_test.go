package admincli

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

// Names may come from anybody: JSON and YAML have their values, and nothing that drives a terminal.
func TestFormsDriveNoTerminal(t *testing.T) {
	value := map[string]any{"": "", "plain": "shop", "lines": "a\nb\n", "tab": "a\tb"}
	for _, text := range []string{
		"\x1b[2J", "\x7f", "\u009b2J", "a\u202eb", "\u2066", "\u200b", "\ufeff", "\u0085", "\u2028", "\U000e0041",
		"a\r\nb", "a\n\x1b[2J\nb", "a\rb", "a: \u202e", "a\n\tb\n", "\ta", "- \x07", "é 😀", "a\u00a0b", `\`, `"'`,
	} {
		value[text] = text
		value["in "+text] = []any{text, map[string]any{text: text}}
	}

	for _, form := range []string{asJSON, asYAML} {
		var out bytes.Buffer
		c := &cobra.Command{}
		c.SetOut(&out)
		addForm(c)
		if err := c.Flags().Set("output", form); err != nil {
			t.Fatal(err)
		}
		if err := show(c, value, nil); err != nil {
			t.Fatal(err)
		}

		drives := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
		if at := strings.IndexFunc(out.String(), drives); at >= 0 {
			t.Errorf("%s: %q", form, out.String()[at:min(at+40, out.Len())])
		}

		decode := json.Unmarshal
		if form == asYAML {
			decode = func(text []byte, into any) error { return yaml.Unmarshal(text, into) }
		}
		var got map[string]any
		if err := decode(out.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v\n%s", form, err, out.String())
		}
		for key, want := range value {
			if !reflect.DeepEqual(got[key], want) {
				t.Errorf("%s: %q is %q", form, key, got[key])
			}
		}
	}
}
