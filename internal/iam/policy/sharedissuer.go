package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// sharedIssuer is an OpenID Connect provider that all customers of a service share,
// with the condition key that tells them apart (IAM User Guide, "Identity-provider
// controls for shared OIDC providers").
type sharedIssuer struct {
	provider string // host and path
	below    bool   // whether paths below provider count, too
	claim    string // sub or aud, or a whole condition key
}

var sharedIssuers = []sharedIssuer{
	{provider: "agent.buildkite.com", claim: "sub"},
	{provider: "api.pulumi.com/oidc", claim: "aud"},
	{provider: "app.terraform.io", claim: "sub"},
	{provider: "gitlab.com", claim: "sub"},
	{provider: "oidc-configuration.audit-log.githubusercontent.com", claim: "sub"},
	{provider: "oidc.codefresh.io", claim: "sub"},
	{provider: "oidc.vercel.com", below: true, claim: "aud"},
	{provider: "proidc.upbound.io", claim: "sub"},
	{provider: "sandboxes.cloud", claim: "aud"},
	{provider: "scalr.io", claim: "sub"},
	{provider: "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d", claim: "sts:RoleSessionName"},
	{provider: "studio.datachain.ai/api", claim: "sub"},
	{provider: "token.actions.githubusercontent.com", claim: "sub"},
	{provider: "tokens.cloud.shisho.dev", claim: "sub"},
	{provider: "vstoken.actions.githubusercontent.com", claim: "sub"},
}

// key returns the condition key that a trust policy must have if it names the provider.
func (i sharedIssuer) key(provider string) string {
	if strings.Contains(i.claim, ":") {
		return i.claim
	}
	return provider + ":" + i.claim
}

// sharedIssuersScoped refuses a trust policy that lets every customer of a shared
// issuer assume the role: an Allow statement that names such a provider must have a
// positive String operator on the issuer's key, each value of which names a customer.
// IAM demands such a condition when a trust policy is stored. The error is a *Fault.
func sharedIssuersScoped(d *Document) error {
	for i := range d.statements {
		s := &d.statements[i]
		if s.Effect != Allow || s.principals == nil || s.notPrincipal {
			continue
		}

		for _, principal := range s.principals.federated {
			key, provider, shared := sharedIssuerKey(principal)
			if !shared || slices.ContainsFunc(s.conditions, func(c condition) bool { return c.namesCustomers(key) }) {
				continue
			}

			problem := "there is no such condition"
			for _, c := range s.conditions {
				if c.key == asciiLower(key) {
					problem = c.written.operator + " " + shownValues(c.written.values) + " names no customer"
				}
			}

			return &Fault{
				Where: s.where(),
				Text: fmt.Sprintf("%s: A condition on %s must be present for the shared provider %s: "+
					"without it every customer of that provider could assume the role; %s",
					s.where(), key, provider, problem),
				Expected: "a condition StringEquals or StringLike on " + key + " that names a customer",
				Got:      problem,
				Fix: "write out the customer in the condition's value, before any wildcard: " +
					"repo:ORGANIZATION/* for GitHub",
			}
		}
	}

	return nil
}

// sharedIssuerKey returns the condition key that a statement for a federated principal
// must have, and the provider; shared is false if its issuer is not shared.
func sharedIssuerKey(principal string) (key, provider string, shared bool) {
	_, provider, isARN := strings.Cut(principal, ":oidc-provider/")
	if !isARN {
		provider = principal
	}

	n := slices.IndexFunc(sharedIssuers, func(i sharedIssuer) bool {
		return i.provider == provider || i.below && strings.HasPrefix(provider, i.provider+"/")
	})
	if n < 0 {
		return "", "", false
	}

	return sharedIssuers[n].key(provider), provider, true
}

// namesCustomers reports whether c holds only for customers of a shared issuer that its
// values name.
func (c condition) namesCustomers(key string) bool {
	if !c.narrowing(key) {
		return false
	}

	return !slices.ContainsFunc(c.written.values, func(v string) bool {
		if c.comparison == like && strings.ContainsAny(v, "*?") {
			return !customerPattern.MatchString(v) || strings.Contains(v, "${")
		}
		return !namesSomething(v)
	})
}

// customerPattern matches values with wildcards that name a customer: they have the
// part before the customer's name, which is the same for all customers, and at least
// the beginning of the name: repo:ORGANIZATION/*, https://github.com/ENTERPRISE/*,
// MicrosoftSentinel_ID*.
var customerPattern = regexp.MustCompile(
	`^(?:https?://[^/*?$]+/|MicrosoftSentinel_|[a-z_]+:)[^*?$/A-Za-z0-9]*[A-Za-z0-9]`)
