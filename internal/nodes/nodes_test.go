package nodes

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
)

// wire is a database that passes on messages to all who listen.
type wire struct {
	mu        sync.Mutex
	listeners map[*func(string)]bool
	sent      []string
	deaf      bool // nothing arrives, as behind transaction pooling
	broken    bool // nothing can be sent
}

func (w *wire) Send(_ context.Context, messages []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()

	if w.broken {
		return errors.New("read-only")
	}
	w.sent = append(w.sent, messages...)
	for _, m := range messages {
		if len(m) >= 8000 {
			return fmt.Errorf("a message of %d bytes", len(m))
		}
		for receive := range w.listeners {
			if !w.deaf {
				(*receive)(m)
			}
		}
	}

	return nil
}

func (w *wire) Listen(ctx context.Context, listening func(), receive func(string)) error {
	inbox := make(chan string, 10_000)
	deliver := func(m string) { inbox <- m }
	w.mu.Lock()
	w.listeners[&deliver] = true
	w.mu.Unlock()

	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()

		delete(w.listeners, &deliver)
	}()
	listening()

	for {
		select {
		case m := <-inbox:
			receive(m)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// node is one that runs, until leave or kill.
type node struct {
	*Nodes
	leave func()
}

func sealerOf(t *testing.T, fill byte) *envelope.Sealer {
	t.Helper()
	s, err := envelope.New(bytes.Repeat([]byte{fill}, envelope.KeySize))
	if err != nil {
		t.Fatal(err)
	}

	return s
}

func start(t *testing.T, w *wire, name string, key byte) *node {
	t.Helper()
	n := &node{Nodes: New(Options{Carrier: w, Sealer: sealerOf(t, key), Name: name, Now: time.Now})}
	n.Handle("echo", func(_ context.Context, q []byte) []byte { return append([]byte(name+" "), q...) })
	n.Handle("hold", func(ctx context.Context, _ []byte) []byte { <-ctx.Done(); return nil })
	n.Handle("large", func(context.Context, []byte) []byte { return large })

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { n.Run(ctx); close(done) }()
	n.leave = func() { cancel(); <-done }
	t.Cleanup(n.leave)
	synctest.Wait()

	return n
}

// large needs many parts: it cannot be compressed much.
var large = func() []byte {
	var b strings.Builder
	for n := range 20_000 {
		fmt.Fprintf(&b, "%x ", n*n*7919)
	}
	return []byte(b.String())
}()

func cluster() *wire { return &wire{listeners: map[*func(string)]bool{}} }

// bodies returns the answers, sorted.
func (a Answers) bodies() (list []string) {
	for _, answer := range a.List {
		list = append(list, string(answer.Body))
	}
	slices.Sort(list)

	return list
}

func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := cluster()
		a, _, _ := start(t, w, "a", 1), start(t, w, "b", 1), start(t, w, "c", 1)

		began := time.Now()
		got := a.Ask(t.Context(), Question{Kind: "echo", Body: []byte("?")})
		if !slices.Equal(got.bodies(), []string{"b ?", "c ?"}) || got.Alone || got.Silent != nil {
			t.Errorf("%+v", got)
		}
		if time.Since(began) != 0 {
			t.Errorf("it waits for %s", time.Since(began))
		}

		got = a.Ask(t.Context(), Question{Kind: "large"})
		if len(got.List) != 2 || !bytes.Equal(got.List[0].Body, large) || !bytes.Equal(got.List[1].Body, large) {
			t.Errorf("%d answers", len(got.List))
		}
	})
}

// Nothing is sent while nobody asks, nor if there is nobody to ask.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := cluster()
		a := start(t, w, "a", 1)
		a.Ask(t.Context(), Question{Kind: "echo"})
		start(t, w, "b", 1)
		sent := len(w.sent)
		time.Sleep(24 * time.Hour)

		if sent > 3 || len(w.sent) != sent {
			t.Errorf("%d messages at the start, %d after a day", sent, len(w.sent))
		}
	})
}

