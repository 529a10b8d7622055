package clienttests

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

const (
	filesPool = "us-east-1:11111111-2222-3333-4444-555555555555"
	filesRole = "arn:aws:iam::000000000000:role/Files"
)

// proxySettings are of a server that a proxy asks; %s is the convention.
const proxySettings = `
strict_roles: true
roles:
  - arn: ` + filesRole + `
    trust_policy:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Principal: {Federated: cognito-identity.amazonaws.com}
          Action: sts:AssumeRoleWithWebIdentity
          Condition: {StringEquals: {"cognito-identity.amazonaws.com:aud": "` + filesPool + `"}}
    policies:
      - name: files
        document:
          Version: "2012-10-17"
          Statement:
            - {Effect: Allow, Action: ["s3:GetObject", "s3:PutObject"],
               Resource: "arn:aws:s3:::files/${cognito-identity.amazonaws.com:sub}/*"}
            - {Effect: Allow, Action: "app:Share", Resource: "*"}
check:
  request: %s
  routes:
    - {match: "GET /files/{path...}", action: "s3:GetObject", resource: "arn:aws:s3:::files/{path}"}
    - {match: "PUT /files/{path...}", action: "s3:PutObject", resource: "arn:aws:s3:::files/{path}"}
    - {match: "/shared/{name}", action: "app:Share", resource: "*"}
`

// documented returns the configuration of a proxy in docs/check.md, with what
// stands for something of this machine replaced.
func documented(t *testing.T, proxy string, replace map[string]string) string {
	t.Helper()
	page, err := os.ReadFile("../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	language, _, _ := strings.Cut(proxy, "-")
	_, found, begins := strings.Cut(string(page), "<!-- test: "+proxy+" -->\n```"+language)
	_, found, _ = strings.Cut(found, "\n")
	text, _, ends := strings.Cut(found, "```\n")
	if !begins || !ends {
		t.Fatalf("docs/check.md has no configuration for %s", proxy)
	}

	for from, to := range replace {
		if strings.Count(text, from) != 1 {
			t.Fatalf("the documented configuration has %q %d times", from, strings.Count(text, from))
		}
		text = strings.Replace(text, from, to, 1)
	}

	return text
}

// startNginx runs nginx with the documented configuration in front of a service
// and returns a client of it. more is inserted into the question's location.
func startNginx(t *testing.T, poolhouse, service, more string) *http.Client {
	t.Helper()
	dir := nginxFolder(t)
	// A socket of its own, so that no port can be taken.
	socket := filepath.Join(dir, "nginx.sock")
	servers := documented(t, "nginx", map[string]string{"127.0.0.1:4599": poolhouse, "127.0.0.1:8081": service,
		"listen 8080;": "listen unix:" + socket + ";", "        internal;\n": "        internal;\n" + more})
	runNginx(t, dir, servers)

	return &http.Client{
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}}}
}

func nginxFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nginx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// runNginx runs nginx with the configuration of its servers until the test ends.
func runNginx(t *testing.T, dir, servers string) {
	t.Helper()
	program := client(t, "/usr/sbin/nginx", "nginx-light")
	text := "error_log stderr notice;\npid " + dir + "/pid;\nevents {}\nhttp {\naccess_log off;\n"
	if os.Geteuid() == 0 {
		text = "user root;\n" + text // its temporary files are in a folder of ours
	}

	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		text += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	configuration := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(configuration, []byte(text+servers+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// It listens before it prints this line.
	startPeer(t, dir, nil, "start worker process ", program, "-e", "stderr", "-p", dir, "-c", configuration, "-g",
		"daemon off;")
}

// startCaddy runs Caddy with the documented configuration in front of a service
// and returns a client of it. before and after enclose the site's directives.
func startCaddy(t *testing.T, poolhouse, service, before, after string) *http.Client {
	t.Helper()
	address := listentest.FreeAddress(t) // Caddy tells nobody which port it got
	_, port, _ := net.SplitHostPort(address)
	site := documented(t, "caddy",
		map[string]string{"files.example.com {": "http://files.example.com:" + port +
			" {\n    bind 127.0.0.1\n" + before,
			"forward_auth poolhouse:4599 {": "forward_auth " + poolhouse + " {",
			"reverse_proxy files:8081":      "reverse_proxy " + service + after})
	runCaddy(t, site)

	return &http.Client{
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		}}}
}

