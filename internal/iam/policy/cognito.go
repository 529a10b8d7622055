package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// CognitoPrincipal is the federated principal that stands for identity pools, and the
// prefix of their condition keys. In China and GovCloud, pools have a second name,
// identitypool.ServiceName: as a principal it stands for the pools of its region, and
// their requests have each condition key under both names.
const CognitoPrincipal = identitypool.OwnProvider

// Condition keys of a role assumed through an identity pool (Cognito developer
// guide, "Role trust and permissions").
const (
	CognitoAudience = CognitoPrincipal + ":aud" // identity pool ID
	CognitoSubject  = CognitoPrincipal + ":sub" // identity ID
	CognitoAMR      = CognitoPrincipal + ":amr" // authentication methods; several values
)

// CognitoKey returns a condition key of identity pools, such as CognitoAudience, with
// the name that pools have in a region.
func CognitoKey(classic, region string) string {
	return identitypool.ServiceName(region) + strings.TrimPrefix(classic, CognitoPrincipal)
}

// ClassicKey returns a condition key of identity pools, in lower case, with the name
// that pools have in most regions. It returns other keys unchanged.
func ClassicKey(key string) string {
	prefix, name, ok := strings.Cut(key, ":")
	if ok && identitypool.IsServiceName(prefix) {
		return CognitoPrincipal + ":" + name
	}
	return key
}

// assumeWithWebIdentity is the action by which identity pools assume roles.
const assumeWithWebIdentity = "sts:assumerolewithwebidentity"

// cognitoCondition is IAM's text for a trust policy that names no identity pool.
const cognitoCondition = "A condition block must be present for the Cognito provider"

// cognitoTrustScoped refuses a trust policy that lets pools assume the role without
// naming them: every Allow statement that covers the Cognito principal must name whole
// pools by a positive String operator on cognito-identity.amazonaws.com:aud, or on
// that key of a region. IAM demands that condition when a trust policy is stored
// (Cognito developer guide, "IAM roles"; CVE-2024-28056 shows what it prevents).
// Unlike IAM, this accepts no pattern: the IDs of all accounts' pools have the same
// form, so a pattern matches strangers' pools, too. The error is a *Fault with IAM's
// text first.
func cognitoTrustScoped(d *Document) error {
	for i := range d.statements {
		s := &d.statements[i]
		if !s.coversCognito() || slices.ContainsFunc(s.conditions, condition.namesPools) {
			continue
		}

		problem := "it has no such condition"
		for _, c := range s.conditions {
			if ClassicKey(c.key) == CognitoAudience {
				problem = fmt.Sprintf("%s %s is not one", c.written.operator, shownValues(c.written.values))
			}
		}

		key := s.audienceKey()

		return &Fault{
			Where: s.where(),
			Text: fmt.Sprintf("%s: %s must name whole identity pools by StringEquals on %s, "+
				"or any pool could assume the role; %s", cognitoCondition, s.where(), key, problem),
			Expected: "a condition StringEquals " + key + " with pool IDs only",
			Got:      problem,
			Fix:      `name each pool by its ID: "Condition": {"StringEquals": {"` + key + `": "REGION:POOL"}}`,
		}
	}

	return nil
}

// audienceKey returns the condition key for the pool's ID, under the name of the
// statement's principal.
func (s *Statement) audienceKey() string {
	if s.principals != nil {
		for _, name := range s.principals.federated {
			if identitypool.IsServiceName(name) {
				return name + strings.TrimPrefix(CognitoAudience, CognitoPrincipal)
			}
		}
	}
	return CognitoAudience
}

// maxShownValues bounds the values of a condition in a message.
const maxShownValues = 3

func shownValues(values []string) string {
	var list []string
	for _, v := range values[:min(len(values), maxShownValues)] {
		list = append(list, fmt.Sprintf("%q", bounded(v)))
	}
	if len(values) > maxShownValues {
		list = append(list, "…")
	}
	return strings.Join(list, ", ")
}

// foreignCognito matches names that look like those of identity pools, in any
// partition.
var foreignCognito = regexp.MustCompile(
	`^(?i:cognito-identity(-us-gov|-fips)?(\.[a-z0-9-]+)?\.amazonaws\.(com|com\.cn|eu))$`,
)

// cognitoTrustLocal refuses a trust policy that has a name for identity pools that no
// region has, or whose condition keys are not those of its principals' region: such a
// statement would allow nobody, and as a Deny keep nobody out. The error is a *Fault.
func cognitoTrustLocal(d *Document) error {
	for i := range d.statements {
		s := &d.statements[i]
		if s.principals == nil {
			continue
		}

		for _, name := range s.principals.federated {
			if identitypool.IsServiceName(name) || !foreignCognito.MatchString(name) {
				continue
			}

			right := rightName(name)

			return &Fault{
				Where: s.where(),
				Text: fmt.Sprintf("%s: The principal %s is not supported: identity pools are %s there, "+
					"with the condition keys %s:aud, %s:sub and %s:amr",
					s.where(), name, right, right, right, right),
				Expected: "the principal " + right,
				Got:      name,
				Fix:      "write " + right + " as the principal and at the beginning of the condition keys",
			}
		}
		if fault := s.foreignKey(); fault != nil {
			return fault
		}
	}

	return nil
}

