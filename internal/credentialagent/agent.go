// Package credentialagent gives the credentials of a profile to programs that take no
// credential_process: over HTTP as the container credentials of AWS SDKs, and in a credentials file.
// Both renew by themselves. Start at Handler and KeepFile.
package credentialagent

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/clilogin"
)

// Path is the path of the credentials.
const Path = "/credentials"

// Source returns credentials, renewed if need be.
type Source func(ctx context.Context) (clilogin.Credentials, error)

// Handler answers container credential providers (AWS SDKs and Tools Reference Guide, "Container
// credential provider"). It must be served on a loopback address.
type Handler struct {
	Token  string // what Authorization must be; never empty
	Source Source
	Failed func(error) // hears why credentials could not be given
}

// answer is the response of the protocol. Expiration is in the form that all SDKs parse.
type answer struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Token           string
	Expiration      string
}

// fault is an error of the protocol.
type fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")

	switch {
	case !isLoopback(r.Host):
		// A page whose name was made to lead here (DNS rebinding) has no token, but need not know more.
		refuse(w, http.StatusForbidden, "Forbidden", "the Host must be a loopback address")
	case !h.authorized(r):
		refuse(w, http.StatusUnauthorized, "Unauthorized", "Authorization must be the token of this agent")
	case r.URL.Path != Path:
		refuse(w, http.StatusNotFound, "NotFound", "the credentials are at "+Path)
	case r.Method != http.MethodGet:
		header.Set("Allow", http.MethodGet)
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "use GET")
	default:
		h.give(w, r)
	}
}

// authorized compares digests, so that the time tells neither content nor length of the token.
func (h *Handler) authorized(r *http.Request) bool {
	sent := r.Header.Values("Authorization")
	if len(sent) != 1 || h.Token == "" {
		return false
	}
	a, b := sha256.Sum256([]byte(sent[0])), sha256.Sum256([]byte(h.Token))

	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func (h *Handler) give(w http.ResponseWriter, r *http.Request) {
	got, err := h.Source(r.Context())
	if err != nil {
		h.Failed(err)
		// SDKs show the message to the developer of the program, who can sign in again.
		refuse(w, http.StatusServiceUnavailable, "CredentialsUnavailable", err.Error())

		return
	}

	_ = json.NewEncoder(w).Encode(answer{ // an error means that the program has gone
		AccessKeyID:     got.AccessKeyID,
		SecretAccessKey: got.SecretAccessKey,
		Token:           got.SessionToken,
		Expiration:      got.Expires.UTC().Format(time.RFC3339),
	})
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(fault{Code: code, Message: message})
}

// isLoopback reports whether a Host header names this machine.
func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	if name == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(name)

	return err == nil && address.IsLoopback()
}

// Bounds of the server.
const (
	readTime   = 5 * time.Second
	maxHeaders = 16 << 10
)

// NewServer returns an HTTP server with bounds for the handler.
func NewServer(h *Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readTime,
		ReadTimeout:       readTime,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeaders,
	}
}

// NotLoopbackError means that others could reach the address.
type NotLoopbackError struct{ Address string }

func (e *NotLoopbackError) Error() string {
	return "the agent does not listen at " + e.Address + ": others could reach it; use an address such as 127.0.0.1:0"
}

// Listen listens on a loopback address such as 127.0.0.1:0. Error: *NotLoopbackError for others, also for
// names: they may lead anywhere.
func Listen(address string) (net.Listener, error) {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil || !parsed.Addr().Unmap().IsLoopback() {
		return nil, &NotLoopbackError{Address: address}
	}
	return net.Listen("tcp", address)
}