// runCaddy runs Caddy with a site until the test ends.
func runCaddy(t *testing.T, site string) {
	t.Helper()
	program := client(t, "/usr/bin/caddy", "caddy")
	configuration := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(configuration, []byte("{\n    admin off\n}\n"+site), 0o600); err != nil {
		t.Fatal(err)
	}
	startPeer(t, filepath.Dir(configuration), nil, "serving initial configuration", program, "run",
		"--config", configuration, "--adapter", "caddyfile")
}

// answered are the headers of forward auth's answer that a service gets.
var answered = []string{"X-Amz-Cognito-Identity-Id", "X-Amz-Cognito-Identity-Pool-Id", "X-Poolhouse-Amr",
	"X-Poolhouse-Role-Arn", "X-Poolhouse-Arn",
	"X-Poolhouse-Account", "X-Poolhouse-Access-Key-Id", "X-Poolhouse-Principal-Tags", "X-Poolhouse-Content-Sha256"}

// files is a service that compares bodies with the signed hash and answers with the caller's
// headers, and a server whose users have files of their own there.
type files struct {
	*server
	service string // host:port
}

func startFiles(t *testing.T, convention string) files {
	t.Helper()
	return startFilesWith(t, fmt.Sprintf(proxySettings, convention))
}

// startFilesWith is startFiles with settings.
func startFilesWith(t *testing.T, text string) files {
	t.Helper()
	settings := filepath.Join(t.TempDir(), "poolhouse.yaml")
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	s := startDev(t, "--config", settings)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		sum := sha256.Sum256(body)
		if err != nil || hex.EncodeToString(sum[:]) != r.Header.Get("X-Poolhouse-Content-Sha256") {
			http.Error(w, "the body is not the signed one", http.StatusUnprocessableEntity)
			return
		}
		fmt.Fprintf(w, "%s %s", r.Method, r.RequestURI)

		for _, name := range answered[:8] {
			fmt.Fprintf(w, "\n%s", strings.Join(r.Header[name], " and "))
		}
	}))
	t.Cleanup(service.Close)

	admin := ci.New(ci.Options{
		BaseEndpoint: &s.info.Endpoint,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	if _, err := admin.CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("files"),
			OpenIdConnectProviderARNs: []string{s.info.ProviderARN},
			IdentityPoolTags:          map[string]string{"_custom_id_": filesPool}}); err != nil {
		t.Fatal(err)
	}

	if _, err := admin.SetIdentityPoolRoles(t.Context(),
		&ci.SetIdentityPoolRolesInput{IdentityPoolId: aws.String(filesPool),
			Roles: map[string]string{"authenticated": filesRole}}); err != nil {
		t.Fatal(err)
	}

	return files{s, service.Listener.Addr().String()}
}

func (f files) poolhouseAddress() string { return strings.TrimPrefix(f.info.Endpoint, "http://") }

func (f files) signIn(t *testing.T, name string) (id string, key aws.Credentials) {
	t.Helper()
	public := ci.New(ci.Options{
		BaseEndpoint: &f.info.Endpoint,
		Region:       "us-east-1",
		Credentials:  aws.AnonymousCredentials{},
	})
	logins := map[string]string{f.info.LoginKey: f.token(t, name)}
	identity, err := public.GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: aws.String(filesPool), Logins: logins})
	if err != nil {
		t.Fatal(err)
	}

	out, err := public.GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: identity.IdentityId, Logins: logins})
	if err != nil {
		t.Fatal(err)
	}

	return *identity.IdentityId,
		aws.Credentials{
			AccessKeyID:     *out.Credentials.AccessKeyId,
			SecretAccessKey: *out.Credentials.SecretKey,
			SessionToken:    *out.Credentials.SessionToken,
		}
}

