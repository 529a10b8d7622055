// Package nodes asks the other nodes of a database. It carries questions and answers in
// notifications of the database (LISTEN and NOTIFY), and writes nothing.
//
//	node A                               node B
//	Ask ── question, to all ───────────► handler
//	    ◄── answer, in parts, to A ───── its answer
//	    ── leave, if A no longer waits ► its context ends
//
// A node greets the others when it starts, and says goodbye when it stops. Between that
// nothing is sent while nobody asks. Every message is sealed under the database's master
// key. A node ignores what it cannot open, what is older than a minute, and what it has
// seen before.
//
// Behind a pooler that changes connections between transactions, notifications do not
// arrive. A node notices that, because it does not hear its own greeting, and then tells
// whoever asks that it knows only itself.
//
// Start reading at Nodes.Ask.
package nodes

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
)

// Carrier carries messages between the nodes of a database, as store.Notices does. Messages may
// be lost, and come back to their sender.
type Carrier interface {
	Send(ctx context.Context, messages []string) error
	Listen(ctx context.Context, listening func(), receive func(message string)) error
}

// Handler answers a question of another node. It must return soon after ctx ends; it
// may wait until then. nil = no answer.
type Handler func(ctx context.Context, question []byte) []byte

// Options configures Nodes.
type Options struct {
	Carrier Carrier // nil = there are no other nodes
	Sealer  *envelope.Sealer
	Name    string // of this node's machine, for people
	Now     func() time.Time
	Logger  *slog.Logger // nil = none
}

// The bounds of what a node remembers and does for others.
const (
	maxMembers  = 64
	maxSeen     = 1 << 16
	maxHandlers = 32  // of questions to answer at once
	maxHeld     = 256 // of questions to hold
	// answerIn is how long a node has to answer, unless the question may wait.
	answerIn = 2 * time.Second
	// forgetAfter is how long a node that does not answer is named.
	forgetAfter = time.Minute
	// probeEvery is the least time between two greetings of a node that hears nothing.
	probeEvery = 10 * time.Second
	// Pauses between attempts to listen.
	shortestPause, longestPause = time.Second, 30 * time.Second
)

// Nodes are this node and the others. It is safe for concurrent use.
//
// cache: nodes
type Nodes struct {
	options  Options
	id       string
	handlers map[string]Handler // set before Run

	mu        sync.Mutex
	listening bool      // the connection for messages is open
	heard     bool      // this node has heard itself since then
	greeted   time.Time // last attempt to hear itself
	members   map[string]*member
	seen      map[string]time.Time // IDs of messages
	waiting   map[string]*asking   // own questions by ID
	running   map[string]func()    // others' questions by ID: end the handler
	held      int                  // those of running that may wait
	swept     time.Time            // when old entries of seen were last removed
	idle      bool                 // Run was not called, or has ended
	tasks     sync.WaitGroup
}

// member is another node.
type member struct {
	id, name string
	silent   time.Time // since when it does not answer; zero = it does
}

// New returns Nodes. Call Handle, then Run.
func New(o Options) *Nodes {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	id := rand.Text()
	o.Name += "/" + strings.ToLower(id[:4])

	return &Nodes{
		options:  o,
		id:       id,
		handlers: map[string]Handler{},
		members:  map[string]*member{},
		seen:     map[string]time.Time{},
		waiting:  map[string]*asking{},
		running:  map[string]func(){},
		idle:     true,
	}
}

// ID returns the ID of this node, a new one at each start.
func (n *Nodes) ID() string { return n.id }

// Name returns the name of this node: that of its machine, and the start of its ID.
func (n *Nodes) Name() string { return n.options.Name }

// Now returns the time by this node's clock.
func (n *Nodes) Now() time.Time { return n.options.Now() }

// Gone reports whether the node of an ID is certainly not there any more: it has stopped, or has not answered for
// a minute. A node that has just begun to listen, or hears nothing, cannot tell.
func (n *Nodes) Gone(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()

	if id == n.id || n.members[id] != nil {
		return false
	}

	return n.options.Carrier == nil || n.heard && n.options.Now().Sub(n.greeted) > answerIn
}

// Handle sets who answers questions of a kind, before Run.
func (n *Nodes) Handle(kind string, h Handler) { n.handlers[kind] = h }

// Run listens to the other nodes until ctx ends.
func (n *Nodes) Run(ctx context.Context) {
	if n.options.Carrier == nil {
		return
	}

	n.setIdle(false)

	pause := shortestPause
	for ctx.Err() == nil {
		began := n.options.Now()
		err := n.options.Carrier.Listen(ctx, func() { n.begin(ctx) }, func(m string) { n.receive(ctx, m) })
		n.end()
		if ctx.Err() != nil {
			break
		}

		if n.options.Now().Sub(began) > longestPause {
			pause = shortestPause
		}
		n.options.Logger.Warn("the connection to the other nodes is lost", "error", err, "retry_in", pause)
		if !sleep(ctx, pause) {
			break
		}
		pause = min(2*pause, longestPause)
	}

	n.setIdle(true)
	n.tasks.Wait()

	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerIn)
	defer cancel()

	_ = n.send(leaving, message{Type: goodbye}) // else the others notice when they next ask
}

// sleep waits, and reports false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()

	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (n *Nodes) setIdle(idle bool) {
	n.mu.Lock()
	defer n.mu.Unlock()

	n.idle = idle
}

