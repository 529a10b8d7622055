package adminapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/nodes"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// statusOfAll reads the part about nodes of GetServerStatus's answer.
type statusOfAll struct {
	Version string
	Nodes   []struct {
		Node    string
		Started float64
		Store   struct {
			Engine    string
			Reachable bool
		}
		Load []struct{ Class string }
	}
	Silent  []string
	Alone   bool
	Warning string
}

func statusOf(t *testing.T, s *wiretest.Server) (status statusOfAll) {
	t.Helper()
	answer := s.AdminCall(t, "GetServerStatus", `{}`)
	if err := json.Unmarshal([]byte(answer.Body), &status); err != nil || answer.Status != http.StatusOK {
		t.Fatalf("%d %s", answer.Status, answer.Body)
	}

	return status
}

func (s statusOfAll) names() (names []string) {
	for _, node := range s.Nodes {
		names = append(names, node.Node)
	}
	return names
}

// mortal carries the messages of a node until the node dies, which then says goodbye to nobody.
type mortal struct {
	nodes.Carrier
	dead atomic.Bool
}

func (m *mortal) Send(ctx context.Context, messages []string) error {
	if m.dead.Load() {
		return nil
	}
	return m.Carrier.Send(ctx, messages)
}

func (m *mortal) Listen(ctx context.Context, listening func(), receive func(string)) error {
	return m.Carrier.Listen(ctx, listening, func(message string) {
		if !m.dead.Load() {
			receive(message)
		}
	})
}

// startMortal starts a node, without APIs, that answers each question for its status until it dies.
func startMortal(t *testing.T, url string, master []byte) (*mortal, *nodes.Nodes) {
	t.Helper()
	db := wiretest.Must(store.Open(t.Context(), store.Options{URL: url}))(t)
	carrier := &mortal{Carrier: db.Notices()}
	node := nodes.New(nodes.Options{
		Carrier: carrier,
		Sealer:  wiretest.Must(envelope.New(master))(t),
		Name:    "mortal",
		Now:     time.Now,
		Logger:  slog.New(slog.DiscardHandler),
	})
	node.Handle("status", func(context.Context, []byte) []byte {
		return []byte(`{"Store":{"Engine":"postgresql","Reachable":true}}`)
	})

	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		node.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
		_ = db.Close()
	})

	return carrier, node
}

// Each of three nodes shows itself first, and the others; the one that died is named, and
// nobody waits for it twice.
func TestServerStatusOfAllNodes(t *testing.T) {
	url, master := pgtest.URL(t), bytes.Repeat([]byte{7}, 32)
	var servers []*wiretest.Server
	for range 2 {
		servers = append(servers, wiretest.Start(t, func(c *poolhouse.Config) {
			c.DatabaseURL, c.MasterKey = url, master
		}))
	}
	carrier, third := startMortal(t, url, master)

	var first []string
	for i, s := range servers {
		var got statusOfAll
		wiretest.Await(t, func() bool {
			got = statusOf(t, s)
			return len(got.Nodes) == 3 && len(got.Silent) == 0
		})

		names := got.names()
		if got.Alone || got.Warning != "" || !slices.Contains(names, third.Name()) {
			t.Errorf("%+v", got)
		}
		for _, node := range got.Nodes {
			if !node.Store.Reachable || node.Store.Engine != "postgresql" {
				t.Errorf("%+v", node)
			}
			if node.Node != third.Name() && (node.Started < 1e9 || len(node.Load) < 3) {
				t.Errorf("%+v", node)
			}
		}
		if i > 0 && (names[0] == first[0] || !slices.Contains(first, names[0])) {
			t.Errorf("node %d is %s, and the first saw %v", i, names[0], first)
		}
		first = append(first, names...)
	}

	carrier.dead.Store(true)
	for _, s := range servers {
		var got statusOfAll
		wiretest.Await(t, func() bool {
			got = statusOf(t, s)
			return len(got.Nodes) == 2
		})
		if !slices.Equal(got.Silent, []string{third.Name()}) || got.Alone ||
			!strings.Contains(got.Warning, "Without the status of nodes that did not answer: "+third.Name()) {
			t.Errorf("%+v", got)
		}
	}
}
