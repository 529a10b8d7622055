package cognitoidentity

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// PoolWarning is something about a pool that is allowed, and probably not meant.
type PoolWarning struct {
	Code    string
	Field   string // as in PoolFault
	Message string
	Fix     string
}

// maxWarnings bounds the warnings of one answer: a pool may have a thousand providers.
const maxWarnings = 100

func (v *poolValidation) warning(code, field, message, fix string) {
	if len(v.Warnings) < maxWarnings {
		v.Warnings = append(v.Warnings, PoolWarning{
			Code:    code,
			Field:   field,
			Message: message,
			Fix:     fix,
		})
	}
}

// warn looks for what is allowed and probably not meant.
func (v *poolValidation) warn(ctx context.Context, in *ValidateIdentityPoolInput) error {
	if in.AllowClassicFlow == nil {
		v.warning("classic-flow", "AllowClassicFlow",
			"AllowClassicFlow is left out: the classic flow is allowed, also if it was not before.",
			"set AllowClassicFlow to false, unless apps call GetOpenIdToken")
	}

	v.warnNobody()

	for _, name := range v.pool.PublicProviderNames() {
		if err := v.warnProvider(ctx, name); err != nil {
			return err
		}
	}

	for _, kind := range []string{identitypool.Authenticated, identitypool.Unauthenticated} {
		if role := v.pool.Roles[kind]; role != "" {
			if err := v.warnRole(ctx, role, kind == identitypool.Unauthenticated, "Roles"); err != nil {
				return err
			}
		}
	}

	for _, role := range rolesIn(nil, v.pool.RoleMappings) {
		if err := v.warnRole(ctx, role, false, "RoleMappings"); err != nil {
			return err
		}
	}

	return nil
}

// warnNobody warns of users who could not get credentials.
func (v *poolValidation) warnNobody() {
	users := v.pool.HasPublicProviders() || v.pool.DeveloperProviderName != ""
	if !users && !v.pool.AllowUnauthenticated {
		v.warning("nobody", "AllowUnauthenticatedIdentities",
			"The pool has no login provider and allows no guests: nobody can sign in.",
			"add a login provider, or allow guests")
	}
	if v.pool.AllowUnauthenticated && v.pool.Roles[identitypool.Unauthenticated] == "" {
		v.warning("guest-role", "Roles",
			"Guests are allowed and there is no role for them: they get an identity and no credentials.",
			"set the role unauthenticated, or allow no guests")
	}
	if users && v.pool.Roles[identitypool.Authenticated] == "" {
		v.warning("user-role", "Roles",
			"There is no role for signed-in users: they get credentials only by a role mapping or a SAML attribute.",
			"set the role authenticated")
	}
}

// warnProvider warns of a provider for which no login could be proved, or with an issuer that is
// easily mistaken.
func (v *poolValidation) warnProvider(ctx context.Context, name string) error {
	config := v.pool.Provider(name)
	field := providerFields[config.Kind]
	shown := v.pool.ShownName(name)
	trust, err := v.Providers.Trust(ctx, config)
	if refused, ok := errors.AsType[*provider.Error](err); ok {
		why := refused.Why
		v.warning("provider", field,
			"Logins of "+shown+" would be refused: expected "+why.Expected+", got "+why.Got+".", why.Fix)
		return v.warnSpelling(ctx, config, field)
	} else if err != nil {
		return err
	}
	if trust.Kind != login.OIDC || len(trust.Issuers) == 0 {
		return nil
	}

	address, err := url.Parse(trust.Issuers[0])
	if err != nil {
		return nil //nolint:nilerr // the registration has its own checks
	}
	issuer := explain.ShownText(trust.Issuers[0])
	if address.Scheme == "http" {
		v.warning("issuer-http", field,
			"The issuer "+issuer+" has no TLS: others in the network could forge its keys.",
			"use an https: issuer outside of development")
	}
	if host := address.Hostname(); isLoopback(host) {
		v.warning("issuer-loopback", field,
			"The issuer "+issuer+" is on this machine. localhost, 127.0.0.1 and [::1] are different issuers: a token "+
				"must name this one.",
			"compare it with the claim iss of a token")
	}

	return nil
}

