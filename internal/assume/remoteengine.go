package assume

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// RemoteEngineOptions configures a RemoteEngine. All fields but Logger and Now are required.
type RemoteEngineOptions struct {
	Name   string // in the settings
	Config EngineConfig
	Signer Signer
	Poster Poster
	Now    func() time.Time // nil = time.Now
	Logger *slog.Logger     // nil = none
}

// RemoteEngine is an STS outside this server that offers AssumeRoleWithWebIdentity. It is
// safe for concurrent use.
type RemoteEngine struct {
	name   string
	config EngineConfig
	signer Signer
	poster Poster
	now    func() time.Time
	logger *slog.Logger
	health atomic.Pointer[Health] // nil = it was never asked
}

// newRemoteEngine returns the engine, or an error for invalid settings. It sends no request.
func newRemoteEngine(o RemoteEngineOptions) (*RemoteEngine, error) {
	e := &RemoteEngine{
		name:   o.Name,
		config: o.Config,
		signer: o.Signer,
		poster: o.Poster,
		now:    o.Now,
		logger: cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
	}
	if e.now == nil {
		e.now = time.Now
	}
	if err := e.config.complete(); err != nil {
		return nil, fmt.Errorf("credential_engines.%s: %w", o.Name, err)
	}

	return e, nil
}

// AssumeRoleForIdentity sends the engine a token about the identity and returns the
// credentials that it gives. It sends one request. It returns ErrDenied if the engine or the
// settings refuse, and ErrUnavailable if there is no usable answer. The reason is in ctx's
// explain.Trace and in the log. The engine's messages are for the operator of the server,
// never for the app.
func (e *RemoteEngine) AssumeRoleForIdentity(ctx context.Context, r Request) (session.Credentials, error) {
	trace := explain.FromContext(ctx)
	if r.PoolID == "" || r.IdentityID == "" {
		return session.Credentials{}, errors.New(
			"assume: credentials are for an identity of a pool, and the request names none",
		)
	}

	trace.Plan(enginePlan)
	role, why := e.role(r)
	if why != nil {
		return session.Credentials{}, e.deny(trace, why)
	}
	trace.PassOf("role at credential engine", e.name, shownTarget(role))

	name, why := e.sessionName(&r)
	if why != nil {
		return session.Credentials{}, e.deny(trace, why)
	}

	now := e.now()
	duration := cmp.Or(r.Duration, e.config.Duration)
	token, err := e.token(ctx, &r, now, duration, trace)
	if err != nil {
		return session.Credentials{}, err
	}

	body, why := e.requestBody(&r, role, name, token, duration)
	if why != nil {
		return session.Credentials{}, e.deny(trace, why)
	}

	response, err := e.poster.Post(ctx, e.config.endpoint(), e.config.header(), body)
	if err != nil {
		why := engineUnreachable.With("answer", err.Error(), "fix", cmp.Or(outbound.FixOf(err), tryAgain))
		return session.Credentials{}, e.unavailable(ctx, trace, why, ctx.Err())
	}

	credentials, problem := e.read(response, now)
	if problem == nil {
		e.healthy(true, "")
		trace.PassOf(
			"credential engine", e.name, "credentials until "+credentials.Expiration.UTC().Format(time.RFC3339),
		)

		return credentials, nil
	}

	what := maskedWords(e.config.withoutName(problem.Error(), name))
	refused, ok := errors.AsType[*refusal](problem)
	if !ok {
		return session.Credentials{}, e.unavailable(ctx, trace, engineNoSTS.With("answer", what, "engine", e.name), nil)
	}
	e.healthy(true, "it refuses: "+what)
	e.logger.WarnContext(
		ctx, "credential engine refused",
		"engine", e.name, "pool", string(r.PoolID), "role", role, "reason", what,
	)

	return session.Credentials{}, e.deny(trace, refused.why(shownTarget(role), what, e.name).Of(e.name))
}

// Decide checks what this server knows about the engine: that the settings have the role, and
// a name for the session. The engine itself decides when it is asked for credentials.
func (e *RemoteEngine) Decide(ctx context.Context, r Request) error {
	trace := explain.FromContext(ctx)
	trace.Plan(enginePlan)

	role, why := e.role(r)
	if why != nil {
		return e.deny(trace, why)
	}
	trace.PassOf("role at credential engine", e.name, shownTarget(role))
	if _, why := e.sessionName(&r); why != nil {
		return e.deny(trace, why)
	}

	return nil
}

// tryAgain is the advice if the failed request suggests no better one.
const tryAgain = "try again; check that the credential engine is up and reachable from this server"

// deny records why the pool's configuration gives no credentials.
func (e *RemoteEngine) deny(trace *explain.Trace, why *explain.Refusal) error {
	trace.Refuse(why)
	return fmt.Errorf("%w: engine %s: %w", ErrDenied, e.name, why)
}

// setting returns a link to a setting of the engine.
func (e *RemoteEngine) setting(name string) explain.Link {
	return explain.Setting("credential_engines." + e.name).In(name)
}

func shownTarget(role string) string {
	return cmp.Or(role, "the token's claims alone")
}

