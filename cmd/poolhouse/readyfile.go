package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// readiness is the content of a ready file.
type readiness struct {
	Endpoint string              `json:"endpoint"`
	PID      int                 `json:"pid"`
	Region   string              `json:"region"`
	Issuer   string              `json:"issuer"` // of the tokens of `poolhouse dev token`
	Pools    []poolhouse.DevPool `json:"pools"`
}

const (
	maxReadyFile = 1 << 20 // bytes
	// readyPoll is the pause between two questions whether the server answers.
	readyPoll = 50 * time.Millisecond
	// readyTimeout bounds one question.
	readyTimeout = 2 * time.Second
)

// readyLine as the path prints the content on standard output, as one line and once, for a program
// that has started the server and reads it.
const readyLine = "-"

// readyFile tells programs that wait for a server that it answers. The file is there exactly while
// the server does.
type readyFile struct {
	path string // absolute, or readyLine

	mu      sync.Mutex
	written []byte // nil = the server is not ready yet
}

// newReadyFile checks that the file can be written, and removes one that an earlier server left:
// nobody may take it for this server's. It touches no other file: the path may be a mistake.
func newReadyFile(ctx context.Context, path string) (*readyFile, error) {
	switch path {
	case "":
		return nil, nil
	case readyLine:
		return &readyFile{path: readyLine}, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	f := &readyFile{path: path}

	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, f.fault(err)
	case info.Mode().Type() == fs.ModeSymlink:
		return nil, f.fault(errors.New("it is a link, and is not written through: name a file, or delete the link"))
	case !info.Mode().IsRegular():
		return nil, f.fault(errors.New("it is not a file"))
	case info.Size() > 0: // an empty one was made by mktemp, to have a name
		if err := f.removeStale(ctx); err != nil {
			return nil, f.fault(err)
		}
	}

	probe, err := os.CreateTemp(filepath.Dir(path), readyPattern)
	if err != nil {
		return nil, f.fault(fmt.Errorf("it cannot be written: %w", err))
	}

	return f, errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// readyPattern names the temporary files beside a ready file.
const readyPattern = ".poolhouse-ready-*"

// isLine reports whether the content goes to standard output.
func (f *readyFile) isLine() bool { return f != nil && f.path == readyLine }

func (f *readyFile) fault(err error) error { return fmt.Errorf("--ready-file %s: %w", f.path, err) }

// removeStale removes the file if a server wrote it that has ended without removing it.
func (f *readyFile) removeStale(ctx context.Context) error {
	text, err := wholefile.Read(f.path, maxReadyFile)
	if err != nil && !isRefused(err) {
		return err
	}
	var old readiness
	if json.Unmarshal(text, &old) != nil || old.PID <= 0 || old.Endpoint == "" {
		return errors.New("it is there, and no `poolhouse dev` wrote it: name another file, or delete it")
	}
	if isOther(old.PID) && answers(ctx, old.Endpoint) {
		return fmt.Errorf("it belongs to the server at %s: name another file, or stop that server",
			explain.ShownAddress(old.Endpoint))
	}

	return os.Remove(f.path)
}

// isRefused reports whether a file was not read because no server writes such a file.
func isRefused(err error) bool {
	_, ok := errors.AsType[*wholefile.RefusedError](err)
	return ok
}

// isOther reports whether another process has the ID. Without one the server has ended, and somebody else
// may have its address. In containers, a server often has the ID of its predecessor.
func isOther(pid int) bool {
	if pid == os.Getpid() {
		return false
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return false
	}

	defer func() { _ = process.Release() }()

	return !errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// during runs serve with the file: it is written as soon as the server answers, and removed when
// ctx or serve ends. If it cannot be written, the server ends, because somebody waits for the file.
func (f *readyFile) during(
	ctx context.Context, endpoint string,
	about func(context.Context) (readiness, error), serve func(context.Context) error,
) error {
	if f == nil {
		return serve(ctx)
	}

	ctx, end := context.WithCancel(ctx)
	defer end()

	var fault error
	var group sync.WaitGroup
	group.Go(func() {
		defer end()

		if fault = f.announce(ctx, endpoint, about); fault != nil {
			return
		}
		<-ctx.Done()
		fault = f.remove()
	})

	err := serve(ctx)
	end()
	group.Wait()

	return errors.Join(err, fault)
}

// announce waits until the server at endpoint answers, and writes the file. It writes nothing if ctx
// ends before.
func (f *readyFile) announce(
	ctx context.Context, endpoint string, about func(context.Context) (readiness, error),
) error {
	for !answers(ctx, endpoint) {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(readyPoll):
		}
	}

	r, err := about(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()

		err = f.write(r)
	}
	if err != nil {
		return f.fault(err)
	}

	return nil
}

// refresh writes the file again if the server has written it, because the pools may be others.
func (f *readyFile) refresh(ctx context.Context, about func(context.Context) (readiness, error)) error {
	if f == nil || f.isLine() {
		return nil
	}
	r, err := about(ctx)
	if err != nil {
		return err
	}

	f.mu.Lock()
	defer f.mu.Unlock()

	if own, err := f.isOwn(); !own || ctx.Err() != nil {
		return err
	}
	if err := f.write(r); err != nil {
		return f.fault(err)
	}

	return nil
}

// isOwn reports whether the file is there as this server has written it.
func (f *readyFile) isOwn() (bool, error) {
	if f.written == nil {
		return false, nil
	}
	text, err := wholefile.Read(f.path, maxReadyFile)
	if errors.Is(err, fs.ErrNotExist) || isRefused(err) {
		return false, nil
	}
	if err != nil {
		return false, f.fault(err)
	}

	return bytes.Equal(text, f.written), nil
}

// answers reports whether a server is ready.
func answers(ctx context.Context, endpoint string) bool {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}

	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// write puts the file in its place, whole or not at all. A link that somebody has put there
// meanwhile is replaced and not followed.
func (f *readyFile) write(r readiness) error {
	if f.isLine() {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')

	err = wholefile.Replace(f.path, func(file *os.File) error {
		_, err := file.Write(text)
		// It has no secret, and a test may run as another user.
		return errors.Join(err, file.Chmod(0o644))
	})
	if err != nil {
		return err
	}
	f.written = text

	return nil
}

// remove removes the file, unless another server has replaced it.
func (f *readyFile) remove() error {
	f.mu.Lock()
	defer f.mu.Unlock()

	own, err := f.isOwn()
	f.written = nil // it is not written again
	if !own || err != nil {
		return err
	}
	if err := os.Remove(f.path); err != nil {
		return f.fault(err)
	}

	return nil
}
