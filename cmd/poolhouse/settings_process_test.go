package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
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

	"github.com/poolhouse-id/poolhouse/internal/listentest"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
)

func clientOf(url, id, secret string) *ci.Client {
	return ci.New(ci.Options{
		BaseEndpoint:     &url,
		Region:           "us-east-1",
		RetryMaxAttempts: 1,
		Credentials:      credentials.NewStaticCredentialsProvider(id, secret, ""),
	})
}

// The program on PostgreSQL: served, written to by the command line beside it,
// backed up, and there again after a restart.
func TestServeOnPostgreSQL(t *testing.T) {
	database := []string{"--database", pgtest.URL(t), "--master-key-file", filepath.Join(t.TempDir(), "master.key")}
	address := listentest.FreeAddress(t)
	url := "http://" + address
	serve := append([]string{"serve", "--issuer-url", url, "--listen", address, "--log-level", "error",
		"--token-algorithm", "ES256", "--lame-duck", "0"}, database...)
	key := initialised(t, database...)
	p := launch(t, serve...)
	waitReady(t, url)

	client := clientOf(url, key.id, key.secret)
	pool, err := client.CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"), AllowUnauthenticatedIdentities: true})
	if err != nil {
		t.Fatal(err)
	}

	out, err := run1(t, append([]string{"keys", "create", "--description", "second"}, database...)...)
	if err != nil {
		t.Fatal(out)
	}

	second := keyIn(t, bufio.NewReader(strings.NewReader(out)))
	if _, err := clientOf(url, second.id, second.secret).
		DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: pool.IdentityPoolId}); err !=
		nil {
		t.Errorf("a key made beside the server: %v", err)
	}
	if out, err := run1(t, append([]string{"keys", "list"}, database...)...); err != nil ||
		!strings.Contains(out, key.id) || !strings.Contains(out, second.id) {
		t.Errorf("keys = %q, %v", out, err)
	}

	backup := filepath.Join(t.TempDir(), "backup.gz")
	if out, err := run1(t, append([]string{"backup", backup}, database...)...); err != nil {
		t.Error(out)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	p = launch(t, serve...)
	waitReady(t, url)
	if _, err := client.DescribeIdentityPool(t.Context(),
		&ci.DescribeIdentityPoolInput{IdentityPoolId: pool.IdentityPoolId}); err != nil {
		t.Errorf("after the restart: %v", err)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}

	// The backup fits the embedded database, too.
	data := filepath.Join(t.TempDir(), "data")
	if out, err := run1(t, "restore", "--data", data, backup); err != nil {
		t.Fatal(out)
	}
	if out, err := run1(t, "keys", "list", "--data", data, database[2], database[3]); err != nil ||
		!strings.Contains(out, second.id) {
		t.Errorf("keys of the backup = %q, %v", out, err)
	}
}

// keyIn reads an access key from what the program prints.
func keyIn(t *testing.T, out *bufio.Reader) (key accessKey) {
	t.Helper()

	for key.secret == "" {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}

		if _, id, ok := strings.Cut(line, "AWS_ACCESS_KEY_ID="); ok {
			key.id = strings.TrimSpace(id)
		}
		if _, secret, ok := strings.Cut(line, "AWS_SECRET_ACCESS_KEY="); ok {
			key.secret = strings.TrimSpace(secret)
		}
	}

	return key
}

