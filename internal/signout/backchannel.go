package signout

import (
	"context"
	"net/http"
	"net/url"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// logoutEvent is the event of a logout token.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// BackChannelLogout receives logout tokens (OpenID Connect Back-Channel Logout
// 1.0 section 2.5): POST with the form field logout_token. It answers 200, or
// 400 with the protocol's error.
func (s *Service) BackChannelLogout() http.Handler {
	return s.receive(protocol{
		mediaType: "application/x-www-form-urlencoded",
		// Providers that are older than the type send JWT or none. ID tokens are refused
		// because they lack the events claim of a logout token, or have a nonce.
		tokenTypes: []string{"logout+jwt", "JWT", ""},
		readToken: func(body []byte) (string, error) {
			form, err := url.ParseQuery(string(body))
			if err != nil || len(form["logout_token"]) != 1 {
				return "", &fault{
					code: invalidRequest,
					text: "the form has not one field logout_token",
					fix:  "send the token in the form field logout_token",
				}
			}

			return form.Get("logout_token"), nil
		},
		carryOut: s.logout,
		maxAge:   maxLogoutAge,
		accepted: http.StatusOK,
		errorBody: func(_, text string) any {
			return struct {
				Error       string `json:"error"`
				Description string `json:"error_description"`
			}{invalidRequest, text}
		},
		repeated: &fault{
			code: invalidRequest,
			text: "this logout token was used before",
			fix:  "issue a new one",
		},
	})
}

// logout carries out a logout token (section 2.6). It ends the session that the token
// names, or else all sessions of the subject.
func (s *Service) logout(ctx context.Context, p Provider, accounts []identitypool.AccountID, c login.Claims) error {
	if _, present := c.All["nonce"]; present {
		return &fault{
			code: invalidRequest,
			text: "a logout token must not have a nonce",
			fix:  "send a logout token, not an ID token",
		}
	}

	events, isObject := c.All["events"].(map[string]any)
	if _, listed := events[logoutEvent].(map[string]any); !isObject || !listed {
		return &fault{
			code: invalidRequest,
			text: "events does not hold the back-channel logout event as an object",
			fix:  "send a logout token",
		}
	}

	session := ""
	if sid, present := c.All["sid"]; present {
		var isString bool
		if session, isString = sid.(string); !isString || session == "" || len(session) > maxValue {
			return &fault{
				code: invalidRequest,
				text: "sid is not a session ID",
				fix:  "send the session's ID as a string",
			}
		}
	}
	if c.Subject == "" && session == "" {
		return &fault{
			code: invalidRequest,
			text: "neither sub nor sid is there",
			fix:  "say who is signed out",
		}
	}

	return s.SignOut(ctx, accounts, p.Name, c.Subject, session, c.IssuedAt)
}

// maxValue is the limit of a session's or subject's ID, in bytes.
const maxValue = 1024
