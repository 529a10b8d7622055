package apply

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What the server would refuse in the middle is refused before anything is changed: a role must not
// stay behind with half of its policies.

// textRule bounds a text, as the models of AWS's APIs do.
type textRule struct {
	longest int // characters
	pattern *regexp.Regexp
}

func ruleOf(longest int, pattern string) textRule {
	return textRule{longest: longest, pattern: regexp.MustCompile(`^(?:` + pattern + `)$`)}
}

var (
	roleNameRule   = ruleOf(64, `[\w+=,.@-]+`)
	policyNameRule = ruleOf(128, `[\w+=,.@-]+`)
	rolePathRule   = ruleOf(512, `/(?:[!-~]+/)?`)
	policyPathRule = ruleOf(512, `(?:/[A-Za-z0-9.,+@=_-]+)*/`)
	roleTextRule   = ruleOf(1000, `[\t\n\r -~\x{a1}-\x{ff}]*`)
	anyTextRule    = ruleOf(1000, `(?s:.*)`)
	policyARNRule  = ruleOf(2048, `arn:[a-z-]+:iam::(?:\d{12}|aws):policy/[!-~]+`)
	tagKeyRule     = ruleOf(128, `[\p{L}\p{Z}\p{N}_.:/=+@-]+`)
	tagValueRule   = ruleOf(256, `[\p{L}\p{Z}\p{N}_.:/=+@-]*`)
	samlNameRule   = ruleOf(128, `[\w.-]+`)
	poolNameRule   = ruleOf(128, `[\w\s+=,.@-]+`)
	urlRule        = ruleOf(255, `https?://[!-~]+`)
	clientRule     = ruleOf(255, `(?s:.+)`)
	thumbprintRule = ruleOf(40, `[0-9A-Fa-f]{40}`)
)

// Bounds of numbers and lists (IAM User Guide, "IAM and AWS STS quotas").
const (
	leastSession   = 3600 // seconds
	longestSession = 43200
	mostTags       = 49    // and the command's own
	mostAttached   = 10    // managed policies
	longestTrust   = 2048  // characters without white space, like the next two
	longestInline  = 10240 // all of a role together
	longestManaged = 6144
)

// bounds collects the first thing that is out of bounds.
type bounds struct{ fault error }

func (b *bounds) add(format string, args ...any) {
	if b.fault == nil {
		b.fault = fmt.Errorf(format, args...)
	}
}

// text checks a text; "" is one that is not there.
func (b *bounds) text(what, text string, rule textRule) {
	text = notKnownYet.ReplaceAllString(text, "x")
	switch n := utf8.RuneCountInString(text); {
	case text == "":
	case n > rule.longest:
		b.add("%s has %d characters; the limit is %d", what, n, rule.longest)
	case !rule.pattern.MatchString(text):
		// The value may be a secret, or long.
		b.add("%s does not have the form %s", what, strings.Trim(rule.pattern.String(), "^$"))
	}
}

func (b *bounds) texts(what string, list []string, rule textRule) {
	for i, one := range list {
		b.text(fmt.Sprintf("%s[%d]", what, i), one, rule)
	}
}

func (b *bounds) count(what string, n, most int) {
	if n > most {
		b.add("%s has %d elements; the limit is %d", what, n, most)
	}
}

func (b *bounds) tags(all tags) {
	b.count("Tags", len(all), mostTags)

	for key, value := range sorted(all) {
		b.text("the key of a tag", key, tagKeyRule)
		b.text("the value of the tag "+key, value, tagValueRule)
	}
}

// size checks how long documents are together.
func (b *bounds) size(what string, most int, documents ...document) {
	n := 0
	for _, d := range documents {
		known := notKnownYet.ReplaceAllString(string(d), "")
		n += utf8.RuneCountInString(strings.NewReplacer(" ", "", "\t", "", "\n", "", "\r", "").Replace(known))
	}
	if n > most {
		b.add("%s: %d characters without white space; the limit is %d", what, n, most)
	}
}

func (r *role) bounded() error {
	b := &bounds{}
	b.text("RoleName", r.RoleName, roleNameRule)
	b.text("Path", r.Path, rolePathRule)
	b.text("Description", r.Description, roleTextRule)
	b.text("PermissionsBoundary", r.PermissionsBoundary, policyARNRule)
	b.texts("ManagedPolicyArns", r.ManagedPolicyArns, policyARNRule)
	b.count("ManagedPolicyArns", len(r.ManagedPolicyArns), mostAttached)
	b.tags(r.Tags)
	if n, err := strconv.Atoi(string(r.MaxSessionDuration)); err != nil || n < leastSession || n > longestSession {
		b.add("MaxSessionDuration is %s; it must be %d to %d", r.MaxSessionDuration, leastSession, longestSession)
	}

	b.size("AssumeRolePolicyDocument", longestTrust, r.AssumeRolePolicyDocument)

	var inline []document
	for _, policy := range r.Policies {
		b.text("PolicyName", policy.PolicyName, policyNameRule)
		inline = append(inline, policy.PolicyDocument)
	}
	b.size("Policies", longestInline, inline...)

	return b.fault
}

func (p *managedPolicy) bounded() error {
	b := &bounds{}
	b.text("ManagedPolicyName", p.ManagedPolicyName, policyNameRule)
	b.text("Path", p.Path, policyPathRule)
	b.text("Description", p.Description, anyTextRule)
	b.size("PolicyDocument", longestManaged, p.PolicyDocument)
	b.tags(p.Tags)

	return b.fault
}

func (p *samlProvider) bounded() error {
	b := &bounds{}
	b.text("Name", p.Name, samlNameRule)
	b.tags(p.Tags)

	return b.fault
}

func (p *oidcProvider) bounded() error {
	b := &bounds{}
	b.text("Url", p.Url, urlRule)
	b.texts("ClientIdList", p.ClientIdList, clientRule)
	b.texts("ThumbprintList", p.ThumbprintList, thumbprintRule)
	b.tags(p.Tags)

	return b.fault
}

func (p *pool) bounded() error {
	b := &bounds{}
	b.text("IdentityPoolName", p.IdentityPoolName, poolNameRule)

	return b.fault
}
