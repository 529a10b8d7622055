// Package serverstatus tells what the nodes of a server are doing: their versions, their database, their
// credential engines and how busy they are. Each node answers for itself, and asks the others.
//
// Start reading at Everywhere.All.
package serverstatus

import (
	"context"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Node is the status of one node. It has no secret, and nothing of a single account. Nodes may send it
// to each other as JSON.
type Node struct {
	Version         string
	Started         time.Time
	Uptime          time.Duration
	Store           store.Description
	Engines         []assume.Health
	LogLinesDropped uint64
	Load            []Load
}

// Load is how busy a node is with a class of calls.
type Load struct {
	Class    string
	Wait     time.Duration // that a call would have now
	InFlight int64
	Refused  uint64 // calls since the start, because of overload
}

// Reporter reports the status of this process. All fields are required but LogLinesDropped.
type Reporter struct {
	Version string
	Started time.Time
	Now     func() time.Time
	Store   interface {
		Describe(ctx context.Context) store.Description
	}
	Engines         func() []assume.Health
	LogLinesDropped func() uint64
	Guard           *overload.Guard
}

// Node returns the status of this node. It makes two short queries.
func (r *Reporter) Node(ctx context.Context) Node {
	n := Node{
		Version: r.Version,
		Started: r.Started,
		Uptime:  r.Now().Sub(r.Started),
		Store:   r.Store.Describe(ctx),
		Engines: r.Engines(),
	}
	if r.LogLinesDropped != nil {
		n.LogLinesDropped = r.LogLinesDropped()
	}

	for _, class := range overload.Classes() {
		load := Load{Class: class.String(), Wait: r.Guard.Wait(class), InFlight: r.Guard.InFlight(class)}
		for _, reason := range overload.Reasons() {
			load.Refused += r.Guard.Refused(class, reason)
		}
		n.Load = append(n.Load, load)
	}

	return n
}
