package cognitoidentity

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

var tagPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// configure replaces all settings of the pool but the ID with in's members. It checks
// the rules that the API model cannot express. Values that the pool already has stay
// valid, even if newer rules forbid them; an imported pool keeps its providers' names.
func (s *Service) configure(p *identitypool.Pool, in *IdentityPool, imported bool) error {
	var f faults
	s.configureAll(p, in, imported, &f)
	return f.first()
}

// faults collects the refusals of a configuration: the first one, or all for people who ask.
type faults struct {
	all  bool
	list []error
}

// add notes a refusal, if err is one, and reports whether the checks end.
func (f *faults) add(err error) (end bool) {
	if err != nil {
		f.list = append(f.list, err)
	}
	return len(f.list) > 0 && !f.all
}

func (f *faults) first() error {
	if len(f.list) == 0 {
		return nil
	}
	return f.list[0]
}

// configureAll is configure for a collection of refusals.
func (s *Service) configureAll(p *identitypool.Pool, in *IdentityPool, imported bool, f *faults) {
	before := *p

	p.Name = *in.IdentityPoolName
	p.AllowUnauthenticated = *in.AllowUnauthenticatedIdentities
	p.AllowClassicFlow = in.AllowClassicFlow
	p.SupportedLoginProviders = maps.Clone(in.SupportedLoginProviders)
	if in.IdentityPoolTags != nil {
		p.Tags = maps.Clone(in.IdentityPoolTags)
	}

	c := change{
		Service:  s,
		faults:   f,
		before:   before,
		imported: imported,
	}
	for _, check := range []func() bool{
		func() bool { return c.setProviderARNs(p, in) },
		func() bool { return c.setUserPools(p, in.CognitoIdentityProviders) },
		func() bool { return c.checkOIDCProviders(p) },
		func() bool { return c.checkSAMLProviders(p) },
		func() bool { return c.checkLoginProviders(p) },
		func() bool { return c.add(c.setDeveloperName(p, in.DeveloperProviderName)) },
	} {
		if end := check(); end {
			return
		}
	}

	if n := len(p.Tags); n > s.Limits.TagsPerPool {
		if end := f.add(awsapi.Refused(limitExceeded, s.tooManyTags(*p),
			"The identity pool would have %d tags; the limit is %d.", n, s.Limits.TagsPerPool)); end {
			return
		}
	}

	s.checkTagTexts(*p, f)
}

// change is a pool that is about to get another configuration.
type change struct {
	*Service
	*faults
	before   identitypool.Pool // has no configuration yet if the pool is new
	imported bool
}

// setProviderARNs gives the pool the ARNs of providers in the stored form. Other checks
// judge the providers that they name. Like the other checks, it reports whether they end.
func (c change) setProviderARNs(p *identitypool.Pool, in *IdentityPool) (end bool) {
	oidc, end := c.storedARNs(*p, "OpenIdConnectProviderARNs", c.before.OIDCProviderARNs, in.OpenIdConnectProviderARNs)
	if end {
		return true
	}
	saml, end := c.storedARNs(*p, "SamlProviderARNs", c.before.SAMLProviderARNs, in.SamlProviderARNs)
	p.OIDCProviderARNs, p.SAMLProviderARNs = oidc, saml

	return end
}

// storedARNs refuses provider ARNs of another partition than the pool's, and returns the
// others in the stored form. have are the ARNs that the pool had.
func (c change) storedARNs(
	p identitypool.Pool, field string, have, given []string,
) (list []string, end bool) {
	for _, arn := range given {
		if err := checkPartition(p, field, arn); err != nil && !c.imported {
			if end := c.add(err); end {
				return nil, true
			}
			continue
		}

		stored := c.Providers.ToStored(arn)
		for _, old := range have {
			if identitypool.SameARN(old, arn) {
				stored = old
			}
		}
		list = append(list, stored)
	}

	return list, false
}

func (c change) setUserPools(p *identitypool.Pool, list []CognitoIdentityProvider) (end bool) {
	p.CognitoIdentityProviders = nil
	for _, one := range list {
		if end := c.add(c.addUserPool(p, one)); end {
			return true
		}
	}

	if n := len(p.CognitoIdentityProviders); n > c.Limits.UserPoolProviders {
		why := userPoolLimit.With("limit", strconv.Itoa(c.Limits.UserPoolProviders), "count", strconv.Itoa(n))
		return c.add(awsapi.Refused(limitExceeded, why.At(p.Link("CognitoIdentityProviders")),
			"The identity pool would have %d Cognito identity providers; the limit is %d.",
			n, c.Limits.UserPoolProviders))
	}

	return false
}

