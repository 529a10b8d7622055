package main

import (
	"log/slog"
	"math"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// memoryShare is the part of the container's memory that Go's heap may take before
// its collector works harder. The rest is for what is not in the heap.
const memoryShare = 0.9

// limitMemory sets Go's soft memory limit from the one that provider knows. A limit
// in the environment (GOMEMLIMIT) stays.
func limitMemory(provider memlimit.Provider, logger *slog.Logger) {
	limit, err := memlimit.Set(memlimit.WithProvider(provider), memlimit.WithRatio(memoryShare))
	switch {
	case err != nil: // outside a container, or where the kernel does not tell
		logger.Debug("no soft memory limit", "reason", err)
	case limit < math.MaxInt64:
		logger.Info("soft memory limit", "bytes", limit)
	}
}