// A node that is gone without a word costs one question two seconds, is named, and is
// forgotten after a minute. One that says goodbye costs nothing.
func TestNodeIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := cluster()
		a, b, c := start(t, w, "a", 1), start(t, w, "b", 1), start(t, w, "c", 1)
		c.leave()
		w.mu.Lock()
		clear(w.listeners) // b hears nothing any more, nor a
		w.mu.Unlock()
		w.mu.Lock()
		deliver := func(m string) { a.receive(t.Context(), m) }
		w.listeners[&deliver] = true
		w.mu.Unlock()

		for _, want := range []time.Duration{answerIn, 0} {
			began := time.Now()
			got := a.Ask(t.Context(), Question{Kind: "echo"})
			if !slices.Equal(got.Silent, []string{b.Name()}) || got.List != nil || time.Since(began) != want {
				t.Errorf("%+v after %s, want %s", got, time.Since(began), want)
			}
		}

		time.Sleep(forgetAfter + time.Second)
		if got := a.Ask(t.Context(), Question{Kind: "echo"}); got.Silent != nil || got.Alone {
			t.Errorf("a minute later: %+v", got)
		}
	})
}

// A question that others hold ends when the first has something, and they learn that
// nobody waits any more.
func TestHeldQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := cluster()
		a, b, c := start(t, w, "a", 1), start(t, w, "b", 1), start(t, w, "c", 1)
		c.Nodes.handlers["hold"] = func(context.Context, []byte) []byte {
			time.Sleep(3 * time.Second)
			return []byte("news")
		}

		began := time.Now()
		got := a.Ask(t.Context(), Question{
			Kind:   "hold",
			Wait:   10 * time.Second,
			Enough: func(Answer) bool { return true },
		})
		if !slices.Equal(got.bodies(), []string{"news"}) || got.Silent != nil || time.Since(began) != 3*time.Second {
			t.Errorf("%+v after %s", got, time.Since(began))
		}
		synctest.Wait()
		b.mu.Lock()
		defer b.mu.Unlock()

		if len(b.running) != 0 || b.held != 0 {
			t.Errorf("b still holds %d questions", len(b.running))
		}
	})
}

// More held questions than a node takes leave room for those that are answered at once.
func TestHeldQuestionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := cluster()
		a, b := start(t, w, "a", 1), start(t, w, "b", 1)
		for range maxHeld + 50 {
			go a.Ask(t.Context(), Question{Kind: "hold", Wait: MaxWait})
		}
		synctest.Wait()

		b.mu.Lock()
		held := b.held
		b.mu.Unlock()
		if got := a.Ask(t.Context(), Question{Kind: "echo"}); held != maxHeld || len(got.List) != 1 {
			t.Errorf("%d are held, %+v", held, got)
		}
		time.Sleep(MaxWait)
	})
}

// Behind transaction pooling a node does not hear itself. It says so, and hears again
// when it can.
func TestNothingArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := cluster()
		w.deaf = true
		a := start(t, w, "a", 1)
		start(t, w, "b", 1)
		if got := a.Ask(t.Context(), Question{Kind: "echo"}); !got.Alone {
			t.Errorf("%+v", got)
		}

		w.mu.Lock()
		w.deaf = false
		w.mu.Unlock()
		time.Sleep(probeEvery + time.Second)
		a.Ask(t.Context(), Question{Kind: "echo"}) // tries again
		synctest.Wait()
		if got := a.Ask(t.Context(), Question{Kind: "echo"}); got.Alone || len(got.List) != 1 {
			t.Errorf("when notifications arrive: %+v", got)
		}

		w.mu.Lock()
		w.broken = true
		w.mu.Unlock()
		if got := a.Ask(t.Context(), Question{Kind: "echo"}); !got.Alone {
			t.Errorf("when nothing can be sent: %+v", got)
		}
	})
}

// Who said goodbye or was silent for a minute is gone; who is there is not. A node that has just begun, or hears
// nothing, does not know.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := cluster()
		a, b := start(t, w, "a", 1), start(t, w, "b", 1)
		if a.Gone("stranger") {
			t.Error("a node that has just begun to listen says who is gone")
		}
		time.Sleep(answerIn + time.Second)
		if a.Gone(a.ID()) || a.Gone(b.ID()) || !a.Gone("stranger") {
			t.Error("who is there is gone, or the reverse")
		}

		b.leave()
		synctest.Wait()
		if !a.Gone(b.ID()) {
			t.Error("who said goodbye is not gone")
		}

		a.end()
		if a.Gone("stranger") {
			t.Error("a node that hears nothing says who is gone")
		}
	})

	alone := New(Options{Sealer: sealerOf(t, 1), Now: time.Now})
	if alone.Gone(alone.ID()) || !alone.Gone("stranger") {
		t.Error("without other nodes every other ID is gone")
	}
}

