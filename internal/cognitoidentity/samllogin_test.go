package cognitoidentity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// samlWorld is a server that trusts an identity provider, with a pool.
type samlWorld struct {
	*wiretest.Server
	idp, stranger *samltest.IdP
	traces        *[]poolhouse.Trace
}

func startSAML(t *testing.T, change ...func(*ci.CreateIdentityPoolInput)) samlWorld {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	w := samlWorld{idp: samltest.New(t, now, 0), stranger: samltest.New(t, now, 1), traces: new([]poolhouse.Trace)}
	w.Server = wiretest.Start(t, func(c *poolhouse.Config) {
		c.OnTrace = func(t poolhouse.Trace) { *w.traces = append(*w.traces, t) }
		c.SAMLProviders = []poolhouse.SAMLProviderConfig{{Name: "Corp", Metadata: w.idp.Metadata()}}
		c.Roles = []poolhouse.RoleConfig{
			{ARN: wiretest.TaggedARN, TrustPolicy: `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
			"Principal": {"Federated": "cognito-identity.amazonaws.com"},
			"Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
			"Condition": {"StringEquals": {"cognito-identity.amazonaws.com:aud": "` + wiretest.SAMLPool +
				`", "aws:RequestTag/dept": "R-D", "aws:RequestTag/user": "alice"},
				"ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"}}}]}`}}
	})

	w.NewPool(t, append(change, func(in *ci.CreateIdentityPoolInput) {
		in.SamlProviderARNs = append(in.SamlProviderARNs, wiretest.SAMLARN)
		in.AllowClassicFlow = aws.Bool(true)
		in.IdentityPoolTags = map[string]string{"_custom_id_": wiretest.SAMLPool}
	})...)

	return w
}

// role signs in with a login and returns the role of the credentials.
func (w samlWorld) role(t *testing.T, l samltest.Login, custom string) (string, error) {
	t.Helper()
	logins := map[string]string{wiretest.SAMLARN: w.idp.Response(t, l)}
	id, err := w.Public().GetId(t.Context(),
		&ci.GetIdInput{IdentityPoolId: aws.String(wiretest.SAMLPool), Logins: logins})
	if err != nil {
		return "", err
	}
	in := &ci.GetCredentialsForIdentityInput{IdentityId: id.IdentityId, Logins: logins}
	if custom != "" {
		in.CustomRoleArn = &custom
	}

	out, err := w.Public().GetCredentialsForIdentity(t.Context(), in)
	if err != nil {
		return "", err
	}
	who := wiretest.Must(w.Whoami(t, *out.Credentials.AccessKeyId, *out.Credentials.SecretKey,
		*out.Credentials.SessionToken))(t)
	name, _ := strings.CutPrefix(*who.Arn, "arn:aws:sts::000000000000:assumed-role/")

	return strings.TrimSuffix(name, "/CognitoIdentityCredentials"), nil
}

