package cognitoidentity

import (
	"net/url"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Reasons for which an OpenID Connect provider of a pool can prove no login: the ARN of a
// registered provider has the issuer's host and path only.
var (
	providerARNIssuer = Refusals.Add(explain.Reason{
		Code:     "provider-arn-issuer",
		Check:    "provider ARN",
		Expected: "after oidc-provider/ the host and the path of the issuer, without https://, user, query or fragment",
		Got:      "{arn}",
		Fix:      "write {right}",
	})
	oidcProviderIssuer = Refusals.Add(explain.Reason{
		Code:     "openid-connect-provider-issuer",
		Check:    "OpenID Connect provider",
		Expected: "an ARN with the issuer's host and path only, such as {right}",
		Got:      "{arn} in the pool, under which no provider can be registered",
		Fix: "replace the ARN in OpenIdConnectProviderARNs of the pool by {right}; the key in Logins is what follows " +
			"oidc-provider/ there",
	})
)

// hostAndPath returns the host and the path of an issuer as an ARN is to have it. It
// reports false if that is another text than name: then no issuer can be registered
// under name.
func hostAndPath(name string) (right string, same bool) {
	text := name
	for _, scheme := range []string{"https:", "http:"} {
		if len(text) > len(scheme) && strings.EqualFold(text[:len(scheme)], scheme) && text[len(scheme)] == '/' {
			text = strings.TrimLeft(text[len(scheme):], "/")
		}
	}
	if _, rest, found := strings.Cut(text, "://"); found {
		text = rest
	}

	u, err := url.Parse("https://" + text)
	if err != nil || u.Hostname() == "" {
		return "HOST/PATH", false
	}
	right = u.Host + u.EscapedPath()

	return right, right == name
}

// rightARN returns the ARN of an OpenID Connect provider as it is to be written; false if
// it is written so.
func rightARN(arn string) (right string, wrong bool) {
	_, kind, name, ok := identitypool.ParseProviderARN(arn)
	if !ok || kind != identitypool.OIDCProvider {
		return "", false
	}
	issuer, same := hostAndPath(name)

	return strings.TrimSuffix(arn, name) + issuer, !same
}

// shownProviderARN is the ARN of a provider for texts. A user in it may have a password.
func shownProviderARN(arn string) string {
	if strings.Contains(arn, "@") {
		return shownBytes(arn)
	}

	return shownName(arn)
}

// misspeltProvider explains a login under name, with or without a scheme, through a
// provider of the pool under whose ARN none can be registered; nil = the pool has none.
func misspeltProvider(pool identitypool.Pool, name string) *explain.Refusal {
	bare, _ := hostAndPath(name)
	for _, arn := range pool.OIDCProviderARNs {
		_, _, issuer, _ := identitypool.ParseProviderARN(arn)
		if !strings.Contains(issuer, ":/") && !strings.ContainsAny(issuer, "@?#") {
			continue // a pool may have a thousand, and anybody may send names
		}
		right, wrong := rightARN(pool.ShownName(arn))
		if other, _ := hostAndPath(issuer); wrong && (issuer == name || other == bare && other != "HOST/PATH") {
			why := oidcProviderIssuer.With("arn", shownProviderARN(pool.ShownName(arn)), "right", right)
			return why.At(poolLink(pool, "OpenIdConnectProviderARNs"))
		}
	}

	return nil
}

// misspeltKey explains a key of role mappings or of principal tags that is no provider of
// the pool, because it is an ARN under which none can be registered; nil = it is another.
func misspeltKey(pool identitypool.Pool, key string) *explain.Refusal {
	right, wrong := rightARN(pool.ShownName(key))
	if !wrong || slices.Contains(pool.OIDCProviderARNs, key) {
		return nil
	}

	return providerARNIssuer.With("arn", shownProviderARN(pool.ShownName(key)), "right", right)
}
