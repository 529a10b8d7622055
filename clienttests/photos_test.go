package clienttests

import (
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

const photosExample = "../examples/photos"

// The example with photos in Chromium, with a small store in place of SeaweedFS, which takes minutes
// to build: TestPhotosOnSeaweedFS has the real one. js/photos.test.mjs says what is tested.
func TestPhotos(t *testing.T) {
	store := httptest.NewServer(newMemoryStore())
	t.Cleanup(store.Close)

	tryPhotos(t, strings.TrimPrefix(store.URL, "http://"))
}

// tryPhotos runs the example on the store that listens on an address.
func tryPhotos(t *testing.T, store string) {
	t.Helper()
	node, chromium := client(t, "node", "nodejs"), client(t, "/usr/bin/chromium", "chromium")
	folder := t.TempDir()
	copyExample(t, photosExample, folder)
	packages, err := filepath.Abs(filepath.Join(photosExample, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(packages, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}

	// The example has fixed ports. Tests that run side by side need free ones.
	forward, page := listentest.FreeAddress(t), listentest.FreeAddress(t)
	_, port, _ := strings.Cut(page, ":")
	replaceIn(t, filepath.Join(folder, "poolhouse.yaml"), map[string]string{
		"127.0.0.1:4600": forward, "127.0.0.1:8333": store, "localhost:5173": "localhost:" + port})
	s := startDev(t, "--config", filepath.Join(folder, "poolhouse.yaml"))
	listens := strings.TrimPrefix(s.info.Endpoint, "http://")
	replaceIn(t, filepath.Join(folder, "pool.yaml"), map[string]string{"127.0.0.1:4599": listens})
	replaceIn(t, filepath.Join(folder, ".env"), map[string]string{
		"127.0.0.1:4599": listens, "127.0.0.1:4600": forward})

	s.poolhouse(t, "apply", "-f", filepath.Join(folder, "pool.yaml"))
	makeBucket(t, store)

	build := exec.CommandContext(t.Context(), node, "node_modules/vite/bin/vite.js", "build")
	build.Dir, build.Env = folder, plainEnvironment(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the page: %v\n%s", err, out)
	}
	startPeer(t, folder, nil, "localhost:"+port, node,
		"node_modules/vite/bin/vite.js", "preview", "--port", port, "--strictPort")

	out := s.script(t, "js", []string{"POOLHOUSE_CHROMIUM=" + chromium, "PHOTOS=http://localhost:" + port,
		"STORE=http://" + store, "SCREENSHOTS=" + os.Getenv("SCREENSHOTS")}, node,
		"--test", "--test-reporter=tap", "photos.test.mjs")
	allPassed(t, out)
}

// replaceIn replaces texts of a file. Each must be there.
func replaceIn(t *testing.T, path string, texts map[string]string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	for old, text := range texts {
		if !strings.Contains(string(content), old) {
			t.Fatalf("%s does not have %s", path, old)
		}
		content = []byte(strings.ReplaceAll(string(content), old, text))
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func makeBucket(t *testing.T, store string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+store+"/photos", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("making the bucket: %s", response.Status)
	}
}

// memoryStore does for anybody what the example asks of S3: objects by path, and lists by prefix.
type memoryStore struct {
	mu      sync.Mutex
	objects map[string]object // by BUCKET/KEY
}

type object struct {
	contentType string
	content     []byte
}

func newMemoryStore() *memoryStore { return &memoryStore{objects: map[string]object{}} }

func (m *memoryStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()

	name := strings.Trim(r.URL.Path, "/")
	bucket, key, _ := strings.Cut(name, "/")
	switch {
	case key == "" && r.Method == http.MethodPut: // a bucket is there once it has objects
	case key == "" && r.Method == http.MethodGet:
		m.list(w, bucket, r.URL.Query().Get("prefix"))
	case r.Method == http.MethodPut:
		content, err := io.ReadAll(r.Body)
		if err != nil {
			return // only complete requests count
		}
		m.objects[name] = object{r.Header.Get("Content-Type"), content}
	case r.Method == http.MethodGet:
		found, ok := m.objects[name]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", found.contentType)
		_, _ = w.Write(found.content)
	case r.Method == http.MethodDelete:
		delete(m.objects, name)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (m *memoryStore) list(w http.ResponseWriter, bucket, prefix string) {
	type entry struct {
		Key  string
		Size int
	}
	var answer struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []entry
	}

	for _, name := range slices.Sorted(maps.Keys(m.objects)) {
		if key, found := strings.CutPrefix(name, bucket+"/"); found && strings.HasPrefix(key, prefix) {
			answer.Contents = append(answer.Contents, entry{key, len(m.objects[name].content)})
		}
	}

	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(answer)
}
