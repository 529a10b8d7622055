package devuserpool

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/srp/srptest"
)

// everybody is the caller of all operations.
var everybody = awsapi.Caller{Account: "111122223333", Region: "eu-central-1"}

// openGate lets everybody in, as the account that a header names, or else as everybody.Account.
type openGate struct{}

func (openGate) Authenticate(r *http.Request, _ []byte, _ string) (awsapi.Caller, error) {
	c := everybody
	c.Account = cmp.Or(r.Header.Get("Account"), c.Account)

	return c, nil
}

func (openGate) Authorize(context.Context, awsapi.Caller, awsapi.Access) error { return nil }

// rig is a service behind AWS JSON, with a pool and a client.
type rig struct {
	*Service
	t    *testing.T
	api  http.Handler
	pool string
	id   string // of the client

	account     string // of signed calls; "" = everybody.Account
	chosenByAll bool   // every account may choose IDs

	mu    sync.Mutex
	now   time.Time
	codes []SentCode
}

type object = map[string]any

// newRig starts a service with a pool of these settings and a client of these.
func newRig(t *testing.T, pool, client object) *rig {
	t.Helper()
	state, err := OpenState("")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, now: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)}
	r.Service = New(Options{
		State:        state,
		Issuer:       "http://127.0.0.1:9229",
		Now:          r.clock,
		MayChooseIDs: func(account string) bool { return account == everybody.Account || r.chosenByAll },
		Codes: func(_ context.Context, c SentCode) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.codes = append(r.codes, c)
		},
	})
	api, err := awsapi.New(awsapi.Options{APIs: []awsapi.API{r.API()}, Gate: openGate{}, Now: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	r.api = api

	settings := object{"PoolName": "p", "AutoVerifiedAttributes": []string{"email"}}
	for name, value := range pool {
		settings[name] = value
	}
	r.pool = r.ok("CreateUserPool", settings)["UserPool"].(object)["Id"].(string)

	settings = object{"UserPoolId": r.pool, "ClientName": "c", "ExplicitAuthFlows": []string{
		"ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_AUTH",
		"ALLOW_ADMIN_USER_PASSWORD_AUTH",
	}}
	for name, value := range client {
		settings[name] = value
	}
	r.id = r.ok("CreateUserPoolClient", settings)["UserPoolClient"].(object)["ClientId"].(string)

	return r
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// call sends an operation. refusal is the error's type and message; "" = it was accepted.
func (r *rig) call(operation string, in object) (out object, refusal string) {
	r.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		r.t.Fatal(err)
	}
	request := httptest.NewRequestWithContext(r.t.Context(), http.MethodPost, "/", bytes.NewReader(body))
	request.Header.Set("X-Amz-Target", TargetPrefix+"."+operation)
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 that openGate takes") // public operations ignore it
	request.Header.Set("Account", r.account)
	answer := httptest.NewRecorder()
	r.api.ServeHTTP(answer, request)

	out = object{}
	if answer.Body.Len() > 0 {
		if err := json.Unmarshal(answer.Body.Bytes(), &out); err != nil {
			r.t.Fatalf("%s: %s: %v", operation, answer.Body, err)
		}
	}
	switch answer.Code {
	case http.StatusOK:
		return out, ""
	case http.StatusBadRequest:
		message, is := out["message"].(string)
		if !is {
			message = out["Message"].(string) // of a denial
		}
		return out, out["__type"].(string) + ": " + message
	default:
		r.t.Fatalf("%s: status %d: %s", operation, answer.Code, answer.Body)
		return nil, ""
	}
}

// ok is call for what must be accepted.
func (r *rig) ok(operation string, in object) object {
	r.t.Helper()
	out, refusal := r.call(operation, in)
	if refusal != "" {
		r.t.Fatalf("%s: %s", operation, refusal)
	}
	return out
}

// refused is call for what must be refused.
func (r *rig) refused(operation string, in object, want string) {
	r.t.Helper()
	if out, got := r.call(operation, in); got != want {
		r.t.Errorf("%s: %q, %v; want %q", operation, got, out, want)
	}
}

// code returns the newest code that was shown.
func (r *rig) code() string {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.codes) == 0 {
		r.t.Fatal("no code was shown")
	}
	return r.codes[len(r.codes)-1].Code
}

