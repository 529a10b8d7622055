package adminapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

const neighbour = "111122223333"

// eachTenancy runs a test on a server with two accounts, on both database engines.
func eachTenancy(t *testing.T, test func(t *testing.T, w *wiretest.Accounts)) {
	t.Run("sqlite", func(t *testing.T) { test(t, wiretest.StartTenants(t, []string{neighbour})) })
	t.Run("postgresql", func(t *testing.T) {
		url := pgtest.URL(t)
		test(t, wiretest.StartTenants(t, []string{neighbour}, func(c *poolhouse.Config) { c.DatabaseURL = url }))
	})
}

// administer calls an operation of the admin API and decodes its answer.
func administer[T any](t *testing.T, w *wiretest.Accounts, account, operation, body string) (out T) {
	t.Helper()
	answer := w.Administer(t, account, operation, body)
	if answer.Status != 200 {
		t.Fatalf("%s %s: %d %s", operation, body, answer.Status, answer.Body)
	}
	if err := json.Unmarshal([]byte(answer.Body), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// makePool makes a pool for guests, with n of them.
func makePool(t *testing.T, w *wiretest.Accounts, account, name string, guests int) (pool string, ids []string) {
	t.Helper()
	made, err := w.Pools(account).CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName:               &name,
		AllowUnauthenticatedIdentities: true,
		DeveloperProviderName:          aws.String("login.my.app"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range guests {
		id := wiretest.Must(w.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: made.IdentityPoolId}))(t)
		ids = append(ids, *id.IdentityId)
	}
	return *made.IdentityPoolId, ids
}

// signIn gets a token for a guest (a sign-in), and fails to get one for a stranger.
func signIn(t *testing.T, w *wiretest.Accounts, identity string) {
	t.Helper()
	if _, err := w.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &identity}); err != nil {
		t.Fatal(err)
	}
	_, err := w.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{
		IdentityId: &identity, Logins: map[string]string{"accounts.google.com": "no-token"},
	})
	if err == nil {
		t.Error("a wrong login was accepted")
	}
}

type summaries struct {
	Pools []struct {
		Id, Name               string
		Guests                 bool
		Providers              []string
		Identities             *int64
		SignIns24h, Refused24h int64
	}
	Total     int
	NextToken *string
}

func (s summaries) names() (names []string) {
	for _, p := range s.Pools {
		names = append(names, p.Name)
	}
	return names
}

func TestListPoolSummaries(t *testing.T) {
	eachTenancy(t, func(t *testing.T, w *wiretest.Accounts) {
		_, users := makePool(t, w, wiretest.HomeAccount, "Banana", 2)
		makePool(t, w, wiretest.HomeAccount, "apple", 3)
		cherry, _ := makePool(t, w, wiretest.HomeAccount, "cherry", 0)
		makePool(t, w, neighbour, "foreign", 5)
		signIn(t, w, users[0])

		list := func(body string) summaries {
			t.Helper()
			return administer[summaries](t, w, wiretest.HomeAccount, "ListPoolSummaries", body)
		}
		orders := map[string]string{
			`{}`:                          "apple Banana cherry",
			`{"Sort":"Identities"}`:       "apple Banana cherry",
			`{"Sort":"SignIns24h"}`:       "Banana apple cherry",
			`{"Sort":"Refused24h"}`:       "Banana apple cherry",
			`{"Search":"AN"}`:             "Banana",
			`{"Search":"` + cherry + `"}`: "cherry",
			`{"Search":"foreign"}`:        "",
		}
		for body, want := range orders {
			got := list(body)
			if names := strings.Join(got.names(), " "); names != want || got.Total != len(got.Pools) {
				t.Errorf("%s: %q of %d, want %q", body, names, got.Total, want)
			}
		}

		banana := list(`{"Search":"banana"}`).Pools[0]
		if banana.Identities == nil || *banana.Identities != 2 || !banana.Guests || banana.SignIns24h != 1 ||
			banana.Refused24h != 1 || !slices.Equal(banana.Providers, []string{"login.my.app"}) {
			t.Errorf("got %+v", banana)
		}

		var paged []string
		body := `{"MaxResults":1}`
		for page := 1; ; page++ {
			got := list(body)
			paged = append(paged, got.names()...)
			if got.NextToken == nil || page > 3 {
				break
			}
			wantRefusals(t, w, "ListPoolSummaries", map[string]string{
				`{"Sort":"Identities","NextToken":"` + *got.NextToken + `"}`: "InvalidParameterException",
			})
			foreign := w.Administer(t, neighbour, "ListPoolSummaries", `{"NextToken":"`+*got.NextToken+`"}`)
			if foreign.Status != 400 {
				t.Errorf("another account's token: %d %s", foreign.Status, foreign.Body)
			}
			body = `{"MaxResults":1,"NextToken":"` + *got.NextToken + `"}`
		}
		if strings.Join(paged, " ") != "apple Banana cherry" {
			t.Errorf("pages have %q", paged)
		}

		wantRefusals(t, w, "ListPoolSummaries", map[string]string{
			`{"MaxResults":0}`:                              "ValidationException",
			`{"MaxResults":101}`:                            "ValidationException",
			`{"MaxResults":"1"}`:                            "SerializationException",
			`{"Sort":"Size"}`:                               "ValidationException",
			`{"NextToken":"none"}`:                          "InvalidParameterException",
			`{"Search":"` + strings.Repeat("a", 129) + `"}`: "ValidationException",
		})
		wantPermission(t, w, "ListPoolSummaries", `{}`)
	})
}

