package main

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// settings are the settings in force: the server's, and those of the program around it.
//
// A single-valued setting is a field with the tag `setting`, here or in a type that is part of
// poolhouse.Config. The field's type and tags say everything about it, and SettingHelp
// documents it. Flags, variables, `poolhouse config` and the reference are made from them:
//
//	setting  name in the file; of a struct, the beginning of its fields' names. With ",not" the
//	         field has the opposite value.
//	default  text of the default
//	max      highest value of a number
//	bounds   those of a duration, in words
//	shown    secret: masked; address: without user, password, query and fragment
//	flag     no: there is no flag
//
// Sections of the file with more than one value are in sections.
type settings struct {
	Listen string `setting:"listen" default:"127.0.0.1:4599" shown:"address"`
	poolhouse.Config
	TLSCert       string `setting:"tls_cert"`
	TLSKey        string `setting:"tls_key"`
	MasterKeyFile string `setting:"master_key_file"`
	MasterKeyText string `setting:"master_key" shown:"secret" flag:"no"`
	AWSPolicyFile string `setting:"managed_policies_file"`
	StrictRoles   bool   `setting:"strict_roles"`
	LogLevel      string `setting:"log_level" default:"info"`
	LogFormat     string `setting:"log_format" default:"auto"`
	MetricsListen string `setting:"metrics_listen" shown:"address"`
	LameDuckText  string `setting:"lame_duck"`

	rows   []setting
	values map[string]value // by name
	file   settingsFile
}

// SettingHelp documents the single-valued settings of the program, by name.
func (*settings) SettingHelp() map[string]string {
	return map[string]string{
		"listen":   "Address to listen on, host:port.",
		"tls_cert": "PEM file with the server's certificate and its chain.",
		"tls_key":  "PEM file with the certificate's private key.",
		"master_key_file": "File with the master key, which encrypts secrets in the database; " +
			"empty means master.key in the data folder.",
		"master_key": "The master key itself, instead of a file: 32 bytes in base64.",
		"managed_policies_file": "File with AWS's managed policies that roles may have: the output of aws iam " +
			"get-account-authorization-details --filter AWSManagedPolicy; empty means only the two that are built in.",
		"strict_roles":   "Make poolhouse dev refuse roles that are not defined, as poolhouse serve always does.",
		"log_level":      "Lowest level to log: debug, info, warn or error.",
		"log_format":     "text, json, or auto: text on a terminal, JSON otherwise.",
		"metrics_listen": "Address for /metrics, host:port, plain HTTP; empty serves /metrics on the main address.",
		"lame_duck": "How long the server still answers calls after a stop signal, while /readyz answers 503; " +
			"at most 25s. Empty means 5s in poolhouse serve and 0s in poolhouse dev.",
	}
}

// value is the text of a setting with its source.
type value struct {
	text   string
	source string // "flag --x", "environment POOLHOUSE_X", "file PATH" or "default"
}

// setting is a single-valued setting.
type setting struct {
	name     string // in the file; in a section "section.name"
	standard string // the default
	help     string
	max      int           // of a number; 0 = the server checks it, if anything does
	bounds   string        // of a duration, in words, for messages; "" = none are told
	secret   bool          // masked when shown
	address  bool          // shown without user, password, query and fragment
	hasFlag  bool          // process lists show flags
	not      bool          // field has the opposite value
	field    reflect.Value // of the settings
}

// envPrefix begins all environment variables of Poolhouse.
const envPrefix = "POOLHOUSE_"

// flag returns the setting's flag without the leading dashes.
func (r setting) flag() string { return strings.NewReplacer("_", "-", ".", "-").Replace(r.name) }

// env returns the setting's environment variable.
func (r setting) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(r.name, ".", "_"))
}

// place returns where the setting is in the file: in a section, or at the top ("").
func (r setting) place() (section, key string) {
	if section, key, found := strings.Cut(r.name, "."); found {
		return section, key
	}
	return "", r.name
}

// newSettings returns settings with the defaults.
func newSettings() *settings {
	s := &settings{values: map[string]value{}}
	s.Limits, s.AddressLimits = s.Limits.WithDefaults(), s.AddressLimits.WithDefaults()
	s.addRows(reflect.ValueOf(s).Elem(), setting{hasFlag: true}, map[string]string{})

	// Settings of a section come after all others, as in the reference.
	slices.SortStableFunc(s.rows, func(a, b setting) int {
		return strings.Count(a.name, ".") - strings.Count(b.name, ".")
	})

	for _, m := range moved {
		s.move(m.name, m.after)
	}

	return s
}

// moved lists settings that are shown beside related ones, and not where the structs have them.
var moved = []struct{ name, after string }{
	{name: "tls_cert", after: "account_id"},
	{name: "tls_key", after: "tls_cert"},
	{name: "master_key_file", after: "max_wait"},
	{name: "master_key", after: "master_key_file"},
	{name: "strict_roles", after: "token_algorithm"},
	{name: "allowed_origins", after: "lame_duck"},
}

