package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse"
)

// The times of a stop after its lame duck. Together they are shorter than datalock.Grace, after
// which another server stops waiting for the data folder.
const (
	// drainTime is how long running calls have to end.
	drainTime = 6 * time.Second
	// failedDrain is how long they have after the database failed: they only return errors.
	failedDrain = 3 * time.Second
	// closeTime bounds the rest of the stop, because a disk that failed may also hang.
	closeTime = 3 * time.Second
)

// serveUntil serves until ctx ends. Then it reports to probes that it is not ready, still answers
// for the time of lameDuck, so that load balancers notice, and finishes the running requests.
// Metrics can be read until then.
//
// It also ends, at any time, when the database acknowledges no more writes. serveUntil then
// returns server.Failure(), because only a new process reads what the disk really contains.
func serveUntil(
	ctx context.Context, server *poolhouse.Server, l listeners, lameDuck time.Duration, logger *slog.Logger,
) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()

	var group sync.WaitGroup
	group.Go(func() { server.Run(background) })

	web, metrics := newMainServer(server, server, logger), newWebServer(server.MetricsHandler(), logger)
	console := newMainServer(server, server.ConsoleHandler(), logger)
	forward := newForwardServer(server.ForwardHandler(), logger)

	ended := make(chan error, 4)
	go func() { ended <- web.Serve(l.main) }()
	if l.metrics != nil {
		go func() { ended <- metrics.Serve(l.metrics) }()
	}
	if l.console != nil {
		go func() { ended <- console.Serve(l.console) }()
	}
	if l.forward != nil {
		go func() { ended <- forward.Serve(l.forward) }()
	}

	err := waitForStop(ctx, server, ended, lameDuck, logger)
	shutdown := func(ctx context.Context) error {
		var others sync.WaitGroup
		others.Go(func() { finishForwarded(ctx, forward, logger) })
		var consoleErr error
		others.Go(func() { consoleErr = console.Shutdown(ctx) })

		err := web.Shutdown(ctx)
		others.Wait()

		return errors.Join(err, consoleErr)
	}
	err = errors.Join(err, drain(shutdown, server.Failed()))

	stop()
	err = errors.Join(err, closeWithin(closeTime,
		closing{what: "the listener", end: web.Close},
		closing{what: "the listener for metrics", end: metrics.Close},
		closing{what: "the listener of the console", end: console.Close},
		closing{what: "the listener for forwarded requests", end: forward.Close},
		closing{what: "the background work", end: func() error { group.Wait(); return nil }},
		closing{what: "the database", end: server.Close},
	))

	failure := server.Failure()
	if failure == nil {
		return err
	}
	if err != nil {
		logger.Error("closing after the database failed", "error", err)
	}

	return failure
}

// waitForStop returns when the running calls should be finished: after the lame duck of a stop, or as
// soon as a listener or the database has failed.
func waitForStop(
	ctx context.Context, server *poolhouse.Server, ended <-chan error, lameDuck time.Duration, logger *slog.Logger,
) error {
	select {
	case err := <-ended:
		return err
	case <-server.Failed():
		return nil
	case <-ctx.Done():
	}

	server.Stopping()
	logger.Info("stopping: still answering calls while clients move to other nodes", "lame_duck", lameDuck.String())

	select {
	case err := <-ended:
		return err
	case <-server.Failed():
		return nil
	case <-time.After(lameDuck):
	}
	logger.Info("stopping: finishing the requests under way")

	return nil
}

// drain shuts a server down and waits for the running calls, for drainTime, but at most
// failedDrain after the database has failed.
func drain(shutdown func(context.Context) error, failed <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()

	go func() {
		select {
		case <-ctx.Done():
		case <-failed:
			time.AfterFunc(failedDrain, cancel)
		}
	}()

	err := shutdown(ctx)
	if ctx.Err() != nil {
		return fmt.Errorf("calls under way were cut off: %w", err)
	}

	return err
}

// finishForwarded waits for forwarded requests, a little shorter than for other calls. Uploads and
// streams may last longer than any stop, so cutting them off is no fault.
func finishForwarded(ctx context.Context, forward *http.Server, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, drainTime-time.Second)
	defer cancel()

	if err := forward.Shutdown(ctx); err != nil {
		logger.Warn("cutting off forwarded requests under way", "error", err)
	}
}

// closing is one step of a stop.
type closing struct {
	what string
	end  func() error
}

// closeWithin performs the steps one after the other. It leaves a step that does not end in time
// to the end of the process, and names it in the error.
func closeWithin(limit time.Duration, steps ...closing) error {
	results := make(chan error, len(steps))
	go func() {
		for _, s := range steps {
			results <- s.end()
		}
	}()

	timeout := time.After(limit)
	var errs []error
	for _, s := range steps {
		select {
		case err := <-results:
			errs = append(errs, err)
		case <-timeout:
			return errors.Join(append(errs, fmt.Errorf("%s did not end within %v", s.what, limit))...)
		}
	}

	return errors.Join(errs...)
}
