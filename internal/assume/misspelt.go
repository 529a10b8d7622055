package assume

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// A trust policy is often almost right. These functions find how it differs from the
// request, for an explanation; they decide nothing.

var (
	providerARN  = regexp.MustCompile(`^arn:([a-z-]+):iam::([0-9]{12}):oidc-provider/`)
	loopbackName = regexp.MustCompile(`^(?:localhost|127\.0\.0\.1|\[::1\])(:|/|$)`)
	urlScheme    = regexp.MustCompile(`^https?://`)
)

// writtenName has the parts of an issuer, a provider's ARN or another value.
type writtenName struct {
	partition, account string // of a provider's ARN
	scheme, host       string // host is this machine's name, if the name is one
	slash              bool   // at the end
	rest               string
}

func readName(text string) writtenName {
	var n writtenName
	if m := providerARN.FindStringSubmatch(text); m != nil {
		n.partition, n.account = m[1], m[2]
		text = text[len(m[0]):]
	}

	n.scheme = urlScheme.FindString(text)
	text = text[len(n.scheme):]
	n.rest = strings.TrimSuffix(text, "/")
	n.slash = n.rest != text

	if m := loopbackName.FindStringSubmatchIndex(n.rest); m != nil {
		n.host = n.rest[:m[2]]
		n.rest = "localhost" + n.rest[m[2]:]
	}

	return n
}

// Difference describes how written differs from right, if they are two spellings of one
// name; "" if they are equal, or different names.
func Difference(written, right string) string {
	a, b := readName(written), readName(right)
	if written == right || a.rest == "" || !strings.EqualFold(a.rest, b.rest) {
		return ""
	}

	var causes []string
	if a.rest != b.rest {
		causes = append(causes, "letter case counts")
	}
	if a.host != b.host {
		causes = append(causes, a.host+" and "+b.host+" are two names")
	}
	if a.scheme != b.scheme {
		causes = append(causes, "http:// or https:// differs")
	}
	if a.slash != b.slash {
		causes = append(causes, "the slash at the end counts")
	}

	switch {
	case a.account == "" != (b.account == ""):
		causes = append(causes, "a provider is named by its ARN")
	case a.account != b.account:
		causes = append(causes, "it is of account "+a.account+", not "+b.account)
	case a.partition != b.partition:
		causes = append(causes, "it is of partition "+a.partition+", not "+b.partition)
	}

	return strings.Join(causes, "; ")
}

// misspelt finds the principal of a statement that was meant to be p, and how it differs.
func misspelt(s *policy.Statement, p policy.Principal) (written, cause string) {
	for _, written := range s.PrincipalNames() {
		for _, right := range append(slices.Clone(p.AWS), p.Federated) {
			if cause := Difference(written, right); cause != "" {
				return written, cause
			}
		}
	}

	return "", ""
}

// valueCause describes how the values of a string condition differ from the request's, if
// they were meant to be equal. It skips hidden values: beside the policy's value, a small
// difference would reveal them.
func valueCause(m policy.Mismatch, who Asker) string {
	hidden := hides(policy.ClassicKey(strings.ToLower(m.Key)), who.Guest)
	if hidden || !strings.Contains(m.Operator, "String") && !strings.Contains(m.Operator, "Arn") {
		return ""
	}

	for _, written := range m.Wanted {
		for _, right := range m.Got {
			if cause := Difference(written, right); cause != "" {
				return cause
			}
		}
	}

	return ""
}

// providerKeys returns the condition keys of the request's provider, in lower case. In some
// regions those of a pool have two names; the region's comes first.
func providerKeys(request policy.Request, who Asker) []string {
	var keys []string
	if who.Pool != "" {
		region := identitypool.RegionOf(string(who.Pool))
		classic := []string{policy.CognitoAMR, policy.CognitoAudience, policy.CognitoSubject}
		for _, key := range classic {
			keys = append(keys, policy.CognitoKey(key, region))
		}
		if keys[0] != classic[0] {
			keys = append(keys, classic...)
		}
	}

	for _, key := range slices.Sorted(maps.Keys(request.Context.Caller)) {
		prefix, _, _ := strings.Cut(key, ":")
		if !slices.Contains([]string{"aws", "sts", "iam"}, prefix) && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}

	return keys
}

// rightKey returns the key that a condition key of the trust policy, in lower case, was
// meant to be, and how it differs; "" if the request has the key, or none like it.
func rightKey(key string, request policy.Request, who Asker) (right, cause string) {
	at := strings.LastIndexByte(key, ':')
	prefix, claim := key[:max(at, 0)], key[at+1:]
	if service, _, _ := strings.Cut(prefix, ":"); slices.Contains([]string{"", "aws", "sts", "iam"}, service) {
		return "", ""
	}

	for _, have := range providerKeys(request, who) {
		at := strings.LastIndexByte(have, ':')
		own, name := have[:max(at, 0)], have[at+1:]
		switch spelling := Difference(prefix, own); {
		case own == prefix:
			return "", ""
		case spelling != "":
			return own + ":" + claim, spelling
		case name == claim && right == "":
			right, cause = have, "condition keys begin with the name of the provider whose token it is"
		}
	}

	return right, cause
}

// maxNamedKeys bounds how many condition keys an explanation names.
const maxNamedKeys = 10

// keysOf names the request's condition keys of its provider.
func keysOf(request policy.Request) string {
	keys := providerKeys(request, Asker{})
	switch {
	case len(keys) == 0:
		return "none of a provider"
	case len(keys) > maxNamedKeys:
		return strings.Join(keys[:maxNamedKeys], ", ") + " and more"
	}
	return strings.Join(keys, ", ")
}
