// Package userstatus asks user pools whether a user whose ID token was verified
// may still sign in (ServerSideTokenCheck): a token says what held when it was
// issued, the pool knows who was disabled or deleted since. There is a back end
// per way of asking: AdminGetUser of the user pools API (admingetuser.go), token
// introspection by RFC 7662 (introspection.go), and push, which asks nobody
// because the pool tells of sign-outs by itself (package signout).
//
// Whatever is not a clear yes is no: a pool that cannot be asked, or answers
// what is not understood, lets nobody in.
package userstatus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// MessageRefused is the wire's message for a user who may not sign in any more.
// AWS's own words are not known.
const MessageRefused = "Invalid login token. Token has been revoked."

// Back ends.
const (
	AdminGetUser  = "admin_get_user"
	Introspection = "introspection"
	Push          = "push"
)

// MaxCache is the longest time for which a yes may be kept.
const MaxCache = 5 * time.Second

const (
	timeout       = 2 * time.Second // for all that one check asks
	maxRemembered = 8192
)

// Config says how a user pool is asked.
type Config struct {
	Check           string        // AdminGetUser, Introspection or Push
	Endpoint        string        // "" is AWS's, which AdminGetUser of pools at AWS alone has
	Region          string        // AdminGetUser; "" is that of the pool's host, else of its ID
	AccessKeyID     string        // AdminGetUser
	SecretAccessKey string        // AdminGetUser
	ClientID        string        // Introspection
	ClientSecret    string        // Introspection
	Cache           time.Duration // how long a yes is kept; at most MaxCache, 0 is not at all
	CABundle        []byte        // PEM
	AllowHTTP       bool
	AllowPrivate    bool
}

// User is who is asked about: the token as it came, and what it proved.
type User struct {
	Provider string // the Logins key, REGION's host/POOL
	Token    string
	Claims   idtoken.Claims
}

// Checker answers with nil when the user may sign in, *idtoken.Refused when not,
// and *idtoken.Unavailable when that could not be found out. The context's trace
// gets the reason. It is safe for concurrent use.
type Checker interface {
	Check(ctx context.Context, u User) error
}

// Asker sends a request; *outbound.Client is one.
type Asker interface {
	Post(ctx context.Context, e outbound.Endpoint, header http.Header, body []byte) (outbound.Response, error)
}

// Options are what a Checker needs besides its Config.
type Options struct {
	Asker Asker
	Now   func() time.Time
}

