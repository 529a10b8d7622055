package explain

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// NameDifference describes how got differs from want, as in "has the scheme https://".
// Both are names or addresses of login providers that a person could mix up. It returns
// "" if they are equal, or too different for that.
func NameDifference(got, want string) string {
	if got == want {
		return ""
	}

	var found []string
	note := func(text string) { found = append(found, text) }

	if bare := strings.Map(withoutBlanks, got); bare != got {
		note("has a blank")
		got = bare
	}

	if _, issuer, isARN := strings.Cut(got, ":oidc-provider/"); isARN && strings.HasPrefix(got, "arn:") {
		if _, _, both := strings.Cut(want, ":oidc-provider/"); !both {
			note("is the ARN of the provider")
			got = issuer
		}
	}

	g, w := splitName(got), splitName(want)
	namePart("the scheme ", g.scheme, w.scheme, note)
	if !sameHost(g, w, note) {
		return ""
	}

	namePart("the port ", g.port, w.port, note)
	if !samePath(g, w, note) {
		return ""
	}

	return strings.Join(found, " and ")
}

func withoutBlanks(r rune) rune {
	if unicode.IsSpace(r) {
		return -1
	}
	return r
}

// nameParts has the parts of a name like host:8080/path or https://host.
type nameParts struct{ scheme, host, port, path string }

func splitName(text string) (a nameParts) {
	if scheme, rest, found := strings.Cut(text, "://"); found {
		a.scheme, text = strings.ToLower(scheme)+"://", rest
	}
	if n := strings.IndexByte(text, '/'); n >= 0 {
		text, a.path = text[:n], text[n:]
	}

	a.host = text
	if n := strings.LastIndexByte(text, ':'); n >= 0 && digits.MatchString(text[n+1:]) {
		a.host, a.port = text[:n], text[n:]
	}

	return a
}

var digits = regexp.MustCompile(`^\d{1,5}$`)

// namePart notes that a part of an address is missing, superfluous or different.
func namePart(what, got, want string, note func(string)) {
	switch {
	case got == want:
	case want == "":
		note("has " + what + got)
	case got == "":
		note("lacks " + what + want)
	default:
		note("has " + what + got + " and not " + want)
	}
}

// loopback lists the names by which programs reach the machine that they run on.
var loopback = []string{"localhost", "127.0.0.1", "[::1]", "0.0.0.0", "host.docker.internal"}

// userPools matches the host of a region's user pools.
var userPools = regexp.MustCompile(`^cognito-idp\.([a-z0-9-]+)\.amazonaws\.com`)

func sameHost(g, w nameParts, note func(string)) bool {
	if g.host == w.host {
		return true
	}

	got, want := strings.ToLower(g.host), strings.ToLower(w.host)
	if got == want {
		note("differs in letter case")
		return true
	}
	if slices.Contains(loopback, got) && slices.Contains(loopback, want) {
		note("has " + got + " and not " + want)
		return true
	}

	gotRegion, wantRegion := userPools.FindStringSubmatch(got), userPools.FindStringSubmatch(want)
	switch {
	case strings.TrimSuffix(got, ".") == want:
		note("has a dot after the host")
	case strings.TrimPrefix(got, "www.") == want:
		note("has www.")
	case got == strings.TrimPrefix(want, "www."):
		note("lacks www.")
	case gotRegion != nil && wantRegion != nil && strings.EqualFold(g.path, w.path):
		note("has the region " + gotRegion[1] + " and not " + wantRegion[1])
	default:
		return false
	}

	return true
}

func samePath(g, w nameParts, note func(string)) bool {
	client, isClient := strings.CutPrefix(g.path, w.path+":")

	switch {
	case g.path == w.path:
	case isClient && client != "" && w.path != "":
		note("has the app client's ID after a colon")
	case g.path == w.path+"/":
		note("has a slash at the end")
	case g.path+"/" == w.path:
		note("lacks the slash at the end")
	case strings.EqualFold(g.path, w.path):
		note("differs in letter case")
	case userPools.MatchString(g.host):
		return false // another user pool
	case w.path == "" || w.path == "/":
		note("has the path " + g.path)
	case g.path == "" || g.path == "/":
		note("lacks the path " + w.path)
	default:
		return false // another realm or tenant
	}

	return true
}
