package stsapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

const federatedARN = "arn:aws:sts::000000000000:federated-user/"

// keyWith makes an access key whose policy has the statements.
func (w *stsWorld) keyWith(t *testing.T, statements string) (id string, client *sts.Client) {
	t.Helper()
	key, secret, err := w.keys.Create(t.Context(), iam.NewAccessKey{
		Account: identitypool.AccountID(w.Account()),
		Policy:  wiretest.PolicyOf(statements),
	})
	if err != nil {
		t.Fatal(err)
	}
	return key.ID, w.client(key.ID, secret, "")
}

// pools calls the identity pools API with temporary credentials.
func (w *stsWorld) pools(c *ststypes.Credentials) *ci.Client {
	return w.SignedBy(wiretest.Region, *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

func canList(t *testing.T, c *ci.Client) bool {
	t.Helper()
	_, err := c.ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
	if err != nil && !strings.Contains(err.Error(), "not authorized") {
		t.Fatal(err)
	}
	return err == nil
}

const (
	mayFederate = `{"Effect":"Allow","Action":"sts:GetFederationToken","Resource":"` + federatedARN + `team-*"}`
	mayTag      = `{"Effect":"Allow","Action":"sts:TagSession","Resource":"` + federatedARN + `*",` +
		`"Condition":{"StringEquals":{"aws:RequestTag/team":"red"}}}`
	mayList     = `{"Effect":"Allow","Action":"cognito-identity:ListIdentityPools","Resource":"*"}`
	mayDescribe = `{"Effect":"Allow","Action":"cognito-identity:DescribeIdentityPool","Resource":"*"}`
)

// federated asks for credentials of a federated user.
func federated(
	t *testing.T, by *sts.Client, name string, change ...func(*sts.GetFederationTokenInput),
) *sts.GetFederationTokenOutput {
	t.Helper()
	in := &sts.GetFederationTokenInput{Name: &name}
	for _, f := range change {
		f(in)
	}
	return wiretest.Must(by.GetFederationToken(t.Context(), in))(t)
}

// inline gives a federated user a session policy.
func inline(statements string) func(*sts.GetFederationTokenInput) {
	return func(in *sts.GetFederationTokenInput) { in.Policy = aws.String(wiretest.PolicyOf(statements)) }
}

func TestGetFederationToken(t *testing.T) {
	w := startSTS(t)
	_, key := w.keyWith(t, mayFederate+","+mayTag+","+mayList+","+mayDescribe)

	out := federated(t, key, "team-bob", inline(mayList), func(in *sts.GetFederationTokenInput) {
		in.DurationSeconds = aws.Int32(900)
		in.Tags = []ststypes.Tag{{Key: aws.String("team"), Value: aws.String("red")}}
	})
	wiretest.Equal(t, "ARN", *out.FederatedUser.Arn, federatedARN+"team-bob")
	wiretest.Equal(t, "ID", *out.FederatedUser.FederatedUserId, "000000000000:team-bob")
	if out.PackedPolicySize == nil || *out.PackedPolicySize < 1 || *out.PackedPolicySize > 100 {
		t.Errorf("PackedPolicySize %v", out.PackedPolicySize)
	}
	if d := time.Until(*out.Credentials.Expiration); d > 15*time.Minute || d < 14*time.Minute {
		t.Errorf("they last %v", d)
	}

	who := wiretest.Must(w.by(out.Credentials).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t)
	wiretest.Equal(t, "caller", *who.Arn+" "+*who.UserId+" "+*who.Account,
		federatedARN+"team-bob 000000000000:team-bob 000000000000")

	// What both allow, and neither alone.
	if !canList(t, w.pools(out.Credentials)) {
		t.Error("a federated user may not do what its session policy and its key allow")
	}
	_, err := w.pools(out.Credentials).DescribeIdentityPool(
		t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: &w.pool})
	wiretest.WantError(t, err, "AccessDeniedException", "")
	w.refusedWith(t, "create the session with a Policy")
	wide := federated(t, key, "team-eve", inline(wiretest.AllowAllStatement)).Credentials
	_, err = w.pools(wide).DeleteIdentityPool(t.Context(), &ci.DeleteIdentityPoolInput{IdentityPoolId: &w.pool})
	wiretest.WantError(t, err, "AccessDeniedException", "")
	w.refusedWith(t, "create one with a policy that allows it")

	// Without a session policy there is nothing but GetCallerIdentity.
	none := federated(t, key, "team-nil")
	if none.PackedPolicySize != nil {
		t.Errorf("PackedPolicySize %d without policies and tags", *none.PackedPolicySize)
	}
	if d := time.Until(*none.Credentials.Expiration); d > 12*time.Hour || d < 12*time.Hour-time.Minute {
		t.Errorf("by default they last %v", d)
	}
	wiretest.Must(w.by(none.Credentials).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t)
	if canList(t, w.pools(none.Credentials)) {
		t.Error("a federated user without session policies may do what its key may")
	}
	w.refusedWith(t, "call GetFederationToken with a Policy")
}

// Managed policies are of the key's account, or of AWS.
func TestGetFederationTokenManagedPolicies(t *testing.T) {
	w := startSTS(t)
	_, key := w.keyWith(t, mayFederate+","+mayList)
	made := wiretest.Must(w.IAM().CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{
		PolicyName:     aws.String("listing"),
		PolicyDocument: aws.String(wiretest.PolicyOf(mayList)),
	}))(t).Policy.Arn
	with := func(arn string) func(*sts.GetFederationTokenInput) {
		return func(in *sts.GetFederationTokenInput) {
			in.PolicyArns = []ststypes.PolicyDescriptorType{{Arn: &arn}}
		}
	}

	for _, arn := range []string{*made, "arn:aws:iam::aws:policy/AdministratorAccess"} {
		if !canList(t, w.pools(federated(t, key, "team-bob", with(arn)).Credentials)) {
			t.Errorf("%s allows nothing", arn)
		}
	}
	for _, arn := range []string{
		"arn:aws:iam::111111111111:policy/listing", "arn:aws:iam::aws:policy/AmazonS3FullAccess",
		"arn:aws:iam::000000000000:role/may/Home",
	} {
		in := &sts.GetFederationTokenInput{Name: aws.String("team-bob")}
		with(arn)(in)
		_, err := key.GetFederationToken(t.Context(), in)
		wiretest.WantError(t, err, "ValidationError", "Policy "+arn+" does not exist or is not attachable.")
	}
}

