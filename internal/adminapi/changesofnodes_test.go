package adminapi_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

// startThree starts three nodes of one PostgreSQL, with the home account and a stranger. They share their keys, and
// a clock that stands.
func startThree(t *testing.T) (nodes []*wiretest.Accounts, clock *poolhousetest.Clock) {
	t.Helper()
	url := pgtest.URL(t)
	clock = poolhousetest.NewClock()
	first := wiretest.StartTenants(t, []string{wiretest.Stranger}, noRates, clock.AddTo, func(c *poolhouse.Config) {
		c.DatabaseURL = url
	})

	nodes = append(nodes, first)
	for range 2 {
		s := wiretest.Start(t, noRates, clock.AddTo, func(c *poolhouse.Config) {
			c.DatabaseURL, c.MasterKey, c.TokenAlgorithm = url, bytes.Repeat([]byte{9}, 32), "ES256"
		})
		nodes = append(nodes, &wiretest.Accounts{Server: s, DB: first.DB, Keys: first.Keys})
	}

	return nodes, clock
}

// listPoolsAt returns the status that each node answers to the key of a name.
func listPoolsAt(t *testing.T, nodes []*wiretest.Accounts, name string) (list []int) {
	t.Helper()
	for _, n := range nodes {
		list = append(list, listPoolsBy(t, n, name))
	}
	return list
}

// A key that is made or enabled at a node is in force at all nodes at once. One that is disabled or deleted ends there
// at once, and after five seconds at the latest at the others.
func TestAccessKeysOfThreeNodes(t *testing.T) {
	nodes, clock := startThree(t)
	all, none := []int{200, 200, 200}, []int{400, 400, 400}
	want := func(what string, want []int) {
		t.Helper()
		if got := listPoolsAt(t, nodes, "robot"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}

	key := newKey(t, nodes[0], wiretest.Stranger, "robot", listPools)
	id := fmt.Sprintf(`{"AccessKeyId":%q`, key.AccessKeyId)
	want("made", all)

	asked[struct{}](t, nodes[0], wiretest.Stranger, "UpdateAccessKey", id+`,"Status":"Inactive"}`)
	want("disabled just now: the others may still have it", []int{400, 200, 200})
	clock.Advance(iam.MaxCacheLifetime)
	want("disabled", none)

	asked[struct{}](t, nodes[1], wiretest.Stranger, "UpdateAccessKey", id+`,"Status":"Active"}`)
	want("enabled", all)

	asked[struct{}](t, nodes[2], wiretest.Stranger, "DeleteAccessKey", id+`}`)
	want("deleted just now: the others may still have it", []int{200, 200, 400})
	clock.Advance(iam.MaxCacheLifetime)
	want("deleted", none)
}

// keysAt returns the stranger's keys as a node lists them.
func keysAt(t *testing.T, n *wiretest.Accounts) []shownKey {
	t.Helper()
	return asked[struct{ AccessKeys []shownKey }](t, n, wiretest.Stranger, "ListAccessKeys", `{}`).AccessKeys
}

// Changes of one key at three nodes at a time end in one state, which all nodes show; none fails as a fault.
func TestChangesOfOneKeyRace(t *testing.T) {
	nodes, clock := startThree(t)

	for round := range 8 {
		key := newKey(t, nodes[round%3], wiretest.Stranger, "robot", listPools)
		bodies := map[string]string{
			"UpdateAccessKey": fmt.Sprintf(`{"AccessKeyId":%q,"Status":"Inactive"}`, key.AccessKeyId),
			"CreateAccessKey": fmt.Sprintf(`{"Policy":%q,"Description":"round %d"}`, listPools, round),
		}
		if round%2 == 1 {
			bodies["DeleteAccessKey"] = fmt.Sprintf(`{"AccessKeyId":%q}`, key.AccessKeyId)
		}

		var calls sync.WaitGroup
		for operation, body := range bodies {
			for _, n := range nodes {
				calls.Go(func() {
					got := n.Administer(t, wiretest.Stranger, operation, body)
					if got.Status != 200 && !strings.Contains(got.Body, "ResourceNotFoundException") {
						t.Errorf("%s: %d %s", operation, got.Status, got.Body)
					}
				})
			}
		}
		calls.Wait()
		clock.Advance(iam.MaxCacheLifetime)

		if got := listPoolsAt(t, nodes, "robot"); !slices.Equal(got, []int{400, 400, 400}) {
			t.Errorf("round %d: %v", round, got)
		}
		made := 0
		first := keysAt(t, nodes[0])
		for _, k := range first {
			if k.Description == fmt.Sprint("round ", round) && k.Status == "Active" {
				made++
			}
			if k.AccessKeyId == key.AccessKeyId && (round%2 == 1 || k.Status != "Inactive") {
				t.Errorf("round %d: %+v", round, k)
			}
		}
		if made != 3 {
			t.Errorf("round %d: %d keys were made", round, made)
		}

		for _, n := range nodes[1:] {
			if list := keysAt(t, n); jsonOf(list) != jsonOf(first) {
				t.Errorf("round %d: %+v, at the first node %+v", round, list, first)
			}
		}
	}
}

// Three root keys end each other at three nodes at a time: one of them stays, so that nobody is locked out.
func TestLastKeyOfThreeNodes(t *testing.T) {
	nodes, _ := startThree(t)
	for round, operation := range []string{"DeleteAccessKey", "UpdateAccessKey", "DeleteAccessKey", "UpdateAccessKey"} {
		account := fmt.Sprintf("%012d", 333+round)
		var ids []string
		for n := range nodes {
			nodes[0].AddKey(t, account)
			key := nodes[0].Keys[account]
			nodes[0].Keys[fmt.Sprint(account, n)] = key
			ids = append(ids, key.AccessKeyID)
		}

		var calls sync.WaitGroup
		answers := make([]wiretest.Answer, len(nodes))
		for n, node := range nodes {
			calls.Go(func() {
				answers[n] = node.Administer(t, fmt.Sprint(account, n), operation,
					fmt.Sprintf(`{"AccessKeyId":%q,"Status":"Inactive","AllowOwn":true}`, ids[n]))
			})
		}
		calls.Wait()

		refused := 0
		for _, got := range answers {
			if got.Status != http.StatusOK {
				refused++
				wantRefused(t, operation, got, "InvalidParameterException", "last enabled")
			}
		}
		if refused != 1 {
			t.Errorf("%s: %d of 3 calls were refused", operation, refused)
		}
	}
}

// signedBy returns the ID of the key that a node signs an identity's token with.
func signedBy(t *testing.T, n *wiretest.Accounts, identity string) string {
	t.Helper()
	out := wiretest.Must(n.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &identity}))(t)
	text, _, _ := strings.Cut(*out.Token, ".")
	header, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	var of struct {
		KeyID string `json:"kid"`
	}
	if err := json.Unmarshal(header, &of); err != nil || of.KeyID == "" {
		t.Fatalf("%s, %v", header, err)
	}

	return of.KeyID
}

