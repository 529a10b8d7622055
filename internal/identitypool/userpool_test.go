package identitypool

import (
	"strings"
	"testing"
)

func TestParseUserPool(t *testing.T) {
	for name, want := range map[string]UserPool{
		"cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC": {"cognito-idp.eu-west-1.amazonaws.com", "eu-west-1",
			"eu-west-1_AbC"},
		"cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbC": {"cognito-idp.cn-north-1.amazonaws.com.cn",
			"cn-north-1", "cn-north-1_AbC"},
		"cognito-idp.us-east-1.amazonaws.com/local_x": {"cognito-idp.us-east-1.amazonaws.com", "us-east-1",
			"local_x"},
		"idp.example/us-east-1_AbC":                             {},
		"cognito-idp.us-east-1.amazonaws.com.evil.example/us_x": {},
		"evil.example/cognito-idp.us-east-1.amazonaws.com/us_x": {},
		"cognito-idp.us-east-1.amazonaws.com/us-east-1_x/y":     {},
		"cognito-idp.us-east-1.amazonaws.com/us-east-1_x\n":     {},
		"cognito-idp.us-east-1.amazonaws.com/x":                 {},
		"":                                                      {},
	} {
		got, ok := ParseUserPool(name)
		if got != want || ok != (want != UserPool{}) {
			t.Errorf("ParseUserPool(%q) = %v, %t, want %v", name, got, ok, want)
		}

		if ok && UserPoolName(got.Region, got.ID) != name {
			t.Errorf("UserPoolName of %v is %s", got, UserPoolName(got.Region, got.ID))
		}
	}
}

func TestTwoRegions(t *testing.T) {
	for name, want := range map[string]bool{
		"cognito-idp.us-east-1.amazonaws.com/us-east-1_A":         false,
		"cognito-idp.us-east-1.amazonaws.com/eu-west-1_x":         true,
		"cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_x": false,
		"cognito-idp.us-gov-west-1.amazonaws.com/us-east-1_x":     true,
		"cognito-idp.us-east-1.amazonaws.com/local_2abc":          false,
		"cognito-idp.us-east-1.amazonaws.com/my-pool_1":           false,
	} {
		parsed, ok := ParseUserPool(name)
		if !ok || parsed.TwoRegions() != want {
			t.Errorf("%s: %+v, %t, want %t", name, parsed, ok, want)
		}
	}
}

func TestOwnUserPoolName(t *testing.T) {
	for id, want := range map[string]string{
		"us-east-1_AbC":               "cognito-idp.us-east-1.amazonaws.com/us-east-1_AbC",
		"eu-west-1_AbC":               "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC",
		"cn-north-1_AbC":              "cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbC",
		"local_1":                     "cognito-idp.us-east-1.amazonaws.com/local_1",
		"us-east-1_":                  "",
		"us-east-1":                   "",
		"us-east-1_a/b":               "",
		"us-east-1_a\n":               "",
		"":                            "",
		strings.Repeat("a_", 30):      "",
		"_" + strings.Repeat("a", 55): "",
	} {
		got, ok := OwnUserPoolName(id, "us-east-1")
		if got != want || ok != (want != "") {
			t.Errorf("OwnUserPoolName(%q) = %q, %t, want %q", id, got, ok, want)
		}

		if parsed, atAWS := ParseUserPool(got); ok && (!atAWS || parsed.TwoRegions()) {
			t.Errorf("%s: the name %s is not one of AWS", id, got)
		}
	}
}

// A new user pool has an ID from which clients can take the name for SRP.
func TestValidUserPoolID(t *testing.T) {
	for id, want := range map[string]bool{
		"us-east-1_AbC123":                     true,
		"us-east-1_" + strings.Repeat("a", 45): true,
		"us-east-1_" + strings.Repeat("a", 46): false,
		"us-east-1_a_b":                        false,
		"us_east_x":                            false,
		"us-east-1_":                           false,
		"_former":                              false,
		"us-east-1_a/b":                        false,
		"us-east-1_a\n":                        false,
		"":                                     false,
	} {
		if got := ValidUserPoolID(id); got != want {
			t.Errorf("%q: %t", id, got)
		}
	}
}
