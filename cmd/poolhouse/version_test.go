package main

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDescribeBuild(t *testing.T) {
	const commit, date = "0123456789abcdef0123456789abcdef01234567", "2026-12-01T10:00:00Z"
	vcs := []debug.BuildSetting{
		{Key: "vcs.revision", Value: commit},
		{Key: "vcs.time", Value: date},
		{Key: "vcs.modified", Value: "true"},
	}
	released := build{Version: "0.1.0", Commit: commit, Date: date}

	for name, tc := range map[string]struct {
		set  build
		info *debug.BuildInfo
		want build
	}{
		"a release": {set: released, want: released},
		"a release, beside a tag": {
			set:  released,
			info: &debug.BuildInfo{Main: debug.Module{Version: "v9"}},
			want: released,
		},
		"nothing is known": {want: build{Version: "devel"}},
		"go install of a version": {
			info: &debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}},
			want: build{Version: "0.1.0"},
		},
		"go build in a clone": {
			info: &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: vcs},
			want: build{Version: "devel-0123456789ab", Commit: commit, Date: date, Modified: true},
		},
		"go run": {
			info: &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}},
			want: build{Version: "devel"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.want.Go, tc.want.Platform = runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH
			if diff := cmp.Diff(tc.want, describeBuild(tc.set, tc.info)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVersionCommand(t *testing.T) {
	text := mustRun(t, "version")
	if want := "poolhouse " + version() + "\n"; !strings.HasPrefix(text, want) {
		t.Errorf("the first line is not %q:\n%s", want, text)
	}

	var b build
	if err := json.Unmarshal([]byte(mustRun(t, "version", "--json")), &b); err != nil {
		t.Fatal(err)
	}
	if b != thisBuild() {
		t.Errorf("--json prints %+v, want %+v", b, thisBuild())
	}

	const want = `poolhouse 0.1.0
commit 0123, with changes
date 2026-12-01T10:00:00Z
go1.26.8 linux/arm64
`
	got := build{
		Version:  "0.1.0",
		Commit:   "0123",
		Date:     "2026-12-01T10:00:00Z",
		Modified: true,
		Go:       "go1.26.8",
		Platform: "linux/arm64",
	}.String()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
