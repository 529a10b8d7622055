package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/clilogin"
)

// Scripts tell by the status whether a person must sign in, and whether trying again helps.
func TestLoginStatuses(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"sign-in":         {&clilogin.SignInError{Profile: "a"}, statusSignIn},
		"unavailable":     {&clilogin.UnavailableError{Server: "a", Cause: fs.ErrClosed}, statusTryAgain},
		"busy":            {&clilogin.BusyError{Profile: "a"}, statusTryAgain},
		"refused":         {&clilogin.RefusedError{}, statusFailed},
		"missing":         {&clilogin.MissingError{Profile: "a"}, statusFailed},
		"program":         {&programExit{status: 7}, 7},
		"program, joined": {errors.Join(&programExit{status: 7}, fs.ErrPermission), 7},
		"program of 0":    {nil, 0},
	} {
		if got := exitStatus(test.err); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// A program of the agent finds no other credentials before the agent's.
func TestProgramEnvironment(t *testing.T) {
	before := []string{"HOME=/h", "AWS_REGION=eu-west-1", "AWS_CONFIG_FILE=/c"}
	for _, name := range append([]string{
		"AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_CREDENTIAL_FILE", "BOTO_CONFIG", "AWS_CREDENTIAL_PROFILES_FILE",
	}, outranking...) {
		before = append(before, name+"=other")
	}

	after := programEnvironment(before, []variable{{name: fullURIVariable, value: "http://127.0.0.1:1/credentials"}})
	want := []string{
		"HOME=/h", "AWS_REGION=eu-west-1", "AWS_CONFIG_FILE=/c", fullURIVariable + "=http://127.0.0.1:1/credentials",
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "BOTO_CONFIG=" + os.DevNull,
	}
	if !slices.Equal(after, want) {
		t.Errorf("the environment is %q", after)
	}
}

func TestCheckSharedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	t.Setenv("AWS_CONFIG_FILE", path)
	if err := checkSharedFiles(t.Context()); err != nil {
		t.Errorf("no file: %v", err)
	}

	for text, good := range map[string]bool{
		"[default]\nregion = us-east-1\n":                           true,
		"[profile other]\ncredential_process = x\n":                 true,
		"[default]\ncredential_process = x\n":                       false,
		"[profile default]\nsso_session = x\n":                      false,
		"[default]\naws_access_key_id = A\n":                        false,
		"[default]\nrole_arn = A\n[profile other]\nregion = a\n":    false,
		"[default]\n# credential_process = x\nregion = us-east-1\n": true,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := checkSharedFiles(t.Context()); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// With --password-stdin each question takes a line. Without it and a terminal, nobody is asked.
func TestAsker(t *testing.T) {
	c := &cobra.Command{}
	c.SetIn(strings.NewReader("ann\r\nsecret word \nlast"))
	if askerOf(c, false) != nil {
		t.Error("somebody is asked without a terminal")
	}

	ask := askerOf(c, true)
	for _, want := range []string{"ann", "secret word ", "last"} {
		if got, err := ask(t.Context(), "label", true); got != want || err != nil {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if got, err := ask(t.Context(), "label", true); err == nil {
		t.Errorf("after the end: %q", got)
	}
}

func TestReadSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(" of-the-client\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &cobra.Command{}
	c.SetIn(strings.NewReader("of-the-client\n"))
	for _, from := range []string{path, "-"} {
		if got, err := readSecret(c, from); got != "of-the-client" || err != nil {
			t.Errorf("%s: %q, %v", from, got, err)
		}
	}

	c.SetIn(strings.NewReader(strings.Repeat("x", maxClientSecret+1)))
	if _, err := readSecret(c, "-"); err == nil {
		t.Error("a secret without end is taken")
	}
}

// Flags that cannot have an effect together are refused before anything is asked, read or written.
func TestLoginFlags(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())

	for _, test := range []struct {
		args  []string
		want  string
		fails bool // for these flags
	}{
		{[]string{"login", "--client-secret-file", "-", "--password-stdin"}, "both read standard input", true},
		{[]string{"login", "--client-secret-file", "-"}, "both read standard input", false},
		{[]string{"login", "--password-stdin"}, "both read standard input", false},
	} {
		root := rootCommand()
		root.SetArgs(test.args)
		root.SetIn(strings.NewReader(""))
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)

		err := root.ExecuteContext(t.Context())
		if err == nil || strings.Contains(err.Error(), test.want) != test.fails {
			t.Errorf("%q: %v", test.args, err)
		}
	}
}

// What stops a login before it began is told as it is.
func TestLoginErrors(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", folder)
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	profiles := filepath.Join(folder, "poolhouse", "profiles")
	err := errors.Join(os.MkdirAll(profiles, 0o700),
		os.WriteFile(filepath.Join(profiles, "broken.json"), []byte("{"), 0o600))
	if err != nil {
		t.Fatal(err)
	}

	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	flags := []string{
		"--endpoint", "http://127.0.0.1:1", "--identity-pool", "us-east-1:00000000-0000-4000-8000-000000000001",
		"--issuer", "http://127.0.0.1:1", "--client-id", "c",
	}
	for _, test := range []struct {
		ctx  context.Context
		args []string
		want string
	}{
		{t.Context(), []string{"--profile", "broken"}, "is not valid"},
		{t.Context(), append(flags, "--profile", "broken"), "could not be asked"}, // described anew
		{t.Context(), append(flags, "--user-pool", "us-east-1_A"), "--issuer ''"},
		{interrupted, flags, "the sign-in was interrupted"},
	} {
		root := rootCommand()
		root.SetArgs(append([]string{"login"}, test.args...))
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		if err := root.ExecuteContext(test.ctx); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v", test.args, err)
		}
	}
}
