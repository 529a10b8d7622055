package stsapi_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// warnings keeps what a server logs.
type warnings struct{ wiretest.SafeBuffer }

func (w *warnings) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func awsTrust(principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal +
		`"},"Action":"sts:AssumeRole"}]}`
}

// What trust policies are refused when they are written, by both operations that
// write one, with IAM's code and text.
func TestTrustPolicyRefusals(t *testing.T) {
	traces := make(chan poolhouse.Trace, 1)
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.AcceptUnknownRoles = false
		c.OnTrace = func(t poolhouse.Trace) { traces <- t }
	})
	why := func() (trace poolhouse.Trace) {
		select {
		case trace = <-traces:
		default: // nothing was refused
		}
		return trace
	}

	s.NewIAMRole(t, "Stays", wiretest.AccountTrust)

	const (
		cognito = "A condition block must be present for the Cognito provider: Statement[0] must name whole " +
			"identity pools by StringEquals on " +
			"cognito-identity.amazonaws.com:aud, or any pool could assume the role; "
		actions   = "AssumeRole policy may only specify STS AssumeRole actions."
		principal = `Invalid principal in policy: "AWS":"`
		aud       = `"cognito-identity.amazonaws.com:aud"`
	)
	for _, test := range []struct{ name, trust, message string }{
		{"a pattern of regions", wiretest.ConditionTrust(`{"StringLike":{` + aud + `:"us-*"}}`),
			cognito + `StringLike "us-*" is not one`},
		{"a pattern of a region", wiretest.ConditionTrust(`{"StringLike":{` + aud + `:"us-east-1:*"}}`),
			cognito + `StringLike "us-east-1:*" is not one`},
		{"no condition", wiretest.ConditionTrust(`{}`), cognito + "it has no such condition"},
		{"IfExists", wiretest.ConditionTrust(`{"StringEqualsIfExists":{` + aud + `:"` + wiretest.STSPool + `"}}`),
			cognito + `StringEqualsIfExists "` + wiretest.STSPool + `" is not one`},
		{"ForAllValues",
			wiretest.ConditionTrust(`{"ForAllValues:StringEquals":{` + aud + `:"` + wiretest.STSPool + `"}}`),
			cognito + `ForAllValues:StringEquals "` + wiretest.STSPool + `" is not one`},
		{"another action", strings.Replace(wiretest.AccountTrust, "sts:AssumeRole", "s3:GetObject", 1), actions},
		{"NotPrincipal", strings.Replace(wiretest.AccountTrust, "Principal", "NotPrincipal", 1),
			"Allow with NotPrincipal is not allowed."},
		{"a role that does not exist", awsTrust(wiretest.RolePrefix + "None"),
			principal + wiretest.RolePrefix + `None"`},
		{"a role by another path", awsTrust(wiretest.RolePrefix + "team/Stays"),
			principal + wiretest.RolePrefix + `team/Stays"`},
		{"a role in another case", awsTrust(wiretest.RolePrefix + "stays"), principal + wiretest.RolePrefix + `stays"`},
		{"a role of another partition", awsTrust("arn:aws-cn:iam::000000000000:role/Stays"),
			principal + `arn:aws-cn:iam::000000000000:role/Stays". In the partition aws it is ` +
				wiretest.RolePrefix + `Stays.`},
		{"a session of none", awsTrust(wiretest.Sessions + "None/me"), principal + wiretest.Sessions + `None/me"`},
		{"in a Deny", strings.Replace(awsTrust(wiretest.RolePrefix+"None"), "Allow", "Deny", 1),
			principal + wiretest.RolePrefix + `None"`},
		{"a role that is being made", awsTrust(wiretest.RolePrefix + "New"), principal + wiretest.RolePrefix + `New"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for operation, call := range map[string]func() error{
				"CreateRole": func() error {
					_, err := s.IAM().CreateRole(t.Context(), &iamclient.CreateRoleInput{
						RoleName:                 aws.String("New"),
						AssumeRolePolicyDocument: &test.trust,
					})
					return err
				},
				"UpdateAssumeRolePolicy": func() error {
					_, err := s.IAM().UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{
						RoleName:       aws.String("Stays"),
						PolicyDocument: &test.trust,
					})
					return err
				},
			} {
				wiretest.WantError(t, call(), "MalformedPolicyDocument", test.message)
				trace := why()
				if n := len(trace.Steps); trace.Operation != operation || n == 0 || trace.Steps[n-1].OK ||
					trace.Steps[n-1].Fix == "" || trace.Steps[n-1].Got == "" {
					t.Errorf("%s: it is not recorded why: %+v", operation, trace)
				}
			}

			role := wiretest.Must(s.IAM().GetRole(t.Context(),
				&iamclient.GetRoleInput{RoleName: aws.String("Stays")}))(t).Role
			wiretest.Equal(t, "the trust policy", wiretest.Decoded(t, role.AssumeRolePolicyDocument),
				wiretest.AccountTrust)
		})
	}

	for name, trust := range map[string]string{
		"a pool":         wiretest.ConditionTrust(`{"StringEquals":{` + aud + `:"` + wiretest.STSPool + `"}}`),
		"itself":         awsTrust(wiretest.RolePrefix + "Stays"),
		"its sessions":   awsTrust(wiretest.Sessions + "Stays/me"),
		"an account":     wiretest.AccountTrust,
		"all of STS":     strings.Replace(wiretest.AccountTrust, "sts:AssumeRole", "sts:*", 1),
		"anybody by key": awsTrust("*"),
		"a provider that is not registered": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Federated":"arn:aws:iam::000000000000:oidc-provider/none.example"},"Action":` +
			wiretest.Web + `}]}`,
		"a service": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
	} {
		if _, err := s.IAM().UpdateAssumeRolePolicy(t.Context(),
			&iamclient.UpdateAssumeRolePolicyInput{RoleName: aws.String("Stays"), PolicyDocument: &trust}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Principals are looked for in the accounts of this server, those of other callers
// included. The server warns of principals that it cannot know, and of missing ones where
// unknown roles are accepted.
func TestTrustPolicyPrincipals(t *testing.T) {
	const other, nobody = "210987654321", "333333333333"
	for _, strict := range []bool{true, false} {
		t.Run(fmt.Sprintf("strict %t", strict), func(t *testing.T) {
			log, dir := &warnings{}, t.TempDir()
			s := wiretest.Start(t, func(c *poolhouse.Config) {
				c.AcceptUnknownRoles, c.Logger, c.DataDir, c.MasterKey = !strict, log.logger(), dir,
					wiretest.ProductionMaster
				c.Roles = []poolhouse.RoleConfig{
					{ARN: "arn:aws:iam::444444444444:role/InFile", TrustPolicy: awsTrust("444444444444")},
				}
			})

			keys := otherKeys(t, dir)
			id, secret := keys(other)
			by := s.IAMBy(id, secret, "")
			wiretest.Must(
				by.CreateRole(t.Context(), &iamclient.CreateRoleInput{
					RoleName:                 aws.String("Theirs"),
					AssumeRolePolicyDocument: aws.String(awsTrust(other)),
				}),
			)(t)
			s.NewIAMRole(t, "Ours", wiretest.AccountTrust)
			wiretest.Must(
				s.IAM().CreateRole(t.Context(), &iamclient.CreateRoleInput{
					RoleName:                 aws.String("Changing"),
					AssumeRolePolicyDocument: aws.String(wiretest.AccountTrust),
				}),
			)(t)

			for _, test := range []struct {
				principal string
				missing   bool // refused, or warned of
				warned    bool // in any case
			}{
				{principal: wiretest.RolePrefix + "Ours"},
				{principal: "arn:aws:iam::" + other + ":role/Theirs"},
				{principal: "arn:aws:iam::444444444444:role/InFile"},
				{principal: "000000000000"},
				{principal: "arn:aws:iam::" + other + ":root"},
				{principal: "arn:aws:iam::000000000000:user/poolhouse/AKIAIOSFODNN7EXAMPLE"},
				{principal: "AROAAAAAAAAAAAAAAAAAA"},
				{principal: wiretest.RolePrefix + "None", missing: true},
				{principal: "arn:aws:iam::" + other + ":role/Ours", missing: true},
				{principal: "arn:aws:sts::" + other + ":assumed-role/None/me", missing: true},
				{principal: "arn:aws:iam::444444444444:role/None", missing: true},
				{principal: "arn:aws:iam::" + nobody + ":role/Theirs", warned: true},
				{principal: nobody, warned: true},
				{principal: "arn:aws:iam::000000000000:user/alice", warned: true},
			} {
				before := strings.Count(log.String(), test.principal)
				_, err := s.IAM().UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{
					RoleName:       aws.String("Changing"),
					PolicyDocument: aws.String(awsTrust(test.principal)),
				})
				if test.missing && strict {
					wiretest.WantError(t, err, "MalformedPolicyDocument",
						`Invalid principal in policy: "AWS":"`+test.principal+`"`)
					continue
				}

				if err != nil {
					t.Errorf("%s: %v", test.principal, err)
				}
				if warned := strings.Count(log.String(), test.principal) > before; warned !=
					(test.warned || test.missing) {
					t.Errorf("%s: warned %t\n%s", test.principal, warned, log)
				}
			}
		})
	}
}

// otherKeys makes root keys of accounts beside a running server.
func otherKeys(t *testing.T, dir string) func(account string) (id, secret string) {
	t.Helper()
	db := wiretest.Must(store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	t.Cleanup(func() { _ = db.Close() })

	return func(account string) (string, string) {
		t.Helper()
		keys := wiretest.Must(
			iam.NewAccessKeys(iam.AccessKeyOptions{
				Store:  db,
				Sealer: wiretest.Must(envelope.New(wiretest.ProductionMaster))(t),
			}),
		)(t)
		key, secret, err := keys.Create(t.Context(), iam.NewAccessKey{Account: identitypool.AccountID(account)})
		if err != nil {
			t.Fatal(err)
		}

		return key.ID, secret
	}
}

// A stored trust policy that would be refused today opens nothing: in no flow, and
// by none of its statements, also those that are right alone.
func TestOldTrustPoliciesOpenNothing(t *testing.T) {
	w := startSTS(t)
	issuer := strings.TrimPrefix(wiretest.DevInfo(w.Server).OIDCProviderARN, "arn:aws:iam::000000000000:oidc-provider/")
	const aud = `"cognito-identity.amazonaws.com:aud"`
	cognito := func(condition string) string {
		return `{"Effect":"Allow","Principal":{` + wiretest.FromPool + `},"Action":` + wiretest.Web +
			`,"Condition":` + condition + `}`
	}
	rightAlone := strings.Join([]string{
		cognito(`{` + wiretest.OfPool + `}`),
		`{"Effect":"Allow","Principal":{` + wiretest.Home + `},"Action":"sts:AssumeRole"}`,
		`{"Effect":"Allow","Principal":{"Federated":"` + wiretest.SAMLARN + `"},"Action":"sts:AssumeRoleWithSAML"}`,
		`{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::000000000000:oidc-provider/` + issuer +
			`"},"Action":` + wiretest.Web + `}`,
		`{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":` + wiretest.Web +
			`,"Condition":{"StringEquals":{"accounts.google.com:aud":"google-app"}}}`,
	}, ",")
	document := func(statement string) string {
		if statement != "" {
			statement = "," + statement
		}
		return `{"Version":"2012-10-17","Statement":[` + rightAlone + statement + `]}`
	}

	github := `{"Effect":"Allow",` +
		`"Principal":{"Federated":"arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"},` +
		`"Action":` + wiretest.Web +
		`,"Condition":{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:*"}}}`

	for _, test := range []struct{ name, trust, fix string }{
		{"Right", document(""), ""},
		{"Missing",
			document(`{"Effect":"Allow","Principal":{"AWS":"` + wiretest.RolePrefix +
				`None"},"Action":"sts:AssumeRole"}`), ""},
		{"Pattern", document(cognito(`{"StringLike":{` + aud + `:"us-*"}}`)), "name each pool by its ID"},
		{"NoCondition", document(cognito(`{}`)), "name each pool by its ID"},
		{"ForAll", document(cognito(`{"ForAllValues:StringEquals":{` + aud + `:"` + wiretest.STSPool + `"}}`)),
			"name each pool by its ID"},
		{"Anybody", document(`{"Effect":"Allow","Principal":"*","Action":` + wiretest.Web + `}`),
			"name each pool by its ID"},
		{"AnybodyNotAction", document(`{"Effect":"Allow","Principal":"*","NotAction":"sts:TagSession"}`),
			"name each pool by its ID"},
		{"EverybodyBut",
			document(`{"Effect":"Allow","NotPrincipal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}`),
			"name who may assume the role"},
		{"Action", document(`{"Effect":"Allow","Principal":{` + wiretest.Home + `},"Action":"iam:PassRole"}`),
			"leave other actions out"},
		{"DenyAction", document(`{"Effect":"Deny","Principal":"*","Action":"s3:*"}`), "leave other actions out"},
		{"AnyRepository", document(github), "write out the customer"},
		{"Resource",
			document(`{"Effect":"Allow","Principal":{` + wiretest.Home +
				`},"Action":"sts:AssumeRole","Resource":"*"}`), "leave it out"},
		{"Unreadable", `{"Version":"2012-10-17","Statement":[` + rightAlone + `],"Extra":1}`, "UpdateAssumeRolePolicy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wiretest.Must(w.db.CreateRole(t.Context(), store.Role{
				Account:    "000000000000",
				Name:       test.name,
				Path:       "/",
				ID:         "AROAAAAAAAAAA" + test.name,
				Trust:      test.trust,
				MaxSession: 3600,
			}, 0))(t)

			arn := wiretest.RolePrefix + test.name
			wiretest.Must(
				w.Admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
					IdentityPoolId: &w.pool,
					Roles:          map[string]string{"unauthenticated": arn},
				}),
			)(t)

			guest, token := w.openIDToken(t, nil)
			idToken := w.Token(t, "alice")
			google := w.apps.Logins[wiretest.GoogleKey]
			assertion := w.idp.Response(t,
				samltest.Login{NameID: "alice", Attributes: []samltest.Attribute{wiretest.Pairs(arn),
					{Name: "https://aws.amazon.com/SAML/Attributes/RoleSessionName", Values: []string{"alice"}}}})

			webIdentity := func(token string) error {
				_, err := w.anonymous().
					AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
						RoleArn:          &arn,
						RoleSessionName:  aws.String("me"),
						WebIdentityToken: &token,
					})
				return err
			}

			for flow, try := range map[string]struct {
				code string
				call func() error
			}{
				"enhanced": {"InvalidIdentityPoolConfigurationException", func() error {
					_, err := w.Public().GetCredentialsForIdentity(t.Context(),
						&ci.GetCredentialsForIdentityInput{IdentityId: &guest})
					return err
				}},
				"classic":            {"AccessDenied", func() error { return webIdentity(token) }},
				"a provider's token": {"AccessDenied", func() error { return webIdentity(idToken) }},
				"Google's token":     {"AccessDenied", func() error { return webIdentity(google) }},
				"the account's own caller": {"AccessDenied", func() error {
					_, err := w.client("test", "test", "").AssumeRole(t.Context(),
						&sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("me")})
					return err
				}},
				"SAML": {"AccessDenied", func() error {
					_, err := w.anonymous().
						AssumeRoleWithSAML(t.Context(), &sts.AssumeRoleWithSAMLInput{
							RoleArn:       &arn,
							PrincipalArn:  aws.String(wiretest.SAMLARN),
							SAMLAssertion: &assertion,
						})
					return err
				}},
			} {
				err := try.call()
				if test.fix == "" {
					if err != nil {
						t.Errorf("%s: %v", flow, err)
					}
					continue
				}

				wiretest.WantError(t, err, try.code, "")
				w.refusedWith(t, test.fix)
			}
		})
	}
}

