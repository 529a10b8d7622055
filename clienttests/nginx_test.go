package clienttests

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
)

const (
	nginxPool = "us-east-1:11111111-2222-3333-4444-555555555555"
	nginxRole = "arn:aws:iam::000000000000:role/Files"
)

var nginxSettings = `
strict_roles: true
roles:
  - arn: ` + nginxRole + `
    trust_policy:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Principal: {Federated: cognito-identity.amazonaws.com}
          Action: sts:AssumeRoleWithWebIdentity
          Condition: {StringEquals: {"cognito-identity.amazonaws.com:aud": "` + nginxPool + `"}}
    policies:
      - name: files
        document:
          Version: "2012-10-17"
          Statement:
            - {Effect: Allow, Action: ["s3:GetObject", "s3:PutObject"], Resource: "arn:aws:s3:::files/${cognito-identity.amazonaws.com:sub}/*"}
check:
  routes:
    - {match: "GET /files/{path...}", action: "s3:GetObject", resource: "arn:aws:s3:::files/{path}"}
    - {match: "PUT /files/{path...}", action: "s3:PutObject", resource: "arn:aws:s3:::files/{path}"}
`

// documentedNginx is the configuration in docs/check.md.
var documentedNginx = regexp.MustCompile("(?s)<!-- test: nginx -->\n```nginx\n(.*?)```")

