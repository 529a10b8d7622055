package clienttests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	demoPool = "us-east-1:00000000-0000-4000-8000-000000000001"
	demoUser = "arn:aws:sts::000000000000:assumed-role/PoolhouseDemoUser/CognitoIdentityCredentials"
)

// aliceSignsIn is a browser for the development issuer: it follows an address, and chooses alice. An
// address that shows a form in which the app waits ends at the app's own page.
const aliceSignsIn = `#!/bin/bash
set -euo pipefail
jar=$(mktemp)
request=$(curl -sSL -c "$jar" -b "$jar" "$1" | grep -o 'name="request" value="[^"]*"' | head -1 | cut -d'"' -f4)
curl -sSL -o /dev/null -c "$jar" -b "$jar" "${1%%/authorize*}/sign-in" -d "request=$request" -d user=alice
rm "$jar"
`

// withBrowser gives an environment a desktop whose browser signs alice in.
func withBrowser(t *testing.T, environment []string) []string {
	t.Helper()
	client(t, "/usr/bin/curl", "curl")
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "xdg-open"), []byte(aliceSignsIn), 0o700); err != nil {
		t.Fatal(err)
	}

	return overlay(environment, []string{"PATH=" + folder, "DISPLAY=:99"})
}

// person has the command line, a desktop and a home, and no keys of AWS.
type person struct {
	*server

	environment []string
}

func newPerson(t *testing.T, s *server) *person {
	t.Helper()
	return &person{s, withBrowser(t, withProgram(append(plainEnvironment(t),
		"AWS_ENDPOINT_URL_STS="+s.info.Endpoint)))}
}

// command runs a program, and returns its output and exit status.
func (p *person) command(t *testing.T, input, name string, arguments ...string) (stdout, stderr string, status int) {
	t.Helper()
	path := name
	if name == "poolhouse" {
		path = binary
	}
	cmd := exec.CommandContext(t.Context(), path, arguments...)
	cmd.Env, cmd.Stdin = p.environment, strings.NewReader(input)

	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	err := cmd.Run()
	if ended, is := errors.AsType[*exec.ExitError](err); is {
		return out.String(), messages.String(), ended.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}

	return out.String(), messages.String(), 0
}

// succeeds runs a program that must succeed, and returns its output.
func (p *person) succeeds(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	out, messages, status := p.command(t, "", name, arguments...)
	if status != 0 {
		t.Fatalf("%s %s: status %d\n%s%s", name, strings.Join(arguments, " "), status, out, messages)
	}
	return out
}

// login signs alice in at the development issuer under a profile.
func (p *person) login(t *testing.T, profile string, more ...string) string {
	t.Helper()
	return p.succeeds(t, "poolhouse", append([]string{
		"login", "--profile", profile, "--endpoint", p.info.Endpoint, "--identity-pool", demoPool,
		"--issuer", p.info.Issuer, "--client-id", p.info.Audience,
	}, more...)...)
}

// home returns the path of a file in the person's home.
func (p *person) home(elements ...string) string {
	for _, entry := range p.environment {
		if home, found := strings.CutPrefix(entry, "HOME="); found {
			return filepath.Join(append([]string{home}, elements...)...)
		}
	}
	return ""
}

// configure makes a profile of AWS's of the same name.
func (p *person) configure(t *testing.T, profile string) {
	t.Helper()
	writeFile(t, p.home(".aws", "config"), "[profile "+profile+"]\nregion = us-east-1\n"+
		"credential_process = poolhouse credentials --profile "+profile+"\n")
}

