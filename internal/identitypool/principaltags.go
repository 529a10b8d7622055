package identitypool

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Limits of session tags (STS API reference, "Tag").
const (
	maxTagKey   = 128 // characters
	maxTagValue = 256 // characters
	maxTags     = 50
	// MaxTagMapBytes bounds the tag keys and claim names of one map together
	// (developer guide, "Using attributes for access control").
	MaxTagMapBytes = 460
)

var tagAlphabet = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// tagError is the error for a claim that cannot become a principal tag.
type tagError struct{ Tag, Reason string }

func (e *tagError) Error() string { return fmt.Sprintf("principal tag %q: %s", e.Tag, e.Reason) }

// validTag checks one session tag against the limits and alphabet of STS.
func validTag(key, value string) error {
	switch {
	case key == "" || utf8.RuneCountInString(key) > maxTagKey:
		return &tagError{Tag: key, Reason: fmt.Sprintf("the key must have 1 to %d characters", maxTagKey)}
	case utf8.RuneCountInString(value) > maxTagValue:
		return &tagError{Tag: key, Reason: fmt.Sprintf("the value has more than %d characters", maxTagValue)}
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return &tagError{Tag: key, Reason: `keys that begin with "aws:" are reserved`}
	case !tagAlphabet.MatchString(key) || !tagAlphabet.MatchString(value):
		return &tagError{Tag: key, Reason: "only letters, digits, spaces and _.:/=+-@ are allowed"}
	}

	return nil
}

// ValidTags checks a session's tags: each of them, their number, and that no two keys
// differ only in letter case, since IAM does not distinguish those.
func ValidTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return fmt.Errorf("there are %d tags; the limit is %d", len(tags), maxTags)
	}

	seen := make(map[string]string, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if err := validTag(key, tags[key]); err != nil {
			return err
		}

		folded := strings.ToLower(key)
		if other, twice := seen[folded]; twice {
			return &tagError{Tag: key, Reason: "it differs from the key " + other + " by letter case only"}
		}
		seen[folded] = key
	}

	return nil
}

// SessionTags turns the claims of proven logins into principal tags by the pool's
// maps (defaults: client from the audience, username from the subject). It leaves out
// a tag whose claim is missing or not a single value. It returns an error for a value
// that STS would refuse, and for a tag with different values of two logins: nobody
// can know which of them an access policy meant.
func (p Pool) SessionTags(logins []VerifiedLogin, trace *explain.Trace) (map[string]string, error) {
	if len(p.PrincipalTags) == 0 {
		return nil, nil
	}

	tags := map[string]string{}
	for _, l := range logins {
		m, ok := p.tagMapOf(l)
		if !ok {
			continue
		}

		values := m.valuesOf(l)
		for _, key := range slices.Sorted(maps.Keys(values)) {
			value := values[key]
			if value == "" {
				continue
			}
			if have, ok := tags[key]; ok && have != value {
				trace.Refuse(principalTagTwice.With().Of(key).At(p.ID.Link("PrincipalTags")))
				return nil, &tagError{Tag: key, Reason: "two logins give it different values"}
			}
			if err := validTag(key, value); err != nil {
				trace.Refuse(principalTagValue.With("problem", err.Error()).Of(key).At(p.ID.Link("PrincipalTags")))
				return nil, err
			}
			tags[key] = value
		}
	}
	if len(tags) == 0 {
		return nil, nil
	}
	if err := ValidTags(tags); err != nil { // two providers' maps may differ by letter case
		trace.Refuse(principalTagsTogether.With("problem", err.Error()).At(p.ID.Link("PrincipalTags")))
		return nil, err
	}

	return tags, nil
}

// valuesOf returns the tags of a login of the map's provider. A claim that is not a
// single value makes no tag.
func (m PrincipalTagMap) valuesOf(l VerifiedLogin) map[string]string {
	if m.UseDefaults {
		return map[string]string{"client": appKey(l.Audience), "username": l.Subject}
	}

	values := map[string]string{}
	for key, claim := range m.Tags {
		if text, ok := scalarText(l.Claims[claim]); ok {
			values[key] = text
		}
	}

	return values
}

// tagMapOf finds the attribute map of a login's provider: by its name, or by its ARN
// for OpenID Connect and SAML providers.
func (p Pool) tagMapOf(l VerifiedLogin) (PrincipalTagMap, bool) {
	if m, ok := p.PrincipalTags[l.Provider]; ok {
		return m, true
	}
	if strings.HasPrefix(l.MappingKey, "arn:") {
		if m, ok := p.PrincipalTags[l.MappingKey]; ok {
			return m, true
		}

		for key, m := range p.PrincipalTags {
			if SameARN(key, l.MappingKey) {
				return m, true
			}
		}
	}

	return PrincipalTagMap{}, false
}

// TagsLogins reports whether a login of the pool can find an attribute map under name:
// the name of a public provider, or the ARN of an OpenID Connect provider. A user
// pool's name has no client ID here, unlike in role mappings. A developer's login has
// no claims: its tags come with GetOpenIdTokenForDeveloperIdentity.
func (p Pool) TagsLogins(name string) bool {
	switch p.Provider(name).Kind {
	case UnknownProvider:
		return p.trustsIssuerOf(name)
	case DeveloperProviderKind:
		return false
	default:
		return true
	}
}
