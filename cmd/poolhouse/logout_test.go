package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// copyFile copies a file for another profile.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err = errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, text, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// All sign-ins are ended, whatever is wrong with one. Profiles stay unless they are to be removed.
func TestLogoutAll(t *testing.T) {
	home := guest(t, new(hanging))
	profile := func(name string) string { return filepath.Join(home, "config", "poolhouse", "profiles", name+".json") }
	signIn := func(name string) string {
		return filepath.Join(home, "state", "poolhouse", "sign-ins", name, "sign-in.json")
	}
	for _, name := range []string{"h", "never"} {
		copyFile(t, profile("g"), profile(name))
	}
	for _, name := range []string{"h", "orphan"} {
		copyFile(t, signIn("g"), signIn(name))
	}
	if err := os.WriteFile(signIn("h"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}

	if out, err := run1(t, "logout", "--all", "--profile", "g"); err == nil || !strings.Contains(out, "profile") {
		t.Errorf("one and all: %v, %s", err, out)
	}
	out, err := run1(t, "logout", "--all")
	if err != nil || strings.Count(out, "was not revoked") != 2 ||
		!strings.Contains(out, "The sign-in of orphan is forgotten") || strings.Contains(out, "never") {
		t.Errorf("%v, %s", err, out)
	}
	for _, name := range []string{"g", "h", "orphan"} {
		_, err := os.Stat(signIn(name))
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(out, "Signed out: "+name) {
			t.Errorf("%s: %v, %s", name, err, out)
		}
	}
	if out, err := run1(t, "logout", "--all"); err != nil || out != "" {
		t.Errorf("again: %v, %s", err, out)
	}

	out, err = run1(t, "logout", "--all", "--remove")
	if err != nil || out != "Signed out: g\nSigned out: h\nSigned out: never\n" {
		t.Errorf("with --remove: %v, %s", err, out)
	}
	left, err := os.ReadDir(filepath.Dir(profile("g")))
	if err != nil || len(left) > 0 {
		t.Errorf("profiles left: %v, %v", left, err)
	}
}

// A sign-in that cannot be forgotten keeps no other one.
func TestLogoutAllGoesOn(t *testing.T) {
	home := guest(t, new(hanging))
	signIns := filepath.Join(home, "state", "poolhouse", "sign-ins")
	if err := os.MkdirAll(filepath.Join(signIns, "a", "sign-in.json", "full"), 0o700); err != nil {
		t.Fatal(err)
	}

	out, err := run1(t, "logout", "--all")
	if err == nil || !strings.Contains(out, "Signed out: g") || strings.Contains(out, "Signed out: a") {
		t.Errorf("%v, %s", err, out)
	}
}