// The credentials of a login reach the clients of AWS by credential_process.
func TestLogin(t *testing.T) {
	s := startDev(t, "--demo")
	p := newPerson(t, s)

	_, messages, status := p.command(t, "", "poolhouse", "credentials", "--profile", "alice")
	if status != 1 || !strings.Contains(messages, "poolhouse login --profile alice") {
		t.Errorf("before the login: status %d, %s", status, messages)
	}

	out := p.login(t, "alice")
	if !strings.Contains(out, "alice") || strings.Contains(out, "eyJ") {
		t.Errorf("login prints %s", out)
	}
	p.login(t, "alice") // again, with all flags
	p.succeeds(t, "poolhouse", "login", "--profile", "alice")
	p.configure(t, "alice")

	who := p.succeeds(t, "poolhouse", "whoami", "--profile", "alice")
	if !strings.Contains(who, demoUser) || !strings.Contains(who, s.info.Issuer) {
		t.Errorf("whoami prints %s", who)
	}

	t.Run("AWS CLI", func(t *testing.T) {
		aws := client(t, "/usr/bin/aws", "awscli")
		got := p.succeeds(t, aws, "sts", "get-caller-identity", "--profile", "alice", "--endpoint-url", s.info.Endpoint,
			"--query", "Arn", "--output", "text")
		if strings.TrimSpace(got) != demoUser {
			t.Errorf("it is %s", got)
		}
	})

	t.Run("boto3", func(t *testing.T) {
		// Files of botocore's past, which would come first.
		writeFile(t, p.home(".boto"), "[Credentials]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = x\n")
		writeFile(t, p.home("legacy"), "AWSAccessKeyId=AKIAOTHER\nAWSSecretKey=x\n")
		p := &person{p.server, overlay(p.environment, []string{"AWS_CREDENTIAL_FILE=" + p.home("legacy")})}

		python := client(t, "/usr/bin/python3", "python3-boto3")
		got := p.succeeds(t, python, "-c", `import boto3, sys
session = boto3.Session(profile_name="alice")
print(session.client("sts", endpoint_url=sys.argv[1]).get_caller_identity()["Arn"])
print(session.get_credentials().method)`, s.info.Endpoint)
		if got != demoUser+"\ncustom-process\n" {
			t.Errorf("it is %s", got)
		}
	})

	t.Run("Go", func(t *testing.T) {
		provider := processcreds.NewProviderCommand(processcreds.NewCommandBuilderFunc(
			func(ctx context.Context) (*exec.Cmd, error) {
				cmd := exec.CommandContext(ctx, binary, "credentials", "--profile", "alice")
				cmd.Env = p.environment
				return cmd, nil
			}))
		p.isAlice(t, provider)
	})

	p.outputs(t)
	p.refusals(t)
}

// isAlice asks STS with the credentials of a provider.
func (p *person) isAlice(t *testing.T, provider aws.CredentialsProvider) {
	t.Helper()
	answer, err := sts.New(sts.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(p.info.Endpoint), Credentials: provider,
	}).GetCallerIdentity(t.Context(), nil)
	if err != nil || aws.ToString(answer.Arn) != demoUser {
		t.Errorf("%v, %v", answer, err)
	}
}

// outputs checks the forms of credentials.
func (p *person) outputs(t *testing.T) {
	t.Helper()
	out, messages, status := p.command(t, "", "poolhouse", "credentials", "--profile", "alice")
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil || got["Version"] != 1.0 || len(got) != 5 ||
		messages != "" || status != 0 {
		t.Errorf("credentials prints %s%s: %v", out, messages, err)
	}

	script := `eval "$(poolhouse credentials --profile alice --format sh)"; echo "$AWS_SESSION_TOKEN"`
	if shown := p.succeeds(t, "/bin/sh", "-c", script); strings.TrimSpace(shown) != got["SessionToken"] {
		t.Errorf("a shell has %s", shown)
	}
}

