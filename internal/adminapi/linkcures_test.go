package adminapi_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// wireLink is a Link in an answer of Explain.
type wireLink struct{ Kind, Id, Field, Add, Source string }

// wireStep is a step in an answer of Explain.
type wireStep struct {
	Code string
	OK   bool
	Link wireLink
}

// wireCall is a call of one of the APIs.
type wireCall struct {
	api       string // pools, public, iam, sts, signed-sts or poolhouse
	operation string
	body      string // JSON; of iam and sts a query
}

func pools(operation, body string) wireCall  { return wireCall{"pools", operation, body} }
func public(operation, body string) wireCall { return wireCall{"public", operation, body} }

// query returns a call of IAM or STS.
func query(api, operation string, pairs ...string) wireCall {
	form := wiretest.Form(operation, pairs...)
	if api == "iam" {
		form.Set("Version", "2010-05-08")
	}

	return wireCall{api, operation, form.Encode()}
}

// caller signs calls.
type caller struct {
	s   *wiretest.Server
	key aws.Credentials
}

// send makes a call, and returns its answer.
func (c caller) send(t *testing.T, call wireCall) wiretest.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.s.URL, strings.NewReader(call.body))
	if err != nil {
		t.Fatal(err)
	}

	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if call.api == "pools" || call.api == "public" || call.api == "poolhouse" {
		target := "AWSCognitoIdentityService."
		if call.api == "poolhouse" {
			target = "PoolhouseAdmin."
		}
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", target+call.operation)
	}
	service := map[string]string{
		"pools": "cognito-identity", "iam": "iam", "signed-sts": "sts", "poolhouse": "poolhouse",
	}[call.api]
	if service != "" {
		sum := sha256.Sum256([]byte(call.body))
		err := v4.NewSigner().SignHTTP(t.Context(), c.key, r, hex.EncodeToString(sum[:]), service, wiretest.Region,
			time.Now())
		if err != nil {
			t.Fatal(err)
		}
	}

	return wiretest.Do(t, r)
}

// root returns the caller with the development keys.
func root(s *wiretest.Server) caller {
	return caller{s, aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}}
}

// reasonOf makes a call, and returns why it was refused, with the link of the step that
// decided it; "" if it was accepted.
func reasonOf(t *testing.T, c caller, call wireCall) (reason string, link wireLink, answer wiretest.Answer) {
	t.Helper()
	answer = c.send(t, call)
	if answer.Status == http.StatusOK {
		reason, link = examined(t, call, answer)
		return reason, link, answer
	}

	var out struct {
		Reason string
		Steps  []wireStep
	}
	explained := c.s.AdminCall(t, "Explain",
		encoded(t, map[string]string{"RequestId": answer.Header.Get("X-Amzn-Requestid")}))
	if err := json.Unmarshal([]byte(explained.Body), &out); err != nil || out.Reason == "" {
		t.Fatalf("%s: %s: %s", call.operation, answer.Body, explained.Body)
	}

	return out.Reason, linkOf(out.Steps, out.Reason), answer
}

// linkOf returns the link of the step that decided.
func linkOf(steps []wireStep, reason string) wireLink {
	for _, step := range slices.Backward(steps) {
		if step.Code == reason && !step.OK {
			return step.Link
		}
	}

	return wireLink{}
}

// examined returns why the first result of an answer of ExplainToken is no sign-in.
func examined(t *testing.T, call wireCall, answer wiretest.Answer) (reason string, link wireLink) {
	t.Helper()
	if call.operation != "ExplainToken" {
		return "", link
	}
	var out struct {
		Results []struct {
			Reason string
			Steps  []wireStep
		}
	}
	if err := json.Unmarshal([]byte(answer.Body), &out); err != nil || len(out.Results) == 0 {
		t.Fatal(answer.Body)
	}

	return out.Results[0].Reason, linkOf(out.Results[0].Steps, out.Results[0].Reason)
}

// linkCase is a reason with a link. Whoever follows it enters value, in which ADD stands for
// what the link proposes; "" = just that.
type linkCase struct {
	code  string
	by    caller
	call  wireCall
	value string
	// again is the call afterwards, if the link is to a field of the call itself.
	again wireCall
	// partly means that the change alone is not enough: the pool must name the new provider.
	partly bool
	// policy is that of the access key that takes the place of the one that the link names.
	policy string
}