// rightName returns the name of identity pools in the region of a wrong name; if it
// has no region, the name in most regions.
func rightName(wrong string) string {
	wrong = asciiLower(wrong)
	for _, part := range strings.Split(wrong, ".") {
		if name := identitypool.ServiceName(part); name != CognitoPrincipal {
			return name
		}
	}

	switch {
	case strings.HasSuffix(wrong, ".cn"):
		return identitypool.ServiceName("cn-north-1")
	case strings.Contains(wrong, "us-gov"):
		return identitypool.ServiceName("us-gov-west-1")
	}

	return CognitoPrincipal
}

// foreignKey returns the fault of a condition key that no request of the statement's
// principals has, because it belongs to pools of another region; nil if there is none.
func (s *Statement) foreignKey() *Fault {
	var own []string // the names of the statement's pools
	for _, name := range s.principals.federated {
		if identitypool.IsServiceName(name) {
			own = append(own, name)
		}
	}
	if len(own) == 0 || s.notPrincipal || slices.Contains(own, CognitoPrincipal) {
		return nil
	}

	for _, c := range s.conditions {
		prefix, name, _ := strings.Cut(c.key, ":")
		if prefix == CognitoPrincipal || !identitypool.IsServiceName(prefix) || slices.Contains(own, prefix) {
			continue
		}

		right := own[0] + ":" + name

		return &Fault{
			Where: s.where(),
			Text: fmt.Sprintf("%s: requests of %s have the condition key %s, not %s",
				s.where(), own[0], right, c.written.key),
			Expected: "the condition key " + right,
			Got:      c.written.key,
			Fix:      "write " + right,
		}
	}

	return nil
}

// CognitoTrustNamesAMR reports whether every Allow statement that covers the Cognito
// principal has a condition on CognitoAMR. Without it, a guest of the pool can assume
// the role through the classic flow.
func CognitoTrustNamesAMR(d *Document) bool {
	for i := range d.statements {
		s := &d.statements[i]
		names := slices.ContainsFunc(s.conditions, func(c condition) bool {
			return ClassicKey(c.key) == CognitoAMR && !c.negated
		})
		if s.coversCognito() && !names {
			return false
		}
	}

	return true
}

// coversCognito reports whether the statement allows something to identity pools: it
// names them, or it covers everyone and the action that they use.
func (s *Statement) coversCognito() bool {
	if s.Effect != Allow {
		return false
	}
	if s.principals == nil {
		return true
	}
	if !s.notPrincipal && slices.ContainsFunc(s.principals.federated, identitypool.IsServiceName) {
		return true
	}
	sc := scope{request: &Request{Principal: Principal{Federated: CognitoPrincipal}}, action: assumeWithWebIdentity}

	return s.coversPrincipal(&sc) && s.coversAction(&sc)
}

// poolIDPattern is the API model's form of an identity pool ID.
var poolIDPattern = regexp.MustCompile(`^[\w-]+:[0-9a-f-]+$`)

const maxPoolID = 55 // characters (API model, IdentityPoolId)

// namesPools reports whether c holds only for identity pools whose IDs it names. IDs
// have no wildcards and no variables, so StringLike compares them like StringEquals;
// and no two IDs differ only in case.
func (c condition) namesPools() bool {
	if ClassicKey(c.key) != CognitoAudience || !c.narrowing(c.key) {
		return false
	}
	return !slices.ContainsFunc(c.written.values, func(v string) bool {
		return len(v) > maxPoolID || !poolIDPattern.MatchString(v)
	})
}

// narrowing reports whether c compares key with texts, and holds only if one matches.
// ForAllValues does not qualify: it holds for a request without the key. Nor does a
// comparison that is not listed here: trust policies may rest only on those whose values
// namesCustomers and namesPools can read.
func (c condition) narrowing(key string) bool {
	compares := c.comparison == equals || c.comparison == equalsIgnoreCase || c.comparison == like

	return c.family == stringFamily && compares && !c.negated && !c.ifExists && c.qualifier != forAllValues &&
		c.key == asciiLower(key)
}

// namesSomething reports whether a value of StringEquals restricts anything: it must
// have letters or digits, and no variable, as ${…:aud} equals any value.
func namesSomething(value string) bool {
	elements, err := split(value, withVariables)
	if err != nil || slices.ContainsFunc(elements, func(e element) bool { return e.kind == variable }) {
		return false
	}
	return strings.ContainsFunc(value, isAlphanumeric)
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
