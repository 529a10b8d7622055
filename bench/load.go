package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"github.com/valyala/fasthttp"
)

// connections is the number of keep-alive connections of a load, unless its scenario asks
// for fewer.
const connections = 64

// load sends targets in turn, over connections that nobody else uses.
type load struct {
	transport   *http.Transport
	light       *fasthttp.HostClient // of lightLoop, made at its first use
	targets     []vegeta.Target
	member      []byte // what each answer must contain
	connections int
	next        atomic.Uint64
}

func newLoad(targets []vegeta.Target, s *scenario) *load {
	return &load{
		targets:     targets,
		member:      []byte(s.member),
		connections: s.connections(),
		transport: &http.Transport{
			MaxConnsPerHost:       s.connections(),
			MaxIdleConnsPerHost:   s.connections(),
			DisableCompression:    true,
			ResponseHeaderTimeout: 30 * time.Second,
		},
	}
}

func (l *load) close() {
	l.transport.CloseIdleConnections()
	if l.light != nil {
		l.light.CloseIdleConnections()
	}
}

// outcome has the figures of an attack.
type outcome struct {
	requests  int     // answered as they should be
	refused   int     // 429, the server had too much to do: beside requests, not among them
	rate      float64 // of requests, a second
	latencies []time.Duration
}

// percentile returns a percentile of the latencies, which are sorted.
func (o *outcome) percentile(p float64) time.Duration {
	if len(o.latencies) == 0 {
		return 0
	}
	return o.latencies[min(int(p*float64(len(o.latencies))), len(o.latencies)-1)]
}

// closedLoop keeps every connection busy: each sends its next request when it
// has the answer to the last.
func (l *load) closedLoop(ctx context.Context, during time.Duration) (outcome, error) {
	return l.attack(ctx, vegeta.ConstantPacer{}, during, uint64(l.connections))
}

// openLoop sends at a fixed rate, however long answers take.
func (l *load) openLoop(ctx context.Context, rate int, during time.Duration) (outcome, error) {
	return l.attack(ctx, vegeta.ConstantPacer{Freq: rate, Per: time.Second}, during, 16*connections)
}

// attack refuses to measure errors: each answer must be a 200 with the expected
// member, or a 429, which is counted and does not add to the rate.
func (l *load) attack(ctx context.Context, pace vegeta.Pacer, during time.Duration, maxWorkers uint64) (outcome,
	error) {
	attacker := vegeta.NewAttacker(vegeta.Workers(uint64(l.connections)), vegeta.MaxWorkers(maxWorkers),
		vegeta.Client(&http.Client{Transport: l.transport}))
	defer context.AfterFunc(ctx, func() { attacker.Stop() })()

	begin := time.Now()

	end := begin
	var o outcome
	var wrong error
	for r := range attacker.Attack(l.pick, pace, during, "") {
		if at := r.End(); at.After(end) {
			end = at
		}
		if r.Code == http.StatusTooManyRequests {
			o.refused++
			continue
		}

		o.requests++
		o.latencies = append(o.latencies, r.Latency)
		if wrong == nil && (r.Code != http.StatusOK || r.Error != "" || !bytes.Contains(r.Body, l.member)) {
			wrong = fmt.Errorf("an answer is not the one to measure: %d %s %s", r.Code, r.Error, r.Body)
			attacker.Stop()
		}
	}

	if err := errors.Join(wrong, ctx.Err()); err != nil {
		return o, err
	}
	if o.requests == 0 {
		return o, fmt.Errorf("no request was answered, %d were refused", o.refused)
	}

	slices.Sort(o.latencies)
	o.rate = float64(o.requests) / end.Sub(begin).Seconds()

	return o, nil
}

func (l *load) pick(t *vegeta.Target) error {
	*t = l.targets[(l.next.Add(1)-1)%uint64(len(l.targets))]
	return nil
}

// signRate measures how many RS512 signatures a second crypto/rsa makes on all cores.
func signRate(ctx context.Context, key *rsa.PrivateKey, during time.Duration) (float64, error) {
	var count atomic.Int64

	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	begin := time.Now()
	for n := range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			text := fmt.Appendf(nil, "a text of this goroutine's own: %d", n)
			for time.Since(begin) < during && ctx.Err() == nil {
				digest := sha512.Sum512(text)
				if _, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA512, digest[:]); err != nil {
					failed.Store(&err)
					return
				}
				count.Add(1)
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}

	return float64(count.Load()) / time.Since(begin).Seconds(), ctx.Err()
}
