package policy

import (
	"encoding/json"
	"testing"
)

// allows evaluates one condition block of an Allow statement.
func allows(t testing.TB, condition string, c Keys) bool {
	t.Helper()
	d := mustParse(
		t,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":`+
			condition+`}}`,
	)
	effect, _ := d.Evaluate(Request{
		Action:   "a:b",
		Resource: "*",
		Context:  RequestContext{Caller: c, Service: allKnown},
	})

	return effect == Allow
}

// allKnown is Request.Later where what the context lacks is known to be absent.
func allKnown(string) (values []string, known bool) { return nil, true }

func TestOperators(t *testing.T) {
	absent := []string(nil)
	for _, tc := range []struct {
		operator string
		values   []string // of the policy
		given    []string // of the request; nil = the key is absent
		want     bool
	}{
		{"StringEquals", []string{"a"}, []string{"a"}, true},
		{"StringEquals", []string{"a"}, []string{"A"}, false},
		{"StringEquals", []string{"a", "b"}, []string{"b"}, true},
		{"StringEquals", []string{"a*"}, []string{"ab"}, false},
		{"StringEquals", []string{"a*"}, []string{"a*"}, true},
		{"StringEquals", []string{""}, []string{""}, true},
		{"StringEquals", []string{"a"}, absent, false},
		{"StringNotEquals", []string{"a"}, []string{"b"}, true},
		{"StringNotEquals", []string{"a", "b"}, []string{"b"}, false},
		{"StringNotEquals", []string{"a"}, absent, true},
		{"StringEqualsIgnoreCase", []string{"Äb"}, []string{"äB"}, true},
		{"StringEqualsIgnoreCase", []string{"a"}, []string{"b"}, false},
		{"StringNotEqualsIgnoreCase", []string{"a"}, []string{"A"}, false},
		{"StringNotEqualsIgnoreCase", []string{"a"}, []string{"b"}, true},
		{"StringLike", []string{"a*c?"}, []string{"abbbcd"}, true},
		{"StringLike", []string{"a*c?"}, []string{"abbbc"}, false},
		{"StringLike", []string{"authenticated*"}, []string{"unauthenticated"}, false},
		{"StringLike", []string{"*authenticated"}, []string{"unauthenticated"}, true},
		{"StringNotLike", []string{"a*"}, []string{"ab"}, false},
		{"StringNotLike", []string{"a*"}, []string{"ba"}, true},
		{"StringNotLike", []string{"a*"}, absent, true},
		{"NumericEquals", []string{"10"}, []string{"10.0"}, true},
		{"NumericEquals", []string{"9007199254740993"}, []string{"9007199254740992"}, false},
		{"NumericEquals", []string{"9007199254740993"}, []string{"9007199254740993.0"}, true},
		{"NumericEquals", []string{"10"}, []string{"ten"}, false},
		{"NumericEquals", []string{"10"}, []string{"0x0a"}, false},
		{"NumericNotEquals", []string{"10"}, []string{"11"}, true},
		{"NumericNotEquals", []string{"10"}, []string{"ten"}, false}, // cannot be compared
		{"NumericLessThan", []string{"10"}, []string{"9.99"}, true},
		{"NumericLessThan", []string{"10"}, []string{"10"}, false},
		{"NumericLessThan", []string{"1", "10"}, []string{"5"}, true},
		{"NumericLessThanEquals", []string{"10"}, []string{"10"}, true},
		{"NumericGreaterThan", []string{"-1"}, []string{"0"}, true},
		{"NumericGreaterThan", []string{"10"}, []string{"10"}, false},
		{"NumericGreaterThanEquals", []string{"10"}, []string{"10"}, true},
		{"NumericGreaterThanEquals", []string{"10"}, absent, false},
		{"DateEquals", []string{"2026-11-23T10:00:00Z"}, []string{"2026-11-23T11:00:00+01:00"}, true},
		{"DateEquals", []string{"2026-11-23"}, []string{"1795392000"}, true},
		{"DateNotEquals", []string{"2026-11-23"}, []string{"2026-11-24"}, true},
		{"DateLessThan", []string{"2026-11-23T10:00Z"}, []string{"2026-11-23T09:59:59.999Z"}, true},
		{"DateLessThan", []string{"2026"}, []string{"2026-01-01T00:00:00Z"}, false},
		{"DateLessThanEquals", []string{"2026-01"}, []string{"2026-01-01T00:00:00Z"}, true},
		{"DateGreaterThan", []string{"2026-11-23"}, []string{"2026-11-23T00:00:01Z"}, true},
		{"DateGreaterThanEquals", []string{"2026-11-23"}, []string{"2026-11-23T00:00:00Z"}, true},
		{"DateGreaterThan", []string{"2026-11-23"}, []string{"later"}, false},
		{"Bool", []string{"true"}, []string{"true"}, true},
		{"Bool", []string{"True"}, []string{"TRUE"}, true},
		{"Bool", []string{"false"}, []string{"true"}, false},
		{"Bool", []string{"false"}, absent, false},
		{"Bool", []string{"false"}, []string{"no"}, false},
		{"BinaryEquals", []string{"QmluYXJ5VmFsdWVJbkJhc2U2NA=="}, []string{"QmluYXJ5VmFsdWVJbkJhc2U2NA=="}, true},
		{"BinaryEquals", []string{"AAEC"}, []string{"AAED"}, false},
		{"IpAddress", []string{"203.0.113.0/24"}, []string{"203.0.113.9"}, true},
		{"IpAddress", []string{"203.0.113.77/24"}, []string{"203.0.113.9"}, true},
		{"IpAddress", []string{"203.0.113.0/24"}, []string{"203.0.114.9"}, false},
		{"IpAddress", []string{"203.0.113.9"}, []string{"203.0.113.9"}, true},
		{"IpAddress", []string{"203.0.113.0/24"}, []string{"::ffff:203.0.113.9"}, true},
		{"IpAddress", []string{"2001:DB8:1234:5678::/64"}, []string{"2001:db8:1234:5678::1"}, true},
		{"IpAddress", []string{"0.0.0.0/0"}, []string{"2001:db8::1"}, false},
		{"IpAddress", []string{"fe80::/10"}, []string{"fe80::1%eth0"}, false},
		{"NotIpAddress", []string{"203.0.113.0/24"}, []string{"198.51.100.1"}, true},
		{"NotIpAddress", []string{"203.0.113.0/24"}, []string{"203.0.113.1"}, false},
		{"NotIpAddress", []string{"203.0.113.0/24"}, absent, true},
		{
			"ArnEquals",
			[]string{"arn:aws:sns:*:123456789012:T*"},
			[]string{"arn:aws:sns:us-east-1:123456789012:Topic"},
			true,
		},
		{
			"ArnLike",
			[]string{"arn:aws:sns:*:123456789012:T*"},
			[]string{"arn:aws:sns:us-east-1:999999999999:Topic:123456789012:T"},
			false,
		},
		{"ArnLike", []string{"arn:aws:s3:::bucket/*"}, []string{"arn:aws:s3:::bucket/a:b/c"}, true},
		{"ArnLike", []string{"arn:aws:s3:::bucket"}, []string{"bucket"}, false},
		{"ArnLike", []string{"*"}, []string{"arn:aws:s3:::bucket"}, true},
		{"ArnLike", []string{"*"}, []string{"bucket"}, false},
		{"ArnNotLike", []string{"arn:aws:s3:::a*"}, []string{"arn:aws:s3:::b"}, true},
		{"ArnNotEquals", []string{"arn:aws:s3:::a*"}, []string{"arn:aws:s3:::ab"}, false},
		{"ArnNotEquals", []string{"arn:aws:s3:::a*"}, absent, true},
		{"Null", []string{"true"}, absent, true},
		{"Null", []string{"true"}, []string{"x"}, false},
		{"Null", []string{"false"}, []string{"x"}, true},
		{"Null", []string{"false"}, absent, false},
		{"Null", []string{"false"}, []string{}, false},

		// IfExists: an absent key satisfies.
		{"StringEqualsIfExists", []string{"a"}, absent, true},
		{"StringEqualsIfExists", []string{"a"}, []string{"b"}, false},
		{"BoolIfExists", []string{"false"}, absent, true},
		{"NumericLessThanIfExists", []string{"1"}, absent, true},
		{"NotIpAddressIfExists", []string{"10.0.0.0/8"}, []string{"10.1.1.1"}, false},

		// Several values of the request, without a qualifier.
		{"StringEquals", []string{"a"}, []string{"b", "a"}, true},
		{"StringNotEquals", []string{"a"}, []string{"b", "a"}, false},

		// ForAllValues: every value; an absent or null set satisfies.
		{"ForAllValues:StringEquals", []string{"a", "b"}, []string{"a"}, true},
		{"ForAllValues:StringEquals", []string{"a", "b"}, []string{"a", "c"}, false},
		{"ForAllValues:StringEquals", []string{"a"}, absent, true},
		{"ForAllValues:StringEquals", []string{"a"}, []string{""}, true},
		{"ForAllValues:StringEquals", []string{"a"}, []string{"", "c"}, false},
		{"ForAllValues:StringNotEquals", []string{"a", "b"}, []string{"c", "d"}, true},
		{"ForAllValues:StringNotEquals", []string{"a", "b"}, []string{"c", "a"}, false},
		{"ForAllValues:StringLikeIfExists", []string{"a"}, absent, true},

		// ForAnyValue: at least one value, also for negated operators and IfExists.
		{"ForAnyValue:StringLike", []string{"authenticated"}, []string{"x", "authenticated"}, true},
		{"ForAnyValue:StringLike", []string{"authenticated"}, []string{"unauthenticated"}, false},
		{"ForAnyValue:StringEquals", []string{"a"}, absent, false},
		{"ForAnyValue:StringNotEquals", []string{"a"}, absent, false},
		{"ForAnyValue:StringNotEquals", []string{"a", "b"}, []string{"a", "b"}, false},
		{"ForAnyValue:StringNotEquals", []string{"a", "b"}, []string{"a", "c"}, true},
		{"ForAnyValue:StringEqualsIfExists", []string{"a"}, absent, false},
	} {
		block, err := json.Marshal(map[string]any{tc.operator: map[string]any{"aws:Key": tc.values}})
		if err != nil {
			t.Fatal(err)
		}

		c := Keys{}
		if tc.given != nil {
			c["AWS:kEY"] = tc.given // keys ignore case
		}
		if got := allows(t, string(block), c); got != tc.want {
			t.Errorf("%s %q, request has %q: %v, want %v", tc.operator, tc.values, tc.given, got, tc.want)
		}
	}
}

