package devissuer

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

const maxGroups = 100 // of a user who is made on the page

// cookieName returns the name of the session's cookie. Cookies do not tell ports apart, but two servers
// of one machine do.
func (p *Provider) cookieName() string {
	sum := sha256.Sum256([]byte(p.o.Issuer.URL))
	return "poolhouse-dev-" + hex.EncodeToString(sum[:4])
}

// sessionOf returns the session of a browser; false = it has none.
func (p *Provider) sessionOf(r *http.Request) (session, bool) {
	cookie, err := r.Cookie(p.cookieName())
	if err != nil {
		return session{}, false
	}

	s, found := p.grants.session(cookie.Value)
	_, same := p.person(s.User, s.Subject)

	return s, found && same
}

func (p *Provider) setCookie(w http.ResponseWriter, value string, maxAge time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name:     p.cookieName(),
		Value:    value,
		Path:     Path,
		MaxAge:   int(maxAge / time.Second),
		Secure:   strings.HasPrefix(p.o.Issuer.URL, "https://"),
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}

// startSession starts a session of a user, in place of the one that the browser has. Error: errUserGone.
func (p *Provider) startSession(w http.ResponseWriter, r *http.Request, user devuser.User) (session, error) {
	p.exchange.Lock()
	defer p.exchange.Unlock()

	if p.isGone(user.Name, user.Subject) { // since somebody chose the user
		return session{}, errUserGone
	}

	cookie, now := rand.Text(), p.o.Now()
	s := session{
		ID:       rand.Text(),
		Cookie:   hash(cookie),
		User:     user.Name,
		Subject:  user.Subject,
		AuthTime: now,
		Expires:  now.Add(sessionLifetime),
	}

	err := p.grants.change(func(sessions map[string]session, _ map[string]grant) error {
		before := "" // of no session
		if sent, err := r.Cookie(p.cookieName()); err == nil {
			before = hash(sent.Value)
		}
		s = s.replace(before, sessions)

		return nil
	})
	if err == nil {
		p.setCookie(w, cookie, sessionLifetime)
	}

	return s, err
}

// remember notes that a client got tokens of a session: it hears of the logout. Callers hold exchange.
// Error: *fault if the session has ended.
func (p *Provider) remember(s session, client string) error {
	return p.grants.change(func(sessions map[string]session, _ map[string]grant) error {
		one, found := sessions[s.ID]
		if !found || one.Replaced {
			return &fault{string(oidc.LoginRequired), "the session has ended"}
		}
		if !slices.Contains(one.Clients, client) && len(one.Clients) < MaxClients {
			one.Clients = append(slices.Clone(one.Clients), client)
			sessions[s.ID] = one
		}

		return nil
	})
}

// signIn carries out what a person chose on the page.
func (p *Provider) signIn(w http.ResponseWriter, r *http.Request) {
	secret := r.PostForm.Get("request")
	a, found := p.requests.get(secret)
	if !found {
		p.showProblem(w, http.StatusBadRequest,
			"this sign-in was finished, or has waited for more than half an hour: go back to the app, and begin again")
		return
	}

	current, signedIn := p.sessionOf(r)
	input := readMade(r.PostForm)
	var user devuser.User
	switch {
	case r.PostForm.Has("cancel"):
		p.finish(w, secret, session{}, true)
		return
	case r.PostForm.Has("continue"):
		if !signedIn || a.mustSignIn(current, p.o.Now()) {
			p.showSignIn(w, r, http.StatusOK, secret, a, made{Problem: "The sign-in before has ended. Choose a user."})
			return
		}
		p.finish(w, secret, current, false)

		return
	case r.PostForm.Has("make"):
		made, err := p.makeUser(input)
		if err != nil {
			input.Problem = explained(err)
			p.showSignIn(w, r, http.StatusUnprocessableEntity, secret, a, input)

			return
		}
		user = made
	default:
		var err error
		if user, err = p.o.Users.Get(r.PostForm.Get("user")); err != nil {
			input = made{Problem: "There is no user of that name."}
			p.showSignIn(w, r, http.StatusUnprocessableEntity, secret, a, input)

			return
		}
	}

	s, err := p.startSession(w, r, user)
	if errors.Is(err, errUserGone) {
		p.showSignIn(w, r, http.StatusUnprocessableEntity, secret, a, made{Problem: explained(err)})
		return
	} else if err != nil {
		p.failed(w, err)
		return
	}
	p.finish(w, secret, s, false)
}

