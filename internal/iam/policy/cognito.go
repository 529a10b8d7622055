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

// CognitoTrustScoped refuses a trust policy that would let any identity pool,
// in any account, assume the role: every Allow statement that covers the
// Cognito principal must require a pool by a positive String operator on
// cognito-identity.amazonaws.com:aud. This is the rule IAM enforces when a
// trust policy is written (Cognito developer guide, "IAM roles"; CVE-2024-28056
// shows what it prevents). Unlike IAM it wants every value of the condition to
// name a pool, since values are alternatives and the widest one decides.
// The error is a *ParseError with IAM's text first.
func CognitoTrustScoped(d *Document) error {
	for i := range d.statements {
		s := &d.statements[i]
		if s.coversCognito() && !slices.ContainsFunc(s.conditions, scopesToPool) {
			return fault(fmt.Sprintf("Statement[%d]", s.Index), "A condition block must be present for the Cognito provider: "+
				"without StringEquals on %s with the identity pool's ID, any identity pool could assume the role", CognitoAudience)
		}
	}
	return nil
}

// foreignCognito are the principals of identity pools in AWS's other partitions
// (AWS GovCloud user guide, "Amazon Cognito"; the China Regions' Cognito guide).
var foreignCognito = regexp.MustCompile(`^(?i:cognito-identity(-us-gov|-fips)?(\.[a-z0-9-]+)?\.amazonaws\.(com|com\.cn|eu))$`)

// CognitoTrustLocal refuses a trust policy that names identity pools as another
// partition or region of AWS does. Nothing here goes by those names: a statement
// about them would allow nobody, and as a Deny keep nobody out.
// The error is a *ParseError.
func CognitoTrustLocal(d *Document) error {
	for i := range d.statements {
		s := &d.statements[i]
		if s.principals == nil {
			continue
		}
		for _, name := range s.principals.federated {
			if name != CognitoPrincipal && foreignCognito.MatchString(name) {
				return fault(fmt.Sprintf("Statement[%d]", s.Index), "The principal %s is not supported: identity pools of every region are %s here, with the condition keys %s, %s and %s",
					name, CognitoPrincipal, CognitoAudience, CognitoSubject, CognitoAMR)
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

func scopesToPool(c condition) bool { return c.narrows(CognitoAudience) }

// narrows reports whether c holds only for values of key that it names.
func (c condition) narrows(key string) bool {
	positive := c.family == stringFamily && !c.negated && !c.ifExists
	if !positive || c.key != asciiLower(key) {
		return false
	}
	return !slices.ContainsFunc(c.written.values, func(v string) bool { return !namesPool(v, c.comparison == like) })
}

// namesPool reports whether a condition's value restricts anything: it must
// have letters or digits of its own, beside wildcards and variables.
func namesPool(value string, wild bool) bool {
	flags := withVariables
	if wild {
		flags |= wildcards
	}
	elements, err := split(value, flags)
	if err != nil {
		return false
	}
	named := false
	for _, e := range elements {
		if e.kind == variable {
			return false // ${…:aud} would equal whatever comes
		}
		named = named || e.kind == literal && strings.ContainsFunc(e.text, isAlphanumeric)
	}
	return named
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
