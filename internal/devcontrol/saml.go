package devcontrol

import (
	"errors"
	"net/http"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
)

// SAMLRequest asks for a SAML response.
type SAMLRequest struct {
	User       string              `json:"user"`    // a user of the server; or
	NameID     string              `json:"name_id"` // anybody
	Attributes map[string][]string `json:"attributes"`
	Audience   string              `json:"audience"`
	ExpiresIn  int                 `json:"expires_in"` // seconds
}

// SAMLResponse has a signed SAML response.
type SAMLResponse struct {
	// Response is the response in base64, the value in Logins and the parameter SAMLAssertion.
	Response string `json:"saml_response"`
	// LoginKey is the key in Logins, and the ARN of the provider.
	LoginKey string `json:"login_key"`
}

const samlRule = "send one JSON object of at most 64 KiB with user or name_id, and attributes (an object of lists of " +
	"texts), audience (a text) and expires_in (whole seconds)"

func (c *Control) saml(w http.ResponseWriter, r *http.Request) {
	var request SAMLRequest
	if !devapi.ReadJSON(w, r, &request, samlRule) {
		return
	}

	response, err := c.o.SAML(request)
	switch {
	case errors.Is(err, ErrSAML):
		refuse(w, http.StatusBadRequest, err, ErrSAML)
	case err != nil:
		refuse(w, http.StatusInternalServerError, err, nil)
	default:
		devapi.WriteJSON(w, http.StatusOK, response)
	}
}
