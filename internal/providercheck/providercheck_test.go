package providercheck

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// nothing is a Client whose requests all fail.
type nothing struct{ asked int }

func (n *nothing) Probe(context.Context, outbound.Policy, string) (outbound.Probed, error) {
	n.asked++
	return outbound.Probed{}, &outbound.Error{Problem: "down", Fix: "start it"}
}

func (n *nothing) Begin(ctx context.Context) (context.Context, func(), error) {
	return ctx, func() {}, nil
}

// All accounts together may test only so often.
func TestAllTestsAreLimited(t *testing.T) {
	directory, err := iam.NewDirectory(iam.Config{Account: "111111111111"})
	if err != nil {
		t.Fatal(err)
	}
	now, client := time.Unix(1_800_000_000, 0), &nothing{}
	c := New(client, directory, func() time.Time { return now })

	for range burst {
		r, err := c.Issuer(t.Context(), "111111111111", "https://a.example")
		if err != nil || r.Steps[len(r.Steps)-1].Refusal == nil || r.Steps[len(r.Steps)-1].Refusal.Fix != "start it" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if _, err := c.Issuer(t.Context(), "222222222222", "https://a.example"); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	if client.asked != burst {
		t.Errorf("%d requests", client.asked)
	}

	now = now.Add(time.Second)
	if _, err := c.Issuer(t.Context(), "222222222222", "https://a.example"); err != nil {
		t.Errorf("a second later: %v", err)
	}
}
