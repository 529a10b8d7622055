package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/datalock"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// addSettings gives a command --config and the flags of the settings, or only of the named
// settings.
func addSettings(c *cobra.Command, only ...string) {
	c.Flags().String("config", "", "settings file, YAML (environment POOLHOUSE_CONFIG)")

	rows := newSettings().rows
	for _, name := range only {
		if !slices.ContainsFunc(rows, func(r setting) bool { return r.Name == name }) {
			panic("no setting has the name " + name)
		}
	}

	for _, r := range rows {
		if !r.HasFlag || len(only) > 0 && !slices.Contains(only, r.Name) {
			continue
		}
		if r.isBool() {
			c.Flags().Bool(r.flag(), r.Standard == "true", r.Help)
		} else {
			c.Flags().String(r.flag(), r.Standard, r.Help)
		}
	}
}

// storeSettings are the settings of commands that open the database.
var storeSettings = []string{"data", "database", "master_key_file"}

// loadSettings merges the command's flags, the environment and the settings file.
func loadSettings(c *cobra.Command) (*settings, error) {
	given := map[string]string{}
	for _, r := range newSettings().rows {
		if f := c.Flags().Lookup(r.flag()); f != nil && f.Changed {
			given[r.Name] = f.Value.String()
		}
	}

	path, err := c.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	if path == "" {
		path = os.Getenv("POOLHOUSE_CONFIG")
	}

	return load(given, os.Environ(), path)
}

// serverConfig returns the server's settings. It reads the files that the settings name,
// relative to the folder of the settings file.
func serverConfig(s *settings) (poolhouse.Config, error) {
	c := s.Config
	c.IssuerURL = strings.TrimSuffix(c.IssuerURL, "/")
	c.MetricsApart, c.ConsoleApart = s.MetricsListen != "", s.ConsoleListen != ""
	c.Version = version()
	if len(c.AllowedOrigins) == 0 {
		return c, s.fault(&s.AllowedOrigins, `list the origins whose pages may call, or give "*" for any`)
	}

	for _, r := range s.rows {
		if err := r.checkDuration(s.values[r.Name].text); err != nil {
			return c, s.fault(r.Field.Addr().Interface(), "%w", err)
		}
	}

	if c.ConsoleIdle == 0 { // the server's Config takes 0 for the default
		return c, s.fault(&s.ConsoleIdle, "use a duration, %s", s.row(&s.ConsoleIdle).Bounds)
	}

	var err error
	if c.ManagedPolicies, err = readAWSPolicies(s.AWSPolicyFile); err != nil {
		return c, s.fault(&s.AWSPolicyFile, "%w", err)
	}

	return c, s.file.addTo(&c)
}

// readAWSPolicies reads a file of AWS's managed policies; "" is no file.
func readAWSPolicies(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()

	text, err := io.ReadAll(io.LimitReader(file, iam.MaxAWSPoliciesBytes+1)) // too long a file is refused later
	if err == nil && len(text) == 0 {
		err = errors.New("the file is empty")
	}

	return string(text), err
}

// masterKey reads the master key that the settings name; nil = use the data folder's. Only
// `poolhouse init` and `poolhouse dev` make the file: elsewhere a path that does not exist is a
// mistake.
func masterKey(s *settings, mayCreate bool) (key []byte, err error) {
	text, path := s.MasterKeyText, s.MasterKeyFile
	switch {
	case text != "" && path != "":
		return nil, s.fault(&s.MasterKeyFile, "master_key is set too; give one of them")
	case text != "":
		if key, err = envelope.ParseKey(text); err != nil {
			return nil, s.fault(&s.MasterKeyText, "%v", err)
		}
		return key, nil
	case path != "":
		if mayCreate {
			key, _, err = envelope.LoadOrCreate(path)
		} else if key, err = envelope.Load(path); errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: put your copy back, or name the right file", err)
		}
		if err != nil {
			return nil, s.fault(&s.MasterKeyFile, "%w", err)
		}

		return key, nil
	default:
		return nil, nil
	}
}

// How long a server still answers after it was told to stop: the defaults, and the longest time.
const (
	serveLameDuck = 5 * time.Second
	devLameDuck   = time.Duration(0)
	maxLameDuck   = datalock.MaxStop
)

// lameDuck reads the setting; standard is the default.
func lameDuck(s *settings, standard time.Duration) (time.Duration, error) {
	text := s.LameDuckText
	if text == "" {
		return standard, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxLameDuck {
		return 0, s.fault(&s.LameDuckText, "use a time from 0s to %v, such as 5s", maxLameDuck)
	}

	return d, nil
}
