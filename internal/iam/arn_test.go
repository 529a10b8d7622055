package iam

import (
	"strings"
	"testing"
)

func TestParseRoleARN(t *testing.T) {
	for arn, want := range map[string]RoleARN{
		"arn:aws:iam::123456789012:role/app": NewRoleARN("aws", "123456789012", "/", "app"),
		"arn:aws:iam::123456789012:role/service-role/a/b/app": NewRoleARN(
			"aws", "123456789012", "/service-role/a/b/", "app",
		),
		"arn:aws-cn:iam::123456789012:role/App+=,.@_-1": NewRoleARN("aws-cn", "123456789012", "/", "App+=,.@_-1"),
		"arn:aws-us-gov:iam::123456789012:role/x:y/app": NewRoleARN("aws-us-gov", "123456789012", "/x:y/", "app"),
		"arn:aws:iam::000000000000:role/" +
			strings.Repeat("a", 64): NewRoleARN("aws", "000000000000", "/", strings.Repeat("a", 64)),
	} {
		got, err := ParseRoleARN(arn)
		if err != nil || got != want {
			t.Errorf("ParseRoleARN(%q) = %+v, %v, want %+v", arn, got, err, want)
		}
		if got.String() != arn {
			t.Errorf("String() = %q, want %q", got.String(), arn)
		}
	}

	for _, arn := range []string{
		"", "app", "arn:aws:iam::123456789012:role/", "arn:aws:iam::123456789012:role",
		"arn:aws:iam::123456789012:role/a/",
		"arn:aws:iam::12345678901:role/app", "arn:aws:iam::1234567890123:role/app",
		"arn:aws:iam:us-east-1:123456789012:role/app",
		"arn:aws:sts::123456789012:role/app", "arn:aws:iam::123456789012:user/app",
		"arn:gcp:iam::123456789012:role/app",
		"arn:aws:iam::123456789012:role/a b", "arn:aws:iam::123456789012:role/a\n",
		"arn:aws:iam::123456789012:role/é/app",
		"arn:aws:iam::123456789012:role/" + strings.Repeat("a", 65),
		"arn:aws:iam::123456789012:role/" + strings.Repeat("a", 511) + "/app",
		"ARN:aws:iam::123456789012:role/app", " arn:aws:iam::123456789012:role/app",
	} {
		if got, err := ParseRoleARN(arn); err == nil {
			t.Errorf("ParseRoleARN(%q) = %+v, want an error", arn, got)
		}
	}
}

func TestSessionARNHasNoPath(t *testing.T) {
	r := NewRoleARN("aws", "123456789012", "/a/b/", "app")
	if got, want := r.Session("s"), "arn:aws:sts::123456789012:assumed-role/app/s"; got != want {
		t.Errorf("Session = %q, want %q", got, want)
	}
}

func TestRoleARNIn(t *testing.T) {
	r := NewRoleARN("aws", "123456789012", "/a/", "app")
	if got, want := r.In("aws-cn").String(), "arn:aws-cn:iam::123456789012:role/a/app"; got != want {
		t.Errorf("In = %q, want %q", got, want)
	}
	if r.In("") != r || r.In("aws-cn").In("aws") != r || !(RoleARN{}).In("aws").IsZero() {
		t.Error("In changes the role")
	}
}

func TestOIDCProviderARN(t *testing.T) {
	for url, want := range map[string]string{
		"https://accounts.google.com":       "arn:aws:iam::1:oidc-provider/accounts.google.com",
		"https://Login.Example/realms/App/": "arn:aws:iam::1:oidc-provider/Login.Example/realms/App/",
		"http://127.0.0.1:8080/realms/dev":  "arn:aws:iam::1:oidc-provider/127.0.0.1:8080/realms/dev",
	} {
		if got := OIDCProviderARN("aws", "1", url); got != want {
			t.Errorf("OIDCProviderARN(%q) = %q, want %q", url, got, want)
		}
	}
}
