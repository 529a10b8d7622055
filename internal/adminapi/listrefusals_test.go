package adminapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/traces"
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
		Gone    int
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
			r.SourceAddress != "127.0.0.1" || r.Reason != "token-audience-development" ||
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
			member("IdentityPoolId", "us-east-1:none"), member("Reason", "guest-rate"), member("Operation", "GetID"),
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
		nodes = append(nodes, wiretest.Start(t, noRates, func(c *poolhouse.Config) {
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

// After a new start of the server a list goes on, and tells once that the node with its first part is gone.
func TestListRefusalsAfterANewStart(t *testing.T) {
	for engine, database := range map[string]func(*testing.T) string{
		"sqlite":     func(*testing.T) string { return "" },
		"postgresql": func(t *testing.T) string { return pgtest.URL(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			dir, url := t.TempDir(), database(t)
			start := func() *wiretest.Server {
				return wiretest.Start(t, noRates, func(c *poolhouse.Config) {
					c.MasterKey = bytes.Repeat([]byte{7}, 32)
					if c.DatabaseURL = url; url == "" {
						c.DataDir = dir
					}
				})
			}
			s := start()
			pool := s.NewPool(t)
			refuse(t, s, pool, "no token")
			before := refusals(t, s)
			if again := refusals(t, s, member("After", before.Next)); again.Nodes.Gone != 0 {
				t.Errorf("before: %+v", again)
			}
			s.Stop()

			s = start()
			first, second := refuse(t, s, pool, "no token"), refuse(t, s, pool, "no token")
			var after refusalList
			wiretest.Await(t, func() bool {
				after = refusals(t, s, member("After", before.Next), member("MaxResults", 1))
				return after.Nodes.Gone > 0
			})
			if after.Nodes.Gone != 1 || !strings.Contains(after.Nodes.Warning, "1 node stopped or started again") ||
				jsonOf(after.requests()) != jsonOf([]string{first}) {
				t.Errorf("after: %+v, want %s", after, first)
			}
			rest := refusals(t, s, member("After", after.Next))
			if rest.Nodes.Gone != 0 || rest.Nodes.Warning != "" || rest.Skipped != 0 ||
				jsonOf(rest.requests()) != jsonOf([]string{second}) {
				t.Errorf("then: %+v, want %s", rest, second)
			}
		})
	}
}

// Bad members are refused with what is wrong; what another account, region or filter
// got as Next is not a position here.
func TestListRefusalsInput(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool := s.NewPool(t)
		refuse(t, s, pool, "no token")
		next := refusals(t, s).Next
		filtered := refusals(t, s, member("Reason", "guest-rate")).Next

		for _, body := range []string{
			member("After", ""), member("After", "x"), member("After", wiretest.Flip(next)), member("After", filtered),
			member("After", 1), member("After", strings.Repeat("x", 20_000)),
			member("WaitSeconds", -1), member("WaitSeconds", 21), member("WaitSeconds", "1"),
			member("MaxResults", 0), member("MaxResults", 201),
			member("IdentityPoolId", ""), member("IdentityPoolId", strings.Repeat("x", 56)),
			member("ProviderName", strings.Repeat("x", 513)), member("Reason", strings.Repeat("x", 129)),
			member("Operation", []int{1}), member("Reason", "nope"),
			member("After", next) + "," + member("FromOldest", true),
		} {
			if answer := s.AdminCall(t, "ListRefusals", "{"+body+"}"); answer.Status != http.StatusBadRequest {
				t.Errorf("%.80s: %d %s", body, answer.Status, answer.Body)
			}
		}
		if answer := s.AdminCall(t, "ListRefusals", "{"+member("After", next)+"}"); answer.Status != http.StatusOK {
			t.Errorf("the position itself: %s", answer.Body)
		}
		near := s.AdminCall(t, "ListRefusals", "{"+member("Reason", "token-audiense")+"}")
		if !strings.Contains(near.Body, "Do you mean token-audience?") {
			t.Errorf("a code that is nearly right: %s", near.Body)
		}
	})
}

// An account lists its own refusals; the home account also those of no account. Who has
// no permission, or another region, sees nothing.
func TestListRefusalsOfAccounts(t *testing.T) {
	const a, b = "111111111111", "222222222222"
	w := wiretest.StartTenants(t, []string{a, b})
	list := func(account string, members ...string) (list refusalList) {
		t.Helper()
		answer := w.Administer(t, account, "ListRefusals", "{"+strings.Join(members, ",")+"}")
		if err := json.Unmarshal([]byte(answer.Body), &list); err != nil || answer.Status != http.StatusOK {
			t.Fatalf("%d %s", answer.Status, answer.Body)
		}
		return list
	}

	own := *wiretest.Must(w.Pools(a).CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("p"),
	}))(t).IdentityPoolId
	id := refuse(t, w.Server, own, "no token")
	if got := list(a); jsonOf(got.requests()) != jsonOf([]string{id}) || got.Refusals[0].IdentityPoolId != own {
		t.Errorf("the pool's account: %+v", got)
	}
	if got := list(b); len(got.Refusals) != 0 {
		t.Errorf("another account: %+v", got)
	}
	if answer := w.Administer(t, b, "ListRefusals", "{"+member("After", list(a).Next)+"}"); answer.Status != 400 {
		t.Errorf("another account's position: %s", answer.Body)
	}

	unknown := refuse(t, w.Server, "us-east-1:11111111-2222-4333-8444-555555555555", "no token")
	home := jsonOf(list(wiretest.HomeAccount, member("FromOldest", true)).requests())
	if !strings.Contains(home, unknown) || strings.Contains(home, id) {
		t.Errorf("the home account: %s", home)
	}
	if got := list(a); strings.Contains(jsonOf(got.requests()), unknown) {
		t.Errorf("a call that reached no account is shown to %s", a)
	}

	body := "{}"
	elsewhere := w.Raw(t, "", body, false, func(r *http.Request) {
		r.Header.Set("X-Amz-Target", "PoolhouseAdmin.ListRefusals")
		key := w.Keys[a]
		wiretest.SignWith(t, r, body, "poolhouse", "eu-west-1", key.AccessKeyID, key.SecretAccessKey)
	})
	if elsewhere.Status != http.StatusOK || strings.Contains(elsewhere.Body, id) {
		t.Errorf("another region: %s", elsewhere.Body)
	}

	key, secret, err := w.AccessKeys(t).Create(t.Context(), iam.NewAccessKey{
		Account: a,
		Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"poolhouse:Explain",` +
			`"Resource":"*"}]}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	denied := w.Raw(t, "", body, false, func(r *http.Request) {
		r.Header.Set("X-Amz-Target", "PoolhouseAdmin.ListRefusals")
		wiretest.SignWith(t, r, body, "poolhouse", wiretest.Region, key.ID, secret)
	})
	if denied.Status == http.StatusOK || !strings.Contains(denied.Body, "poolhouse:ListRefusals") {
		t.Errorf("without permission: %d %s", denied.Status, denied.Body)
	}
}

