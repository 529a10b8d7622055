package statistics

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// readPart is how much time one read of statistics covers, so that a long time needs little memory.
const readPart = 24 * time.Hour

// Range is a question for statistics.
type Range struct {
	Account  identitypool.AccountID
	Region   string
	Pool     identitypool.PoolID // "" = the account's
	From, To time.Time           // To is not part of it
	Step     time.Duration
	Now      time.Time // nothing is stored long before Kept ago, or after it
}

// Read adds up the counts of all nodes in steps: those that were stored.
func Read(ctx context.Context, s *store.Store, r Range) ([]Counts, error) {
	steps := make([]Counts, (r.To.Sub(r.From)+r.Step-1)/r.Step)
	first, end := r.stored()
	for from := first; from.Before(end); from = from.Add(readPart) {
		to := from.Add(readPart)
		if to.After(end) {
			to = end
		}

		rows, err := s.Statistics(ctx, string(r.Account), r.Region, r.Pool, from, to)
		if err != nil {
			return nil, err
		}

		for _, row := range rows {
			err := addRow(row, func(at time.Time) *Counts {
				if at.Before(from) || !at.Before(to) {
					return nil
				}
				return &steps[at.Sub(r.From)/r.Step]
			})
			if err != nil {
				return nil, fmt.Errorf("statistics of %s: %w", row.Period, err)
			}
		}
	}

	return steps, nil
}

// addRow adds the counts of a row to those that of returns for the begin of each period, nil = leave it out.
func addRow(row store.StatisticsRow, of func(time.Time) *Counts) error {
	if row.Hour != nil {
		return readHour(row.Hour, func(n int) *Counts { return of(row.Period.Add(time.Duration(n) * Period)) })
	}

	var c Counts
	if err := json.Unmarshal([]byte(row.Counts), &c); err != nil {
		return err
	}
	if sum := of(row.Period); sum != nil {
		sum.Add(&c)
	}

	return nil
}

// stored returns the part of the range that statistics may be stored of, with a day for the clocks of other
// nodes and for what is not deleted yet. Most of a range of many years is not worth a read.
func (r *Range) stored() (from, to time.Time) {
	from, to = r.From, r.To
	if oldest := r.Now.Add(-Kept - readPart); from.Before(oldest) {
		from = oldest
	}
	if newest := r.Now.Add(readPart); to.After(newest) {
		to = newest
	}

	return from, to
}
