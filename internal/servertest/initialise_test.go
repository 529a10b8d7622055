package servertest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/datalock"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// initialisable are settings for Initialise, on both engines.
func initialisable(t *testing.T) map[string]poolhouse.Config {
	return map[string]poolhouse.Config{
		"sqlite":     {DataDir: filepath.Join(t.TempDir(), "new", "data")},
		"postgresql": {DatabaseURL: pgtest.URL(t), MasterKey: wiretest.ProductionMaster},
	}
}

func TestInitialise(t *testing.T) {
	for name, c := range initialisable(t) {
		t.Run(name, func(t *testing.T) {
			if _, err := poolhouse.New(t.Context(), wiretest.Served(c)); !errors.Is(err, poolhouse.ErrNotInitialised) {
				t.Fatalf("New before: %v", err)
			}
			if _, err := os.Stat(filepath.Dir(c.DataDir)); c.DataDir != "" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("New made %s: %v", filepath.Dir(c.DataDir), err)
			}

			key := wiretest.Must(poolhouse.Initialise(t.Context(), c))(t)
			if len(key.Account) != 12 || key.AccessKeyID == "" || key.SecretAccessKey == "" {
				t.Errorf("made %+v", key)
			}

			server := wiretest.Must(poolhouse.New(t.Context(), wiretest.Served(c)))(t)
			wiretest.Equal(t, "account", server.Account(), key.Account)
			if _, err := poolhouse.Initialise(t.Context(), c); !errors.Is(err, poolhouse.ErrInitialised) {
				t.Errorf("Initialise beside the server: %v", err)
			}
			if _, made, err := server.FirstKey(t.Context()); made || err != nil {
				t.Errorf("FirstKey = %t, %v", made, err)
			}

			if err := server.Close(); err != nil {
				t.Error(err)
			}
			if _, err := poolhouse.Initialise(t.Context(), c); !errors.Is(err, poolhouse.ErrInitialised) {
				t.Errorf("Initialise again: %v", err)
			}
		})
	}
}

// An Initialise that is cancelled when its write begins hands over the key: the write
// may be done by then, and nobody else has the secret.
func TestInitialiseCancelledWhileWriting(t *testing.T) {
	readings := map[string]int{} // of the clock; the last is before the write
	for name, c := range initialisable(t) {
		c.Now = func() time.Time { readings[name]++; return time.Now() }
		wiretest.Must(poolhouse.Initialise(t.Context(), c))(t)
	}

	for name, c := range initialisable(t) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()

			left := readings[name]
			c.Now = func() time.Time {
				if left--; left == 0 {
					cancel()
				}
				return time.Now()
			}

			key, err := poolhouse.Initialise(ctx, c)
			if ctx.Err() == nil {
				t.Fatal("nothing was cancelled: the test proves nothing")
			}
			if err != nil || key.SecretAccessKey == "" {
				t.Errorf("Initialise: %+v, %v", key, err)
			}
			if _, err := poolhouse.Initialise(t.Context(), c); !errors.Is(err, poolhouse.ErrInitialised) {
				t.Errorf("Initialise again: %v", err)
			}
		})
	}
}

// Of several at once, one makes the account and the others are told so.
func TestInitialiseAtOnce(t *testing.T) {
	for name, c := range initialisable(t) {
		t.Run(name, func(t *testing.T) {
			var group sync.WaitGroup
			results := make([]error, 4)
			for n := range results {
				group.Go(func() { _, results[n] = poolhouse.Initialise(t.Context(), c) })
			}
			group.Wait()

			made := 0
			for _, err := range results {
				switch {
				case err == nil:
					made++
				case !errors.Is(err, poolhouse.ErrInitialised):
					t.Error(err)
				}
			}

			wiretest.Equal(t, "made", made, 1)
		})
	}
}

