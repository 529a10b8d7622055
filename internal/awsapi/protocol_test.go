package awsapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// No administrative call passes without a valid signature, in whatever way it
// is missing or wrong; and nothing about it depends on the path.
func TestEveryOperationUnsigned(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	identity := s.GetID(t, pool, nil)
	wiretest.Equal(t, "operations", len(wiretest.Operations), 23)

	wrong := map[string]struct {
		change func(*http.Request)
		want   string
	}{
		"no signature": {func(r *http.Request) { r.Header.Del("Authorization") },
			"MissingAuthenticationTokenException"},
		"changed signature": {
			func(r *http.Request) { r.Header.Set("Authorization", flipLast(r.Header.Get("Authorization"))) },
			"InvalidSignatureException",
		},
		"unknown key": {func(r *http.Request) {
			r.Header.Set("Authorization",
				strings.Replace(r.Header.Get("Authorization"), "Credential=test/", "Credential=nobody/", 1))
		}, "UnrecognizedClientException"},
		"another operation": {func(r *http.Request) { r.Header.Set("X-Amz-Target", "X.ListIdentityPools") },
			"InvalidSignatureException"},
		"another service": {func(r *http.Request) {
			r.Header.Set("Authorization",
				strings.Replace(r.Header.Get("Authorization"), "/cognito-identity/", "/sts/", 1))
		}, "InvalidSignatureException"},
		"another region": {func(r *http.Request) {
			r.Header.Set("Authorization",
				strings.Replace(r.Header.Get("Authorization"), "/us-east-1/", "/eu-west-1/", 1))
		}, "InvalidSignatureException"},
		"basic authentication": {func(r *http.Request) { r.SetBasicAuth("test", "test") },
			"MissingAuthenticationTokenException"},
		"unsigned amz header": {func(r *http.Request) { r.Header.Set("X-Amz-Extra", "1") },
			"InvalidSignatureException"},
		"keys in the query": {func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "X-Amz-Credential=test%2F20260101%2Fus-east-1%2Fcognito-identity%2Faws4_request&" +
				"X-Amz-Signature=00"
		}, "IncompleteSignatureException"},
		"other path": {func(r *http.Request) { r.Header.Del("Authorization"); r.URL.Path = "/svc/cognito" },
			"MissingAuthenticationTokenException"},
	}

	for operation, o := range wiretest.Operations {
		body := strings.NewReplacer("POOL", pool, "IDENTITY", identity).Replace(o.Input)
		for name, w := range wrong {
			if name == "another operation" && operation == "ListIdentityPools" || !o.Signed {
				continue
			}
			got := s.Raw(t, operation, body, true, w.change)
			if got.Status != http.StatusBadRequest || got.Header.Get("x-amzn-ErrorType") != w.want+":" {
				t.Errorf("%s with %s: %d %s", operation, name, got.Status, got.Body)
			}
		}
	}

	list := wiretest.Must(s.Admin().DescribeIdentityPool(t.Context(),
		&ci.DescribeIdentityPoolInput{IdentityPoolId: &pool}))(t)
	wiretest.Equal(t, "pool is unchanged", *list.IdentityPoolName, "test pool")
}

func flipLast(s string) string {
	last := byte('0')
	if s[len(s)-1] == '0' {
		last = '1'
	}
	return s[:len(s)-1] + string(last)
}

func TestPublicOperationsTolerateSignatures(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	for name, change := range map[string]func(*http.Request){
		"good": func(*http.Request) {},
		"bad":  func(r *http.Request) { r.Header.Set("Authorization", flipLast(r.Header.Get("Authorization"))) },
		"junk": func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") },
	} {
		if got := s.Raw(t, "GetId", `{"IdentityPoolId":"`+pool+`"}`, true, change); got.Status != http.StatusOK {
			t.Errorf("%s signature: %d %s", name, got.Status, got.Body)
		}
	}
}

