package iam_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

const (
	home      = "123456789012"
	trustText = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},` +
		`"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:PrincipalAccount":"123456789012"}}}}`
	allowAll  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	allowRead = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}`
)

// clock is a settable time.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func node(t *testing.T, s *store.Store, c *clock, change ...func(*iam.Config)) *iam.Directory {
	t.Helper()

	config := iam.Config{Account: home, Store: s, Now: c.now}
	for _, f := range change {
		f(&config)
	}
	d, err := iam.NewDirectory(config)
	if err != nil {
		t.Fatal(err)
	}

	return d
}

// A change counts at once where it was made, and within a second elsewhere.
func TestStoredResourcesOnSeveralNodes(t *testing.T) {
	ctx := t.Context()
	s, c := openStore(t), &clock{time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	here, there := node(t, s, c), node(t, s, c)
	const arn = "arn:aws:iam::123456789012:role/App"
	look := func(d *iam.Directory, step string, want error) iam.Role {
		t.Helper()
		r, err := d.RoleOf(ctx, arn)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", step, err, want)
		}
		return r
	}

	look(there, "before", iam.ErrNotFound)
	made, err := here.CreateRole(ctx, store.Role{
		Account:    home,
		Name:       "App",
		Path:       "/",
		Trust:      trustText,
		MaxSession: 7200,
	})
	if err != nil {
		t.Fatal(err)
	}

	if id, err := there.RoleID(ctx, iamRole(arn)); id != made.ID || err != nil {
		t.Errorf("RoleID = %s, %v, want %s", id, err, made.ID)
	}
	if r := look(there, "made elsewhere", nil); r.ID != made.ID || r.MaxSession != 2*time.Hour || r.Trust == nil {
		t.Errorf("role = %+v, want that of %+v", r, made)
	}

	look(here, "made here", nil)
	if _, err := here.UpdateRole(ctx, home, "app", func(r *store.Role) error {
		r.MaxSession = 3600
		return nil
	}); err != nil {
		t.Fatal(err)
	}

	if r := look(here, "changed here", nil); r.MaxSession != time.Hour {
		t.Errorf("changed here: %v", r.MaxSession)
	}
	c.at = c.at.Add(time.Second)
	if r := look(there, "changed elsewhere a second ago", nil); r.MaxSession != time.Hour {
		t.Errorf("changed elsewhere: %v", r.MaxSession)
	}
	if err := here.DeleteRole(ctx, home, "App", func(store.Role) error { return nil }); err != nil {
		t.Fatal(err)
	}

	look(here, "deleted here", iam.ErrNotFound)
	look(there, "deleted elsewhere just now", nil)
	if id, err := there.RoleID(ctx, iamRole(arn)); !errors.Is(err, iam.ErrNotFound) {
		t.Errorf("its ID from memory: %s, %v", id, err)
	}
	c.at = c.at.Add(time.Second)
	look(there, "deleted elsewhere a second ago", iam.ErrNotFound)

	for _, other := range []string{
		"arn:aws:iam::123456789012:role/app", "arn:aws:iam::123456789012:role/x/App", "App",
	} {
		if _, err := here.CreateRole(ctx, store.Role{
			Account:    home,
			Name:       "App",
			Path:       "/",
			Trust:      trustText,
			MaxSession: 3600,
		}); err != nil && !errors.Is(err, iam.ErrConflict) {
			t.Fatal(err)
		}

		if _, err := here.RoleOf(ctx, other); !errors.Is(err, iam.ErrNotFound) {
			t.Errorf("role %s: %v", other, err)
		}
		if id, err := here.RoleID(ctx, iamRole(other)); !errors.Is(err, iam.ErrNotFound) {
			t.Errorf("ID of role %s: %s, %v", other, id, err)
		}
	}
}

