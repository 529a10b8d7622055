package cognitoidentity_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// The root of another account sees and changes nothing of this one's, in any
// operation, and cannot tell what is there from what is not.
func TestAnotherAccountSeesNothing(t *testing.T) {
	dir, master := t.TempDir(), bytes.Repeat([]byte{9}, 32)
	var mu sync.Mutex
	var refused []poolhouse.Trace
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.DataDir, c.MasterKey, c.TokenAlgorithm = dir, master, "ES256"
		c.OnTrace = func(t poolhouse.Trace) { mu.Lock(); refused = append(refused, t); mu.Unlock() }
	})

	db := wiretest.Must(store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	defer db.Close()

	keys := wiretest.Must(iam.NewAccessKeys(iam.AccessKeyOptions{Store: db,
		Sealer: wiretest.Must(envelope.New(master))(t)}))(t)
	key, secret, err := keys.Create(t.Context(), iam.NewAccessKey{Account: wiretest.Stranger})
	if err != nil {
		t.Fatal(err)
	}
	asStranger := func(r *http.Request, body, service string) {
		wiretest.SignWith(t, r, body, service, wiretest.Region, key.ID, secret)
	}

	pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{"a": "1"} })
	developer := func(user string) string {
		return *wiretest.Must(s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool,
				Logins: map[string]string{"login.my.app": user}}))(t).IdentityId
	}
	identity, other := developer("a"), developer("b")
	own := wiretest.Must(s.SignedBy(wiretest.Region, key.ID, secret, "").CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"),
			DeveloperProviderName: aws.String("login.my.app")}))(t)

	// One refusal of this account, to be asked about.
	_, err = s.Admin().DescribeIdentityPool(t.Context(),
		&ci.DescribeIdentityPoolInput{IdentityPoolId: aws.String("us-east-1:00000000-0000-4000-8000-000000000000")})
	wiretest.WantError(t, err, "ResourceNotFoundException", "")
	mu.Lock()
	request := refused[len(refused)-1].RequestID
	mu.Unlock()

	state := func() string {
		var b strings.Builder
		for operation, body := range map[string]string{"1DescribeIdentityPool": `{"IdentityPoolId":"POOL"}`,
			"2GetIdentityPoolRoles":    `{"IdentityPoolId":"POOL"}`,
			"3ListIdentities":          `{"IdentityPoolId":"POOL","MaxResults":60}`,
			"4LookupDeveloperIdentity": `{"IdentityPoolId":"POOL","IdentityId":"` + identity + `"}`,
			"5LookupDeveloperIdentity": `{"IdentityPoolId":"POOL","IdentityId":"` + other + `"}`} {
			fmt.Fprintln(&b, operation, s.Raw(t, operation[1:], strings.ReplaceAll(body, "POOL", pool), true).Body)
		}

		lines := strings.Split(b.String(), "\n")

		return strings.Join(wiretest.Sorted(lines), "\n")
	}

	before := state()
	poolGone, identityGone := "IdentityPool '"+pool+"' not found.", "Identity '"+identity+"' not found."

	for _, operation := range slices.Sorted(maps.Keys(wiretest.Operations)) {
		o := wiretest.Operations[operation]
		if !o.Signed {
			continue
		}
		body := strings.NewReplacer("POOL", pool, "IDENTITY", identity).Replace(o.Input)

		want := "ResourceNotFoundException: " + poolGone
		switch operation {
		case "CreateIdentityPool", "ListIdentityPools", "DeleteIdentities": // name no pool; below
			continue
		case "DescribeIdentity":
			want = "ResourceNotFoundException: " + identityGone
		}

		t.Run(operation, func(t *testing.T) {
			got := s.Raw(t, operation, strings.ReplaceAll(body, ":000000000000:", ":"+wiretest.Stranger+":"), false,
				func(r *http.Request) {
					asStranger(r, strings.ReplaceAll(body, ":000000000000:", ":"+wiretest.Stranger+":"),
						"cognito-identity")
				})
			wiretest.Equal(t, "answer", got.Header.Get("x-amzn-ErrorType")+" "+got.Header.Get("x-amzn-ErrorMessage"),
				want)
			if strings.Contains(body, "arn:aws:cognito-identity") {
				got = s.Raw(t, operation, body, false,
					func(r *http.Request) { asStranger(r, body, "cognito-identity") })
				wiretest.Equal(t, "by the true ARN", got.Header.Get("x-amzn-ErrorType"), "AccessDeniedException:")
			}
		})
	}

	ask := func(operation, body string) wiretest.Answer {
		return s.Raw(t, operation, body, false, func(r *http.Request) { asStranger(r, body, "cognito-identity") })
	}
	list := ask("ListIdentityPools", `{"MaxResults":60}`)
	wiretest.Equal(t, "pools of the other account", list.Body,
		`{"IdentityPools":[{"IdentityPoolId":"`+*own.IdentityPoolId+`","IdentityPoolName":"p"}]}`)
	wiretest.Equal(t, "DeleteIdentities", ask("DeleteIdentities", `{"IdentityIdsToDelete":["`+identity+`"]}`).Body,
		`{"UnprocessedIdentityIds":[]}`)

	// An identity of another account is none of the caller's own pool either.
	for operation, body := range map[string]string{
		"LookupDeveloperIdentity": `{"IdentityPoolId":"OWN","IdentityId":"IDENTITY"}`,
		"GetOpenIdTokenForDeveloperIdentity": `{"IdentityPoolId":"OWN","IdentityId":"IDENTITY",` +
			`"Logins":{"login.my.app":"a"}}`,
		"UnlinkDeveloperIdentity": `{"IdentityPoolId":"OWN","IdentityId":"IDENTITY",` +
			`"DeveloperProviderName":"login.my.app","DeveloperUserIdentifier":"a"}`,
	} {
		got := ask(operation, strings.NewReplacer("OWN", *own.IdentityPoolId, "IDENTITY", identity).Replace(body))
		wiretest.Equal(t, operation+" through the caller's own pool", got.Header.Get("x-amzn-ErrorMessage"),
			identityGone)
	}

	administer := func(operation, body string) string {
		got := s.Raw(t, "", body, false, func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "PoolhouseAdmin."+operation)
			asStranger(r, body, "poolhouse")
		})
		return got.Header.Get("x-amzn-ErrorType") + " " + got.Header.Get("x-amzn-ErrorMessage")
	}

	const noIdentity = "ResourceNotFoundException: No such identity in this account and region."
	wiretest.Equal(t, "LookupIdentity by ID", administer("LookupIdentity", `{"IdentityId":"`+identity+`"}`), noIdentity)
	wiretest.Equal(t, "LookupIdentity by login",
		administer("LookupIdentity", `{"IdentityPoolId":"`+pool+`","ProviderName":"login.my.app","Subject":"a"}`),
		noIdentity)
	wiretest.Equal(t, "LoadIdentities", administer("LoadIdentities", `{"IdentityPoolId":"`+pool+`","Identities":[]}`),
		"ResourceNotFoundException: "+poolGone)
	wiretest.Equal(t, "Explain of an unknown request", administer("Explain", `{"RequestId":"none"}`),
		administer("Explain", `{"RequestId":"`+request+`"}`))

	if own := s.AdminCall(t, "Explain", `{"RequestId":"`+request+`"}`); own.Status != http.StatusOK {
		t.Errorf("the account itself may not ask about its refusal: %s", own.Body)
	}
	body := `{"RequestId":"` + request + `"}`

	elsewhere := s.Raw(t, "", body, false, func(r *http.Request) {
		r.Header.Set("X-Amz-Target", "PoolhouseAdmin.Explain")
		wiretest.SignWith(t, r, body, "poolhouse", "eu-west-1", "test", "test")
	})
	wiretest.Equal(t, "Explain from another region", elsewhere.Header.Get("x-amzn-ErrorType"),
		"ResourceNotFoundException:")
	wiretest.Equal(t, "pool and identities afterwards", state(), before)
}
