package awsapi

import (
	"strings"
	"testing"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// sample has a member of every kind that inputs have.
type sample struct {
	Name  *string           `json:"Name,omitzero"`
	On    *bool             `json:"On,omitzero"`
	Count *int              `json:"Count,omitzero"`
	Names []string          `json:"Names,omitzero"`
	Tags  map[string]string `json:"Tags,omitzero"`
	Parts []samplePart      `json:"Parts,omitzero"`
	ByKey map[string]sample `json:"ByKey,omitzero"`
	Inner *samplePart       `json:"Inner,omitzero"`
}

type samplePart struct {
	Key *string `json:"Key,omitzero"`
}

func TestDecodeJSON(t *testing.T) {
	for _, tt := range []struct {
		body string
		want sample
	}{
		{`{}`, sample{}},
		{" \r\n\t{ } ", sample{}},
		{`{"Name":"x","On":false,"Count":-7}`, sample{Name: new("x"), On: new(false), Count: new(-7)}},
		{`{"Name":"","Names":[],"Tags":{},"Parts":[]}`, sample{
			Name:  new(""),
			Names: []string{},
			Tags:  map[string]string{},
			Parts: []samplePart{},
		}},

		{`{"Name":null,"On":null,"Count":null,"Names":null,"Tags":null,"Parts":null,"ByKey":null,"Inner":null}`,
			sample{}},
		{`{"Unknown":{"a":[1,{"b":null}]},"name":"ignored","NAME":1}`, sample{}},
		{`{"ByKey":{"a":{"Name":null,"Parts":null,"Inner":null}},"Parts":[{"Key":null}]}`,
			sample{ByKey: map[string]sample{"a": {}}, Parts: []samplePart{{}}}},

		{`{"Names":["a","b"],"Tags":{"k":"v","":""}}`,
			sample{Names: []string{"a", "b"}, Tags: map[string]string{"k": "v", "": ""}}},
		{`{"Parts":[{"Key":"a"},{}],"ByKey":{"x":{"Inner":{"Key":"b"}}}}`,
			sample{
				Parts: []samplePart{{Key: new("a")}, {}},
				ByKey: map[string]sample{"x": {Inner: &samplePart{Key: new("b")}}},
			}},

		{`{"Name":"\u00e9\ud83d\ude00"}`, sample{Name: new("é😀")}},
		{`{"Count":9223372036854775807}`, sample{Count: new(9223372036854775807)}},
		{nest(maxDepth), sample{}},
	} {
		var got sample
		if err := decodeJSON([]byte(tt.body), &got); err != nil {
			t.Errorf("decodeJSON(%s): %v", tt.body, err)
		} else if diff := cmp.Diff(got, tt.want); diff != "" {
			t.Errorf("decodeJSON(%s): got -, want +\n%s", tt.body, diff)
		}
	}
}

// nest returns an object with values nested to depth in an unknown member.
func nest(depth int) string {
	return `{"x":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
}

func TestDecodeJSONRefuses(t *testing.T) {
	const secret = "s3cr3t"
	for body, want := range map[string]string{
		``:                                 "The body must be a JSON object.",
		`  `:                               "The body must be a JSON object.",
		`null`:                             "The body must be a JSON object.",
		`[]`:                               "The body must be a JSON object.",
		`"x"`:                              "The body must be a JSON object.",
		`{`:                                "The body is not valid JSON: see byte 1.",
		`{} {}`:                            "The body is not valid JSON: see byte 3.",
		`{}s3cr3t`:                         "The body is not valid JSON: see byte 2.",
		`{"Name":"s3cr3t"`:                 "The body is not valid JSON: see byte 16.",
		`{'Name':"s3cr3t"}`:                "The body is not valid JSON: see byte 1.",
		`{"Name":"s3cr3t",}`:               "The body is not valid JSON: see byte 16.",
		"{\"Name\":\"s3cr3t\xff\"}":        "The body is not valid JSON: see byte 15.",
		`{"Name":"s3cr3t\ud800"}`:          "The body is not valid JSON: see byte 15.",
		"{\"Name\":\"s3cr3t\x01\"}":        "The body is not valid JSON: see byte 15.",
		"\xef\xbb\xbf{}":                   "The body must be a JSON object.",
		`{"Name":"a","Name":"b"}`:          "Member 'Name' appears twice.",
		`{"Tags":{"a":"1","a":"2"}}`:       "Member 'Tags' contains a name twice.",
		`{"x":{"a":1,"a":2}}`:              "Member 'x' contains a name twice.",
		`{"s3cr3t s3cr3t":{"a":1,"a":2}}`:  "Member '(an unusual name)' contains a name twice.",
		`{"Name":1}`:                       "Member 'Name' has the wrong type: it must be a string.",
		`{"Name":{"a":"s3cr3t"}}`:          "Member 'Name' has the wrong type: it must be a string.",
		`{"On":"true"}`:                    "Member 'On' has the wrong type: it must be true or false.",
		`{"On":0}`:                         "Member 'On' has the wrong type: it must be true or false.",
		`{"Count":"1"}`:                    "Member 'Count' has the wrong type: it must be an integer.",
		`{"Count":1.5}`:                    "Member 'Count' has the wrong type: it must be an integer.",
		`{"Count":1.0}`:                    "Member 'Count' has the wrong type: it must be an integer.",
		`{"Count":1e2}`:                    "Member 'Count' has the wrong type: it must be an integer.",
		`{"Count":9223372036854775808}`:    "Member 'Count' has the wrong type: it must be an integer.",
		`{"Names":"a"}`:                    "Member 'Names' has the wrong type: it must be a list.",
		`{"Names":{}}`:                     "Member 'Names' has the wrong type: it must be a list.",
		`{"Names":["a",1]}`:                "Member 'Names' must contain strings only.",
		`{"Names":["a",null]}`:             "Member 'Names' must contain strings only.",
		`{"Tags":[]}`:                      "Member 'Tags' has the wrong type: it must be an object.",
		`{"Tags":{"s3cr3t":1}}`:            "Member 'Tags' must contain strings only.",
		`{"Tags":{"a":null}}`:              "Member 'Tags' must contain strings only.",
		`{"Parts":[1]}`:                    "Member 'Parts' contains a value of the wrong type: it must be an object.",
		`{"Parts":[{"Key":[]}]}`:           "Member 'Parts' contains a value of the wrong type: it must be a string.",
		`{"Parts":[{},null]}`:              "Member 'Parts' must not contain null.",
		`{"ByKey":{"a":null}}`:             "Member 'ByKey' must not contain null.",
		`{"ByKey":{"a":{"Parts":[null]}}}`: "Member 'ByKey' must not contain null.",
		`{"Inner":"s3cr3t"}`:               "Member 'Inner' has the wrong type: it must be an object.",
		nest(maxDepth + 1):                 "The body is nested more than 16 levels deep.",
		`{"x":` + strings.Repeat(`{"x":`, 100_000): "The body is nested more than 16 levels deep.",
	} {
		short := body[:min(len(body), 60)]
		err := decodeJSON([]byte(body), new(sample))
		if err == nil {
			t.Errorf("decodeJSON(%s) succeeded", short)
			continue
		}

		e := asError(err)
		if e.Kind != Malformed || e.Message != want {
			t.Errorf("decodeJSON(%s) = %q, want %q", short, e.Message, want)
		}

		if isNull := strings.Contains(body, "null]") || strings.Contains(body, `"a":null}`); isNull !=
			(e.Why.Reason == bodyNull) {
			t.Errorf("decodeJSON(%s) is explained by %s", short, e.Why)
		}
		if member := e.Why.Subject; member != "" && !strings.Contains(body, `"`+member+`"`) &&
			member != "(an unusual name)" {
			t.Errorf("decodeJSON(%s): %q is not written so", short, member)
		}

		if strings.Contains(err.Error(), secret) {
			t.Errorf("decodeJSON(%s) quotes a value: %v", short, err)
		}
	}
}

// Decoding loses nothing: encoding the value and decoding it again changes nothing.
func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{
		``, `{}`, `{"Name":"x","On":true,"Count":1}`, `{"Tags":{"a":"b"},"Names":["x"]}`, `{"Parts":[{"Key":null}]}`,
		`{"ByKey":{"a":{"ByKey":{"b":{"Count":2}}}}}`, `{"Name":"\ud83d\ude00"}`, nest(17), "{\"Name\":\"\xff\"}",
		`{"Name":"a","Name":"b"}`,
	} {
		f.Add([]byte(s))
	}

	f.Fuzz(func(t *testing.T, body []byte) {
		var first sample
		if err := decodeJSON(body, &first); err != nil {
			e := asError(err)
			if e.Kind != Malformed || e.Message == "" || len(e.Message) > 200 ||
				strings.ContainsFunc(e.Error(), unicode.IsControl) {
				t.Fatalf("decodeJSON(%q) fails with %#v", body, e)
			}
			return
		}

		again, err := json.Marshal(first)
		if err != nil {
			t.Fatalf("what decodes does not encode: %v", err)
		}

		var second sample
		if err := decodeJSON(again, &second); err != nil {
			t.Fatalf("decodeJSON(%s), which was decoded before: %v", again, err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("the second decoding differs:\n%s", diff)
		}
	})
}
