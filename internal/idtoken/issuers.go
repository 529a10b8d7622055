package idtoken

import (
	"net"
	"net/netip"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// nearness is how near one issuer is to another one.
type nearness int

// nearness in rising order.
const (
	otherHost     nearness = iota // on another host
	otherPath                     // another realm, tenant or user pool of the same host
	otherSpelling                 // the same issuer, written differently
	sameIssuer
)

// compareIssuers compares an issuer, or a Logins key, with a registered one, for
// advice: however near they are, one is never accepted for the other. The returned
// text continues "it differs only", such as "in the scheme (http, registered https)";
// it is "" for sameIssuer and otherHost.
func compareIssuers(named, registered string) (nearness, string) {
	if named == registered {
		return sameIssuer, ""
	}

	a, b := splitIssuer(named), splitIssuer(registered)
	var differences []string
	otherCase := false

	between := func(what, a, b string) {
		differences = append(differences, "in the "+what+" ("+shownPart(a)+", registered "+shownPart(b)+")")
	}

	switch {
	case strings.EqualFold(a.scheme, b.scheme):
		otherCase = a.scheme != b.scheme
	default:
		between("scheme", a.scheme, b.scheme)
	}

	switch {
	case strings.EqualFold(a.host, b.host):
		otherCase = otherCase || a.host != b.host
	case isLoopback(a.host) && isLoopback(b.host):
		between("host", a.host, b.host)
	case strings.EqualFold(strings.TrimSuffix(a.host, "."), strings.TrimSuffix(b.host, ".")):
		differences = append(differences, "by the dot after the host")
	default:
		return otherHost, ""
	}

	switch {
	case a.port == b.port:
	case a.portNumber() == b.portNumber() && strings.EqualFold(a.scheme, b.scheme):
		differences = append(differences, "by the default port, which only one of them has")
	default:
		between("port", a.port, b.port)
	}

	pathA, pathB := strings.TrimSuffix(a.path, "/"), strings.TrimSuffix(b.path, "/")
	if !strings.EqualFold(pathA, pathB) {
		between("path", a.path, b.path)
		return otherPath, strings.Join(differences, " and ")
	}
	if strings.HasSuffix(a.path, "/") != strings.HasSuffix(b.path, "/") {
		differences = append(differences, "by the slash at the end")
	}
	if otherCase || pathA != pathB {
		differences = append(differences, "in letter case")
	}

	return otherSpelling, strings.Join(differences, " and ")
}

// issuerParts are the parts of an issuer or Logins key, as written.
type issuerParts struct{ scheme, host, port, path string }

// splitIssuer splits any text. A Logins key has no scheme.
func splitIssuer(text string) issuerParts {
	var p issuerParts
	scheme, rest, found := strings.Cut(text, "://")
	if found {
		p.scheme = scheme
	} else {
		rest = text
	}

	p.host = rest
	if n := strings.IndexAny(rest, "/?#"); n >= 0 {
		p.host, p.path = rest[:n], rest[n:]
	}
	if host, port, err := net.SplitHostPort(p.host); err == nil {
		p.host, p.port = host, port
	} else {
		p.host = strings.Trim(p.host, "[]")
	}

	return p
}

// portNumber returns the port, or the scheme's default.
func (p issuerParts) portNumber() string {
	switch {
	case p.port != "":
		return p.port
	case strings.EqualFold(p.scheme, "http"):
		return "80"
	default:
		return "443"
	}
}

// isLoopback reports whether host is a name of the machine itself.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && (address.IsLoopback() || address.IsUnspecified())
}

// shownPart shows a part of an issuer.
func shownPart(text string) string {
	if text == "" {
		return "none"
	}
	return explain.ShownText(text)
}

// otherIssuer explains why an issuer is not accepted, by comparison with the nearest
// registered one.
func (j *judge) otherIssuer(named string) *explain.Refusal {
	issuers := strings.Join(j.rule.Issuers, " or ")
	nearest, difference := otherHost, ""
	for _, registered := range j.rule.Issuers {
		if near, how := compareIssuers(named, registered); near > nearest {
			nearest, difference = near, how
		}
	}

	switch nearest {
	case otherPath:
		return tokenIssuerPath.With("issuers", issuers, "issuer", explain.ShownText(named), "difference", difference)
	case otherSpelling:
		return tokenIssuerSpelling.With(
			"issuers", issuers,
			"issuer", explain.ShownText(named),
			"difference", difference,
			"where", j.rule.issuersAt(named),
		).At(j.rule.spelledAs(named))
	default:
		return tokenIssuer.With("issuers", issuers, "issuer", explain.ShownText(named))
	}
}