// A missing mount must not become a new account, so a server makes nothing.
func TestNotInitialised(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(t *testing.T, folder string) error
		want    string
	}{
		"no folder": {
			prepare: func(_ *testing.T, folder string) error { return os.Remove(folder) },
			want:    "the folder is not there",
		},
		"empty folder": {
			prepare: func(*testing.T, string) error { return nil },
			want:    "the folder holds no poolhouse.db",
		},
		"no database": {
			prepare: func(_ *testing.T, folder string) error {
				return os.WriteFile(filepath.Join(folder, poolhouse.MasterKeyFile), []byte("x"), 0o600)
			},
			want: "the folder holds no poolhouse.db",
		},
		"empty database": {
			prepare: func(_ *testing.T, folder string) error {
				return os.WriteFile(filepath.Join(folder, poolhouse.DatabaseFile), nil, 0o600)
			},
			want: "its poolhouse.db is empty",
		},
		"database without an account": {
			prepare: func(t *testing.T, folder string) error {
				s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(folder, poolhouse.DatabaseFile)})
				return errors.Join(err, s.Close())
			},
			want: "its poolhouse.db has no account",
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "data")
			if err := errors.Join(os.Mkdir(folder, 0o700), test.prepare(t, folder)); err != nil {
				t.Fatal(err)
			}
			before := filesBelow(t, filepath.Dir(folder))

			_, err := poolhouse.New(t.Context(), wiretest.Served(poolhouse.Config{DataDir: folder}))
			if !errors.Is(err, poolhouse.ErrNotInitialised) || !strings.Contains(err.Error(), test.want) ||
				!strings.Contains(err.Error(), folder) {
				t.Errorf("New: %v", err)
			}
			if after := filesBelow(t, filepath.Dir(folder)); !slices.Equal(after, before) {
				t.Errorf("New made %q of %q", after, before)
			}
		})
	}

	t.Run("PostgreSQL without an account", func(t *testing.T) {
		url := pgtest.URL(t)
		s := wiretest.Must(store.Open(t.Context(), store.Options{URL: url}))(t)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}

		_, err := poolhouse.New(t.Context(),
			wiretest.Served(poolhouse.Config{DatabaseURL: url, MasterKey: wiretest.ProductionMaster}))
		if !errors.Is(err, poolhouse.ErrNotInitialised) {
			t.Errorf("New: %v", err)
		}
	})
}

// filesBelow lists files and folders with their sizes.
func filesBelow(t *testing.T, folder string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && !entry.IsDir() {
			path = fmt.Sprint(path, " ", info.Size())
		}
		list = append(list, path)

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	return list
}

// A database of a version that knew no Initialise belongs to somebody.
func TestOldDatabaseIsInitialised(t *testing.T) {
	dir := t.TempDir()
	wiretest.OldDatabase(t, dir)
	c := poolhouse.Config{DataDir: dir, MasterKey: bytes.Repeat([]byte{0x42}, 32)}
	if _, err := poolhouse.Initialise(t.Context(), c); !errors.Is(err, poolhouse.ErrInitialised) {
		t.Errorf("Initialise: %v", err)
	}
	server := wiretest.Must(poolhouse.New(t.Context(), wiretest.Served(c)))(t)
	if err := server.Close(); err != nil {
		t.Error(err)
	}
}

// A first start of an older version that was cut short left an account and no
// key, or a master key alone; Initialise makes the rest.
func TestInitialiseCompletes(t *testing.T) {
	for name, c := range initialisable(t) {
		t.Run(name, func(t *testing.T) {
			if c.DataDir != "" {
				if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			half := wiretest.Served(c)
			half.RequireInitialised = false
			server := wiretest.Must(poolhouse.New(t.Context(), half))(t)
			if err := server.Close(); err != nil {
				t.Fatal(err)
			}

			key := wiretest.Must(poolhouse.Initialise(t.Context(), c))(t)
			wiretest.Equal(t, "account", key.Account, server.Account())
		})
	}
}

func TestInitialiseRefuses(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	for name, test := range map[string]struct {
		c    poolhouse.Config
		want string
	}{
		"no database":   {poolhouse.Config{}, "no database"},
		"no master key": {poolhouse.Config{DatabaseURL: "postgres://127.0.0.1:1/x"}, "no master key"},
		"account":       {poolhouse.Config{DataDir: folder, Account: "1"}, "use twelve digits"},
		"development":   {poolhouse.Config{DataDir: folder, Dev: true}, "development"},
		"short key":     {poolhouse.Config{DataDir: folder, MasterKey: []byte("short")}, "32"},
	} {
		if _, err := poolhouse.Initialise(t.Context(), test.c); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(folder, poolhouse.DatabaseFile)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a database was made", name)
		}
	}

	key := wiretest.Must(poolhouse.Initialise(t.Context(),
		poolhouse.Config{DataDir: folder, Account: "111122223333"}))(t)
	wiretest.Equal(t, "account", key.Account, "111122223333")
}

