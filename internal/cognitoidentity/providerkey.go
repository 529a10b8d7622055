package cognitoidentity

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// AWS compares a token's issuer with its Logins key before it looks at the pool's
// providers, so that a mistyped key is told from a provider that the pool lacks. For a
// provider that the pool has, login.Verify compares them. What is here is for calls
// that are refused anyway: it reads tokens without proving them, and asks no provider.

const messageMissingIssuer = "Invalid login token. Missing a required claim: iss"

// keyIssuers returns the issuers whose tokens may stand under a Logins key. only is true
// if nothing but such tokens may; no issuers are returned for keys of other credentials.
func (s *Service) keyIssuers(pool identitypool.Pool, key string) (issuers []string, only bool) {
	_, kind, _, isARN := identitypool.ParseProviderARN(key)
	_, settings := s.UserPools[key]
	_, atAWS := identitypool.ParseUserPool(key)
	makeTrust, known := wellKnown[key]
	switch {
	case pool.IsOwnProvider(key), isARN && kind == identitypool.SAMLProvider,
		key == pool.DeveloperProviderName:
		return nil, false
	case known:
		t, err := makeTrust(anyApp, s.WellKnown[key])
		if err != nil || t.Kind != login.OIDC {
			return nil, false
		}
		return t.Issuers, true
	case settings, atAWS:
		return s.userPoolTrust(key, nil).Issuers, true
	}

	return []string{"https://" + key, "http://" + key}, false
}

// unproven is a value of Logins and the issuer that it names, which nothing proves.
type unproven struct {
	value     string
	issuer    string // "" if it is no text, or too long
	hasIssuer bool
	err       error // the value is no token
}

func (s *Service) peek(value string) unproven {
	issuer, has, err := idtoken.PeekIssuer(value, s.Limits.TokenBytes)

	return unproven{
		value:     value,
		issuer:    issuer,
		hasIssuer: has,
		err:       err,
	}
}

// keysFirst returns the refusal of a call because of the provider of a login, the last of
// names: the first token whose issuer does not fit its key, else refusal. A nil refusal
// stands for a pool that lacks the provider.
func (s *Service) keysFirst(
	ctx context.Context, pool identitypool.Pool, logins map[string]string, names []string, refusal error,
) error {
	var last unproven
	for _, key := range names {
		last = s.peek(logins[key])
		if err := s.checkKey(ctx, pool, key, last); err != nil {
			return err
		}
	}
	if refusal != nil {
		return refusal
	}

	return s.lacksProvider(pool, names[len(names)-1], last)
}

// lacksProvider refuses a login of a provider that the pool does not have.
func (s *Service) lacksProvider(pool identitypool.Pool, key string, login unproven) error {
	why := s.whyProvider(pool, key, login)
	if !pool.HasPublicProviders() {
		const text = "Identity pool - %s does not have identity providers configured."
		return awsapi.Refused(notAuthorized, why, text, pool.ID)
	}

	return unsupportedProvider(why)
}

// checkKey refuses a token whose issuer is not the one that its Logins key names.
func (s *Service) checkKey(ctx context.Context, pool identitypool.Pool, key string, token unproven) error {
	issuers, only := s.keyIssuers(pool, key)
	if len(issuers) == 0 {
		return nil
	}

	refuse := func(message string, why *explain.Refusal) error {
		explain.FromContext(ctx).For(shownName(key)).Refuse(why)
		return awsapi.Refused(notAuthorized, why, "%s", message)
	}
	switch {
	case token.err != nil && only:
		return refuse(login.MessageNotOIDC, s.whyUnreadable(pool, key))
	case token.err != nil: // an opaque token, or a developer's user
		return nil
	case !token.hasIssuer:
		return refuse(messageMissingIssuer, issuerMissing.With())
	case !slices.Contains(issuers, token.issuer):
		return refuse(login.MessageIssuerMismatch, s.whyIssuer(pool, key, token.issuer))
	}

	return nil
}

func (s *Service) whyUnreadable(pool identitypool.Pool, key string) *explain.Refusal {
	if provider, difference := s.meant(pool, key); provider != "" {
		return tokenUnreadableNear.With("provider", provider, "key", shownName(key), "difference", difference)
	}

	return tokenUnreadable.With("key", shownName(key))
}

