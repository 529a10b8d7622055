package main

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/settingtable"
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
	ConsoleListen string `setting:"console_listen" shown:"address"`
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
		"console_listen": "Address for the console, host:port. It serves everything that the main address does, " +
			"with the same TLS; the main address then has no console. Empty serves the console on the main address.",
		"lame_duck": "How long the server still answers calls after a stop signal, while /readyz answers 503; " +
			"at most 25s. Empty means 5s in poolhouse serve and 0s in poolhouse dev.",
	}
}

// standard gives a setting that has no value from elsewhere another default than the tag has: that of a command.
func (s *settings) standard(field any, text string) {
	r := s.row(field)
	if v := s.values[r.Name]; v.source != "default" {
		return
	}

	s.values[r.Name] = value{text: text, source: "default"}
	for i := range s.rows {
		if s.rows[i].Name == r.Name {
			s.rows[i].Standard = text
		}
	}
	r.set(text)
}

// value is the text of a setting with its source.
type value struct {
	text   string
	source string // "flag --x", "environment POOLHOUSE_X", "file PATH" or "default"
}

// setting is a single-valued setting.
type setting struct{ settingtable.Row }

// envPrefix begins all environment variables of Poolhouse.
const envPrefix = "POOLHOUSE_"

// flag returns the setting's flag without the leading dashes.
func (r setting) flag() string { return strings.NewReplacer("_", "-", ".", "-").Replace(r.Name) }

// env returns the setting's environment variable.
func (r setting) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(r.Name, ".", "_"))
}

// place returns where the setting is in the file: in a section, or at the top ("").
func (r setting) place() (section, key string) {
	if section, key, found := strings.Cut(r.Name, "."); found {
		return section, key
	}
	return "", r.Name
}

// newSettings returns settings with the defaults.
func newSettings() *settings {
	s := &settings{values: map[string]value{}}
	s.Limits, s.AddressLimits = s.Limits.WithDefaults(), s.AddressLimits.WithDefaults()
	for _, r := range settingtable.Rows(reflect.ValueOf(s).Elem()) {
		s.rows = append(s.rows, setting{r})
	}

	// Settings of a section come after all others, as in the reference.
	slices.SortStableFunc(s.rows, func(a, b setting) int {
		return strings.Count(a.Name, ".") - strings.Count(b.Name, ".")
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
	{name: "console", after: "metrics_listen"},
	{name: "console_listen", after: "console"},
	{name: "console_idle", after: "console_listen"},
	{name: "allowed_origins", after: "lame_duck"},
}

// move moves a setting to the place after another one.
func (s *settings) move(name, after string) {
	place := func(name string) int {
		return slices.IndexFunc(s.rows, func(r setting) bool { return r.Name == name })
	}

	from := place(name)
	moved := s.rows[from]
	s.rows = slices.Delete(s.rows, from, from+1)
	s.rows = slices.Insert(s.rows, place(after)+1, moved)
}

func (r setting) isBool() bool { return r.Field.Kind() == reflect.Bool }

// check refuses a text that the field cannot have. serverConfig checks durations, which not
// all commands need.
func (r setting) check(text string) error {
	switch r.Field.Interface().(type) {
	case bool:
		if _, err := strconv.ParseBool(text); err != nil {
			return fmt.Errorf("%q: use true or false", text)
		}
	case int, float64:
		n, err := strconv.Atoi(text)
		switch {
		case r.Max > 0 && (err != nil || n < 1 || n > r.Max):
			return fmt.Errorf("%q: use a whole number from 1 to %d", text, r.Max)
		case err != nil || n < 1:
			return fmt.Errorf("%q: use a whole number from 1", text)
		}
	}

	return nil
}

// checkDuration refuses a text that is no duration, if the field is one.
func (r setting) checkDuration(text string) error {
	if _, is := r.Field.Interface().(time.Duration); !is {
		return nil
	}
	if _, err := time.ParseDuration(text); err != nil {
		return fmt.Errorf("use a duration, %s", cmp.Or(r.Bounds, "such as 10ms, 5s or 1h"))
	}

	return nil
}

// set sets the field to a text that check and checkDuration have accepted.
func (r setting) set(text string) {
	switch to := r.Field.Addr().Interface().(type) {
	case *bool:
		given, _ := strconv.ParseBool(text)
		*to = given != r.Not
	case *int:
		*to, _ = strconv.Atoi(text)
	case *float64:
		*to, _ = strconv.ParseFloat(text, 64)
	case *time.Duration:
		*to, _ = time.ParseDuration(text)
	case *[]string:
		*to = settingtable.SplitList(text)
	case *string:
		*to = text
	}
}

// row returns the setting that a field of s has.
func (s *settings) row(field any) setting {
	n := slices.IndexFunc(s.rows, func(r setting) bool { return r.Field.Addr().Interface() == field })
	return s.rows[n]
}

// text returns the text of the setting that a field of s has.
func (s *settings) text(field any) string { return s.values[s.row(field).Name].text }

// source returns the source of the setting that a field of s has.
func (s *settings) source(field any) string { return s.values[s.row(field).Name].source }

// fault returns an error that names a setting by its field in s, with source and fault.
func (s *settings) fault(field any, format string, args ...any) error {
	r := s.row(field)
	v := s.values[r.Name]
	return fmt.Errorf("%s = %q (%s): %w", r.Name, r.Shown(v.text), v.source, fmt.Errorf(format, args...))
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
		v := s.values[r.Name]
		list = append(list, shownSetting{Name: r.Name, Value: r.Shown(v.text), Source: v.source})
	}
	return list
}

// forServer lists the settings for the admin API: single-valued ones, and how many entries
// each section of the file has.
func (s *settings) forServer() []poolhouse.Setting {
	list := make([]poolhouse.Setting, 0, len(s.rows))
	for _, r := range s.rows {
		v := s.values[r.Name]
		list = append(list, poolhouse.Setting{
			Name:    r.Name,
			Value:   r.Shown(v.text),
			Source:  v.source,
			Default: r.Shown(r.Standard),
		})
	}

	for _, section := range s.file.counts() {
		list = append(list, poolhouse.Setting{
			Name:   section.name,
			Value:  fmt.Sprintf("%d defined", section.entries),
			Source: "file " + s.file.path,
		})
	}

	return list
}
