package main

import (
	"context"
	"net/http"
	"time"

	"github.com/poolhouse-id/poolhouse"
)

const (
	// failedDrain is how long calls under way have for their answer, which for a
	// write is an error, when the database has failed.
	failedDrain = 3 * time.Second
	// failedClose bounds the rest: a disk that failed may hang as well.
	failedClose = 3 * time.Second
)

// endFailed ends a server whose database acknowledges no more writes, and returns
// why. A process that stayed would go on refusing; one that is started anew reads
// what the disk really holds.
func endFailed(server *poolhouse.Server, stopBackground func(), web, metrics *http.Server) error {
	drain, cancel := context.WithTimeout(context.Background(), failedDrain)
	defer cancel()
	_ = web.Shutdown(drain) // who has no answer by then gets none

	stopBackground()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _, _ = web.Close(), metrics.Close(), server.Close() // the failure is told instead
	}()
	timer := time.NewTimer(failedClose)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
	return server.Failure()
}