// dev --config takes roles and providers from the file; a role that nobody has
// defined is warned of, and with --strict-roles refused.
func TestDevSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "poolhouse.yaml")
	const defined, pinned = "arn:aws:iam::000000000000:role/Defined", "us-east-1:11111111-2222-3333-4444-555555555555"
	if err := os.WriteFile(file, []byte(`
limits: {pools: 1}
roles:
  - arn: `+defined+`
    trust_policy:
      Version: "2012-10-17"
      Statement:
        - {Effect: Allow, Principal: {Federated: cognito-identity.amazonaws.com},
           Action: "sts:AssumeRoleWithWebIdentity",
           Condition: {StringEquals: {"cognito-identity.amazonaws.com:aud": "`+pinned+
		`"}, "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": unauthenticated}}}
`), 0o600); err != nil {
		t.Fatal(err)
	}

	for _, strict := range []bool{false, true} {
		args := []string{"dev", "--memory", "--listen", "127.0.0.1:0", "--config", file}
		if strict {
			args = append(args, "--strict-roles")
		}

		cmd := exec.CommandContext(t.Context(), "poolhouse", args...)
		var terminal strings.Builder
		cmd.Stderr = &terminal
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}

		out := bufio.NewReader(stdout)
		client := clientOf(endpointIn(t, out), "test", "test")
		pool, err := client.CreateIdentityPool(t.Context(),
			&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"), AllowUnauthenticatedIdentities: true,
				IdentityPoolTags: map[string]string{"_custom_id_": pinned}})
		if err != nil {
			t.Fatal(err)
		}

		if _, err := client.CreateIdentityPool(t.Context(),
			&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")}); err == nil ||
			!strings.Contains(err.Error(), "LimitExceededException") {
			t.Errorf("the file's limit is not in force: %v", err)
		}

		guest, err := client.GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: pool.IdentityPoolId})
		if err != nil {
			t.Fatal(err)
		}
		askFor := func(role string) error {
			if _, err := client.SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
				IdentityPoolId: pool.IdentityPoolId,
				Roles:          map[string]string{"unauthenticated": role},
			}); err != nil {
				t.Fatal(err)
			}

			_, err := client.GetCredentialsForIdentity(t.Context(),
				&ci.GetCredentialsForIdentityInput{IdentityId: guest.IdentityId})

			return err
		}

		if err := askFor(defined); err != nil {
			t.Errorf("strict %t: a role of the file: %v", strict, err)
		}

		switch err := askFor("arn:aws:iam::000000000000:role/Undefined"); {
		case !strict && err != nil:
			t.Errorf("a role that is not defined: %v", err)
		case strict && (err == nil || !strings.Contains(err.Error(), "InvalidIdentityPoolConfigurationException")):
			t.Errorf("a role that is not defined with --strict-roles: %v", err)
		}

		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}

		if text := terminal.String(); !strings.Contains(text, "WARN") || !strings.Contains(text, "role/Undefined") ||
			strings.Contains(text, "role/Defined") {
			t.Errorf("strict %t: the terminal is warned of\n%s", strict, text)
		}
	}
}

// behind_proxy lets the server listen in plain HTTP where others can reach it.
func TestServeBehindProxy(t *testing.T) {
	_, port, err := net.SplitHostPort(listentest.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}

	data := filepath.Join(t.TempDir(), "data")
	key := initialised(t, "--data", data)
	p := launch(t, "serve", "--data", data, "--issuer-url", "https://id.example", "--listen", "0.0.0.0:"+port,
		"--behind-proxy",
		"--token-algorithm", "ES256", "--log-level", "error", "--lame-duck", "0")
	url := "http://127.0.0.1:" + port
	waitReady(t, url)

	if _, err := clientOf(url, key.id, key.secret).
		ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)}); err != nil {
		t.Error(err)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// A server with a certificate of its own making can be probed.
func TestHealthcheckWithAPrivateCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key := selfSigned(t, dir, "id.example")
	address := listentest.FreeAddress(t)
	data := filepath.Join(dir, "data")
	initialised(t, "--data", data)
	p := launch(t, "serve", "--data", data, "--issuer-url", "https://id.example", "--listen", address,
		"--tls-cert", cert, "--tls-key", key,
		"--token-algorithm", "ES256", "--log-level", "error", "--lame-duck", "0")

	url := "https://" + address
	probe := func(args ...string) (string, error) {
		return run1(t, append([]string{"healthcheck", "--endpoint", url}, args...)...)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()

	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()

	for {
		out, err := probe("--ca-bundle", cert, "--server-name", "id.example")
		if err == nil {
			break
		}

		select {
		case <-ctx.Done():
			t.Fatalf("the server did not become ready: %s", out)
		case <-tick.C:
		}
	}

	for _, test := range []struct {
		want string
		args []string
	}{
		{"certificate signed by unknown authority", []string{"--server-name", "id.example"}},
		{"127.0.0.1", []string{"--ca-bundle", cert}},
		{"--ca-bundle: open", []string{"--ca-bundle", filepath.Join(dir, "none.pem")}},
		{"has no certificate in PEM form", []string{"--ca-bundle", key}},
	} {
		if out, err := probe(test.args...); err == nil || !strings.Contains(out, test.want) {
			t.Errorf("%v: %q, %v", test.args, out, err)
		}
	}

	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// selfSigned writes a certificate for name, and its key.
func selfSigned(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		DNSNames:              []string{name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}

	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}

	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: der},
		keyFile:  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	return certFile, keyFile
}
