package devissuer

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// usersRule explains how to describe a user.
const usersRule = "send one JSON object of at most 64 KiB with sub (text, the name if it is left out) and " +
	"claims (an object of any JSON values)"

// UserRequest describes a user; its name is in the path.
type UserRequest struct {
	Subject string         `json:"sub"`
	Claims  map[string]any `json:"claims"`
}

// UsersResponse is the answer of the endpoint UsersPath.
type UsersResponse struct {
	Users []devuser.User `json:"users"` // in the order of their names
}

// person returns the user of a session or grant; false = the user is gone, or the name is another
// person's since.
func (p *Provider) person(name, subject string) (devuser.User, bool) {
	user, err := p.o.Users.Get(name)
	return user, err == nil && user.Subject == subject
}

// isGone reports whether the user of a session or grant is no longer there.
func (p *Provider) isGone(name, subject string) bool {
	_, found := p.person(name, subject)
	return !found
}

// endUsers ends all that people have by their sign-ins: sessions, grants, and codes that wait for tokens.
// Whoever is made later with the same name and subject is somebody else.
func (p *Provider) endUsers(ended []devuser.User) error {
	p.exchange.Lock()
	defer p.exchange.Unlock()

	isEnded := func(name, subject string) bool {
		return slices.ContainsFunc(ended, func(u devuser.User) bool { return u.Name == name && u.Subject == subject })
	}
	p.codes.drop(func(c code) bool { return isEnded(c.session.User, c.session.Subject) })
	p.devices.drop(func(d device) bool { return isEnded(d.session.User, d.session.Subject) })

	if err := p.grants.forget(isEnded); err != nil {
		return fmt.Errorf("the sign-ins of deleted users: %w", err)
	}

	return nil
}

func (d *Control) listUsers(w http.ResponseWriter, _ *http.Request) {
	all := d.Users.List()
	if all == nil {
		all = []devuser.User{}
	}
	devapi.WriteJSON(w, http.StatusOK, UsersResponse{Users: all})
}

// putUser adds a user, or replaces the one of that name.
func (d *Control) putUser(w http.ResponseWriter, r *http.Request) {
	var request UserRequest
	if !devapi.ReadJSON(w, r, &request, usersRule) {
		return
	}

	claims := request.Claims
	if claims == nil {
		claims = map[string]any{}
	}
	if _, twice := claims["sub"]; twice {
		devapi.Refuse(w, http.StatusBadRequest, "sub is no claim here: it has its own member")
		return
	}
	if request.Subject != "" {
		claims["sub"] = request.Subject
	}

	user, err := devuser.New(r.PathValue("name"), claims)
	if err == nil {
		err = d.Users.Put(user)
	}
	answerUser(w, user, err)
}

func (d *Control) deleteUser(w http.ResponseWriter, r *http.Request) {
	user, err := d.Users.Get(r.PathValue("name"))
	if err == nil {
		err = d.Users.Delete(user.Name)
	}
	answerUser(w, user, err)
}

func answerUser(w http.ResponseWriter, user devuser.User, err error) {
	switch {
	case err == nil:
		devapi.WriteJSON(w, http.StatusOK, user)
	case errors.Is(err, devuser.ErrNotFound):
		devapi.Refuse(w, http.StatusNotFound, err.Error())
	case errors.Is(err, devuser.ErrInvalid):
		devapi.Refuse(w, http.StatusBadRequest, withoutKind(err))
	default:
		devapi.Refuse(w, http.StatusInternalServerError, "the users could not be written: "+err.Error())
	}
}

// RotateResponse is the answer of the endpoint RotatePath.
type RotateResponse struct {
	KeyID string `json:"kid"` // of the key that signs from now on
}

func (d *Control) rotate(w http.ResponseWriter, r *http.Request) {
	keyID, err := d.Issuer.Rotate(r.Context())
	switch {
	case errors.Is(err, ErrTooManyKeys), errors.Is(err, ErrKey):
		devapi.Refuse(w, http.StatusConflict, err.Error())
	case err != nil:
		devapi.Refuse(w, http.StatusInternalServerError, "the key could not be made: "+err.Error())
	default:
		devapi.WriteJSON(w, http.StatusOK, RotateResponse{KeyID: keyID})
	}
}
