package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/poolhouse-id/poolhouse/internal/logging"
)

// logDelay is how long a server collects the lines of its log for one write.
const logDelay = 10 * time.Millisecond

// outputs are the outputs of a running server: its log goes to standard error, all else to
// standard output. No write waits for a reader.
type outputs struct {
	logger *slog.Logger
	stdout io.Writer
	sinks  []*logging.Sink
}

// serveOutputs starts the outputs of a server in production.
func serveOutputs(s *settings) (*outputs, error) {
	l, err := level(s)
	if err != nil {
		return nil, err
	}
	return processOutputs(s, l, logDelay, os.Stdout)
}

// devOutputs starts the outputs of a development server: without delay, and without the request
// log unless it is asked for (--log-level info), so that the terminal shows only failures. All but
// the log goes to people.
func devOutputs(s *settings, people *os.File) (*outputs, error) {
	l := slog.LevelWarn
	if s.source(&s.LogLevel) != "default" {
		var err error
		if l, err = level(s); err != nil {
			return nil, err
		}
	}
	return processOutputs(s, l, 0, people)
}

// processOutputs starts the outputs of the process, which libraries use, too. From here on the
// process outlives the readers of its outputs.
func processOutputs(s *settings, l slog.Level, delay time.Duration, stdout *os.File) (*outputs, error) {
	o, err := newOutputs(s, l, delay, stdout, os.Stderr)
	if err != nil {
		return nil, err
	}
	signal.Ignore(syscall.SIGPIPE) // a write to a closed pipe is an error, not the end of the process
	slog.SetDefault(o.logger)      // net/http's client logs to the default logger
	return o, nil
}

// commandLogger logs to standard error, each line when it is written, for commands
// that end by themselves.
func commandLogger(s *settings) (*slog.Logger, error) {
	l, err := level(s)
	if err != nil {
		return nil, err
	}
	newHandler, err := handler(s, os.Stderr)
	if err != nil {
		return nil, err
	}

	return slog.New(newHandler(os.Stderr, l)), nil
}

// newOutputs starts the outputs of a server.
func newOutputs(s *settings, level slog.Level, delay time.Duration, stdout, stderr *os.File) (*outputs, error) {
	newHandler, err := handler(s, stderr)
	if err != nil {
		return nil, err
	}

	notice := func(dropped uint64) []byte {
		var line bytes.Buffer
		logger := slog.New(newHandler(&line, slog.LevelWarn))
		logger.Warn("log lines were dropped here: nobody read them in time", "dropped", dropped)
		return line.Bytes()
	}
	log := logging.NewSink(logging.SinkOptions{To: stderr, Delay: delay, Notice: notice})
	o := &outputs{
		logger: slog.New(newHandler(log, level)),
		stdout: log,
		sinks:  []*logging.Sink{log},
	}
	if !sameFile(stdout, stderr) { // one writer for one file, so that the lines do not mix
		output := logging.NewSink(logging.SinkOptions{To: stdout})
		o.stdout = output
		o.sinks = append(o.sinks, output)
	}

	return o, nil
}

// sameFile reports whether two files are the same, as after 2>&1.
func sameFile(a, b *os.File) bool {
	first, err := a.Stat()
	if err != nil {
		return false
	}
	second, err := b.Stat()
	return err == nil && os.SameFile(first, second)
}

// dropped returns the number of lines that were dropped because nobody read them.
func (o *outputs) dropped() (lines uint64) {
	for _, sink := range o.sinks {
		lines += sink.Dropped()
	}
	return lines
}

// close writes the last lines. It takes at most two seconds.
func (o *outputs) close() {
	var group sync.WaitGroup
	for _, sink := range o.sinks {
		group.Go(func() { _ = sink.Close() }) // there is no output left for an error
	}
	group.Wait()
}

// level returns the log level that the settings name.
func level(s *settings) (slog.Level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(s.LogLevel)); err != nil {
		return 0, s.fault(&s.LogLevel, "use debug, info, warn or error")
	}
	return l, nil
}

// handler returns a constructor of log handlers in the format for f: text for a person, JSON for
// a machine.
func handler(s *settings, f *os.File) (func(io.Writer, slog.Level) slog.Handler, error) {
	format := s.LogFormat
	if format == "auto" {
		format = "json"
		if term.IsTerminal(int(f.Fd())) {
			format = "text"
		}
	}

	switch format {
	case "text":
		return func(w io.Writer, l slog.Level) slog.Handler {
			return slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})
		}, nil
	case "json":
		return func(w io.Writer, l slog.Level) slog.Handler {
			return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l})
		}, nil
	default:
		return nil, s.fault(&s.LogFormat, "use auto, text or json")
	}
}

// lastWordsTime bounds the time for the message of a failed command.
const lastWordsTime = time.Second

// lastWords prints why the command failed. The process ends even if nobody reads standard error.
func lastWords(stderr io.Writer, err error) {
	ctx, printed := context.WithTimeout(context.Background(), lastWordsTime)
	go func() {
		defer printed()

		fmt.Fprintln(stderr, "poolhouse: "+err.Error())
	}()
	<-ctx.Done()
}
