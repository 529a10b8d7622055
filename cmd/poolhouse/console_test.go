package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// fetched is an answer with its body.
type fetched struct {
	*http.Response
	body string
}

// fetch sends a GET as a browser does that has a page of the origin open; "" = none.
func fetch(t *testing.T, url, origin string) fetched {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if origin != "" {
		request.Header.Set("Origin", origin)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	return fetched{Response: response, body: string(body)}
}

// isConsole reports whether the console is at an address.
func isConsole(t *testing.T, url string) bool {
	t.Helper()
	got := fetch(t, url+"/console/", "")
	if (got.StatusCode == http.StatusOK) != (got.Header.Get("Content-Security-Policy") != "") {
		t.Errorf("%s: %d %v", url, got.StatusCode, got.Header)
	}

	return got.StatusCode == http.StatusOK && strings.Contains(got.body, "<html")
}

// pools calls an operation at an address as the page does: signed, with the page's origin.
func pools(t *testing.T, url, origin string, key accessKey) error {
	t.Helper()
	client := ci.New(ci.Options{
		BaseEndpoint:     &url,
		Region:           "us-east-1",
		RetryMaxAttempts: 1,
		Credentials:      key.provider(),
		HTTPClient: clientFunc(func(r *http.Request) (*http.Response, error) {
			r.Header.Set("Origin", origin)
			return http.DefaultClient.Do(r)
		}),
	})
	_, err := client.ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})

	return err
}

type clientFunc func(*http.Request) (*http.Response, error)

func (f clientFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

var testKey = accessKey{id: "test", secret: "test"}

// poolhouse dev has the console on its address, and tells where.
func TestConsoleOfDev(t *testing.T) {
	for name, test := range map[string]struct {
		arguments []string
		want      bool
	}{
		"default": {want: true},
		"on":      {arguments: []string{"--console"}, want: true},
		"off":     {arguments: []string{"--console=false"}, want: false},
	} {
		p := launch(t, append([]string{"dev", "--memory", "--listen", "127.0.0.1:0"}, test.arguments...)...)
		endpoint := endpointIn(t, p.out)
		welcome := readUntil(t, p, "# For the AWS SDKs")
		waitReady(t, endpoint)

		line := "Open " + endpoint + "/console/ for the console.\n"
		if got := strings.Contains(welcome, line); got != test.want {
			t.Errorf("%s: the welcome is %s", name, welcome)
		}
		if got := isConsole(t, endpoint); got != test.want {
			t.Errorf("%s: console %t", name, got)
		}
		if test.want {
			got := fetch(t, endpoint+"/console/context.json", endpoint)
			want := `{"development":true,"region":"us-east-1","account":"000000000000","version":"` + version() +
				`","idleSeconds":1800,"userPools":true}`
			if got.body != want || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: context %s %v", name, got.body, got.Header)
			}
		}
		if err := pools(t, endpoint, endpoint, testKey); err != nil {
			t.Errorf("%s: a call of the page: %v", name, err)
		}
		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
}

// readUntil returns what a program prints before a line with text.
func readUntil(t *testing.T, p *process, text string) string {
	t.Helper()
	var head strings.Builder
	for {
		line, err := p.out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line, text) {
			return head.String()
		}
		head.WriteString(line)
	}
}

