// Command bench measures Poolhouse beside a bare net/http handler that parses
// and answers the same JSON, in one run on one machine, and writes the results
// into bench/README.md:
//
//	go run ./bench                        # all of it, about 25 minutes
//	go run ./bench -short                 # a few minutes, printed only
//	go run ./bench -only overload         # one part, printed only
//	go run ./bench -only lists -write     # one part, written into bench/README.md in place of its former table
//	go run ./bench -short -save a.json    # also keeps the figures
//	go run ./bench -short -compare a.json # also prints them beside those that were kept
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

// Child processes run the command itself; this variable names their role.
const (
	roleVariable  = "POOLHOUSE_BENCH_ROLE"
	roleBare      = "bare"
	roleProfiled  = "profiled"
	roleGenerator = "generator"
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
	case roleGenerator:
		err = serveGenerator(ctx)
	default:
		err = run(ctx)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	short   bool
	only    string
	match   string
	profile string // folder
	save    string // file
	compare string // file
	binary  string // file
	data    string // folder
	write   bool
}

// readOptions reads the flags. Each that measures less or something else than
// all of this version leaves bench/README.md alone.
func readOptions() (options, error) {
	var o options
	flag.BoolVar(&o.short, "short", false, "measure briefly and leave bench/README.md alone")
	flag.StringVar(&o.only, "only", parts, "measure these parts alone and leave bench/README.md alone")
	flag.StringVar(&o.match, "match", "",
		"measure only operations with this in their name and leave bench/README.md alone")
	flag.StringVar(&o.profile, "profile", "", "write profiles of each operation into this folder, and measure nothing")
	flag.StringVar(&o.save, "save", "", "also write the figures into this file, as JSON")
	flag.StringVar(&o.compare, "compare", "", "also print the figures beside those of this file, which -save wrote")
	flag.StringVar(&o.binary, "binary", "",
		"measure this program, of an older version perhaps, and leave bench/README.md alone")
	flag.BoolVar(&o.write, "write", false,
		"put the tables of the parts that -only names into bench/README.md, in place of their former ones")
	flag.StringVar(&o.data, "data", "",
		"folder for the databases, on the disk to be measured (default: for temporary files)")
	flag.Parse()

	if flag.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}

	if o.write && (o.short || o.only == parts || o.match != "" || o.binary != "") {
		return o, errors.New("-write needs -only, and all of its parts: no -short, -match or -binary")
	}

	return o, nil
}

// whole reports whether the results belong into bench/README.md.
func (o *options) whole() bool { return !o.short && o.only == parts && o.match == "" && o.binary == "" }

// parts are the names that -only takes.
const parts = "rate,check,engine,latency,overload,memory,start,growth,lists,recording"

func run(ctx context.Context) error {
	o, err := readOptions()
	if err != nil {
		return err
	}
	var before *savedFigures
	if o.compare != "" { // it is read first: an hour of measuring should not end with its misspelling
		if before, err = loadFigures(o.compare); err != nil {
			return err
		}
	}

	r, err := measure(ctx, o)
	if err != nil || o.profile != "" {
		return err
	}

	text := r.render()
	fmt.Println(text)
	if before != nil {
		fmt.Println(before.compare(r.saved()))
	}

	if o.save != "" {
		if err := r.saved().write(o.save); err != nil {
			return err
		}
	}
	if o.whole() {
		return writeResults(readme, text)
	}
	if o.write {
		return replaceTables(readme, r)
	}

	return nil
}

// measure runs the measurements that the options select.
func measure(ctx context.Context, o options) (r *results, err error) {
	p := fullPlan
	if o.short {
		p = shortPlan
	}

	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()

	debug.SetGCPercent(800) // of the generator: its collector is not what is to be measured
	dir, err := os.MkdirTemp(o.data, "poolhouse-bench-")
	if err != nil {
		return nil, err
	}

	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	b := &bench{plan: p, dir: dir, match: o.match, binary: o.binary, rate: map[string]float64{}}
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	defer b.issuer.close()

	if o.profile != "" {
		return nil, b.profile(ctx, o.profile)
	}

	return b.measureParts(ctx, strings.Split(o.only, ","))
}

func (b *bench) measureParts(ctx context.Context, names []string) (r *results, err error) {
	r = &results{}
	if r.Machine, err = describeMachine(b.dir); err != nil {
		return nil, err
	}

	all := map[string]func(context.Context, *results) error{
		"rate":      b.rates,
		"check":     b.checks,
		"engine":    b.engine,
		"latency":   b.latencies,
		"overload":  b.overload,
		"memory":    b.memory,
		"start":     b.start,
		"growth":    b.growth,
		"lists":     b.lists,
		"recording": b.recording,
	}
	for _, name := range names {
		part, ok := all[name]
		if !ok {
			return nil, fmt.Errorf("-only has no part %q: use %s", name, parts)
		}
		if err := part(ctx, r); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}

	return r, nil
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
	cores  cores // while overload is measured
	knows  abilities
}

// prepare builds the server and makes the deployment that the measurements copy.
func (b *bench) prepare(ctx context.Context) (err error) {
	if b.binary == "" {
		progress("building poolhouse")
		b.binary = filepath.Join(b.dir, "poolhouse")
		const program = "github.com/poolhouse-id/poolhouse/cmd/poolhouse"
		build := exec.CommandContext(ctx, "go", "build", "-o", b.binary, program)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("building poolhouse: %w", err)
		}
	}

	if b.knows, err = abilitiesOf(ctx, b.binary); err != nil {
		return err
	}
	if b.issuer, err = newIssuer(); err != nil {
		return err
	}
	b.base, err = b.newDeployment(ctx, b.mainLayout())

	return err
}

// describeMachine describes the machine, on which the figures depend.
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
