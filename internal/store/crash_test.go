package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
	"github.com/poolhouse-id/poolhouse/internal/store/sqlite"
)

// The crash test runs this binary again as a child whose 16 writers change a
// SQLite file and report each acknowledged change on standard output, kills it
// with SIGKILL, opens the file and compares. A kill leaves to the next process
// what the dead one gave to the kernel, so this proves recovery, atomicity and
// that nothing is acknowledged before its commit; that the commit waits for the
// disk is what synchronous=FULL is for, see TestSQLiteFile.

const (
	crashPath = "POOLHOUSE_TEST_CRASH_PATH" // set in the child: the file
	crashMode = "POOLHOUSE_TEST_CRASH_MODE" // how the child behaves

	honest        = "honest"
	earlyAck      = "acknowledges before it writes"
	twoHalves     = "writes in two halves what belongs together"
	crashPool     = identitypool.PoolID("us-east-1:crash")
	crashWriters  = 16
	crashReadySay = "ready"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		child := func() error { return crashChild(path, os.Getenv(crashMode)) }
		switch os.Getenv(crashMode) {
		case failingDisk:
			child = func() error { return failingDiskChild(path) }
		case failingCopy:
			child = func() error { return failingCopyChild(path) }
		}

		if err := child(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}

	os.Exit(m.Run())
}

// copyOften has the log copied back as soon as it has 20 pages.
var copyOften = sqlite.Checkpoints{Frames: 20, Commits: 1}

// openCrashing opens a child's store, with its pool.
func openCrashing(ctx context.Context, o Options) (*Store, error) {
	s, err := Open(ctx, o)
	if err != nil {
		return nil, err
	}
	p := identitypool.Pool{ID: crashPool, Account: "1", Region: "us-east-1", Name: "crash"}
	if err := s.CreatePool(ctx, p, 0); err != nil && !errors.Is(err, ErrConflict) {
		return nil, err
	}

	return s, nil
}

func crashGuest(ctx context.Context, s *Store) (identitypool.IdentityID, error) {
	id := newIdentityID()
	return id, s.CreateIdentity(ctx, identitypool.Identity{ID: id, PoolID: crashPool})
}

// crashChild writes until it is killed.
func crashChild(path, mode string) error {
	ctx := context.Background()
	s, err := openCrashing(ctx, Options{Path: path, checkpoints: copyOften}) // so that kills meet copies of the log
	if err != nil {
		return err
	}

	var mu sync.Mutex
	say := func(words ...string) {
		mu.Lock()
		defer mu.Unlock()

		if _, err := fmt.Println(strings.Join(words, " ")); err != nil { // one short write: whole or not at all
			os.Exit(1)
		}
	}
	say(crashReadySay)

	failed := make(chan error)
	for range crashWriters {
		go func() {
			for {
				if err := crashRound(ctx, s, mode, say); err != nil {
					failed <- err
					return
				}
			}
		}()
	}

	return <-failed
}

// crashRound is one life: a guest; an identity with three logins; another with
// two; their merger; at times the deletion of the result. It says what is about
// to end before that, so that the parent knows what may be gone.
func crashRound(ctx context.Context, s *Store, mode string, say func(...string)) error {
	guest, winner, loser := newIdentityID(), newIdentityID(), newIdentityID()
	subject := string(winner)
	three := []identitypool.Login{public("a", subject), public("b", subject), developer(subject)}
	two := []identitypool.Login{public("c", subject), public("d", subject)}
	ack := func(word string, id identitypool.IdentityID, write func() error) error {
		if mode == earlyAck {
			say(word, string(id))
		}
		if err := write(); err != nil {
			return err
		}
		if mode != earlyAck {
			say(word, string(id))
		}

		return nil
	}

	resolve := func(target identitypool.IdentityID, logins []identitypool.Login, p identitypool.Plan) func() error {
		return func() error {
			_, err := s.Resolve(ctx, crashPool, target, logins, plan(p))
			return err
		}
	}

	if err := ack("guest", guest, func() error {
		return s.CreateIdentity(ctx, identitypool.Identity{ID: guest, PoolID: crashPool})
	}); err != nil {
		return err
	}
	create := resolve("", three, identitypool.Plan{Identity: winner, Create: true, Link: three})
	if mode == twoHalves {
		create = func() error {
			if err := resolve("", three, identitypool.Plan{Identity: winner, Create: true, Link: three[:1]})(); err !=
				nil {
				return err
			}
			return resolve(winner, three, identitypool.Plan{Identity: winner, Link: three[1:]})()
		}
	}

	if err := ack("winner", winner, create); err != nil {
		return err
	}
	if err := ack("loser", loser,
		resolve("", two, identitypool.Plan{Identity: loser, Create: true, Link: two})); err != nil {
		return err
	}

	say("merging", string(loser))
	if err := ack("merged", loser,
		resolve(winner, two, identitypool.Plan{Identity: winner, Absorb: []identitypool.IdentityID{loser}})); err !=
		nil {
		return err
	}
	if rand.IntN(4) > 0 {
		return nil
	}
	say("deleting", string(winner))

	return ack("deleted", winner, func() error { return s.DeleteIdentity(ctx, winner) })
}

// acknowledged has the last line that the children printed about each identity.
type acknowledged map[identitypool.IdentityID]string

