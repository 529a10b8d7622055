//go:build unix

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
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// unread is a pipe that is full because nobody reads it.
type unread struct {
	reader, writer *os.File
	filled         int

	told  chan struct{} // closed when a notice of dropped lines has come
	ended chan struct{} // closed when every writer has closed the pipe
	text  bytes.Buffer  // what came, when ended is closed
}

func newUnread(t *testing.T) *unread {
	t.Helper()
	p := newPipe(t)
	p.fill(t)
	return p
}

func newPipe(t *testing.T) *unread {
	t.Helper()
	p := &unread{told: make(chan struct{}), ended: make(chan struct{})}
	var err error
	if p.reader, p.writer, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.reader.Close() })
	t.Cleanup(func() { _ = p.writer.Close() })

	return p
}

// fill writes until the pipe takes nothing more.
func (p *unread) fill(t *testing.T) {
	t.Helper()

	var err error
	for _, block := range []int{4096, 1} {
		for err == nil {
			if err := p.writer.SetWriteDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			var n int
			n, err = p.writer.Write(bytes.Repeat([]byte{' '}, block))
			p.filled += n
		}

		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		err = nil
	}

	_ = p.writer.SetWriteDeadline(time.Time{})
}

// read begins to read, until every writer has closed the pipe.
func (p *unread) read() {
	_ = p.writer.Close()
	go func() {
		defer close(p.ended)

		lines, told := bufio.NewReader(p.reader), p.told
		for {
			line, err := lines.ReadBytes('\n')
			p.text.Write(line)
			if told != nil && bytes.Contains(line, []byte("lines were dropped here")) {
				close(told)
				told = nil
			}
			if err != nil {
				return
			}
		}
	}()
}

// waitFor waits for something that must come.
func waitClosed(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()

	select {
	case <-c:
	case <-time.After(30 * time.Second):
		t.Fatal("in vain: waiting for " + what)
	}
}

// lines waits until the writers have ended, and returns the lines after the filling.
func (p *unread) lines(t *testing.T) []string {
	t.Helper()
	waitClosed(t, "the end of the output", p.ended)
	return slices.Collect(strings.Lines(string(p.text.Bytes()[p.filled:])))
}

// launchInto starts the program with files for its output.
func launchInto(t *testing.T, stdout, stderr *os.File, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "poolhouse", args...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// serverArguments are a command line of serve or dev with all the log lines.
func serverArguments(t *testing.T, command, format string) (arguments []string, url string) {
	t.Helper()
	address := listentest.FreeAddress(t)
	url = "http://" + address
	arguments = []string{command, "--listen", address, "--token-algorithm", "ES256",
		"--log-level", "info", "--log-format", format}
	if command == "serve" {
		data := filepath.Join(t.TempDir(), "data")
		initialised(t, "--data", data)
		arguments = append(arguments, "--data", data, "--issuer-url", url, "--lame-duck", "0")
	} else {
		arguments = append(arguments, "--memory")
	}

	return arguments, url
}

// terminate ends a server, which must take seconds at most.
func terminate(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("SIGTERM: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("SIGTERM did not end the server")
	}
}

const unknownPool = `{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000000"}`

// callRefused makes calls that are refused, which have long log lines and, in
// development, an explanation on standard output. Each must be answered.
func callRefused(t *testing.T, url string, calls int) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()

	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	defer transport.CloseIdleConnections()

	client := &http.Client{Transport: transport}

	var group sync.WaitGroup
	var next, answered atomic.Int64
	for range 8 {
		group.Go(func() {
			for next.Add(1) <= int64(calls) && ctx.Err() == nil {
				body := strings.NewReader(unknownPool)
				r, _ := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
				r.Header.Set("Content-Type", "application/x-amz-json-1.1")
				r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService.GetId")
				r.Header.Set("User-Agent", strings.Repeat("agent", 50))
				response, err := client.Do(r)
				if err != nil {
					continue
				}

				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode == http.StatusBadRequest {
					answered.Add(1)
				}
			}
		})
	}

	group.Wait()
	if n := answered.Load(); n != int64(calls) {
		t.Fatalf("%d of %d calls were answered", n, calls)
	}
}

// get returns the body of an answer with status 200.
func get(t *testing.T, url string) string {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()

	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}

	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", url, response.StatusCode, err)
	}

	return string(text)
}

var droppedLines = regexp.MustCompile(`(?m)^poolhouse_log_lines_dropped_total (\S+)$`)

func droppedOf(t *testing.T, url string) int {
	t.Helper()
	found := droppedLines.FindStringSubmatch(get(t, url+"/metrics"))
	if found == nil {
		t.Fatal("no poolhouse_log_lines_dropped_total")
	}
	n, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}

	return int(n)
}

