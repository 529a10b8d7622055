package clilogin

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/srp"
)

const (
	userPoolService = "AWSCognitoIdentityProviderService"
	userPoolKeys    = "/.well-known/jwks.json" // below the issuer
	// mostChallenges bounds the steps of one sign-in.
	mostChallenges = 8
)

// errNobodyToAsk means that a sign-in needs a text of a person, and there is no terminal.
var errNobodyToAsk = errors.New("the sign-in needs a password: run it in a terminal, or give --password-stdin")

// authAnswer is the response of InitiateAuth, RespondToAuthChallenge and GetTokensFromRefreshToken.
type authAnswer struct {
	ChallengeName        string
	ChallengeParameters  map[string]string
	Session              string
	AuthenticationResult *struct {
		IDToken      string `json:"IdToken"`
		RefreshToken string
	}
}

func (a authAnswer) tokens() (tokens, error) {
	if a.AuthenticationResult == nil || a.AuthenticationResult.IDToken == "" {
		return tokens{}, untrusted("the user pool answers without an ID token")
	}
	return tokens{id: a.AuthenticationResult.IDToken, refresh: a.AuthenticationResult.RefreshToken}, nil
}

// poolSignIn is a sign-in at a user pool with name and password. The password never leaves this
// process: it proves that it knows it (SRP).
type poolSignIn struct {
	c        *Client
	p        Profile
	secret   string // of the client; "" = it is public
	username string // what the person signs in with; then the pool's own name of the user
	password string
	exchange *srp.Client
	proved   bool // the pool has accepted the proof of the password
}

// passwordFlow signs in at the profile's user pool.
func (c *Client) passwordFlow(ctx context.Context, p Profile, secret string) (tokens, error) {
	if c.o.Ask == nil {
		return tokens{}, errNobodyToAsk
	}

	exchange, err := srp.NewClient(rand.Reader)
	if err != nil {
		return tokens{}, err
	}
	s := &poolSignIn{c: c, p: p, secret: secret, username: p.Username, exchange: exchange}
	if s.username == "" {
		if s.username, err = c.o.Ask(ctx, "User name", false); err != nil {
			return tokens{}, err
		}
	}
	if s.password, err = c.o.Ask(ctx, "Password of "+explain.ShownText(s.username), true); err != nil {
		return tokens{}, err
	}

	return s.run(ctx)
}

// run goes through the challenges of the pool.
func (s *poolSignIn) run(ctx context.Context) (tokens, error) {
	parameters := map[string]string{"USERNAME": s.username, "SRP_A": s.exchange.Public()}
	s.addSecretHash(parameters)

	var answer authAnswer
	err := s.call(ctx, "InitiateAuth", map[string]any{
		"ClientId":       s.p.ClientID,
		"AuthFlow":       "USER_SRP_AUTH",
		"AuthParameters": parameters,
	}, &answer)
	if err != nil {
		return tokens{}, err
	}

	for range mostChallenges {
		if answer.ChallengeName == "" {
			if !s.proved {
				return tokens{}, untrusted("the user pool answers without asking for the password")
			}
			return answer.tokens()
		}

		responses, err := s.respond(ctx, answer)
		if err != nil {
			return tokens{}, err
		}
		request := map[string]any{
			"ClientId":           s.p.ClientID,
			"ChallengeName":      answer.ChallengeName,
			"ChallengeResponses": responses,
		}
		if answer.Session != "" {
			request["Session"] = answer.Session
		}

		answer = authAnswer{}
		if err := s.call(ctx, "RespondToAuthChallenge", request, &answer); err != nil {
			return tokens{}, err
		}
	}

	return tokens{}, untrusted("the user pool asks more than %d times", mostChallenges)
}

func (s *poolSignIn) call(ctx context.Context, operation string, input, output any) error {
	return s.c.web.call(ctx, s.p.userPoolEndpoint(), userPoolService, operation, input, output)
}

