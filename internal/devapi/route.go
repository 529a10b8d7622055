// Package devapi has what all parts of the control API of `poolhouse dev` share: where it is, its routes, and the
// JSON of its requests, answers and errors. Start at Handlers and ReadJSON.
package devapi

import (
	"net/http"
	"strings"
)

// Prefix begins all paths of the control API. Requests for what is below it pass a guard first.
const Prefix = "/_poolhouse/"

// Route is one request that the API answers.
type Route struct {
	Pattern string // of http.ServeMux, with the method
	Serve   http.HandlerFunc
}

// Patterns lists the patterns of routes.
func Patterns(routes []Route) []string {
	patterns := make([]string, len(routes))
	for n, route := range routes {
		patterns[n] = route.Pattern
	}
	return patterns
}

// Handlers returns the handlers of the whole API by their patterns. Other requests below Prefix get an answer that
// lists the routes.
func Handlers(routes []Route) map[string]http.Handler {
	all := map[string]http.Handler{}
	for _, route := range routes {
		all[route.Pattern] = route.Serve
	}

	text := "the control API has no such path with this method: it has " + strings.Join(Patterns(routes), ", ")
	all[Prefix] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		Refuse(w, http.StatusNotFound, text)
	})

	return all
}
