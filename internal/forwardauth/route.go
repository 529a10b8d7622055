package forwardauth

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Route maps requests to the permission that they need.
type Route struct {
	// Match is METHOD /path, or only a path for every method. A segment {name} matches
	// any one segment, {name...} at the end all that follow. GET matches HEAD too.
	// ?name&name at the end matches only requests with these query parameters.
	Match string `yaml:"match"`
	// Action is the action that the session's role must allow, such as s3:GetObject, on
	// Resource: an ARN in which {name} is replaced by the segment that it matched, or "*".
	Action   string `yaml:"action"`
	Resource string `yaml:"resource"`
	// ForwardTo is the URL of the service to which the Forwarder sends such requests:
	// scheme, host and port; "" = not forwarded.
	ForwardTo string `yaml:"forward_to"`
}

// route is a parsed Route.
type route struct {
	method   string // "" = any
	segments []segment
	query    []string // names of parameters
	action   string
	resource []part
	match    string   // as in the settings
	service  *url.URL // of ForwardTo; nil = none
}

type segment struct {
	text     string // literal, or the name of a variable
	variable bool
	rest     bool
}

// part is a part of a resource: text or a variable.
type part struct {
	text     string
	variable bool
}

func parseRoute(r Route) (route, error) {
	out := route{match: r.Match, action: r.Action}
	path := r.Match
	if method, rest, ok := strings.Cut(r.Match, " "); ok {
		out.method, path = method, strings.TrimLeft(rest, " ")
		if !isMethod(method) {
			return route{}, fmt.Errorf("match %q: %q is not an HTTP method", r.Match, method)
		}
	}
	if !strings.HasPrefix(path, "/") {
		return route{}, fmt.Errorf("match %q: write it like GET /files/{path...}", r.Match)
	}

	var err error
	path, query, selects := strings.Cut(path, "?")
	if selects {
		if out.query, err = parseQuery(query); err != nil {
			return route{}, fmt.Errorf("match %q: %w", r.Match, err)
		}
	}
	var names []string
	if out.segments, names, err = parseSegments(path); err != nil {
		return route{}, fmt.Errorf("match %q: %w", r.Match, err)
	}

	service, action, ok := strings.Cut(r.Action, ":")
	if !ok || !isIdentifier(strings.ReplaceAll(service, "-", "")) || !isIdentifier(action) {
		return route{}, fmt.Errorf("match %q: action %q: write it like s3:GetObject", r.Match, r.Action)
	}
	if r.Resource != "*" && (!strings.HasPrefix(r.Resource, "arn:") || strings.Count(r.Resource, ":") < 5) {
		return route{}, fmt.Errorf("match %q: resource %q: write an ARN, like arn:aws:s3:::files/{path}, or *",
			r.Match, r.Resource)
	}
	if out.resource, err = parseResource(r.Resource, names); err != nil {
		return route{}, fmt.Errorf("match %q: resource %q: %w", r.Match, r.Resource, err)
	}
	if out.service, err = parseService(r.ForwardTo); err != nil {
		return route{}, fmt.Errorf("match %q: forward_to: %w", r.Match, err)
	}

	return out, nil
}

// parseQuery reads the names of the parameters that select a route.
func parseQuery(query string) ([]string, error) {
	list := strings.Split(query, "&")
	for n, name := range list {
		switch folded := foldParameter(name); {
		case !isIdentifier(strings.ReplaceAll(name, "-", "_")) || slices.Contains(list[:n], name):
			return nil, fmt.Errorf("%q: write the query as names of parameters, like ?acl or ?acl&versionId", query)
		case strings.HasPrefix(folded, "x_amz_") || strings.HasPrefix(folded, "x_goog_"):
			return nil, fmt.Errorf("%q is a header, which selects no action", name)
		}
	}

	return list, nil
}

// parseSegments reads a path, and returns the names of its variables.
func parseSegments(path string) (segments []segment, names []string, err error) {
	list := strings.Split(path[1:], "/")
	for n, text := range list {
		s := segment{text: text}
		if strings.ContainsAny(text, "{}") {
			name, ok := strings.CutPrefix(text, "{")

			name, closed := strings.CutSuffix(name, "}")
			name, s.rest = strings.CutSuffix(name, "...")
			s.text, s.variable = name, true
			switch {
			case !ok || !closed || !isIdentifier(name):
				return nil, nil, fmt.Errorf("%q is neither a whole {name} nor text", text)
			case s.rest && n != len(list)-1:
				return nil, nil, fmt.Errorf("{%s...} must be at the end", name)
			case slices.Contains(names, name):
				return nil, nil, fmt.Errorf("{%s} is there twice", name)
			}
			names = append(names, name)
		} else if text == "" && n != len(list)-1 || text == "." || text == ".." || strings.ContainsAny(text, "%?#\\") {
			return nil, nil, fmt.Errorf("%q cannot be a segment; write segments unescaped", text)
		}
		segments = append(segments, s)
	}

	return segments, names, nil
}

