// Package login proves one login: it takes what a pool trusts (Trust) and the
// credential a client sent, and answers with the provider's claims or with the
// reason for refusing. Nothing that an unproved credential says is ever
// returned as a claim, and no credential can make it contact an address that
// its Trust does not name.
//
// OpenID Connect ID tokens are verified by the rules of OpenID Connect Core 1.0
// section 3.1.3.7, RFC 7519 and RFC 8725, narrowed where the Amazon Cognito
// developer guide is narrower. Start reading at Verify, then jwt.go (the checks
// in their order), keyset.go (the provider's keys) and fetch.go (how a provider
// may be asked).
package login

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/saml"
)

// Kind names the protocol by which a provider's credential is proved.
type Kind string

// OIDC is an OpenID Connect ID token, checked against the provider's published
// keys. It is the zero Trust's kind.
const OIDC Kind = ""

// Kinds of access token, which only the provider's own API can judge.
const (
	Facebook Kind = "facebook" // Graph API
	Amazon   Kind = "amazon"   // Login with Amazon's tokeninfo
	Twitter  Kind = "twitter"  // OAuth 1.0a, as X has it; "token;secret"
)

// protocols has one line per kind of credential.
var protocols = map[Kind]func(v *Verifier, ctx context.Context, trust Trust, credential string) (Claims, error){
	OIDC:     (*Verifier).verifyIDToken,
	Facebook: (*Verifier).verifyFacebook,
	Amazon:   (*Verifier).verifyAmazon,
	Twitter:  (*Verifier).verifyTwitter,
	SAML:     (*Verifier).verifySAML,
}

// checks lists the checks of each kind of credential, in order.
var checks = map[Kind][]explain.Code{
	OIDC:     idTokenChecks,
	Facebook: facebookChecks,
	Amazon:   amazonChecks,
	Twitter:  twitterChecks,
	SAML:     saml.Checks,
}

// Checks returns the checks that Verify makes of a kind of credential, in their order,
// for the plans of operations. The list must not be changed.
func Checks(kind Kind) []explain.Code { return checks[kind] }

// Kinds returns the kinds of credential that Verify proves, sorted.
func Kinds() []Kind { return slices.Sorted(maps.Keys(protocols)) }

// DefaultMaxTokenBytes bounds a token whose Trust does not say otherwise. The
// API allows as much for a value of Logins (API model of identity pools, IdentityProviderToken).
const DefaultMaxTokenBytes = 50_000

// DefaultSkew is the tolerated clock difference (Cognito developer guide, "Open
// ID Connect providers").
const DefaultSkew = 5 * time.Minute

// Trust is what a pool accepts from one provider. Differences between providers
// are values here, never code.
type Trust struct {
	Provider string // the Logins key; becomes identitypool.Login.Provider
	Kind     Kind   // zero is OIDC

	Issuers    []string // accepted iss, byte-exact; the first is the one that discovery must state
	Audiences  []string // accepted clients: azp when present, else aud
	Algorithms []string // accepted signature algorithms (RFC 7518 names); nil is RS256
	// Require holds claims that must be strings equal to the value, e.g. token_use=id.
	Require map[string]string
	// WrongAudience is the message for a token of another client; "" is
	// MessageWrongAudience. User pools answer MessageUnsupportedProvider.
	WrongAudience string
	// ClientsAt tells where accepted clients are added, for advice, such as "to
	// client_ids of oidc_providers"; "" is the identity pool. OneClientAt is set instead
	// where there can be but one, such as "the value of NAME in SupportedLoginProviders".
	// Link leads there: its Kind "" leads nowhere.
	ClientsAt   string
	OneClientAt string
	Link        explain.Link
	// Development tells that `poolhouse dev token` makes the provider's tokens, and that
	// no setting has what it accepts.
	Development bool

	DiscoveryURL string // "" is Issuers[0] + /.well-known/openid-configuration
	JWKSURL      string // set: no discovery

	// Thumbprints are lower-case hex SHA-1 digests of certificates. With
	// EnforceThumbprints one of them must be in the verified TLS chain, in
	// addition to the usual verification.
	Thumbprints        []string
	EnforceThumbprints bool
	CABundle           []byte // PEM; nil is the system's roots
	AllowHTTP          bool   // http: as well as https:, for development
	// AllowPrivate admits loopback, private and shared addresses, for an
	// in-house provider. Link-local and instance-metadata addresses stay refused.
	AllowPrivate bool

	MaxTokenBytes int // 0 is DefaultMaxTokenBytes

	// Of access tokens. Audiences holds the application: its ID, for Twitter
	// its consumer key.
	BaseURL    string // of the provider's API, without a trailing slash
	APIVersion string // Facebook: e.g. v25.0
	VerifyPath string // Amazon, Twitter: what is asked, from BaseURL on
	// AppSecret is Twitter's consumer secret, or, if known, Facebook's app
	// secret. It enters no claim, error, trace or log.
	AppSecret string
	// IDTokens is how ID tokens that stand in for an access token are proved
	// (Facebook's Limited Login); nil refuses them.
	IDTokens *Trust

	SAML *saml.Provider // of SAML responses; MaxTokenBytes does not apply to them
}

// Claims is what a provider vouched for.
type Claims struct {
	Issuer   string
	Subject  string
	Scope    string // identitypool.Login.Scope of the subject; "" but for SAML
	Audience string // the accepted client: azp when present, else aud
	Expires  time.Time
	IssuedAt time.Time // zero when the token does not say
	// Roles are the ARNs of the roles that the provider itself offers the user:
	// nil when it says nothing of roles, empty when it offers none.
	Roles []string
	// All holds every claim. Numbers are json.Number, arrays []any, objects map[string]any.
	All map[string]any
}

// Resolver looks host names up; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options configure a Verifier; the zero value is ready for production.
type Options struct {
	Now    func() time.Time // nil is time.Now
	Logger *slog.Logger     // nil discards
	Skew   time.Duration    // tolerated clock difference; 0 is DefaultSkew

	// Lifetimes of what providers publish: their keys and their discovery documents.
	FreshMin      time.Duration // shortest, whatever Cache-Control says; 0 is 5 minutes
	FreshMax      time.Duration // longest; 0 is 1 hour
	MaxStale      time.Duration // age at which keys stop being used; 0 is 24 hours
	RefetchPeriod time.Duration // at most one fetch for unknown key IDs per URL and period; 0 is 3 seconds

	FetchTimeout time.Duration // whole answer of a provider, and longest wait of a Verify; 0 is 5 seconds
	DialTimeout  time.Duration // name resolution and connection; 0 is 2 seconds
	MaxProviders int           // providers whose keys are held at once; 0 is 1024

	Resolver Resolver // nil is net.DefaultResolver
	// Dial connects to an address that was already checked; nil is net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Verify proves credential against trust. It returns *Refused when the
// credential is bad and *Unavailable when the provider could not be asked; both
// are also added to the context's explain.Trace, with the checks that passed.
// It is safe for concurrent use and returns within Options.FetchTimeout.
func (v *Verifier) Verify(ctx context.Context, trust Trust, credential string) (Claims, error) {
	verify, known := protocols[trust.Kind]
	if !known {
		return Claims{}, fmt.Errorf("login: provider %q has the unknown kind %q", trust.Provider, trust.Kind)
	}
	if trace := explain.FromContext(ctx); trace != nil {
		trace.Plan(checks[trust.Kind])
		ctx = explain.NewContext(ctx, trace.For(trust.Provider))
	}
	return verify(v, ctx, trust, credential)
}
