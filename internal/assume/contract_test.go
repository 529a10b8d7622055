package assume

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

// What settings make of the form and of the token's shape. What a whole server
// sends with the settings of docs/engines is in cmd/poolhouse (TestEngineContracts).
func TestForms(t *testing.T) {
	full := []string{"authenticated", "idp.example", "idp.example:" + pool + ":sub-1"}
	claims := func(audience string, amr []string, life time.Duration, tags map[string]string) issuer.Claims {
		return issuer.Claims{
			Subject:       identity,
			Audience:      audience,
			AMR:           amr,
			PrincipalTags: tags,
			IssuedAt:      now,
			Expires:       now.Add(life),
		}
	}

	form := func(role string, more ...string) url.Values {
		v := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"},
			"RoleSessionName":  {"CognitoIdentityCredentials"},
			"WebIdentityToken": {theToken}, "DurationSeconds": {"3600"}}
		if role != "" {
			v.Set("RoleArn", role)
		}

		for n := 0; n < len(more); n += 2 {
			v.Set(more[n], more[n+1])
		}

		return v
	}

	own := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*",` +
		`"Resource":"arn:aws:s3:::files/${identity_uuid}/${aws:username}/*"}]}`
	bounded := EngineConfig{
		Roles:         map[string]string{"arn:aws:iam::123456789012:role/*": "arn:aws:iam:::role/*"},
		GuestPolicy:   "s3",
		SessionPolicy: own,
		Token:         TokenConfig{Audience: "poolhouse", Type: "JWT"},
	}

	aws := EngineConfig{Token: TokenConfig{Tags: true, Lifetime: 5 * time.Minute}}
	for _, c := range []struct {
		name   string
		config EngineConfig
		ask    Request
		form   url.Values
		shape  issuer.Shape
		claims issuer.Claims
	}{
		{"AWS's defaults", aws, user(), form(userRole), issuer.Shape{Type: "JWS", Extra: map[string]any{}},
			claims(pool, full, 5*time.Minute, user().Tags)},
		{"AWS's defaults, a guest", aws, guest(),
			form(userRole, "Policy", iam.GuestInline(), "PolicyArns.member.1.arn",
				"arn:aws:iam::aws:policy/AmazonCognitoUnAuthedIdentitiesSessionPolicy"),
			issuer.Shape{Type: "JWS", Extra: map[string]any{}},
			claims(pool, []string{"unauthenticated"}, 5*time.Minute, nil)},
		{"rewritten role, session policy", bounded, user(),
			form("arn:aws:iam:::role/app/User", "Policy",
				strings.ReplaceAll(own, "${identity_uuid}", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")),
			issuer.Shape{Type: "JWT", Extra: map[string]any{}}, claims("poolhouse", full, time.Hour, nil)},
		{"the same, a guest", bounded, guest(), form("arn:aws:iam:::role/app/User", "Policy", guestPolicyS3),
			issuer.Shape{Type: "JWT", Extra: map[string]any{}},
			claims("poolhouse", []string{"unauthenticated"}, time.Hour, nil)},
		{"everything set", EngineConfig{
			SessionName:  "broker",
			Duration:     15 * time.Minute,
			GuestPolicy:  "off",
			ClientID:     "broker",
			ClientSecret: "hushhush",
			Token: TokenConfig{
				Algorithm:   "ES256",
				Type:        none,
				Certificate: true,
				Issuer:      "https://public.example",
				AMR:         none,
				Claims: map[string]any{"a": "${identity_id} ${pool_id} ${account} ${region} ${role_arn} " +
					"${state} ${tag:team}", "n": 7},
			},
		}, user(),
			form(userRole, "RoleSessionName", "broker", "DurationSeconds", "900"), issuer.Shape{
				Algorithm:   "ES256",
				Certificate: true,
				Issuer:      "https://public.example",
				Extra: map[string]any{"n": 7,
					"a": identity + " " + pool + " 123456789012 us-east-1 " + userRole + " authenticated blue"},
			},
			claims(pool, nil, 15*time.Minute, nil)},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake := newFakeSTS(t, answering(200, granted()))
			f := newFixture(t, fake.at(c.config), 0)
			if _, err := f.ask(t, c.ask); err != nil {
				t.Fatal(err)
			}
			if fake.path != "POST /" {
				t.Errorf("asked %s", fake.path)
			}

			if diff := cmp.Diff(c.form, fake.form); diff != "" {
				t.Errorf("form (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.shape, f.signer.shape); diff != "" {
				t.Errorf("shape (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.claims, f.signer.claims); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}

			// AWS's takes no signature here; anything else would be our secret sent out.
			want := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"},
				"Accept": {"text/xml, application/xml"}, "User-Agent": {"poolhouse"}}
			if c.config.ClientID != "" {
				want.Set("Authorization", "Basic YnJva2VyOmh1c2hodXNo")
			}

			for _, hop := range []string{"Content-Length", "Accept-Encoding"} {
				fake.header.Del(hop)
			}
			if diff := cmp.Diff(want, fake.header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			f.quiet(t, nil)
		})
	}
}

func TestRoles(t *testing.T) {
	c := EngineConfig{Roles: map[string]string{
		"arn:aws:iam::1:role/*":     "wide/*",
		"arn:aws:iam::1:role/app/*": "app-*-role",
		"arn:aws:iam::1:role/app/X": "exact",
		"arn:aws:iam::1:role/none*": none,
		"arn:aws:iam::1:role/fix*":  "fixed",
	}}
	for arn, want := range map[string]string{
		"arn:aws:iam::1:role/a":        "wide/a",
		"arn:aws:iam::1:role/app/b":    "app-b-role",
		"arn:aws:iam::1:role/app/X":    "exact",
		"arn:aws:iam::1:role/none-one": "",
		"arn:aws:iam::1:role/fix-one":  "fixed",
	} {
		if got, found := c.role(arn); got != want || !found {
			t.Errorf("role(%s) = %q, %t, want %q", arn, got, found, want)
		}
	}

	if got, found := c.role("arn:aws:iam::2:role/a"); found {
		t.Errorf("a role that no key fits becomes %q", got)
	}
	if got, found := (&EngineConfig{}).role("arn"); got != "arn" || !found {
		t.Errorf("without keys: %q, %t", got, found)
	}
}

func TestEndpointOfAWS(t *testing.T) {
	for region, want := range map[string]string{"eu-west-1": "https://sts.eu-west-1.amazonaws.com",
		"cn-north-1": "https://sts.cn-north-1.amazonaws.com.cn"} {
		c := EngineConfig{Region: region}
		if err := c.complete(); err != nil || c.Endpoint != want {
			t.Errorf("%s: %s, %v", region, c.Endpoint, err)
		}
	}
}

// Settings that cannot work are refused, by name.
func TestConfigFaults(t *testing.T) {
	for _, c := range []struct {
		want   string
		config EngineConfig
	}{
		{"endpoint: give", EngineConfig{}},
		{"region:", EngineConfig{Region: "evil.example/x"}},
		{"endpoint:", EngineConfig{Endpoint: "http://sts.example"}},
		{"endpoint:", EngineConfig{Endpoint: "https://user:pass@sts.example"}},
		{"endpoint:", EngineConfig{Endpoint: "https://sts.example", CABundle: "none"}},

		{"client_id:", EngineConfig{Region: "eu-west-1", ClientID: "x"}},
		{"client_id:", EngineConfig{Region: "eu-west-1", ClientID: "x:y", ClientSecret: "z"}},
		{"client_id:", EngineConfig{Region: "eu-west-1", ClientID: "x", ClientSecret: "z\r\nX: y"}},

		{"roles:", EngineConfig{Region: "eu-west-1", Roles: map[string]string{"a*b": "c"}}},
		{"roles:", EngineConfig{Region: "eu-west-1", Roles: map[string]string{"ab": "c*"}}},
		{"roles:", EngineConfig{Region: "eu-west-1", Roles: map[string]string{"ab*": "c*d*"}}},

		{"guest_policy:", EngineConfig{Region: "eu-west-1", GuestPolicy: "none"}},
		{"guest_policy:", EngineConfig{Region: "eu-west-1", GuestPolicy: "builtin:guest"}},
		{"guest_policy:",
			EngineConfig{Region: "eu-west-1", GuestPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
				`"Action":"s3:*","Resource":"` + strings.Repeat("x", 2048) + `"}]}`}},
		{"guest_policy_arns:", EngineConfig{Region: "eu-west-1", GuestPolicyARNs: []string{"arn"}}},
		{"guest_policy_arns:", EngineConfig{Region: "eu-west-1", GuestPolicy: "off", GuestPolicyARNs: []string{"arn"}}},
		{"session_policy:", EngineConfig{Region: "eu-west-1", SessionPolicy: "{"}},

		{"role_session_name: use 2 to 64", EngineConfig{Region: "eu-west-1", SessionName: "x"}},
		{"role_session_name: use 2 to 64", EngineConfig{Region: "eu-west-1", SessionName: "a:${identity_id}"}},
		{"role_session_name: use 2 to 64", EngineConfig{Region: "eu-west-1", SessionName: "é${identity_id}"}},
		{"did you mean ${identity_id}?", EngineConfig{Region: "eu-west-1", SessionName: "${identityid}"}},
		{"did you mean ${claim:email}?", EngineConfig{Region: "eu-west-1", SessionName: "${email}"}},
		{"did you mean ${claim:email}?", EngineConfig{Region: "eu-west-1", SessionName: "${claims:email}"}},
		{"did you mean ${tag:team}?", EngineConfig{Region: "eu-west-1", SessionName: "${tags:team}"}},
		{"role_session_name: there is no ${claim:}", EngineConfig{Region: "eu-west-1", SessionName: "${claim:}"}},
		{"role_session_name: there is no ${role_arn}", EngineConfig{Region: "eu-west-1", SessionName: "${role_arn}"}},
		{"role_session_name: there is no ${}", EngineConfig{Region: "eu-west-1", SessionName: "${}"}},
		{"has ${ without }", EngineConfig{Region: "eu-west-1", SessionName: "${identity_id"}},
		{"or more; STS takes 64", EngineConfig{Region: "eu-west-1", SessionName: "${identity_id}-${identity_uuid}"}},
		{"or more; STS takes 64", EngineConfig{Region: "eu-west-1", SessionName: strings.Repeat("x", 65)}},
		{"or more; STS takes 64",
			EngineConfig{Region: "eu-west-1", SessionName: strings.Repeat("x", 27) + "${identity_id}"}},
		{"one claim or tag only", EngineConfig{Region: "eu-west-1", SessionName: "${claim:a}-${claim:b}"}},
		{"one claim or tag only", EngineConfig{Region: "eu-west-1", SessionName: "${claim:a}${tag:b}"}},

		{"duration:", EngineConfig{Region: "eu-west-1", Duration: time.Minute}},
		{"duration:", EngineConfig{Region: "eu-west-1", Duration: 13 * time.Hour}},
		{"token.typ:", EngineConfig{Region: "eu-west-1", Token: TokenConfig{Type: `"x`}}},
		{"token.amr:", EngineConfig{Region: "eu-west-1", Token: TokenConfig{AMR: "some"}}},
		{"token.lifetime:", EngineConfig{Region: "eu-west-1", Token: TokenConfig{Lifetime: time.Second}}},
		{"token: token algorithm", EngineConfig{Region: "eu-west-1", Token: TokenConfig{Algorithm: "HS256"}}},
		{"token: issuer URL", EngineConfig{Region: "eu-west-1", Token: TokenConfig{Issuer: "https://x/"}}},
		{"token: the claim",
			EngineConfig{Region: "eu-west-1", Token: TokenConfig{Claims: map[string]any{"sub": "admin"}}}},
		{"token.claims.policy: there is no ${user}",
			EngineConfig{
				Region: "eu-west-1",
				Token:  TokenConfig{Claims: map[string]any{"policy": []any{map[string]any{"x": "${user}"}}}},
			}},
		{"token.claims.policy:",
			EngineConfig{Region: "eu-west-1", Token: TokenConfig{Claims: map[string]any{"policy": "${tag:}"}}}},
		{"token.claims.policy: there is no ${idenity_id}, did you mean ${identity_id}?",
			EngineConfig{Region: "eu-west-1", Token: TokenConfig{Claims: map[string]any{"policy": "${idenity_id}"}}}},
		{"without }",
			EngineConfig{Region: "eu-west-1", Token: TokenConfig{Claims: map[string]any{"policy": "${state"}}}},
		{"no JSON",
			EngineConfig{Region: "eu-west-1", Token: TokenConfig{Claims: map[string]any{"policy": make(chan int)}}}},
	} {
		_, err := newRemoteEngine(RemoteEngineOptions{Name: "x", Config: c.config})
		if err == nil || !strings.Contains(err.Error(), "credential_engines.x: ") ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.config, err, c.want)
		}
	}
}

