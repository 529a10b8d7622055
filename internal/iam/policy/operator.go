package policy

import "strings"

// family is a group of condition operators that compare values of one type.
type family uint8

const (
	stringFamily family = iota
	numericFamily
	dateFamily
	boolFamily
	binaryFamily
	addressFamily
	arnFamily
	nullFamily
)

// comparison is the way in which an operator compares the request's value with the
// policy's. A new one is also in compileStrings (value.go) and, if a trust policy may rest
// on it, in condition.narrowing.
type comparison uint8

const (
	equals comparison = iota
	equalsIgnoreCase
	like
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// operator is a condition operator without its qualifier and IfExists.
type operator struct {
	family     family
	comparison comparison
	negated    bool
}

// operators has all operators of the IAM User Guide, "Condition operators".
var operators = map[string]operator{
	"StringEquals":              {stringFamily, equals, false},
	"StringNotEquals":           {stringFamily, equals, true},
	"StringEqualsIgnoreCase":    {stringFamily, equalsIgnoreCase, false},
	"StringNotEqualsIgnoreCase": {stringFamily, equalsIgnoreCase, true},
	"StringLike":                {stringFamily, like, false},
	"StringNotLike":             {stringFamily, like, true},
	"NumericEquals":             {numericFamily, equals, false},
	"NumericNotEquals":          {numericFamily, equals, true},
	"NumericLessThan":           {numericFamily, less, false},
	"NumericLessThanEquals":     {numericFamily, lessOrEqual, false},
	"NumericGreaterThan":        {numericFamily, greater, false},
	"NumericGreaterThanEquals":  {numericFamily, greaterOrEqual, false},
	"DateEquals":                {dateFamily, equals, false},
	"DateNotEquals":             {dateFamily, equals, true},
	"DateLessThan":              {dateFamily, less, false},
	"DateLessThanEquals":        {dateFamily, lessOrEqual, false},
	"DateGreaterThan":           {dateFamily, greater, false},
	"DateGreaterThanEquals":     {dateFamily, greaterOrEqual, false},
	"Bool":                      {boolFamily, equals, false},
	"BinaryEquals":              {binaryFamily, equals, false},
	"IpAddress":                 {addressFamily, equals, false},
	"NotIpAddress":              {addressFamily, equals, true},
	// ArnEquals and ArnLike behave identically (the same page).
	"ArnEquals":    {arnFamily, like, false},
	"ArnLike":      {arnFamily, like, false},
	"ArnNotEquals": {arnFamily, like, true},
	"ArnNotLike":   {arnFamily, like, true},
	"Null":         {nullFamily, equals, false},
}

// qualifier is the way in which a key with several values is compared.
type qualifier uint8

const (
	single qualifier = iota
	forAnyValue
	forAllValues
)

// parseOperator reads QUALIFIER:OperatorIfExists.
func parseOperator(name string) (op operator, q qualifier, ifExists, ok bool) {
	if rest, found := strings.CutPrefix(name, "ForAnyValue:"); found {
		q, name = forAnyValue, rest
	} else if rest, found := strings.CutPrefix(name, "ForAllValues:"); found {
		q, name = forAllValues, rest
	}

	name, ifExists = strings.CutSuffix(name, "IfExists")
	op, ok = operators[name]
	// Null asks whether a key exists; qualifiers and IfExists make no sense with it.
	if op.family == nullFamily && (q != single || ifExists) {
		ok = false
	}

	return op, q, ifExists, ok
}
