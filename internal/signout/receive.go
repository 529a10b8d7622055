package signout

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// maxEventBytes is the size limit of an event's body.
const maxEventBytes = 32 << 10

// ProviderPath is the wildcard in the receivers' paths. It stands for a Logins key,
// escaped as one path segment.
const ProviderPath = "provider"

// fault is the reason for which an event was not accepted.
type fault struct {
	status int    // of the answer; 0 = 400
	code   string // the protocol's error code
	text   string
	fix    string
}

func (f *fault) Error() string { return f.text }

// Error codes of RFC 8935 section 2.4. Back-Channel Logout 1.0 section 2.8 has only
// the first.
const (
	invalidRequest  = "invalid_request"
	invalidKey      = "invalid_key"
	invalidIssuer   = "invalid_issuer"
	invalidAudience = "invalid_audience"
)

// protocol is a protocol by which providers push events.
type protocol struct {
	mediaType  string
	tokenTypes []string // "" = a token without type
	readToken  func(body []byte) (string, error)
	carryOut   func(ctx context.Context, p Provider, accounts []identitypool.AccountID, c login.Claims) error
	maxAge     time.Duration               // of an event
	accepted   int                         // status of the answer to an accepted event
	repeated   error                       // answer to an event that was accepted before; nil = as to the first
	errorBody  func(code, text string) any // body of the answer to an event that was not accepted
}

// receive returns the handler for a protocol. Its pattern needs the method POST and the
// wildcard ProviderPath. Outcomes go to the log and the request's trace; the token never
// does.
func (s *Service) receive(p protocol) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		key := r.PathValue(ProviderPath)
		err := s.receiveEvent(r, p, key)
		if err == nil {
			w.WriteHeader(p.accepted)
			return
		}

		f := asFault(err)
		status, level := cmp.Or(f.status, http.StatusBadRequest), slog.LevelWarn
		if status >= http.StatusInternalServerError {
			level = slog.LevelError
		}
		if status != http.StatusBadRequest {
			w.Header().Set("Retry-After", "5")
		}
		s.log.Log(r.Context(), level, "a provider's sign-out was not taken",
			"provider", show(key), "reason", err.Error(), "fix", f.fix)

		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(p.errorBody(f.code, f.text)) // fails only if the provider has gone
	})
}

// receiveEvent reads, proves and carries out the event of a request. key is the Logins key in
// its path.
func (s *Service) receiveEvent(r *http.Request, p protocol, key string) error {
	providers, err := s.o.Providers(r.Context(), key)
	if errors.Is(err, ErrUnknownProvider) {
		return &fault{
			code: invalidRequest,
			text: err.Error(),
			fix:  "use the provider's Logins key, escaped as one path segment (/ is %2F), and register the provider",
		}
	} else if err != nil {
		return err
	}

	now := s.o.Now()
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != p.mediaType {
		return &fault{
			code: invalidRequest,
			text: "the content type is not " + p.mediaType,
			fix:  "send the event as " + p.mediaType,
		}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxEventBytes+1))
	if err != nil {
		return &fault{
			code: invalidRequest,
			text: "the body could not be read",
			fix:  "send it again",
		}
	}
	if len(body) > maxEventBytes {
		return &fault{
			code: invalidRequest,
			text: "the body is too large",
			fix:  "send one event of at most 32 KiB",
		}
	}

	token, err := p.readToken(body)
	if err != nil {
		return err
	}
	e, err := s.prove(r.Context(), providers, p.tokenTypes, token)
	if err != nil {
		return err
	}

	return s.carryOutOnce(r.Context(), p, e, now)
}

// event is a proven token.
type event struct {
	provider Provider
	claims   login.Claims
	accounts []identitypool.AccountID // whose logins it may end
}

