package forwardauth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/poolhouse-id/poolhouse/auth"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/revocation"
	"github.com/poolhouse-id/poolhouse/internal/sts"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// Minter opens session tokens: *sts.Minter.
type Minter interface {
	Open(ctx context.Context, accessKeyID, sessionToken string) (sts.Session, string, error)
	Knows(ctx context.Context, sessionToken string) bool
}

// Revocations tells which sessions were ended: *revocation.List.
type Revocations interface {
	Check(ctx context.Context, accessKeyID string, s *sts.Session) error
}

// maxSessions bounds the memory of opened sessions: some 50 MB.
const maxSessions = 10_000

// Sessions opens session tokens and remembers what was in them. It asks each time
// whether the session was revoked and its key retired. It is safe for concurrent
// use.
type Sessions struct {
	minter  Minter
	revoked Revocations
	now     func() time.Time
	opened  *lru.Cache[string, *opened] // cache: opened sessions
}

// opened is a session whose token was opened. What it points to is shared.
type opened struct {
	token     string
	secret    string
	session   sts.Session
	caller    iam.Caller
	principal *auth.Principal
	header    http.Header             // the principal's
	key       atomic.Pointer[derived] // the last one asked for
	abroad    atomic.Pointer[opened]  // the last one that in made
}

type derived struct {
	date, region, service string
	key                   sigv4.SigningKey
}

// NewSessions returns Sessions.
func NewSessions(minter Minter, revoked Revocations, now func() time.Time) *Sessions {
	cache, _ := lru.New[string, *opened](maxSessions) // fails for sizes < 1 only
	return &Sessions{minter: minter, revoked: revoked, now: now, opened: cache}
}

// open returns the session of an access key. The error wraps sts.ErrInvalidToken,
// sts.ErrExpiredToken or revocation.ErrRevoked, or says why nothing is known.
func (s *Sessions) open(ctx context.Context, accessKeyID, token string) (*opened, error) {
	o, ok := s.opened.Get(accessKeyID)
	if ok = ok && subtle.ConstantTimeCompare([]byte(o.token), []byte(token)) == 1; ok && !s.now().Before(o.session.Expires) {
		s.opened.Remove(accessKeyID)
		return nil, sts.ErrExpiredToken
	}
	if ok && !s.minter.Knows(ctx, token) {
		s.opened.Remove(accessKeyID)
		ok = false
	}
	if !ok {
		session, secret, err := s.minter.Open(ctx, accessKeyID, token)
		if err != nil {
			return nil, err
		}
		if session.RoleARN == "" {
			return nil, fmt.Errorf("%w: it is not one of a role", sts.ErrInvalidToken)
		}
		o = &opened{token: token, secret: secret, session: session, caller: session.Caller(accessKeyID)}
		o.caller = o.caller.In(identitypool.PartitionOf(session.RoleARN))
		o.describe()
		s.opened.Add(accessKeyID, o)
	}
	if err := s.revoked.Check(ctx, accessKeyID, &o.session); err != nil {
		return nil, err
	}
	return o, nil
}

// signingKey derives the session's signing key, or has it from the last time.
func (o *opened) signingKey(date, region, service string) sigv4.SigningKey {
	d := o.key.Load()
	if d == nil || d.date != date || d.region != region || d.service != service {
		d = &derived{date, region, service, sigv4.DeriveSigningKey(o.secret, date, region, service)}
		o.key.Store(d)
	}
	return d.key
}

// describe sets what others may know of the session.
func (o *opened) describe() {
	o.principal, o.header = principal(&o.session, o.caller), make(http.Header, 9)
	o.principal.SetHeaders(o.header)
}

// in returns the session as the caller of a request for a region: its ARNs have the
// region's partition.
func (o *opened) in(region string) *opened {
	partition := identitypool.Partition(region)
	if o.caller.Partition() == partition {
		return o
	}

	if of := o.abroad.Load(); of != nil && of.caller.Partition() == partition {
		return of
	}

	of := &opened{token: o.token, secret: o.secret, session: o.session, caller: o.caller.In(partition)}
	of.session.RoleARN = identitypool.InPartition(of.session.RoleARN, partition)
	of.session.Provider = identitypool.InPartition(of.session.Provider, partition)
	of.session.AMR = make([]string, 0, len(o.session.AMR))
	for _, how := range o.session.AMR {
		of.session.AMR = append(of.session.AMR, identitypool.InPartition(how, partition))
	}
	of.describe()
	o.abroad.Store(of)
	return of
}

// principal is what others may know of a session.
func principal(s *sts.Session, c iam.Caller) *auth.Principal {
	return &auth.Principal{
		AccountID: string(s.Account), ARN: c.ARN, UserID: c.UserID, RoleARN: s.RoleARN, AccessKeyID: c.AccessKeyID,
		IdentityID: string(s.IdentityID), IdentityPoolID: string(s.PoolID), AMR: s.AMR, Provider: s.Provider,
		Tags: s.Tags, SourceIdentity: s.SourceIdentity, Issued: s.Issued, Expires: s.Expires,
	}
}

// Verified is the answer about one session.
type Verified struct {
	SigningKey sigv4.SigningKey
	Principal  *auth.Principal
}

// Verify opens the session of an access key for a service of account that checks
// signatures itself: it gets the signing key for a date (YYYYMMDD), region and
// service, never the secret. Errors are those of sts.Minter.Open and
// revocation.List.Check; a session of another account is sts.ErrInvalidToken.
func (s *Sessions) Verify(ctx context.Context, account, accessKeyID, token, date, region, service string) (Verified, error) {
	o, err := s.open(ctx, accessKeyID, token)
	if err != nil {
		return Verified{}, err
	}
	if string(o.session.Account) != account {
		return Verified{}, fmt.Errorf("%w: it is one of another account", sts.ErrInvalidToken)
	}
	return Verified{o.signingKey(date, region, service), o.in(region).principal}, nil
}

// refusal turns an error of open into one that sigv4 knows; nil when it is none
// of the client's.
func refusal(err error) error {
	switch {
	case errors.Is(err, sts.ErrExpiredToken):
		return fmt.Errorf("%w: %w", sigv4.ErrExpiredToken, err)
	case errors.Is(err, sts.ErrInvalidToken), errors.Is(err, revocation.ErrRevoked):
		return fmt.Errorf("%w: %w", sigv4.ErrInvalidToken, err)
	}
	return nil
}
