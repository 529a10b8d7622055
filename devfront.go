package poolhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devcontrol"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// devFront stands in front of a development server, so that it can begin anew while it runs: a reset builds a
// successor, which answers from then on. Only the Server that New returned has one.
//
//	calls       enter ──► current ──► leave          faults, clock, calls, reset: not counted
//	reset       turn ──► shut: new calls wait, running ones end ──► build, seed ──► current = successor ──► open
type devFront struct {
	origin  Config // of New
	tools   *devTools
	current atomic.Pointer[Server]

	door    devcontrol.Door
	uploads uploads
	turns   chan struct{} // full while a reset or the end has its turn

	failed   chan struct{}
	failOnce sync.Once
	failure  atomic.Pointer[error] // of a reset that left nothing

	mu      sync.Mutex
	running context.Context // of Run; nil before
	stopRun func()          // ends the background work of current, and waits; nil = there is none
}

// ErrResetBusy means that calls under way did not end in time for a reset. Nothing was reset.
var ErrResetBusy = devcontrol.ErrBusy

// resetWait is how long a reset waits for calls under way. Each of them is answered within a few seconds, unless its
// client reads slowly. What clients send slowly is cut off (uploadGrace).
const resetWait = 20 * time.Second

// newDevFront returns the front of a server that has begun, of the configuration that it began with.
func newDevFront(origin Config, tools *devTools, s *Server) *devFront {
	f := &devFront{
		origin: origin,
		tools:  tools,
		turns:  make(chan struct{}, 1),
		failed: make(chan struct{}),
	}
	f.current.Store(s)
	tools.reset = f.reset

	return f
}

// latest returns the server that answers now: s itself, unless it was reset.
func (s *Server) latest() *Server {
	if s.front == nil {
		return s
	}
	return s.front.current.Load()
}

// ungated are the paths that are answered during a reset, and that a reset does not wait for. What they
// are about outlives a reset.
var ungated = []string{DevResetPath, DevFaultsPath, DevClockPath, DevCallsPath}

// serve answers with the handler that of gives, of the server that answers now.
func (f *devFront) serve(w http.ResponseWriter, r *http.Request, of func(*Server) http.Handler) {
	isBelow := func(path string) bool { return r.URL.Path == path || strings.HasPrefix(r.URL.Path, path+"/") }
	if slices.ContainsFunc(ungated, isBelow) {
		of(f.current.Load()).ServeHTTP(w, r)
		return
	}

	if !f.door.Enter(r.Context()) {
		return // the client has gone
	}
	defer f.door.Leave()

	r, done := f.uploads.add(w, r)
	defer done()

	of(f.current.Load()).ServeHTTP(w, r)
}

