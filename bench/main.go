// Command bench measures Poolhouse beside a bare net/http handler that parses
// and answers the same JSON, in one run on one machine, and writes the results
// into bench/README.md:
//
//	go run ./bench            # all of it, about 20 minutes
//	go run ./bench -short     # a few minutes, printed only
//	go run ./bench -profile d # CPU and allocation profiles of each operation into folder d
//
// The method is in bench/README.md. Everything listens on and talks to
// 127.0.0.1 only, and every child ends with this process.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

// Children of the command are the command itself, told by this variable what to be.
const (
	roleVariable = "POOLHOUSE_BENCH_ROLE"
	roleBare     = "bare"
	roleProfiled = "profiled"
)

// plan is how long and how much is measured.
type plan struct {
	rounds        int           // of each pair
	round         time.Duration // of each side
	warmUp        time.Duration
	latency       time.Duration // open loop
	starts        int           // of poolhouse dev
	sizes         []int         // identities in the store
	growthRounds  int
	growthTargets int // distinct logins and guests used at each size
	growthRound   time.Duration
	limit         time.Duration
}

var (
	fullPlan = plan{rounds: 11, round: time.Second, warmUp: time.Second, latency: 2 * time.Second, starts: 20,
		sizes: []int{1e3, 1e5, 1e6}, growthRounds: 5, growthTargets: 10_000, growthRound: 2 * time.Second, limit: 45 * time.Minute}
	shortPlan = plan{rounds: 7, round: 500 * time.Millisecond, warmUp: time.Second, latency: 2 * time.Second, starts: 5,
		sizes: []int{1e3, 1e4, 1e5}, growthRounds: 3, growthTargets: 10_000, growthRound: time.Second, limit: 15 * time.Minute}
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch os.Getenv(roleVariable) {
	case roleBare:
		err = serveBare(ctx)
	case roleProfiled:
		err = serveProfiled(ctx, os.Args[1:])
	default:
		err = run(ctx)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

// parts are what -only can name.
const parts = "rate,check,engine,latency,memory,start,growth"

func run(ctx context.Context) (err error) {
	short := flag.Bool("short", false, "measure briefly and leave bench/README.md alone")
	only := flag.String("only", parts, "measure these parts alone and leave bench/README.md alone")
	match := flag.String("match", "", "measure only operations whose name contains this, and leave bench/README.md alone")
	profileDir := flag.String("profile", "", "write profiles of each operation into this folder, and measure nothing")
	data := flag.String("data", "", "folder for the databases, on the disk to be measured (default: the system's temporary folder)")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	p := fullPlan
	if *short {
		p = shortPlan
	}
	debug.SetGCPercent(800) // of the generator: its collector is not what is to be measured
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	dir, err := os.MkdirTemp(*data, "poolhouse-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{plan: p, dir: dir, match: *match, binary: filepath.Join(dir, "poolhouse")}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	defer b.issuer.close()
	if *profileDir != "" {
		return b.profile(ctx, *profileDir)
	}
	var r results
	if r.Machine, err = describeMachine(dir); err != nil {
		return err
	}
	for _, part := range strings.Split(*only, ",") {
		measure, ok := map[string]func(context.Context, *results) error{
			"rate": b.rates, "check": b.checks, "engine": b.engine, "latency": b.latencies, "memory": b.memory, "start": b.start, "growth": b.growth,
		}[part]
		if !ok {
			return fmt.Errorf("-only has no part %q: use %s", part, parts)
		}
		if err := measure(ctx, &r); err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	text := r.render()
	fmt.Println(text)
	if *short || *only != parts || *match != "" {
		return nil
	}
	return writeResults(readme, text)
}

// bench is one run.
type bench struct {
	plan
	dir    string // of all files
	self   string // this program
	binary string // poolhouse
	match  string
	issuer *issuer
	base   *deployment // made once, copied for each use
	rate   map[string]float64
}

// prepare builds the server and makes the deployment that the measurements copy.
func (b *bench) prepare(ctx context.Context) (err error) {
	progress("building poolhouse")
	build := exec.CommandContext(ctx, "go", "build", "-o", b.binary, "github.com/poolhouse-id/poolhouse/cmd/poolhouse")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building poolhouse: %w", err)
	}
	if b.issuer, err = newIssuer(); err != nil {
		return err
	}
	b.rate = map[string]float64{}
	b.base, err = b.newDeployment(ctx, b.mainLayout())
	return err
}

// describeMachine collects what the figures depend on.
func describeMachine(dir string) (machine, error) {
	m := machine{
		Date: time.Now().UTC().Format(time.DateOnly), Go: runtime.Version(), Cores: runtime.NumCPU(),
		CPU: cpuModel(), Kernel: kernelRelease(), Filesystem: filesystem(dir), Load: loadAverage(),
	}
	var err error
	m.Fsync, err = fsyncTime(dir)
	return m, err
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
