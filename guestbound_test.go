package poolhouse_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
)

// A guest of the enhanced flow may call nothing that is signed, however generous
// its role is: what AWS's bound leaves to guests are services, not the management
// of identities, roles or sessions. The same guest under no bound is the control.
func TestGuestsMayCallNothingThatIsSigned(t *testing.T) {
	generous := func(bound string) func(*poolhouse.Config) {
		return func(c *poolhouse.Config) {
			files(c)
			c.GuestPolicy = bound
			for n := range c.Roles {
				c.Roles[n].Policies = map[string]string{"all": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`}
			}
		}
	}
	const developer = "GetOpenIdTokenForDeveloperIdentity"
	call := func(s *testServer, by aws.Credentials, name, identity string) answer {
		body := strings.NewReplacer("POOL", filesPool, "IDENTITY", identity).Replace(operations[name].input)
		return s.raw(t, name, body, false, func(r *http.Request) { signBy(t, r, body, "cognito-identity", by) })
	}
	free := start(t, generous("off"))
	free.filesPool(t)
	if got := call(free, free.user(t, nil).key, developer, ""); got.status != http.StatusOK {
		t.Errorf("%s without a bound: %d %s", developer, got.status, got.body)
	}

	s := start(t, generous("aws"))
	s.filesPool(t)
	identity, by := s.getID(t, filesPool, nil), s.user(t, nil).key
	for name, o := range operations {
		got := call(s, by, name, identity)
		if refused := strings.Contains(got.header.Get("x-amzn-ErrorType"), "AccessDenied"); refused != o.signed {
			t.Errorf("%s: %d %s; refused %t, want %t", name, got.status, got.body, refused, o.signed)
		}
		if !o.signed {
			continue
		}
		explained := s.adminCall(t, "Explain", `{"RequestId":"`+got.header.Get("X-Amzn-Requestid")+`"}`).body
		if !strings.Contains(explained, "policies-session-guest") || strings.Contains(explained, "PolicyArns") {
			t.Errorf("%s is explained by %s", name, explained)
		}
	}
	for service, forms := range map[string][]string{
		"iam": {"Action=ListRoles&Version=2010-05-08", "Action=ListSAMLProviders&Version=2010-05-08", "Action=DeleteRole&RoleName=Authenticated&Version=2010-05-08",
			"Action=CreatePolicy&PolicyName=p&PolicyDocument=" + url.QueryEscape(filesPolicy) + "&Version=2010-05-08"},
		"sts": {"Action=AssumeRole&RoleSessionName=me&Version=2011-06-15&RoleArn=" + url.QueryEscape(authenticatedRole),
			"Action=GetSessionToken&Version=2011-06-15"},
	} {
		for _, form := range forms {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(form))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			signBy(t, r, form, service, by)
			if got := do(t, r); got.status != http.StatusForbidden || !strings.Contains(got.body, "AccessDenied") {
				t.Errorf("%s: %d %s", form, got.status, got.body)
			}
		}
	}
	for _, operation := range []string{"SignOut", "RevokeSessions", "LookupIdentity", "LoadIdentities", "Explain"} {
		got := s.raw(t, "", "{}", false, func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "PoolhouseAdmin."+operation)
			signBy(t, r, "{}", "poolhouse", by)
		})
		if got.status == http.StatusOK {
			t.Errorf("%s: %d %s", operation, got.status, got.body)
		}
	}
	if _, err := s.signedBy(region, by.AccessKeyID, by.SecretAccessKey, by.SessionToken).DescribeIdentityPool(t.Context(),
		&ci.DescribeIdentityPoolInput{IdentityPoolId: aws.String(filesPool)}); err == nil {
		t.Error("DescribeIdentityPool by the SDK: no error")
	}
}

// signBy signs a request as an AWS SDK does.
func signBy(t *testing.T, r *http.Request, body, service string, by aws.Credentials) {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), by, r, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
		t.Fatal(err)
	}
}
