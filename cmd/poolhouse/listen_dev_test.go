package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// An answer that a development server delays, or that somebody waits for, is sent: its connection still takes it.
// Production keeps its bound.
func TestWriteTimeouts(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	dev, production := wiretest.Start(t).Server, wiretest.StartProduction(t).Server.Server
	if got := newMainServer(dev, dev, logger).WriteTimeout; got < poolhouse.MaxDevDelay+10*time.Second {
		t.Errorf("development has %s, and answers wait for %s", got, poolhouse.MaxDevDelay)
	}
	if got := newMainServer(production, production, logger).WriteTimeout; got > poolhouse.MaxDevDelay {
		t.Errorf("production has %s", got)
	}
}
