package poolhouse_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/poolhouse-id/poolhouse"
)

const (
	stsPool    = "us-east-1:57500000-0000-4000-8000-000000000001"
	rolePrefix = "arn:aws:iam::000000000000:role/"
	sessions   = "arn:aws:sts::000000000000:assumed-role/"
)

// role is a role with one statement of trust.
func role(name, principal, actions, conditions string, policies ...string) poolhouse.RoleConfig {
	if conditions != "" {
		conditions = `,"Condition":{` + conditions + `}`
	}
	r := poolhouse.RoleConfig{ARN: rolePrefix + name, MaxSessionSeconds: 7200, TrustPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{` + principal + `},"Action":[` + actions + `]` + conditions + `}]}`}
	for i, p := range policies {
		if r.Policies == nil {
			r.Policies = map[string]string{}
		}
		r.Policies[fmt.Sprint("p", i)] = `{"Version":"2012-10-17","Statement":[` + p + `]}`
	}
	return r
}

const (
	web       = `"sts:AssumeRoleWithWebIdentity"`
	tagged    = `"sts:TagSession"`
	sourced   = `"sts:SetSourceIdentity"`
	fromPool  = `"Federated":"cognito-identity.amazonaws.com"`
	ofPool    = `"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + stsPool + `"}`
	usersOnly = `,"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}`
	home      = `"AWS":"arn:aws:iam::000000000000:root"`
	anything  = `{"Effect":"Allow","Action":"*","Resource":"*"}`
)

// form is a request of AWS Query.
func form(action string, pairs ...string) url.Values {
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

func answered(t *testing.T, request *http.Request) (status int, code, message, body string) {
	t.Helper()
	a := do(t, request)
	var e struct {
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}
	if a.status != http.StatusOK {
		if err := xml.Unmarshal([]byte(a.body), &e); err != nil {
			t.Fatalf("%v in %s", err, a.body)
		}
	}
	return a.status, e.Code, e.Message, a.body
}

// poolTrust is a trust policy for identity pools under a condition.
func conditionTrust(condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{` + fromPool + `},"Action":` + web + `,"Condition":` + condition + `}]}`
}
