package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// follower is `poolhouse explain --follow` at a node.
type follower struct {
	cmd   *exec.Cmd
	lines *bufio.Reader
	notes *output
}

func (n *clusterNode) follow(t *testing.T) *follower {
	t.Helper()
	f := &follower{notes: &output{}}
	f.cmd = exec.CommandContext(context.Background(), "poolhouse", "explain", "--follow", "--json", "--endpoint", n.url)
	f.cmd.Env = append(f.cmd.Environ(), "AWS_ACCESS_KEY_ID="+n.key.id, "AWS_SECRET_ACCESS_KEY="+n.key.secret)
	f.cmd.Stderr = f.notes
	stdout, err := f.cmd.StdoutPipe()
	if err == nil {
		err = f.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.cmd.Process.Kill() })
	f.lines = bufio.NewReader(stdout)

	return f
}

// until reads refusals until one comes, and returns the request IDs before it.
func (f *follower) until(t *testing.T, id string) (before []string) {
	t.Helper()

	for {
		line, err := f.lines.ReadString('\n')
		if err != nil {
			t.Fatalf("%v\n%s", err, f.notes)
		}
		var refusal struct{ RequestId string }
		if err := json.Unmarshal([]byte(line), &refusal); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if refusal.RequestId == id {
			return before
		}
		before = append(before, refusal.RequestId)
	}
}

// A person follows refusals while the server is killed and started again: the list goes on with what the new
// process refuses, none twice, and tells that some may be missing.
func TestFollowAKilledServer(t *testing.T) {
	t.Parallel()

	c := newCluster(t)
	n := c.node(t, c.database)
	shown := n.refuse(t)
	f := n.follow(t)
	f.until(t, shown)
	shown = n.refuse(t)
	f.until(t, shown)

	if err := n.stop(syscall.SIGKILL); err == nil {
		t.Fatal("the node ended without being killed")
	}
	n = c.nodeAt(t, c.database, strings.TrimPrefix(n.url, "http://"))
	first := n.refuse(t)
	if before := f.until(t, first); len(before) != 0 {
		t.Errorf("shown again: %v", before)
	}

	// A node that has just begun does not know who is gone, so a later answer tells it.
	const told = "warning: Refusals may be missing: 1 node stopped or started again since the last answer.\n"
	for !strings.Contains(f.notes.String(), told) {
		if before := f.until(t, n.refuse(t)); len(before) != 0 {
			t.Errorf("more than was refused: %v", before)
		}
	}
	if !strings.Contains(f.notes.String(), "trying again in 1s") || strings.Count(f.notes.String(), told) != 1 {
		t.Errorf("notes: %s", f.notes)
	}
	if err := f.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_, _ = f.lines.ReadString(0)
	if err := f.cmd.Wait(); err != nil {
		t.Errorf("stopped by a person: %v", err)
	}
}