func TestGetFederationTokenRefusals(t *testing.T) {
	w := startSTS(t)
	id, key := w.keyWith(t, mayFederate+","+mayTag)
	denied := func(action, name string) string {
		return "User: arn:aws:iam::000000000000:user/poolhouse/" + id + " is not authorized to perform: " + action +
			" on resource: " + federatedARN + name
	}
	tag := func(pairs ...string) func(*sts.GetFederationTokenInput) {
		return func(in *sts.GetFederationTokenInput) {
			for i := 0; i < len(pairs); i += 2 {
				in.Tags = append(in.Tags, ststypes.Tag{Key: &pairs[i], Value: &pairs[i+1]})
			}
		}
	}

	policy := func(text string) func(*sts.GetFederationTokenInput) {
		return func(in *sts.GetFederationTokenInput) { in.Policy = &text }
	}
	lasting := func(seconds int32) func(*sts.GetFederationTokenInput) {
		return func(in *sts.GetFederationTokenInput) { in.DurationSeconds = &seconds }
	}
	many := []string{"team", "red"}
	for i := range 49 {
		many = append(many, fmt.Sprintf("key%d", i), strings.Repeat("v", 100))
	}

	const bob = "team-bob"
	for name, test := range map[string]struct {
		name, code, message string
		change              func(*sts.GetFederationTokenInput)
	}{
		"another name": {"other", "AccessDenied", denied("sts:GetFederationToken", "other"), nil},
		"tags":         {bob, "AccessDenied", denied("sts:TagSession", bob), tag("team", "blue")},
		"a tag twice": {bob, "ValidationError",
			"Duplicate tag keys found. Please note that Tag keys are case insensitive.",
			tag("team", "red", "x", "1", "X", "2")},
		"a reserved tag":  {bob, "ValidationError", "", tag("team", "red", "aws:x", "y")},
		"no policy":       {bob, "MalformedPolicyDocument", "", policy("{}")},
		"a builtin name":  {bob, "MalformedPolicyDocument", "", policy("builtin:guest")},
		"a long policy":   {bob, "ValidationError", "", policy(strings.Repeat(" ", 2049))},
		"too short":       {bob, "ValidationError", "", lasting(899)},
		"too long":        {bob, "ValidationError", "", lasting(129601)},
		"a short name":    {"t", "ValidationError", "", nil},
		"a long name":     {"team-" + strings.Repeat("b", 28), "ValidationError", "", nil},
		"a path for name": {"team-a/b", "ValidationError", "", nil},
		"too large": {bob, "PackedPolicyTooLarge",
			"The session policies and session tags do not fit the session token.", tag(many...)},
	} {
		t.Run(name, func(t *testing.T) {
			in := &sts.GetFederationTokenInput{Name: &test.name}
			if test.change != nil {
				test.change(in)
			}
			_, err := key.GetFederationToken(t.Context(), in)
			wiretest.WantError(t, err, test.code, test.message)
		})
	}

	_, err := w.anonymous().GetFederationToken(t.Context(), &sts.GetFederationTokenInput{Name: aws.String("team-bob")})
	wiretest.WantError(t, err, "MissingAuthenticationToken", "")
}