// warnSpelling looks for a registered provider whose name differs in what people overlook: the
// slash at the end, or the name of the own machine.
func (v *poolValidation) warnSpelling(ctx context.Context, config identitypool.ProviderConfig, field string) error {
	if config.Kind != identitypool.OIDCProviderKind {
		return nil
	}

	arn, hadSlash := strings.CutSuffix(config.ARN, "/")
	if !hadSlash {
		arn += "/"
	}

	others := []string{arn}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		for _, other := range []string{"localhost", "127.0.0.1"} {
			if changed := strings.Replace(config.ARN, "oidc-provider/"+host, "oidc-provider/"+other, 1); host != other {
				others = append(others, changed)
			}
		}
	}

	for _, other := range slices.Compact(others) {
		near := config
		near.ARN = other
		if other == config.ARN {
			continue
		}

		_, err := v.Providers.Trust(ctx, near)
		if _, refused := errors.AsType[*provider.Error](err); refused {
			continue
		} else if err != nil {
			return err
		}
		v.warning("provider-spelling", field,
			"There is no provider "+v.pool.ShownName(config.ARN)+", but there is "+v.pool.ShownName(other)+".",
			"use the ARN of the provider whose issuer is the claim iss of the tokens, byte for byte")
	}

	return nil
}

// providerFields has the member of a pool's configuration for each kind of provider.
var providerFields = map[identitypool.ProviderKind]string{
	identitypool.SocialProvider:   "SupportedLoginProviders",
	identitypool.UserPoolProvider: "CognitoIdentityProviders",
	identitypool.OIDCProviderKind: "OpenIdConnectProviderARNs",
	identitypool.SAMLProviderKind: "SamlProviderARNs",
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && net.IP(address.AsSlice()).IsLoopback()
}

// warnRole warns of a role that the pool's identities could not assume. The trust policy cannot
// name a pool that has no ID yet.
//
// Whether another account has the role is not told: not even the trust policy of a role that is
// there would let the pool's identities in.
func (v *poolValidation) warnRole(ctx context.Context, arn string, guest bool, field string) error {
	if role, err := iam.ParseRoleARN(arn); err == nil && role.Account != v.pool.Account {
		v.warning("role-trust", field,
			"Identities of the pool cannot assume "+arn+": it is a role of another account.",
			"use a role in the pool's account")
		return nil
	}

	_, err := v.Directory.RoleOf(ctx, arn)
	if errors.Is(err, iam.ErrNotFound) {
		v.warning("role-missing", field, "IAM has no role "+arn+": nobody gets its credentials.", "create the role")
		return nil
	} else if err != nil {
		if refused, ok := errors.AsType[*explain.Refusal](err); ok {
			v.warning("role-missing", field, refused.Error(), refused.Fix)
			return nil
		}
		return err
	}
	if v.isNew {
		v.warning("role-trust-later", field,
			"The trust policy of "+arn+" cannot name the pool yet, which has no ID.",
			"add the ID of the new pool to the condition cognito-identity.amazonaws.com:aud")
		return nil
	}

	t, ctx := v.newTrial(ctx, v.pool, "")
	request := t.roleRequest(ctx, v.pool)
	request.Guest, request.IdentityID, request.Role = guest, t.newIdentity().ID, assume.ReadPoolRole(arn)
	err = v.Credentials.Decide(ctx, request)
	if errors.Is(err, assume.ErrDenied) || errors.Is(err, session.ErrTooLarge) {
		step, _ := explain.Deciding(t.trace.Steps())
		v.warning("role-trust", field,
			"Identities of the pool cannot assume "+arn+": expected "+step.Expected+", got "+step.Got+".", step.Fix)
		return nil
	}

	return err
}
