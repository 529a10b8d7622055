package explain

import (
	"net/url"
	"strings"
)

// Masks for a user with password, and for a query or fragment.
const (
	maskedUser  = "xxxxx"
	maskedQuery = "********"
)

// ShownAddress returns a URL as messages, logs and lists of settings may show it: without
// user, password, query and fragment. If text is not the URL of a host, it hides
// everything that could be one of them.
func ShownAddress(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return shownAddressText(text)
	}

	if u.User != nil {
		u.User = url.User(maskedUser)
	}
	if u.RawQuery != "" {
		u.RawQuery = maskedQuery
	}
	if u.Fragment != "" {
		u.Fragment, u.RawFragment = maskedQuery, ""
	}

	return u.String()
}

// shownAddressText hides the text before the last @, because a password may contain @
// too, and the text after a question mark or a hash.
func shownAddressText(text string) string {
	scheme, rest, found := strings.Cut(text, "://")
	if found {
		scheme += "://"
	} else {
		scheme, rest = "", text
	}

	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = maskedUser + rest[at:]
	}
	if end := strings.IndexAny(rest, "?#"); end >= 0 && end+1 < len(rest) {
		rest = rest[:end+1] + maskedQuery
	}

	return scheme + rest
}
