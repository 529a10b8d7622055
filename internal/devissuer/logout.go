package devissuer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Bounds of logout tokens.
const (
	logoutTokenLifetime = 2 * time.Minute // OpenID Connect Back-Channel Logout 1.0, section 2.4
	logoutTimeout       = 3 * time.Second // for all clients
)

// logout is a logout on which a person decides.
type logout struct {
	sessions    []endingSession
	redirectURI string // with state; "" = a page of this server
}

// endingSession is a session that a logout ends.
type endingSession struct {
	id, subject string
	clients     []string // which hear of it besides those that are known to have its tokens
}

// endSession serves the endpoint at which clients end sessions (OpenID Connect RP-Initiated Logout 1.0,
// section 2). It asks the person, unless the client proves by its ID token that it is the session's.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request) {
	l, proven, problem := p.readLogout(r)
	if problem != "" {
		p.showProblem(w, http.StatusBadRequest, problem)
		return
	}

	s, signedIn := p.sessionOf(r)
	switch {
	case proven && (!signedIn || l.sessions[0].id == s.ID):
		p.carryOut(w, r, l)
	case !signedIn:
		p.leave(w, l)
	default:
		// The client's own session may be one that the browser had before: both end.
		l.sessions = append(l.sessions, endingSession{id: s.ID, subject: s.Subject})
		secret := rand.Text()
		p.logouts.put(secret, l)
		p.show(w, http.StatusOK, "signout", view{
			Title:      "Sign out",
			Request:    secret,
			User:       s.User,
			Former:     p.formerUsers(s),
			formAction: l.redirectURI,
		})
	}
}

// readLogout reads what a client asks for. proven means that it has an ID token of the session.
func (p *Provider) readLogout(r *http.Request) (l logout, proven bool, problem string) {
	id, redirectURI, state := r.Form.Get("client_id"), r.Form.Get("post_logout_redirect_uri"), r.Form.Get("state")
	if token := r.Form.Get("id_token_hint"); token != "" {
		h, err := p.o.Issuer.readHint(r.Context(), token)
		if err != nil {
			return l, false, "the app cannot sign you out: its id_token_hint is no ID token of this issuer"
		}
		if id == "" {
			id = h.Client[0]
		}
		if !slices.Contains(h.Client, id) {
			return l, false, "the app cannot sign you out: its id_token_hint was issued to another client"
		}
		if proven = h.Session != ""; proven {
			l.sessions = []endingSession{{id: h.Session, subject: h.Subject, clients: []string{strings.Clone(id)}}}
		}
	}
	if redirectURI == "" {
		return l, proven, ""
	}

	c, found := p.o.Clients.find(id)
	if !found {
		return l, false, "the app cannot sign you out: with post_logout_redirect_uri it must send id_token_hint " +
			"or client_id"
	}
	described := c.described.PostLogoutRedirectURIs
	if len(described) == 0 && len(c.described.RedirectURIs) > 0 {
		described = []string{""} // a client that is described has no others
	}
	if err := p.checkRedirect(r, described, redirectURI, "state"); err != nil {
		return l, false, "the app cannot sign you out: post_logout_redirect_uri of the client " + id + ": " +
			err.Error()
	}
	if len(state) > maxState {
		return l, false, "the app cannot sign you out: state has more than 4096 bytes"
	}

	l.redirectURI = strings.Clone(redirectURI) // without the rest of the form
	if state != "" {
		l.redirectURI = withParameters(redirectURI, url.Values{"state": {state}})
	}

	return l, proven, ""
}

// signOut carries out a logout to which a person agreed.
func (p *Provider) signOut(w http.ResponseWriter, r *http.Request) {
	l, found := p.logouts.take(r.PostForm.Get("request"))
	s, signedIn := p.sessionOf(r)
	if !found || signedIn && !l.ends(s.ID) {
		p.showProblem(w, http.StatusBadRequest, "this was finished, or has waited for more than half an hour")
		return
	}
	if r.PostForm.Has("cancel") {
		p.showMessage(w, "Still signed in", "Nothing was changed.")
		return
	}

	p.carryOut(w, r, l)
}

func (l logout) ends(id string) bool {
	return slices.ContainsFunc(l.sessions, func(e endingSession) bool { return e.id == id })
}

// formerUsers names those whose sessions end with s, because they signed in before in the same browser.
func (p *Provider) formerUsers(s session) (names []string) {
	for _, before := range p.grants.replacedBy(s.ID) {
		if !slices.Contains(names, before.User) {
			names = append(names, before.User)
		}
	}
	return names
}

// carryOut ends sessions with their tokens, tells those who have relied on them, and lets the browser go.
func (p *Provider) carryOut(w http.ResponseWriter, r *http.Request, l logout) {
	l, err := p.endSessions(l)
	if err != nil {
		p.failed(w, err)
		return
	}

	p.notify(r.Context(), l.sessions)
	p.setCookie(w, "", -time.Second)
	p.leave(w, l)
}