// crash runs a child and kills it, and adds what it said to acks.
func crash(t *testing.T, path, mode string, acks acknowledged) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashPath+"="+path, crashMode+"="+mode)
	var complaint strings.Builder
	child.Stderr = &complaint
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := child.Start(); err != nil {
		t.Fatal(err)
	}

	kill := func(after time.Duration) {
		timer := time.NewTimer(after)
		<-timer.C
		_ = child.Process.Kill() // it may have ended by itself, which Wait tells
	}
	lines := bufio.NewReader(out)

	// A busy machine does little in any time, so the moment is counted in lines.
	left := 1 + rand.IntN(300)
	if rand.IntN(5) == 0 { // at times while it opens or creates the database
		go kill(rand.N(80 * time.Millisecond))
	}

	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			if !errors.Is(err, io.EOF) || line != "" {
				t.Fatalf("the child's report ends with %q, %v", line, err)
			}
			break
		}

		if left--; left == 0 {
			go kill(rand.N(20 * time.Millisecond))
		}
		if strings.TrimSpace(line) == crashReadySay {
			continue
		}

		word, id, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			t.Fatalf("the child said %q", line)
		}
		acks[identitypool.IdentityID(id)] = word
	}

	if err := child.Wait(); err == nil || err.Error() != "signal: killed" || complaint.Len() > 0 {
		t.Fatalf("the child was not killed: %v\n%s", err, complaint.String())
	}
}

// findings opens the database and compares it with what was acknowledged.
func findings(t *testing.T, path string, acks acknowledged) (wrong []string) {
	t.Helper()
	s, err := Open(t.Context(), Options{Path: path, CacheEntries: -1})
	if err != nil {
		t.Fatalf("after a crash: %v", err)
	}
	defer func() { wantError(t, "Close", s.Close(), nil) }()

	if len(acks) == 0 {
		return nil // killed before there was anything, perhaps before the pool
	}
	all, err := s.ListIdentities(t.Context(), crashPool, false, Place{}, 10_000_000)
	if err != nil {
		t.Fatalf("after a crash: %v", err)
	}

	there := map[identitypool.IdentityID]identitypool.Identity{}
	for _, i := range all {
		there[i.ID] = i
	}

	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for id, word := range acks {
		i, ok := there[id]
		switch {
		case word == "deleting":
		case word == "deleted" && ok:
			complain("a deleted identity is there")
		case word == "deleted":
		case !ok:
			complain("an acknowledged identity (%s) is lost", word)
		case word == "merged" && !i.Disabled:
			complain("an acknowledged merger is lost")
		}
	}

	// Nothing is done by half, acknowledged or not.
	for _, i := range all {
		switch n := len(i.Logins); {
		case i.Disabled && (n != 0 || i.MergedTo == ""):
			complain("a disabled identity with %d logins, merged to %q", n, i.MergedTo)
		case i.Disabled: // its winner may be deleted since
			if w, ok := there[i.MergedTo]; ok && len(w.Logins) != 5 {
				complain("the winner of a merger has %d logins", len(w.Logins))
			}
		case n != 0 && n != 2 && n != 3 && n != 5:
			complain("an identity with %d logins", n)
		case (n > 0) != i.EverLinked:
			complain("%d logins, ever linked %t", n, i.EverLinked)
		}

		subjects := map[string]bool{}
		for _, l := range i.Logins {
			subjects[l.Subject] = true
		}
		if len(subjects) > 1 {
			complain("logins of two rounds in one identity")
		}
	}

	err = s.read(t.Context(), func(q engine.Querier) error {
		for _, check := range []string{"PRAGMA integrity_check", "PRAGMA foreign_key_check"} {
			rows, err := q.Query(check)
			if err != nil {
				return err
			}

			for rows.Next() {
				var said string
				if columns, _ := rows.Columns(); len(columns) > 1 {
					complain("%s: a row refers to nothing", check)
				} else if err := rows.Scan(&said); err != nil || said != "ok" {
					complain("%s: %s, %v", check, said, err)
				}
			}

			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return err
			}
		}

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	return wrong
}

func TestKilledProcessLosesNothing(t *testing.T) {
	kills := 50
	if testing.Short() {
		kills = 10
	}

	const perFile = 10 // then a new file, so that its creation is met, too
	said, words := 0, map[string]int{}
	// On a machine that is busy little happens between two kills: there go on.
	lacking := func() (list []string) {
		for _, word := range []string{"guest", "winner", "merged", "deleted"} {
			if words[word] < kills/2 {
				list = append(list, word)
			}
		}
		return list
	}

	for n := 0; n < kills || n < 6*kills && len(lacking()) > 0; {
		path := filepath.Join(t.TempDir(), "crash.db")
		acks := acknowledged{}
		for range perFile {
			crash(t, path, honest, acks)
			if n++; n%2 == 0 { // at times two crashes without an orderly end between
				if wrong := findings(t, path, acks); len(wrong) > 0 {
					t.Fatalf("after kill %d:\n%s", n, strings.Join(wrong, "\n"))
				}
			}
		}

		said += len(acks)
		for word := range maps.Values(acks) {
			words[word]++
		}
	}

	t.Logf("%d identities: %v", said, words)
	if list := lacking(); len(list) > 0 {
		t.Errorf("too few identities were last acknowledged as %s: too little happened", strings.Join(list, ", "))
	}
}

// The test above must be able to fail: children that break the promise are found out.
func TestKilledProcessTestFindsLiars(t *testing.T) {
	for mode, want := range map[string]string{
		earlyAck:  "is lost",
		twoHalves: "an identity with 1 logins",
	} {
		path := filepath.Join(t.TempDir(), "crash.db")

		acks := acknowledged{}
		var wrong []string
		contains := func(s string) bool { return strings.Contains(s, want) }
		for n := 0; n < 40 && !slices.ContainsFunc(wrong, contains); n++ {
			crash(t, path, mode, acks)
			wrong = findings(t, path, acks)
		}

		if !slices.ContainsFunc(wrong, contains) {
			t.Errorf("a child that %s was not found out: %q", mode, wrong)
		}
	}
}
