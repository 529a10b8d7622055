package devcontrol

import (
	"net/http"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devclock"
)

// clockState is a devclock.State in JSON.
type clockState struct {
	Now     time.Time `json:"now"`
	Offset  float64   `json:"offset_seconds"`
	Stopped bool      `json:"stopped"`
	Skewed  bool      `json:"skewed"`
}

// clockChange is the body of a request for ClockPath.
type clockChange struct {
	Now     *time.Time `json:"now"`
	Advance float64    `json:"advance_seconds"`
	Stopped *bool      `json:"stopped"`
	Skewed  *bool      `json:"skewed"`
}

const clockRule = "send one JSON object with now (as 2030-01-31T12:00:00Z) or advance_seconds (a number, negative to " +
	"go back), and stopped and skewed (true or false); each may be left out"

// maxAdvance bounds an advance, in seconds: as long as there are times that the clock can show.
const maxAdvance = 200 * 366 * 24 * 60 * 60

func (c *Control) clock(w http.ResponseWriter, _ *http.Request) { writeClock(w, c.o.Clock.State()) }

func (c *Control) putClock(w http.ResponseWriter, r *http.Request) {
	var request clockChange
	if !devapi.ReadJSON(w, r, &request, clockRule) {
		return
	}
	if request.Advance > maxAdvance || request.Advance < -maxAdvance {
		refuse(w, http.StatusBadRequest, devclock.ErrRange, nil)
		return
	}

	change := devclock.Change{
		Advance: time.Duration(request.Advance * float64(time.Second)),
		Stopped: request.Stopped,
		Skewed:  request.Skewed,
	}
	if request.Now != nil {
		if request.Now.IsZero() {
			refuse(w, http.StatusBadRequest, devclock.ErrRange, nil)
			return
		}
		change.Now = *request.Now
	}

	state, err := c.o.Clock.Change(change)
	if err != nil {
		refuse(w, http.StatusBadRequest, err, nil)
		return
	}
	writeClock(w, state)
}

func (c *Control) deleteClock(w http.ResponseWriter, _ *http.Request) {
	writeClock(w, c.o.Clock.Reset())
}

func writeClock(w http.ResponseWriter, s devclock.State) {
	devapi.WriteJSON(w, http.StatusOK, clockState{
		Now:     s.Now.UTC(),
		Offset:  s.Offset.Round(time.Millisecond).Seconds(),
		Stopped: s.Stopped,
		Skewed:  s.Skewed,
	})
}