// follow makes the change that a link names, by the operation of the API that has the field.
func follow(t *testing.T, s *wiretest.Server, l wireLink, value string) wiretest.Answer {
	t.Helper()
	value = strings.ReplaceAll(value, "ADD", l.Add)
	name := l.Id[strings.LastIndexByte(l.Id, '/')+1:]
	iam := func(operation string, pairs ...string) wiretest.Answer {
		return root(s).send(t, query("iam", operation, pairs...))
	}

	switch l.Kind + " " + l.Field {
	case "role ":
		return iam("CreateRole", "RoleName", name, "AssumeRolePolicyDocument", value)
	case "role AssumeRolePolicyDocument":
		return iam("UpdateAssumeRolePolicy", "RoleName", name, "PolicyDocument", value)
	case "role Policies":
		if value == "" {
			return iam("DeleteRolePolicy", "RoleName", name, "PolicyName", "p")
		}
		return iam("PutRolePolicy", "RoleName", name, "PolicyName", "p", "PolicyDocument", value)
	case "role AttachedPolicies":
		return iam("DetachRolePolicy", "RoleName", name, "PolicyArn", value)
	case "role PermissionsBoundary":
		return iam("PutRolePermissionsBoundary", "RoleName", name, "PermissionsBoundary", value)
	case "role MaxSessionDuration":
		return iam("UpdateRole", "RoleName", name, "MaxSessionDuration", value)
	case "oidc-provider ":
		_, issuer, _ := strings.Cut(l.Id, ":oidc-provider/")
		url := cmp.Or(l.Add, "https://"+issuer)
		return iam("CreateOpenIDConnectProvider", "Url", url, "ClientIDList.member.1", "app")
	case "oidc-provider ClientIDList":
		return iam("AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", l.Id, "ClientID", l.Add)
	case "saml-provider ":
		return iam("CreateSAMLProvider", "Name", name, "SAMLMetadataDocument", value)
	case "saml-provider SAMLMetadataDocument":
		return iam("UpdateSAMLProvider", "SAMLProviderArn", l.Id, "SAMLMetadataDocument", value)
	case "access-key Status":
		return s.AdminCall(t, "UpdateAccessKey", encoded(t, map[string]string{"AccessKeyId": l.Id, "Status": value}))
	}
	if l.Kind != "identity-pool" {
		t.Fatalf("%+v leads to no field", l)
	}

	return setPoolField(t, s, l, value)
}

// setPoolField changes one field of a pool, and keeps the others.
func setPoolField(t *testing.T, s *wiretest.Server, l wireLink, value string) wiretest.Answer {
	t.Helper()
	read, write := "DescribeIdentityPool", "UpdateIdentityPool"
	switch l.Field {
	case "Roles", "RoleMappings":
		read, write = "GetIdentityPoolRoles", "SetIdentityPoolRoles"
	case "PrincipalTags":
		body := `{"IdentityPoolId":"` + l.Id + `","IdentityProviderName":"` + wiretest.DevInfo(s).LoginKey +
			`","PrincipalTags":` + value + `}`
		return root(s).send(t, pools("SetPrincipalTagAttributeMap", body))
	}

	answer := root(s).send(t, pools(read, `{"IdentityPoolId":"`+l.Id+`"}`))
	fields := map[string]any{"Roles": map[string]string{}}
	if err := json.Unmarshal([]byte(answer.Body), &fields); err != nil || answer.Status != http.StatusOK {
		t.Fatalf("%+v: %s", l, answer.Body)
	}
	fields[l.Field] = json.RawMessage(value)

	return root(s).send(t, pools(write, encoded(t, fields)))
}

// check makes the server refuse the call for the reason, follows its link, and wants the
// reason to be gone.
func (c linkCase) check(t *testing.T, s *wiretest.Server) {
	t.Helper()
	reason, link, answer := reasonOf(t, c.by, c.call)
	if reason != c.code {
		t.Fatalf("%s is refused for %q, not %s: %s", c.call.operation, reason, c.code, answer.Body)
	}
	if link.Source != "api" || !slices.Contains(wiretest.LinkFields[link.Kind], link.Field) {
		t.Fatalf("%+v leads to no field", link)
	}

	again := c.call
	if c.policy != "" {
		c.by = replaceKey(t, s, link, c.policy)
	} else if c.again.operation == "" {
		if changed := follow(t, s, link, c.value); changed.Status != http.StatusOK {
			t.Fatalf("%+v: the server refuses the change: %s", link, changed.Body)
		}
	} else if again = c.again; !c.isForm(link) {
		t.Errorf("%+v is not what changes in the second call", link)
	}

	if reason, _, answer = reasonOf(t, c.by, again); reason == c.code && !c.partly {
		t.Errorf("%+v: the change does not help: %s", link, answer.Body)
	} else if (c.policy != "" || c.again.operation != "") && reason != "" {
		t.Errorf("%+v: the call is now refused for %s", link, reason)
	}
}

// replaceKey makes an access key in the place of the one that a link names, because the policy
// and the secret of a key cannot be changed.
func replaceKey(t *testing.T, s *wiretest.Server, l wireLink, policy string) caller {
	t.Helper()
	if l.Kind != "access-key" || l.Field != "" {
		t.Fatalf("%+v is not an access key to replace", l)
	}
	var out struct {
		AccessKey       struct{ AccessKeyId string }
		SecretAccessKey string
	}
	answer := s.AdminCall(t, "CreateAccessKey", encoded(t, map[string]string{"Policy": policy}))
	if err := json.Unmarshal([]byte(answer.Body), &out); err != nil || out.SecretAccessKey == "" {
		t.Fatal(answer.Body)
	}

	return caller{s, aws.Credentials{AccessKeyID: out.AccessKey.AccessKeyId, SecretAccessKey: out.SecretAccessKey}}
}

// isForm reports whether the two calls differ in the field of the link only. Principal tags
// have their provider's name beside them.
func (c linkCase) isForm(l wireLink) bool {
	fields := func(call wireCall) map[string]any {
		got := map[string]any{}
		_ = json.Unmarshal([]byte(call.body), &got)
		delete(got, l.Field)
		if l.Field == "PrincipalTags" {
			delete(got, "IdentityProviderName")
		}

		return got
	}
	before, _ := json.Marshal(fields(c.call))
	after, _ := json.Marshal(fields(c.again))

	return string(before) == string(after)
}
