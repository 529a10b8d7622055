package stsapi_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// stsWorld is a server with roles for every way in.
type stsWorld struct {
	*wiretest.Server
	apps   *wiretest.Apps
	corp   *logintest.Issuer // of role/corp/*
	dead   *logintest.Issuer // listens nowhere; of role/Dead
	idp    *samltest.IdP
	user   *sts.Client // of an access key whose policy allows assuming role/may/*
	userID string      // its ARN
	pool   string
	keys   *iam.AccessKeys
	db     *store.Store // the server's, opened once more
	ahead  atomic.Int64 // nanoseconds of the server's clock before ours

	mu     sync.Mutex
	traces []poolhouse.Trace
}

func startSTS(t *testing.T) *stsWorld {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	w := &stsWorld{
		apps: wiretest.NewApps(t),
		corp: logintest.NewIssuer(t),
		dead: logintest.NewIssuerAt(t, closedServer(t)),
		idp:  samltest.New(t, now, 0),
	}
	dir, master := t.TempDir(), bytes.Repeat([]byte{9}, 32)
	w.Server = wiretest.Start(t, func(c *poolhouse.Config) {
		c.DataDir, c.MasterKey, c.TokenAlgorithm, c.AcceptUnknownRoles = dir, master, "ES256", false
		c.Now = func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
		c.OnTrace = func(t poolhouse.Trace) {
			w.mu.Lock()
			defer w.mu.Unlock()

			w.traces = append(w.traces, t)
		}

		w.apps.Configure(c)
		c.SAMLProviders = []poolhouse.SAMLProviderConfig{{Name: "Corp", Metadata: w.idp.Metadata()}}
		issuer := strings.TrimPrefix(c.IssuerURL+devissuer.Path, "http://")
		fromDev := `"Federated":"arn:aws:iam::000000000000:oidc-provider/` + issuer + `"`
		fromSAML := `"Federated":"` + wiretest.SAMLARN + `"`

		for _, i := range []*logintest.Issuer{w.corp, w.dead} {
			c.OIDCProviders = append(c.OIDCProviders, poolhouse.OIDCProviderConfig{
				URL:          i.URL,
				ClientIDs:    []string{"app"},
				AllowHTTP:    true,
				AllowPrivate: true,
			})
		}

		corp, dead := strings.TrimPrefix(w.corp.URL, "http://"), strings.TrimPrefix(w.dead.URL, "http://")
		fromCorp := `"Federated":"arn:aws:iam::000000000000:oidc-provider/` + corp + `"`

		c.Roles = []poolhouse.RoleConfig{
			wiretest.Role("corp/Alice", fromCorp, wiretest.Web, `"StringEquals":{"`+corp+`:sub":"alice"}`),
			wiretest.Role("corp/Red", fromCorp, wiretest.Web+","+wiretest.Tagged+","+wiretest.Sourced,
				`"StringEquals":{"aws:RequestTag/team":"red","sts:SourceIdentity":"me"},`+
					`"ForAllValues:StringEquals":{"sts:TransitiveTagKeys":"team"}`),
			wiretest.Role("corp/Any", fromCorp, wiretest.Web, ""),
			{ARN: wiretest.RolePrefix + "corp/Barred", MaxSessionSeconds: 3600,
				TrustPolicy: `{"Version":"2012-10-17","Statement":[
				{"Effect":"Allow","Principal":{` + fromCorp + `},"Action":` + wiretest.Web + `},
				{"Effect":"Deny","Principal":{` + fromCorp + `},"Action":` + wiretest.Web +
					`,"Condition":{"StringEquals":{"` + corp + `:sub":"mallory"}}}]}`},
			wiretest.Role("Dead", `"Federated":"arn:aws:iam::000000000000:oidc-provider/`+dead+`"`, wiretest.Web,
				`"StringEquals":{"`+dead+`:sub":"alice"}`),
			wiretest.Role("Authenticated", wiretest.FromPool, wiretest.Web+","+wiretest.Tagged,
				wiretest.OfPool+wiretest.UsersOnly, wiretest.Anything),
			wiretest.Role("Unauthenticated", wiretest.FromPool, wiretest.Web, wiretest.OfPool, wiretest.Anything),
			wiretest.Role("NoTags", wiretest.FromPool, wiretest.Web, wiretest.OfPool+wiretest.UsersOnly),
			wiretest.Role("path/Dev", fromDev, wiretest.Web+","+wiretest.Tagged+","+wiretest.Sourced,
				`"StringEquals":{"`+issuer+`:aud":"`+poolhouse.DevAudience+`"},"StringLike":{"`+issuer+`:sub":"a*"}`,
				`{"Effect":"Allow","Action":"sts:*","Resource":"*"}`),
			wiretest.Role("DevPlain", fromDev, wiretest.Web, `"StringEquals":{"`+issuer+`:dept":"ops"}`),
			wiretest.Role("Google", `"Federated":"accounts.google.com"`, wiretest.Web,
				`"StringEquals":{"accounts.google.com:aud":"google-app"}`),
			wiretest.Role("GoogleBob", `"Federated":"accounts.google.com"`, wiretest.Web,
				`"StringEquals":{"accounts.google.com:aud":"google-app","accounts.google.com:sub":"bob"}`),
			wiretest.Role("Open", `"Federated":["accounts.google.com","graph.facebook.com"]`, wiretest.Web,
				`"StringLike":{"accounts.google.com:aud":"*"}`),
			wiretest.Role("Facebook", `"Federated":"graph.facebook.com"`, wiretest.Web,
				`"StringEquals":{"graph.facebook.com:app_id":["999","112233"]}`),
			wiretest.Role("Amazon", `"Federated":"www.amazon.com"`, wiretest.Web,
				`"StringEquals":{"www.amazon.com:app_id":"amzn1.application-oa2-client.77"}`),
			wiretest.Role("Saml", fromSAML, `"sts:AssumeRoleWithSAML",`+wiretest.Tagged+","+wiretest.Sourced,
				`"StringEquals":{"saml:aud":"https://signin.aws.amazon.com/saml","saml:sub_type":"persistent"}`),
			wiretest.Role("SamlPlain", fromSAML, `"sts:AssumeRoleWithSAML"`, ""),
			wiretest.Role("may/Home", wiretest.Home, `"sts:AssumeRole",`+wiretest.Tagged+","+wiretest.Sourced, "",
				wiretest.Anything),
			wiretest.Role("Elsewhere", wiretest.Home, `"sts:AssumeRole"`, ""),
			wiretest.Role("may/External", wiretest.Home, `"sts:AssumeRole"`,
				`"StringEquals":{"sts:ExternalId":"blue"}`),
			wiretest.Role("may/Bare", wiretest.Home, `"sts:AssumeRole"`, "", wiretest.Anything),
			wiretest.Role("hop/One", `"AWS":"`+wiretest.RolePrefix+`path/Dev"`,
				`"sts:AssumeRole",`+wiretest.Tagged+","+wiretest.Sourced, "",
				`{"Effect":"Allow","Action":"sts:*","Resource":"*"}`),
			wiretest.Role("hop/Two", `"AWS":"`+wiretest.RolePrefix+`hop/One"`,
				`"sts:AssumeRole",`+wiretest.Tagged+","+wiretest.Sourced, "",
				`{"Effect":"Allow","Action":"cognito-identity:DescribeIdentityPool","Resource":"*",`+
					`"Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}`,
				`{"Effect":"Allow","Action":"cognito-identity:ListIdentities","Resource":"*",`+
					`"Condition":{"StringLike":{"aws:PrincipalTag/mood":"*"}}}`,
				`{"Effect":"Allow","Action":"cognito-identity:GetIdentityPoolRoles","Resource":"*",`+
					`"Condition":{"StringEquals":{"aws:PrincipalTag/site":"north"}}}`),
			wiretest.Role("Chain", `"AWS":["`+wiretest.RolePrefix+`path/Dev","`+wiretest.RolePrefix+`may/Home"]`,
				`"sts:AssumeRole",`+wiretest.Tagged+","+wiretest.Sourced, ""),
		}
	})

	db := wiretest.Must(store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	t.Cleanup(func() { _ = db.Close() })
	w.db = db
	w.keys = wiretest.Must(
		iam.NewAccessKeys(iam.AccessKeyOptions{Store: db, Sealer: wiretest.Must(envelope.New(master))(t)}),
	)(t)

	key, secret, err := w.keys.Create(t.Context(),
		iam.NewAccessKey{Account: identitypool.AccountID(w.Account()), Policy: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"sts:*","Resource":"` + wiretest.RolePrefix +
			`may/*"},{"Effect":"Allow","Action":["cognito-identity:*","iam:*"],"Resource":"*"}]}`})
	if err != nil {
		t.Fatal(err)
	}

	w.user = w.client(key.ID, secret, "")
	w.userID = "arn:aws:iam::000000000000:user/poolhouse/" + key.ID
	w.pool = w.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.AllowClassicFlow = aws.Bool(true)
		in.IdentityPoolTags = map[string]string{"_custom_id_": wiretest.STSPool}
	})

	return w
}

