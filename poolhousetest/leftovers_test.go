package poolhousetest_test

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/testkeys"
	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

// A hundred servers run at the same time, each with its own data and users, and leave neither goroutines,
// such as those that listen, nor files.
func TestManyLeaveNothing(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	servers := make([]*poolhousetest.Server, 100)

	t.Run("servers", func(t *testing.T) {
		var all sync.WaitGroup
		for n := range servers {
			all.Go(func() { servers[n] = poolhousetest.Start(t, poolhousetest.SeedText(twoPools)) })
		}
		all.Wait()
		if t.Failed() {
			return
		}

		for n, server := range servers {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				server.PutUser(t, "ben", map[string]any{"sub": fmt.Sprint("ben-", n)})
				ann, ben := server.SignIn(t, "shop", "ann"), server.SignIn(t, "shop", "ben")
				if ann.ID != "us-east-1:aaaaaaaa-2222-4333-8444-555555555555" || ben.ID == ann.ID {
					t.Errorf("ann is %s, ben %s", ann.ID, ben.ID)
				}
				if n > 0 && server.URL == servers[n-1].URL {
					t.Errorf("two servers have the URL %s", server.URL)
				}
				callerOf(t, ann)
			})
		}
	})

	if t.Failed() {
		return
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
		t.Errorf("files are left: %v, %v", entries, err)
	}
	if left := goroutines(t, 10*time.Second); left != "" {
		t.Errorf("goroutines are left:\n%s", left)
	}
}

// goroutines returns those that no test began itself and that have not ended with patience.
func goroutines(t *testing.T, patience time.Duration) string {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()

	for {
		var left []string
		stacks := make([]byte, 16<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for stack := range strings.SplitSeq(string(stacks), "\n\n") {
			if !strings.Contains(stack, "testing.tRunner") && !strings.Contains(stack, "testing.(*M).Run") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return ""
		}

		select {
		case <-deadline:
			return strings.Join(left, "\n\n")
		case <-tick.C:
		}
	}
}

// The goroutines of a server that runs are found, so that those of one that does not end would be.
func TestLeftoversAreFound(t *testing.T) {
	server := poolhousetest.Start(t)

	// On a busy machine, a goroutine that has not run yet does not show its function.
	left := ""
	for tries := 0; tries < 1000 && !strings.Contains(left, "poolhousetest.(*Server).serve"); tries++ {
		left = goroutines(t, 10*time.Millisecond)
	}
	if !strings.Contains(left, "poolhousetest.(*Server).serve") {
		t.Errorf("goroutines while a server runs: %s", left)
	}

	server.Stop()
	if left := goroutines(t, 10*time.Second); left != "" {
		t.Errorf("goroutines are left:\n%s", left)
	}
}

// No start makes an RSA key, which would take long: those that a server publishes are test keys.
func TestStartMakesNoKey(t *testing.T) {
	server := poolhousetest.Start(t)
	for path, rsaKeys := range map[string]int{"/.well-known/jwks_uri": 2, "/dev-issuer/jwks": 1} {
		answer, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()

		var set jose.JSONWebKeySet
		if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
			t.Fatal(err)
		}

		found := 0
		for _, key := range set.Keys {
			if _, isRSA := key.Key.(*rsa.PublicKey); isRSA && testkeys.Check(key.Key) != nil {
				found++
			}
		}
		if found != rsaKeys {
			t.Errorf("%s has %d test keys, want %d: %v", path, found, rsaKeys, set)
		}
	}
}
