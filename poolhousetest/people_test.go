package poolhousetest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

// twoPools is a seed with a pool for developers' users and guests, and another for guests alone.
const twoPools = `
Resources:
  Shop:
    Type: AWS::Cognito::IdentityPool
    Metadata: {PoolhouseId: "us-east-1:11111111-2222-4333-8444-555555555555"}
    Properties:
      IdentityPoolName: shop
      AllowUnauthenticatedIdentities: true
      DeveloperProviderName: login.shop
      OpenIdConnectProviderARNs: [!Ref Poolhouse::DevProviderArn]
      SamlProviderARNs: ["arn:aws:iam::000000000000:saml-provider/poolhouse-dev"]
  Kiosk:
    Type: AWS::Cognito::IdentityPool
    Properties: {IdentityPoolName: kiosk, AllowUnauthenticatedIdentities: true}
  ShopRoles:
    Type: AWS::Cognito::IdentityPoolRoleAttachment
    Properties:
      IdentityPoolId: !Ref Shop
      Roles:
        authenticated: "arn:aws:iam::000000000000:role/Member"
        unauthenticated: "arn:aws:iam::000000000000:role/Visitor"
Users:
  ann: {email: ann@example.com, "cognito:groups": [editors]}
Identities:
  - IdentityId: us-east-1:aaaaaaaa-2222-4333-8444-555555555555
    IdentityPoolId: !Ref Shop
    User: ann
`

// callerOf asks STS whose credentials an identity has.
func callerOf(t *testing.T, i poolhousetest.Identity) string {
	t.Helper()
	who, err := sts.NewFromConfig(i.AWSConfig()).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	return *who.Arn
}

// Each kind of user signs in with one call, and the credentials work.
func TestPeople(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.SeedText(twoPools))

	ann := server.SignIn(t, "shop", "ann")
	if ann.ID != "us-east-1:aaaaaaaa-2222-4333-8444-555555555555" {
		t.Errorf("ann has the identity %s, and not that of the seed", ann.ID)
	}
	if arn := callerOf(t, ann); !strings.Contains(arn, ":assumed-role/Member/") {
		t.Errorf("ann is %s", arn)
	}
	if !ann.Credentials.CanExpire || ann.Credentials.Expires.IsZero() {
		t.Errorf("the credentials of ann expire at %s", ann.Credentials.Expires)
	}

	guest := server.Guest(t, "us-east-1:11111111-2222-4333-8444-555555555555")
	if arn := callerOf(t, guest); !strings.Contains(arn, ":assumed-role/Visitor/") || guest.ID == ann.ID {
		t.Errorf("a guest is %s, %s", guest.ID, arn)
	}

	developer := server.DeveloperToken(t, "shop", "customer-17")
	if again := server.DeveloperToken(t, "shop", "customer-17"); again.IdentityID != developer.IdentityID {
		t.Errorf("the backend's user has the identities %s and %s", developer.IdentityID, again.IdentityID)
	}
	member := server.CredentialsFor(t, developer.IdentityID, developer.Logins())
	if arn := callerOf(t, member); !strings.Contains(arn, ":assumed-role/Member/") {
		t.Errorf("the backend's user is %s", arn)
	}

	corporate := server.SignInWith(t, "shop", server.SAMLLogins(t, "ann", map[string][]string{"team": {"a", "b"}}))
	if arn := callerOf(t, corporate); !strings.Contains(arn, ":assumed-role/Member/") || corporate.ID == ann.ID {
		t.Errorf("ann by SAML is %s, %s", corporate.ID, arn)
	}
	if response := server.SAMLResponse(t, "ann", nil); response == "" || strings.HasPrefix(response, "<") {
		t.Errorf("the SAML response is %q", response)
	}

	server.PutUser(t, "ben", map[string]any{"sub": "b-1", "email": "ben@example.com"})
	if ben := server.SignIn(t, "shop", "ben"); ben.ID == ann.ID {
		t.Error("ben is ann")
	}
}

