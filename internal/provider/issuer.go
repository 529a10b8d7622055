package provider

import (
	"net/url"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// hostAndPath returns the host and the path of an issuer, the form for an ARN. same is
// false if that differs from name: then no issuer can be registered under name.
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

// rightARN returns the correct form of the ARN of an OpenID Connect provider. wrong is
// false if the ARN has that form, or belongs to no such provider.
func rightARN(arn string) (right string, wrong bool) {
	_, kind, name, ok := identitypool.ParseProviderARN(arn)
	if !ok || kind != identitypool.OIDCProvider {
		return "", false
	}

	issuer, same := hostAndPath(name)
	return strings.TrimSuffix(arn, name) + issuer, !same
}

// misspeltProvider explains a refused login under name, with or without a scheme: the pool
// has an ARN for it under which no provider can be registered. nil = it has none.
func misspeltProvider(pool identitypool.Pool, name string) *explain.Refusal {
	bare, _ := hostAndPath(name)
	for _, arn := range pool.OIDCProviderARNs {
		_, _, issuer, _ := identitypool.ParseProviderARN(arn)
		if !strings.Contains(issuer, ":/") && !strings.ContainsAny(issuer, "@?#") {
			continue // cheap test first: a pool may have a thousand, and anybody may send names
		}

		right, wrong := rightARN(pool.ShownName(arn))
		if other, _ := hostAndPath(issuer); wrong && (issuer == name || other == bare && other != "HOST/PATH") {
			why := oidcProviderIssuer.With("arn", ShownARN(pool.ShownName(arn)), "right", right)
			return why.At(pool.Link("OpenIdConnectProviderARNs"))
		}
	}

	return nil
}

// Misspelt explains a key of role mappings or of principal tags that is not a provider of
// the pool: it is an ARN under which no provider can be registered. nil = it is not.
func Misspelt(pool identitypool.Pool, key string) *explain.Refusal {
	if slices.Contains(pool.OIDCProviderARNs, key) {
		return nil
	}

	return ARNFault(pool.ShownName(key))
}

// ARNFault explains the ARN of an OpenID Connect provider under which no issuer can be
// registered; nil = the ARN has no such fault.
func ARNFault(arn string) *explain.Refusal {
	right, wrong := rightARN(arn)
	if !wrong {
		return nil
	}

	return providerARNIssuer.With("arn", ShownARN(arn), "right", right)
}
