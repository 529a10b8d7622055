package gate

import (
	"strconv"
	"strings"
)

// MaskCanonical returns a canonical request as a trace may show it: without the segments
// of its path, and with each parameter of the query and each header as the functions write
// them; "" for a text that is none.
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

// shownPath is the path of a canonical request without its segments, which may be secrets
// of the application: a link that resets a password has one. It tells how many there are
// and how long each is, so that one that a proxy changed is found; %25 shows that a segment
// was escaped twice.
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
