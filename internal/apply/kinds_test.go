package apply

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// TestEveryPropertyIsReadAgain writes, for each type, a resource that has every property
// of its schema, reads the file and compares. A new type or property needs no line here.
func TestEveryPropertyIsReadAgain(t *testing.T) {
	for _, k := range kinds {
		name := k.new().typeName()
		t.Run(name, func(t *testing.T) {
			want, _ := example(k.schema, "P").(map[string]any)
			written := k.new()
			if err := fill(written, want); err != nil {
				t.Fatal(err)
			}
			same(t, "the struct", tree(written), normal(k.schema, plain(want)))

			var file bytes.Buffer
			file.WriteString("Resources:")
			writeYAML(&file, pairs{{key: "R", value: pairs{
				{key: "Type", value: name},
				{key: "Properties", value: ordered(tree(written), nil)},
			}}}, 2)
			all, err := Read(file.Bytes(), ReadOptions{UserPools: true})
			if err != nil || len(all.Resources) != 1 {
				t.Fatalf("Read: %v\n%s", err, file.Bytes())
			}

			read := k.new()
			if err := fill(read, normal(k.schema, all.Resources[0].Properties)); err != nil {
				t.Fatal(err)
			}
			same(t, "the file", tree(read), tree(written))
			for property, s := range k.schema.fields {
				if _, found := tree(read)[property]; !found && s.form != formRefused {
					t.Errorf("%s is not in the file:\n%s", property, file.Bytes())
				}
			}
		})
	}
}

// example returns a value of a schema, with every field of objects. Its texts are such
// as YAML could take for something else.
func example(s schema, path string) any {
	switch s.form {
	case formBoolean:
		return true
	case formNumber:
		return "3600" // integers keep their text
	case formList, formSet:
		return []any{example(*s.item, path+"[0]"), example(*s.item, path+"[1]")}
	case formMapping:
		return map[string]any{"yes": example(*s.item, path+".yes"), "a: #b": example(*s.item, path+".a")}
	case formTags:
		return map[string]any{"null": "~", "2012-10-17": "1e3"}
	case formDocument:
		return map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect":    "Allow",
			"Action":    []any{"*", "- x"},
			"Condition": map[string]any{"Bool": map[string]any{"a:b": true}},
		}}}
	case formObject:
		fields := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(s.fields)) {
			if s.fields[name].form != formRefused {
				fields[name] = example(s.fields[name], path+"."+name)
			}
		}

		return fields
	default:
		return fmt.Sprintf("!Ref {%s}: 0x10 #\n- ${!x}", path)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if show(got) != show(want) {
		t.Errorf("%s:\n got %s\nwant %s", what, show(got), show(want))
	}
}
