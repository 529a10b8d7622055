package forwardauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
)

// Headers with which some services let a client replace parts of the request line:
// the method, for clients that have GET and POST only, and the URI, for rewriting
// proxies. The replaced request would not be the one that was authorised.
var (
	methodHeaders = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}
	uriHeaders    = []string{"X-Original-Url", "X-Rewrite-Url"}
)

// methodParameters has the folded names of parameters, of a query or a form, that do the
// same: in Rails, Laravel, Symfony, Slim and WordPress, and in gateways that take the
// header from the query.
var methodParameters = []string{"_method", "x_http_method_override", "x_http_method", "x_method_override"}

// overridingHeader reports whether a header, by its folded name, gives another
// method or URI than the request itself.
func overridingHeader(folded string, values []string, asked original) bool {
	otherMethod := func(value string) bool { return value != asked.method }
	otherURI := func(value string) bool { // ingress-nginx sends the whole URL
		return value != asked.uri && !strings.HasSuffix(value, "://"+asked.host+asked.uri)
	}

	return slices.Contains(methodHeaders, folded) && slices.ContainsFunc(values, otherMethod) ||
		slices.Contains(uriHeaders, folded) && slices.ContainsFunc(values, otherURI)
}

// overriddenByBody returns the name of a member of a form or JSON object that gives
// another method, as some frameworks allow; "" if there is none. A form that cannot be
// read counts as one that does, because another server may be able to read it.
func overriddenByBody(h http.Header, body []byte, method string) string {
	if len(body) == 0 {
		return ""
	}

	types := h["Content-Type"]
	if len(types) == 0 {
		types = []string{""}
	}

	for _, contentType := range types {
		var name string
		switch lower := strings.ToLower(contentType); {
		case strings.Contains(lower, "multipart/form-data"):
			name = overridingPart(contentType, body)
		case strings.Contains(lower, "json"):
			name = overridingMember(body, method)
		case lower == "", strings.Contains(lower, "form-urlencoded"):
			name = overridingPair(string(body), method)
		}
		if name != "" {
			return "body's " + name
		}
	}

	return ""
}

// overridingPair returns the name of a pair, of a query or a form, that gives another method.
func overridingPair(pairs, method string) string {
	for name, value := range parameters(pairs) {
		if folded := foldParameter(name); slices.Contains(methodParameters, folded) && value != method {
			return folded
		}
	}
	return ""
}

// overridingPart is like overridingPair, for a multipart form and with any value.
func overridingPart(contentType string, body []byte) string {
	const unreadable = "form, which cannot be read,"
	_, attributes, err := mime.ParseMediaType(contentType)
	if err != nil {
		return unreadable
	}

	form := multipart.NewReader(bytes.NewReader(body), attributes["boundary"])
	for parts := 0; ; parts++ {
		part, err := form.NextRawPart()
		switch {
		case errors.Is(err, io.EOF) && parts > 0:
			return ""
		case err != nil:
			return unreadable
		}

		switch folded := foldParameter(part.FormName()); {
		case folded == "":
			return unreadable
		case slices.Contains(methodParameters, folded):
			return folded
		}
	}
}

// overridingMember is like overridingPair, for a JSON object, which Laravel reads like a form.
func overridingMember(body []byte, method string) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return "" // no object, or none that a service could read
	}

	for name, raw := range members {
		var value string
		if folded := foldParameter(name); slices.Contains(methodParameters, folded) &&
			(json.Unmarshal(raw, &value) != nil || value != method) {
			return folded
		}
	}

	return ""
}
