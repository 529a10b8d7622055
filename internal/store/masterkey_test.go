package store_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// sealedStores are databases by what they hold under the master key.
var sealedStores = map[string]func(t *testing.T, c poolhouse.Config){
	"initialised": func(t *testing.T, c poolhouse.Config) { wiretest.Must(poolhouse.Initialise(t.Context(), c))(t) },
	"served": func(t *testing.T, c poolhouse.Config) {
		wiretest.Must(poolhouse.Initialise(t.Context(), c))(t)
		closeServer(t, wiretest.Must(poolhouse.New(t.Context(), wiretest.Served(c)))(t))
	},
	"served without an access key": func(t *testing.T, c poolhouse.Config) {
		c = wiretest.Served(c)
		c.RequireInitialised = false
		closeServer(t, wiretest.Must(poolhouse.New(t.Context(), c))(t))
	},
	"a pool's secret alone": func(t *testing.T, c poolhouse.Config) {
		o := storeOf(c)
		o.Sealer = wiretest.Must(envelope.New(wiretest.ProductionMaster))(t)
		s := wiretest.Must(store.Open(t.Context(), o))(t)
		_, err := s.SettleAccount(t.Context(), "111122223333")
		p := identitypool.Pool{
			ID:                      "us-east-1:aaaaaaaa-0000-4000-8000-00000000000a",
			Region:                  "us-east-1",
			Account:                 "111122223333",
			Name:                    "pool",
			SupportedLoginProviders: map[string]string{"api.twitter.com": "key;secret"},
		}
		if err := errors.Join(err, s.CreatePool(t.Context(), p, 0), s.Close()); err != nil {
			t.Fatal(err)
		}
	},
}

func closeServer(t *testing.T, s *poolhouse.Server) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func storeOf(c poolhouse.Config) store.Options {
	if c.DatabaseURL != "" {
		return store.Options{URL: c.DatabaseURL}
	}
	return store.Options{Path: filepath.Join(c.DataDir, poolhouse.DatabaseFile)}
}

// sealedIn are the sealed values of the database, in order.
func sealedIn(t *testing.T, c poolhouse.Config) [][]byte {
	t.Helper()
	found := wiretest.Must(store.Inspect(t.Context(), storeOf(c)))(t)
	if len(found.Sealed) == 0 {
		t.Fatal("nothing is sealed: the test proves nothing")
	}
	slices.SortFunc(found.Sealed, bytes.Compare)
	return found.Sealed
}

// Under another master key nothing starts and nothing is sealed, so that the right
// one still opens everything.
func TestOtherMasterKey(t *testing.T) {
	starts := map[string]func(t *testing.T, c poolhouse.Config) error{
		"serve": func(t *testing.T, c poolhouse.Config) error { return startAndClose(t, wiretest.Served(c)) },
		"a start that may make a database": func(t *testing.T, c poolhouse.Config) error {
			c = wiretest.Served(c)
			c.RequireInitialised = false
			return startAndClose(t, c)
		},
		"dev": func(t *testing.T, c poolhouse.Config) error {
			c = wiretest.Served(c)
			c.RequireInitialised, c.Dev = false, true
			return startAndClose(t, c)
		},
		"init": func(t *testing.T, c poolhouse.Config) error {
			_, err := poolhouse.Initialise(t.Context(), c)
			return err
		},
	}

	for kind, prepare := range sealedStores {
		for engine, c := range map[string]poolhouse.Config{
			"sqlite":     {DataDir: filepath.Join(t.TempDir(), "data")},
			"postgresql": {DatabaseURL: pgtest.URL(t)},
		} {
			t.Run(kind+"/"+engine, func(t *testing.T) {
				if c.DataDir != "" {
					if err := os.Mkdir(c.DataDir, 0o700); err != nil {
						t.Fatal(err)
					}
				}
				right, wrong := c, c
				right.MasterKey, wrong.MasterKey = wiretest.ProductionMaster, bytes.Repeat([]byte{7}, envelope.KeySize)
				prepare(t, right)
				before := sealedIn(t, right)

				for name, start := range starts {
					err := start(t, wrong)
					if !errors.Is(err, store.ErrOtherSealer) || errors.Is(err, poolhouse.ErrInitialised) ||
						!strings.Contains(err.Error(), "master_key_file") ||
						!strings.Contains(err.Error(), "put your copy back") {
						t.Errorf("%s: %v", name, err)
					}
					if c.DataDir != "" {
						if err := start(t, c); !errors.Is(err, fs.ErrNotExist) ||
							!strings.Contains(err.Error(), poolhouse.MasterKeyFile) {
							t.Errorf("%s without the master key: %v", name, err)
						}
					}
				}

				if after := sealedIn(t, right); !slices.EqualFunc(before, after, bytes.Equal) {
					t.Errorf("%d sealed values became %d", len(before), len(after))
				}
				if err := startAndClose(t, wiretest.Served(right)); err != nil {
					t.Errorf("with the right master key: %v", err)
				}
			})
		}
	}
}

func startAndClose(t *testing.T, c poolhouse.Config) error {
	server, err := poolhouse.New(t.Context(), c)
	if err == nil {
		err = server.Close()
	}
	return err
}