// A database whose master key is gone gets no other one.
func TestMissingMasterKey(t *testing.T) {
	c := poolhouse.Config{DataDir: filepath.Join(t.TempDir(), "data")}
	wiretest.Must(poolhouse.Initialise(t.Context(), c))(t)
	path := filepath.Join(c.DataDir, poolhouse.MasterKeyFile)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := poolhouse.New(t.Context(), wiretest.Served(c)); err == nil || !strings.Contains(err.Error(), path) ||
		!strings.Contains(err.Error(), "put your copy back") {
		t.Errorf("New: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the master key: %v", err)
	}
}

// One data folder has one server, in this process too, until it is closed.
func TestOneServerOnAFolder(t *testing.T) {
	c := wiretest.Served(poolhouse.Config{DataDir: filepath.Join(t.TempDir(), "data")})
	wiretest.Must(poolhouse.Initialise(t.Context(), c))(t)
	first := wiretest.Must(poolhouse.New(t.Context(), c))(t)

	_, err := datalock.Take(t.Context(), c.DataDir, datalock.Options{NoWait: true})
	if held, ok := errors.AsType[*datalock.HeldError](err); !ok || held.Holder.Command != "poolhouse server" {
		t.Errorf("beside the first: %v", err)
	}

	second := make(chan error, 1)
	go func() {
		server, err := poolhouse.New(t.Context(), c)
		if err == nil {
			err = server.Close()
		}

		second <- err
	}()

	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if err := <-second; err != nil {
		t.Errorf("after the first: %v", err)
	}
}

// A start that fails frees the folder.
func TestFailedStartFreesTheFolder(t *testing.T) {
	c := wiretest.Served(poolhouse.Config{DataDir: filepath.Join(t.TempDir(), "data")})
	wiretest.Must(poolhouse.Initialise(t.Context(), c))(t)
	bad := c
	bad.MasterKey = bytes.Repeat([]byte{1}, 31)
	if _, err := poolhouse.New(t.Context(), bad); err == nil {
		t.Fatal("a start with half a master key worked")
	}
	lock := wiretest.Must(datalock.Take(t.Context(), c.DataDir, datalock.Options{NoWait: true}))(t)
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

// A server that is about to stop tells that to whoever asks whether it is ready,
// and answers all other calls, asking clients to connect anew.
func TestStopping(t *testing.T) {
	s := wiretest.Start(t)
	for _, stopping := range []bool{false, true} {
		if stopping {
			s.Stopping()
		}

		for path, want := range map[string]int{
			"/healthz":              http.StatusOK,
			"/readyz":               map[bool]int{false: http.StatusOK, true: http.StatusServiceUnavailable}[stopping],
			"/.well-known/jwks_uri": http.StatusOK,
		} {
			recorder := httptest.NewRecorder()
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
			s.ServeHTTP(recorder, request)
			if recorder.Code != want || (recorder.Header().Get("Connection") == "close") != stopping {
				t.Errorf("stopping %t: %s = %d, %v", stopping, path, recorder.Code, recorder.Header())
			}
			if path == "/readyz" && stopping {
				wiretest.Equal(t, "body", recorder.Body.String(), "stopping\n")
			}
		}
	}

	recorder := httptest.NewRecorder()
	s.MetricsHandler().ServeHTTP(recorder,
		httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/readyz", nil))
	wiretest.Equal(t, "/readyz beside the metrics", recorder.Code, http.StatusServiceUnavailable)
}

// Settings whose account is not the one that init made, and has no key, are warned of.
func TestForeignHomeAccount(t *testing.T) {
	for account, want := range map[string]int{"": 0, "111122223333": 0, "444455556666": 1} {
		c := wiretest.Served(poolhouse.Config{DataDir: filepath.Join(t.TempDir(), "data"), Account: "111122223333"})
		wiretest.Must(poolhouse.Initialise(t.Context(), c))(t)

		log := &wiretest.SafeBuffer{}
		c.Account, c.Logger = account, slog.New(slog.NewTextHandler(log, nil))
		server := wiretest.Must(poolhouse.New(t.Context(), c))(t)
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		const warning = `level=WARN msg="account_id is not the account`
		if got := strings.Count(log.String(), warning); got != want ||
			want > 0 && !strings.Contains(log.String(), "poolhouse keys create --account "+account) {
			t.Errorf("%d warnings for account %q:\n%s", got, account, log.String())
		}
	}
}
