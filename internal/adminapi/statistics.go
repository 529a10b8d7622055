package adminapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/statistics"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// mostSteps bounds the points of an answer: 14 days have 1344 quarters of an hour.
const mostSteps = 1344

type getStatisticsInput struct {
	From           *float64 // seconds since 1970; nil = a day before To
	To             *float64 // nil = now
	Step           *int     // seconds; nil = five minutes, an hour for a pool
	IdentityPoolId *string
}

var stepShape = awsapi.Integer{Min: int(statistics.Period / time.Second), Max: int(statistics.Kept / time.Second)}

func (in *getStatisticsInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.Number("from", in.From, &epochShape, false)
	v.Number("to", in.To, &epochShape, false)
	v.Integer("step", in.Step, &stepShape, false)
	v.String("identityPoolId", in.IdentityPoolId, &poolIDShape, false)

	return v.Violations()
}

type getStatisticsOutput struct {
	From      awsapi.Timestamp // the begin of the first step
	To        awsapi.Timestamp // the end of the last step
	Step      int              // seconds
	KeptSince awsapi.Timestamp
	Series    statisticsSeries
}

// statisticsSeries has one number for each step.
type statisticsSeries struct {
	SignIns    []int64
	Guests     []int64
	Identities []int64
	Refused    map[string][]int64       // by reason
	Latency    map[string]latencySeries `json:",omitempty"` // by operation; of accounts only
}

type latencySeries struct {
	Calls []int64
	P50   []*float64 // milliseconds; null = no calls
	P99   []*float64
}

func (s *Service) getStatisticsNeeds(
	_ context.Context, c awsapi.Caller, in *getStatisticsInput,
) ([]awsapi.Access, error) {
	return s.about(c, in.IdentityPoolId, nil, nil), nil
}

// getStatistics adds up what all nodes counted for the caller's account and region, or for one of its pools.
func (s *Service) getStatistics(
	ctx context.Context, c awsapi.Caller, in *getStatisticsInput,
) (*getStatisticsOutput, error) {
	now := s.options.Counted()
	r, err := statisticsRange(in, now)
	if err != nil {
		return nil, err
	}
	r.Account, r.Region, r.Now = identitypool.AccountID(c.Account), c.Region, now

	if in.IdentityPoolId != nil {
		pool, err := s.ownPool(ctx, c, identitypool.PoolID(*in.IdentityPoolId))
		if errors.Is(err, store.ErrNotFound) {
			return nil, noPool(c)
		} else if err != nil {
			return nil, err
		}
		r.Pool = pool.ID
	}

	s.options.Fresh(ctx)
	steps, err := statistics.Read(ctx, s.options.Store, r)
	if err != nil {
		return nil, err
	}

	return &getStatisticsOutput{
		From:      awsapi.Timestamp(r.From),
		To:        awsapi.Timestamp(r.To),
		Step:      int(r.Step / time.Second),
		KeptSince: awsapi.Timestamp(now.Add(-statistics.Kept).Truncate(time.Second)),
		Series:    seriesOf(steps),
	}, nil
}

// statisticsRange returns the time that the input is about: whole steps, since 1970.
func statisticsRange(in *getStatisticsInput, now time.Time) (r statistics.Range, err error) {
	period := statistics.Period
	if in.IdentityPoolId != nil {
		period = statistics.PoolPeriod
	}

	r.Step = period
	if in.Step != nil {
		seconds, unit := *in.Step, int(period/time.Second)
		if seconds%unit != 0 {
			return r, outOfRange("Step", fmt.Sprintf("a multiple of %d seconds", unit))
		}
		r.Step = time.Duration(seconds) * time.Second
	}

	r.To = now
	if in.To != nil {
		r.To = inputTime(*in.To)
	}
	r.From = r.To.Add(-24 * time.Hour)
	if in.From != nil {
		r.From = inputTime(*in.From)
	}

	seconds := int64(r.Step / time.Second)
	if !r.From.Before(r.To) {
		return r, outOfRange("From", "before To")
	}
	r.From = time.Unix(r.From.Unix()/seconds*seconds, 0).UTC()
	r.To = time.Unix((r.To.Unix()+seconds-1)/seconds*seconds, 0).UTC()
	// In whole steps, because the difference of two times ends at 292 years.
	if steps := (r.To.Unix() - r.From.Unix()) / seconds; steps > mostSteps {
		return r, outOfRange("From", fmt.Sprintf("at most %d steps before To: take a larger Step", mostSteps))
	}

	return r, nil
}

func seriesOf(steps []statistics.Counts) statisticsSeries {
	out := statisticsSeries{
		SignIns:    make([]int64, len(steps)),
		Guests:     make([]int64, len(steps)),
		Identities: make([]int64, len(steps)),
		Refused:    map[string][]int64{},
		Latency:    map[string]latencySeries{},
	}

	for n, step := range steps {
		out.SignIns[n], out.Guests[n], out.Identities[n] = step.SignIns, step.Guests, step.Identities
		for reason, count := range step.Refused {
			if out.Refused[reason] == nil {
				out.Refused[reason] = make([]int64, len(steps))
			}
			out.Refused[reason][n] = count
		}

		for operation, h := range step.Latency {
			series, known := out.Latency[operation]
			if !known {
				series = latencySeries{
					Calls: make([]int64, len(steps)),
					P50:   make([]*float64, len(steps)),
					P99:   make([]*float64, len(steps)),
				}
				out.Latency[operation] = series
			}
			if series.Calls[n] = h.Calls(); series.Calls[n] > 0 {
				series.P50[n], series.P99[n] = new(h.Quantile(0.5)), new(h.Quantile(0.99))
			}
		}
	}

	return out
}