// signed makes a request as the AWS SDK does, with headers in pairs.
func signed(t *testing.T, key aws.Credentials, method, path, body string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://files.example.com:8080"+path,
		strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	r.Header.Set("Content-Type", "text/plain")

	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), "execute-api", "us-east-1",
		time.Now()); err != nil {
		t.Fatal(err)
	}

	return r
}

// exchange sends r and returns what came back.
func exchange(t *testing.T, browser *http.Client, r *http.Request) (int, string) {
	t.Helper()
	response, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}

	return response.StatusCode, string(body)
}

// told returns the answer of the service to a request of alice's. Nobody else can cause
// this answer.
func (f files) told(request, id string, key aws.Credentials) string {
	return strings.Join([]string{request, id, filesPool,
		"authenticated," + f.info.LoginKey + "," + f.info.ProviderARN + ":OIDC:alice", filesRole,
		"arn:aws:sts::000000000000:assumed-role/Files/CognitoIdentityCredentials", "000000000000",
		key.AccessKeyID, ""}, "\n")
}

// A proxy lets a signed-in user of the AWS SDK at the user's own files and at no
// others, and the service behind learns who it is.
func TestProxies(t *testing.T) {
	for proxy, test := range map[string]struct {
		convention string
		start      func(t *testing.T, f files) *http.Client
	}{
		"nginx": {"x-original",
			func(t *testing.T, f files) *http.Client { return startNginx(t, f.poolhouseAddress(), f.service, "") }},
		"caddy": {"x-forwarded", func(t *testing.T, f files) *http.Client {
			return startCaddy(t, f.poolhouseAddress(), f.service, "", "")
		}},
	} {
		t.Run(proxy, func(t *testing.T) {
			f := startFiles(t, test.convention)
			testProxy(t, f, test.start(t, f))
		})
	}
}

func testProxy(t *testing.T, f files, browser *http.Client) {
	alice, key := f.signIn(t, "alice")
	bob, _ := f.signIn(t, "bob")
	own, other := "/files/"+alice+"/notes.txt", "/files/"+bob+"/notes.txt"
	for name, test := range map[string]struct {
		request *http.Request
		change  func(*http.Request)
		status  int
		answer  string // "" = the proxy's own
	}{
		"write": {signed(t, key, "PUT", own, "hello"), nil, 200, f.told("PUT "+own, alice, key)},
		"read": {signed(t, key, "GET", own+"?a=1%202&b=2", ""), nil, 200,
			f.told("GET "+own+"?a=1%202&b=2", alice, key)},
		"read bob's":    {signed(t, key, "GET", other, ""), nil, 403, ""},
		"write bob's":   {signed(t, key, "PUT", other, "hello"), nil, 403, ""},
		"another route": {signed(t, key, "DELETE", own, ""), nil, 403, ""},
		"path changed": {signed(t, key, "GET", own, ""),
			func(r *http.Request) { r.URL.Path = "/files/" + alice + "/other.txt" }, 403, ""},
		"method changed": {signed(t, key, "GET", own, ""), func(r *http.Request) { r.Method = "PUT" }, 403, ""},
		"header changed": {signed(t, key, "PUT", own, "hello"),
			func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }, 403, ""},
		"without signature": {signed(t, key, "GET", own, ""),
			func(r *http.Request) { r.Header.Del("Authorization") }, 401, ""},
		"body changed": {signed(t, key, "PUT", own, "hello"),
			func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("hullo")) }, 422,
			"the body is not the signed one\n"},
		"dots after signing": {signed(t, key, "GET", "/files/"+alice+"/../"+bob+"/notes.txt", ""), nil, 403, ""},
	} {
		if test.change != nil {
			test.change(test.request)
		}
		if status, body := exchange(t, browser, test.request); status != test.status || test.answer != "" &&
			body != test.answer {
			t.Errorf("%s: %d %s, want %d %s", name, status, body, test.status, test.answer)
		}
	}

	f.testExplained(t, browser, signed(t, key, "GET", other, ""))
	testPreflight(t, browser, signed(t, key, "GET", own, ""))

	// What the service is to believe no client may claim, signed or not.
	for _, name := range answered {
		unsigned := signed(t, key, "GET", own, "")
		unsigned.Header.Set(name, "claimed")

		for how, r := range map[string]*http.Request{"unsigned": unsigned,
			"signed": signed(t, key, "GET", own, "", name, "claimed")} {
			if status, body := exchange(t, browser, r); status != http.StatusForbidden {
				t.Errorf("%s is claimed, %s: %d %s", name, how, status, body)
			}
		}
	}

	f.poolhouse(t, "keys", "revoke-session", key.AccessKeyID)
	if status, body := exchange(t, browser, signed(t, key, "GET", own, "")); status != http.StatusForbidden {
		t.Errorf("a revoked session: %d %s", status, body)
	}
}

