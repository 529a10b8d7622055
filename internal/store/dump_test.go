package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// fillEverything puts some of everything into a store.
func fillEverything(t *testing.T, s *Store) {
	t.Helper()
	full := fullPool()
	if err := s.CreatePool(t.Context(), full, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdatePool(t.Context(), full.ID,
		func(p *identitypool.Pool) error { p.Name = "updated"; return nil }); err != nil {
		t.Fatal(err)
	}
	addGuest(t, s, full.ID)

	for n, subject := range hostileSubjects {
		addLinked(t, s, full.ID, public("p", subject), developer(numbered("u", n)))
	}
	a, b := addLinked(t, s, full.ID, public("a", "1")), addLinked(t, s, full.ID, public("b", "1"))
	if _, err := s.Resolve(t.Context(), full.ID, a.ID, b.Logins, grow(b.Logins, "")); err != nil {
		t.Fatal(err)
	}

	if err := s.Unlink(t.Context(), a.ID,
		func(i identitypool.Identity) ([]identitypool.Login, error) { return i.Logins, nil }); err != nil {
		t.Fatal(err)
	}
	addPool(t, s)

	at := newClock().now()
	for _, k := range []AccessKey{
		{ID: "AKIAA", Account: "1", SealedSecret: []byte("sealed secret a"), Description: "ä\n",
			Policy: "{}", Created: at},
		{ID: "AKIAB", Account: "2", SealedSecret: []byte{0, 255}, Disabled: true, Created: at},
	} {
		if err := s.CreateAccessKey(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}

	for _, purpose := range []string{"signing", "session"} {
		k := testKey("k", at)
		k.Purpose = purpose
		if _, err := s.UpdateKeys(t.Context(), purpose, func([]Key) ([]Key, error) { return []Key{k}, nil }); err !=
			nil {
			t.Fatal(err)
		}
	}

	if err := s.Revoke(t.Context(),
		Revocation{RoleRevocation, "123456789012", "arn:aws:iam::123456789012:role/a", at, at.Add(time.Hour)}); err !=
		nil {
		t.Fatal(err)
	}
	if err := s.MarkSignOuts(t.Context(),
		markOf(SubjectSignOut, "accounts.google.com", "1", at, at.Add(time.Hour)),
		markOf(SessionSignOut, "accounts.google.com", "\x00\xff", time.Time{}, at.Add(time.Hour)),
		SignOut{
			Kind:      SubjectSignOut,
			Account:   testAccount,
			Provider:  "accounts.google.com",
			Value:     "1",
			NotBefore: at,
			Expires:   at.Add(time.Hour),
		}); err != nil {
		t.Fatal(err)
	}

	fillIAM(t, s)
	fillWebIdentity(t, s)
	// What is being deleted is in no backup.
	s.testStep = func(string) error { return errors.New("crash") }
	defer func() { s.testStep = nil }()

	gone := addPool(t, s)
	addLinked(t, s, gone, public("p", "gone"))
	if err := s.DeletePool(t.Context(), gone); err == nil {
		t.Fatal("DeletePool finished")
	}
}

// lines is the text of a dump, without the time it was made.
func lines(t *testing.T, dump []byte) []string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(dump))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.SplitAfter(string(text), "\n")
	all = all[:len(all)-1]

	return all
}

func dumpOf(t *testing.T, s *Store) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.Dump(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// From every engine to every engine, a backup brings back everything.
func TestDumpAndLoad(t *testing.T) {
	c := newClock()
	eachOptions(t, func(t *testing.T, from Options) {
		from.Now = c.now
		s := open(t, from)
		fillEverything(t, s)
		backup := dumpOf(t, s)
		want := lines(t, backup)
		if got := lines(t, dumpOf(t, s)); cmp.Diff(want, got) != "" {
			t.Errorf("two dumps of one state differ:\n%s", cmp.Diff(want, got))
		}

		for _, line := range want {
			if strings.Contains(line, "gone") {
				t.Errorf("a deleted pool is in the backup: %s", line)
			}
		}

		for _, e := range engines {
			t.Run("to "+e.name, func(t *testing.T) {
				o := e.options(t)
				o.Now = c.now
				to := open(t, o)
				if err := to.Load(t.Context(), bytes.NewReader(backup)); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, lines(t, dumpOf(t, to))); diff != "" {
					t.Errorf("dumped again (-want +got):\n%s", diff)
				}

				compareStores(t, s, to)
				wantError(t, "Load again", to.Load(t.Context(), bytes.NewReader(backup)), ErrConflict)

				// It is a store like any other.
				pools, err := to.ListPools(t.Context(), "123456789012", testRegion, "", 10)
				if err != nil || len(pools) != 2 {
					t.Fatalf("ListPools = %d, %v", len(pools), err)
				}

				for _, p := range pools {
					addLinked(t, to, p.ID, public("new", "1"))
					checkInvariants(t, to, p.ID)
				}
				if _, err := to.UpdateKeys(t.Context(), "signing",
					func(k []Key) ([]Key, error) { return append(k, testKey("new", c.now())), nil }); err != nil {
					t.Errorf("UpdateKeys: %v", err)
				}
			})
		}
	})
}

