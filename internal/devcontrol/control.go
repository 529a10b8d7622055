// Package devcontrol is the part of the control API of `poolhouse dev` by which tests in any language control
// the server: reset, seeds, clock, faults, calls and SAML responses. docs/control-api/openapi.yaml describes it
// with the rest of the API, which is at devissuer. Start at New.
package devcontrol

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/devcalls"
	"github.com/poolhouse-id/poolhouse/internal/devclock"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devpool"
)

// Paths of this part of the control API.
const (
	ResetPath  = devissuer.ControlPrefix + "dev/reset"
	SeedPath   = devissuer.ControlPrefix + "dev/seed"
	SAMLPath   = devissuer.ControlPrefix + "dev/saml-response"
	ClockPath  = devissuer.ControlPrefix + "dev/clock"
	FaultsPath = devissuer.ControlPrefix + "dev/faults" // a fault is below it, by ID
	CallsPath  = devissuer.ControlPrefix + "dev/calls"
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
	// Seed applies a seed, which gets a name, and returns the outcome as JSON. Error: ErrSeed.
	Seed func(ctx context.Context, name string, text []byte) (any, error)
	// SAML returns a signed SAML response. Error: ErrSAML.
	SAML func(SAMLRequest) (SAMLResponse, error)
	// Ending ends when the server stops: nobody may wait longer.
	Ending context.Context
}

// ErrBusy means that calls under way did not end in time for a reset. Nothing was reset.
var ErrBusy = errors.New("calls under way did not end in time")

// Errors that mean that a request is at fault. Their texts are shown without the prefix.
var (
	ErrSeed = errors.New("invalid seed")
	ErrSAML = errors.New("invalid request of a SAML response")
)

// Control serves the API.
type Control struct{ o Options }

// New returns the API of a development server.
func New(o Options) *Control { return &Control{o: o} }

// Routes lists the paths of this part of the API with their methods, as patterns of http.ServeMux.
func Routes() []string {
	var patterns []string
	for _, route := range (&Control{}).routes() {
		patterns = append(patterns, route.pattern)
	}
	return patterns
}

type route struct {
	pattern string
	serve   http.HandlerFunc
}

func (c *Control) routes() []route {
	return []route{
		{pattern: "POST " + ResetPath, serve: c.reset},
		{pattern: "POST " + SeedPath, serve: c.seed},
		{pattern: "POST " + SAMLPath, serve: c.saml},
		{pattern: "GET " + ClockPath, serve: c.clock},
		{pattern: "PUT " + ClockPath, serve: c.putClock},
		{pattern: "DELETE " + ClockPath, serve: c.deleteClock},
		{pattern: "GET " + FaultsPath, serve: c.faults},
		{pattern: "POST " + FaultsPath, serve: c.addFault},
		{pattern: "DELETE " + FaultsPath, serve: c.clearFaults},
		{pattern: "GET " + FaultsPath + "/{id}", serve: c.fault},
		{pattern: "DELETE " + FaultsPath + "/{id}", serve: c.deleteFault},
		{pattern: "GET " + CallsPath, serve: c.calls},
		{pattern: "DELETE " + CallsPath, serve: c.forgetCalls},
		{pattern: "GET " + WaitPath, serve: c.waitForCall},
	}
}

// Routes returns the handlers by their patterns for http.ServeMux.
func (c *Control) Routes() map[string]http.Handler {
	all := map[string]http.Handler{}
	for _, route := range c.routes() {
		all[route.pattern] = route.serve
	}

	return all
}

// refuse answers with the text of an error, without a prefix that tells only its kind.
func refuse(w http.ResponseWriter, status int, err error, kind error) {
	text := err.Error()
	if kind != nil {
		text = strings.TrimPrefix(text, kind.Error()+": ")
	}
	devissuer.WriteJSON(w, status, devissuer.TokenResponse{Error: text})
}
