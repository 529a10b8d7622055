package stsapi

import (
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// Messages of AssumeRoleWithSAML (IAM User Guide, "Troubleshoot SAML federation").
const (
	messageNotSAML         = "The SAML assertion is not valid."
	messageSAMLSignature   = "Response signature invalid"
	messageSAMLIssuer      = "Issuer not present in specified provider"
	messageSAMLAudience    = "Response does not contain the required audience."
	messageSAMLProvider    = "Specified provider doesn't exist"
	messageSAMLAge         = "Token must be redeemed within 5 minutes of issuance"
	messageSAMLSessionName = "RoleSessionName is required in AuthnResponse"
	messageSAMLBadName     = "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"
)

// messageSourceIdentity refuses the source identity of a token or an assertion.
const messageSourceIdentity = `Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"`

const (
	samlSkew = 5 * time.Minute // tolerated difference of clocks, as in login
	samlAge  = 5 * time.Minute // of an assertion when it is redeemed
)

type samlResult struct {
	Audience        string
	AssumedRoleUser assumedRoleUser
	Credentials     credentialsResult
	Subject         string
	NameQualifier   string
	SubjectType     string
	Issuer          string
	SourceIdentity  string `xml:",omitempty"`
	sizes
}

// assumeRoleWithSAML checks, in this order: the role, the provider, the assertion, that
// the assertion offers the role, and the trust policy.
func (a *API) assumeRoleWithSAML(ctx context.Context, in *samlInput) (*samlResult, error) {
	explain.FromContext(ctx).Plan(samlPlan)
	if err := a.Addresses.MayLogin(ctx, map[string]string{"": *in.SAMLAssertion}); err != nil {
		return nil, err
	}

	e := newEntry(ctx, assume.SAMLAction, a.Region, sessionInput{
		role:     in.RoleArn,
		policy:   in.Policy,
		policies: in.PolicyArns,
		seconds:  in.DurationSeconds,
		minBytes: in.MinimumSessionTokenSize,
	})
	provider, err := a.findSAMLRole(ctx, &e, *in.PrincipalArn)
	if err != nil {
		return nil, err
	}

	now := a.Now()
	assertion, err := a.provenAssertion(ctx, &e, provider, *in.SAMLAssertion, now)
	if err != nil {
		return nil, err
	}
	if err := e.assert(ctx, assertion, now); err != nil {
		return nil, err
	}

	qualifier := nameQualifier(assertion.Issuer, e.Role.Account, provider.Name)
	e.Keys, e.Claims = samlConditions(assertion, provider, qualifier), samlClaims(assertion)
	content := session.Session{
		Provider:          provider.ARN,
		FederatedProvider: provider.ARN,
		Region:            a.Region,
		Claims:            carried(e.Keys, "saml", "aud", "iss", "sub", "sub_type", "namequalifier", "doc"),
	}
	e.Keys.Set("aws:FederatedProvider", provider.ARN)

	if err := e.checkTrust(ctx, now); err != nil {
		return nil, notAuthorized(e.Action, err)
	}

	g, err := a.grant(ctx, &e, content)
	if err != nil {
		return nil, err
	}

	return &samlResult{
		Audience:        assertion.Recipient,
		AssumedRoleUser: g.user(),
		Credentials:     g.credentials(),
		Subject:         assertion.NameID,
		SubjectType:     subjectType(assertion.NameIDFormat),
		NameQualifier:   qualifier,
		Issuer:          assertion.Issuer,
		SourceIdentity:  e.SourceIdentity,
		sizes:           g.sizes(),
	}, nil
}

// findSAMLRole finds the role, then the provider. A refusal concerns the account of the provider,
// too, even if it is about the role.
func (a *API) findSAMLRole(ctx context.Context, e *entry, arn string) (iam.SAMLProvider, error) {
	refused := a.findRole(ctx, e)
	if err := a.concernProvider(ctx, arn); err != nil {
		return iam.SAMLProvider{}, err
	}
	if refused != nil {
		return iam.SAMLProvider{}, refused
	}

	if err := awsapi.Count(ctx, string(e.Role.Account)); err != nil {
		return iam.SAMLProvider{}, err
	}

	return a.samlProvider(ctx, e, arn)
}

// provenAssertion proves an assertion of a provider, which must offer the role.
func (a *API) provenAssertion(
	ctx context.Context, e *entry, provider iam.SAMLProvider, response string, now time.Time,
) (*saml.Assertion, error) {
	assertion, err := readAssertion(provider, response, now)
	a.Addresses.Checked(ctx, response, err)
	if err != nil {
		return nil, err
	}

	role, shown := e.Role.ARN.String(), identitypool.InPartition(provider.ARN, e.Partition)
	explain.FromContext(ctx).Pass("SAML assertion", "of "+shown)

	offered := func(pair saml.RolePair) bool {
		return identitypool.SameARN(pair.Role, role) && identitypool.SameARN(pair.Provider, provider.ARN)
	}
	if !slices.ContainsFunc(assertion.AWS.Roles, offered) {
		why := samlRole.With("role", e.Role.ARN.In(e.Partition).String(), "provider", shown)
		return nil, notAuthorized(e.Action, fmt.Errorf("%w: %w", assume.ErrDenied, why))
	}

	return assertion, nil
}

// assert sets the name, the tags and the length of the session that an assertion asks for.
func (e *entry) assert(ctx context.Context, assertion *saml.Assertion, now time.Time) error {
	if e.SessionName = assertion.AWS.RoleSessionName; e.SessionName == "" {
		return awsapi.Refused(invalidIdentityToken, samlSessionName.With(), messageSAMLSessionName)
	}
	e.Tags, e.Transitive, e.SourceIdentity =
		assertion.AWS.PrincipalTags, assertion.AWS.TransitiveTagKeys, assertion.AWS.SourceIdentity

	if err := e.checkTags(ctx); err != nil {
		return err
	}
	if err := e.checkDuration(ctx); err != nil {
		return err
	}

	if end := assertion.SessionNotOnOrAfter; !end.IsZero() {
		if e.duration = min(e.duration, end.Sub(now)); e.duration < time.Second {
			why := samlSessionOver.With("time", end.Format(time.RFC3339))
			return awsapi.Refused("ExpiredTokenException", why, "The SAML session has ended.")
		}
	}

	return nil
}

// readAssertion proves an assertion of a provider.
func readAssertion(provider iam.SAMLProvider, response string, now time.Time) (*saml.Assertion, error) {
	assertion, refused := provider.Provider.Read(response, now, samlSkew)
	if refused != nil {
		return nil, awsapi.Refused(samlCode(refused), refused.Refusal, "%s", samlMessage(refused)).Because(refused)
	}
	if now.Sub(assertion.IssueInstant) > samlAge {
		why := samlOld.With("limit", samlAge.String(), "time", assertion.IssueInstant.Format(time.RFC3339))
		return nil, awsapi.Refused("ExpiredTokenException", why, messageSAMLAge)
	}

	return assertion, nil
}

// concernProvider notes that the call concerns the account of the provider that it names,
// if the provider exists. That account may then ask why, if it is not the role's.
func (a *API) concernProvider(ctx context.Context, arn string) error {
	provider, err := a.Providers.SAMLProvider(ctx, arn)
	if errors.Is(err, iam.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}

	awsapi.RecordFrom(ctx).Concern(string(provider.Account))

	return nil
}

// samlProvider finds the provider, in the role's account.
func (a *API) samlProvider(ctx context.Context, e *entry, arn string) (iam.SAMLProvider, error) {
	account, kind, _, ok := identitypool.ParseProviderARN(arn)
	if !ok || kind != identitypool.SAMLProvider {
		shown, example := printableARN(arn), exampleARN(a.Region, ":saml-provider/NAME")
		why := samlProviderForm.With("provider", shown, "example", example)
		return iam.SAMLProvider{}, awsapi.Refused("ValidationError", why, "%s is invalid", shown)
	}
	if err := a.checkPartition(arn, e.Partition); err != nil {
		return iam.SAMLProvider{}, err
	}
	provider, err := a.Providers.SAMLProvider(ctx, arn)
	if errors.Is(err, iam.ErrNotFound) || err == nil && account != e.Role.Account {
		why := samlProviderMissing.With("account", string(e.Role.Account), "provider", arn)
		if account == e.Role.Account {
			why.At(explain.Link{Kind: explain.LinkSAMLProvider, ID: arn, Source: explain.SourceAPI})
		}
		ofRole(ctx, e.Role.Account).Refuse(why)
		return iam.SAMLProvider{}, awsapi.Refused(invalidIdentityToken, why, messageSAMLProvider)
	} else if err != nil {
		return iam.SAMLProvider{}, err
	}

	e.Principal = policy.Principal{Federated: provider.ARN}

	return provider, nil
}

func samlCode(r *saml.Refused) string {
	switch {
	case r.Kind == saml.Expired && !r.NotOnOrAfter.IsZero():
		return "ExpiredTokenException"
	case r.Kind == saml.Failed:
		return "IDPRejectedClaim"
	}
	return invalidIdentityToken
}

// samlMessages has the texts about assertions that are refused; messageNotSAML is that of
// all others.
var samlMessages = map[saml.Kind]string{
	saml.Unverified:    messageSAMLSignature,
	saml.WrongIssuer:   messageSAMLIssuer,
	saml.WrongAudience: messageSAMLAudience,
	saml.Failed:        messageRejected,
	saml.Expired:       messageSAMLAge,
}

func samlMessage(r *saml.Refused) string {
	switch {
	case r.Subject == "RoleSessionName":
		return messageSAMLBadName
	case r.Subject == "SourceIdentity":
		return messageSourceIdentity
	}

	return cmp.Or(samlMessages[r.Kind], messageNotSAML)
}

// nameQualifier distinguishes users with the same name at different providers (STS API
// reference, AssumeRoleWithSAML).
func nameQualifier(issuer string, account identitypool.AccountID, provider string) string {
	sum := sha1.Sum([]byte(issuer + string(account) + "/" + provider))
	return base64.StdEncoding.EncodeToString(sum[:])
}

const nameIDFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:"

// subjectType returns persistent, transient, or the whole URI of another format.
func subjectType(format string) string {
	short := strings.TrimPrefix(format, nameIDFormat)
	if short == "persistent" || short == "transient" {
		return short
	}
	return format
}

// samlConditions returns the condition keys of an assertion.
func samlConditions(a *saml.Assertion, p iam.SAMLProvider, qualifier string) policy.Keys {
	c := policy.Keys{}
	c.Set("saml:aud", a.Recipient)
	c.Set("saml:iss", a.Issuer)
	c.Set("saml:sub", a.NameID)
	c.Set("saml:sub_type", subjectType(a.NameIDFormat))
	c.Set("saml:namequalifier", qualifier)
	c.Set("saml:doc", string(p.Account)+"/"+p.Name)

	for name, key := range iam.SAMLAttributes {
		if values := a.Attributes[name]; len(values) > 0 && len(values) <= maxClaimValues {
			c.Set("saml:"+key, values...)
		}
	}

	return c
}

// samlClaims returns which condition keys an assertion lacks. An attribute with more
// values than samlConditions accepts is unknown.
func samlClaims(a *saml.Assertion) policy.Claims {
	return policy.Claims{Prefix: "saml", Lacks: func(name string) bool {
		for attribute, key := range iam.SAMLAttributes {
			if key == name {
				return len(a.Attributes[attribute]) == 0
			}
		}
		return slices.Contains([]string{"aud", "doc", "iss", "namequalifier", "sub", "sub_type"}, name)
	}}
}