// A role's session is allowed what its inline and attached policies allow within
// its boundary, and nothing once the role is another one of the same name.
func TestStoredPoliciesDecide(t *testing.T) {
	ctx := t.Context()
	s, c := openStore(t), &clock{time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	d := node(t, s, c)
	newPolicy := func(name, document string) string {
		t.Helper()
		p, err := d.CreatePolicy(ctx, store.ManagedPolicy{
			Account:  home,
			Name:     name,
			Path:     "/",
			Default:  1,
			Next:     2,
			Versions: []store.PolicyVersion{{Number: 1, Document: document}},
		})
		if err != nil {
			t.Fatal(err)
		}

		return d.PolicyARN(p)
	}

	read := newPolicy("Read", allowRead)
	r, err := d.CreateRole(ctx, store.Role{
		Account:    home,
		Name:       "App",
		Path:       "/",
		Trust:      trustText,
		MaxSession: 3600,
	})
	if err != nil {
		t.Fatal(err)
	}

	session := func() iam.Caller {
		return iam.NewSessionCaller(iam.SessionCaller{
			AccessKeyID: "ASIA",
			RoleARN:     iamRole(d.RoleARN(r)),
			RoleID:      r.ID,
			SessionName: "s",
		})
	}

	caller := session()
	authorizer := iam.NewAuthorizer(d, c.now)
	allowed := func(step, action string, want bool) {
		t.Helper()
		if err := authorizer.Authorize(ctx, caller, iam.Access{Action: action, Resource: "*"}); (err == nil) != want {
			t.Errorf("%s: %s: %v, want allowed %t", step, action, err, want)
		}
	}

	update := func(change func(*store.Role)) {
		t.Helper()
		if _, err := d.UpdateRole(ctx, home, "App", func(r *store.Role) error { change(r); return nil }); err != nil {
			t.Fatal(err)
		}
	}

	allowed("bare", "s3:GetObject", false)
	update(func(r *store.Role) { r.Attached = []string{read} })
	allowed("attached", "s3:GetObject", true)
	allowed("attached", "s3:PutObject", false)
	update(func(r *store.Role) { r.Policies = map[string]string{"all": allowAll} })
	allowed("inline", "s3:PutObject", true)
	update(func(r *store.Role) { r.Boundary = read })
	allowed("bounded", "s3:PutObject", false)
	allowed("bounded", "s3:GetObject", true)

	if _, err := d.UpdatePolicy(ctx, home, "Read", func(p *store.ManagedPolicy) error {
		p.Versions, p.Default = append(p.Versions, store.PolicyVersion{Number: 2, Document: allowAll}), 2
		return nil
	}); err != nil {
		t.Fatal(err)
	}

	allowed("a new default version", "s3:PutObject", true)
	update(func(r *store.Role) {
		r.Boundary, r.Policies, r.Attached = "", nil, []string{"arn:aws:iam::aws:policy/AdministratorAccess"}
	})
	allowed("a policy of AWS", "iam:CreateRole", true)
	if err := d.DeleteRole(ctx, home, "App", func(store.Role) error { return nil }); err != nil {
		t.Fatal(err)
	}

	allowed("deleted", "s3:GetObject", false)
	if _, err := d.CreateRole(ctx, store.Role{
		Account:    home,
		Name:       "App",
		Path:       "/",
		Trust:      trustText,
		MaxSession: 3600,
		Policies:   map[string]string{"all": allowAll},
	}); err != nil {
		t.Fatal(err)
	}

	allowed("another role of the name", "s3:GetObject", false)
}

// What the settings define hides what the store has under the same name, and
// cannot be changed.
func TestSettingsComeFirst(t *testing.T) {
	ctx := t.Context()
	s, c := openStore(t), &clock{time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}

	before := node(t, s, c)
	for _, path := range []string{"/", "/x/"} {
		name := map[string]string{"/": "App", "/x/": "Other"}[path]
		if _, err := before.CreateRole(ctx, store.Role{
			Account:    home,
			Name:       name,
			Path:       path,
			Trust:      trustText,
			MaxSession: 3600,
		}); err != nil {
			t.Fatal(err)
		}
	}

	if _, err := before.For("").OIDCProviders().Create(ctx, store.OIDCProvider{
		Account: home, URL: "https://issuer.example", ClientIDs: []string{"stored"},
	}); err != nil {
		t.Fatal(err)
	}

	d := node(t, s, c, func(config *iam.Config) {
		config.Roles = []iam.RoleConfig{{ARN: "arn:aws:iam::123456789012:role/team/APP", TrustPolicy: trustText}}
		config.OIDCProviders = []iam.OIDCProviderConfig{{
			URL: "https://issuer.example", ClientIDs: []string{"settings"},
		}}
	})
	if _, err := d.RoleOf(ctx, "arn:aws:iam::123456789012:role/App"); !errors.Is(err, iam.ErrNotFound) {
		t.Errorf("the hidden role: %v", err)
	}

	r, err := d.NamedRole(ctx, home, "app")
	if err != nil || r.Path != "/team/" || r.Trust != trustText {
		t.Errorf("NamedRole = %+v, %v", r, err)
	}

	for prefix, want := range map[string]string{"/": "APP Other", "/team/": "APP", "/x/": "Other"} {
		list, err := d.NamedRoles(ctx, home, prefix, "", 10)
		var names []string
		for _, r := range list {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("roles under %s: %q, %v, want %q", prefix, got, err, want)
		}
	}

	if list, err := d.NamedRoles(ctx, home, "/", "App", 10); err != nil || len(list) != 1 {
		t.Errorf("roles after App: %+v, %v", list, err)
	}
	p, err := d.OIDCProvider(ctx, "arn:aws:iam::123456789012:oidc-provider/issuer.example")
	if err != nil || p.ClientIDs[0] != "settings" {
		t.Errorf("provider = %+v, %v", p, err)
	}
	_, update := d.UpdateRole(ctx, home, "app", func(*store.Role) error { return nil })

	_, create := d.CreateRole(ctx, store.Role{Account: home, Name: "aPP", Path: "/"})
	const arn = "arn:aws:iam::123456789012:oidc-provider/issuer.example"
	providers := d.For("").OIDCProviders()
	updateProvider := providers.Update(ctx, home, arn, func(*store.OIDCProvider) error { return nil })
	for what, err := range map[string]error{"UpdateRole": update, "DeleteRole": d.DeleteRole(ctx, home, "app", nil),
		"UpdateOIDCProvider": updateProvider, "DeleteOIDCProvider": providers.Delete(ctx, home, arn)} {
		if !errors.Is(err, iam.ErrSettings) {
			t.Errorf("%s: %v", what, err)
		}
	}

	if !errors.Is(create, iam.ErrConflict) {
		t.Errorf("CreateRole: %v", create)
	}
}

// A database that does not answer denies, and is not taken for an absent role.
func TestDirectoryWithoutDatabase(t *testing.T) {
	s := openStore(t)
	d := node(t, s, &clock{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.RoleOf(
		context.Background(), "arn:aws:iam::123456789012:role/App",
	); err == nil || errors.Is(err, iam.ErrNotFound) {
		t.Errorf("Role = %v", err)
	}
}

// A boundary that came from an export and is then defined by the settings counts
// as the settings have it, also for the roles of the store that use it.
func TestSettingsBoundaryCounts(t *testing.T) {
	ctx := t.Context()
	s, c := openStore(t), &clock{time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	d := node(t, s, c)
	p, err := d.CreatePolicy(ctx, store.ManagedPolicy{
		Account:  home,
		Name:     "settings-boundary-Fixed",
		Path:     "/",
		Default:  1,
		Next:     2,
		Versions: []store.PolicyVersion{{Number: 1, Document: allowAll}},
	})
	if err != nil {
		t.Fatal(err)
	}

	if _, err := d.CreateRole(ctx, store.Role{
		Account:    home,
		Name:       "App",
		Path:       "/",
		Trust:      trustText,
		MaxSession: 3600,
		Boundary:   d.PolicyARN(p),
	}); err != nil {
		t.Fatal(err)
	}

	allows := func(d *iam.Directory) bool {
		t.Helper()
		r, err := d.RoleOf(ctx, "arn:aws:iam::123456789012:role/App")
		if err != nil || r.Boundary == nil {
			t.Fatalf("role = %+v, %v", r, err)
		}
		effect, _ := r.Boundary.Evaluate(policy.Request{Action: "iam:CreateRole", Resource: "*"})
		return effect == policy.Allow
	}

	if !allows(d) {
		t.Error("the store's boundary does not allow what it says")
	}
	d = node(t, s, c, func(c *iam.Config) {
		c.Roles = []iam.RoleConfig{{
			ARN: "arn:aws:iam::123456789012:role/Fixed", TrustPolicy: trustText, PermissionsBoundary: allowRead,
		}}
	})
	if allows(d) {
		t.Error("the settings' boundary does not count")
	}

	if got, _, err := d.PolicyNamed(ctx, home, d.PolicyARN(p)); err != nil || got.Versions[0].Document != allowRead {
		t.Errorf("policy = %+v, %v", got, err)
	}
	if text, err := d.ManagedPolicyDocument(ctx, d.PolicyARN(p)); err != nil || text != allowRead {
		t.Errorf("document = %s, %v", text, err)
	}
}

// What the API cannot show of the settings' providers is listed.
func TestProviderSettings(t *testing.T) {
	d := node(t, openStore(t), &clock{}, func(c *iam.Config) {
		c.OIDCProviders = []iam.OIDCProviderConfig{
			{
				URL:          "https://a.example",
				ClientIDs:    []string{"a"},
				Algorithms:   []string{"ES256"},
				JWKSURL:      "https://a.example/j",
				AllowPrivate: true,
			},
			{URL: "https://d.example", ClientIDs: []string{"a"}, DiscoveryURL: "https://d.example/d"},
			{URL: "http://b.example", ClientIDs: []string{"a"}, AllowHTTP: true},
			{
				URL:        "https://c.example",
				ClientIDs:  []string{"a"},
				Algorithms: []string{"ES512", "ES384", "ES256", "RS256", "RS384", "RS512"},
			},
			{URL: "https://a.example", ClientIDs: []string{"a"}, Account: "999999999999"},
		}
	})
	all := d.ProviderSettings(home)

	want := map[string]string{
		"a.example": "[{allowed_algs ES256} {jwks_url https://a.example/j} {allow_private true}]",
		"d.example": "[{allowed_algs RS256} {discovery_url https://d.example/d}]",
		"b.example": "[{allowed_algs RS256} {allow_http true}]",
	}

	for host, settings := range want {
		if got := fmt.Sprint(all["arn:aws:iam::123456789012:oidc-provider/"+host]); got != settings {
			t.Errorf("%s: %s, want %s", host, got, settings)
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d providers: %v", len(all), all)
	}
}

// iamRole reads the ARN of a role; the zero ARN if the text is none.
func iamRole(text string) iam.RoleARN {
	arn, _ := iam.ParseRoleARN(text)
	return arn
}
