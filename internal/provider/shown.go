package provider

import (
	"fmt"
	"regexp"
	"strings"
)

// providerName is the form of provider names: host[:port][/path], or an ARN.
var providerName = regexp.MustCompile(
	`^(?:https?://)?(?:localhost|[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+)(?::\d{1,5})?(?:/[\w./~-]*)?$|` +
		`^arn:aws[a-z-]*:iam::\d{12}:(?:oidc|saml)-provider/[\w./:+=,@~-]+$`)

// ShownName returns the text that traces and logs may show for a Logins key that the pool
// does not know: a client that swaps key and value sends its token as the key. Keys of role
// mappings have a client ID after the name of a user pool.
func ShownName(key string) string {
	if providerName.MatchString(key) {
		return key
	}

	n := max(0, strings.LastIndexByte(key, ':'))
	if strings.Contains(key[:n], "/") && providerName.MatchString(key[:n]) {
		return fmt.Sprintf("%s:(a client ID of %d bytes)", key[:n], len(key)-n-1)
	}

	return shownBytes(key)
}

func shownBytes(key string) string { return fmt.Sprintf("(a name of %d bytes)", len(key)) }

// ShownARN returns the text that messages may show for the ARN of a provider. A user in the
// ARN may have a password.
func ShownARN(arn string) string {
	if strings.Contains(arn, "@") {
		return shownBytes(arn)
	}

	return ShownName(arn)
}

// maxIssuerShown is the length limit of an issuer in a text.
const maxIssuerShown = 128

// shownIssuer returns the text that traces may show for the issuer of an unproved token.
func shownIssuer(issuer string) string {
	if len(issuer) <= maxIssuerShown && providerName.MatchString(issuer) {
		return issuer
	}
	if issuer == "" {
		return "(no text, or too long a one)"
	}

	return fmt.Sprintf("(an issuer of %d bytes)", len(issuer))
}