// Every answer carries what clients need: type twice, message twice, request
// ID, date, CORS.
func TestErrorEnvelope(t *testing.T) {
	s := wiretest.Start(t)
	got := s.Raw(t, "GetId", `{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000000"}`, false)
	const message = "IdentityPool 'us-east-1:00000000-0000-4000-8000-000000000000' not found."
	wiretest.Equal(t, "status", got.Status, 400)
	wiretest.Equal(t, "body", got.Body, `{"__type":"ResourceNotFoundException","message":"`+message+`"}`)

	for name, want := range map[string]string{
		"Content-Type": "application/x-amz-json-1.1", "X-Amzn-Errortype": "ResourceNotFoundException:",
		"X-Amzn-Errormessage":           message,
		"Access-Control-Allow-Origin":   "*",
		"Access-Control-Expose-Headers": "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date,Retry-After",
	} {
		wiretest.Equal(t, name, got.Header.Get(name), want)
	}

	if got.Header.Get("Date") == "" || len(got.Header.Get("X-Amzn-Requestid")) != 36 {
		t.Errorf("Date %q, request ID %q", got.Header.Get("Date"), got.Header.Get("X-Amzn-Requestid"))
	}
}

// Accounts and regions never see each other's pools and identities, and cannot
// tell them from none.
func TestAccountsAndRegionsAreApart(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	identity := s.GetID(t, pool, nil)
	elsewhere := s.SignedBy("eu-west-1", "test", "test", "")
	_, err := elsewhere.DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: &pool})
	wiretest.WantError(t, err, "ResourceNotFoundException", "IdentityPool '"+pool+"' not found.")

	_, err = elsewhere.DescribeIdentity(t.Context(), &ci.DescribeIdentityInput{IdentityId: &identity})
	wiretest.WantError(t, err, "ResourceNotFoundException", "Identity '"+identity+"' not found.")
	list := wiretest.Must(elsewhere.ListIdentityPools(t.Context(),
		&ci.ListIdentityPoolsInput{MaxResults: aws.Int32(60)}))(t)
	wiretest.Equal(t, "pools seen from another region", len(list.IdentityPools), 0)
	wiretest.Must(elsewhere.DeleteIdentities(t.Context(),
		&ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{identity}}))(t)
	wiretest.Must(s.Admin().DescribeIdentity(t.Context(), &ci.DescribeIdentityInput{IdentityId: &identity}))(t)

	other := wiretest.Must(elsewhere.CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")}))(t)
	if !strings.HasPrefix(*other.IdentityPoolId, "eu-west-1:") {
		t.Errorf("pool ID %s does not begin with its region", *other.IdentityPoolId)
	}
}

