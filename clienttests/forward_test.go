package clienttests

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// forwardSettings are of a server that forwards: the service that clients sign for, and
// where a service is.
const forwardSettings = `
  service: %s
  listen: 127.0.0.1:0
  routes:
    - {match: "GET /files/{path...}", action: "s3:GetObject",
       resource: "arn:aws:s3:::files/{path}", forward_to: "%[2]s"}
    - {match: "PUT /files/{path...}", action: "s3:PutObject",
       resource: "arn:aws:s3:::files/{path}", forward_to: "%[2]s"}
    - {match: "POST /@connections/{id}", action: "app:Share", resource: "*", forward_to: "%[2]s"}
    - {match: "/shared/{name}", action: "app:Share", resource: "*", forward_to: "%[2]s"}
`

// forwarded is a server that forwards to a service, which notes the bodies of complete
// requests.
type forwarded struct {
	files
	address string // host:port where it forwards
	got     func() []string
}

var forwardsFrom = regexp.MustCompile(`forwarded from http://([^\s]+)\.\s`)

func startForwarding(t *testing.T, signedFor string) forwarded {
	t.Helper()
	var mu sync.Mutex
	var bodies []string
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it acts on complete requests only
		}
		sum := sha256.Sum256(body)
		mu.Lock()
		defer mu.Unlock()

		bodies = append(bodies, r.Method+" "+hex.EncodeToString(sum[:])+" "+r.Header.Get("X-Amz-Cognito-Identity-Id"))
	}))
	t.Cleanup(service.Close)

	head, _, _ := strings.Cut(proxySettings, "  request: ")
	f := startFilesWith(t, head+fmt.Sprintf(forwardSettings, signedFor, service.URL))
	found := forwardsFrom.FindStringSubmatch(f.text())
	if found == nil {
		t.Fatalf("the server does not say where it forwards:\n%s", f.text())
	}

	return forwarded{files: f, address: found[1], got: func() []string {
		mu.Lock()
		defer mu.Unlock()

		list := bodies
		bodies = nil
		return list
	}}
}

// fronts start the proxies before a forwarding server, and give the address to call.
var fronts = map[string]func(t *testing.T, address string) string{
	"alone": func(_ *testing.T, address string) string { return address },
	"nginx": func(t *testing.T, address string) string {
		front := listentest.FreeAddress(t)
		runNginx(t, nginxFolder(t), documented(t, "nginx-forward", map[string]string{
			"127.0.0.1:4600": address,
			"listen 8080;":   "listen " + front + ";",
		}))
		return front
	},
	"caddy": func(t *testing.T, address string) string {
		front := listentest.FreeAddress(t)
		runCaddy(t, documented(t, "caddy-forward", map[string]string{
			"files.example.com {": "http://" + front + " {",
			"poolhouse:4600":      address,
		}))
		return front
	},
}

// pathFor is a path that a client can sign: curl 7.88 signs paths as they stand, so they
// must not have the colon of an identity ID.
func pathFor(client, id string) string {
	if client == "curl" {
		return "/shared/notes.txt"
	}
	return "/files/" + id + "/notes.txt"
}

// signers are clients that sign requests; each prints its ways and their statuses.
func signers(t *testing.T) map[string]*exec.Cmd {
	t.Helper()
	python, node, curl := client(t, "/usr/bin/python3", "python3-boto3"), client(t, "node", "nodejs"),
		client(t, "curl", "curl")
	return map[string]*exec.Cmd{
		"botocore":   exec.CommandContext(t.Context(), python, "python/signers.py"),
		"JavaScript": exec.CommandContext(t.Context(), node, "js/signers.mjs"),
		"curl":       exec.CommandContext(t.Context(), "bash", "-euc", curlSigner, "bash", curl),
	}
}

const curlSigner = `
curl=$1 folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
head -c 90000 /dev/zero | tr '\0' x > "$folder/body"
send() {
	name=$1; shift
	echo "$name $("$curl" -sS -o /dev/null -w '%{http_code}' --aws-sigv4 aws:amz:us-east-1:execute-api \
		--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "X-Amz-Security-Token: $AWS_SESSION_TOKEN" \
		"$@" "$TARGET")"
}
send read
send plain -X PUT --data-binary @"$folder/body"
send stated -X PUT --data-binary @"$folder/body" \
	-H "X-Amz-Content-Sha256: $(sha256sum < "$folder/body" | cut -d' ' -f1)"
`

// run returns the statuses by way.
func runSigner(t *testing.T, cmd *exec.Cmd, key aws.Credentials, target string) map[string]string {
	t.Helper()
	cmd.Env = append(plainEnvironment(t), "TARGET="+target, "AWS_ACCESS_KEY_ID="+key.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY="+key.SecretAccessKey, "AWS_SESSION_TOKEN="+key.SessionToken)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, t.Output()
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}

	ways := map[string]string{}
	for line := range strings.Lines(out.String()) {
		way, status, _ := strings.Cut(strings.TrimSpace(line), " ")
		ways[way] = status
	}

	return ways
}

