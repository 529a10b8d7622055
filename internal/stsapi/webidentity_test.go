package stsapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// parseClaims reads claims as package login does.
func parseClaims(text string) (claims map[string]any) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&claims) != nil {
		return nil
	}
	return claims
}

func TestTokenTags(t *testing.T) {
	for name, test := range map[string]struct {
		claims     string
		tags       map[string]string
		transitive []string
		err        string
	}{
		"none": {claims: `{"sub":"x"}`, tags: map[string]string{}},
		"nested": {claims: `{"https://aws.amazon.com/tags":{"principal_tags":{"a":["1"],"b":["2"]},` +
			`"transitive_tag_keys":["b"]}}`, tags: map[string]string{"a": "1", "b": "2"}, transitive: []string{"b"}},
		"flattened": {claims: `{"https://aws.amazon.com/tags/principal_tags/a":"1",` +
			`"https://aws.amazon.com/tags/transitive_tag_keys":["a","a"]}`, tags: map[string]string{"a": "1"},
			transitive: []string{"a"}},
		"a lone key": {claims: `{"https://aws.amazon.com/tags":{"transitive_tag_keys":"a"}}`,
			tags: map[string]string{}, transitive: []string{"a"}},
		"both forms": {claims: `{"https://aws.amazon.com/tags":{"principal_tags":{"a":["1"]}},` +
			`"https://aws.amazon.com/tags/principal_tags/a":["2"]}`, err: "one value"},
		"no value":      {claims: `{"https://aws.amazon.com/tags":{"principal_tags":{"a":[]}}}`, err: "one value"},
		"a number":      {claims: `{"https://aws.amazon.com/tags":{"principal_tags":{"a":[1]}}}`, err: "one value"},
		"no object":     {claims: `{"https://aws.amazon.com/tags":"x"}`, err: "no object"},
		"no tag object": {claims: `{"https://aws.amazon.com/tags":{"principal_tags":["a"]}}`, err: "no object"},
		"null": {claims: `{"https://aws.amazon.com/tags":null,` +
			`"https://aws.amazon.com/tags/principal_tags/a":null,` +
			`"https://aws.amazon.com/tags/transitive_tag_keys":null}`, tags: map[string]string{}},
		"nested nulls": {claims: `{"https://aws.amazon.com/tags":{"principal_tags":null,` +
			`"transitive_tag_keys":null}}`, tags: map[string]string{}},
		"a null value": {claims: `{"https://aws.amazon.com/tags":{"principal_tags":{"a":null}}}`, err: "one value"},
		"odd keys":     {claims: `{"https://aws.amazon.com/tags/transitive_tag_keys":{"a":1}}`, err: "no list"},
	} {
		t.Run(name, func(t *testing.T) {
			tags, transitive, err := tokenTags(parseClaims(test.claims))
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || tags != nil {
					t.Fatalf("%v, %v; want an error with %q", tags, err, test.err)
				}
				return
			}

			if err != nil || !cmp.Equal(tags, test.tags) || !cmp.Equal(transitive, test.transitive) {
				t.Errorf("%v, %v, %v", tags, transitive, err)
			}
		})
	}
}

