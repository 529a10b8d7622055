package wiretest

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

//go:embed testdata/upgrade
var old embed.FS

// OldFile returns a file of testdata/upgrade.
func OldFile(t *testing.T, name string) []byte {
	t.Helper()
	return Must(old.ReadFile("testdata/upgrade/" + name))(t)
}

// OldDatabase unpacks the database of testdata/upgrade into dir, and returns the
// facts about it.
func OldDatabase(t *testing.T, dir string) map[string]string {
	t.Helper()
	packed := bytes.NewReader(OldFile(t, "poolhouse.db.gz"))
	content := Must(io.ReadAll(Must(gzip.NewReader(packed))(t)))(t)
	if err := os.WriteFile(filepath.Join(dir, poolhouse.DatabaseFile), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return OldFacts(t)
}

// OldFacts returns the IDs and keys in the data of testdata/upgrade.
func OldFacts(t *testing.T) (facts map[string]string) {
	t.Helper()
	if err := json.Unmarshal(OldFile(t, "facts.json"), &facts); err != nil {
		t.Fatal(err)
	}
	return facts
}

// RestoreOld loads the backup of testdata/upgrade into an empty database.
func RestoreOld(t *testing.T, o store.Options) {
	t.Helper()

	s := Must(store.Open(t.Context(), o))(t)
	defer s.Close()

	LoadOld(t, s)
}

// LoadOld loads the backup of testdata/upgrade into a store.
func LoadOld(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Load(t.Context(), bytes.NewReader(OldFile(t, "backup.gz"))); err != nil {
		t.Fatal(err)
	}
}
