package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// listenerAt is a listener that only has an address.
type listenerAt struct {
	net.Listener
	address net.TCPAddr
}

func (l listenerAt) Addr() net.Addr { return &l.address }

// A development server that others reach says so in one line, with the addresses
// that they can use.
func TestOthersURLs(t *testing.T) {
	network := func(addresses ...string) func() ([]net.Addr, error) {
		var list []net.Addr
		for _, a := range addresses {
			ip, n, err := net.ParseCIDR(a)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, &net.IPNet{IP: ip, Mask: n.Mask})
		}

		return func() ([]net.Addr, error) { return list, nil }
	}

	usual := network("127.0.0.1/8", "::1/128", "169.254.3.4/16", "fe80::1/64", "192.168.1.7/24", "2001:db8::7/64",
		"172.17.0.1/16")
	const warning = "Warning: others on the network can use this server, and everybody knows its keys"
	for name, test := range map[string]struct {
		bound     string
		addresses func() ([]net.Addr, error)
		want      string // "" = no warning
	}{
		"loopback":          {"127.0.0.1", usual, ""},
		"loopback, another": {"127.0.0.2", usual, ""},
		"loopback, IPv6":    {"::1", usual, ""},
		"all":               {"0.0.0.0", usual, warning + ": http://192.168.1.7:4599 or http://172.17.0.1:4599"},
		"all, IPv6":         {"::", usual, warning + ": http://192.168.1.7:4599 or http://172.17.0.1:4599"},
		"one address":       {"192.168.1.7", usual, warning + ": http://192.168.1.7:4599"},
		"one address, IPv6": {"2001:db8::7", usual, warning + ": http://[2001:db8::7]:4599"},
		"IPv6 only": {"::", network("::1/128", "fe80::1/64", "2001:db8::7/64"),
			warning + ": http://[2001:db8::7]:4599"},
		"many": {"::", network("10.0.0.1/8", "10.0.0.2/8", "10.0.0.3/8", "10.0.0.4/8", "10.0.0.5/8"),
			warning + ": http://10.0.0.1:4599 or http://10.0.0.2:4599 or http://10.0.0.3:4599 or http://10.0.0.4:4599"},
		"no network":          {"::", network("127.0.0.1/8"), warning},
		"addresses not known": {"::", func() ([]net.Addr, error) { return nil, errors.New("no") }, warning},
	} {
		l := listeners{main: listenerAt{address: net.TCPAddr{IP: net.ParseIP(test.bound), Port: 4599}}}
		if got := strings.Join(devNotes(l, test.addresses), "\n"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestDevWarnsOfOthers(t *testing.T) {
	for listen, warned := range map[string]bool{"127.0.0.1:0": false, "localhost:0": false,
		"0.0.0.0:0": true, ":0": true} {
		p := launch(t, "dev", "--memory", "--listen", listen)
		var head []string
		for !slices.ContainsFunc(head, func(line string) bool { return strings.HasPrefix(line, "Data is") }) {
			line, err := p.out.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			head = append(head, line)
		}

		if got := strings.Count(strings.Join(head, ""), "Warning: others on the network"); got !=
			map[bool]int{true: 1}[warned] || !strings.Contains(head[0], "listens on http://127.0.0.1:") {
			t.Errorf("%s: %d warnings in:\n%s", listen, got, strings.Join(head, ""))
		}
		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
}

// ask returns the status of a GET for a host.
func ask(t *testing.T, url, host string) (status int, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}

	return response.StatusCode, response.Body.Close()
}

// What a development server answers to, from every source of settings.
func TestDevHosts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "poolhouse.yaml")
	if err := os.WriteFile(file, []byte("dev:\n  allowed_hosts: [file.test, other.test]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("POOLHOUSE_ISSUER_URL", "https://id.example.com:8443")

	for name, test := range map[string]struct {
		environment string
		arguments   []string
		allowed     []string
		refused     []string
	}{
		"default": {"", nil, []string{"id.example.com", "localhost", "host.docker.internal"},
			[]string{"evil.example", "file.test"}},
		"file":        {"", []string{"--config", file}, []string{"file.test", "other.test"}, []string{"evil.example"}},
		"environment": {"a.test, b.test", nil, []string{"a.test", "b.test"}, []string{"evil.example"}},
		"flag":        {"a.test", []string{"--dev-allowed-hosts", "c.test"}, []string{"c.test"}, []string{"a.test"}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.environment != "" {
				t.Setenv("POOLHOUSE_DEV_ALLOWED_HOSTS", test.environment)
			}
			p := launch(t, append([]string{"dev", "--memory", "--listen", "127.0.0.1:0"}, test.arguments...)...)

			endpoint := endpointIn(t, p.out)
			for want, hosts := range map[int][]string{http.StatusOK: test.allowed, http.StatusForbidden: test.refused} {
				for _, host := range hosts {
					if status, err := ask(t, endpoint+"/healthz", host); err != nil || status != want {
						t.Errorf("Host %s: %d, %v", host, status, err)
					}
				}
			}

			if err := p.stop(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		})
	}
}

// The commands of development say why they are refused.
func TestDevCallRefused(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprint(w, `{"error":"add it to dev.allowed_hosts"}`)
	}))
	defer web.Close()

	server := controlClient{endpoint: web.URL}
	if _, err := server.call(t.Context(), http.MethodGet, "/", nil); err == nil ||
		err.Error() != "add it to dev.allowed_hosts" {
		t.Error(err)
	}
}

