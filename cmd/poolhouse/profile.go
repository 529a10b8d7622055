package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/sigv4"
)

// awsProfile has the values of one profile in AWS's shared files (AWS SDKs and Tools Reference Guide,
// "Shared config and credentials files").
type awsProfile struct {
	name   string
	values map[string]string
}

// keyVariables are the variables that hold keys, or name a profile.
const keyVariables = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"

// chosenAWSProfile reads the profile that AWS_PROFILE names; nil if it names none.
func chosenAWSProfile() (*awsProfile, error) {
	name := os.Getenv("AWS_PROFILE")
	if name == "" {
		return nil, nil
	}

	p := &awsProfile{name: name, values: map[string]string{}}
	found := false
	// The credentials file counts more: it is read last.
	for _, file := range []struct{ variable, base, section string }{
		{"AWS_CONFIG_FILE", "config", "profile " + name},
		{"AWS_SHARED_CREDENTIALS_FILE", "credentials", name},
	} {
		path := os.Getenv(file.variable)
		if path == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return nil, err
			}
			path = filepath.Join(home, ".aws", file.base)
		}
		sections := []string{file.section}
		if file.base == "config" && name == "default" {
			sections = append(sections, name)
		}

		has, err := p.read(path, sections)
		if err != nil {
			return nil, err
		}
		found = found || has
	}
	if !found {
		return nil, fmt.Errorf("the profile %q of AWS_PROFILE is in neither of AWS's shared files", name)
	}

	return p, nil
}

// maxProfileLine bounds a line of AWS's files, in bytes.
const maxProfileLine = 64 << 10

// read adds the values of some sections of a file. It reports whether one of them is there. A
// file that does not exist has none.
func (p *awsProfile) read(path string, sections []string) (found bool, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()

	in := false
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxProfileLine)

	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		nested := strings.HasPrefix(lines.Text(), " ") || strings.HasPrefix(lines.Text(), "\t")
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			name, _, _ := strings.Cut(line[1:], "]")
			in = slices.Contains(sections, strings.Join(strings.Fields(name), " "))
			found = found || in
		case in && !nested: // nested values belong to single services
			key, value, _ := strings.Cut(line, "=")
			value, _, _ = strings.Cut(strings.TrimSpace(value), " #")
			p.values[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	if err := lines.Err(); err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}

	return found, nil
}

// indirect are the settings by which a profile gets its keys from elsewhere.
var indirect = []string{
	"credential_process", "credential_source", "role_arn", "source_profile", "sso_session", "sso_start_url",
	"web_identity_token_file", "login_session",
}

// keys returns the keys of a profile. Only those that are in the files are read.
func (p *awsProfile) keys() (sigv4.Credentials, error) {
	keys := sigv4.Credentials{
		AccessKeyID:     p.values["aws_access_key_id"],
		SecretAccessKey: p.values["aws_secret_access_key"],
		SessionToken:    p.values["aws_session_token"],
	}
	if keys.AccessKeyID != "" && keys.SecretAccessKey != "" {
		return keys, nil
	}

	for _, setting := range indirect {
		if p.values[setting] != "" {
			return keys, fmt.Errorf("the profile %q gets its keys by %s, which poolhouse cannot do: run first "+
				"eval \"$(aws configure export-credentials --profile %s --format env)\"", p.name, setting, p.name)
		}
	}

	return keys, fmt.Errorf("the profile %q has no aws_access_key_id and aws_secret_access_key", p.name)
}
