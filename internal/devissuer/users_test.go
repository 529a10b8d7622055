package devissuer_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// TestTokenOfAUser checks that a token for a user has the user's claims, with those of the request
// in their places, and that a request cannot name two subjects.
func TestTokenOfAUser(t *testing.T) {
	users, err := devuser.Open("")
	if err != nil {
		t.Fatal(err)
	}
	dev, err := devissuer.NewControl(devissuer.ControlOptions{
		BaseURL: "http://127.0.0.1:1",
		Users:   users,
		Now:     time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := mounted(devapi.Handlers(dev.Routes()))
	ask := func(request string) (claims map[string]any, fault string) {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, devissuer.TokenPath, strings.NewReader(request))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		var out struct {
			devissuer.TokenResponse
			devapi.ErrorResponse
		}
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		if out.Token == "" {
			return nil, out.Error
		}

		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(out.Token, ".")[1])
		if err != nil || json.Unmarshal(payload, &claims) != nil {
			t.Fatal(out.Token, err)
		}

		return claims, ""
	}

	if _, fault := ask(`{"user": "alice"}`); !strings.Contains(fault, "this server has no users") {
		t.Errorf("without users: %s", fault)
	}
	alice, err := devuser.New("alice", map[string]any{"sub": "0815", "email": "a@b.c", "level": json.Number("3")})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := devuser.New("plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := users.Put(alice, plain); err != nil {
		t.Fatal(err)
	}

	claims, _ := ask(`{"user": "alice"}`)
	if claims["sub"] != "0815" || claims["email"] != "a@b.c" || claims["level"] != 3.0 {
		t.Errorf("alice's token: %v", claims)
	}
	claims, _ = ask(`{"user": "alice", "claims": {"email": "x", "more": true}}`)
	if claims["sub"] != "0815" || claims["email"] != "x" || claims["more"] != true || claims["level"] != 3.0 {
		t.Errorf("alice's token with other claims: %v", claims)
	}
	if claims, _ = ask(`{"user": "alice"}`); claims["email"] != "a@b.c" || claims["more"] != nil {
		t.Errorf("the claims of a request have stayed: %v", claims)
	}
	if claims, _ = ask(`{"user": "plain", "claims": {"a": 1}}`); claims["sub"] != "plain" || claims["a"] != 1.0 {
		t.Errorf("the token of a user without claims: %v", claims)
	}

	for request, want := range map[string]string{
		`{"user": "alise"}`:                         "did you mean alice?",
		`{"user": "nobody"}`:                        "there are alice, plain",
		`{"user": "alice", "sub": "alice"}`:         "give sub or user, not both",
		`{"user": "alice", "claims": {"sub": "x"}}`: `the claim "sub" is set by the issuer`,
		`{"sub": "alice", "claims": {"Sub": "x"}}`:  "pools refuse tokens with the claim Sub",
		`{}`: "the subject must have",
	} {
		if _, fault := ask(request); !strings.Contains(fault, want) {
			t.Errorf("%s: %q lacks %q", request, fault, want)
		}
	}
}