// A user who is not there, a pool that nobody made, and a claim that the issuer sets are mistakes of a test:
// its message tells what there is.
func TestMistakes(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.SeedText(twoPools))
	empty := poolhousetest.Start(t)

	production := &poolhousetest.Server{Server: new(poolhouse.Server)}
	start := func(option poolhousetest.Option) func(testing.TB) {
		return func(t testing.TB) { poolhousetest.Start(t, option) }
	}
	claim := map[string]any{"iss": "x"}

	for want, call := range map[string]func(testing.TB){
		"did you mean ann?":                   func(t testing.TB) { server.Token(t, "amn") },
		"no SAML response":                    func(t testing.TB) { server.SAMLResponse(t, "amn", nil) },
		`"shopp", did you mean "shop"?`:       func(t testing.TB) { server.Guest(t, "shopp") },
		"2 identity pools fit":                func(t testing.TB) { server.Guest(t, "") },
		"the server has no identity pool":     func(t testing.TB) { empty.Guest(t, "") },
		`the claim "iss" is set`:              func(t testing.TB) { server.Token(t, "ann", claim) },
		"the issuer sets the claim iss":       func(t testing.TB) { server.PutUser(t, "c", claim) },
		"has no DeveloperProviderName":        func(t testing.TB) { server.DeveloperToken(t, "kiosk", "a") },
		"fix: add the provider 127.0.0.1":     func(t testing.TB) { server.SignIn(t, "kiosk", "ann") },
		"GetCredentialsForIdentity: only a":   func(t testing.TB) { production.CredentialsFor(t, "i", nil) },
		"only a development server has users": func(t testing.TB) { production.PutUser(t, "a", nil) },
		"only a development server takes seeds": func(t testing.TB) {
			poolhousetest.Start(t, poolhousetest.Demo(), func(c *poolhouse.Config) {
				c.Dev, c.AcceptUnknownRoles, c.DataDir, c.MasterKey = false, false, t.TempDir(), make([]byte, 32)
			})
		},
		"SeedText: line 2: unknown section": start(poolhousetest.SeedText("\nPools: {}")),
		"nowhere.yaml: no such file":        start(poolhousetest.Seed("nowhere.yaml")),
	} {
		if message := failureOf(t, call); !strings.Contains(message, want) {
			t.Errorf("the test fails with %q, want %q", message, want)
		}
	}
}

// A call of the package that is refused tells why, and is no call of the app: it uses up no fault, and is not in the
// app's list.
func TestARefusalUsesUpNoFault(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.SeedText(twoPools))
	fault := server.Fail(t, poolhousetest.Fault{Operation: "GetId", Error: "TooManyRequestsException", Times: 1})

	message := failureOf(t, func(t testing.TB) { server.SignIn(t, "kiosk", "ann") })
	if !strings.Contains(message, "fix: add the provider 127.0.0.1") || strings.Contains(message, "TooManyRequests") {
		t.Errorf("the test fails with %q", message)
	}
	if calls := server.Calls(); len(calls) > 0 || fault.Hits() > 0 {
		t.Errorf("the fault has come true %d times, and the calls are %v", fault.Hits(), calls)
	}
}

// A reset reads the seeds again, also after the test has gone to another folder.
func TestResetInAnotherFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("app.yaml", []byte(twoPools), 0o600); err != nil {
		t.Fatal(err)
	}
	server := poolhousetest.Start(t, poolhousetest.Seed("app.yaml"))

	t.Chdir(t.TempDir())
	server.Reset(t)
	server.SignIn(t, "shop", "ann")
}

// failureOf returns the message with which a test fails.
func failureOf(t *testing.T, call func(testing.TB)) string {
	t.Helper()
	f := &failing{TB: t}
	ended := make(chan struct{})
	go func() {
		defer close(ended)

		call(f)
	}()
	<-ended

	return f.message
}

// Without users the server's provider vouches for anybody; the demo has its own.
func TestAnybody(t *testing.T) {
	server := poolhousetest.Start(t)
	info, _ := server.DevInfo()
	identities := cognitoidentity.NewFromConfig(server.AWSConfig())
	pool, err := identities.CreateIdentityPool(t.Context(), &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName:          &info.Audience,
		OpenIdConnectProviderARNs: []string{info.OIDCProviderARN},
	})
	if err != nil {
		t.Fatal(err)
	}

	for range 2 {
		got, err := identities.GetId(t.Context(), &cognitoidentity.GetIdInput{
			IdentityPoolId: pool.IdentityPoolId,
			Logins:         server.Logins(t, "whoever", map[string]any{"level": 3}),
		})
		if err != nil || *got.IdentityId == "" {
			t.Fatalf("GetId = %v, %v", got, err)
		}
	}

	demo := poolhousetest.Start(t, poolhousetest.Demo())
	if pool := demo.PoolID(t, ""); pool != poolhousetest.DemoPool {
		t.Errorf("the demo has the pool %s", pool)
	}
	if arn := callerOf(t, demo.SignIn(t, "", "alice")); !strings.Contains(arn, "/PoolhouseDemoUser/") {
		t.Errorf("alice of the demo is %s", arn)
	}
}

// One configuration serves the clients of all APIs.
func TestAWSConfig(t *testing.T) {
	server := poolhousetest.Start(t)
	config := server.AWSConfig()

	if _, err := cognitoidentity.NewFromConfig(config).ListIdentityPools(t.Context(),
		&cognitoidentity.ListIdentityPoolsInput{MaxResults: new(int32(1))}); err != nil {
		t.Error(err)
	}
	if _, err := iam.NewFromConfig(config).ListRoles(t.Context(), &iam.ListRolesInput{}); err != nil {
		t.Error(err)
	}
	if _, err := sts.NewFromConfig(config).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err != nil {
		t.Error(err)
	}
	if _, err := cognitoidentityprovider.NewFromConfig(config).ListUserPools(t.Context(),
		&cognitoidentityprovider.ListUserPoolsInput{MaxResults: new(int32(1))}); err != nil {
		t.Error(err)
	}
}