// refusals checks what a person is told after the sign-in has ended.
func (p *person) refusals(t *testing.T) {
	t.Helper()
	if out := p.succeeds(t, "poolhouse", "logout", "--profile", "alice"); !strings.Contains(out, "alice") {
		t.Errorf("logout prints %s", out)
	}
	out, messages, status := p.command(t, "", "poolhouse", "credentials", "--profile", "alice")
	if status != 5 || out != "" || !strings.Contains(messages, "run `poolhouse login --profile alice`") {
		t.Errorf("after the logout: status %d, %s%s", status, out, messages)
	}

	// The AWS CLI shows the person why.
	_, messages, status = p.command(t, "", client(t, "/usr/bin/aws", "awscli"), "sts", "get-caller-identity",
		"--profile", "alice", "--endpoint-url", p.info.Endpoint)
	if status == 0 || !strings.Contains(messages, "run `poolhouse login --profile alice`") {
		t.Errorf("the AWS CLI: status %d, %s", status, messages)
	}

	// A login that cannot ask anybody tells so.
	_, messages, status = p.command(t, "", "poolhouse", "login", "--profile", "pool", "--endpoint", p.info.Endpoint,
		"--identity-pool", demoPool, "--user-pool", "us-east-1_Users", "--client-id", "app")
	if status != 1 || !strings.Contains(messages, "--password-stdin") {
		t.Errorf("without a terminal: status %d, %s", status, messages)
	}
}

// The device flow, with a person who opens the page on another device.
func TestLoginWithADevice(t *testing.T) {
	s := startDev(t, "--demo")
	p := newPerson(t, s)
	cmd := exec.CommandContext(t.Context(), binary, "login", "--profile", "alice", "--flow", "device",
		"--endpoint", s.info.Endpoint, "--identity-pool", demoPool, "--issuer", s.info.Issuer,
		"--client-id", s.info.Audience)
	cmd.Env = p.environment
	address := p.start(t, cmd, regexp.MustCompile(`http\S+user_code=(\S+)`))

	b := newBrowser(t, "http://nowhere")
	_, page := b.visit(t, s.info.Issuer+"/device", url.Values{"user_code": {address[1]}})
	request := regexp.MustCompile(`name="request" value="([^"]+)"`).FindStringSubmatch(page)
	if request == nil {
		t.Fatalf("no form: %s", page)
	}
	b.visit(t, s.info.Issuer+"/sign-in", url.Values{"request": {request[1]}, "user": {"alice"}})

	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if who := p.succeeds(t, "poolhouse", "whoami", "--profile", "alice"); !strings.Contains(who, demoUser) {
		t.Errorf("whoami prints %s", who)
	}
}

// start starts a command, and waits until it prints something on standard error.
func (p *person) start(t *testing.T, cmd *exec.Cmd, pattern *regexp.Regexp) []string {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })

	var read []byte
	for {
		more := make([]byte, 1024)
		n, err := stderr.Read(more)
		read = append(read, more[:n]...)
		if found := pattern.FindStringSubmatch(string(read)); found != nil && bytes.HasSuffix(read, []byte("\n")) {
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return found
		}
		if err != nil {
			t.Fatalf("%v after %s", err, read)
		}
	}
}

