package poolhouse_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// oldDatabase unpacks the database of testdata/upgrade into dir, and returns the
// facts about it.
func oldDatabase(t *testing.T, dir string) map[string]string {
	t.Helper()
	packed := must(os.Open("testdata/upgrade/poolhouse.db.gz"))(t)
	defer packed.Close()
	content := must(io.ReadAll(must(gzip.NewReader(packed))(t)))(t)
	if err := os.WriteFile(filepath.Join(dir, poolhouse.DatabaseFile), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return oldFacts(t)
}

// oldFacts returns the IDs and keys that testdata/upgrade holds.
func oldFacts(t *testing.T) (facts map[string]string) {
	t.Helper()
	if err := json.Unmarshal(must(os.ReadFile("testdata/upgrade/facts.json"))(t), &facts); err != nil {
		t.Fatal(err)
	}
	return facts
}

// restoreOld loads the backup of testdata/upgrade into an empty database.
func restoreOld(t *testing.T, o store.Options) {
	t.Helper()
	s := must(store.Open(t.Context(), o))(t)
	defer s.Close()
	loadOld(t, s)
}

func loadOld(t *testing.T, s *store.Store) {
	t.Helper()
	backup := must(os.Open("testdata/upgrade/backup.gz"))(t)
	defer backup.Close()
	if err := s.Load(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
}