// Metrics on an address of their own are there alone, and stop with the server.
func TestMetricsListen(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	initialised(t, "--data", data)

	for name, arguments := range map[string][]string{
		"dev": {"dev", "--memory"},
		"serve": {"serve", "--lame-duck", "0", "--data", data, "--issuer-url", "http://127.0.0.1:1",
			"--log-level", "error"},
	} {
		address, metrics := listentest.FreeAddress(t), listentest.FreeAddress(t)
		p := launch(t, append(arguments, "--listen", address, "--metrics-listen", metrics)...)
		waitReady(t, "http://"+address)

		for url, want := range map[string]int{
			"http://" + address + "/metrics":   http.StatusNotFound,
			"http://" + address + "/healthz":   http.StatusOK,
			"http://" + metrics + "/metrics":   http.StatusOK,
			"http://" + metrics + "/healthz":   http.StatusOK,
			"http://" + metrics + "/authorize": http.StatusNotFound,
		} {
			if status, err := ask(t, url, "localhost"); err != nil || status != want {
				t.Errorf("%s: %s: %d, %v", name, url, status, err)
			}
		}

		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if status, err := ask(t, "http://"+metrics+"/metrics", "localhost"); err == nil {
			t.Errorf("%s: metrics after the stop: %d", name, status)
		}
	}
}