func (c change) addUserPool(p *identitypool.Pool, in CognitoIdentityProvider) error {
	link := p.Link("CognitoIdentityProviders")
	if in.ProviderName == nil || in.ClientId == nil {
		return awsapi.Refused(invalidParameter, userPoolMember.With().At(link), messageUserPoolProvider)
	}

	name, client, given := *in.ProviderName, *in.ClientId, ""
	if atAWS, isLocal := c.Providers.LocalName(name); isLocal {
		name, given = atAWS, name
	}
	configured := c.Providers.HasUserPool(name)
	pool, atAWS := identitypool.ParseUserPool(name)

	switch {
	case !configured && !atAWS:
		// A name of another form only works if the settings contain the address of
		// that user pool.
		return awsapi.Refused(invalidParameter, c.whyNoUserPool(*p, name).At(link), messageUserPoolProvider)
	case !configured && pool.TwoRegions() && !c.keepsUserPool(name, pool.Region):
		region, _, _ := strings.Cut(pool.ID, "_")
		right := identitypool.UserPoolName(region, pool.ID)
		return awsapi.Refused(invalidParameter, userPoolRegions.With("name", name, "right", right).At(link),
			messageUserPoolProvider)
	case !configured && !c.keepsHost(name, pool):
		right := identitypool.UserPoolName(pool.Region, pool.ID)
		why := userPoolHost.With("region", pool.Region, "name", name, "right", right).Of(name)
		return awsapi.Refused(invalidParameter, why.At(link), "%s: %s. User pools of the region %s have names like %s.",
			messageUserPoolProvider, name, pool.Region, right)
	}

	for _, have := range p.CognitoIdentityProviders {
		if have.ProviderName == name && have.ClientID == client {
			return awsapi.Refused(invalidParameter, userPoolTwice.With("name", name, "client", client).At(link),
				"The Cognito identity provider %s with client %s is listed twice.", name, client)
		}
	}

	p.CognitoIdentityProviders = append(p.CognitoIdentityProviders, identitypool.CognitoIdentityProvider{
		ProviderName:         name,
		ClientID:             client,
		ServerSideTokenCheck: in.ServerSideTokenCheck,
		Given:                given,
	})

	return nil
}

// whyNoUserPool explains that a name is not that of a user pool.
func (c change) whyNoUserPool(p identitypool.Pool, name string) *explain.Refusal {
	shown := provider.ShownName(name)
	if right, local, found := c.Providers.LocalNames(name); found {
		return userPoolLocal.With("name", shown, "right", right, "local", local)
	}
	example := identitypool.UserPoolName(p.Region, p.Region+"_ID")

	return userPoolForm.With("name", shown, "example", example)
}

// keepsUserPool reports whether a user pool with two regions in its name is accepted. An
// emulator of a region may give its pools IDs of any region.
func (c change) keepsUserPool(name, region string) bool {
	return c.Providers.HasRegion(region) || c.imported || c.before.Provider(name).Kind == identitypool.UserPoolProvider
}

// keepsHost reports whether a user pool's name is accepted although its host may belong
// to another partition than its region.
func (c change) keepsHost(name string, pool identitypool.UserPool) bool {
	return name == identitypool.UserPoolName(pool.Region, pool.ID) || c.imported ||
		c.before.Provider(name).Kind == identitypool.UserPoolProvider
}

// checkOIDCProviders refuses values that are not the ARN of an OpenID Connect provider,
// and a second ARN for an issuer. As at AWS, the provider may belong to another account or
// not be registered: then its logins are refused.
func (c change) checkOIDCProviders(p *identitypool.Pool) (end bool) {
	byIssuer := map[string]string{}
	for _, arn := range p.OIDCProviderARNs {
		if end := c.add(c.checkOIDCProvider(p, arn, byIssuer)); end {
			return true
		}
	}
	return false
}

// checkOIDCProvider checks one ARN, and adds it to those of issuers.
func (c change) checkOIDCProvider(p *identitypool.Pool, arn string, byIssuer map[string]string) error {
	link := p.Link("OpenIdConnectProviderARNs")
	shown := p.ShownName(arn)

	_, kind, issuer, ok := identitypool.ParseProviderARN(arn)
	if !ok || kind != identitypool.OIDCProvider {
		return awsapi.Refused(invalidParameter, providerARNForm.With("arn", provider.ShownName(shown)).At(link),
			"'%s' is not the ARN of an IAM %s.", shown, identitypool.OIDCProvider)
	}
	if why := provider.ARNFault(shown); why != nil && !c.keepsARNs(c.before.OIDCProviderARNs, arn) {
		const text = "'%s' is not the ARN of an IAM %s."
		return awsapi.Refused(invalidParameter, why.At(link), text, shown, identitypool.OIDCProvider).
			LogAs(fmt.Sprintf(text, provider.ShownARN(shown), identitypool.OIDCProvider))
	}

	other, twice := byIssuer[issuer]
	if twice && (other == arn || !c.keepsARNs(c.before.OIDCProviderARNs, other, arn)) {
		why := providerARNTwice.With("providers", listedTwice(p.ShownName(other), shown))
		return awsapi.Refused(invalidParameter, why.At(link), "The provider '%s' is listed twice.", shown)
	}
	byIssuer[issuer] = arn

	return nil
}

