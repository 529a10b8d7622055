package main

import (
	"context"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed clients
var scripts embed.FS

// recorder is one client with the calls to record.
type recorder struct {
	version func(context.Context) (string, error)
	calls   []call
}

// call makes one request.
type call struct {
	name, service      string
	session, presigned bool
	run                func(context.Context) error
}

const cognito, sts = "cognito-identity", "sts"

// command runs a tool with keys from the environment, and without this machine's settings.
func command(ctx context.Context, session bool, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LANG=C.UTF-8",
		"AWS_ACCESS_KEY_ID=" + accessKeyID, "AWS_SECRET_ACCESS_KEY=" + secret,
		"AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region,
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=",
	}
	if session {
		cmd.Env = append(cmd.Env, "AWS_SESSION_TOKEN="+sessionToken)
	}

	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, stderr.String())
	}

	return strings.TrimSpace(string(out)), nil
}

func awsCLI(aws, base string) recorder {
	tool := func(session bool, args ...string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := command(ctx, session, aws, args...)
			return err
		}
	}

	return recorder{
		version: func(ctx context.Context) (string, error) {
			out, err := command(ctx, false, aws, "--version")
			name, _, _ := strings.Cut(out, " ")
			return name, err
		},
		calls: []call{
			{"list-identity-pools", cognito, false, false,
				tool(false, "cognito-identity", "list-identity-pools", "--max-results", "10", "--endpoint-url", base)},
			{"create-identity-pool-with-path-and-session", cognito, true, false,
				tool(true, "cognito-identity", "create-identity-pool", "--identity-pool-name", poolName,
					"--allow-unauthenticated-identities", "--endpoint-url", base+"/svc")},
			{"get-caller-identity", sts, false, false,
				tool(false, "sts", "get-caller-identity", "--endpoint-url", base)},
			{"eks-token", sts, false, true,
				func(ctx context.Context) error { return eksToken(ctx, aws, base, false) }},
			{"eks-token-with-session", sts, true, true,
				func(ctx context.Context) error { return eksToken(ctx, aws, base, true) }},
		},
	}
}

// eksToken sends the presigned request in an EKS token as a cluster's authenticator does, but to base.
func eksToken(ctx context.Context, aws, base string, session bool) error {
	const cluster = "example-cluster"
	out, err := command(ctx, session, aws, "eks", "get-token", "--cluster-name", cluster)
	if err != nil {
		return err
	}

	var credential struct{ Status struct{ Token string } }
	if err := json.Unmarshal([]byte(out), &credential); err != nil {
		return err
	}
	signed, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(credential.Status.Token, "k8s-aws-v1."))
	if err != nil {
		return err
	}

	r, err := http.NewRequestWithContext(ctx, http.MethodGet, string(signed), nil)
	if err != nil {
		return err
	}

	r.Header.Set("x-k8s-aws-id", cluster)
	r.Host = r.URL.Host
	r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(base, "http://")

	return send(r)
}

func send(r *http.Request) error {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()

	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func boto3(python, base string) recorder {
	script := func(session bool, path, action string) func(context.Context) error {
		return func(ctx context.Context) error {
			return runScript(ctx, session, python, "boto.py", "", base+path, action)
		}
	}

	return recorder{
		version: func(ctx context.Context) (string, error) {
			out, err := command(ctx, false, python, "-c", "import boto3; print(boto3.__version__)")
			return "boto3 " + out, err
		},
		calls: []call{
			{"list-identity-pools-with-session", cognito, true, false, script(true, "", "list")},
			{"create-identity-pool-with-path", cognito, false, false, script(false, "/svc/", "create")},
			{"get-caller-identity", sts, false, false, script(false, "", "caller")},
			{"presigned-get", sts, false, true, script(false, "", "presign-get")},
			{"presigned-get-with-session", sts, true, true, script(true, "", "presign-get")},
			{"presigned-post", sts, false, true, script(false, "", "presign-post")},
			{"date-header", sts, false, false, script(false, "", "date-header")},
		},
	}
}

func javaScript(dir, base string) recorder {
	script := func(session bool, path, action string) func(context.Context) error {
		return func(ctx context.Context) error {
			return runScript(ctx, session, "node", "sdk.mjs", dir, base+path, action)
		}
	}

	return recorder{
		version: func(ctx context.Context) (string, error) {
			out, err := command(ctx, false, "node", "-p",
				"require("+fmt.Sprintf("%q", filepath.Join(dir, "node_modules/@aws-sdk/client-sts/package.json"))+
					").version")
			return "aws-sdk-js " + out, err
		},
		calls: []call{
			{"list-identity-pools", cognito, false, false, script(false, "", "list")},
			{"create-identity-pool-with-path-and-session", cognito, true, false, script(true, "/svc", "create")},
			{"get-caller-identity", sts, false, false, script(false, "", "caller")},
			{"presigned-get-with-session", sts, true, true, script(true, "", "presign-get")},
		},
	}
}

// runScript runs one of the embedded scripts from dir, where node looks for modules; "" = a temporary folder.
func runScript(ctx context.Context, session bool, interpreter, name, dir, endpoint, action string) error {
	text, err := scripts.ReadFile("clients/" + name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "*-"+name)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())

	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	_, err = command(ctx, session, interpreter, f.Name(), endpoint, action, poolName)

	return err
}

func curlTool(curl, base string) recorder {
	tool := func(args ...string) func(context.Context) error {
		return func(ctx context.Context) error {
			args := append([]string{
				"-sS", "--user", accessKeyID + ":" + secret, "--aws-sigv4", "aws:amz:" + region + ":sts",
			}, args...)
			_, err := command(ctx, false, curl, args...)
			return err
		}
	}

	return recorder{
		version: func(ctx context.Context) (string, error) {
			out, err := command(ctx, false, curl, "--version")
			fields := strings.Fields(out)
			if err != nil || len(fields) < 2 {
				return "", fmt.Errorf("curl --version: %q, %w", out, err)
			}
			return fields[0] + " " + fields[1], nil
		},
		calls: []call{
			{"get-caller-identity", sts, false, false,
				tool("-d", "Action=GetCallerIdentity&Version=2011-06-15", base+"/")},
			{"get-caller-identity-by-get", sts, false, false,
				tool(base + "/?Action=GetCallerIdentity&Version=2011-06-15")},
		},
	}
}
