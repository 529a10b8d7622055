package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/store/storetest"
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

// failing is a process whose database will fail.
type failing struct {
	cmd    *exec.Cmd
	said   bytes.Buffer // complete when the process has ended
	data   string
	client *ci.Client // connects anew for each call
	url    string
	pool   *string
}

func launchFailing(t *testing.T, more ...string) *failing {
	t.Helper()
	f := &failing{data: filepath.Join(t.TempDir(), "data")}
	arguments := append([]string{"dev", "--listen", "127.0.0.1:0", "--data", f.data}, more...)
	f.cmd = exec.CommandContext(t.Context(), "poolhouse", arguments...)
	f.cmd.Stderr = &f.said
	stdout, err := f.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}

	f.url = endpointIn(t, bufio.NewReader(stdout))
	f.client = ci.New(ci.Options{
		BaseEndpoint:     &f.url,
		Region:           "us-east-1",
		RetryMaxAttempts: 1,
		HTTPClient:       &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
	})

	pool, err := f.client.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName:               aws.String("p"),
		AllowUnauthenticatedIdentities: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.pool = pool.IdentityPoolId

	return f
}

// damage damages the database. What a call then reads fails.
func (f *failing) damage(t *testing.T) {
	t.Helper()
	storetest.DamageLog(t, filepath.Join(f.data, poolhouse.DatabaseFile+"-wal"))
}

// wantEnd waits for the end, and wants the status and the message of a failed database.
func (f *failing) wantEnd(t *testing.T) {
	t.Helper()

	ended := make(chan error, 1)
	go func() { ended <- f.cmd.Wait() }()

	var err error
	select {
	case err = <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the process did not end")
	}

	if statusOf(err) != 74 {
		t.Errorf("the process ended with %v, want status 74", err)
	}
	lines := strings.Split(strings.TrimSpace(f.said.String()), "\n")

	last := lines[len(lines)-1]
	for _, want := range []string{
		"poolhouse: writing stopped", filepath.Join(f.data, poolhouse.DatabaseFile), "restore the newest backup",
	} {
		if !strings.Contains(last, want) {
			t.Errorf("the last message is %q, without %q", last, want)
		}
	}
}

// A process whose database fails tells what failed, where and what to do, and ends
// with its status. The call that met the failure is not a success: it has an answer
// of 5xx, or no connection if the server's own reads met it before.
func TestFailedDatabaseEndsTheProcess(t *testing.T) {
	f := launchFailing(t)
	f.damage(t)
	_, err := f.client.ListIdentities(t.Context(), &ci.ListIdentitiesInput{
		IdentityPoolId: f.pool,
		MaxResults:     aws.Int32(1),
	})

	_, noAnswer := errors.AsType[*net.OpError](err)
	if err == nil || !noAnswer && !strings.Contains(err.Error(), "StatusCode: 5") {
		t.Errorf("the call that met the damage: %v, want an answer of 5xx", err)
	}
	f.wantEnd(t)
}

// So does a process whose database fails while it stops, in its lame-duck time and
// while it finishes calls.
func TestDatabaseFailsDuringAStop(t *testing.T) {
	t.Parallel()

	for _, when := range []string{"lame duck", "drain"} {
		t.Run(when, func(t *testing.T) {
			lameDuck := "25s"
			if when == "drain" {
				lameDuck = "0s"
			}

			f := launchFailing(t, "--lame-duck", lameDuck)
			guest := fmt.Sprintf(`{"IdentityPoolId":%q}`, *f.pool)
			slow, answers := beginGetID(t, f.url, guest)
			beginGetID(t, f.url, guest) // stays under way

			if err := f.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if when == "drain" {
				waitClosedPort(t, f.url)
			} else {
				waitStopping(t, f.url)
			}

			f.damage(t)
			if _, err := io.WriteString(slow, "}"); err != nil {
				t.Fatal(err)
			}
			if response, err := http.ReadResponse(answers, nil); err == nil {
				if err := response.Body.Close(); err != nil || response.StatusCode < 500 {
					t.Errorf("the call that met the damage: %d, %v", response.StatusCode, err)
				}
			}
			f.wantEnd(t)
		})
	}
}

// waitClosedPort waits until a server takes no more connections.
func waitClosedPort(t *testing.T, url string) {
	t.Helper()

	for {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			return
		}
		_ = c.Close()
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