// A user of a development user pool, whose refresh token rotates.
func TestLoginAtAUserPool(t *testing.T) {
	s := startDev(t, "--seed", "testdata/userpool.yaml")
	p := newPerson(t, s)
	admin := newAWSCLI(t, s)
	_, _, refused := admin.run(t, devKeys, "cognito-idp", "admin-create-user", "--user-pool-id", "us-east-1_Users",
		"--username", "ann@example.com", "--message-action", "SUPPRESS", "--temporary-password", "Temporary-1")
	if refused != nil {
		t.Fatal(refused)
	}
	flags := []string{"login", "--profile", "ann", "--endpoint", s.info.Endpoint,
		"--identity-pool", "us-east-1:4b1e4c2e-58f0-4b52-9a5c-0d6b6f0a7c11",
		"--user-pool", "us-east-1_Users", "--client-id", "rotating", "--username", "ann@example.com",
		"--password-stdin"}

	// The first sign-in wants a new password.
	for _, input := range []string{"Wrong-1\n", "Temporary-1\nSecret-123\nSecret-124\n"} {
		if _, messages, status := p.command(t, input, "poolhouse", flags...); status != 1 ||
			strings.Contains(messages, "Secret-") || strings.Contains(messages, "Wrong-1") {
			t.Errorf("%q: status %d, %s", input, status, messages)
		}
	}
	for _, input := range []string{"Temporary-1\nSecret-123\nSecret-123\n", "Secret-123\n"} {
		if out, messages, status := p.command(t, input, "poolhouse", flags...); status != 0 {
			t.Fatalf("%q: status %d, %s%s", input, status, out, messages)
		}
	}

	const role = "assumed-role/app-user/"
	for n := range 3 {
		if who := p.succeeds(t, "poolhouse", "whoami", "--profile", "ann"); !strings.Contains(who, role) {
			t.Errorf("renewal %d: whoami prints %s", n, who)
		}
		p.expire(t, "ann")
	}

	p.succeeds(t, "poolhouse", "whoami", "--profile", "ann")
	_, messages, status := p.command(t, "", "poolhouse", "logout", "--profile", "ann")
	if status != 0 || messages != "" {
		t.Errorf("logout: status %d, %s", status, messages)
	}
}

// fetchForm posts a form, which must be accepted.
func fetchForm(t *testing.T, address string, form url.Values) {
	t.Helper()
	response, err := http.PostForm(address, form)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, response.Status, err)
	}
}

// expire takes away what is good without the refresh token, and returns the rest of the sign-in.
func (p *person) expire(t *testing.T, profile string) map[string]any {
	t.Helper()
	path := p.home(".local", "state", "poolhouse", "sign-ins", profile, "sign-in.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}

	signIn := file["sign_in"].(map[string]any)
	delete(signIn, "id_token")
	delete(signIn, "credentials")
	if text, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}

	return signIn
}

// Many processes that begin at once renew once: the development issuer ends a sign-in whose refresh
// token comes twice.
func TestManyProcessesRenew(t *testing.T) {
	s := startDev(t, "--demo")
	p := newPerson(t, s)
	p.login(t, "alice")
	p.expire(t, "alice")

	var group sync.WaitGroup
	outputs := make([]string, 8)
	for n := range outputs {
		group.Go(func() { outputs[n], _, _ = p.command(t, "", "poolhouse", "credentials", "--profile", "alice") })
	}
	group.Wait()

	for _, out := range outputs {
		if out == "" || out != outputs[0] {
			t.Errorf("one printed %d bytes, the first %d", len(out), len(outputs[0]))
		}
	}
	p.expire(t, "alice")
	p.succeeds(t, "poolhouse", "credentials", "--profile", "alice")
}

// A sign-in that was ended at the issuer.
func TestLoginEndedAtTheIssuer(t *testing.T) {
	s := startDev(t, "--demo")
	p := newPerson(t, s)
	p.login(t, "alice")
	signIn := p.expire(t, "alice")
	fetchForm(t, s.info.Issuer+"/revoke", url.Values{
		"token": {signIn["refresh_token"].(string)}, "client_id": {s.info.Audience},
	})

	_, messages, status := p.command(t, "", "poolhouse", "credentials", "--profile", "alice")
	if status != 5 || !strings.Contains(messages, "poolhouse login --profile alice") {
		t.Errorf("status %d, %s", status, messages)
	}
}

