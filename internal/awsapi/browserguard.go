package awsapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Names of the settings that a refusal tells the developer to change.
const (
	hostsSetting   = "dev.allowed_hosts"
	originsSetting = "dev.allowed_origins"
)

// dockerHost is the name of the developer's machine in containers of Docker Desktop.
const dockerHost = "host.docker.internal"

// BrowserGuardOptions lists what a BrowserGuard allows besides the developer's machine.
type BrowserGuardOptions struct {
	URLs    []string // whose hosts are the server's own
	Hosts   []string // dev.allowed_hosts
	Origins []string // dev.allowed_origins

	// Navigations are the paths that a link or a form of any page may open in a
	// tab by GET: the endpoints of a sign-in.
	Navigations []string
	// Pages are the paths that a link may open in a tab by GET without a query: what is
	// there is for people to read, and changes nothing.
	Pages []string
	// Frames reports whether a page that may call may also open a request in a frame: what it
	// opens shows nothing, and answers as if the browser had no cookie. nil = none.
	Frames func(*http.Request) bool
	// CallsByGet reports whether a GET calls an operation.
	CallsByGet func(*http.Request) bool
}

// BrowserGuard keeps web pages that a developer visits from using a development
// server, by DNS rebinding or by calls from other origins.
type BrowserGuard struct {
	o       BrowserGuardOptions
	hosts   map[string]bool
	origins Origins
}

// NewBrowserGuard returns a BrowserGuard. Its errors name the setting at fault.
func NewBrowserGuard(o BrowserGuardOptions) (*BrowserGuard, error) {
	if err := checkHosts(o.Hosts); err != nil {
		return nil, err
	}

	if slices.Contains(o.Origins, everyOrigin) {
		return nil, fmt.Errorf(`%s: "*" would let every page that you visit drive this server: `+
			`list the origins of your pages`, originsSetting)
	}
	origins, err := ParseOrigins(originsSetting, o.Origins)
	if err != nil {
		return nil, err
	}

	g := &BrowserGuard{o: o, origins: origins, hosts: map[string]bool{dockerHost: true}}
	for _, name := range o.Hosts {
		h, _, _ := parseHost(name) // checked above
		g.hosts[h.name] = true
	}

	for _, address := range o.URLs {
		if name := hostOf(address); name != "" {
			g.hosts[name] = true
		}
	}

	return g, nil
}

// Check returns why a request is refused, or nil to let it through.
func (g *BrowserGuard) Check(r *http.Request) *Denial {
	if refusal := g.checkHost(r); refusal != nil {
		return refusal
	}
	return g.checkPage(r)
}

// checkHost refuses a request to a host name that anybody may own. DNS rebinding looks
// like that: the name of an attacker's page resolves to this machine.
func (g *BrowserGuard) checkHost(r *http.Request) *Denial {
	h, _, ok := parseHost(r.Host)
	if ok && (h.ip.IsValid() || h.localhost() || h.dotless || g.hosts[h.name]) {
		return nil
	}

	named := "no host"
	if r.Host != "" {
		named = "the host " + quoteAddress(r.Host)
	}

	return &Denial{
		Message: "This development server does not answer to " + named +
			", so that no page reaches it by DNS rebinding. If the name is yours, add it to " + hostsSetting + ".",
		Why: hostForeign.With("host", named).At(explain.Setting(hostsSetting)),
	}
}

// checkPage refuses a request that a page of a foreign origin made a browser send.
// checkHost has checked its host.
func (g *BrowserGuard) checkPage(r *http.Request) *Denial {
	if g.navigates(r) || g.frames(r) {
		return nil
	}

	if sent, ok := r.Header["Origin"]; ok {
		if len(sent) == 1 && g.Allows(sent[0], r.Host) {
			return nil
		}
		return pageRefusal("a page of the origin "+quoteAddress(strings.Join(sent, ", ")),
			"Origin: "+strings.Join(sent, ", "))
	}

	if sent, ok := r.Header["Sec-Fetch-Site"]; ok {
		if len(sent) == 1 && ownSite(sent[0], r.Host) {
			return nil
		}
		return pageRefusal("a page of another site", "Sec-Fetch-Site: "+strings.Join(sent, ", ")+", without Origin")
	}

	// Browsers leave Sec-Fetch-Site out for addresses other than this machine's,
	// such as 0.0.0.0 or one of the local network, and Origin out for images.
	if strings.HasPrefix(r.UserAgent(), "Mozilla/") && g.o.CallsByGet(r) {
		return pageRefusal("a browser that does not tell for which page",
			"an operation by GET, without Origin and Sec-Fetch-Site")
	}

	return nil
}

// navigates reports whether r opens an endpoint of a sign-in, or a page, in a tab.
func (g *BrowserGuard) navigates(r *http.Request) bool {
	opens := slices.Contains(g.o.Navigations, r.URL.Path) ||
		r.URL.RawQuery == "" && slices.Contains(g.o.Pages, r.URL.Path)

	return opens && r.Method == http.MethodGet &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// frames reports whether a page that may call opens r in a frame. Such a request has no Origin; a page
// may leave Referer out, but not forge it.
func (g *BrowserGuard) frames(r *http.Request) bool {
	if g.o.Frames == nil || r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Mode") != "navigate" ||
		r.Header.Get("Sec-Fetch-Dest") != "iframe" {
		return false
	}
	page, err := url.Parse(r.Referer())

	return err == nil && g.Allows(page.Scheme+"://"+page.Host, r.Host) && g.o.Frames(r)
}

// Allows reports whether pages of an origin may call this server, which the request
// names target.
func (g *BrowserGuard) Allows(text, target string) bool {
	o, ok := parseOrigin(text)
	if !ok {
		return false
	}
	if g.origins.list[o.String()] || o.host.localhost() || o.host.ip.IsLoopback() {
		return true
	}

	own, _, ok := parseHost(target)

	return o.web() && (o.host.dotless || ok && o.host.name == own.name)
}

// web reports whether the host of an origin is a network host. In other schemes it is
// the ID of an extension, a hash or a private name.
func (o origin) web() bool { return o.scheme == "http" || o.scheme == "https" }

// ownSite reports whether a request without Origin comes from a page that may call,
// going by Sec-Fetch-Site. "none" means that the user typed the address. "same-site"
// covers other ports of the host; if its name has a dot, also sibling names, which
// others may own.
func ownSite(site, target string) bool {
	switch site {
	case "none", "same-origin":
		return true
	case "same-site":
		h, _, ok := parseHost(target)
		return ok && (h.ip.IsValid() || h.localhost() || h.dotless)
	default:
		return false
	}
}

// pageRefusal refuses a request of a page that may not call.
func pageRefusal(who, got string) *Denial {
	return &Denial{
		Message: "The request was made by " + who +
			", and pages that you visit may not drive this development server. " +
			"If the page is yours, add its origin to " + originsSetting + ", and call with fetch.",
		Why: pageForeign.With("page", got).At(explain.Setting(originsSetting)),
	}
}

// maxQuoted bounds how much of a header a message quotes, in bytes.
const maxQuoted = 200

func quoteAddress(text string) string {
	return strconv.QuoteToASCII(text[:min(len(text), maxQuoted)])
}
