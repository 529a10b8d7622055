package settingtable_test

import (
	"reflect"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/settingtable"
)

type inner struct {
	Size int `setting:"size" max:"9"`
}

type outer struct {
	Name   string   `setting:"name" default:"standard"`
	Token  string   `setting:"token" shown:"secret"`
	URLs   []string `setting:"urls" shown:"address"`
	Off    bool     `setting:"on,not"`
	Part   inner    `setting:"part." flag:"no"`
	Hidden string
}

func TestOf(t *testing.T) {
	standard := outer{Part: inner{Size: 5}}
	given := outer{
		Token: "s3cret", URLs: []string{"https://me:pw@a.example/?q=1"}, Off: true, Part: inner{Size: 7}, Hidden: "x",
	}

	want := []settingtable.Setting{
		{Name: "name", Value: "standard", Source: "default", Default: "standard"},
		{Name: "token", Value: "set", Source: "program"},
		{Name: "urls", Value: "https://xxxxx@a.example/?xxxxx", Source: "program"},
		{Name: "on", Value: "false", Source: "program", Default: "true"},
		{Name: "part.size", Value: "7", Source: "program", Default: "5"},
	}
	got := settingtable.Of(reflect.ValueOf(&given).Elem(), reflect.ValueOf(&standard).Elem())
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for n := range want {
		if want[n].Name == "token" || want[n].Name == "urls" { // masked in explain's way
			if got[n].Value == "" || got[n].Source != "program" ||
				got[n].Value == "s3cret" || got[n].Value == given.URLs[0] {
				t.Errorf("%+v", got[n])
			}
			continue
		}
		if got[n] != want[n] {
			t.Errorf("%+v, want %+v", got[n], want[n])
		}
	}
}

func TestRows(t *testing.T) {
	var in outer
	rows := settingtable.Rows(reflect.ValueOf(&in).Elem())
	last := rows[len(rows)-1]
	if last.Name != "part.size" || last.HasFlag || last.Max != 9 || last.Standard != "0" || !rows[0].HasFlag {
		t.Errorf("%+v", last)
	}
}
