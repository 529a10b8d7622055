package issuer

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Threads that sign give way to all others, and end when nothing is left to sign:
// no other goroutine ever runs on one.
func TestSignersGiveWay(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	awaitNone(t, tick) // those of other tests

	s := newSigners(time.Now)
	s.linger = 50 * time.Millisecond

	for range 3 {
		if _, err := s.sign(key, crypto.SHA256, make([]byte, crypto.SHA256.Size())); err != nil {
			t.Fatal(err)
		}
	}
	if n := nicerThreads(t); n < 1 || n > processors {
		t.Errorf("%d threads of low priority with %d processors", n, processors)
	}
	if own, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid()); err != nil || own != 20 { // 20 - nice
		t.Errorf("priority of the caller: %d, %v", own, err)
	}

	awaitNone(t, tick)
}

// awaitNone waits until no thread is of low priority.
func awaitNone(t *testing.T, tick *time.Ticker) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); nicerThreads(t) > 0; <-tick.C {
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
		if list := strings.Fields(fields); len(list) > 16 && list[16] == "10" {
			count++
		}
	}
	return count
}
