package clilogin

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/srp"
)

const (
	standInPool   = "us-east-1_Users"
	standInUser   = "7a4b9c1e-ann" // the pool's own name of the user
	standInAlias  = "ann@example.com"
	standInSecret = "of-the-client"
	standInBlock  = "c2VjcmV0LWJsb2Nr"
)

// userPoolStandIn is a user pool as the API model describes it: after SRP it asks for the challenges of a list. It
// takes a client's secret hash for the pool's own name of the user alone, except at the first step.
type userPoolStandIn struct {
	*httptest.Server

	t          *testing.T
	secret     string              // of the client; "" = none
	challenges []string            // after the password
	expected   []map[string]string // the responses to them, beside USERNAME and SECRET_HASH
	silent     bool                // challenges do not repeat the user's name
	skipSRP    bool

	verifier srp.Verifier
	exchange *srp.Exchange
	step     int
}

func newUserPoolStandIn(t *testing.T) *userPoolStandIn {
	t.Helper()
	verifier, err := srp.NewVerifier(rand.Reader, standInPool, standInUser, "Secret-123")
	if err != nil {
		t.Fatal(err)
	}
	p := &userPoolStandIn{t: t, verifier: verifier}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)

	return p
}

// standInRequest has the members of InitiateAuth and RespondToAuthChallenge.
type standInRequest struct {
	ClientID           string `json:"ClientId"`
	AuthFlow           string
	AuthParameters     map[string]string
	ChallengeName      string
	ChallengeResponses map[string]string
	Session            string
}

func (p *userPoolStandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request standInRequest
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&request)
	if err == nil && request.ClientID != testClient {
		err = fmt.Errorf("the client is %q", request.ClientID)
	}

	var answer map[string]any
	switch {
	case err != nil:
	case r.Header.Get("X-Amz-Target") == userPoolService+".InitiateAuth":
		answer, err = p.initiate(request)
	case r.Header.Get("X-Amz-Target") == userPoolService+".RespondToAuthChallenge":
		answer, err = p.respond(request)
	default:
		err = errors.New("another operation")
	}

	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]any{"__type": "NotAuthorizedException", "message": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// hashOf computes SECRET_HASH by the developer guide.
func (p *userPoolStandIn) hashOf(username string) string {
	if p.secret == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(p.secret))
	mac.Write([]byte(username + testClient))

	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (p *userPoolStandIn) initiate(r standInRequest) (map[string]any, error) {
	sent := r.AuthParameters
	if r.AuthFlow != "USER_SRP_AUTH" || sent["USERNAME"] != standInAlias ||
		sent["SECRET_HASH"] != p.hashOf(standInAlias) {
		return nil, fmt.Errorf("begun with %s, %v", r.AuthFlow, slices.Sorted(maps.Keys(sent)))
	}
	if p.skipSRP {
		return p.next(), nil
	}

	var err error
	if p.exchange, err = srp.NewExchange(rand.Reader, p.verifier, sent["SRP_A"]); err != nil {
		return nil, err
	}
	salt, public := p.exchange.Challenge()

	return map[string]any{"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": map[string]string{
		"SALT": salt, "SRP_B": public, "SECRET_BLOCK": standInBlock,
		"USER_ID_FOR_SRP": standInUser, "USERNAME": standInUser,
	}}, nil
}

// next returns the next challenge, or tokens.
func (p *userPoolStandIn) next() map[string]any {
	if p.step == len(p.challenges) {
		return map[string]any{"ChallengeParameters": map[string]string{}, "AuthenticationResult": map[string]any{
			"AccessToken": "access", "IdToken": "the-id-token", "RefreshToken": "the-refresh-token",
			"ExpiresIn": 3600, "TokenType": "Bearer",
		}}
	}

	parameters := map[string]string{"MFAS_CAN_CHOOSE": `["SMS_MFA","SOFTWARE_TOKEN_MFA"]`, "requiredAttributes": "[]"}
	if !p.silent {
		parameters["USER_ID_FOR_SRP"] = standInUser
	}

	return map[string]any{
		"ChallengeName":       p.challenges[p.step],
		"ChallengeParameters": parameters,
		"Session":             fmt.Sprintf("session-%d-of-twenty-bytes", p.step),
	}
}

func (p *userPoolStandIn) respond(r standInRequest) (map[string]any, error) {
	sent := r.ChallengeResponses
	if sent["USERNAME"] != standInUser || sent["SECRET_HASH"] != p.hashOf(standInUser) {
		return nil, fmt.Errorf("unable to verify secret hash, or the name %s", sent["USERNAME"])
	}
	if r.ChallengeName == "PASSWORD_VERIFIER" {
		block, _ := base64.StdEncoding.DecodeString(sent["PASSWORD_CLAIM_SECRET_BLOCK"])
		if r.Session != "" || !p.exchange.Proves(
			standInPool, standInUser, block, sent["TIMESTAMP"], sent["PASSWORD_CLAIM_SIGNATURE"]) {
			return nil, errors.New("incorrect username or password")
		}

		return p.next(), nil
	}

	delete(sent, "USERNAME")
	delete(sent, "SECRET_HASH")
	want := p.expected[p.step]
	if r.ChallengeName != p.challenges[p.step] || r.Session != fmt.Sprintf("session-%d-of-twenty-bytes", p.step) ||
		!maps.Equal(sent, want) {
		return nil, fmt.Errorf("the response to %s is %v, want %v", r.ChallengeName, sent, want)
	}
	p.step++

	return p.next(), nil
}

// signIn signs in with texts that a person types.
func (p *userPoolStandIn) signIn(typed ...string) (tokens, error) {
	var labels []string
	c := New(Options{
		Now: func() time.Time { return time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC) },
		Ask: func(_ context.Context, label string, hidden bool) (string, error) {
			labels = append(labels, label)
			if len(typed) == 0 {
				return "", fmt.Errorf("asked for more: %q", labels)
			}
			text := typed[0]
			typed = typed[1:]
			if hidden != strings.Contains(text, "Secret") {
				p.t.Errorf("%s: hidden is %t", label, hidden)
			}

			return text, nil
		},
	})
	profile := Profile{
		Name: "ann", Endpoint: p.URL, IdentityPool: "us-east-1:00000000-0000-4000-8000-000000000001",
		UserPool: standInPool, ClientID: testClient, Username: standInAlias,
	}

	got, err := c.passwordFlow(p.t.Context(), profile, p.secret)
	if err == nil && len(typed) > 0 {
		p.t.Errorf("not asked for: %q", typed)
	}

	return got, err
}

