package policy

import (
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestTagValues(t *testing.T) {
	tags := map[string]string{"env": "a", "Team": "b", "x": "1", "X": "2"}
	for name, want := range map[string]string{"env": "a", "team": "b", "none": "", "x": "?"} {
		values, known := TagValues(maps.All(tags), name)
		got := strings.Join(values, ",")
		if !known {
			got = "?"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Real facts come before what the caller brings, and that comes before the request's own facts,
// and a group that nobody filled is unknown even where the service knows of no such key.
func TestRequestContext(t *testing.T) {
	full := RequestContext{
		Client: Client{IP: netip.MustParseAddr("::ffff:203.0.113.9"), TLS: true, UserAgent: "curl"}.Find,
		Time:   time.Unix(1795428000, 0),
		Caller: Keys{
			"aws:username": {"alice"}, "aws:sourceip": {"10.0.0.1"}, "aws:epochtime": {"1"}, "idp.example:sub": {"s"},
		},
		Claims:          Claims{Prefix: "idp.example", Lacks: func(name string) bool { return name == "email" }},
		CallerOnly:      func(key string) bool { return key == "aws:userid" },
		Region:          "eu-west-1",
		ResourceAccount: "123456789012",
		ResourceTags: func(name string) ([]string, bool) {
			if name == "hidden" {
				return nil, false
			}
			return Present(name), true
		},
		RequestTags: maps.All(map[string]string{"b": "1", "A": "2"}),
		RemovedTags: []string{"c"},
		Service:     func(key string) ([]string, bool) { return Present("service"), true },
	}
	empty := RequestContext{Service: allKnown}
	for key, want := range map[string][2]string{
		"aws:sourceip":           {"203.0.113.9", "?"},
		"aws:securetransport":    {"true", "?"},
		"aws:useragent":          {"curl", "?"},
		"aws:referer":            {"", "?"},
		"aws:currenttime":        {"2026-11-23T10:00:00Z", ""},
		"aws:epochtime":          {"1795428000", ""},
		"aws:viaawsservice":      {"false", "false"},
		"aws:username":           {"alice", ""},
		"aws:userid":             {"", ""},
		"idp.example:sub":        {"s", ""},
		"idp.example:email":      {"", ""},
		"idp.example:groups":     {"?", ""},
		"aws:requestedregion":    {"eu-west-1", ""},
		"aws:resourceaccount":    {"123456789012", ""},
		"aws:requesttag/a":       {"2", ""},
		"aws:requesttag/none":    {"", ""},
		"aws:tagkeys":            {"A,b,c", ""},
		"aws:resourcetag/env":    {"env", ""},
		"aws:resourcetag/hidden": {"?", ""},
		"sts:externalid":         {"service", ""},
	} {
		for i, c := range []*RequestContext{&full, &empty} {
			values, known := c.Find(key)
			got := strings.Join(values, ",")
			if !known {
				got = "?"
			}
			if got != want[i] {
				t.Errorf("%s: %q, want %q", key, got, want[i])
			}
		}
	}

	// Without a service, nothing is known to be absent.
	if _, known := new(RequestContext).Find("aws:requestedregion"); known {
		t.Error("a key that no group has is known")
	}
}
