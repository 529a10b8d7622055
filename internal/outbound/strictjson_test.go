package outbound

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// Reading some members is as strict as reading all of them, and reads the same.
func TestParseSome(t *testing.T) {
	names := []string{"sub", "aud"}
	for _, text := range []string{
		`{}`, ` { "sub" : "a" } `, `{"sub":"a","x":[1,{"y":null}],"aud":["b"]}`,
		`{"x":1,"aud" : {"a":[true,1.5e3]},"sub":null}`,
		`{"sub":"a","x":{"sub":"b"}}`, `{"\u0073ub":"a"}`, `{"x":"\"}{","sub":"a"}`,
		`{"sub":"a","sub":"b"}`, `{"sub":"a","\u0073ub":"b"}`, `{"x":1,"x":2}`, `{"x":{"y":1,"y":2}}`,
		`{"x":[{"y":1,"y":2}]}`,
		`{"Sub":"a"}`, `{"\u017fub":"a"}`, `{"X":1,"x":2}`,
		``, `[]`, `"a"`, `{`, `{"sub"}`, `{"sub":}`, `{"sub":"a",}`, `{"sub":"a"}}`, `{"sub":"a"} x`, `{"x":[1,]}`,
		`{"x":NaN}`, `{"x":01}`,
		"{\"x\":\"\xff\"}", `{"x":"\ud800"}`, "{\"x\":\"\n\"}",
		`{"x":` + strings.Repeat("[", 5) + strings.Repeat("]", 5) + `}`,
		`{"x":` + strings.Repeat("[", 6) + strings.Repeat("]", 6) + `}`,
		`{"sub":` + strings.Repeat("[", 5) + strings.Repeat("]", 5) + `}`,
		`{"sub":` + strings.Repeat("[", 6) + strings.Repeat("]", 6) + `}`,
		`{"x":` + strings.Repeat(`{"a":`, 20_000) + strings.Repeat("}", 20_000) + `}`,
	} {
		const depth = 6
		all, want := ParseObject([]byte(text), depth, names...)
		some, err := ParseSome([]byte(text), depth, names, names)
		if !errors.Is(err, want) {
			t.Errorf("%.60s: %v, want %v", text, err, want)
			continue
		}

		for _, name := range names {
			value, present := some[name]
			if wanted, there := all[name]; there != present || !reflect.DeepEqual(value, wanted) {
				t.Errorf("%.60s: %s is %v, want %v", text, name, value, wanted)
			}
		}
	}

	long := `{"x":"` + strings.Repeat("x", 2*maxMemberBytes) + `","sub":"a"}`
	if some, err := ParseSome([]byte(long), 6, names, names); err != nil || some["sub"] != "a" || len(some) != 1 {
		t.Errorf("a long member that is not read: %v", err)
	}
	if _, err := ParseSome([]byte(strings.Replace(long, `"x"`, `"aud"`, 1)), 6, names, names); !errors.Is(err,
		ErrLargeMember) {
		t.Errorf("a long member that is read: %v", err)
	}
}