// The start names the roles whose trust policy would be refused today, at most a
// hundred of them, and says how many more there are.
func TestStartNamesOldTrustPolicies(t *testing.T) {
	dir := t.TempDir()
	db := wiretest.Must(store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	add := func(account, name, trust string) {
		wiretest.Must(db.CreateRole(t.Context(), store.Role{
			Account:    identitypool.AccountID(account),
			Name:       name,
			Path:       "/",
			ID:         "AROA" + name,
			Trust:      trust,
			MaxSession: 3600,
		}, 0))(t)
	}

	pattern := wiretest.ConditionTrust(`{"StringLike":{"cognito-identity.amazonaws.com:aud":"us-*"}}`)
	add("000000000000", "Right", wiretest.ConditionTrust(`{`+wiretest.OfPool+`}`))
	add("000000000000", "Hidden", pattern) // by the settings

	for i := range 103 {
		add([]string{"000000000000", "111111111111", "222222222222"}[i%3], fmt.Sprintf("Pattern%03d", i), pattern)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	log := &warnings{}
	wiretest.Start(t, func(c *poolhouse.Config) {
		c.DataDir, c.MasterKey, c.Logger, c.AcceptUnknownRoles = dir, wiretest.ProductionMaster, log.logger(), false
		c.Roles = []poolhouse.RoleConfig{
			{ARN: wiretest.RolePrefix + "Hidden", TrustPolicy: awsTrust("000000000000")},
			{ARN: wiretest.RolePrefix + "TrustsNone", TrustPolicy: awsTrust(wiretest.RolePrefix + "None")},
		}
	})

	text := log.String()
	wiretest.Equal(t, "roles that let nobody in", strings.Count(text, "lets nobody in any more"), 99)
	wiretest.Equal(t, "roles that name nobody", strings.Count(text, "names principals that do not exist"), 1)

	for _, want := range []string{"more=4", "role/Pattern000 ", "arn:aws:iam::111111111111:role/Pattern001 ",
		"role/TrustsNone", wiretest.RolePrefix + "None", "name each pool by its ID"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q:\n%.2000s", want, text)
		}
	}

	for _, not := range []string{"role/Right", "role/Hidden"} {
		if strings.Contains(text, not) {
			t.Errorf("the log names %s", not)
		}
	}
}

// A database of commit 758e3b7: what its trust policies open, what the start says
// of them, and that its permission policies go on.
func TestUpgradeOfTrustPolicies(t *testing.T) {
	dir, log := t.TempDir(), &warnings{}
	facts := wiretest.OldDatabase(t, dir)
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.Dev, c.AcceptUnknownRoles, c.DataDir, c.MasterKey, c.Logger = false, false, dir,
			bytes.Repeat([]byte{0x42}, 32), log.logger()
	})

	arn := func(name string) string { return "arn:aws:iam::" + facts["account_a"] + ":role/" + name }
	for name, want := range map[string]string{"PatternAud": "lets nobody in any more",
		"NotAnSTSAction": "lets nobody in any more", "PrincipalMissing": "role/NoSuchRole"} {
		named := false
		for line := range strings.Lines(log.String()) {
			named = named || strings.Contains(line, "role="+arn(name)+" ") && strings.Contains(line, want)
		}
		if !named {
			t.Errorf("the start does not name %s:\n%s", name, log)
		}
	}

	for _, name := range []string{"TrustsLivingA", "TrustsLivingB", "TrustsAccountRoot", "CorpUser", "NamesDead",
		"NamesNever"} {
		if strings.Contains(log.String(), "role="+arn(name)+" ") {
			t.Errorf("the start names %s:\n%s", name, log)
		}
	}

	client := sts.New(sts.Options{
		BaseEndpoint:     &s.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		Credentials:      aws.AnonymousCredentials{},
	})
	classic := func(pool, role string) error {
		t.Helper()
		id := s.GetID(t, facts[pool], nil)
		token := wiretest.Must(s.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &id}))(t).
			Token
		_, err := client.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn:          aws.String(arn(role)),
			RoleSessionName:  aws.String("me"),
			WebIdentityToken: token,
		})

		return err
	}

	for _, pool := range []string{"living_a", "living_b"} {
		wiretest.WantError(t, classic(pool, "PatternAud"), "AccessDenied", "")
	}

	for pool, role := range map[string]string{"living_a": "TrustsLivingA", "living_b": "TrustsLivingB"} {
		if err := classic(pool, role); err != nil {
			t.Errorf("%s: %v", role, err)
		}
	}

	root := s.SignedBy(wiretest.Region, facts["key_a"], facts["secret_a"], "")
	rootSTS := sts.New(sts.Options{
		BaseEndpoint:     &s.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		Credentials:      credentials.NewStaticCredentialsProvider(facts["key_a"], facts["secret_a"], ""),
	})
	assume := func(role string) (*sts.AssumeRoleOutput, error) {
		return rootSTS.AssumeRole(t.Context(),
			&sts.AssumeRoleInput{RoleArn: aws.String(arn(role)), RoleSessionName: aws.String("me")})
	}

	for _, role := range []string{"NotAnSTSAction", "PrincipalMissing", "PatternAud"} {
		_, err := assume(role)
		wiretest.WantError(t, err, "AccessDenied", "")
	}
	pool := facts["living_a"]
	wiretest.Must(
		root.SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
			IdentityPoolId: &pool,
			Roles:          map[string]string{"unauthenticated": arn("PatternAud")},
		}),
	)(t)

	guest := s.GetID(t, pool, nil)
	_, err := s.Public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &guest})
	wiretest.WantError(t, err, "InvalidIdentityPoolConfigurationException", "")

	// Stored permission policies go on, a Deny above all.
	c := s.IAMBy(facts["key_a"], facts["secret_a"], "")
	allow := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cognito-identity:*","Resource":"*"}]}`
	wiretest.Must(
		c.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{
			RoleName:       aws.String("TrustsAccountRoot"),
			PolicyName:     aws.String("all"),
			PolicyDocument: &allow,
		}),
	)(t)

	for _, name := range []string{"Version2008", "NoVersion", "ShortARN", "OtherPartition"} {
		policy := "arn:aws:iam::" + facts["account_a"] + ":policy/" + name
		wiretest.Must(c.AttachRolePolicy(t.Context(),
			&iamclient.AttachRolePolicyInput{RoleName: aws.String("TrustsAccountRoot"), PolicyArn: &policy}))(t)
		document := wiretest.Decoded(t,
			wiretest.Must(c.GetPolicyVersion(t.Context(),
				&iamclient.GetPolicyVersionInput{PolicyArn: &policy, VersionId: aws.String("v1")}))(t).
				PolicyVersion.Document)

		_, err := c.CreatePolicyVersion(t.Context(),
			&iamclient.CreatePolicyVersionInput{PolicyArn: &policy, PolicyDocument: &document})
		wiretest.WantError(t, err, "MalformedPolicyDocument", "")
	}

	held := wiretest.Must(assume("TrustsAccountRoot"))(t).Credentials
	by := s.SignedBy(wiretest.Region, *held.AccessKeyId, *held.SecretAccessKey, *held.SessionToken)
	wiretest.Must(by.DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: &pool}))(t)
	_, err = by.DeleteIdentityPool(t.Context(), &ci.DeleteIdentityPoolInput{IdentityPoolId: &pool})
	wiretest.WantError(t, err, "AccessDeniedException", "")

	// The cure.
	wiretest.Must(c.UpdateAssumeRolePolicy(t.Context(),
		&iamclient.UpdateAssumeRolePolicyInput{RoleName: aws.String("PatternAud"),
			PolicyDocument: aws.String(
				wiretest.ConditionTrust(`{"StringEquals":{"cognito-identity.amazonaws.com:aud":["` +
					facts["living_a"] + `","` + facts["living_b"] + `"]}}`),
			)}))(t)

	for _, pool := range []string{"living_a", "living_b"} {
		if err := classic(pool, "PatternAud"); err != nil {
			t.Errorf("%s after the cure: %v", pool, err)
		}
	}
}

