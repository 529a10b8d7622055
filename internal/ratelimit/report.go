package ratelimit

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Kinds of limit, by their names in logs and metrics.
const (
	accountLimit       = "account"
	guestLimit         = "guests"
	refusedLoginsLimit = "refused_logins"
)

// reportEvery is the time between two log lines about one kind of limit.
const reportEvery = time.Minute

// Reporter reports refusals: each one to the metrics, and to the log in one line a
// minute for each kind of limit.
type Reporter struct {
	logger  *slog.Logger
	observe func(limit, operation string)
	refused map[string]*atomic.Int64 // since the last line, by kind of limit
}

// NewReporter returns a Reporter. It calls observe for each refusal, with the kind
// of limit and the operation; nil = no calls.
func NewReporter(logger *slog.Logger, observe func(limit, operation string)) *Reporter {
	if observe == nil {
		observe = func(string, string) {}
	}
	return &Reporter{
		logger:  logger,
		observe: observe,
		refused: map[string]*atomic.Int64{accountLimit: {}, guestLimit: {}, refusedLoginsLimit: {}},
	}
}

// Run logs once a minute the number of refusals since the last line, until ctx ends.
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

// RefusalsMessage is the message of the log lines with the number of refusals.
const RefusalsMessage = "calls were refused by a rate limit"

// flush logs the number of refusals since the last line.
func (r *Reporter) flush() {
	for limit, refused := range r.refused {
		if n := refused.Swap(0); n > 0 {
			r.logger.Warn(RefusalsMessage, "limit", limit, "calls", n)
		}
	}
}

// refuse reports a refusal and returns its error.
func (r *Reporter) refuse(
	ctx context.Context, limit, operation string, wait time.Duration, why *explain.Refusal,
) error {
	r.observe(limit, operation)
	r.refused[limit].Add(1)

	refusal := awsapi.RefusedAs(awsapi.Throttled, explain.FromContext(ctx).Refuse(why), "")
	refusal.RetryAfter = wait

	return refusal
}
