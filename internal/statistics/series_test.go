package statistics

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// A question about half a century costs no more reads than one about the time that statistics are kept, and
// finds the same.
func TestReadOfManyYearsIsCheap(t *testing.T) {
	reads := 0
	s, err := store.Open(t.Context(), store.Options{Fault: func(_ context.Context, write bool) (error, error) {
		if !write {
			reads++
		}
		return nil, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()

	now := time.Date(2026, 12, 1, 12, 2, 0, 0, time.UTC)
	r := New(Options{
		Store:      s,
		Operations: []string{"GetId"},
		Reasons:    []string{"known"},
		Node:       "a",
		Now:        func() time.Time { return now },
		Logger:     slog.New(slog.DiscardHandler),
	})
	r.Observe(&awsapi.Record{
		RequestID:  "1",
		Operation:  "GetId",
		Account:    "1",
		Region:     "r",
		Start:      now,
		Code:       "NotAuthorizedException",
		ReasonCode: "known",
	})
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}

	for name, years := range map[string]int{"past": -50, "future": 50} {
		from, to := now.Add(-Kept), now.Add(Period)
		if years < 0 {
			from = from.AddDate(years, 0, 0)
		} else {
			to = to.AddDate(years, 0, 0)
		}

		reads = 0
		steps, err := Read(t.Context(), s, Range{
			Account: "1",
			Region:  "r",
			From:    from,
			To:      to,
			Step:    Kept,
			Now:     now,
		})
		found := int64(0)
		for _, step := range steps {
			found += step.Refused["known"]
		}
		if err != nil || found != 1 || reads > 20 {
			t.Errorf("%s: %d refusals in %d reads, %v", name, found, reads, err)
		}
	}
}