func (w *stsWorld) client(id, secret, token string) *sts.Client {
	return sts.New(sts.Options{
		BaseEndpoint:     &w.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		HTTPClient:       wiretest.Connections,
		Credentials:      credentials.NewStaticCredentialsProvider(id, secret, token),
	})
}

func (w *stsWorld) by(c *ststypes.Credentials) *sts.Client {
	return w.client(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

func (w *stsWorld) anonymous() *sts.Client {
	return sts.New(sts.Options{
		BaseEndpoint:     &w.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		HTTPClient:       wiretest.Connections,
		Credentials:      aws.AnonymousCredentials{},
	})
}

// openIDToken is a token of the classic flow.
func (w *stsWorld) openIDToken(t *testing.T, logins map[string]string) (id, token string) {
	t.Helper()
	id = w.GetID(t, w.pool, logins)
	out := wiretest.Must(w.Public().GetOpenIdToken(t.Context(),
		&ci.GetOpenIdTokenInput{IdentityId: &id, Logins: logins}))(t)
	return id, *out.Token
}

// refusedWith checks that the last refusal left a trace with a fix.
func (w *stsWorld) refusedWith(t *testing.T, fix string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()

	if len(w.traces) == 0 {
		t.Error("no refusal was traced")
		return
	}

	last := w.traces[len(w.traces)-1]
	for _, step := range last.Steps {
		if !step.OK && step.Fix != "" && strings.Contains(step.Fix, fix) {
			return
		}
	}
	t.Errorf("%s: no step with the fix %q in %+v", last.Operation, fix, last.Steps)
}

// The classic flow: identity, token, credentials of a role that the application
// names, for users, guests and developers' users.
func TestClassicFlow(t *testing.T) {
	w := startSTS(t)
	alice := w.Logins(t, "alice")
	id, token := w.openIDToken(t, alice)
	out := wiretest.Must(w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(wiretest.RolePrefix + "Authenticated"), RoleSessionName: aws.String("app1"),
		WebIdentityToken: &token, DurationSeconds: aws.Int32(7200)}))(t)
	wiretest.Equal(t, "subject", *out.SubjectFromWebIdentityToken, id)
	wiretest.Equal(t, "audience", *out.Audience, w.pool)
	wiretest.Equal(t, "provider", *out.Provider, "cognito-identity.amazonaws.com")
	wiretest.Equal(t, "assumed role", *out.AssumedRoleUser.Arn, wiretest.Sessions+"Authenticated/app1")
	if out.PackedPolicySize != nil {
		t.Errorf("PackedPolicySize = %d without policies and tags", *out.PackedPolicySize)
	}

	if d := time.Until(*out.Credentials.Expiration); d < 119*time.Minute || d > 2*time.Hour {
		t.Errorf("the session lasts %v", d)
	}
	if n := len(*out.Credentials.SessionToken); n > 2000 {
		t.Errorf("the session token has %d bytes", n)
	}

	who := wiretest.Must(w.by(out.Credentials).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t)
	wiretest.Equal(t, "caller", *who.Arn, wiretest.Sessions+"Authenticated/app1")
	wiretest.Equal(t, "user ID", *who.UserId, *out.AssumedRoleUser.AssumedRoleId)
	signer := w.SignedBy(wiretest.Region, *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey,
		*out.Credentials.SessionToken)
	wiretest.Must(signer.DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: &w.pool}))(t)

	_, guest := w.openIDToken(t, nil)
	out = wiretest.Must(w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(wiretest.RolePrefix + "Unauthenticated"), RoleSessionName: aws.String("guest"),
		WebIdentityToken: &guest}))(t)
	wiretest.Equal(t, "guest", *out.AssumedRoleUser.Arn, wiretest.Sessions+"Unauthenticated/guest")
	_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(wiretest.RolePrefix + "Authenticated"), RoleSessionName: aws.String("guest"),
		WebIdentityToken: &guest})
	wiretest.WantError(t, err, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	w.refusedWith(t, "not for guests")

	dev := wiretest.Must(w.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
		&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &w.pool,
			Logins: map[string]string{"login.my.app": "bob"}, PrincipalTags: map[string]string{"team": "red"}}))(t)
	out = wiretest.Must(w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(wiretest.RolePrefix + "Authenticated"), RoleSessionName: aws.String("bob"),
		WebIdentityToken: dev.Token}))(t)
	if out.PackedPolicySize == nil || *out.PackedPolicySize != 1 {
		t.Errorf("PackedPolicySize = %v with a tag, want 1", out.PackedPolicySize)
	}

	_, err = w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(wiretest.RolePrefix + "NoTags"), RoleSessionName: aws.String("bob"),
		WebIdentityToken: dev.Token})
	wiretest.WantError(t, err, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	w.refusedWith(t, "sts:TagSession")

	// The flag counts where the token is asked for and where it is used: not only
	// older tokens, but those for developers are left.
	allow := func(classic *bool) {
		t.Helper()
		wiretest.Must(w.Admin().UpdateIdentityPool(t.Context(), &ci.UpdateIdentityPoolInput{
			IdentityPoolId:                 &w.pool,
			IdentityPoolName:               aws.String("test pool"),
			AllowUnauthenticatedIdentities: true,
			AllowClassicFlow:               classic,
			OpenIdConnectProviderARNs:      []string{wiretest.DevInfo(w.Server).OIDCProviderARN},
		}))(t)
	}

	use := func(token *string) error {
		_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String(wiretest.RolePrefix + "Authenticated"), RoleSessionName: aws.String("app1"),
			WebIdentityToken: token})
		return err
	}

	allow(aws.Bool(false))
	_, err = w.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &id, Logins: alice})
	wiretest.WantError(t, err, "InvalidParameterException",
		"Basic (classic) flow is not enabled, please use enhanced flow.")
	dev = wiretest.Must(w.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
		&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &w.pool,
			Logins: map[string]string{"login.my.app": "bob"}}))(t)

	for _, left := range []*string{&token, dev.Token} {
		wiretest.WantError(t, use(left), "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
		w.refusedWith(t, "set AllowClassicFlow to true")
	}
	wiretest.Must(w.Public().GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: dev.IdentityId,
			Logins: map[string]string{"cognito-identity.amazonaws.com": *dev.Token}}))(t)
	allow(nil) // never set

	for _, left := range []*string{&token, dev.Token} {
		if err := use(left); err != nil {
			t.Errorf("after the flag was removed: %v", err)
		}
	}

	// A token of a deleted identity opens nothing, though it has not run out.
	wiretest.Must(w.Admin().DeleteIdentities(t.Context(),
		&ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{id}}))(t)
	_, err = w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(wiretest.RolePrefix + "Authenticated"), RoleSessionName: aws.String("app1"),
		WebIdentityToken: &token})
	wiretest.WantError(t, err, "IDPRejectedClaim", "The identity provider rejected the claim.")
	w.refusedWith(t, "call GetId again")
}