// checkSAMLProviders refuses values that are not the ARN of a SAML provider of the pool's
// account. An unregistered provider is accepted; its logins are refused.
func (c change) checkSAMLProviders(p *identitypool.Pool) (end bool) {
	link := p.Link("SamlProviderARNs")
	for i, arn := range p.SAMLProviderARNs {
		shown := p.ShownName(arn)
		owner, kind, _, ok := identitypool.ParseProviderARN(arn)
		valid := ok && kind == identitypool.SAMLProvider && owner == p.Account

		var err error
		switch {
		case !valid && !slices.Contains(c.before.SAMLProviderARNs, arn):
			why := samlProviderAccount.With("partition", identitypool.Partition(p.Region), "account", string(p.Account),
				"arn", provider.ShownName(shown))
			err = awsapi.Refused(notAuthorized, why.At(link),
				"Identity provider %s is not valid for account %s", shown, p.Account)
		case slices.Contains(p.SAMLProviderARNs[:i], arn):
			why := providerARNTwice.With("providers", listedTwice(shown, shown))
			err = awsapi.Refused(invalidParameter, why.At(link),
				"The provider '%s' is listed twice.", shown)
		}
		if end := c.add(err); end {
			return true
		}
	}

	return false
}

// listedTwice returns text that names two providers, or one that is listed twice.
func listedTwice(a, b string) string {
	if a == b {
		return a + " twice"
	}
	return a + " and " + b + ", which have the same issuer"
}

// keepsARNs reports whether the pool already has all of the ARNs, or is imported.
func (c change) keepsARNs(have []string, arns ...string) bool {
	for _, arn := range arns {
		if !slices.Contains(have, arn) {
			return c.imported
		}
	}
	return true
}

// checkLoginProviders refuses keys of SupportedLoginProviders for which no login can be
// proved.
func (c change) checkLoginProviders(p *identitypool.Pool) (end bool) {
	for _, name := range slices.Sorted(maps.Keys(p.SupportedLoginProviders)) {
		_, had := c.before.SupportedLoginProviders[name]
		if _, known := c.Providers.Table().ByKey(name); known || had || c.imported {
			continue
		}

		const text = "(%s) is not a supported login provider."
		known := strings.Join(c.Providers.Table().Keys(), ", ")
		why := loginProviderUnknown.With("names", known, "name", provider.ShownName(name))

		if end := c.add(awsapi.Refused(invalidParameter, why.At(p.Link("SupportedLoginProviders")), text, name).
			LogAs(fmt.Sprintf(text, provider.ShownName(name)))); end {
			return true
		}
	}

	return false
}

// fieldOf returns the field of a pool that has a public provider.
func (c change) fieldOf(p *identitypool.Pool, name string) string {
	isIt := func(u identitypool.CognitoIdentityProvider) bool { return u.ProviderName == name }
	switch _, wellKnown := p.SupportedLoginProviders[name]; {
	case wellKnown:
		return "SupportedLoginProviders"
	case slices.ContainsFunc(p.CognitoIdentityProviders, isIt):
		return "CognitoIdentityProviders"
	case slices.Contains(p.SAMLProviderARNs, name):
		return "SamlProviderARNs"
	}

	return "OpenIdConnectProviderARNs"
}

// setDeveloperName sets the name of the developer provider, if one is given. A name that
// other logins use would lock them out for ever, because it cannot be changed.
func (c change) setDeveloperName(p *identitypool.Pool, given *string) error {
	link := p.Link("DeveloperProviderName")
	have := c.before.DeveloperProviderName
	if given != nil {
		if have != "" && have != *given {
			return awsapi.Refused(invalidParameter, developerNameChange.With("have", have).At(link.Adding(have)),
				"The developer provider name of an identity pool cannot be changed once it is set.")
		}
		p.DeveloperProviderName = *given
	}

	name := p.DeveloperProviderName
	shared := slices.Contains(p.PublicProviderNames(), name)
	text := "The developer provider name '%s' is the name of a public login provider."

	switch {
	case name == "":
		return nil
	case name == have:
		if shared && !slices.Contains(c.before.PublicProviderNames(), name) {
			link = p.Link(c.fieldOf(p, name)) // as the developer provider's name stays
			return awsapi.Refused(invalidParameter, developerNameShared.With("name", name).At(link), text, name)
		}
	case p.IsOwnProvider(name) || !c.imported && (shared || c.takenName(name)):
		return awsapi.Refused(invalidParameter, developerNameTaken.With("name", name).At(link), text, name)
	}

	return nil
}

