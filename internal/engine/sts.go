package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/sts"
)

// STSOptions configures an STS. All fields but Logger and Now are required.
type STSOptions struct {
	Name   string // in the settings
	Config Config
	Signer Signer
	Poster Poster
	Now    func() time.Time // nil = time.Now
	Logger *slog.Logger     // nil = none
}

// STS is an engine outside that speaks AssumeRoleWithWebIdentity. It is safe for
// concurrent use.
type STS struct {
	name   string
	config Config
	signer Signer
	poster Poster
	now    func() time.Time
	logger *slog.Logger
}

// NewSTS returns the engine, or what is wrong with its settings. It contacts
// nobody.
func NewSTS(o STSOptions) (*STS, error) {
	s := &STS{o.Name, o.Config, o.Signer, o.Poster, o.Now, o.Logger}
	if s.now == nil {
		s.now = time.Now
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if err := s.config.settle(); err != nil {
		return nil, fmt.Errorf("credential_engines.%s: %w", o.Name, err)
	}
	return s, nil
}

// AssumeRoleForIdentity states the identity to the engine and returns the
// credentials that it gives. It asks once. sts.ErrDenied when the engine refuses,
// or the settings let nothing be asked; sts.ErrUnavailable when there is no
// answer of use. The reason is in ctx's explain.Trace, and in the log; the
// engine's words are for whoever runs the server, never for the app.
func (s *STS) AssumeRoleForIdentity(ctx context.Context, r sts.Request) (sts.Credentials, error) {
	trace := explain.FromContext(ctx)
	if r.PoolID == "" || r.IdentityID == "" {
		return sts.Credentials{}, errors.New("engine: credentials are for an identity of a pool, and the request names none")
	}
	role, refused := s.role(r, trace)
	if refused != nil {
		return sts.Credentials{}, refused
	}
	now := s.now()
	duration := s.config.Duration
	if r.Duration != 0 {
		duration = r.Duration
	}
	token, err := s.token(ctx, &r, now, duration, trace)
	if err != nil {
		return sts.Credentials{}, err
	}
	question, err := s.question(&r, role, token, duration, trace)
	if err != nil {
		return sts.Credentials{}, err
	}
	reply, err := s.poster.Post(ctx, s.config.endpoint(), s.config.header(), question)
	if err != nil {
		return sts.Credentials{}, s.unavailable(ctx, trace, err.Error(), login.FixOf(err), ctx.Err())
	}
	credentials, problem := s.read(reply, now)
	if problem == nil {
		trace.Pass("credential engine "+s.name, "credentials until "+credentials.Expiration.UTC().Format(time.RFC3339))
		return credentials, nil
	}
	what := masked(problem.Error())
	var refusal *refusal
	if !errors.As(problem, &refusal) {
		return sts.Credentials{}, s.unavailable(ctx, trace, what, "Check that the endpoint of credential_engines."+s.name+" is an STS, and look at the engine's log.", nil)
	}
	trace.Fail("credential engine "+s.name, "credentials for "+shown(role), what, refusal.fix(s.name))
	s.logger.WarnContext(ctx, "credential engine refused", "engine", s.name, "pool", string(r.PoolID), "role", role, "reason", what)
	return sts.Credentials{}, fmt.Errorf("%w: engine %s: %s", sts.ErrDenied, s.name, what)
}

func shown(role string) string {
	if role == "" {
		return "the token's claims alone"
	}
	return role
}

func (s *STS) unavailable(ctx context.Context, trace *explain.Trace, what, fix string, cause error) error {
	if fix == "" {
		fix = "Try again; check that the credential engine is up and reachable from this server."
	}
	trace.Fail("credential engine "+s.name, "an answer of its STS within the time allowed", what, fix)
	s.logger.WarnContext(ctx, "credential engine gave no answer", "engine", s.name, "reason", what)
	if cause != nil {
		return fmt.Errorf("%w: engine %s: %s: %w", sts.ErrUnavailable, s.name, what, cause)
	}
	return fmt.Errorf("%w: engine %s: %s", sts.ErrUnavailable, s.name, what)
}

// role returns the engine's role for the pool's. A role of another account is
// refused here: the engine may know no accounts.
func (s *STS) role(r sts.Request, trace *explain.Trace) (string, error) {
	arn, err := iam.ParseRoleARN(r.RoleARN)
	if err != nil {
		trace.Fail("role", "the ARN of a role", r.RoleARN, "set the pool's role to arn:"+identitypool.Partition(r.Region)+":iam::"+string(r.Account)+":role/NAME; what the engine calls it belongs in credential_engines."+s.name+".roles")
		return "", fmt.Errorf("%w: %q %w", sts.ErrDenied, r.RoleARN, err)
	}
	if arn.Account != r.Account {
		trace.Fail("role account", "account "+string(r.Account)+", the pool's", "account "+string(arn.Account), "use a role in the pool's account; credential_engines."+s.name+".roles rewrites it for the engine")
		return "", fmt.Errorf("%w: role %s is not in the pool's account %s", sts.ErrDenied, r.RoleARN, r.Account)
	}
	role, found := s.config.role(r.RoleARN)
	for _, form := range []string{identitypool.Partition(r.Region), "aws"} { // the settings may have another one
		if !found {
			role, found = s.config.role(identitypool.InPartition(r.RoleARN, form))
		}
	}
	if !found {
		trace.Fail("role", "a role in credential_engines."+s.name+".roles", r.RoleARN, "add the role there, with what the engine calls it")
		return "", fmt.Errorf("%w: engine %s has no role for %s", sts.ErrDenied, s.name, r.RoleARN)
	}
	trace.Pass("role at credential engine "+s.name, shown(role))
	return role, nil
}

// token states the identity to the engine.
func (s *STS) token(ctx context.Context, r *sts.Request, now time.Time, duration time.Duration, trace *explain.Trace) (string, error) {
	t := s.config.Token
	claims := issuer.Claims{Subject: string(r.IdentityID), Audience: t.Audience, IssuedAt: now, Expires: now.Add(duration)}
	if claims.Audience == "" {
		claims.Audience = string(r.PoolID)
	}
	if t.Lifetime != 0 {
		claims.Expires = now.Add(t.Lifetime)
	}
	if t.Tags {
		claims.PrincipalTags = r.Tags
	}
	switch {
	case t.AMR == AMRFull && len(r.AMR) > 0:
		claims.AMR = r.AMR
	case t.AMR == None:
	case r.Guest:
		claims.AMR = []string{identitypool.Unauthenticated}
	default:
		claims.AMR = []string{identitypool.Authenticated}
	}
	shape := issuer.Shape{Algorithm: t.Algorithm, Type: t.Type, Certificate: t.Certificate, Issuer: t.Issuer, Extra: make(map[string]any, len(t.Claims))}
	for name, template := range t.Claims {
		value, missing := fill(template, r)
		if missing != "" {
			return "", s.lacksTag("claim "+name, missing, trace)
		}
		shape.Extra[name] = value
	}
	return s.signer.SignShaped(ctx, shape, claims)
}

func (s *STS) lacksTag(where, tag string, trace *explain.Trace) error {
	trace.Fail(where+" for credential engine "+s.name, "principal tag "+tag+": 1 to 256 letters, digits and _.:/=+@-", "no such value",
		"map a claim of the login to the tag, one without commas and blanks")
	return fmt.Errorf("%w: engine %s: tag %q cannot fill %s", sts.ErrDenied, s.name, tag, where)
}

// question is the body of the request.
func (s *STS) question(r *sts.Request, role, token string, duration time.Duration, trace *explain.Trace) ([]byte, error) {
	form := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {stsVersion},
		"RoleSessionName": {s.config.SessionName}, "WebIdentityToken": {token},
		"DurationSeconds": {strconv.Itoa(int(duration / time.Second))}}
	if role != "" {
		form.Set("RoleArn", role)
	}
	policy := s.config.SessionPolicy
	if r.Guest {
		policy = s.config.GuestPolicy
	}
	if policy != "" {
		filled, missing := fill(policy, r)
		if missing != "" {
			return nil, s.lacksTag("the session policy", missing, trace)
		}
		form.Set("Policy", filled.(string))
	}
	if r.Guest {
		for n, arn := range s.config.GuestPolicyARNs {
			form.Set("PolicyArns.member."+strconv.Itoa(n+1)+".arn", arn)
		}
	}
	return []byte(form.Encode()), nil
}

// secretText finds what may be a token, a key or a part of one in an engine's words.
var secretText = regexp.MustCompile(`eyJ[A-Za-z0-9_.=-]*|[A-Za-z0-9_+/=-]{40,}(?:\.[A-Za-z0-9_=-]*)*`)

const maxQuoted = 300 // bytes of an engine's words

// masked makes an engine's words fit for log and trace: one line, no secret.
func masked(text string) string {
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
