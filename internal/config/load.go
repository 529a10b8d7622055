package config

import (
	"errors"
	"fmt"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Value is a single-valued setting with its source.
type Value struct {
	Text   string
	Source string // "flag --x", "environment POOLHOUSE_X", "file PATH" or "default"
}

// Settings are the settings in force.
type Settings struct {
	values map[string]Value
	File   File
	Path   string // of the file, "" without one
}

// Load merges the sources. flags has the flags that were given, by key; environ is
// os.Environ(); path is the settings file, or "". It reports all faults together, each
// with the setting's name.
func Load(flags map[string]string, environ []string, path string) (*Settings, error) {
	s := &Settings{values: map[string]Value{}, Path: path}

	var faults []error
	var fromFile map[string]any
	if path != "" {
		var err error
		if fromFile, s.File, err = readFile(path); err != nil {
			faults = append(faults, err)
		}
	}

	fromEnv, err := readEnv(environ)
	if err != nil {
		faults = append(faults, err)
	}

	for _, row := range Table {
		v := Value{row.Default, "default"}
		if raw, ok := fromFile[row.Key]; ok {
			if text, err := row.text(raw); err != nil {
				faults = append(faults, fmt.Errorf("settings file %s: %s %w", path, row.name(), err))
			} else {
				v = Value{text, "file " + path}
			}
		}

		if text, ok := fromEnv[row.Key]; ok {
			v = Value{text, "environment " + row.Env()}
		}
		if text, ok := flags[row.Key]; ok {
			v = Value{text, "flag --" + row.Flag()}
		}

		if err := row.check(v.Text); err != nil {
			faults = append(faults, fmt.Errorf("%s (%s): %w", row.name(), v.Source, err))
		}
		s.values[row.Key] = v
	}

	return s, errors.Join(faults...)
}

// reserved lists variables with EnvPrefix that are not settings.
var reserved = map[string]bool{"POOLHOUSE_CONFIG": true}

func readEnv(environ []string) (map[string]string, error) {
	keys := map[string]string{}
	var names []string
	for _, row := range Table {
		keys[row.Env()] = row.Key
		names = append(names, row.Env())
	}

	values := map[string]string{}
	var faults []error
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, EnvPrefix) || reserved[name] {
			continue
		}

		key, ok := keys[name]
		if !ok {
			fault := fmt.Errorf("unknown environment variable %s", name)
			if near := explain.Nearest(name, names); near != "" {
				fault = fmt.Errorf("%w; did you mean %s?", fault, near)
			}
			faults = append(faults, fault)
			continue
		}
		values[key] = value
	}

	return values, errors.Join(faults...)
}

// text returns a value of the file as text. The items of a list are joined by commas.
func (s Setting) text(v any) (string, error) {
	if enabled, ok := boolean(v); ok && s.Kind == Boolean {
		return strconv.FormatBool(enabled), nil
	}

	items, isList := v.([]any)
	if s.Kind != List || !isList {
		return scalar(v)
	}

	texts := make([]string, len(items))
	for i, item := range items {
		text, ok := item.(string)
		if !ok || len(splitList(text)) != 1 {
			return "", fmt.Errorf("must be a list of texts without commas and spaces, not %s",
				explain.ShownAddress(fmt.Sprint(item)))
		}
		texts[i] = text
	}

	return strings.Join(texts, ","), nil
}

// splitList splits the text of a list at commas and spaces.
func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

func scalar(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case nil:
		return "", nil
	default:
		return "", errors.New("must be a single value, not a list or a mapping")
	}
}

// boolean reads a boolean of the file. YAML 1.1 also has on, off, yes and no.
func boolean(v any) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		switch strings.ToLower(v) {
		case "on", "yes", "true":
			return true, true
		case off, "no", "false":
			return false, true
		}
	}

	return false, false
}

func (s Setting) check(text string) error {
	switch s.Kind {
	case Boolean:
		if _, err := strconv.ParseBool(text); err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
	case Integer:
		n, err := strconv.Atoi(text)
		switch {
		case s.Max > 0 && (err != nil || n < 1 || n > s.Max):
			return fmt.Errorf("%q: use a whole number from 1 to %d", text, s.Max)
		case err != nil || n < 1:
			return fmt.Errorf("%q: use a whole number from 1", text)
		}
	}

	return nil
}

// Text returns the text of a setting.
func (s *Settings) Text(key string) string { return s.values[key].Text }

// Source returns the source of a setting.
func (s *Settings) Source(key string) string { return s.values[key].Source }

// List returns the items of a list setting.
func (s *Settings) List(key string) []string { return splitList(s.values[key].Text) }

// Is returns the value of a boolean setting.
func (s *Settings) Is(key string) bool {
	b, _ := strconv.ParseBool(s.values[key].Text) // checked by Load
	return b
}

// Number returns the value of an integer setting.
func (s *Settings) Number(key string) int {
	n, _ := strconv.Atoi(s.values[key].Text) // checked by Load
	return n
}

// Fault returns an error that names a setting, its source and its fault.
func (s *Settings) Fault(key, format string, args ...any) error {
	return fmt.Errorf("%s = %q (%s): %w", key, s.masked(key), s.Source(key), fmt.Errorf(format, args...))
}

// mask replaces a secret.
const mask = "********"

// masked returns a setting's text as it may be shown.
func (s *Settings) masked(key string) string {
	text := s.values[key].Text
	n := slices.IndexFunc(Table, func(row Setting) bool { return row.Key == key })
	switch row := Table[n]; {
	case row.Secret && text != "":
		return mask
	case row.Address && row.Kind == List:
		items := splitList(text)
		shown := make([]string, len(items))
		for i, item := range items {
			shown[i] = explain.ShownAddress(item)
		}
		if slices.Equal(shown, items) {
			return text // as it was given
		}

		return strings.Join(shown, ",")
	case row.Address:
		return explain.ShownAddress(text)
	default:
		return text
	}
}

// Shown is a setting as `poolhouse config` prints it.
type Shown struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Show lists the single-valued settings, secrets masked.
func (s *Settings) Show() []Shown {
	list := make([]Shown, 0, len(Table))
	for _, row := range Table {
		list = append(list, Shown{row.name(), s.masked(row.Key), s.Source(row.Key)})
	}
	return list
}
