package assume

import (
	"testing"
	"time"
)

func TestHealth(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	e := &RemoteEngine{name: "minio", now: func() time.Time { return now }}
	r := Settings{}.route(map[string]Engine{Builtin: nil, "minio": e})

	for _, test := range []struct {
		answered        bool
		problem         string
		healthy         bool
		lastError, what string
	}{
		{what: "an engine that refuses", answered: true, problem: "no role", healthy: true, lastError: "no role"},
		{what: "no answer", problem: "timeout", lastError: "timeout"},
		{what: "credentials again", answered: true, healthy: true, lastError: "timeout"},
	} {
		e.healthy(test.answered, test.problem)
		got := r.Health()
		if len(got) != 2 || got[0].Name != Builtin || !got[0].Healthy || got[1].Healthy != test.healthy ||
			got[1].LastError != test.lastError || !got[1].LastErrorAt.Equal(now) {
			t.Errorf("%s: %+v", test.what, got)
		}
	}
}