// Documents of managed and inline policies are held to IAM's rules when they are
// written; the version counts for managed ones.
func TestPolicyDocumentRefusals(t *testing.T) {
	s := wiretest.Start(t)
	ctx := t.Context()
	s.NewIAMRole(t, "App", wiretest.AccountTrust)
	policy := wiretest.Must(
		s.IAM().CreatePolicy(ctx, &iamclient.CreatePolicyInput{
			PolicyName:     aws.String("P"),
			PolicyDocument: aws.String(wiretest.ReadPools),
		}),
	)(t).Policy.Arn

	const versionText = "Policy document must be version 2012-10-17 or greater."
	statement := `"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
	for _, test := range []struct{ name, document, message string }{
		{"an old version", `{"Version":"2008-10-17",` + statement, versionText},
		{"no version", `{` + statement, versionText},
		{"a vendor with a blank", strings.Replace(`{"Version":"2012-10-17",`+statement, "s3:", "s 3:", 1),
			"Vendor s 3 is not valid"},
		{"two colons", strings.Replace(`{"Version":"2012-10-17",`+statement, "s3:", "s3:x:", 1),
			"Actions/Condition can contain only one colon."},
		{"a short ARN", strings.Replace(`{"Version":"2012-10-17",`+statement, `"*"`, `"arn:aws:s3::b"`, 1),
			"The policy failed legacy parsing"},
		{"an unknown partition",
			strings.Replace(`{"Version":"2012-10-17",`+statement, `"*"`, `"arn:nowhere:s3:::b"`, 1),
			`Partition "nowhere" is not valid for resource "arn:nowhere:s3:::b".`},
	} {
		_, create := s.IAM().CreatePolicy(ctx,
			&iamclient.CreatePolicyInput{PolicyName: aws.String("New"), PolicyDocument: &test.document})
		wiretest.WantError(t, create, "MalformedPolicyDocument", test.message)
		_, version := s.IAM().CreatePolicyVersion(ctx,
			&iamclient.CreatePolicyVersionInput{PolicyArn: policy, PolicyDocument: &test.document})
		wiretest.WantError(t, version, "MalformedPolicyDocument", test.message)

		_, inline := s.IAM().PutRolePolicy(ctx, &iamclient.PutRolePolicyInput{
			RoleName:       aws.String("App"),
			PolicyName:     aws.String("p"),
			PolicyDocument: &test.document,
		})
		if test.message != versionText {
			wiretest.WantError(t, inline, "MalformedPolicyDocument", test.message)
		} else if inline != nil {
			t.Errorf("%s, inline: %v", test.name, inline)
		}
	}
}
