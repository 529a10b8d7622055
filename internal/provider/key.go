package provider

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// AWS compares a token's issuer with its Logins key before it looks at the pool's
// providers: a mistyped key and a provider that the pool lacks get different errors. For a
// provider that the pool has, login.Verify compares them. The functions here serve calls
// that are refused anyway: they read tokens without proving them, and ask no provider.

// keyIssuers returns the issuers whose tokens a Logins key accepts. only is true if the
// key accepts nothing else. Keys of other credentials have no issuers.
func (r *Registry) keyIssuers(pool identitypool.Pool, key string) (issuers []string, only bool) {
	_, kind, _, isARN := identitypool.ParseProviderARN(key)
	row, known := r.o.Table.ByKey(key)

	switch {
	case pool.IsOwnProvider(key), isARN && kind == identitypool.SAMLProvider, key == pool.DeveloperProviderName:
		return nil, false
	case known:
		t, err := row.trust(anyApp, r.o.WellKnown[key])
		if err != nil || t.Kind != login.OIDC {
			return nil, false
		}
		return t.Issuers, true
	case r.isUserPool(key):
		return r.userPoolTrust(key, nil).Issuers, true
	}

	return []string{"https://" + key, "http://" + key}, false
}

// unproven is a value of Logins with the issuer that it names, not yet proved.
type unproven struct {
	value     string
	issuer    string // "" if the claim is not text, or too long
	hasIssuer bool
	err       error // not nil if the value is not a token
}

func (r *Registry) peek(value string) unproven {
	issuer, has, err := idtoken.PeekIssuer(value, r.o.MaxTokenBytes)
	return unproven{
		value:     value,
		issuer:    issuer,
		hasIssuer: has,
		err:       err,
	}
}

// wrongKey returns the refusal that AWS prefers for a call that is refused anyway, because of the
// provider of its last login:
//
//  1. that of the first token whose issuer does not fit its key
//  2. refusal
//  3. if refusal is nil: that the pool lacks the last login's provider
func (r *Registry) wrongKey(ctx context.Context, pool identitypool.Pool, logins []Login, refusal error) error {
	var last unproven
	for _, l := range logins {
		last = r.peek(l.Token)
		if err := r.checkKey(ctx, pool, l.Config.Name, last); err != nil {
			return err
		}
	}
	if refusal != nil {
		return refusal
	}

	return r.lacksProvider(pool, logins[len(logins)-1].Config.Name, last)
}

// lacksProvider refuses a login of a provider that the pool does not have.
func (r *Registry) lacksProvider(pool identitypool.Pool, key string, token unproven) error {
	why := r.whyProvider(pool, key, token)
	if !pool.HasPublicProviders() {
		return &Error{Fault: NoProviders, Why: why}
	}

	return unsupported(why, nil)
}

// checkKey refuses a token if its issuer is not the one that its Logins key names.
func (r *Registry) checkKey(ctx context.Context, pool identitypool.Pool, key string, token unproven) error {
	issuers, only := r.keyIssuers(pool, key)
	if len(issuers) == 0 {
		return nil
	}

	refuse := func(fault Fault, why *explain.Refusal) error {
		explain.FromContext(ctx).For(ShownName(key)).Refuse(why)
		return &Error{Fault: fault, Why: why}
	}

	switch {
	case token.err != nil && only:
		return refuse(NotIDToken, r.whyUnreadable(pool, key))
	case token.err != nil: // an opaque token, or a developer's user
		return nil
	case !token.hasIssuer:
		return refuse(NoIssuer, issuerMissing.With())
	case !slices.Contains(issuers, token.issuer):
		return refuse(OtherIssuer, r.whyIssuer(pool, key, token.issuer))
	}

	return nil
}

func (r *Registry) whyUnreadable(pool identitypool.Pool, key string) *explain.Refusal {
	if provider, difference := r.meant(pool, key); provider != "" {
		return tokenUnreadableNear.With("provider", provider, "key", ShownName(key), "difference", difference)
	}

	return tokenUnreadable.With("key", ShownName(key))
}

