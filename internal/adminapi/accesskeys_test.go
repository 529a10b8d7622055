package adminapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// shownKey is an access key in the API's answers.
type shownKey struct {
	AccessKeyId, Status, Description, Policy string
	Root, Own                                bool
}

// eachAccounts runs a test with the home account and a stranger, on both database engines.
func eachAccounts(t *testing.T, test func(t *testing.T, w *wiretest.Accounts)) {
	t.Run("sqlite", func(t *testing.T) { test(t, wiretest.StartTenants(t, []string{wiretest.Stranger})) })
	t.Run("postgresql", func(t *testing.T) {
		test(t, wiretest.StartTenants(t, []string{wiretest.Stranger}, func(c *poolhouse.Config) {
			c.DatabaseURL = pgtest.URL(t)
		}))
	})
}

// asked calls an operation and decodes the answer, which must have the status.
func asked[T any](t *testing.T, w *wiretest.Accounts, account, operation, body string) (out T) {
	t.Helper()
	got := w.Administer(t, account, operation, body)
	if got.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", operation, got.Status, got.Body)
	}
	if got.Body == "" {
		return out
	}
	if err := json.Unmarshal([]byte(got.Body), &out); err != nil {
		t.Fatal(err)
	}

	return out
}

// wantRefused fails the test unless the answer is a refusal with the code and a part of the message.
func wantRefused(t *testing.T, what string, got wiretest.Answer, code, part string) {
	t.Helper()
	if got.Status != http.StatusBadRequest || !strings.Contains(got.Body, code) || !strings.Contains(got.Body, part) {
		t.Errorf("%s: %d %s, want %s with %q", what, got.Status, got.Body, code, part)
	}
}

const listPools = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
	`"Action":"cognito-identity:ListIdentityPools","Resource":"*"}]}`

// newKey makes a key with a policy, and lets the test sign with it as an account of the same name.
func newKey(t *testing.T, w *wiretest.Accounts, account, name, policy string) shownKey {
	t.Helper()
	made := asked[struct {
		AccessKey       shownKey
		SecretAccessKey string
	}](t, w, account, "CreateAccessKey", fmt.Sprintf(`{"Policy":%q,"Description":%q}`, policy, name))
	w.Keys[name] = aws.Credentials{AccessKeyID: made.AccessKey.AccessKeyId, SecretAccessKey: made.SecretAccessKey}

	return made.AccessKey
}

// listPoolsBy returns whether the key of a name may list pools.
func listPoolsBy(t *testing.T, w *wiretest.Accounts, name string) int {
	t.Helper()
	return w.Post(t, name, "cognito-identity", "AWSCognitoIdentityService.ListIdentityPools", `{"MaxResults":1}`).Status
}

func TestAccessKeysOverTheWire(t *testing.T) {
	eachAccounts(t, func(t *testing.T, w *wiretest.Accounts) {
		key := newKey(t, w, wiretest.Stranger, "robot", listPools)
		wiretest.Equal(t, "status", key.Status, "Active")
		wiretest.Equal(t, "root", key.Root, false)
		wiretest.Equal(t, "list pools", listPoolsBy(t, w, "robot"), 200)
		wantRefused(t, "not in the policy", w.Administer(t, "robot", "ListAccessKeys", `{}`), "AccessDenied", "")

		list := asked[struct{ AccessKeys []shownKey }](t, w, wiretest.Stranger, "ListAccessKeys", `{}`).AccessKeys
		if len(list) != 2 || !slices.ContainsFunc(list, func(k shownKey) bool { return k.Root && k.Own }) {
			t.Errorf("the stranger's keys are %+v", list)
		}

		id := fmt.Sprintf(`{"AccessKeyId":%q,`, key.AccessKeyId)
		asked[struct{}](t, w, wiretest.Stranger, "UpdateAccessKey", id+`"Status":"Inactive"}`)
		wiretest.Equal(t, "disabled", listPoolsBy(t, w, "robot"), 400)
		asked[struct{}](t, w, wiretest.Stranger, "UpdateAccessKey", id+`"Status":"Active"}`)
		wiretest.Equal(t, "enabled", listPoolsBy(t, w, "robot"), 200)

		missing := w.Administer(t, wiretest.Stranger, "DeleteAccessKey", `{"AccessKeyId":"AKIAAAAAAAAAAAAAAAAA"}`)
		for _, operation := range []string{"UpdateAccessKey", "DeleteAccessKey"} {
			foreign := w.Administer(t, wiretest.HomeAccount, operation, id+`"Status":"Inactive"}`)
			wiretest.Equal(t, operation+" of a foreign key", foreign.Body, missing.Body)
		}

		asked[struct{}](t, w, wiretest.Stranger, "DeleteAccessKey", id[:len(id)-1]+`}`)
		wiretest.Equal(t, "deleted", listPoolsBy(t, w, "robot"), 400)
	})
}