// move moves a setting to the place after another one.
func (s *settings) move(name, after string) {
	place := func(name string) int {
		return slices.IndexFunc(s.rows, func(r setting) bool { return r.name == name })
	}

	from := place(name)
	moved := s.rows[from]
	s.rows = slices.Delete(s.rows, from, from+1)
	s.rows = slices.Insert(s.rows, place(after)+1, moved)
}

// addRows adds the settings of a struct. help has those of the structs around it, too.
func (s *settings) addRows(in reflect.Value, of setting, help map[string]string) {
	if documented, ok := in.Addr().Interface().(interface{ SettingHelp() map[string]string }); ok {
		for name, text := range documented.SettingHelp() {
			help[of.name+name] = text
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
		r.name += name
		r.hasFlag = of.hasFlag && field.Tag.Get("flag") != "no"
		r.not = option == "not"
		r.field = in.Field(n)
		if field.Type.Kind() == reflect.Struct {
			s.addRows(r.field, r, help)
			continue
		}

		r.help = help[r.name]
		r.secret, r.address = field.Tag.Get("shown") == "secret", field.Tag.Get("shown") == "address"
		r.max, _ = strconv.Atoi(field.Tag.Get("max"))
		r.bounds = field.Tag.Get("bounds")
		if r.standard, ok = field.Tag.Lookup("default"); !ok {
			r.standard = r.text()
		}
		s.rows = append(s.rows, r)
	}
}

func (r setting) isBool() bool { return r.field.Kind() == reflect.Bool }
func (r setting) isList() bool { return r.field.Kind() == reflect.Slice }

// text returns the text of the field.
func (r setting) text() string {
	switch v := r.field.Interface().(type) {
	case bool:
		return strconv.FormatBool(v != r.not)
	case []string:
		return strings.Join(v, ",")
	default:
		return fmt.Sprint(v)
	}
}

// check refuses a text that the field cannot have. serverConfig checks durations, which not
// all commands need.
func (r setting) check(text string) error {
	switch r.field.Interface().(type) {
	case bool:
		if _, err := strconv.ParseBool(text); err != nil {
			return fmt.Errorf("%q: use true or false", text)
		}
	case int, float64:
		n, err := strconv.Atoi(text)
		switch {
		case r.max > 0 && (err != nil || n < 1 || n > r.max):
			return fmt.Errorf("%q: use a whole number from 1 to %d", text, r.max)
		case err != nil || n < 1:
			return fmt.Errorf("%q: use a whole number from 1", text)
		}
	}

	return nil
}

// checkDuration refuses a text that is no duration, if the field is one.
func (r setting) checkDuration(text string) error {
	if _, is := r.field.Interface().(time.Duration); !is {
		return nil
	}
	if _, err := time.ParseDuration(text); err != nil {
		return fmt.Errorf("use a duration, %s", cmp.Or(r.bounds, "such as 10ms, 5s or 1h"))
	}

	return nil
}

// set sets the field to a text that check and checkDuration have accepted.
func (r setting) set(text string) {
	switch to := r.field.Addr().Interface().(type) {
	case *bool:
		given, _ := strconv.ParseBool(text)
		*to = given != r.not
	case *int:
		*to, _ = strconv.Atoi(text)
	case *float64:
		*to, _ = strconv.ParseFloat(text, 64)
	case *time.Duration:
		*to, _ = time.ParseDuration(text)
	case *[]string:
		*to = splitList(text)
	case *string:
		*to = text
	}
}

// splitList splits the text of a list at commas and spaces.
func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// row returns the setting that a field of s has.
func (s *settings) row(field any) setting {
	n := slices.IndexFunc(s.rows, func(r setting) bool { return r.field.Addr().Interface() == field })
	return s.rows[n]
}

// text returns the text of the setting that a field of s has.
func (s *settings) text(field any) string { return s.values[s.row(field).name].text }

// source returns the source of the setting that a field of s has.
func (s *settings) source(field any) string { return s.values[s.row(field).name].source }

// fault returns an error that names a setting by its field in s, with source and fault.
func (s *settings) fault(field any, format string, args ...any) error {
	r := s.row(field)
	v := s.values[r.name]
	return fmt.Errorf("%s = %q (%s): %w", r.name, r.shown(v.text), v.source, fmt.Errorf(format, args...))
}

// shown returns the setting's text as it may be shown.
func (r setting) shown(text string) string {
	switch {
	case r.secret:
		return explain.Secret(text).String()
	case r.address && r.isList():
		items := splitList(text)
		shown := make([]string, len(items))
		for i, item := range items {
			shown[i] = explain.ShownAddress(item)
		}
		if slices.Equal(shown, items) {
			return text // as it was given
		}

		return strings.Join(shown, ",")
	case r.address:
		return explain.ShownAddress(text)
	default:
		return text
	}
}

// shownSetting is a setting as `poolhouse config` prints it.
type shownSetting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// show lists the single-valued settings, secrets masked.
func (s *settings) show() []shownSetting {
	list := make([]shownSetting, 0, len(s.rows))
	for _, r := range s.rows {
		v := s.values[r.name]
		list = append(list, shownSetting{Name: r.name, Value: r.shown(v.text), Source: v.source})
	}
	return list
}