// wantRefusals calls an operation with inputs that it refuses.
func wantRefusals(t *testing.T, w *wiretest.Accounts, operation string, inputs map[string]string) {
	t.Helper()
	for body, want := range inputs {
		answer := w.Administer(t, wiretest.HomeAccount, operation, body)
		if answer.Status != 400 || !strings.Contains(answer.Header.Get("X-Amzn-ErrorType")+answer.Body, want) {
			t.Errorf("%s %s: %d %s, want %s", operation, body, answer.Status, answer.Body, want)
		}
	}
}

// wantPermission calls an operation with keys that may not, may by the action, and may only on another resource.
func wantPermission(t *testing.T, w *wiretest.Accounts, operation, body string) {
	t.Helper()

	allow := `{"Effect":"Allow","Action":"poolhouse:` + operation + `","Resource":`
	policies := map[string]bool{
		`{"Effect":"Allow","Action":"poolhouse:Explain","Resource":"*"}`: false,
		allow + `"*"}`: true,
		allow + `"arn:aws:cognito-identity:*:*:identitypool/x"}`:                 false,
		allow + `"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}}`: false,
	}

	for statement, allowed := range policies {
		key, secret, err := w.AccessKeys(t).Create(t.Context(), iam.NewAccessKey{
			Account: identitypool.AccountID(wiretest.HomeAccount),
			Policy:  wiretest.PolicyOf(statement),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.Keys["limited"] = aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: secret}

		answer := w.Administer(t, "limited", operation, body)
		denied := strings.Contains(answer.Body, "AccessDenied")
		if denied == allowed || allowed != (answer.Status == 200) {
			t.Errorf("%s with %s: %d %s", operation, statement, answer.Status, answer.Body)
		}
	}
}

type searched struct {
	Identities []struct {
		IdentityId, IdentityPoolId string
		Logins                     []struct{ ProviderName, Subject string }
		CreationDate               float64
	}
	NextToken *string
}

func TestSearchIdentities(t *testing.T) {
	eachTenancy(t, func(t *testing.T, w *wiretest.Accounts) {
		pool, ids := makePool(t, w, wiretest.HomeAccount, "own", 3)
		second, more := makePool(t, w, wiretest.HomeAccount, "second", 1)
		foreign, others := makePool(t, w, neighbour, "foreign", 1)
		user := wiretest.Must(w.Pools(wiretest.HomeAccount).GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{
				IdentityPoolId: &pool, Logins: map[string]string{"login.my.app": "alice"},
			}))(t)

		find := func(body string) searched {
			t.Helper()
			return administer[searched](t, w, wiretest.HomeAccount, "SearchIdentities", body)
		}
		quoted := fmt.Sprintf(`"IdentityPoolId":%q`, pool)
		everyone := append(slices.Clone(ids), *user.IdentityId)
		questions := map[string][]string{
			`{` + quoted + `,"ProviderName":"login.my.app","Subject":"alice"}`: {*user.IdentityId},
			`{` + quoted + `,"ProviderName":"login.my.app","Subject":"bob"}`:   nil,
			`{` + quoted + `,"CreatedAfter":4e9}`:                              nil,
			`{` + quoted + `,"CreatedAfter":1}`:                                everyone,
			`{"IdentityIdPrefix":"` + ids[0] + `"}`:                            ids[:1],
			`{"IdentityIdPrefix":"` + more[0][:len(more[0])-4] + `"}`:          more,
			`{` + quoted + `,"IdentityIdPrefix":"` + more[0] + `"}`:            nil,
			`{"IdentityIdPrefix":"` + others[0] + `"}`:                         nil, // another account's
			`{"IdentityIdPrefix":"eu-west-1:` + ids[0][10:] + `"}`:             nil,
			`{"IdentityPoolId":"` + second + `"}`:                              more,
		}
		for body, want := range questions {
			var got []string
			for _, i := range find(body).Identities {
				got = append(got, i.IdentityId)
			}
			slices.Sort(got)
			want = slices.Sorted(slices.Values(want))
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", body, got, want)
			}
		}
		if i := find(`{"IdentityIdPrefix":"` + *user.IdentityId + `"}`).Identities[0]; len(i.Logins) != 1 ||
			i.Logins[0].Subject != "alice" || i.IdentityPoolId != pool || i.CreationDate == 0 {
			t.Errorf("got %+v", i)
		}

		seen, body := 0, `{`+quoted+`,"MaxResults":3}`
		for range 3 {
			page := find(body)
			if seen += len(page.Identities); page.NextToken == nil {
				break
			}
			next := `,"NextToken":"` + *page.NextToken + `"}`
			body = `{` + quoted + `,"MaxResults":3` + next
			wantRefusals(t, w, "SearchIdentities", map[string]string{
				`{"IdentityPoolId":"` + second + `"` + next: "InvalidParameterException",
			})
		}
		if seen != 4 {
			t.Errorf("pages have %d identities, want 4", seen)
		}

		nobody := foreign[:len(foreign)-4] + "0000"
		wantRefusals(t, w, "SearchIdentities", map[string]string{
			`{}`:                                    "InvalidParameterException",
			`{"ProviderName":"a","Subject":"b"}`:    "InvalidParameterException",
			`{` + quoted + `,"Subject":"b"}`:        "InvalidParameterException",
			`{` + quoted + `,"MaxResults":61}`:      "ValidationException",
			`{` + quoted + `,"CreatedAfter":-1}`:    "ValidationException",
			`{` + quoted + `,"CreatedAfter":1e300}`: "ValidationException",
			`{"IdentityIdPrefix":"us-east-1:"}`:     "ValidationException",
			`{"IdentityIdPrefix":"us-east-1:00ü0"}`: "ValidationException",
			`{"IdentityIdPrefix":7}`:                "SerializationException",
		})
		missing := "ResourceNotFoundException"
		wantRefusals(t, w, "SearchIdentities", map[string]string{
			`{"IdentityPoolId":"` + foreign + `"}`:                                                 missing,
			`{"IdentityPoolId":"` + nobody + `"}`:                                                  missing,
			`{"IdentityPoolId":"` + foreign + `","ProviderName":"login.my.app","Subject":"alice"}`: missing,
		})
		wantPermission(t, w, "SearchIdentities", `{`+quoted+`}`)
	})
}