// Nobody gets more rights than it has by making, enabling or ending a key.
func TestAccessKeysDoNotEscalate(t *testing.T) {
	w := wiretest.StartTenants(t, []string{wiretest.Stranger})
	all := wiretest.PolicyOf(wiretest.AllowAllStatement)
	root := w.Keys[wiretest.Stranger].AccessKeyID
	disabled := newKey(t, w, wiretest.Stranger, "disabled", all).AccessKeyId
	asked[struct{}](t, w, wiretest.Stranger, "UpdateAccessKey",
		fmt.Sprintf(`{"AccessKeyId":%q,"Status":"Inactive"}`, disabled))
	victim := newKey(t, w, wiretest.Stranger, "victim", listPools).AccessKeyId

	const keysOnly = `{"Effect":"Allow","Action":"poolhouse:*","Resource":"*"}`
	for name, statements := range map[string]string{
		"one API": keysOnly,
		"a Deny":  wiretest.AllowAllStatement + `,{"Effect":"Deny","Action":"s3:GetObject","Resource":"*"}`,
		"condition": `{"Effect":"Allow","Action":"*","Resource":"*",
			"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`,
		"NotAction":  `{"Effect":"Allow","NotAction":"s3:GetObject","Resource":"*"}`,
		"by service": `{"Effect":"Allow","Action":["poolhouse:*","iam:*","sts:*","cognito-identity:*"],"Resource":"*"}`,
	} {
		newKey(t, w, wiretest.Stranger, name, wiretest.PolicyOf(statements))
		for call, body := range map[string]string{
			"CreateAccessKey": fmt.Sprintf(`{"Policy":%q}`, all),
			"UpdateAccessKey": fmt.Sprintf(`{"AccessKeyId":%q,"Status":"Active"}`, disabled),
			"DeleteAccessKey": fmt.Sprintf(`{"AccessKeyId":%q}`, root),
		} {
			wantRefused(t, name+": "+call, w.Administer(t, name, call, body), "AccessDenied", "may do everything")
		}
	}

	// Controls: a caller that may do everything makes keys, and a bounded one ends a bounded key.
	newKey(t, w, wiretest.Stranger, "admin", all)
	newKey(t, w, "admin", "by admin", listPools)
	wiretest.Equal(t, "made by an unbounded key", listPoolsBy(t, w, "by admin"), 200)
	asked[struct{}](t, w, "one API", "DeleteAccessKey", fmt.Sprintf(`{"AccessKeyId":%q}`, victim))
}

// A session is as good as its role, unless a boundary, a session policy or its kind limits it.
func TestAccessKeysBySessions(t *testing.T) {
	s := wiretest.StartBound(t)
	body := map[string]any{"Policy": listPools}
	for kind, key := range s.Callers(t, wiretest.AllowAllStatement) {
		refused, got := s.Call(t, key, "PoolhouseAdmin.CreateAccessKey", body)
		unbounded := kind == "access key" || kind == "role session"
		if refused == unbounded || unbounded && got.Status != 200 {
			t.Errorf("%s: %d %s", kind, got.Status, got.Body)
		}
	}
}

