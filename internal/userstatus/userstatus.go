// Package userstatus asks user pools whether a user with a verified ID token may still sign
// in (ServerSideTokenCheck): the user may have been disabled or deleted since the token was
// issued. Start reading at Checker. Its back ends are AdminGetUser of the user pools API
// (admingetuser.go), token introspection by RFC 7662 (introspection.go), and push, which
// sends no request because the pool reports sign-outs itself (package signout).
//
// Only a clear yes lets a user in. A pool that cannot be asked, or whose answer is unclear,
// lets nobody in.
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

// messageRefused is the API's message for a user who may no longer sign in. AWS's message
// is not known.
const messageRefused = "Invalid login token. Token has been revoked."

// Names of the back ends.
const (
	AdminGetUser  = "admin_get_user"
	Introspection = "introspection"
	Push          = "push"
)

// MaxCache is the longest time for which a yes may be kept.
const MaxCache = 5 * time.Second

const (
	timeout       = 2 * time.Second // for all requests of one check
	maxRemembered = 8192
)

// Config is the way to ask a user pool.
type Config struct {
	// Check is AdminGetUser, Introspection or Push.
	Check string `yaml:"check"`
	// Endpoint is AWS's if it is "", only with AdminGetUser for pools at AWS.
	Endpoint string `yaml:"endpoint" shown:"address"`
	// Region is the region of the pool's host, else of its ID, if it is "". AdminGetUser.
	Region string `yaml:"region"`
	// AccessKeyID and SecretAccessKey are for AdminGetUser.
	AccessKeyID     string         `yaml:"access_key_id"`
	SecretAccessKey explain.Secret `yaml:"secret_access_key"`
	// ClientID and ClientSecret are for Introspection.
	ClientID     string         `yaml:"client_id"`
	ClientSecret explain.Secret `yaml:"client_secret"`
	// Cache is the time for which a yes is kept, at most MaxCache; 0 = not kept.
	Cache time.Duration `yaml:"cache"`

	// The user pool's own settings have these.

	CABundle     string `yaml:"-"` // PEM
	AllowHTTP    bool   `yaml:"-"`
	AllowPrivate bool   `yaml:"-"`
}

// User is the user to check: the received token and its proven claims.
type User struct {
	Provider string // the Logins key, REGION's host/POOL
	Token    string
	Claims   idtoken.Claims
	// Afresh asks the user pool even if it was asked a moment ago, and does not keep a yes.
	Afresh bool
}

// Checker returns nil if the user may sign in, *idtoken.Refused if not, and
// *idtoken.Unavailable if that could not be found out. It adds the reason to the context's
// trace. It is safe for concurrent use.
type Checker interface {
	Check(ctx context.Context, u User) error
}

// Asker sends a request; *outbound.Client is one.
type Asker interface {
	Post(ctx context.Context, e outbound.Endpoint, header http.Header, body []byte) (outbound.Response, error)
}

// Options are the parts of a Checker besides its Config.
type Options struct {
	Asker Asker
	Local Local // for Settings.Pools: knows the user pools of this server; nil = it has none
	Now   func() time.Time
}

// New returns the Checker of a Config. Its error lists all wrong settings.
func New(c Config, o Options) (Checker, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}

	var ask backEnd
	switch c.Check {
	case AdminGetUser:
		ask = &adminGetUser{Config: c, Options: o}
	case Introspection:
		ask = &introspection{Config: c, Options: o}
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
		CABundle:     c.CABundle,
		AllowHTTP:    c.AllowHTTP,
		AllowPrivate: c.AllowPrivate,
	}}
}

// Validate reports every invalid setting.
func (c Config) Validate() error {
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
		needs("secret_access_key", string(c.SecretAccessKey), c.Check == AdminGetUser)
		needs("client_id", c.ClientID, c.Check == Introspection)
		needs("client_secret", string(c.ClientSecret), c.Check == Introspection)
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
	// ask returns the reason for which the user may not sign in; nil = the user may.
	ask(ctx context.Context, u User) (*explain.Refusal, error)
	// same returns the key of the users and tokens that share an answer.
	same(u User) string
}