// testExplained fails the test unless the client of a refused request learns why, and
// can ask for more.
func (f files) testExplained(t *testing.T, browser *http.Client, r *http.Request) {
	t.Helper()
	response, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if reason := response.Header["X-Poolhouse-Reason"]; len(reason) != 1 || reason[0] != "AccessDenied" {
		t.Errorf("the reason is %q", reason)
	}

	id := response.Header["X-Amzn-Requestid"]
	if len(id) != 1 || !strings.Contains(f.poolhouse(t, "explain", id[0]), "s3:GetObject") {
		t.Errorf("the request %q is not explained", id)
	}
}

// testPreflight fails the test unless the proxy lets the documented page, and no other,
// send a signed request and read its answer.
func testPreflight(t *testing.T, browser *http.Client, call *http.Request) {
	t.Helper()

	for origin, allowed := range map[string]string{"https://app.example.com": "https://app.example.com",
		"https://evil.example.com": ""} {
		preflight, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, call.URL.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		preflight.Header.Set("Origin", origin)
		preflight.Header.Set("Access-Control-Request-Method", "GET")
		preflight.Header.Set("Access-Control-Request-Headers", "authorization,x-amz-date")
		call := call.Clone(t.Context())
		call.Header.Set("Origin", origin)

		for status, r := range map[int]*http.Request{http.StatusNoContent: preflight, http.StatusOK: call} {
			response, err := browser.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()

			h := response.Header
			if response.StatusCode != status || h.Get("Access-Control-Allow-Origin") != allowed {
				t.Errorf("%s from %s: %d %v", r.Method, origin, response.StatusCode, h)
			}
			if r == preflight && (h.Get("Access-Control-Allow-Methods") != "GET" ||
				h.Get("Access-Control-Allow-Headers") != "authorization,x-amz-date") {
				t.Errorf("%s from %s: %v", r.Method, origin, h)
			}
		}
	}
}

// Where the proxy keeps such headers from the question, because one before it
// sets them, the documented configuration overwrites each of them.
func TestProxyAfterProxy(t *testing.T) {
	removed := ""
	for _, name := range answered {
		removed += "        proxy_set_header " + name + " \"\";\n"
	}

	for proxy, test := range map[string]struct {
		convention string
		start      func(t *testing.T, f files) *http.Client
	}{
		"nginx": {"x-original", func(t *testing.T, f files) *http.Client {
			return startNginx(t, f.poolhouseAddress(), f.service, removed)
		}},
		"caddy": {"x-forwarded", func(t *testing.T, f files) *http.Client {
			return startCaddy(t, f.poolhouseAddress(), f.service,
				"    route {\n    request_header -X-Poolhouse-*\n    request_header -X-Amz-Cognito-Identity-*\n",
				"\n    }")
		}},
	} {
		t.Run(proxy, func(t *testing.T) {
			f := startFiles(t, test.convention)
			browser := test.start(t, f)
			alice, key := f.signIn(t, "alice")

			r := signed(t, key, "GET", "/files/"+alice+"/a", "")
			for _, name := range answered {
				r.Header.Set(name, "claimed")
			}
			if status, body := exchange(t, browser, r); status != http.StatusOK ||
				body != f.told("GET /files/"+alice+"/a", alice, key) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}
