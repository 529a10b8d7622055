package login

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

const (
	maxFacebookToken = 4 << 10 // Meta states no limit
	maxDigits        = 32      // of an ID; Meta's have 15 to 17
)

// Codes of Graph API errors that concern the token (Graph API, "Handling errors").
// After any other error the login is Unavailable: the provider is busy or has a
// fault, or the application is set up differently than the settings describe.
const (
	graphBadParameter = 100 // from debug_token: the token is another application's; from me: not a user
	graphSession      = 102
	graphNeedsProof   = 104
	graphToken        = 190
	graphNoUser       = 2500 // from me: an application's token
)

// verifyFacebook proves a Facebook user's access token. Any application's token
// would name its user, so the token's application is compared with the pool's
// first. With the application's secret, debug_token names the application, and the
// token's type and expiry; without it, the node app names the application.
func (v *Verifier) verifyFacebook(ctx context.Context, trust Trust, token string) (Claims, error) {
	j := newJudge(ctx, &trust)
	if isIDToken(token) {
		if trust.IDTokens != nil {
			return v.tokens.Verify(ctx, trust.IDTokens, token)
		}
		setting := explain.Setting("providers.facebook.limited_login")
		return Claims{}, j.refuse(credentialFormLimitedLogin.With().At(setting))
	}

	if refused := j.opaque("the access token of the Facebook SDK", token, maxFacebookToken); refused != nil {
		return Claims{}, refused
	}

	ctx, done, err := v.client.Begin(ctx)
	if err != nil {
		return j.verdict(Claims{}, err)
	}
	defer done()

	g := graph{v: v, j: j, token: token}
	if trust.AppSecret == "" {
		return j.verdict(g.byToken(ctx))
	}

	return j.verdict(g.bySecret(ctx))
}

// graph sends the requests to the Graph API about one token.
type graph struct {
	v     *Verifier
	j     *judge
	token string
}

// ask requests a node with the token bearer, and returns the object of a response
// with status 200. Any other response is an error, and a refusal if its code is one
// of refusals.
func (g graph) ask(
	ctx context.Context,
	node string, query url.Values, bearer string,
	refusals ...int64,
) (map[string]any, error) {
	t := g.j.trust
	path := "/" + node
	if t.APIVersion != "" {
		path = "/" + t.APIVersion + path
	}
	if t.AppSecret != "" {
		query.Set("appsecret_proof", appSecretProof(t.AppSecret, bearer))
	}

	r, err := g.v.client.Get(ctx, t.Outbound(), outbound.Request{
		BaseURL:       t.BaseURL,
		Path:          path,
		Query:         query,
		Authorization: "Bearer " + bearer,
	})
	if err != nil {
		return nil, err
	}
	if r.Status == 200 {
		return r.Object, nil
	}

	fault, _ := r.Object["error"].(map[string]any)
	code, known := wholeNumber(fault["code"])
	switch {
	case known && r.Status < 500 && slices.Contains(refusals, code):
		return nil, g.j.refuse(tokenAtFacebook.With("error", strconv.FormatInt(code, 10), "node", node))
	case code == graphNeedsProof:
		return nil, r.Unusable("and error 104",
			"the Facebook application requires proofs by its secret: set app_secret for facebook in the settings")
	case node == debugToken && code == graphToken:
		return nil, r.Unusable("and error 190",
			"correct app_secret for facebook in the settings: Facebook does not take it for the pool's application")
	}

	return nil, r.Unusable(fmt.Sprintf("and error %d", code),
		"look the code up in the Graph API's reference of errors, and check the application at Facebook")
}

const debugToken = "debug_token"

// byToken proves the token with requests that only the token authorizes.
func (g graph) byToken(ctx context.Context) (Claims, error) {
	app, err := g.ask(ctx, "app", url.Values{"fields": {"id"}}, g.token, graphToken, graphSession, graphNoUser)
	if err != nil {
		return Claims{}, err
	}
	id, err := graphID(app, "id")
	if err != nil {
		return Claims{}, err
	}
	if refused := g.application(id); refused != nil {
		return Claims{}, refused
	}

	// Pages have no first name: with this field Facebook refuses a page's token.
	return g.user(ctx, id, "id,first_name", graphToken, graphSession, graphNoUser, graphBadParameter)
}