type statisticsAnswer struct {
	Step   int
	Series struct {
		SignIns, Guests, Identities []int64
		Refused                     map[string][]int64
		Latency                     map[string]struct {
			Calls []int64
			P50   []*float64
			P99   []*float64
		}
	}
}

func sum(numbers []int64) (all int64) {
	for _, n := range numbers {
		all += n
	}
	return all
}

func (s statisticsAnswer) refused() (all int64) {
	for _, numbers := range s.Series.Refused {
		all += sum(numbers)
	}
	return all
}

func TestGetStatistics(t *testing.T) {
	eachTenancy(t, func(t *testing.T, w *wiretest.Accounts) {
		pool, ids := makePool(t, w, wiretest.HomeAccount, "own", 2)
		foreign, others := makePool(t, w, neighbour, "foreign", 1)
		signIn(t, w, ids[0])
		signIn(t, w, ids[0])
		signIn(t, w, others[0])
		user := wiretest.Must(w.Pools(wiretest.HomeAccount).GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{
				IdentityPoolId: &pool, Logins: map[string]string{"login.my.app": "alice"},
			}))(t)
		role := "arn:aws:iam::" + wiretest.HomeAccount + ":role/user"
		wiretest.Must(w.Pools(wiretest.HomeAccount).SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
			IdentityPoolId: &pool, Roles: map[string]string{"authenticated": role},
		}))(t)
		wiretest.Must(w.Public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{
			IdentityId: user.IdentityId, Logins: map[string]string{"cognito-identity.amazonaws.com": *user.Token},
		}))(t)

		for body, step := range map[string]int{`{}`: 300, `{"IdentityPoolId":"` + pool + `"}`: 3600} {
			got := administer[statisticsAnswer](t, w, wiretest.HomeAccount, "GetStatistics", body)
			series := got.Series
			if got.Step != step || sum(series.SignIns) != 1 || sum(series.Guests) != 2 || sum(series.Identities) != 3 ||
				got.refused() != 2 || len(series.SignIns) < 86400/step {
				t.Errorf("%s: %+v", body, got)
			}
			tokens := series.Latency["GetOpenIdToken"]
			if step == 300 && (sum(tokens.Calls) != 4 || !slices.ContainsFunc(tokens.P99,
				func(ms *float64) bool { return ms != nil && *ms > 0 })) {
				t.Errorf("latency: %+v", tokens)
			}
		}
		got := administer[statisticsAnswer](t, w, neighbour, "GetStatistics", `{"Step":86400}`)
		if sum(got.Series.Guests) != 1 {
			t.Errorf("the other account: %+v", got)
		}
		if got := administer[statisticsAnswer](t, w, wiretest.HomeAccount, "GetStatistics",
			`{"From":1000000,"To":2000000,"Step":3600}`); sum(got.Series.Guests) != 0 || len(got.Series.Guests) != 279 {
			t.Errorf("long ago: %+v", got)
		}

		wantRefusals(t, w, "GetStatistics", map[string]string{
			`{"Step":299}`:  "ValidationException",
			`{"Step":0}`:    "ValidationException",
			`{"Step":-300}`: "ValidationException",
			`{"IdentityPoolId":"` + pool + `","Step":300}`: "InvalidParameterException",
			`{"From":2,"To":1}`:                            "InvalidParameterException",
			`{"From":0,"To":253402300799}`:                 "InvalidParameterException",
			`{"From":"today"}`:                             "SerializationException",
			`{"Step":"300"}`:                               "SerializationException",
			`{"Step":300.5}`:                               "SerializationException",
			`{"Step":[300]}`:                               "SerializationException",
			`{"Step":1e30}`:                                "SerializationException",
			`{"To":1e99}`:                                  "ValidationException",
			`{"IdentityPoolId":"` + foreign + `"}`:         "ResourceNotFoundException",
			`{"IdentityPoolId":""}`:                        "ValidationException",
		})
		wantPermission(t, w, "GetStatistics", `{}`)
	})
}

