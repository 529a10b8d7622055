package devissuer

import (
	"errors"
	"net/http"
	"strings"

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

func (d *Control) listUsers(w http.ResponseWriter, _ *http.Request) {
	all := d.Users.List()
	if all == nil {
		all = []devuser.User{}
	}
	WriteJSON(w, http.StatusOK, UsersResponse{Users: all})
}

// putUser adds a user, or replaces the one of that name.
func (d *Control) putUser(w http.ResponseWriter, r *http.Request) {
	var request UserRequest
	if !ReadJSON(w, r, &request, usersRule) {
		return
	}

	claims := request.Claims
	if claims == nil {
		claims = map[string]any{}
	}
	if _, twice := claims["sub"]; twice {
		WriteJSON(w, http.StatusBadRequest, TokenResponse{Error: "sub is no claim here: it has its own member"})
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
		WriteJSON(w, http.StatusOK, user)
	case errors.Is(err, devuser.ErrNotFound):
		WriteJSON(w, http.StatusNotFound, TokenResponse{Error: err.Error()})
	case errors.Is(err, devuser.ErrInvalid):
		text := strings.TrimPrefix(err.Error(), devuser.ErrInvalid.Error()+": ")
		WriteJSON(w, http.StatusBadRequest, TokenResponse{Error: text})
	default:
		WriteJSON(w, http.StatusInternalServerError,
			TokenResponse{Error: "the users could not be written: " + err.Error()})
	}
}

// RotateResponse is the answer of the endpoint RotatePath.
type RotateResponse struct {
	KeyID string `json:"kid"` // of the key that signs from now on
}

func (d *Control) rotate(w http.ResponseWriter, r *http.Request) {
	keyID, err := d.Issuer.Rotate(r.Context())
	switch {
	case errors.Is(err, ErrTooManyKeys):
		WriteJSON(w, http.StatusConflict, TokenResponse{Error: err.Error()})
	case err != nil:
		WriteJSON(w, http.StatusInternalServerError, TokenResponse{Error: "the key could not be made: " + err.Error()})
	default:
		WriteJSON(w, http.StatusOK, RotateResponse{KeyID: keyID})
	}
}