// With console_listen, one port has the console with the APIs that it calls, and the main one has no console.
// Both end with the server. A production server has a console only when a setting turns it on.
func TestConsoleListen(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	key := initialised(t, "--data", data)
	serve := []string{"serve", "--lame-duck", "0", "--data", data, "--issuer-url", "http://127.0.0.1:1", "--log-level",
		"error", "--allowed-origins", "https://app.example.com"}

	for name, test := range map[string]struct {
		arguments []string
		key       accessKey
		main      bool // the console is on the main address
		apart     bool // the console is on an address of its own
	}{
		"serve":        {arguments: serve, key: key},
		"serve, on":    {arguments: append(serve, "--console", "--console-idle", "90s"), key: key, main: true},
		"serve, apart": {arguments: append(serve, "--console", "--console-idle", "90s"), key: key, apart: true},
		"dev, apart":   {arguments: []string{"dev", "--memory", "--console-idle", "90s"}, key: testKey, apart: true},
	} {
		address, own := listentest.FreeAddress(t), listentest.FreeAddress(t)
		arguments := append(test.arguments[:len(test.arguments):len(test.arguments)], "--listen", address)
		if test.apart {
			arguments = append(arguments, "--console-listen", own)
		}
		p := launch(t, arguments...)
		waitReady(t, "http://"+address)

		if got := isConsole(t, "http://"+address); got != test.main {
			t.Errorf("%s: console on the main address: %t", name, got)
		}
		at := "http://" + address
		if test.apart {
			at = "http://" + own
			if !isConsole(t, at) {
				t.Errorf("%s: no console on its own address", name)
			}
			if got := fetch(t, at+"/healthz", ""); got.StatusCode != http.StatusOK {
				t.Errorf("%s: healthz: %d", name, got.StatusCode)
			}
		}

		if test.main || test.apart {
			var about struct {
				Development bool `json:"development"`
				IdleSeconds int  `json:"idleSeconds"`
			}
			got := fetch(t, at+"/console/context.json", at)
			if err := json.Unmarshal([]byte(got.body), &about); err != nil || about.IdleSeconds != 90 ||
				about.Development != (test.key == testKey) {
				t.Errorf("%s: context %s, %v", name, got.body, err)
			}
		}

		// Calls of the page have its origin, which no list of origins needs to have.
		if err := pools(t, at, at, test.key); err != nil {
			t.Errorf("%s: a call of the page: %v", name, err)
		}
		if err := pools(t, at, "https://evil.example", test.key); err == nil {
			t.Errorf("%s: a page of another origin may call", name)
		}

		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		var dialer net.Dialer
		if c, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(at, "http://")); err == nil {
			_ = c.Close()
			t.Errorf("%s: %s is open after the stop", name, at)
		}
	}
}

// Settings of the console that cannot work stop the start by name.
func TestConsoleSettingsStopTheStart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	initialised(t, "--data", data)
	dev := []string{"dev", "--memory", "--listen", "127.0.0.1:0"}
	serve := []string{"serve", "--data", data, "--issuer-url", "http://127.0.0.1:1", "--listen", "127.0.0.1:0"}
	free := listentest.FreeAddress(t)

	for name, test := range map[string]struct {
		command   []string
		arguments []string
		want      string
	}{
		"no port": {dev, []string{"--console-listen", "127.0.0.1"}, `console_listen = "127.0.0.1" (flag`},
		"config":  {[]string{"config"}, []string{"--console-listen", "x"}, `console_listen = "x" (flag`},
		"on listen": {dev, []string{"--listen", free, "--console-listen", free},
			`console_listen = "` + free + `" (flag`},
		"off in dev":   {dev, []string{"--console=false", "--console-listen", free}, "the console is off"},
		"off in serve": {serve, []string{"--console-listen", free}, "the console is off"},
		"unencrypted": {serve, []string{"--console", "--console-listen", "0.0.0.0:0"},
			"others can reach this address, and session tokens would be sent unencrypted"},
		"idle 0":         {dev, []string{"--console-idle", "0"}, `console_idle = "0"`},
		"idle, negative": {dev, []string{"--console-idle", "-1s"}, "console_idle -1s: use 1s to 24h0m0s"},
		"idle, too long": {dev, []string{"--console-idle", "24h1s"}, "console_idle 24h0m1s: use 1s to 24h0m0s"},
		"idle, no time":  {serve, []string{"--console-idle", "x"}, `console_idle = "x"`},
	} {
		if out, err := run1(t, append(test.command[:len(test.command):len(test.command)], test.arguments...)...); err ==
			nil || !strings.Contains(out, test.want) {
			t.Errorf("%s: %s, %v", name, out, err)
		}
	}
}

