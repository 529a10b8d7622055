package poolhouse

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/metrics"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// ErrStopped means that the server acknowledges no more writes while it runs, because the
// database's disk failed or its files are gone. See Server.Failed.
var ErrStopped = store.ErrStopped

// Failed returns a channel that is closed when no more writes will be acknowledged: a commit
// could not be made durable, the database is damaged, or its files are gone. Answer the
// running calls, then end the process, so that its supervisor restarts it. Failure returns
// the cause.
func (s *Server) Failed() <-chan struct{} { return s.store.Failed() }

// Failure returns nil, or why no more writes will be acknowledged: an ErrStopped that names
// the failed operation, the file and the fix.
func (s *Server) Failure() error { return s.store.Failure() }

// health registers the endpoints for probes.
func (s *Server) health(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
}

// readyTimeout bounds how long a readiness probe waits for the database. The bounds for calls
// are longer.
const readyTimeout = 2 * time.Second

// ready reports whether a write can become durable now or, with ?reads, whether reads are
// answered. The body names only the kind of fault, because anybody can ask; path and cause
// are in the log.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Load() {
		plain(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}

	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()

	if r.URL.Query().Has("reads") {
		if err := s.store.Readable(ctx); err != nil {
			plain(w, http.StatusServiceUnavailable, metrics.Unanswered+"\n")
			return
		}
		plain(w, http.StatusOK, "ready for reads\n")
		return
	}

	err := s.store.Probe(ctx)
	if r.Context().Err() == nil { // otherwise the client has gone, which is no fault
		s.noteReadiness(err)
	}

	if err != nil {
		plain(w, http.StatusServiceUnavailable, metrics.Unready(err)+"\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

// noteReadiness logs a change of readiness, not every probe.
func (s *Server) noteReadiness(err error) {
	if err == nil {
		if s.unready.Swap(nil) != nil {
			s.config.Logger.Info("ready again")
		}
		return
	}

	reason := metrics.Unready(err)
	if before := s.unready.Swap(&reason); before == nil || *before != reason {
		s.config.Logger.Error("not ready", "reason", reason, "error", err, "data", cmp.Or(s.config.DataDir, "-"))
	}
}
