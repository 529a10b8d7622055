package devissuer

import (
	"net/http"

	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// ErrUserGone is the error of StartSession for a user who was deleted.
var ErrUserGone = errUserGone

// StartSession starts a session of a user whom somebody has chosen.
func (p *Provider) StartSession(w http.ResponseWriter, r *http.Request, user devuser.User) error {
	_, err := p.startSession(w, r, user)
	return err
}