// A console that other machines reach by plain HTTP works only on this one: the start warns.
func TestConsoleWarning(t *testing.T) {
	addresses := func() ([]net.Addr, error) {
		return []net.Addr{&net.IPNet{IP: net.IPv4(192, 168, 1, 7), Mask: net.CIDRMask(24, 32)}}, nil
	}
	at := func(ip string, port int) net.Listener {
		return listenerAt{address: net.TCPAddr{IP: net.ParseIP(ip), Port: port}}
	}

	for name, test := range map[string]struct {
		l    listeners
		want string // "" = no warning
	}{
		"loopback":       {l: listeners{main: at("127.0.0.1", 1)}},
		"loopback, IPv6": {l: listeners{main: at("::1", 1)}},
		"all":            {l: listeners{main: at("0.0.0.0", 4599)}, want: "http://192.168.1.7:4599"},
		"one address":    {l: listeners{main: at("192.168.1.7", 1)}, want: "http://192.168.1.7:1"},
		"apart, local":   {l: listeners{main: at("0.0.0.0", 1), console: at("127.0.0.1", 2)}},
		"apart, all":     {l: listeners{main: at("127.0.0.1", 1), console: at("::", 2)}, want: "http://192.168.1.7:2"},
	} {
		var log strings.Builder
		warnOfConsole(test.l, addresses, slog.New(slog.NewTextHandler(&log, nil)))
		if test.want == "" {
			if log.String() != "" {
				t.Errorf("%s: %s", name, &log)
			}
			continue
		}
		for _, want := range []string{"level=WARN", "[" + test.want + "]", "proxy with TLS"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: %s", name, &log)
			}
		}
	}
}

// The console of a development server is reached by the name in its setting.
func TestDevConsoleURL(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:0":         "http://127.0.0.1:4600/console/",
		"0.0.0.0:4600":        "http://127.0.0.1:4600/console/",
		":4600":               "http://127.0.0.1:4600/console/",
		"console.test:4600":   "http://console.test:4600/console/",
		"localhost:0":         "http://localhost:4600/console/",
		"[::1]:4600":          "http://[::1]:4600/console/",
		"[::]:4600":           "http://127.0.0.1:4600/console/",
		"poolhouse.test:http": "http://poolhouse.test:4600/console/",
	} {
		ip := net.IPv4(127, 0, 0, 1)
		if listen == "[::1]:4600" {
			ip = net.IPv6loopback
		}
		s := newSettings()
		s.ConsoleListen = listen
		if got := devConsoleURL(s, listenerAt{address: net.TCPAddr{IP: ip, Port: 4600}}); got != want {
			t.Errorf("%s: %s, want %s", listen, got, want)
		}
	}
}

// A program that was built without the console has none, and warns if the settings ask for it.
func TestProgramWithoutConsole(t *testing.T) {
	program := filepath.Join(t.TempDir(), "poolhouse")
	arguments := []string{"build", "-buildvcs=false", "-tags", "noconsole", "-o", program, "."}
	if out, err := exec.CommandContext(t.Context(), "go", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data := filepath.Join(t.TempDir(), "data")
	initialised(t, "--data", data)
	address := listentest.FreeAddress(t)

	var log strings.Builder
	cmd := exec.CommandContext(t.Context(), program, "serve", "--lame-duck", "0", "--data", data, "--issuer-url",
		"http://127.0.0.1:1", "--console", "--listen", address)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitReady(t, "http://"+address)

	got := fetch(t, "http://"+address+"/console/", "")
	if got.StatusCode != http.StatusNotFound || got.body != "This program was built without the console.\n" {
		t.Errorf("console = %d %s", got.StatusCode, got.body)
	}

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(log.String(), "this program was built without the console") {
		t.Errorf("%v, %s", err, &log)
	}
}
