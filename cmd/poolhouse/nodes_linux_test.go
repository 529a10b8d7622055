package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/smithy-go"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/listentest"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// cluster is an initialised PostgreSQL for several nodes.
type cluster struct {
	database  string
	masterKey string // its file
	key       accessKey
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{database: pgtest.URL(t), masterKey: filepath.Join(t.TempDir(), "master.key")}
	c.key = initialised(t, c.settings(c.database)...)

	return c
}

func (c *cluster) settings(database string) []string {
	return []string{"--database", database, "--master-key-file", c.masterKey}
}

// output is what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(text)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// clusterNode is `poolhouse serve` on the database of a cluster.
type clusterNode struct {
	*process
	url   string
	log   *output
	key   accessKey
	pools *ci.Client
	admin *apply.Client
}

// node starts a node that finds the database at a URL.
func (c *cluster) node(t *testing.T, database string) *clusterNode {
	t.Helper()
	return c.nodeAt(t, database, listentest.FreeAddress(t))
}

func (c *cluster) nodeAt(t *testing.T, database, address string) *clusterNode {
	t.Helper()
	n := &clusterNode{url: "http://" + address, log: &output{}, key: c.key}
	cmd := exec.CommandContext(context.Background(), "poolhouse", append([]string{"serve", "--issuer-url", n.url,
		"--listen", address, "--log-level", "warn", "--token-algorithm", "ES256", "--lame-duck", "0"},
		c.settings(database)...)...)
	cmd.Stderr = n.log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n.process = &process{cmd: cmd, out: bufio.NewReader(stdout)}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		if t.Failed() {
			t.Logf("the log of %s:\n%s", n.url, n.log)
		}
	})
	waitReady(t, n.url)

	n.pools = clientOf(n.url, c.key.id, c.key.secret)
	n.admin = &apply.Client{
		Endpoint:    func(string) string { return n.url },
		Credentials: sigv4.Credentials{AccessKeyID: c.key.id, SecretAccessKey: c.key.secret},
		Region:      "us-east-1",
		IAMRegion:   "us-east-1",
		HTTP:        &http.Client{Timeout: time.Minute},
		Now:         time.Now,
	}

	return n
}

// refuse makes the node refuse a call, and returns the request ID.
func (n *clusterNode) refuse(t *testing.T) string {
	t.Helper()
	_, err := n.pools.GetId(t.Context(), &ci.GetIdInput{
		IdentityPoolId: aws.String("us-east-1:00000000-0000-4000-8000-000000000000"),
	})
	refused, is := errors.AsType[*smithy.OperationError](err)
	if !is {
		t.Fatalf("an unknown pool has identities, or the node is gone: %v", err)
	}
	response, is := errors.AsType[interface {
		error
		ServiceRequestID() string
	}](refused)
	if !is {
		t.Fatal(err)
	}

	return response.ServiceRequestID()
}

// nodeRefusals is an answer of ListRefusals.
type nodeRefusals struct {
	Refusals []struct{ RequestId, Node string }
	Next     string
	Skipped  int
	Nodes    struct {
		Silent  []string
		Alone   bool
		Gone    int
		Warning string
	}
}

func (l *nodeRefusals) has(ids ...string) bool {
	for _, id := range ids {
		if l.nodeOf(id) == "" {
			return false
		}
	}
	return true
}

// nodeOf returns the name of the node that refused a call.
func (l *nodeRefusals) nodeOf(id string) string {
	for _, r := range l.Refusals {
		if r.RequestId == id {
			return r.Node
		}
	}
	return ""
}

func (n *clusterNode) call(t *testing.T, operation string, in map[string]any, out any) {
	t.Helper()
	if err := n.admin.Admin(t.Context(), operation, in, out); err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
}

func (n *clusterNode) refusals(t *testing.T, in map[string]any) (list nodeRefusals) {
	t.Helper()
	if in == nil {
		in = map[string]any{}
	}
	n.call(t, "ListRefusals", in, &list)
	return list
}

// explains asks why a call was refused, and returns the error.
func (n *clusterNode) explains(t *testing.T, id string) error {
	t.Helper()
	var out struct{ RequestId string }
	return n.admin.Admin(t.Context(), "Explain", map[string]any{"RequestId": id}, &out)
}

