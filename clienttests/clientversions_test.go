package clienttests

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// pluginsVariable names a folder in which Terraform finds its AWS provider
// (filesystem_mirror); without it Terraform's own settings say where that is.
const pluginsVariable = "TERRAFORM_PLUGINS"

// nodeModules lends a page the packages of js/package-lock.json.
func nodeModules(t *testing.T, dir string) []string {
	t.Helper()
	client(t, "node", "nodejs")
	if err := os.Symlink(mustAbs(t, "js/node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}

	return nil
}

// freePort is the port of the server that the page starts.
func freePort(t *testing.T, _ string) []string {
	t.Helper()
	_, port, _ := strings.Cut(listentest.FreeAddress(t), ":")

	return []string{"PORT=" + port}
}

// npmVersion tells the version of a package that a page's programs import.
func npmVersion(name string) func(*testing.T, string, []string) string {
	return func(t *testing.T, dir string, _ []string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, "node_modules", filepath.FromSlash(name), "package.json"))
		if err != nil {
			t.Fatal(err)
		}

		var described struct{ Version string }
		if err := json.Unmarshal(text, &described); err != nil {
			t.Fatal(err)
		}

		return "`" + name + "` " + described.Version
	}
}

// pythonPackages lends a page the packages of python/requirements.txt.
func pythonPackages(t *testing.T, _ string) []string {
	t.Helper()
	folder := mustAbs(t, "python/packages")
	if _, err := os.Stat(filepath.Join(folder, "boto3")); err != nil {
		missing(t, "the packages of clienttests/python/requirements.txt are not installed")
	}

	return []string{"PATH=" + filepath.Join(folder, "bin"), "PYTHONPATH=" + folder, "PYTHONDONTWRITEBYTECODE=1"}
}

// debian checks that a program of Debian is there.
func debian(path, pkg string) func(*testing.T, string) []string {
	return func(t *testing.T, _ string) []string {
		t.Helper()
		client(t, path, pkg)

		return nil
	}
}

// virtualEnvironment makes an empty Python environment for a page.
func virtualEnvironment(t *testing.T, dir string) []string {
	t.Helper()
	outputOf(t, dir, os.Environ(), "python3", "-m", "venv", "venv")

	return []string{"PATH=" + filepath.Join(dir, "venv", "bin"), "VIRTUAL_ENV=" + filepath.Join(dir, "venv")}
}

func boto3Version(t *testing.T, dir string, environment []string) string {
	t.Helper()

	return outputOf(t, dir, environment, "python3", "-c", "import boto3; print(boto3.__version__)")
}

func cliVersion(t *testing.T, dir string, environment []string) string {
	t.Helper()
	out := outputOf(t, dir, environment, "aws", "--version")
	version, _, _ := strings.Cut(strings.TrimPrefix(out, "aws-cli/"), " ")

	return version
}

// goModule makes the page's program a module with this module's requirements.
func goModule(t *testing.T, dir string) []string {
	t.Helper()
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}

		var kept strings.Builder
		for line := range strings.Lines(string(text)) {
			switch {
			case strings.HasPrefix(line, "module "):
				kept.WriteString("module app\n")
			case !strings.Contains(line, "poolhouse"):
				kept.WriteString(line)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(kept.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	return append(goEnvironment(t), "GOWORK=off")
}

// goVersion tells the version of a module.
func goVersion(module string) func(*testing.T, string, []string) string {
	return func(t *testing.T, dir string, environment []string) string {
		t.Helper()
		name, version, _ := strings.Cut(outputOf(t, dir, environment, "go", "list", "-m", module), " ")

		return "`" + strings.TrimPrefix(name, "github.com/aws/") + "` " + version
	}
}

// javaClasspath asks Maven for the page's libraries, without the network if they are there.
func javaClasspath(t *testing.T, dir string) []string {
	t.Helper()
	client(t, "/usr/bin/java", "openjdk-17-jdk-headless")
	client(t, "/usr/bin/mvn", "maven")
	find := "mvn -q -B -Daws.sdk=" + javaVersion + " dependency:build-classpath -Dmdep.outputFile=classpath"
	outputOf(t, dir, os.Environ(), "bash", "-c", find+" -o || "+find)

	return nil
}

var javaLibrary = regexp.MustCompile(`/cognitoidentity-([\d.]+)\.jar`)

func javaClassVersion(t *testing.T, dir string, _ []string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "classpath"))
	if err != nil {
		t.Fatal(err)
	}

	found := javaLibrary.FindSubmatch(text)
	if found == nil {
		t.Fatalf("the class path has no cognitoidentity: %s", text)
	}

	return "`software.amazon.awssdk` " + string(found[1])
}

// cargoTarget keeps what Cargo compiles for the next run.
func cargoTarget(t *testing.T, _ string) []string {
	t.Helper()
	if _, err := exec.LookPath("cargo"); err != nil {
		t.Fatal("cargo is not installed: install Rust with rustup, for Debian's is too old")
	}

	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}

	return []string{"CARGO_TARGET_DIR=" + filepath.Join(cache, "poolhouse-tests", "rust")}
}

var rustLibrary = regexp.MustCompile(`name = "aws-sdk-cognitoidentity"\nversion = "([^"]+)"`)

func rustVersion(t *testing.T, dir string, _ []string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "Cargo.lock"))
	if err != nil {
		t.Fatal(err)
	}

	found := rustLibrary.FindSubmatch(text)
	if found == nil {
		t.Fatal("Cargo.lock has no aws-sdk-cognitoidentity")
	}

	return "`aws-sdk-cognitoidentity` " + string(found[1])
}

// terraformFolder tells Terraform where its AWS provider is.
func terraformFolder(t *testing.T, dir string) []string {
	t.Helper()
	client(t, "/usr/local/bin/terraform", "terraform")
	environment := []string{"TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1"}
	plugins := os.Getenv(pluginsVariable)
	if plugins == "" {
		return environment
	}

	path := filepath.Join(dir, "terraform.rc")
	text := "provider_installation {\n  filesystem_mirror { path = \"" + plugins + "\" }\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	return append(environment, "TF_CLI_CONFIG_FILE="+path)
}

func terraformVersion(t *testing.T, dir string, environment []string) string {
	t.Helper()
	var told struct {
		Version   string            `json:"terraform_version"`
		Providers map[string]string `json:"provider_selections"`
	}
	text := outputOf(t, dir, environment, "terraform", "version", "-json")
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		t.Fatal(err)
	}

	return told.Version + ", AWS provider " + told.Providers["registry.terraform.io/hashicorp/aws"]
}
