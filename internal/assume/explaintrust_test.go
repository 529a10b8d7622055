package assume

import (
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// statements is a trust policy.
func statements(t *testing.T, list ...string) *policy.Document {
	t.Helper()
	d, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[` + strings.Join(list, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// allow is a statement of a trust policy.
func allow(principal, action, condition string) string {
	if condition != "" {
		condition = `,"Condition":{` + condition + `}`
	}
	return `{"Effect":"Allow","Principal":{` + principal + `},"Action":"` + action + `"` + condition + `}`
}

// An explanation of a trust policy names what is in the way. Its fix is never what the
// policy has already, nor an Allow where a Deny refuses.
func TestTrustIsExplained(t *testing.T) {
	const (
		web     = "sts:AssumeRoleWithWebIdentity"
		cognito = `"Federated":"cognito-identity.amazonaws.com"`
		ofPool  = `"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + testPool + `"}`
		users   = `"ForAnyValue:StringEquals":{"cognito-identity.amazonaws.com:amr":"authenticated"}`
		arn     = "arn:aws:iam::123456789012:oidc-provider/"
		key     = "localhost:8080/realm"
		idp     = `"Federated":"` + arn + key + `"`
		me      = "arn:aws:iam::123456789012:user/Me"
	)
	ofIDP := func(claims ...string) policy.Request {
		c := policy.Keys{}
		for i := 0; i < len(claims); i += 2 {
			c.Set(key+":"+claims[i], claims[i+1])
		}
		c.Set("aws:FederatedProvider", arn+key)
		known := func(string) ([]string, bool) { return nil, false }

		return policy.Request{
			Action:    web,
			Principal: policy.Principal{Federated: arn + key},
			Context:   policy.RequestContext{Caller: c, Service: known},
		}
	}

	ofUser := func(amr string) policy.Request {
		c := policy.Keys{}
		session.SetIdentity(c, testPool, testIdentity, []string{amr})
		return policy.Request{
			Action:    web,
			Principal: policy.Principal{Federated: policy.CognitoPrincipal},
			Context:   policy.RequestContext{Caller: c},
		}
	}

	tagging := func(r policy.Request) policy.Request {
		r.Action = TagAction
		return r
	}
	ofCaller := policy.Request{
		Action:    "sts:AssumeRole",
		Principal: policy.Principal{AWS: []string{me}},
		Context:   policy.RequestContext{Caller: policy.Keys{}},
	}

	identities, others := Asker{Action: web, Pool: testPool, Identity: testIdentity}, Asker{Action: web}
	guests := Asker{Action: web, Pool: testPool, Identity: testIdentity, Guest: true}

	for _, test := range []struct {
		writtenName string
		trust       []string
		request     policy.Request
		who         Asker
		code        explain.Code
		fix         string // a part of it
		got         string // a part of it
		never       string // in no text
	}{
		{"no Allow statement", []string{`{"Effect":"Deny","Principal":"*","Action":"sts:SetContext"}`},
			ofUser("authenticated"), identities,
			"trust-policy-empty-pool", "add to the trust policy: {", "no Allow statement", ""},
		{"no Allow statement for a provider", []string{`{"Effect":"Deny","Principal":"*","Action":"sts:SetContext"}`},
			ofIDP(), others,
			"trust-policy-empty", "add an Allow statement for " + arn + key, "no Allow statement", ""},
		{"a Deny without an Allow", []string{`{"Sid":"No","Effect":"Deny","Principal":"*","Action":"sts:*"}`},
			ofUser("authenticated"), identities,
			"trust-policy-deny", "change or remove that statement", `"No"`, "add to"},
		{"a Deny beside the Allow",
			[]string{allow(cognito, web, ofPool), `{"Effect":"Deny","Principal":"*","Action":"sts:*"}`},
			ofUser("authenticated"), identities,
			"trust-policy-deny", "a Deny wins over every Allow", "statement 1", "add to"},
		{"a Deny on what is not known",
			[]string{allow(idp, web, ""), `{"Effect":"Deny","Principal":"*","Action":"sts:*",` +
				`"Condition":{"StringEquals":{"aws:SourceVpc":"v"}}}`}, ofIDP("sub", "a"), others,
			"trust-policy-deny-unknown", "remove aws:SourceVpc", "statement 1", "add"},

		{"another principal", []string{allow(`"Federated":"accounts.google.com"`, web, "")},
			ofUser("authenticated"), identities,
			"trust-policy-principal-pool", `"` + policy.CognitoAudience + `": "` + testPool + `"`, "statement 0", ""},
		{"another provider", []string{allow(`"Federated":"accounts.google.com"`, web, "")}, ofIDP(), others,
			"trust-policy-principal", "add the principal and the action", "statement 0", ""},
		{"127.0.0.1 for localhost", []string{allow(`"Federated":"`+arn+`127.0.0.1:8080/realm"`, web, "")},
			ofIDP(), others,
			"trust-policy-principal-spelling", "127.0.0.1 and localhost are two names", "127.0.0.1", ""},
		{"a slash at the end", []string{allow(`"Federated":"`+arn+key+`/"`, web, "")}, ofIDP(), others,
			"trust-policy-principal-spelling", "the slash at the end counts", key + "/", ""},
		{"a scheme", []string{allow(`"Federated":"`+arn+`http://`+key+`"`, web, "")}, ofIDP(), others,
			"trust-policy-principal-spelling", "http:// or https:// differs", "http://", ""},
		{"letter case", []string{allow(`"Federated":"`+arn+`localhost:8080/Realm"`, web, "")}, ofIDP(), others,
			"trust-policy-principal-spelling", "letter case counts", "Realm", ""},
		{"another account's",
			[]string{allow(`"Federated":"arn:aws:iam::999999999999:oidc-provider/`+key+`"`, web, "")}, ofIDP(), others,
			"trust-policy-principal-spelling", "of account 999999999999", "999999999999", ""},
		{"no ARN", []string{allow(`"Federated":"`+key+`"`, web, "")}, ofIDP(), others,
			"trust-policy-principal-spelling", "named by its ARN", key, ""},
		{"the nearest of two",
			[]string{allow(`"Federated":"accounts.google.com"`, web, ""),
				allow(`"Federated":"`+arn+key+`/"`, web, "")}, ofIDP(), others,
			"trust-policy-principal-spelling", "statement 1", "statement 1", ""},
		{"a caller's letter case", []string{allow(`"AWS":"arn:aws:iam::123456789012:user/me"`, "sts:AssumeRole", "")},
			ofCaller, Asker{Action: "sts:AssumeRole"},
			"trust-policy-principal-spelling", "letter case counts", "user/me", ""},
		{"NotPrincipal", []string{`{"Effect":"Allow","NotPrincipal":{` + cognito + `},"Action":"` + web + `"}`},
			ofUser("authenticated"), identities,
			"trust-policy-principal-excluded", "take the principal out", "NotPrincipal", "add to"},

		{"another action", []string{allow(cognito, "sts:AssumeRole", ofPool)}, ofUser("authenticated"), identities,
			"trust-policy-action", "add " + web + " to the Action of statement 0", "statement 0", `{"Effect"`},
		{"NotAction", []string{`{"Effect":"Allow","Principal":{` + idp + `},"NotAction":"` + web + `"}`},
			ofIDP(), others,
			"trust-policy-action-excluded", "out of the NotAction of statement 0", "NotAction", "add"},
		{"tags of an identity", []string{allow(cognito, web, ofPool)}, tagging(ofUser("authenticated")), identities,
			"trust-policy-action-principal-tags", "need sts:TagSession in addition to", "its Action", `{"Effect"`},
		{"tags of a token", []string{allow(idp, web, "")}, tagging(ofIDP()), others,
			"trust-policy-action-tags", "need sts:TagSession in addition to " + web, "its Action", ""},

		{"another pool",
			[]string{allow(cognito, web, `"StringEquals":{"cognito-identity.amazonaws.com:aud":"us-east-1:other"}`)},
			ofUser("authenticated"), identities,
			"trust-policy-condition-pool", "add " + testPool + " to this condition", testPool, `{"Effect"`},
		{"the pool is there, a guest is not", []string{allow(cognito, web, ofPool+","+users)},
			ofUser("unauthenticated"), guests,
			"trust-policy-condition-guest", "not for guests", "unauthenticated", testPool},
		{"the statement that is nearer", []string{
			allow(cognito, web, `"StringEquals":{"cognito-identity.amazonaws.com:aud":"us-east-1:other"},`+users),
			allow(cognito, web, ofPool+","+users),
		}, ofUser("unauthenticated"), guests, "trust-policy-condition-guest", "not for guests", "unauthenticated",
			"us-east-1:other"},
		{"two conditions",
			[]string{allow(cognito, web, `"StringEquals":{"cognito-identity.amazonaws.com:aud":"us-east-1:other"},`+
				users)}, ofUser("unauthenticated"), guests,
			"trust-policy-condition-pool", testPool,
			"ForAnyValue:StringEquals cognito-identity.amazonaws.com:amr does not hold either", ""},
		{"an excluded value",
			[]string{allow(cognito, web,
				ofPool+`,"ForAllValues:StringNotEquals":{"cognito-identity.amazonaws.com:amr":"unauthenticated"}`)},
			ofUser("unauthenticated"), guests,
			"trust-policy-condition-excluded", "excludes", "unauthenticated", "add unauthenticated"},
		{"a guest's ID in another letter case",
			[]string{allow(cognito, web, ofPool+`,"StringLike":{"cognito-identity.amazonaws.com:sub":"`+
				strings.ToUpper(testIdentity)+`"}`)}, ofUser("unauthenticated"), guests,
			"trust-policy-condition-guest-identity", "guest's identity ID", "another value", "letter case"},

		{"a key of 127.0.0.1", []string{allow(idp, web, `"StringEquals":{"127.0.0.1:8080/realm:sub":"a"}`)},
			ofIDP("sub", "a"), others,
			"trust-policy-condition-key", "write the condition key as " + key + ":sub", key + ":sub", ""},
		{"a key with a scheme", []string{allow(idp, web, `"StringEquals":{"http://`+key+`:sub":"a"}`)},
			ofIDP("sub", "a"), others,
			"trust-policy-condition-key", "http:// or https:// differs", key + ":sub", ""},
		{"a key with a slash", []string{allow(idp, web, `"StringEquals":{"`+key+`/:sub":"a"}`)},
			ofIDP("sub", "a"), others,
			"trust-policy-condition-key", "slash", key + ":sub", ""},
		{"a key of another provider", []string{allow(idp, web, `"StringEquals":{"accounts.google.com:sub":"a"}`)},
			ofIDP("sub", "a"), others,
			"trust-policy-condition-key", "write the condition key as " + key + ":sub", key + ":sub", ""},
		{"a key that the token lacks", []string{allow(idp, web, `"StringEquals":{"`+key+`:dept":"a"}`)},
			func() policy.Request {
				r := ofIDP("sub", "a")
				r.Context.Service = func(string) ([]string, bool) { return nil, true }
				return r
			}(), others, "trust-policy-condition-absent", "it has " + key + ":sub", "does not have that key", ""},
		{"a key that is not known", []string{allow(idp, web, `"StringEquals":{"aws:SourceVpc":"a"}`)},
			ofIDP("sub", "a"), others,
			"trust-policy-condition-unknown", "remove aws:SourceVpc", "aws:SourceVpc", ""},
		{"a value's letter case", []string{allow(idp, web, `"StringEquals":{"`+key+`:sub":"Alice"}`)},
			ofIDP("sub", "alice"), others,
			"trust-policy-condition", "change this condition", "another value, of 5 bytes", "letter case"},
		{"an address's letter case",
			[]string{allow(idp, web, `"StringEquals":{"`+key+`:email":"Alice@example.com"}`)},
			ofIDP("email", "alice@example.com"), others,
			"trust-policy-condition", "change this condition", "another value, of 17 bytes", "letter case"},
		{"a tag's letter case", []string{allow(idp, web, `"StringEquals":{"aws:RequestTag/Team":"Red"}`)},
			func() policy.Request {
				r := ofIDP("sub", "alice")
				r.Context.Caller.Set("aws:RequestTag/Team", "red")
				return r
			}(), others, "trust-policy-condition", "change this condition", "another value, of 3 bytes", "letter case"},
		{"an audience's letter case", []string{allow(idp, web, `"StringEquals":{"`+key+`:aud":"App"}`)},
			ofIDP("aud", "app"), others,
			"trust-policy-condition-spelling", "letter case counts", "app", ""},
		{"a value's slash", []string{allow(idp, web, `"StringEquals":{"`+key+`:aud":"https://app"}`)},
			ofIDP("aud", "https://app/"), others,
			"trust-policy-condition-spelling", "slash", "https://app/", ""},
		{"another value", []string{allow(idp, web, `"StringEquals":{"`+key+`:sub":"bob"}`)},
			ofIDP("sub", "alice"), others,
			"trust-policy-condition", "change this condition", "another value, of 5 bytes", "alice"},
		{"no external ID",
			[]string{allow(`"AWS":"`+me+`"`, "sts:AssumeRole", `"StringEquals":{"sts:ExternalId":"Secret"}`)},
			func() policy.Request {
				r := ofCaller
				r.Context.Service = func(string) ([]string, bool) { return nil, true }
				return r
			}(), Asker{Action: "sts:AssumeRole"}, "trust-policy-condition-external-id", "pass the ExternalId",
			"does not have that key", "Secret"},
		{"an external ID in another letter case",
			[]string{allow(`"AWS":"`+me+`"`, "sts:AssumeRole", `"StringEquals":{"sts:ExternalId":"Secret"}`)},
			func() policy.Request {
				r := ofCaller
				r.Context.Caller = policy.Keys{"sts:externalid": {"secret"}}
				return r
			}(), Asker{Action: "sts:AssumeRole"}, "trust-policy-condition-external-id", "pass the ExternalId",
			"another value", "letter case"},
	} {
		t.Run(test.writtenName, func(t *testing.T) {
			role := iam.Role{ARN: roleOf(roleARN), Account: testAccount, Trust: statements(t, test.trust...)}
			test.request.Resource = roleARN
			effect, denied := role.Trust.Evaluate(test.request)
			if effect == policy.Allow {
				t.Fatal("the role trusts the request")
			}
			if effect != policy.Deny {
				denied = nil
			}

			why := explainTrust(role, test.request, denied, test.who)
			if why.Reason.Code != test.code || !strings.Contains(why.Fix, test.fix) ||
				!strings.Contains(why.Got, test.got) {
				t.Errorf("%s: got %q, fix %q; want %s: %q, %q", why.Reason.Code, why.Got, why.Fix, test.code,
					test.got, test.fix)
			}
			if test.never != "" && strings.Contains(why.Got+why.Fix, test.never) {
				t.Errorf("%q is in %q, %q", test.never, why.Got, why.Fix)
			}
			if why.Expected == "" || why.Subject != roleARN || why.Link == nil || why.Link.Source != explain.SourceAPI {
				t.Errorf("the refusal is not complete: %+v", why)
			}

			if text := why.Expected + why.Got + why.Fix; strings.Contains(text, "{action}") ||
				strings.Contains(text, "{got}") {
				t.Errorf("a placeholder is left: %s", text)
			}

			role.Setting = "roles[3]"
			if link := explainTrust(role, test.request, denied, test.who).Link; link.ID != "roles[3].trust_policy" ||
				link.Source != explain.SourceFile {
				t.Errorf("a role of the settings leads to %+v", link)
			}
		})
	}
}
