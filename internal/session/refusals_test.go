package session

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Every reason of the catalogue is complete, and something refuses for it.
func TestEveryReasonIsGiven(t *testing.T) {
	given := map[explain.Code]bool{}
	refused := func(why *explain.Refusal) {
		t.Helper()
		if why == nil {
			t.Error("nothing is refused")
			return
		}
		if strings.ContainsAny(why.Expected+why.Got+why.Fix, "{}") {
			t.Errorf("%s: a part of the text is not filled in: %q, %q, %q",
				why.Reason.Code, why.Expected, why.Got, why.Fix)
		}
		given[why.Reason.Code] = true
	}

	many := map[string]string{}
	for n := range MaxTags + 1 {
		many[strings.Repeat("k", n+1)] = ""
	}
	for _, tags := range []map[string]string{
		many, {"": "x"}, {"AWS:x": "x"}, {"team": "x", "Team": "y"}, {"team": "a;b"},
	} {
		refused(CheckTags(tags))
	}

	c := newClock()
	minted, err := newMinter(t, &keyTable{}, c).Mint(t.Context(), Session{
		Account:     "123456789012",
		RoleARN:     roleOf(roleARN),
		SessionName: "me",
		Expires:     c.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	var trace explain.Trace
	elsewhere := newMinter(t, &keyTable{}, c)
	ctx := explain.NewContext(t.Context(), &trace)
	if _, _, err := elsewhere.Open(ctx, minted.AccessKeyID, minted.SessionToken); !errors.Is(err, ErrInvalidToken) {
		t.Errorf("another installation's token: %v", err)
	}

	w := newWorld(t)
	if _, err := w.lists[0].Revoke(t.Context(), store.RoleRevocation, account, roleARN); err != nil {
		t.Fatal(err)
	}
	if err := w.lists[0].Check(ctx, "ASIAREVOKEDREVOKEDRE", w.session()); !errors.Is(err, ErrRevoked) {
		t.Errorf("a revoked session: %v", err)
	}
	for _, step := range trace.Steps() {
		given[step.Code] = given[step.Code] || !step.OK
	}

	for _, r := range Refusals {
		if !given[r.Code] || r.Expected == "" || r.Got == "" || r.Fix == "" {
			t.Errorf("%s: nothing refuses for this reason, or it is not complete", r.Code)
		}
	}
}
