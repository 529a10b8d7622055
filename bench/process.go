package main

import (
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
	log, err := os.OpenFile(filepath.Join(dir, "log-"+strings.ReplaceAll(address, ":", "-")),
		os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
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
	c.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "POOLHOUSE_") }),
		env...)
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
func (p *process) cpu() (time.Duration, error) { return processorTime(p.cmd.Process.Pid) }

// resident is the child's resident memory in bytes.
func (p *process) resident() (int64, error) {
	kib, err := p.property("status", "VmRSS:", "kB")
	return kib << 10, err
}

// peak is the highest resident memory since forgetPeak, in bytes.
func (p *process) peak() (int64, error) {
	kib, err := p.property("status", "VmHWM:", "kB")
	return kib << 10, err
}

func (p *process) forgetPeak() error { return forgetPeak(p.cmd.Process.Pid) }

// openFiles returns how many files the child may have open now.
func (p *process) openFiles() (int64, error) { return p.property("limits", "Max open files", "") }

// property finds the first number after a name in a file of /proc/PID.
func (p *process) property(file, name, unit string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file))
	if err != nil {
		return 0, err
	}

	for line := range strings.Lines(string(text)) {
		value, ok := strings.CutPrefix(line, name)
		if !ok {
			continue
		}
		fields := strings.Fields(strings.TrimSuffix(strings.TrimSpace(value), unit))
		if len(fields) > 0 {
			return strconv.ParseInt(fields[0], 10, 64)
		}
	}

	return 0, fmt.Errorf("no %s in the child's %s", name, file)
}

// freeAddress returns an address of 127.0.0.1 that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
