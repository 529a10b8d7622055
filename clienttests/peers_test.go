package clienttests

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// startPeer runs a program of somebody else until the test ends, and returns
// when it has printed ready.
func startPeer(t *testing.T, dir string, environment []string, ready, name string, arguments ...string) {
	t.Helper()
	cmd := exec.Command(name, arguments...)
	cmd.Dir, cmd.Env = dir, append(plainEnvironment(t), environment...)
	pipe, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}

	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()

	seen, ended := make(chan struct{}), make(chan struct{})
	var output bytes.Buffer
	go func() {
		defer close(ended)

		lines := bufio.NewReader(pipe)
		found := false
		for {
			line, err := lines.ReadString('\n')
			output.WriteString(line)
			if !found && strings.Contains(line, ready) {
				found = true
				close(seen)
			}
			if err != nil {
				return
			}
		}
	}()

	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)

		kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()

		<-ended
		_ = cmd.Wait() // however it ends, it is not what is tested
		if t.Failed() {
			t.Logf("end of the output of %s:\n%s", name, tail(output.String()))
		}
	})

	select {
	case <-seen:
	case <-ended:
		t.Fatalf("%s ended", name)
	case <-time.After(startTimeout):
		t.Fatalf("%s never said %q", name, ready)
	}
}

// settingsFile writes a settings file and returns its path.
func settingsFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "poolhouse.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// userClient signs users in with the AWS SDK for Go.
type userClient struct {
	*server
	pool string
}

// newUserClient makes a pool.
func newUserClient(t *testing.T, s *server, in *ci.CreateIdentityPoolInput) userClient {
	t.Helper()
	admin := ci.New(ci.Options{BaseEndpoint: &s.info.Endpoint, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(s.info.AccessKeyID, s.info.SecretAccessKey, "")})
	in.IdentityPoolName = aws.String("peers")
	out, err := admin.CreateIdentityPool(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}

	_, err = admin.SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{IdentityPoolId: out.IdentityPoolId,
		Roles: map[string]string{"authenticated": userRole}})
	if err != nil {
		t.Fatal(err)
	}

	return userClient{s, *out.IdentityPoolId}
}

// signIn returns the identity of a login after credentials for it were taken
// and used, or the error that ended it.
func (c userClient) signIn(ctx context.Context, key, token string) (string, error) {
	client := ci.New(ci.Options{
		BaseEndpoint:     &c.info.Endpoint,
		Region:           "us-east-1",
		RetryMaxAttempts: 1,
		Credentials:      aws.AnonymousCredentials{},
	})

	logins := map[string]string{key: token}
	id, err := client.GetId(ctx, &ci.GetIdInput{IdentityPoolId: &c.pool, Logins: logins})
	if err != nil {
		return "", err
	}

	out, err := client.GetCredentialsForIdentity(ctx,
		&ci.GetCredentialsForIdentityInput{IdentityId: id.IdentityId, Logins: logins})
	if err != nil {
		return *id.IdentityId, err
	}

	who, err := sts.New(sts.Options{BaseEndpoint: &c.info.Endpoint, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId,
			*out.Credentials.SecretKey, *out.Credentials.SessionToken)}).
		GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	if !strings.Contains(*who.Arn, ":assumed-role/") {
		return "", fmt.Errorf("the credentials are of %s", *who.Arn)
	}

	return *id.IdentityId, nil
}

// accepted fails the test unless the login signs in; it returns the identity.
func (c userClient) accepted(t *testing.T, what, key, token string) string {
	t.Helper()
	id, err := c.signIn(t.Context(), key, token)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return id
}

// refused fails the test unless the login is refused with code.
func (c userClient) refused(t *testing.T, what, key, token, code string) {
	t.Helper()
	if id, err := c.signIn(t.Context(), key, token); err == nil || !strings.Contains(err.Error(), code) {
		t.Errorf("%s: identity %s, error %v; want %s", what, id, err, code)
	}
}

// browser is a user agent with cookies that stops at the application's redirect.
type browser struct {
	*http.Client
	callback string
}

func newBrowser(t *testing.T, callback string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{&http.Client{Jar: jar, Timeout: startTimeout}, callback}
	b.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) || len(via) > 20 {
			return http.ErrUseLastResponse
		}
		return nil
	}

	return b
}

// visit opens a page and returns where the application is called back, if it
// is, and the page else.
func (b *browser) visit(t *testing.T, address string, form url.Values) (*url.URL, string) {
	t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}

	request, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}

	response, err := b.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()

	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode >= 400 {
		t.Fatalf("%s %s: %s %s", method, address, response.Status, text)
	}

	if location := response.Header.Get("Location"); strings.HasPrefix(location, b.callback) {
		back, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		return back, string(text)
	}

	return nil, string(text)
}

// mustAbs is a path that holds in another working directory.
func mustAbs(t *testing.T, path string) string {
	t.Helper()
	absolute, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return absolute
}
