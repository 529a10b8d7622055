package assume

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// ServiceOptions configures a Service.
type ServiceOptions struct {
	Minter *session.Minter
	Roles  iam.RoleSource
	Now    func() time.Time // nil = time.Now
	Logger *slog.Logger     // nil = none
	// AcceptUnknownRoles treats a role that Roles does not have as one that trusts the pool
	// and has no policies. It is for development only: there a pool can be tried before
	// its roles exist.
	AcceptUnknownRoles bool
	// GuestPolicies returns the session policies that bound the guests of a pool
	// (iam.GuestPolicies); nil bounds them as AWS does.
	GuestPolicies func(identitypool.PoolID) []string
}

// Service assumes roles on behalf of identities. It is safe for concurrent use.
type Service struct {
	minter        *session.Minter
	roles         iam.RoleSource
	now           func() time.Time
	logger        *slog.Logger
	acceptUnknown bool
	guestPolicies func(identitypool.PoolID) []string
	warned        *lru.Cache[string, struct{}] // cache: unknown roles; unknown roles that the log has named
}

// Request asks for credentials of a role on behalf of an identity that was proven before.
// NewRequest makes one.
type Request struct {
	client policy.Client

	Account    identitypool.AccountID // of the pool; the role must be in it
	Region     string
	PoolID     identitypool.PoolID
	IdentityID identitypool.IdentityID
	// Predecessor is the identity that had IdentityID before; the session must not pass for
	// one of its sessions.
	Predecessor identitypool.Predecessor
	AMR         []string // authenticated and how, or unauthenticated; none = by Guest
	Provider    string   // the login provider, for resource servers; may be ""
	// Logins are those that this call proved: none for guests and Cognito tokens. A remote
	// credential engine may name the session by one of their claims.
	Logins []identitypool.VerifiedLogin
	Role   PoolRole
	Tags   map[string]string // session tags
	// SignIns end the session when they end (session.Session).
	SignIns  []identitypool.SignIn
	Guest    bool          // an unauthenticated identity: the guest policy bounds its session
	Duration time.Duration // 0 = 1 h
}

// PoolRole is the role that a pool's settings or a login name. ReadPoolRole makes it.
type PoolRole struct {
	ARN   iam.RoleARN // the zero ARN = the text is none
	Field string      // the field of the pool that names it, for links; "" = a login does
	text  string
	fault error
}

// ReadPoolRole reads the role of a pool. An engine refuses a text that is no role's ARN.
func ReadPoolRole(text string) PoolRole {
	arn, err := iam.ParseRoleARN(text)
	return PoolRole{ARN: arn, text: text, fault: err}
}

// String returns the text that was read.
func (r PoolRole) String() string { return r.text }

// NewRequest returns a request of a client.
func NewRequest(client policy.Client) Request { return Request{client: client} }

// Bounds of a session's length (STS API reference, DurationSeconds). The role sets the
// upper one.
const (
	DefaultDuration = time.Hour
	minDuration     = 15 * time.Minute
)

// maxWarned bounds the memory of unknown roles that the log has named.
const maxWarned = 1024

