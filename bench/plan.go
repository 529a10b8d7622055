package main

import "time"

// plan holds the durations and amounts of the measurements.
type plan struct {
	rounds          int           // of each pair
	round           time.Duration // of each side
	warmUp          time.Duration
	latency         time.Duration // open loop
	starts          int           // of poolhouse dev
	sizes           []int         // identities in the store
	growthRounds    int
	growthTargets   int // distinct logins and guests used at each size
	growthRound     time.Duration
	rampStep        time.Duration // of looking for a peak
	flooding        time.Duration // beyond a peak
	recovering      time.Duration // after that
	crowding        time.Duration // normal load beside idle and slow clients
	listCalls       int           // of each kind of the admin API
	recordingStarts int           // of each version
	recordingRounds int           // of each kind of call after a start
	limit           time.Duration
}

var fullPlan = plan{
	rounds:          11,
	round:           time.Second,
	warmUp:          time.Second,
	latency:         2 * time.Second,
	starts:          20,
	sizes:           []int{1e3, 1e5, 1e6},
	growthRounds:    5,
	growthTargets:   10_000,
	growthRound:     2 * time.Second,
	rampStep:        3 * time.Second,
	flooding:        15 * time.Second,
	recovering:      3 * time.Second,
	crowding:        20 * time.Second,
	listCalls:       300,
	recordingStarts: 5,
	recordingRounds: 150,
	limit:           2 * time.Hour,
}

var shortPlan = plan{
	rounds:          7,
	round:           500 * time.Millisecond,
	warmUp:          time.Second,
	latency:         2 * time.Second,
	starts:          5,
	sizes:           []int{1e3, 1e4, 1e5},
	growthRounds:    3,
	growthTargets:   10_000,
	growthRound:     time.Second,
	rampStep:        time.Second,
	flooding:        4 * time.Second,
	recovering:      2 * time.Second,
	crowding:        5 * time.Second,
	listCalls:       100,
	recordingStarts: 3,
	recordingRounds: 100,
	limit:           20 * time.Minute,
}
