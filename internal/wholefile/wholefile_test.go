package wholefile_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// text returns a function that writes a text.
func text(content string) func(*os.File) error {
	return func(f *os.File) error {
		_, err := io.WriteString(f, content)
		return err
	}
}

// only fails the test unless a folder has one file, with this content and the mode 0600.
func only(t *testing.T, path, content string) {
	t.Helper()

	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != content {
		t.Errorf("the file has %q, %v, want %q", got, err, content)
	}
}

func TestWrite(t *testing.T) {
	errBroken := errors.New("broken")
	broken := func(f *os.File) error { return errors.Join(text("half")(f), errBroken) }

	for name, test := range map[string]struct {
		write func(path string, write func(*os.File) error) error
		taken bool // whether there is a file of the name
		by    func(*os.File) error
		fault error
		want  string // "" = no file
	}{
		"create":           {write: wholefile.Create, by: text("new"), want: "new"},
		"create, taken":    {write: wholefile.Create, taken: true, by: text("new"), fault: fs.ErrExist, want: "old"},
		"create, broken":   {write: wholefile.Create, by: broken, fault: errBroken},
		"replace":          {write: wholefile.Replace, by: text("new"), want: "new"},
		"replace, taken":   {write: wholefile.Replace, taken: true, by: text("new"), want: "new"},
		"replace, broken":  {write: wholefile.Replace, taken: true, by: broken, fault: errBroken, want: "old"},
		"replace, no file": {write: wholefile.Replace, by: broken, fault: errBroken},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if test.taken {
				if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
					t.Fatal(err)
				}
			}

			if err := test.write(path, test.by); !errors.Is(err, test.fault) {
				t.Errorf("the error is %v, want %v", err, test.fault)
			}
			if test.want != "" {
				only(t, path, test.want)
			} else if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) > 0 {
				t.Errorf("the folder has %v, %v", entries, err)
			}
		})
	}
}

// A name that comes or goes is on disk when the call returns, and a disk that fails is reported.
func TestNamesAreOnDisk(t *testing.T) {
	for name, act := range map[string]func(path string) error{
		"create":           func(path string) error { return wholefile.Create(path+" new", text("x")) },
		"replace":          func(path string) error { return wholefile.Replace(path, text("x")) },
		"remove":           wholefile.Remove,
		"remove, a folder": func(path string) error { return wholefile.Remove(path + " folder") },
		"make a folder":    func(path string) error { return wholefile.MakeFolder(path + " new") },
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "file")
			if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Mkdir(path+" folder", 0o700)); err != nil {
				t.Fatal(err)
			}

			var synced []string
			errDisk := errors.New("disk")
			wholefile.SyncFolders(t, func(path string) error {
				synced = append(synced, path)
				return errDisk
			})
			if err := act(path); !errors.Is(err, errDisk) || len(synced) != 1 || synced[0] != folder {
				t.Errorf("%v: synced %q", err, synced)
			}
		})
	}
}

func TestRemove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := wholefile.Remove(path); err != nil {
		t.Error(err)
	}
	if err := wholefile.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("again: %v", err)
	}
}

func TestMakeFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder")
	for range 2 {
		if err := wholefile.MakeFolder(path); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestReplaceText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, content := range []string{"first", "", "the last"} {
		if err := wholefile.ReplaceText(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		only(t, path, content)
	}
}

// A rename fails onto a folder, and leaves nothing behind.
func TestReplaceAFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}

	if err := wholefile.Replace(path, text("new")); err == nil {
		t.Error("a folder was replaced")
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

func TestNoFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "file")
	for name, write := range map[string]func(string, func(*os.File) error) error{
		"create":  wholefile.Create,
		"replace": wholefile.Replace,
	} {
		if err := write(path, text("new")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of many that create one file, one succeeds, and readers see its whole text or no file.
func TestCreateOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	whole := strings.Repeat("x", 1<<20)

	var created atomic.Int64
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			err := wholefile.Create(path, text(strconv.Itoa(n)+whole))
			if err == nil {
				created.Add(1)
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}

			if got, err := os.ReadFile(path); err != nil || len(got) != len(whole)+1 {
				t.Errorf("a reader sees %d bytes, %v", len(got), err)
			}
		})
	}
	group.Wait()

	if n := created.Load(); n != 1 {
		t.Errorf("%d created it", n)
	}
}

func TestRead(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	if err := os.WriteFile(path, []byte("1234"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(folder, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}

	for _, readable := range []string{path, link} {
		if got, err := wholefile.Read(readable, 4); err != nil || string(got) != "1234" {
			t.Errorf("%s has %q, %v", readable, got, err)
		}
	}

	for _, test := range []struct {
		path, reason string
		limit        int64
	}{
		{path, "it has more than 3 bytes", 3},
		{folder, "it is no regular file", 4},
		{os.DevNull, "it is no regular file", 4},
	} {
		got, err := wholefile.Read(test.path, test.limit)
		refused, ok := errors.AsType[*wholefile.RefusedError](err)
		if got != nil || !ok || refused.Reason != test.reason || err.Error() != test.path+": "+test.reason {
			t.Errorf("%s: %q, %v, want %s", test.path, got, err, test.reason)
		}
	}

	if _, err := wholefile.Read(filepath.Join(folder, "none"), 4); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// TestReplaceWithin checks that what is written can be read with the same limit, and that nothing is
// written otherwise.
func TestReplaceWithin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := wholefile.ReplaceWithin(path, []byte("1234"), 4); err != nil {
		t.Fatal(err)
	}
	err := wholefile.ReplaceWithin(path, []byte("12345"), 4)
	refused, ok := errors.AsType[*wholefile.RefusedError](err)
	if !ok || refused.Reason != "it would have more than 4 bytes" || refused.Path != path {
		t.Errorf("a longer text: %v", err)
	}
	if got, err := wholefile.Read(path, 4); err != nil || string(got) != "1234" {
		t.Errorf("the file has %q, %v", got, err)
	}
}

func TestRemoveTemporary(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{".poolhouse-new-1", "kept.json"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := wholefile.RemoveTemporary(folder); err != nil {
		t.Fatal(err)
	}

	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 || entries[0].Name() != "kept.json" {
		t.Errorf("%v: %v", err, entries)
	}
	if err := wholefile.RemoveTemporary(filepath.Join(folder, "none")); err != nil {
		t.Errorf("of no folder: %v", err)
	}
}