// A new signing key is published by all nodes before any of them signs with it, and the one before it stays published
// when all sign with the new one.
func TestRotationOfThreeNodes(t *testing.T) {
	nodes, clock := startThree(t)
	asked[signingKeys](t, nodes[0], wiretest.HomeAccount, "RotateSigningKeys", `{"Now":true}`) // makes the first
	clock.Advance(10 * time.Second)
	made := wiretest.Must(nodes[0].Admin().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName:               aws.String("p"),
		AllowUnauthenticatedIdentities: true,
	}))(t)
	guest := wiretest.Must(nodes[0].Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: made.IdentityPoolId}))(t)
	old := signedBy(t, nodes[0], *guest.IdentityId)

	rotated := asked[struct {
		SigningKeys []struct {
			KeyId, Algorithm, State string
			SignsFrom               float64
		}
	}](t, nodes[1], wiretest.HomeAccount, "RotateSigningKeys", `{}`).SigningKeys
	next, from := "", time.Time{}
	for _, k := range rotated {
		if k.Algorithm == "ES256" && time.Unix(int64(k.SignsFrom), 0).After(clock.Now()) {
			next, from = k.KeyId, time.Unix(int64(k.SignsFrom), 0)
		}
	}
	if next == "" || next == old {
		t.Fatalf("%s signs, and there is no new key: %+v", old, rotated)
	}

	signers := func() (kids []string) {
		for _, n := range nodes {
			kids = append(kids, signedBy(t, n, *guest.IdentityId))
		}
		return kids
	}
	published := func(when string) {
		t.Helper()
		for i, n := range nodes {
			body := n.Get(t, "/.well-known/jwks_uri").Body
			if !strings.Contains(body, next) || !strings.Contains(body, old) {
				t.Errorf("%s: node %d does not publish %s and %s: %s", when, i, old, next, body)
			}
		}
	}
	clock.Advance(10 * time.Second) // the documented time of a change
	published("before")
	if got := signers(); !slices.Equal(got, []string{old, old, old}) {
		t.Errorf("before %s: %v", from, got)
	}

	clock.Set(from.Add(-time.Second))
	if got := signers(); !slices.Equal(got, []string{old, old, old}) {
		t.Errorf("a second before %s: %v", from, got)
	}
	clock.Set(from.Add(time.Minute))
	if got := signers(); !slices.Equal(got, []string{next, next, next}) {
		t.Errorf("after %s: %v", from, got)
	}
	published("after")
}