// NewService returns a Service.
func NewService(o ServiceOptions) *Service {
	s := &Service{
		minter:        o.Minter,
		roles:         o.Roles,
		now:           o.Now,
		logger:        cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
		acceptUnknown: o.AcceptUnknownRoles,
		guestPolicies: o.GuestPolicies,
	}

	if s.guestPolicies == nil {
		s.guestPolicies = func(identitypool.PoolID) []string { return []string{iam.GuestPolicy} }
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.warned, _ = lru.New[string, struct{}](maxWarned) // fails only for sizes below one

	return s
}

// poolPlan are the checks of AssumeRoleForIdentity, in their order.
var poolPlan = []explain.Code{
	"role", "role-account", "session-tags", "session-duration", "trust-policy", "session-token-size",
}

// AssumeRoleForIdentity does what the enhanced flow does with STS. It evaluates the role's
// trust policy for sts:AssumeRoleWithWebIdentity with the Cognito principal, and for
// sts:TagSession if there are tags, and mints credentials named session.EnhancedFlowName.
// It returns ErrDenied, session.ErrTooLarge or ErrDuration for a refusal, with the reason
// and the fix in ctx's explain.Trace, and another error if the role could not be looked up.
func (s *Service) AssumeRoleForIdentity(ctx context.Context, r Request) (session.Credentials, error) {
	trace := explain.FromContext(ctx)
	if err := r.complete(); err != nil {
		return session.Credentials{}, err
	}
	trace.Plan(poolPlan)

	wanted, err := s.decide(ctx, &r, trace)
	if err != nil {
		return session.Credentials{}, err
	}

	c, err := s.minter.Mint(ctx, wanted)
	if errors.Is(err, session.ErrTooLarge) {
		why := tokenSizeOfPool.With("limit", strconv.Itoa(session.MaxTokenBytes), "fault", err.Error())
		trace.Refuse(why.At(r.PoolID.Link("PrincipalTags")))
	}

	return c, err
}

// Decide decides about a request as AssumeRoleForIdentity does, and gives no credentials: it
// drops those that show whether the session token has room for the tags.
func (s *Service) Decide(ctx context.Context, r Request) error {
	_, err := s.AssumeRoleForIdentity(ctx, r)
	return err
}

// decide checks the role of a complete request, and returns the session to mint.
func (s *Service) decide(ctx context.Context, r *Request, trace *explain.Trace) (session.Session, error) {
	role, known, err := s.role(ctx, *r, trace)
	if err != nil {
		return session.Session{}, err
	}

	if why := session.CheckTags(r.Tags); why != nil {
		return session.Session{}, fmt.Errorf("%w: %w", ErrDenied, trace.Refuse(why))
	}
	if r.Duration < minDuration || r.Duration > role.MaxSession {
		shown := RoleIn(role, identitypool.Partition(r.Region))
		why := durationOfPool.With(
			"least", minDuration.String(), "limit", role.MaxSession.String(), "duration", r.Duration.String(),
		).Of(shown.ARN.String()).At(LinkTo(shown, "MaxSessionDuration", "max_session_duration"))

		return session.Session{}, fmt.Errorf("%w: %w", ErrDuration, trace.Refuse(why))
	}

	now := s.now()
	if known {
		attempt := r.attempt(role)
		if err := attempt.Trusted(trace, now); err != nil {
			return session.Session{}, err
		}
	}

	wanted := session.Session{
		Account:     r.Account,
		RoleARN:     role.ARN,
		RoleID:      role.ID,
		SessionName: session.EnhancedFlowName,
		IdentityID:  r.IdentityID,
		PoolID:      r.PoolID,
		AMR:         r.AMR,
		Tags:        r.Tags,
		Provider:    r.Provider,
		SignIns:     r.SignIns,
		Region:      r.Region,
		Issued:      r.Predecessor.After(now),
		Expires:     now.Add(r.Duration),
	}
	if r.Guest {
		wanted.Policies = s.guestPolicies(r.PoolID)
	}

	return wanted, nil
}

// complete fills in defaults and refuses requests that contradict themselves, which only
// our code can send.
func (r *Request) complete() error {
	if r.PoolID == "" || r.IdentityID == "" {
		return errors.New("assume: a role is assumed for an identity of a pool, and the request names none")
	}

	if len(r.AMR) == 0 {
		r.AMR = []string{identitypool.Authenticated}
		if r.Guest {
			r.AMR = []string{identitypool.Unauthenticated}
		}
	}
	if slices.Contains(r.AMR, identitypool.Unauthenticated) != r.Guest ||
		slices.Contains(r.AMR, identitypool.Authenticated) == r.Guest {
		return fmt.Errorf("assume: amr %q does not go with a guest being %t", r.AMR, r.Guest)
	}
	r.Duration = cmp.Or(r.Duration, DefaultDuration)

	return nil
}

// role finds the role, and reports whether the directory has it. The caller that chose the
// role has already recorded that it passed.
func (s *Service) role(ctx context.Context, r Request, trace *explain.Trace) (role iam.Role, known bool, err error) {
	arn := r.Role.ARN
	if err := r.Role.fault; err != nil {
		why := poolRoleForm.With(
			"role", r.Role.text, "partition", identitypool.Partition(r.Region), "account", string(r.Account),
		)
		return iam.Role{}, false, fmt.Errorf("%w: %w: %w", ErrDenied, trace.Refuse(why.At(r.roleOfPool())), err)
	}
	if arn.Account != r.Account {
		why := roleAccount.With("account", string(r.Account), "other", string(arn.Account))
		return iam.Role{}, false, fmt.Errorf(
			"%w: %w", ErrDenied, trace.Refuse(why.Of(r.shownRole()).At(r.roleOfPool())),
		)
	}

	role, known, err = s.FindRole(ctx, arn, trace)
	if errors.Is(err, iam.ErrNotFound) {
		why := poolRoleMissing.With("role", r.shownRole()).At(explain.Link{
			Kind:   explain.LinkRole,
			ID:     r.shownRole(),
			Source: explain.SourceAPI,
		}).At(r.roleOfPool())
		return iam.Role{}, false, fmt.Errorf("%w: %w", ErrDenied, trace.Refuse(why))
	}

	return role, known, err
}

// FindRole finds a role, and reports whether the directory has it. With AcceptUnknownRoles it
// makes up a role that nobody defined. The error wraps iam.ErrNotFound if there is none.
func (s *Service) FindRole(
	ctx context.Context, arn iam.RoleARN, trace *explain.Trace,
) (role iam.Role, known bool, err error) {
	role, err = s.roles.Role(ctx, arn)
	switch {
	case err == nil:
		return role, true, nil
	case !errors.Is(err, iam.ErrNotFound) || !s.acceptUnknown:
		return iam.Role{}, false, fmt.Errorf("assume: %w", err)
	}

	text := arn.String()
	if warned, _ := s.warned.ContainsOrAdd(text, struct{}{}); !warned {
		s.logger.WarnContext(
			ctx, "unknown role accepted without a trust policy; sessions of it are allowed nothing", "role", text,
		)
	}
	trace.Pass("role", text+" (unknown, accepted in development)")

	return iam.Role{
		ARN:        arn,
		Name:       arn.Name,
		Path:       arn.Path,
		ID:         iam.RoleID(text),
		Account:    arn.Account,
		MaxSession: DefaultDuration,
	}, false, nil
}

// attempt returns the request as the role's trust policy sees it.
func (r *Request) attempt(role iam.Role) Attempt {
	a := NewAttempt(r.client, WebIdentityAction)
	a.Role, a.Region, a.Partition = role, r.Region, identitypool.Partition(r.Region)
	a.Principal = policy.Principal{Federated: identitypool.ServiceName(r.Region)}
	a.SessionName, a.Tags = session.EnhancedFlowName, r.Tags
	a.Who.Pool, a.Who.Identity, a.Who.Guest = r.PoolID, r.IdentityID, r.Guest

	a.Keys = policy.Keys{}
	session.SetIdentity(a.Keys, r.PoolID, r.IdentityID, r.AMR)

	return a
}

// shownRole returns the role's ARN in the partition of the pool's region, if that is known.
func (r *Request) shownRole() string {
	if r.Region == "" {
		return r.Role.text
	}
	return identitypool.InPartition(r.Role.text, identitypool.Partition(r.Region))
}

// roleOfPool returns a link to the place where the pool names its role; none if a login names it.
func (r *Request) roleOfPool() explain.Link {
	if r.Role.Field == "" {
		return explain.Link{}
	}
	return r.PoolID.Link(r.Role.Field)
}
