package clilogin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// maxQuoted bounds the text of a server in an error, in bytes.
const maxQuoted = 300

// ProfileError means that a profile cannot be used as it is. *MissingError means that there is none.
type ProfileError struct {
	Profile string
	Problem string
}

func (e *ProfileError) Error() string { return "profile " + shownName(e.Profile) + ": " + e.Problem }

// shownName shows the name of a profile, which is the text of a person until it was checked.
func shownName(name string) string {
	if profileName.MatchString(name) {
		return name
	}
	return explain.ShownText(name)
}

// BusyError means that another process held the lock of a profile for too long. Trying again may help.
type BusyError struct{ Profile string }

func (e *BusyError) Error() string {
	return "another process renews the profile " + e.Profile + " and does not end"
}

// SignInError means that only a new sign-in helps. No secret is in its text.
type SignInError struct {
	Profile string
	Reason  string
}

func (e *SignInError) Error() string {
	return fmt.Sprintf("profile %s: %s: run `poolhouse login --profile %s`", e.Profile, e.Reason, e.Profile)
}

// UnavailableError means that a server could not be asked. Trying again may help.
type UnavailableError struct {
	Server string // the host
	Cause  error
}

func (e *UnavailableError) Error() string {
	return e.Server + " could not be asked: " + withoutQuery(e.Cause).Error()
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Cause }

// RefusedError is the error that a server answered.
type RefusedError struct {
	Server    string // the host
	Operation string // such as GetId, or "the token endpoint"
	Code      string // such as NotAuthorizedException or invalid_grant
	Message   string
}

func (e *RefusedError) Error() string {
	text := e.Server + " refuses " + e.Operation + ": " + e.Code
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// refusedBy returns a RefusedError with texts that are fit for a terminal.
func refusedBy(server, operation, code, message string) *RefusedError {
	shown := func(text string) string {
		if text == "" {
			return ""
		}
		return explain.OneLine(text, maxQuoted)
	}

	return &RefusedError{
		Server:    server,
		Operation: operation,
		Code:      shown(code),
		Message:   shown(message),
	}
}

// UntrustedError means that a server answered something that proves nothing, such as an ID token of
// somebody else. It is never the person's fault.
type UntrustedError struct{ Problem string }

func (e *UntrustedError) Error() string { return e.Problem }

func untrusted(format string, arguments ...any) error {
	return &UntrustedError{Problem: fmt.Sprintf(format, arguments...)}
}

// withoutQuery removes from an error the address of the request: its query may have a secret.
func withoutQuery(err error) error {
	if failed, is := errors.AsType[*url.Error](err); is {
		return failed.Err
	}
	return err
}

// passingOAuthCodes are the errors of issuers after which the same request may succeed later: those of RFC 6749,
// section 4.1.2.1, and one that issuers use for too many requests.
var passingOAuthCodes = map[string]bool{
	"server_error":            true,
	"temporarily_unavailable": true,
	"too_many_requests":       true,
}

// tokenError returns the error for what a token endpoint answered. It never quotes the body of an
// answer without an error code: that may be anything, tokens too.
func tokenError(address string, err error) error {
	server := hostOf(address)
	if answered, is := errors.AsType[*oauth2.RetrieveError](err); is {
		status := statusOf(answered)
		if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
			return &UnavailableError{Server: server, Cause: fmt.Errorf("status %d", status)}
		}
		if passingOAuthCodes[answered.ErrorCode] {
			return &UnavailableError{
				Server: server,
				Cause:  refusedBy(server, "the sign-in", answered.ErrorCode, answered.ErrorDescription),
			}
		}
		if answered.ErrorCode != "" {
			return refusedBy(server, "the sign-in", answered.ErrorCode, answered.ErrorDescription)
		}

		return untrusted("%s answers with status %d and no error code: is it a token endpoint?",
			server, status)
	}

	if failed, is := errors.AsType[*UntrustedError](err); is {
		return failed
	}

	var network net.Error
	_, isURL := errors.AsType[*url.Error](err)
	if isURL || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) {
		return &UnavailableError{Server: server, Cause: err}
	}
	if errors.Is(err, context.Canceled) {
		return err
	}

	// The library's other errors are about answers that it cannot read, and may quote them.
	return untrusted("%s answers something that is no token response", server)
}

func statusOf(e *oauth2.RetrieveError) int {
	if e.Response == nil {
		return 0
	}
	return e.Response.StatusCode
}

// hostOf returns the host of an address, for errors.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "the server"
	}
	return u.Host
}