// ownNames matches the names of the service in AWS's partitions. They are the Logins keys
// of Cognito tokens.
var ownNames = regexp.MustCompile(`^cognito-identity(?:-us-gov|\.[a-z0-9-]+)?\.amazonaws\.(?:com|com\.cn|eu)$`)

// takenName reports whether logins other than a developer's can use a name. The names
// and aliases of providers that every pool can have are taken, and the service's names.
func (s *Service) takenName(name string) bool {
	return s.Providers.EveryAccountHas(name) || s.Providers.NameOf(name) != name || ownNames.MatchString(name)
}

// checkTags checks the rules for a pool's tags (developer guide, "Tagging").
func (s *Service) checkTags(p identitypool.Pool) error {
	if n := len(p.Tags); n > s.Limits.TagsPerPool {
		return awsapi.Refused(invalidParameter, s.tooManyTags(p),
			"The identity pool would have %d tags; the limit is %d.", n, s.Limits.TagsPerPool)
	}

	var f faults
	s.checkTagTexts(p, &f)

	return f.first()
}

// checkTagTexts checks the keys and values of a pool's tags, in the order of the keys.
func (s *Service) checkTagTexts(p identitypool.Pool, f *faults) {
	link := p.Link("IdentityPoolTags")
	for _, key := range slices.Sorted(maps.Keys(p.Tags)) {
		var err error
		switch {
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			err = awsapi.Refused(invalidParameter, poolTagReserved.With().At(link),
				"Tag keys that begin with 'aws:' are reserved.")
		case !tagPattern.MatchString(key) || !tagPattern.MatchString(p.Tags[key]):
			err = awsapi.Refused(invalidParameter, poolTagAlphabet.With().At(link),
				"Tags may hold letters, digits, white space and _.:/=+-@ only.")
		}
		if end := f.add(err); end {
			return
		}
	}
}

func (s *Service) tooManyTags(p identitypool.Pool) *explain.Refusal {
	limit, count := strconv.Itoa(s.Limits.TagsPerPool), strconv.Itoa(len(p.Tags))
	return poolTagLimit.With("limit", limit, "count", count).At(p.Link("IdentityPoolTags"))
}

// poolOutput shows a pool with the members that are set: AWS leaves out empty members,
// except tags and ServerSideTokenCheck (recorded answers of AWS).
func poolOutput(p identitypool.Pool) *IdentityPool {
	out := &IdentityPool{
		IdentityPoolId:                 new(string(p.ID)),
		IdentityPoolName:               new(p.Name),
		AllowUnauthenticatedIdentities: new(p.AllowUnauthenticated),
		AllowClassicFlow:               p.AllowClassicFlow,
		SupportedLoginProviders:        orAbsent(p.SupportedLoginProviders),
		IdentityPoolTags:               orEmpty(p.Tags),
	}

	if p.DeveloperProviderName != "" {
		out.DeveloperProviderName = new(p.DeveloperProviderName)
	}
	if len(p.OIDCProviderARNs) > 0 {
		out.OpenIdConnectProviderARNs = p.ShownNames(p.OIDCProviderARNs)
	}
	if len(p.SAMLProviderARNs) > 0 {
		out.SamlProviderARNs = p.ShownNames(p.SAMLProviderARNs)
	}

	for _, client := range p.CognitoIdentityProviders {
		out.CognitoIdentityProviders = append(out.CognitoIdentityProviders, CognitoIdentityProvider{
			ProviderName:         new(cmp.Or(client.Given, client.ProviderName)),
			ClientId:             new(client.ClientID),
			ServerSideTokenCheck: new(client.ServerSideTokenCheck != nil && *client.ServerSideTokenCheck),
		})
	}

	return out
}

// orEmpty returns m, or an empty map for nil: answers show an empty map, not a nil one.
func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func orAbsent(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}

// tagMapBytes returns the size of a map that identitypool.MaxTagMapBytes limits.
func tagMapBytes(tags map[string]string) int {
	total := 0
	for key, claim := range tags {
		total += len(key) + len(claim)
	}
	return total
}

func characters(s string) int { return utf8.RuneCountInString(s) }