// SelfTest asks about a token that belongs to nobody, if the back end can do that. So the
// server finds settings that could never let anybody in when it starts, before its users do.
// An error that is not *Misconfigured only means that the pool does not answer now.
func SelfTest(ctx context.Context, c Checker) error {
	r, ok := c.(*remembering)
	if !ok {
		return nil
	}
	i, ok := r.ask.(*introspection)
	if !ok {
		return nil // AdminGetUser needs the name of an existing user
	}

	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	_, err := i.ask(ctx, User{Token: selfTestToken})

	return err
}

// selfTestToken has the form of an ID token: providers that do not introspect ID tokens
// refuse it because of its form. It has the claims iss and sub, and no valid signature.
const selfTestToken = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9." +
	"eyJpc3MiOiJwb29saG91c2UiLCJzdWIiOiJzZWxmLXRlc3QifQ.c2VsZi10ZXN0"

// Misconfigured reports an answer that shows that the settings are wrong.
type Misconfigured struct{ what, Fix string }

func (m *Misconfigured) Error() string { return m.what }

func misconfigured(what, fix string) error { return &Misconfigured{what: what, Fix: fix} }

// remembering asks a back end, in bounded time, and keeps each yes for a short time.
// It never keeps a no.
type remembering struct {
	ask  backEnd
	now  func() time.Time
	keep time.Duration
	yes  *lru.Cache[string, time.Time] // cache: user status; until when; nil keeps nothing
}

func (r *remembering) Check(ctx context.Context, u User) error {
	trace := explain.FromContext(ctx)
	now := r.now()

	key, keeps := "", r.yes != nil && !u.Afresh
	if keeps {
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
		told := outbound.Told(err)
		fix := outbound.FixOf(told)
		if wrong, ok := errors.AsType[*Misconfigured](err); ok {
			fix = wrong.Fix
		}
		if fix == "" {
			fix = "try again; check that the user pool is reachable from this server"
		}

		return &idtoken.Unavailable{
			Provider: u.Provider,
			Cause:    err,
			Refusal:  trace.Refuse(unanswered.With("pool", u.Provider, "problem", told.Error(), "fix", fix)),
		}
	}
	if no != nil {
		return refuse(ctx, no)
	}

	trace.Pass(check, "the user pool knows the user")
	if keeps {
		r.yes.Add(key, now.Add(r.keep))
	}

	return nil
}

func refuse(ctx context.Context, r *explain.Refusal) error {
	return &idtoken.Refused{Refusal: explain.FromContext(ctx).Refuse(r)}
}

// post sends a request, and repeats it once if the pool was busy or did not answer. It
// returns only an answer that is neither busy nor contradictory.
func post(
	ctx context.Context, a Asker, e outbound.Endpoint, header http.Header, body []byte,
) (outbound.Response, error) {
	var err error
	for range 2 {
		var response outbound.Response
		response, err = a.Post(ctx, e, header, body)
		if err == nil {
			switch {
			case contradictory(response):
				return outbound.Response{}, misconfigured("the answer is a success and an error in one",
					"look at the user pool's state, and at endpoint in its status section")
			case !busy(response):
				return response, nil
			}
			err = fmt.Errorf("the user pool is busy or has a fault (status %d)", response.Status)
		}
		if ctx.Err() != nil {
			break
		}
	}

	return outbound.Response{}, err
}

// contradictory reports whether a successful answer contains an error. Such an answer
// proves nothing.
func contradictory(r outbound.Response) bool {
	return r.Status == http.StatusOK && (r.Object["error"] != nil || r.Object["__type"] != nil)
}

// busy reports whether asking again may help.
func busy(r outbound.Response) bool {
	switch errorType(r) {
	case "TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException",
		"InternalErrorException", "ServiceUnavailable":
		return true
	}
	return r.Status == http.StatusTooManyRequests || r.Status >= http.StatusInternalServerError
}

// errorType returns the name of an AWS JSON error without its namespace; "" = no error.
func errorType(r outbound.Response) string {
	name, _ := r.Object["__type"].(string)
	return name[strings.LastIndexByte(name, '#')+1:]
}

// push sends no request. The marks that the user pool's events left decide, and every login
// is checked against them.
type push struct{}

func (push) Check(ctx context.Context, _ User) error {
	explain.FromContext(ctx).Pass(check, "the user pool tells of sign-outs by itself")
	return nil
}
