package adminapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// refusalList is an answer of ListRefusals.
type refusalList struct {
	Refusals []struct {
		RequestId, Operation, Outcome, Reason, Region string
		IdentityPoolId, ProviderName, Client          string
		SourceAddress, AccessKeyId, Node              string
		Time                                          float64
	}
	Next      string
	Skipped   int
	KeptSince float64
	Nodes     struct {
		Silent  []string
		Alone   bool
		Warning string
	}
}

// requests returns the request IDs of a list.
func (l refusalList) requests() (ids []string) {
	for _, r := range l.Refusals {
		ids = append(ids, r.RequestId)
	}
	return ids
}

// refusals calls ListRefusals with the development keys.
func refusals(t *testing.T, s *wiretest.Server, members ...string) (list refusalList) {
	t.Helper()
	answer := s.AdminCall(t, "ListRefusals", "{"+strings.Join(members, ",")+"}")
	if answer.Status != http.StatusOK {
		t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	if err := json.Unmarshal([]byte(answer.Body), &list); err != nil {
		t.Fatal(err)
	}

	return list
}

func member(name string, value any) string { return fmt.Sprintf("%q:%s", name, jsonOf(value)) }

func jsonOf(value any) string {
	text, _ := json.Marshal(value)
	return string(text)
}

// refuse makes the server refuse a login in a pool, and returns the request ID.
func refuse(t *testing.T, s *wiretest.Server, pool, token string) string {
	t.Helper()
	body := fmt.Sprintf(`{"IdentityPoolId":%q,"Logins":{%q:%q}}`, pool, wiretest.DevInfo(s).LoginKey, token)
	answer := s.Raw(t, "GetId", body, false, func(r *http.Request) {
		r.Header.Set("User-Agent", "aws-sdk-js/3.1 ua/2.1 app/shop")
	})
	if answer.Status == http.StatusOK {
		t.Fatal("the login is accepted")
	}

	return answer.Header.Get("X-Amzn-Requestid")
}

// A refusal tells the pool, the provider, the client, the address and the reason.
func TestListRefusals(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool, other := s.NewPool(t), s.NewPool(t)
		foreign := s.Token(t, "alice", func(r *poolhouse.DevTokenRequest) { r.Audience = "other-app" })

		first := refuse(t, s, pool, foreign)
		second := refuse(t, s, other, "no token")
		list := refusals(t, s, member("MaxResults", 2))
		if len(list.Refusals) != 2 || list.Refusals[0].RequestId != first || list.Refusals[1].RequestId != second {
			t.Fatalf("%+v", list)
		}

		r := list.Refusals[0]
		if r.IdentityPoolId != pool || r.ProviderName != wiretest.DevInfo(s).LoginKey || r.Client != "other-app" ||
			r.SourceAddress != "127.0.0.1" || r.Reason != "development-audience" && !strings.Contains(r.Reason, "audience") ||
			r.Operation != "GetId" || r.Outcome != "NotAuthorizedException" || r.Node == "" || r.Time == 0 {
			t.Errorf("%+v", r)
		}
		if r := list.Refusals[1]; r.Client != "shop" {
			t.Errorf("without a token that can be read: %+v", r)
		}
		if list.KeptSince == 0 || list.Skipped != 0 || list.Nodes.Alone || list.Nodes.Warning != "" {
			t.Errorf("%+v", list)
		}

		for _, filter := range []string{
			member("IdentityPoolId", pool), member("Reason", r.Reason), member("ProviderName", r.ProviderName),
		} {
			if got := refusals(t, s, filter, member("FromOldest", true)); len(got.Refusals) == 0 ||
				got.Refusals[0].RequestId != first {
				t.Errorf("%s: %+v", filter, got)
			}
		}
		for _, filter := range []string{
			member("IdentityPoolId", "us-east-1:none"), member("Reason", "none"), member("Operation", "GetID"),
			member("ProviderName", "none"),
		} {
			if got := refusals(t, s, filter); len(got.Refusals) != 0 {
				t.Errorf("%s: %+v", filter, got)
			}
		}

		empty := refusals(t, s, member("After", list.Next))
		third := refuse(t, s, pool, "no token")
		next := refusals(t, s, member("After", empty.Next))
		if len(empty.Refusals) != 0 || len(next.Refusals) != 1 || next.Refusals[0].RequestId != third {
			t.Errorf("%+v, then %+v", empty, next)
		}
	})
}

// A call that waits is answered when there is something new.
func TestListRefusalsWaits(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool := s.NewPool(t)
		filter := member("IdentityPoolId", pool)
		from := refusals(t, s, filter)

		got := make(chan refusalList, 1)
		go func() {
			defer close(got) // also if the call fails
			got <- refusals(t, s, member("After", from.Next), member("WaitSeconds", 20), filter)
		}()
		id := refuse(t, s, pool, "no token")
		if list := <-got; len(list.Refusals) != 1 || list.Refusals[0].RequestId != id {
			t.Errorf("%+v, want %s", list, id)
		}
	})
}

// startNodes starts servers on one PostgreSQL, and waits until they hear each other.
func startNodes(t *testing.T, count int) (nodes []*wiretest.Server) {
	t.Helper()
	url := pgtest.URL(t)
	for range count {
		nodes = append(nodes, wiretest.Start(t, func(c *poolhouse.Config) {
			c.DatabaseURL, c.MasterKey = url, bytes.Repeat([]byte{7}, 32)
		}))
	}

	return nodes
}

// Each of three nodes shows what the others have refused, as soon as it happens; and
// names one that does not answer any more.
func TestListRefusalsOfAllNodes(t *testing.T) {
	nodes := startNodes(t, 3)
	pool := nodes[0].NewPool(t)
	wiretest.Await(t, func() bool {
		for _, s := range nodes {
			id := refuse(t, s, pool, "no token")
			for _, at := range nodes {
				if at.AdminCall(t, "Explain", `{"RequestId":"`+id+`"}`).Status != http.StatusOK {
					return false
				}
			}
		}
		return true
	})

	for i, s := range nodes {
		from := refusals(t, s)
		got := make(chan refusalList, 1)
		go func() {
			defer close(got)
			got <- refusals(t, s, member("After", from.Next), member("WaitSeconds", 20))
		}()

		id := refuse(t, nodes[(i+1)%3], pool, "no token")
		list := <-got
		if len(list.Refusals) != 1 || list.Refusals[0].RequestId != id || list.Nodes.Warning != "" {
			t.Errorf("node %d: %+v, want %s", i, list, id)
		}
	}

	var lists [3]refusalList
	for i, s := range nodes {
		lists[i] = refusals(t, s, member("MaxResults", 200))
		if jsonOf(lists[i].requests()) != jsonOf(lists[0].requests()) {
			t.Errorf("node %d: %v, node 0: %v", i, lists[i].requests(), lists[0].requests())
		}
	}

	// Pages of any size have all, each once, wherever they are asked for.
	want := refusals(t, nodes[0], member("FromOldest", true), member("MaxResults", 200)).requests()
	var paged []string
	list := refusals(t, nodes[0], member("FromOldest", true), member("MaxResults", 2))
	for i := 0; len(list.Refusals) > 0; i++ {
		paged = append(paged, list.requests()...)
		list = refusals(t, nodes[i%3], member("After", list.Next), member("MaxResults", 2))
	}
	if jsonOf(paged) != jsonOf(want) || len(want) < 6 {
		t.Errorf("in pages %v, at once %v", paged, want)
	}
}
