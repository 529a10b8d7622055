package packaging

import (
	"regexp"
	"testing"
)

// The first minute works, from the archive and without Go. Its seconds are for people: a test of a
// time would fail on a busy machine.
func TestFirstMinute(t *testing.T) {
	out := output(t, "../scripts/first-minute.sh", builtFile(t, "poolhouse_*_linux_amd64.tar.gz"))
	rows := regexp.MustCompile(`(?m)^\| .* \| +\d+\.\d\d \|$`).FindAllString(out, -1)
	if len(rows) != 4 {
		t.Errorf("%d rows:\n%s", len(rows), out)
	}
	t.Log("\n" + out)
}