func TestTokenConditions(t *testing.T) {
	claims := parseClaims(`{"iss":"https://idp.example/a","sub":"s","aud":["x","y"],"azp":"x","amr":["pwd","otp"],` +
		`"admin":true,"level":3,"nested":{"a":1},"mixed":["a",1],"odd name":"v","a:b":"v"}`)
	got := tokenConditions("idp.example/A", login.Claims{Subject: "s", Audience: "x", All: claims})
	want := policy.Keys{
		"idp.example/a:iss": {"https://idp.example/a"}, "idp.example/a:sub": {"s"}, "idp.example/a:aud": {"x"},
		"idp.example/a:oaud": {"x", "y"}, "idp.example/a:azp": {"x"},
		"idp.example/a:amr": {"pwd", "otp"}, "idp.example/a:admin": {"true"}, "idp.example/a:level": {"3"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	kept := carried(got, "idp.example/A", "aud", "oaud", "sub", "amr")
	if len(kept) != 4 {
		t.Errorf("carried %v", kept)
	}
}

// A claim that is null is absent: it neither is a second spelling nor makes oaud.
func TestNullClaims(t *testing.T) {
	all := parseClaims(
		`{"sub":"s","aud":"x","azp":null,"dept":"it","DEPT":null,"https://aws.amazon.com/source_identity":null}`,
	)
	got := tokenConditions("idp.example", login.Claims{Subject: "s", Audience: "x", All: all})
	want := policy.Keys{"idp.example:sub": {"s"}, "idp.example:aud": {"x"}, "idp.example:dept": {"it"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	if name, err := tokenSourceIdentity(all); name != "" || err != nil {
		t.Errorf("source identity %q, %v", name, err)
	}
}

func TestClaimedClient(t *testing.T) {
	for claims, want := range map[string]string{
		`{"aud":"a"}`:                    "a",
		`{"aud":["a"]}`:                  "a",
		`{"aud":["a","b"]}`:              "",
		`{"aud":["a","b"],"azp":"b"}`:    "b",
		`{"aud":"a","azp":"b"}`:          "b",
		`{"aud":"a","azp":["a"]}`:        "",
		`{"aud":"a","azp":null}`:         "a",
		`{"aud":["a",1]}`:                "",
		`{"aud":{"a":"a"},"sub":"user"}`: "",
		`{}`:                             "",
	} {
		if got := claimedClient(parseClaims(claims)); got != want {
			t.Errorf("%s is for %q, not %q", claims, got, want)
		}
	}
}

func TestCompact(t *testing.T) {
	for document, want := range map[string]string{
		"{ \"a b\" :\t[ \"c \\\" d\" ,\n1 ] }": `{"a b":["c \" d",1]}`,
		`{"a":"\\"}`:                           `{"a":"\\"}`,
	} {
		if got := compact(document); got != want {
			t.Errorf("compact(%s) = %s, want %s", document, got, want)
		}
	}
}

// FuzzTokenClaims reads arbitrary claims: tags have one value each, source
// identities are session names, and nothing panics.
func FuzzTokenClaims(f *testing.F) {
	f.Add(`{"https://aws.amazon.com/tags":{"principal_tags":{"a":["1"]},"transitive_tag_keys":["a"]}}`)
	f.Add(`{"https://aws.amazon.com/tags/principal_tags/a":"1","https://aws.amazon.com/source_identity":"me"}`)
	f.Add(`{"aud":["a","b"],"azp":1,"amr":[["x"]],"exp":1e400}`)
	f.Fuzz(func(t *testing.T, text string) {
		claims := parseClaims(text)
		tags, transitive, err := tokenTags(claims)
		if err != nil && (tags != nil || transitive != nil) {
			t.Error("tags beside an error")
		}
		name, err := tokenSourceIdentity(claims)
		if err == nil && strings.ContainsAny(name, ": \n") {
			t.Errorf("source identity %q", name)
		}

		for key, values := range tokenConditions("idp.example", login.Claims{All: claims}) {
			if !strings.HasPrefix(key, "idp.example:") || len(values) == 0 || len(values) > maxClaimValues {
				t.Errorf("condition %q: %d values", key, len(values))
			}
		}
	})
}

// FuzzCompact takes blanks out of policies and nothing else.
func FuzzCompact(f *testing.F) {
	f.Add(`{"Version": "2012-10-17", "Statement": []}`)
	f.Add(`{"a": "\" \\"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			return
		}
		var before, after any
		if json.Unmarshal([]byte(text), &before) != nil {
			return
		}
		if err := json.Unmarshal([]byte(compact(text)), &after); err != nil || !cmp.Equal(before, after) {
			t.Errorf("compact(%q) = %q", text, compact(text))
		}
	})
}
