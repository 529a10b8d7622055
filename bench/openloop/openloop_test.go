package openloop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The tests run in a bubble of testing/synctest: time is not the machine's and
// passes only while everybody waits.

const member = `"Token":"ey`

var request = []byte("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n{}")

// answers of the server of a test.
const (
	good    = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + member + "!"
	closing = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n" + member + "!"
	chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n" + `"Token` + "\r\n6\r\n" + `":"ey!` +
		"\r\n0\r\n\r\n"
	other    = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
	refusal  = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n{}"
	fault    = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
	notFound = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
	noHTTP   = "hello\r\n\r\n"
	cut      = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + `"Tok`
)

// server answers on pipes.
type server struct {
	behave   func(n int, c net.Conn) // n counts all requests
	requests atomic.Int64
	refuses  bool // connections
}

func (s *server) dial(context.Context, string) (net.Conn, error) {
	if s.refuses {
		return nil, errors.New("refused")
	}

	client, c := net.Pipe()
	go func() {
		defer c.Close()

		for r := bufio.NewReader(c); ; {
			q, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, q.Body)
			s.behave(int(s.requests.Add(1)-1), c)
		}
	}()

	return client, nil
}

func says(text string) func(int, net.Conn) {
	return func(_ int, c net.Conn) { _, _ = io.WriteString(c, text) }
}

func pause(d time.Duration) { <-time.After(d) }

func plan(rate float64, during time.Duration, connections int) Plan {
	return Plan{
		Address:  "test",
		Patience: time.Second,
		Timeout:  5 * time.Second,
		Streams: []Stream{{
			Name:        "flood",
			Phases:      []Phase{{Name: "only", Duration: during, Rate: rate}},
			Connections: connections,
			Requests:    [][]byte{request},
			Member:      member,
		}},
	}
}

func run(t *testing.T, p Plan, s *server) []Report {
	t.Helper()
	reports, err := Run(t.Context(), p, s.dial)
	if err != nil {
		t.Fatal(err)
	}
	return reports
}

func TestOutcomes(t *testing.T) {
	hangs := func(_ int, c net.Conn) { _, _ = c.Read(make([]byte, 1)) }
	slow := func(d time.Duration) func(int, net.Conn) {
		return func(_ int, c net.Conn) { pause(d); _, _ = io.WriteString(c, good) }
	}

	for _, test := range []struct {
		name    string
		server  *server
		outcome Outcome
	}{
		{name: "answers", server: &server{behave: says(good)}, outcome: OK},
		{name: "answers and closes", server: &server{behave: says(closing)}, outcome: OK},
		{name: "answers in chunks", server: &server{behave: says(chunked)}, outcome: OK},
		{name: "answers within the patience", server: &server{behave: slow(999 * time.Millisecond)}, outcome: OK},
		{name: "answers after the patience", server: &server{behave: slow(1001 * time.Millisecond)}, outcome: Late},
		{name: "refuses", server: &server{behave: says(refusal)}, outcome: Refused},
		{name: "fails", server: &server{behave: says(fault)}, outcome: ServerError},
		{name: "answers something else", server: &server{behave: says(other)}, outcome: Unexpected},
		{name: "does not find it", server: &server{behave: says(notFound)}, outcome: Unexpected},
		{name: "speaks no HTTP", server: &server{behave: says(noHTTP)}, outcome: Reset},
		{name: "closes", server: &server{behave: func(_ int, c net.Conn) { _ = c.Close() }}, outcome: Reset},
		{name: "closes within an answer",
			server:  &server{behave: func(_ int, c net.Conn) { _, _ = io.WriteString(c, cut); _ = c.Close() }},
			outcome: Reset},
		{name: "refuses connections", server: &server{refuses: true}, outcome: Reset},
		{name: "hangs", server: &server{behave: hangs}, outcome: TimedOut},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const planned = 20
				r := run(t, plan(10, 2*time.Second, planned), test.server)[0]

				var want Counts
				want[test.outcome] = planned
				if r.Counts != want {
					t.Errorf("outcomes %v, want %v; %s", r.Counts, want, r.Surprise)
				}
				if broken := r.Counts.Broken() > 0; broken != (r.Surprise != "") {
					t.Errorf("%d broken, surprise %q", r.Counts.Broken(), r.Surprise)
				}
			})
		})
	}
}

