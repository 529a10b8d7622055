// Package auth verifies, in a service of yours, requests that were signed (AWS Signature Version 4) with Poolhouse's
// temporary credentials. Wrap your handler in [Verifier.Middleware] and read the caller with [FromContext].
//
// A Verifier asks Poolhouse about each session (VerifySession), again when the answer is older than [Fresh], and checks
// the signatures itself. It gets signing keys, never secrets: with one it could forge the session's requests of that
// day, region and service. Its access key needs the permission poolhouse:VerifySession and no other. Your service
// decides what the caller may do; only the endpoint for forward auth (docs/check.md) evaluates the role's policies.
package auth

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/sigv4"
)

// Fresh is the time for which a Verifier uses the server's answer about a session. The
// server's data may be RevocationDelay - Fresh old.
const Fresh = 3 * time.Second

// RevocationDelay is the longest time for which a Verifier still accepts a revoked session.
const RevocationDelay = 5 * time.Second

// Defaults of Options.
const (
	DefaultService  = "execute-api"
	DefaultMaxBody  = 1 << 20
	DefaultSessions = 10_000
	DefaultTimeout  = 5 * time.Second
)

// Reasons why a request was refused, beside a *sigv4.Error, which is about the signature.
var (
	// ErrBodyTooLarge: the body is longer than Options.MaxBody.
	ErrBodyTooLarge = errors.New("auth: the request's body is too large to be verified")
	// ErrUnavailable: Poolhouse did not answer, so nothing is known about the session.
	ErrUnavailable = errors.New("auth: the session could not be verified now")
)

// Options configures a Verifier.
type Options struct {
	// Endpoint is Poolhouse's URL: https:// unless the host is this machine or AllowHTTP is set.
	Endpoint  string
	AllowHTTP bool
	// Credentials are a long-lived access key of the account whose sessions the Verifier accepts.
	Credentials sigv4.Credentials
	// Region and Service are those that clients sign for; an empty Service means execute-api.
	// For s3, paths are read as S3 reads them.
	Region  string
	Service string
	// Presigned accepts presigned URLs too.
	Presigned bool
	// MaxBody is the largest body, in bytes, that is read to check its hash; 0 = 1 MiB.
	MaxBody int64
	// Sessions is the largest number of sessions in memory; 0 = 10,000.
	Sessions int
	// Refused answers a refused request; nil answers with the status of StatusOf and
	// a JSON object with the reason in message.
	Refused func(w http.ResponseWriter, r *http.Request, err error)

	Client *http.Client     // HTTP client for calls to Poolhouse; nil = one with a timeout of 5 s
	Now    func() time.Time // nil = time.Now
	Logger *slog.Logger     // nil = none
}

// Verifier verifies requests. It is safe for concurrent use.
type Verifier struct {
	o        Options
	sigv4    *sigv4.Verifier
	sessions *sessions
}

// New returns a Verifier. It does not contact the server.
func New(o Options) (*Verifier, error) {
	o.Service = cmp.Or(o.Service, DefaultService)
	o.MaxBody = cmp.Or(o.MaxBody, DefaultMaxBody)
	o.Sessions = cmp.Or(o.Sessions, DefaultSessions)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: DefaultTimeout}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Refused == nil {
		o.Refused = refuse
	}

	u, err := url.Parse(o.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("auth: Endpoint %q is not the URL of a server", o.Endpoint)
	case u.Scheme == "http" && !o.AllowHTTP && !loopback(u.Hostname()):
		return nil, fmt.Errorf(
			"auth: Endpoint %q is not encrypted: use https://, or set AllowHTTP where the network is trusted",
			o.Endpoint)
	case o.Credentials.AccessKeyID == "" || o.Credentials.SecretAccessKey == "":
		return nil, errors.New("auth: Credentials are required, to ask the server with")
	case o.Region == "":
		return nil, errors.New("auth: Region is required: the one that clients sign for")
	case o.MaxBody < 0 || o.Sessions < 0:
		return nil, errors.New("auth: MaxBody and Sessions cannot be negative")
	}

	v := &Verifier{o: o}
	v.sessions = newSessions(o.Sessions, v.ask)
	rules := sigv4.Service{LiteralPath: o.Service == "s3", UnsignedPayload: o.Service == "s3"}
	if o.Presigned {
		rules.Presigned = sigv4.PresignedExpires
	}
	v.sigv4 = &sigv4.Verifier{
		Keys:        v.signingKey,
		DerivedOnly: true,
		Services:    map[string]sigv4.Service{o.Service: rules},
		Now:         o.Now,
	}

	return v, nil
}

