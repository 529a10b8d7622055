package stsapi

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

// Actions of GetWebIdentityToken (Service Authorization Reference, AWS STS).
const (
	webTokenAction    = "sts:GetWebIdentityToken"
	tagWebTokenAction = "sts:TagGetWebIdentityToken"
)

// awsIdentity is the one SubjectMode: sub is the caller's ARN.
const awsIdentity = "AWSIdentity"

// originIdentity is the SubjectMode for sessions with trusted identity propagation, which this server
// does not have.
const originIdentity = "OriginIdentity"

// defaultWebToken is how long a web identity token is valid (STS API reference).
const defaultWebToken = 5 * time.Minute

// WebIdentities signs web identity tokens. *webidentity.Issuers is one.
type WebIdentities interface {
	Sign(ctx context.Context, t webidentity.Token) (string, error)
}

// Constraints of the API's model.
var (
	webAudienceList = &awsapi.List{Min: 1, Max: 10, Element: &awsapi.String{Min: 1, Max: 1000}}
	webAlgorithm    = &awsapi.String{Min: 5, Max: 5, Enum: webidentity.Algorithms}
	webSeconds      = &awsapi.Integer{Min: 60, Max: 3600}
	webSubjectMode  = &awsapi.String{Enum: []string{awsIdentity, originIdentity}}
	webScope        = &awsapi.String{
		Min:     1,
		Max:     256,
		Pattern: awsapi.NewPattern(`[\x21\x23-\x2B\x2D-\x5B\x5D-\x7E]+( [\x21\x23-\x2B\x2D-\x5B\x5D-\x7E]+)*`),
	}
)

type webTokenInput struct {
	Audience         []string
	DurationSeconds  *int
	SigningAlgorithm *string
	Scope            *string
	SubjectMode      *string
	Tags             []tag
}

// Validate checks the input against the model.
func (in *webTokenInput) Validate() []awsapi.Violation {
	v := &awsapi.Validator{}
	v.List("audience", in.Audience, webAudienceList, true)
	v.Integer("durationSeconds", in.DurationSeconds, webSeconds, false)
	v.String("signingAlgorithm", in.SigningAlgorithm, webAlgorithm, true)
	v.String("scope", in.Scope, webScope, false)
	v.String("subjectMode", in.SubjectMode, webSubjectMode, false)
	checkTags(v, in.Tags)

	return violations(v)
}

type webTokenResult struct {
	WebIdentityToken string
	Expiration       string
}

// webTokenNeeds asks for permission to get the token, and to set its tags.
func webTokenNeeds(_ context.Context, _ awsapi.Caller, in *webTokenInput) ([]awsapi.Access, error) {
	mode := awsIdentity
	if in.SubjectMode != nil {
		mode = *in.SubjectMode
	}

	needed := awsapi.Access{Conditions: map[string][]string{
		"sts:IdentityTokenAudience": in.Audience,
		"sts:SigningAlgorithm":      {*in.SigningAlgorithm},
		"sts:DurationSeconds":       {strconv.Itoa(int(seconds(in.DurationSeconds, defaultWebToken) / time.Second))},
		"sts:SubjectMode":           {mode},
	}}

	for _, t := range in.Tags {
		needed.RequestTags = append(needed.RequestTags, awsapi.Tag{Key: *t.Key, Value: *t.Value})
	}

	all := []awsapi.Access{needed}
	if len(in.Tags) > 0 {
		needed.Action = tagWebTokenAction
		all = append(all, needed)
	}

	return all, nil
}

// getWebIdentityToken signs a token that shows a service outside who the caller is. It ends with the
// caller's session at the latest.
func (a *API) getWebIdentityToken(ctx context.Context, c awsapi.Caller, in *webTokenInput) (*webTokenResult, error) {
	who, _ := c.Session.(iam.Caller)
	// Services compare sub: a caller must not choose among names of itself by the region that it signs for.
	who = who.In(identitypool.Partition(a.Region))
	trace := explain.FromContext(ctx)
	trace.Plan(webTokenPlan)

	if err := checkSubject(in); err != nil {
		return nil, err
	}
	tags, err := readTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if err := refuseTags(trace, tags); err != nil {
		return nil, err
	}

	issued := a.Now().UTC().Truncate(time.Second)
	duration := seconds(in.DurationSeconds, defaultWebToken)
	if err := checkRest(who, issued, duration); err != nil {
		return nil, err
	}

	tagsOfPrincipal, err := a.principalTags(ctx, who)
	if err != nil {
		return nil, err
	}

	t := webidentity.Token{
		Account:   who.Account,
		Algorithm: *in.SigningAlgorithm,
		Audience:  in.Audience,
		Subject:   who.PrincipalARN(),
		Caller:    describeCaller(who, tagsOfPrincipal),
		Issued:    issued,
		Expires:   issued.Add(duration),
	}
	t.Caller.Region, t.Caller.RequestTags = a.Region, tags

	token, err := a.WebIdentities.Sign(ctx, t)
	if err != nil {
		return nil, webTokenError(err, who)
	}

	return &webTokenResult{
		WebIdentityToken: token,
		Expiration:       t.Expires.Format("2006-01-02T15:04:05.000Z"),
	}, nil
}

