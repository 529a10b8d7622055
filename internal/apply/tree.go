package apply

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// parseJSON reads one JSON value and nothing else. A key that is there twice is
// refused: readers do not agree on which counts.
func parseJSON(text string) (v any, err error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if v, err = nextValue(decoder, 0); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}

	return v, nil
}

func nextValue(decoder *json.Decoder, depth int) (any, error) {
	t, err := decoder.Token()
	if err != nil || depth > maxDepth {
		return nil, cmp.Or(err, errors.New("JSON that is nested too deeply"))
	}

	switch t {
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			v, err := nextValue(decoder, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = decoder.Token()

		return list, err
	case json.Delim('{'):
		m := map[string]any{}
		for decoder.More() {
			t, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			key, _ := t.(string) // the decoder takes nothing else
			if _, twice := m[key]; twice {
				return nil, fmt.Errorf("the key %q is there twice", key)
			}
			if m[key], err = nextValue(decoder, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = decoder.Token()

		return m, err
	}

	return t, nil
}

// plain is v as JSON decodes it, so that values of any origin compare.
func plain(v any) any {
	var out any
	_ = decode([]byte(show(v)), &out) // cannot fail: show encoded it

	return out
}

// show returns v as JSON on one line, with sorted keys.
func show(v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(v) != nil {
		return "?"
	}

	return strings.TrimSpace(b.String())
}

// tree returns a resource's properties as JSON values, without what is empty and
// with sorted sets.
func tree(r properties) map[string]any {
	m, _ := normal(kindOf(r).schema, plain(r)).(map[string]any)
	return m
}

// fill reads properties from a tree.
func fill(r properties, tree any) error { return json.Unmarshal([]byte(show(tree)), r) }

// normal drops what is empty, and sorts sets, in which each element is there once.
func normal(s schema, v any) any {
	switch s.form {
	case formList, formSet:
		all, _ := v.([]any)
		out := []any{}
		for _, one := range all {
			out = append(out, normal(*s.item, one))
		}
		if s.form == formSet {
			slices.SortFunc(out, func(a, b any) int { return strings.Compare(show(a), show(b)) })
			out = slices.CompactFunc(out, func(a, b any) bool { return show(a) == show(b) })
		}
		if len(out) > 0 {
			return out
		}

		return nil
	case formMapping, formObject:
		m, _ := v.(map[string]any)
		out := map[string]any{}
		for key, one := range m {
			item := s.fields[key]
			if s.form == formMapping {
				item = *s.item
			}
			if n := normal(item, one); n != nil {
				out[key] = n
			}
		}
		if len(out) > 0 || s.form == formObject {
			return out
		}

		return nil
	case formTags:
		if m, _ := v.(map[string]any); len(m) == 0 {
			return nil
		}
	case formText:
		if v == "" {
			return nil
		}
	}

	return v
}

// eachLeaf calls do for what is neither list nor mapping in v, in order, with its
// path.
func eachLeaf(path string, v any, do func(path string, leaf any)) {
	switch v := v.(type) {
	case []any:
		for i, one := range v {
			eachLeaf(fmt.Sprintf("%s[%d]", path, i), one, do)
		}
	case map[string]any:
		for key, one := range sorted(v) {
			eachLeaf(path+"."+key, one, do)
		}
	default:
		do(path, v)
	}
}

// mapLeaves returns v with the results of do in place of what is neither list nor mapping.
func mapLeaves(v any, do func(leaf any) any) any {
	switch v := v.(type) {
	case []any:
		out := []any{}
		for _, one := range v {
			out = append(out, mapLeaves(one, do))
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, one := range v {
			out[key] = mapLeaves(one, do)
		}
		return out
	default:
		return do(v)
	}
}

// sorted yields a mapping in the order of its keys.
func sorted[V any](all map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if !yield(name, all[name]) {
				return
			}
		}
	}
}

// difference is one property that differs.
type difference struct {
	Path     string
	From, To any // nil = absent
}

// differences lists where b differs from a.
func differences(path string, a, b any) (all []difference) {
	if reflect.DeepEqual(a, b) {
		return nil
	}

	from, isMap := a.(map[string]any)
	to, too := b.(map[string]any)
	if !isMap || !too {
		return []difference{{Path: path, From: a, To: b}}
	}

	either := maps.Clone(from)
	maps.Copy(either, to)

	for key := range sorted(either) {
		all = append(all, differences(strings.TrimPrefix(path+"."+key, "."), from[key], to[key])...)
	}

	return all
}
