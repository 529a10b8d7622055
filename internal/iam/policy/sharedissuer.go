package policy

import (
	"fmt"
	"slices"
	"strings"
)

// sharedIssuer is an OpenID Connect provider that one issuer runs for all its
// customers, with the condition key that tells them apart (IAM User Guide,
// "Identity-provider controls for shared OIDC providers").
type sharedIssuer struct {
	provider string // host and path
	below    bool   // paths under provider, too
	claim    string // sub or aud; or a whole key of another service
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

// key is the condition key that a trust policy must ask for when it names the
// provider.
func (i sharedIssuer) key(provider string) string {
	if strings.Contains(i.claim, ":") {
		return i.claim
	}
	return provider + ":" + i.claim
}

// SharedIssuersScoped refuses a trust policy that would let every customer of a
// shared issuer assume the role: an Allow statement that names such a provider
// must tell the customers apart by a positive String operator on the issuer's
// key, whose every value has something of its own. IAM enforces the same when a
// trust policy is written. The error is a *ParseError.
func SharedIssuersScoped(d *Document) error {
	for i := range d.statements {
		s := &d.statements[i]
		if s.Effect != Allow || s.principals == nil || s.notPrincipal {
			continue
		}
		for _, principal := range s.principals.federated {
			_, provider, isARN := strings.Cut(principal, ":oidc-provider/")
			if !isARN {
				provider = principal
			}
			n := slices.IndexFunc(sharedIssuers, func(i sharedIssuer) bool {
				return i.provider == provider || i.below && strings.HasPrefix(provider, i.provider+"/")
			})
			if n < 0 {
				continue
			}
			key := sharedIssuers[n].key(provider)
			if !slices.ContainsFunc(s.conditions, func(c condition) bool { return c.narrows(key) }) {
				return fault(fmt.Sprintf("Statement[%d]", s.Index), "A condition on %s must be present for the shared provider %s: "+
					"without it every customer of that provider could assume the role", key, provider)
			}
		}
	}
	return nil
}