// The signers that people have upload through a server that forwards, whether they
// state the hash of the body or not, and a changed body reaches the service never.
func TestForwardedSigners(t *testing.T) {
	f := startForwarding(t, "execute-api")
	id, key := f.signIn(t, "alice")
	for name, front := range fronts {
		t.Run(name, func(t *testing.T) {
			address := front(t, f.address)
			for client, cmd := range signers(t) {
				f.got()

				ways := runSigner(t, cmd, key, "http://"+address+pathFor(client, id))
				accepted := 0
				for way, status := range ways {
					want := "200"
					if strings.HasSuffix(way, "-changed") {
						want = "403"
					} else {
						accepted++
					}
					if status != want {
						t.Errorf("%s, %s: %s, want %s", client, way, status, want)
					}
				}

				got := f.got()
				if accepted < 3 || len(got) != accepted {
					t.Errorf("%s: %v: %d complete requests arrived", client, ways, len(got))
				}

				for _, each := range got {
					if !strings.HasSuffix(each, " "+id) {
						t.Errorf("%s: arrived as %s", client, each)
					}
				}
			}
		})
	}
}

// Behind a proxy that asks, those upload that state the hash of the body, and no others.
func TestSignersBehindForwardAuth(t *testing.T) {
	for proxy, start := range map[string]func(t *testing.T, f files, address string){
		"nginx": func(t *testing.T, f files, address string) {
			runNginx(t, nginxFolder(t), documented(t, "nginx", map[string]string{"127.0.0.1:4599": f.poolhouseAddress(),
				"127.0.0.1:8081": f.service, "listen 8080;": "listen " + address + ";"}))
		},
		"caddy": func(t *testing.T, f files, address string) {
			runCaddy(t, documented(t, "caddy", map[string]string{"files.example.com {": "http://" + address + " {",
				"forward_auth poolhouse:4599 {": "forward_auth " + f.poolhouseAddress() + " {",
				"reverse_proxy files:8081":      "reverse_proxy " + f.service}))
		},
	} {
		t.Run(proxy, func(t *testing.T) {
			f := startFiles(t, map[string]string{"nginx": "x-original", "caddy": "x-forwarded"}[proxy])
			address := listentest.FreeAddress(t)
			start(t, f, address)
			id, key := f.signIn(t, "alice")
			want := map[string]string{
				"read": "200", "plain": "403", "plain-changed": "403", "stated": "200", "stated-changed": "422",
			}

			for client, cmd := range signers(t) {
				for way, status := range runSigner(t, cmd, key, "http://"+address+pathFor(client, id)) {
					_, kind, prefixed := strings.Cut(way, "-")
					if _, known := want[way]; known || !prefixed {
						kind = way
					}
					if status != want[kind] {
						t.Errorf("%s, %s: %s, want %s", client, way, status, want[kind])
					}
				}
			}
		})
	}
}

// awsCLIs are both versions of the AWS CLI, as commands and their environment.
func awsCLIs(t *testing.T) map[string][2][]string {
	t.Helper()
	python := client(t, "/usr/bin/python3", "python3-boto3")
	folder, err := filepath.Abs("python/packages")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "awscli")); err != nil {
		missing(t, "the AWS CLI 1 is not installed in clienttests/python/packages")
	}

	return map[string][2][]string{
		"1": {{python, "-m", "awscli"}, {"PYTHONPATH=" + folder, "PYTHONDONTWRITEBYTECODE=1"}},
		"2": {{client(t, "/usr/bin/aws", "awscli")}, nil},
	}
}

// Both versions of the AWS CLI upload: for execute-api, where they do not state the hash
// of the body, and for S3, where they do.
func TestForwardedAWSCLI(t *testing.T) {
	file := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, bytes.Repeat([]byte("x"), 90_000), 0o600); err != nil {
		t.Fatal(err)
	}

	for signedFor, arguments := range map[string]func(id string) []string{
		"execute-api": func(id string) []string {
			return []string{"apigatewaymanagementapi", "post-to-connection", "--connection-id", id,
				"--data", "fileb://" + file}
		},
		"s3": func(id string) []string {
			return []string{"s3api", "put-object", "--bucket", "files", "--key", id + "/notes.txt", "--body", file}
		},
	} {
		f := startForwarding(t, signedFor)
		id, key := f.signIn(t, "alice")
		for front, start := range fronts {
			address := start(t, f.address)
			for version, cli := range maps.All(awsCLIs(t)) {
				command := append(cli[0][1:],
					append(arguments(id), "--endpoint-url", "http://"+address, "--region", "us-east-1")...)
				cmd := exec.CommandContext(t.Context(), cli[0][0], command...)
				cmd.Env = append(append(plainEnvironment(t), cli[1]...), "AWS_ACCESS_KEY_ID="+key.AccessKeyID,
					"AWS_SECRET_ACCESS_KEY="+key.SecretAccessKey, "AWS_SESSION_TOKEN="+key.SessionToken,
					"AWS_REQUEST_CHECKSUM_CALCULATION=when_required")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("AWS CLI %s, %s, %s: %v\n%s", version, signedFor, front, err, out)
				}

				if got := f.got(); len(got) != 1 || !strings.HasSuffix(got[0], " "+id) {
					t.Errorf("AWS CLI %s, %s, %s: arrived as %q", version, signedFor, front, got)
				}
			}
		}
	}
}