// The SDK's providers of credentials: a web identity from a file, and a role
// assumed with its credentials.
func TestSTSCredentialProviders(t *testing.T) {
	w := startSTS(t)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(w.Token(t, "alice", func(r *poolhouse.DevTokenRequest) {
		r.Claims = map[string]any{
			"https://aws.amazon.com/tags": map[string]any{
				"principal_tags": map[string]any{"team": []string{"red"}}, "transitive_tag_keys": []string{"team"},
			},
			"https://aws.amazon.com/source_identity": "alice.a",
		}
	})), 0o600); err != nil {
		t.Fatal(err)
	}

	first := stscreds.NewWebIdentityRoleProvider(w.anonymous(), wiretest.RolePrefix+"path/Dev",
		stscreds.IdentityTokenFile(file),
		func(o *stscreds.WebIdentityRoleOptions) { o.RoleSessionName, o.Duration = "first", 2*time.Hour })
	held := wiretest.Must(first.Retrieve(t.Context()))(t)
	who := wiretest.Must(w.Whoami(t, held.AccessKeyID, held.SecretAccessKey, held.SessionToken))(t)
	wiretest.Equal(t, "caller by web identity", *who.Arn, wiretest.Sessions+"Dev/first")

	second := stscreds.NewAssumeRoleProvider(
		sts.New(sts.Options{BaseEndpoint: &w.URL, Region: wiretest.Region, Credentials: first}),
		wiretest.RolePrefix+"Chain",
		func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "second"
			o.Tags = []ststypes.Tag{{Key: aws.String("mood"), Value: aws.String("good")}}
			o.Duration = time.Hour
		})
	held = wiretest.Must(second.Retrieve(t.Context()))(t)
	who = wiretest.Must(w.Whoami(t, held.AccessKeyID, held.SecretAccessKey, held.SessionToken))(t)
	wiretest.Equal(t, "caller by a chain", *who.Arn, wiretest.Sessions+"Chain/second")

	// What the first session hands on cannot be changed, nor outlast an hour.
	issued := wiretest.Must(first.Retrieve(t.Context()))(t)
	client := w.client(issued.AccessKeyID, issued.SecretAccessKey, issued.SessionToken)
	in := func(change func(*sts.AssumeRoleInput)) *sts.AssumeRoleInput {
		in := &sts.AssumeRoleInput{
			RoleArn:         aws.String(wiretest.RolePrefix + "Chain"),
			RoleSessionName: aws.String("second"),
		}
		change(in)
		return in
	}

	out := wiretest.Must(client.AssumeRole(t.Context(), in(func(*sts.AssumeRoleInput) {})))(t)
	wiretest.Equal(t, "inherited source identity", aws.ToString(out.SourceIdentity), "alice.a")
	_, err := client.AssumeRole(t.Context(), in(func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(3601) }))
	wiretest.WantError(t, err, "ValidationError",
		"The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	w.refusedWith(t, "an hour at most")

	_, err = client.AssumeRole(t.Context(),
		in(func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("mallory") }))
	wiretest.WantError(t, err, "AccessDenied",
		"User: "+wiretest.Sessions+"Dev/first is not authorized to perform: sts:SetSourceIdentity on resource: "+
			wiretest.RolePrefix+"Chain")
	w.refusedWith(t, "inherits")

	_, err = client.AssumeRole(t.Context(), in(func(in *sts.AssumeRoleInput) {
		in.Tags = []ststypes.Tag{{Key: aws.String("TEAM"), Value: aws.String("blue")}}
	}))
	wiretest.WantError(t, err, "ValidationError",
		"One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "+
			"the calling session.")
	w.refusedWith(t, "inherits")
}

// Transitive tags go with a session along a chain of roles, others end with it,
// and the policies at the end decide by what arrived.
func TestTransitiveTagsDecide(t *testing.T) {
	w := startSTS(t)
	for team, want := range map[string]bool{"red": true, "blue": false} {
		token := w.Token(t, "alice", func(r *poolhouse.DevTokenRequest) {
			r.Claims = map[string]any{"https://aws.amazon.com/tags": map[string]any{
				"principal_tags":      map[string]any{"team": []string{team}, "mood": []string{"good"}},
				"transitive_tag_keys": []string{"team"}}}
		})
		start := wiretest.Must(w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String(wiretest.RolePrefix + "path/Dev"), RoleSessionName: aws.String("start"),
			WebIdentityToken: &token}))(t)
		one := wiretest.Must(w.by(start.Credentials).AssumeRole(t.Context(), &sts.AssumeRoleInput{
			RoleArn:           aws.String(wiretest.RolePrefix + "hop/One"),
			RoleSessionName:   aws.String("one"),
			Tags:              []ststypes.Tag{{Key: aws.String("site"), Value: aws.String("north")}},
			TransitiveTagKeys: []string{"site"},
		}))(t)
		two := wiretest.Must(
			w.by(one.Credentials).AssumeRole(t.Context(), &sts.AssumeRoleInput{
				RoleArn:         aws.String(wiretest.RolePrefix + "hop/Two"),
				RoleSessionName: aws.String("two"),
			}),
		)(t)
		admin := w.SignedBy(wiretest.Region, *two.Credentials.AccessKeyId, *two.Credentials.SecretAccessKey,
			*two.Credentials.SessionToken)
		_, err := admin.DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: &w.pool})
		if (err == nil) != want {
			t.Errorf("team %s, by a tag of the login: %v, want allowed %t", team, err, want)
		}

		if _, err = admin.GetIdentityPoolRoles(t.Context(),
			&ci.GetIdentityPoolRolesInput{IdentityPoolId: &w.pool}); err != nil {
			t.Errorf("team %s, by a tag of the first hop: %v", team, err)
		}
		if _, err = admin.ListIdentities(t.Context(),
			&ci.ListIdentitiesInput{IdentityPoolId: &w.pool, MaxResults: aws.Int32(1)}); err == nil {
			t.Errorf("team %s: a tag that is not transitive arrived", team)
		}
	}
}

// query sends a form, unsigned, and returns the error.
func (w *stsWorld) query(t *testing.T, v url.Values) (status int, code, message, body string) {
	t.Helper()
	request := wiretest.Must(
		http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL, strings.NewReader(v.Encode())),
	)(t)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return wiretest.Answered(t, request)
}

