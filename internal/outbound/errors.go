package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

const maxCauseBytes = 512 // of a cause's text in an error

// Error is the error for a request without a usable response. It quotes no credential.
type Error struct {
	Problem string // for the log
	Fix     string // for the operator
	// Reached is true if the host is alive, so that its breaker stays closed.
	Reached bool
	Cause   error // may be nil

	nowhere string // the host, if it has no address that may be asked
}

func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Problem
	}
	return e.Problem + ": " + explain.OneLine(e.Cause.Error(), maxCauseBytes)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// unusable returns the error for a response that cannot be used. what continues the name of
// its place.
func unusable(place, what, fix string) *Error {
	return &Error{Problem: explain.ShownText(place) + " " + what, Reached: true, Fix: fix}
}

// FixOf returns the fix of an error of this package, or of one that wraps it; "" if
// the error has none.
func FixOf(err error) string {
	var failed *Error
	if errors.As(err, &failed) {
		return failed.Fix
	}
	return ""
}

// Told returns err for those who only call this server. It gives one text to the two errors that tell
// what a name resolves to, and names no resolver and no address of a connection, so that nobody can look into
// the server's network.
func Told(err error) error {
	failed, _ := errors.AsType[*Error](err)
	unresolved, _ := errors.AsType[*net.DNSError](err)
	connection, _ := errors.AsType[*net.OpError](err)

	host := ""
	switch {
	case unresolved != nil:
		host = unresolved.Name
	case failed != nil && failed.nowhere != "":
		host = failed.nowhere
	case failed != nil && connection != nil: // it names both ends
		told := *failed
		told.Cause = connection.Err
		return &told
	default:
		return err
	}

	return &Error{
		Problem: explain.ShownText(host) + " does not resolve to an address that may be asked",
		Fix: "check the name in DNS; providers must have a public address, unless the settings allow private " +
			"addresses for this one",
	}
}

// explainTransport turns the error of a failed exchange into an Error with a fix.
func explainTransport(u *url.URL, err error) error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	// The client's own error repeats the URL, which may hold a credential.
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}

	var invalid *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errThumbprint):
		return &Error{
			Problem: u.Host + " presents another certificate",
			Reached: true,
			Cause:   errThumbprint,
			Fix:     "if the provider changed its certificate authority, register the new thumbprint",
		}
	case errors.As(err, &invalid):
		return &Error{
			Problem: u.Host + " presents a certificate that does not verify",
			Reached: true,
			Cause:   invalid.Err,
			Fix:     "renew the provider's certificate, or register the CA that issued it as the provider's CA bundle",
		}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{
			Problem: u.Host + " did not answer in time",
			Cause:   context.DeadlineExceeded,
			Fix:     "check that " + u.Host + " is up and reachable from this server",
		}
	default:
		return &Error{
			Problem: u.Host + " could not be asked",
			Cause:   err,
			Fix:     "check that " + u.Host + " is up and reachable from this server",
		}
	}
}

// withoutEcho drops the cause of an HTTP protocol error: it may quote the
// provider's bytes, and those may repeat the credential.
func withoutEcho(u *url.URL, err error) error {
	var failed *Error
	if !errors.As(err, &failed) || failed.Cause == nil {
		return err
	}
	var network interface{ Timeout() bool } // of package net, and the context's
	if errors.As(failed.Cause, &network) || failed.Reached {
		return err
	}

	return &Error{Problem: u.Host + " did not answer in HTTP", Fix: failed.Fix}
}