// Nobody gets more by naming a federated user: neither with temporary credentials, nor from
// another API of this server.
func TestFederatedUsersCannotGainMore(t *testing.T) {
	w := startSTS(t)
	root := w.client("test", "test", "")
	eve := federated(t, root, "eve", inline(wiretest.AllowAllStatement))
	by := w.by(eve.Credentials)
	role := &sts.AssumeRoleInput{
		RoleArn:         aws.String(wiretest.RolePrefix + "may/Home"),
		RoleSessionName: aws.String("s1"),
	}

	// The same calls succeed with the key itself.
	wiretest.Must(root.AssumeRole(t.Context(), role))(t)
	wiretest.Must(w.IAM().ListRoles(t.Context(), &iamclient.ListRolesInput{}))(t)

	_, err := by.AssumeRole(t.Context(), role)
	wiretest.WantError(t, err, "AccessDenied", "User: "+federatedARN+"eve is not authorized to perform: "+
		"sts:AssumeRole on resource: "+wiretest.RolePrefix+"may/Home")
	_, err = by.GetSessionToken(t.Context(), &sts.GetSessionTokenInput{})
	wiretest.WantError(t, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	_, err = by.GetAccessKeyInfo(t.Context(), &sts.GetAccessKeyInfoInput{AccessKeyId: eve.Credentials.AccessKeyId})
	wiretest.WantError(t, err, "AccessDenied", "")
	_, err = w.IAMBy(*eve.Credentials.AccessKeyId, *eve.Credentials.SecretAccessKey, *eve.Credentials.SessionToken).
		ListRoles(t.Context(), &iamclient.ListRolesInput{})
	wiretest.WantError(t, err, "AccessDenied", "")
	_, err = w.pools(eve.Credentials).SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: &w.pool,
		Roles:          map[string]string{"authenticated": wiretest.AuthenticatedRole},
	})
	if err == nil {
		t.Error("a federated user passed a role")
	}
	wiretest.Must(w.pools(eve.Credentials).DescribeIdentityPool(t.Context(),
		&ci.DescribeIdentityPoolInput{IdentityPoolId: &w.pool}))(t)

	session := wiretest.Must(root.GetSessionToken(t.Context(), &sts.GetSessionTokenInput{}))(t).Credentials
	assumed := wiretest.Must(root.AssumeRole(t.Context(), role))(t).Credentials
	for name, c := range map[string]*ststypes.Credentials{
		"federated user": eve.Credentials, "session token": session, "role": assumed,
	} {
		_, err := w.by(c).GetFederationToken(t.Context(), &sts.GetFederationTokenInput{Name: aws.String("mallory")})
		wiretest.WantError(t, err, "AccessDenied", "Cannot call GetFederationToken with session credentials")
		if err == nil {
			t.Error(name)
		}
	}
	w.refusedWith(t, "sign with an access key")

	// A service outside accepts role sessions only.
	today := time.Now().UTC().Format("20060102")
	verify := func(c *ststypes.Credentials) wiretest.Answer {
		return w.AdminCall(t, "VerifySession", fmt.Sprintf(
			`{"AccessKeyId":%q,"SessionToken":%q,"Date":%q,"Region":"us-east-1","Service":"execute-api"}`,
			*c.AccessKeyId, *c.SessionToken, today))
	}
	if got := verify(assumed); got.Status != http.StatusOK {
		t.Fatalf("a role's session is not verified: %+v", got)
	}
	if got := verify(eve.Credentials); got.Status != http.StatusBadRequest ||
		!strings.Contains(got.Body, "InvalidSessionException") {
		t.Errorf("VerifySession of a federated user: %+v", got)
	}
}

