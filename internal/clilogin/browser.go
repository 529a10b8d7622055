package clilogin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

const (
	// signInTime bounds the wait for a person.
	signInTime   = 5 * time.Minute
	callbackPath = "/callback"
	// maxCallback bounds the headers of a request to the loopback port, and so its address.
	maxCallback = 32 << 10
)

// errWaited means that no person has signed in.
var errWaited = errors.New("nobody has signed in, and the time for it is over")

// callback is the answer of the issuer that a browser brings.
type callback struct {
	code string
	err  error
}

// browserFlow signs in with the authorization code flow, PKCE (RFC 7636) and a loopback redirect
// (RFC 8252, section 7.3).
func (c *Client) browserFlow(ctx context.Context, p Profile, i issuer, secret string) (tokens, string, error) {
	if i.Authorization == "" {
		return tokens{}, "", untrusted("the issuer has no authorization endpoint: use --flow device")
	}

	listener, err := net.Listen("tcp4", "127.0.0.1:"+strconv.Itoa(p.CallbackPort))
	if err != nil {
		return tokens{}, "", fmt.Errorf("the port for the browser's answer: %w", err)
	}
	host := listener.Addr().String()
	config := p.oauth(i, secret, "http://"+host+callbackPath)

	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("nonce", nonce)}
	if i.URL == googleIssuer {
		options = append(options, oauth2.AccessTypeOffline) // Google knows no offline_access
	}
	address := config.AuthCodeURL(state, options...)

	waiter := &callbackWaiter{host: host, state: state, issuer: i, answered: make(chan callback, 1)}

	server := &http.Server{
		Handler:           waiter,
		ReadHeaderTimeout: exchangeTime,
		WriteTimeout:      exchangeTime,
		IdleTimeout:       exchangeTime,
		MaxHeaderBytes:    maxCallback,
	}
	go func() { _ = server.Serve(listener) }()

	// The browser gets its page before the port closes.
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()

		if server.Shutdown(ending) != nil {
			_ = server.Close()
		}
	}()

	c.o.Notice("Sign in with your browser:\n\n  " + address + "\n")
	if c.o.Open != nil && !c.o.PrintOnly {
		if err := c.o.Open(ctx, address); err != nil {
			c.o.Notice("No browser could be opened: open the address yourself.")
		}
	}

	ctx, cancel := context.WithTimeout(ctx, signInTime)
	defer cancel()

	select {
	case <-ctx.Done():
		return tokens{}, "", waited(ctx)
	case answer := <-waiter.answered:
		if answer.err != nil {
			return tokens{}, "", answer.err
		}

		token, err := config.Exchange(c.withWeb(ctx), answer.code, oauth2.VerifierOption(verifier))
		if err != nil {
			return tokens{}, "", tokenError(i.Token, err)
		}

		return tokensOf(token), nonce, nil
	}
}

// waited returns why waiting for a person ended.
func waited(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errWaited
	}
	return ctx.Err()
}

// callbackWaiter serves the loopback port. It takes one answer: the first with the state of this
// sign-in. Others, which any page or program of this machine can send, do not end the wait.
type callbackWaiter struct {
	host     string
	state    string
	issuer   issuer
	taken    atomic.Bool
	answered chan callback // one
}

func (w *callbackWaiter) ServeHTTP(response http.ResponseWriter, r *http.Request) {
	header := response.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Connection", "close")

	// The Host is compared because another name may lead to this port (DNS rebinding).
	// Clients leave the port 80 out.
	sameHost := strings.TrimSuffix(r.Host, ":80") == strings.TrimSuffix(w.host, ":80")
	if !sameHost || r.URL.Path != callbackPath || r.Method != http.MethodGet {
		showPage(response, http.StatusNotFound, "Nothing is here", "This port waits for the answer of a sign-in.")
		return
	}

	query, err := url.ParseQuery(r.URL.RawQuery)
	sent := query["state"]
	if err != nil || len(sent) != 1 || subtle.ConstantTimeCompare([]byte(sent[0]), []byte(w.state)) != 1 {
		showPage(response, http.StatusBadRequest, "Not accepted",
			"This answer does not belong to the sign-in that waits here.")

		return
	}

	if w.taken.Swap(true) {
		showPage(response, http.StatusBadRequest, "Not accepted", "The sign-in has an answer already.")
		return
	}

	answer := w.read(query)
	w.answered <- answer
	if answer.err != nil {
		showPage(response, http.StatusBadRequest, "Not signed in", "Your terminal tells why. You can close this page.")
		return
	}
	showPage(response, http.StatusOK, "Signed in", "Go back to your terminal. You can close this page.")
}

// read returns the answer in a query with the right state.
func (w *callbackWaiter) read(query url.Values) callback {
	for _, name := range []string{"code", "error", "error_description", "iss"} {
		if len(query[name]) > 1 {
			return callback{err: untrusted("the answer of the sign-in has %s twice", name)}
		}
	}

	// RFC 9207: an answer of another issuer means that its code would go to the wrong one.
	switch iss := query.Get("iss"); {
	case iss == "" && w.issuer.IssInResponse:
		return callback{err: untrusted("the answer of the sign-in does not name its issuer, as %s promises",
			hostOf(w.issuer.URL))}
	case query.Has("iss") && iss != w.issuer.URL:
		return callback{err: untrusted("the answer of the sign-in is from the issuer %s, not %s",
			explain.ShownText(iss), explain.ShownText(w.issuer.URL))}
	}

	if code := query.Get("error"); code != "" {
		return callback{err: refusedBy(hostOf(w.issuer.URL), "the sign-in", code, query.Get("error_description"))}
	}
	if query.Get("code") == "" {
		return callback{err: untrusted("the answer of the sign-in has no code")}
	}

	return callback{code: query.Get("code")}
}

// showPage answers with a page without script. title and text are constants.
func showPage(w http.ResponseWriter, status int, title, text string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"+
		"<meta name=\"viewport\" content=\"width=device-width\"><title>%[1]s</title>\n<h1>%[1]s</h1>\n<p>%[2]s</p>\n",
		title, text)
}
