package devissuer

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/devstyle"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// maxShownUsers bounds the users of the page. Others are chosen by their name.
const maxShownUsers = 50

var (
	//go:embed pages.html
	pagesText string

	pages = template.Must(template.New("pages").Parse(pagesText))
)

// view is the data of the pages.
type view struct {
	Styles  template.CSS
	Title   string
	Message string
	Problem string

	Request  string // the secret of what waits
	UserCode string
	User     string   // who is signed in
	Former   []string // who was before, and is signed out with User

	Client    string
	GoesTo    string // where the browser goes afterwards
	Scopes    []string
	Untrusted bool // pools refuse tokens for the client
	Audience  string
	Session   *devuser.User
	Users     []devuser.User
	More      bool // there are more users
	Made      made
	FocusMade bool // the fields of a new user have the focus

	formAction string // to which a form may lead besides this server; "" = nowhere
}

// showSignIn shows the page on which a person chooses a user, or makes one.
func (p *Provider) showSignIn(
	w http.ResponseWriter, r *http.Request, status int, secret string, a authRequest, input made,
) {
	v := view{
		Title:      "Sign in",
		Problem:    input.Problem,
		Request:    secret,
		UserCode:   a.userCode,
		Client:     a.client.GetID(),
		GoesTo:     originOf(a.redirectURI),
		Scopes:     a.scopes,
		Untrusted:  !p.o.Trusted(a.client.GetID()),
		Audience:   p.o.Issuer.Audience,
		Made:       input,
		formAction: a.redirectURI,
	}

	if s, signedIn := p.sessionOf(r); signedIn && !a.mustSignIn(s, p.o.Now()) {
		if user, found := p.person(s.User, s.Subject); found {
			v.Session = &user
		}
	}

	users := p.o.Users.List()
	at := slices.IndexFunc(users, func(u devuser.User) bool { return isMeant(u, a.loginHint) })
	switch {
	case at > 0:
		meant := users[at]
		users = slices.Insert(slices.Delete(users, at, at+1), 0, meant)
	case at < 0 && a.loginHint != "" && input == (made{}):
		v.Made = madeFor(a.loginHint)
	}
	if a.loginHint != "" && v.Session != nil && !isMeant(*v.Session, a.loginHint) {
		v.Session = nil // the app asks for somebody else
	}
	v.FocusMade = v.Made.User != "" && v.Session == nil
	v.More = len(users) > maxShownUsers
	v.Users = users[:min(len(users), maxShownUsers)]

	p.show(w, status, "signin", v)
}

// isMeant reports whether login_hint means a user.
func isMeant(u devuser.User, hint string) bool {
	return hint != "" && (u.Name == hint || u.Subject == hint || strings.EqualFold(u.Email(), hint))
}

// madeFor fills the fields of a new user from login_hint.
func madeFor(hint string) made {
	name, _, isEmail := strings.Cut(hint, "@")
	if isEmail {
		return made{User: name, Email: hint}
	}
	return made{User: hint}
}

// showProblem tells a person why nothing more happens. The text begins with a small letter, like an
// error.
func (p *Provider) showProblem(w http.ResponseWriter, status int, text string) {
	p.show(w, status, "message", view{Title: "This does not work", Problem: strings.ToUpper(text[:1]) + text[1:] + "."})
}

func (p *Provider) showMessage(w http.ResponseWriter, title, text string) {
	p.show(w, http.StatusOK, "message", view{Title: title, Message: text})
}

// show writes a page. Nothing may run or load on it, no other page may frame it, and its forms lead to
// this server, or to where the app wants the browser.
func (p *Provider) show(w http.ResponseWriter, status int, name string, v view) {
	v.Styles = template.CSS(devstyle.CSS)
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, v); err != nil {
		p.o.Logger.Error("the page could not be made", "error", err)
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}

	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+devstyle.Source+"; base-uri 'none'; "+
		"form-action 'self'"+formSource(v.formAction)+"; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // an error means that the browser has gone
}

// formSource returns the source for form-action of a URI to which a browser goes after a form: browsers
// apply the policy to redirects, too.
func formSource(uri string) string {
	parsed, err := url.Parse(uri)
	switch {
	case uri == "" || err != nil:
		return ""
	case parsed.Scheme != "http" && parsed.Scheme != "https", strings.Contains(parsed.Host, "["):
		return " " + parsed.Scheme + ":" // apps have no host, and policies have no IPv6 addresses
	default:
		return " " + parsed.Scheme + "://" + parsed.Host
	}
}

// originOf returns where a URI leads, for people.
func originOf(uri string) string {
	parsed, err := url.Parse(uri)
	if err != nil || uri == "" {
		return ""
	}
	return parsed.Scheme + "://" + parsed.Host
}

// checkPage refuses what a page may not get: forms of other sites, which could sign somebody in, and
// forms that are not as they must be.
func (p *Provider) checkPage(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		// Not no-referrer: forms of such a page have Origin: null.
		h.Set("Referrer-Policy", "same-origin")

		ours := r.URL.Path != Path+authorizePath && r.URL.Path != Path+endSessionPath // apps post to those
		if err := crossOrigin.Check(r); err != nil && ours {
			p.showProblem(w, http.StatusForbidden, "the form was sent by a page of another site")
			return
		}
		if problem := formProblem(w, r); problem != "" {
			p.showProblem(w, http.StatusBadRequest, problem)
			return
		}

		next.ServeHTTP(w, r)
	})
}
