package policy

import (
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Finder looks up a condition key, in lower case, when a policy asks for it. It returns
//
//   - values: those that the request has;
//   - none, true: the request does not have the key;
//   - none, false: this server cannot know. A Deny that depends on the key then applies, an
//     Allow does not.
type Finder func(key string) (values []string, known bool)

// RequestContext has the facts of one request for conditions and policy variables. Each group of
// condition keys has one field. Keys that no group has are unknown: a group that nobody filled
// opens nothing. If two groups have a key, the one that find lists first counts.
type RequestContext struct {
	// Client finds aws:SourceIp, aws:SecureTransport, aws:UserAgent and aws:Referer. It is
	// Client.Find in calls of this server's APIs.
	Client Finder
	// Time is aws:CurrentTime and aws:EpochTime; the zero Time = unknown.
	Time time.Time

	// Caller has the keys of the caller: of a session, among them its tags (aws:PrincipalTag),
	// or of the token that proves an unsigned call. iam.Caller has those of signed calls.
	Caller Keys
	// RoleTags are the tags of the caller's role. They are aws:PrincipalTag, too, but a tag in Caller
	// counts before one of the same key here (IAM User Guide, "Pass session tags in AWS STS").
	RoleTags map[string]string
	// RoleTagsUnknown means that nobody knows which tags the caller's role has.
	RoleTagsUnknown bool
	// Claims describes the keys that the token of an unsigned call could have. One that is not in
	// Caller is absent if the token is known to lack its claim, and unknown otherwise.
	Claims Claims
	// CallerOnly reports whether only a caller, or the clock, can have a key, in lower case: if
	// Caller lacks it, it is known to be absent. It is iam.Caller.Knows; nil = no key.
	CallerOnly func(key string) bool

	Region          string                    // aws:RequestedRegion; "" = by Service
	ResourceAccount string                    // aws:ResourceAccount; "" = by Service
	ResourceTags    Finder                    // aws:ResourceTag, by the name of the tag; nil = by Service
	RequestTags     iter.Seq2[string, string] // aws:RequestTag, aws:TagKeys; nil = by Service
	RemovedTags     []string                  // aws:TagKeys, beside RequestTags

	// Service finds the keys of the service that is called, and knows which other keys its
	// requests never have.
	Service Finder
}

// Client is how a request came.
type Client struct {
	IP        netip.Addr // the zero Addr = unknown
	TLS       bool
	UserAgent string // "" = the request has none
	Referer   string // "" = the request has none
}

// Condition keys of the client, in lower case.
const (
	sourceIP        = "aws:sourceip"
	secureTransport = "aws:securetransport"
	userAgent       = "aws:useragent"
	referer         = "aws:referer"
)

// Find is RequestContext.Client.
func (c Client) Find(key string) (values []string, known bool) {
	switch key {
	case secureTransport:
		return []string{strconv.FormatBool(c.TLS)}, true
	case userAgent:
		return Present(c.UserAgent), true
	case referer:
		return Present(c.Referer), true
	case sourceIP:
		if c.IP.IsValid() {
			return []string{c.IP.Unmap().WithZone("").String()}, true
		}
	}

	return nil, false
}

// Claims describes the condition keys of the federated provider that vouched for the caller,
// apart from those that the caller has.
type Claims struct {
	Prefix string // in lower case, without the colon; "" = there is no provider
	// Lacks reports whether the token is known to have no claim of a name, in lower case;
	// nil = that is known of no name.
	Lacks func(name string) bool
}

// cut returns the name of the claim that a key of the provider is about.
func (c *Claims) cut(key string) (name string, ok bool) {
	if c.Prefix == "" {
		return "", false
	}
	rest, ok := strings.CutPrefix(key, c.Prefix)
	if !ok {
		return "", false
	}
	return strings.CutPrefix(rest, ":")
}

// Present returns a value as a list, empty if the value is.
func Present(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// TagValues returns the values of the condition key for the tag of that name, in lower case, as
// a Finder. Case matters in the keys of tags, but not in condition keys: if two tags have the
// same condition key, its value is unknown.
func TagValues(tags iter.Seq2[string, string], name string) (values []string, known bool) {
	for key, value := range tags {
		if FoldKey(key) == name {
			values = append(values, value)
		}
	}
	if len(values) > 1 {
		return nil, false
	}

	return values, true
}

var falseValue = []string{"false"}

// Find is a Finder of all groups.
func (c *RequestContext) Find(key string) (values []string, known bool) { return c.find(c.Caller, key) }

// find is a Finder. caller has the keys of c.Caller in lower case. The first source that has the
// key decides:
//
//  1. what this server itself sees, which no token can replace: Client and Time, if set
//  2. the caller's keys
//  3. the tags of the caller's role
//  4. keys that a caller can have and this one lacks: those of the provider that vouched for it
//     (Claims), then CallerOnly. A request cannot add a key that its caller lacks.
//  5. the request's own facts: its region, tags and resource
//  6. Service
func (c *RequestContext) find(caller Keys, key string) (values []string, known bool) {
	if values, known, ok := c.fact(key); ok {
		return values, known
	}
	if values, ok := caller[key]; ok {
		return values, true
	}
	if values, known, ok := c.roleTag(key); ok {
		return values, known
	}

	if key == "aws:viaawsservice" { // no service of AWS calls this server
		return falseValue, true
	}
	if name, ok := c.Claims.cut(key); ok {
		return nil, c.Claims.Lacks != nil && c.Claims.Lacks(name)
	}
	if c.CallerOnly != nil && c.CallerOnly(key) {
		return nil, true
	}

	if values, known, ok := c.detail(key); ok {
		return values, known
	}
	if c.Service == nil {
		return nil, false
	}

	return c.Service(key)
}

// roleTag returns the tag of the caller's role that a key of aws:PrincipalTag names; ok is false for
// other keys, and for tags that the role is known to lack.
func (c *RequestContext) roleTag(key string) (values []string, known, ok bool) {
	if len(c.RoleTags) == 0 && !c.RoleTagsUnknown {
		return nil, false, false
	}
	name, isTag := strings.CutPrefix(key, "aws:principaltag/")
	if !isTag {
		return nil, false, false
	}
	if c.RoleTagsUnknown {
		return nil, false, true
	}

	values, known = TagValues(maps.All(c.RoleTags), name)

	return values, known, len(values) > 0 || !known
}

// fact returns what the server itself sees; ok is false for other keys.
func (c *RequestContext) fact(key string) (values []string, known, ok bool) {
	switch key {
	case sourceIP, secureTransport, userAgent, referer:
		if c.Client != nil {
			values, known = c.Client(key)
			return values, known, true
		}
	case "aws:currenttime":
		if !c.Time.IsZero() {
			return []string{c.Time.UTC().Format(time.RFC3339)}, true, true
		}
	case "aws:epochtime":
		if !c.Time.IsZero() {
			return []string{strconv.FormatInt(c.Time.Unix(), 10)}, true, true
		}
	}

	return nil, false, false
}

// detail returns the request's own facts; ok is false for other keys, and for groups
// that are not filled.
func (c *RequestContext) detail(key string) (values []string, known, ok bool) {
	switch key {
	case sourceIP, secureTransport, userAgent, referer:
		return nil, false, true // Service may not know them to be absent
	case "aws:requestedregion":
		return Present(c.Region), true, c.Region != ""
	case "aws:resourceaccount":
		return Present(c.ResourceAccount), true, c.ResourceAccount != ""
	case "aws:tagkeys":
		keys := slices.Clone(c.RemovedTags)
		if c.RequestTags != nil {
			for key := range c.RequestTags {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)

		return keys, true, len(keys) > 0
	}

	if name, isTag := strings.CutPrefix(key, "aws:requesttag/"); isTag && c.RequestTags != nil {
		values, known = TagValues(c.RequestTags, name)
		return values, known, true
	}
	if name, isTag := strings.CutPrefix(key, "aws:resourcetag/"); isTag && c.ResourceTags != nil {
		values, known = c.ResourceTags(name)
		return values, known, true
	}

	return nil, false, false
}
