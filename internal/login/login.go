// Package login proves one login: it takes what a pool trusts (Trust) and the
// credential a client sent, and answers with the provider's claims or with the
// reason for refusing. Nothing that an unproved credential says is ever
// returned as a claim, and no credential can make it contact an address that
// its Trust does not name.
//
// It holds one protocol per file, and the table of them: package idtoken proves
// ID tokens, package saml SAML responses, and the provider's own API everything
// else. Start reading at Verify.
package login

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
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
	OIDC:     idtoken.Checks,
	Facebook: facebookChecks,
	Amazon:   amazonChecks,
	Twitter:  twitterChecks,
	SAML:     saml.Checks,
}

// Checks returns the checks that Verify makes of a kind of credential, in their order,
// for the plans of operations. The list must not be changed.
func Checks(kind Kind) []explain.Code { return checks[kind] }

// What every protocol answers with.
type (
	// Claims is what a provider vouched for.
	Claims = idtoken.Claims
	// Refused is the error for a credential that did not prove its login.
	Refused = idtoken.Refused
	// Unavailable is the error for a credential that could not be judged.
	Unavailable = idtoken.Unavailable
)

// Kinds returns the kinds of credential that Verify proves, sorted.
func Kinds() []Kind { return slices.Sorted(maps.Keys(protocols)) }

// Messages of refusals that callers tell apart, or use for their own.
const (
	MessageNotOIDC             = idtoken.MessageNotOIDC
	MessageIssuerMismatch      = idtoken.MessageIssuerMismatch
	MessageBadSignature        = idtoken.MessageBadSignature
	MessageWrongAudience       = idtoken.MessageWrongAudience
	MessageUnsupportedProvider = idtoken.MessageUnsupportedProvider
)

// Trust is what a pool accepts from one provider. Differences between providers
// are values here, never code.
type Trust struct {
	Kind Kind // zero is OIDC

	// Rule is what ID tokens are proved by. Of it access tokens use Provider, the
	// Policy, the places for advice, and Audiences: the application's ID, for Twitter
	// its consumer key. SAML responses use Provider only.
	idtoken.Rule

	// Of access tokens.
	BaseURL    string // of the provider's API, without a trailing slash
	APIVersion string // Facebook: e.g. v25.0
	VerifyPath string // Amazon, Twitter: what is asked, from BaseURL on
	// AppSecret is Twitter's consumer secret, or, if known, Facebook's app
	// secret. It enters no claim, error, trace or log.
	AppSecret string
	// IDTokens is how ID tokens that stand in for an access token are proved
	// (Facebook's Limited Login); nil refuses them.
	IDTokens *idtoken.Rule

	SAML *saml.Provider // of SAML responses
}

// Options configure a Verifier; the zero value is ready for production.
type Options struct {
	Now    func() time.Time // nil is time.Now
	Logger *slog.Logger     // nil discards
}

// Verifier verifies logins. It is safe for concurrent use.
type Verifier struct {
	now     func() time.Time
	log     *slog.Logger
	client  *outbound.Client
	tokens  *idtoken.Verifier
	answers *answers // of X
}

// New returns a Verifier that asks providers through client, which the caller
// closes. Logins that need to ask their provider are Unavailable afterwards.
func New(client *outbound.Client, o Options) *Verifier {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}

	return &Verifier{
		now:     o.Now,
		log:     o.Logger,
		client:  client,
		tokens:  idtoken.New(client, o.Now),
		answers: newAnswers(maxAnswers),
	}
}

// Verify proves credential against trust. It returns *Refused when the
// credential is bad and *Unavailable when the provider could not be asked; both
// are also added to the context's explain.Trace, with the checks that passed.
// It is safe for concurrent use and returns within the timeout of its client.
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

func (v *Verifier) verifyIDToken(ctx context.Context, trust Trust, token string) (Claims, error) {
	return v.tokens.Verify(ctx, &trust.Rule, token)
}

// VerifyEvent proves a token by which an OpenID Connect provider tells of something
// that happened. types are the accepted values of typ, "" standing for none. See
// idtoken.Verifier.VerifyEvent, whose errors and claims it returns.
func (v *Verifier) VerifyEvent(ctx context.Context, trust Trust, types []string, token string) (Claims, error) {
	ctx = explain.NewContext(ctx, explain.FromContext(ctx).For(trust.Provider))

	return v.tokens.VerifyEvent(ctx, &trust.Rule, types, token)
}
