package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// A name that no setting has would leave the real one at its default without a
// word: it is refused wherever it stands. The walk finds every structure of the
// settings file by its type, so a new one cannot be forgotten.
func TestUnknownNamesAreRefusedEverywhere(t *testing.T) {
	var places []string
	place := func(path, name string, wrap func(any) any) {
		places = append(places, path)

		for _, c := range []struct{ typed, want string }{
			{name + "x", "unknown setting " + path + name + "x; did you mean " + path + name + "?"},
			{"something_else_altogether", "unknown setting " + path + "something_else_altogether; known are "},
		} {
			text, err := yaml.Marshal(wrap(map[string]any{c.typed: "forwarded"}))
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err = parseText("settings.yaml", text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s\n%v, want %s", text, err, c.want)
			}
		}
	}

	var walk func(path string, typ reflect.Type, wrap func(any) any)
	walk = func(path string, typ reflect.Type, wrap func(any) any) {
		if own, ok := reflect.Zero(typ).Interface().(interface{ FileForm() any }); ok {
			typ = reflect.TypeOf(own.FileForm())
		}

		switch typ.Kind() {
		case reflect.Pointer:
			walk(path, typ.Elem(), wrap)
		case reflect.Slice:
			walk(path+"[0]", typ.Elem(), func(v any) any { return wrap([]any{v}) })
		case reflect.Map:
			walk(path+".one", typ.Elem(), func(v any) any { return wrap(map[string]any{"one": v}) })
		case reflect.Struct:
			prefix := strings.TrimPrefix(path+".", ".")
			names := fileFields(typ)
			place(prefix, longest(names), wrap)

			for _, member := range names {
				name := member.Tag.Get("yaml")
				walk(prefix+name, member.Type, func(v any) any { return wrap(map[string]any{name: v}) })
			}
		}
	}

	walk("", reflect.TypeFor[sections](), func(v any) any { return v })
	place("limits.", "logins_per_identity", func(v any) any { return map[string]any{"limits": v} })

	for _, known := range []string{"", "limits.", "check.", "check.routes[0].", "roles[0].policies[0].",
		"user_pools[0].status.", "oidc_providers[0].sign_out.", "credential_engines.one.token."} {
		if !slices.Contains(places, known) {
			t.Errorf("the walk did not come to %q, only to %q", known, places)
		}
	}
}

// longest is the name of a structure that a letter more changes least.
func longest(fields []reflect.StructField) (name string) {
	for _, field := range fields {
		n := field.Tag.Get("yaml")
		if len(n) > len(name) || len(n) == len(name) && n < name {
			name = n
		}
	}

	return name
}