// All challenges that a person can answer in a terminal, with and without a client's secret, by an alias.
func TestUserPoolChallenges(t *testing.T) {
	for name, test := range map[string]struct {
		challenges []string
		expected   []map[string]string
		typed      []string
	}{
		"none": {},
		"an authenticator app": {
			[]string{"SOFTWARE_TOKEN_MFA"}, []map[string]string{{"SOFTWARE_TOKEN_MFA_CODE": "123456"}},
			[]string{" 123456 "},
		},
		"a text message": {
			[]string{"SMS_MFA"}, []map[string]string{{"SMS_MFA_CODE": "123456"}}, []string{"123456"},
		},
		"an e-mail": {
			[]string{"EMAIL_OTP"}, []map[string]string{{"EMAIL_OTP_CODE": "12345678"}}, []string{"12345678"},
		},
		"a choice": {
			[]string{"SELECT_MFA_TYPE", "SMS_MFA"}, []map[string]string{{"ANSWER": "SMS_MFA"}, {"SMS_MFA_CODE": "1"}},
			[]string{"SMS_MFA", "1"},
		},
		"a new password, and a code": {
			[]string{"NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA"},
			[]map[string]string{{"NEW_PASSWORD": "Secret-124"}, {"SOFTWARE_TOKEN_MFA_CODE": "7"}},
			[]string{"Secret-124", "Secret-124", "7"},
		},
	} {
		for _, secret := range []string{"", standInSecret} {
			for _, silent := range []bool{false, true} {
				p := newUserPoolStandIn(t)
				p.secret, p.silent, p.challenges, p.expected = secret, silent, test.challenges, test.expected

				got, err := p.signIn(append([]string{"Secret-123"}, test.typed...)...)
				if err != nil || got.id != "the-id-token" || got.refresh != "the-refresh-token" {
					t.Errorf("%s, secret %q, silent %t: %v", name, secret, silent, err)
				}
			}
		}
	}
}

// What cannot be answered, or is no sign-in, ends with an error that has no secret.
func TestUserPoolRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*userPoolStandIn)
		typed  []string
		want   string
	}{
		"a wrong password": {func(*userPoolStandIn) {}, []string{"Secret-12"}, "incorrect username or password"},
		"a wrong code": {func(p *userPoolStandIn) {
			p.challenges, p.expected = []string{"SMS_MFA"}, []map[string]string{{"SMS_MFA_CODE": "1"}}
		}, []string{"Secret-123", "2"}, "the response to SMS_MFA"},
		"a device": {func(p *userPoolStandIn) {
			p.challenges = []string{"DEVICE_SRP_AUTH"}
		}, []string{"Secret-123"}, "which this command cannot answer"},
		"no end": {func(p *userPoolStandIn) {
			p.challenges = slices.Repeat([]string{"SMS_MFA"}, 20)
			p.expected = slices.Repeat([]map[string]string{{"SMS_MFA_CODE": "1"}}, 20)
		}, append([]string{"Secret-123"}, slices.Repeat([]string{"1"}, 20)...), "more than 8 times"},
		"tokens without a password": {func(p *userPoolStandIn) {
			p.skipSRP = true
		}, []string{"Secret-123"}, "without asking"},
		"a new password without the former": {func(p *userPoolStandIn) {
			p.skipSRP, p.challenges = true, []string{"NEW_PASSWORD_REQUIRED"}
		}, []string{"Secret-123", "Secret-124", "Secret-124"}, "before the password"},
		"new passwords that differ": {func(p *userPoolStandIn) {
			p.challenges = []string{"NEW_PASSWORD_REQUIRED"}
		}, []string{"Secret-123", "Secret-124", "Secret-125"}, "the new passwords differ"},
		"a name for a terminal": {func(p *userPoolStandIn) {
			p.challenges = []string{"\x1b[2J"}
		}, []string{"Secret-123"}, "asks for"},
	} {
		p := newUserPoolStandIn(t)
		test.change(p)

		_, err := p.signIn(test.typed...)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.ContainsAny(err.Error(), "\x1b") ||
			strings.Contains(err.Error(), "Secret-") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
