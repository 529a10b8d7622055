package main

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/datalock"
)

// jsonServer answers the paths with JSON until the test ends, and returns its URL.
func jsonServer(t *testing.T, answers map[string]string) string {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(answers[r.URL.Path]))
	}))
	t.Cleanup(web.Close)

	return web.URL
}

// A lock file leads only to this machine, whatever is in it.
func TestAddressInALockFile(t *testing.T) {
	hostname := func() (string, error) { return "here", nil }
	addresses := func() ([]net.Addr, error) {
		_, mask, _ := net.ParseCIDR("192.0.2.0/24")
		return []net.Addr{&net.IPNet{IP: net.ParseIP("192.0.2.5"), Mask: mask.Mask}}, nil
	}
	for address, want := range map[string]string{
		"127.0.0.1:4599":       "http://127.0.0.1:4599",
		"[::1]:4599":           "http://[::1]:4599",
		"0.0.0.0:4599":         "http://127.0.0.1:4599",
		"[::]:4599":            "http://127.0.0.1:4599",
		"192.0.2.5:4599":       "http://192.0.2.5:4599",
		"192.0.2.6:4599":       "",
		"evil.example:4599":    "",
		"127.0.0.1":            "",
		"127.0.0.1:4599@evil":  "",
		":4599":                "",
		"":                     "",
		"[::ffff:8.8.8.8]:80":  "",
		"[fe80::1%25eth0]:123": "",
	} {
		for _, host := range []string{"here", "elsewhere", ""} {
			folder := t.TempDir()
			text, err := json.Marshal(datalock.Holder{PID: 1, Host: host, Address: address})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, datalock.File), text, 0o600); err != nil {
				t.Fatal(err)
			}

			expected := want
			if host != "here" {
				expected = ""
			}
			if url, found := addressIn(folder, hostname, addresses); url != expected || found != (expected != "") {
				t.Errorf("%s on %q: %q, %t, want %q", address, host, url, found, expected)
			}
		}
	}

	if url, found := addressIn(t.TempDir(), hostname, addresses); found {
		t.Errorf("no lock file: %q", url)
	}
	failing := func() (string, error) { return "", errors.New("no name") }
	if url, found := addressIn(t.TempDir(), failing, addresses); found {
		t.Errorf("no host name: %q", url)
	}
}

// TestControlTokenIsSent checks that the commands send the token of their flag or environment, and
// send it to nobody to whom a server redirects them.
func TestControlTokenIsSent(t *testing.T) {
	var got []string
	stranger := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect was followed with %v", r.Header)
	}))
	defer stranger.Close()

	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		switch {
		case strings.HasSuffix(r.URL.Path, "token"):
			http.Redirect(w, r, stranger.URL, http.StatusTemporaryRedirect)
		case strings.HasSuffix(r.URL.Path, "pools"):
			_, _ = w.Write([]byte(`{"pools":[]}`))
		default:
			_, _ = w.Write([]byte(`{"region":"r"}`))
		}
	}))
	defer web.Close()

	run := func(arguments ...string) {
		t.Helper()
		out, err := run1(t, append(arguments, "--endpoint", web.URL)...)
		if redirected := arguments[1] == "token"; (err != nil) != redirected {
			t.Errorf("%v: %s, %v", arguments, out, err)
		}
	}
	run("dev", "info")
	t.Setenv(controlVariable, "of-the-environment")
	run("dev", "info")
	run("dev", "env")
	run("dev", "token", "--sub", "a", "--dev-control-token", "of-the-flag")
	want := []string{"", "Bearer of-the-environment", "Bearer of-the-environment", "Bearer of-the-environment",
		"Bearer of-the-flag"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// TestControlTokenOfSettings checks the setting's sources, and that no output shows it.
func TestControlTokenOfSettings(t *testing.T) {
	const secret = "CANARY-0123456789abcdef"
	file := written(t, "poolhouse.yaml", "dev: {control_token: "+secret+"}\n")
	t.Setenv(controlVariable, secret)
	for _, arguments := range [][]string{{"config"}, {"config", "--json"}, {"config", "--config", file}} {
		out, err := run1(t, arguments...)
		if err != nil || strings.Contains(out, secret) || !strings.Contains(out, "dev.control_token") {
			t.Errorf("%v: %s, %v", arguments, out, err)
		}
	}

	p := launch(t, "dev", "--memory", "--listen", "127.0.0.1:0", "--config", file)
	endpoint := endpointIn(t, p.out)
	info := func(change func(*http.Request)) int {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/_poolhouse/dev/info", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Forwarded-For", "203.0.113.9") // as through a tunnel
		change(request)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()

		return response.StatusCode
	}
	if status := info(func(*http.Request) {}); status != http.StatusUnauthorized {
		t.Errorf("without the token: %d", status)
	}
	if status := info(func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }); status != 200 {
		t.Errorf("with the token: %d", status)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}

	for _, bad := range []string{"short", "with a blank in it"} {
		out, err := run1(t, "dev", "--memory", "--listen", "127.0.0.1:0", "--dev-control-token", bad)
		if err == nil || !strings.Contains(out, "dev.control_token") || strings.Contains(out, bad) {
			t.Errorf("%s: %s, %v", bad, out, err)
		}
	}
}
