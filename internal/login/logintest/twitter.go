package logintest

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the signature method that X requires
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TwitterToken is an access token of X.
type TwitterToken struct {
	Secret, Consumer string
	User             string // ID
	Suspended        bool
}

// Twitter is the part of X's API that names the user of an OAuth 1.0a token, in
// version 2 and version 1.1. It has checks of signature, time and nonce that share
// no code with package login.
type Twitter struct {
	API
	consumers map[string]string
	tokens    map[string]TwitterToken
	nonces    map[string]bool
}

// NewTwitter starts an API.
func NewTwitter(tb testing.TB) *Twitter {
	x := &Twitter{
		consumers: map[string]string{},
		tokens:    map[string]TwitterToken{},
		nonces:    map[string]bool{},
	}
	x.serve(tb, x.whose)
	return x
}

// AddConsumer registers an application.
func (x *Twitter) AddConsumer(key, secret string) {
	x.mu.Lock()
	defer x.mu.Unlock()

	x.consumers[key] = secret
}

// AddToken issues a token.
func (x *Twitter) AddToken(token string, t TwitterToken) {
	x.mu.Lock()
	defer x.mu.Unlock()

	x.tokens[token] = t
}

func (x *Twitter) whose(w http.ResponseWriter, r *http.Request) {
	t, code := x.authenticate(r)
	old := r.URL.Path == "/1.1/account/verify_credentials.json"
	id, _ := strconv.ParseFloat(t.User, 64)

	switch {
	case r.URL.Path != "/2/users/me" && !old:
		twitterError(w, 404, 34)
	case code != 0 && old:
		twitterError(w, 401, code)
	case code != 0:
		JSON(w, 401, map[string]any{
			"title":  "Unauthorized",
			"type":   "about:blank",
			"status": 401,
			"detail": "Unauthorized",
		})
	case t.Suspended:
		twitterError(w, 403, 64)
	case old:
		JSON(w, 200, map[string]any{"id": id, "id_str": t.User, "screen_name": "somebody"})
	default:
		JSON(w, 200, map[string]any{"data": map[string]any{
			"id":       t.User,
			"name":     "Some Body",
			"username": "somebody",
		}})
	}
}

func twitterError(w http.ResponseWriter, status, code int) {
	JSON(w, status, map[string]any{"errors": []any{map[string]any{"code": code, "message": "no"}}})
}

// authenticate checks a request by RFC 5849. It returns X's error code for a
// refusal, else 0.
func (x *Twitter) authenticate(r *http.Request) (TwitterToken, int) {
	list, found := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	if !found {
		return TwitterToken{}, 215
	}

	sent := map[string]string{}
	for _, pair := range strings.Split(list, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		sent[name], _ = url.QueryUnescape(strings.Trim(value, `"`))
	}

	now := x.time()
	x.mu.Lock()
	defer x.mu.Unlock()

	seconds, _ := strconv.ParseInt(sent["oauth_timestamp"], 10, 64)
	if distance := now.Sub(time.Unix(seconds, 0)); distance > 5*time.Minute || distance < -5*time.Minute {
		return TwitterToken{}, 135
	}
	if nonce := sent["oauth_nonce"]; nonce == "" || x.nonces[nonce] {
		return TwitterToken{}, 32
	}
	x.nonces[sent["oauth_nonce"]] = true

	secret, known := x.consumers[sent["oauth_consumer_key"]]
	if !known || sent["oauth_signature_method"] != "HMAC-SHA1" {
		return TwitterToken{}, 32
	}
	t, known := x.tokens[sent["oauth_token"]]
	if !known || t.Consumer != sent["oauth_consumer_key"] {
		return TwitterToken{}, 89
	}

	encode := func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
	var parameters []string
	for name, value := range sent {
		if name != "oauth_signature" {
			parameters = append(parameters, name+"="+encode(value))
		}
	}
	slices.Sort(parameters)

	mac := hmac.New(sha1.New, []byte(encode(secret)+"&"+encode(t.Secret)))
	mac.Write([]byte(r.Method + "&" + encode("http://"+r.Host+r.URL.Path) + "&" +
		encode(strings.Join(parameters, "&"))))
	if base64.StdEncoding.EncodeToString(mac.Sum(nil)) != sent["oauth_signature"] {
		return TwitterToken{}, 32
	}

	return t, 0
}
