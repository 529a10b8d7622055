// Command handlers calls the handler of a server in its own process, and tells how much processor time that took. The
// benchmark builds it from the sources of two versions: it uses nothing but what both have.
//
// Each line of its input names a kind of call, by its place, and how many calls to make. Each line of its output has
// the nanoseconds that the process used for them.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime"

	"github.com/goccy/go-yaml"
	"golang.org/x/sys/unix"

	"github.com/poolhouse-id/poolhouse"
)

// task is the file that the only argument names.
type task struct {
	Settings, Data string
	Kinds          []kind
}

// kind is a kind of call. Its bodies take turns.
type kind struct {
	Header http.Header
	Bodies [][]byte
	Member string // text in each answer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "handlers: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	if len(os.Args) != 2 {
		return errors.New("the only argument is a file")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	var t task
	if err := json.Unmarshal(text, &t); err != nil {
		return err
	}

	server, err := t.server(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()

	running, stop := context.WithCancel(ctx)
	defer stop()

	go server.Run(running)

	return answer(server, t.Kinds)
}

// server returns the server of the settings file.
func (t *task) server(ctx context.Context) (*poolhouse.Server, error) {
	text, err := os.ReadFile(t.Settings)
	if err != nil {
		return nil, err
	}
	var file struct {
		IssuerURL     string                         `yaml:"issuer_url"`
		AccountID     string                         `yaml:"account_id"`
		Region        string                         `yaml:"region"`
		Roles         []poolhouse.RoleConfig         `yaml:"roles"`
		OIDCProviders []poolhouse.OIDCProviderConfig `yaml:"oidc_providers"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}

	return poolhouse.New(ctx, poolhouse.Config{
		DataDir:       t.Data,
		IssuerURL:     file.IssuerURL,
		Account:       file.AccountID,
		Region:        file.Region,
		Roles:         file.Roles,
		OIDCProviders: file.OIDCProviders,
		Logger:        slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
}

// answer makes the calls that the input asks for, until it ends.
func answer(server http.Handler, kinds []kind) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var n, calls int
		if _, err := fmt.Sscan(lines.Text(), &n, &calls); err != nil {
			return err
		}

		runtime.GC() // each round begins alike
		before, err := processorTime()
		if err != nil {
			return err
		}
		if err := kinds[n].call(server, calls); err != nil {
			return err
		}
		after, err := processorTime()
		if err != nil {
			return err
		}
		fmt.Println(after - before)
	}

	return lines.Err()
}

// call makes calls, one at a time.
func (k *kind) call(server http.Handler, calls int) error {
	w := &answerWriter{header: http.Header{}}
	for n := range calls {
		body := k.Bodies[n%len(k.Bodies)]
		r, err := http.NewRequest(http.MethodPost, "http://127.0.0.1/", io.NopCloser(bytes.NewReader(body)))
		if err != nil {
			return err
		}
		r.Header, r.ContentLength, r.RemoteAddr = k.Header, int64(len(body)), "127.0.0.1:4242"

		w.reset()
		server.ServeHTTP(w, r)
		if w.status != http.StatusOK || !bytes.Contains(w.body.Bytes(), []byte(k.Member)) {
			return fmt.Errorf("an answer is not the one to measure: %d %s", w.status, w.body.Bytes())
		}
	}

	return nil
}

// answerWriter keeps an answer until the next.
type answerWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *answerWriter) reset() {
	clear(w.header)
	w.status = http.StatusOK
	w.body.Reset()
}

func (w *answerWriter) Header() http.Header            { return w.header }
func (w *answerWriter) WriteHeader(status int)         { w.status = status }
func (w *answerWriter) Write(text []byte) (int, error) { return w.body.Write(text) }

// processorTime returns how much processor time the process has used, in nanoseconds.
func processorTime() (int64, error) {
	var t unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t)
	return t.Nano(), err
}
