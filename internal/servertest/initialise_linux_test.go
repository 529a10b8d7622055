package servertest_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/datalock"
)

// A data folder that cannot be freed does not hide the root key that was made.
func TestInitialiseThatCannotFreeTheFolder(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	var log bytes.Buffer
	c := poolhouse.Config{DataDir: data, Logger: slog.New(slog.NewTextHandler(lineHook{&log, func(line string) {
		if strings.Contains(line, "made a master key") { // the folder is locked by then
			breakLock(t, filepath.Join(data, datalock.File))
		}
	}}, nil))}

	key, err := poolhouse.Initialise(t.Context(), c)
	if err != nil || key.SecretAccessKey == "" {
		t.Errorf("Initialise: %+v, %v", key, err)
	}
	if !strings.Contains(log.String(), "freeing the data folder") {
		t.Errorf("the fault is not told:\n%s", log.String())
	}
}

// lineHook calls a function after each line.
type lineHook struct {
	*bytes.Buffer
	after func(line string)
}

func (h lineHook) Write(line []byte) (int, error) {
	n, err := h.Buffer.Write(line)
	h.after(string(line))
	return n, err
}

// breakLock puts something that cannot be unlocked in the place of this process's
// descriptor of a file.
func breakLock(t *testing.T, path string) {
	t.Helper()
	const oPath = 0x200000 // O_PATH
	unlockable, err := syscall.Open("/", oPath|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(unlockable)

	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}

	for _, d := range descriptors {
		var number int
		if _, err := fmt.Sscan(d.Name(), &number); err != nil {
			t.Fatal(err)
		}
		if target, _ := os.Readlink("/proc/self/fd/" + d.Name()); target != path {
			continue
		}
		if err := syscall.Dup3(unlockable, number, syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}

		return
	}

	t.Fatalf("nobody has opened %s", path)
}
