package envelope

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Others must not read the key file, but systemd's credentials have mode 0440 with an access list.
func TestLoadChecksMode(t *testing.T) {
	for _, tc := range []struct {
		mode       fs.FileMode
		credential bool
		refused    bool
	}{
		{mode: 0o600},
		{mode: 0o400},
		{mode: 0o440, refused: true},
		{mode: 0o604, refused: true},
		{mode: 0o440, credential: true},
		{mode: 0o400, credential: true},
		{mode: 0o460, credential: true, refused: true},
		{mode: 0o444, credential: true, refused: true},
	} {
		t.Run(fmt.Sprintf("%o %t", tc.mode, tc.credential), func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "master.key")
			if _, _, err := LoadOrCreate(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tc.mode); err != nil {
				t.Fatal(err)
			}

			t.Setenv("CREDENTIALS_DIRECTORY", filepath.Join(folder, "elsewhere"))
			if tc.credential {
				t.Setenv("CREDENTIALS_DIRECTORY", folder+"/")
			}
			if _, err := Load(path); (err != nil) != tc.refused {
				t.Errorf("%v", err)
			}
		})
	}
}