// A pool's roles must be roles of its account; mappings must name its providers.
func TestSetIdentityPoolRolesRefusals(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	for name, test := range map[string]struct{ body, code, message string }{
		"not an ARN": {`"Roles":{"authenticated":"aaaaaaaaaaaaaaaaaaaaa"}`, "NotAuthorizedException",
			"Access to Role 'aaaaaaaaaaaaaaaaaaaaa' is forbidden."},
		"another account": {`"Roles":{"authenticated":"arn:aws:iam::111111111111:role/x"}`, "NotAuthorizedException",
			"Access to Role 'arn:aws:iam::111111111111:role/x' is forbidden."},
		"role kind": {`"Roles":{"admin":"arn:aws:iam::000000000000:role/x"}`, "ValidationException", ""},
		"unknown provider": {
			`"Roles":{},"RoleMappings":{"https://idp.example":{"Type":"Token","AmbiguousRoleResolution":"Deny"}}`,
			"InvalidParameterException",
			"(https://idp.example) is not a valid RoleMapping ProviderName or is not a configured provider.",
		},
		"no resolution": {`"Roles":{},"RoleMappings":{"PROVIDER":{"Type":"Token"}}`, "InvalidParameterException", ""},
		"no rules": {
			`"Roles":{},"RoleMappings":{"PROVIDER":{"Type":"Rules","AmbiguousRoleResolution":"Deny"}}`,
			"InvalidParameterException", "",
		},
		"role of a rule": {`"Roles":{},"RoleMappings":{"PROVIDER":{"Type":"Rules","AmbiguousRoleResolution":"Deny",` +
			`"RulesConfiguration":{"Rules":[{"Claim":"a","MatchType":"Equals","Value":"b",` +
			`"RoleARN":"arn:aws:iam::111111111111:role/x"}]}}}`,
			"NotAuthorizedException", "Access to Role 'arn:aws:iam::111111111111:role/x' is forbidden."},
	} {
		body := strings.ReplaceAll(`{"IdentityPoolId":"`+pool+`",`+test.body+`}`, "PROVIDER",
			wiretest.DevInfo(s).OIDCProviderARN)
		got := s.Raw(t, "SetIdentityPoolRoles", body, true)
		if got.Header.Get("x-amzn-ErrorType") != test.code+":" || test.message != "" &&
			got.Header.Get("x-amzn-ErrorMessage") != test.message {
			t.Errorf("%s: %s", name, got.Body)
		}
	}

	roles := wiretest.Must(s.Admin().GetIdentityPoolRoles(t.Context(),
		&ci.GetIdentityPoolRolesInput{IdentityPoolId: &pool}))(t)
	wiretest.Equal(t, "roles after refusals", roles.Roles["authenticated"], wiretest.AuthenticatedRole)
	wiretest.Must(s.Admin().SetIdentityPoolRoles(t.Context(),
		&ci.SetIdentityPoolRolesInput{IdentityPoolId: &pool, Roles: map[string]string{}}))(t)

	roles = wiretest.Must(s.Admin().GetIdentityPoolRoles(t.Context(),
		&ci.GetIdentityPoolRolesInput{IdentityPoolId: &pool}))(t)
	wiretest.Equal(t, "roles after clearing", len(roles.Roles), 0)
}

// Roles of the settings: their trust policy is really evaluated.
func TestTrustPolicyDecides(t *testing.T) {
	const pool = "us-east-1:11111111-2222-3333-4444-555555555555"
	trust := func(actions, aud, amr string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":` + actions + `,
			"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + aud +
			`"},"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"` + amr + `"}}}]}`
	}

	const assume, assumeAndTag = `"sts:AssumeRoleWithWebIdentity"`, `["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`
	for name, test := range map[string]struct {
		trust   string
		tags    bool
		allowed bool
	}{
		"trusts the pool's users": {trust(assume, pool, "authenticated"), false, true},
		"trusts guests only":      {trust(assume, pool, "unauthenticated"), false, false},
		"trusts another pool": {
			trust(assume, "us-east-1:99999999-2222-3333-4444-555555555555", "authenticated"), false, false,
		},
		"tags without TagSession":    {trust(assume, pool, "authenticated"), true, false},
		"tags with TagSession":       {trust(assumeAndTag, pool, "authenticated"), true, true},
		"trusts the login provider":  {trust(assume, pool, "127.0.0.1*"), false, true},
		"trusts another action only": {trust(`"sts:AssumeRole"`, pool, "authenticated"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := wiretest.Start(t, func(c *poolhouse.Config) {
				c.AcceptUnknownRoles = false
				c.Roles = []poolhouse.RoleConfig{{ARN: wiretest.StrictRole, TrustPolicy: test.trust}}
			})
			s.NewPool(t,
				func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{"_custom_id_": pool} })
			wiretest.Must(
				s.Admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
					IdentityPoolId: aws.String(pool),
					Roles:          map[string]string{"authenticated": wiretest.StrictRole},
				}),
			)(t)

			if test.tags {
				wiretest.Must(s.Admin().SetPrincipalTagAttributeMap(t.Context(),
					&ci.SetPrincipalTagAttributeMapInput{IdentityPoolId: aws.String(pool),
						IdentityProviderName: aws.String(wiretest.DevInfo(s).LoginKey),
						UseDefaults:          aws.Bool(true)}))(t)
			}

			logins := s.Logins(t, "alice")
			id := s.GetID(t, pool, logins)
			_, err := s.Public().GetCredentialsForIdentity(t.Context(),
				&ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins})
			if test.allowed {
				if err != nil {
					t.Error(err)
				}
				return
			}

			wiretest.WantError(t, err, "InvalidIdentityPoolConfigurationException",
				"Invalid identity pool configuration. Check assigned IAM roles for this pool.")
		})
	}
}