// The credentials end with their key, and when they are revoked.
func TestFederatedUsersEnd(t *testing.T) {
	w := startSTS(t)
	id, key := w.keyWith(t, mayFederate+","+mayList)
	alive := func(c *ststypes.Credentials) bool {
		_, err := w.by(c).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if err != nil {
			wiretest.WantError(t, err, "InvalidClientTokenId", "The security token included in the request is invalid.")
		}
		return err == nil
	}

	one := federated(t, key, "team-one", inline(mayList)).Credentials
	other := federated(t, key, "team-two", inline(mayList)).Credentials
	if got := w.AdminCall(t, "RevokeSessions", `{"AccessKeyId":"`+*one.AccessKeyId+`"}`); got.Status != http.StatusOK {
		t.Fatalf("%+v", got)
	}
	if alive(one) || !alive(other) {
		t.Errorf("after a revocation: %v, %v; want only the other one alive", alive(one), alive(other))
	}

	if err := w.keys.SetDisabled(t.Context(), id, true); err != nil {
		t.Fatal(err)
	}
	w.ahead.Add(int64(iam.MaxCacheLifetime))
	if alive(other) {
		t.Error("a federated user outlives its disabled key")
	}

	root := federated(t, w.client("test", "test", ""), "bob", func(in *sts.GetFederationTokenInput) {
		in.DurationSeconds = aws.Int32(129600)
	})
	if d := root.Credentials.Expiration.Sub(time.Now().Add(time.Duration(w.ahead.Load()))); d > time.Hour {
		t.Errorf("root's last %v", d)
	}
}

// In another partition the ARN is the region's, and policies may name it that way.
func TestFederatedUsersInPartitions(t *testing.T) {
	w := startSTS(t)
	key, secret, err := w.keys.Create(t.Context(), iam.NewAccessKey{
		Account: identitypool.AccountID(w.Account()),
		Policy: wiretest.PolicyOf(strings.ReplaceAll(mayFederate, "arn:aws:", "arn:aws-cn:") +
			`,{"Effect":"Allow","Action":"cognito-identity:ListIdentityPools","Resource":"*",` +
			`"Condition":{"StringEquals":{"aws:PrincipalArn":"arn:aws-cn:sts::000000000000:federated-user/team-li"}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	in := func(region string) *sts.Client {
		o := w.client(key.ID, secret, "").Options()
		o.Region = region
		return sts.New(o)
	}

	out := federated(t, in("cn-north-1"), "team-li", inline(mayList))
	wiretest.Equal(t, "ARN", *out.FederatedUser.Arn, "arn:aws-cn:sts::000000000000:federated-user/team-li")
	list := func(region string) error {
		c := out.Credentials
		_, err := w.SignedBy(region, *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken).
			ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
		return err
	}
	if err := list("cn-north-1"); err != nil {
		t.Error(err)
	}
	if err := list("us-gov-west-1"); err == nil {
		t.Error("an Allow for one partition's ARN holds in another")
	}
	_, err = in("us-east-1").GetFederationToken(t.Context(), &sts.GetFederationTokenInput{Name: aws.String("team-li")})
	wiretest.WantError(t, err, "AccessDenied", "")
}
