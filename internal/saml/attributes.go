package saml

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Names of AWS's attributes (IAM User Guide, "Configure SAML assertions for the
// authentication response"). They are case-sensitive.
const (
	awsAttribute             = "https://aws.amazon.com/SAML/Attributes/"
	RoleAttribute            = awsAttribute + "Role"
	RoleSessionNameAttribute = awsAttribute + "RoleSessionName"
	SessionDurationAttribute = awsAttribute + "SessionDuration"
	SourceIdentityAttribute  = awsAttribute + "SourceIdentity"
	TransitiveTagsAttribute  = awsAttribute + "TransitiveTagKeys"
	PrincipalTagPrefix       = awsAttribute + "PrincipalTag:"
)

// AWSAttributes are the attributes that AWS defines.
type AWSAttributes struct {
	// Roles are the pairs of the Role attribute. NoPairs is the number of its values
	// that are not pairs. HasRoles is true if the assertion has the attribute.
	Roles    []RolePair
	HasRoles bool
	NoPairs  int

	RoleSessionName   string        // "" if not given
	SessionDuration   time.Duration // 0 if not given
	SourceIdentity    string
	PrincipalTags     map[string]string
	TransitiveTagKeys []string
}

// RolePair is a role that the identity provider offers the user, and the SAML
// provider through which it does, as ARNs.
type RolePair struct{ Role, Provider string }

const (
	minSessionDuration, maxSessionDuration = 900, 43200 // seconds
	maxRolePairs                           = 500
)

var sessionName = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{2,64}$`)

// attributes reads all attributes, then interprets AWS's.
func (j *judge) attributes(e *etree.Element) *Refused {
	j.a.Attributes = map[string][]string{}
	for _, statement := range all(e, assertionNamespace, "AttributeStatement") {
		for _, a := range all(statement, assertionNamespace, "Attribute") {
			name, _ := attribute(a, "Name")
			if name == "" || !printable(name) {
				return malformed(namelessAttribute.With())
			}
			if _, twice := j.a.Attributes[name]; twice && strings.HasPrefix(name, awsAttribute) {
				return malformed(repeatedAttribute.With().Of(show(name)))
			}

			values, refused := attributeValues(a)
			if refused != nil {
				return refused
			}
			if values == nil && strings.HasPrefix(name, awsAttribute) {
				return malformed(elementValue.With().Of(show(name)))
			}
			j.a.Attributes[name] = append(j.a.Attributes[name], values...)
		}
	}

	return j.a.readAWS()
}

// attributeValues returns the texts of an attribute; nil if a value is not text.
func attributeValues(a *etree.Element) ([]string, *Refused) {
	values := make([]string, 0, len(a.Child))
	for _, v := range a.ChildElements() {
		if !is(v, assertionNamespace, "AttributeValue") {
			return nil, malformed(attributeElement.With("element", show(v.Tag)))
		}
		value, plain := text(v)
		if !plain { // an element as value, such as a NameID
			return nil, nil
		}
		values = append(values, value)
	}

	return values, nil
}

// OfAttributes returns an assertion that has only attributes, with AWS's interpreted. It
// refuses the values that Read refuses.
func OfAttributes(attributes map[string][]string) (*Assertion, *Refused) {
	a := &Assertion{Attributes: attributes}
	if refused := a.readAWS(); refused != nil {
		return nil, refused
	}
	return a, nil
}

// readAWS interprets AWS's attributes. It refuses the values that AWS's STS refuses.
func (a *Assertion) readAWS() *Refused {
	var roles []string
	if roles, a.AWS.HasRoles = a.Attributes[RoleAttribute]; len(roles) > maxRolePairs {
		return malformed(manyRoles.With(
			"limit", strconv.Itoa(maxRolePairs),
			"count", strconv.Itoa(len(roles)),
		).Of("Role"))
	}

	for _, value := range roles {
		pair, ok := rolePair(value)
		if !ok {
			a.AWS.NoPairs++
		} else if !slices.Contains(a.AWS.Roles, pair) {
			a.AWS.Roles = append(a.AWS.Roles, pair)
		}
	}

	for _, single := range []struct {
		name string
		keep func(string) bool
		want string
	}{
		{RoleSessionNameAttribute, func(v string) bool {
			a.AWS.RoleSessionName = v
			return sessionName.MatchString(v)
		}, "2 to 64 letters, digits and _+=,.@-"},
		{SourceIdentityAttribute, func(v string) bool {
			a.AWS.SourceIdentity = v
			return sessionName.MatchString(v) && !strings.HasPrefix(strings.ToLower(v), "aws:")
		}, `2 to 64 letters, digits and _+=,.@-, not beginning with "aws:"`},
		{SessionDurationAttribute, func(v string) bool {
			seconds, err := strconv.Atoi(v)
			a.AWS.SessionDuration = time.Duration(seconds) * time.Second
			return err == nil && len(v) <= 5 && v[0] != '+' &&
				seconds >= minSessionDuration && seconds <= maxSessionDuration
		}, fmt.Sprintf("%d to %d seconds", minSessionDuration, maxSessionDuration)},
	} {
		values, present := a.Attributes[single.name]
		if present && (len(values) != 1 || !single.keep(values[0])) {
			return malformed(attributeValue.With("want", single.want).
				Of(strings.TrimPrefix(single.name, awsAttribute)))
		}
	}

	for _, name := range slices.Sorted(maps.Keys(a.Attributes)) {
		key, isTag := strings.CutPrefix(name, PrincipalTagPrefix)
		if !isTag {
			continue
		}
		if values := a.Attributes[name]; key == "" || len(values) != 1 {
			attribute := show(strings.TrimPrefix(name, awsAttribute))
			return malformed(tagValues.With("count", strconv.Itoa(len(values))).Of(attribute))
		}

		if a.AWS.PrincipalTags == nil {
			a.AWS.PrincipalTags = map[string]string{}
		}
		a.AWS.PrincipalTags[key] = a.Attributes[name][0]
	}
	a.AWS.TransitiveTagKeys = a.Attributes[TransitiveTagsAttribute]

	return nil
}

// rolePair reads one value of Role: the ARNs of a role and of a SAML provider,
// separated by a comma. Identity providers send them in either order.
func rolePair(value string) (RolePair, bool) {
	first, second, ok := strings.Cut(value, ",")
	first, second = strings.TrimSpace(first), strings.TrimSpace(second)
	if !ok || strings.Contains(second, ",") {
		return RolePair{}, false
	}
	if strings.Contains(first, ":saml-provider/") {
		first, second = second, first
	}

	return RolePair{first, second}, strings.HasPrefix(first, "arn:") && strings.Contains(first, ":role/") &&
		strings.HasPrefix(second, "arn:") && strings.Contains(second, ":saml-provider/")
}
