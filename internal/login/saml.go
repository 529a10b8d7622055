package login

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/saml"
)

// Messages for SAML logins. AWS's own are not known; the second sentences are those
// of its STS (IAM User Guide, "Troubleshoot SAML federation").
const (
	messageNotSAML        = "Invalid login token. Not a valid SAML assertion response."
	messageSAMLSignature  = "Invalid login token. Response signature invalid"
	messageSAMLIssuer     = "Invalid login token. Issuer not present in specified provider"
	messageSAMLAudience   = "Invalid login token. Response does not contain the required audience."
	messageSAMLEncryption = "Invalid login token. Encrypted SAML assertions are not supported."
	messageSAMLStatus     = "Invalid login token. The SAML response reports a failure."
)

// nameIdentifierClaim is the name under which AWS's attribute mapping finds the
// NameID (Cognito developer guide, "Using attributes for access control").
const nameIdentifierClaim = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"

// verifySAML proves a SAML Response. The claims are the NameID and the assertion's
// attributes by name: a string for one value, []any for several.
func (v *Verifier) verifySAML(ctx context.Context, trust Trust, response string) (Claims, error) {
	if trust.SAML == nil {
		return Claims{}, fmt.Errorf("login: provider %q has no SAML metadata", trust.Provider)
	}

	j := &judge{trust: &trust, trace: explain.FromContext(ctx)}
	now := v.now()
	a, refused := trust.SAML.Read(response, now, idtoken.Skew)
	if refused != nil {
		refused.Message = samlMessage(refused, now)
		return Claims{}, j.refuse(refused.Refusal)
	}

	if j.trace != nil {
		j.pass("SAML signature", a.Signature)
		j.pass("SAML issuer", explain.ShownText(a.Issuer))
		j.pass("SAML audience", explain.ShownText(a.Audience))
		j.pass("SAML recipient", explain.ShownText(a.Recipient))
		j.pass("SAML expiry", a.NotOnOrAfter.Format(time.RFC3339))
		j.pass("SAML NameID", explain.Masked(a.NameID))
		j.pass("SAML attribute", strconv.Itoa(len(a.Attributes))+" attributes")
	}
	if a.Transient() {
		v.log.WarnContext(ctx,
			"a SAML login has a transient NameID: each sign-in makes a new identity; "+
				"have the identity provider send persistent ones",
			"provider", trust.Provider)
		j.pass("SAML NameID format", "transient: each sign-in makes a new identity")
	}

	return Claims{
		Issuer:   a.Issuer,
		Subject:  a.NameID,
		Scope:    a.Scope,
		Audience: a.Audience,
		Expires:  a.NotOnOrAfter,
		IssuedAt: signedIn(a),
		All:      samlClaims(a),
		Roles:    j.samlRoles(a),
	}, nil
}

func samlMessage(r *saml.Refused, now time.Time) string {
	switch r.Kind {
	case saml.Unverified:
		return messageSAMLSignature
	case saml.WrongIssuer:
		return messageSAMLIssuer
	case saml.WrongAudience:
		return messageSAMLAudience
	case saml.Unsupported:
		return messageSAMLEncryption
	case saml.Failed:
		return messageSAMLStatus
	case saml.Expired:
		if !r.NotOnOrAfter.IsZero() {
			return fmt.Sprintf("%s%d >= %d", idtoken.MessageExpired, now.Unix(), r.NotOnOrAfter.Unix())
		}
	}

	return messageNotSAML
}

// signedIn returns the time of the sign-in: an assertion that is issued again in an
// old session is as old as the session.
func signedIn(a *saml.Assertion) time.Time {
	if !a.AuthnInstant.IsZero() && a.AuthnInstant.Before(a.IssueInstant) {
		return a.AuthnInstant
	}
	return a.IssueInstant
}

// samlClaims returns the attributes in the form that role mappings and principal
// tags read. The NameID replaces an attribute under its claim's name.
func samlClaims(a *saml.Assertion) map[string]any {
	all := make(map[string]any, len(a.Attributes)+1)
	for name, values := range a.Attributes {
		switch len(values) {
		case 0:
		case 1:
			all[name] = values[0]
		default:
			list := make([]any, len(values))
			for i, value := range values {
				list[i] = value
			}
			all[name] = list
		}
	}
	all[nameIdentifierClaim] = a.NameID

	return all
}

// samlRoles returns the roles that the assertion offers through this provider:
// nil if it does not mention roles, empty if it offers none here.
func (j *judge) samlRoles(a *saml.Assertion) []string {
	if !a.AWS.HasRoles {
		return nil
	}

	roles := []string{}
	elsewhere := 0
	for _, pair := range a.AWS.Roles {
		if !identitypool.SameARN(pair.Provider, j.trust.Provider) {
			elsewhere++
		} else if !slices.ContainsFunc(roles, func(r string) bool { return identitypool.SameARN(r, pair.Role) }) {
			roles = append(roles, pair.Role)
		}
	}
	if j.trace != nil {
		got := strings.Join(roles[:min(len(roles), 10)], ", ")
		if len(roles) == 0 {
			got = "none for " + j.trust.Provider
		}
		j.pass("SAML roles", fmt.Sprintf(
			"%s (%d values are for other providers, %d are no pair of ARNs)",
			got, elsewhere, a.AWS.NoPairs,
		))
	}

	return roles
}