func TestSAMLRoles(t *testing.T) {
	w := startSAML(t)
	swapped := samltest.Attribute{Name: samltest.Role, Values: []string{wiretest.SAMLARN + " , " + wiretest.OpsRole}}
	for name, test := range map[string]struct {
		attributes []samltest.Attribute
		custom     string
		role       string // or
		message    string // under NotAuthorizedException
		fix        string // in the trace
	}{
		"one role":        {attributes: []samltest.Attribute{wiretest.Pairs(wiretest.OpsRole)}, role: "Ops"},
		"the other order": {attributes: []samltest.Attribute{swapped}, role: "Ops"},
		"one role, named": {attributes: []samltest.Attribute{wiretest.Pairs(wiretest.OpsRole)},
			custom: wiretest.OpsRole, role: "Ops"},
		"one of several": {attributes: []samltest.Attribute{wiretest.Pairs(wiretest.OpsRole,
			wiretest.AuditRole)}, custom: wiretest.AuditRole, role: "Audit"},
		"the same role twice": {attributes: []samltest.Attribute{wiretest.Pairs(wiretest.OpsRole,
			wiretest.OpsRole)}, role: "Ops"},
		"no role attribute":       {role: "Authenticated"},
		"the default role, named": {custom: wiretest.AuthenticatedRole, role: "Authenticated"},
		"a role beside other words": {attributes: []samltest.Attribute{samltest.Roles("", "nonsense",
			wiretest.OpsRole+","+wiretest.SAMLARN, wiretest.AuditRole+","+wiretest.OtherSAML)}, role: "Ops"},
		"several, none named": {attributes: []samltest.Attribute{wiretest.Pairs(wiretest.OpsRole,
			wiretest.AuditRole)},
			message: "The login of " + wiretest.SAMLARN +
				" offers several roles: CustomRoleArn must name one of them.", fix: "CustomRoleArn"},
		"another than offered": {attributes: []samltest.Attribute{wiretest.Pairs(wiretest.OpsRole,
			wiretest.AuditRole)}, custom: wiretest.AuthenticatedRole,
			message: "Access to Role '" + wiretest.AuthenticatedRole + "' is forbidden.", fix: "offers"},
		"another than the only one": {attributes: []samltest.Attribute{wiretest.Pairs(wiretest.OpsRole)},
			custom: wiretest.AuditRole, message: "Access to Role '" + wiretest.AuditRole + "' is forbidden."},
		"through another provider": {attributes: []samltest.Attribute{samltest.Roles(wiretest.OpsRole + "," +
			wiretest.OtherSAML)},
			message: "The login of " + wiretest.SAMLARN + " offers no role through this provider.",
			fix:     wiretest.SAMLARN},
		"named, through another": {attributes: []samltest.Attribute{samltest.Roles(wiretest.OpsRole + "," +
			wiretest.OtherSAML)}, custom: wiretest.OpsRole,
			message: "The login of " + wiretest.SAMLARN + " offers no role through this provider."},
		"blank": {attributes: []samltest.Attribute{samltest.Roles("")},
			message: "The login of " + wiretest.SAMLARN + " offers no role through this provider."},
		"not offered at all": {custom: wiretest.OpsRole,
			message: "Access to Role '" + wiretest.OpsRole + "' is forbidden."},
	} {
		t.Run(name, func(t *testing.T) {
			role, err := w.role(t, samltest.Login{Attributes: test.attributes}, test.custom)
			if test.message == "" {
				if err != nil || role != test.role {
					t.Errorf("role = %q, %v; want %q", role, err, test.role)
				}
				return
			}

			wiretest.WantError(t, err, "NotAuthorizedException", test.message)
			last := (*w.traces)[len(*w.traces)-1]
			if step := last.Steps[len(last.Steps)-1]; step.OK || step.Fix == "" ||
				!strings.Contains(step.Fix, test.fix) {
				t.Errorf("the trace ends with %+v", step)
			}
		})
	}

	t.Run("a role of another account", func(t *testing.T) {
		_, err := w.role(t,
			samltest.Login{Attributes: []samltest.Attribute{wiretest.Pairs("arn:aws:iam::111111111111:role/Ops")}}, "")
		wiretest.WantError(t, err, "InvalidIdentityPoolConfigurationException", "")
	})
}

func TestSAMLIdentities(t *testing.T) {
	w := startSAML(t)
	id := func(l samltest.Login) string {
		return w.GetID(t, wiretest.SAMLPool, map[string]string{wiretest.SAMLARN: w.idp.Response(t, l)})
	}
	alice := id(samltest.Login{})
	wiretest.Equal(t, "the same user again", id(samltest.Login{}), alice)
	if id(samltest.Login{NameID: "Alice"}) == alice || id(samltest.Login{NameID: "bob"}) == alice {
		t.Error("two users share an identity")
	}
	wiretest.Equal(t, "the user of an application set up for this server",
		id(samltest.Login{Audience: w.URL, Recipient: w.URL, Destination: w.URL}), alice)

	described := wiretest.Must(w.Admin().DescribeIdentity(t.Context(),
		&ci.DescribeIdentityInput{IdentityId: &alice}))(t)
	wiretest.Equal(t, "logins", strings.Join(described.Logins, " "), wiretest.SAMLARN)
}

