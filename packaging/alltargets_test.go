//go:build extended

package packaging

import (
	"crypto/sha256"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
)

const allTargets = true

func TestEveryArchive(t *testing.T) {
	for target, check := range map[string]func(string) (bool, error){
		"linux_amd64":   func(path string) (bool, error) { return isELF(path, elf.EM_X86_64) },
		"linux_arm64":   func(path string) (bool, error) { return isELF(path, elf.EM_AARCH64) },
		"darwin_amd64":  func(path string) (bool, error) { return isMachO(path, macho.CpuAmd64) },
		"darwin_arm64":  func(path string) (bool, error) { return isMachO(path, macho.CpuArm64) },
		"windows_amd64": func(path string) (bool, error) { return isPE(path, pe.IMAGE_FILE_MACHINE_AMD64) },
		"windows_arm64": func(path string) (bool, error) { return isPE(path, pe.IMAGE_FILE_MACHINE_ARM64) },
	} {
		t.Run(target, func(t *testing.T) {
			folder, program := t.TempDir(), "poolhouse"
			if strings.HasPrefix(target, "windows") {
				program += ".exe"
				output(t, "unzip", "-q", builtFile(t, "poolhouse_*_"+target+".zip"), "-d", folder)
			} else {
				output(t, "tar", "-xzf", builtFile(t, "poolhouse_*_"+target+".tar.gz"), "-C", folder)
			}

			root := filepath.Join(folder, "poolhouse_"+built.Version+"_"+target)
			if ok, err := check(filepath.Join(root, program)); !ok || err != nil {
				t.Errorf("%s is for another machine, or %v", program, err)
			}
			if _, err := os.Stat(filepath.Join(root, "THIRD_PARTY_LICENSES.md")); err != nil {
				t.Error(err)
			}

			list, err := os.ReadFile(builtFile(t, "poolhouse_*_"+target+".cdx.json"))
			system, arch, _ := strings.Cut(target, "_")
			if !strings.Contains(string(list), "goarch="+arch+"\\u0026goos="+system) &&
				!strings.Contains(string(list), "goarch="+arch+"&goos="+system) || err != nil {
				t.Errorf("the SBOM is for another platform, or %v", err)
			}
		})
	}
}

// Each registry's package of a platform has that platform's program, as the archive has it.
func TestEveryRegistry(t *testing.T) {
	for target, names := range map[string]struct{ npm, wheel string }{
		"linux-amd64":   {"linux-x64", "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64"},
		"linux-arm64":   {"linux-arm64", "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64"},
		"darwin-amd64":  {"darwin-x64", "macosx_12_0_x86_64"},
		"darwin-arm64":  {"darwin-arm64", "macosx_12_0_arm64"},
		"windows-amd64": {"win32-x64", "win_amd64"},
		"windows-arm64": {"win32-arm64", "win_arm64"},
	} {
		t.Run(target, func(t *testing.T) {
			program, archived := "poolhouse", ""
			folder := "poolhouse_" + built.Version + "_" + strings.Replace(target, "-", "_", 1)
			if strings.HasPrefix(target, "windows") {
				program += ".exe"
				archived = output(t, "unzip", "-p", builtFile(t, folder+".zip"), folder+"/"+program)
			} else {
				archived = output(t, "tar", "-xzOf", builtFile(t, folder+".tar.gz"), folder+"/"+program)
			}

			npm := builtFile(t, "npm/poolhouse-"+names.npm+"-*.tgz")
			jar := builtFile(t, "maven/io/github/poolhouse-id/poolhouse-binary/*/*-"+target+".jar")
			for where, got := range map[string]string{
				"npm": output(t, "tar", "-xzOf", npm, "package/bin/"+program),
				"the wheel": output(t, "unzip", "-p", builtFile(t, "pypi/*-py3-none-"+names.wheel+".whl"),
					"pytest_poolhouse/bin/"+program),
				"the jar": output(t, "unzip", "-p", jar, "io/github/poolhouseid/binary/"+target+"/"+program),
			} {
				if got != archived {
					t.Errorf("%s has another program: %d bytes, want %d", where, len(got), len(archived))
				}
			}

			system, machine, _ := strings.Cut(names.npm, "-")
			var about struct{ OS, CPU []string }
			text := output(t, "tar", "-xzOf", npm, "package/package.json")
			if err := json.Unmarshal([]byte(text), &about); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(about.OS, []string{system}) || !slices.Equal(about.CPU, []string{machine}) {
				t.Errorf("npm installs it on %+v", about)
			}
			main := output(t, "tar", "-xzOf", builtFile(t, "npm/poolhouse-[0-9]*.tgz"), "package/package.json")
			if !strings.Contains(main, `"@poolhouse/`+names.npm+`": "`+built.Version+`"`) {
				t.Errorf("the package does not depend on @poolhouse/%s", names.npm)
			}
		})
	}
	builtFile(t, "maven/io/github/poolhouse-id/poolhouse-junit5/*/*-javadoc.jar") // Maven Central wants it
}