// The endpoint of the agent, with the clients that know it.
func TestAgent(t *testing.T) {
	s := startDev(t, "--demo")
	p := newPerson(t, s)
	p.login(t, "alice")
	const boto = `import boto3, sys
session = boto3.Session()
print(session.client("sts", endpoint_url=sys.argv[1]).get_caller_identity()["Arn"])
print(session.get_credentials().method)`
	agent := []string{"agent", "--profile", "alice", "--"}

	t.Run("AWS CLI", func(t *testing.T) {
		got := p.succeeds(t, "poolhouse", append(agent, client(t, "/usr/bin/aws", "awscli"),
			"sts", "get-caller-identity", "--endpoint-url", s.info.Endpoint, "--query", "Arn", "--output", "text")...)
		if strings.TrimSpace(got) != demoUser {
			t.Errorf("it is %s", got)
		}
	})

	t.Run("boto3", func(t *testing.T) {
		// Files of botocore's past, which would come first.
		writeFile(t, p.home(".boto"), "[Credentials]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = x\n")
		t.Cleanup(func() { _ = os.Remove(p.home(".boto")) }) // the next clients read it, too
		writeFile(t, p.home("legacy"), "AWSAccessKeyId=AKIAOTHER\nAWSSecretKey=x\n")
		p := &person{p.server, overlay(p.environment, []string{"AWS_CREDENTIAL_FILE=" + p.home("legacy")})}

		got := p.succeeds(t, "poolhouse", append(agent, client(t, "/usr/bin/python3", "python3-boto3"), "-c", boto,
			s.info.Endpoint)...)
		if got != demoUser+"\ncontainer-role\n" {
			t.Errorf("it is %s", got)
		}
	})

	t.Run("rclone", func(t *testing.T) { p.rclone(t) })
	t.Run("exit status and signals", func(t *testing.T) { p.exitStatuses(t) })
	t.Run("beside programs", func(t *testing.T) { p.besidePrograms(t, boto) })
}

// rclone lists a bucket of a server that notes who asks.
func (p *person) rclone(t *testing.T) {
	t.Helper()
	program := client(t, "/usr/bin/rclone", "rclone")
	var mu sync.Mutex
	var signed []string
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()

		signed = append(signed, r.Header.Get("Authorization")+" "+r.Header.Get("X-Amz-Security-Token"))
		w.Header().Set("Content-Type", "application/xml")
		_, _ = io.WriteString(w, `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`+
			`<Name>photos</Name><IsTruncated>false</IsTruncated><Contents><Key>hello.txt</Key><Size>5</Size>`+
			`<LastModified>2026-12-01T12:00:00Z</LastModified></Contents></ListBucketResult>`)
	}))
	defer store.Close()

	got := p.succeeds(t, "poolhouse", "agent", "--profile", "alice", "--", program, "lsf", "--retries", "1",
		"--s3-provider", "Other", "--s3-env-auth", "--s3-endpoint", store.URL, ":s3:photos")
	var keys struct{ AccessKeyId, SessionToken string }
	text := p.succeeds(t, "poolhouse", "credentials", "--profile", "alice")
	if err := json.Unmarshal([]byte(text), &keys); err != nil {
		t.Fatal(err)
	}

	mu.Lock()
	defer mu.Unlock()

	if got != "hello.txt\n" || len(signed) == 0 || !strings.Contains(signed[0], "Credential="+keys.AccessKeyId+"/") ||
		!strings.HasSuffix(signed[0], " "+keys.SessionToken) {
		t.Errorf("rclone prints %s; the requests were of %d signers", got, len(signed))
	}
}

