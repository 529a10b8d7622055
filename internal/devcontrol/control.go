// Package devcontrol is the part of the control API of `poolhouse dev` by which tests in any language control
// the server: reset, seeds, clock, faults, calls and SAML responses. docs/control-api/openapi.yaml describes it
// with the rest of the API, which is at devissuer. Start at New.
package devcontrol

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devcalls"
	"github.com/poolhouse-id/poolhouse/internal/devclock"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
	"github.com/poolhouse-id/poolhouse/internal/devpool"
)

// Paths of this part of the control API.
const (
	ResetPath  = devapi.Prefix + "dev/reset"
	SeedPath   = devapi.Prefix + "dev/seed"
	SAMLPath   = devapi.Prefix + "dev/saml-response"
	ClockPath  = devapi.Prefix + "dev/clock"
	FaultsPath = devapi.Prefix + "dev/faults" // a fault is below it, by ID
	CallsPath  = devapi.Prefix + "dev/calls"
	WaitPath   = CallsPath + "/wait"
)

// Options configure the API.
type Options struct {
	Clock  *devclock.Clock
	Faults *devfault.Engine
	Calls  *devcalls.Calls
	// Reset makes the server as it was after its first start, and returns its pools; empty = without seeds.
	// Error: ErrBusy, and others that a later try has, too.
	Reset func(ctx context.Context, empty bool) ([]devpool.Pool, error)
	// Seed applies a seed, which gets a name, and returns the outcome as JSON. Errors: ErrSeed, ErrUnavailable,
	// and others of the server.
	Seed func(ctx context.Context, name string, text []byte) (any, error)
	// SAML returns a signed SAML response. Error: ErrSAML.
	SAML func(SAMLRequest) (SAMLResponse, error)
	// Ending ends when the server stops: nobody may wait longer.
	Ending context.Context
}

// ErrBusy means that calls under way did not end in time for a reset. Nothing was reset.
var ErrBusy = errors.New("calls under way did not end in time")

// ErrUnavailable means that the server cannot do it now, and that a later try may succeed.
var ErrUnavailable = errors.New("the server cannot do it now")

// Errors that mean that a request is at fault. Their texts are shown without the prefix.
var (
	ErrSeed = errors.New("invalid seed")
	ErrSAML = errors.New("invalid request of a SAML response")
)

// Control serves the API.
type Control struct{ o Options }

// New returns the API of a development server.
func New(o Options) *Control { return &Control{o: o} }

// Routes returns this part of the API.
func (c *Control) Routes() []devapi.Route {
	return []devapi.Route{
		{Pattern: "POST " + ResetPath, Serve: c.reset},
		{Pattern: "POST " + SeedPath, Serve: c.seed},
		{Pattern: "POST " + SAMLPath, Serve: c.saml},
		{Pattern: "GET " + ClockPath, Serve: c.clock},
		{Pattern: "PUT " + ClockPath, Serve: c.putClock},
		{Pattern: "DELETE " + ClockPath, Serve: c.deleteClock},
		{Pattern: "GET " + FaultsPath, Serve: c.faults},
		{Pattern: "POST " + FaultsPath, Serve: c.addFault},
		{Pattern: "DELETE " + FaultsPath, Serve: c.clearFaults},
		{Pattern: "GET " + FaultsPath + "/{id}", Serve: c.fault},
		{Pattern: "DELETE " + FaultsPath + "/{id}", Serve: c.deleteFault},
		{Pattern: "GET " + CallsPath, Serve: c.calls},
		{Pattern: "DELETE " + CallsPath, Serve: c.forgetCalls},
		{Pattern: "GET " + WaitPath, Serve: c.waitForCall},
	}
}

// refuse answers with the text of an error, without a prefix that tells only its kind.
func refuse(w http.ResponseWriter, status int, err error, kind error) {
	text := err.Error()
	if kind != nil {
		text = strings.TrimPrefix(text, kind.Error()+": ")
	}
	devapi.Refuse(w, status, text)
}