func TestWebIdentityRefusals(t *testing.T) {
	w := startSTS(t)
	alice := w.Token(t, "alice")
	_, own := w.openIDToken(t, w.Logins(t, "carol"))
	now := time.Now()
	claims := func(c map[string]any) string {
		return w.Token(t, "alice", func(r *poolhouse.DevTokenRequest) { r.Claims = c })
	}

	good := []string{"RoleArn", wiretest.RolePrefix + "path/Dev", "RoleSessionName", "s1", "WebIdentityToken", alice}
	const (
		denied    = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
		notJWT    = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
		one       = "1 validation error detected: "
		notProven = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity " +
			"documentation for requirements."
	)
	if status, code, _, body := w.query(t, wiretest.Form("AssumeRoleWithWebIdentity", good...)); status != 200 ||
		!strings.Contains(body,
			`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`+
				`<AssumeRoleWithWebIdentityResult>`) {
		t.Fatalf("the good request: %d %s %s", status, code, body)
	}

	for name, test := range map[string]struct {
		change        []string
		status        int
		code, message string
		fix           string // of the trace; "-" = no trace is due
	}{
		"no role": {[]string{"RoleArn", "-"}, 400, "ValidationError",
			one + "Value at 'roleArn' failed to satisfy constraint: Member must not be null", "-"},
		"no session name": {[]string{"RoleSessionName", "-"}, 400, "ValidationError",
			one + "Value at 'roleSessionName' failed to satisfy constraint: Member must not be null", "-"},
		"short session name": {[]string{"RoleSessionName", "x"}, 400, "ValidationError",
			one + "Value 'x' at 'roleSessionName' failed to satisfy constraint: Member must have length greater " +
				"than or equal to 2", "-"},
		"odd session name": {[]string{"RoleSessionName", "x y"}, 400, "ValidationError",
			one + `Value 'x y' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular ` +
				`expression pattern: [\w+=,.@-]*`, "-"},
		"short duration": {[]string{"DurationSeconds", "899"}, 400, "ValidationError",
			one + "Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater " +
				"than or equal to 900", "-"},
		"long duration": {[]string{"DurationSeconds", "43201"}, 400, "ValidationError",
			one + "Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less " +
				"than or equal to 43200", "-"},
		"duration is no number": {[]string{"DurationSeconds", "long"}, 400, "MalformedInput", "", "-"},
		"a secret is not echoed": {[]string{"WebIdentityToken", "abc"}, 400, "ValidationError",
			one + "Value at 'webIdentityToken' failed to satisfy constraint: Member must have length greater than " +
				"or equal to 4", "-"},
		"a large token size": {[]string{"MinimumSessionTokenSize", "4097"}, 400, "ValidationError",
			one + "Value '4097' at 'minimumSessionTokenSize' failed to satisfy constraint: Member must have value " +
				"less than or equal to 4096", "-"},
		"no JWT": {[]string{"WebIdentityToken", "opaque"}, 400, "InvalidIdentityToken", notJWT, "opaque access token"},
		"no JWT, no such role": {
			[]string{"WebIdentityToken", "opaque", "RoleArn", wiretest.RolePrefix + "Nobody"}, 400,
			"InvalidIdentityToken", notJWT, "",
		},
		"no such role": {[]string{"RoleArn", wiretest.RolePrefix + "Nobody"}, 403, "AccessDenied", denied,
			"create the role"},
		"the role's path is wrong": {[]string{"RoleArn", wiretest.RolePrefix + "Dev"}, 403, "AccessDenied", denied,
			"compared exactly"},
		"no role's ARN": {[]string{"RoleArn", "arn:aws:s3:::a-bucket-of-mine"}, 403, "AccessDenied",
			denied, "role/NAME"},
		"longer than the role": {[]string{"DurationSeconds", "7201"}, 400, "ValidationError",
			"The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", "MaxSessionDuration"},
		"another's role": {[]string{"RoleArn", wiretest.RolePrefix + "Google"}, 403, "AccessDenied", denied,
			"add the principal"},
		"expired": {[]string{"WebIdentityToken",
			w.Token(t, "alice", func(r *poolhouse.DevTokenRequest) { r.ExpiresIn = -3600 })}, 400,
			"ExpiredTokenException", "",
			"sign in again"},
		"another audience": {
			[]string{"WebIdentityToken",
				w.Token(t, "alice", func(r *poolhouse.DevTokenRequest) { r.Audience = "other" })}, 400,
			"InvalidIdentityToken", "Incorrect token audience", "poolhouse dev token",
		},
		"two audiences": {
			[]string{"RoleArn", wiretest.RolePrefix + "Google", "WebIdentityToken",
				w.apps.Google.Token(map[string]any{"iss": "accounts.google.com", "aud": []string{"google-app", "b"},
					"sub": "y"})}, 400, "InvalidIdentityToken",
			"Token audience contains more than one audience while authorized party is not present", "azp",
		},
		"tampered": {[]string{"WebIdentityToken", alice[:len(alice)-6] + "AAAAAA"}, 400,
			"InvalidIdentityToken", "", ""},
		"another subject": {[]string{"WebIdentityToken", w.Token(t, "bob")}, 400, "InvalidIdentityToken",
			notProven, "change this condition"},
		"another claim": {
			[]string{"RoleArn", wiretest.RolePrefix + "DevPlain", "WebIdentityToken",
				claims(map[string]any{"dept": "sales"})}, 400, "InvalidIdentityToken", notProven,
			"change this condition",
		},
		"tags not allowed": {
			[]string{"RoleArn", wiretest.RolePrefix + "DevPlain", "WebIdentityToken",
				claims(map[string]any{"dept": "ops", "https://aws.amazon.com/tags/principal_tags/x": "y"})}, 403,
			"AccessDenied", denied, "sts:TagSession",
		},
		"source not allowed": {
			[]string{"RoleArn", wiretest.RolePrefix + "DevPlain", "WebIdentityToken",
				claims(map[string]any{"dept": "ops", "https://aws.amazon.com/source_identity": "me"})}, 403,
			"AccessDenied", denied, "sts:SetSourceIdentity",
		},
		"odd source": {
			[]string{"WebIdentityToken",
				claims(map[string]any{"https://aws.amazon.com/source_identity": "me and you"})}, 400,
			"InvalidIdentityToken", `Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"`,
			"correct the claims",
		},
		"a tag of two values": {
			[]string{"WebIdentityToken",
				claims(
					map[string]any{
						"https://aws.amazon.com/tags": map[string]any{
							"principal_tags": map[string]any{"k": []string{"a", "b"}},
						},
					},
				)}, 400, "InvalidIdentityToken", "", "correct the claims",
		},
		"a reserved tag": {
			[]string{"WebIdentityToken",
				claims(map[string]any{"https://aws.amazon.com/tags/principal_tags/aws:x": "y"})}, 400,
			"ValidationError", "", "reserved",
		},
		"transitive, no tag": {
			[]string{"WebIdentityToken",
				claims(map[string]any{"https://aws.amazon.com/tags/transitive_tag_keys": []string{"x"}})}, 400,
			"ValidationError", "The specified transitive tag key must be included in the requested tags.", "its key",
		},
		"session policy": {[]string{"Policy", `{"Version":"2012-10-17"`}, 400, "MalformedPolicyDocument", "",
			"change the session policy"},
		"policy of principals": {[]string{"Policy",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`},
			400, "MalformedPolicyDocument", "",
			"change the session policy"},
		"unknown managed policy": {[]string{"PolicyArns.member.1.arn", "arn:aws:iam::000000000000:policy/Nothing"},
			400, "ValidationError",
			"Policy arn:aws:iam::000000000000:policy/Nothing does not exist or is not attachable.",
			"create the policy"},
		"a managed policy twice": {[]string{"PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/AdministratorAccess",
			"PolicyArns.member.2.arn", "arn:aws:iam::aws:policy/AdministratorAccess"}, 400,
			"ValidationError", "The session policies have a duplicate ARN.", "PolicyArns"},
		"policies too long": {[]string{"Policy",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}` +
				strings.Repeat(" ", 1960), "PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/AdministratorAccess"},
			400, "PackedPolicyTooLarge", "", "shorten"},
		"unknown ProviderId": {[]string{"ProviderId", "accounts.google.com"}, 400, "ValidationError", "",
			"leave ProviderId out"},
		"a token of nobody here": {
			[]string{"WebIdentityToken",
				w.apps.Google.Token(map[string]any{"iss": "https://nobody.example", "aud": "x", "sub": "y"})}, 400,
			"InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://nobody.example",
			"register the issuer",
		},
		"Google, not meant": {[]string{"WebIdentityToken", w.apps.Logins[wiretest.GoogleKey]}, 400,
			"InvalidIdentityToken",
			"No OpenIDConnect provider found in your account for accounts.google.com", "register"},
		"Google, any application": {
			[]string{"RoleArn", wiretest.RolePrefix + "Open", "WebIdentityToken", w.apps.Logins[wiretest.GoogleKey]},
			400, "InvalidIdentityToken", "Incorrect token audience", "add the application's ID",
		},
		"Facebook, any": {
			[]string{"RoleArn", wiretest.RolePrefix + "Open", "ProviderId", wiretest.FacebookKey, "WebIdentityToken",
				w.apps.Logins[wiretest.FacebookKey]}, 400, "InvalidIdentityToken", "Incorrect token audience",
			"add the application's ID",
		},
		"Facebook, bad token": {
			[]string{"RoleArn", wiretest.RolePrefix + "Facebook", "ProviderId", wiretest.FacebookKey,
				"WebIdentityToken", "EAANothing"}, 403, "IDPRejectedClaim",
			"The identity provider rejected the claim.", "sign in",
		},
		"Amazon's role, Facebook": {
			[]string{"RoleArn", wiretest.RolePrefix + "Amazon", "ProviderId", wiretest.FacebookKey,
				"WebIdentityToken", w.apps.Logins[wiretest.FacebookKey]}, 403, "AccessDenied", denied,
			"add the principal",
		},
		"own token, changed": {
			[]string{"RoleArn", wiretest.RolePrefix + "Authenticated", "WebIdentityToken",
				own[:len(own)-6] + "AAAAAA"}, 400, "InvalidIdentityToken", notProven, "unchanged",
		},
		"own token, other's role": {[]string{"WebIdentityToken", own}, 403, "AccessDenied", denied,
			"cognito-identity.amazonaws.com"},
		"unsigned token": {[]string{"WebIdentityToken", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0."}, 400,
			"InvalidIdentityToken", notJWT, ""},
		"policies in no list": {[]string{"PolicyArns", "arn:aws:iam::aws:policy/AdministratorAccess"}, 400,
			"MalformedInput", "List 'PolicyArns' is not written as NAME.member.N.", "-"},
		"a parameter twice, quiet": {
			[]string{"PolicyArns.member.2.arn", "arn:aws:iam::aws:policy/AdministratorAccess"}, 400, "MalformedInput",
			"List 'PolicyArns' has a hole in its numbering.", "-",
		},
	} {
		t.Run(name, func(t *testing.T) {
			status, code, message, _ := w.query(t,
				wiretest.Form("AssumeRoleWithWebIdentity", append(append([]string{}, good...), test.change...)...))
			if status != test.status || code != test.code || test.message != "" && message != test.message {
				t.Errorf("%d %s: %s\nwant %d %s: %s", status, code, message, test.status, test.code, test.message)
			}

			if test.fix != "-" {
				w.refusedWith(t, test.fix)
			}
			if code == "ExpiredTokenException" &&
				!strings.HasPrefix(message, fmt.Sprintf("Token expired: current date/time %d", now.Unix()/1000)) {
				t.Errorf("message = %s", message)
			}
		})
	}
}

// closedServer is the address of a server that is gone.
func closedServer(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	return s.URL
}

// Of two faults, the one that STS looks at first is answered: form, role,
// duration, trust policy, audience, keys, signature, age, claims.
func TestWebIdentityOrderOfChecks(t *testing.T) {
	w := startSTS(t)
	const (
		denied    = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
		notProven = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity " +
			"documentation for requirements."
		notJWT  = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
		tooLong = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
		// With two blanks, as STS has it.
		noKeys = "Couldn't retrieve verification key from your identity provider,  please reference " +
			"AssumeRoleWithWebIdentity documentation for requirements"
		missing = "Missing a required claim: "
	)
	corp := func(claims map[string]any) string {
		all := map[string]any{"sub": "alice", "aud": "app"}
		maps.Copy(all, claims)
		return w.corp.Token(all)
	}

	forged := func(token string) string { return token[:len(token)-8] + "AAAAAAAA" }
	old := time.Now().Add(-time.Hour).Unix()
	_, own := w.openIDToken(t, w.Logins(t, "carol"))
	const tags = "https://aws.amazon.com/tags"
	red := map[string]any{
		tags: map[string]any{"principal_tags": map[string]any{"team": []string{"red"}},
			"transitive_tag_keys": []string{"team"}}, "https://aws.amazon.com/source_identity": "me",
	}

	alice, anybody := wiretest.RolePrefix+"corp/Alice", wiretest.RolePrefix+"corp/Any"
	for name, test := range map[string]struct {
		role, token   string
		change        []string
		status        int
		code, message string
		fix           string
		asked         bool // the provider, for its keys
	}{
		"all is well":            {role: alice, token: corp(nil), status: 200, asked: true},
		"the session's own keys": {role: wiretest.RolePrefix + "corp/Red", token: corp(red), status: 200, asked: true},
		"parameter, form": {alice, "opaque", []string{"RoleSessionName", "x"}, 400, "ValidationError",
			"1 validation error detected: Value 'x' at 'roleSessionName' failed to satisfy constraint: Member must " +
				"have length greater than or equal to 2", "-", false},
		"form, role": {wiretest.RolePrefix + "Nobody", "opaque", nil, 400, "InvalidIdentityToken", notJWT, "", false},
		"form, duration": {alice, "opaque", []string{"DurationSeconds", "43200"}, 400,
			"InvalidIdentityToken", notJWT, "", false},
		"role, duration": {wiretest.RolePrefix + "Nobody", corp(nil), []string{"DurationSeconds", "43200"},
			403, "AccessDenied", denied, "create the role", false},
		"role, signature": {wiretest.RolePrefix + "corp/Nobody", forged(corp(nil)), nil, 403,
			"AccessDenied", denied, "create the role", false},
		"duration, principal": {wiretest.RolePrefix + "Google", corp(nil), []string{"DurationSeconds", "7201"},
			400, "ValidationError", tooLong, "MaxSessionDuration", false},
		"duration, condition": {alice, corp(map[string]any{"sub": "bob"}), []string{"DurationSeconds", "7201"},
			400, "ValidationError", tooLong, "MaxSessionDuration", false},
		"duration, signature": {alice, forged(corp(nil)), []string{"DurationSeconds", "7201"}, 400,
			"ValidationError", tooLong, "MaxSessionDuration", false},
		"duration, age": {alice, corp(map[string]any{"exp": old}), []string{"DurationSeconds", "7201"},
			400, "ValidationError", tooLong, "MaxSessionDuration", false},
		"principal, signature": {wiretest.RolePrefix + "DevPlain", forged(corp(nil)), nil, 403, "AccessDenied",
			denied, "add the principal", false},
		"issuer, age": {alice, corp(map[string]any{"iss": "https://nobody.example", "exp": old}), nil,
			400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://nobody.example",
			"register", false},
		"deny, signature": {wiretest.RolePrefix + "corp/Barred",
			forged(corp(map[string]any{"sub": "mallory"})), nil, 403, "AccessDenied", denied,
			"remove that statement", false},
		"audiences, condition": {alice, corp(map[string]any{"sub": "bob", "aud": []string{"app", "b"}}), nil,
			400, "InvalidIdentityToken",
			"Token audience contains more than one audience while authorized party is not present", "azp", false},
		"audience, condition": {alice, corp(map[string]any{"sub": "bob", "aud": "other"}), nil, 400,
			"InvalidIdentityToken", "Incorrect token audience", "client", false},
		"condition": {alice, corp(map[string]any{"sub": "bob"}), nil, 400, "InvalidIdentityToken",
			notProven, "change this condition", false},
		"condition, signature": {alice, forged(corp(map[string]any{"sub": "bob"})), nil, 400,
			"InvalidIdentityToken", notProven, "change this condition", false},
		"condition, age": {alice, corp(map[string]any{"sub": "bob", "exp": old}), nil, 400,
			"InvalidIdentityToken", notProven, "change this condition", false},
		"condition, no sub": {alice, corp(map[string]any{"sub": nil}), nil, 400, "InvalidIdentityToken",
			notProven, "change this condition", false},
		"condition, keys": {wiretest.RolePrefix + "Dead",
			w.dead.Token(map[string]any{"sub": "bob", "aud": "app"}), nil, 400, "InvalidIdentityToken", notProven,
			"change this condition", false},
		"condition, Google": {wiretest.RolePrefix + "GoogleBob", w.apps.Logins[wiretest.GoogleKey], nil, 400,
			"InvalidIdentityToken", notProven, "change this condition", false},
		"condition on a tag": {wiretest.RolePrefix + "corp/Red", forged(corp(nil)), nil, 400,
			"InvalidIdentityToken", notProven, "change this condition", false},
		"keys": {wiretest.RolePrefix + "Dead",
			w.dead.Token(map[string]any{"sub": "alice", "aud": "app"}), nil, 400, "InvalidIdentityToken", noKeys,
			"reachable", false},
		"signature": {alice, forged(corp(nil)), nil, 400, "InvalidIdentityToken", notProven, "", true},
		"age, no iat": {anybody, corp(map[string]any{"exp": old, "iat": nil}), nil, 400,
			"ExpiredTokenException", "", "", false},
		"signature, no iat": {anybody, forged(corp(map[string]any{"iat": nil})), nil, 400,
			"InvalidIdentityToken", notProven, "", true},
		"no iat": {anybody, corp(map[string]any{"iat": nil}), nil, 400, "InvalidIdentityToken",
			missing + "iat.", "have the provider issue iat", true},
		"no sub": {anybody, corp(map[string]any{"sub": nil}), nil, 400, "InvalidIdentityToken",
			missing + "sub.", "", false},
		"tags that are not allowed": {anybody, corp(red), nil, 403, "AccessDenied", denied, "sts:TagSession", true},
		"forged tags": {anybody, forged(corp(red)), nil, 400, "InvalidIdentityToken",
			notProven, "", true},
		// A failed condition of the Cognito principal is documented as AccessDenied.
		"own token, signature, condition": {wiretest.RolePrefix + "Authenticated", forged(own), nil, 400,
			"InvalidIdentityToken", notProven, "unchanged", false},
		"own token, duration, signature": {wiretest.RolePrefix + "Authenticated", forged(own),
			[]string{"DurationSeconds", "7201"}, 400, "ValidationError", tooLong, "MaxSessionDuration", false},
	} {
		t.Run(name, func(t *testing.T) {
			w.mu.Lock()
			w.traces = nil
			w.mu.Unlock()
			asked := w.corp.Requests()
			good := []string{"RoleArn", test.role, "RoleSessionName", "s1", "WebIdentityToken", test.token}
			status, code, message, _ := w.query(t,
				wiretest.Form("AssumeRoleWithWebIdentity", append(good, test.change...)...))
			if status != test.status || code != test.code || test.message != "" && message != test.message {
				t.Errorf("%d %s: %s\nwant %d %s: %s", status, code, message, test.status, test.code, test.message)
			}

			if status != http.StatusOK && test.fix != "-" {
				w.refusedWith(t, test.fix)
			}
			if got := w.corp.Requests() - asked; got > 0 && !test.asked {
				t.Errorf("the provider was asked %d times", got)
			}
		})
	}
}

// Of Facebook and Login with Amazon, which judge their tokens themselves, STS tells
// that they could not be reached: SDKs try again.
func TestUnreachableProviders(t *testing.T) {
	w := startSTS(t)
	w.apps.Facebook.Answer(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	status, code, message, _ := w.query(t,
		wiretest.Form("AssumeRoleWithWebIdentity", "RoleArn", wiretest.RolePrefix+"Facebook", "RoleSessionName", "s1",
			"ProviderId", wiretest.FacebookKey, "WebIdentityToken", w.apps.Logins[wiretest.FacebookKey]))
	if status != 400 || code != "IDPCommunicationError" ||
		message != "The identity provider could not be reached. Try again." {
		t.Errorf("%d %s: %s", status, code, message)
	}
	w.refusedWith(t, "reachable")
}

// No trace of a refusal holds a token or an access token.
func TestSTSTracesHoldNoTokens(t *testing.T) {
	w := startSTS(t)
	alice := w.Token(t, "alice")
	for name, role := range map[string]string{alice: "DevPlain", w.apps.Logins[wiretest.FacebookKey]: "Amazon",
		"EAANothingCanary": "Facebook"} {
		pairs := []string{"RoleArn", wiretest.RolePrefix + role, "RoleSessionName", "s1", "WebIdentityToken", name}
		if name != alice {
			pairs = append(pairs, "ProviderId", wiretest.FacebookKey)
		}
		if status, _, _, body := w.query(t, wiretest.Form("AssumeRoleWithWebIdentity", pairs...)); status == 200 {
			t.Fatal(body)
		}
	}

	w.mu.Lock()
	defer w.mu.Unlock()

	text := fmt.Sprintf("%+v", w.traces)
	for _, secret := range []string{alice[len(alice)-40:], strings.Split(alice, ".")[1], "EAACanaryOfAlice",
		"EAANothingCanary"} {
		if strings.Contains(text, secret) {
			t.Errorf("the traces hold %q", secret)
		}
	}

	wiretest.Equal(t, "traces", len(w.traces), 3)
}

// Google, Facebook and Login with Amazon need no registration: trust policies
// name them by their host.
func TestWebIdentityOfKnownProviders(t *testing.T) {
	w := startSTS(t)
	for key, test := range map[string]struct{ role, providerID, provider, audience string }{
		wiretest.GoogleKey:   {"Google", "-", "accounts.google.com", "google-app"},
		wiretest.FacebookKey: {"Facebook", wiretest.FacebookKey, wiretest.FacebookKey, "112233"},
		wiretest.AmazonKey:   {"Amazon", wiretest.AmazonKey, wiretest.AmazonKey, "amzn1.application-oa2-client.77"},
	} {
		t.Run(key, func(t *testing.T) {
			in := &sts.AssumeRoleWithWebIdentityInput{
				RoleArn:          aws.String(wiretest.RolePrefix + test.role),
				RoleSessionName:  aws.String("s1"),
				WebIdentityToken: aws.String(w.apps.Logins[key]),
			}
			if test.providerID != "-" {
				in.ProviderId = &test.providerID
			}
			out := wiretest.Must(w.anonymous().AssumeRoleWithWebIdentity(t.Context(), in))(t)
			wiretest.Equal(t, "subject", *out.SubjectFromWebIdentityToken, w.apps.Subjects[key])
			wiretest.Equal(t, "audience", *out.Audience, test.audience)
			wiretest.Equal(t, "provider", *out.Provider, test.provider)

			who := wiretest.Must(w.by(out.Credentials).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t)
			wiretest.Equal(t, "caller", *who.Arn, wiretest.Sessions+test.role+"/s1")
		})
	}
}

func TestAssumeRole(t *testing.T) {
	w := startSTS(t)
	input := func(name string, change ...func(*sts.AssumeRoleInput)) *sts.AssumeRoleInput {
		in := &sts.AssumeRoleInput{RoleArn: aws.String(wiretest.RolePrefix + name), RoleSessionName: aws.String("s1")}
		for _, f := range change {
			f(in)
		}
		return in
	}

	tag := func(key, value string) func(*sts.AssumeRoleInput) {
		return func(in *sts.AssumeRoleInput) {
			in.Tags = append(in.Tags, ststypes.Tag{Key: &key, Value: &value})
		}
	}
	out := wiretest.Must(w.user.AssumeRole(t.Context(),
		input("may/Home", tag("team", "red"), func(in *sts.AssumeRoleInput) {
			in.DurationSeconds, in.SourceIdentity, in.TransitiveTagKeys = aws.Int32(7200), aws.String("boss"),
				[]string{"team"}
			in.Policy = aws.String(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",` +
				` "Action": "cognito-identity:ListIdentityPools", "Resource": "*"}]}`)
			in.PolicyArns = []ststypes.PolicyDescriptorType{
				{Arn: aws.String("arn:aws:iam::aws:policy/AmazonCognitoUnAuthedIdentitiesSessionPolicy")},
			}
		})))(t)
	wiretest.Equal(t, "assumed role", *out.AssumedRoleUser.Arn, wiretest.Sessions+"Home/s1")
	wiretest.Equal(t, "source identity", aws.ToString(out.SourceIdentity), "boss")
	if out.PackedPolicySize == nil || *out.PackedPolicySize < 10 {
		t.Errorf("PackedPolicySize = %v", out.PackedPolicySize)
	}

	// The session policy narrows what the role allows.
	session := w.SignedBy(wiretest.Region, *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey,
		*out.Credentials.SessionToken)
	wiretest.Must(session.ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)}))(t)
	_, err := session.DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: &w.pool})
	wiretest.WantError(t, err, "AccessDeniedException", "")

	// A trust policy that names the caller's role is enough in its account, but a session policy bounds it still.
	_, err = w.by(out.Credentials).AssumeRole(t.Context(), input("Chain"))
	wiretest.WantError(t, err, "AccessDenied",
		"User: "+wiretest.Sessions+"Home/s1 is not authorized to perform: sts:AssumeRole on resource: "+
			wiretest.RolePrefix+"Chain")

	wide := wiretest.Must(w.user.AssumeRole(t.Context(), input("may/Home")))(t)
	wiretest.Must(w.by(wide.Credentials).AssumeRole(t.Context(), input("Chain")))(t)
	wiretest.Must(w.user.AssumeRole(t.Context(),
		input("may/External", func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("blue") })))(t)
	root := w.client("test", "test", "")
	wiretest.Must(root.AssumeRole(t.Context(), input("Elsewhere")))(t)

	denied := func(action, name string) string {
		return "User: " + w.userID + " is not authorized to perform: " + action + " on resource: " +
			wiretest.RolePrefix + name
	}
	for name, test := range map[string]struct {
		in            *sts.AssumeRoleInput
		code, message string
		fix           string
	}{
		"own policies": {input("Elsewhere"), "AccessDenied", denied("sts:AssumeRole", "Elsewhere"),
			"create one with a policy that allows it"},
		"trust policy": {input("Chain"), "AccessDenied", denied("sts:AssumeRole", "Chain"), "trust policy"},
		"no such role": {input("may/Nobody"), "AccessDenied", denied("sts:AssumeRole", "may/Nobody"),
			"create the role"},
		"external ID": {
			input("may/External", func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("red") }),
			"AccessDenied", denied("sts:AssumeRole", "may/External"), "condition",
		},
		"tags": {input("may/Bare", tag("a", "b")), "AccessDenied", denied("sts:AssumeRole", "may/Bare"),
			"sts:TagSession"},
		"a role's ARN": {
			input("x", func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::000000000000:user/x") }),
			"ValidationError", "arn:aws:iam::000000000000:user/x is invalid", "role/NAME",
		},
		"duration": {
			input("may/Home", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(7201) }),
			"ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
			"MaxSessionDuration",
		},
		"a tag twice": {input("may/Home", tag("Team", "a"), tag("team", "b")), "ValidationError",
			"Duplicate tag keys found. Please note that Tag keys are case insensitive.", "remove one"},
		"a reserved tag": {input("may/Home", tag("aws:x", "a")), "ValidationError", "", "reserved"},
		"transitive, alone": {
			input("may/Home", func(in *sts.AssumeRoleInput) { in.TransitiveTagKeys = []string{"team"} }),
			"ValidationError", "The specified transitive tag key must be included in the requested tags.",
			"pass the tag",
		},
		"second factor": {input("may/Home", func(in *sts.AssumeRoleInput) {
			in.SerialNumber, in.TokenCode = aws.String("arn:aws:iam::000000000000:mfa/x"), aws.String("123456")
		}), "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ", "leave both out"},
		"contexts": {input("may/Home", func(in *sts.AssumeRoleInput) {
			in.ProvidedContexts = []ststypes.ProvidedContext{
				{ProviderArn: aws.String("arn:aws:sts::aws:contextProvider/x"), ContextAssertion: aws.String("xxxx")},
			}
		}), "ValidationError", "", "ProvidedContexts"},
		"too large": {input("may/Home", func(in *sts.AssumeRoleInput) {
			for i := range 50 {
				tag(fmt.Sprintf("key%d", i), strings.Repeat("v", 100))(in)
			}
		}), "PackedPolicyTooLarge", "The session policies and session tags do not fit the session token.",
			"fewer or shorter"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.user.AssumeRole(t.Context(), test.in)
			wiretest.WantError(t, err, test.code, test.message)
			w.refusedWith(t, test.fix)
		})
	}

	_, err = w.anonymous().AssumeRole(t.Context(), input("may/Home"))
	wiretest.WantError(t, err, "MissingAuthenticationToken", "")
}

