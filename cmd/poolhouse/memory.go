package main

import (
	"log/slog"
	"math"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// memoryShare is the share of the container's memory that Go's heap may use before its collector
// works harder. The rest is for memory outside the heap.
const memoryShare = 0.9

// limitMemory sets Go's soft memory limit from the provider's. A limit in the environment
// (GOMEMLIMIT) stays in force.
func limitMemory(provider memlimit.Provider, logger *slog.Logger) {
	limit, err := memlimit.Set(memlimit.WithProvider(provider), memlimit.WithRatio(memoryShare))
	switch {
	case err != nil: // outside a container, or the kernel does not provide the limit
		logger.Debug("no soft memory limit", "reason", err)
	case limit < math.MaxInt64:
		logger.Info("soft memory limit", "bytes", limit)
	}
}