// bySecret proves the token with debug_token, which the application's secret
// authorizes.
func (g graph) bySecret(ctx context.Context) (Claims, error) {
	t := g.j.trust
	answer, err := g.ask(
		ctx,
		debugToken, url.Values{"input_token": {g.token}}, t.Audiences[0]+"|"+t.AppSecret,
		graphBadParameter,
	)
	if err != nil {
		return Claims{}, err
	}

	data, isObject := answer["data"].(map[string]any)
	if !isObject {
		return Claims{}, lacking("data")
	}

	valid, isBool := data["is_valid"].(bool)
	if !isBool {
		return Claims{}, lacking("is_valid")
	}
	if !valid {
		return Claims{}, g.j.refuse(tokenAtFacebookInvalid.With())
	}

	app, err := graphID(data, "app_id")
	if err != nil {
		return Claims{}, err
	}
	if refused := g.application(app); refused != nil {
		return Claims{}, refused
	}

	if kind := member(data, "type"); kind != "USER" {
		return Claims{}, g.j.refuse(facebookTokenType.With("type", explain.Shown(data["type"])))
	}

	expires, refused, err := g.expiry(data)
	if err != nil {
		return Claims{}, err
	}
	if refused != nil {
		return Claims{}, refused
	}

	claims, err := g.user(ctx, app, "id", graphToken, graphSession, graphNoUser)
	if err != nil {
		return Claims{}, err
	}
	if named, err := graphID(data, "user_id"); err != nil || named != claims.Subject {
		return Claims{}, g.j.refuse(tokenUser.With())
	}
	claims.Expires = expires

	return claims, nil
}

// application compares the token's application with the pool's.
func (g graph) application(id string) *Refused {
	if !slices.Contains(g.j.trust.Audiences, id) {
		return g.j.otherApplication(explain.ShownText(id))
	}
	g.j.trace.PassBy("token application", id)
	return nil
}

// expiry reads expires_at, in seconds since 1970. 0 means that the token does not
// expire; the time is zero then.
func (g graph) expiry(data map[string]any) (time.Time, *Refused, error) {
	seconds, valid := wholeNumber(data["expires_at"])
	if !valid || seconds < 0 || seconds > idtoken.MaxNumericDate {
		return time.Time{}, nil, lacking("expires_at")
	}
	if seconds == 0 {
		return time.Time{}, nil, nil
	}
	at := time.Unix(seconds, 0)
	if !g.v.now().Before(at) {
		return time.Time{}, g.j.refuse(tokenLapsed.With("end", "one that ended at "+at.UTC().Format(time.RFC3339))), nil
	}

	return at, nil, nil
}

// user requests the token's user.
func (g graph) user(ctx context.Context, app, fields string, refusals ...int64) (Claims, error) {
	me, err := g.ask(ctx, "me", url.Values{"fields": {fields}}, g.token, refusals...)
	if err != nil {
		return Claims{}, err
	}
	id, err := graphID(me, "id")
	if err != nil {
		return Claims{}, err
	}
	g.j.pass("token subject", explain.Masked(id))

	return Claims{
		Issuer:   g.j.trust.Provider,
		Subject:  id,
		Audience: app,
		All: map[string]any{
			"aud":     app,
			"sub":     id,
			"app_id":  app,
			"user_id": id,
		},
	}, nil
}

// appSecretProof returns the Graph API's proof that a call comes from the
// application's server (Meta, "Secure Graph API calls").
func appSecretProof(secret, token string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil))
}

// graphID reads an ID: digits, which old versions of the API send as a number. It
// returns them as text, so that no digit is lost.
func graphID(object map[string]any, name string) (string, error) {
	id := ""
	switch x := object[name].(type) {
	case string:
		id = x
	case json.Number:
		id = x.String()
	}
	if !decimal(id) {
		return "", lacking(name)
	}

	return id, nil
}

// decimal reports whether id is a whole number above 0, without leading zeros.
func decimal(id string) bool {
	if id == "" || len(id) > maxDigits || id[0] == '0' {
		return false
	}

	for i := range len(id) {
		if id[i] < '0' || id[i] > '9' {
			return false
		}
	}

	return true
}

// wholeNumber reads a JSON number without fraction and exponent.
func wholeNumber(value any) (int64, bool) {
	number, isNumber := value.(json.Number)
	if !isNumber {
		return 0, false
	}
	n, err := strconv.ParseInt(number.String(), 10, 64)
	return n, err == nil
}

// lacking returns the error for a response without a member that it must have.
func lacking(name string) error {
	return &outbound.Error{Problem: "the provider's answer has no usable " + name, Reached: true,
		Fix: "check the provider's base_url in the settings; if it is right, the provider changed its API"}
}
