package envelope

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// maxKeyFile bounds how much of a key file is read, in bytes.
const maxKeyFile = 1 << 10

// LoadOrCreate reads the master key file, or makes it if it is absent. A new file is on
// disk, with its folder, before the key is returned: if a power cut lost the key,
// everything sealed under it would be lost. Processes that start together all get the same
// key.
func LoadOrCreate(path string) (key []byte, created bool, err error) {
	key, err = Load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, false, err
	}

	key = make([]byte, KeySize)
	rand.Read(key) // never fails (crypto/rand)

	err = wholefile.Create(path, func(f *os.File) error {
		_, err := io.WriteString(f, base64.StdEncoding.EncodeToString(key)+"\n")
		return err
	})
	switch {
	case errors.Is(err, fs.ErrExist): // another process was quicker
		key, err = Load(path)
		return key, false, err
	case err != nil:
		return nil, false, fmt.Errorf("master key file: %w", err)
	}

	return key, true, nil
}

// Load reads the master key file. A file that others can read is refused. Errors tell the
// user how to fix them. In systemd's folder of credentials (systemd.exec(5), LoadCredential=)
// the group may seem to read the file: the mode there shows the mask of an access list, which
// lets in only the service's user.
func Load(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("master key file: %w", err)
	}
	defer file.Close()

	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("master key file: %w", err)
	}
	forbidden := fs.FileMode(0o077)
	if folder := os.Getenv("CREDENTIALS_DIRECTORY"); folder != "" && filepath.Dir(path) == filepath.Clean(folder) {
		forbidden = 0o037
	}
	if mode := info.Mode().Perm(); mode&forbidden != 0 {
		return nil, fmt.Errorf("master key file %s can be read or changed by others (mode %04o): run `chmod 600 %s`",
			path, mode, path)
	}

	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("master key file: %w", err)
	}
	key, err := ParseKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("master key file %s: %w", path, err)
	}

	return key, nil
}
