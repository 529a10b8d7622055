package gate

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/poolhouse-id/poolhouse/auth"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// Minter opens session tokens: *session.Minter.
type Minter interface {
	Open(ctx context.Context, accessKeyID, sessionToken string) (session.Session, string, error)
	Knows(ctx context.Context, sessionToken string) bool
	Owner(ctx context.Context, accessKeyID, sessionToken string) identitypool.AccountID
}

// Revocations checks whether a session was ended early: *session.Revocations.
type Revocations interface {
	Check(ctx context.Context, accessKeyID string, s *session.Session) error
}

// Roles finds the tags of the role of a session: *iam.Authorizer.
type Roles interface {
	RoleTags(ctx context.Context, c iam.Caller) (tags map[string]string, known bool, err error)
}

// maxSessions bounds the memory of opened sessions: some 50 MB.
const maxSessions = 10_000

// Sessions opens session tokens and remembers their content. It checks each time
// whether the session was revoked and whether the session key was retired. It is safe
// for concurrent use.
type Sessions struct {
	minter  Minter
	revoked Revocations
	roles   Roles
	now     func() time.Time
	opened  *lru.Cache[string, *Session] // cache: opened sessions
}

// Session is a session whose token was opened. All users share its content.
type Session struct {
	Content   session.Session
	Caller    iam.Caller
	Principal *auth.Principal
	Header    http.Header // the principal's

	token          string
	secret         string
	roleTags       map[string]string       // principal tags behind Content.Tags
	tagged         atomic.Pointer[Session] // the last one that withRoleTags made
	key            atomic.Pointer[derived] // the last one that signingKey returned
	otherPartition atomic.Pointer[Session] // the last one that In made
}

type derived struct {
	date, region, service string
	key                   sigv4.SigningKey
}

// NewSessions returns Sessions.
func NewSessions(minter Minter, revoked Revocations, roles Roles, now func() time.Time) *Sessions {
	cache, _ := lru.New[string, *Session](maxSessions) // fails for sizes < 1 only
	return &Sessions{minter: minter, revoked: revoked, roles: roles, now: now, opened: cache}
}

// open returns the session of an access key. It does not check whether the session was revoked:
// see checkRevoked. The error wraps session.ErrInvalidToken or session.ErrExpiredToken; any other
// one means that the look-up failed.
func (s *Sessions) open(ctx context.Context, accessKeyID, token string) (*Session, error) {
	opened, ok := s.opened.Get(accessKeyID)
	ok = ok && subtle.ConstantTimeCompare([]byte(opened.token), []byte(token)) == 1
	if ok && !s.now().Before(opened.Content.Expires) {
		s.opened.Remove(accessKeyID)
		return nil, session.ErrExpiredToken
	}
	if ok && s.minter.Knows(ctx, token) {
		return opened, nil
	}
	if ok {
		s.opened.Remove(accessKeyID)
	}

	content, secret, err := s.minter.Open(ctx, accessKeyID, token)
	if err != nil {
		return nil, err
	}

	opened = &Session{
		Content: content,
		Caller:  content.Caller(accessKeyID),
		token:   token,
		secret:  secret,
	}
	if content.RoleARN.IsZero() {
		return opened, nil // only role sessions are described to other services
	}

	opened.Caller = opened.Caller.In(content.RoleARN.Partition)
	opened.describe()
	s.opened.Add(accessKeyID, opened)

	return opened, nil
}

// checkRevoked returns an error that wraps session.ErrRevoked if the session was revoked.
func (s *Sessions) checkRevoked(ctx context.Context, accessKeyID string, opened *Session) error {
	return s.revoked.Check(ctx, accessKeyID, &opened.Content)
}

// ofRole returns the session of an access key, if it is a role session that was not revoked. Its
// description has the principal tags as they are now.
func (s *Sessions) ofRole(ctx context.Context, accessKeyID, token string) (*Session, error) {
	opened, err := s.open(ctx, accessKeyID, token)
	if err != nil {
		return nil, err
	}
	if opened.Content.RoleARN.IsZero() {
		return nil, fmt.Errorf("%w: it is not one of a role", session.ErrInvalidToken)
	}
	if err := s.checkRevoked(ctx, accessKeyID, opened); err != nil {
		return nil, err
	}

	// A role that is gone has no tags. Its sessions may do nothing where this server authorises.
	tags, _, err := s.roles.RoleTags(ctx, opened.Caller)
	if err != nil {
		return nil, err
	}

	return opened.withRoleTags(tags), nil
}

// withRoleTags returns the session with the tags of its role in its description. Sessions of roles
// without tags, which are most, need no other one.
func (s *Session) withRoleTags(tags map[string]string) *Session {
	if len(tags) == 0 {
		return s
	}
	if last := s.tagged.Load(); last != nil && maps.Equal(last.roleTags, tags) {
		return last
	}

	tagged := &Session{
		Content:  s.Content,
		Caller:   s.Caller,
		token:    s.token,
		secret:   s.secret,
		roleTags: tags,
	}
	tagged.describe()
	s.tagged.Store(tagged)

	return tagged
}

