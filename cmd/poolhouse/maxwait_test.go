package main

import (
	"strings"
	"testing"
	"time"
)

// max_wait is a duration, 10 ms unless the settings say otherwise; what is none
// stops the start by the setting's name.
func TestMaxWaitSetting(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"":          10 * time.Millisecond,
		"0":         0,
		"25ms":      25 * time.Millisecond,
		"1s":        time.Second,
		"1ms":       time.Millisecond,
		"999us":     -1, // no work waits so little
		"1ns":       -1,
		"25":        -1, // no unit
		"soon":      -1,
		"-1ms":      -1,
		"10m":       -1, // no client waits so long
		"1e3ms":     -1,
		".inf":      -1,
		"5s":        5 * time.Second,
		"5001ms":    -1,
		"10000000h": -1, // Go has no such duration
	} {
		environ := []string{}
		if text != "" {
			environ = append(environ, "POOLHOUSE_MAX_WAIT="+text)
		}

		s, err := load(nil, environ, "")
		if err != nil {
			t.Fatal(err)
		}
		c, err := serverConfig(s)
		if err == nil {
			err = c.Validate()
		}

		switch {
		case want < 0 && (err == nil || !strings.Contains(err.Error(), "max_wait") ||
			!strings.Contains(err.Error(), "1ms to 5s")):
			t.Errorf("%q: %v, want a fault of max_wait with its bounds", text, err)
		case want >= 0 && (err != nil || c.MaxWait != want):
			t.Errorf("%q: %s, %v, want %s", text, c.MaxWait, err, want)
		}
	}
}
