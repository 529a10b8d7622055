// Package login proves one login: it judges the credential that a client sent by
// a pool's Trust, and returns the provider's claims or a refusal. It never returns
// a claim of an unproved credential, nor contacts an address that the Trust does
// not name.
//
// Each protocol has a file: package idtoken proves ID tokens, package saml SAML
// responses, and the provider's own API all other credentials. Start reading at
// Verify, and at protocols, the table.
package login

import (
	"cmp"
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

// OIDC is the Kind of an OpenID Connect ID token, checked against the provider's
// published keys. It is the zero value.
const OIDC Kind = ""

// SAML is the Kind of a SAML 2.0 Response in base64, judged by Trust.SAML without
// any request.
const SAML Kind = "saml"

// Kinds of access token, which only the provider's own API can judge.
const (
	Facebook Kind = "facebook" // Graph API
	Amazon   Kind = "amazon"   // Login with Amazon's tokeninfo
	Twitter  Kind = "twitter"  // OAuth 1.0a of X; "token;secret"
)

// protocol is how one kind of credential is proved.
type protocol struct {
	verify func(v *Verifier, ctx context.Context, trust Trust, credential string) (Claims, error)
	checks []explain.Code // that verify makes, in order
}

// protocols is the table of protocols: one row per kind of credential.
var protocols = map[Kind]protocol{
	OIDC:     {verify: (*Verifier).verifyIDToken, checks: idtoken.Checks},
	SAML:     {verify: (*Verifier).verifySAML, checks: saml.Checks},
	Facebook: {verify: (*Verifier).verifyFacebook, checks: facebookChecks},
	Amazon:   {verify: (*Verifier).verifyAmazon, checks: amazonChecks},
	Twitter:  {verify: (*Verifier).verifyTwitter, checks: twitterChecks},
}

// Checks returns the checks that Verify makes of a kind of credential, in order, for
// the plans of operations. The caller must not change the list.
func Checks(kind Kind) []explain.Code { return protocols[kind].checks }

// Results of every protocol.
type (
	// Claims are the facts about a user that a provider vouched for.
	Claims = idtoken.Claims
	// Refused is the error for a credential that did not prove its login.
	Refused = idtoken.Refused
	// Unavailable is the error for a credential that could not be judged.
	Unavailable = idtoken.Unavailable
)

// Kinds returns the kinds of credential that Verify proves, sorted.
func Kinds() []Kind { return slices.Sorted(maps.Keys(protocols)) }

// Messages of refusals that callers distinguish, or use in other refusals.
const (
	MessageNotOIDC             = idtoken.MessageNotOIDC
	MessageIssuerMismatch      = idtoken.MessageIssuerMismatch
	MessageBadSignature        = idtoken.MessageBadSignature
	MessageWrongAudience       = idtoken.MessageWrongAudience
	MessageUnsupportedProvider = idtoken.MessageUnsupportedProvider
)

// Trust describes the credentials that a pool accepts from one provider. Providers
// of one Kind differ in their values here, never in code.
type Trust struct {
	Kind Kind // zero for OIDC

	// Rule is the rule for ID tokens. Access tokens use its Provider, Policy, places
	// for advice, and Audiences: the application's ID, for Twitter its consumer key.
	// SAML responses use only Provider.
	idtoken.Rule

	// For access tokens.
	BaseURL    string // of the provider's API, without a trailing slash
	APIVersion string // Facebook: e.g. v25.0
	VerifyPath string // Amazon, Twitter: the path of the request, after BaseURL
	// AppSecret is Twitter's consumer secret, or, if known, Facebook's app
	// secret. It appears in no claim, error, trace or log.
	AppSecret string
	// IDTokens is the rule for ID tokens that replace an access token (Facebook's
	// Limited Login); nil refuses them.
	IDTokens *idtoken.Rule

	SAML *saml.Provider // for SAML responses
}

// Options configure a Verifier; the zero value is ready for production.
type Options struct {
	Now    func() time.Time // nil = time.Now
	Logger *slog.Logger     // nil = none
}

// Verifier verifies logins. It is safe for concurrent use.
type Verifier struct {
	now     func() time.Time
	log     *slog.Logger
	client  *outbound.Client
	tokens  *idtoken.Verifier
	answers *answers // X's
}

// New returns a Verifier that asks providers through client. The caller closes the
// client; after that, logins for which a provider must be asked are Unavailable.
func New(client *outbound.Client, o Options) *Verifier {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))

	return &Verifier{
		now:     o.Now,
		log:     o.Logger,
		client:  client,
		tokens:  idtoken.New(client, o.Now),
		answers: newAnswers(maxAnswers),
	}
}

// Forget drops what the providers have answered, and which of them did not answer.
func (v *Verifier) Forget() {
	v.tokens.Forget()
	v.answers.forget()
	v.client.ForgiveHosts()
}

// Verify proves credential against trust. It returns *Refused if the credential is
// bad and *Unavailable if the provider could not be asked; both are also added to
// the context's explain.Trace, with the checks that passed. It returns within the
// timeout of its client.
func (v *Verifier) Verify(ctx context.Context, trust Trust, credential string) (Claims, error) {
	p, known := protocols[trust.Kind]
	if !known {
		return Claims{}, fmt.Errorf("login: provider %q has the unknown kind %q", trust.Provider, trust.Kind)
	}

	trace := explain.FromContext(ctx)
	trace.Plan(p.checks)
	ctx = explain.NewContext(ctx, trace.For(trust.Provider))

	return p.verify(v, ctx, trust, credential)
}

func (v *Verifier) verifyIDToken(ctx context.Context, trust Trust, token string) (Claims, error) {
	return v.tokens.Verify(ctx, &trust.Rule, token)
}

// VerifyEvent proves a token by which an OpenID Connect provider reports an event.
// types are the accepted values of typ, "" standing for none. It returns the claims
// and errors of idtoken.Verifier.VerifyEvent.
func (v *Verifier) VerifyEvent(ctx context.Context, trust Trust, types []string, token string) (Claims, error) {
	ctx = explain.NewContext(ctx, explain.FromContext(ctx).For(trust.Provider))

	return v.tokens.VerifyEvent(ctx, &trust.Rule, types, token)
}