// Without other nodes, as on SQLite, nobody is alone.
func TestNoCarrier(t *testing.T) {
	n := New(Options{Sealer: sealerOf(t, 1), Now: time.Now})
	n.Run(t.Context())
	if got := n.Ask(t.Context(), Question{Kind: "echo"}); got.Alone || got.Silent != nil || got.List != nil {
		t.Errorf("%+v", got)
	}
}

// What no node of the database has sealed, what is old, what was heard before and what
// is for another node is ignored.
func TestForgedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := cluster()
		a := start(t, w, "a", 1)
		asked := 0
		a.Nodes.handlers["count"] = func(context.Context, []byte) []byte { asked++; return nil }

		ask := func(key byte, change func(*message)) string {
			m := message{
				Type:     question,
				From:     "stranger",
				Kind:     "count",
				Question: fmt.Sprint(asked),
				At:       time.Now().UnixMilli(),
			}
			change(&m)
			parts, err := m.seal(sealerOf(t, key))
			if err != nil {
				t.Fatal(err)
			}
			return parts[0]
		}
		flipped := func(text string) string {
			raw, _ := base64.RawStdEncoding.DecodeString(text)
			raw[len(raw)-1] ^= 1
			return base64.RawStdEncoding.EncodeToString(raw)
		}
		good := ask(1, func(*message) {})

		for _, test := range []struct {
			name, text string
			want       int
		}{
			{"a question", good, 1}, // the control
			{"the same again", good, 0},
			{"of another database", ask(2, func(*message) {}), 0},
			{"changed", flipped(ask(1, func(*message) {})), 0},
			{"no message", "?", 0},
			{"for another node", ask(1, func(m *message) { m.To = "other" }), 0},
			{"for this node", ask(1, func(m *message) { m.To = a.ID() }), 1},
			{"old", ask(1, func(m *message) { m.At -= 61_000 }), 0},
			{"of the future", ask(1, func(m *message) { m.At += 61_000 }), 0},
			{"of a clock that differs", ask(1, func(m *message) { m.At += 50_000 }), 1},
			{"of no handler", ask(1, func(m *message) { m.Kind = "none" }), 0},
		} {
			before := asked
			a.receive(t.Context(), test.text)
			synctest.Wait()
			if asked-before != test.want {
				t.Errorf("%s: answered %d times, want %d", test.name, asked-before, test.want)
			}
		}

		time.Sleep(3 * messageAge) // its ID is forgotten, but it is too old
		before := asked
		a.receive(t.Context(), good)
		synctest.Wait()
		if asked != before {
			t.Error("a message is answered again later")
		}
	})
}

// Answers count once, for a question that waits, and in whole.
func TestForgedAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := cluster()
		a, b := start(t, w, "a", 1), start(t, w, "b", 1)
		a.Ask(t.Context(), Question{Kind: "large"})
		recorded := slices.Clone(w.sent)

		b.Nodes.handlers["slow"] = func(context.Context, []byte) []byte {
			for _, m := range recorded { // a replay while another question waits
				a.receive(t.Context(), m)
				a.receive(t.Context(), m)
			}
			return []byte("right")
		}
		got := a.Ask(t.Context(), Question{Kind: "slow"})
		if !slices.Equal(got.bodies(), []string{"right"}) {
			t.Errorf("%d answers", len(got.List))
		}
	})
}

func TestTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := cluster()
		a := start(t, w, "a", 1)
		start(t, w, "b", 1)
		if got := a.Ask(t.Context(), Question{Kind: "echo", Body: large}); !got.Alone {
			t.Errorf("%+v", got)
		}
	})
	if _, err := compress(make([]byte, maxBody+1)); !errors.Is(err, errTooLarge) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	sealer, err := envelope.New(bytes.Repeat([]byte{1}, envelope.KeySize))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("{\"type\":\"ask\",\"parts\":1}\nbody"))
	f.Add([]byte("{\"type\":\"answer\",\"part\":3,\"parts\":2}\n"))

	f.Fuzz(func(t *testing.T, plain []byte) {
		m, err := open(sealer, base64.RawStdEncoding.EncodeToString(sealer.Seal(plain, place)))
		if err == nil && (m.Part < 0 || m.Part >= m.Parts || m.Parts > maxParts || len(m.Body) > maxBody) {
			t.Errorf("%+v", m)
		}
	})
}