func (e *RemoteEngine) unavailable(ctx context.Context, trace *explain.Trace, why *explain.Refusal, cause error) error {
	trace.Refuse(why.Of(e.name).At(e.setting("endpoint")))
	if !errors.Is(cause, context.Canceled) { // the caller has not just left
		e.healthy(false, why.Got)
	}
	e.logger.WarnContext(ctx, "credential engine gave no answer", "engine", e.name, "reason", why.Got)
	if cause != nil {
		return fmt.Errorf("%w: engine %s: %w: %w", ErrUnavailable, e.name, why, cause)
	}

	return fmt.Errorf("%w: engine %s: %w", ErrUnavailable, e.name, why)
}

// role returns the engine's role for the pool's role. It refuses a role of another account,
// because the engine may have no accounts.
func (e *RemoteEngine) role(r Request) (string, *explain.Refusal) {
	atPool := r.roleOfPool()

	if r.Role.fault != nil {
		why := engineRoleForm.With("role", r.Role.text, "partition", identitypool.Partition(r.Region),
			"account", string(r.Account), "engine", e.name)
		return "", why.Of(r.Role.text).At(atPool)
	}
	if r.Role.ARN.Account != r.Account {
		why := engineRoleAccount.With(
			"account", string(r.Account), "other", string(r.Role.ARN.Account), "engine", e.name,
		)
		return "", why.Of(r.Role.text).At(atPool)
	}

	role, found := e.config.role(r.Role.text)
	for _, form := range []string{identitypool.Partition(r.Region), "aws"} { // the settings may have either
		if !found {
			role, found = e.config.role(identitypool.InPartition(r.Role.text, form))
		}
	}
	if !found {
		return "", roleUnmapped.With("engine", e.name, "role", r.Role.text).Of(r.Role.text).At(e.setting("roles"))
	}

	return role, nil
}

// token signs a token about the identity for the engine.
func (e *RemoteEngine) token(
	ctx context.Context, r *Request, now time.Time, duration time.Duration, trace *explain.Trace,
) (string, error) {
	t := e.config.Token
	claims := issuer.Claims{
		Subject:  string(r.IdentityID),
		Audience: cmp.Or(t.Audience, string(r.PoolID)),
		IssuedAt: now,
		Expires:  now.Add(duration),
	}

	if t.Lifetime != 0 {
		claims.Expires = now.Add(t.Lifetime)
	}
	if t.Tags {
		claims.PrincipalTags = r.Tags
	}

	switch {
	case t.AMR == amrFull && len(r.AMR) > 0:
		claims.AMR = r.AMR
	case t.AMR == none:
	case r.Guest:
		claims.AMR = []string{identitypool.Unauthenticated}
	default:
		claims.AMR = []string{identitypool.Authenticated}
	}

	shape := issuer.Shape{
		Algorithm:   t.Algorithm,
		Type:        t.Type,
		Certificate: t.Certificate,
		Issuer:      t.Issuer,
		Extra:       make(map[string]any, len(t.Claims)),
	}
	for name, template := range t.Claims {
		value, missing := fill(template, r)
		if missing != "" {
			why := claimTag.With("tag", missing)
			return "", e.deny(trace, why.Of(name).At(e.setting("token.claims")))
		}
		shape.Extra[name] = value
	}

	return e.signer.SignShaped(ctx, shape, claims)
}

// requestBody returns the body of the request.
func (e *RemoteEngine) requestBody(
	r *Request, role, name, token string, duration time.Duration,
) ([]byte, *explain.Refusal) {
	form := url.Values{
		"Action":           {"AssumeRoleWithWebIdentity"},
		"Version":          {stsVersion},
		"RoleSessionName":  {name},
		"WebIdentityToken": {token},
		"DurationSeconds":  {strconv.Itoa(int(duration / time.Second))},
	}
	if role != "" {
		form.Set("RoleArn", role)
	}

	policy, setting := e.config.SessionPolicy, "session_policy"
	if r.Guest {
		policy, setting = e.config.GuestPolicy, "guest_policy"
	}
	if policy != "" {
		filled, missing := fill(policy, r)
		if missing != "" {
			return nil, policyTag.With("tag", missing).Of(e.name).At(e.setting(setting))
		}
		form.Set("Policy", filled.(string))
	}
	if r.Guest {
		for n, arn := range e.config.GuestPolicyARNs {
			form.Set("PolicyArns.member."+strconv.Itoa(n+1)+".arn", arn)
		}
	}

	return []byte(form.Encode()), nil
}

// secretText finds anything in an engine's message that may be a token, a key or part of one.
var secretText = regexp.MustCompile(`eyJ[A-Za-z0-9_.=-]*|[A-Za-z0-9_+/=-]{40,}(?:\.[A-Za-z0-9_=-]*)*`)

const maxQuoted = 300 // bytes of an engine's message

// maskedWords makes an engine's message fit for log and trace: one line, no secret.
func maskedWords(text string) string {
	text = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == 0x2028 || c == 0x2029 {
			return ' '
		}
		return c
	}, secretText.ReplaceAllString(strings.ToValidUTF8(text, "?"), "[masked]"))
	if len(text) > maxQuoted {
		text = strings.ToValidUTF8(text[:maxQuoted], "") + "…"
	}

	return text
}