// whyIssuer explains that an issuer is not the one that the key names.
func (r *Registry) whyIssuer(pool identitypool.Pool, key, issuer string) *explain.Refusal {
	shown, named := shownIssuer(issuer), "the issuer that the key names"
	if ShownName(key) == key && !strings.Contains(key, "://") && !strings.HasPrefix(key, "arn:") {
		issuers, _ := r.keyIssuers(pool, key)
		named = strings.Join(issuers, " or ")
	}

	if misspelt := misspeltProvider(pool, key); misspelt != nil {
		return misspelt
	}
	if !pool.HasPublicProviders() {
		return issuerNoProviders.With("named", named, "issuer", shown).At(r.linkToAdd(pool, withoutScheme(issuer)))
	}
	if shown == issuer { // others may be as long as a token
		if provider := r.issuedFor(pool, issuer); provider != "" {
			return issuerOfPool.With("named", named, "issuer", shown, "difference", keyFault(key, provider),
				"provider", provider)
		}
		if provider, expected, difference := r.nearestIssuer(pool, issuer); provider != "" {
			return issuerNear.With("expected", expected, "provider", provider, "issuer", shown,
				"difference", difference)
		}
	}

	why := issuerElsewhere.With("named", named, "issuer", shown, "providers", poolProviders(pool))

	return why.At(r.linkToAdd(pool, withoutScheme(issuer)))
}

// maxCompared limits the providers of a pool that a refused name is compared with. A
// pool may have a thousand, and anybody may send names.
const maxCompared = 50

// nearby returns the providers of the pool that name is compared with: at most maxCompared,
// those of its host first.
func nearby(pool identitypool.Pool, name string) []string {
	all := pool.PublicProviderNames()
	if len(all) <= maxCompared {
		return all
	}

	var atHost, others []string
	host := hostOf(name)
	for _, n := range all {
		if hostOf(n) == host {
			atHost = append(atHost, n)
		} else {
			others = append(others, n)
		}
	}

	return append(atHost, others...)[:maxCompared]
}

// hostOf returns the host of a provider's name, of its ARN or of an address.
func hostOf(name string) string {
	if _, issuer, isARN := strings.Cut(name, ":oidc-provider/"); isARN {
		name = issuer
	}

	name = withoutScheme(strings.TrimSpace(name))
	if n := strings.IndexAny(name, ":/"); n >= 0 {
		name = name[:n]
	}

	return strings.TrimPrefix(strings.ToLower(name), "www.")
}

// nearestIssuer returns the provider of the pool whose issuer differs least from a foreign
// one, and the difference; "" if all differ too much.
func (r *Registry) nearestIssuer(pool identitypool.Pool, issuer string) (provider, expected, difference string) {
	for _, name := range nearby(pool, issuer) {
		issuers, _ := r.keyIssuers(pool, name)
		for _, i := range issuers {
			d := explain.NameDifference(issuer, i)
			if d != "" && !differentPorts(issuer, i) && (difference == "" || len(d) < len(difference)) {
				provider, expected, difference = name, i, d
			}
		}
	}

	return provider, expected, difference
}

var port = regexp.MustCompile(`:(\d{1,5})(?:/|$)`)

// differentPorts reports whether two addresses have different ports. A key may be mistyped
// that way, but an issuer on another port is another identity provider.
func differentPorts(a, b string) bool {
	p, q := port.FindStringSubmatch(a), port.FindStringSubmatch(b)
	return p != nil && q != nil && p[1] != q[1]
}

// whyProvider explains a Logins key that the pool does not have. token is its value, and
// fits the key.
func (r *Registry) whyProvider(pool identitypool.Pool, key string, token unproven) *explain.Refusal {
	shown := ShownName(key)
	if shown != key && r.isProvider(pool, token.value) {
		return providerSwapped.With("size", strconv.Itoa(len(key)), "value", token.value)
	}
	if misspelt := misspeltProvider(pool, key); misspelt != nil {
		return misspelt
	}

	if provider, difference := r.meant(pool, key); provider != "" {
		at := r.linkToAdd(pool, key)
		if token.err != nil {
			return providerNear.With("provider", provider, "key", shown, "difference", difference)
		} else if explain.NameDifference(key, provider) != "" && !differentPorts(key, provider) {
			return providerTwoNames.With("provider", provider, "key", shown, "difference", difference).At(at)
		}
	}

	switch {
	case shown != key && pool.HasPublicProviders():
		return providerHidden.With("providers", poolProviders(pool), "key", shown)
	case !pool.HasPublicProviders():
		why := providersNone.With("key", pool.ShownName(shown), "field", r.providerField(key))
		return why.At(r.linkToAdd(pool, key))
	}
	why := providerUnknown.With("providers", poolProviders(pool), "key", shown, "field", r.providerField(key))

	return why.Of(shown).At(r.linkToAdd(pool, key))
}

