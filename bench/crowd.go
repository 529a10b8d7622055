package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/bench/openloop"
)

// The crowd: clients that hold connections and ask for next to nothing.
const (
	crowdIdle    = 10_000 // connections that asked once
	crowdSlow    = 1_000  // clients that send a byte a second
	crowdRate    = 500    // requests a second of the normal load beside it
	otherFiles   = 500    // open files of a process that are not the crowd's
	openers      = 64     // connections that are opened at once
	crowdTimeout = 10 * time.Second
)

// crowdUse is the cost of a crowd to the others.
type crowdUse struct {
	Measured      bool
	Idle, Slow    int // clients
	Files         int // limit of open files that allowed no more; 0: it did not matter
	Before, After openloop.Report
	Growth        int64 // of the resident memory, bytes
	Usable        int   // idle connections that answered again
	Closed        int   // idle connections that the server had closed in good order
	Ended         int   // connections of slow clients that the server ended
	LongestHeld   time.Duration
}

func (c *crowdUse) name() string {
	text := fmt.Sprintf("%d idle connections, %d slow clients", c.Idle, c.Slow)
	if c.Files > 0 {
		text += fmt.Sprintf(" (not %d: at most %d open files)", crowdIdle, c.Files)
	}
	return text
}

func (c *crowdUse) bars() []bar {
	slower := ratio(float64(c.After.Accepted.P99), float64(c.Before.Accepted.P99))

	return []bar{
		below("resident memory, growth", c.Growth, crowdMemory),
		{
			text: "p99 of the normal load, to that without them",
			measured: fmt.Sprintf("%.2f (%s ms, without %s ms; %.0f/s)", slower,
				millis(c.After.Accepted.P99), millis(c.Before.Accepted.P99), float64(crowdRate)),
			bound: fmt.Sprintf("≤ %.2f", crowdPercentile),
			held:  slower > 0 && slower <= crowdPercentile,
		},
		atLeast("normal load answered", answered(&c.After), 1),
		{
			text:     "idle connections that answer again or were closed in good order",
			measured: fmt.Sprintf("%d and %d of %d", c.Usable, c.Closed, c.Idle),
			bound:    "all",
			held:     c.Usable+c.Closed == c.Idle,
		},
		atLeast("all of the crowd was there", ratio(float64(c.Idle+c.Slow), crowdIdle+crowdSlow), 1),
		{
			text:     fmt.Sprintf("longest that a slow client was held (%d were ended)", c.Ended),
			measured: c.LongestHeld.Round(100 * time.Millisecond).String(),
			bound:    "≤ " + slowBar.String(),
			held:     c.LongestHeld <= slowBar,
		},
	}
}

// slowBar is the server's limit for reading a request, with room for a busy
// machine.
const slowBar = 20 * time.Second

// crowd measures a normal load alone, and beside a crowd.
func (b *bench) crowd(ctx context.Context) (use crowdUse, err error) {
	d, err := b.base.copyTo(filepath.Join(b.dir, "crowd"))
	if err != nil {
		return use, err
	}

	err = b.serving(ctx, d, func(server *process) error {
		about, err := b.newSubjects(ctx, d, server.url)
		if err != nil {
			return err
		}
		files, err := filesOf(server)
		if err != nil {
			return err
		}
		use.fit(files)

		if use.Before, err = b.normalLoad(ctx, server, about); err != nil {
			return err
		}
		before, err := server.resident()
		if err != nil {
			return err
		}

		progress("%s", use.name())
		if err := b.besideCrowd(ctx, server, about, &use); err != nil {
			return err
		}
		highest, err := server.peak()
		use.Growth = max(0, highest-before)
		use.Measured = true

		progress("crowd: %d MiB more, p99 %v, without %v; %d usable, %d closed", use.Growth>>20,
			use.After.Accepted.P99, use.Before.Accepted.P99, use.Usable, use.Closed)

		return err
	})

	return use, err
}

// fit makes the crowd as large as the open files of both sides allow.
func (c *crowdUse) fit(files int) {
	c.Idle, c.Slow = crowdIdle, crowdSlow
	if room := files - otherFiles - crowdSlow; room < crowdIdle {
		c.Idle, c.Files = max(0, room), files
	}
}

// filesOf returns how many files the server and this process may each have open.
func filesOf(server *process) (int, error) {
	ours, err := openFiles()
	if err != nil {
		return 0, err
	}
	its, err := server.openFiles()
	return min(ours, int(its)), err
}