// whyIssuer explains an issuer that is not the one that the key names.
func (s *Service) whyIssuer(pool identitypool.Pool, key, issuer string) *explain.Refusal {
	shown, named := shownIssuer(issuer), "the issuer that the key names"
	if shownName(key) == key && !strings.Contains(key, "://") && !strings.HasPrefix(key, "arn:") {
		issuers, _ := s.keyIssuers(pool, key)
		named = strings.Join(issuers, " or ")
	}

	if misspelt := misspeltProvider(pool, key); misspelt != nil {
		return misspelt
	}
	if !pool.HasPublicProviders() {
		return issuerNoProviders.With("named", named, "issuer", shown)
	}
	if shown == issuer { // others may be as long as a token
		if provider := s.issuedFor(pool, issuer); provider != "" {
			return issuerOfPool.With("named", named, "issuer", shown, "difference", keyFault(key, provider),
				"provider", provider)
		}
		if provider, expected, difference := s.nearestIssuer(pool, issuer); provider != "" {
			return issuerNear.With("expected", expected, "provider", provider, "issuer", shown,
				"difference", difference)
		}
	}

	return issuerElsewhere.With("named", named, "issuer", shown, "providers", poolProviders(pool))
}

// maxCompared bounds with how many providers of a pool a refused name is compared. A
// pool may have a thousand, and anybody may send names.
const maxCompared = 50

// nearby are the providers of the pool with which name is compared: those of its host
// first.
func nearby(pool identitypool.Pool, name string) []string {
	all, host := pool.PublicProviderNames(), hostOf(name)
	if len(all) > maxCompared {
		elsewhere := func(name string) bool { return hostOf(name) != host }
		same := slices.DeleteFunc(slices.Clone(all), elsewhere)
		all = append(same, slices.DeleteFunc(all, func(name string) bool { return !elsewhere(name) })...)
		all = all[:maxCompared]
	}

	return all
}

// hostOf is the host of a provider's name, of its ARN or of an address.
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

// nearestIssuer returns the provider of the pool with the issuer that differs least from
// one that is none of theirs, and how; "" if all differ too much.
func (s *Service) nearestIssuer(pool identitypool.Pool, issuer string) (provider, expected, difference string) {
	for _, name := range nearby(pool, issuer) {
		issuers, _ := s.keyIssuers(pool, name)
		for _, i := range issuers {
			d := explain.NameDifference(issuer, i)
			if d != "" && !otherServers(issuer, i) && (difference == "" || len(d) < len(difference)) {
				provider, expected, difference = name, i, d
			}
		}
	}

	return provider, expected, difference
}

var port = regexp.MustCompile(`:(\d{1,5})(?:/|$)`)

// otherServers reports whether two addresses have a port each, and not the same. A key
// can be mistyped so, but an issuer of another port is another identity provider.
func otherServers(a, b string) bool {
	p, q := port.FindStringSubmatch(a), port.FindStringSubmatch(b)

	return p != nil && q != nil && p[1] != q[1]
}

// whyProvider explains a Logins key that the pool does not have; login came under it,
// and fits the key.
func (s *Service) whyProvider(pool identitypool.Pool, key string, login unproven) *explain.Refusal {
	shown := shownName(key)
	if shown != key && isProvider(pool, login.value) {
		return providerSwapped.With("size", strconv.Itoa(len(key)), "value", login.value)
	}
	if misspelt := misspeltProvider(pool, key); misspelt != nil {
		return misspelt
	}

	if provider, difference := s.meant(pool, key); provider != "" {
		at := poolField(pool, s.providerField(key), s.providerEntry(pool, key))
		if login.err != nil {
			return providerNear.With("provider", provider, "key", shown, "difference", difference)
		} else if explain.NameDifference(key, provider) != "" && !otherServers(key, provider) {
			return providerTwoNames.With("provider", provider, "key", shown, "difference", difference).At(at)
		}
	}

	switch {
	case shown != key && pool.HasPublicProviders():
		return providerHidden.With("providers", poolProviders(pool), "key", shown)
	case !pool.HasPublicProviders():
		why := providersNone.With("key", pool.ShownName(shown), "field", s.providerField(key))
		return why.At(poolField(pool, s.providerField(key), s.providerEntry(pool, key)))
	}
	why := providerUnknown.With("providers", poolProviders(pool), "key", shown, "field", s.providerField(key))

	return why.Of(shown).At(poolField(pool, s.providerField(key), s.providerEntry(pool, key)))
}

