// Package settingtable reads from a struct which single-valued settings it has, and shows their
// values. A setting is a field with the tag `setting`; its other tags are:
//
//	default  text of the default
//	max      highest value of a number
//	bounds   those of a duration, in words
//	shown    secret: masked; address: without user, password, query and fragment
//	flag     no: there is no flag
//
// Start reading at Rows.
package settingtable

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Row is a single-valued setting.
type Row struct {
	Name     string // in the file; in a section "section.name"
	Standard string // the default
	Help     string
	Max      int           // of a number; 0 = the server checks it, if anything does
	Bounds   string        // of a duration, in words, for messages; "" = none are told
	Secret   bool          // masked when shown
	Address  bool          // shown without user, password, query and fragment
	HasFlag  bool          // process lists show flags
	Not      bool          // field has the opposite value
	Field    reflect.Value // of the settings
}

// Rows returns the settings of a struct and of the structs in it, in their order. Their defaults are
// the values that the struct has now, unless a tag has another text. A struct with a method
// SettingHelp documents its settings by name.
func Rows(in reflect.Value) []Row {
	return add(nil, in, Row{HasFlag: true}, map[string]string{})
}

// add adds the settings of a struct. help has those of the structs around it, too.
func add(rows []Row, in reflect.Value, of Row, help map[string]string) []Row {
	if documented, ok := in.Addr().Interface().(interface{ SettingHelp() map[string]string }); ok {
		for name, text := range documented.SettingHelp() {
			help[of.Name+name] = text
		}
	}

	for n := range in.NumField() {
		field := in.Type().Field(n)
		tag, ok := field.Tag.Lookup("setting")
		if !ok && !field.Anonymous {
			continue
		}

		r := of
		name, option, _ := strings.Cut(tag, ",")
		r.Name += name
		r.HasFlag = of.HasFlag && field.Tag.Get("flag") != "no"
		r.Not = option == "not"
		r.Field = in.Field(n)
		if field.Type.Kind() == reflect.Struct {
			rows = add(rows, r.Field, r, help)
			continue
		}

		r.Help = help[r.Name]
		r.Secret, r.Address = field.Tag.Get("shown") == "secret", field.Tag.Get("shown") == "address"
		r.Max, _ = strconv.Atoi(field.Tag.Get("max"))
		r.Bounds = field.Tag.Get("bounds")
		if r.Standard, ok = field.Tag.Lookup("default"); !ok {
			r.Standard = r.Text()
		}
		rows = append(rows, r)
	}

	return rows
}

// IsList reports whether the setting is a list of texts.
func (r Row) IsList() bool { return r.Field.Kind() == reflect.Slice }

// Text returns the text of the field.
func (r Row) Text() string {
	switch v := r.Field.Interface().(type) {
	case bool:
		return strconv.FormatBool(v != r.Not)
	case []string:
		return strings.Join(v, ",")
	default:
		return fmt.Sprint(v)
	}
}

// SplitList splits the text of a list at commas and spaces.
func SplitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// Shown returns the setting's text as it may be shown.
func (r Row) Shown(text string) string {
	switch {
	case r.Secret:
		return explain.Secret(text).String()
	case r.Address && r.IsList():
		items := SplitList(text)
		shown := make([]string, len(items))
		for i, item := range items {
			shown[i] = explain.ShownAddress(item)
		}
		if slices.Equal(shown, items) {
			return text // as it was given
		}

		return strings.Join(shown, ",")
	case r.Address:
		return explain.ShownAddress(text)
	default:
		return text
	}
}

// Setting is a setting with its value in force, as it may be shown.
type Setting struct {
	Name    string
	Value   string // masked if it is a secret
	Source  string // such as "flag --x", "environment X", "file PATH" or "default"
	Default string
}

// Of lists the settings of a struct whose fields a program has set: their source is "program" where
// they are not the default. standard is a struct of the same type with the defaults.
func Of(in, standard reflect.Value) []Setting {
	list, defaults := []Setting{}, Rows(standard)
	for n, r := range Rows(in) {
		normal := defaults[n].Standard
		s := Setting{Name: r.Name, Value: r.Shown(r.Text()), Source: "program", Default: r.Shown(normal)}
		if r.Field.IsZero() || r.Text() == normal {
			s.Value, s.Source = s.Default, "default"
		}
		list = append(list, s)
	}

	return list
}