// prove verifies a token under each trust in its provider. The event counts for the
// accounts that have registered a client of its audience. The provider signs it, so no
// account can end the logins of another.
func (s *Service) prove(ctx context.Context, providers []Provider, types []string, token string) (event, error) {
	var proven event
	var refusal error
	for _, p := range providers {
		claims, err := s.o.Verifier.VerifyEvent(ctx, p.Trust, types, token)
		if _, refused := errors.AsType[*login.Refused](err); refused {
			refusal = cmp.Or(refusal, err)
			continue
		} else if err != nil {
			return event{}, err // the provider must send it again, for the accounts not reached yet
		}

		if len(proven.accounts) == 0 {
			proven.provider, proven.claims = p, claims
		}
		if p.Clients == nil {
			proven.accounts = AllAccounts
			return proven, nil
		}
		proven.accounts = append(proven.accounts, p.accountsOf(claims)...)
	}

	switch {
	case len(proven.accounts) == 0 && refusal != nil:
		return event{}, refusal
	case len(proven.accounts) == 0:
		return event{}, &fault{
			code: invalidAudience,
			text: "no account has registered the token's audience",
			fix:  "register its client ID",
		}
	}

	slices.Sort(proven.accounts)
	proven.accounts = slices.Compact(proven.accounts)

	return proven, nil
}

// accountsOf returns the accounts that have registered an audience of an event.
func (p *Provider) accountsOf(c login.Claims) (accounts []identitypool.AccountID) {
	audiences := c.Audiences()
	for account, clients := range p.Clients {
		if slices.ContainsFunc(audiences, func(a string) bool { return slices.Contains(clients, a) }) {
			accounts = append(accounts, account)
		}
	}

	return accounts
}

// carryOutOnce checks the rules of both protocols for a token, and carries it out unless
// that was done before.
func (s *Service) carryOutOnce(ctx context.Context, p protocol, e event, now time.Time) error {
	provider, c := e.provider, e.claims
	if c.IssuedAt.IsZero() || now.Sub(c.IssuedAt) > p.maxAge+skew {
		return &fault{
			code: invalidRequest,
			text: "iat is missing or too old",
			fix:  "send events as they happen, and compare the clocks",
		}
	}
	id, isString := c.All["jti"].(string)
	if !isString || id == "" || len(id) > 256 {
		return &fault{
			code: invalidRequest,
			text: "jti is missing",
			fix:  "give each event another ID",
		}
	}

	if !s.replays.reserve(provider.Name, id, now, c.IssuedAt.Add(p.maxAge+skew)) {
		return p.repeated
	}
	// Counted only now: a sender who cannot sign, or who repeats an event that somebody
	// else signed, must not use up the provider's rate.
	if !s.incoming.allow(provider.Name, now) {
		s.replays.release(provider.Name, id)
		return &fault{
			status: http.StatusTooManyRequests,
			code:   invalidRequest,
			text:   "too many events of this provider",
			fix:    "send fewer, or later",
		}
	}

	err := p.carryOut(ctx, provider, e.accounts, c)
	if err != nil {
		s.replays.release(provider.Name, id)
		return err
	}

	return nil
}

// asFault returns the fault that an error is for the provider.
func asFault(err error) *fault {
	var f *fault
	var refused *login.Refused
	var unavailable *login.Unavailable

	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &refused):
		code := invalidRequest
		switch refused.Message {
		case login.MessageBadSignature:
			code = invalidKey
		case login.MessageIssuerMismatch:
			code = invalidIssuer
		case login.MessageWrongAudience:
			code = invalidAudience
		}

		return &fault{
			code: code,
			text: refused.Reason.Check + " is not as it must be",
			fix:  refused.Fix,
		}
	case errors.As(err, &unavailable):
		return &fault{
			status: http.StatusServiceUnavailable,
			code:   invalidRequest,
			text:   "the provider's keys could not be fetched",
			fix:    "try again",
		}
	default:
		return &fault{
			status: http.StatusServiceUnavailable,
			code:   invalidRequest,
			text:   "the sign-out could not be looked into or stored",
			fix:    "try again",
		}
	}
}

// show shortens a stranger's text for the log.
func show(key string) string {
	const most = 128
	if len(key) > most {
		key = key[:most]
	}
	return key
}
