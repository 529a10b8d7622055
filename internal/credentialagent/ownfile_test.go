package credentialagent

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newFile returns a file in a new folder.
func newFile(t *testing.T) File {
	t.Helper()
	return File{
		OwnFile: &OwnFile{Path: filepath.Join(t.TempDir(), "new", "credentials"), Locks: t.TempDir()},
		Section: "photos",
		Region:  "us-east-1",
	}
}

// again returns the file of another agent, at the same path.
func again(f File) File {
	f.OwnFile = &OwnFile{Path: f.Path, Locks: f.Locks}
	return f
}

func TestFile(t *testing.T) {
	f := newFile(t)
	if err := errors.Join(f.Prepare(), f.Write(good)); err != nil {
		t.Fatal(err)
	}
	want := "# Expires: 2026-12-01T13:00:00Z\n[photos]\naws_access_key_id = ASIA1\n" +
		"aws_secret_access_key = secret\naws_session_token = session\nregion = us-east-1\n"
	text, err := os.ReadFile(f.Path)
	info, statErr := os.Stat(f.Path)
	if err != nil || statErr != nil || !strings.HasPrefix(string(text), mark+checksum) ||
		!strings.HasSuffix(string(text), "\n"+want) || info.Mode().Perm() != 0o600 {
		t.Errorf("%s %v, %v", text, info.Mode(), errors.Join(err, statErr))
	}

	// That of an agent that was killed is taken over.
	if err := f.lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	next := again(f)
	if err := errors.Join(next.Prepare(), next.Write(good), next.Write(good), next.Remove()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(f.Path); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}

	for _, name := range []string{"", "a]\n[b", "a b", strings.Repeat("a", 65)} {
		bad := newFile(t)
		bad.Section = name
		if _, is := errors.AsType[*SectionError](bad.Prepare()); !is {
			t.Errorf("the name %q is taken", name)
		}
	}
	hostile := good
	hostile.SessionToken = "a\n[default]"
	if err := f.Write(hostile); err == nil || strings.Contains(err.Error(), "[default]") {
		t.Errorf("a token with a line end: %v", err)
	}
}

// The text of somebody else stays: that of another program, and that of an agent with something added.
func TestForeignFile(t *testing.T) {
	added := "[mine]\naws_access_key_id = AKIAMINE\n"
	for name, change := range map[string]func(text string) string{
		"another file":    func(string) string { return "[default]\naws_access_key_id = AKIA\n" },
		"empty file":      func(string) string { return "" },
		"section added":   func(text string) string { return text + added },
		"key changed":     func(text string) string { return strings.Replace(text, "ASIA1", "AKIA1", 1) },
		"mark only":       func(string) string { return mark },
		"without its end": func(text string) string { return text[:len(text)-3] },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFile(t)
			if err := errors.Join(f.Prepare(), f.Write(good)); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(f.Path)
			if err != nil {
				t.Fatal(err)
			}
			want := change(string(text))
			if err := os.WriteFile(f.Path, []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}

			next := again(f)
			for what, err := range map[string]error{"written": f.Write(good), "removed": f.Remove(),
				"prepared": next.Prepare()} {
				if _, foreign := errors.AsType[*ForeignFileError](err); !foreign {
					t.Errorf("%s: %v", what, err)
				}
			}
			if text, err := os.ReadFile(f.Path); string(text) != want {
				t.Errorf("it became %s, %v", text, err)
			}
		})
	}
}

// A file that another agent has written meanwhile is its: they may run in containers that share the
// folder, but no locks.
func TestFileOfAnotherAgent(t *testing.T) {
	f := newFile(t)
	if err := errors.Join(f.Prepare(), f.Write(good)); err != nil {
		t.Fatal(err)
	}

	other := again(f)
	if _, used := errors.AsType[*InUseError](other.Prepare()); !used {
		t.Error("two agents have one file")
	}
	linked := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Dir(f.Path), linked); err != nil {
		t.Fatal(err)
	}
	byLink := again(f)
	byLink.Path = filepath.Join(linked, "credentials")
	if _, used := errors.AsType[*InUseError](byLink.Prepare()); !used {
		t.Error("two agents have one file by two names")
	}

	other.Locks = t.TempDir()
	second := good
	second.AccessKeyID = "ASIA2"
	if err := errors.Join(other.Prepare(), other.Write(second)); err != nil {
		t.Fatal(err)
	}
	if f.Write(good) == nil || f.Remove() == nil {
		t.Error("the file of another agent is taken")
	}
	if text, err := os.ReadFile(f.Path); !strings.Contains(string(text), "ASIA2") {
		t.Errorf("it became %s, %v", text, err)
	}
}

// What was never written is not removed: the start failed in between.
func TestRemoveUnwritten(t *testing.T) {
	f := newFile(t)
	if err := errors.Join(f.Remove(), f.Prepare(), f.Write(good), f.lock.Unlock()); err != nil {
		t.Fatal(err)
	}
	next := again(f)
	if err := errors.Join(next.Prepare(), next.Remove()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(f.Path); err != nil {
		t.Error(err)
	}
}