// begin greets the others, on another connection than the one that listens: it must
// hear itself as it hears others.
func (n *Nodes) begin(ctx context.Context) {
	n.mu.Lock()
	defer n.mu.Unlock()

	n.listening, n.heard = true, false
	n.greet(ctx)
}

// greet sends a greeting, and warns if this node does not hear it. n.mu is held.
func (n *Nodes) greet(ctx context.Context) {
	n.greeted = n.options.Now()
	n.do(func() {
		bounded, cancel := context.WithTimeout(ctx, answerIn)
		defer cancel()

		err := n.send(bounded, message{Type: greeting})
		if !sleep(ctx, answerIn) || n.reachable() {
			return
		}
		n.options.Logger.Warn("this node does not hear the other nodes: ListRefusals and Explain show its own "+
			"refusals only, and GetServerStatus its own status only; with PgBouncer use pool_mode = session",
			"error", err)
	})
}

// do runs a task that Run waits for. n.mu is held.
func (n *Nodes) do(task func()) {
	if !n.idle {
		n.tasks.Go(task)
	}
}

// end notes that nothing is heard any more.
func (n *Nodes) end() {
	n.mu.Lock()
	defer n.mu.Unlock()

	n.listening, n.heard = false, false
}

// reachable reports whether messages arrive.
func (n *Nodes) reachable() bool {
	n.mu.Lock()
	defer n.mu.Unlock()

	return n.heard
}

// send seals a message and sends it, in parts if it is long.
func (n *Nodes) send(ctx context.Context, m message) error {
	m.From, m.Name = n.id, n.options.Name
	m.At = n.options.Now().UnixMilli()
	sealed, err := m.seal(n.options.Sealer)
	if err != nil {
		return err
	}

	for batch := range slices.Chunk(sealed, sendAtOnce) {
		if err := n.options.Carrier.Send(ctx, batch); err != nil {
			return err
		}
	}

	return nil
}

// sendAtOnce is the number of parts in one statement.
const sendAtOnce = 16

// receive acts on a message of any node. It must not block.
func (n *Nodes) receive(ctx context.Context, text string) {
	m, err := open(n.options.Sealer, text)
	if err != nil {
		return // not from a node of this database
	}

	n.mu.Lock()
	defer n.mu.Unlock()

	age := n.options.Now().Sub(time.UnixMilli(m.At))
	if age.Abs() > messageAge || m.To != "" && m.To != n.id || m.Type != answer && !n.isNew(m) {
		return // each part of an answer is taken once, while its question waits
	}
	if m.From == n.id {
		n.heard = n.heard || n.listening && m.Type == greeting
		return
	}
	if m.Type == goodbye {
		delete(n.members, m.From)
		return
	}
	n.meet(m)

	switch m.Type {
	case greeting:
		n.do(func() {
			bounded, cancel := context.WithTimeout(ctx, answerIn)
			defer cancel()

			_ = n.send(bounded, message{Type: here, To: m.From}) // else it is met when it answers
		})
	case question:
		n.answer(ctx, m)
	case leave:
		if stop := n.running[m.From+m.Question]; stop != nil {
			stop()
		}
	case answer:
		n.collect(m)
	}
}

// isNew reports whether a message was not seen before. If too many came in a minute, no
// more are taken: a repeated one would not be noticed.
func (n *Nodes) isNew(m message) bool {
	if _, known := n.seen[m.ID]; known {
		return false
	}

	now := n.options.Now()
	if now.Sub(n.swept).Abs() > messageAge {
		n.swept = now
		maps.DeleteFunc(n.seen, func(_ string, at time.Time) bool { return now.Sub(at).Abs() > 2*messageAge })
	}
	if len(n.seen) >= maxSeen {
		return false
	}
	n.seen[m.ID] = now

	return true
}

// meet notes that a node is there.
func (n *Nodes) meet(m message) {
	known := n.members[m.From]
	if known == nil {
		if len(n.members) >= maxMembers {
			return
		}
		known = &member{id: m.From}
		n.members[m.From] = known
	}
	known.name, known.silent = m.Name, time.Time{}
}

// answer has the handler answer another node's question.
func (n *Nodes) answer(ctx context.Context, m message) {
	handler := n.handlers[m.Kind]
	held := 0
	if m.Wait > 0 {
		held = 1
	}
	if handler == nil || held == 0 && len(n.running)-n.held >= maxHandlers || held > 0 && n.held >= maxHeld {
		return // the other node names this one as silent
	}

	wait := min(max(time.Duration(m.Wait)*time.Millisecond, 0), MaxWait)
	if held == 0 {
		wait = answerIn
	}
	bounded, cancel := context.WithTimeout(ctx, wait)
	key := m.From + m.Question
	if n.running[key] != nil {
		cancel()
		return
	}
	n.running[key] = cancel
	n.held += held
	n.do(func() {
		defer func() {
			cancel()

			n.mu.Lock()
			defer n.mu.Unlock()

			delete(n.running, key)
			n.held -= held
		}()

		body := handler(bounded, m.Body)
		if body == nil || ctx.Err() != nil {
			return
		}

		sending, cancel := context.WithTimeout(ctx, answerIn)
		defer cancel()

		err := n.send(sending, message{
			Type:     answer,
			To:       m.From,
			Question: m.Question,
			Body:     body,
		})
		if err != nil && ctx.Err() == nil {
			n.options.Logger.Warn("another node's question is not answered", "error", err)
		}
	})
}