// failed tells a person that something could not be stored.
func (p *Provider) failed(w http.ResponseWriter, err error) {
	p.o.Logger.Error("a sign-in failed", "error", err)
	p.showProblem(w, http.StatusInternalServerError, "the sign-in could not be stored: the log has the reason")
}

// finish answers a request with the session's user, or with a denial. Only the first of two answers
// counts.
func (p *Provider) finish(w http.ResponseWriter, secret string, s session, denied bool) {
	a, found := p.requests.take(secret)
	switch {
	case !found:
		p.showProblem(w, http.StatusBadRequest, "this sign-in was finished: go back to the app")
	case a.userCode != "":
		p.finishDevice(w, a, s, denied)
	case denied:
		p.sendFault(w, a, &fault{string(oidc.AccessDenied), "the sign-in was cancelled"})
	default:
		p.sendCode(w, a, s)
	}
}

// made has the fields with which a person makes a user.
type made struct {
	User, Name, Email, Groups, Claims string
	Problem                           string // what is wrong with it; "" = nothing
}

func readMade(form url.Values) made {
	return made{
		User:   strings.TrimSpace(form.Get("new_user")),
		Name:   strings.TrimSpace(form.Get("new_name")),
		Email:  strings.TrimSpace(form.Get("new_email")),
		Groups: strings.TrimSpace(form.Get("new_groups")),
		Claims: strings.TrimSpace(form.Get("new_claims")),
	}
}

var (
	errUserGone = errors.New("this user was deleted: choose another one")

	errTaken  = errors.New("there is a user of that name: choose it above, or another name")
	errClaims = errors.New(`the claims must be one JSON object, such as {"department": "sales"}`)
)

// makeUser makes a user. Claims of the JSON object come before the other fields.
func (p *Provider) makeUser(m made) (devuser.User, error) {
	claims := map[string]any{}
	if m.Name != "" {
		claims["name"] = m.Name
	}
	if m.Email != "" {
		claims["email"], claims["email_verified"] = m.Email, true
	}
	if groups := separated(m.Groups); len(groups) > maxGroups {
		return devuser.User{}, fmt.Errorf("%w: more than %d groups", devuser.ErrInvalid, maxGroups)
	} else if len(groups) > 0 {
		claims["cognito:groups"], claims["groups"] = groups, groups
	}

	if m.Claims != "" {
		decoder := json.NewDecoder(bytes.NewReader([]byte(m.Claims)))
		decoder.UseNumber() // a claim keeps all its digits
		if err := decoder.Decode(&claims); err != nil || claims == nil {
			return devuser.User{}, errClaims
		}
		if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
			return devuser.User{}, errClaims
		}
	}

	u, err := devuser.New(m.User, claims)
	if err != nil {
		return devuser.User{}, err
	}
	if err := p.o.Users.Add(u); errors.Is(err, devuser.ErrExists) {
		return devuser.User{}, errTaken
	} else if err != nil {
		return devuser.User{}, err
	}

	return u, nil
}

// separated returns the texts between commas.
func separated(text string) []any {
	var parts []any
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}

	return parts
}

// explained returns an error as a sentence for people.
func explained(err error) string {
	text := withoutKind(err)
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// withoutKind returns the text of an error without that of its kind, devuser.ErrInvalid.
func withoutKind(err error) string {
	return strings.TrimPrefix(err.Error(), devuser.ErrInvalid.Error()+": ")
}