// compareStores compares what two stores answer.
func compareStores(t *testing.T, a, b *Store) {
	t.Helper()
	same := func(what string, x, y any, errX, errY error) {
		t.Helper()
		if diff := cmp.Diff(x, y, cmpopts.EquateEmpty()); diff != "" || errX != nil || errY != nil {
			t.Errorf("%s: %v, %v (-one +other):\n%s", what, errX, errY, diff)
		}
	}

	pools, err := a.ListPools(t.Context(), "123456789012", testRegion, "", 100)
	loaded, err2 := b.ListPools(t.Context(), "123456789012", testRegion, "", 100)
	same("pools", pools, loaded, err, err2)

	for _, p := range pools {
		x, err := a.ListIdentities(t.Context(), p.ID, false, Place{}, 1000)
		y, err2 := b.ListIdentities(t.Context(), p.ID, false, Place{}, 1000)
		same("identities", x, y, err, err2)
	}

	for _, purpose := range []string{"signing", "session", "none"} {
		x, err := a.Keys(t.Context(), purpose)
		y, err2 := b.Keys(t.Context(), purpose)
		same("keys", x, y, err, err2)
	}
	role := Revocation{Kind: RoleRevocation, Account: "123456789012", Value: "arn:aws:iam::123456789012:role/a"}
	revoked, err := a.Revocations(t.Context(), newClock().now(), role)
	loadedRevoked, err2 := b.Revocations(t.Context(), newClock().now(), role)
	if diff := cmp.Diff(revoked, loadedRevoked); diff != "" || err != nil || err2 != nil || len(revoked) != 1 {
		t.Errorf("revocations: %v, %v (-dumped +loaded):\n%s", err, err2, diff)
	}

	marks, err := a.SignOuts(t.Context(), testAccount, "accounts.google.com", "1", []string{"\x00\xff"},
		newClock().now())
	loadedMarks, err2 := b.SignOuts(t.Context(), testAccount, "accounts.google.com", "1", []string{"\x00\xff"},
		newClock().now())
	same("sign-outs", marks, loadedMarks, err, err2)
	if len(marks) != 3 {
		t.Errorf("sign-outs = %v, want 3", marks)
	}
	x, err := a.AccessKeys(t.Context(), "")

	y, err2 := b.AccessKeys(t.Context(), "")
	same("access keys", x, y, err, err2)
}

// A dump holds secrets only as the store holds them. What is not sealed is
// public by its nature or marked here as such.
func TestDumpHoldsWhatItSays(t *testing.T) {
	s := open(t, Options{})
	fillEverything(t, s)

	text := strings.Join(lines(t, dumpOf(t, s)), "")
	for _, want := range []string{
		fmt.Sprintf(`{"header":{"format":"poolhouse-dump","schema":%d,`, dumpSchema), `{"pool":{"id":"us-east-1:`,
		`"settings":{"name":"updated"`,
		`"sealedSecret":"c2VhbGVkIHNlY3JldCBh"`, `"sealed":"c2VhbGVkAGs="`, `{"end":{"rows":`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the dump", want)
		}
	}
}

// pack makes a dump's file of lines.
func pack(t *testing.T, lines ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	if _, err := io.WriteString(zip, strings.Join(lines, "")); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}

	return b.Bytes()
}

// refusal is a dump that must not be loaded, and why.
type refusal struct {
	dump []byte
	want error
}

