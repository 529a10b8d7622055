package devcontrol

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
)

// fault is a devfault.Fault in JSON.
type fault struct {
	devfault.Fault

	DelayMS int64 `json:"delay_ms,omitempty"` // Fault.Delay
}

// faultList is a list of faults, in JSON.
type faultList struct {
	Faults []fault `json:"faults"`
}

func shownFault(f devfault.Fault) fault { return fault{Fault: f, DelayMS: f.Delay.Milliseconds()} }

func shownFaults(faults []devfault.Fault) faultList {
	list := faultList{Faults: make([]fault, len(faults))} // not nil: its JSON is a list
	for n, f := range faults {
		list.Faults[n] = shownFault(f)
	}
	return list
}

// wanted returns the fault that a request is about.
func (f fault) wanted() (devfault.Fault, error) {
	// Milliseconds without a bound are no time.Duration.
	if limit := devfault.MaxDelay.Milliseconds(); f.DelayMS > limit || f.DelayMS < 0 {
		return devfault.Fault{}, fmt.Errorf("delay_ms is 0 to %d", limit)
	}
	f.Delay = time.Duration(f.DelayMS) * time.Millisecond

	return f.Fault, nil
}

const faultRule = "send one JSON object of at most 64 KiB with operation, provider or database, and what should happen"

func (c *Control) faults(w http.ResponseWriter, _ *http.Request) {
	devapi.WriteJSON(w, http.StatusOK, shownFaults(c.o.Faults.List()))
}

func (c *Control) addFault(w http.ResponseWriter, r *http.Request) {
	var request fault
	if !devapi.ReadJSON(w, r, &request, faultRule) {
		return
	}
	if request.ID != "" || request.Hits != 0 {
		devapi.Refuse(w, http.StatusBadRequest, "the server chooses id, and counts hits: leave them out")
		return
	}
	wanted, err := request.wanted()
	if err != nil {
		refuse(w, http.StatusBadRequest, err, nil)
		return
	}

	added, err := c.o.Faults.Add(wanted)
	switch {
	case errors.Is(err, devfault.ErrTooMany):
		refuse(w, http.StatusConflict, err, nil)
	case err != nil:
		refuse(w, http.StatusBadRequest, err, devfault.ErrInvalid)
	default:
		devapi.WriteJSON(w, http.StatusOK, shownFault(added))
	}
}

func (c *Control) clearFaults(w http.ResponseWriter, _ *http.Request) {
	devapi.WriteJSON(w, http.StatusOK, shownFaults(c.o.Faults.Clear()))
}

func (c *Control) fault(w http.ResponseWriter, r *http.Request) { writeFault(w, r, c.o.Faults.Get) }

func (c *Control) deleteFault(w http.ResponseWriter, r *http.Request) {
	writeFault(w, r, c.o.Faults.Delete)
}

func writeFault(w http.ResponseWriter, r *http.Request, find func(id string) (devfault.Fault, error)) {
	found, err := find(r.PathValue("id"))
	if err != nil {
		refuse(w, http.StatusNotFound, err, nil)
		return
	}
	devapi.WriteJSON(w, http.StatusOK, shownFault(found))
}
