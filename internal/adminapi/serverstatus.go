package adminapi

import (
	"context"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/serverstatus"
	"github.com/poolhouse-id/poolhouse/internal/signingkeys"
)

type getServerStatusInput struct{}

type getServerStatusOutput struct {
	Version     string       // of the node that answers
	Nodes       []nodeStatus // the one that answers is the first
	nodesSeen                // the nodes that are missing
	SigningKeys []signingKey // of identity pools
}

type nodeStatus struct {
	Node            string
	Version         string
	Started         awsapi.Timestamp
	UptimeSeconds   int64
	Store           storeStatus
	Engines         []engineStatus
	LogLinesDropped uint64
	Load            []loadStatus
}

type storeStatus struct {
	Engine        string
	Reachable     bool
	Writable      bool
	SchemaVersion int64
	SizeBytes     int64
}

type engineStatus struct {
	Name        string
	Healthy     bool
	LastError   string            `json:",omitzero"`
	LastErrorAt *awsapi.Timestamp `json:",omitzero"`
}

type loadStatus struct {
	Class            string
	WaitMilliseconds float64
	InFlight         int64
	Refused          uint64
}

// getServerStatus tells the operator what the nodes are doing, and which keys sign.
func (s *Service) getServerStatus(
	ctx context.Context, c awsapi.Caller, _ *getServerStatusInput,
) (*getServerStatusOutput, error) {
	if err := s.homeOnly(c, "GetServerStatus"); err != nil {
		return nil, err
	}

	all := s.options.Status.All(ctx)
	own := all.Nodes[0]
	out := &getServerStatusOutput{Version: own.Version, nodesSeen: shownNodes("status", all.Silent, all.Alone)}
	for _, node := range all.Nodes {
		out.Nodes = append(out.Nodes, shownNode(node))
	}
	if !own.Store.Reachable {
		return out, nil
	}

	keys, err := s.options.SigningKeys.List(ctx, signingkeys.Scope{Pools: true})
	out.SigningKeys = s.shownSigningKeys(keys)

	return out, err
}

func shownNode(n serverstatus.NamedNode) nodeStatus {
	out := nodeStatus{
		Node:          n.Name,
		Version:       n.Version,
		Started:       awsapi.Timestamp(n.Started),
		UptimeSeconds: int64(n.Uptime / time.Second),
		Store: storeStatus{
			Engine:        n.Store.Engine,
			Reachable:     n.Store.Reachable,
			Writable:      n.Store.Writable,
			SchemaVersion: n.Store.SchemaVersion,
			SizeBytes:     n.Store.Bytes,
		},
		Engines:         []engineStatus{},
		LogLinesDropped: n.LogLinesDropped,
	}
	for _, e := range n.Engines {
		out.Engines = append(out.Engines, engineStatus{
			Name:        e.Name,
			Healthy:     e.Healthy,
			LastError:   e.LastError,
			LastErrorAt: moment(e.LastErrorAt),
		})
	}

	for _, l := range n.Load {
		out.Load = append(out.Load, loadStatus{
			Class:            l.Class,
			WaitMilliseconds: float64(l.Wait.Microseconds()) / 1000,
			InFlight:         l.InFlight,
			Refused:          l.Refused,
		})
	}

	return out
}

// moment returns a time of the API; nil for the zero time.
func moment(t time.Time) *awsapi.Timestamp {
	if t.IsZero() {
		return nil
	}
	return new(awsapi.Timestamp(t))
}

type listSettingsInput struct{}

type listSettingsOutput struct{ Settings []shownSetting }

type shownSetting struct {
	Name    string
	Value   string // a secret is masked
	Source  string
	Default string
	// NeedsRestart is true: servers read their settings when they start.
	NeedsRestart bool
}

// listSettings shows the settings in force to the operator.
func (s *Service) listSettings(
	_ context.Context, c awsapi.Caller, _ *listSettingsInput,
) (*listSettingsOutput, error) {
	if err := s.homeOnly(c, "ListSettings"); err != nil {
		return nil, err
	}

	out := &listSettingsOutput{Settings: []shownSetting{}}
	for _, setting := range s.options.Settings {
		out.Settings = append(out.Settings, shownSetting{
			Name:         setting.Name,
			Value:        setting.Value,
			Source:       setting.Source,
			Default:      setting.Default,
			NeedsRestart: true,
		})
	}

	return out, nil
}
