// Package devpage is the page at / of `poolhouse dev`: where the server is, its pools, and its
// newest calls with the reasons of refusals. The server makes the page; it needs no script.
// Start at New.
package devpage

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

// Options configure the page.
type Options struct {
	Info    issuer.DevInfo
	Version string
	Data    string // where the data is, in words
	Calls   *Calls
	// Pools returns at most limit pools, in the order of their IDs.
	Pools  func(ctx context.Context, limit int) ([]identitypool.Pool, error)
	Logger *slog.Logger
}

// Page serves the page.
type Page struct{ o Options }

// New returns the page of a development server.
func New(o Options) *Page { return &Page{o: o} }

const maxPools = 50 // shown; more are counted in words

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	styles string

	page = template.Must(template.New("page").Funcs(template.FuncMap{
		"clock": func(t time.Time) string { return t.UTC().Format("15:04:05") },
	}).Parse(pageText))

	// Nothing may run or load on the page, and no other page may frame it: it shows what
	// clients sent.
	contentPolicy = "default-src 'none'; style-src 'sha256-" + digest(styles) + "'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'"
)

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Wants reports whether r is a browser asking for the page. Clients of the APIs use the same path
// without Accept: text/html.
func Wants(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.URL.Path != "/" || r.URL.RawQuery != "" {
		return false
	}
	return strings.Contains(strings.ToLower(r.Header.Get("Accept")), "text/html")
}

// endpoint returns the base URL of a request.
func endpoint(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// view is the template's data.
type view struct {
	Info    issuer.DevInfo
	Version string
	Data    string
	// Endpoint is how the browser reached the server, which can be another name than Info has.
	Endpoint string
	Styles   template.CSS

	Pools  []shownPool
	More   bool // there are more pools
	Failed bool // the pools could not be read
	Calls  []Call
}

type shownPool struct {
	ID, Name string
	Guests   bool
	Amplify  string // configuration of Amplify for the pool
}

// ServeHTTP serves the page.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := view{
		Info:     p.o.Info,
		Version:  p.o.Version,
		Data:     p.o.Data,
		Endpoint: endpoint(r),
		Styles:   template.CSS(styles),
		Calls:    p.o.Calls.Newest(),
	}
	pools, err := p.o.Pools(r.Context(), maxPools+1)
	if err != nil {
		p.o.Logger.Warn("the page could not read the pools", "error", err)
		v.Failed = true
	}

	v.More = len(pools) > maxPools
	for _, pool := range pools[:min(len(pools), maxPools)] {
		v.Pools = append(v.Pools, shownPool{
			ID:      string(pool.ID),
			Name:    pool.Name,
			Guests:  pool.AllowUnauthenticated,
			Amplify: amplify(pool, v.Endpoint),
		})
	}

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