// Three nodes add up.
// Answers that a console asks for at once agree, right after the calls that they count.
func TestOverviewsAgree(t *testing.T) {
	eachTenancy(t, func(t *testing.T, w *wiretest.Accounts) {
		pool, users := makePool(t, w, wiretest.HomeAccount, "busy", 1)
		const signIns = 7
		for range signIns {
			signIn(t, w, users[0])
		}

		guests := func(body string) func() int64 {
			return func() int64 {
				got := administer[statisticsAnswer](t, w, wiretest.HomeAccount, "GetStatistics", body)
				return sum(got.Series.Guests)
			}
		}
		reads := map[string]func() int64{
			"the list": func() int64 {
				list := administer[summaries](t, w, wiretest.HomeAccount, "ListPoolSummaries", `{}`)
				return list.Pools[0].SignIns24h
			},
			"the account's statistics": guests(`{}`),
			"the pool's statistics":    guests(`{"IdentityPoolId":"` + pool + `"}`),
		}
		var group sync.WaitGroup
		for name, read := range reads {
			for range 3 {
				group.Go(func() {
					if got := read(); got != signIns {
						t.Errorf("%s: %d sign-ins, want %d", name, got, signIns)
					}
				})
			}
		}
		group.Wait()
	})
}

func TestThreeNodesCountTogether(t *testing.T) {
	url := pgtest.URL(t)
	w := wiretest.StartTenants(t, nil, func(c *poolhouse.Config) { c.DatabaseURL = url })
	nodes := []*wiretest.Server{w.Server}
	for range 2 {
		nodes = append(nodes, wiretest.Start(t, func(c *poolhouse.Config) {
			c.DatabaseURL, c.MasterKey, c.TokenAlgorithm = url, bytes.Repeat([]byte{9}, 32), "ES256"
		}))
	}
	pool, _ := makePool(t, w, wiretest.HomeAccount, "own", 0)
	for _, node := range nodes {
		id := wiretest.Must(node.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool}))(t)
		wiretest.Must(node.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: id.IdentityId}))(t)
	}

	for _, node := range nodes { // each stores what it has counted
		node.AdminCall(t, "GetStatistics", `{}`)
	}
	got := administer[statisticsAnswer](t, w, wiretest.HomeAccount, "GetStatistics", `{"IdentityPoolId":"`+pool+`"}`)
	if sum(got.Series.Guests) != 3 || sum(got.Series.Identities) != 3 {
		t.Errorf("got %+v", got)
	}
	list := administer[summaries](t, w, wiretest.HomeAccount, "ListPoolSummaries", `{}`)
	if p := list.Pools[0]; p.Identities == nil || *p.Identities != 3 || p.SignIns24h != 3 {
		t.Errorf("got %+v", p)
	}
}

