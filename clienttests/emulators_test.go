//go:build extended

package clienttests

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// Other emulators of AWS, asked what AWS is known to answer. The test prints the tables: which probes an
// emulator passes is its makers' business. But every run must come to its end, and tell differences.
func TestPeersConform(t *testing.T) {
	python := client(t, "/usr/bin/python3", "python3")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cache, "poolhouse-tests", "emulators")
	if _, err := os.Stat(filepath.Join(folder, "ready")); err != nil {
		missing(t, "the packages of clienttests/python/emulators.txt are not installed: run scripts/setup-extended.sh")
	}

	for _, c := range []struct {
		name, ready string
		variable    string // that names the port
		arguments   []string
	}{
		{"moto_server", "Running on", "MOTO_PORT", []string{"-m", "moto.server"}},
		{"ministack", "Running on", "GATEWAY_PORT", []string{"-m", "ministack.app"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := listentest.FreeAddress(t)
			_, port, _ := strings.Cut(address, ":")
			startPeer(t, t.TempDir(), []string{
				"PYTHONPATH=" + folder, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1", c.variable + "=" + port,
			}, c.ready, python, c.arguments...)

			out, status := conformance(t, "http://"+address)
			found := allProbes.FindStringSubmatch(out)
			if status != 1 || found == nil {
				t.Fatalf("status %d\n%s", status, out)
			}
			passed, _ := strconv.Atoi(found[1])
			failed, _ := strconv.Atoi(found[2])
			if passed == 0 || failed == 0 {
				t.Errorf("%d passed, %d failed", passed, failed)
			}

			table := out[strings.LastIndex(out, "\nfamily ")+1:]
			fmt.Printf("%s\n%s\n", c.name, table) // also of a test that passes
		})
	}
}
