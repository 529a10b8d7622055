package store

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

func testSealer(tb testing.TB, fill byte) *envelope.Sealer {
	tb.Helper()
	s, err := envelope.New(bytes.Repeat([]byte{fill}, envelope.KeySize))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// secretProviders has every form of value that holds a secret, beside those that
// are public. The secrets are long enough to be found in a file.
func secretProviders(name string) (providers map[string]string, secrets []string) {
	providers = map[string]string{
		"accounts.google.com": "1234.apps.googleusercontent.com",
		"appleid.apple.com":   "com.example.app",
		"graph.facebook.com":  "1234567890123456|canary-facebook-" + name,
		"www.amazon.com":      "amzn1.application-oa2-client.0123456789abcdef",
		"api.twitter.com":     "consumerkey;canary-x-" + name,
		"www.digits.com":      "canary-digits-without-a-key-" + name,
		"other.example":       "app secret=canary-other-" + name,
	}

	return providers, []string{"canary-facebook-" + name, "canary-x-" + name, "canary-digits-without-a-key-" + name,
		"canary-other-" + name}
}

// forms are the ways in which a secret may be written.
func forms(secret string) []string {
	quoted, _ := json.Marshal(secret)
	all := []string{secret, strings.Trim(string(quoted), `"`), url.QueryEscape(secret),
		hex.EncodeToString([]byte(secret)),
		strings.ReplaceAll(secret, "-", `\u002d`)}
	// Base64 of a text that the secret is somewhere in: three alignments.
	for shift := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		all = append(all, encoded[(shift*4+2)/3:len(encoded)-4])
	}

	return all
}

// finds lists the secrets that are in content, in any form.
func finds(content []byte, secrets []string) (found []string) {
	for _, secret := range secrets {
		for _, form := range forms(secret) {
			if bytes.Contains(content, []byte(form)) {
				found = append(found, secret)
				break
			}
		}
	}

	return found
}

// filesOf is all that the database has on disk, concatenated: of SQLite the file
// and all beside it, of PostgreSQL the database's folder after a checkpoint.
func filesOf(t *testing.T, s *Store, o Options) []byte {
	t.Helper()
	if o.URL != "" {
		return postgreSQLFiles(t, s)
	}
	if o.Path == "" {
		return nil // in memory nothing is at rest
	}
	var all []byte
	beside, err := filepath.Glob(o.Path + "*")
	if err != nil || len(beside) == 0 {
		t.Fatalf("%v, %v", beside, err)
	}

	for _, path := range beside {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}

	return all
}

