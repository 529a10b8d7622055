package login

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the signature method that X requires; HMAC does not need a collision-free hash
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// oauth1 signs requests by OAuth 1.0a (RFC 5849) with HMAC-SHA1. The libraries for
// it read the clock, make the nonce and send the request themselves.
type oauth1 struct {
	consumerKey, consumerSecret string
	token, tokenSecret          string
	version                     bool // send oauth_version, which RFC 5849 leaves to the client
}

// authorization returns the Authorization header for a GET of u (RFC 5849 section
// 3.5.1), at timestamp (seconds since 1970) and with a nonce that is used once.
func (o oauth1) authorization(u *url.URL, timestamp, nonce string) string {
	parameters := map[string]string{
		"oauth_consumer_key":     o.consumerKey,
		"oauth_token":            o.token,
		"oauth_signature_method": "HMAC-SHA1",
		"oauth_timestamp":        timestamp,
		"oauth_nonce":            nonce,
	}
	if o.version {
		parameters["oauth_version"] = "1.0"
	}

	var pairs []string
	for name, value := range parameters {
		pairs = append(pairs, escape(name)+"="+escape(value))
	}

	for name, values := range u.Query() {
		for _, value := range values {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}

	parameters["oauth_signature"] = o.sign("GET", baseURI(u), pairs)
	var header []string
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		header = append(header, escape(name)+`="`+escape(parameters[name])+`"`)
	}

	return "OAuth " + strings.Join(header, ", ")
}

// sign computes the signature (sections 3.4.1.1 and 3.4.2) of encoded name=value pairs.
func (o oauth1) sign(method, uri string, pairs []string) string {
	// By name and then by value: whole pairs would compare = with the end of a longer name.
	slices.SortFunc(pairs, func(a, b string) int {
		nameA, valueA, _ := strings.Cut(a, "=")
		nameB, valueB, _ := strings.Cut(b, "=")
		if c := strings.Compare(nameA, nameB); c != 0 {
			return c
		}
		return strings.Compare(valueA, valueB)
	})
	mac := hmac.New(sha1.New, []byte(escape(o.consumerSecret)+"&"+escape(o.tokenSecret)))
	mac.Write([]byte(method + "&" + escape(uri) + "&" + escape(strings.Join(pairs, "&"))))

	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// baseURI returns the base string URI (section 3.4.1.2): no query, no default port.
func baseURI(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}

	return strings.ToLower(u.Scheme) + "://" + host + path
}

// unreserved reports whether c is a letter, digit, dash, dot, underline or tilde.
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// escape percent-encodes all but the unreserved characters (section 3.6).
func escape(text string) string {
	const hexadecimal = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; unreserved(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexadecimal[c>>4], hexadecimal[c&15]})
		}
	}

	return b.String()
}
