package policy

import (
	"encoding/json"
	"reflect"
)

// Text is the text of a policy document. A settings file may have the document as YAML.
type Text string

// UnmarshalYAML takes a string as it is, and anything else as JSON.
func (d *Text) UnmarshalYAML(unmarshal func(any) error) error {
	var value any
	if err := unmarshal(&value); err != nil {
		return err
	}

	if text, ok := value.(string); ok {
		*d = Text(text)
		return nil
	}

	text, err := json.Marshal(value)
	*d = Text(text)

	return err
}

// MarshalJSON returns the document as JSON, or as text if it is not JSON.
func (d Text) MarshalJSON() ([]byte, error) {
	if json.Valid([]byte(d)) {
		return []byte(d), nil
	}
	return json.Marshal(string(d))
}

// UnmarshalYAML decodes a struct of a settings file. Its string fields with the tag
// form:"policy" are policy documents, which may be written as YAML (Text). Values of to that
// the file does not have stay.
func UnmarshalYAML(unmarshal func(any) error, to any) error {
	v := reflect.ValueOf(to).Elem()

	fields := reflect.VisibleFields(v.Type())
	for n := range fields {
		if fields[n].Tag.Get("form") == "policy" {
			fields[n].Type = reflect.TypeFor[Text]()
		}
	}

	file := reflect.New(reflect.StructOf(fields)).Elem()
	for n := range fields {
		file.Field(n).Set(v.Field(n).Convert(fields[n].Type))
	}
	if err := unmarshal(file.Addr().Interface()); err != nil {
		return err
	}

	for n := range fields {
		v.Field(n).Set(file.Field(n).Convert(v.Field(n).Type()))
	}

	return nil
}
