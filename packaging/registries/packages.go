package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// noVersion stands in the sources for the version: there is one source of it, CHANGELOG.md.
const noVersion = "0.0.0"

// builder makes the packages. Equal programs make equal packages.
type builder struct {
	sources, documents string // folders
	work               string // folder for intermediate files
	built              build
	created            time.Time
	python             string
	release            bool
}

// all makes the packages in folders below dist.
func (b *builder) all(ctx context.Context, dist string) error {
	for _, registry := range []struct {
		name  string
		build func(ctx context.Context, output string) error
	}{{"npm", b.npm}, {"pypi", b.wheels}, {"maven", b.maven}} {
		output, err := filepath.Abs(filepath.Join(dist, registry.name))
		if err != nil {
			return err
		}
		if err := os.RemoveAll(output); err != nil {
			return err
		}
		if err := os.MkdirAll(output, 0o755); err != nil {
			return err
		}
		if err := registry.build(ctx, output); err != nil {
			return fmt.Errorf("%s: %w", registry.name, err)
		}
	}

	return nil
}

// npm makes a package of each program, and the one that people install, which depends on all.
func (b *builder) npm(ctx context.Context, output string) error {
	source := filepath.Join(b.sources, "npm")
	var about map[string]any
	if err := readJSON(filepath.Join(source, "package.json"), &about); err != nil {
		return err
	}

	optional := map[string]string{}
	for _, p := range b.built.programs {
		name := "@poolhouse/" + p.node + "-" + p.cpu
		optional[name] = b.built.version
		folder := filepath.Join(b.work, "npm-"+p.node+"-"+p.cpu)
		if err := copyFile(p.path, filepath.Join(folder, "bin", p.executable()), 0o755); err != nil {
			return err
		}
		text := fmt.Sprintf("# %s\n\nThe program for %s on %s, which the package poolhouse runs. Install that one.\n",
			name, p.node, p.cpu)
		if err := writeFile(filepath.Join(folder, "README.md"), text); err != nil {
			return err
		}
		err := b.pack(ctx, folder, output, map[string]any{
			"name": name, "description": "The program poolhouse for " + p.node + " on " + p.cpu,
			"homepage": about["homepage"], "repository": about["repository"], "license": about["license"],
			"os": []string{p.node}, "cpu": []string{p.cpu}, "files": []string{"bin", "THIRD_PARTY_LICENSES.md"},
			"preferUnplugged": true, // Yarn must leave the program a file
		})
		if err != nil {
			return err
		}
	}

	folder := filepath.Join(b.work, "npm")
	if err := copyTree(source, folder, "node_modules", "package-lock.json", ".npmrc"); err != nil {
		return err
	}
	delete(about, "devDependencies")
	about["optionalDependencies"] = optional

	return b.pack(ctx, folder, output, about)
}

// pack packs a folder with a description of the package.
func (b *builder) pack(ctx context.Context, folder, output string, about map[string]any) error {
	about["version"] = b.built.version
	text, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(folder, "package.json"), string(text)+"\n"); err != nil {
		return err
	}
	if err := b.addLicences(folder); err != nil {
		return err
	}

	return b.tool(ctx, folder, nil, "npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", output)
}

// wheels makes a wheel for each program.
func (b *builder) wheels(ctx context.Context, output string) error {
	for _, p := range b.built.programs {
		folder := filepath.Join(b.work, "wheel-"+p.system+"-"+p.arch)
		if err := copyTree(filepath.Join(b.sources, "pytest"), folder, "__pycache__"); err != nil {
			return err
		}
		program := filepath.Join(folder, "src", "pytest_poolhouse", "bin", p.executable())
		if err := copyFile(p.path, program, 0o755); err != nil {
			return err
		}
		project := filepath.Join(folder, "pyproject.toml")
		if err := replace(project, noVersion, pythonVersion(b.built.version)); err != nil {
			return err
		}
		if err := b.addLicences(folder); err != nil {
			return err
		}

		environment := []string{"POOLHOUSE_WHEEL_PLATFORM=" + p.wheel}
		err := b.tool(ctx, folder, environment, b.python, "-m", "pip", "wheel", "--quiet", "--no-deps",
			"--no-cache-dir", "--disable-pip-version-check", "--wheel-dir", output, ".")
		if err != nil {
			return err
		}
	}

	return nil
}

