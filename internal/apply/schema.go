package apply

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// The types of resource.
const (
	typePool       = "AWS::Cognito::IdentityPool"
	typeAttachment = "AWS::Cognito::IdentityPoolRoleAttachment"
	typeTags       = "AWS::Cognito::IdentityPoolPrincipalTag"
	typeRole       = "AWS::IAM::Role"
	typePolicy     = "AWS::IAM::ManagedPolicy"
	typeOIDC       = "AWS::IAM::OIDCProvider"
	typeSAML       = "AWS::IAM::SAMLProvider"
)

type kind int

const (
	text     kind = iota
	boolean       // true or false
	number        // integer
	document      // JSON policy document, as text or as YAML
	list          // order counts
	set           // order does not count
	mapping       // any keys
	object        // the fields that are listed
	tags          // a list of Key and Value, or a mapping
	refused       // known, and not offered
)

// schema is what a property may hold.
type schema struct {
	kind     kind
	item     *schema           // list, set, mapping
	fields   map[string]schema // object
	required []string          // object
	fixed    bool              // cannot change once the resource is there
	late     bool              // fixed, but may be set where it is not
	byServer bool              // compared only where the file has it
}

var (
	someText = schema{kind: text}
	fixed    = schema{kind: text, fixed: true}
	texts    = schema{kind: set, item: &someText}
	textMap  = schema{kind: mapping, item: &someText}
	sync     = schema{kind: refused}
)

var types = map[string]schema{
	typePool: {kind: object, required: []string{"AllowUnauthenticatedIdentities"}, fields: map[string]schema{
		"IdentityPoolName": someText, "AllowUnauthenticatedIdentities": {kind: boolean}, "AllowClassicFlow": {kind: boolean},
		"SupportedLoginProviders": textMap, "DeveloperProviderName": {kind: text, fixed: true, late: true}, "OpenIdConnectProviderARNs": texts, "SamlProviderARNs": texts,
		"CognitoIdentityProviders": {kind: set, item: &schema{kind: object, required: []string{"ProviderName", "ClientId"}, fields: map[string]schema{
			"ProviderName": someText, "ClientId": someText, "ServerSideTokenCheck": {kind: boolean}}}},
		"IdentityPoolTags": {kind: tags}, "CognitoEvents": sync, "CognitoStreams": sync, "PushSync": sync}},
	typeAttachment: {kind: object, required: []string{"IdentityPoolId"}, fields: map[string]schema{
		"IdentityPoolId": fixed, "Roles": textMap,
		"RoleMappings": {kind: mapping, item: &schema{kind: object, required: []string{"Type"}, fields: map[string]schema{
			"IdentityProvider": someText, "Type": someText, "AmbiguousRoleResolution": someText,
			"RulesConfiguration": {kind: object, required: []string{"Rules"}, fields: map[string]schema{
				"Rules": {kind: list, item: &schema{kind: object, required: []string{"Claim", "MatchType", "RoleARN", "Value"}, fields: map[string]schema{
					"Claim": someText, "MatchType": someText, "RoleARN": someText, "Value": someText}}}}}}}}}},
	typeTags: {kind: object, required: []string{"IdentityPoolId", "IdentityProviderName"}, fields: map[string]schema{
		"IdentityPoolId": fixed, "IdentityProviderName": fixed, "PrincipalTags": textMap, "UseDefaults": {kind: boolean}}},
	typeRole: {kind: object, required: []string{"AssumeRolePolicyDocument"}, fields: map[string]schema{
		"RoleName": fixed, "Path": fixed, "Description": someText, "AssumeRolePolicyDocument": {kind: document}, "MaxSessionDuration": {kind: number},
		"PermissionsBoundary": someText, "ManagedPolicyArns": texts, "Tags": {kind: tags},
		"Policies": {kind: set, item: &schema{kind: object, required: []string{"PolicyName", "PolicyDocument"}, fields: map[string]schema{
			"PolicyName": someText, "PolicyDocument": {kind: document}}}}}},
	typePolicy: {kind: object, required: []string{"PolicyDocument"}, fields: map[string]schema{
		"ManagedPolicyName": fixed, "Path": fixed, "Description": fixed, "PolicyDocument": {kind: document}, "Tags": {kind: tags}}},
	typeOIDC: {kind: object, required: []string{"Url"}, fields: map[string]schema{
		"Url": fixed, "ClientIdList": texts, "ThumbprintList": {kind: set, item: &someText, byServer: true}, "Tags": {kind: tags}}},
	typeSAML: {kind: object, required: []string{"SamlMetadataDocument"}, fields: map[string]schema{
		"Name": fixed, "SamlMetadataDocument": someText, "Tags": {kind: tags}}},
}

// attributes are what references may ask for.
var attributes = map[string][]string{
	typePool: {"Ref", "Id", "Name", "Arn"}, typeRole: {"Ref", "Arn"}, typePolicy: {"Ref", "PolicyArn"}, typeOIDC: {"Ref", "Arn"}, typeSAML: {"Ref", "Arn"},
}

func typeNames() []string { return slices.Sorted(maps.Keys(types)) }