// respond returns the answers to one challenge.
func (s *poolSignIn) respond(ctx context.Context, asked authAnswer) (map[string]string, error) {
	if !s.proved && asked.ChallengeName != "PASSWORD_VERIFIER" {
		return nil, untrusted("the user pool asks for %s before the password", explain.ShownText(asked.ChallengeName))
	}

	// The pool names the user for all that follows, and compares SECRET_HASH with that name, not with an alias
	// such as an address. Not all challenges repeat it.
	if id := asked.ChallengeParameters["USER_ID_FOR_SRP"]; id != "" {
		s.username = id
	}
	responses := map[string]string{"USERNAME": s.username}
	s.addSecretHash(responses)

	code := func(key, label string) (map[string]string, error) {
		text, err := s.c.o.Ask(ctx, label, false)
		responses[key] = strings.TrimSpace(text)
		return responses, err
	}

	switch asked.ChallengeName {
	case "PASSWORD_VERIFIER":
		err := s.prove(asked.ChallengeParameters, responses)
		s.proved = true

		return responses, err
	case "NEW_PASSWORD_REQUIRED":
		password, err := s.newPassword(ctx)
		responses["NEW_PASSWORD"] = password

		return responses, err
	case "SELECT_MFA_TYPE":
		return code("ANSWER", "Second factor, one of "+explain.ShownText(asked.ChallengeParameters["MFAS_CAN_CHOOSE"]))
	case "SOFTWARE_TOKEN_MFA":
		return code("SOFTWARE_TOKEN_MFA_CODE", "Code of your authenticator app")
	case "SMS_MFA":
		return code("SMS_MFA_CODE", "Code that was sent to your phone")
	case "EMAIL_OTP":
		return code("EMAIL_OTP_CODE", "Code that was sent to your e-mail address")
	default:
		return nil, untrusted("the user pool asks for %s, which this command cannot answer: sign in with --issuer %s",
			explain.ShownText(asked.ChallengeName), s.p.issuer())
	}
}

// newPassword asks for a password twice. A hidden text that was mistyped once would lock the user out.
func (s *poolSignIn) newPassword(ctx context.Context) (string, error) {
	password, err := s.c.o.Ask(ctx, "The user pool wants a new password. New password", true)
	if err != nil {
		return "", err
	}
	again, err := s.c.o.Ask(ctx, "The same once more", true)
	if err != nil {
		return "", err
	}
	if password != again {
		return "", errors.New("the new passwords differ: sign in again")
	}

	return password, nil
}

// prove adds the proof of the password to the answers.
func (s *poolSignIn) prove(parameters, responses map[string]string) error {
	block, err := base64.StdEncoding.DecodeString(parameters["SECRET_BLOCK"])
	if err != nil || len(block) == 0 {
		return untrusted("the user pool's SECRET_BLOCK is not Base64")
	}
	userID := parameters["USER_ID_FOR_SRP"]
	// The form that AWS's clients use, with an English month and no leading zero of the day.
	timestamp := s.c.o.Now().UTC().Format("Mon Jan 2 15:04:05 UTC 2006")
	signature, err := s.exchange.Prove(
		s.p.UserPool, userID, s.password, parameters["SALT"], parameters["SRP_B"], block, timestamp)
	if err != nil {
		return untrusted("the user pool's answer cannot be part of a sign-in: %s", err)
	}

	responses["PASSWORD_CLAIM_SECRET_BLOCK"] = parameters["SECRET_BLOCK"]
	responses["TIMESTAMP"] = timestamp
	responses["PASSWORD_CLAIM_SIGNATURE"] = signature

	return nil
}

// addSecretHash adds the proof of the client's secret (Cognito developer guide, "Computing secret hash
// values").
func (s *poolSignIn) addSecretHash(parameters map[string]string) {
	if s.secret == "" {
		return
	}
	mac := hmac.New(sha256.New, []byte(s.secret))
	mac.Write([]byte(s.username + s.p.ClientID))
	parameters["SECRET_HASH"] = base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// refreshAtPool spends a refresh token at a user pool. A pool with rotation gives a new one.
func (c *Client) refreshAtPool(ctx context.Context, p Profile, s signIn) (tokens, error) {
	input := map[string]string{"ClientId": p.ClientID, "RefreshToken": s.RefreshToken}
	if s.ClientSecret != "" {
		input["ClientSecret"] = s.ClientSecret
	}

	var answer authAnswer
	err := c.web.call(ctx, p.userPoolEndpoint(), userPoolService, "GetTokensFromRefreshToken", input, &answer)
	if err != nil {
		return tokens{}, err
	}

	return answer.tokens()
}

// shownTime shows a time to a person.
func shownTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