// parseService reads the URL of a service; nil for "". The errors do not quote it, because
// it may contain a password.
func parseService(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}

	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("it is no URL; write it like http://files:8081")
	case u.User != nil:
		return nil, errors.New("it has a user or a password, which no service gets; leave them out")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, errors.New("write it like http://files:8081 or https://files.internal")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("it has a path, a query or a fragment, but requests keep the path that was signed; " +
			"leave them out")
	}

	return u, nil
}

func parseResource(text string, names []string) ([]part, error) {
	var parts []part
	for text != "" {
		before, rest, ok := strings.Cut(text, "{")
		if before != "" {
			parts = append(parts, part{text: before})
		}
		if !ok {
			if strings.Contains(before, "}") {
				return nil, errors.New("a } has no {")
			}
			break
		}

		name, after, closed := strings.Cut(rest, "}")
		if !closed || !slices.Contains(names, name) {
			return nil, fmt.Errorf("{%s} is not in the match", name)
		}
		parts = append(parts, part{text: name, variable: true})
		text = after
	}

	return parts, nil
}

func isIdentifier(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || i > 0 && '0' <= c && c <= '9') {
			return false
		}
	}
	return s != ""
}

// isMethod reports whether s could be a method: upper-case letters and dashes.
func isMethod(s string) bool {
	return s != "" && len(s) <= 32 &&
		!strings.ContainsFunc(s, func(c rune) bool { return c != '-' && (c < 'A' || c > 'Z') })
}

// table has the routes of an endpoint, in order.
type table struct {
	routes []route
	named  map[string]bool // folded names of the parameters in any Match
}

func newTable(routes []Route) (table, error) {
	t := table{named: map[string]bool{}}
	for _, r := range routes {
		parsed, err := parseRoute(r)
		if err != nil {
			return table{}, err
		}

		t.routes = append(t.routes, parsed)
		for _, name := range parsed.query {
			t.named[foldParameter(name)] = true
		}
	}

	return t, nil
}

// forwards reports whether some route has a service.
func (t *table) forwards() bool {
	return slices.ContainsFunc(t.routes, func(r route) bool { return r.service != nil })
}

// match is the permission that a request needs, with its route.
type match struct {
	action, resource string

	route   string   // its Match
	service *url.URL // of its ForwardTo
}

// find returns the permission of the first route that matches. If a route matches but for
// a parameter that selects another action, only later routes that name parameters can
// match: a broader route is not meant for such a request.
func (t *table) find(method string, segments []string, query string) (match, error) {
	selected := ""
	for i := range t.routes {
		r := &t.routes[i]
		if r.method != "" && r.method != method && (r.method != "GET" || method != "HEAD") || !r.matches(segments) {
			continue
		}
		if selected != "" && r.query == nil {
			continue
		}

		fault, ok := r.covers(method, selectors(query, isS3(r.action), t.named))
		if ok {
			return match{
				action:   r.action,
				resource: r.fill(segments),
				route:    r.match,
				service:  r.service,
			}, nil
		}
		if r.query == nil {
			selected = fault
		}
	}

	if selected != "" {
		selected = fmt.Sprintf("query parameter %.40q", selected)
		return match{}, forbidden("Subresource", "The "+selected+" makes another action of the request.",
			routeParameter.With("parameter", selected).At(setting("routes")))
	}

	return match{}, forbidden("NoRoute", "No route of the settings allows this request.",
		routeNone.With("method", method).At(setting("routes")))
}

func (r *route) matches(segments []string) bool {
	for n, s := range r.segments {
		switch {
		case n >= len(segments):
			return false
		case s.rest:
			return true
		case s.variable && segments[n] == "", !s.variable && s.text != segments[n]:
			return false
		}
	}

	return len(segments) == len(r.segments)
}

func (r *route) fill(segments []string) string {
	var b strings.Builder
	for _, p := range r.resource {
		if !p.variable {
			b.WriteString(p.text)
			continue
		}

		for n, s := range r.segments {
			switch {
			case !s.variable || s.text != p.text:
			case s.rest:
				b.WriteString(strings.Join(segments[n:], "/"))
			default:
				b.WriteString(segments[n])
			}
		}
	}

	return b.String()
}
