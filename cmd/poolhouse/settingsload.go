package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/settingtable"
)

// load merges the sources: flags come before the environment (POOLHOUSE_*), and that comes
// before the settings file. flags has the flags that were given, by the settings' names;
// environ is os.Environ(); path is the settings file, or "". It reports all faults together,
// each with the setting's name.
//
// koanf reads the sources and gives them their order. It does not decode: the texts of all
// three sources go through setting.set alike, faults name the source, and the sections of the
// file are decoded by the YAML library, whose errors name the line.
func load(flags map[string]string, environ []string, path string) (*settings, error) {
	s := newSettings()
	faults := checkNames(environ, s.rows)
	var fromFile map[string]any
	if path != "" {
		var err error
		if fromFile, s.file, err = readSettingsFile(path, s.rows); err != nil {
			faults = append(faults, err)
		}
	}

	standard := func(r setting) (string, bool) { return r.Standard, true }
	ofFile := func(r setting) (string, bool) {
		text, given, err := r.fileText(fromFile)
		if err != nil {
			faults = append(faults, fmt.Errorf("settings file %s: %s %w", path, r.Name, err))
		}
		return text, given && err == nil
	}
	ofFlags := func(r setting) (string, bool) {
		text, given := flags[r.Name]
		return text, given
	}
	sources := []struct {
		name     func(setting) string
		provider koanf.Provider
	}{
		{name: func(setting) string { return "default" }, provider: texts(s.rows, standard)},
		{name: func(setting) string { return "file " + path }, provider: texts(s.rows, ofFile)},
		{name: func(r setting) string { return "environment " + r.env() }, provider: environment(environ, s.rows)},
		{name: func(r setting) string { return "flag --" + r.flag() }, provider: texts(s.rows, ofFlags)},
	}

	for _, source := range sources {
		k := koanf.New(".")
		if err := k.Load(source.provider, nil); err != nil {
			return nil, err
		}

		for _, r := range s.rows {
			if k.Exists(r.Name) {
				s.values[r.Name] = value{text: k.String(r.Name), source: source.name(r)}
			}
		}
	}

	for _, r := range s.rows {
		v := s.values[r.Name]
		if err := r.check(v.text); err != nil {
			faults = append(faults, fmt.Errorf("%s (%s): %w", r.Name, v.source, err))
			continue
		}
		r.set(v.text)
	}

	return s, errors.Join(faults...)
}

// texts provides the texts that a source has of settings.
func texts(rows []setting, text func(setting) (string, bool)) koanf.Provider {
	values := map[string]any{}
	for _, r := range rows {
		if t, given := text(r); given {
			values[r.Name] = t
		}
	}
	return confmap.Provider(values, ".")
}

// environment provides the settings' environment variables.
func environment(environ []string, rows []setting) koanf.Provider {
	names := map[string]string{}
	for _, r := range rows {
		names[r.env()] = r.Name
	}

	return env.Provider(".", env.Opt{
		Prefix:        envPrefix,
		EnvironFunc:   func() []string { return environ },
		TransformFunc: func(variable, text string) (string, any) { return names[variable], text },
	})
}

// reserved lists variables with envPrefix that are not settings.
var reserved = map[string]bool{"POOLHOUSE_CONFIG": true, poolVariable: true, profileVariable: true}

// checkNames refuses environment variables that no setting has.
func checkNames(environ []string, rows []setting) (faults []error) {
	var names []string
	for _, r := range rows {
		names = append(names, r.env())
	}

	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || reserved[name] || slices.Contains(names, name) {
			continue
		}
		fault := fmt.Errorf("unknown environment variable %s", name)
		if near := explain.Nearest(name, names); near != "" {
			fault = fmt.Errorf("%w; did you mean %s?", fault, near)
		}
		faults = append(faults, fault)
	}

	return faults
}

// fileText returns the text of a value of the file. The items of a list are joined by commas.
func (r setting) fileText(file map[string]any) (text string, given bool, err error) {
	v, given := file[r.Name]
	if enabled, ok := boolean(v); ok && r.isBool() {
		return strconv.FormatBool(enabled), given, nil
	}

	items, isList := v.([]any)
	if !r.IsList() || !isList {
		text, err = scalar(v)
		return text, given, err
	}

	texts := make([]string, len(items))
	for i, item := range items {
		text, ok := item.(string)
		if !ok || len(settingtable.SplitList(text)) != 1 {
			return "", given, fmt.Errorf("must be a list of texts without commas and spaces, not %s",
				explain.ShownAddress(fmt.Sprint(item)))
		}
		texts[i] = text
	}

	return strings.Join(texts, ","), given, nil
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
		case "off", "no", "false":
			return false, true
		}
	}

	return false, false
}
