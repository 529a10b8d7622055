package awsapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// webHost is a host name or an IP address, normalised for comparison.
type webHost struct {
	name    string     // lower case, without a trailing dot; of an address its shortest form
	ip      netip.Addr // the zero Addr = a name
	dotless bool       // a name without any dot; "ai." is absolute and may be a public one
}

// validName matches the host names of DNS and container networks. It is ASCII only:
// characters of Unicode that look like a dot or a letter are refused.
var validName = regexp.MustCompile(`^` + label + `(\.` + label + `)*\.?$`)

// browserAddress matches names that browsers take for an IPv4 address, in a form that others may take for
// a name: 0x8.0x8.0x8.0x8, 134744072, 8.8.8.8. (https://url.spec.whatwg.org/#ends-in-a-number-checker).
// No origin of a browser has them; a redirect to one leads to the address.
var browserAddress = regexp.MustCompile(`(^|\.)([0-9]+|0[xX][0-9A-Fa-f]*)\.?$`)

const label = `[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?`

const maxName = 254 // characters, with a trailing dot (RFC 1035)

// parseHost reads the host of "host" or "host:port", and the port with its colon. It
// accepts no user part, and no IPv6 address without brackets.
func parseHost(text string) (h webHost, port string, ok bool) {
	if address, rest, bracketed := strings.Cut(text, "]"); bracketed {
		ip, err := netip.ParseAddr(strings.TrimPrefix(strings.Replace(address, "%25", "%", 1), "["))
		if err != nil || !ip.Is6() || text[0] != '[' || !validPort(rest) {
			return webHost{}, "", false
		}
		return addressHost(ip), rest, true
	}

	name := text
	if colon := strings.LastIndexByte(text, ':'); colon >= 0 {
		name, port = text[:colon], text[colon:]
	}
	if !validPort(port) || len(name) > maxName || !validName.MatchString(name) {
		return webHost{}, "", false
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		return addressHost(ip), port, true
	}

	return webHost{
		name:    strings.ToLower(strings.TrimSuffix(name, ".")),
		dotless: !strings.Contains(name, "."),
	}, port, true
}

func addressHost(ip netip.Addr) webHost {
	ip = ip.Unmap().WithZone("")
	return webHost{name: ip.String(), ip: ip}
}

// validPort reports whether text is empty, or a colon and a port, which may be
// missing (RFC 3986, section 3.2.3).
func validPort(text string) bool {
	if text == "" || text == ":" {
		return true
	}
	_, err := strconv.ParseUint(text[1:], 10, 16)
	return err == nil && text[0] == ':'
}

// localhost reports whether h is localhost or a name below it, which browsers
// resolve to this machine (RFC 6761, section 6.3).
func (h webHost) localhost() bool {
	return h.name == "localhost" || strings.HasSuffix(h.name, ".localhost")
}

// origin is a parsed Origin. Its port has a colon, and is empty for the scheme's
// default.
type origin struct {
	scheme string
	host   webHost
	port   string
}

func (o origin) String() string { return o.scheme + "://" + o.host.name + o.port }

var defaultPorts = map[string]string{"http": ":80", "https": ":443"}

var validScheme = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)

// parseOrigin reads scheme://host[:port]. It refuses "null", which every page that
// hides its origin sends.
func parseOrigin(text string) (origin, bool) {
	scheme, address, found := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	h, port, ok := parseHost(address)
	if h.ip == (netip.Addr{}) && browserAddress.MatchString(h.name) {
		return origin{}, false
	}
	if !found || !ok || port == ":" || !validScheme.MatchString(scheme) {
		return origin{}, false
	}
	if port == defaultPorts[scheme] {
		port = ""
	}

	return origin{scheme: scheme, host: h, port: port}, true
}

// Origins lists the web origins whose pages may call a production server. It judges by
// headers that browsers send and pages cannot forge: Host, Origin (RFC 6454) and
// Sec-Fetch-* (https://www.w3.org/TR/fetch-metadata/). Programs other than browsers
// send only Host, and are allowed. The zero Origins lists none.
type Origins struct {
	all  bool
	list map[string]bool
}

// everyOrigin stands for every origin.
const everyOrigin = "*"

// ParseOrigins reads the values of a setting: scheme://host[:port] each, or "*"
// alone for any origin. Its errors name the setting and quote the value at fault.
func ParseOrigins(setting string, values []string) (Origins, error) {
	if len(values) == 1 && values[0] == everyOrigin {
		return Origins{all: true}, nil
	}

	o := Origins{list: map[string]bool{}}
	var faults []error
	for _, value := range values {
		parsed, ok := parseOrigin(value)
		switch {
		case value == everyOrigin:
			faults = append(faults, fmt.Errorf("%s: %q stands for every origin: give it alone, or leave it out",
				setting, value))
		case !ok:
			faults = append(faults, fmt.Errorf("%s: %q: write an origin as browsers do, scheme://host[:port], "+
				"such as https://app.example.com, without user, path or a / at the end",
				setting, explain.ShownAddress(value)))
		}

		o.list[parsed.String()] = true
	}

	return o, errors.Join(faults...)
}

// Allows reports whether a page may send r: r names no origin, a listed one, or the
// server's own.
func (o Origins) Allows(r *http.Request) bool {
	sent := r.Header["Origin"]
	if o.all || len(sent) == 0 {
		return true
	}
	if len(sent) > 1 {
		return false
	}

	parsed, ok := parseOrigin(sent[0])

	return ok && (o.list[parsed.String()] || sameOrigin(parsed, r))
}

// OriginCheck refuses pages of origins that the values of setting do not list; nil = every page
// may call. Its errors are those of ParseOrigins.
func OriginCheck(setting string, values []string) (func(*http.Request) *Denial, error) {
	origins, err := ParseOrigins(setting, values)
	if err != nil || len(values) == 0 || origins.all {
		return nil, err
	}

	return func(r *http.Request) *Denial {
		if origins.Allows(r) {
			return nil
		}
		return &Denial{
			Message: "Pages of this origin may not call: the server's setting " + setting + " does not list it.",
			Why:     unlisted(setting, strings.Join(r.Header["Origin"], ", ")),
		}
	}, nil
}

// sameOrigin compares only with Host, because a proxy may have ended TLS.
func sameOrigin(o origin, r *http.Request) bool {
	target, ok := parseOrigin(o.scheme + "://" + r.Host)
	return ok && target == o
}

// checkHosts reports values of dev.allowed_hosts that are not host names.
func checkHosts(values []string) error {
	var faults []error
	for _, value := range values {
		if _, port, ok := parseHost(value); !ok || port != "" {
			faults = append(faults, fmt.Errorf("%s: %q: write a host name such as poolhouse.example.com, "+
				"without scheme, port or wildcard", hostsSetting, explain.ShownAddress(value)))
		}
	}
	return errors.Join(faults...)
}

// hostOf returns the normalised host of a URL, or "" if it has none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	h, _, _ := parseHost(u.Host)
	return h.name
}
