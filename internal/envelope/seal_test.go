package envelope_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func sealer(t testing.TB, fill byte) *envelope.Sealer {
	t.Helper()
	s, err := envelope.New(bytes.Repeat([]byte{fill}, envelope.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealOpen(t *testing.T) {
	s := sealer(t, 1)
	for _, plain := range [][]byte{nil, {0}, []byte("secret"), bytes.Repeat([]byte("x"), 1<<16)} {
		sealed := s.Seal(plain, "place")
		if len(plain) > 4 && bytes.Contains(sealed, plain) {
			t.Error("the sealed value shows the plain one")
		}
		got, err := s.Open(sealed, "place")
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("Open = %d bytes, %v; want %d", len(got), err, len(plain))
		}
	}

	if bytes.Equal(s.Seal([]byte("a"), "p"), s.Seal([]byte("a"), "p")) {
		t.Error("two seals of one value are equal")
	}
}

func TestOpenRefusals(t *testing.T) {
	s := sealer(t, 1)
	sealed := s.Seal([]byte("secret"), "place")
	if _, err := s.Open(sealed, "elsewhere"); !errors.Is(err, envelope.ErrCorrupt) {
		t.Errorf("another place: %v", err)
	}
	if _, err := sealer(t, 2).Open(sealed, "place"); !errors.Is(err, envelope.ErrWrongKey) ||
		!strings.Contains(err.Error(), "place") {
		t.Errorf("another key: %v", err)
	}

	for bit := range len(sealed) * 8 {
		altered := bytes.Clone(sealed)
		altered[bit/8] ^= 1 << (bit % 8)
		if _, err := s.Open(altered, "place"); !errors.Is(err, envelope.ErrCorrupt) &&
			!errors.Is(err, envelope.ErrWrongKey) {
			t.Fatalf("bit %d flipped: %v", bit, err)
		}
	}

	for n := range sealed {
		if _, err := s.Open(sealed[:n], "place"); err == nil {
			t.Fatalf("cut to %d bytes: opened", n)
		}
	}
}

func TestNewRefusesOtherKeySizes(t *testing.T) {
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := envelope.New(make([]byte, n)); err == nil {
			t.Errorf("a key of %d bytes was taken", n)
		}
	}
}

func TestLoadOrCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	first, created, err := envelope.LoadOrCreate(path)
	if err != nil || !created || len(first) != envelope.KeySize {
		t.Fatalf("= %d bytes, %v, %v", len(first), created, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	second, created, err := envelope.LoadOrCreate(path)
	if err != nil || created || !bytes.Equal(first, second) {
		t.Errorf("second start: created %v, %v", created, err)
	}

	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, %v", len(entries), err)
	}
}

func TestLoadRefusals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	good := base64.StdEncoding.EncodeToString(make([]byte, envelope.KeySize))
	for name, test := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"readable by the group": {good, 0o640, "mode 0640): run `chmod 600 " + path + "`"},
		"readable by all":       {good, 0o604, "chmod 600"},
		"short":                 {"c2hvcnQ=", 0o600, "44 characters"},
		"no base64":             {"hunter2!", 0o600, "44 characters"},
		"empty":                 {"", 0o600, "44 characters"},
	} {
		if err := os.WriteFile(path, []byte(test.text), test.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}

		_, _, err := envelope.LoadOrCreate(path)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		} else if test.text != "" && strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: the error shows the file's text", name)
		}
	}

	if _, _, err := envelope.LoadOrCreate(filepath.Join(path, "x")); err == nil {
		t.Error("a file below a file was made")
	}
}

// Processes that start together must not end with two keys.
func TestConcurrentCreation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	keys := make([][]byte, 16)

	made := make([]bool, len(keys))
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() { keys[i], made[i], _ = envelope.LoadOrCreate(path) })
	}
	group.Wait()

	makers := 0
	for i := range keys {
		if len(keys[i]) == 0 || !bytes.Equal(keys[i], keys[0]) {
			t.Fatal("two starts got different keys")
		}
		if made[i] {
			makers++
		}
	}

	if makers != 1 {
		t.Errorf("%d starts made the key", makers)
	}
}

func TestTextOpensAtItsPlaceOnly(t *testing.T) {
	s := sealer(t, 1)
	text := s.SealText([]byte("last"), "page/pools")
	if plain, err := s.OpenText(text, "page/pools"); err != nil || string(plain) != "last" {
		t.Errorf("%q, %v", plain, err)
	}
	if _, err := s.OpenText(text, "page/identities"); !errors.Is(err, envelope.ErrCorrupt) {
		t.Errorf("at another place: %v", err)
	}

	for name, bad := range map[string]string{"empty": "", "short": "AAAA", "no base64": "?", "padded": text + "="} {
		if plain, err := s.OpenText(bad, "page/pools"); err == nil {
			t.Errorf("%s: opened as %q", name, plain)
		}
	}
}