func TestAccessKeysThatAreNeeded(t *testing.T) {
	eachAccounts(t, func(t *testing.T, w *wiretest.Accounts) {
		root := w.Keys[wiretest.Stranger].AccessKeyID
		for call, body := range map[string]string{
			"DeleteAccessKey": `{"AccessKeyId":%q,"AllowOwn":%t}`,
			"UpdateAccessKey": `{"AccessKeyId":%q,"AllowOwn":%t,"Status":"Inactive"}`,
		} {
			got := w.Administer(t, wiretest.Stranger, call, fmt.Sprintf(body, root, false))
			wantRefused(t, call+" of the own key", got, "InvalidParameterException", "AllowOwn")
			got = w.Administer(t, wiretest.Stranger, call, fmt.Sprintf(body, root, true))
			wantRefused(t, call+" of the last key", got, "InvalidParameterException", "last enabled")
		}

		key, secret, err := w.AccessKeys(t).Create(t.Context(), iam.NewAccessKey{Account: wiretest.Stranger})
		if err != nil {
			t.Fatal(err)
		}
		asked[struct{}](t, w, wiretest.Stranger, "DeleteAccessKey",
			fmt.Sprintf(`{"AccessKeyId":%q,"AllowOwn":true}`, root))
		w.Keys[wiretest.Stranger] = aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: secret}
		wiretest.Equal(t, "the other root key", listPoolsBy(t, w, wiretest.Stranger), 200)
	})
}

func TestAccessKeyInputs(t *testing.T) {
	w := wiretest.StartTenants(t, []string{wiretest.Stranger})

	for _, test := range []struct{ operation, body, code, part string }{
		{"CreateAccessKey", `{}`, "InvalidParameterException", "Give Policy"},
		{"CreateAccessKey", `{"Policy":""}`, "ValidationException", "policy"},
		{"CreateAccessKey", `{"Policy":7}`, "SerializationException", "Policy"},
		{"CreateAccessKey", `{"Policy":"{}"}`, "InvalidParameterException", "not valid"},
		{"CreateAccessKey", `{"Policy":"` + strings.Repeat("x", 10_241) + `"}`, "ValidationException", "policy"},
		{
			"CreateAccessKey", fmt.Sprintf(`{"Policy":%q,"Description":"a\u0000"}`, listPools),
			"InvalidParameterException", "description",
		},
		{
			"CreateAccessKey", fmt.Sprintf(`{"Policy":%q,"Description":%q}`, listPools, strings.Repeat("x", 257)),
			"ValidationException", "description",
		},
		{"ListAccessKeys", `{"MaxResults":0}`, "ValidationException", "maxResults"},
		{"ListAccessKeys", `{"MaxResults":101}`, "ValidationException", "maxResults"},
		{"ListAccessKeys", `{"NextToken":"AAAA"}`, "InvalidParameterException", "NextToken is not one"},
		{"UpdateAccessKey", `{"AccessKeyId":"AKIAAAAAAAAAAAAAAAAA"}`, "ValidationException", "status"},
		{"UpdateAccessKey", `{"AccessKeyId":"AKIAAAAAAAAAAAAAAAAA","Status":"Root"}`, "ValidationException", "status"},
		{"UpdateAccessKey", `{"AccessKeyId":"a b","Status":"Inactive"}`, "ResourceNotFoundException", "No such"},
		{"DeleteAccessKey", `{}`, "ValidationException", "accessKeyId"},
		{"DeleteAccessKey", `{"AccessKeyId":"` + strings.Repeat("A", 129) + `"}`, "ValidationException", "accessKeyId"},
	} {
		got := w.Administer(t, wiretest.Stranger, test.operation, test.body)
		wantRefused(t, test.operation+" "+test.body[:min(60, len(test.body))], got, test.code, test.part)
	}
}

// Pages have all keys once, and a token is good for its account only.
func TestAccessKeyPages(t *testing.T) {
	w := wiretest.StartTenants(t, []string{wiretest.Stranger})
	for n := range 4 {
		newKey(t, w, wiretest.Stranger, fmt.Sprint(n), listPools)
	}

	type page struct {
		AccessKeys []shownKey
		NextToken  string
	}
	seen, token := map[string]bool{}, ""
	for pages := 1; ; pages++ {
		body := `{"MaxResults":2}`
		if token != "" {
			body = fmt.Sprintf(`{"MaxResults":2,"NextToken":%q}`, token)
		}
		got := asked[page](t, w, wiretest.Stranger, "ListAccessKeys", body)
		for _, key := range got.AccessKeys {
			seen[key.AccessKeyId] = true
		}
		if got.NextToken == "" {
			wiretest.Equal(t, "pages", pages, 3)
			break
		}

		token = got.NextToken
		foreign := w.Administer(t, wiretest.HomeAccount, "ListAccessKeys", fmt.Sprintf(`{"NextToken":%q}`, token))
		wantRefused(t, "a foreign token", foreign, "InvalidParameterException", "NextToken is not one")
	}
	wiretest.Equal(t, "keys on all pages", len(seen), 5)
}
