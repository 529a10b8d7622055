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
	status int
	code   string // the protocol's error code
	text   string
	fix    string
}

func (f *fault) Error() string { return f.text }

func bad(code, text, fix string) error {
	return &fault{status: http.StatusBadRequest, code: code, text: text, fix: fix}
}

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
	media    string
	types    []string // of the token; "" = a token without type
	token    func(body []byte) (string, error)
	take     func(s *Service, ctx context.Context, p Provider, accounts []identitypool.AccountID, c login.Claims) error
	accepted int // status
	fresh    time.Duration
	answer   func(code, text string) any
	// repeated is the answer to an event that was accepted before.
	repeated error
}

// receive returns the handler for a protocol. Its pattern needs the method POST and the
// wildcard ProviderPath. Outcomes go to the log and the request's trace; the token never
// does.
func (s *Service) receive(p protocol) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		key := r.PathValue(ProviderPath)
		err := s.receiveOne(r, p, key)
		if err == nil {
			w.WriteHeader(p.accepted)
			return
		}

		f := asFault(err)
		level := slog.LevelWarn
		if f.status >= http.StatusInternalServerError {
			level = slog.LevelError
		}
		if f.status != http.StatusBadRequest {
			w.Header().Set("Retry-After", "5")
		}
		s.log.Log(r.Context(), level, "a provider's sign-out was not taken",
			"provider", show(key), "reason", err.Error(), "fix", f.fix)

		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(f.status)
		_ = json.NewEncoder(w).Encode(p.answer(f.code, f.text)) // fails only if the provider has gone
	})
}

func (s *Service) receiveOne(r *http.Request, p protocol, key string) error {
	providers, err := s.o.Providers(r.Context(), key)
	if errors.Is(err, ErrUnknownProvider) {
		return bad(invalidRequest, err.Error(),
			"use the provider's Logins key, escaped as one path segment (/ is %2F), and register the provider")
	} else if err != nil {
		return err
	}

	now := s.o.Now()
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != p.media {
		return bad(invalidRequest, "the content type is not "+p.media, "send the event as "+p.media)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxEventBytes+1))
	if err != nil {
		return bad(invalidRequest, "the body could not be read", "send it again")
	}
	if len(body) > maxEventBytes {
		return bad(invalidRequest, "the body is too large", "send one event of at most 32 KiB")
	}

	token, err := p.token(body)
	if err != nil {
		return err
	}
	e, err := s.prove(r.Context(), providers, p.types, token)
	if err != nil {
		return err
	}

	return s.takeOnce(r.Context(), p, e, now)
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

	if len(proven.accounts) == 0 {
		return event{}, cmp.Or(refusal,
			bad(invalidAudience, "no account has registered the token's audience", "register its client ID"))
	}

	slices.Sort(proven.accounts)
	proven.accounts = slices.Compact(proven.accounts)

	return proven, nil
}

// accountsOf returns the accounts that have registered an audience of an event.
func (p *Provider) accountsOf(c login.Claims) (accounts []identitypool.AccountID) {
	audiences, isList := c.All["aud"].([]any)
	if !isList {
		audiences = []any{c.All["aud"]}
	}

	for account, clients := range p.Clients {
		if slices.ContainsFunc(audiences, func(audience any) bool {
			name, isString := audience.(string)
			return isString && slices.Contains(clients, name)
		}) {
			accounts = append(accounts, account)
		}
	}

	return accounts
}

// takeOnce checks the rules of both protocols for a token, and carries it out unless
// that was done before.
func (s *Service) takeOnce(ctx context.Context, p protocol, e event, now time.Time) error {
	provider, c := e.provider, e.claims
	if c.IssuedAt.IsZero() || now.Sub(c.IssuedAt) > p.fresh+skew {
		return bad(invalidRequest, "iat is missing or too old", "send events as they happen, and compare the clocks")
	}
	id, isString := c.All["jti"].(string)
	if !isString || id == "" || len(id) > 256 {
		return bad(invalidRequest, "jti is missing", "give each event another ID")
	}

	if !s.replays.reserve(provider.Name, id, now, c.IssuedAt.Add(p.fresh+skew)) {
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

	err := p.take(s, ctx, provider, e.accounts, c)
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
			status: http.StatusBadRequest,
			code:   code,
			text:   refused.Reason.Check + " is not as it must be",
			fix:    refused.Fix,
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