func postgreSQLFiles(t *testing.T, s *Store) (all []byte) {
	t.Helper()
	db, err := sql.Open("pgx", s.options.URL)
	noError(t, err)

	defer db.Close()

	if _, err := db.ExecContext(t.Context(), `CHECKPOINT`); err != nil {
		t.Fatal(err)
	}
	rows, err := db.QueryContext(t.Context(), `SELECT pg_read_binary_file(folder || '/' || name, 0, 100000000, TRUE)
		FROM (SELECT 'base/' || oid AS folder FROM pg_database WHERE datname = current_database()) AS d,
			pg_ls_dir(folder) AS name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()

	for rows.Next() {
		var content []byte
		if err := rows.Scan(&content); err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}

	return all
}

// What a pool's providers hold of secrets never reaches the database, whichever
// call brings it, and every call gives it back.
func TestSecretsOfPoolsAreSealed(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		o.Sealer = testSealer(t, 1)
		s := open(t, o)
		p := testPool()
		var secrets, more []string
		p.SupportedLoginProviders, secrets = secretProviders("created")
		if err := s.CreatePool(t.Context(), p, 0); err != nil {
			t.Fatal(err)
		}

		check := func(want map[string]string) {
			t.Helper()
			got, err := s.Pool(t.Context(), p.ID)
			if diff := cmp.Diff(want, got.SupportedLoginProviders); err != nil || diff != "" {
				t.Errorf("Pool: %v (-want +got)\n%s", err, diff)
			}

			list, err := s.ListPools(t.Context(), p.Account, p.Region, "", 10)
			if err != nil || len(list) != 1 || !cmp.Equal(want, list[0].SupportedLoginProviders) {
				t.Errorf("ListPools: %v, %v", list, err)
			}

			summaries, err := s.PoolSummaries(t.Context(), p.Account, p.Region, time.Time{}, 10)
			if err != nil || len(summaries) != 1 {
				t.Fatalf("PoolSummaries: %v, %v", summaries, err)
			}
			named := summaries[0].Pool.SupportedLoginProviders
			if !slices.Equal(slices.Sorted(maps.Keys(named)), slices.Sorted(maps.Keys(want))) ||
				named["api.twitter.com"] != "" {
				t.Errorf("PoolSummaries: %v", named)
			}
		}

		check(p.SupportedLoginProviders)
		updated, more := secretProviders("updated")
		secrets = append(secrets, more...)
		got, err := s.UpdatePool(t.Context(), p.ID, func(p *identitypool.Pool) error {
			p.SupportedLoginProviders = updated
			return nil
		})
		if err != nil || !cmp.Equal(updated, got.SupportedLoginProviders) {
			t.Errorf("UpdatePool: %v, %v", got, err)
		}
		check(updated)

		var settings []string
		err = s.read(t.Context(), func(q engine.Querier) (err error) {
			settings, err = collect(q, scanString, `SELECT settings FROM pools`)
			return err
		})
		if err != nil || len(settings) != 1 || !strings.Contains(settings[0], "com.example.app") {
			t.Fatalf("%v, %v", settings, err)
		}

		if found := finds([]byte(settings[0]), secrets); found != nil {
			t.Errorf("the row shows %q", found)
		}

		dump := dumpOf(t, s)
		if found := finds([]byte(strings.Join(lines(t, dump), "")), secrets); found != nil {
			t.Errorf("the dump shows %q", found)
		}

		restored := open(t, Options{Sealer: o.Sealer})
		if err := restored.Load(t.Context(), bytes.NewReader(dump)); err != nil {
			t.Fatal(err)
		}

		if got, err := restored.Pool(t.Context(), p.ID); err != nil ||
			!cmp.Equal(updated, got.SupportedLoginProviders) {
			t.Errorf("restored: %v, %v", got, err)
		}
		if found := finds(filesOf(t, s, o), secrets); found != nil {
			t.Errorf("the files show %q", found)
		}
	})
}

// Sealed values open for their pool and provider only, and without a master key
// nothing is written in clear.
func TestSealedSettingsAreBound(t *testing.T) {
	s := open(t, Options{Sealer: testSealer(t, 1)})
	p := testPool()
	p.SupportedLoginProviders, _ = secretProviders("bound")
	if err := s.CreatePool(t.Context(), p, 0); err != nil {
		t.Fatal(err)
	}

	settings := func(id identitypool.PoolID, change func(*storedPool)) storedPool {
		t.Helper()
		sealed := storedPool{Pool: p}
		if err := s.sealSettings(s.options.Sealer, id, &sealed); err != nil {
			t.Fatal(err)
		}
		change(&sealed)
		return sealed
	}

	for name, test := range map[string]struct {
		settings storedPool
		sealer   Sealer
		want     error
	}{
		"another pool's": {settings("us-east-1:other", func(*storedPool) {}), testSealer(t, 1), envelope.ErrCorrupt},
		"another provider's": {settings(p.ID, func(s *storedPool) {
			s.SealedLoginProviders["www.digits.com"] = s.SealedLoginProviders["api.twitter.com"]
		}), testSealer(t, 1), envelope.ErrCorrupt},
		"altered": {
			settings(p.ID, func(s *storedPool) { s.SealedLoginProviders["api.twitter.com"][30] ^= 1 }),
			testSealer(t, 1), envelope.ErrCorrupt,
		},
		"empty": {
			settings(p.ID, func(s *storedPool) { s.SealedLoginProviders["api.twitter.com"] = nil }), testSealer(t, 1),
			envelope.ErrCorrupt,
		},
		"under another master key": {settings(p.ID, func(*storedPool) {}), testSealer(t, 2), envelope.ErrWrongKey},
		"without a master key":     {settings(p.ID, func(*storedPool) {}), nil, ErrNoSealer},
	} {
		other := &Store{options: Options{Sealer: test.sealer}}
		if test.sealer == nil {
			other.options.Sealer = nil
		}
		if err := other.openSettings(p.ID, &test.settings); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}

	bare := open(t, Options{})
	if err := bare.CreatePool(t.Context(), p, 0); !errors.Is(err, ErrNoSealer) {
		t.Errorf("CreatePool without a master key: %v", err)
	}
	plain := addPool(t, bare)

	_, err := bare.UpdatePool(t.Context(), plain, func(q *identitypool.Pool) error {
		q.SupportedLoginProviders = p.SupportedLoginProviders
		return nil
	})
	if !errors.Is(err, ErrNoSealer) {
		t.Errorf("UpdatePool without a master key: %v", err)
	}
}

// putClear leaves pools as an older version did: with secrets in clear, in rows of
// living pools and of pools that are being deleted, in rows that were overwritten
// and in rows that are gone.
func putClear(t *testing.T, s *Store, count int) (pools map[identitypool.PoolID]map[string]string, secrets []string) {
	t.Helper()

	pools = map[identitypool.PoolID]map[string]string{}
	write := func(id identitypool.PoolID, name string) {
		t.Helper()
		p := identitypool.Pool{Name: strings.Repeat("long ", 20)}
		var more []string
		p.SupportedLoginProviders, more = secretProviders(name)
		secrets = append(secrets, more...)
		pools[id] = p.SupportedLoginProviders
		text, err := encodePool(storedPool{Pool: p})
		if err != nil {
			t.Fatal(err)
		}

		err = s.write(t.Context(), func(t *engine.Tx) error {
			t.Touch(poolKey(id))
			return mustChange(t, `UPDATE pools SET settings = $1 WHERE pool_id = $2`, text, string(id))
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	for n := range count {
		id := addPool(t, s)
		write(id, fmt.Sprintf("old-%03d", n))
		write(id, fmt.Sprintf("new-%03d", n))

		if n%4 == 0 {
			delete(pools, id)
			err := s.write(t.Context(), func(t *engine.Tx) error {
				t.Touch(poolKey(id))
				statement := `DELETE FROM pools WHERE pool_id = $1`
				if n%8 == 0 {
					statement = `UPDATE pools SET deleting = TRUE WHERE pool_id = $1`
				}
				return mustChange(t, statement, string(id))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}

	return pools, secrets
}

// The first start seals what an older version left, and the files forget it. A
// crash at any point leaves nothing that the next start does not finish.
func TestSealSecrets(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		for _, crash := range []string{"", "marked", "sealed", "scrubbed"} {
			t.Run("crash "+crash, func(t *testing.T) {
				o := o
				o.Sealer = testSealer(t, 1)
				if o.Path != "" {
					o.Path = filepath.Join(t.TempDir(), "test.db")
				}
				s := open(t, o)
				if err := s.write(t.Context(),
					func(t *engine.Tx) error { _, err := t.Exec(`DELETE FROM pools`); return err }); err != nil {
					t.Fatal(err)
				}

				pools, secrets := putClear(t, s, 12)
				onDisk := o.Path != "" || o.URL != ""
				if onDisk {
					// The control: what is there is found.
					before := filesOf(t, s, o)
					if found := finds(before, secrets); len(found) < len(secrets)/2 {
						t.Fatalf("%d of %d secrets are found before: the test proves nothing", len(found), len(secrets))
					}
				}

				if crash != "" {
					down := errors.New("crash")
					s.testStep = func(step string) error {
						if step == crash {
							return down
						}
						return nil
					}

					if _, err := s.SealSecrets(t.Context()); !errors.Is(err, down) {
						t.Fatalf("%v, want the crash", err)
					}
					s.testStep = nil
				}

				if sealed, err := s.SealSecrets(t.Context()); !sealed || err != nil {
					t.Fatalf("SealSecrets: %v, %v", sealed, err)
				}

				for id, want := range pools {
					if got, err := s.Pool(t.Context(), id); err != nil ||
						!cmp.Equal(want, got.SupportedLoginProviders) {
						t.Fatalf("pool after sealing: %v, %v", got.SupportedLoginProviders, err)
					}
				}

				if found := finds([]byte(strings.Join(lines(t, dumpOf(t, s)), "")), secrets); found != nil {
					t.Errorf("the dump shows %d secrets", len(found))
				}
				var marks []string
				err := s.read(t.Context(), func(q engine.Querier) (err error) {
					marks, err = collect(q, scanString, `SELECT mark FROM clear_secrets`)
					return err
				})
				if err != nil || len(marks) != 0 {
					t.Errorf("marks %v, %v", marks, err)
				}

				if onDisk {
					if found := finds(filesOf(t, s, o), secrets); found != nil {
						t.Errorf("the files show %d secrets, %s", len(found), found[0])
					}
				}
			})
		}
	})
}

// More pools than one transaction takes.
func TestSealSecretsOfManyPools(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		o.Sealer = testSealer(t, 1)
		s := open(t, o)
		pools, _ := putClear(t, s, sealingBatch+20)
		if sealed, err := s.SealSecrets(t.Context()); !sealed || err != nil {
			t.Fatalf("SealSecrets: %v, %v", sealed, err)
		}
		if left, err := s.clearPools(t.Context()); err != nil || len(left) != 0 || len(pools) < 80 {
			t.Errorf("%d of %d pools are in clear, %v", len(left), len(pools), err)
		}
	})
}

// Several nodes start at once.
func TestSealSecretsOnManyNodes(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		o.Sealer = testSealer(t, 1)
		nodes := []*Store{open(t, o)}
		if o.URL != "" {
			nodes = append(nodes, open(t, o), open(t, o))
		}

		pools, secrets := putClear(t, nodes[0], 12)
		var group sync.WaitGroup
		for _, node := range nodes {
			for range 2 {
				group.Go(func() {
					if sealed, err := node.SealSecrets(t.Context()); !sealed || err != nil {
						t.Errorf("SealSecrets: %v, %v", sealed, err)
					}
				})
			}
		}
		group.Wait()

		for id, want := range pools {
			if got, err := nodes[0].Pool(t.Context(), id); err != nil || !cmp.Equal(want, got.SupportedLoginProviders) {
				t.Fatalf("pool after sealing: %v, %v", got.SupportedLoginProviders, err)
			}
		}
		if found := finds(filesOf(t, nodes[0], o), secrets); found != nil {
			t.Errorf("the files show %d secrets", len(found))
		}
	})
}

// Under another master key than that of the other secrets nothing is sealed: it
// could not be read once the right one is back.
func TestSealSecretsUnderAnotherMasterKey(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		s := open(t, o)
		pools, _ := putClear(t, s, 12)
		if _, err := s.SealSecrets(t.Context()); !errors.Is(err, ErrNoSealer) {
			t.Errorf("without a master key: %v", err)
		}
		if err := s.Dump(t.Context(), io.Discard); !errors.Is(err, ErrNoSealer) {
			t.Errorf("a dump without a master key: %v", err)
		}

		key := AccessKey{ID: "AKIAEXAMPLE", Account: "1", SealedSecret: testSealer(t, 1).Seal([]byte("secret"), "x")}
		if err := s.CreateAccessKey(t.Context(), key); err != nil {
			t.Fatal(err)
		}

		s.options.Sealer = testSealer(t, 2)
		if sealed, err := s.SealSecrets(t.Context()); sealed || !errors.Is(err, ErrOtherSealer) {
			t.Errorf("another master key: %v, %v", sealed, err)
		}
		if err := s.Dump(t.Context(), io.Discard); !errors.Is(err, ErrOtherSealer) {
			t.Errorf("a dump with another master key: %v", err)
		}

		s.options.Sealer = testSealer(t, 1)
		if sealed, err := s.SealSecrets(t.Context()); !sealed || err != nil {
			t.Errorf("the right master key: %v, %v", sealed, err)
		}

		for id, want := range pools {
			if got, err := s.Pool(t.Context(), id); err != nil || !cmp.Equal(want, got.SupportedLoginProviders) {
				t.Fatalf("pool after sealing: %v, %v", got.SupportedLoginProviders, err)
			}
		}
	})
}

// The dump and the database file that commit 758e3b7 wrote.
const (
	oldDump     = "../wiretest/testdata/upgrade/backup.gz"
	oldDatabase = "../wiretest/testdata/upgrade/poolhouse.db.gz"
	oldSecret   = "fixture-consumer-secret-5f2d9a71"
	oldPool     = "us-east-1:aaaaaaaa-0000-4000-8000-00000000000a"
	oldMaster   = 0x42
)

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// An older version's dump is sealed on the way in when the master key is there,
// else by the first start.
func TestOldDumpIsSealed(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		dump := readFile(t, oldDump)
		if found := finds([]byte(strings.Join(lines(t, dump), "")), []string{oldSecret}); found == nil {
			t.Fatal("the old dump has no secret: the test proves nothing")
		}
		o.Sealer = testSealer(t, oldMaster+1)
		s := open(t, o)
		if err := s.Load(t.Context(), bytes.NewReader(dump)); !errors.Is(err, ErrOtherSealer) {
			t.Errorf("with another master key: %v", err)
		}

		s.options.Sealer = testSealer(t, oldMaster)
		if err := s.Load(t.Context(), bytes.NewReader(dump)); err != nil {
			t.Fatal(err)
		}
		if p, err := s.Pool(t.Context(), oldPool); err != nil ||
			!strings.HasSuffix(p.SupportedLoginProviders["api.twitter.com"], ";"+oldSecret) {
			t.Errorf("%v, %v", p.SupportedLoginProviders, err)
		}

		if again := strings.Join(lines(t, dumpOf(t, s)), ""); finds([]byte(again), []string{oldSecret}) != nil {
			t.Error("the next dump shows the secret")
		}
		if o.Path != "" || o.URL != "" {
			if finds(filesOf(t, s, o), []string{oldSecret}) != nil {
				t.Error("the files show the secret")
			}
		}
	})
}

func TestOldDumpWithoutMasterKey(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		s := open(t, o)
		if err := s.Load(t.Context(), bytes.NewReader(readFile(t, oldDump))); err != nil {
			t.Fatal(err)
		}
		s.options.Sealer = testSealer(t, oldMaster)
		if sealed, err := s.SealSecrets(t.Context()); !sealed || err != nil {
			t.Fatalf("SealSecrets: %v, %v", sealed, err)
		}

		if finds(filesOf(t, s, o), []string{oldSecret}) != nil {
			t.Error("the files show the secret")
		}
	})
}

// A database of commit 758e3b7, also when its last run was cut off and the secret
// is in its write-ahead log.
func TestOldDatabaseIsSealed(t *testing.T) {
	zip, err := gzip.NewReader(bytes.NewReader(readFile(t, oldDatabase)))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}

	o := Options{Path: filepath.Join(t.TempDir(), "old.db"), Sealer: testSealer(t, oldMaster)}
	if err := os.WriteFile(o.Path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if finds(content, []string{oldSecret}) == nil {
		t.Fatal("the old database has no secret: the test proves nothing")
	}

	s := open(t, o)
	if sealed, err := s.SealSecrets(t.Context()); !sealed || err != nil {
		t.Fatalf("SealSecrets: %v, %v", sealed, err)
	}
	if p, err := s.Pool(t.Context(), oldPool); err != nil ||
		!strings.HasSuffix(p.SupportedLoginProviders["api.twitter.com"], ";"+oldSecret) {
		t.Errorf("%v, %v", p.SupportedLoginProviders, err)
	}

	if finds(filesOf(t, s, o), []string{oldSecret}) != nil {
		t.Error("the files show the secret")
	}
}

// Every secret is sealed under another master key, and the files forget the values
// under the old one; or none is, when one does not open.
func TestReseal(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		old, next := testSealer(t, 1), testSealer(t, 2)
		o.Sealer = old
		s := open(t, o)
		pools, _ := putClear(t, s, 4) // what an older version left is sealed, too
		p := testPool()
		p.SupportedLoginProviders, _ = secretProviders("sealed")
		if err := s.CreatePool(t.Context(), p, 0); err != nil {
			t.Fatal(err)
		}

		pools[p.ID] = p.SupportedLoginProviders
		accessKey := AccessKey{ID: "AKIAEXAMPLE", Account: "1", SealedSecret: old.Seal([]byte("secret"), "AKIAEXAMPLE")}
		if err := s.CreateAccessKey(t.Context(), accessKey); err != nil {
			t.Fatal(err)
		}

		signing := testKey("k", newClock().now())
		signing.Sealed = old.Seal([]byte("private"), "k")
		update := func(k Key) {
			t.Helper()
			if _, err := s.UpdateKeys(t.Context(), signing.Purpose,
				func([]Key) ([]Key, error) { return []Key{k}, nil }); err != nil {
				t.Fatal(err)
			}
		}

		places := Places{
			AccessKey: func(k AccessKey) string { return k.ID },
			Key:       func(k Key) (string, error) { return k.ID, nil },
		}

		foreign := signing
		foreign.Sealed = testSealer(t, 3).Seal(nil, "k")
		update(foreign)
		if _, err := s.Reseal(t.Context(), next, places); !errors.Is(err, envelope.ErrWrongKey) {
			t.Errorf("with a value that does not open: %v", err)
		}
		update(signing)
		if p, err := s.Pool(t.Context(), p.ID); err != nil || len(p.SupportedLoginProviders) == 0 {
			t.Errorf("something was changed: %v", err)
		}

		if n, err := s.Reseal(t.Context(), next, places); err != nil || n < 6 {
			t.Fatalf("%d values, %v", n, err)
		}
		s.options.Sealer = next
		if sealed, err := s.SealSecrets(t.Context()); !sealed || err != nil {
			t.Fatalf("SealSecrets: %v, %v", sealed, err)
		}

		for id, want := range pools {
			if got, err := s.Pool(t.Context(), id); err != nil || !cmp.Equal(want, got.SupportedLoginProviders) {
				t.Errorf("pool: %v, %v", got.SupportedLoginProviders, err)
			}
		}

		keys, err := s.Keys(t.Context(), signing.Purpose)
		if err != nil || len(keys) != 1 {
			t.Fatalf("%v, %v", keys, err)
		}
		if plain, err := next.Open(keys[0].Sealed, "k"); err != nil || string(plain) != "private" {
			t.Errorf("key: %q, %v", plain, err)
		}

		access, err := s.AccessKeys(t.Context(), "")
		if err != nil || len(access) != 1 {
			t.Fatalf("%v, %v", access, err)
		}

		if plain, err := next.Open(access[0].SealedSecret, "AKIAEXAMPLE"); err != nil || string(plain) != "secret" {
			t.Errorf("access key: %q, %v", plain, err)
		}
		if o.Path != "" || o.URL != "" {
			files := filesOf(t, s, o)
			if bytes.Contains(files, accessKey.SealedSecret[8:]) || bytes.Contains(files, signing.Sealed[8:]) {
				t.Error("the files still have a value under the old master key")
			}
		}
	})
}
