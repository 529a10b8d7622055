package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// beforeRecording is the last version without statistics, refusals for administrators and planned checks.
	beforeRecording = "0d39f984"
	// recordingBound is how much processor time a sign-in may take, as a multiple of that version's.
	recordingBound = 1.02
	// recordingRound is how long a round of one version takes, about.
	recordingRound = 15 * time.Millisecond
)

// recordingScenarios are the calls of a sign-in that write nothing.
var recordingScenarios = []int{knownLogin, guestCredentials, userCredentials, guestToken}

// recordingTable compares the processor time of sign-ins with an older version's.
type recordingTable struct {
	Commit string
	Starts int
	Rows   []recordingRow
}

type recordingRow struct {
	Operation       string
	Before, Now     float64 // microseconds per call, medians of the starts
	Ratio, Low, Top float64 // Now to Before: of the starts, the median, the lowest and the highest
	Twice           float64 // largest ratio of two processes of this version: noise
}

// recording measures what a sign-in costs in the handler, beside the version before all that administrators see.
func (b *bench) recording(ctx context.Context, r *results) error {
	tree := filepath.Join(b.dir, "before")
	if err := exportCommit(ctx, beforeRecording, tree); err != nil {
		progress("no comparison with %s, which is not in this repository: %v", beforeRecording, err)
		return nil
	}
	now, err := os.Getwd()
	if err != nil {
		return err
	}

	r.Recording = recordingTable{Commit: beforeRecording}
	sums := make([]recordingStarts, len(recordingScenarios))

	var versions []*version
	for _, from := range []struct{ name, tree string }{{"before", tree}, {"now", now}} {
		progress("building and preparing the version %s", from.name)
		v, err := b.newVersion(ctx, from.name, from.tree)
		if err != nil {
			return fmt.Errorf("%s: %w", from.name, err)
		}

		versions = append(versions, v)
	}

	for n := range b.recordingStarts {
		progress("start %d of %d", n+1, b.recordingStarts)
		if err := b.recordingStart(ctx, versions, sums); err != nil {
			return err
		}
	}

	for n, s := range recordingScenarios {
		row := sums[n].row(scenarios[s].name)
		r.Recording.Starts = len(sums[n].ratios)
		r.Recording.Rows = append(r.Recording.Rows, row)
		progress("%s: %.2f µs before, %.2f now; ratio %.3f", row.Operation, row.Before, row.Now, row.Ratio)
	}

	return nil
}

// exportCommit writes the files of a commit into a folder.
func exportCommit(ctx context.Context, commit, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	archive := dir + ".tar"
	git := exec.CommandContext(ctx, "git", "archive", "--output", archive, commit)
	if out, err := git.CombinedOutput(); err != nil {
		return fmt.Errorf("git archive: %w: %s", err, strings.TrimSpace(string(out)))
	}
	if out, err := exec.CommandContext(ctx, "tar", "-xf", archive, "-C", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("tar: %w: %s", err, out)
	}

	return nil
}

// version is a built version with its data and its calls.
type version struct {
	program string
	task    handlerTask
}

// handlerTask is the input of the command handlers.
type handlerTask struct {
	Settings, Data string
	Kinds          []handlerKind
}

type handlerKind struct {
	Header http.Header
	Bodies [][]byte
	Member string
}

// newVersion builds the sources of a folder, and makes users and guests with what was built.
func (b *bench) newVersion(ctx context.Context, name, tree string) (*version, error) {
	v := &version{program: filepath.Join(b.dir, "handlers-"+name)}
	own := *b
	own.binary = filepath.Join(b.dir, "poolhouse-"+name)
	here, err := filepath.Abs("bench/handlers/main.go")
	if err != nil {
		return nil, err
	}
	overlay, err := json.Marshal(map[string]any{
		"Replace": map[string]string{filepath.Join(tree, "cmd/handlers/main.go"): here},
	})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "overlay-"+name+".json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return nil, err
	}

	for program, source := range map[string]string{v.program: "./cmd/handlers", own.binary: "./cmd/poolhouse"} {
		build := exec.CommandContext(ctx, "go", "build", "-C", tree, "-trimpath", "-buildvcs=false",
			"-overlay", file, "-o", program, source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building %s: %w\n%s", source, err, out)
		}
	}

	if own.knows, err = abilitiesOf(ctx, own.binary); err != nil {
		return nil, err
	}
	l := b.mainLayout()
	l.name = "recording-" + name
	d, err := own.newDeployment(ctx, l)
	if err != nil {
		return nil, err
	}
	v.task = handlerTask{Settings: d.settings, Data: d.dir}

	return v, own.serving(ctx, d, func(p *process) error {
		about, err := b.newSubjects(ctx, d, p.url)
		if err != nil {
			return err
		}

		for _, n := range recordingScenarios {
			targets, err := scenarios[n].targets(ctx, p.url, about)
			if err != nil {
				return err
			}

			k := handlerKind{Header: targets[0].Header, Member: scenarios[n].member}
			for _, t := range targets {
				k.Bodies = append(k.Bodies, t.Body)
			}
			v.task.Kinds = append(v.task.Kinds, k)
		}

		return nil
	})
}

