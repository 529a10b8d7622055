package adminapi_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/adminapi"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// lookupsOf returns the names of the API's operations: those that only look, and the others.
func lookupsOf() (lookups, others []string) {
	for _, o := range adminapi.New(adminapi.Options{}).Operations() {
		if o.IsLookup() {
			lookups = append(lookups, o.Name())
		} else {
			others = append(others, o.Name())
		}
	}

	return lookups, others
}

// Each operation of the API only looks, or is one of these.
func TestOperationsThatAreNoLookups(t *testing.T) {
	_, others := lookupsOf()
	slices.Sort(others)
	want := []string{
		"CreateAccessKey", "CreateIdentityPoolWithId", "DeleteAccessKey", "LoadIdentities", "RetireSigningKey",
		"RevokeSessions", "RotateSigningKeys", "SignOut", "UpdateAccessKey", "VerifySession",
	}
	if !slices.Equal(others, want) {
		t.Errorf("%q", others)
	}
}

// Whoever looks things up that are not there does not fill the list of refusals, and finds such a call
// by its own ID. Calls without permission, even those that cannot be read, and calls that would change something, are
// in the list.
func TestLookupsAreNotListed(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		lookups, _ := lookupsOf()
		inputs := []string{
			`{`, `{}`, `{"After":7}`,
			`{"RequestId":"none","NextToken":"x","After":"x","Step":1,"IdentityPoolId":"us-east-1:none"}`,
		}
		var refused []string
		for _, operation := range lookups {
			before := len(refused)
			for _, input := range inputs {
				if a := s.AdminCall(t, operation, input); a.Status != http.StatusOK {
					refused = append(refused, a.Header.Get("X-Amzn-Requestid"))
				}
			}
			if len(refused) == before {
				t.Errorf("%s refuses none of the inputs", operation)
			}
		}
		if list := refusals(t, s, member("FromOldest", true)); len(list.Refusals) > 0 || list.Skipped > 0 {
			t.Errorf("%+v", list)
		}
		for _, id := range refused {
			if a := s.AdminCall(t, "Explain", `{"RequestId":"`+id+`"}`); a.Status != http.StatusOK {
				t.Errorf("%s is not found: %s", id, a.Body)
			}
		}

		reader := replaceKey(t, s, wireLink{Kind: "access-key"}, wiretest.ReadPools)
		denied := reader.send(t, wireCall{"poolhouse", "Explain", `{"RequestId":"none"}`})
		unread := reader.send(t, wireCall{"poolhouse", "Explain", `{`})
		forged := reader
		forged.key.SecretAccessKey += "x"
		unproven := forged.send(t, wireCall{"poolhouse", "Explain", `{"RequestId":"none"}`})
		change := s.AdminCall(t, "DeleteAccessKey", `{"AccessKeyId":"AKIANOSUCHKEY0000000"}`)
		var want []string
		for _, a := range []wiretest.Answer{denied, unread, unproven, change} {
			want = append(want, a.Header.Get("X-Amzn-Requestid"))
		}
		if list := refusals(t, s, member("FromOldest", true)); !slices.Equal(list.requests(), want) {
			t.Errorf("%q, want %q", list.requests(), want)
		}
	}, noRates, func(c *poolhouse.Config) { c.TokenAlgorithm = "ES256" })
}

// An operation may deny a caller whom policies allow: such a call is in the list, too.
func TestLookupsOfOthersAreListed(t *testing.T) {
	w := wiretest.StartTenants(t, []string{wiretest.Stranger}, noRates)
	denied := w.Administer(t, wiretest.Stranger, "GetServerStatus", `{}`)
	unread := w.Administer(t, wiretest.Stranger, "GetServerStatus", `{`)
	if denied.Status != http.StatusBadRequest || unread.Status != http.StatusBadRequest {
		t.Errorf("%s %s", denied.Body, unread.Body)
	}

	list := w.Administer(t, wiretest.Stranger, "ListRefusals", `{"FromOldest":true}`)
	got := decoded[refusalList](t, list).requests()
	if want := []string{denied.Header.Get("X-Amzn-Requestid")}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
