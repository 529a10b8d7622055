package assume

import (
	"fmt"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Asker describes who wants a role, as far as an explanation depends on it.
type Asker struct {
	Action string // the action that it assumes roles with

	// For an identity:
	Pool     identitypool.PoolID // "" = it is no identity
	Identity identitypool.IdentityID
	Guest    bool
}

// explainTrust explains why a trust policy refused request and how to fix it. denied is the
// Deny statement that refused it, if one did.
func explainTrust(role iam.Role, request policy.Request, denied *policy.Statement, who Asker) *explain.Refusal {
	if denied != nil {
		return AboutTrust(role, explainDeny(role, request, denied))
	}

	m, ok := nearest(role.Trust.Mismatches(request), request)
	switch {
	case !ok && who.Pool != "":
		return AboutTrust(role, trustEmptyPool.With("action", request.Action, "statement", poolStatement(who.Pool)))
	case !ok:
		principal := principalName(request)
		return AboutTrust(role, trustEmpty.With("action", request.Action, "principal", principal))
	case m.Element == "Condition":
		return AboutTrust(role, explainCondition(request, m, who))
	case strings.HasSuffix(m.Element, "Principal"):
		return AboutTrust(role, explainPrincipal(request, m, who))
	case strings.HasSuffix(m.Element, "Action"):
		return AboutTrust(role, explainAction(request, m, who))
	}

	return AboutTrust(role, trustResource.With(
		"principal", principalName(request), "action", request.Action, "role", role.ARN.String(),
		"got", m.String(), "statement", m.Statement.String()))
}

// AboutTrust adds the role and its trust policy to a refusal.
func AboutTrust(role iam.Role, why *explain.Refusal) *explain.Refusal {
	return why.Of(role.ARN.String()).At(LinkTo(role, "AssumeRolePolicyDocument", "trust_policy"))
}

// LinkTo returns a link to a field of a role, or to its setting if the settings file has
// the role.
func LinkTo(role iam.Role, field, setting string) explain.Link {
	if role.Setting != "" {
		return explain.Setting(role.Setting).In(setting)
	}

	return explain.Link{
		Kind:   explain.LinkRole,
		ID:     role.ARN.String(),
		Field:  field,
		Source: explain.SourceAPI,
	}
}

// explainDeny is explainTrust for a Deny statement.
func explainDeny(role iam.Role, request policy.Request, denied *policy.Statement) *explain.Refusal {
	for _, u := range role.Trust.Unknown(request) {
		if u.Statement.Index == denied.Index {
			return trustDeniesUnknown.With("action", request.Action, "cause", u.String(), "key", u.Key)
		}
	}
	return trustDenies.With("action", request.Action, "statement", denied.String(),
		"principal", principalName(request), "role", role.ARN.String())
}

// explainPrincipal is explainTrust where no statement has the principal.
func explainPrincipal(request policy.Request, m policy.Mismatch, who Asker) *explain.Refusal {
	principal := principalName(request)
	if m.Element == "NotPrincipal" {
		return trustPrincipalExcluded.With("principal", principal, "action", request.Action,
			"role", shownRole(request), "statement", m.Statement.String())
	}
	if written, cause := misspelt(m.Statement, shownPrincipal(request)); cause != "" {
		return trustPrincipalSpelling.With("principal", principal, "action", request.Action,
			"role", shownRole(request), "statement", m.Statement.String(), "written", written, "cause", cause)
	}
	if who.Pool != "" {
		return trustPrincipalPool.With("principal", principal, "action", request.Action, "role", shownRole(request),
			"got", m.String(), "statement", poolStatement(who.Pool))
	}

	return trustPrincipal.With("principal", principal, "action", request.Action, "role", shownRole(request),
		"got", m.String())
}

// explainAction is explainTrust where a statement has the principal but not the action.
func explainAction(request policy.Request, m policy.Mismatch, who Asker) *explain.Refusal {
	principal, statement := principalName(request), m.Statement.String()
	switch {
	case m.Element == "NotAction":
		return trustActionExcluded.With("principal", principal, "action", request.Action, "role", shownRole(request),
			"statement", statement)
	case request.Action == TagAction && who.Pool != "":
		return trustPoolTags.With("principal", principal, "action", request.Action, "role", shownRole(request),
			"got", m.String())
	case request.Action == TagAction:
		return trustTags.With("principal", principal, "action", request.Action, "role", shownRole(request),
			"got", m.String(), "assume", who.Action)
	case request.Action == SourceIdentityAction:
		return trustSourceIdentity.With("principal", principal, "action", request.Action, "role", shownRole(request),
			"got", m.String(), "assume", who.Action)
	}

	return trustAction.With("principal", principal, "action", request.Action, "role", shownRole(request),
		"got", m.String(), "statement", statement)
}

// explainCondition is explainTrust where a condition fails.
func explainCondition(request policy.Request, m policy.Mismatch, who Asker) *explain.Refusal {
	key, cause := strings.ToLower(m.Key), valueCause(m, who)

	others := alsoFailing(request, m)
	m = masked(m, who.Guest)
	condition := fmt.Sprintf("%s %s %s (%s)", m.Operator, m.Key, strings.Join(m.Wanted, " or "), m.Statement)

	got := "the request does not have that key"
	if len(m.Got) > 0 {
		got = strings.Join(m.Got, ", ")
	}
	if len(m.Got) == 0 {
		if right, spelling := rightKey(key, request, who); right != "" {
			return conditionKeySpelling.With("condition", condition, "right", right, "cause", spelling, "also", others)
		}
	}

	if m.Unknown != "" {
		return conditionUnknown.With("condition", condition, "key", m.Unknown, "also", others)
	}
	if key == policy.ExternalID {
		return conditionExternalID.With("condition", condition, "got", got, "also", others)
	}
	if strings.Contains(m.Operator, "Not") || m.Operator == "Null" && len(m.Got) > 0 {
		return conditionExcluded.With("condition", condition, "got", got, "also", others)
	}

	if cause != "" {
		return conditionSpelling.With("condition", condition, "got", got, "cause", cause, "also", others)
	}
	if who.Pool != "" {
		if why := explainPoolCondition(key, condition, got, others, who); why != nil {
			return why
		}
	}

	if len(m.Got) == 0 {
		return conditionAbsent.With("condition", condition, "got", got, "also", others, "keys", keysOf(request))
	}

	return conditionValue.With("condition", condition, "got", got, "also", others)
}

// explainPoolCondition is explainCondition for the keys of identities; nil for others.
func explainPoolCondition(key, condition, got, others string, who Asker) *explain.Refusal {
	switch key = policy.ClassicKey(key); {
	case key == strings.ToLower(policy.CognitoAudience):
		return conditionPool.With("condition", condition, "got", got, "also", others, "pool", string(who.Pool))
	case key == strings.ToLower(policy.CognitoAMR) && who.Guest:
		return conditionGuest.With("condition", condition, "got", got, "also", others)
	case key == strings.ToLower(policy.CognitoAMR):
		return conditionSignIn.With("condition", condition, "got", got, "also", others)
	case key == strings.ToLower(policy.CognitoSubject) && who.Guest:
		return conditionOtherGuest.With("condition", condition, "got", got, "also", others)
	case key == strings.ToLower(policy.CognitoSubject):
		return conditionIdentity.With("condition", condition, "got", got, "also", others,
			"identity", string(who.Identity))
	case strings.HasPrefix(key, "aws:requesttag/"), key == "aws:tagkeys":
		return conditionPoolTags.With("condition", condition, "got", got, "also", others)
	}

	return nil
}

// alsoFailing names the other conditions of m's statement that do not hold, so that all can
// be fixed at once.
func alsoFailing(request policy.Request, m policy.Mismatch) string {
	var text strings.Builder
	for _, other := range m.Statement.Failing(request) {
		if other.Operator != m.Operator || other.Key != m.Key {
			text.WriteString("; " + other.Operator + " " + other.Key + " does not hold either")
		}
	}
	return text.String()
}

// nearest picks the statement that came closest to allowing the request: the one with the
// fewest failing elements, and then the fewest failing conditions.
func nearest(list []policy.Mismatch, request policy.Request) (policy.Mismatch, bool) {
	distance := func(m policy.Mismatch) int {
		const far = 1 << 20 // more than the conditions of a statement
		switch strings.TrimPrefix(m.Element, "Not") {
		case "Condition":
			return len(m.Statement.Failing(request))
		case "Resource":
			return far
		case "Action":
			return far + 1
		}

		if _, cause := misspelt(m.Statement, shownPrincipal(request)); cause != "" {
			return far + 2
		}

		return far + 3
	}

	var best policy.Mismatch
	for i, m := range list {
		if i == 0 || distance(m) < distance(best) {
			best = m
		}
	}

	return best, len(list) > 0
}

// poolStatement returns the statement that lets a pool in.
func poolStatement(pool identitypool.PoolID) string {
	service := identitypool.ServiceName(identitypool.RegionOf(string(pool)))
	return `{"Effect": "Allow", "Principal": {"Federated": "` + service + `"}, "Action": "` + WebIdentityAction +
		`", "Condition": {"StringEquals": {"` + service + `:aud": "` + string(pool) + `"}}}`
}

// shownPrincipal returns the principal in the partition of the call; the request may have
// the stored one.
func shownPrincipal(request policy.Request) policy.Principal {
	p := request.Principal
	p.Federated = identitypool.InPartition(p.Federated, request.Partition)
	p.AWS = slices.Clone(p.AWS)
	for i, arn := range p.AWS {
		p.AWS[i] = identitypool.InPartition(arn, request.Partition)
	}
	return p
}

// principalName names the principal in a trace.
func principalName(request policy.Request) string {
	p := shownPrincipal(request)
	if len(p.AWS) > 0 {
		return p.AWS[0]
	}
	return p.Federated
}

// shownRole names the requested role in a trace.
func shownRole(request policy.Request) string {
	return identitypool.InPartition(request.Resource, request.Partition)
}

// shownKeys are the condition keys that are not personal, or that readers of the trace know
// anyway. Every other value is a claim about a person.
var shownKeys = []string{
	"aws:sourceip", "aws:securetransport", "aws:currenttime", "aws:epochtime", "aws:tagkeys", "aws:federatedprovider",
	"aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:userid", "aws:username",
	"sts:rolesessionname", "sts:transitivetagkeys", "saml:iss", "saml:aud", "saml:doc", "saml:sub_type",
	policy.CognitoSubject,
}

// masked hides the values of tags and of other claims about a person, and a guest's identity
// ID, since whoever knows the ID can act as the guest. An external ID is a secret of the
// caller and the role's account, so even the policy's value is hidden.
func masked(m policy.Mismatch, guest bool) policy.Mismatch {
	key := policy.ClassicKey(strings.ToLower(m.Key))
	if key == policy.ExternalID {
		m.Wanted = []string{"the trust policy's value"}
		if len(m.Got) > 0 {
			m.Got = []string{"another value"}
		}
		return m
	}

	if len(m.Got) > 0 && hides(key, guest) {
		m.Got = []string{fmt.Sprintf("another value, of %d bytes", len(strings.Join(m.Got, "")))}
	}

	return m
}

// hides reports whether masked hides the request's value of a condition key. The key is in
// lower case and in its classic form.
func hides(key string, guest bool) bool {
	_, name, _ := strings.Cut(key[strings.LastIndexByte(key, '/')+1:], ":")
	switch {
	case key == policy.ExternalID, guest && key == strings.ToLower(policy.CognitoSubject):
		return true
	case slices.Contains(shownKeys, key):
		return false
	}

	return strings.HasPrefix(key, "aws:") || !slices.Contains([]string{"aud", "oaud", "amr", "app_id"}, name)
}

// RoleIn returns a role for display: with the ARN that calls in a partition show.
func RoleIn(role iam.Role, partition string) iam.Role {
	role.ARN = role.ARN.In(partition)
	return role
}
