package main

import (
	"strings"
	"testing"
	"time"
)

// Routes that are forwarded and the address where they are served belong together.
func TestCheckForwarding(t *testing.T) {
	const route = "\n  routes: [{match: GET /a, action: app:Open, resource: '*'"

	for text, want := range map[string]string{
		route + "}]": "",
		"\n  listen: 127.0.0.1:4600" + route + ", forward_to: 'http://files'}]":                 "",
		route + ", forward_to: 'http://files'}]":                                                "check.listen",
		"\n  listen: 127.0.0.1:4600" + route + "}]":                                             "check.listen",
		"\n  listen: localhost" + route + ", forward_to: 'http://files'}]":                      "check.listen",
		"\n  listen: 127.0.0.1:4600\n  body_time: 5" + route + ", forward_to: 'http://files'}]": "check.body_time",
		"\n  listen: 127.0.0.1:4600\n" +
			"  forward_timeout: -1s" + route + ", forward_to: 'http://files'}]": "check.forward_timeout",
		"\n  listen: 127.0.0.1:4600" + route + ", forward: 'http://files'}]": "forward_to",
		"\n  listen: 127.0.0.1:4600\n  body_time: 90s\n" +
			"  forward_timeout: 5m" + route + ", forward_to: 'http://files'}]": "",
	} {
		_, file, err := parseText("poolhouse.yaml", []byte("check:"+text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}

		if err == nil && strings.Contains(text, "90s") {
			if c := file.Check; c.BodyTime != 90*time.Second || c.ForwardTimeout != 5*time.Minute {
				t.Errorf("%v, %v", c.BodyTime, c.ForwardTimeout)
			}
		}
	}
}
