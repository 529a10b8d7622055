package wiretest

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// leftover matches a placeholder without a value. The classes of a pattern, such as \p{L}, are none.
var leftover = regexp.MustCompile(`(^|[^p]|(^|[^\\])p)\{[a-zA-Z]+\}`)

// wantReasons fails any test in which a refusal has no reason. next receives the traces, too;
// it may be nil.
func wantReasons(t testing.TB, next func(poolhouse.Trace)) func(poolhouse.Trace) {
	return func(trace poolhouse.Trace) {
		if fault := reasonFault(trace); fault != "" {
			t.Errorf(
				"%s %s (%s) is not explained: %s: %+v",
				trace.Operation, trace.Outcome, trace.Message, fault, trace.Steps,
			)
		}

		if next != nil {
			next(trace)
		}
	}
}

// reasonFault names what a trace lacks; "" = nothing.
func reasonFault(trace poolhouse.Trace) string {
	step, ok := explain.Deciding(trace.Steps)
	switch {
	case !ok:
		return "no failed step"
	case step.Code == awsapi.Unexplained:
		return "no check gave a reason"
	case step.Code != trace.Reason:
		return "the reason is " + string(trace.Reason)
	case step.Check == "" || step.Expected == "" || step.Got == "" || step.Fix == "":
		return "a text is empty"
	case leftover.MatchString(strings.Join([]string{step.Expected, step.Got, step.Fix}, " ")):
		return "a placeholder has no value"
	}

	return linkFault(step.Link)
}

// LinkFields lists the fields that links of each kind lead to; "" = the thing is missing, or
// another one must take its place. A setting has a path and no field.
var LinkFields = map[string][]string{
	explain.LinkPool: {
		"AllowUnauthenticatedIdentities", "AllowClassicFlow", "SupportedLoginProviders", "DeveloperProviderName",
		"OpenIdConnectProviderARNs", "CognitoIdentityProviders", "SamlProviderARNs", "IdentityPoolTags", "Roles",
		"RoleMappings", "PrincipalTags",
	},
	explain.LinkRole: {
		"", "AssumeRolePolicyDocument", "Policies", "AttachedPolicies", "PermissionsBoundary", "MaxSessionDuration",
	},
	explain.LinkOIDCProvider: {"", "ClientIDList"},
	explain.LinkSAMLProvider: {"", "SAMLMetadataDocument"},
	explain.LinkAccessKey:    {"", "Status"},
	explain.LinkSetting:      {""},
}

// linkFault names what is wrong with a link; "" = nothing, or there is none.
func linkFault(l *explain.Link) string {
	switch {
	case l == nil:
		return ""
	case !slices.Contains(LinkFields[l.Kind], l.Field):
		return "the link leads to no field"
	case (l.Kind == explain.LinkSetting) != (l.Source == explain.SourceFile):
		return "the link's source is " + l.Source
	case l.ID == "" && l.Kind != explain.LinkPool:
		return "the link has no ID"
	}

	return ""
}
