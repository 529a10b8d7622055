package config

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// Check is the endpoint that reverse proxies ask whether to let a request through. The
// server checks its values.
type Check struct {
	Path      string       `yaml:"path" json:"path,omitempty"`
	Request   string       `yaml:"request" json:"request,omitempty"`
	Service   string       `yaml:"service" json:"service,omitempty"`
	Region    string       `yaml:"region" json:"region,omitempty"`
	Body      string       `yaml:"body" json:"body,omitempty"`
	MaxBody   int64        `yaml:"max_body" json:"max_body,omitempty"` // bytes
	Presigned bool         `yaml:"presigned" json:"presigned,omitempty"`
	Routes    []CheckRoute `yaml:"routes" json:"routes"`

	// For routes with forward_to:

	Listen         string   `yaml:"listen" json:"listen,omitempty"`         // host:port
	CABundle       string   `yaml:"ca_bundle" json:"ca_bundle,omitempty"`   // PEM file
	MaxBodies      int64    `yaml:"max_bodies" json:"max_bodies,omitempty"` // bytes
	BodyTime       string   `yaml:"body_time" json:"body_time,omitempty"`
	ForwardTimeout string   `yaml:"forward_timeout" json:"forward_timeout,omitempty"`
	AllowedOrigins []string `yaml:"allowed_origins" json:"allowed_origins,omitempty"`
	Hosts          []string `yaml:"hosts" json:"hosts,omitempty"`
	PassSignature  bool     `yaml:"pass_signature" json:"pass_signature,omitempty"`
}

// CheckRoute names the permission that a request needs.
type CheckRoute struct {
	Match     string `yaml:"match" json:"match"`
	Action    string `yaml:"action" json:"action"`
	Resource  string `yaml:"resource" json:"resource"`
	ForwardTo string `yaml:"forward_to" json:"forward_to,omitempty"`
}

// Durations returns body_time and forward_timeout, or 0 for one that is not set.
func (c *Check) Durations() (body, forward time.Duration, err error) {
	for _, d := range []struct {
		setting, text string
		to            *time.Duration
	}{
		{setting: "body_time", text: c.BodyTime, to: &body},
		{setting: "forward_timeout", text: c.ForwardTimeout, to: &forward},
	} {
		if d.text == "" {
			continue
		}
		if *d.to, err = time.ParseDuration(d.text); err != nil || *d.to <= 0 {
			return 0, 0, fmt.Errorf("check.%s: %q is no duration: write it like 1m or 90s", d.setting, d.text)
		}
	}

	return body, forward, nil
}

// checkForwarding checks what the file alone can show.
func (f *File) checkForwarding() []error {
	c := f.Check
	if c == nil {
		return nil
	}

	var faults []error
	if _, _, err := c.Durations(); err != nil {
		faults = append(faults, err)
	}

	forwards := slices.ContainsFunc(c.Routes, func(r CheckRoute) bool { return r.ForwardTo != "" })
	switch _, _, err := net.SplitHostPort(c.Listen); {
	case forwards && c.Listen == "":
		faults = append(faults, errors.New("check.listen: routes with forward_to need an address to be served on, "+
			"such as 127.0.0.1:4600"))
	case !forwards && c.Listen != "":
		faults = append(faults, errors.New("check.listen: no route has forward_to, so nothing would be served there; "+
			"add it to a route, or leave check.listen out"))
	case c.Listen != "" && err != nil:
		faults = append(faults, fmt.Errorf("check.listen %q: write it like 127.0.0.1:4600", c.Listen))
	}

	return faults
}