// isProvider reports whether a value of Logins is the name of a provider. Others are not
// shown, as they may be users: "alice.smith" has the form of a host.
func isProvider(pool identitypool.Pool, value string) bool {
	_, known := wellKnown[value]

	return known || slices.Contains(pool.PublicProviderNames(), pool.StoredName(value))
}

// nicknames are hosts that people take for the names of well-known providers.
var nicknames = map[string]string{
	"apple":                identitypool.Apple,
	"apple.com":            identitypool.Apple,
	"google":               identitypool.Google,
	"google.com":           identitypool.Google,
	"facebook":             identitypool.Facebook,
	"facebook.com":         identitypool.Facebook,
	"limited.facebook.com": identitypool.Facebook,
	"amazon":               identitypool.Amazon,
	"api.amazon.com":       identitypool.Amazon,
	"twitter":              identitypool.Twitter,
	"twitter.com":          identitypool.Twitter,
	"x.com":                identitypool.Twitter,
	"api.x.com":            identitypool.Twitter,
}

// issuedFor returns the provider of the pool whose tokens have the issuer; "" = none.
func (s *Service) issuedFor(pool identitypool.Pool, issuer string) string {
	for _, name := range nearby(pool, issuer) {
		if issuers, _ := s.keyIssuers(pool, name); slices.Contains(issuers, issuer) {
			return name
		}
	}

	return ""
}

// meant returns the provider of the pool that a Logins key was to name, and what is
// wrong with the key: the provider that is called nearly so.
func (s *Service) meant(pool identitypool.Pool, key string) (provider, difference string) {
	names := pool.ShownNames(nearby(pool, key))
	for _, name := range names {
		if d := explain.NameDifference(key, name); d != "" {
			return name, d
		}
	}
	nickname := nicknames[strings.TrimPrefix(strings.ToLower(strings.TrimSpace(key)), "www.")]
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

// structured reports whether names of this kind resemble each other without being
// mistyped: ARNs and user pools.
func structured(name string) bool {
	_, atAWS := identitypool.ParseUserPool(name)

	return atAWS || strings.HasPrefix(name, "arn:")
}

// providerField is the pool's field that a login provider belongs in.
func (s *Service) providerField(key string) string {
	_, kind, _, isARN := identitypool.ParseProviderARN(key)
	_, settings := s.UserPools[key]
	_, atAWS := identitypool.ParseUserPool(key)
	_, known := wellKnown[key]
	switch {
	case isARN && kind == identitypool.SAMLProvider:
		return "SamlProviderARNs"
	case known:
		return "SupportedLoginProviders"
	case settings, atAWS:
		return "CognitoIdentityProviders"
	default:
		return "OpenIdConnectProviderARNs"
	}
}

// providerEntry returns the text to add to that field; "" if the key is not fit to be shown, or
// names a provider of another account.
func (s *Service) providerEntry(pool identitypool.Pool, key string) string {
	account, _, _, isARN := identitypool.ParseProviderARN(key)
	switch {
	case shownName(key) != key, isARN && account != pool.Account:
		return ""
	case s.providerField(key) == "OpenIdConnectProviderARNs" && !strings.HasPrefix(key, "arn:"):
		return iam.OIDCProviderARN(identitypool.Partition(pool.Region), pool.Account, "https://"+withoutScheme(key))
	default:
		return pool.ShownName(key)
	}
}

// maxProvidersShown bounds a list of a pool's providers in a text.
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

// maxIssuerShown bounds an issuer in a text.
const maxIssuerShown = 128

// shownIssuer is the issuer of a token that is not proved, for traces.
func shownIssuer(issuer string) string {
	if len(issuer) <= maxIssuerShown && providerName.MatchString(issuer) {
		return issuer
	}
	if issuer == "" {
		return "(no text, or too long a one)"
	}

	return fmt.Sprintf("(an issuer of %d bytes)", len(issuer))
}
