package login

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

const (
	maxAmazonToken    = 2 << 10 // bytes (Login with Amazon, "Access token")
	maxAmazonLifetime = 10 * 365 * 24 * 60 * 60
)

// verifyAmazon proves a Login with Amazon access token by tokeninfo. The token
// must have been issued to the pool's application. Pools name that by its client
// ID (aud) or by its application ID (app_id).
func (v *Verifier) verifyAmazon(ctx context.Context, trust Trust, token string) (Claims, error) {
	j := newJudge(ctx, &trust)
	const what = "the access token of Login with Amazon (it begins with Atza|)"
	if refused := j.opaque(what, token, maxAmazonToken); refused != nil {
		return Claims{}, refused
	}

	ctx, done, err := v.client.Begin(ctx)
	if err != nil {
		return j.verdict(Claims{}, err)
	}
	defer done()

	// The documents of tokeninfo allow the token only as a query parameter.
	r, err := v.client.Get(ctx, trust.Outbound(), outbound.Request{
		BaseURL: trust.BaseURL,
		Path:    trust.VerifyPath,
		Query:   url.Values{"access_token": {token}},
	})
	if err != nil {
		return j.verdict(Claims{}, err)
	}

	return j.verdict(v.judgeTokenInfo(j, r))
}

func (v *Verifier) judgeTokenInfo(j *judge, r outbound.Response) (Claims, error) {
	switch r.Status {
	case http.StatusOK:
	case http.StatusBadRequest, http.StatusUnauthorized:
		if code := member(r.Object, "error"); code != "" { // a refusal by OAuth 2.0 (RFC 6749 section 5.2)
			return Claims{}, j.refuse(tokenAtAmazon.With("error", showCode(code)))
		}
		return Claims{}, r.Unusable("and no error code", "check base_url for amazon in the settings")
	default:
		return Claims{}, r.Unusable("", "check base_url for amazon in the settings, and the state of Login with Amazon")
	}

	client, app := member(r.Object, "aud"), member(r.Object, "app_id")
	if client == "" && app == "" {
		return Claims{}, lacking("aud")
	}

	audience := ""
	for _, candidate := range []string{client, app} {
		if candidate != "" && slices.Contains(j.trust.Audiences, candidate) {
			audience = candidate
			break
		}
	}
	if audience == "" {
		return Claims{}, j.otherApplication(explain.ShownText(client) + " of " + explain.ShownText(app))
	}
	j.trace.PassBy("token application", explain.ShownText(audience))

	left, valid := wholeNumber(r.Object["exp"]) // seconds left, not a time
	if !valid || left > maxAmazonLifetime {
		return Claims{}, lacking("exp")
	}
	if left <= 0 {
		return Claims{}, j.refuse(tokenLapsed.With("end", "no seconds are left"))
	}

	user := member(r.Object, "user_id")
	if user == "" || len(user) > idtoken.MaxSubjectBytes || !explain.Printable(user) {
		return Claims{}, lacking("user_id")
	}
	j.pass("token subject", explain.Masked(user))

	claims := Claims{
		Issuer:   j.trust.Provider,
		Subject:  user,
		Audience: audience,
		Expires:  v.now().Add(time.Duration(left) * time.Second),
		All: map[string]any{
			"aud":     client,
			"app_id":  app,
			"user_id": user,
			"sub":     user,
		},
	}

	return claims, nil
}

// showCode returns an error code of a provider if it has only letters and
// underscores. Any other text might repeat the credential.
func showCode(code string) string {
	for i := range len(code) {
		if c := code[i]; (c < 'a' || c > 'z') && c != '_' {
			return "in another form"
		}
	}
	if len(code) > maxErrorCode {
		return "in another form"
	}

	return code
}

const maxErrorCode = 40
