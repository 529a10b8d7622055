package admincli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/traces"
)

// record keeps what is written to it.
type record struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (r *record) Write(text []byte) (int, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.text.Write(text)
}

func (r *record) String() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.text.String()
}

// Refusals are shown as they come. A server that is lost is asked again, ever later; the end by a person is no
// failure.
func TestFollow(t *testing.T) {
	r := newRig(t)
	var pauses []time.Duration
	r.wait = func(d time.Duration) {
		if pauses = append(pauses, d); len(pauses) == 3 {
			r.lose(false)
		}
	}
	r.refuse(t)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	lines, out := io.Pipe()
	notes := &record{}
	ended := make(chan error, 1)
	go func() {
		root := r.root()
		root.SetArgs([]string{"explain", "--follow", "--json", "--reason", "identity-pool-public"})
		root.SetOut(out)
		root.SetErr(notes)
		ended <- root.ExecuteContext(ctx)
		_ = out.Close()
	}()

	decoder := json.NewDecoder(lines)
	seen := map[string]bool{}
	next := func() {
		t.Helper()
		var refusal struct{ RequestId, Reason string }
		if err := decoder.Decode(&refusal); err != nil || refusal.Reason != "identity-pool-public" {
			t.Fatalf("%+v, %v\n%s", refusal, err, notes)
		}
		if seen[refusal.RequestId] {
			t.Errorf("%s was shown twice", refusal.RequestId)
		}
		seen[refusal.RequestId] = true
	}
	next()
	r.refuse(t)
	next()

	r.lose(true) // for the call after the one that waits
	r.refuse(t)
	next()
	r.refuse(t)
	next()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("stopped: %v", err)
	}

	if len(pauses) != 3 || pauses[0] != time.Second || pauses[1] != 2*time.Second || pauses[2] != 4*time.Second {
		t.Errorf("pauses %v", pauses)
	}
	if text := notes.String(); strings.Count(text, "trying again in") != 3 || strings.Contains(text, "\x1b") {
		t.Errorf("notes: %q", text)
	}
}

// follow runs `explain --follow` until the context ends. It returns what the command prints and notes, and a channel
// for its error.
func follow(ctx context.Context, r *rig) (*io.PipeReader, *record, <-chan error) {
	lines, out := io.Pipe()
	notes := &record{}
	ended := make(chan error, 1)
	go func() {
		root := r.root()
		root.SetArgs([]string{"explain", "--follow", "--json"})
		root.SetOut(out)
		root.SetErr(notes)
		ended <- root.ExecuteContext(ctx)
		_ = out.Close()
	}()

	return lines, notes, ended
}

// A server that does not know the list any more, as after a new start with another master key, begins with its
// oldest refusals. A person learns since when some may be missing.
func TestFollowANewServer(t *testing.T) {
	r, next := newRig(t), newRig(t)
	r.refuse(t)
	next.refuse(t)
	next.refuse(t)
	r.replace(next, 2)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	lines, notes, ended := follow(ctx, r)

	decoder := json.NewDecoder(lines)
	seen := map[string]bool{}
	for n := range 4 { // two of each server
		var refusal struct{ RequestId string }
		if err := decoder.Decode(&refusal); err != nil || seen[refusal.RequestId] {
			t.Fatalf("%+v, %v\n%s", refusal, err, notes)
		}
		seen[refusal.RequestId] = true
		if n == 0 { // the second call waits for it, or will
			r.refuse(t)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("stopped: %v", err)
	}

	const want = "the server does not know this list any more: it began again with what it keeps since " +
		"2026-12-01T09:30:00Z; refusals since 2026-12-01T09:30:00Z may be missing\n"
	if notes.String() != want {
		t.Errorf("notes %q, want %q", notes, want)
	}
}

// While too many wait for refusals, they are asked for at intervals, and now and then whether there is a place.
func TestFollowWithoutAPlace(t *testing.T) {
	r := newRig(t)
	pauses := make(chan time.Duration)
	r.wait = func(d time.Duration) { pauses <- d }

	const reason = "token-audience"
	place := r.must(t, "explain", "--json", "--reason", reason) // nothing, so that all wait
	if strings.TrimSpace(place) != "[]" {
		t.Fatal(place)
	}
	client, _ := r.client(nil)
	waits, end := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer end()

	gone := make(chan error, traces.MaxAccountWaits+1)
	for range cap(gone) {
		all.Go(func() {
			in := map[string]any{"Reason": reason, "WaitSeconds": 20}
			impatient := *client
			impatient.Impatient = true
			gone <- impatient.Admin(waits, "ListRefusals", in, nil)
		})
	}
	if err := <-gone; !apply.IsThrottled(err) { // the others have all places
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(t.Context())
	lines, notes, ended := follow(ctx, r)

	refused := make(chan string, 8)
	go func() {
		defer close(refused)

		decoder := json.NewDecoder(lines)
		for {
			var refusal struct{ RequestId string }
			if decoder.Decode(&refusal) != nil {
				return
			}
			refused <- refusal.RequestId
		}
	}()

	if d := <-pauses; d != 5*time.Second {
		t.Errorf("pause of %s", d)
	}
	r.refuse(t)
	for range 8 { // six polls, one more that finds no place, and another
		<-pauses
	}
	stop()
	go func() {
		for range pauses { // that began before
		}
	}()
	if err := <-ended; err != nil {
		t.Errorf("stopped: %v", err)
	}
	close(pauses)

	if <-refused == "" {
		t.Errorf("the refusal is not shown: %s", notes)
	}
	if text := notes.String(); text != "too many wait for refusals already: asking every 5s\n" {
		t.Errorf("notes: %q", text)
	}
}

// What is refused before anything is shown ends the command; so does a key that is taken away.
func TestFollowFails(t *testing.T) {
	r := newRig(t)
	r.lose(true)
	_, _, err := r.run(t, "", "explain", "--follow")
	if _, unreachable := errors.AsType[*apply.UnreachableError](err); !unreachable {
		t.Errorf("without a server: %v", err)
	}

	r.lose(false)
	r.key.SecretAccessKey = "wrong"
	if _, _, err := r.run(t, "", "explain", "--follow"); err == nil || !strings.Contains(err.Error(), "Signature") {
		t.Errorf("with a wrong secret: %v", err)
	}
}
