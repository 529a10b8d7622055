package wiretest

import (
	"net/http"
	"regexp"
	"strconv"
	"testing"
)

// Metrics is an answer of /metrics. Compare related figures within one answer, because the
// server can change them between two.
type Metrics string

// Figures returns the answer of /metrics.
func (s *Server) Figures(t *testing.T) Metrics {
	t.Helper()
	request := Must(http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/metrics", nil))(t)
	return Metrics(Do(t, request).Body)
}

// Of returns the value of a series.
func (f Metrics) Of(t *testing.T, series string) float64 {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(string(f))
	if found == nil {
		t.Fatalf("/metrics has no %s", series)
	}
	return Must(strconv.ParseFloat(found[1], 64))(t)
}

// Figure returns the value of a series of /metrics.
func (s *Server) Figure(t *testing.T, series string) float64 {
	t.Helper()
	return s.Figures(t).Of(t, series)
}
