package devuserpool

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// What clients read from tokens, which are signed with the published key.
func TestClaims(t *testing.T) {
	r := newRig(t, object{"Schema": []object{{"Name": "plan", "AttributeDataType": "String", "Mutable": true}}}, nil)
	r.user("ada", "email", "ada@example.com", "address", "1 Main Street", "custom:plan", "gold")
	set := r.signIn("ada", rightPassword)

	id, access := r.verify(set.id), r.verify(set.access)
	issuer := "http://127.0.0.1:9229/" + r.pool
	now := float64(r.clock().Unix())
	for name, want := range map[string]any{
		"aud": r.id, "iss": issuer, "token_use": "id", "cognito:username": "ada", "email": "ada@example.com",
		"email_verified": true, "auth_time": now, "iat": now, "exp": now + 3600, "custom:plan": "gold",
		"cognito:groups": nil, "cognito:roles": nil, "client_id": nil, "sub": access["sub"],
	} {
		if id[name] != want {
			t.Errorf("ID token: %s is %v, want %v", name, id[name], want)
		}
	}
	if address, _ := id["address"].(object); address["formatted"] != "1 Main Street" {
		t.Errorf("address is %v", id["address"])
	}
	for name, want := range map[string]any{
		"client_id": r.id, "aud": nil, "iss": issuer, "token_use": "access", "username": "ada",
		"scope": "aws.cognito.signin.user.admin", "iat": now, "exp": now + 3600, "email": nil,
		"origin_jti": id["origin_jti"], "event_id": id["event_id"],
	} {
		if access[name] != want {
			t.Errorf("access token: %s is %v, want %v", name, access[name], want)
		}
	}
	for _, name := range []string{"jti", "origin_jti", "event_id", "sub"} {
		if text, _ := access[name].(string); len(text) != 36 {
			t.Errorf("%s is %v", name, access[name])
		}
	}
	if id["jti"] == access["jti"] {
		t.Error("two tokens share an ID")
	}
}

// verify verifies a token with the keys that the pool publishes.
func (r *rig) verify(token string) object {
	r.t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(r.get("/"+r.pool+"/.well-known/jwks.json"), &set); err != nil {
		r.t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		r.t.Fatal(err)
	}
	keys := set.Key(signed.Signatures[0].Header.KeyID)
	if len(keys) != 1 {
		r.t.Fatalf("%d keys have the ID of the token's", len(keys))
	}
	payload, err := signed.Verify(keys[0])
	if err != nil {
		r.t.Fatal(err)
	}
	out := object{}
	if err := json.Unmarshal(payload, &out); err != nil {
		r.t.Fatal(err)
	}

	return out
}

// get reads a document that the service publishes; nil = there is none.
func (r *rig) get(path string) []byte {
	r.t.Helper()
	request := httptest.NewRequestWithContext(r.t.Context(), http.MethodGet, path, nil)
	if !r.Publishes(request) {
		return nil
	}
	answer := httptest.NewRecorder()
	r.Publish(answer, request)
	if answer.Code == http.StatusNotFound {
		return nil
	}
	if answer.Code != http.StatusOK || answer.Header().Get("Access-Control-Allow-Origin") != "*" {
		r.t.Fatalf("%s: status %d, headers %v", path, answer.Code, answer.Header())
	}

	return answer.Body.Bytes()
}