// meet waits until each node shows the refusals of all, and returns the last ones and the nodes' names.
func meet(t *testing.T, nodes ...*clusterNode) (ids, names []string) {
	t.Helper()
	wiretest.Await(t, func() bool {
		ids, names = nil, nil
		for _, n := range nodes {
			ids = append(ids, n.refuse(t))
		}
		for _, n := range nodes {
			if list := n.refusals(t, nil); !list.has(ids...) || list.Nodes.Warning != "" {
				return false
			}
		}
		return true
	})

	list := nodes[0].refusals(t, nil)
	for _, id := range ids {
		names = append(names, list.nodeOf(id))
	}

	return ids, names
}

// A node is killed, another hangs, while people ask the rest: who is left answers, names the missing node and goes
// on. A node that hung, or is started again, is heard again.
func TestNodeIsKilled(t *testing.T) {
	t.Parallel()

	c := newCluster(t)
	a, b, k := c.node(t, c.database), c.node(t, c.database), c.node(t, c.database)
	ids, names := meet(t, a, b, k)
	next := b.refusals(t, nil).Next

	waiting := make(chan nodeRefusals, 1)
	go func() {
		defer close(waiting)
		waiting <- b.refusals(t, map[string]any{"After": next, "WaitSeconds": 20})
	}()
	wiretest.Await(t, func() bool { return a.refusals(t, nil).Nodes.Warning == "" })
	if err := k.stop(syscall.SIGKILL); err == nil {
		t.Fatal("the node ended without being killed")
	}

	news := a.refuse(t)
	if list := <-waiting; !list.has(news) {
		t.Errorf("the call that waited has %+v, want %s", list, news)
	}
	for _, n := range []*clusterNode{a, b} {
		list := n.refusals(t, nil)
		if !list.has(ids[0], ids[1], news) || list.has(ids[2]) || list.Nodes.Alone ||
			!slices.Equal(list.Nodes.Silent, names[2:]) || !strings.Contains(list.Nodes.Warning, names[2]) {
			t.Errorf("after the kill: %+v, want all but %s of %s", list, ids[2], names[2])
		}
		if err := n.explains(t, ids[2]); err == nil || !strings.Contains(err.Error(), names[2]) {
			t.Errorf("Explain of a refusal that is lost: %v", err)
		}
		if err := errors.Join(n.explains(t, ids[0]), n.explains(t, ids[1])); err != nil {
			t.Errorf("Explain: %v", err)
		}
	}

	// One that hangs is silent, and has all its refusals when it goes on.
	if err := b.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	list := a.refusals(t, nil)
	if want := slices.Sorted(slices.Values(names[1:])); !slices.Equal(list.Nodes.Silent, want) || list.has(ids[1]) {
		t.Errorf("while another hangs: %+v, want silent %v", list, want)
	}
	if err := b.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	wiretest.Await(t, func() bool {
		list = a.refusals(t, nil)
		return list.has(ids[1]) && slices.Equal(list.Nodes.Silent, names[2:])
	})

	k = c.nodeAt(t, c.database, strings.TrimPrefix(k.url, "http://"))
	id := k.refuse(t)
	wiretest.Await(t, func() bool {
		return a.explains(t, id) == nil && b.explains(t, id) == nil && k.explains(t, ids[0]) == nil
	})
	if list = b.refusals(t, nil); !list.has(id, ids[0]) {
		t.Errorf("after the new start: %+v", list)
	}
}

// command runs a command of the program on a node, with the cluster's key, and returns what it prints and notes.
func (n *clusterNode) command(t *testing.T, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, notes strings.Builder
	cmd := exec.CommandContext(t.Context(), "poolhouse", append(arguments, "--endpoint", n.url)...)
	cmd.Env = append(cmd.Environ(), "AWS_ACCESS_KEY_ID="+n.key.id, "AWS_SECRET_ACCESS_KEY="+n.key.secret)
	cmd.Stdout, cmd.Stderr = &out, &notes
	err = cmd.Run()

	return out.String(), notes.String(), err
}