// Settings about pages and metrics that cannot work stop the start by name.
func TestPageSettingsStopTheStart(t *testing.T) {
	taken := listentest.FreeAddress(t)
	l, err := net.Listen("tcp", taken)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	free := listentest.FreeAddress(t)
	for name, test := range map[string]struct {
		arguments []string
		want      string
	}{
		"metrics, no port": {[]string{"--metrics-listen", "127.0.0.1"},
			`metrics_listen = "127.0.0.1" (flag --metrics-listen)`},
		"metrics, no address": {[]string{"--metrics-listen", "nonsense:port"},
			`metrics_listen = "nonsense:port" (flag --metrics-listen)`},
		"metrics, taken": {[]string{"--metrics-listen", taken},
			`metrics_listen = "` + taken + `" (flag --metrics-listen)`},
		"metrics on listen": {[]string{"--listen", free, "--metrics-listen", free},
			`metrics_listen = "` + free + `" (flag --metrics-listen)`},
		"any host": {[]string{"--dev-allowed-hosts", "*"}, `dev.allowed_hosts: "*"`},
		"URL for host": {[]string{"--dev-allowed-hosts", "a.test,http://b.test"},
			`dev.allowed_hosts: "http://b.test"`},
		"any dev origin": {[]string{"--dev-allowed-origins", "*"}, `dev.allowed_origins: "*"`},
		"host for dev origin": {[]string{"--dev-allowed-origins", "https://a.test b.test"},
			`dev.allowed_origins: "b.test"`},
	} {
		arguments := append([]string{"dev", "--memory", "--listen", "127.0.0.1:0"}, test.arguments...)
		if out, err := run1(t, arguments...); err == nil || !strings.Contains(out, test.want) {
			t.Errorf("%s: %s, %v", name, out, err)
		}
	}

	for origins, want := range map[string]string{
		"app.example.com":              `allowed_origins: "app.example.com"`,
		"https://a.example,*":          `allowed_origins: "*"`,
		"https://a.example/,null":      `allowed_origins: "null"`,
		"":                             `allowed_origins = "" (flag --allowed-origins)`,
		" , ":                          `allowed_origins = " , " (flag --allowed-origins)`,
		"https://*.example.com":        `allowed_origins: "https://*.example.com"`,
		"https://user@app.example.com": `allowed_origins: "https://xxxxx@app.example.com"`,
	} {
		for _, command := range [][]string{
			{"serve", "--data", filepath.Join(t.TempDir(), "data"), "--issuer-url", "http://127.0.0.1:1",
				"--listen", "127.0.0.1:0"},
			{"config"},
		} {
			if out, err := run1(t, append(command, "--allowed-origins", origins)...); err == nil ||
				!strings.Contains(out, want) {
				t.Errorf("%s with %q: %s, %v", command[0], origins, out, err)
			}
		}
	}
}

// Lists come from every source, and reach the server's settings.
func TestListSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "poolhouse.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	origins := func(flags map[string]string, environ []string) []string {
		t.Helper()
		s, err := load(flags, environ, file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := serverConfig(s)
		if err != nil {
			t.Fatal(err)
		}

		return c.AllowedOrigins
	}

	for text, want := range map[string][]string{
		"": {"*"},
		"allowed_origins: [https://a.test, https://b.test]": {"https://a.test", "https://b.test"},
		"allowed_origins: https://a.test":                   {"https://a.test"},
		"allowed_origins: https://a.test, https://b.test":   {"https://a.test", "https://b.test"},
		`allowed_origins: ["*"]`:                            {"*"},
	} {
		write(text)
		if got := origins(nil, nil); !slices.Equal(got, want) {
			t.Errorf("%s: %q", text, got)
		}
	}

	write("allowed_origins: [https://a.test]")
	environ := []string{"POOLHOUSE_ALLOWED_ORIGINS=https://b.test,https://c.test"}
	if got := origins(nil, environ); !slices.Equal(got, []string{"https://b.test", "https://c.test"}) {
		t.Errorf("environment: %q", got)
	}
	if got := origins(map[string]string{"allowed_origins": "https://d.test"}, environ); !slices.Equal(got,
		[]string{"https://d.test"}) {
		t.Errorf("flag: %q", got)
	}

	for text, want := range map[string]string{
		"allowed_origins: [1]":                  "allowed_origins must be a list of texts",
		"allowed_origins: [[https://a.test]]":   "allowed_origins must be a list of texts",
		`allowed_origins: ["https://a.test,x"]`: "allowed_origins must be a list of texts",
		`allowed_origins: [""]`:                 "allowed_origins must be a list of texts",
		"allowed_origins: {a: b}":               "allowed_origins must be a single value",
		"listen: [a]":                           "listen must be a single value",
		"dev: {alowed_hosts: [a.test]}":         "unknown setting dev.alowed_hosts; did you mean dev.allowed_hosts?",
		"dev: [a.test]":                         "dev must be a mapping",
		"limits: [1]":                           "limits must be a mapping",
		"dev.allowed_hosts: [a.test]":           "unknown setting dev.allowed_hosts",
	} {
		write(text)
		if _, err := load(nil, nil, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
