package ratelimit

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Kinds of limit, as logs and metrics name them.
const (
	AccountLimit       = "account"
	GuestLimit         = "guests"
	RefusedLoginsLimit = "refused_logins"
)

// reportEvery is the least time between two log lines about one kind of limit.
const reportEvery = time.Minute

// Reporter tells of refusals: each to the metrics, and to the log in one line a
// minute for each kind of limit.
type Reporter struct {
	logger  *slog.Logger
	now     func() time.Time
	observe func(limit, operation string)
	tallies map[string]*tally
}

// tally counts the refusals of one kind since they were last logged.
type tally struct {
	refused atomic.Int64
	logged  atomic.Int64 // Unix seconds; 0 = never
}

// NewReporter returns a Reporter. observe is called for each refusal, with the kind
// of limit and the operation; nil = nobody counts.
func NewReporter(logger *slog.Logger, now func() time.Time, observe func(limit, operation string)) *Reporter {
	if observe == nil {
		observe = func(string, string) {}
	}
	return &Reporter{
		logger:  logger,
		now:     now,
		observe: observe,
		tallies: map[string]*tally{AccountLimit: {}, GuestLimit: {}, RefusedLoginsLimit: {}},
	}
}

// Run logs once a minute what was refused since the last line, until ctx ends.
func (r *Reporter) Run(ctx context.Context) {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			r.flush()
			return
		case <-ticker.C:
			r.flush()
		}
	}
}

// flush logs what was refused since the last line.
func (r *Reporter) flush() {
	for limit, t := range r.tallies {
		t.logged.Store(r.now().Unix())
		r.log(limit, t)
	}
}

// RefusalsMessage is the message of the log lines that sum refusals up.
const RefusalsMessage = "calls were refused by a rate limit"

func (r *Reporter) log(limit string, t *tally) {
	if n := t.refused.Swap(0); n > 0 {
		r.logger.Warn(RefusalsMessage, "limit", limit, "calls", n)
	}
}

// refuse tells of a refusal, and returns the answer.
func (r *Reporter) refuse(ctx context.Context, limit, operation string, wait time.Duration, step explain.Step) error {
	r.observe(limit, operation)
	t := r.tallies[limit]
	t.refused.Add(1)
	now, last := r.now().Unix(), t.logged.Load()
	if now-last >= int64(reportEvery/time.Second) && t.logged.CompareAndSwap(last, now) {
		r.log(limit, t)
	}

	explain.FromContext(ctx).Fail(step.Check, step.Expected, step.Got, step.Fix)
	refusal := awsapi.Refuse(awsapi.Throttled, "")
	refusal.RetryAfter = wait
	return refusal
}