// nodesStatus is an answer of GetServerStatus.
type nodesStatus struct {
	Nodes   []struct{ Node string }
	Silent  []string
	Alone   bool
	Warning string
}

// Behind PgBouncer with transaction pooling, nothing of LISTEN arrives. A node starts and works, knows its own
// refusals and status only, and says so in its log, in its answers and in commands.
func TestTransactionPooling(t *testing.T) {
	t.Parallel()

	c := newCluster(t)
	// Statements that are prepared once for a connection are not there on the next one.
	behind := pgtest.PgBouncer(t, c.database, pgtest.TransactionPooling) + "&default_query_exec_mode=exec"
	a, b := c.node(t, behind), c.node(t, behind)
	own, foreign := a.refuse(t), b.refuse(t)

	wiretest.Await(t, func() bool { return strings.Contains(a.log.String(), "GetServerStatus") })
	if log := a.log.String(); !strings.Contains(log, "this node does not hear the other nodes") ||
		!strings.Contains(log, "pool_mode = session") {
		t.Errorf("the log: %s", log)
	}

	list := a.refusals(t, nil)
	if !list.Nodes.Alone || !strings.Contains(list.Nodes.Warning, "pool_mode = session") ||
		!list.has(own) || list.has(foreign) {
		t.Errorf("ListRefusals: %+v, want %s and not %s", list, own, foreign)
	}
	if err := a.explains(t, foreign); err == nil || !strings.Contains(err.Error(), "Only the refusals of the node") {
		t.Errorf("Explain of another node's refusal: %v", err)
	}
	if err := a.explains(t, own); err != nil {
		t.Errorf("Explain: %v", err)
	}
	var status nodesStatus
	a.call(t, "GetServerStatus", map[string]any{}, &status)
	if !status.Alone || len(status.Nodes) != 1 || !strings.Contains(status.Warning, "Only the status of the node") {
		t.Errorf("GetServerStatus: %+v", status)
	}

	for _, arguments := range [][]string{{"status"}, {"status", "--json"}, {"explain"}, {"explain", "--json"}} {
		_, notes, err := a.command(t, arguments...)
		if err != nil || !strings.Contains(notes, "warning: Only the ") || strings.Count(notes, "\n") != 1 {
			t.Errorf("%v notes %q, %v", arguments, notes, err)
		}
	}
	if _, notes, err := a.command(t, "explain", foreign); err == nil || !strings.Contains(notes, "Only the refusals") {
		t.Errorf("explain of another node's refusal: %q, %v", notes, err)
	}
}

// Behind PgBouncer with session pooling, nodes hear each other as without it.
func TestSessionPooling(t *testing.T) {
	t.Parallel()

	c := newCluster(t)
	behind := pgtest.PgBouncer(t, c.database, pgtest.SessionPooling)
	a, b, direct := c.node(t, behind), c.node(t, behind), c.node(t, c.database)
	ids, _ := meet(t, a, b, direct)

	for _, n := range []*clusterNode{a, b, direct} {
		list := n.refusals(t, nil)
		if list.Nodes.Alone || list.Nodes.Warning != "" || !list.has(ids...) {
			t.Errorf("ListRefusals: %+v", list)
		}
		var status nodesStatus
		n.call(t, "GetServerStatus", map[string]any{}, &status)
		if status.Alone || len(status.Nodes) != 3 || status.Warning != "" {
			t.Errorf("GetServerStatus: %+v", status)
		}
		if strings.Contains(n.log.String(), "does not hear") {
			t.Errorf("the log: %s", n.log)
		}
	}
	if out, notes, err := a.command(t, "status"); err != nil || notes != "" || strings.Count(out, "\nnode ") != 3 {
		t.Errorf("status: %v\n%s%s", err, out, notes)
	}

	next := a.refusals(t, nil).Next
	waiting := make(chan nodeRefusals, 1)
	go func() {
		defer close(waiting)
		waiting <- a.refusals(t, map[string]any{"After": next, "WaitSeconds": 20})
	}()
	id := b.refuse(t)
	if list := <-waiting; !list.has(id) {
		t.Errorf("the call that waited has %+v, want %s", list, id)
	}
}
