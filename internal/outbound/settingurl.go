package outbound

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// CheckBaseURL refuses an address in the settings to which a path could not be added: it must
// be an https URL without a query, or an http URL if the settings allow that.
func CheckBaseURL(text string, allowHTTP bool) error {
	if u, err := url.Parse(text); err == nil && (u.RawQuery != "" || u.ForceQuery) {
		return fmt.Errorf("%s is no plain URL: give scheme, host and path only", quoted(text))
	}
	return CheckDocumentURL(text, allowHTTP)
}

// CheckDocumentURL is CheckBaseURL for the address of a document, which may have a query.
func CheckDocumentURL(text string, allowHTTP bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "":
		return fmt.Errorf("%s is no plain URL: give scheme, host and path only", quoted(text))
	case u.Scheme == "https" || u.Scheme == "http" && allowHTTP:
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("%s is not https: use https, or set allow_http for this provider if it is a development one",
			quoted(text))
	default:
		return fmt.Errorf("%s is not https: use https", quoted(text))
	}
}

// quoted returns an address as faults may show it, in quotes.
func quoted(text string) string { return strconv.Quote(explain.ShownAddress(text)) }
