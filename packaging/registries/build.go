package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// program is a built program, and the names of its platform.
type program struct {
	path string

	platform
}

// platform has the names by which the registries know a platform.
type platform struct {
	system, arch string // of Go
	node, cpu    string // process.platform and process.arch of Node.js
	wheel        string // the platform tags of a wheel, joined by dots (PEP 425)
}

// platforms lists the platforms of a release. The programs are static: wheels for glibc and for musl
// have the same. Go 1.26 needs macOS 12; pip on Apple silicon begins with 11.
var platforms = []platform{
	{
		system: "linux", arch: "amd64", node: "linux", cpu: "x64",
		wheel: "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
	},
	{
		system: "linux", arch: "arm64", node: "linux", cpu: "arm64",
		wheel: "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
	},
	{
		system: "darwin", arch: "amd64", node: "darwin", cpu: "x64",
		wheel: "macosx_12_0_x86_64",
	},
	{
		system: "darwin", arch: "arm64", node: "darwin", cpu: "arm64",
		wheel: "macosx_12_0_arm64",
	},
	{
		system: "windows", arch: "amd64", node: "win32", cpu: "x64",
		wheel: "win_amd64",
	},
	{
		system: "windows", arch: "arm64", node: "win32", cpu: "arm64",
		wheel: "win_arm64",
	},
}

// executable returns the program's file name on the platform.
func (p platform) executable() string {
	if p.system == "windows" {
		return "poolhouse.exe"
	}
	return "poolhouse"
}

// build has the artifacts of GoReleaser.
type build struct {
	version  string
	programs []program
}

// readBuild reads the lists that GoReleaser writes into its folder. Paths in them are relative to the
// folder in which it ran.
func readBuild(dist string) (build, error) {
	var about struct{ Version string }
	if err := readJSON(filepath.Join(dist, "metadata.json"), &about); err != nil {
		return build{}, err
	}
	var artifacts []struct{ Path, Goos, Goarch, Type string }
	if err := readJSON(filepath.Join(dist, "artifacts.json"), &artifacts); err != nil {
		return build{}, err
	}

	b := build{version: about.Version}
	for _, a := range artifacts {
		if a.Type != "Binary" {
			continue
		}
		i := slices.IndexFunc(platforms, func(p platform) bool { return p.system == a.Goos && p.arch == a.Goarch })
		if i < 0 {
			return build{}, fmt.Errorf("no registry knows %s/%s: add it to platforms", a.Goos, a.Goarch)
		}
		b.programs = append(b.programs, program{path: a.Path, platform: platforms[i]})
	}
	if len(b.programs) == 0 {
		return build{}, errors.New("GoReleaser has built no program")
	}
	slices.SortFunc(b.programs, func(x, y program) int {
		return strings.Compare(x.system+x.arch, y.system+y.arch)
	})

	return b, nil
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}

	return nil
}

var snapshotVersion = regexp.MustCompile(`^(\d+\.\d+\.\d+)-snapshot\.(g[0-9a-f]+)$`)

// pythonVersion returns a version as PEP 440 has it. A snapshot comes before its release there, too.
func pythonVersion(version string) string {
	if found := snapshotVersion.FindStringSubmatch(version); found != nil {
		return found[1] + ".dev0+" + found[2]
	}
	return version
}
