package outbound

import "testing"

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost":              true,
		"LocalHost":              true,
		"127.0.0.1":              true,
		"127.9.9.9":              true,
		"::1":                    true,
		"::ffff:127.0.0.1":       true,
		"":                       false,
		"[::1]":                  false, // no host name
		"127.0.0.1:80":           false,
		"0.0.0.0":                false,
		"::":                     false,
		"192.0.2.1":              false,
		"::ffff:192.0.2.1":       false,
		"127.1":                  false,
		"photos.localhost":       false,
		"localhost.evil.example": false,
		"127.0.0.1.evil.example": false,
	} {
		if got := IsLoopback(host); got != want {
			t.Errorf("%q: %t", host, got)
		}
	}
}
