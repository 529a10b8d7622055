package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/bench/openloop"
)

// TestMain lets the test binary be the generator's child, as the command is.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == roleGenerator {
		if err := serveGenerator(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}

	os.Exit(m.Run())
}

// The whole way: a child carries out a plan against a real server.
func TestGenerate(t *testing.T) {
	s := everyThird(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{self: self}
	requests, err := rawRequests(targetsAt(t, s.URL))
	if err != nil {
		t.Fatal(err)
	}

	reports, err := b.generate(t.Context(), planOf(&process{url: s.URL}, openloop.Stream{
		Name:        floodStream,
		Phases:      []openloop.Phase{{Name: floodPhase, Duration: 300 * time.Millisecond, Rate: 1000}},
		Connections: 20,
		Requests:    requests,
		Member:      `"IdentityId"`,
	}))

	if err != nil {
		t.Fatal(err)
	}
	counts := reports[0].Counts
	if counts.Planned() != 300 || counts[openloop.Refused] != 100 || counts[openloop.OK]+counts[openloop.Late] != 200 {
		t.Errorf("outcomes %v %s", counts, reports[0].Surprise)
	}
	if reports[0].Accepted.P99 == 0 || reports[0].Duration != 300*time.Millisecond {
		t.Errorf("lost on the way: %+v", reports[0])
	}
}

func TestGenerateRefusesWrongPlans(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, err = (&bench{self: self}).generate(t.Context(), openloop.Plan{})
	if err == nil || !strings.Contains(err.Error(), "patience") {
		t.Errorf("error %v", err)
	}
}

func TestSplitCores(t *testing.T) {
	for _, test := range []struct {
		all               []int
		server, generator int
	}{
		{all: []int{0}},
		{all: []int{0, 1}},
		{all: []int{0, 1, 2}},
		{all: []int{0, 1, 4, 5}, server: 2, generator: 2},
		{all: []int{0, 1, 2, 3, 4}, server: 2, generator: 3},
	} {
		c := splitCores(test.all)
		if len(c.server) != test.server || len(c.generator) != test.generator || c.apart() != (test.server > 0) {
			t.Errorf("of %v: %+v", test.all, c)
		}
	}
}
