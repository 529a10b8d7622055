// Package devpage is the page at / of `poolhouse dev`: where the server is, its pools, the users to
// sign in as, and its newest calls with the reasons of refusals. The server makes the page; it needs no script.
// Start at New.
package devpage

import (
	"context"
	_ "embed"
	"encoding/json"
	"html/template"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devcalls"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devpool"
	"github.com/poolhouse-id/poolhouse/internal/devstyle"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/devuserpool"
)

// Options configure the page.
type Options struct {
	Info    devissuer.Info
	Version string
	Data    string // where the data is, in words
	Calls   *devcalls.Calls
	// Pools returns at most limit pools, in the order of their IDs.
	Pools func(ctx context.Context, limit int) ([]devpool.Pool, error)
	// Users returns the users whom the built-in issuer vouches for by name.
	Users func() []devuser.User
	// UserPools returns at most limit user pools, in the order of their IDs, and Codes the newest codes that
	// they sent.
	UserPools func(limit int) []devuserpool.Summary
	Codes     func() []devuserpool.SentCode
	Console   string // where the console is, for a link; "" = there is none
	Logger    *slog.Logger
}

// Page serves the page.
type Page struct{ o Options }

// New returns the page of a development server.
func New(o Options) *Page { return &Page{o: o} }

// What is shown; more is told in words.
const (
	maxPools = 50
	maxUsers = 50

	keptCalls = 50
)

var (
	//go:embed page.html
	pageText string
	page     = template.Must(template.New("page").Funcs(template.FuncMap{
		"clock": func(t time.Time) string { return t.UTC().Format("15:04:05") },
	}).Parse(pageText))

	// Nothing may run or load on the page, and no other page may frame it: it shows what
	// clients sent.
	contentPolicy = "default-src 'none'; style-src " + devstyle.Source + "; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'"
)

// Wants reports whether r is a browser asking for the page. Clients of the APIs use the same path
// without Accept: text/html.
func Wants(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.URL.Path != "/" || r.URL.RawQuery != "" {
		return false
	}
	return accepts(r.Header.Values("Accept"))
}

// accepts reports whether an Accept header names HTML, and not to refuse it (RFC 9110, section 12.5.1).
func accepts(header []string) bool {
	for part := range strings.SplitSeq(strings.Join(header, ","), ",") {
		kind, parameters, err := mime.ParseMediaType(part)
		if err != nil || kind != "text/html" {
			continue
		}

		weight, given := parameters["q"]
		q, err := strconv.ParseFloat(weight, 64)
		if !given || err == nil && q > 0 {
			return true
		}
	}

	return false
}

// view is the template's data.
type view struct {
	Info    devissuer.Info
	Version string
	Data    string
	// Endpoint is how the browser reached the server, which can be another name than Info has.
	Endpoint string
	Styles   template.CSS
	Console  string

	Somebody  string // flag of `poolhouse dev token` that names a user
	Pools     []devpool.Pool
	More      bool // there are more pools
	Failed    bool // the pools could not be read
	Users     []shownUser
	MoreUsers bool
	UserPools []devuserpool.Summary
	MorePools bool // there are more user pools
	Codes     []devuserpool.SentCode
	Calls     []devcalls.Call
}

// shownUser is a user with the claims of its tokens, as JSON.
type shownUser struct {
	devuser.User
	Token string
}

// showUser returns a user for the page.
func showUser(u devuser.User) shownUser {
	claims := map[string]any{"sub": u.Subject}
	maps.Copy(claims, u.Claims)

	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // the template escapes
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(claims); err != nil { // claims came as JSON
		return shownUser{User: u, Token: err.Error()}
	}

	return shownUser{User: u, Token: strings.TrimSpace(text.String())}
}

// ServeHTTP serves the page.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := view{
		Info:     p.o.Info,
		Version:  p.o.Version,
		Data:     p.o.Data,
		Endpoint: devissuer.Endpoint(r),
		Styles:   template.CSS(devstyle.CSS),
		Console:  p.o.Console,
		Calls:    p.o.Calls.Newest(keptCalls),
	}
	pools, err := p.o.Pools(r.Context(), maxPools+1)
	if err != nil {
		p.o.Logger.Warn("the page could not read the pools", "error", err)
		v.Failed = true
	}

	v.More = len(pools) > maxPools
	v.Pools = pools[:min(len(pools), maxPools)]

	users := p.o.Users()
	v.MoreUsers = len(users) > maxUsers
	for _, u := range users[:min(len(users), maxUsers)] {
		v.Users = append(v.Users, showUser(u))
	}

	userPools := p.o.UserPools(maxPools + 1)
	v.MorePools = len(userPools) > maxPools
	v.UserPools = userPools[:min(len(userPools), maxPools)]
	v.Codes = p.o.Codes()

	v.Somebody = devuser.ExampleFlag(users)

	var body strings.Builder
	if err := page.Execute(&body, v); err != nil {
		p.o.Logger.Error("the page could not be made", "error", err)
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}

	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(body.String())) // an error means that the browser has gone
}