// refusedDumps returns a whole dump, and what accidents make of it.
func refusedDumps(t *testing.T) (backup []byte, refusals map[string]refusal) {
	t.Helper()
	source := open(t, Options{})
	fillEverything(t, source)

	backup = dumpOf(t, source)
	good := lines(t, backup)
	last := len(good) - 1
	change := func(n int, old, with string) []byte {
		changed := append([]string(nil), good...)
		changed[n] = strings.Replace(changed[n], old, with, 1)
		if changed[n] == good[n] {
			t.Fatalf("no %q in line %d: %s", old, n, good[n])
		}
		return pack(t, changed...)
	}

	without := func(n int) []byte {
		return pack(t, append(append([]string(nil), good[:n]...), good[n+1:]...)...)
	}

	flipped := bytes.Clone(backup)
	flipped[len(flipped)/2] ^= 1

	refusals = map[string]refusal{
		"nothing":        {nil, errBadDump},
		"not gzip":       {[]byte("hello, world"), errBadDump},
		"empty":          {pack(t), errBadDump},
		"not JSON":       {pack(t, "hello\n"), errBadDump},
		"no header":      {without(0), errBadDump},
		"another format": {change(0, "poolhouse-dump", "other-dump"), errBadDump},
		"a newer schema": {
			change(0, fmt.Sprintf(`"schema":%d`, dumpSchema), fmt.Sprintf(`"schema":%d,"more":true`, dumpSchema+1)),
			errNewerSchema,
		},
		"no end":          {without(last), errBadDump},
		"a changed value": {change(1, `"updated"`, `"upd4ted"`), errBadDump},
		"a missing row":   {without(last - 1), errBadDump},
		"a row twice":     {pack(t, append(append([]string(nil), good[:2]...), good[1:]...)...), errBadDump},
		"rows in another order": {
			pack(t,
				append([]string{good[0], good[last-1]},
					append(append([]string(nil), good[1:last-1]...), good[last])...)...), errBadDump,
		},
		"an unknown member":       {change(1, `"region"`, `"colour":"red","region"`), errBadDump},
		"an unknown row":          {change(1, `{"pool"`, `{"puddle"`), errBadDump},
		"something after the end": {pack(t, append(append([]string(nil), good...), good[last])...), errBadDump},
		"bytes after the file":    {append(bytes.Clone(backup), "more"...), errBadDump},
		"a flipped bit":           {flipped, errBadDump},
		"a line that never ends":  {pack(t, good[0], strings.Repeat(" ", maxDumpLine+1)), errBadDump},
		"a login of no identity": {
			pack(t, good[0], `{"login":{"pool":"p","identity":"i","kind":"public","provider":"p","subject":"cw=="}}`+
				"\n"), errBadDump,
		},
		"a login of no kind": {
			pack(t, good[0], `{"login":{"pool":"p","identity":"i","kind":"x","provider":"p","subject":"cw=="}}`+"\n"),
			ErrInvalid,
		},
		"a sign-out of no kind": {
			pack(t, good[0], `{"signOut":{"kind":"x","provider":"p","value":"cw==","expires":1}}`+"\n"), ErrInvalid,
		},
		"an identity with NUL": {
			pack(t, good[0], `{"identity":{"id":"\u0000","pool":"p","created":1,"modified":1}}`+"\n"), ErrInvalid,
		},
		"a former ID of no kind": {
			pack(t, good[0], `{"former":{"kind":"x","id":"i","account":"1","deleted":1}}`+"\n"), errBadDump,
		},
		"a former ID of nobody": {
			pack(t, good[0], `{"former":{"kind":"pool","id":"i","account":"","deleted":1}}`+"\n"), ErrInvalid,
		},
		"a trust policy's bad hash": {
			pack(t, good[0], `{"settingsTrust":{"role":"r","sha256":"AA==","written":1}}`+"\n"), errBadDump,
		},
		"a pool without an account": {
			pack(t, good[0], `{"pool":{"id":"p","account":"","region":"r","settings":{"name":""},"version":1,`+
				`"created":1,"updated":1}}`+"\n"), ErrInvalid,
		},
	}

	for n := 0; n < len(backup); n += 1 + len(backup)/40 {
		refusals[fmt.Sprintf("cut after %d bytes", n)] = refusal{backup[:n], errBadDump}
	}

	return backup, refusals
}

func TestLoadRefusesWhatIsNoWholeDump(t *testing.T) {
	backup, refusals := refusedDumps(t)
	eachEngine(t, func(t *testing.T, s *Store) {
		for name, r := range refusals {
			wantError(t, name, s.Load(t.Context(), bytes.NewReader(r.dump)), r.want)
		}
		wantRows(t, s, 0, 0, 0)
		wantError(t, "Load of the whole one", s.Load(t.Context(), bytes.NewReader(backup)), nil)
	})
}

