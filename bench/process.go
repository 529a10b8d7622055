package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a child that serves on 127.0.0.1. It ends with its parent.
type process struct {
	cmd    *exec.Cmd
	url    string
	log    *os.File // stderr
	stdout bytes.Buffer
	exited chan error
}

const (
	readyTimeout = 30 * time.Second
	stopTimeout  = 30 * time.Second
)

// spawn starts a program that will listen on address and waits for its /readyz.
func spawn(ctx context.Context, dir, address string, program string, env []string, args ...string) (*process, error) {
	// Appending, so that dropLog can empty it under way.
	log, err := os.OpenFile(filepath.Join(dir, "log-"+strings.ReplaceAll(address, ":", "-")), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{url: "http://" + address, log: log, exited: make(chan error, 1)}
	p.cmd = command(ctx, program, env, args...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, log
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() { p.exited <- p.cmd.Wait() }()
	if err := p.ready(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, p.lastLog()), p.stop())
	}
	return p, nil
}

// command is a child that the kernel kills when this process dies, without the
// settings that this environment may hold for Poolhouse.
func command(ctx context.Context, program string, env []string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, program, args...)
	c.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "POOLHOUSE_") }), env...)
	c.SysProcAttr = childAttributes()
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = stopTimeout
	return c
}

func (p *process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/readyz", nil)
		if err != nil {
			return err
		}
		if r, err := http.DefaultClient.Do(request); err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-p.exited:
			p.exited <- err
			return fmt.Errorf("it ended before it was ready: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// stop ends the child as an operator does and waits for it.
func (p *process) stop() error {
	defer p.log.Close()
	defer os.Remove(p.log.Name())
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails when it has ended
	select {
	case err := <-p.exited:
		return err
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		return errors.Join(errors.New("a child did not end within "+stopTimeout.String()), <-p.exited)
	}
}

// dropLog empties the child's log: it is written as in production, but a
// benchmark would fill the disk with it.
func (p *process) dropLog() error { return p.log.Truncate(0) }

func (p *process) lastLog() string {
	text, _ := os.ReadFile(p.log.Name())
	return string(text[max(0, len(text)-2000):])
}

// cpu is the processor time that the child has used.
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The second field is the name in parentheses and may hold anything.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	var ticks int64
	for _, field := range fields[11:13] { // utime, stime (proc_pid_stat(5))
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	const ticksPerSecond = 100 // USER_HZ, the same on every Linux that Go runs on
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// resident is the child's resident memory in bytes (VmRSS).
func (p *process) resident() (int64, error) {
	text, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer text.Close()
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.Join(errors.New("no VmRSS in the child's status"), lines.Err())
}

// freeAddress returns an address of 127.0.0.1 that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
