package iam

import (
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// TestOddTrustPolicies has documents that are no trust policies, or that nobody would
// write. None may panic or let a caller in, and a role that has one in the store keeps
// it closed.
func TestOddTrustPolicies(t *testing.T) {
	statement := func(members string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"` + members + `}]}`
	}
	deep := func(open, closing string) string { return strings.Repeat(open, 20000) + strings.Repeat(closing, 20000) }

	stranger := policy.Request{
		Action:    "sts:AssumeRole",
		Resource:  appARN,
		Principal: policy.Principal{AWS: []string{"arn:aws:iam::999999999999:user/stranger", "AIDASTRANGER"}},
	}
	for name, document := range map[string]string{
		"nothing":                 ``,
		"no JSON":                 `text`,
		"not closed":              `{"Version":"2012-10-17","Statement":[`,
		"null":                    `null`,
		"a number":                `1`,
		"a text":                  `"text"`,
		"a list":                  `[]`,
		"a list of policies":      `[` + statement(`,"Principal":"*"`) + `]`,
		"two values":              statement(`,"Principal":"*"`) + `{}`,
		"an empty object":         `{}`,
		"no statement":            `{"Version":"2012-10-17"}`,
		"Statement null":          `{"Version":"2012-10-17","Statement":null}`,
		"Statement a text":        `{"Version":"2012-10-17","Statement":"x"}`,
		"Statement an empty list": `{"Version":"2012-10-17","Statement":[]}`,
		"Statement twice":         `{"Statement":[],"Statement":[{"Effect":"Allow","Principal":"*","Action":"*"}]}`,
		"a statement null":        `{"Version":"2012-10-17","Statement":[null]}`,
		"a statement a text":      `{"Version":"2012-10-17","Statement":["Allow"]}`,
		"statements in a list": `{"Version":"2012-10-17",` +
			`"Statement":[[{"Effect":"Allow","Principal":"*","Action":"*"}]]}`,
		"no Principal":             statement(``),
		"Principal null":           statement(`,"Principal":null`),
		"Principal a text":         statement(`,"Principal":"arn:aws:iam::999999999999:user/stranger"`),
		"Principal a list":         statement(`,"Principal":["*"]`),
		"Principal a number":       statement(`,"Principal":1`),
		"Principal empty":          statement(`,"Principal":{}`),
		"AWS null":                 statement(`,"Principal":{"AWS":null}`),
		"AWS an empty list":        statement(`,"Principal":{"AWS":[]}`),
		"AWS an empty text":        statement(`,"Principal":{"AWS":""}`),
		"AWS an object":            statement(`,"Principal":{"AWS":{"*":"*"}}`),
		"AWS a list in a list":     statement(`,"Principal":{"AWS":[["*"]]}`),
		"AWS a list with null":     statement(`,"Principal":{"AWS":["arn:aws:iam::123456789012:root",null]}`),
		"a pattern":                statement(`,"Principal":{"AWS":"arn:aws:iam::999999999999:user/*"}`),
		"another kind":             statement(`,"Principal":{"Everyone":"*"}`),
		"both principals":          statement(`,"Principal":"*","NotPrincipal":{"AWS":"123456789012"}`),
		"Effect null":              `{"Statement":[{"Effect":null,"Principal":"*","Action":"sts:AssumeRole"}]}`,
		"Effect a list":            `{"Statement":[{"Effect":["Allow"],"Principal":"*","Action":"sts:AssumeRole"}]}`,
		"Effect in another case":   `{"Statement":[{"Effect":"allow","Principal":"*","Action":"sts:AssumeRole"}]}`,
		"Condition a text":         statement(`,"Principal":"*","Condition":"never"`),
		"Condition a list":         statement(`,"Principal":"*","Condition":[{"Bool":{"a":"true"}}]`),
		"an operator that is none": statement(`,"Principal":"*","Condition":{"Equals":{"a":"b"}}`),
		"a condition with null":    statement(`,"Principal":"*","Condition":{"StringEquals":{"a":null}}`),
		"a condition on nothing":   statement(`,"Principal":"*","Condition":{"StringEquals":{"aws:userid":[]}}`),
		"deep lists":               deep(`[`, `]`),
		"deep objects":             deep(`{"a":`, `}`),
		"a deep condition":         statement(`,"Principal":"*","Condition":` + deep(`{"StringEquals":`, `}`)),
		"a deep principal":         statement(`,"Principal":{"AWS":` + deep(`[`, `]`) + `}`),
		"huge":                     statement(`,"Principal":{"AWS":"` + strings.Repeat("9", 4<<20) + `"}`),
		"no UTF-8":                 statement(",\"Principal\":{\"AWS\":\"\xff\"}"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := CheckTrustPolicy(document)
			trust, fault := readTrust(document)
			if (err == nil) != (fault == nil) || (trust == nil) == (fault == nil) {
				t.Fatalf("CheckTrustPolicy: %v; readTrust: %v, %v", err, trust, fault)
			}
			if trust == nil {
				return
			}

			if effect, _ := trust.Evaluate(stranger); effect == policy.Allow {
				t.Error("it lets a stranger in")
			}
		})
	}

	// The stranger must be one that a plain document would let in.
	trust, fault := readTrust(statement(`,"Principal":{"AWS":"arn:aws:iam::999999999999:user/stranger"}`))
	if fault != nil {
		t.Fatal(fault)
	}
	if effect, _ := trust.Evaluate(stranger); effect != policy.Allow {
		t.Error("the plain document does not let the stranger in")
	}
}
