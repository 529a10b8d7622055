package logintest

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// FacebookToken is an access token of Facebook.
type FacebookToken struct {
	App, User string    // IDs
	Type      string    // USER or PAGE; "" = USER
	Expires   time.Time // zero for never
	Withdrawn bool
}

// Facebook is the part of the Graph API that proves access tokens: app, me and
// debug_token, with appsecret_proof, as Meta's reference describes them.
type Facebook struct {
	API
	// RequireProof refuses calls without appsecret_proof, which is a setting of an
	// application at Facebook.
	RequireProof bool
	secrets      map[string]string
	tokens       map[string]FacebookToken
}

// NewFacebook starts a Graph API.
func NewFacebook(tb testing.TB) *Facebook {
	f := &Facebook{secrets: map[string]string{}, tokens: map[string]FacebookToken{}}
	f.serve(tb, f.graph)
	return f
}

// AddApp registers an application.
func (f *Facebook) AddApp(id, secret string) {
	f.mu.Lock()
	defer f.mu.Unlock()

	f.secrets[id] = secret
}

// AddToken issues a token.
func (f *Facebook) AddToken(token string, t FacebookToken) {
	f.mu.Lock()
	defer f.mu.Unlock()

	f.tokens[token] = t
}

// applicationToken is a FacebookToken.Type that only lookUp sets.
const applicationToken = "APP"

func (f *Facebook) lookUp(token string) (FacebookToken, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()

	if app, secret, joined := strings.Cut(token, "|"); joined && secret != "" && f.secrets[app] == secret {
		return FacebookToken{App: app, Type: applicationToken}, true
	}
	t, known := f.tokens[token]
	if known && t.Type == "" {
		t.Type = "USER"
	}

	return t, known
}

func (f *Facebook) valid(t FacebookToken) bool {
	return !t.Withdrawn && (t.Expires.IsZero() || f.time().Before(t.Expires))
}

var version = regexp.MustCompile(`^/v\d+\.\d+/`)

func (f *Facebook) graph(w http.ResponseWriter, r *http.Request) {
	node := strings.TrimPrefix(version.ReplaceAllString(r.URL.Path, "/"), "/")
	bearer := r.FormValue("access_token")
	if header, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); found {
		bearer = header
	}

	t, known := f.lookUp(bearer)
	switch proof := r.FormValue("appsecret_proof"); {
	case !known || !f.valid(t):
		graphError(w, 190, "Invalid OAuth access token.")
	case proof != "" && proof != f.proof(t.App, bearer):
		graphError(w, 100, "Invalid appsecret_proof provided in the API argument")
	case proof == "" && f.RequireProof:
		graphError(w, 104, "API calls from the server require an appsecret_proof argument")
	case node == "app":
		JSON(w, 200, map[string]any{"id": t.App, "name": "an app", "link": "https://example.com/"})
	case node == "me" && t.Type == applicationToken:
		graphError(w, 2500, "An active access token must be used to query information about the current user.")
	case node == "me" && t.Type == "PAGE" && strings.Contains(r.FormValue("fields"), "first_name"):
		graphError(w, 100, "(#100) Tried accessing nonexisting field (first_name) on node type (Page)")
	case node == "me":
		JSON(w, 200, map[string]any{"id": t.User})
	case node == "debug_token" && t.Type == applicationToken:
		f.debug(w, t.App, r.FormValue("input_token"))
	default:
		graphError(w, 100, "Unsupported get request")
	}
}

func (f *Facebook) debug(w http.ResponseWriter, app, token string) {
	t, known := f.lookUp(token)
	switch {
	case known && t.App != app:
		graphError(w, 100, "(#100) The App_id in the input_token did not match the Viewing App")
	case !known:
		JSON(w, 200, map[string]any{"data": map[string]any{
			"is_valid": false,
			"scopes":   []string{},
			"error":    map[string]any{"code": 190, "message": "Invalid OAuth access token."},
		}})
	default:
		expires := int64(0)
		if !t.Expires.IsZero() {
			expires = t.Expires.Unix()
		}

		JSON(w, 200, map[string]any{"data": map[string]any{
			"app_id":                 t.App,
			"type":                   t.Type,
			"application":            "an app",
			"user_id":                t.User,
			"is_valid":               f.valid(t),
			"expires_at":             expires,
			"data_access_expires_at": 1800000000,
			"scopes":                 []string{"public_profile"},
		}})
	}
}

func (f *Facebook) proof(app, bearer string) string {
	f.mu.Lock()
	defer f.mu.Unlock()

	mac := hmac.New(sha256.New, []byte(f.secrets[app]))
	mac.Write([]byte(bearer))
	return fmt.Sprintf("%x", mac.Sum(nil))
}

func graphError(w http.ResponseWriter, code int, message string) {
	JSON(w, 400, map[string]any{"error": map[string]any{
		"message":    message,
		"type":       "OAuthException",
		"code":       code,
		"fbtrace_id": "A",
	}})
}
