package wiretest

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// Keys of the social providers in a Logins map.
const (
	FacebookKey = "graph.facebook.com"
	AmazonKey   = "www.amazon.com"
	TwitterKey  = "api.twitter.com"
	DigitsKey   = "www.digits.com"
	GoogleKey   = "accounts.google.com"
	AppleKey    = "appleid.apple.com"
)

// Apps stands in for Facebook, Amazon, X and Google, with one user of each.
type Apps struct {
	Facebook *logintest.Facebook
	Amazon   *logintest.Amazon
	X        *logintest.Twitter
	Google   *logintest.Issuer

	Supported map[string]string // a pool's SupportedLoginProviders
	Logins    map[string]string // credentials, by the provider that vouches for them
	Subjects  map[string]string
	Secrets   []string // texts that must never appear again
}

// NewApps starts the stand-ins.
func NewApps(t *testing.T) *Apps {
	a := &Apps{
		Facebook: logintest.NewFacebook(t),
		Amazon:   logintest.NewAmazon(t),
		X:        logintest.NewTwitter(t),
		Google:   logintest.NewIssuer(t),
	}

	a.Facebook.AddApp("112233", "canary-facebook-secret")
	a.Facebook.AddToken("EAACanaryOfAlice", logintest.FacebookToken{App: "112233", User: "112177216992379"})
	a.Amazon.AddToken("Atza|CanaryOfAlice", logintest.AmazonToken{
		Client:  "amzn1.application-oa2-client.77",
		App:     "amzn1.application.88",
		User:    "amzn1.account.ALICE",
		Expires: time.Now().Add(time.Hour),
	})
	a.X.AddConsumer("canarykey", "canary-consumer-secret")
	a.X.AddToken("1-canarytoken", logintest.TwitterToken{
		Secret:   "canary-token-secret",
		Consumer: "canarykey",
		User:     "1269003884292222976",
	})

	a.Supported = map[string]string{
		FacebookKey: "112233",
		AmazonKey:   "amzn1.application-oa2-client.77",
		TwitterKey:  "canarykey;canary-consumer-secret",
		GoogleKey:   "google-app",
	}

	a.Logins = map[string]string{
		FacebookKey: "EAACanaryOfAlice",
		AmazonKey:   "Atza|CanaryOfAlice",
		TwitterKey:  "1-canarytoken;canary-token-secret",
		GoogleKey: a.Google.Token(map[string]any{
			"iss": "accounts.google.com",
			"aud": "google-app",
			"sub": "109220063452404746097",
		}),
	}

	a.Subjects = map[string]string{
		FacebookKey: "112177216992379",
		AmazonKey:   "amzn1.account.ALICE",
		TwitterKey:  "1269003884292222976",
		GoogleKey:   "109220063452404746097",
	}

	a.Secrets = []string{
		"canary-facebook-secret",
		"canary-consumer-secret",
		"canary-token-secret",
		"EAACanaryOfAlice",
		"CanaryOfAlice",
		"1-canarytoken",
	}

	return a
}

// Configure points the settings at the stand-ins.
func (a *Apps) Configure(c *poolhouse.Config) {
	at := func(url string) poolhouse.ProviderOverride {
		return poolhouse.ProviderOverride{BaseURL: url, AllowHTTP: true, AllowPrivate: true}
	}
	c.Providers = map[string]poolhouse.ProviderOverride{
		FacebookKey: at(a.Facebook.URL),
		AmazonKey:   at(a.Amazon.URL),
		TwitterKey:  at(a.X.URL),
		GoogleKey: {
			Issuers:      []string{"https://accounts.google.com", "accounts.google.com"},
			JWKSURL:      a.Google.URL + logintest.KeysPath,
			AllowHTTP:    true,
			AllowPrivate: true,
		},
	}
}

// Pool makes a pool that accepts their users.
func (a *Apps) Pool(t *testing.T, s *Server) string {
	return s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.SupportedLoginProviders = a.Supported })
}

// Payload returns the claims of a token.
func Payload(t *testing.T, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// UserPool is the Logins key of a user pool; CorpARN is the start of the ARN of an OpenID
// Connect provider.
const (
	UserPool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf"
	CorpARN  = "arn:aws:iam::000000000000:oidc-provider/"
)
