package adminapi_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/traces"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// A refused signature is listed with the key that it names, and that this is unproven.
// What may be a secret is not shown.
func TestRefusalsNameUnprovenKeys(t *testing.T) {
	const a, b = "111111111111", "222222222222"
	w := wiretest.StartTenants(t, []string{a, b})
	key := w.Keys[a]
	refused := func(id, secret string) string {
		answer := w.Raw(t, "ListIdentityPools", `{"MaxResults":1}`, false, func(r *http.Request) {
			wiretest.SignWith(t, r, `{"MaxResults":1}`, "cognito-identity", wiretest.Region, id, secret)
		})
		if answer.Status == http.StatusOK {
			t.Fatalf("%s is accepted", id)
		}
		return answer.Header.Get("X-Amzn-Requestid")
	}
	const unknown, mixedUp = "AKIAUNKNOWNUNKNOWN00", "wJalrXUtnFEMI0K7MDENG0bPxRfiCYEXAMPLEKEY"

	for _, test := range []struct{ request, account, shown string }{
		{refused(key.AccessKeyID, "wrong"), a, key.AccessKeyID},
		{refused(unknown, "x"), wiretest.HomeAccount, unknown},
		{refused(mixedUp, "x"), wiretest.HomeAccount, "(40 characters)"},
	} {
		for _, account := range []string{a, b, wiretest.HomeAccount} {
			var list struct {
				Refusals []struct {
					RequestId, AccessKeyId string
					KeyUnproven            bool
				}
			}
			answer := w.Administer(t, account, "ListRefusals", `{"FromOldest":true}`)
			if err := json.Unmarshal([]byte(answer.Body), &list); err != nil {
				t.Fatal(err)
			}

			found := false
			for _, r := range list.Refusals {
				found = found || r.RequestId == test.request && r.AccessKeyId == test.shown && r.KeyUnproven
			}
			if found != (account == test.account) || strings.Contains(answer.Body, mixedUp) {
				t.Errorf("%s, asked by %s: %s", test.shown, account, answer.Body)
			}
		}
	}
}

// A call for a pool that does not exist is listed with the start of the ID, and found by
// the whole ID, for who may see the call.
func TestRefusalsNameThePoolAskedFor(t *testing.T) {
	const a = "111111111111"
	w := wiretest.StartTenants(t, []string{a})
	foreign := w.NewPool(t)
	const absent = "us-east-1:11111111-2222-4333-8444-555555555555"
	list := func(account string) string {
		return w.Administer(t, account, "ListRefusals", "{"+member("IdentityPoolId", absent)+"}").Body
	}

	public := refuse(t, w.Server, absent, "no token")
	if got := list(wiretest.HomeAccount); !strings.Contains(got, public) ||
		!strings.Contains(got, `"us-east-1:11111111…"`) || strings.Contains(got, absent) {
		t.Errorf("the home account: %s", got)
	}
	if got := list(a); strings.Contains(got, public) {
		t.Errorf("another account: %s", got)
	}

	body := fmt.Sprintf(`{"IdentityPoolId":%q}`, foreign)
	signed := w.Raw(t, "DescribeIdentityPool", body, false, func(r *http.Request) {
		key := w.Keys[a]
		wiretest.SignWith(t, r, body, "cognito-identity", wiretest.Region, key.AccessKeyID, key.SecretAccessKey)
	}).Header.Get("X-Amzn-Requestid")
	got := w.Administer(t, a, "ListRefusals", "{"+member("IdentityPoolId", foreign)+"}").Body
	if !strings.Contains(got, signed) || strings.Contains(got, "KeyUnproven") {
		t.Errorf("a foreign pool, for its asker: %s", got)
	}
	owner := w.Administer(t, wiretest.HomeAccount, "ListRefusals", "{"+member("IdentityPoolId", foreign)+"}").Body
	if strings.Contains(owner, signed) {
		t.Errorf("the pool's owner learns who looked for it: %s", owner)
	}
}

// All waits that a node allows leave room for other calls of administrators, are no
// measure of how long calls take, and end when the server stops.
func TestWaitsHoldUpNobody(t *testing.T) {
	var accounts []string
	for n := range traces.MaxWaits / traces.MaxAccountWaits {
		accounts = append(accounts, fmt.Sprintf("%012d", 111111111111+n))
	}
	var log wiretest.SafeBuffer
	w := wiretest.StartTenants(t, accounts, func(c *poolhouse.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	})

	waiting := "{" + member("WaitSeconds", 20) + "," + member("Reason", "guest-rate") + "}"
	var waits sync.WaitGroup
	for _, account := range accounts {
		waits.Add(traces.MaxAccountWaits)
		for range traces.MaxAccountWaits {
			go func() {
				defer waits.Done()
				if got := w.Administer(t, account, "ListRefusals", waiting); got.Status != http.StatusOK {
					t.Errorf("%d %s", got.Status, got.Body)
				}
			}()
		}
	}
	wiretest.Await(t, func() bool {
		return w.Figure(t, `poolhouse_calls_in_flight{class="administration"}`) >= traces.MaxWaits
	})

	for range 20 {
		if got := w.Administer(t, accounts[0], "ListPoolSummaries", "{}"); got.Status != http.StatusOK {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}

	w.Stopping()
	waits.Wait()
	wiretest.Await(t, func() bool { return strings.Count(log.String(), `"waited"`) == traces.MaxWaits })
	if got := w.Figure(t, `poolhouse_calls_in_flight{class="administration"}`); got != 0 {
		t.Errorf("%v calls are still in flight", got)
	}
}
