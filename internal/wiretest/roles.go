package wiretest

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/poolhouse-id/poolhouse"
)

// The pool that the roles trust, and the start of ARNs.
const (
	STSPool    = "us-east-1:57500000-0000-4000-8000-000000000001"
	RolePrefix = "arn:aws:iam::000000000000:role/"
	Sessions   = "arn:aws:sts::000000000000:assumed-role/"
)

// Role returns a role whose trust policy has one statement.
func Role(name, principal, actions, conditions string, policies ...string) poolhouse.RoleConfig {
	if conditions != "" {
		conditions = `,"Condition":{` + conditions + `}`
	}

	r := poolhouse.RoleConfig{
		ARN:               RolePrefix + name,
		MaxSessionSeconds: 7200,
		TrustPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{` + principal + `},"Action":[` + actions + `]` + conditions + `}]}`,
	}
	for i, p := range policies {
		if r.Policies == nil {
			r.Policies = map[string]string{}
		}
		r.Policies[fmt.Sprint("p", i)] = `{"Version":"2012-10-17","Statement":[` + p + `]}`
	}

	return r
}

// Parts of trust policies for Role.
const (
	Web       = `"sts:AssumeRoleWithWebIdentity"`
	Tagged    = `"sts:TagSession"`
	Sourced   = `"sts:SetSourceIdentity"`
	FromPool  = `"Federated":"cognito-identity.amazonaws.com"`
	OfPool    = `"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + STSPool + `"}`
	UsersOnly = `,"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}`
	Home      = `"AWS":"arn:aws:iam::000000000000:root"`
	Anything  = `{"Effect":"Allow","Action":"*","Resource":"*"}`
)

// Form returns a request of AWS Query.
func Form(action string, pairs ...string) url.Values {
	v := url.Values{"Action": {action}, "Version": {"2011-06-15"}}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "-" {
			v.Del(pairs[i])
			continue
		}
		v.Set(pairs[i], pairs[i+1])
	}

	return v
}

// Answered sends a request of AWS Query and returns the answer, or its error.
func Answered(t *testing.T, request *http.Request) (status int, code, message, body string) {
	t.Helper()
	a := Do(t, request)

	var e struct {
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}
	if a.Status != http.StatusOK {
		if err := xml.Unmarshal([]byte(a.Body), &e); err != nil {
			t.Fatalf("%v in %s", err, a.Body)
		}
	}

	return a.Status, e.Code, e.Message, a.Body
}

// ConditionTrust returns a trust policy for identity pools with a condition.
func ConditionTrust(condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{` + FromPool + `},"Action":` + Web +
		`,"Condition":` + condition + `}]}`
}