// startNginx runs nginx with the documented configuration in front of a service
// and returns a client of it.
func startNginx(t *testing.T, poolhouse, service string) *http.Client {
	t.Helper()
	program := client(t, "/usr/sbin/nginx", "nginx-light")
	page, err := os.ReadFile("../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	found := documentedNginx.FindSubmatch(page)
	if found == nil {
		t.Fatal("docs/check.md has no configuration for nginx")
	}
	// A socket of its own, so that no port can be taken.
	dir, err := os.MkdirTemp("", "nginx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "nginx.sock")
	documented := string(found[1])
	for from, to := range map[string]string{"127.0.0.1:4599": poolhouse, "127.0.0.1:8081": service, "listen 8080;": "listen unix:" + socket + ";"} {
		if !strings.Contains(documented, from) {
			t.Fatalf("the documented configuration has no %q", from)
		}
		documented = strings.Replace(documented, from, to, 1)
	}
	text := "error_log stderr notice;\npid " + dir + "/pid;\nevents {}\nhttp {\naccess_log off;\n"
	if os.Geteuid() == 0 {
		text = "user root;\n" + text // its temporary files are in a folder of ours
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		text += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	configuration := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(configuration, []byte(text+documented+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-e", "stderr", "-p", dir, "-c", configuration, "-g", "daemon off;")
	cmd.Env = plainEnvironment(t)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan string, 1)
	go func() {
		var all strings.Builder
		started := false
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			fmt.Fprintln(&all, lines.Text())
			if !started && strings.Contains(lines.Text(), "start worker process ") { // it listens by then
				started = true
				close(ready)
			}
		}
		ended <- all.String()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		output := <-ended
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("nginx ended: %v\n%s", err, tail(output))
		}
	})
	select {
	case <-ready:
	case output := <-ended:
		ended <- output
		t.Fatalf("nginx did not start:\n%s", output)
	case <-time.After(startTimeout):
		t.Fatal("nginx did not start in time")
	}
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
}

// nginx lets a signed-in user of the AWS SDK at the user's own files and at no
// others, and the service behind learns who it is.
func TestNginx(t *testing.T) {
	settings := filepath.Join(t.TempDir(), "poolhouse.yaml")
	if err := os.WriteFile(settings, []byte(nginxSettings), 0o600); err != nil {
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
		fmt.Fprintf(w, "%s %s by %s with %s", r.Method, r.RequestURI, r.Header.Get("X-Amz-Cognito-Identity-Id"), r.Header.Get("X-Poolhouse-Role-Arn"))
	}))
	defer service.Close()
	browser := startNginx(t, strings.TrimPrefix(s.info.Endpoint, "http://"), service.Listener.Addr().String())

	admin := ci.New(ci.Options{BaseEndpoint: &s.info.Endpoint, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	if _, err := admin.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("files"),
		OpenIdConnectProviderARNs: []string{s.info.ProviderARN}, IdentityPoolTags: map[string]string{"_custom_id_": nginxPool}}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{IdentityPoolId: aws.String(nginxPool),
		Roles: map[string]string{"authenticated": nginxRole}}); err != nil {
		t.Fatal(err)
	}
	public := ci.New(ci.Options{BaseEndpoint: &s.info.Endpoint, Region: "us-east-1", Credentials: aws.AnonymousCredentials{}})
	signIn := func(name string) (id string, key aws.Credentials) {
		logins := map[string]string{s.info.LoginKey: s.token(t, name)}
		identity, err := public.GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: aws.String(nginxPool), Logins: logins})
		if err != nil {
			t.Fatal(err)
		}
		out, err := public.GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: identity.IdentityId, Logins: logins})
		if err != nil {
			t.Fatal(err)
		}
		return *identity.IdentityId, aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretKey, SessionToken: *out.Credentials.SessionToken}
	}
	alice, key := signIn("alice")
	bob, _ := signIn("bob")

	signed := func(method, path, body string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://files.example.com:8080"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(body))
		r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		r.Header.Set("Content-Type", "text/plain")
		if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), "execute-api", "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		return r
	}
	own, other := "/files/"+alice+"/notes.txt", "/files/"+bob+"/notes.txt"
	for name, test := range map[string]struct {
		request *http.Request
		change  func(*http.Request)
		status  int
		answer  string // "" = nginx's own
	}{
		"write":              {signed("PUT", own, "hello"), nil, 200, "PUT " + own + " by " + alice + " with " + nginxRole},
		"read":               {signed("GET", own+"?a=1%202&b=2", ""), nil, 200, "GET " + own + "?a=1%202&b=2 by " + alice + " with " + nginxRole},
		"read bob's":         {signed("GET", other, ""), nil, 403, ""},
		"write bob's":        {signed("PUT", other, "hello"), nil, 403, ""},
		"another route":      {signed("DELETE", own, ""), nil, 403, ""},
		"path changed":       {signed("GET", own, ""), func(r *http.Request) { r.URL.Path = "/files/" + alice + "/other.txt" }, 403, ""},
		"method changed":     {signed("GET", own, ""), func(r *http.Request) { r.Method = "PUT" }, 403, ""},
		"header changed":     {signed("PUT", own, "hello"), func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }, 403, ""},
		"identity claimed":   {signed("GET", own, ""), func(r *http.Request) { r.Header.Set("X-Amz-Cognito-Identity-Id", bob) }, 403, ""},
		"role claimed":       {signed("GET", own, ""), func(r *http.Request) { r.Header.Set("X-Poolhouse-Role-Arn", "root") }, 200, "GET " + own + " by " + alice + " with " + nginxRole},
		"without signature":  {signed("GET", own, ""), func(r *http.Request) { r.Header.Del("Authorization") }, 401, ""},
		"body changed":       {signed("PUT", own, "hello"), func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("hullo")) }, 422, "the body is not the signed one\n"},
		"dots after signing": {signed("GET", "/files/"+alice+"/../"+bob+"/notes.txt", ""), nil, 403, ""},
	} {
		if test.change != nil {
			test.change(test.request)
		}
		response, err := browser.Do(test.request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != test.status || test.answer != "" && string(body) != test.answer {
			t.Errorf("%s: %d %s %v, want %d %s", name, response.StatusCode, body, err, test.status, test.answer)
		}
	}
	s.poolhouse(t, "keys", "revoke-session", key.AccessKeyID)
	response, err := browser.Do(signed("GET", own, ""))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("a revoked session: %d", response.StatusCode)
	}
}
