// Package policy parses and evaluates IAM JSON policy documents: the trust
// policies that say who may assume a role, and the identity policies,
// permissions boundaries and session policies that say what a caller may do.
//
// A Document is compiled when it is parsed, so that evaluation does no parsing
// of policy text, and it is immutable, so that any number of requests can be
// evaluated against it at once. Parse is strict: what it does not know it
// refuses, because a condition that is skipped is a door left open.
//
// The rules are those of the IAM User Guide: "IAM JSON policy element
// reference", "Policy evaluation logic" and "Policies and variables". Where the
// guide leaves a choice, the one that denies is taken. Start reading at Parse
// and at Document.Evaluate.
package policy

import "strconv"

// MaxDocumentBytes is the longest document Parse reads (IAM API reference,
// policyDocumentType: 131072 characters).
const MaxDocumentBytes = 131072

// Versions of the policy language. A document without Version is in the older
// one, which has no policy variables.
const (
	Version2008 = "2008-10-17"
	Version2012 = "2012-10-17"
)

// Effect is what a document says about a request.
type Effect int

// The effects. NoMatch means that no statement applies, which denies unless
// another document allows.
const (
	NoMatch Effect = iota
	Allow
	Deny
)

// String is the Effect as policies write it; "NoMatch" for none.
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

// Version returns the version of the policy language the document is in.
func (d *Document) Version() string { return d.version }

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

	// services come before the colon in actions; of a NotAction those
	// only that are excluded with all their operations.
	services []pattern
	// named are the services of an Action whose names have no wildcards; nil = it
	// can be about any.
	named     []string
	variables []keyName // of resources
}

// String names the statement in messages.
func (s *Statement) String() string {
	if s.Sid != "" {
		return "statement " + strconv.Quote(s.Sid)
	}
	return "statement " + strconv.Itoa(s.Index)
}

// elementName is an element's name as the document has it.
func elementName(name string, not bool) string {
	if not {
		return "Not" + name
	}
	return name
}

// Context holds condition keys and their values. Keys are compared without
// regard to ASCII case; a key without values is known to be absent. Set stores
// keys in the form that is fastest to evaluate.
type Context map[string][]string

// FoldKey returns a condition key in the form in which keys are compared: ASCII
// letters in lower case.
func FoldKey(key string) string { return asciiLower(key) }

// Set stores the values of a condition key.
func (c Context) Set(key string, values ...string) { c[asciiLower(key)] = values }

// Principal is who makes a request. Empty members name nobody.
type Principal struct {
	AWS []string // ARNs and unique IDs that the caller answers to: a session's own and its role's
	// Federated is an identity provider: a host name, ServiceName for identity pools,
	// or a provider's ARN.
	Federated     string
	Service       string
	CanonicalUser string
	// Itself narrows matching to statements that name the principal itself:
	// those that name its whole account do not count.
	Itself bool
}

// Request is what a policy is asked about.
type Request struct {
	Action    string // service:Operation, compared without regard to case
	Resource  string // an ARN, or "*" for an operation that has no resource
	Principal Principal
	Context   Context
	// Partition is that of the region that the request is for: in it, policies may
	// name what Resource, Principal and Context name in the partition that is stored.
	// "" = only as they are named.
	Partition string
	// Later answers for a condition key, in lower case, that Context lacks, so
	// that what no policy asks for need not be made. No values mean that the
	// request does not have the key if known is set; otherwise it cannot be known
	// whether it has, which makes statements that depend on it deny. Without Later
	// nothing is known but the Context.
	Later func(key string) (values []string, known bool)
}

// Values returns the values of a condition key; none = the request has not got it.
func (r *Request) Values(key string) []string {
	sc := newScope(r)
	values, _ := sc.lookup(asciiLower(key))
	return values
}
