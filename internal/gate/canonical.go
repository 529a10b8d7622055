package gate

import (
	"strconv"
	"strings"
)

// MaskCanonical returns a canonical request in the form that a trace may show: without the
// segments of its path, and with each parameter of the query and each header as parameter
// and header return it; "" for a text that is no canonical request.
func MaskCanonical(canonical string, parameter, header func(name, value string) string) string {
	lines := strings.Split(canonical, "\n")
	const path, query, headers = 1, 2, 3
	if len(lines) <= headers {
		return ""
	}

	lines[path] = shownPath(lines[path])

	if lines[query] != "" {
		pairs := strings.Split(lines[query], "&")
		for n, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			pairs[n] = parameter(name, value)
		}
		lines[query] = strings.Join(pairs, "&")
	}

	for n := headers; n < len(lines) && lines[n] != ""; n++ {
		name, value, _ := strings.Cut(lines[n], ":")
		lines[n] = header(name, value)
	}

	return strings.Join(lines, "\n")
}

// shownPath returns the path of a canonical request with the length of each segment in place
// of the segment, which may be a secret: a link that resets a password has one. The lengths
// show whether a proxy changed a segment; %25 shows that a segment was escaped twice.
func shownPath(path string) string {
	segments := strings.Split(path, "/")
	for n, segment := range segments {
		if segment == "" {
			continue
		}

		escaped := ""
		if strings.Contains(segment, "%25") {
			escaped = ", with %25"
		}
		segments[n] = "(" + strconv.Itoa(len(segment)) + " bytes" + escaped + ")"
	}

	return strings.Join(segments, "/")
}
