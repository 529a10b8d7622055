package devcontrol

import (
	"errors"
	"net/http"

	"github.com/poolhouse-id/poolhouse/internal/devfault"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
)

// faultList is a list of faults, in JSON.
type faultList struct {
	Faults []devfault.Fault `json:"faults"`
}

const faultRule = "send one JSON object of at most 64 KiB with operation, provider or database, and what should happen"

func (c *Control) faults(w http.ResponseWriter, _ *http.Request) {
	devissuer.WriteJSON(w, http.StatusOK, faultList{Faults: c.o.Faults.List()})
}

func (c *Control) addFault(w http.ResponseWriter, r *http.Request) {
	var fault devfault.Fault
	if !devissuer.ReadJSON(w, r, &fault, faultRule) {
		return
	}
	if fault.ID != "" || fault.Hits != 0 {
		refuse(w, http.StatusBadRequest, errors.New("the server chooses id, and counts hits: leave them out"), nil)
		return
	}

	added, err := c.o.Faults.Add(fault)
	switch {
	case errors.Is(err, devfault.ErrTooMany):
		refuse(w, http.StatusConflict, err, nil)
	case err != nil:
		refuse(w, http.StatusBadRequest, err, devfault.ErrInvalid)
	default:
		devissuer.WriteJSON(w, http.StatusOK, added)
	}
}

func (c *Control) clearFaults(w http.ResponseWriter, _ *http.Request) {
	devissuer.WriteJSON(w, http.StatusOK, faultList{Faults: c.o.Faults.Clear()})
}

func (c *Control) fault(w http.ResponseWriter, r *http.Request) { writeFault(w, r, c.o.Faults.Get) }

func (c *Control) deleteFault(w http.ResponseWriter, r *http.Request) {
	writeFault(w, r, c.o.Faults.Delete)
}

func writeFault(w http.ResponseWriter, r *http.Request, find func(id string) (devfault.Fault, error)) {
	fault, err := find(r.PathValue("id"))
	if err != nil {
		refuse(w, http.StatusNotFound, err, nil)
		return
	}
	devissuer.WriteJSON(w, http.StatusOK, fault)
}