// Verifier returns a verifier of requests to a service outside this server, with the rules
// of that service. It accepts role sessions only. SessionOf returns the session that signed.
func (s *Sessions) Verifier(service string, rules sigv4.Service) *sigv4.Verifier {
	return &sigv4.Verifier{
		Keys:        s.key,
		DerivedOnly: true,
		Services:    map[string]sigv4.Service{service: rules},
		Now:         s.now,
	}
}

// SessionOf returns the session of a result of a Verifier of Sessions: the session that
// signed, or the one that a refused request names; nil if there is none.
func SessionOf(result sigv4.Result) *Session {
	opened, _ := result.Owner.(*Session)
	return opened
}

// key finds the signing key of a session (sigv4.Verifier.Keys).
func (s *Sessions) key(ctx context.Context, scope sigv4.Scope, token string) (sigv4.Key, error) {
	if token == "" {
		return sigv4.Key{}, fmt.Errorf("%w: it is not a temporary one", sigv4.ErrUnknownKey)
	}

	opened, err := s.ofRole(ctx, scope.AccessKeyID, token)
	if err != nil {
		return sigv4.Key{}, refusable(err)
	}

	return sigv4.Key{SigningKey: opened.signingKey(scope.Date, scope.Region, scope.Service), Owner: opened}, nil
}

// signingKey derives the session's signing key, or returns the last one if it is the same.
func (s *Session) signingKey(date, region, service string) sigv4.SigningKey {
	d := s.key.Load()
	if d == nil || d.date != date || d.region != region || d.service != service {
		d = &derived{
			date:    date,
			region:  region,
			service: service,
			key:     sigv4.DeriveSigningKey(s.secret, date, region, service),
		}
		s.key.Store(d)
	}

	return d.key
}

// describe sets the description of the session for others.
func (s *Session) describe() {
	s.Principal, s.Header = principal(&s.Content, s.Caller), make(http.Header, 9)
	s.Principal.Tags = iam.OverRoleTags(s.roleTags, s.Content.Tags)
	s.Principal.SetHeaders(s.Header)
}

// In returns the session for a request in a region: its ARNs have the region's partition.
func (s *Session) In(region string) *Session {
	partition := identitypool.Partition(region)
	if s.Caller.Partition() == partition {
		return s
	}
	if last := s.otherPartition.Load(); last != nil && last.Caller.Partition() == partition {
		return last
	}

	translated := &Session{
		Content:  s.Content,
		Caller:   s.Caller.In(partition),
		token:    s.token,
		secret:   s.secret,
		roleTags: s.roleTags,
	}

	translated.Content.RoleARN = s.Content.RoleARN.In(partition)
	translated.Content.Provider = identitypool.InPartition(translated.Content.Provider, partition)
	translated.Content.AMR = make([]string, 0, len(s.Content.AMR))
	for _, how := range s.Content.AMR {
		translated.Content.AMR = append(translated.Content.AMR, identitypool.InPartition(how, partition))
	}
	translated.describe()
	s.otherPartition.Store(translated)

	return translated
}

// principal returns the description of a session for others.
func principal(s *session.Session, c iam.Caller) *auth.Principal {
	return &auth.Principal{
		AccountID:      string(s.Account),
		ARN:            c.ARN,
		UserID:         c.UserID,
		RoleARN:        s.RoleARN.String(),
		AccessKeyID:    c.AccessKeyID,
		IdentityID:     string(s.IdentityID),
		IdentityPoolID: string(s.PoolID),
		AMR:            s.AMR,
		Provider:       s.Provider,
		SourceIdentity: s.SourceIdentity,
		Issued:         s.Issued,
		Expires:        s.Expires,
	}
}

// Verified is the answer of Sessions.Verify about one session.
type Verified struct {
	SigningKey sigv4.SigningKey
	Principal  *auth.Principal
}

// Verify opens the session of an access key for a service of account that checks
// signatures itself: it gets the signing key for a date (YYYYMMDD), region and
// service, never the secret. Errors are those of session.Minter.Open and
// session.Revocations.Check; a session of another account is session.ErrInvalidToken.
func (s *Sessions) Verify(
	ctx context.Context, account, accessKeyID, token, date, region, service string,
) (Verified, error) {
	opened, err := s.ofRole(ctx, accessKeyID, token)
	if err != nil {
		return Verified{}, err
	}
	if string(opened.Content.Account) != account {
		return Verified{}, fmt.Errorf("%w: it is one of another account", session.ErrInvalidToken)
	}

	return Verified{
		SigningKey: opened.signingKey(date, region, service),
		Principal:  opened.In(region).Principal,
	}, nil
}

// refusable turns an error about a session into one for which sigv4 refuses. It returns other
// errors, which are not the client's fault, as they are.
func refusable(err error) error {
	switch {
	case errors.Is(err, session.ErrInvalidToken):
		return sigv4.ErrInvalidToken
	case errors.Is(err, session.ErrExpiredToken):
		return sigv4.ErrExpiredToken
	case errors.Is(err, session.ErrRevoked):
		return fmt.Errorf("%w: %w", sigv4.ErrInvalidToken, err)
	}

	return err
}
