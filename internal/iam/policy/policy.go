// Package policy parses and evaluates IAM JSON policy documents: trust policies,
// identity policies, permissions boundaries and session policies. Parse compiles a
// document, and refuses what it does not know: a condition that it skipped would be a
// door left open. The rules are those of the IAM User Guide: "IAM JSON policy element
// reference", "Policy evaluation logic" and "Policies and variables". Where the guide
// leaves a choice, this package denies.
//
// Start reading at Parse and at Document.Evaluate.
package policy

import (
	"slices"
	"strconv"
)

// maxDocumentBytes is the size of the longest document that Parse reads. The IAM API
// accepts 131072 characters (policyDocumentType), but AWSSupportServiceRolePolicy, which
// every account at AWS has, is longer.
const maxDocumentBytes = 256 << 10

// Versions of the policy language. A document without Version has the older one, which
// has no policy variables.
const (
	version2008 = "2008-10-17"
	version2012 = "2012-10-17"
)

// Effect is the effect of a document on a request.
type Effect int

// The effects. NoMatch means that no statement applies, which denies unless
// another document allows.
const (
	NoMatch Effect = iota
	Allow
	Deny
)

// String returns the Effect as policies write it, or "NoMatch".
func (e Effect) String() string {
	switch e {
	case Allow:
		return "Allow"
	case Deny:
		return "Deny"
	default:
		return "NoMatch"
	}
}

// Document is a parsed policy. It is immutable and safe for concurrent use.
type Document struct {
	text       string
	version    string
	statements []Statement
}

// String returns the text that was parsed.
func (d *Document) String() string { return d.text }

// Version returns the document's version of the policy language.
func (d *Document) Version() string { return d.version }

// Everything reports whether the document allows every action on every resource without a condition,
// and has no Deny.
func (d *Document) Everything() bool {
	all := false
	for n := range d.statements {
		s := &d.statements[n]
		if s.Effect == Deny {
			return false
		}
		all = all || !s.notAction && !s.notResource && len(s.conditions) == 0 &&
			slices.ContainsFunc(s.actions, pattern.isAny) && slices.ContainsFunc(s.resources, pattern.isAny)
	}

	return all
}

// Denies reports whether the document has a Deny.
func (d *Document) Denies() bool {
	return slices.ContainsFunc(d.statements, func(s Statement) bool { return s.Effect == Deny })
}

// Statement is one statement of a Document.
type Statement struct {
	Index  int    // position in the document, from 0
	Sid    string // may be empty
	Effect Effect // Allow or Deny

	principals   *principalSet // nil = the element is absent
	notPrincipal bool
	actions      []pattern // lower case
	notAction    bool
	resources    []pattern // nil = the element is absent
	notResource  bool
	conditions   []condition
	extent       extent

	// services are the parts of actions before the colon; for NotAction, only services
	// excluded as a whole (`s3:*`).
	services []pattern
	// named are the services of an Action if none has wildcards; nil = the statement can
	// concern any service.
	named     []string
	variables []keyName // the policy variables in resources
}

// String names the statement in messages.
func (s *Statement) String() string {
	if s.Sid != "" {
		return "statement " + strconv.Quote(s.Sid)
	}
	return "statement " + strconv.Itoa(s.Index)
}

// elementName returns an element's name as the document has it.
func elementName(name string, not bool) string {
	if not {
		return "Not" + name
	}
	return name
}

// Keys has the values of condition keys. Keys are compared regardless of ASCII case;
// a key without values is known to be absent. Set stores keys in the form that is
// fastest to evaluate.
type Keys map[string][]string

// FoldKey returns a condition key in the form in which keys are compared: ASCII
// letters in lower case.
func FoldKey(key string) string { return asciiLower(key) }

// Set stores the values of a condition key.
func (k Keys) Set(key string, values ...string) { k[asciiLower(key)] = values }

// Principal is who makes a request. Empty fields name nobody.
type Principal struct {
	AWS []string // the caller's ARNs and unique IDs: a session's own and its role's
	// Federated is an identity provider: a host name, ServiceName for identity pools,
	// or a provider's ARN.
	Federated     string
	Service       string
	CanonicalUser string
	// Itself ignores statements that name the principal's whole account: only those that
	// name the principal itself count.
	Itself bool
}

// Request is a request that policies allow or deny.
type Request struct {
	Action    string // service:Operation, compared without regard to case
	Resource  string // an ARN, or "*" for an operation that has no resource
	Principal Principal
	Context   RequestContext
	// Partition is the partition of the request's region. Resource, Principal and
	// Context have ARNs in the stored partition; policies may name them in this one,
	// too. "" = only in the stored one.
	Partition string
}

// Values returns the values of a condition key; none = the request does not have it.
func (r *Request) Values(key string) []string {
	sc := newScope(r)
	values, _ := sc.lookup(asciiLower(key))
	return values
}
