package cognitoidentity

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// PinnedIDTag is the tag whose value becomes a new pool's ID in development.
const PinnedIDTag = "_custom_id_"

var (
	tagPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// configure puts in's members on the pool: all of them but the ID, as a full
// replacement. It holds the rules that the model cannot say.
func (s *Service) configure(p *identitypool.Pool, in *IdentityPool) error {
	p.Name = *in.IdentityPoolName
	p.AllowUnauthenticated = *in.AllowUnauthenticatedIdentities
	p.AllowClassicFlow = in.AllowClassicFlow
	p.SupportedLoginProviders = maps.Clone(in.SupportedLoginProviders)
	oidc, err := s.providerARNs(p, p.OIDCProviderARNs, in.OpenIdConnectProviderARNs)
	if err != nil {
		return err
	}
	samlARNs, err := s.providerARNs(p, p.SAMLProviderARNs, in.SamlProviderARNs)
	if err != nil {
		return err
	}
	p.OIDCProviderARNs, p.SAMLProviderARNs = oidc, samlARNs
	userPools := p.CognitoIdentityProviders
	p.CognitoIdentityProviders = nil
	for _, cip := range in.CognitoIdentityProviders {
		if err := s.addUserPool(p, userPools, cip); err != nil {
			return err
		}
	}
	if n := len(p.CognitoIdentityProviders); n > s.Limits.UserPoolProviders {
		return awsapi.Errorf(limitExceeded, "The identity pool would have %d Cognito identity providers; the limit is %d.", n, s.Limits.UserPoolProviders)
	}
	if err := checkProviderARNs(p.OIDCProviderARNs, identitypool.OIDCProvider, p.Account); err != nil {
		return err
	}
	if err := checkProviderARNs(p.SAMLProviderARNs, identitypool.SAMLProvider, p.Account); err != nil {
		return err
	}
	if in.DeveloperProviderName != nil {
		if p.DeveloperProviderName != "" && p.DeveloperProviderName != *in.DeveloperProviderName {
			return invalid("The developer provider name of an identity pool cannot be changed once it is set.")
		}
		p.DeveloperProviderName = *in.DeveloperProviderName
	}
	if name := p.DeveloperProviderName; identitypool.IsServiceName(name) || slices.Contains(p.PublicProviderNames(), name) {
		return invalid("The developer provider name '%s' is the name of a public login provider.", name)
	}
	if in.IdentityPoolTags != nil {
		p.Tags = maps.Clone(in.IdentityPoolTags)
	}
	if len(p.Tags) > s.Limits.TagsPerPool {
		return awsapi.Errorf(limitExceeded, "The identity pool would have %d tags; the limit is %d.", len(p.Tags), s.Limits.TagsPerPool)
	}
	return s.checkTags(p.Tags)
}

// addUserPool adds a client of a user pool; have are those that the pool had.
func (s *Service) addUserPool(
	p *identitypool.Pool, have []identitypool.CognitoIdentityProvider, in CognitoIdentityProvider,
) error {
	if in.ProviderName == nil || in.ClientId == nil {
		return awsapi.Errorf(invalidParameter, messageUserPoolProvider)
	}
	// A name of another form is only worth anything when the settings say where
	// that user pool is found.
	_, configured := s.UserPools[*in.ProviderName]
	pool, atAWS := identitypool.ParseUserPool(*in.ProviderName)
	if !configured && !atAWS {
		return awsapi.Errorf(invalidParameter, messageUserPoolProvider)
	}
	right := identitypool.UserPoolName(pool.Region, pool.ID)
	known := slices.ContainsFunc(have, func(c identitypool.CognitoIdentityProvider) bool {
		return c.ProviderName == *in.ProviderName
	})
	if !configured && !known && right != *in.ProviderName {
		return wrongUserPool(*in.ProviderName, pool.Region, right)
	}
	for _, have := range p.CognitoIdentityProviders {
		if have.ProviderName == *in.ProviderName && have.ClientID == *in.ClientId {
			return invalid("The Cognito identity provider %s with client %s is listed twice.", *in.ProviderName, *in.ClientId)
		}
	}
	p.CognitoIdentityProviders = append(p.CognitoIdentityProviders, identitypool.CognitoIdentityProvider{
		ProviderName: *in.ProviderName, ClientID: *in.ClientId, ServerSideTokenCheck: in.ServerSideTokenCheck})
	return nil
}

// checkProviderARNs refuses ARNs that are not an IAM provider of the account.
// Whether the provider is registered shows when it is used.
func checkProviderARNs(arns []string, kind string, account identitypool.AccountID) error {
	for i, arn := range arns {
		owner, got, _, ok := identitypool.ParseProviderARN(arn)
		switch {
		case !ok || got != kind:
			return invalid("'%s' is not the ARN of an IAM %s.", arn, kind)
		case owner != account:
			return invalid("The provider '%s' does not belong to the identity pool's account.", arn)
		case slices.Contains(arns[:i], arn):
			return invalid("The provider '%s' is listed twice.", arn)
		}
	}
	return nil
}

// checkTags holds the rules for a pool's tags (developer guide, "Tagging").
func (s *Service) checkTags(tags map[string]string) error {
	if len(tags) > s.Limits.TagsPerPool {
		return invalid("The identity pool would have %d tags; the limit is %d.", len(tags), s.Limits.TagsPerPool)
	}
	for key, value := range tags {
		switch {
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalid("Tag keys that begin with 'aws:' are reserved.")
		case !tagPattern.MatchString(key) || !tagPattern.MatchString(value):
			return invalid("Tags may hold letters, digits, white space and _.:/=+-@ only.")
		}
	}
	return nil
}

// poolOutput shows a pool with the members that are set; absent is how AWS
// writes empty.
func poolOutput(p identitypool.Pool) *IdentityPool {
	out := &IdentityPool{
		IdentityPoolId:                 new(string(p.ID)),
		IdentityPoolName:               new(p.Name),
		AllowUnauthenticatedIdentities: new(p.AllowUnauthenticated),
		AllowClassicFlow:               p.AllowClassicFlow,
		SupportedLoginProviders:        orAbsent(p.SupportedLoginProviders),
		IdentityPoolTags:               orAbsent(p.Tags),
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
	for _, cip := range p.CognitoIdentityProviders {
		out.CognitoIdentityProviders = append(out.CognitoIdentityProviders, CognitoIdentityProvider{
			ProviderName: new(cip.ProviderName), ClientId: new(cip.ClientID), ServerSideTokenCheck: cip.ServerSideTokenCheck})
	}
	return out
}

func orAbsent(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}

// tagMapBytes is the size that the attribute-map limit counts.
func tagMapBytes(tags map[string]string) int {
	total := 0
	for key, claim := range tags {
		total += len(key) + len(claim)
	}
	return total
}

func characters(s string) int { return utf8.RuneCountInString(s) }
