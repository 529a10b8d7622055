package logintest

import (
	"net/http"
	"testing"
	"time"
)

// AmazonToken is an access token of Login with Amazon.
type AmazonToken struct {
	Client, App, User string
	Expires           time.Time
}

// Amazon is Login with Amazon's tokeninfo, as its guide describes it.
type Amazon struct {
	API
	tokens map[string]AmazonToken
}

// NewAmazon starts a tokeninfo API.
func NewAmazon(tb testing.TB) *Amazon {
	a := &Amazon{tokens: map[string]AmazonToken{}}
	a.serve(tb, a.tokenInfo)
	return a
}

// AddToken issues a token.
func (a *Amazon) AddToken(token string, t AmazonToken) {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.tokens[token] = t
}

func (a *Amazon) tokenInfo(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/auth/o2/tokeninfo" {
		http.NotFound(w, r)
		return
	}

	now := a.time()
	a.mu.Lock()
	t, known := a.tokens[r.URL.Query().Get("access_token")]
	a.mu.Unlock()
	if !known || !now.Before(t.Expires) {
		JSON(w, 400, map[string]any{
			"error":             "invalid_token",
			"error_description": "The request has an invalid parameter : access_token",
		})
		return
	}

	JSON(w, 200, map[string]any{
		"iss":     "https://www.amazon.com",
		"user_id": t.User,
		"aud":     t.Client,
		"app_id":  t.App,
		"exp":     int64(t.Expires.Sub(now) / time.Second),
		"iat":     now.Unix() - 10,
	})
}