func TestRouter(t *testing.T) {
	one, two := newFakeSTS(t, answering(200, granted())), newFakeSTS(t, answering(200, granted()))
	engines := map[string]Engine{Builtin: newFixture(t, one.at(EngineConfig{}), 0),
		"two": newFixture(t, two.at(EngineConfig{}), 0)}
	r := Settings{Pools: map[string]string{pool: "two"}}.route(engines)
	other := user()
	other.PoolID = "us-east-1:other"

	for _, q := range []Request{user(), other, other} {
		if _, err := r.AssumeRoleForIdentity(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}

	if one.asked != 2 || two.asked != 1 {
		t.Errorf("asked %d and %d times", one.asked, two.asked)
	}

	_, err := (Settings{Engine: "three"}).Router(engines[Builtin], RemoteEngineOptions{})
	if err == nil || !strings.Contains(err.Error(), "credential_engine ") {
		t.Errorf("unknown default: %v", err)
	}
	unknown := Settings{Engine: Builtin, Pools: map[string]string{pool: "three"}}
	if _, err := unknown.Router(engines[Builtin], RemoteEngineOptions{}); err == nil ||
		!strings.Contains(err.Error(), "pool_credential_engines."+pool) {
		t.Errorf("unknown engine of a pool: %v", err)
	}
}
