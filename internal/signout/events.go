package signout

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// Events that end a subject's logins (OpenID CAEP 1.0, OpenID RISC Profile 1.0).
const (
	sessionRevoked   = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	credentialChange = "https://schemas.openid.net/secevent/caep/event-type/credential-change"
	accountDisabled  = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	accountPurged    = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
)

// SharedSignals receives security event tokens that a Shared Signals transmitter
// pushes (RFC 8935): POST with one token (RFC 8417) as application/secevent+jwt.
// It answers 202, or 400 with the protocol's error. It accepts and ignores other
// events, as the RFC requires.
func (s *Service) SharedSignals() http.Handler {
	return s.receive(protocol{
		mediaType:  "application/secevent+jwt",
		tokenTypes: []string{"secevent+jwt", "application/secevent+jwt"},
		readToken:  func(body []byte) (string, error) { return string(body), nil },
		carryOut:   s.signal,
		maxAge:     maxEventAge,
		accepted:   http.StatusAccepted,
		errorBody: func(code, text string) any {
			return struct {
				Code        string `json:"err"`
				Description string `json:"description"`
			}{code, text}
		},
		repeated: nil, // a transmitter repeats events that it believes lost
	})
}

// signal carries out a security event token. Marks count from its iat, not from
// the event's time, which transmitters may leave out. iat is later, so that refuses more.
func (s *Service) signal(ctx context.Context, p Provider, accounts []identitypool.AccountID, c login.Claims) error {
	events, isObject := c.All["events"].(map[string]any)
	if !isObject || len(events) == 0 {
		return &fault{
			code: invalidRequest,
			text: "events is missing",
			fix:  "send a security event token",
		}
	}

	for _, name := range slices.Sorted(maps.Keys(events)) {
		event, isObject := events[name].(map[string]any)
		if !isObject {
			return &fault{
				code: invalidRequest,
				text: "an event is not an object",
				fix:  "send a security event token",
			}
		}

		switch name {
		case sessionRevoked, accountDisabled, accountPurged:
		case credentialChange:
			if !p.CredentialChange {
				continue
			}
		default:
			continue
		}

		subject, session, err := eventSubject(p, c, event)
		if err != nil {
			return err
		}
		if name != sessionRevoked {
			session = "" // the account as a whole
		}
		if err := s.SignOut(ctx, accounts, p.Name, subject, session, c.IssuedAt); err != nil {
			return err
		}
	}

	return nil
}

// eventSubject finds the subject, and perhaps the session, of an event: in sub_id of the token
// (RFC 9493), in subject of the event (the form before that RFC), or in sub. If there are
// several, they must name the same user.
func eventSubject(p Provider, c login.Claims, event map[string]any) (subject, session string, err error) {
	differ := &fault{
		code: invalidRequest,
		text: "the event names several subjects that differ",
		fix:  "send one subject, in sub_id",
	}
	found := false
	for _, id := range []any{c.All["sub_id"], event["subject"]} {
		if id == nil { // null counts as absent
			continue
		}

		idSubject, idSession, err := parseSubject(p, id)
		if err != nil {
			return "", "", err
		}
		if found && (idSubject != subject || idSession != session) {
			return "", "", differ
		}
		subject, session, found = idSubject, idSession, true
	}

	switch {
	case !found && c.Subject == "":
		return "", "", &fault{
			code: invalidRequest,
			text: "the event has no subject",
			fix:  "send sub_id in the format iss_sub or opaque",
		}
	case !found:
		return c.Subject, "", nil
	case c.Subject != "" && c.Subject != subject:
		return "", "", differ
	}

	return subject, session, nil
}

// parseSubject reads a subject identifier of any format.
func parseSubject(p Provider, id any) (subject, session string, err error) {
	object, _ := id.(map[string]any)
	switch format := text(object, "format"); format {
	case "complex":
		if user, present := object["user"].(map[string]any); present {
			if subject, err = parseSimpleSubject(p, user); err != nil {
				return "", "", err
			}
		}
		if named, present := object["session"].(map[string]any); present {
			if session, err = parseSimpleSubject(p, named); err != nil {
				return "", "", err
			}
		}
		if subject == "" {
			return "", "", &fault{
				code: invalidRequest,
				text: "the event names no user",
				fix:  "send sub_id with a user",
			}
		}

		return subject, session, nil
	default:
		subject, err = parseSimpleSubject(p, object)
		return subject, "", err
	}
}

// parseSimpleSubject reads a subject identifier of one format.
func parseSimpleSubject(p Provider, object map[string]any) (string, error) {
	var subject string
	switch text(object, "format") {
	case "iss_sub":
		if !slices.Contains(p.Trust.Issuers, text(object, "iss")) {
			return "", &fault{
				code: invalidIssuer,
				text: "the event's subject is of another issuer",
				fix:  "name the subject by the provider's own issuer",
			}
		}
		subject = text(object, "sub")
	case "opaque":
		subject = text(object, "id")
	default:
		return "", &fault{
			code: invalidRequest,
			text: "the format of the event's subject is not supported",
			fix:  "send sub_id in the format iss_sub or opaque",
		}
	}
	if subject == "" || len(subject) > maxValue {
		return "", &fault{
			code: invalidRequest,
			text: "the event's subject is empty or too long",
			fix:  "send the subject that ID tokens have as sub",
		}
	}

	return subject, nil
}

func text(object map[string]any, name string) string {
	value, _ := object[name].(string)
	return value
}