// reset makes the server as it was after its first start, and returns its pools: after the next reset, it may have
// others. See Server.DevReset.
func (f *devFront) reset(ctx context.Context, empty bool) ([]DevPool, error) {
	if f.origin.DatabaseURL != "" {
		return nil, errors.New("a development server whose data is in PostgreSQL cannot be reset: use another database")
	}

	select {
	case f.turns <- struct{}{}:
		defer func() { <-f.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := f.tools.ending.Err(); err != nil {
		return nil, errors.New("the server is stopping")
	}

	release := f.tools.faults.Hold() // calls that wait for a fault end
	defer release()

	f.current.Load().traces.EndWaits()

	waiting, cancel := context.WithTimeout(ctx, resetWait)
	defer cancel()
	defer time.AfterFunc(uploadGrace, f.uploads.cutOff).Stop()

	if !f.door.Shut(waiting) {
		return nil, ErrResetBusy
	}

	defer func() {
		release() // before anybody comes in
		f.door.Open()
	}()

	// Whoever asked may leave: half a reset would be worse.
	ctx = context.WithoutCancel(ctx)
	restore := f.tools.clock.Save()
	f.tools.clock.Reset()
	if err := f.succeed(ctx, empty); err != nil {
		restore()
		return nil, err
	}
	f.tools.faults.Clear()
	f.tools.calls.Forget()

	return f.current.Load().DevPools(ctx, MaxDevPools)
}

// succeed replaces the server by a new one. Nobody is answered meanwhile.
func (f *devFront) succeed(ctx context.Context, empty bool) (err error) {
	former := f.current.Load()

	if f.tools.keys, err = former.store.Keys(ctx, issuer.KeyPurpose); err != nil {
		return err
	}

	// Two servers cannot have one folder. Data in memory is the former's alone until the new one has begun, so
	// that a failure changes nothing.
	if f.origin.DataDir != "" {
		f.stopBackground()
		if err := former.close(); err != nil {
			return f.fail(fmt.Errorf("closing the data before a reset: %w", err))
		}
		if err := DeleteDevData(ctx, f.origin.DataDir, true); err != nil {
			return f.fail(err)
		}
	}

	next, err := build(ctx, f.origin, f.tools)
	if err == nil && f.origin.OnDevReset != nil {
		err = f.origin.OnDevReset(ctx, next, empty)
	}
	if err != nil {
		err = fmt.Errorf("the reset failed: %w", err)
		if next != nil {
			err = errors.Join(err, next.close())
		}
		if f.origin.DataDir != "" {
			return f.fail(err)
		}
		former.useTools()

		return err
	}

	f.stopBackground()
	f.current.Store(next)
	if f.tools.ending.Err() != nil {
		next.stopping.Store(true) // Stopping may have met the former one
	}
	f.startBackground()
	if f.origin.DataDir == "" {
		if err := former.close(); err != nil { // its data is nobody's any more
			next.config.Logger.Warn("closing the data from before a reset", "error", err)
		}
	}

	return nil
}

// fail ends the server: it has no data any more.
func (f *devFront) fail(err error) error {
	f.failure.Store(&err)
	f.failOnce.Do(func() { close(f.failed) })

	return err
}

// run does the background work of whichever server answers.
func (f *devFront) run(ctx context.Context) {
	f.turns <- struct{}{} // not in the middle of a reset
	f.mu.Lock()
	f.running = ctx
	f.mu.Unlock()
	f.startBackground()
	<-f.turns

	<-ctx.Done()
	f.stopBackground()
}

func (f *devFront) startBackground() {
	f.mu.Lock()
	defer f.mu.Unlock()

	if f.running == nil || f.running.Err() != nil || f.stopRun != nil {
		return
	}

	s := f.current.Load()
	ctx, cancel := context.WithCancel(f.running)
	var group sync.WaitGroup
	group.Go(func() { s.run(ctx) })
	group.Go(func() { f.watch(ctx, s) })
	f.stopRun = func() {
		cancel()
		group.Wait()
	}
}

func (f *devFront) stopBackground() {
	f.mu.Lock()
	stop := f.stopRun
	f.stopRun = nil
	f.mu.Unlock()

	if stop != nil {
		stop()
	}
}

// watch reports that the database of a server has failed.
func (f *devFront) watch(ctx context.Context, s *Server) {
	select {
	case <-s.store.Failed():
		f.failOnce.Do(func() { close(f.failed) })
	case <-ctx.Done():
	}
}

// stopping ends what would keep a stop waiting: faults, and requests that wait for calls.
func (f *devFront) stopping() {
	f.tools.end()
	f.tools.faults.Stop()
}

// close ends the server after a reset under way.
func (f *devFront) close() error {
	f.stopping()

	f.turns <- struct{}{}
	defer func() { <-f.turns }()

	return f.current.Load().close()
}

// DevFolder is the name of the folder in which `poolhouse dev` keeps its data if no setting names a place.
const DevFolder = ".poolhouse"

// DeleteDevData deletes the files that a development server writes to a folder, those of interrupted writes
// too. With keepKeys the master key and the development issuer's keys stay. The caller holds the folder. It
// deletes nothing if the folder has data of production.
func DeleteDevData(ctx context.Context, folder string, keepKeys bool) error {
	err := CheckDevelopment(ctx, Config{DataDir: folder})
	if errors.Is(err, store.ErrDamaged) && filepath.Base(folder) == DevFolder {
		err = nil // nobody can tell whose it was, but a folder of this name is not production's
	}
	if err != nil {
		return fmt.Errorf("nothing was deleted: %w: if you are sure, delete the folder yourself", err)
	}

	// The log goes before its database, and the issuer's key last: an interrupted reset can be
	// repeated.
	database, userPools := DatabaseFile, DevUserPoolsFolder
	for _, pattern := range []string{
		database + "-*", database, wholefile.TemporaryName, DevUsersFile, DevSignInsFile,
		userPools + "/*_*.json", userPools + "/" + wholefile.TemporaryName, // IDs of user pools have a _
	} {
		if err := deleteFiles(folder, pattern); err != nil {
			return err
		}
	}
	if err := deleteEmptyFolder(filepath.Join(folder, userPools)); err != nil {
		return err
	}

	if keepKeys {
		return nil
	}

	for _, key := range []string{MasterKeyFile, DevIssuerKeyFile} {
		if err := deleteFiles(folder, key); err != nil {
			return err
		}
	}

	return nil
}

// deleteFiles deletes the files of a folder whose names match a pattern (path.Match).
func deleteFiles(folder, pattern string) error {
	files, err := fs.Glob(os.DirFS(folder), pattern)
	if err != nil {
		return err
	}

	for _, name := range files {
		if err := wholefile.Remove(filepath.Join(folder, name)); err != nil {
			return err
		}
	}

	return nil
}

// deleteEmptyFolder deletes a folder, unless it has files that the server did not write.
func deleteEmptyFolder(path string) error {
	left, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) || len(left) > 0 {
		return nil
	}
	if err != nil {
		return err
	}

	return wholefile.Remove(path)
}

// uploads are the bodies of requests under way. A reset waits for calls, but not for a client that sends its body
// slowly, or never.
type uploads struct {
	mu      sync.Mutex
	pending map[*upload]struct{}
}

// upload is the body of a request, which can be cut off.
type upload struct {
	io.ReadCloser

	all     *uploads
	control *http.ResponseController
	cut     bool
}

// uploadGrace is how long bodies under way may take from the beginning of a reset.
const uploadGrace = 2 * time.Second

// add makes the body of a request one that can be cut off. The caller calls done at the end of the request.
func (u *uploads) add(w http.ResponseWriter, r *http.Request) (_ *http.Request, done func()) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, func() {}
	}

	body := &upload{ReadCloser: r.Body, all: u, control: http.NewResponseController(w)}
	u.mu.Lock()
	if u.pending == nil {
		u.pending = map[*upload]struct{}{}
	}
	u.pending[body] = struct{}{}
	u.mu.Unlock()

	changed := *r
	changed.Body = body

	return &changed, body.end
}

// cutOff ends the bodies that have not come yet.
func (u *uploads) cutOff() {
	u.mu.Lock()
	defer u.mu.Unlock()

	for body := range u.pending {
		body.cut = true
		_ = body.control.SetReadDeadline(time.Unix(1, 0)) // long past; fails only outside a network
	}
}

// Read reads the body. At its end it can no longer be cut off.
func (b *upload) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if err != nil {
		b.end()
	}

	return n, err
}

func (b *upload) end() {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()

	if _, pending := b.all.pending[b]; !pending {
		return
	}
	delete(b.all.pending, b)
	if b.cut { // the deadline would end the request whose body has just come
		_ = b.control.SetReadDeadline(time.Time{})
	}
}
