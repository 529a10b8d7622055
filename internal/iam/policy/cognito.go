package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// CognitoPrincipal is the federated principal that stands for identity pools,
// and the prefix of their condition keys.
const CognitoPrincipal = "cognito-identity.amazonaws.com"

// Condition keys of a role assumed through an identity pool (Cognito developer
// guide, "Role trust and permissions").
const (
	CognitoAudience = CognitoPrincipal + ":aud" // identity pool ID
	CognitoSubject  = CognitoPrincipal + ":sub" // identity ID
	CognitoAMR      = CognitoPrincipal + ":amr" // how the user signed in; several values
)

// assumeWithWebIdentity is the action by which identity pools assume roles.
const assumeWithWebIdentity = "sts:assumerolewithwebidentity"

// cognitoCondition is IAM's text for a trust policy that names no identity pool.
const cognitoCondition = "A condition block must be present for the Cognito provider"

// CognitoTrustScoped refuses a trust policy that would let pools assume the role
// without naming them: every Allow statement that covers the Cognito principal
// must name whole pools by a positive String operator on
// cognito-identity.amazonaws.com:aud. IAM enforces the presence of that condition
// when a trust policy is written (Cognito developer guide, "IAM roles";
// CVE-2024-28056 shows what it prevents). Unlike IAM this takes no pattern: pools
// of all accounts have IDs of one form, so a pattern names strangers' pools too.
// The error is a *Fault with IAM's text first.
func CognitoTrustScoped(d *Document) error {
	for i := range d.statements {
		s := &d.statements[i]
		if !s.coversCognito() || slices.ContainsFunc(s.conditions, condition.namesPools) {
			continue
		}

		problem := "it has no such condition"
		for _, c := range s.conditions {
			if c.key == asciiLower(CognitoAudience) {
				problem = fmt.Sprintf("%s %s is not one", c.written.operator, shownValues(c.written.values))
			}
		}
		return &Fault{
			Where: s.where(),
			Text: fmt.Sprintf("%s: %s must name whole identity pools by StringEquals on %s, "+
				"or any pool could assume the role; %s", cognitoCondition, s.where(), CognitoAudience, problem),
			Expected: "a condition StringEquals " + CognitoAudience + " with pool IDs only",
			Got:      problem,
			Fix: `name each pool by its ID: "Condition": {"StringEquals": {"` + CognitoAudience +
				`": "REGION:POOL"}}`,
		}
	}

	return nil
}

// maxShownValues is how many values of a condition a message repeats.
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

// foreignCognito are the principals of identity pools in AWS's other partitions
// (AWS GovCloud user guide, "Amazon Cognito"; the China Regions' Cognito guide).
var foreignCognito = regexp.MustCompile(`^(?i:cognito-identity(-us-gov|-fips)?(\.[a-z0-9-]+)?\.amazonaws\.(com|com\.cn|eu))$`)

// CognitoTrustLocal refuses a trust policy that names identity pools as another
// partition or region of AWS does. Nothing here goes by those names: a statement
// about them would allow nobody, and as a Deny keep nobody out.
// The error is a *Fault.
func CognitoTrustLocal(d *Document) error {
	for i := range d.statements {
		s := &d.statements[i]
		if s.principals == nil {
			continue
		}

		for _, name := range s.principals.federated {
			if name == CognitoPrincipal || !foreignCognito.MatchString(name) {
				continue
			}
			return &Fault{
				Where: s.where(),
				Text: fmt.Sprintf("%s: The principal %s is not supported: identity pools of every region are %s here, "+
					"with the condition keys %s, %s and %s",
					s.where(), name, CognitoPrincipal, CognitoAudience, CognitoSubject, CognitoAMR),
				Expected: "the principal " + CognitoPrincipal,
				Got:      name,
				Fix:      "write " + CognitoPrincipal + " as the principal and at the beginning of the condition keys",
			}
		}
	}

	return nil
}

// CognitoTrustNamesAMR reports whether every Allow statement that covers the
// Cognito principal also asks how the user signed in. Without that a guest of
// the pool can take the role through the classic flow.
func CognitoTrustNamesAMR(d *Document) bool {
	key := asciiLower(CognitoAMR)
	for i := range d.statements {
		s := &d.statements[i]
		names := slices.ContainsFunc(s.conditions, func(c condition) bool { return c.key == key && !c.negated })
		if s.coversCognito() && !names {
			return false
		}
	}
	return true
}

// coversCognito reports whether the statement allows something to identity
// pools: it names them, or it covers everyone and the action they use.
func (s *Statement) coversCognito() bool {
	if s.Effect != Allow {
		return false
	}
	if s.principals == nil {
		return true
	}
	if !s.notPrincipal && slices.Contains(s.principals.federated, CognitoPrincipal) {
		return true
	}
	sc := scope{request: &Request{Principal: Principal{Federated: CognitoPrincipal}}, action: assumeWithWebIdentity}
	return s.coversPrincipal(&sc) && s.coversAction(&sc)
}

// poolIDPattern is the API model's form of an identity pool ID.
var poolIDPattern = regexp.MustCompile(`^[\w-]+:[0-9a-f-]+$`)

const maxPoolID = 55 // characters (API model, IdentityPoolId)

// namesPools reports whether c holds only for identity pools whose IDs it names. IDs
// have no wildcard and no variable, so StringLike compares them as StringEquals does;
// and no two IDs differ in case only.
func (c condition) namesPools() bool {
	if !c.narrowing(CognitoAudience) {
		return false
	}
	return !slices.ContainsFunc(c.written.values, func(v string) bool {
		return len(v) > maxPoolID || !poolIDPattern.MatchString(v)
	})
}

// narrowing reports whether c compares key with texts, and never holds without a
// match. ForAllValues holds for a request without the key.
func (c condition) narrowing(key string) bool {
	return c.family == stringFamily && !c.negated && !c.ifExists && c.qualifier != forAllValues &&
		c.key == asciiLower(key)
}

// namesSomething reports whether a value of StringEquals restricts anything: it
// must have letters or digits, and no variable. ${…:aud} would equal any value.
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
