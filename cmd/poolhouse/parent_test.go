package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// child is a server that a program has started for itself: it reads one line, and keeps the
// pipe open for as long as it wants the server.
type child struct {
	cmd    *exec.Cmd
	input  io.WriteCloser
	output *bufio.Reader
	ready  readiness
}

func startChild(t *testing.T, arguments ...string) *child {
	t.Helper()
	s := &child{cmd: exec.CommandContext(context.Background(), "poolhouse", append([]string{"dev", "--memory",
		"--listen", "127.0.0.1:0", "--ready-file", "-", "--exit-with-parent"}, arguments...)...)}
	s.cmd.Stderr = t.Output()
	output, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if s.input, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })

	s.output = bufio.NewReader(output)
	line, err := s.output.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, &s.ready); err != nil {
		t.Fatalf("%s: %v", line, err)
	}

	return s
}

// The first line on standard output has what a ready file has, and the server answers by then.
// All else is on standard error.
func TestReadyLine(t *testing.T) {
	s := startChild(t, "--demo")
	response, err := http.Get(s.ready.Endpoint + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("the server is not ready: %s, %v", response.Status, err)
	}
	if s.ready.PID != s.cmd.Process.Pid || len(s.ready.Pools) != 1 || s.ready.Region != "us-east-1" {
		t.Errorf("the line has %+v, the process %d", s.ready, s.cmd.Process.Pid)
	}

	// A refusal is explained to people, not to the program.
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.ready.Endpoint,
		strings.NewReader(`{"IdentityPoolId": "us-east-1:00000000-0000-4000-8000-000000000009"}`))
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AWSCognitoIdentityService.GetId")
	response, err = http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown pool: %s", response.Status)
	}
	if err := s.input.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(s.output); err != nil || len(rest) > 0 {
		t.Errorf("standard output has more: %q, %v", rest, err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("after the end of standard input: %v", err)
	}
	if _, err := os.Stat(readyLine); err == nil {
		t.Error("a file was made")
	}
}

// A program that is killed takes its server with it. Here a shell is the program: it holds the pipe.
func TestExitWithParent(t *testing.T) {
	folder := t.TempDir()
	parent := exec.CommandContext(t.Context(), "/bin/bash", "-c", `
		exec {held}> >(exec poolhouse dev --memory --listen 127.0.0.1:0 --ready-file "$1/ready" --exit-with-parent)
		until [ -s "$1/ready" ]; do sleep 0.01; done
		echo there
		read -r`, "parent", folder)
	parent.Stderr = t.Output()
	keep, err := parent.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = keep.Close() }()

	output, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(output)
	for line := ""; line != "there\n"; {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}

	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, lines) // the server has this output, too
	}()

	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("the server outlived its parent")
	}
	_ = parent.Wait()
	if _, err := os.Stat(folder + "/ready"); err == nil {
		t.Error("the server did not stop cleanly: its ready file is there")
	}
}

// An input that ends at once, or never, is refused: it would be found out late.
func TestExitWithParentNeedsAPipe(t *testing.T) {
	out, err := run1(t, "dev", "--memory", "--listen", "127.0.0.1:0", "--exit-with-parent") // /dev/null
	if err == nil || !strings.Contains(out, "standard input is no pipe") {
		t.Errorf("without a pipe: %s, %v", out, err)
	}
}