// enoughCalls have more lines than a pipe and a sink hold.
const enoughCalls = 4000

// outputCases are where a server's output can go and not be read.
var outputCases = []struct{ command, format, blocked string }{
	{"serve", "json", "stderr"},
	{"serve", "text", "stderr"},
	{"serve", "json", "stdout"},
	{"serve", "json", "both"},
	{"dev", "json", "stderr"},
	{"dev", "text", "stdout"},
	{"dev", "text", "both"},
}

// A server whose output nobody reads answers all calls, is healthy, counts what it
// drops, and can be stopped.
func TestUnreadOutputStopsNothing(t *testing.T) {
	t.Parallel()

	for _, tt := range outputCases {
		t.Run(tt.command+" "+tt.format+" "+tt.blocked, func(t *testing.T) {
			p := newUnread(t)
			nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer nowhere.Close()

			stdout, stderr := nowhere, nowhere
			if tt.blocked != "stderr" {
				stdout = p.writer
			}
			if tt.blocked != "stdout" {
				stderr = p.writer
			}

			args, url := serverArguments(t, tt.command, tt.format)
			cmd := launchInto(t, stdout, stderr, args...)
			waitReady(t, url)
			callRefused(t, url, enoughCalls)

			if get(t, url+"/healthz") != "ok\n" || get(t, url+"/readyz") != "ready\n" {
				t.Error("not healthy")
			}
			silent := tt.command == "serve" && tt.blocked == "stdout" // it prints nothing
			if n := droppedOf(t, url); n == 0 && !silent {
				t.Error("no drops are counted")
			}
			terminate(t, cmd)
		})
	}
}

var (
	textLine = regexp.MustCompile(
		`^time=\S+ level=[A-Z]+ msg=("[^"\n]+"|\w+)( [\w.]+=("([^"\\\n]|\\.)*"|[^\s"]*))*\n$`,
	)
	printedNotice = regexp.MustCompile(`(?m)^(\d+) lines were dropped here$`)
	noticeText    = regexp.MustCompile(`msg="log lines were dropped here: nobody read them in time" dropped=(\d+)\n$`)
)

// logLine checks that a line is whole, and returns the drops that it tells of.
func logLine(t *testing.T, format, line string) (dropped int) {
	t.Helper()
	if format == "text" {
		if !textLine.MatchString(line) {
			t.Errorf("not a whole line of text: %q", line)
		}
		if found := noticeText.FindStringSubmatch(line); found != nil {
			dropped, _ = strconv.Atoi(found[1])
		}
		return dropped
	}

	var fields struct {
		Time    time.Time `json:"time"`
		Level   string    `json:"level"`
		Message string    `json:"msg"`
		Dropped int       `json:"dropped"`
	}
	err := json.Unmarshal([]byte(line), &fields)
	if err != nil || fields.Time.IsZero() || fields.Level == "" || fields.Message == "" {
		t.Errorf("not a whole line of JSON: %q", line)
	}

	return fields.Dropped
}

// A reader that comes back gets whole lines, as many as there are, and is told how
// many are missing.
func TestReaderComesBack(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct{ command, format string }{
		{"serve", "json"},
		{"serve", "text"},
		{"dev", "json"},
		{"dev", "text"},
	} {
		t.Run(tt.command+" "+tt.format, func(t *testing.T) {
			log, output := newUnread(t), newUnread(t)
			args, url := serverArguments(t, tt.command, tt.format)
			cmd := launchInto(t, output.writer, log.writer, args...)
			waitReady(t, url)
			callRefused(t, url, enoughCalls)
			dropped := droppedOf(t, url)

			log.read()
			output.read()
			waitClosed(t, "the notice", log.told)
			if tt.command == "dev" {
				waitClosed(t, "the notice on standard output", output.told)
			}

			callRefused(t, url, 10)
			if n := droppedOf(t, url); n != dropped {
				t.Errorf("%d lines were dropped, then %d", dropped, n)
			}
			terminate(t, cmd)

			requests, told := 0, 0
			for _, line := range log.lines(t) {
				told += logLine(t, tt.format, line)
				if strings.Contains(line, "ResourceNotFoundException") {
					requests++
				}
			}

			printed := strings.Join(output.lines(t), "")
			if tt.command == "dev" {
				for _, found := range printedNotice.FindAllStringSubmatch(printed, -1) {
					n, _ := strconv.Atoi(found[1])
					told += n
				}
				requests += strings.Count(printed, "GetId ResourceNotFoundException")
			}

			all := enoughCalls + 10
			if tt.command == "dev" {
				all *= 2 // a line, and an explanation
			}
			if told != dropped || requests+dropped != all {
				t.Errorf("%d of %d lines came; %d were dropped, the log tells of %d", requests, all, dropped, told)
			}
			if tt.command == "dev" && !strings.Contains(printed, "Development mode") {
				t.Errorf("printed %.200q", printed)
			}
		})
	}
}