// From an empty folder to a suite with a user and a fault, in each language. Its seconds are for people.
func TestFirstSuite(t *testing.T) {
	t.Setenv("PYTHON", python)
	out := output(t, "../scripts/first-suite.sh", dist)
	rows := regexp.MustCompile(`(?m)^\| \w+ +\| +\d+ \| +\d+\.\d\d \| +\d+\.\d\d \|$`).FindAllString(out, -1)
	if len(rows) < 4 {
		t.Errorf("%d rows:\n%s", len(rows), out)
	}
	t.Log("\n" + out)
}

func isELF(path string, machine elf.Machine) (bool, error) {
	f, err := elf.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()

	libraries, err := f.ImportedLibraries()

	return f.Machine == machine && len(libraries) == 0, err
}

func isMachO(path string, machine macho.Cpu) (bool, error) {
	f, err := macho.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()

	return f.Cpu == machine, nil
}

func isPE(path string, machine uint16) (bool, error) {
	f, err := pe.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()

	return f.Machine == machine, nil
}

// The cask has the checksum of each archive for macOS and Linux.
func TestCask(t *testing.T) {
	cask, err := os.ReadFile(builtFile(t, "homebrew/Casks/poolhouse.rb"))
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"} {
		text, err := os.ReadFile(builtFile(t, "poolhouse_*_"+target+".tar.gz"))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(text); !strings.Contains(string(cask), hex.EncodeToString(sum[:])) {
			t.Errorf("the cask lacks the checksum of %s:\n%s", target, cask)
		}
	}
	for _, want := range []string{`cask "poolhouse" do`, `binary "`, "com.apple.quarantine"} {
		if !strings.Contains(string(cask), want) {
			t.Errorf("the cask lacks %s:\n%s", want, cask)
		}
	}
}

func TestEveryImage(t *testing.T) {
	index, err := layout.ImageIndexFromPath(filepath.Join(dist, "image"))
	if err != nil {
		t.Fatal(err)
	}
	outer, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	inner, err := index.ImageIndex(outer.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := inner.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}

	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
	}
	if got := strings.Join(platforms, " "); got != "linux/amd64 linux/arm64" {
		t.Errorf("the index has %s", got)
	}
}

func TestEveryPackage(t *testing.T) {
	for _, name := range []string{
		"poolhouse_*_amd64.deb", "poolhouse_*_arm64.deb", "poolhouse-*.x86_64.rpm", "poolhouse-*.aarch64.rpm",
	} {
		builtFile(t, name)
	}
}

// The list of what the program contains names the modules of go.mod with their versions.
func TestSBOM(t *testing.T) {
	text, err := os.ReadFile(builtFile(t, "poolhouse_*_linux_amd64.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	type component struct{ Name, Version, PURL string }
	var list struct {
		BOMFormat  string
		Metadata   struct{ Component component }
		Components []component
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}

	if list.BOMFormat != "CycloneDX" || list.Metadata.Component.Version != "v"+built.Version {
		t.Errorf("%s of %+v", list.BOMFormat, list.Metadata.Component)
	}
	want := strings.Fields(output(t, "go", "list", "-m", "modernc.org/sqlite")) // path and version
	found := slices.ContainsFunc(list.Components, func(c component) bool {
		return c.Name == want[0] && c.Version == want[1] &&
			strings.HasPrefix(c.PURL, "pkg:golang/"+want[0]+"@"+want[1])
	})
	if !found || len(list.Components) < 30 {
		t.Errorf("%v is not among the %d components", want, len(list.Components))
	}
}
