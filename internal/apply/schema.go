package apply

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

type form int

const (
	formText     form = iota
	formBoolean       // true or false
	formNumber        // integer
	formDocument      // JSON policy document, as text or as YAML
	formList          // order counts
	formSet           // order does not count
	formMapping       // any keys
	formObject        // the fields that are listed
	formTags          // a list of Key and Value, or a mapping
	formRefused       // known, and not offered
	formSettings      // any value, in the API's own form
)

// schema describes the values that a property may have.
type schema struct {
	form     form
	item     *schema           // list, set, mapping
	fields   map[string]schema // object
	required []string          // object
	fixed    bool              // cannot change once the resource is there
	late     bool              // fixed, but may be set where it is not
	byServer bool              // compared only where the file has it
	blank    bool              // text that may be empty
}

// integer is an integer as it was written.
type integer string

// refused is a property of Cognito Sync.
type refused struct{}

var someText = schema{form: formText}

// schemaOf returns the schema of a struct: its exported fields, by name. The tag "file" of a field
// may have these words: required, ordered, fixed, late, byServer, blank.
func schemaOf(properties any) schema { return schemaOfType(reflect.TypeOf(properties)) }

func schemaOfType(t reflect.Type) schema {
	switch t {
	case reflect.TypeFor[document]():
		return schema{form: formDocument}
	case reflect.TypeFor[integer]():
		return schema{form: formNumber}
	case reflect.TypeFor[tags]():
		return schema{form: formTags}
	case reflect.TypeFor[settings]():
		return schema{form: formSettings}
	case reflect.TypeFor[refused]():
		return schema{form: formRefused}
	}

	switch t.Kind() {
	case reflect.Pointer:
		return schemaOfType(t.Elem())
	case reflect.Bool:
		return schema{form: formBoolean}
	case reflect.Slice:
		item := schemaOfType(t.Elem())
		return schema{form: formSet, item: &item}
	case reflect.Map:
		item := schemaOfType(t.Elem())
		return schema{form: formMapping, item: &item}
	case reflect.Struct:
		return schemaOfStruct(t)
	default:
		return someText
	}
}

func schemaOfStruct(t reflect.Type) schema {
	s := schema{form: formObject, fields: map[string]schema{}}
	for _, f := range reflect.VisibleFields(t) {
		if !f.IsExported() {
			continue
		}
		words := strings.Split(f.Tag.Get("file"), ",")
		field := schemaOfType(f.Type)
		field.fixed = slices.Contains(words, "fixed")
		field.late = slices.Contains(words, "late")
		field.blank = slices.Contains(words, "blank")
		field.byServer = slices.Contains(words, "byServer")
		if slices.Contains(words, "ordered") {
			field.form = formList
		}
		if slices.Contains(words, "required") {
			s.required = append(s.required, f.Name)
		}
		s.fields[f.Name] = field
	}

	return s
}

// check reports what does not fit the schema, and returns the value with
// scalars in the schema's own types.
func (f *fileReader) check(line int, path string, s schema, v any) any {
	if _, ok := v.(*Reference); ok && (s.form == formText || s.form == formDocument) {
		return v
	}
	if v == nil && s.form != formObject {
		return nil
	}

	switch s.form {
	case formText:
		switch v := v.(type) {
		case string:
			if v == "" && !s.blank {
				return f.wrong(line, path, "text that is not empty: leave it out if there is none")
			}
			return v
		case json.Number:
			return v.String()
		case oddNumber:
			return string(v)
		}

		return f.wrong(line, path, "text")
	case formBoolean:
		switch v {
		case true, "true":
			return true
		case false, "false":
			return false
		}
		return f.wrong(line, path, "true or false")
	case formNumber:
		n, _ := v.(json.Number)
		if text, isText := v.(string); isText {
			n = json.Number(text)
		}
		number, err := n.Int64()
		if err != nil {
			return f.wrong(line, path, "an integer")
		}

		return strconv.FormatInt(number, 10) // "03600" is 3600
	case formDocument:
		return f.checkDocument(line, path, v)
	case formList, formSet:
		all, ok := v.([]any)
		if !ok {
			return f.wrong(line, path, "a list")
		}

		out := []any{}
		for i, one := range all {
			out = append(out, f.check(line, fmt.Sprintf("%s[%d]", path, i), *s.item, one))
		}

		return out
	case formMapping, formObject:
		return f.checkMapping(line, path, s, v)
	case formTags:
		return f.checkTags(line, path, v)
	case formSettings:
		f.checkNumbers(line, path, map[string]any{"": v})
		return v
	case formRefused:
		f.fault(line, "%s belongs to Cognito Sync, which is not offered", path)
	}

	return nil
}

func (f *fileReader) wrong(line int, path, want string) any {
	f.fault(line, "%s must be %s", path, want)
	return nil
}

func (f *fileReader) checkDocument(line int, path string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		f.checkNumbers(line, path, v)
		return v
	case string:
		parsed, err := parseJSON(v)
		if err != nil {
			f.fault(line, "%s: %v", path, err)
		}
		return parsed
	}

	return f.wrong(line, path, "a policy document, as YAML or as JSON text")
}

// checkNumbers refuses numbers in a document that JSON cannot have.
func (f *fileReader) checkNumbers(line int, path string, v any) {
	eachLeaf(path, v, func(at string, leaf any) {
		if number, ok := leaf.(oddNumber); ok {
			f.fault(line, "%s: write %s as a decimal number, or in quotes", at, string(number))
		}
	})
}

func (f *fileReader) checkMapping(line int, path string, s schema, v any) any {
	m, ok := v.(map[string]any)
	if !ok && v != nil {
		return f.wrong(line, path, "a mapping")
	}

	out := map[string]any{}
	for key, one := range sorted(m) {
		item := s.item
		if s.form == formObject {
			field, known := s.fields[key]
			if !known {
				f.unknown(line, "property of "+path, key, slices.Collect(maps.Keys(s.fields)))
				continue
			}
			item = &field
		}
		out[key] = f.check(line, path+"."+key, *item, one)
	}

	for _, key := range s.required {
		if m[key] == nil {
			f.fault(line, "%s needs %s", path, key)
		}
	}

	return out
}

var tagSchema = schemaOf(struct {
	Key   string `file:"required"`
	Value string `file:"required,blank"`
}{})

func (f *fileReader) checkTags(line int, path string, v any) any {
	out := map[string]any{}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range sorted(v) {
			out[key] = f.check(line, path+"."+key, schema{form: formText, blank: true}, value)
		}
	case []any:
		for i, one := range v {
			pair, _ := f.check(line, fmt.Sprintf("%s[%d]", path, i), tagSchema, one).(map[string]any)
			if key, ok := pair["Key"].(string); ok {
				if _, twice := out[key]; twice {
					f.fault(line, "%s: the tag %s is there twice", path, key)
				}
				out[key] = pair["Value"]
			}
		}
	default:
		f.fault(line, "%s must be a list of Key and Value, or a mapping", path)
	}

	for key := range sorted(out) {
		if strings.HasPrefix(key, marker) {
			f.fault(line, "%s: tags that begin with %s are the command's own", path, marker)
		}
		if isAWSTag(key) {
			f.fault(line, "%s: tags that begin with %s are AWS's own: leave %s out", path, awsTags, key)
		}
	}

	return out
}