// New returns the Checker of a Config. The error names every setting at fault.
func New(c Config, o Options) (Checker, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	var ask backEnd
	switch c.Check {
	case AdminGetUser:
		ask = &adminGetUser{c, o}
	case Introspection:
		ask = &introspection{c, o}
	default:
		return push{}, nil
	}
	r := &remembering{ask: ask, now: o.Now, keep: c.Cache}
	if c.Cache > 0 {
		var err error
		if r.yes, err = lru.New[string, time.Time](maxRemembered); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (c Config) endpoint(url string) outbound.Endpoint {
	return outbound.Endpoint{URL: url, Policy: outbound.Policy{
		CABundle:     string(c.CABundle),
		AllowHTTP:    c.AllowHTTP,
		AllowPrivate: c.AllowPrivate,
	}}
}

func (c Config) validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	needs := func(setting, value string, wanted bool) {
		if wanted && value == "" {
			fault("%s is missing: check %s needs it", setting, c.Check)
		}
		if !wanted && value != "" {
			fault("%s has no meaning for check %s: leave it out", setting, c.Check)
		}
	}
	switch c.Check {
	case AdminGetUser, Introspection, Push:
		needs("access_key_id", c.AccessKeyID, c.Check == AdminGetUser)
		needs("secret_access_key", c.SecretAccessKey, c.Check == AdminGetUser)
		needs("client_id", c.ClientID, c.Check == Introspection)
		needs("client_secret", c.ClientSecret, c.Check == Introspection)
		if c.Check != AdminGetUser || c.Endpoint != "" {
			needs("endpoint", c.Endpoint, c.Check != Push)
		}
		if c.Check != AdminGetUser || c.Region != "" {
			needs("region", c.Region, c.Check == AdminGetUser)
		}
	default:
		fault("check %q is not known: use %s, %s or %s", c.Check, AdminGetUser, Introspection, Push)
	}
	if c.Cache < 0 || c.Cache > MaxCache {
		fault("cache %s is not between 0 and %s", c.Cache, MaxCache)
	}
	if c.Endpoint != "" {
		if err := c.endpoint(c.Endpoint).Validate(); err != nil {
			fault("endpoint: %w", err)
		}
	}
	return errors.Join(faults...)
}

// backEnd asks a user pool.
type backEnd interface {
	// ask answers why the user may not sign in; nil = the user may.
	ask(ctx context.Context, u User) (*explain.Refusal, error)
	// same names what the answer holds for.
	same(u User) string
}

// SelfTest asks about a token that is nobody's, where the way of asking allows
// it, so that settings that could never let anybody in are found at the start
// and not by users. An error that is not *Misconfigured says only that the pool
// does not answer now.
func SelfTest(ctx context.Context, c Checker) error {
	r, ok := c.(*remembering)
	if !ok {
		return nil
	}
	i, ok := r.ask.(*introspection)
	if !ok {
		return nil // AdminGetUser needs the name of a user who is there
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := i.ask(ctx, User{Token: selfTestToken})
	return err
}

// selfTestToken has the form of an ID token: providers that introspect none
// refuse it by its form. Its claims are iss and sub, and nobody signed it.
const selfTestToken = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJwb29saG91c2UiLCJzdWIiOiJzZWxmLXRlc3QifQ.c2VsZi10ZXN0"

// Misconfigured is an answer that says that the settings are wrong.
type Misconfigured struct{ what, Fix string }

func (m *Misconfigured) Error() string { return m.what }

// remembering asks a back end, in bounded time, and keeps each yes for a moment.
// A no is never kept.
type remembering struct {
	ask  backEnd
	now  func() time.Time
	keep time.Duration
	yes  *lru.Cache[string, time.Time] // cache: user status; until when; nil keeps nothing
}

func (r *remembering) Check(ctx context.Context, u User) error {
	trace := explain.FromContext(ctx)
	now := r.now()
	key := ""
	if r.yes != nil {
		key = r.ask.same(u)
		if until, known := r.yes.Get(key); known && now.Before(until) {
			trace.Pass(check, "asked a moment ago")
			return nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	no, err := r.ask.ask(ctx, u)
	if err != nil {
		fix := outbound.FixOf(err)
		if wrong, ok := errors.AsType[*Misconfigured](err); ok {
			fix = wrong.Fix
		}
		if fix == "" {
			fix = "try again; check that the user pool is reachable from this server"
		}

		return &idtoken.Unavailable{
			Provider: u.Provider,
			Cause:    err,
			Refusal:  trace.Refuse(unanswered.With("pool", u.Provider, "problem", err.Error(), "fix", fix)),
		}
	}
	if no != nil {
		return refuse(ctx, no)
	}
	trace.Pass(check, "the user pool knows the user")
	if r.yes != nil {
		r.yes.Add(key, now.Add(r.keep))
	}
	return nil
}

func refuse(ctx context.Context, r *explain.Refusal) error {
	return &idtoken.Refused{Refusal: explain.FromContext(ctx).Refuse(r)}
}

// post asks, and asks once more if the pool was busy or did not answer. Only an
// answer that is neither busy nor broken is returned.
func post(ctx context.Context, a Asker, e outbound.Endpoint, header http.Header, body []byte) (outbound.Response, error) {
	var err error
	for range 2 {
		var reply outbound.Response
		reply, err = a.Post(ctx, e, header, body)
		if err == nil {
			switch {
			case contradictory(reply):
				return outbound.Response{}, &Misconfigured{"the answer is a success and an error in one", "look at the user pool's state, and at endpoint in its status section"}
			case !busy(reply):
				return reply, nil
			}
			err = fmt.Errorf("the user pool is busy or has a fault (status %d)", reply.Status)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return outbound.Response{}, err
}

// contradictory reports whether an answer of success has an error in it. Such a
// one proves nothing.
func contradictory(r outbound.Response) bool {
	return r.Status == http.StatusOK && (r.Object["error"] != nil || r.Object["__type"] != nil)
}

// busy reports whether asking again may help.
func busy(r outbound.Response) bool {
	switch errorType(r) {
	case "TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException", "InternalErrorException", "ServiceUnavailable":
		return true
	}
	return r.Status == http.StatusTooManyRequests || r.Status >= http.StatusInternalServerError
}

// errorType is the name of an AWS JSON error, without its namespace; "" for none.
func errorType(r outbound.Response) string {
	name, _ := r.Object["__type"].(string)
	return name[strings.LastIndexByte(name, '#')+1:]
}

// push asks nobody: the marks that the user pool's own events left decide, and
// those are looked at for every login.
type push struct{}

func (push) Check(ctx context.Context, _ User) error {
	explain.FromContext(ctx).Pass(check, "the user pool tells of sign-outs by itself")
	return nil
}
