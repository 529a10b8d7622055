package issuer

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// While more signatures are asked for than can be made, threads that sign give way to
// all others. They end when nothing is left to sign: no other goroutine ever runs on one.
func TestSignersGiveWay(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		t.Fatal(err)
	}

	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()

	awaitNone(t, tick) // those of other tests

	s := newSigners(time.Now)
	for _, crowded := range []bool{false, true, false} {
		s.queue.SetCrowded(crowded)
		if n := mostNicer(t, s, key); (n > 0) != crowded {
			t.Errorf("crowded: %t: %d threads of low priority with %d processors", crowded, n, processors)
		}
		if n := runtime.GOMAXPROCS(0); (n > processors) != crowded {
			t.Errorf("crowded: %t: %d threads run Go with %d processors", crowded, n, processors)
		}
		awaitNone(t, tick)
	}

	if own, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid()); err != nil || own != 20 { // 20 - nice
		t.Errorf("priority of the caller: %d, %v", own, err)
	}
}

// mostNicer returns the highest number of threads of low priority while there is
// always something to sign.
func mostNicer(t *testing.T, s *signers, key *rsa.PrivateKey) (most int) {
	t.Helper()

	var group sync.WaitGroup
	for range 4 * processors {
		group.Go(func() {
			for range 10 {
				if _, err := s.sign(key, crypto.SHA256, make([]byte, crypto.SHA256.Size())); err != nil {
					t.Error(err)
				}
			}
		})
	}

	signed := make(chan struct{})
	go func() {
		group.Wait()
		close(signed)
	}()

	for {
		most = max(most, nicerThreads(t))
		select {
		case <-signed:
			return most
		default:
		}
	}
}

// awaitNone waits until no thread is of low priority.
func awaitNone(t *testing.T, tick *time.Ticker) {
	t.Helper()

	for end := time.Now().Add(30 * time.Second); nicerThreads(t) > 0; <-tick.C {
		if time.Now().After(end) {
			t.Fatal("threads that have nothing to sign stay")
		}
	}
}

// nicerThreads counts the threads of this process that give way to others.
func nicerThreads(t *testing.T) (count int) {
	t.Helper()
	threads, err := filepath.Glob("/proc/self/task/*/stat")
	if err != nil || len(threads) == 0 {
		t.Fatal(threads, err)
	}

	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, fields, _ := strings.Cut(string(text), ") ") // proc_pid_stat(5): the 19th field is nice
		if list := strings.Fields(fields); len(list) > 16 && list[16] == strconv.Itoa(signingNice) {
			count++
		}
	}

	return count
}
