package identitypool

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSessionTags(t *testing.T) {
	google := VerifiedLogin{Login: Login{Kind: Public, Provider: googleKey, Subject: "g1"}, Audience: "app",
		MappingKey: googleKey,
		Claims: map[string]any{"dept": "sales", "level": 7.0, "ok": true, "groups": []any{"a"},
			"long": strings.Repeat("x", 257), "odd": "a<b", "empty": ""}}
	twitter := VerifiedLogin{Login: Login{Kind: Public, Provider: twitterKey, Subject: "t1"}, Audience: "key;secret",
		MappingKey: twitterKey}
	oidc := VerifiedLogin{Login: Login{Kind: Public, Provider: "idp.example", Subject: "o1"}, Audience: "app",
		MappingKey: oidcARN, Claims: map[string]any{"dept": "legal"}}
	custom := func(tags map[string]string) PrincipalTagMap { return PrincipalTagMap{Tags: tags} }

	tests := []struct {
		name   string
		maps   map[string]PrincipalTagMap
		logins []VerifiedLogin
		want   map[string]string
		denied string
	}{
		{"no map", nil, []VerifiedLogin{google}, nil, ""},
		{"defaults", map[string]PrincipalTagMap{googleKey: {UseDefaults: true}}, []VerifiedLogin{google},
			map[string]string{"client": "app", "username": "g1"}, ""},
		{"defaults before tags",
			map[string]PrincipalTagMap{googleKey: {UseDefaults: true, Tags: map[string]string{"team": "sub"}}},
			[]VerifiedLogin{google}, map[string]string{"client": "app", "username": "g1"}, ""},
		{"twitter's secret stays out", map[string]PrincipalTagMap{twitterKey: {UseDefaults: true}},
			[]VerifiedLogin{twitter}, map[string]string{"client": "key", "username": "t1"}, ""},
		{"mapped",
			map[string]PrincipalTagMap{googleKey: custom(map[string]string{"d": "dept", "l": "level", "o": "ok"})},
			[]VerifiedLogin{google},
			map[string]string{"d": "sales", "l": "7", "o": "true"}, ""},
		{"missing, array and empty claims leave the tag out",
			map[string]PrincipalTagMap{googleKey: custom(map[string]string{"a": "nope", "b": "groups", "c": "empty"})},
			[]VerifiedLogin{google}, nil, ""},
		{"too long", map[string]PrincipalTagMap{googleKey: custom(map[string]string{"a": "long"})},
			[]VerifiedLogin{google}, nil, "more than 256"},
		{"alphabet", map[string]PrincipalTagMap{googleKey: custom(map[string]string{"a": "odd"})},
			[]VerifiedLogin{google}, nil, "are allowed"},
		{"by ARN", map[string]PrincipalTagMap{oidcARN: custom(map[string]string{"d": "dept"})}, []VerifiedLogin{oidc},
			map[string]string{"d": "legal"}, ""},
		{"two logins disagree",
			map[string]PrincipalTagMap{oidcARN: custom(map[string]string{"d": "dept"}),
				googleKey: custom(map[string]string{"d": "dept"})},
			[]VerifiedLogin{google, oidc}, nil, "two logins"},
	}

	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Pool{PrincipalTags: test.maps}.SessionTags(test.logins, nil)
			if test.denied != "" {
				if err == nil || !strings.Contains(err.Error(), test.denied) {
					t.Fatalf("= %v, %v; want an error with %q", got, err, test.denied)
				}
				return
			}

			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("error %v, (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestValidTag(t *testing.T) {
	for key, value := range map[string]string{"": "x", "aws:x": "x", "AWS:x": "x", strings.Repeat("k", 129): "x",
		"k\n": "x", "k": "tab\t"} {
		if validTag(key, value) == nil {
			t.Errorf("validTag(%q, %q) accepted", key, value)
		}
	}

	for key, value := range map[string]string{"client": "a_b.c:/=+-@", "Ünï": "日本 語",
		strings.Repeat("k", 128): strings.Repeat("é", 256)} {
		if err := validTag(key, value); err != nil {
			t.Errorf("validTag(%q, %q) = %v", key, value, err)
		}
	}
}

func TestValidTags(t *testing.T) {
	many := map[string]string{}
	for n := range maxTags + 1 {
		many[strings.Repeat("k", n+1)] = "v"
	}

	for name, test := range map[string]struct {
		tags map[string]string
		want string // substring of the error; "" = none
	}{
		"none":             {nil, ""},
		"some":             {map[string]string{"Dept": "a", "team": "b"}, ""},
		"case only":        {map[string]string{"Dept": "a", "dept": "a"}, "letter case"},
		"reserved":         {map[string]string{"AWS:x": "a"}, "reserved"},
		"too many":         {many, "51 tags"},
		"outside alphabet": {map[string]string{"a": "b*"}, "allowed"},
	} {
		err := ValidTags(test.tags)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// Settings are looked up under these names, and no others.
func TestNamesThatLoginsLookUp(t *testing.T) {
	const (
		userPool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_A"
		first    = "arn:aws:iam::111111111111:oidc-provider/idp.example"
		second   = "arn:aws:iam::222222222222:oidc-provider/idp.example"
		shadowed = "arn:aws:iam::111111111111:oidc-provider/" + userPool
		corp     = "arn:aws:iam::111111111111:saml-provider/corp"
	)

	p := Pool{
		SupportedLoginProviders:  map[string]string{googleKey: "app"},
		DeveloperProviderName:    "login.my.app",
		OIDCProviderARNs:         []string{first, second, shadowed},
		SAMLProviderARNs:         []string{corp},
		CognitoIdentityProviders: []CognitoIdentityProvider{{ProviderName: userPool, ClientID: "web"}},
	}

	for name, want := range map[string]struct{ tags, mapping bool }{
		googleKey:          {tags: true, mapping: true},
		"idp.example":      {tags: true, mapping: true},
		first:              {tags: true, mapping: true},
		second:             {}, // the first of an issuer proves its logins
		shadowed:           {}, // so does a user pool of the name
		corp:               {tags: true, mapping: true},
		userPool:           {tags: true},
		userPool + ":web":  {mapping: true},
		userPool + ":else": {},
		"login.my.app":     {},
		facebookKey:        {},
		"":                 {},
	} {
		if got := p.TagsLogins(name); got != want.tags {
			t.Errorf("TagsLogins(%q) = %t", name, got)
		}
		if got := p.MapsLogins(name); got != want.mapping {
			t.Errorf("MapsLogins(%q) = %t", name, got)
		}
	}
}