// checkSubject refuses the parameters that only sessions with trusted identity propagation may use.
func checkSubject(in *webTokenInput) error {
	if in.SubjectMode != nil && *in.SubjectMode != awsIdentity {
		return awsapi.Refused("ValidationError", subjectMode.With(), messageSubjectMode)
	}
	if in.Scope != nil {
		return awsapi.Refused("ValidationError", tokenScope.With(), messageScope)
	}
	return nil
}

// checkRest refuses a token that would outlive the caller's session.
func checkRest(who iam.Caller, issued time.Time, duration time.Duration) error {
	facts := who.Session()
	if facts == nil || !issued.Add(duration).After(facts.Expires) {
		return nil
	}

	rest := max(facts.Expires.Sub(issued), 0)
	why := tokenOutlives.With("limit", rest.String(), "duration", duration.String())

	return awsapi.Refused("SessionDurationEscalationException", why, messageEscalation)
}

// principalTags returns the caller's principal tags. It refuses a session whose role was deleted after
// the permission was checked: a token without the role's tags could tell a service less than it must know.
func (a *API) principalTags(ctx context.Context, who iam.Caller) (map[string]string, error) {
	tags, err := a.Authorizer.PrincipalTags(ctx, who)
	if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
		return nil, awsapi.RefusedAs(awsapi.AccessDenied, denied.Why, denied.Error()).Because(denied)
	}
	return tags, err
}

// describeCaller returns the facts about the caller, with its principal tags, that its token has.
func describeCaller(who iam.Caller, tags map[string]string) webidentity.Caller {
	d := webidentity.Caller{Account: string(who.Account), Principal: who.PrincipalARN()}
	facts := who.Session()
	if facts == nil {
		return d
	}

	d.SessionExpires = facts.Expires.UTC().Format(time.RFC3339)
	d.PrincipalTags = tags
	d.SourceIdentity = facts.SourceIdentity
	d.FederatedProvider = identitypool.InPartition(providerName(facts.FederatedProvider), who.Partition())
	d.Identity, d.Pool = string(facts.Identity), string(facts.Pool)
	if facts.Pool != "" {
		d.LoginProvider = identitypool.InPartition(facts.LoginProvider, who.Partition())
		if len(facts.AMR) > 0 {
			d.AuthenticationType = facts.AMR[0]
		}
	}

	return d
}

// providerName returns an OpenID Connect provider as AWS's tokens name it: its URL without a scheme, not
// its ARN (observed). Other names stay.
func providerName(name string) string {
	if _, url, ok := strings.Cut(name, ":oidc-provider/"); ok {
		return url
	}
	return name
}

// webTokenError words the errors of signing.
func webTokenError(err error, who iam.Caller) error {
	switch {
	case errors.Is(err, webidentity.ErrDisabled):
		why := federationOff.With("account", string(who.Account))
		return awsapi.Refused("OutboundWebIdentityFederationDisabledException", why, messageFederationOff).Because(err)
	case errors.Is(err, webidentity.ErrTooLarge):
		why := webTokenSize.With("limit", strconv.Itoa(webidentity.MaxToken))
		return awsapi.Refused("JWTPayloadSizeExceededException", why, messagePayload).Because(err)
	}

	return err
}

// Messages of GetWebIdentityToken (STS API reference).
const (
	messageFederationOff = "The outbound web identity federation feature is not enabled for this account. To " +
		"use this feature, you must first enable it through the AWS Management Console or API."
	messagePayload = "The requested token payload size exceeds the maximum allowed size. Reduce the number of " +
		"request tags included in the GetWebIdentityToken API call to reduce the token payload size."
	messageEscalation = "The requested token duration would extend the session beyond its original expiration " +
		"time. You cannot use this operation to extend the lifetime of a session beyond what was granted when the " +
		"session was originally created."
	messageSubjectMode = "The SubjectMode OriginIdentity needs a session with a trusted identity propagation context."
	messageScope       = "Scope is only allowed with the SubjectMode OriginIdentity."
)

// Reasons of GetWebIdentityToken.
var (
	federationOff = Refusals.Add(explain.Reason{
		Code:     "web-identity-federation",
		Check:    "web identity federation",
		Expected: "an account that has enabled web identity tokens",
		Got:      "account {account}, which has not, or has disabled them",
		Fix: "call iam:EnableOutboundWebIdentityFederation with a key of the account: aws iam " +
			"enable-outbound-web-identity-federation",
	})
	tokenOutlives = Refusals.Add(explain.Reason{
		Code:     "token-lifetime-session",
		Check:    "token lifetime",
		Expected: "up to {limit}, the rest of the caller's session",
		Got:      "{duration}",
		Fix:      "send a smaller DurationSeconds (300 without one), or get new credentials first",
	})
	webTokenSize = Refusals.Add(explain.Reason{
		Code:     "token-size-web-identity",
		Check:    "token size",
		Expected: "a token of up to {limit} characters",
		Got:      "a longer one",
		Fix:      "pass fewer or shorter tags and audiences",
	})
	subjectMode = Refusals.Add(explain.Reason{
		Code:     "token-subject-mode",
		Check:    "token subject mode",
		Expected: "AWSIdentity, or none",
		Got:      "OriginIdentity",
		Fix:      "leave SubjectMode out: sessions have no trusted identity propagation context here",
	})
	tokenScope = Refusals.Add(explain.Reason{
		Code:     "token-scope",
		Check:    "token scope",
		Expected: "none",
		Got:      "a Scope",
		Fix:      "leave Scope out, or send its values as Tags; it belongs to the SubjectMode OriginIdentity",
	})
)