func TestConditionsAreJoinedByAnd(t *testing.T) {
	const two = `{"StringEquals":{"aws:a":"1","aws:b":"2"},"Bool":{"aws:c":"true"}}`
	full := Keys{"aws:a": {"1"}, "aws:b": {"2"}, "aws:c": {"true"}}
	if !allows(t, two, full) {
		t.Error("refused although every condition holds")
	}

	for key := range full {
		part := Keys{}
		for k, v := range full {
			if k != key {
				part[k] = v
			}
		}
		if allows(t, two, part) {
			t.Errorf("allowed without %s", key)
		}
	}
}

func TestKeysThatDifferByCaseAreOneKey(t *testing.T) {
	c := Keys{"aws:tagkeys": {"a"}, "aws:TagKeys": {"b"}}
	if allows(t, `{"ForAllValues:StringEquals":{"aws:TagKeys":"a"}}`, c) {
		t.Error("a value hid behind another spelling of its key")
	}
	if !allows(t, `{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}`, c) {
		t.Error("the values of both spellings were not merged")
	}
}

func TestVariables(t *testing.T) {
	identity := Keys{
		"cognito-identity.amazonaws.com:sub": {"us-east-1:1"},
		"aws:multi":                          {"a", "b"},
		"aws:star":                           {"*"},
		"aws:empty":                          {""},
	}
	for _, tc := range []struct {
		name, version, resource, request string
		want                             bool
	}{
		{
			"filled",
			version2012,
			"arn:aws:s3:::b/${cognito-identity.amazonaws.com:sub}/*",
			"arn:aws:s3:::b/us-east-1:1/x",
			true,
		},
		{
			"another's",
			version2012,
			"arn:aws:s3:::b/${cognito-identity.amazonaws.com:sub}/*",
			"arn:aws:s3:::b/us-east-1:2/x",
			false,
		},
		{
			"case of the key",
			version2012,
			"arn:aws:s3:::b/${Cognito-Identity.amazonaws.com:SUB}/*",
			"arn:aws:s3:::b/us-east-1:1/x",
			true,
		},
		{"absent", version2012, "arn:aws:s3:::b/${aws:absent}*", "arn:aws:s3:::b/", false},
		{"empty value", version2012, "arn:aws:s3:::b/${aws:empty}*", "arn:aws:s3:::b/x", true},
		{
			"default of an absent key",
			version2012,
			"arn:aws:s3:::b/${aws:absent, 'home'}/*",
			"arn:aws:s3:::b/home/x",
			true,
		},
		{
			"default of a present key",
			version2012,
			"arn:aws:s3:::b/${cognito-identity.amazonaws.com:sub,'home'}/*",
			"arn:aws:s3:::b/home/x",
			false,
		},
		{"several values", version2012, "arn:aws:s3:::b/${aws:multi}", "arn:aws:s3:::b/a", false},
		{"several values have no default", version2012, "arn:aws:s3:::b/${aws:multi,'a'}", "arn:aws:s3:::b/a", false},
		{"a value's star is no wildcard", version2012, "arn:aws:s3:::b/${aws:star}", "arn:aws:s3:::b/secret", false},
		{"a value's star is itself", version2012, "arn:aws:s3:::b/${aws:star}", "arn:aws:s3:::b/*", true},
		{"escaped star", version2012, "arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x", false},
		{"escaped star matches itself", version2012, "arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", true},
		{"escaped mark and dollar", version2012, "arn:aws:s3:::b/${?}${$}{x}", "arn:aws:s3:::b/?${x}", true},
		{"old version: text", version2008, "arn:aws:s3:::b/${aws:star}", "arn:aws:s3:::b/*", false},
		{"old version: itself", version2008, "arn:aws:s3:::b/${aws:star}", "arn:aws:s3:::b/${aws:star}", true},
		{"old version: star within", version2008, "arn:aws:s3:::b/${*}", "arn:aws:s3:::b/${anything}", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := mustParse(
				t,
				`{"Version":"`+tc.version+`","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"`+
					tc.resource+`"}}`,
			)
			effect, _ := d.Evaluate(Request{
				Action:   "s3:GetObject",
				Resource: tc.request,
				Context:  RequestContext{Caller: identity, Service: allKnown},
			})
			if (effect == Allow) != tc.want {
				t.Errorf("%s on %s: %v", tc.resource, tc.request, effect)
			}
		})
	}

	for condition, want := range map[string]bool{
		`{"StringEquals":{"aws:star":"${aws:star}"}}`:                           true,
		`{"StringEquals":{"aws:star":"${aws:absent}"}}`:                         false,
		`{"StringNotEquals":{"aws:star":"${aws:absent}"}}`:                      true, // a null value is not equal
		`{"StringLike":{"aws:star":"${aws:absent,'*'}"}}`:                       true, // literally *
		`{"StringEqualsIgnoreCase":{"aws:x":"${aws:x}"}}`:                       false,
		`{"StringEqualsIgnoreCase":{"aws:star":"${aws:star}"}}`:                 true,
		`{"StringLike":{"aws:multi":"${cognito-identity.amazonaws.com:sub}*"}}`: false,
	} {
		if got := allows(t, condition, identity); got != want {
			t.Errorf("%s = %v, want %v", condition, got, want)
		}
	}

	arn := Keys{
		"aws:PrincipalArn": {"arn:aws:iam::1:role/a"},
		"aws:SourceArn":    {"arn:aws:iam::1:role/a"},
		"aws:x":            {"1:role/a"},
	}
	for condition, want := range map[string]bool{
		`{"ArnEquals":{"aws:SourceArn":"${aws:PrincipalArn}"}}`:              true,
		`{"ArnEquals":{"aws:SourceArn":"arn:aws:iam::${aws:x}:role/a"}}`:     false, // a value stays in its part
		`{"ArnEquals":{"aws:SourceArn":"arn:aws:iam::1:role/${aws:y,'a'}"}}`: true,
	} {
		if got := allows(t, condition, arn); got != want {
			t.Errorf("%s = %v, want %v", condition, got, want)
		}
	}
}
