package main

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// settingsFile is a settings file that could be read.
type settingsFile struct {
	sections
	path    string // "" = there is none
	text    []byte
	written map[string]any // the file's values before they were decoded
}

const (
	addressLimitsKey = "address_limits" // on and off stand for enabled: true and false
	maxFile          = 4 << 20          // bytes
)

// readSettingsFile reads the single values and the sections of a settings file.
func readSettingsFile(path string, rows []setting) (map[string]any, settingsFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, settingsFile{}, fmt.Errorf("settings file: %w", err)
	}
	if info.Size() > maxFile {
		return nil, settingsFile{}, fmt.Errorf(
			"settings file %s has %d bytes; the limit is %d", path, info.Size(), maxFile)
	}

	text, err := os.ReadFile(path)
	if err != nil {
		return nil, settingsFile{}, fmt.Errorf("settings file: %w", err)
	}

	return parseSettings(path, text, rows)
}

func parseSettings(
	path string, text []byte, rows []setting,
) (_ map[string]any, _ settingsFile, err error) {
	// The YAML library panics on some texts, such as a tagged scalar in place of a list.
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("settings file %s: a value has another form than its setting: compare it with "+
				"the reference (`poolhouse config --docs`), and leave out YAML tags such as !!str", path)
		}
	}()

	var raw map[string]any
	if err := yaml.Unmarshal(text, &raw); err != nil {
		return nil, settingsFile{}, fmt.Errorf("settings file %s: %w", path, withoutSource(err))
	}
	if documents, err := parser.ParseBytes(text, 0); err == nil && len(documents.Docs) > 1 {
		return nil, settingsFile{}, fmt.Errorf("settings file %s has %d YAML documents; "+
			"only the first would be used: put all settings in one", path, len(documents.Docs))
	}

	if enabled, ok := boolean(raw[addressLimitsKey]); ok {
		raw[addressLimitsKey] = map[string]any{"enabled": enabled}
	}

	f := settingsFile{path: path, text: text, written: raw}
	faults := checkFile(raw, rows)
	if err := f.decode(&f.sections); err != nil && len(faults) == 0 { // checkFile names the setting
		faults = append(faults, withoutSource(err))
	}
	if err := errors.Join(append(faults, f.check()...)...); err != nil {
		return nil, settingsFile{}, fmt.Errorf("settings file %s: %w", path, err)
	}

	return singleValues(raw, text, rows), f, nil
}

// decode decodes the sections of the file. A text that is no duration is an error, too, but
// does not keep the rest from being decoded, so that the rest can be checked.
func (f settingsFile) decode(to *sections) error {
	var noDuration error
	durations := yaml.CustomUnmarshaler(func(d *time.Duration, text []byte) error {
		var value any
		err := yaml.Unmarshal(text, &value)
		if err == nil {
			*d, err = duration(value)
		}
		noDuration = cmp.Or(noDuration, err)

		return nil
	})
	if err := yaml.UnmarshalWithOptions(f.text, to, durations); err != nil {
		return err
	}
	if to.RateLimits != nil && to.RateLimits.IsZero() {
		to.RateLimits = nil
	}

	return noDuration
}

// singleValues returns the values of single-valued settings, by name.
func singleValues(raw map[string]any, text []byte, rows []setting) map[string]any {
	values := map[string]any{}
	for _, r := range rows {
		from := raw
		section, key := r.place()
		if section != "" {
			from, _ = raw[section].(map[string]any)
		}
		v, given := from[key]
		if _, isFloat := v.(float64); isFloat {
			v = asWritten(text, r.Name, v)
		}
		if given {
			values[r.Name] = v
		}
	}

	return values
}

// asWritten returns the text of a number with a point: 1.10 may be a name, and 1.1 is
// another. It returns value if the number is not written at that place, but is an alias.
func asWritten(text []byte, name string, value any) any {
	path, err := yaml.PathString("$." + name)
	if err != nil {
		return value
	}
	node, err := path.ReadNode(bytes.NewReader(text))
	if err != nil {
		return value
	}

	switch node.Type() {
	case ast.FloatType, ast.InfinityType, ast.NanType:
		return node.GetToken().Value
	default:
		return value
	}
}

// withoutSource returns a YAML error with place and reason but without the lines around
// it, which may have a secret.
func withoutSource(err error) error { return errors.New(yaml.FormatError(err, false, false)) }

// checkFile reports names that no setting has, at any depth, and values that the YAML library
// would not refuse by the setting's name.
func checkFile(raw map[string]any, rows []setting) []error {
	known := fieldsByName(reflect.TypeFor[sections]())
	parts := map[string]map[string]reflect.StructField{}
	for _, r := range rows {
		section, key := r.place()
		if section == "" {
			known[key] = reflect.StructField{}
			continue
		}
		known[section] = reflect.StructField{}
		if parts[section] == nil {
			parts[section] = map[string]reflect.StructField{}
		}
		parts[section][key] = reflect.StructField{}
	}

	faults := checkMapping("", raw, known)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		part, ok := raw[name].(map[string]any)
		switch {
		case ok, raw[name] == nil:
		case name == addressLimitsKey:
			faults = append(faults, fmt.Errorf("%s must be on, off or a mapping", name))
		default:
			faults = append(faults, fmt.Errorf("%s must be a mapping", name))
		}
		faults = append(faults, checkMapping(name+".", part, parts[name])...)
	}

	return faults
}

// fileFields lists the fields of a structure of the file, those of its inline structures too.
// Their Index leads from t to them.
func fileFields(t reflect.Type) []reflect.StructField {
	var list []reflect.StructField
	for n := range t.NumField() {
		field := t.Field(n)
		switch tag := field.Tag.Get("yaml"); tag {
		case "-", "":
		case ",inline":
			for _, inner := range fileFields(field.Type) {
				inner.Index = append([]int{n}, inner.Index...)
				list = append(list, inner)
			}
		default:
			list = append(list, field)
		}
	}

	return list
}