// check reports what does not fit the schema, and returns the value with
// scalars in the schema's own types.
func (f *fileReader) check(line int, path string, s schema, v any) any {
	wrong := func(want string) any {
		f.fault(line, "%s must be %s", path, want)
		return nil
	}
	if _, ok := v.(*Reference); ok && (s.kind == text || s.kind == document) {
		return v
	}
	if v == nil && s.kind != object {
		return nil
	}
	switch s.kind {
	case text:
		switch v := v.(type) {
		case string:
			return v
		case json.Number:
			return v.String()
		case oddNumber:
			return string(v)
		}
		return wrong("text")
	case boolean:
		switch v {
		case true, "true":
			return true
		case false, "false":
			return false
		}
		return wrong("true or false")
	case number:
		n, ok := v.(json.Number)
		if text, isText := v.(string); isText {
			n, ok = json.Number(text), true
		}
		if _, err := n.Int64(); !ok || err != nil {
			return wrong("an integer")
		}
		return n
	case document:
		switch v := v.(type) {
		case map[string]any:
			f.checkNumbers(line, path, v)
			return v
		case string:
			parsed, err := parseJSON(v)
			if err == nil {
				return parsed
			}
			f.fault(line, "%s: %v", path, err)
			return nil
		}
		return wrong("a policy document, as YAML or as JSON text")
	case list, set:
		all, ok := v.([]any)
		if !ok {
			return wrong("a list")
		}
		out := []any{}
		for i, one := range all {
			out = append(out, f.check(line, fmt.Sprintf("%s[%d]", path, i), *s.item, one))
		}
		return out
	case mapping, object:
		m, ok := v.(map[string]any)
		if !ok && v != nil {
			return wrong("a mapping")
		}
		out := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			item := s.item
			if s.kind == object {
				field, known := s.fields[key]
				if !known {
					f.unknown(line, "property of "+path, key, slices.Collect(maps.Keys(s.fields)))
					continue
				}
				item = &field
			}
			out[key] = f.check(line, path+"."+key, *item, m[key])
		}
		for _, key := range s.required {
			if m[key] == nil {
				f.fault(line, "%s needs %s", path, key)
			}
		}
		return out
	case tags:
		return f.checkTags(line, path, v)
	case refused:
		f.fault(line, "%s belongs to Cognito Sync, which is not offered", path)
	}
	return nil
}

// checkNumbers refuses numbers in a document that JSON cannot have.
func (f *fileReader) checkNumbers(line int, path string, v any) {
	switch v := v.(type) {
	case oddNumber:
		f.fault(line, "%s: write %s as a decimal number, or in quotes", path, string(v))
	case []any:
		for i, one := range v {
			f.checkNumbers(line, fmt.Sprintf("%s[%d]", path, i), one)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			f.checkNumbers(line, path+"."+key, v[key])
		}
	}
}

func (f *fileReader) checkTags(line int, path string, v any) any {
	out := map[string]any{}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			out[key] = f.check(line, path+"."+key, someText, value)
		}
	case []any:
		for i, one := range v {
			at := fmt.Sprintf("%s[%d]", path, i)
			pair, _ := f.check(line, at, schema{kind: object, required: []string{"Key", "Value"}, fields: map[string]schema{"Key": someText, "Value": someText}}, one).(map[string]any)
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
	for key := range out {
		if strings.HasPrefix(key, marker) {
			f.fault(line, "%s: tags that begin with %s are the command's own", path, marker)
		}
		if isAWSTag(key) {
			f.fault(line, "%s: tags that begin with %s are AWS's own: leave %s out", path, awsTags, key)
		}
	}
	return out
}

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
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(v) != nil {
		return nil
	}
	var out any
	decoder := json.NewDecoder(&b)
	decoder.UseNumber()
	_ = decoder.Decode(&out) // it is what was encoded
	return out
}

func show(v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(v) != nil {
		return "?"
	}
	return strings.TrimSpace(b.String())
}

// normal drops what is empty, and sorts sets.
func normal(s schema, v any) any {
	switch s.kind {
	case list, set:
		all, _ := v.([]any)
		out := []any{}
		for _, one := range all {
			out = append(out, normal(*s.item, one))
		}
		if s.kind == set {
			slices.SortFunc(out, func(a, b any) int { return strings.Compare(show(a), show(b)) })
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case mapping, object, tags:
		m, _ := v.(map[string]any)
		out := map[string]any{}
		for key, one := range m {
			item := someText
			switch s.kind {
			case mapping:
				item = *s.item
			case object:
				item = s.fields[key]
			}
			if n := normal(item, one); n != nil || s.kind == tags {
				out[key] = n
			}
		}
		if len(out) == 0 && s.kind != object {
			return nil
		}
		return out
	case document:
		if text, ok := v.(string); ok {
			if parsed, err := parseJSON(text); err == nil {
				return parsed
			}
		}
		return v
	case text:
		if v == "" {
			return nil
		}
	}
	return v
}

// Field is one difference.
type Field struct {
	Path     string
	From, To any // nil = absent
}

// differences lists where b differs from a.
func differences(path string, a, b any) []Field {
	if reflect.DeepEqual(a, b) {
		return nil
	}
	from, isMap := a.(map[string]any)
	to, too := b.(map[string]any)
	if isMap && too {
		keys := map[string]bool{}
		for key := range from {
			keys[key] = true
		}
		for key := range to {
			keys[key] = true
		}
		var all []Field
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			all = append(all, differences(strings.TrimPrefix(path+"."+key, "."), from[key], to[key])...)
		}
		return all
	}
	return []Field{{path, a, b}}
}
