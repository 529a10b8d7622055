package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/poolhouse-id/poolhouse/bench/openloop"
)

// serveGenerator is the load generator as a process: it reads a plan from
// standard input, carries it out, and writes the reports to standard output.
func serveGenerator(ctx context.Context) error {
	debug.SetGCPercent(800)                        // its collector is not what is to be measured
	runtime.GOMAXPROCS(max(1, runtime.NumCPU()/2)) // idle threads that look for work would take the server's time

	var p openloop.Plan
	if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
		return err
	}

	reports, err := openloop.Run(ctx, p, dialTCP)
	if err != nil {
		return err
	}

	return json.NewEncoder(os.Stdout).Encode(reports)
}

func dialTCP(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

// generate lets a child process carry out a plan, on the generator's processors.
func (b *bench) generate(ctx context.Context, p openloop.Plan) ([]openloop.Report, error) {
	plan, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}

	child := command(ctx, b.self, []string{roleVariable + "=" + roleGenerator})
	var out, log bytes.Buffer
	child.Stdin, child.Stdout, child.Stderr = bytes.NewReader(plan), &out, &log
	if err := onProcessors(b.cores.generator, child.Start); err != nil {
		return nil, err
	}
	if err := child.Wait(); err != nil {
		return nil, errors.Join(fmt.Errorf("the load generator: %w\n%s", err, log.String()), ctx.Err())
	}

	var reports []openloop.Report
	if err := json.Unmarshal(out.Bytes(), &reports); err != nil {
		return nil, err
	}

	sent := 0
	for _, r := range reports {
		sent += r.Counts.Planned() - r.Counts[openloop.NotSent]
	}
	spent := child.ProcessState.UserTime() + child.ProcessState.SystemTime()
	progress("generator: %d requests sent, %.0f µs of processor time each", sent, microsEach(spent, sent))

	return reports, nil
}

// cores are the processors of the server and of the load generator. If there are none,
// the kernel chooses.
type cores struct{ server, generator []int }

// apart is the fewest processors with which the server and the generator get half of them
// each.
const apart = 4

func splitCores(all []int) cores {
	if len(all) < apart {
		return cores{}
	}
	half := len(all) / 2
	return cores{server: all[:half], generator: all[half:]}
}

func (c cores) apart() bool { return len(c.server) > 0 }

// text describes, for readers of the table, where the generator ran.
func (c cores) text() string {
	if c.apart() {
		return fmt.Sprintf("%d cores for the server, %d for the generator", len(c.server), len(c.generator))
	}
	return "the generator beside the server, on the same cores"
}

// rawRequests returns the bytes of requests as net/http would send them.
func rawRequests(list []vegeta.Target) ([][]byte, error) {
	raw := make([][]byte, len(list))
	for n := range list {
		r, err := list[n].Request()
		if err != nil {
			return nil, err
		}
		var text bytes.Buffer
		if err := r.Write(&text); err != nil {
			return nil, err
		}
		raw[n] = text.Bytes()
	}

	return raw, nil
}