// handlers is a process of the command handlers.
type handlers struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// start starts a process on a copy of the data.
func (v *version) start(ctx context.Context, dir string) (*handlers, error) {
	d, err := (&deployment{dir: v.task.Data}).copyTo(dir)
	if err != nil {
		return nil, err
	}
	t := v.task
	t.Data = d.dir
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(dir+".json", text, 0o600); err != nil {
		return nil, err
	}

	h := &handlers{cmd: command(ctx, v.program, []string{"GOMAXPROCS=1"}, dir+".json")}
	log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer log.Close()

	h.cmd.Stderr = log // the log of each call is written, to nowhere
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	h.out = bufio.NewScanner(out)

	return h, h.cmd.Start()
}

// calls makes calls of a kind, and returns the microseconds of processor time of each.
func (h *handlers) calls(kind, calls int) (float64, error) {
	if _, err := fmt.Fprintln(h.in, kind, calls); err != nil {
		return 0, err
	}
	if !h.out.Scan() {
		return 0, fmt.Errorf("a handler's process ended: %w", h.cmd.Wait())
	}
	nanos, err := strconv.ParseInt(h.out.Text(), 10, 64)

	return float64(nanos) / 1e3 / float64(calls), err
}

func (h *handlers) stop() error {
	_ = h.in.Close() // it ends then
	return h.cmd.Wait()
}

// recordingStarts are the figures of one kind of call, one of each start.
type recordingStarts struct{ before, now, ratios, twice []float64 }

// quick returns the time of a quick round: one in ten is quicker. What else the machine does makes processor time
// longer, by its caches and by cores that are two halves of one, and never shorter.
func quick(rounds []float64) float64 {
	slices.Sort(rounds)
	return rounds[len(rounds)/10]
}

// recordingStart starts both versions, this one twice, and has them take turns.
func (b *bench) recordingStart(ctx context.Context, versions []*version, sums []recordingStarts) error {
	var all []*handlers
	for n, v := range append(slices.Clone(versions), versions[1]) {
		h, err := v.start(ctx, filepath.Join(b.dir, fmt.Sprint("handlers-data-", n)))
		if err != nil {
			return err
		}
		defer func() { _ = h.stop() }()

		all = append(all, h)
	}

	for kind := range recordingScenarios {
		calls, err := warmUpHandlers(all, kind)
		if err != nil {
			return err
		}

		took := make([][]float64, len(all))
		for round := range b.recordingRounds {
			for n := range all {
				n = (n + round) % len(all)
				micros, err := all[n].calls(kind, calls)
				if err != nil {
					return err
				}
				took[n] = append(took[n], micros)
			}
		}

		sums[kind].add(quick(took[0]), quick(took[1]), quick(took[2]))
	}

	return nil
}

// warmUpHandlers makes calls of a kind until all users and guests have been there, and returns how many calls a round
// takes.
func warmUpHandlers(all []*handlers, kind int) (calls int, err error) {
	for _, h := range all {
		micros, err := h.calls(kind, 100)
		if err != nil {
			return 0, err
		}
		if micros < 500 { // a signature costs more; nothing is remembered of it
			if micros, err = h.calls(kind, 2*preparedUsers); err != nil {
				return 0, err
			}
		}
		calls = max(calls, int(float64(recordingRound.Microseconds())/micros))
	}

	return calls, nil
}

// add adds the times of a start: of the version before, of this version, and of this version again.
func (s *recordingStarts) add(before, now, again float64) {
	s.before, s.now = append(s.before, before), append(s.now, (now+again)/2)
	s.ratios = append(s.ratios, (now+again)/2/before)
	s.twice = append(s.twice, max(now, again)/min(now, again))
}

func (s *recordingStarts) row(operation string) recordingRow {
	row := recordingRow{
		Operation: operation,
		Before:    median(s.before),
		Now:       median(s.now),
		Ratio:     median(s.ratios), // sorts them
		Twice:     slices.Max(s.twice),
	}
	row.Low, row.Top = s.ratios[0], s.ratios[len(s.ratios)-1]

	return row
}

func (t *recordingTable) table() table {
	all := table{{
		fmt.Sprintf("A sign-in in the handler, beside %s, %d starts", t.Commit, t.Starts),
		"CPU µs before", "now", "Ratio", "Lowest–highest", "Two of this version", "Bound", "Met",
	}}
	for _, row := range t.Rows {
		all = append(all, []string{
			row.Operation,
			fmt.Sprintf("%.2f", row.Before), fmt.Sprintf("%.2f", row.Now), fmt.Sprintf("%.3f", row.Ratio),
			fmt.Sprintf("%.3f–%.3f", row.Low, row.Top), fmt.Sprintf("%.3f", row.Twice),
			fmt.Sprintf("≤ %.2f", recordingBound), met(row.Ratio <= recordingBound),
		})
	}

	return all
}
