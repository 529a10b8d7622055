package store_test

import (
	"bytes"
	"errors"
	"io/fs"
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
		must(t, startAndClose(t, wiretest.Served(c)))
	},
	"served without an access key": func(t *testing.T, c poolhouse.Config) {
		must(t, startAndClose(t, servedUninitialised(c)))
	},
	"a pool's secret alone": func(t *testing.T, c poolhouse.Config) {
		options := storeOptions(c)
		options.Sealer = wiretest.Must(envelope.New(wiretest.ProductionMaster))(t)
		s := wiretest.Must(store.Open(t.Context(), options))(t)
		defer s.Close()

		const account = "111122223333"
		wiretest.Must(s.SettleAccount(t.Context(), account))(t)
		must(t, s.CreatePool(t.Context(), identitypool.Pool{
			ID:                      "us-east-1:aaaaaaaa-0000-4000-8000-00000000000a",
			Region:                  "us-east-1",
			Account:                 account,
			Name:                    "pool",
			SupportedLoginProviders: map[string]string{"api.twitter.com": "key;secret"},
		}, 0))
	},
}

// starts are the ways to start with a database that may exist.
var starts = map[string]func(t *testing.T, c poolhouse.Config) error{
	"serve": func(t *testing.T, c poolhouse.Config) error { return startAndClose(t, wiretest.Served(c)) },
	"a start that may make a database": func(t *testing.T, c poolhouse.Config) error {
		return startAndClose(t, servedUninitialised(c))
	},
	"dev": func(t *testing.T, c poolhouse.Config) error {
		c = servedUninitialised(c)
		c.Dev = true
		return startAndClose(t, c)
	},
	"init": func(t *testing.T, c poolhouse.Config) error {
		_, err := poolhouse.Initialise(t.Context(), c)
		return err
	},
}

// servedUninitialised returns the settings of a server that makes a missing database.
func servedUninitialised(c poolhouse.Config) poolhouse.Config {
	c = wiretest.Served(c)
	c.RequireInitialised = false
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func storeOptions(c poolhouse.Config) store.Options {
	if c.DatabaseURL != "" {
		return store.Options{URL: c.DatabaseURL}
	}
	return store.Options{Path: filepath.Join(c.DataDir, poolhouse.DatabaseFile)}
}

// sealedIn returns the sealed values of the database, sorted.
func sealedIn(t *testing.T, c poolhouse.Config) [][]byte {
	t.Helper()
	found := wiretest.Must(store.Inspect(t.Context(), storeOptions(c)))(t)
	if len(found.Sealed) == 0 {
		t.Fatal("nothing is sealed: the test proves nothing")
	}
	slices.SortFunc(found.Sealed, bytes.Compare)
	return found.Sealed
}

// Under another master key nothing starts and nothing is sealed, so that the right
// one still opens everything.
func TestOtherMasterKey(t *testing.T) {
	for kind, prepare := range sealedStores {
		t.Run(kind+"/sqlite", func(t *testing.T) {
			testOtherMasterKey(t, poolhouse.Config{DataDir: t.TempDir()}, prepare)
		})
		t.Run(kind+"/postgresql", func(t *testing.T) {
			testOtherMasterKey(t, poolhouse.Config{DatabaseURL: pgtest.URL(t)}, prepare)
		})
	}
}

func testOtherMasterKey(t *testing.T, c poolhouse.Config, prepare func(t *testing.T, c poolhouse.Config)) {
	t.Helper()

	right, wrong := c, c
	right.MasterKey, wrong.MasterKey = wiretest.ProductionMaster, bytes.Repeat([]byte{7}, envelope.KeySize)
	prepare(t, right)
	before := sealedIn(t, right)

	for name, start := range starts {
		err := start(t, wrong)
		if !errors.Is(err, store.ErrOtherSealer) || errors.Is(err, poolhouse.ErrInitialised) {
			t.Errorf("%s: %v", name, err)
		}
		for _, advice := range []string{"master_key_file", "put your copy back"} {
			if err == nil || !strings.Contains(err.Error(), advice) {
				t.Errorf("%s: %v does not name %q", name, err, advice)
			}
		}
	}

	if after := sealedIn(t, right); !slices.EqualFunc(before, after, bytes.Equal) {
		t.Errorf("%d sealed values became %d", len(before), len(after))
	}
	if err := startAndClose(t, wiretest.Served(right)); err != nil {
		t.Errorf("with the right master key: %v", err)
	}
}

// A start without a master key that the data folder lacks names the file.
func TestLostMasterKey(t *testing.T) {
	for kind, prepare := range sealedStores {
		t.Run(kind, func(t *testing.T) {
			c := poolhouse.Config{DataDir: t.TempDir(), MasterKey: wiretest.ProductionMaster}
			prepare(t, c)
			before := sealedIn(t, c)

			c.MasterKey = nil
			for name, start := range starts {
				err := start(t, c)
				if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), poolhouse.MasterKeyFile) {
					t.Errorf("%s: %v", name, err)
				}
			}

			if after := sealedIn(t, c); !slices.EqualFunc(before, after, bytes.Equal) {
				t.Errorf("%d sealed values became %d", len(before), len(after))
			}
		})
	}
}

func startAndClose(t *testing.T, c poolhouse.Config) error {
	server, err := poolhouse.New(t.Context(), c)
	if err == nil {
		err = server.Close()
	}
	return err
}