func TestUnknownRolesAreRefusedWhenStrict(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.AcceptUnknownRoles = false })
	pool := s.NewPool(t)
	guest := s.GetID(t, pool, nil)
	_, err := s.Public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &guest})
	wiretest.WantError(t, err, "InvalidIdentityPoolConfigurationException",
		"Invalid identity pool configuration. Check assigned IAM roles for this pool.")
}

// A refusal can be asked about afterwards, by its account and region only.
func TestExplain(t *testing.T) {
	var seen poolhouse.Trace
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.OnTrace = func(t poolhouse.Trace) { seen = t } })
	pool := s.NewPool(t)
	_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{
		IdentityPoolId: &pool,
		Logins:         s.Logins(t, "alice", func(r *poolhouse.DevTokenRequest) { r.Audience = "other" }),
	})
	wiretest.WantError(t, err, "NotAuthorizedException", "")

	var failed *poolhouse.Trace
	for _, step := range seen.Steps {
		if !step.OK && strings.Contains(step.Expected, wiretest.DevInfo(s).Audience) &&
			strings.Contains(step.Got, "other") && step.Fix != "" {
			failed = &seen
		}
	}

	if failed == nil {
		t.Fatalf("no step says which audience was expected: %+v", seen)
	}
	body := `{"RequestId":"` + seen.RequestID + `"}`
	got := s.AdminCall(t, "Explain", body)
	var out struct {
		Outcome string
		Steps   []struct{ Check, Fix string }
	}
	if err := json.Unmarshal([]byte(got.Body), &out); err != nil || out.Outcome != "NotAuthorizedException" ||
		len(out.Steps) != len(seen.Steps) {
		t.Errorf("Explain = %s, %v", got.Body, err)
	}

	if unknown := s.AdminCall(t, "Explain", `{"RequestId":"nope"}`); unknown.Header.Get("x-amzn-ErrorType") !=
		"ResourceNotFoundException:" {
		t.Errorf("unknown request ID: %s", unknown.Body)
	}

	if strings.Contains(got.Body, "eyJ") {
		t.Error("the trace holds a token")
	}
}

func TestLookupIdentity(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	id := s.GetID(t, pool, s.Logins(t, "alice"))
	want := `{"IdentityId":"` + id + `","IdentityPoolId":"` + pool +
		`","Disabled":false,"Logins":[{"ProviderName":"` + wiretest.DevInfo(s).LoginKey +
		`","Subject":"alice","Kind":"public"}]}`
	wiretest.Equal(t, "by login",
		s.AdminCall(t, "LookupIdentity", `{"IdentityPoolId":"`+pool+`","ProviderName":"`+wiretest.DevInfo(s).LoginKey+
			`","Subject":"alice"}`).Body, want)
	wiretest.Equal(t, "by identity", s.AdminCall(t, "LookupIdentity", `{"IdentityId":"`+id+`"}`).Body, want)
	wiretest.Equal(t, "unknown",
		s.AdminCall(t, "LookupIdentity", `{"IdentityPoolId":"`+pool+`","ProviderName":"`+wiretest.DevInfo(s).LoginKey+
			`","Subject":"Alice"}`).Header.Get("x-amzn-ErrorType"), "ResourceNotFoundException:")
	wiretest.Equal(t, "neither", s.AdminCall(t, "LookupIdentity", `{}`).Header.Get("x-amzn-ErrorType"),
		"InvalidParameterException:")
}