// normalLoad measures a load that the server can easily handle.
func (b *bench) normalLoad(ctx context.Context, server *process, about *subjects) (openloop.Report, error) {
	s := &scenarios[guestCredentials]
	requests, err := requestsOf(ctx, s, server, about)
	if err != nil {
		return openloop.Report{}, err
	}

	reports, err := b.generate(ctx, planOf(server, openloop.Stream{
		Name:        floodStream,
		Phases:      []openloop.Phase{{Name: floodPhase, Duration: b.crowding, Rate: crowdRate}},
		Poisson:     true,
		Connections: connections,
		Requests:    requests,
		Member:      s.member,
	}))
	if err != nil {
		return openloop.Report{}, err
	}

	return reports[0], nil
}

// besideCrowd measures while a crowd is there.
func (b *bench) besideCrowd(ctx context.Context, server *process, about *subjects, use *crowdUse) error {
	if err := server.forgetPeak(); err != nil {
		return err
	}

	idle, err := openIdle(ctx, server.url, use.Idle)
	defer closeAll(idle)

	if err != nil {
		return err
	}
	slow := startSlow(ctx, server.url, use.Slow)

	use.After, err = b.normalLoad(ctx, server, about)
	slow.stop()
	if err != nil {
		return err
	}

	use.Ended, use.LongestHeld = int(slow.ended.Load()), time.Duration(slow.longest.Load())
	for _, c := range idle {
		switch err := askAgain(c); {
		case err == nil:
			use.Usable++
		case errors.Is(err, io.EOF):
			use.Closed++
		}
	}

	return nil
}

// openIdle opens connections that each ask once.
func openIdle(ctx context.Context, url string, n int) ([]net.Conn, error) {
	list := make([]net.Conn, n)
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup

	for range openers {
		group.Go(func() {
			for at := next.Add(1) - 1; at < int64(n) && failed.Load() == nil; at = next.Add(1) - 1 {
				c, err := idleConnection(ctx, url)
				if err != nil {
					failed.Store(&err)
					return
				}
				list[at] = c
			}
		})
	}
	group.Wait()

	if err := failed.Load(); err != nil {
		return list, fmt.Errorf("opening idle connections: %w", *err)
	}

	return list, nil
}

func closeAll(list []net.Conn) {
	for _, c := range list {
		if c != nil {
			_ = c.Close()
		}
	}
}

// askAgain uses an idle connection once more. It returns io.EOF if the server
// had closed it before.
func askAgain(c net.Conn) error {
	if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return err
	}

	switch _, err := c.Read(make([]byte, 1)); {
	case err == nil:
		return errors.New("it was answered without having asked")
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return err
	}

	return ask(c)
}

// ask sends a health probe and reads its answer.
func ask(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(crowdTimeout)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n"); err != nil {
		return err
	}

	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return fmt.Errorf("no answer: %v", err) // not to be taken for a connection that was closed before
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return fmt.Errorf("no whole answer: %v", err)
	}
	if answer.StatusCode != http.StatusOK || answer.Close {
		return fmt.Errorf("a connection was not kept: %s", answer.Status)
	}

	return nil
}

// slowClients send a byte a second: half of them in a header, half in a body.
// Each comes again when the server has ended its connection.
type slowClients struct {
	stop    func()
	ended   atomic.Int64
	longest atomic.Int64 // nanoseconds that a connection lasted
}

func startSlow(ctx context.Context, url string, n int) *slowClients {
	ctx, cancel := context.WithCancel(ctx)
	s := &slowClients{}
	var group sync.WaitGroup
	s.stop = func() { cancel(); group.Wait() }

	header := "POST / HTTP/1.1\r\nHost: bench\r\nX-Slow: "
	body := "POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-amz-json-1.1\r\n" +
		"X-Amz-Target: AWSCognitoIdentityService.GetId\r\nContent-Length: 1000\r\n\r\n"
	address := strings.TrimPrefix(url, "http://")
	for k := range n {
		begin := header
		if k%2 != 0 {
			begin = body
		}
		group.Go(func() {
			for ctx.Err() == nil {
				s.once(ctx, address, begin)
			}
		})
	}

	return s
}

// once is one connection, until the server ends it.
func (s *slowClients) once(ctx context.Context, address, begin string) {
	c, err := dialTCP(ctx, address)
	if err != nil {
		_ = pause(ctx, time.Second) // it comes again
		return
	}
	defer c.Close()

	opened := time.Now()
	for text := begin; ctx.Err() == nil; text = "a" {
		if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
			return
		}

		_, err := io.WriteString(c, text)
		if err == nil {
			_, err = c.Read(make([]byte, 1)) // for a second, unless the server answers or closes
		}

		s.lasted(time.Since(opened))
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			s.ended.Add(1)
			return
		}
	}
}

func (s *slowClients) lasted(d time.Duration) {
	for {
		longest := s.longest.Load()
		if int64(d) <= longest || s.longest.CompareAndSwap(longest, int64(d)) {
			return
		}
	}
}
