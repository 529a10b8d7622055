package provider_test

import (
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

const (
	localID    = "us-east-1_Home"
	localName  = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Home"
	localAlias = "127.0.0.1:4599/us-east-1_Home"
)

// oneUserPool is a server's only user pool, localID, under a name.
type oneUserPool string

func (o oneUserPool) UserPool(id string) (provider.LocalUserPool, bool) {
	return provider.LocalUserPool{Name: string(o), Keys: []byte(`{"keys":[]}`)}, id == localID
}

func (oneUserPool) Standing(identitypool.SignIn) identitypool.Standing { return identitypool.SignedOut }

func (oneUserPool) Changes() uint64 { return 7 }

func withLocal(o provider.Options) *provider.Registry {
	o.Local = provider.Local{UserPools: oneUserPool(localName), URL: "http://127.0.0.1:4599", Region: "us-east-1"}
	return provider.New(o)
}

func TestLocalNames(t *testing.T) {
	local, bare := withLocal(provider.Options{}), provider.New(provider.Options{IssuerAliases: true})
	for key, want := range map[string]string{
		localAlias:                         localName,
		localAlias + ":web":                localName + ":web",
		"127.0.0.1:4599/us-east-1_New":     "cognito-idp.us-east-1.amazonaws.com/us-east-1_New",
		"127.0.0.1:4599/eu-west-1_New":     "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_New",
		localName:                          "",
		localName + ":web":                 "",
		"http://" + localAlias:             "",
		"127.0.0.1:45990/us-east-1_Home":   "",
		"127.0.0.1:4599":                   "",
		"127.0.0.1:4599/":                  "",
		"127.0.0.1:4599/dev-issuer":        "",
		"127.0.0.1:4599/us-east-1_Home/x":  "",
		"evil.example/127.0.0.1:4599/us_x": "",
		"127.0.0.1:4599:web":               "",
		":":                                "",
		"":                                 "",
		"arn:aws:iam::0:oidc-provider/" + localAlias: "",
	} {
		if got, is := local.LocalName(key); is != (want != "") || is && got != want {
			t.Errorf("LocalName(%q) = %q, %t, want %q", key, got, is, want)
		}
		if got, is := bare.LocalName(key); is {
			t.Errorf("without user pools, LocalName(%q) = %q", key, got)
		}

		if strings.HasSuffix(key, ":web") {
			continue // no key of Logins
		}
		if got := local.NameOf(key); want != "" && got != want {
			t.Errorf("NameOf(%q) = %q, want %q", key, got, want)
		}
		if got := bare.NameOf(key); got != key && identitypool.PartitionOf(key) == "" {
			t.Errorf("without user pools, NameOf(%q) = %q", key, got)
		}
	}
}

func TestRegisteredIssuer(t *testing.T) {
	local, bare := withLocal(provider.Options{}), provider.New(provider.Options{})
	for iss, want := range map[string]string{
		"http://" + localAlias:           "https://" + localName,
		"https://" + localAlias:          "https://" + localAlias,
		"https://" + localName:           "https://" + localName,
		"http://idp.example/us-east-1_x": "http://idp.example/us-east-1_x",
		localAlias:                       localAlias,
		"":                               "",
	} {
		if got := local.RegisteredIssuer(iss); got != want {
			t.Errorf("RegisteredIssuer(%q) = %q, want %q", iss, got, want)
		}
		if got := bare.RegisteredIssuer(iss); got != iss {
			t.Errorf("without user pools, RegisteredIssuer(%q) = %q", iss, got)
		}
	}
}

// A user pool is here, at the address in the settings, or at AWS.
func TestWhereUserPoolsAre(t *testing.T) {
	at := map[string]provider.Override{localName: {JWKSURL: "https://keys.example/jwks"}}
	region := map[string]provider.Override{"us-east-1": {BaseURL: "https://pools.example"}}
	const absent = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Absent"
	here := []string{"http://" + localAlias}

	for name, test := range map[string]struct {
		registry *provider.Registry
		name     string
		keys     string // where they come from; "" = from this server
		issuers  []string
		standing identitypool.Standing
	}{
		"here": {withLocal(provider.Options{}), localName, "", here, identitypool.SignedOut},
		"at AWS, or deleted": {withLocal(provider.Options{}), absent, "https://" + absent + "/.well-known/jwks.json",
			[]string{"https://" + absent}, identitypool.SignedOut},
		"settings first": {withLocal(provider.Options{UserPools: at}), localName, "https://keys.example/jwks",
			[]string{"https://" + localName}, identitypool.NotHere},
		"here before the region": {withLocal(provider.Options{UserPoolRegions: region}), localName, "", here,
			identitypool.SignedOut},
		"the region": {withLocal(provider.Options{UserPoolRegions: region}), absent,
			"https://pools.example/us-east-1_Absent/.well-known/jwks.json",
			[]string{"https://pools.example/us-east-1_Absent", "https://" + absent}, identitypool.NotHere},
		"no user pools": {provider.New(provider.Options{}), localName,
			"https://" + localName + "/.well-known/jwks.json", []string{"https://" + localName},
			identitypool.NotHere},
		"another region's host": {withLocal(provider.Options{}), "cognito-idp.eu-west-1.amazonaws.com/us-east-1_Home",
			"https://cognito-idp.eu-west-1.amazonaws.com/us-east-1_Home/.well-known/jwks.json",
			[]string{"https://cognito-idp.eu-west-1.amazonaws.com/us-east-1_Home"}, identitypool.SignedOut},
	} {
		t.Run(name, func(t *testing.T) {
			trust, err := test.registry.Trust(t.Context(), identitypool.ProviderConfig{
				Kind:      identitypool.UserPoolProvider,
				Name:      test.name,
				ClientIDs: []string{"web"},
			})
			if err != nil {
				t.Fatal(err)
			}

			if trust.JWKSURL != test.keys || (trust.OwnKeys != nil) != (test.keys == "") {
				t.Errorf("keys from %q and %q, want %q", trust.JWKSURL, trust.OwnKeys, test.keys)
			}
			if got := strings.Join(trust.Issuers, " "); got != strings.Join(test.issuers, " ") {
				t.Errorf("issuers %s, want %s", got, test.issuers)
			}
			if got := test.registry.Standing(identitypool.SignIn{Provider: test.name}); got != test.standing {
				t.Errorf("standing %d, want %d", got, test.standing)
			}
			if test.registry.IsLocal(test.name) != (test.keys == "") {
				t.Error("IsLocal differs")
			}
		})
	}
}

// A user pool that is registered in IAM is proved here, too, unless the settings register it.
func TestRegisteredUserPools(t *testing.T) {
	local, bare := withLocal(provider.Options{}), provider.New(provider.Options{})
	for name, test := range map[string]struct {
		url        string
		inSettings bool
		here       bool
		missing    bool
	}{
		"AWS's name":                 {"https://" + localName, false, true, false},
		"the local issuer":           {"http://" + localAlias, false, true, false},
		"the local issuer, settings": {"http://" + localAlias, true, true, false},
		"AWS's name, settings":       {"https://" + localName, true, false, false},
		"at AWS":                     {"https://cognito-idp.us-east-1.amazonaws.com/us-east-1_No", false, false, false},
		"a local name, not here":     {"http://127.0.0.1:4599/us-east-1_No", false, false, true},
		"another provider":           {"https://idp.example.com", false, false, false},
		"the development issuer":     {"http://127.0.0.1:4599/dev-issuer", true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := iam.OIDCProvider{URL: test.url, ClientIDs: []string{"web"}, InSettings: test.inSettings}
			trust, err := local.Registered(p, "")
			if (trust.OwnKeys != nil) != test.here || (err != nil) != test.missing {
				t.Errorf("here = %t, %v; want %t, missing = %t", trust.OwnKeys != nil, err, test.here, test.missing)
			}
			trust, err = bare.Registered(p, "")
			if err != nil || trust.OwnKeys != nil || trust.Issuers[0] != test.url {
				t.Errorf("without user pools: %v, %v", trust.Issuers, err)
			}
		})
	}

	if local.Changes() != 7 || bare.Changes() != 0 {
		t.Errorf("Changes: %d and %d", local.Changes(), bare.Changes())
	}
}