// A forged or misplaced assertion signs nobody in, and the trace says why
// without saying who.
func TestSAMLRefusals(t *testing.T) {
	w := startSAML(t, func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = []string{wiretest.OtherSAML} })
	good := w.idp.Unsigned(samltest.Login{NameID: "alice.cooper@example.com"})
	for name, test := range map[string]struct{ key, response, message string }{
		"unsigned": {wiretest.SAMLARN, samltest.Encode(good),
			"Invalid login token. Response signature invalid"},
		"another's key": {wiretest.SAMLARN,
			samltest.Encode(w.stranger.Sign(t, good, samltest.AssertionID, samltest.Signing{})),
			"Invalid login token. Response signature invalid"},
		"tampered": {wiretest.SAMLARN,
			samltest.Encode(strings.Replace(w.idp.Sign(t, good, samltest.AssertionID, samltest.Signing{}), "alice",
				"admin", 1)), "Invalid login token. Response signature invalid"},
		"wrong audience": {wiretest.SAMLARN,
			w.idp.Response(t, samltest.Login{NameID: "alice.cooper@example.com", Audience: "urn:other"}),
			"Invalid login token. Response does not contain the required audience."},
		"wrong recipient": {wiretest.SAMLARN,
			w.idp.Response(t, samltest.Login{NameID: "alice.cooper@example.com", Recipient: "https://other.example"}),
			"Invalid login token. Response does not contain the required audience."},
		"wrong issuer": {wiretest.SAMLARN,
			w.idp.Response(t, samltest.Login{NameID: "alice.cooper@example.com", Issuer: "https://other.example"}),
			"Invalid login token. Issuer not present in specified provider"},
		"not yet valid": {wiretest.SAMLARN,
			w.idp.Response(t, samltest.Login{NameID: "alice.cooper@example.com", NotBefore: "2999-01-01T00:00:00Z"}),
			"Invalid login token. Not a valid SAML assertion response."},
		"failed": {wiretest.SAMLARN,
			w.idp.Response(t, samltest.Login{Status: "urn:oasis:names:tc:SAML:2.0:status:Responder"}),
			"Invalid login token. The SAML response reports a failure."},
		"encrypted": {wiretest.SAMLARN,
			samltest.Encode(strings.Replace(good, "<saml:Assertion", "<saml:EncryptedAssertion/><saml:Assertion", 1)),
			"Invalid login token. Encrypted SAML assertions are not supported."},
		"no SAML": {wiretest.SAMLARN, w.Token(t, "alice"),
			"Invalid login token. Not a valid SAML assertion response."},
		"too long": {wiretest.SAMLARN, strings.Repeat("A", 50_000),
			"Invalid login token. Not a valid SAML assertion response."},
		"unregistered": {wiretest.OtherSAML, w.idp.Response(t, samltest.Login{}),
			"Token is not from a supported provider of this identity pool."},
		"not of the pool": {"arn:aws:iam::000000000000:saml-provider/None", w.idp.Response(t, samltest.Login{}),
			"Token is not from a supported provider of this identity pool."},
		"under another kind": {wiretest.DevInfo(w.Server).LoginKey, w.idp.Response(t, samltest.Login{}),
			"Invalid login token. Not a valid OpenId Connect identity token."},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Public().GetId(t.Context(),
				&ci.GetIdInput{IdentityPoolId: aws.String(wiretest.SAMLPool),
					Logins: map[string]string{test.key: test.response}})
			wiretest.WantError(t, err, "NotAuthorizedException", test.message)

			trace := (*w.traces)[len(*w.traces)-1]
			failed := false
			for _, step := range trace.Steps {
				failed = failed || !step.OK && step.Expected != "" && step.Got != "" && step.Fix != ""
				if text := step.Expected + step.Got + step.Fix; strings.Contains(text, "alice.cooper") ||
					strings.Contains(text, test.response[:100]) {
					t.Errorf("the trace holds personal data: %+v", step)
				}
			}

			if !failed {
				t.Errorf("the trace explains nothing: %+v", trace.Steps)
			}
		})
	}

	t.Run("expired", func(t *testing.T) {
		_, err := w.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: aws.String(wiretest.SAMLPool),
			Logins: map[string]string{wiretest.SAMLARN: w.idp.Response(t,
				samltest.Login{NotOnOrAfter: "2020-01-01T00:00:00Z"})}})
		if err == nil || !strings.Contains(err.Error(), "Invalid login token. Token expired: ") ||
			!strings.Contains(err.Error(), " >= 1577836800") {
			t.Errorf("error = %v", err)
		}
	})

	t.Run("classic flow", func(t *testing.T) {
		logins := map[string]string{wiretest.SAMLARN: w.idp.Response(t, samltest.Login{})}
		id := w.GetID(t, wiretest.SAMLPool, logins)
		_, err := w.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &id, Logins: logins})
		wiretest.WantError(t, err, "InvalidParameterException",
			"Basic (classic) flow is not supported with SAML, please use enhanced flow.")
	})
}

