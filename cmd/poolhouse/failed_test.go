package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

func TestExitStatus(t *testing.T) {
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("a mistake"), 1},
		{fmt.Errorf("wrapped: %w", poolhouse.ErrInitialised), 3},
		{fmt.Errorf("wrapped: %w", poolhouse.ErrNotInitialised), 4},
		{store.ErrDiskFull, 1},
		{store.ErrReadOnly, 1},
		{fmt.Errorf("wrapped: %w", store.ErrStopped), 74},
		{fmt.Errorf("wrapped: %w", store.ErrDamaged), 74},
		{errors.Join(errors.New("closing"), &store.StopError{Err: store.ErrGone}), 74},
	} {
		if got := exitStatus(test.err); got != test.want {
			t.Errorf("%v: status %d, want %d", test.err, got, test.want)
		}
	}
}

// A process whose database fails answers the call that met it, says what failed,
// where and what to do, and ends with its status.
func TestFailedDatabaseEndsTheProcess(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	cmd := exec.CommandContext(t.Context(), "poolhouse", "dev", "--listen", "127.0.0.1:0", "--data", data)
	var said bytes.Buffer
	cmd.Stderr = &said
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	endpoint := endpointIn(t, bufio.NewReader(stdout))
	client := ci.New(ci.Options{
		BaseEndpoint:     &endpoint,
		Region:           "us-east-1",
		RetryMaxAttempts: 1,
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	pool, err := client.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")})
	if err != nil {
		t.Fatal(err)
	}

	damage(t, filepath.Join(data, poolhouse.DatabaseFile+"-wal"))
	_, err = client.ListIdentities(t.Context(), &ci.ListIdentitiesInput{IdentityPoolId: pool.IdentityPoolId, MaxResults: aws.Int32(1)})
	if err == nil || !strings.Contains(err.Error(), "StatusCode: 5") {
		t.Errorf("the call that met the damage: %v, want an answer of 5xx", err)
	}

	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the process did not end")
	}
	status, ok := errors.AsType[*exec.ExitError](err)
	if !ok || status.ExitCode() != 74 {
		t.Errorf("the process ended with %v, want status 74", err)
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	last := lines[len(lines)-1]
	for _, want := range []string{"poolhouse: writing stopped", filepath.Join(data, poolhouse.DatabaseFile), "restore the newest backup"} {
		if !strings.Contains(last, want) {
			t.Errorf("the last message is %q, without %q", last, want)
		}
	}
}

// damage overwrites what the log of an open database holds, behind its header.
func damage(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt(bytes.Repeat([]byte{0xa5}, int(info.Size())-32), 32); err != nil {
		t.Fatal(err)
	}
}

// A restore that fails makes neither the data folder nor the folders above it, and no
// master key; in a folder that is there it leaves what was there.
func TestFailedRestoreMakesNothing(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole.gz")
	source := filepath.Join(t.TempDir(), "source")
	p := launch(t, "dev", "--listen", "127.0.0.1:0", "--data", source)
	if _, err := p.out.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if out, err := run1(t, "backup", "--data", source, whole); err != nil {
		t.Fatal(out)
	}
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	altered := bytes.Clone(text)
	altered[len(altered)/2] ^= 1

	for name, bad := range map[string][]byte{
		"cut":         text[:len(text)/2],
		"altered":     altered,
		"empty":       {},
		"not a dump":  []byte("hello"),
		"more behind": append(bytes.Clone(text), text...),
	} {
		file := filepath.Join(t.TempDir(), "bad.gz")
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		root := t.TempDir()
		if out, err := run1(t, "restore", "--data", filepath.Join(root, "a", "b", "c"), file); err == nil {
			t.Errorf("%s: restored: %s", name, out)
		}
		wantEntries(t, name, root)

		key := filepath.Join(root, poolhouse.MasterKeyFile)
		if err := os.WriteFile(key, []byte("a key"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(root, 0o700); err != nil {
			t.Fatal(err)
		}
		if out, err := run1(t, "restore", "--data", root, file); err == nil {
			t.Errorf("%s: restored: %s", name, out)
		}
		wantEntries(t, name, root, poolhouse.MasterKeyFile)
	}

	data := filepath.Join(t.TempDir(), "new", "data")
	if out, err := run1(t, "restore", "--data", data, whole); err != nil {
		t.Errorf("the whole one: %v\n%s", err, out)
	}
	wantEntries(t, "the whole one", data, poolhouse.DatabaseFile)
}

func wantEntries(t *testing.T, what, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: %s holds %q, want %q", what, folder, got, want)
	}
}
