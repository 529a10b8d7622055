package awsapi

import (
	"net/http/httptest"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

type queryInput struct {
	RoleArn  *string
	Duration *int  `query:"DurationSeconds"`
	Flag     *bool `query:"OnlyAttached"`
	Keys     []string
	Policies []queryPolicy `query:"PolicyArns"`
	Tags     []queryTag
	Nested   queryPolicy
}

type queryPolicy struct {
	ARN *string `query:"arn"`
}

type queryTag struct {
	Key    string
	Values []string
}

func decodeForm(text string, in any) error {
	form := parameters{values: url.Values{}}
	if err := form.add(text); err != nil {
		return err
	}
	return decodeQuery(&form, "", reflect.ValueOf(in).Elem())
}

func TestDecodeQuery(t *testing.T) {
	for _, tt := range []struct {
		form string
		want queryInput
	}{
		{"", queryInput{}},
		{"Action=A&Version=1&Unknown=x&rolearn=y", queryInput{}},
		{"RoleArn=a%2Fb+c&DurationSeconds=900&OnlyAttached=true",
			queryInput{RoleArn: new("a/b c"), Duration: new(900), Flag: new(true)}},
		{"RoleArn=", queryInput{RoleArn: new("")}},
		{"Keys.member.2=b&Keys.member.1=a", queryInput{Keys: []string{"a", "b"}}},
		{"Keys=", queryInput{Keys: []string{}}},
		{"PolicyArns.member.1.arn=x&PolicyArns.member.2.arn=y",
			queryInput{Policies: []queryPolicy{{new("x")}, {new("y")}}}},
		{"Tags.member.1.Key=k&Tags.member.1.Values.member.1=v&Tags.member.2.Key=l",
			queryInput{Tags: []queryTag{{Key: "k", Values: []string{"v"}}, {Key: "l"}}}},
		{"Nested.arn=z", queryInput{Nested: queryPolicy{new("z")}}},
	} {
		var got queryInput
		if err := decodeForm(tt.form, &got); err != nil {
			t.Errorf("decode %s: %v", tt.form, err)
		} else if diff := cmp.Diff(got, tt.want); diff != "" {
			t.Errorf("decode %s: got -, want +\n%s", tt.form, diff)
		}
	}
}

func TestDecodeQueryRefuses(t *testing.T) {
	for form, want := range map[string]string{
		"a=%zz":               "The request's parameters are not form-encoded.",
		"a=1;b=2":             "The request's parameters are not form-encoded.",
		"RoleArn=a&RoleArn=b": "Parameter 'RoleArn' appears twice.",
		"RoleArn=%ff":         "Parameter 'RoleArn' is not valid UTF-8.",
		"%ff=a":               "Parameter '(an unusual name)' is not valid UTF-8.",

		"DurationSeconds=":    "Parameter 'DurationSeconds' must be an integer.",
		"DurationSeconds=1.5": "Parameter 'DurationSeconds' must be an integer.",
		"DurationSeconds=1e9": "Parameter 'DurationSeconds' must be an integer.",
		"OnlyAttached=True":   "Parameter 'OnlyAttached' must be true or false.",

		"Keys.member.0=a":                    "List 'Keys' has a bad index.",
		"Keys.member.01=a":                   "List 'Keys' has a bad index.",
		"Keys.member.-1=a":                   "List 'Keys' has a bad index.",
		"Keys.member.=a":                     "List 'Keys' has a bad index.",
		"Keys.member.1001=a":                 "List 'Keys' has a bad index.",
		"Keys.member.99999999999999999999=a": "List 'Keys' has a bad index.",
		"Keys.member.1.x=a":                  "List 'Keys' has a bad index.",
		"PolicyArns.member.1=a":              "List 'PolicyArns' has a bad index.",

		"Keys=a":                 "List 'Keys' is not written as NAME.member.N.",
		"Keys=a&Keys.member.1=a": "List 'Keys' is not written as NAME.member.N.",
		"Keys.1=a":               "List 'Keys' is not written as NAME.member.N.",
		"Keys.Member.1=a":        "List 'Keys' is not written as NAME.member.N.",
		"PolicyArns.1.arn=a":     "List 'PolicyArns' is not written as NAME.member.N.",
		"PolicyArns=a":           "List 'PolicyArns' is not written as NAME.member.N.",

		"Keys.member.2=a": "List 'Keys' has a hole in its numbering.",
		"PolicyArns.member.1.arn=a&PolicyArns.member.3.arn=b": "List 'PolicyArns' has a hole in its numbering.",
		strings.Repeat("a&", maxParameters):                   "The request has more than 1000 parameters.",
	} {
		err := decodeForm(form, new(queryInput))
		if err == nil {
			t.Errorf("decode %.40s succeeded", form)
		} else if e := asError(err); e.Kind != Malformed || e.Message != want {
			t.Errorf("decode %.40s = %q, want %q", form, e.Message, want)
		}
	}
}

// A parameter is found wherever the client put it, but only once.
func TestQueryParametersInURLAndBody(t *testing.T) {
	s, err := New(Options{APIs: []API{{Version: "1", Operations: []Operation{{name: "A"}}}}})
	if err != nil {
		t.Fatal(err)
	}

	for _, tt := range []struct{ target, kind, body, want string }{
		{"/?Action=A&Version=1", "", "", ""},
		{"/any/path?Version=1", "application/x-www-form-urlencoded; charset=utf-8", "Action=A", ""},
		{"/?Action=A", "application/x-www-form-urlencoded", "Action=A&Version=1", "Parameter 'Action' appears twice."},
		{"/?Action=A", "", "Version=1", "Could not find operation A for version NO_VERSION_SPECIFIED"},
		{"/?Action=A&Version=2", "", "", "Could not find operation A for version 2"},
		{"/?Action=a&Version=1", "", "", "Could not find operation a for version 1"},
		{"/?Version=1", "application/x-www-form-urlencoded", "", noOperation},
		{"/?Action=" + strings.Repeat("x", 65), "", "",
			"Could not find operation (a long name) for version NO_VERSION_SPECIFIED"},
	} {
		r := httptest.NewRequest("POST", tt.target, nil)
		r.Header.Set("Content-Type", tt.kind)
		c := s.newCall(r)
		c.body = []byte(tt.body)
		got := ""
		if err := (awsQuery{}).find(&c); err != nil {
			got = asError(err).Message
		}

		if got != tt.want {
			t.Errorf("%s with body %q: %q, want %q", tt.target, tt.body, got, tt.want)
		}
	}
}

// Every decoded list is complete: writing it out again gives the same input.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"", "Action=A&Version=1", "RoleArn=a%20b&DurationSeconds=900", "Keys.member.1=a&Keys.member.2=b",
		"Keys.member.2=a",
		"Tags.member.1.Key=k&Tags.member.1.Values.member.1=v", "a=%zz", "%ff=%ff", "a;b", "Keys=",
		"PolicyArns.member.1=",
	} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, text string) {
		var first queryInput
		if err := decodeForm(text, &first); err != nil {
			e := asError(err)
			if e.Kind != Malformed || e.Message == "" || len(e.Message) > 200 ||
				strings.ContainsFunc(e.Error(), unicode.IsControl) {
				t.Fatalf("decode %q fails with %#v", text, e)
			}
			return
		}

		form := url.Values{}
		encodeQuery(form, "", reflect.ValueOf(first))
		var second queryInput
		if err := decodeForm(form.Encode(), &second); err != nil {
			t.Fatalf("decode %s, which was decoded before: %v", form.Encode(), err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatalf("the second decoding differs:\n%s", diff)
		}
	})
}

// encodeQuery is the inverse of decodeQuery for the types above.
func encodeQuery(form url.Values, prefix string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			encodeQuery(form, prefix, v.Elem())
		}
	case reflect.Slice:
		if !v.IsNil() && v.Len() == 0 {
			form.Set(prefix, "")
		}

		for i := range v.Len() {
			encodeQuery(form, prefix+".member."+strconv.Itoa(i+1), v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Tag.Get("query")
			if name == "" {
				name = v.Type().Field(i).Name
			}
			if prefix != "" {
				name = prefix + "." + name
			}
			encodeQuery(form, name, v.Field(i))
		}

		if prefix != "" { // so that a list element without members keeps its place
			form.Set(prefix+".", "")
		}
	case reflect.String:
		form.Set(prefix, v.String())
	case reflect.Int:
		form.Set(prefix, strconv.Itoa(int(v.Int())))
	case reflect.Bool:
		form.Set(prefix, strconv.FormatBool(v.Bool()))
	}
}