// Attributes become principal tags, and role rules read them.
func TestSAMLAttributes(t *testing.T) {
	w := startSAML(t)
	const dept, nameIdentifier = "https://aws.amazon.com/SAML/Attributes/PrincipalTag:Department",
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"
	wiretest.Must(w.Admin().SetPrincipalTagAttributeMap(t.Context(),
		&ci.SetPrincipalTagAttributeMapInput{IdentityPoolId: aws.String(wiretest.SAMLPool),
			IdentityProviderName: aws.String(wiretest.SAMLARN),
			PrincipalTags:        map[string]string{"dept": dept, "user": nameIdentifier}}))(t)

	in := func(department string) samltest.Login {
		return samltest.Login{Attributes: []samltest.Attribute{wiretest.Pairs(wiretest.TaggedARN),
			{Name: dept, Values: []string{department}}, {Name: nameIdentifier, Values: []string{"root"}}}}
	}
	role, err := w.role(t, in("R-D"), "")
	if err != nil || role != "Tagged" {
		t.Errorf("role = %q, %v", role, err)
	}

	_, err = w.role(t, in("Sales"), "")
	wiretest.WantError(t, err, "InvalidIdentityPoolConfigurationException", "")

	wiretest.Must(w.Admin().SetPrincipalTagAttributeMap(t.Context(),
		&ci.SetPrincipalTagAttributeMapInput{IdentityPoolId: aws.String(wiretest.SAMLPool),
			IdentityProviderName: aws.String(wiretest.SAMLARN), PrincipalTags: map[string]string{}}))(t)
	wiretest.Must(w.Admin().SetIdentityPoolRoles(t.Context(),
		&ci.SetIdentityPoolRolesInput{IdentityPoolId: aws.String(wiretest.SAMLPool),
			Roles: map[string]string{"authenticated": wiretest.AuthenticatedRole},
			RoleMappings: map[string]types.RoleMapping{wiretest.SAMLARN: {Type: types.RoleMappingTypeRules,
				AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeDeny,
				RulesConfiguration: &types.RulesConfigurationType{Rules: []types.MappingRule{
					{Claim: aws.String("groups"), MatchType: types.MappingRuleMatchTypeContains,
						Value: aws.String("auditors"), RoleARN: aws.String(wiretest.AuditRole)}}}}}}))(t)

	groups := func(list ...string) samltest.Login {
		return samltest.Login{Attributes: []samltest.Attribute{wiretest.Pairs(wiretest.OpsRole),
			{Name: "groups", Values: list}}}
	}
	role, err = w.role(t, groups("staff", "auditors"), "")
	if err != nil || role != "Audit" {
		t.Errorf("role by a rule of the pool = %q, %v", role, err)
	}

	_, err = w.role(t, groups("staff", "not-auditors"), "")
	wiretest.WantError(t, err, "NotAuthorizedException",
		"The ambiguous role mapping rules for: "+wiretest.SAMLARN+" denied this request.")
}

// Each fault of a SAML setting stops the start, and the message tells what to change.
func TestSAMLSettings(t *testing.T) {
	idp := samltest.New(t, time.Now(), 0)
	good := idp.Metadata()
	for name, test := range map[string]struct {
		providers []poolhouse.SAMLProviderConfig
		want      []string
	}{
		"no name": {[]poolhouse.SAMLProviderConfig{{Metadata: good}},
			[]string{"saml_providers[0].name", "use 1 to 128"}},
		"bad name": {[]poolhouse.SAMLProviderConfig{{Name: "a/b", Metadata: good}},
			[]string{`saml_providers[0].name = "a/b"`, "use 1 to 128"}},
		"the same twice": {[]poolhouse.SAMLProviderConfig{{Name: "a", Metadata: good}, {Name: "a", Metadata: good}},
			[]string{"saml_providers[1].name", "is the same provider as saml_providers[0]"}},
		"no metadata": {[]poolhouse.SAMLProviderConfig{{Name: "a"}},
			[]string{"saml_providers[0].metadata_file (a)", "export the metadata"}},
		"not metadata": {[]poolhouse.SAMLProviderConfig{{Name: "a", Metadata: "<html/>"}},
			[]string{"saml_providers[0].metadata_file (a)", "export the metadata"}},
		"several entities": {[]poolhouse.SAMLProviderConfig{{Name: "a",
			Metadata: `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>`}},
			[]string{"saml_providers[0].metadata_file", "take the EntityDescriptor"}},
		"DOCTYPE": {[]poolhouse.SAMLProviderConfig{{Name: "a", Metadata: "<!DOCTYPE x>" + good}},
			[]string{"saml_providers[0].metadata_file"}},
		"bad audience": {[]poolhouse.SAMLProviderConfig{{Name: "a", Metadata: good, Audiences: []string{"a b"}}},
			[]string{"saml_providers[0].audiences[0]", "write it as the identity provider has it"}},
		"bad recipient": {[]poolhouse.SAMLProviderConfig{{Name: "a", Metadata: good, Recipients: []string{""}}},
			[]string{"saml_providers[0].recipients[0]"}},
		"bad account": {[]poolhouse.SAMLProviderConfig{{Name: "a", Metadata: good, Account: "12"}},
			[]string{"saml_providers[0].account"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := poolhouse.New(t.Context(),
				poolhouse.Config{Dev: true, IssuerURL: "http://127.0.0.1:1", SAMLProviders: test.providers})
			if err == nil {
				_ = s.Close()
				t.Fatal("started")
			}

			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}
