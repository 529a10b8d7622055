//go:build extended

package main

import (
	"context"
	"database/sql"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
)

// identities returns the number of identities of the only pool, as a node shows it.
func (n *clusterNode) identities(t *testing.T) int64 {
	t.Helper()
	var list struct{ Pools []struct{ Identities *int64 } }
	n.call(t, "ListPoolSummaries", map[string]any{}, &list)
	if len(list.Pools) != 1 || list.Pools[0].Identities == nil {
		t.Fatalf("%+v", list)
	}
	return *list.Pools[0].Identities
}

// A recount corrects the numbers while two nodes go on to make identities: none is lost, none counted twice. On a
// terminal it shows how far it is.
func TestRecountBesideNodes(t *testing.T) {
	t.Parallel()

	c := newCluster(t)
	nodes := []*clusterNode{c.node(t, c.database), c.node(t, c.database)}
	pool, err := nodes[0].pools.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName:               aws.String("p"),
		AllowUnauthenticatedIdentities: true,
	})
	if err != nil {
		t.Fatal(err)
	}

	signingUp, stop := context.WithCancel(t.Context())
	defer stop()
	var signUps sync.WaitGroup
	made := make([]int64, len(nodes))
	first := make(chan bool, 2*len(nodes))
	for i, n := range nodes {
		signUps.Go(func() {
			for signingUp.Err() == nil {
				_, err := n.pools.GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: pool.IdentityPoolId})
				if err != nil {
					continue // too many calls
				}
				if made[i]++; made[i] <= 2 {
					first <- true
				}
			}
		})
	}
	for range cap(first) {
		<-first
	}

	db, err := sql.Open("pgx", c.database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	for _, n := range nodes {
		n.identities(t) // stores what it has counted, so that there is a number to spoil
	}
	const lost = 100_000
	if _, err := db.ExecContext(t.Context(), `UPDATE pool_counts SET identities = identities - $1`, lost); err != nil {
		t.Fatal(err)
	}
	if got := nodes[0].identities(t); got > 0 {
		t.Fatalf("the number is not spoilt: %d", got)
	}

	person, programs := pseudoTerminal(t)
	shown := make(chan string, 1)
	go func() { shown <- readUntilEnd(person) }() // a full terminal would stop the command
	recount := exec.CommandContext(t.Context(), "poolhouse", append([]string{"recount"}, c.settings(c.database)...)...)
	recount.Env = append(recount.Environ(), "TERM=xterm")
	recount.Stderr = programs
	out, err := recount.Output()
	if err != nil || !strings.Contains(string(out), "corrected the number of 1 pools.") ||
		strings.Contains(string(out), "\r") {
		t.Errorf("recount: %q, %v", out, err)
	}
	if _, err := programs.WriteString("\nend"); err != nil {
		t.Fatal(err)
	}
	bar := <-shown
	for _, want := range []string{"\r[........................] 0 of 1 pools", "waiting for servers",
		"\r[########################] 1 of 1 pools"} {
		if !strings.Contains(bar, want) {
			t.Errorf("the bar lacks %q: %q", want, bar)
		}
	}

	stop()
	signUps.Wait()
	for _, n := range nodes {
		n.identities(t) // stores what it has counted
	}
	var there int64
	err = db.QueryRowContext(t.Context(), `SELECT count(*) FROM identities`).Scan(&there)
	if got := nodes[0].identities(t); err != nil || got != there || there < made[0]+made[1] || made[0]+made[1] < 10 {
		t.Errorf("%d identities are shown, %d were made and %d are there; %v", got, made[0]+made[1], there, err)
	}
}
