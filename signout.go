package poolhouse

import (
	"net/http"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/signout"
)

// Paths on which providers tell of sign-outs: the Logins key of the provider
// follows, escaped as one segment or, where a proxy undoes that, as it is.
const (
	backChannelPath   = "POST /backchannel-logout/{" + signout.ProviderPath + "...}"
	sharedSignalsPath = "POST /shared-signals/{" + signout.ProviderPath + "...}"
)

// receivers are where providers tell of sign-outs.
func (s *Server) receivers(mux *http.ServeMux, api *awsapi.Service) {
	mux.Handle(backChannelPath, api.Wrap("BackChannelLogout", s.signOuts.BackChannelLogout()))
	mux.Handle(sharedSignalsPath, api.Wrap("SharedSignals", s.signOuts.SharedSignals()))
}
