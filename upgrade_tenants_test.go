package poolhouse_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// The sign-out that account B set before marks had accounts goes on counting for
// both accounts, in the upgraded database and in a restored backup.
func TestUpgradedSignOutsCountForAll(t *testing.T) {
	var facts map[string]string
	if err := json.Unmarshal(must(os.ReadFile("testdata/upgrade/facts.json"))(t), &facts); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), poolhouse.DatabaseFile)
	zipped := must(os.Open("testdata/upgrade/poolhouse.db.gz"))(t)
	defer zipped.Close()
	content := must(io.ReadAll(must(gzip.NewReader(zipped))(t)))(t)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	upgraded := must(store.Open(t.Context(), store.Options{Path: path}))(t)
	defer upgraded.Close()
	restored := must(store.Open(t.Context(), store.Options{}))(t)
	defer restored.Close()
	backup := must(os.Open("testdata/upgrade/backup.gz"))(t)
	defer backup.Close()
	if err := restored.Load(t.Context(), backup); err != nil {
		t.Fatal(err)
	}

	for name, s := range map[string]*store.Store{"upgraded": upgraded, "restored": restored} {
		for _, account := range []string{facts["account_a"], facts["account_b"]} {
			marks, err := s.SignOuts(t.Context(), identitypool.AccountID(account), "accounts.google.com", "signed-out-by-b", nil, time.Time{})
			if err != nil || len(marks) != 1 || marks[0].Account != "" {
				t.Errorf("%s, account %s: %+v, %v", name, account, marks, err)
			}
		}
	}
}