// maven makes a repository with the extension and a jar of each program.
func (b *builder) maven(ctx context.Context, output string) error {
	folder := filepath.Join(b.work, "maven")
	if err := copyTree(filepath.Join(b.sources, "junit"), folder, "target"); err != nil {
		return err
	}

	var jars, dependencies strings.Builder
	for _, p := range b.built.programs {
		name := p.system + "-" + p.arch
		content := filepath.Join(folder, "binary", "content", name, "io/github/poolhouseid/binary", name)
		if err := copyFile(p.path, filepath.Join(content, p.executable()), 0o755); err != nil {
			return err
		}
		fmt.Fprintf(&jars, `
          <execution>
            <id>%[1]s</id>
            <goals><goal>jar</goal></goals>
            <configuration>
              <classifier>%[1]s</classifier>
              <classesDirectory>content/%[1]s</classesDirectory>
            </configuration>
          </execution>`, name)
		fmt.Fprintf(&dependencies, `
    <dependency>
      <groupId>${project.groupId}</groupId>
      <artifactId>poolhouse-binary</artifactId>
      <version>${project.version}</version>
      <classifier>%s</classifier>
      <scope>runtime</scope>
    </dependency>`, name)
	}

	version := "<version>" + b.built.version + "</version>"
	for module, platforms := range map[string]string{
		".": "", "binary": jars.String(), "junit5": dependencies.String(),
	} {
		pom := filepath.Join(folder, module, "pom.xml")
		if err := replace(pom, "<version>"+noVersion+"</version>", version); err != nil {
			return err
		}
		if module == "." {
			continue
		}
		if err := replace(pom, "<!-- platforms -->", strings.TrimLeft(platforms, "\n ")); err != nil {
			return err
		}
		if err := b.addLicences(filepath.Join(folder, module, "src", "main", "resources", "META-INF")); err != nil {
			return err
		}
	}

	arguments := []string{"-B", "-q", "deploy", "-Dmaven.install.skip=true",
		"-DaltDeploymentRepository=dist::file://" + output,
		"-Dproject.build.outputTimestamp=" + b.created.UTC().Format(time.RFC3339)}
	if b.release {
		arguments = append(arguments, "-Prelease")
	}

	return b.tool(ctx, folder, nil, "mvn", arguments...)
}

// tool runs a program of a language in a folder.
func (b *builder) tool(
	ctx context.Context, folder string, environment []string, name string, arguments ...string,
) error {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(b.created.Unix(), 10))
	command.Env = append(command.Env, environment...)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, out.String())
	}

	return nil
}

func (b *builder) addLicences(folder string) error {
	for _, name := range []string{"LICENSE", "THIRD_PARTY_LICENSES.md"} {
		if err := copyFile(filepath.Join(b.documents, name), filepath.Join(folder, name), 0o644); err != nil {
			return err
		}
	}

	return nil
}

// copyTree copies the files below a folder, but nothing with one of the names left out.
func copyTree(from, to string, leftOut ...string) error {
	return filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case slices.Contains(leftOut, entry.Name()) && entry.IsDir():
			return filepath.SkipDir
		case slices.Contains(leftOut, entry.Name()), entry.IsDir():
			return nil
		}

		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}

		return copyFile(path, filepath.Join(to, relative), info.Mode().Perm())
	})
}

func copyFile(from, to string, mode os.FileMode) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()

	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		_ = target.Close()
		return err
	}

	return target.Close()
}

func writeFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// replace replaces a text in a file. It must be there.
func replace(path, old, text string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Contains(content, []byte(old)) {
		return fmt.Errorf("%s does not have %s", path, old)
	}

	return os.WriteFile(path, bytes.ReplaceAll(content, []byte(old), []byte(text)), 0o644)
}
