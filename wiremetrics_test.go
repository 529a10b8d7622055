package poolhouse_test

import (
	"net/http"
	"regexp"
	"strconv"
	"testing"
)

// figures is an answer of /metrics. Figures that belong together are compared within
// one: the server writes between two.
type figures string

func (s *testServer) figures(t *testing.T) figures {
	t.Helper()
	request := must(http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/metrics", nil))(t)
	return figures(do(t, request).body)
}

// of returns the value of a series.
func (f figures) of(t *testing.T, series string) float64 {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(string(f))
	if found == nil {
		t.Fatalf("/metrics has no %s", series)
	}
	return must(strconv.ParseFloat(found[1], 64))(t)
}

// figure returns the value of a series of /metrics.
func (s *testServer) figure(t *testing.T, series string) float64 {
	t.Helper()
	return s.figures(t).of(t, series)
}
