package sqlite

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// presence checks whether the files that SQLite has open are still the ones at
// their paths. A file that was deleted, moved or replaced goes on taking writes
// that nobody will find again.
type presence struct {
	path string
	log  *slog.Logger
	now  func() time.Time // measures how long the files have been gone
	stat func(string) (os.FileInfo, error)

	files  []openFile
	halt   func(error) // called when the files stay away
	rescue func()      // called while the log alone is gone

	mu    sync.Mutex
	since time.Time // when the files were first missed; zero = they are present
	err   error
}

// openFile is a file as it was when SQLite opened it.
type openFile struct {
	path string
	info os.FileInfo
}

const (
	// presenceInterval is the time between looks at the files while nothing is written.
	presenceInterval = 500 * time.Millisecond
	// goneGrace is how long files may be away before writing stops for good, for
	// example while a folder is renamed and back or a mount is renewed.
	goneGrace = 30 * time.Second
)

// newPresence records the files of the database at path, which SQLite has open.
// before is the database file before SQLite opened it.
func newPresence(path string, before os.FileInfo, log *slog.Logger) (*presence, error) {
	p := &presence{
		path: path,
		log:  log,
		now:  time.Now,
		stat: os.Stat,
	}

	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", engine.ErrGone, err)
		}
		p.files = append(p.files, openFile{path: name, info: info})
	}
	if !os.SameFile(before, p.files[0].info) {
		return nil, fmt.Errorf("%w: %s was replaced while it was opened", engine.ErrGone, path)
	}

	return p, nil
}

// check returns an ErrGone that names the first missing file. It costs three stats,
// which is little beside a commit.
func (p *presence) check() error {
	if p == nil {
		return nil
	}
	err := p.missing()
	p.mu.Lock()
	defer p.mu.Unlock()

	switch {
	case err != nil && p.err == nil:
		p.since = p.now()
		p.log.Error("writes are refused until the database is back", "err", err, "path", p.path)
	case err == nil && p.err != nil:
		p.log.Info("the database file is back; writing goes on", "path", p.path)
	}
	p.err = err

	return err
}

// last returns the last result of check. It does not touch the files, for callers
// that must not wait for a file system that hangs.
func (p *presence) last() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()

	return p.err
}

func (p *presence) missing() error {
	for _, f := range p.files {
		info, err := p.stat(f.path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return fmt.Errorf("%w: %s does not exist", engine.ErrGone, f.path)
		case err != nil:
			return fmt.Errorf("%w: %w", engine.ErrGone, err)
		case !os.SameFile(info, f.info):
			return fmt.Errorf("%w: another file is at %s", engine.ErrGone, f.path)
		}
	}

	return nil
}

// watch looks at the files until ended is closed.
func (p *presence) watch(ended <-chan struct{}, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()

	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			p.look()
		}
	}
}

// look acts on a missing file: a log that was deleted alone is copied into the
// database while its pages can still be read, and files that stay away end all
// writing.
func (p *presence) look() {
	err := p.check()
	if err == nil {
		return
	}
	if p.onlyLogMissing() {
		p.rescue()
	}
	p.mu.Lock()
	away := p.now().Sub(p.since)
	p.mu.Unlock()

	if away >= goneGrace {
		p.halt(&engine.StopError{
			Doing: "finding the files",
			Path:  p.path,
			Cure:  cureGone,
			Err:   err,
		})
	}
}

// onlyLogMissing reports whether the database and the log's index are in place and
// the log's path is free. Nothing may be copied beside somebody else's log.
func (p *presence) onlyLogMissing() bool {
	for _, n := range []int{0, 2} {
		if info, err := os.Stat(p.files[n].path); err != nil || !os.SameFile(info, p.files[n].info) {
			return false
		}
	}
	_, err := os.Lstat(p.files[1].path)
	return errors.Is(err, os.ErrNotExist)
}