// A server whose output was closed goes on, and stops when it is told to.
func TestClosedOutput(t *testing.T) {
	for _, command := range []string{"serve", "dev"} {
		for _, how := range []string{"reader gone", "never open"} {
			t.Run(command+" "+how, func(t *testing.T) {
				args, url := serverArguments(t, command, "json")
				var cmd *exec.Cmd
				if how == "reader gone" {
					p := newUnread(t)
					_ = p.reader.Close()
					cmd = launchInto(t, p.writer, p.writer, args...)
				} else {
					shell := []string{"-c", `exec poolhouse "$@" >&- 2>&-`, "sh"}
					cmd = exec.CommandContext(t.Context(), "sh", append(shell, args...)...)
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = cmd.Process.Kill() })
				}

				waitReady(t, url)
				callRefused(t, url, 50)
				terminate(t, cmd)
			})
		}
	}
}

// A start that fails ends with its status, and with its message if somebody reads.
func TestFailedStart(t *testing.T) {
	for _, read := range []bool{true, false} {
		t.Run(fmt.Sprint(read), func(t *testing.T) {
			p := newUnread(t)
			cmd := launchInto(t, p.writer, p.writer, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir())
			if read {
				p.read()
			}

			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()

			select {
			case err := <-ended:
				if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
					t.Errorf("ended with %v", err)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("the start did not end")
			}

			if read && !strings.Contains(strings.Join(p.lines(t), ""), "poolhouse: issuer_url") {
				t.Errorf("the message is %q", p.lines(t))
			}
		})
	}
}

// Error lines and panics do not wait for a reader either. The same lines written
// straight to the pipe stop the server, which shows that the pipe is full.
func TestErrorLinesDoNotWait(t *testing.T) {
	t.Parallel()

	settings, err := load(map[string]string{"log_format": "json"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}

	for name, handler := range map[string]func(*poolhouse.Server) http.Handler{
		"internal errors":  func(s *poolhouse.Server) http.Handler { return s },
		"a handler panics": func(*poolhouse.Server) http.Handler { return panicking{} },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPipe(t)
			direct := slog.NewJSONHandler(p.writer, &slog.HandlerOptions{Level: slog.LevelDebug})
			if !hangs(t, p, slog.New(direct), handler, 2*time.Second) {
				t.Error("without a sink nothing hangs: the test proves nothing")
			}
			_ = p.reader.Close()

			p = newPipe(t)
			out, err := newOutputs(settings, slog.LevelDebug, logDelay, p.writer, p.writer)
			if err != nil {
				t.Fatal(err)
			}
			if hangs(t, p, out.logger, handler, 30*time.Second) {
				t.Error("a call waits for its log line")
			}

			out.close()
			if out.dropped() != 0 {
				t.Errorf("dropped %d", out.dropped())
			}
			_ = p.reader.Close()
		})
	}
}

type panicking struct{}

func (panicking) ServeHTTP(http.ResponseWriter, *http.Request) { panic("broken") }

// hangs reports whether calls to a server whose database is closed have no answer
// after limit when nobody reads its log.
func hangs(
	t *testing.T, log *unread, logger *slog.Logger, handler func(*poolhouse.Server) http.Handler, limit time.Duration,
) bool {
	t.Helper()
	c := poolhouse.Config{Dev: true, IssuerURL: "http://127.0.0.1:1", TokenAlgorithm: "ES256"}
	c.Logger = logger
	server, err := poolhouse.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}

	web := httptest.NewUnstartedServer(nil)
	web.Config = newWebServer(handler(server), logger)
	web.Start()
	t.Cleanup(web.Close)
	log.fill(t)

	answered := make(chan struct{})
	go func() {
		defer close(answered)

		client := &http.Client{Timeout: 20 * time.Second}
		for range 3 {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL, strings.NewReader(unknownPool))
			r.Header.Set("Content-Type", "application/x-amz-json-1.1")
			r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService.GetId")
			if response, err := client.Do(r); err == nil {
				_ = response.Body.Close()
			}
		}
	}()

	select {
	case <-answered:
		return false
	case <-time.After(limit):
		return true
	}
}
