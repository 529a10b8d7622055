package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

const forwardingSettings = `
check:
  listen: LISTEN
  routes:
    - {match: GET /a, action: app:Open, resource: "*", forward_to: "SERVICE"}
`

// The address for forwarded requests answers in both modes, and not after the stop; one
// where session tokens would pass in the clear is refused.
func TestForwardListen(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	initialised(t, "--data", data)
	settings := func(listen, service string) string {
		file := filepath.Join(t.TempDir(), "poolhouse.yaml")
		text := strings.NewReplacer("LISTEN", listen, "SERVICE", service).Replace(forwardingSettings)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}

	serve := []string{"serve", "--lame-duck", "0", "--data", data, "--issuer-url", "http://127.0.0.1:1",
		"--log-level", "error"}
	for _, arguments := range [][]string{{"dev", "--memory"}, serve} {
		address, forward := listentest.FreeAddress(t), listentest.FreeAddress(t)
		p := launch(t, append(arguments, "--listen", address, "--config", settings(forward, "http://127.0.0.1:1"))...)
		waitReady(t, "http://"+address)
		if status, err := ask(t, "http://"+forward+"/a", "localhost"); err != nil || status != http.StatusUnauthorized {
			t.Errorf("%s: an unsigned request: %d, %v", arguments[0], status, err)
		}

		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if status, err := ask(t, "http://"+forward+"/a", "localhost"); err == nil {
			t.Errorf("%s: after the stop: %d", arguments[0], status)
		}
	}

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()

	for want, file := range map[string]string{
		"unencrypted":                           settings("0.0.0.0:4600", "http://files"),
		"check.listen " + taken.Addr().String(): settings(taken.Addr().String(), "http://files"),
		"forward_to":                            settings("127.0.0.1:0", "http://me:secret@files"),
	} {
		out, err := run1(t, append(serve, "--listen", "127.0.0.1:0", "--config", file)...)
		if err == nil || !strings.Contains(out, want) || strings.Contains(out, "secret") {
			t.Errorf("want %q: %v, %s", want, err, out)
		}
	}
}
