package poolhouse_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

const (
	facebookKey = "graph.facebook.com"
	amazonKey   = "www.amazon.com"
	twitterKey  = "api.twitter.com"
	digitsKey   = "www.digits.com"
	googleKey   = "accounts.google.com"
	appleKey    = "appleid.apple.com"
)

// apps stands in for Facebook, Amazon, X and Google, with one user of each.
type apps struct {
	facebook *logintest.Facebook
	amazon   *logintest.Amazon
	x        *logintest.Twitter
	google   *logintest.Issuer

	supported map[string]string // a pool's SupportedLoginProviders
	logins    map[string]string // provider to a credential that it vouches for
	subjects  map[string]string
	secrets   []string // that must never be seen again
}

func newApps(t *testing.T) *apps {
	a := &apps{facebook: logintest.NewFacebook(t), amazon: logintest.NewAmazon(t), x: logintest.NewTwitter(t), google: logintest.NewIssuer(t)}
	a.facebook.AddApp("112233", "canary-facebook-secret")
	a.facebook.AddToken("EAACanaryOfAlice", logintest.FacebookToken{App: "112233", User: "112177216992379"})
	a.amazon.AddToken("Atza|CanaryOfAlice", logintest.AmazonToken{Client: "amzn1.application-oa2-client.77", App: "amzn1.application.88", User: "amzn1.account.ALICE", Expires: time.Now().Add(time.Hour)})
	a.x.AddConsumer("canarykey", "canary-consumer-secret")
	a.x.AddToken("1-canarytoken", logintest.TwitterToken{Secret: "canary-token-secret", Consumer: "canarykey", User: "1269003884292222976"})
	a.supported = map[string]string{facebookKey: "112233", amazonKey: "amzn1.application-oa2-client.77", twitterKey: "canarykey;canary-consumer-secret", googleKey: "google-app"}
	a.logins = map[string]string{facebookKey: "EAACanaryOfAlice", amazonKey: "Atza|CanaryOfAlice", twitterKey: "1-canarytoken;canary-token-secret",
		googleKey: a.google.Token(map[string]any{"iss": "accounts.google.com", "aud": "google-app", "sub": "109220063452404746097"})}
	a.subjects = map[string]string{facebookKey: "112177216992379", amazonKey: "amzn1.account.ALICE", twitterKey: "1269003884292222976", googleKey: "109220063452404746097"}
	a.secrets = []string{"canary-facebook-secret", "canary-consumer-secret", "canary-token-secret", "EAACanaryOfAlice", "CanaryOfAlice", "1-canarytoken"}
	return a
}

// configure points the settings at the stand-ins.
func (a *apps) configure(c *poolhouse.Config) {
	at := func(url string) poolhouse.ProviderOverride {
		return poolhouse.ProviderOverride{BaseURL: url, AllowHTTP: true, AllowPrivate: true}
	}
	c.Providers = map[string]poolhouse.ProviderOverride{facebookKey: at(a.facebook.URL), amazonKey: at(a.amazon.URL), twitterKey: at(a.x.URL),
		googleKey: {Issuers: []string{"https://accounts.google.com", "accounts.google.com"}, JWKSURL: a.google.URL + logintest.KeysPath, AllowHTTP: true, AllowPrivate: true}}
}

func (a *apps) pool(t *testing.T, s *testServer) string {
	return s.newPool(t, func(in *ci.CreateIdentityPoolInput) { in.SupportedLoginProviders = a.supported })
}

func payload(t *testing.T, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const (
	userPool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf"
	corpARN  = "arn:aws:iam::000000000000:oidc-provider/"
)