// Whatever the server does, no planned request is lost or counted twice.
func TestEveryRequestIsAccountedFor(t *testing.T) {
	behaviours := []func(int, net.Conn){
		says(good), says(closing), says(refusal), says(fault), says(other),
		func(_ int, c net.Conn) { _ = c.Close() },
		func(_ int, c net.Conn) { pause(1500 * time.Millisecond); _, _ = io.WriteString(c, good) },
		func(_ int, c net.Conn) { pause(time.Minute) },
	}

	for _, connections := range []int{1, 3, 64, 1000} {
		for _, poisson := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d connections, poisson %v", connections, poisson), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := plan(200, 3*time.Second, connections)
					s := &p.Streams[0]
					s.Poisson = poisson
					s.Phases = append(s.Phases, Phase{Name: "after", Duration: time.Second, Rate: 50})

					planned := map[int]int{}
					for _, a := range s.schedule() {
						planned[a.phase]++
					}

					sut := &server{behave: func(n int, c net.Conn) { behaviours[n%len(behaviours)](n, c) }}
					for phase, r := range run(t, p, sut) {
						if r.Counts.Planned() != planned[phase] {
							t.Errorf("%s: %v are %d requests, planned were %d", r.Phase, r.Counts, r.Counts.Planned(),
								planned[phase])
						}
						if connections < 64 && r.Counts[NotSent] == 0 {
							t.Errorf("%s: %d connections were always free enough", r.Phase, connections)
						}
					}

					pause(time.Minute) // until the server's goroutines have ended
				})
			})
		}
	}
}

// The negative control of the whole method: a server that stops for a second is
// seen by all who would have come meanwhile, though the few connections hide it
// from who counts from the moment of sending.
func TestAPauseIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		s := &server{behave: func(_ int, c net.Conn) {
			if at := time.Since(begin); at > 4*time.Second && at < 5*time.Second {
				pause(5*time.Second - at)
			}
			_, _ = io.WriteString(c, good)
		}}

		const rate = 200
		r := run(t, plan(rate, 10*time.Second, 4), s)[0]

		if r.Counts.Planned() != 10*rate || r.Counts[OK] != 10*rate {
			t.Errorf("outcomes: %v", r.Counts)
		}
		if r.Accepted.P99 < 800*time.Millisecond || r.Accepted.Max < 990*time.Millisecond {
			t.Errorf("a pause of a second is not in %+v", r.Accepted)
		}
		if r.Service.P99 > 10*time.Millisecond {
			t.Errorf("counted from the sending, the pause should be hidden: %+v", r.Service)
		}
		if r.Delay.P99 < 800*time.Millisecond {
			t.Errorf("the sender's own delay is not in %+v", r.Delay)
		}
	})
}

// A stalled server does not slow the arrivals down.
func TestStalledServerIsAskedAsPlanned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{behave: func(_ int, c net.Conn) { pause(time.Minute) }}
		r := run(t, plan(100, 10*time.Second, 2000), s)[0]

		if asked := s.requests.Load(); asked != 1000 {
			t.Errorf("%d requests reached the server, planned were 1000", asked)
		}
		if want := (Counts{TimedOut: 1000}); r.Counts != want {
			t.Errorf("outcomes %v, want %v", r.Counts, want)
		}
		pause(time.Minute)
	})
}

func TestPhasesAreReportedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		s := &server{behave: func(_ int, c net.Conn) {
			text := good
			if time.Since(begin) < 2*time.Second {
				text = refusal
			}
			_, _ = io.WriteString(c, text)
		}}
		p := plan(100, 2*time.Second, 50)
		p.Streams[0].Phases = append(p.Streams[0].Phases, Phase{Name: "after", Duration: time.Second, Rate: 10})
		reports := run(t, p, s)

		for n, want := range []Counts{{Refused: 200}, {OK: 10}} {
			if reports[n].Counts != want {
				t.Errorf("%s: %v, want %v", reports[n].Phase, reports[n].Counts, want)
			}
		}
		if goodput := reports[1].Goodput(); goodput != 10 {
			t.Errorf("goodput %v", goodput)
		}
	})
}

// A server that falls behind gets what was planned: connections are opened as
// requests wait for them, up to the bound, and no more than that.
func TestConnectionsGrow(t *testing.T) {
	for _, test := range []struct {
		name         string
		takes        time.Duration
		least, most  int // connections
		limit        int
		expectUnsent bool
	}{
		{name: "a fast server", takes: time.Millisecond, least: 2, most: 4, limit: 1000},
		{name: "a slow server", takes: 500 * time.Millisecond, least: 45, most: 110, limit: 1000},
		{name: "a server that hangs", takes: time.Minute, least: 490, most: 600, limit: 1000},
		{name: "a bound", takes: 4 * time.Second, least: 20, most: 20, limit: 20, expectUnsent: true},
		{name: "no growth", takes: 4 * time.Second, least: 2, most: 2, expectUnsent: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{behave: func(_ int, c net.Conn) { pause(test.takes); _, _ = io.WriteString(c, good) }}
				p := plan(100, 10*time.Second, 2)
				p.Streams[0].MaxConnections = test.limit
				r := run(t, p, s)[0]

				if r.Connections < test.least || r.Connections > test.most {
					t.Errorf("%d connections, want %d to %d", r.Connections, test.least, test.most)
				}
				if r.Counts.Planned() != 1000 || (r.Counts[NotSent] > 0) != test.expectUnsent {
					t.Errorf("outcomes: %v", r.Counts)
				}
				pause(time.Minute) // until the server's goroutines have ended
			})
		})
	}
}

func TestClosedLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{behave: func(_ int, c net.Conn) { pause(100 * time.Millisecond); _, _ = io.WriteString(c, good) }}
		r := run(t, plan(0, 2*time.Second, 5), s)[0]

		if want := (Counts{OK: 100}); r.Counts != want {
			t.Errorf("outcomes %v, want %v", r.Counts, want)
		}
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		begin := time.Now()
		_, err := Run(ctx, plan(10, time.Hour, 5), (&server{behave: says(good)}).dial)

		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
	})
}

func TestSchedule(t *testing.T) {
	phases := []Phase{{Duration: 10 * time.Second, Rate: 1000}, {Duration: 10 * time.Second, Rate: 100}}
	even := (&Stream{Phases: phases}).schedule()
	random := (&Stream{Phases: phases, Poisson: true, Seed: 1}).schedule()
	again := (&Stream{Phases: phases, Poisson: true, Seed: 1}).schedule()

	if len(even) != 11_000 || even[1].at != time.Millisecond ||
		even[10_000] != (arrival{at: 10 * time.Second, phase: 1}) {
		t.Errorf("%d evenly spaced, beginning %v", len(even), even[:2])
	}
	if n := len(random); n < 10_500 || n > 11_500 {
		t.Errorf("%d random times, want about 11,000", n)
	}

	for n := range random {
		if random[n] != again[n] {
			t.Fatal("the same seed gives other times")
		}
		if n > 0 && random[n].at < random[n-1].at || random[n].phase != int(random[n].at/(10*time.Second)) {
			t.Fatalf("time %d is out of order: %v", n, random[n])
		}
	}

	// Of exponential gaps, about 1 in e is longer than the mean: even ones are not random.
	long := 0
	for n := 1; n < 5000; n++ {
		if random[n].at-random[n-1].at > time.Millisecond {
			long++
		}
	}
	if long < 1600 || long > 2100 {
		t.Errorf("%d of 5,000 gaps are longer than their mean, want about 1,839", long)
	}
}

func TestPercentiles(t *testing.T) {
	list := func(n int) (durations []time.Duration) {
		for i := n; i > 0; i-- {
			durations = append(durations, time.Duration(i))
		}
		return durations
	}

	for n, want := range map[int]Percentiles{
		0:    {},
		1:    {P50: 1, P99: 1, Max: 1},
		2:    {P50: 1, P99: 2, Max: 2},
		100:  {P50: 50, P99: 99, Max: 100},
		101:  {P50: 51, P99: 100, Max: 101},
		1000: {P50: 500, P99: 990, Max: 1000},
	} {
		if got := percentiles(list(n)); got != want {
			t.Errorf("of 1 to %d: %+v, want %+v", n, got, want)
		}
	}
}

func TestWrongPlans(t *testing.T) {
	for name, spoil := range map[string]func(*Plan){
		"no patience":           func(p *Plan) { p.Patience = 0 },
		"timeout too short":     func(p *Plan) { p.Timeout = p.Patience - 1 },
		"no stream":             func(p *Plan) { p.Streams = nil },
		"no connections":        func(p *Plan) { p.Streams[0].Connections = 0 },
		"no requests":           func(p *Plan) { p.Streams[0].Requests = nil },
		"no phases":             func(p *Plan) { p.Streams[0].Phases = nil },
		"no duration":           func(p *Plan) { p.Streams[0].Phases[0].Duration = 0 },
		"negative rate":         func(p *Plan) { p.Streams[0].Phases[0].Rate = -1 },
		"closed loop and phase": func(p *Plan) { p.Streams[0].Phases = []Phase{{Duration: 1}, {Duration: 1, Rate: 1}} },
	} {
		p := plan(1, time.Second, 1)
		spoil(&p)
		if _, err := Run(t.Context(), p, (&server{}).dial); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Answers come in any pieces.
func TestAnswersInPieces(t *testing.T) {
	for _, text := range []string{good, closing, chunked, refusal,
		strings.Replace(good, "12", "20000", 1) + strings.Repeat("x", 20_000-12)} {
		for _, size := range []int{1, 7, 38, 39, 4096} {
			synctest.Test(t, func(t *testing.T) {
				s := &server{behave: func(_ int, c net.Conn) {
					for rest := text; rest != ""; {
						n := min(size, len(rest))
						_, _ = io.WriteString(c, rest[:n])
						rest = rest[n:]
					}
				}}
				r := run(t, plan(10, time.Second, 2), s)[0]

				if r.Counts[OK]+r.Counts[Refused] != 10 {
					t.Errorf("%.40q in pieces of %d: %v %s", text, size, r.Counts, r.Surprise)
				}
			})
		}
	}
}
