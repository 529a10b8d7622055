package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// The release build sets these (-ldflags "-X main.release=1.2.3 …", .goreleaser.yaml).
var (
	release       string // without a leading v
	releaseCommit string // the full hash
	releaseDate   string // of the commit, RFC 3339
)

// build describes the running program. A field is empty if it is not known.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"` // of the commit, RFC 3339: equal sources make equal programs
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// thisBuild describes the running program by what the release build has set, or else by what the
// go command has recorded.
func thisBuild() build {
	info, _ := debug.ReadBuildInfo() // nil if nothing was recorded
	return describeBuild(build{Version: release, Commit: releaseCommit, Date: releaseDate}, info)
}

// describeBuild completes b by the go command's record.
func describeBuild(b build, info *debug.BuildInfo) build {
	b.Go, b.Platform = runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH
	if b.Version != "" {
		return b
	}

	b.Version = "devel"
	if info == nil {
		return b
	}

	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}

	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = strings.TrimPrefix(v, "v")
	} else if len(b.Commit) >= 12 {
		b.Version = "devel-" + b.Commit[:12]
	}

	return b
}

// version returns the version for logs, pages and lock files.
func version() string { return thisBuild().Version }

func (b build) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "poolhouse %s\n", b.Version)
	if b.Commit != "" {
		modified := ""
		if b.Modified {
			modified = ", with changes"
		}
		fmt.Fprintf(&text, "commit %s%s\n", b.Commit, modified)
	}
	if b.Date != "" {
		fmt.Fprintf(&text, "date %s\n", b.Date)
	}
	fmt.Fprintf(&text, "%s %s\n", b.Go, b.Platform)

	return text.String()
}

func versionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and date",
		Example: `  poolhouse version
  poolhouse version --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if asJSON, _ := c.Flags().GetBool("json"); asJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(thisBuild())
			}
			_, err := fmt.Fprint(c.OutOrStdout(), thisBuild())

			return err
		},
	}
	c.Flags().Bool("json", false, "print JSON")

	return c
}