// exitStatuses checks that the agent ends as its program does.
func (p *person) exitStatuses(t *testing.T) {
	t.Helper()
	for script, want := range map[string]int{"exit 7": 7, "kill -TERM $$": 143, "true": 0} {
		_, messages, status := p.command(t, "", "poolhouse", "agent", "--profile", "alice", "--",
			"/bin/sh", "-c", script)
		if status != want || messages != "" {
			t.Errorf("%s: status %d, %s", script, status, messages)
		}
	}
	_, messages, status := p.command(t, "", "poolhouse", "agent", "--profile", "alice", "--", "/no/such/program")
	if status != 127 || !strings.Contains(messages, "/no/such/program") {
		t.Errorf("no program: status %d, %s", status, messages)
	}

	cmd := exec.CommandContext(t.Context(), binary, "agent", "--profile", "alice", "--", "/bin/sh", "-c",
		`trap "exit 9" TERM; echo ready >&2; read -r line`)
	cmd.Env = p.environment
	open, err := cmd.StdinPipe() // for as long as the program waits
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()

	p.start(t, cmd, regexp.MustCompile("ready"))
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended, is := errors.AsType[*exec.ExitError](cmd.Wait())
	if !is || ended.ExitCode() != 9 {
		t.Errorf("the program caught the signal, and the agent ended with %v", ended)
	}

	// Other credentials would come first.
	writeFile(t, p.home(".aws", "config"), "[default]\ncredential_process = false\n")
	_, messages, status = p.command(t, "", "poolhouse", "agent", "--profile", "alice", "--", "true")
	if status != 1 || !strings.Contains(messages, "credential_process") {
		t.Errorf("with a default profile: status %d, %s", status, messages)
	}
	if err := os.Remove(p.home(".aws", "config")); err != nil {
		t.Error(err)
	}
}

// besidePrograms runs an agent on its own, with all files that it can keep.
func (p *person) besidePrograms(t *testing.T, boto string) {
	t.Helper()
	folder := t.TempDir()
	envFile, keysFile := filepath.Join(folder, "agent.env"), filepath.Join(folder, "credentials")
	cmd := exec.CommandContext(t.Context(), binary, "agent", "--profile", "alice", "--env-file", envFile,
		"--credentials-file", keysFile)
	cmd.Env = p.environment
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	eventually(t, "the agent is ready", func() bool { _, err := os.Stat(envFile); return err == nil })

	text, err := os.ReadFile(envFile)
	if err != nil {
		t.Fatal(err)
	}
	uri := regexp.MustCompile(`FULL_URI=(\S+)`).FindStringSubmatch(string(text))
	tokenFile := regexp.MustCompile(`TOKEN_FILE=(\S+)`).FindStringSubmatch(string(text))
	if uri == nil || tokenFile == nil {
		t.Fatalf("the environment is %s", text)
	}
	for _, path := range []string{envFile, keysFile, tokenFile[1]} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}

	provider := endpointcreds.New(uri[1], func(o *endpointcreds.Options) {
		o.AuthorizationTokenProvider = endpointcreds.TokenProviderFunc(func() (string, error) {
			token, err := os.ReadFile(tokenFile[1])
			return string(token), err
		})
	})
	p.isAlice(t, provider)
	wrong := endpointcreds.New(uri[1], func(o *endpointcreds.Options) { o.AuthorizationToken = "wrong" })
	if _, err := wrong.Retrieve(t.Context()); err == nil {
		t.Error("a wrong token gets credentials")
	}

	python := client(t, "/usr/bin/python3", "python3")
	newest := exec.CommandContext(t.Context(), "/bin/sh", "-c",
		`. "$1"; exec "$2" -c "$3" "$4"`, "sh", envFile, python, boto, p.info.Endpoint)
	newest.Env = overlay(p.environment, pythonPackages(t, "")) // Debian's knows no token file
	if out, err := newest.CombinedOutput(); err != nil || string(out) != demoUser+"\ncontainer-role\n" {
		t.Errorf("boto3 with the environment: %v, %s", err, out)
	}

	file := &person{p.server, overlay(p.environment, []string{"AWS_SHARED_CREDENTIALS_FILE=" + keysFile})}
	got := file.succeeds(t, client(t, "/usr/bin/aws", "awscli"), "sts", "get-caller-identity",
		"--endpoint-url", p.info.Endpoint, "--query", "Arn", "--output", "text")
	if strings.TrimSpace(got) != demoUser {
		t.Errorf("the AWS CLI with the file is %s", got)
	}

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the agent ended with %v", err)
	}
	for _, path := range []string{envFile, keysFile, tokenFile[1]} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s was left: %v", path, err)
		}
	}
}
