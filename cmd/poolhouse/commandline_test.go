package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commandsOf calls a function with every command and its path behind poolhouse.
func commandsOf(c *cobra.Command, path []string, visit func(c *cobra.Command, path []string)) {
	visit(c, path)
	for _, below := range c.Commands() {
		commandsOf(below, append(path[:len(path):len(path)], below.Name()), visit)
	}
}

// said runs a command line and returns what it printed.
func said(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	root := rootCommand()
	root.SetOut(&out)
	root.SetErr(&out)
	err := execute(t.Context(), root, arguments)

	return out.String(), err
}

// A name that a group of commands does not have is an error, wherever the group stands.
func TestUnknownCommandsAreRefused(t *testing.T) {
	groups := 0
	commandsOf(rootCommand(), nil, func(c *cobra.Command, path []string) {
		if !c.HasSubCommands() || c.Runnable() {
			return
		}
		groups++

		for _, before := range [][]string{nil, {"help"}} {
			arguments := append(append(before[:len(before):len(before)], path...), "nope")
			out, err := said(t, arguments...)
			refused := err != nil && strings.Contains(err.Error(), `unknown command "nope"`)
			if !refused || exitStatus(err) != statusFailed || out != "" {
				t.Errorf("%v: %v, printed %q", arguments, err, out)
			}
		}
		helped := [][]string{path}
		if len(path) > 0 {
			helped = append(helped, append(path[:len(path):len(path)], "nope", "--help"))
		}
		for _, arguments := range helped {
			if out, err := said(t, arguments...); err != nil || !strings.Contains(out, "Available Commands:") {
				t.Errorf("%v: %v, printed %q", arguments, err, out)
			}
		}
	})
	if groups < 8 {
		t.Errorf("found %d groups of commands", groups)
	}

	if _, err := said(t, "pool", "creat"); err == nil || !strings.HasSuffix(err.Error(), "did you mean create?") {
		t.Errorf("a near name: %v", err)
	}
}

// An address that no server can have is a mistake of the caller, not a server that does not answer.
func TestWrongEndpointsAreRefused(t *testing.T) {
	commands := 0
	commandsOf(rootCommand(), nil, func(c *cobra.Command, path []string) {
		if c.Flags().Lookup("endpoint") == nil || c.Name() == "login" { // which checks its profile
			return
		}
		commands++

		want := statusFailed
		if c.Name() == "conformance" {
			want = statusCouldNotRun
		}
		for _, wrong := range []string{"", "ftp://x", "x", "http://", "http:x", "localhost:1", "://", "http://[::1"} {
			if err := c.ParseFlags([]string{"--endpoint=" + wrong}); err != nil {
				t.Fatal(err)
			}
			if c.PreRunE == nil {
				t.Fatalf("%v does not check --endpoint", path)
			}
			err := c.PreRunE(c, nil)
			if exitStatus(err) != want || !strings.HasPrefix(err.Error(), "--endpoint must be the URL of a server") {
				t.Errorf("%v --endpoint=%s: %v", path, wrong, err)
			}
		}
		if err := c.ParseFlags([]string{"--endpoint=https://auth.example:8443/"}); err != nil {
			t.Fatal(err)
		}
		if err := c.PreRunE(c, nil); err != nil {
			t.Errorf("%v refuses an address: %v", path, err)
		}
	})
	if commands < 30 {
		t.Errorf("found %d commands with an address", commands)
	}

	t.Setenv(endpointVariable, "auth.example")
	if _, err := said(t, "pool", "list"); err == nil || !strings.HasPrefix(err.Error(), endpointVariable+" must be") {
		t.Errorf("of the environment: %v", err)
	}
}
