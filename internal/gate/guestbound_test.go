package gate_test

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
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// A guest of the enhanced flow may call nothing that is signed, however generous
// its role is: what AWS's bound leaves to guests are services, not the management
// of identities, roles or sessions. The same guest under no bound is the control.
func TestGuestsMayCallNothingThatIsSigned(t *testing.T) {
	generous := func(bound string) func(*poolhouse.Config) {
		return func(c *poolhouse.Config) {
			wiretest.Files(c)

			c.GuestPolicy = bound
			for n := range c.Roles {
				c.Roles[n].Policies = map[string]string{
					"all": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
				}
			}
		}
	}

	const developer = "GetOpenIdTokenForDeveloperIdentity"
	call := func(s *wiretest.Server, by aws.Credentials, name, identity string) wiretest.Answer {
		body := strings.NewReplacer("POOL", wiretest.FilesPool, "IDENTITY",
			identity).Replace(wiretest.Operations[name].Input)
		return s.Raw(t, name, body, false, func(r *http.Request) { signBy(t, r, body, "cognito-identity", by) })
	}

	free := wiretest.Start(t, generous("off"))
	free.FilesPool(t)
	if got := call(free, free.User(t, nil).Key, developer, ""); got.Status != http.StatusOK {
		t.Errorf("%s without a bound: %d %s", developer, got.Status, got.Body)
	}

	s := wiretest.Start(t, generous("aws"))
	s.FilesPool(t)

	identity, by := s.GetID(t, wiretest.FilesPool, nil), s.User(t, nil).Key
	for name, o := range wiretest.Operations {
		got := call(s, by, name, identity)
		if refused := strings.Contains(got.Header.Get("x-amzn-ErrorType"), "AccessDenied"); refused != o.Signed {
			t.Errorf("%s: %d %s; refused %t, want %t", name, got.Status, got.Body, refused, o.Signed)
		}
		if !o.Signed {
			continue
		}

		explained := s.AdminCall(t, "Explain", `{"RequestId":"`+got.Header.Get("X-Amzn-Requestid")+`"}`).Body
		if !strings.Contains(explained, "policies-session-guest") || strings.Contains(explained, "PolicyArns") {
			t.Errorf("%s is explained by %s", name, explained)
		}
	}

	for service, forms := range map[string][]string{
		"iam": {"Action=ListRoles&Version=2010-05-08", "Action=ListSAMLProviders&Version=2010-05-08",
			"Action=DeleteRole&RoleName=Authenticated&Version=2010-05-08",
			"Action=CreatePolicy&PolicyName=p&PolicyDocument=" + url.QueryEscape(wiretest.FilesPolicy) +
				"&Version=2010-05-08"},
		"sts": {"Action=AssumeRole&RoleSessionName=me&Version=2011-06-15&RoleArn=" +
			url.QueryEscape(wiretest.AuthenticatedRole),
			"Action=GetSessionToken&Version=2011-06-15"},
	} {
		for _, form := range forms {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(form))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			signBy(t, r, form, service, by)
			if got := wiretest.Do(t, r); got.Status != http.StatusForbidden ||
				!strings.Contains(got.Body, "AccessDenied") {
				t.Errorf("%s: %d %s", form, got.Status, got.Body)
			}
		}
	}

	for _, operation := range []string{"SignOut", "RevokeSessions", "LookupIdentity", "LoadIdentities", "Explain"} {
		got := s.Raw(t, "", "{}", false, func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "PoolhouseAdmin."+operation)
			signBy(t, r, "{}", "poolhouse", by)
		})
		if got.Status == http.StatusOK {
			t.Errorf("%s: %d %s", operation, got.Status, got.Body)
		}
	}

	if _, err := s.SignedBy(wiretest.Region, by.AccessKeyID, by.SecretAccessKey,
		by.SessionToken).DescribeIdentityPool(t.Context(),
		&ci.DescribeIdentityPoolInput{IdentityPoolId: aws.String(wiretest.FilesPool)}); err == nil {
		t.Error("DescribeIdentityPool by the SDK: no error")
	}
}

// signBy signs a request as an AWS SDK does.
func signBy(t *testing.T, r *http.Request, body, service string, by aws.Credentials) {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), by, r, hex.EncodeToString(sum[:]), service, wiretest.Region,
		time.Now()); err != nil {
		t.Fatal(err)
	}
}