// fieldsByName returns fileFields by their names in the file.
func fieldsByName(t reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for _, field := range fileFields(t) {
		fields[field.Tag.Get("yaml")] = field
	}

	return fields
}

// checkMapping reports the faults of a mapping. known maps names to fields; it does not look
// into fields without a type. If a value has another form than its setting, the YAML library
// refuses it.
func checkMapping(prefix string, mapping map[string]any, known map[string]reflect.StructField) []error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(mapping)) {
		field, ok := known[name]
		if !ok {
			faults = append(faults, fmt.Errorf("unknown setting %s%s%s", prefix, name, suggest(prefix, name, known)))
			continue
		}
		if field.Type != nil {
			faults = append(faults, checkValue(prefix+name, mapping[name], field.Type, field.Tag)...)
		}
	}

	return faults
}

func checkValue(path string, value any, t reflect.Type, tag reflect.StructTag) []error {
	if own, ok := reflect.Zero(t).Interface().(interface{ FileForm() any }); ok {
		t = reflect.TypeOf(own.FileForm())
	}

	var faults []error
	switch t.Kind() {
	case reflect.Pointer:
		return checkValue(path, value, t.Elem(), tag)
	case reflect.Slice:
		items, _ := value.([]any)
		for n, item := range items {
			faults = append(faults, checkValue(fmt.Sprintf("%s[%d]", path, n), item, t.Elem(), tag)...)
		}
	case reflect.Map:
		entries, _ := value.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(entries)) {
			faults = append(faults, checkValue(path+"."+name, entries[name], t.Elem(), tag)...)
		}
	case reflect.Struct:
		if mapping, ok := value.(map[string]any); ok {
			return checkMapping(path+".", mapping, fieldsByName(t))
		}
	case reflect.Int64:
		if t == reflect.TypeFor[time.Duration]() {
			return checkDuration(path, value, tag.Get("form") == "positive")
		}
	}

	return faults
}

func checkDuration(path string, value any, positive bool) []error {
	text, err := scalar(value)
	if err != nil {
		return []error{fmt.Errorf("%s %w", path, err)}
	}
	if text == "" {
		return nil // it is not set
	}
	if d, err := time.ParseDuration(text); err != nil || positive && d <= 0 {
		return []error{fmt.Errorf("%s: %q is not a duration: write it like 3s, 15m or 1h", path, text)}
	}

	return nil
}

// duration reads a duration of the file; 0 = it is not set.
func duration(value any) (time.Duration, error) {
	text, err := scalar(value)
	if err != nil || text == "" {
		return 0, err
	}
	return time.ParseDuration(text)
}

func suggest(prefix, name string, known map[string]reflect.StructField) string {
	names := slices.Sorted(maps.Keys(known))
	if near := explain.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %s%s?", prefix, near)
	}
	return "; known are " + strings.Join(names, ", ")
}

// addTo adds the sections to the server's settings, with the contents of the files that they
// name. It decodes the file again, since it puts contents in the place of paths, and
// `poolhouse config` shows the paths.
func (f settingsFile) addTo(c *poolhouse.Config) error {
	var with sections
	if f.path != "" {
		if err := f.decode(&with); err != nil {
			return withoutSource(err)
		}
	}
	if err := readFiles(filepath.Dir(f.path), "", reflect.ValueOf(&with).Elem(), ""); err != nil {
		return err
	}
	with.addTo(c)

	return nil
}

// readFiles replaces the paths in all fields with the tag file by the contents of the files.
// Paths are relative to folder. It stops at the first fault. setting is the name of v, tag the
// kind of file.
func readFiles(folder, setting string, v reflect.Value, tag string) error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return readFiles(folder, setting, v.Elem(), tag)
	case reflect.Struct:
		for _, field := range fileFields(v.Type()) {
			name := strings.TrimPrefix(setting+"."+field.Tag.Get("yaml"), ".")
			if err := readFiles(folder, name, v.FieldByIndex(field.Index), field.Tag.Get("file")); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for n := range v.Len() {
			if err := readFiles(folder, fmt.Sprintf("%s[%d]", setting, n), v.Index(n), tag); err != nil {
				return err
			}
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })

		for _, key := range keys {
			entry := reflect.New(v.Type().Elem()).Elem()
			entry.Set(v.MapIndex(key))
			if err := readFiles(folder, setting+"."+key.String(), entry, tag); err != nil {
				return err
			}
			v.SetMapIndex(key, entry)
		}
	case reflect.String:
		if tag == "" {
			return nil
		}
		text, err := readNamedFile(folder, setting, v.String(), tag)
		if err != nil {
			return err
		}
		v.SetString(text)
	}

	return nil
}

// readNamedFile reads a file that a setting names. kind is required, or certificates for a
// file that must contain some.
func readNamedFile(folder, setting, path, kind string) (string, error) {
	if path == "" {
		if kind == "required" {
			return "", fmt.Errorf("%s is required; name the file with the identity provider's metadata, "+
				"relative to the settings file's folder", setting)
		}
		return "", nil
	}

	from := path
	if !filepath.IsAbs(path) {
		from = filepath.Join(folder, path)
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return "", fmt.Errorf(
			"%s: %w; name a file that this server may read, relative to the settings file's folder", setting, err)
	}
	if kind == "certificates" && !x509.NewCertPool().AppendCertsFromPEM(text) {
		return "", fmt.Errorf("%s: %s has no certificate in PEM form", setting, path)
	}

	return string(text), nil
}