func TestGetSessionToken(t *testing.T) {
	w := startSTS(t)
	out := wiretest.Must(w.user.GetSessionToken(t.Context(),
		&sts.GetSessionTokenInput{DurationSeconds: aws.Int32(900)}))(t)
	if d := time.Until(*out.Credentials.Expiration); d > 15*time.Minute || d < 14*time.Minute {
		t.Errorf("they last %v", d)
	}

	who := wiretest.Must(w.by(out.Credentials).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t)
	wiretest.Equal(t, "caller", *who.Arn, w.userID)
	wiretest.Must(
		w.by(out.Credentials).AssumeRole(t.Context(), &sts.AssumeRoleInput{
			RoleArn:         aws.String(wiretest.RolePrefix + "may/Home"),
			RoleSessionName: aws.String("s1"),
		}),
	)(t)

	session := w.SignedBy(wiretest.Region, *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey,
		*out.Credentials.SessionToken)
	wiretest.Must(session.ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)}))(t)

	// PassRole is of the IAM API, which temporary credentials cannot use.
	_, err := session.SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: &w.pool,
		Roles:          map[string]string{"authenticated": wiretest.AuthenticatedRole},
	})
	if err == nil {
		t.Error("temporary credentials passed a role")
	}

	_, err = w.by(out.Credentials).GetSessionToken(t.Context(), &sts.GetSessionTokenInput{})
	wiretest.WantError(t, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	w.refusedWith(t, "access key")
	_, err = w.user.GetSessionToken(t.Context(), &sts.GetSessionTokenInput{TokenCode: aws.String("123456")})
	wiretest.WantError(t, err, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ")

	_, err = w.user.GetSessionToken(t.Context(), &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(129601)})
	wiretest.WantError(t, err, "ValidationError",
		"1 validation error detected: Value '129601' at 'durationSeconds' failed to satisfy constraint: Member "+
			"must have value less than or equal to 129600")
	root := wiretest.Must(w.client("test", "test", "").GetSessionToken(t.Context(), &sts.GetSessionTokenInput{}))(t)
	if d := time.Until(*root.Credentials.Expiration); d > time.Hour {
		t.Errorf("root's last %v", d)
	}

	// The credentials end with their key.
	key := strings.TrimPrefix(w.userID, "arn:aws:iam::000000000000:user/poolhouse/")
	if err := w.keys.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	w.ahead.Add(int64(iam.MaxCacheLifetime))

	_, err = w.by(out.Credentials).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wiretest.WantError(t, err, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

func TestGetAccessKeyInfo(t *testing.T) {
	w := startSTS(t)
	root := w.client("test", "test", "")
	key := strings.TrimPrefix(w.userID, "arn:aws:iam::000000000000:user/poolhouse/")
	wiretest.Equal(t, "account",
		*wiretest.Must(root.GetAccessKeyInfo(t.Context(), &sts.GetAccessKeyInfoInput{AccessKeyId: &key}))(t).Account,
		"000000000000")

	_, err := root.GetAccessKeyInfo(t.Context(),
		&sts.GetAccessKeyInfoInput{AccessKeyId: aws.String("AKIAAAAAAAAAAAAAAAAA")})
	wiretest.WantError(t, err, "ValidationError", "The access key ID is not known.")
	w.refusedWith(t, "GetCallerIdentity")
	_, err = root.GetAccessKeyInfo(t.Context(), &sts.GetAccessKeyInfoInput{AccessKeyId: aws.String("short")})
	wiretest.WantError(t, err, "ValidationError", "1 validation error detected: Value 'short' at 'accessKeyId' "+
		"failed to satisfy constraint: Member must have length greater than or equal to 16")
	_, err = w.user.GetAccessKeyInfo(t.Context(), &sts.GetAccessKeyInfoInput{AccessKeyId: &key})
	wiretest.WantError(t, err, "AccessDenied", "")

	held := wiretest.Must(
		w.user.AssumeRole(t.Context(), &sts.AssumeRoleInput{
			RoleArn:         aws.String(wiretest.RolePrefix + "may/Home"),
			RoleSessionName: aws.String("s1"),
		}),
	)(t)
	wiretest.Equal(t, "own account",
		*wiretest.Must(w.by(held.Credentials).GetAccessKeyInfo(t.Context(),
			&sts.GetAccessKeyInfoInput{AccessKeyId: held.Credentials.AccessKeyId}))(t).Account, "000000000000")
}

func TestAssumeRoleWithSAML(t *testing.T) {
	w := startSTS(t)
	const attribute = "https://aws.amazon.com/SAML/Attributes/"
	persistent := "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	assertion := func(change ...func(*samltest.Login)) string {
		l := samltest.Login{
			NameID: "alice",
			Format: persistent,
			Attributes: []samltest.Attribute{
				wiretest.Pairs(wiretest.RolePrefix+"Saml", wiretest.RolePrefix+"SamlPlain",
					wiretest.RolePrefix+"Nobody"),
				{Name: attribute + "RoleSessionName", Values: []string{"alice@corp"}}},
		}
		for _, f := range change {
			f(&l)
		}

		return w.idp.Response(t, l)
	}

	more := func(name string, values ...string) func(*samltest.Login) {
		return func(l *samltest.Login) {
			l.Attributes = append(l.Attributes, samltest.Attribute{Name: attribute + name, Values: values})
		}
	}
	input := func(role, assertion string) *sts.AssumeRoleWithSAMLInput {
		return &sts.AssumeRoleWithSAMLInput{
			RoleArn:       aws.String(wiretest.RolePrefix + role),
			PrincipalArn:  aws.String(wiretest.SAMLARN),
			SAMLAssertion: &assertion,
		}
	}

	end := time.Now().Add(20 * time.Minute)
	out := wiretest.Must(w.anonymous().AssumeRoleWithSAML(t.Context(), input("Saml", assertion(
		more("PrincipalTag:team", "red"), more("TransitiveTagKeys", "team"), more("SourceIdentity", "alice.a"),
		func(l *samltest.Login) { l.SessionEnd = samltest.Time(end) }))))(t)
	wiretest.Equal(t, "assumed role", *out.AssumedRoleUser.Arn, wiretest.Sessions+"Saml/alice@corp")
	wiretest.Equal(t, "subject", *out.Subject, "alice")
	wiretest.Equal(t, "subject type", *out.SubjectType, "persistent")
	wiretest.Equal(t, "audience", *out.Audience, "https://signin.aws.amazon.com/saml")
	wiretest.Equal(t, "source identity", aws.ToString(out.SourceIdentity), "alice.a")
	if len(*out.NameQualifier) != 28 || *out.Issuer == "" {
		t.Errorf("NameQualifier %s, Issuer %s", *out.NameQualifier, *out.Issuer)
	}

	if got := out.Credentials.Expiration; got.After(end) {
		t.Errorf("the session outlives the provider's: %v", got)
	}

	who := wiretest.Must(w.by(out.Credentials).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t)
	wiretest.Equal(t, "caller", *who.Arn, wiretest.Sessions+"Saml/alice@corp")

	const denied = "Not authorized to perform sts:AssumeRoleWithSAML"
	stranger := samltest.New(t, time.Now().Truncate(time.Second), 1)
	for name, test := range map[string]struct {
		in            *sts.AssumeRoleWithSAMLInput
		code, message string
		fix           string
	}{
		"no such role": {input("Nobody", assertion()), "AccessDenied", denied, "create the role"},
		"not offered": {
			input("Saml", assertion(func(l *samltest.Login) { l.Attributes[0] = wiretest.Pairs(wiretest.OpsRole) })),
			"AccessDenied", denied, "offer this role",
		},
		"not base64": {input("Saml", "<Response/>"), "InvalidIdentityToken", "The SAML assertion is not valid.",
			"SAMLResponse"},
		"another key": {input("Saml", stranger.Response(t, samltest.Login{NameID: "alice"})),
			"InvalidIdentityToken", "Response signature invalid", ""},
		"another target": {input("Saml", assertion(func(l *samltest.Login) { l.Audience = "urn:other" })),
			"InvalidIdentityToken", "Response does not contain the required audience.", ""},
		"no session name": {input("Saml", assertion(func(l *samltest.Login) { l.Attributes = l.Attributes[:1] })),
			"InvalidIdentityToken", "RoleSessionName is required in AuthnResponse",
			"RoleSessionName"},
		"odd session name": {
			input("Saml", assertion(func(l *samltest.Login) { l.Attributes[1].Values = []string{"a b"} })),
			"InvalidIdentityToken", "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}", "",
		},
		"odd source": {input("Saml", assertion(more("SourceIdentity", "aws:me"))), "InvalidIdentityToken",
			`Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"`, ""},
		"old": {
			input("Saml",
				assertion(func(l *samltest.Login) {
					l.IssueInstant = samltest.Time(time.Now().Add(-6 * time.Minute))
				})), "ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance", "at once",
		},
		"condition": {
			input("Saml",
				assertion(func(l *samltest.Login) {
					l.Format = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
				})), "AccessDenied", denied, "condition",
		},
		"tags not allowed": {input("SamlPlain", assertion(more("PrincipalTag:team", "red"))), "AccessDenied", denied,
			"sts:TagSession"},
		"source not so": {input("SamlPlain", assertion(more("SourceIdentity", "me"))), "AccessDenied", denied,
			"sts:SetSourceIdentity"},
		"transitive, alone": {input("Saml", assertion(more("TransitiveTagKeys", "x"))), "ValidationError",
			"The specified transitive tag key must be included in the requested tags.", "its key"},
		"duration": {func() *sts.AssumeRoleWithSAMLInput {
			in := input("Saml", assertion())
			in.DurationSeconds = aws.Int32(7201)
			return in
		}(), "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
			"MaxSessionDuration"},
		"no such provider": {func() *sts.AssumeRoleWithSAMLInput {
			in := input("Saml", assertion())
			in.PrincipalArn = aws.String(wiretest.OtherSAML)
			return in
		}(), "InvalidIdentityToken", "Specified provider doesn't exist", "register the provider"},
		"no provider's ARN": {func() *sts.AssumeRoleWithSAMLInput {
			in := input("Saml", assertion())
			in.PrincipalArn = aws.String(wiretest.RolePrefix + "Saml")
			return in
		}(), "ValidationError", wiretest.RolePrefix + "Saml is invalid", "saml-provider/NAME"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.anonymous().AssumeRoleWithSAML(t.Context(), test.in)
			wiretest.WantError(t, err, test.code, test.message)
			w.refusedWith(t, test.fix)
		})
	}
}