// One account's waits are bounded, and end when the server stops.
func TestListRefusalsWaitsAreBounded(t *testing.T) {
	s := wiretest.Start(t)
	filter := member("Reason", "guest-rate") // or the refused ninth call would end the eight waits
	from := refusals(t, s, filter)
	waiting := "{" + member("After", from.Next) + "," + member("WaitSeconds", 20) + "," + filter + "}"
	answers := make(chan wiretest.Answer, traces.MaxAccountWaits+1)
	for range cap(answers) {
		go func() { answers <- s.AdminCall(t, "ListRefusals", waiting) }()
	}

	refused := <-answers // so that eight wait, and what is there already is answered at once
	pool := s.NewPool(t)
	id := refuse(t, s, pool, "no token")
	list := refusals(t, s, member("WaitSeconds", 20), member("FromOldest", true), member("IdentityPoolId", pool))
	if jsonOf(list.requests()) != jsonOf([]string{id}) {
		t.Errorf("while others wait: %+v", list)
	}
	if refused.Status == http.StatusOK || !strings.Contains(refused.Body, "TooManyRequestsException") {
		t.Errorf("%d %s", refused.Status, refused.Body)
	}

	s.Stopping()
	for range traces.MaxAccountWaits {
		if answer := <-answers; answer.Status != http.StatusOK {
			t.Errorf("a wait ends with %d %s", answer.Status, answer.Body)
		}
	}
}

// A node to which notifications do not come says so, and shows its own.
func TestListRefusalsWithoutNotifications(t *testing.T) {
	url := pgtest.URL(t)
	proxy, behind := pgtest.NewProxy(t, url)
	proxy.Set(&pgtest.Rule{Client: "LISTEN", Action: pgtest.Cut})

	start := func(url string) *wiretest.Server {
		return wiretest.Start(t, func(c *poolhouse.Config) {
			c.DatabaseURL, c.MasterKey = url, bytes.Repeat([]byte{7}, 32)
		})
	}
	alone, other := start(behind), start(url)
	pool := alone.NewPool(t)
	refuse(t, other, pool, "no token")
	id := refuse(t, alone, pool, "no token")

	list := refusals(t, alone)
	if !list.Nodes.Alone || list.Nodes.Warning == "" || jsonOf(list.requests()) != jsonOf([]string{id}) {
		t.Errorf("%+v", list)
	}
	if proxy.Acted() == 0 {
		t.Error("the proxy did not act")
	}
	answer := alone.AdminCall(t, "Explain", `{"RequestId":"3b2f6c1e-5f0e-4b7e-9d57-0d4b8f3f1c55"}`)
	if !strings.Contains(answer.Body, "Only the refusals of the node") {
		t.Errorf("Explain does not tell that it knows one node: %s", answer.Body)
	}
}

// Two thousand refusals and more come while somebody watches: each is listed once, or
// counted as skipped, and no more are kept than ever.
func TestListRefusalsOfAFlood(t *testing.T) {
	nodes := startNodes(t, 2)
	pool := nodes[0].NewPool(t)
	from := refusals(t, nodes[0])

	const calls = 1200 // at each node
	done := make(chan struct{})
	go func() {
		defer close(done)

		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				for range 2 * calls / 8 {
					refuse(t, nodes[n%2], pool, "no token")
				}
			})
		}
		all.Wait()
	}()

	seen := map[string]bool{}
	skipped, empty := 0, 0
	for empty < 2 {
		members := []string{member("After", from.Next), member("WaitSeconds", 1), member("MaxResults", 200)}
		answer := nodes[0].AdminCall(t, "ListRefusals", "{"+strings.Join(members, ",")+"}")
		var list refusalList
		if err := json.Unmarshal([]byte(answer.Body), &list); err != nil || answer.Status != http.StatusOK {
			t.Fatalf("%d %s", answer.Status, answer.Body)
		}
		from.Next, skipped = list.Next, skipped+list.Skipped
		for _, id := range list.requests() {
			if seen[id] {
				t.Fatalf("%s is listed twice", id)
			}
			seen[id] = true
		}

		select {
		case <-done:
			if len(list.Refusals) == 0 {
				empty++
			}
		default:
		}
	}
	if len(seen)+skipped < 2*calls {
		t.Errorf("%d seen and %d skipped of %d", len(seen), skipped, 2*calls)
	}
}
