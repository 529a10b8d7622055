package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// idleConnections is the number of open connections while the memory is measured.
const idleConnections = 1000

// settle is the time for which a server is left alone before its memory is read.
const settle = 2 * time.Second

// Floors of the resources.
const (
	idleFloor  = 40 << 20 // bytes
	startFloor = 100 * time.Millisecond
)

// memory measures the server's resident memory after its start, under idle
// connections that have asked one question each, and after they are gone.
func (b *bench) memory(ctx context.Context, r *results) error {
	d, err := b.base.copyTo(filepath.Join(b.dir, "memory"))
	if err != nil {
		return err
	}

	return b.serving(ctx, d, func(p *process) (err error) {
		if err := pause(ctx, settle); err != nil {
			return err
		}
		if r.Memory.Idle, err = p.resident(); err != nil {
			return err
		}

		held := make([]net.Conn, 0, idleConnections)
		defer func() {
			for _, c := range held {
				_ = c.Close()
			}
		}()

		for range idleConnections {
			c, err := idleConnection(ctx, p.url)
			if err != nil {
				return err
			}
			held = append(held, c)
		}
		if err := pause(ctx, settle); err != nil {
			return err
		}
		if r.Memory.Connected, err = p.resident(); err != nil {
			return err
		}
		r.Memory.Connections = len(held)
		progress("resident: %d KiB idle, %d KiB with %d connections", r.Memory.Idle>>10, r.Memory.Connected>>10,
			len(held))

		return nil
	})
}

// idleConnection opens a connection, asks once and leaves it open.
func idleConnection(ctx context.Context, url string) (net.Conn, error) {
	c, err := dialTCP(ctx, strings.TrimPrefix(url, "http://"))
	if err != nil {
		return nil, err
	}
	if err := ask(c); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// start measures how long `poolhouse dev` takes from exec to its welcome, and until
// /readyz answers 200.
func (b *bench) start(ctx context.Context, r *results) error {
	var welcomes, readies []time.Duration
	for range b.starts {
		welcome, ready, err := b.startOnce(ctx)
		if err != nil {
			return err
		}
		welcomes, readies = append(welcomes, welcome), append(readies, ready)
	}
	r.Start = startTimes{Runs: b.starts, Welcome: median(welcomes), Ready: median(readies)}
	r.Start.Slowest = readies[len(readies)-1] // median sorted them
	progress("poolhouse dev: welcome after %v, ready after %v", r.Start.Welcome, r.Start.Ready)

	return nil
}

func (b *bench) startOnce(ctx context.Context) (welcome, ready time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()

	c := command(ctx, b.binary, nil, "dev", "--memory", "--listen", "127.0.0.1:0")
	out, err := c.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	if err := c.Start(); err != nil {
		return 0, 0, err
	}
	defer func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, out)
		err = errors.Join(err, c.Wait())
	}()

	lines := bufio.NewScanner(out)
	for lines.Scan() {
		_, url, found := strings.Cut(lines.Text(), "listens on ")
		if !found {
			continue
		}
		welcome = time.Since(begin)
		answer, err := http.Get(strings.TrimSpace(url) + "/readyz")
		if err != nil {
			return 0, 0, err
		}
		ready = time.Since(begin)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return 0, 0, fmt.Errorf("/readyz after the welcome: %s", answer.Status)
		}

		return welcome, ready, nil
	}

	return 0, 0, errors.Join(errors.New("poolhouse dev printed no address"), lines.Err())
}