// A presigned GetCallerIdentity proves to others who one is; Vault and EKS take
// it so.
func TestPresignedCallerIdentity(t *testing.T) {
	w := startSTS(t)
	request := wiretest.Must(http.NewRequestWithContext(t.Context(), http.MethodGet,
		w.URL+"/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60", nil))(t)
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	address, _, err := v4.NewSigner().PresignHTTP(context.Background(),
		aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, request, empty, "sts",
		wiretest.Region, time.Now())
	if err != nil {
		t.Fatal(err)
	}

	status, code, _, body := wiretest.Answered(t,
		wiretest.Must(http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil))(t))
	if status != 200 || !strings.Contains(body, "<Arn>arn:aws:iam::000000000000:root</Arn>") {
		t.Errorf("%d %s %s", status, code, body)
	}

	status, code, _, _ = wiretest.Answered(t,
		wiretest.Must(http.NewRequestWithContext(t.Context(), http.MethodGet,
			strings.Replace(address, "X-Amz-Expires=60", "X-Amz-Expires=61", 1), nil))(t))
	if status != 403 || code != "SignatureDoesNotMatch" {
		t.Errorf("changed: %d %s", status, code)
	}
}

// The size members that replaced PackedPolicySize, and padded tokens.
func TestSessionTokenSizes(t *testing.T) {
	w := startSTS(t)
	alice := w.Token(t, "alice")
	for _, size := range []int{0, 1000, 2047, 4096} {
		_, _, _, body := w.query(t,
			wiretest.Form("AssumeRoleWithWebIdentity", "RoleArn", wiretest.RolePrefix+"path/Dev", "RoleSessionName",
				"s1", "WebIdentityToken", alice,
				"MinimumSessionTokenSize", fmt.Sprint(size)))
		var out struct {
			Result struct {
				Token       string `xml:"Credentials>SessionToken"`
				Key         string `xml:"Credentials>AccessKeyId"`
				Secret      string `xml:"Credentials>SecretAccessKey"`
				Size        int    `xml:"SessionTokenSize"`
				Utilization int    `xml:"SessionTokenUtilization"`
			} `xml:"AssumeRoleWithWebIdentityResult"`
		}
		if err := xml.Unmarshal([]byte(body), &out); err != nil {
			t.Fatal(err, body)
		}

		r := out.Result
		if n := len(r.Token); n < size || n > max(size+8, 1000) || n > 4096 || r.Size != n ||
			r.Utilization != (n*100+4095)/4096 {
			t.Errorf("asked for %d: %d bytes, said %d and %d %%", size, n, r.Size, r.Utilization)
		}
		wiretest.Must(w.Whoami(t, r.Key, r.Secret, r.Token))(t)
	}
}
