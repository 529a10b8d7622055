package apply_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

var update = flag.Bool("update", false, "write what the scenarios give")

// The scenarios of testdata have what apply prints and calls, byte for byte. The
// sections of a scenario are:
//
//	apply, dry-run, prune   a file that the command takes
//	want                    what the step before it printed and called ("> "); a
//	                        failure is the last line
//	export                  what export writes
//	notes                   what that export could not write
//
// After each apply the same file has nothing to change.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenario/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}

	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}

			s := scenario{rig: newRig(t), metadata: metadata(t)}
			for i, section := range archive.Files {
				got, isWant := s.step(section.Name, string(section.Data))
				if !isWant {
					continue
				}
				if *update {
					archive.Files[i].Data = []byte(got)
				} else {
					equal(t, fmt.Sprintf("section %d, %s", i+1, section.Name), got, string(section.Data))
				}
			}

			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type scenario struct {
	*rig

	metadata [2]string // of SAML providers
	last     string
	notes    []string
}

var cachedMetadata = map[int]string{}

// metadata returns the metadata of two identity providers, as YAML on one line. It
// is the same in all tests.
func metadata(t *testing.T) (texts [2]string) {
	t.Helper()

	for i := range texts {
		if cachedMetadata[i] == "" {
			cachedMetadata[i] = fmt.Sprintf("%q", samltest.New(t, time.Now(), i).Metadata())
		}
		texts[i] = cachedMetadata[i]
	}

	return texts
}

// step carries out a section, or returns what it should be.
func (s *scenario) step(name, text string) (got string, isWant bool) {
	s.t.Helper()

	text = strings.NewReplacer("METADATA1", s.metadata[0], "METADATA2", s.metadata[1]).Replace(text)
	switch name {
	case "apply":
		dry, dryErr := s.run(text, dryRun)
		out, err := s.run(text)
		s.last = transcript(out, err)
		if strings.Contains("\n"+dry, "\n> ") || !strings.HasPrefix(out, dry) {
			s.t.Errorf("a dry run prints\n%s%v\nthen it is\n%s%v", dry, dryErr, out, err)
		}
		if err == nil {
			contains(s.t, s.must(text), "0 to create, 0 to update, 0 to delete, ")
		}
	case "dry-run":
		out, err := s.run(text, dryRun)
		s.last = transcript(out, err)
	case "prune":
		out, err := s.run(text, prune)
		s.last = transcript(out, err)
		if err == nil {
			contains(s.t, s.must(text, prune), "0 to create, 0 to update, 0 to delete, ")
		}
	case "want":
		return s.last, true
	case "export":
		exported := s.export(false)
		s.notes = exported.Notes
		s.roundTrip(string(exported.File))
		return stable(string(exported.File)), true
	case "notes":
		return strings.Join(s.notes, "\n") + "\n", true
	default:
		s.t.Fatalf("section %q", name)
	}

	return "", false
}

// roundTrip checks that an exported file changes nothing where it comes from, and
// makes the same on an empty server.
func (s *scenario) roundTrip(file string) {
	s.t.Helper()
	contains(s.t, s.must(file), " 0 to update, 0 to delete")
	target := newRig(s.t)
	target.must(file)

	equal(s.t, "exported again", string(target.export(false).File), file)
}

var (
	uuids   = regexp.MustCompile(`us-east-1:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	longXML = regexp.MustCompile(`(?m)<\?xml.*?(\(\d+ characters\)|"$|$)`)
)

// stable replaces what is another one in each run: IDs and keys.
func stable(text string) string {
	seen := map[string]string{poolOne: poolOne, poolTwo: poolTwo}
	text = uuids.ReplaceAllStringFunc(text, func(id string) string {
		if seen[id] == "" {
			seen[id] = fmt.Sprintf("POOL%d", len(seen)-1)
		}
		return seen[id]
	})

	return longXML.ReplaceAllString(text, "<METADATA>")
}

func transcript(out string, err error) string {
	if err != nil {
		out += "error: " + err.Error() + "\n"
	}

	return stable(out)
}