// isProvider reports whether a value of Logins is the name of a provider. Refusals show no
// other value, as it may be a user: "alice.smith" has the form of a host.
func (r *Registry) isProvider(pool identitypool.Pool, value string) bool {
	_, known := r.o.Table.ByKey(value)
	return known || slices.Contains(pool.PublicProviderNames(), pool.StoredName(value))
}

// issuedFor returns the provider of the pool whose tokens have the issuer; "" = none.
func (r *Registry) issuedFor(pool identitypool.Pool, issuer string) string {
	for _, name := range nearby(pool, issuer) {
		if issuers, _ := r.keyIssuers(pool, name); slices.Contains(issuers, issuer) {
			return name
		}
	}

	return ""
}

// meant returns the provider of the pool that a Logins key probably means, because its
// name is similar, and the fault of the key.
func (r *Registry) meant(pool identitypool.Pool, key string) (provider, difference string) {
	names := pool.ShownNames(nearby(pool, key))
	for _, name := range names {
		if d := explain.NameDifference(key, name); d != "" {
			return name, d
		}
	}

	nickname := r.o.Table.byNickname(key)
	if slices.Contains(pool.PublicProviderNames(), nickname) {
		return nickname, notItsName
	}

	if structured(key) {
		return "", ""
	}
	nearest := explain.Nearest(key, slices.DeleteFunc(names, structured))
	if nearest == "" {
		return "", ""
	}

	return nearest, "is spelled otherwise"
}

const notItsName = "is not the name of the provider"

func keyFault(key, name string) string {
	if d := explain.NameDifference(key, name); d != "" {
		return d
	}

	return notItsName
}

// structured reports whether a name is of a kind whose names resemble each other without
// being mistyped: ARNs and user pools.
func structured(name string) bool {
	_, atAWS := identitypool.ParseUserPool(name)
	return atAWS || strings.HasPrefix(name, "arn:")
}

// providerField returns the pool's field that a login provider belongs in.
func (r *Registry) providerField(key string) string {
	_, kind, _, isARN := identitypool.ParseProviderARN(key)
	_, known := r.o.Table.ByKey(key)

	switch {
	case isARN && kind == identitypool.SAMLProvider:
		return "SamlProviderARNs"
	case known:
		return "SupportedLoginProviders"
	case r.isUserPool(key):
		return "CognitoIdentityProviders"
	default:
		return "OpenIdConnectProviderARNs"
	}
}

// providerEntry returns the text to add to that field; "" if the key must not be shown, or
// names a provider of another account.
func (r *Registry) providerEntry(pool identitypool.Pool, key string) string {
	account, _, _, isARN := identitypool.ParseProviderARN(key)

	switch {
	case ShownName(key) != key, isARN && account != pool.Account:
		return ""
	case r.providerField(key) == "OpenIdConnectProviderARNs" && !strings.HasPrefix(key, "arn:"):
		return iam.OIDCProviderARN(identitypool.Partition(pool.Region), pool.Account, "https://"+withoutScheme(key))
	default:
		return pool.ShownName(key)
	}
}

// maxProvidersShown limits a list of a pool's providers in a text.
const maxProvidersShown = 5

func poolProviders(pool identitypool.Pool) string {
	names := pool.PublicProviderNames()
	more := len(names) - maxProvidersShown
	names = pool.ShownNames(names[:min(len(names), maxProvidersShown)])
	if more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}

	return strings.Join(names, ", ")
}

// linkToAdd links to the field of a pool that the provider of a Logins key belongs in.
func (r *Registry) linkToAdd(pool identitypool.Pool, key string) explain.Link {
	return pool.ID.Link(r.providerField(key)).Adding(r.providerEntry(pool, key))
}
