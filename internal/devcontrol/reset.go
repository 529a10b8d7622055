package devcontrol

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
)

// resetRequest is the body of a request for ResetPath.
type resetRequest struct {
	Empty bool `json:"empty"`
}

func (c *Control) reset(w http.ResponseWriter, r *http.Request) {
	var request resetRequest
	if !devapi.ReadOptionalJSON(w, r, &request, "send nothing, or one JSON object with empty (true or false)") {
		return
	}

	pools, err := c.o.Reset(r.Context(), request.Empty)
	if err != nil {
		status := http.StatusInternalServerError
		if errors.Is(err, ErrBusy) {
			status = http.StatusServiceUnavailable
			w.Header().Set("Retry-After", "1")
		}
		refuse(w, status, err, nil)

		return
	}

	devapi.WriteJSON(w, http.StatusOK, devissuer.PoolsResponse{Pools: pools})
}

// MaxSeed bounds a seed, in bytes.
const MaxSeed = 1 << 20

var (
	seedTypes = []string{"application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"}
	seedName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

func (c *Control) seed(w http.ResponseWriter, r *http.Request) {
	// A form post needs no preflight, so a foreign page could send one.
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(seedTypes, kind) {
		devapi.Refuse(w, http.StatusUnsupportedMediaType, "send application/yaml or application/json")
		return
	}

	q := newQuery(r, "name")
	if q.refused(w) {
		return
	}
	name := "seed"
	if q.values.Has("name") {
		name = q.values.Get("name")
	}
	if !seedName.MatchString(name) {
		devapi.Refuse(w, http.StatusBadRequest, "name has 1 to 64 letters, digits, '.', '_' and '-'")
		return
	}

	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxSeed))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		devapi.Refuse(w, http.StatusRequestEntityTooLarge, "a seed has at most 1 MiB")
		return
	}
	if err != nil {
		devapi.Refuse(w, http.StatusBadRequest, "the body cannot be read")
		return
	}

	result, err := c.o.Seed(r.Context(), name, text)
	switch {
	case errors.Is(err, ErrSeed):
		refuse(w, http.StatusBadRequest, err, ErrSeed)
	case errors.Is(err, ErrUnavailable):
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, err, nil)
	case err != nil:
		refuse(w, http.StatusInternalServerError, err, nil)
	default:
		devapi.WriteJSON(w, http.StatusOK, result)
	}
}