func loopback(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.") &&
		!strings.ContainsFunc(host, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
}

// Verify verifies r, whose whole body is body, and returns who signed it. It
// does not read r.Body. A refusal is a *sigv4.Error. The error wraps
// ErrUnavailable if the server did not answer.
func (v *Verifier) Verify(r *http.Request, body []byte) (*Principal, error) {
	result, err := v.sigv4.Verify(r, body, v.o.Service)
	if err != nil {
		return nil, err
	}

	if result.Region != v.o.Region {
		return nil, &sigv4.Error{
			Code:    sigv4.WrongScope,
			Message: fmt.Sprintf("Credential should be scoped to a valid region: '%s'.", v.o.Region),
		}
	}

	return result.Owner.(*session).principal, nil
}

// Middleware answers requests that Verify refuses and passes all others to next, with the
// Principal in the context and a body that can be read again.
func (v *Verifier) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body []byte
		if r.Body != nil && r.Body != http.NoBody {
			var err error
			body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, v.o.MaxBody))
			if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
				err = fmt.Errorf("%w: more than %d bytes", ErrBodyTooLarge, tooLarge.Limit)
			}
			if err != nil {
				v.o.Refused(w, r, err)
				return
			}
		}

		p, err := v.Verify(r, body)
		if err != nil {
			if errors.Is(err, ErrUnavailable) {
				v.o.Logger.ErrorContext(r.Context(), "a session could not be verified", "error", err)
			}
			v.o.Refused(w, r, err)
			return
		}

		r = r.WithContext(NewContext(r.Context(), p))
		if body != nil {
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		next.ServeHTTP(w, r)
	})
}

// StatusOf returns the HTTP status for an error of Verify or Middleware.
func StatusOf(err error) int {
	refusal, ok := errors.AsType[*sigv4.Error](err)
	switch {
	case ok && refusal.Code == sigv4.MissingAuthentication:
		return http.StatusUnauthorized
	case ok:
		return http.StatusForbidden
	case errors.Is(err, ErrBodyTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrUnavailable):
		return http.StatusServiceUnavailable
	default:
		return http.StatusBadRequest // the body could not be read
	}
}

func refuse(w http.ResponseWriter, _ *http.Request, err error) {
	message := "The request could not be verified."
	if refusal, ok := errors.AsType[*sigv4.Error](err); ok {
		message = refusal.Message
	}

	status := StatusOf(err)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "AWS4-HMAC-SHA256")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message}) // fails if the client is gone
}

// signingKey implements sigv4.Verifier.Keys.
func (v *Verifier) signingKey(ctx context.Context, scope sigv4.Scope, sessionToken string) (sigv4.Key, error) {
	switch {
	case sessionToken == "":
		return sigv4.Key{}, fmt.Errorf("%w: it is not a temporary one", sigv4.ErrUnknownKey)
	case scope.Region != v.o.Region:
		// Such a signature will be refused, so a question to the server would be for nothing.
		return sigv4.Key{}, &sigv4.Error{
			Code:    sigv4.WrongScope,
			Message: fmt.Sprintf("Credential should be scoped to a valid region: '%s'.", v.o.Region),
		}
	}

	s, err := v.sessions.get(ctx, sessionKey{scope.AccessKeyID, scope.Date}, sessionToken, v.o.Now())
	if err != nil {
		return sigv4.Key{}, err
	}

	return sigv4.Key{SigningKey: s.key, Owner: s}, nil
}
