package packaging

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// imageUser is the user of the image.
const imageUser = 65532

// unpackImage unpacks the image for this machine as an engine would, and returns a room with the
// settings of its configuration.
func unpackImage(t *testing.T) (room, v1.Config) {
	t.Helper()
	image, err := tarball.ImageFromPath(builtFile(t, "poolhouse_*_linux_amd64_image.tar"), nil)
	if err != nil {
		t.Fatal(err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}

	r := room{root: openFolder(t), user: imageUser, environment: file.Config.Env, folder: file.Config.WorkingDir}
	files := mutate.Extract(image)
	defer files.Close()

	for archive := tar.NewReader(files); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return r, file.Config
		}
		if err == nil {
			err = unpack(filepath.Join(r.root, filepath.Clean("/"+h.Name)), h, archive)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func unpack(path string, h *tar.Header, text io.Reader) error {
	mode := h.FileInfo().Mode()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { // upper layers come first
		return err
	}
	if mode.IsDir() {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return err
		}
	} else {
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		if _, err := io.Copy(file, text); err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}

	return errors.Join(os.Chown(path, h.Uid, h.Gid), os.Chmod(path, mode)) // an owner's change resets modes
}

// The image works as it is: nothing but its files, as its user.
func TestImageRunsDev(t *testing.T) {
	r, config := unpackImage(t)
	program := config.Entrypoint[0]
	r.environment = append(r.environment, "POOLHOUSE_LISTEN=127.0.0.1:0") // the image's port may be in use here

	url := r.start(t, program, "dev")
	health := config.Healthcheck.Test[1:]
	if status, _ := r.run(t, health[0], append(health[1:], "--endpoint", url)...); status != 0 {
		t.Errorf("the health check ends with %d", status)
	}
	if _, err := os.Stat(filepath.Join(r.root, "data/.poolhouse/poolhouse.db")); err != nil {
		t.Error(err) // on the volume
	}

	if status, _ := r.run(t, health[0], append(health[1:], "--endpoint", "http://127.0.0.1:1")...); status == 0 {
		t.Error("the health check is content without a server")
	}
	if status, out := r.run(t, program, "version"); status != 0 || !strings.Contains(out, built.Version) {
		t.Errorf("version ends with %d: %s", status, out)
	}
}

// The steps of compose.yaml: init once, then serve on the same volume.
func TestImageRunsServe(t *testing.T) {
	r, config := unpackImage(t)
	services := compose(t)
	program := config.Entrypoint[0]
	for _, service := range []string{"init", "poolhouse"} {
		for name, value := range services[service].Environment {
			r.environment = append(r.environment, name+"="+*value)
		}
	}
	r.environment = append(r.environment, "POOLHOUSE_LISTEN=127.0.0.1:0")

	if status, _ := r.run(t, program, services["poolhouse"].Command...); status != 4 {
		t.Errorf("serve before init ends with %d", status)
	}
	if status, out := r.run(t, program, services["init"].Command...); status != 0 ||
		!strings.Contains(out, "AWS_SECRET_ACCESS_KEY=") {
		t.Fatalf("init ends with %d: %s", status, out)
	}
	if status, out := r.run(t, program, services["init"].Command...); status != 3 ||
		strings.Contains(out, "AWS_SECRET_ACCESS_KEY=") {
		t.Errorf("a second init ends with %d: %s", status, out)
	}

	url := r.start(t, program, services["poolhouse"].Command...)
	if status, _ := r.run(t, program, "healthcheck", "--endpoint", url); status != 0 {
		t.Errorf("the health check ends with %d", status)
	}
}