type preview struct {
	Identities                          *int64
	Logins                              int
	Pools, Roles, Providers, AccessKeys []string
	LongestSession                      int
}

func TestPreviewDeletion(t *testing.T) {
	eachTenancy(t, func(t *testing.T, w *wiretest.Accounts) {
		pool, ids := makePool(t, w, wiretest.HomeAccount, "own", 2)
		foreign, others := makePool(t, w, neighbour, "foreign", 1)
		user := wiretest.Must(w.Pools(wiretest.HomeAccount).GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{
				IdentityPoolId: &pool, Logins: map[string]string{"login.my.app": "alice"},
			}))(t)
		trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",` +
			`"Principal":{"Federated":"cognito-identity.amazonaws.com"},` +
			`"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + pool + `"}}}]}`
		made := wiretest.Must(w.Roles(wiretest.HomeAccount).CreateRole(t.Context(), &iamclient.CreateRoleInput{
			RoleName: aws.String("named"), AssumeRolePolicyDocument: &trust, MaxSessionDuration: aws.Int32(7200),
		}))(t)
		role := *made.Role.Arn
		wiretest.Must(w.Pools(wiretest.HomeAccount).SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
			IdentityPoolId: &pool, Roles: map[string]string{"authenticated": role},
		}))(t)
		key, _, err := w.AccessKeys(t).Create(t.Context(), iam.NewAccessKey{
			Account: identitypool.AccountID(wiretest.HomeAccount),
			Policy: wiretest.PolicyOf(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:cognito-identity:us-east-1:` +
				wiretest.HomeAccount + `:identitypool/` + pool + `"}`),
		})
		if err != nil {
			t.Fatal(err)
		}

		ask := func(kind, id string) preview {
			t.Helper()
			return administer[preview](t, w, wiretest.HomeAccount, "PreviewDeletion",
				fmt.Sprintf(`{"Kind":%q,"Id":%q}`, kind, id))
		}
		one := func(what string, list []string, want string) {
			t.Helper()
			if !slices.Equal(list, []string{want}) {
				t.Errorf("%s: %q, want %q", what, list, want)
			}
		}
		got := ask("identity-pool", pool)
		if got.Identities == nil || *got.Identities != 3 || got.Logins != 1 || got.LongestSession != 7200 {
			t.Errorf("pool: %+v", got)
		}
		one("roles", got.Roles, role)
		one("providers", got.Providers, "login.my.app")
		one("keys", got.AccessKeys, key.ID)

		got = ask("identity", *user.IdentityId)
		if *got.Identities != 1 || got.Logins != 1 || got.LongestSession != 7200 || len(got.Roles) != 0 {
			t.Errorf("identity: %+v", got)
		}

		// Without the classic flow, credentials live an hour, whatever the role allows.
		wiretest.Must(w.Pools(wiretest.HomeAccount).UpdateIdentityPool(t.Context(), &ci.UpdateIdentityPoolInput{
			IdentityPoolId: &pool, IdentityPoolName: aws.String("own"), AllowUnauthenticatedIdentities: true,
			AllowClassicFlow: aws.Bool(false), DeveloperProviderName: aws.String("login.my.app"),
		}))(t)
		for kind, id := range map[string]string{"identity-pool": pool, "identity": *user.IdentityId} {
			if got := ask(kind, id); got.LongestSession != 3600 {
				t.Errorf("%s without the classic flow: %+v", kind, got)
			}
		}

		if got = ask("role", role); *got.Identities != 3 || got.LongestSession != 7200 || len(got.Roles) != 0 {
			t.Errorf("role: %+v", got)
		}
		one("pools", got.Pools, pool)
		if got = ask("access-key", key.ID); got.LongestSession != 129600 {
			t.Errorf("key: %+v", got)
		}

		missing := "ResourceNotFoundException"
		wantRefusals(t, w, "PreviewDeletion", map[string]string{
			`{}`:                             "InvalidParameterException",
			`{"Kind":"identity-pool"}`:       "InvalidParameterException",
			`{"Kind":"planet","Id":"earth"}`: "ValidationException",
			`{"Kind":"role","Id":7}`:         "SerializationException",
			`{"Kind":"role","Id":"` + strings.Repeat("a", 2049) + `"}`: "ValidationException",

			`{"Kind":"identity-pool","Id":"` + foreign + `"}`:                                                 missing,
			`{"Kind":"identity","Id":"` + others[0] + `"}`:                                                    missing,
			`{"Kind":"identity","Id":"` + ids[0][:30] + `"}`:                                                  missing,
			`{"Kind":"role","Id":"arn:aws:iam::` + neighbour + `:role/x"}`:                                    missing,
			`{"Kind":"role","Id":"` + role + `x"}`:                                                            missing,
			`{"Kind":"provider","Id":"arn:aws:iam::` + wiretest.HomeAccount + `:oidc-provider/none.example"}`: missing,
			`{"Kind":"provider","Id":"none"}`:                                                                 missing,
			`{"Kind":"access-key","Id":"` + w.Keys[neighbour].AccessKeyID + `"}`:                              missing,
		})
		wantPermission(t, w, "PreviewDeletion", `{"Kind":"identity-pool","Id":"`+pool+`"}`)
	})
}