// endSessions ends sessions with their tokens, and with the codes that wait for tokens. With a browser's
// session end those that the browser had before. It returns l with all of them, and with their clients.
func (p *Provider) endSessions(l logout) (logout, error) {
	p.exchange.Lock()
	defer p.exchange.Unlock()

	for _, e := range slices.Clone(l.sessions) {
		for _, before := range p.grants.replacedBy(e.id) {
			if !l.ends(before.ID) {
				l.sessions = append(l.sessions, endingSession{id: before.ID, subject: before.Subject})
			}
		}
	}

	p.codes.drop(func(c code) bool { return l.ends(c.session.ID) })
	p.devices.drop(func(d device) bool { return l.ends(d.session.ID) })

	var sessions []session
	grants, err := p.grants.end(
		func(g grant) bool { return l.ends(g.Session) },
		func(s session) bool {
			if l.ends(s.ID) {
				sessions = append(sessions, s)
			}
			return l.ends(s.ID)
		})
	if err != nil {
		return l, err
	}

	for n := range l.sessions {
		e := &l.sessions[n]
		for _, s := range sessions {
			if s.ID == e.id {
				e.clients = slices.Concat(e.clients, s.Clients)
			}
		}

		for _, g := range grants {
			if g.Session == e.id {
				e.clients = append(e.clients, g.Client)
			}
		}
		slices.Sort(e.clients)
		e.clients = slices.Compact(e.clients)
	}

	return l, nil
}

// leave sends a browser to where the client wants it after a logout.
func (p *Provider) leave(w http.ResponseWriter, l logout) {
	if l.redirectURI == "" {
		p.showMessage(w, "Signed out", "You can close this page.")
		return
	}
	w.Header().Set("Location", l.redirectURI)
	w.WriteHeader(http.StatusSeeOther)
}

// notify sends logout tokens (OpenID Connect Back-Channel Logout 1.0) to the server's own receiver,
// which ends the logins of the sessions, and to clients. It waits for them, for logoutTimeout at most.
func (p *Provider) notify(ctx context.Context, sessions []endingSession) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logoutTimeout)
	defer cancel()

	for _, e := range sessions { // before any client can take the time
		if p.o.Receiver != nil && slices.ContainsFunc(e.clients, p.o.Trusted) {
			p.tell(ctx, "this server", e, e.clients, p.receive)
		}
	}

	var told sync.WaitGroup
	for _, e := range sessions {
		for _, id := range e.clients {
			c, _ := p.o.Clients.find(id)
			if c.described.BackChannelLogoutURI == "" {
				continue
			}
			told.Go(func() {
				p.tell(ctx, id, e, []string{id}, func(ctx context.Context, form url.Values) (int, error) {
					return p.post(ctx, c.described.BackChannelLogoutURI, form)
				})
			})
		}
	}
	told.Wait()
}

// tell sends one logout token.
func (p *Provider) tell(
	ctx context.Context, who string, l endingSession, audience []string,
	send func(context.Context, url.Values) (int, error),
) {
	now := p.o.Now()
	payload, err := json.Marshal(oidc.LogoutTokenClaims{
		Issuer:     p.o.Issuer.URL,
		Subject:    l.subject,
		Audience:   audience,
		IssuedAt:   oidc.FromTime(now),
		Expiration: oidc.FromTime(now.Add(logoutTokenLifetime)),
		JWTID:      rand.Text(),
		Events:     map[string]any{"http://schemas.openid.net/event/backchannel-logout": struct{}{}},
		SessionID:  l.id,
	})
	var token string
	if err == nil {
		token, err = p.o.Issuer.sign(ctx, logoutTokenType, payload)
	}

	status := 0
	if err == nil {
		status, err = send(ctx, url.Values{"logout_token": {token}})
	}
	if err != nil || status/100 != 2 {
		p.o.Logger.Warn("a client did not take a logout token", "client", who, "status", status, "error", err)
	}
}

// receive gives a logout token to the server's own receiver. No request goes over the network: the
// server may not reach itself by the name that its clients use.
func (p *Provider) receive(ctx context.Context, form url.Values) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.o.Issuer.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetPathValue("provider", p.o.Issuer.LoginKey())

	answer := &statusOnly{header: http.Header{}, status: http.StatusOK}
	p.o.Receiver.ServeHTTP(answer, request)

	return answer.status, nil
}

// statusOnly keeps the status of an answer.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header            { return s.header }
func (s *statusOnly) WriteHeader(status int)         { s.status = status }
func (s *statusOnly) Write(body []byte) (int, error) { return len(body), nil }

// post sends a logout token to a client.
func (p *Provider) post(ctx context.Context, address string, form url.Values) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")

	answer, err := p.client.Do(request)
	if err != nil {
		return 0, err
	}

	return answer.StatusCode, answer.Body.Close()
}