const rightPassword = "Correct-1"

// user signs a user up and confirms the sign-up.
func (r *rig) user(name string, attributes ...string) {
	r.t.Helper()
	r.ok("SignUp", object{"ClientId": r.id, "Username": name, "Password": rightPassword,
		"UserAttributes": attributeObjects(attributes...)})
	r.ok("ConfirmSignUp", object{"ClientId": r.id, "Username": name, "ConfirmationCode": r.code()})
}

func attributeObjects(pairs ...string) []object {
	list := []object{}
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, object{"Name": pairs[i], "Value": pairs[i+1]})
	}
	return list
}

// tokens are those of an AuthenticationResult.
type tokens struct{ access, id, refresh string }

func (r *rig) tokensOf(out object) tokens {
	r.t.Helper()
	result, isThere := out["AuthenticationResult"].(object)
	if !isThere {
		r.t.Fatalf("no tokens: %v", out)
	}
	var set tokens
	set.access, _ = result["AccessToken"].(string)
	set.id, _ = result["IdToken"].(string)
	set.refresh, _ = result["RefreshToken"].(string)

	return set
}

// signIn signs a user in with the password.
func (r *rig) signIn(name, password string) tokens {
	r.t.Helper()
	return r.tokensOf(r.ok("InitiateAuth", r.byPassword(name, password)))
}

func (r *rig) byPassword(name, password string) object {
	return object{"ClientId": r.id, "AuthFlow": "USER_PASSWORD_AUTH",
		"AuthParameters": object{"USERNAME": name, "PASSWORD": password}}
}

// srp begins a sign-in by SRP and returns the answer to the challenge.
func (r *rig) srp(name, password string) object {
	r.t.Helper()
	client := srptest.NewClient(r.t)
	out := r.ok("InitiateAuth", object{"ClientId": r.id, "AuthFlow": "USER_SRP_AUTH",
		"AuthParameters": object{"USERNAME": name, "SRP_A": client.A()}})
	return r.proofOf(client, out, password)
}

// proofOf answers PASSWORD_VERIFIER.
func (r *rig) proofOf(client *srptest.Client, out object, password string) object {
	r.t.Helper()
	if out["ChallengeName"] != "PASSWORD_VERIFIER" {
		r.t.Fatalf("the challenge is %v", out)
	}
	p := map[string]string{}
	for name, value := range out["ChallengeParameters"].(object) {
		p[name] = value.(string)
	}
	timestamp := r.clock().Format(timestampForm)
	signature := client.Signature(r.t, r.pool, p["USER_ID_FOR_SRP"], password, p["SALT"], p["SRP_B"],
		unbase64(r.t, p["SECRET_BLOCK"]), timestamp)

	return object{"ClientId": r.id, "ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": object{
		"USERNAME":                    p["USERNAME"],
		"PASSWORD_CLAIM_SECRET_BLOCK": p["SECRET_BLOCK"],
		"PASSWORD_CLAIM_SIGNATURE":    signature,
		"TIMESTAMP":                   timestamp,
	}}
}

const (
	wrongPair     = "NotAuthorizedException: Incorrect username or password."
	noSuchUser    = "UserNotFoundException: User does not exist."
	notConfirmed  = "UserNotConfirmedException: User is not confirmed."
	disabledUser  = "NotAuthorizedException: User is disabled."
	codeExpiredIs = "ExpiredCodeException: Invalid code provided, please request a code again."
	codeWrongIs   = "CodeMismatchException: Invalid verification code provided, please try again."
	tooManyCodes  = "LimitExceededException: Attempt limit exceeded, please try after some time."
	lockedOut     = "NotAuthorizedException: Password attempts exceeded"
	badSession    = "NotAuthorizedException: Invalid session for the user."
)
