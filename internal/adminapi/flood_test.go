//go:build extended

package adminapi_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver named pgx

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/traces"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// heap returns the bytes that are in use in this process.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what has finalizers goes with the second
	runtime.ReadMemStats(&m)

	return int64(m.HeapAlloc) //nolint:gosec // far below its bound
}

// written returns how many rows were ever written in the database, as its sessions have reported by now.
func written(t *testing.T, db *sql.DB) (rows int64) {
	t.Helper()
	err := db.QueryRowContext(t.Context(), `SELECT tup_inserted + tup_updated + tup_deleted
		FROM pg_stat_database WHERE datname = current_database()`).Scan(&rows)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// flood makes a node refuse calls of many clients at once. Each must be refused for its token, and not for the load.
func flood(t *testing.T, s *wiretest.Server, pool string, calls int) {
	t.Helper()
	body := `{"IdentityPoolId":"` + pool + `","Logins":{"` + wiretest.DevInfo(s).LoginKey + `":"no token"}}`
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for range calls / 8 {
				got := s.Raw(t, "GetId", body, false)
				if got.Status != http.StatusBadRequest || !strings.Contains(got.Body, "NotAuthorizedException") {
					t.Errorf("%d %s", got.Status, got.Body)
				}
			}
		})
	}
	clients.Wait()
}

// floodReader follows refusals at a node.
type floodReader struct {
	node    *wiretest.Server
	next    string
	seen    map[string]bool
	skipped int
}

// read reads until the refusals that were listed or skipped are so many.
func (r *floodReader) read(t *testing.T, until int) {
	t.Helper()

	for len(r.seen)+r.skipped < until && !t.Failed() {
		answer := r.node.AdminCall(t, "ListRefusals", "{"+strings.Join([]string{
			member("After", r.next), member("WaitSeconds", 5), member("MaxResults", 200),
		}, ",")+"}")
		var list refusalList
		if err := json.Unmarshal([]byte(answer.Body), &list); err != nil || answer.Status != http.StatusOK {
			t.Errorf("%d %s", answer.Status, answer.Body)
			return
		}
		for _, id := range list.requests() {
			if r.seen[id] {
				t.Errorf("%s is listed twice", id)
			}
			r.seen[id] = true
		}
		r.next, r.skipped = list.Next, r.skipped+list.Skipped
	}
}

// A flood of refusals at one node, which a reader follows at another: each is listed or counted as skipped, exactly
// once. The node keeps no more than ever, and writes nothing for them.
func TestFloodAtAnotherNode(t *testing.T) {
	url := pgtest.URL(t)
	var nodes []*wiretest.Server
	for range 2 {
		nodes = append(nodes, wiretest.Start(t, noRates, func(c *poolhouse.Config) {
			c.DatabaseURL, c.MasterKey = url, []byte(strings.Repeat("k", 32))
		}))
	}
	pool := nodes[0].NewPool(t)
	wiretest.Await(t, func() bool { // the nodes hear each other
		refuse(t, nodes[0], pool, "no token")
		list := refusals(t, nodes[1])
		return len(list.Refusals) > 0 && list.Nodes.Warning == ""
	})
	db := wiretest.Must(sql.Open("pgx", url))(t)
	defer db.Close()

	reader := &floodReader{node: nodes[1], next: refusals(t, nodes[1]).Next, seen: map[string]bool{}}
	flood(t, nodes[0], pool, 400) // all caches and connections are there
	reader.read(t, 400)

	const calls = traces.Capacity
	follow := func(total int) {
		t.Helper()
		var reading sync.WaitGroup
		reading.Go(func() { reader.read(t, total) })
		flood(t, nodes[0], pool, calls)
		reading.Wait()
		if got := len(reader.seen) + reader.skipped; got != total {
			t.Errorf("%d listed and %d skipped, want %d", len(reader.seen), reader.skipped, total)
		}
	}
	rows, empty := written(t, db), heap()
	follow(400 + calls)
	full := heap()
	follow(400 + 2*calls)
	again := heap()
	runtime.KeepAlive(nodes)

	// The control: what the node keeps can be seen in the first flood. The reader's own list grows in both.
	if first, second := full-empty, again-full; first < 5<<20 || second > first/2 {
		t.Errorf("the first flood took %d bytes, the second %d more", first, second)
	}

	// No reader: the newest are listed, the others counted.
	flood(t, nodes[0], pool, calls+2000)
	reader.read(t, 400+3*calls+2000)
	if got := len(reader.seen) + reader.skipped; got != 400+3*calls+2000 || reader.skipped < 2000 {
		t.Errorf("%d listed and %d skipped", len(reader.seen), reader.skipped)
	}

	// Sessions report with a delay: those of the control, which come later, are waited for.
	const signUps = 400
	flooded := written(t, db) - rows
	for range signUps {
		wiretest.Must(nodes[0].Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool}))(t)
	}
	wiretest.Await(t, func() bool { return written(t, db)-rows-flooded >= signUps })
	if flooded > calls/20 {
		t.Errorf("%d rows were written for %d refusals", flooded, 3*calls+2000)
	}
	t.Logf("%d rows written; heap %d, %d, %d bytes; %d skipped", flooded, empty, full, again, reader.skipped)
}
