package main

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/poolhouse-id/poolhouse/internal/settingtable"
)

// sample is a text that a setting can have, other than its default.
func sample(t *testing.T, r setting) string {
	t.Helper()
	switch r.Field.Interface().(type) {
	case bool:
		return map[string]string{"true": "false", "false": "true"}[r.Standard]
	case int, float64:
		return "7"
	case time.Duration:
		return "25ms"
	case []string:
		return "https://a.test,https://b.test"
	case string:
		return "some-text"
	default:
		t.Fatalf("%s has a type that no source can give: %s", r.Name, r.Field.Type())
		return ""
	}
}

// Every setting has the same value whichever source gives it, and a flag comes before the
// environment, and that before the file.
func TestSourcesAreEqual(t *testing.T) {
	file := filepath.Join(t.TempDir(), "poolhouse.yaml")
	for n, r := range newSettings().rows {
		text := sample(t, r)
		section, key := r.place()
		content := map[string]any{key: text}
		if section != "" {
			content = map[string]any{section: content}
		}
		written, err := yaml.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, written, 0o600); err != nil {
			t.Fatal(err)
		}

		environ, flags := []string{r.env() + "=" + text}, map[string]string{r.Name: text}
		other := []string{r.env() + "=" + r.Standard}
		for _, test := range []struct {
			flags   map[string]string
			environ []string
			path    string
			source  string
		}{
			{path: file, source: "file " + file},
			{environ: environ, source: "environment " + r.env()},
			{flags: flags, source: "flag --" + r.flag()},
			{flags: flags, environ: other, path: file, source: "flag --" + r.flag()},
			{environ: environ, path: file, source: "environment " + r.env()},
		} {
			s, err := load(test.flags, test.environ, test.path)
			if err != nil {
				t.Errorf("%s from %s: %v", r.Name, test.source, err)
				continue
			}

			want := newSettings()
			want.rows[n].set(text)
			got := value{text: s.rows[n].Text(), source: s.source(s.rows[n].Field.Addr().Interface())}
			if got.text != want.rows[n].Text() || got.source != test.source {
				t.Errorf("%s = %q from %s, want %q from %s",
					r.Name, got.text, got.source, want.rows[n].Text(), test.source)
			}
			for m, row := range s.rows {
				if m != n && row.Text() != want.rows[m].Text() && row.Standard != row.Text() {
					t.Errorf("%s changes %s to %q", r.Name, row.Name, row.Text())
				}
			}
		}
	}
}

// A new setting is one field and its help: it then has a flag, a variable, a place in the file,
// and a default.
type withNewSetting struct {
	Name string        `setting:"new_name" default:"standard"`
	Wait time.Duration `setting:"new_wait" default:"1s"`
	Part struct {
		Size int `setting:"size" max:"9"`
	} `setting:"new_part." flag:"no"`
}

func (*withNewSetting) SettingHelp() map[string]string {
	return map[string]string{"new_name": "A name.", "new_part.size": "A size."}
}

func TestANewSettingIsOneField(t *testing.T) {
	var with withNewSetting
	s := &settings{}
	for _, r := range settingtable.Rows(reflect.ValueOf(&with).Elem()) {
		s.rows = append(s.rows, setting{r})
	}
	if len(s.rows) != 3 {
		t.Fatalf("%d settings", len(s.rows))
	}

	name, wait, size := s.rows[0], s.rows[1], s.rows[2]
	if name.flag() != "new-name" || name.env() != "POOLHOUSE_NEW_NAME" || name.Standard != "standard" ||
		name.Help != "A name." || !name.HasFlag {
		t.Errorf("%+v", name)
	}
	section, key := size.place()
	if section != "new_part" || key != "size" || size.env() != "POOLHOUSE_NEW_PART_SIZE" || size.HasFlag ||
		size.Help != "A size." || size.check("10") == nil || size.check("9") != nil {
		t.Errorf("%+v", size)
	}

	if wait.checkDuration("1m") != nil || wait.checkDuration("soon") == nil || name.checkDuration("soon") != nil {
		t.Errorf("%+v", wait)
	}

	name.set("given")
	wait.set("2m")
	size.set("5")
	if with.Name != "given" || with.Wait != 2*time.Minute || with.Part.Size != 5 {
		t.Errorf("%+v", with)
	}
}