func TestDiscovery(t *testing.T) {
	r := newRig(t, nil, nil)
	read := func() object {
		out := object{}
		if err := json.Unmarshal(r.get("/"+r.pool+"/.well-known/openid-configuration"), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	own := "http://127.0.0.1:9229/" + r.pool
	if out := read(); out["issuer"] != own || out["jwks_uri"] != own+"/.well-known/jwks.json" {
		t.Errorf("the document is %v", out)
	}
	if keys := string(r.get("/" + r.pool + "/.well-known/jwks.json")); strings.Contains(keys, `"d"`) ||
		strings.Contains(keys, `"p"`) || !strings.Contains(keys, `"n"`) {
		t.Errorf("the published keys are %s", keys)
	}
	for _, path := range []string{"/eu-central-1_Other/.well-known/jwks.json", "/" + r.pool + "/.well-known/other"} {
		if r.get(path) != nil {
			t.Errorf("%s is there", path)
		}
	}
	for _, address := range []string{"", "http://127.0.0.1:9229/", own, own + "/.well-known",
		"http://elsewhere/" + r.pool + "/.well-known/jwks.json", own + "/.well-known/jwks.json/more"} {
		if _, isOwn, err := r.Document(t.Context(), address); isOwn || err != nil {
			t.Errorf("%q is a document, %v", address, err)
		}
	}

	if err := r.State.change(r.pool, func(p *Pool) error { p.AWSIssuer = true; return nil }); err != nil {
		t.Fatal(err)
	}
	aws := "https://cognito-idp.eu-central-1.amazonaws.com/" + r.pool
	if out := read(); out["issuer"] != aws || out["jwks_uri"] != own+"/.well-known/jwks.json" {
		t.Errorf("with AWS's issuer the document is %v", out)
	}
	r.user("ada", "email", "ada@example.com")
	set := r.signIn("ada", rightPassword)
	if got := r.verify(set.id)["iss"]; got != aws {
		t.Errorf("iss is %v", got)
	}
	r.ok("GetUser", object{"AccessToken": set.access})
}

func TestGroupClaims(t *testing.T) {
	group := func(name, role string, precedence ...int) Group {
		g := Group{Name: name, Role: role}
		if len(precedence) > 0 {
			g.Precedence = &precedence[0]
		}
		return g
	}
	for _, test := range []struct {
		name      string
		groups    []Group
		names     []string
		roles     []string
		preferred string
	}{
		{name: "none"},
		{name: "one without role", groups: []Group{group("a", "")}, names: []string{"a"}},
		{name: "the lowest precedence", groups: []Group{group("a", "r1", 5), group("b", "r2", 1), group("c", "r3")},
			names: []string{"b", "a", "c"}, roles: []string{"r2", "r1", "r3"}, preferred: "r2"},
		{name: "zero is lower than one", groups: []Group{group("a", "r1", 1), group("b", "r2", 0)},
			names: []string{"b", "a"}, roles: []string{"r2", "r1"}, preferred: "r2"},
		{name: "the same precedence, two roles", groups: []Group{group("a", "r1", 1), group("b", "r2", 1)},
			names: []string{"a", "b"}, roles: []string{"r1", "r2"}},
		{name: "the same precedence, one role", groups: []Group{group("a", "r1", 1), group("b", "r1", 1)},
			names: []string{"a", "b"}, roles: []string{"r1"}, preferred: "r1"},
		{name: "no precedence, two roles", groups: []Group{group("a", "r1"), group("b", "r2")},
			names: []string{"a", "b"}, roles: []string{"r1", "r2"}},
		{name: "the first has no role", groups: []Group{group("a", "", 1), group("b", "r2", 2)},
			names: []string{"a", "b"}, roles: []string{"r2"}, preferred: "r2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &Pool{Groups: map[string]Group{}}
			u := User{Groups: []string{"deleted"}}
			for _, g := range test.groups {
				p.Groups[g.Name] = g
				u.Groups = append(u.Groups, g.Name)
			}
			groups := p.groupsOf(u)
			if got := namesOf(groups); !slices.Equal(got, test.names) {
				t.Errorf("groups %q", got)
			}
			if got := rolesOf(groups); !slices.Equal(got, test.roles) {
				t.Errorf("roles %q", got)
			}
			if got := preferredRole(groups); got != test.preferred {
				t.Errorf("the preferred role is %q", got)
			}
		})
	}

	r := newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	const role = "arn:aws:iam::111122223333:role/editors"
	r.ok("CreateGroup", object{"UserPoolId": r.pool, "GroupName": "editors", "RoleArn": role, "Precedence": 1})
	r.ok("AdminAddUserToGroup", object{"UserPoolId": r.pool, "GroupName": "editors", "Username": "ada"})
	set := r.signIn("ada", rightPassword)
	id, access := claims(t, set.id), claims(t, set.access)
	if id["cognito:preferred_role"] != role || access["cognito:roles"] != nil ||
		len(access["cognito:groups"].([]any)) != 1 || len(id["cognito:roles"].([]any)) != 1 {
		t.Errorf("claims %v and %v", id, access)
	}
}

func TestLifetimes(t *testing.T) {
	two, text := 2, func(s string) *string { return &s }
	for _, test := range []struct {
		name                string
		settings            UserPoolClientType
		access, id, refresh time.Duration
	}{
		{name: "defaults", access: time.Hour, id: time.Hour, refresh: 30 * 24 * time.Hour},
		{name: "usual units", settings: UserPoolClientType{AccessTokenValidity: &two, IdTokenValidity: &two,
			RefreshTokenValidity: &two}, access: 2 * time.Hour, id: 2 * time.Hour, refresh: 48 * time.Hour},
		{name: "other units", settings: UserPoolClientType{AccessTokenValidity: &two, IdTokenValidity: &two,
			RefreshTokenValidity: &two, TokenValidityUnits: &TokenValidityUnitsType{AccessToken: text("seconds"),
				IdToken: text("days"), RefreshToken: text("minutes")}},
			access: 2 * time.Second, id: 48 * time.Hour, refresh: 2 * time.Minute},
	} {
		c := Client{Settings: test.settings}
		if c.accessLifetime() != test.access || c.idLifetime() != test.id || c.refreshLifetime() != test.refresh {
			t.Errorf("%s: %s, %s, %s", test.name, c.accessLifetime(), c.idLifetime(), c.refreshLifetime())
		}
	}
}

// The ID token and GetUser have what the client may read.
func TestReadAttributes(t *testing.T) {
	r := newRig(t, nil, object{"ReadAttributes": []string{"email"}})
	r.user("ada", "email", "ada@example.com", "name", "Ada")
	set := r.signIn("ada", rightPassword)
	if id := claims(t, set.id); id["email"] == nil || id["name"] != nil || id["email_verified"] != nil {
		t.Errorf("claims %v", id)
	}
	shown := r.ok("GetUser", object{"AccessToken": set.access})["UserAttributes"].([]any)
	if len(shown) != 2 {
		t.Errorf("attributes %v", shown)
	}
}

func TestAccessTokens(t *testing.T) {
	r, other := newRig(t, nil, nil), newRig(t, nil, nil)
	r.user("ada", "email", "ada@example.com")
	other.user("ada", "email", "ada@example.com")
	set, foreign := r.signIn("ada", rightPassword), other.signIn("ada", rightPassword)

	// A token of this pool's key with changed claims, as far as the key signs it.
	forged := func(change object) string {
		p, err := r.State.view(r.pool)
		if err != nil {
			t.Fatal(err)
		}
		c := claims(t, set.access)
		for name, value := range change {
			c[name] = value
		}
		token, err := r.sign(p, c)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}

	const (
		invalid = "NotAuthorizedException: Invalid Access Token"
		scopes  = "NotAuthorizedException: Access Token does not have required scopes"
		expired = "NotAuthorizedException: Access Token has expired"
	)
	unsigned := strings.Join(append([]string{"eyJhbGciOiJub25lIn0"}, strings.Split(set.access, ".")[1], ""), ".")
	parts := strings.Split(set.access, ".")
	for name, test := range map[string]struct{ token, want string }{
		"right":             {token: set.access},
		"right claims":      {token: forged(nil)},
		"ID token":          {token: set.id, want: invalid},
		"refresh token":     {token: set.refresh, want: invalid},
		"no token":          {token: "x", want: invalid},
		"other pool":        {token: foreign.access, want: invalid},
		"other signature":   {token: parts[0] + "." + parts[1] + "." + strings.Split(set.id, ".")[2], want: invalid},
		"none":              {token: unsigned, want: invalid},
		"other issuer":      {token: forged(object{"iss": "http://127.0.0.1:9229/other"}), want: invalid},
		"use of ID tokens":  {token: forged(object{"token_use": "id"}), want: invalid},
		"unknown client":    {token: forged(object{"client_id": "unknown"}), want: invalid},
		"other scope":       {token: forged(object{"scope": "openid email"}), want: scopes},
		"one scope of more": {token: forged(object{"scope": "openid aws.cognito.signin.user.admin"})},
		"scope as a part":   {token: forged(object{"scope": "xaws.cognito.signin.user.admin"}), want: scopes},
		"expired":           {token: forged(object{"exp": r.clock().Unix()}), want: expired},
		"other user":        {token: forged(object{"sub": "other"}), want: noSuchUser},
		"unknown session":   {token: forged(object{"origin_jti": "other"}), want: revokedAccess},
	} {
		t.Run(name, func(t *testing.T) {
			_, refusal := r.call("GetUser", object{"AccessToken": test.token})
			if refusal != test.want {
				t.Errorf("%q, want %q", refusal, test.want)
			}
		})
	}

	r.pass(time.Hour)
	r.refused("GetUser", object{"AccessToken": set.access}, expired)
}