func TestLoadNeedsAnEmptyStore(t *testing.T) {
	source := open(t, Options{})
	fillEverything(t, source)
	backup := dumpOf(t, source)
	eachOptions(t, func(t *testing.T, o Options) {
		for name, fill := range map[string]func(*Store){
			"a pool": func(s *Store) { addPool(t, s) },
			"an access key": func(s *Store) {
				wantError(t, "create", s.CreateAccessKey(t.Context(), AccessKey{ID: "A", Account: "1"}), nil)
			},
			"a sign-out": func(s *Store) {
				wantError(t, "mark",
					s.MarkSignOuts(t.Context(), SignOut{
						Kind:     SubjectSignOut,
						Provider: "p",
						Value:    "v",
						Expires:  time.Now(),
					}), nil)
			},
			"a key": func(s *Store) {
				_, err := s.UpdateKeys(t.Context(), "signing",
					func([]Key) ([]Key, error) { return []Key{testKey("k", time.Now())}, nil })
				wantError(t, "UpdateKeys", err, nil)
			},
		} {
			one := o
			if o.Path != "" {
				one.Path += name
			}
			if o.URL != "" && name != "a pool" {
				continue // one database, one case
			}
			s := open(t, one)
			fill(s)

			wantError(t, "Load beside "+name, s.Load(t.Context(), bytes.NewReader(backup)), ErrConflict)
		}
	})
}

// A dump made while others write is the state of one instant: of what each
// writer did one after the other it holds a beginning, and all that was
// acknowledged before the dump began.
func TestDumpWhileWriting(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		s := open(t, o)
		pool := addPool(t, s)
		const writers = 4
		var acknowledged [writers]atomic.Int64
		// write has writer w go on until stop.
		write := func(w int, begun *sync.WaitGroup, stop <-chan struct{}) {
			started := sync.OnceFunc(begun.Done)
			defer started()

			for n := acknowledged[w].Load(); ; n++ {
				logins := []identitypool.Login{public("p", fmt.Sprintf("%d-%d", w, n)),
					developer(fmt.Sprintf("%d-%d", w, n))}
				if _, err := s.Resolve(context.Background(), pool, "", logins, signIn(logins)); err != nil {
					t.Errorf("Resolve: %v", err)
					return
				}
				acknowledged[w].Store(n + 1)
				started()

				select {
				case <-stop:
					return
				default:
				}
			}
		}

		for range 5 {
			stop := make(chan struct{})
			var begun, wg sync.WaitGroup
			begun.Add(writers)

			for w := range writers {
				wg.Go(func() { write(w, &begun, stop) })
			}
			begun.Wait()

			var least [writers]int64
			for w := range writers {
				least[w] = acknowledged[w].Load()
			}
			dump := dumpOf(t, s)
			close(stop)
			wg.Wait()
			restored := open(t, Options{})
			if err := restored.Load(t.Context(), bytes.NewReader(dump)); err != nil {
				t.Fatal(err)
			}

			listed, err := restored.ListIdentities(t.Context(), pool, false, Place{}, 1_000_000)
			if err != nil {
				t.Fatal(err)
			}
			var count [writers]int64

			for _, i := range listed {
				if len(i.Logins) != 2 {
					t.Errorf("an identity with %d of its 2 logins", len(i.Logins))
				}
			}

			for w := range writers {
				for ; ; count[w]++ {
					if _, err := restored.IdentityByLogin(t.Context(), pool,
						public("p", fmt.Sprintf("%d-%d", w, count[w]))); err != nil {
						break
					}
				}

				if count[w] < least[w] {
					t.Errorf("writer %d: %d in the dump, %d were acknowledged before", w, count[w], least[w])
				}
			}

			if total := count[0] + count[1] + count[2] + count[3]; total != int64(len(listed)) {
				t.Errorf("%d identities, but the writers' beginnings have %d", len(listed), total)
			}
		}
	})
}

// failingWriter takes some bytes.
type failingWriter struct{ left int }

func (f *failingWriter) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestDumpReportsWhatItCouldNotWrite(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		fillEverything(t, s)

		whole := len(dumpOf(t, s))
		for _, n := range []int{0, whole / 2, whole - 50} {
			wantError(t, fmt.Sprintf("after %d of %d bytes", n, whole), s.Dump(t.Context(), &failingWriter{left: n}),
				io.ErrShortWrite)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		wantError(t, "Dump cancelled", s.Dump(ctx, io.Discard), context.Canceled)
		addPool(t, s) // the connection is as good as before
	})
}
