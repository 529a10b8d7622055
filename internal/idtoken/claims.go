package idtoken

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// claimNames are the claims that decide something; other spellings of them are
// refused (names in Rule.Require are matched exactly in any case).
var claimNames = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "azp", "jti", "nonce", "token_use", "events"}

// Claims are the facts about a user that a provider vouched for.
type Claims struct {
	Issuer   string
	Subject  string
	Scope    string // identitypool.Login.Scope of the subject; "" except for SAML
	Audience string // the accepted client: azp if present, else aud
	Expires  time.Time
	IssuedAt time.Time // zero if the token has no iat
	// Roles are the ARNs of the roles that the provider offers the user: nil if it
	// does not mention roles, empty if it offers none.
	Roles []string
	// All holds every claim. Numbers are json.Number, arrays []any, objects map[string]any.
	All map[string]any
}

// Audiences returns the texts in aud, which is one text or a list.
func (c Claims) Audiences() []string {
	values, isList := c.All["aud"].([]any)
	if !isList {
		values = []any{c.All["aud"]}
	}

	var audiences []string
	for _, value := range values {
		if text, isText := value.(string); isText {
			audiences = append(audiences, text)
		}
	}

	return audiences
}

// Bounds on the values of claims.
const (
	MaxSubjectBytes = 255          // OpenID Connect Core 1.0 section 2
	MaxNumericDate  = 253402300799 // the last second of the year 9999
)

// judgeClaims checks all claims of a token. It runs before the signature is
// checked, since it can spare a request to the provider; the claims that it
// returns are not yet proved.
func (j *judge) judgeClaims(claims map[string]any, now time.Time, skew time.Duration) (Claims, *Refused) {
	if _, event := claims["events"]; event {
		// A logout token may have an ID token's typ (OpenID Connect Back-Channel
		// Logout 1.0 section 2.4): only this claim distinguishes them.
		return Claims{}, j.refuse(tokenClaimsEvent.With())
	}

	j.client = clientOf(claims)
	c := Claims{All: claims}
	var first *Refused
	for _, step := range []func(*Claims) *Refused{
		j.issuer,
		j.required,
		func(c *Claims) *Refused { return j.times(c, now, skew) },
		j.subject,
		j.audience,
		j.requiredValues,
	} {
		refused := step(&c)
		if refused != nil && !j.thorough {
			return Claims{}, refused
		}
		first = cmp.Or(first, refused)
	}

	return c, first
}

// reported reports whether an earlier check has already refused the token because it lacks the
// claim.
func (j *judge) reported(c *Claims, name string) bool { return j.thorough && c.All[name] == nil }

// clientOf returns the client that a token was issued to, as far as its claims tell.
func clientOf(claims map[string]any) string {
	if azp, ok := claims["azp"].(string); ok {
		return azp
	}

	aud := claims["aud"]
	if list, isList := aud.([]any); isList && len(list) > 0 { // it may be long, and is not proven
		aud = list[0]
	}
	text, _ := aud.(string)

	return text
}

func (j *judge) missing(name string) *Refused {
	return j.refuse(tokenClaimsMissing.With("claim", name))
}

// issuer compares iss byte for byte: no letter case, port, slash or scheme is
// forgiven, since each would be another issuer (RFC 8725 section 3.8).
func (j *judge) issuer(c *Claims) *Refused {
	iss, present := c.All["iss"]
	if !present {
		return j.missing("iss")
	}
	text, isString := iss.(string)
	if text == "" || !slices.Contains(j.rule.Issuers, text) {
		if !isString {
			return j.refuse(tokenIssuerForm.With(
				"issuers", strings.Join(j.rule.Issuers, " or "),
				"issuer", explain.Masked(iss),
			))
		}
		return j.refuse(j.otherIssuer(text))
	}

	c.Issuer = text
	j.pass("token issuer", text)

	return nil
}

func (j *judge) required(c *Claims) *Refused {
	var first *Refused
	for _, name := range []string{"sub", "aud", "exp"} {
		if c.All[name] != nil {
			continue
		}

		refused := j.missing(name)
		if !j.thorough {
			return refused
		}
		first = cmp.Or(first, refused)
	}

	return first
}

// times checks exp, nbf and iat (RFC 7519 section 4.1.4 to 4.1.6).
func (j *judge) times(c *Claims, now time.Time, skew time.Duration) *Refused {
	return j.judgeTimes(c, now, skew, !j.reported(c, "exp"))
}

// eventTimes is times for tokens that need no exp.
func (j *judge) eventTimes(c *Claims, now time.Time, skew time.Duration) *Refused {
	return j.judgeTimes(c, now, skew, c.All["exp"] != nil)
}

func (j *judge) judgeTimes(c *Claims, now time.Time, skew time.Duration, expires bool) *Refused {
	moment := map[string]time.Time{}
	for _, name := range []string{"exp", "nbf", "iat"} {
		value, present := c.All[name]
		if !present {
			continue
		}
		at, valid := numericDate(value)
		if !valid {
			return j.refuse(tokenTime.With("claim", name, "value", explain.Shown(value)))
		}
		moment[name] = at
	}

	exp := moment["exp"]
	c.Expires, c.IssuedAt = exp, moment["iat"]
	if expires && !now.Before(exp.Add(skew)) {
		return j.refuse(tokenExpiry.With(
			"earliest", now.Add(-skew).UTC().Format(time.RFC3339),
			"exp", exp.UTC().Format(time.RFC3339),
			"now", strconv.FormatInt(now.Unix(), 10),
			"seconds", strconv.FormatInt(exp.Unix(), 10),
		))
	}

	for _, name := range []string{"nbf", "iat"} {
		if at, present := moment[name]; present && at.After(now.Add(skew)) {
			return j.refuse(tokenFuture.With(
				"claim", name,
				"latest", now.Add(skew).UTC().Format(time.RFC3339),
				"at", at.UTC().Format(time.RFC3339),
			))
		}
	}

	if j.trace != nil && expires {
		j.pass("token expiry", exp.UTC().Format(time.RFC3339))
	}

	return nil
}

// numericDate reads a NumericDate (RFC 7519 section 2): seconds, perhaps with a
// fraction, which is dropped. It accepts 0, which old Keycloak puts into nbf.
func numericDate(value any) (time.Time, bool) {
	number, isNumber := value.(json.Number)
	if !isNumber {
		return time.Time{}, false
	}
	if whole, err := strconv.ParseInt(number.String(), 10, 64); err == nil {
		return time.Unix(whole, 0), whole >= 0 && whole <= MaxNumericDate
	}
	seconds, err := number.Float64()
	if err != nil || !(seconds >= 0 && seconds <= MaxNumericDate) {
		return time.Time{}, false
	}

	return time.Unix(int64(math.Floor(seconds)), 0), true
}

// subject accepts only a sub that can be stored and shown safely. Subjects are
// compared byte for byte afterwards and never normalised.
func (j *judge) subject(c *Claims) *Refused {
	if j.reported(c, "sub") {
		return nil
	}

	text, isString := c.All["sub"].(string)
	if !isString || text == "" || len(text) > MaxSubjectBytes || !explain.Printable(text) {
		return j.refuse(tokenSubject.With("subject", explain.Masked(c.All["sub"])))
	}

	c.Subject = text
	if j.trace != nil {
		j.pass("token subject", explain.Masked(text))
	}

	return nil
}

// audience applies the rule of the Cognito developer guide: azp, if present, must
// be an accepted client; otherwise aud must be. An aud of several clients without
// azp passes only if all are accepted (OpenID Connect Core 1.0 section 3.1.3.7, 3).
func (j *judge) audience(c *Claims) *Refused {
	if j.reported(c, "aud") {
		return nil
	}

	audiences, valid := stringOrList(c.All["aud"])
	if !valid {
		return j.refuse(tokenAudienceForm.With("audience", explain.Shown(c.All["aud"])))
	}

	check, candidates := "token audience", audiences
	azp, authorized := c.All["azp"]
	if authorized {
		text, _ := azp.(string) // another type is no client
		check, candidates = "token authorized party", []string{text}
	}

	c.Audience = candidates[0]
	for _, candidate := range candidates {
		if candidate == "" || !slices.Contains(j.rule.Audiences, candidate) {
			return j.refuse(j.otherClient(candidates, candidate, c.All["aud"], azp, authorized))
		}
	}

	j.trace.PassBy(check, c.Audience)

	return nil
}

// otherClient explains why a client is not accepted. aud and azp are the token's.
func (j *judge) otherClient(candidates []string, client string, aud, azp any, authorized bool) *explain.Refusal {
	clients := strings.Join(j.rule.Audiences, " or ")
	accept := j.rule.Accepting("this client ID")
	message := cmp.Or(j.rule.WrongAudience, MessageWrongAudience)

	var refusal *explain.Refusal
	switch {
	case j.rule.Development && authorized:
		return developmentParty.With(
			"clients", clients,
			"client", explain.Shown(azp),
			"message", message,
		)
	case j.rule.Development:
		return developmentAudience.With(
			"clients", clients,
			"audience", explain.Shown(aud),
			"message", message,
		)
	case authorized:
		refusal = tokenAuthorizedParty.With(
			"clients", clients,
			"client", explain.Shown(azp),
			"accept", accept,
			"message", message,
		)
	case slices.ContainsFunc(candidates, func(c string) bool { return slices.Contains(j.rule.Audiences, c) }):
		accept = "register it as an OpenID Connect provider, which has several client IDs"
		if j.rule.OneClientAt == "" {
			accept = j.rule.Accepting("the other client IDs")
		}

		refusal = tokenAudienceList.With(
			"clients", clients,
			"audience", explain.Shown(aud),
			"accept", accept,
			"message", message,
		)
	default:
		refusal = tokenAudience.With(
			"clients", clients,
			"audience", explain.Shown(aud),
			"accept", accept,
			"message", message,
		)
	}

	if link := j.rule.Link; link.Kind != "" {
		refusal.At(link.Adding(client))
	}

	return refusal
}

// stringOrList reads aud, which must name at least one audience.
func stringOrList(value any) ([]string, bool) {
	switch x := value.(type) {
	case string:
		return []string{x}, x != ""
	case []any:
		list := make([]string, len(x))
		for i, element := range x {
			text, isString := element.(string)
			if !isString {
				return nil, false
			}
			list[i] = text
		}

		return list, len(list) > 0
	default:
		return nil, false
	}
}

func (j *judge) requiredValues(c *Claims) *Refused {
	if len(j.rule.Require) == 0 {
		return nil
	}

	for _, name := range slices.Sorted(maps.Keys(j.rule.Require)) { // the same refusal each time
		want := j.rule.Require[name]
		got, isString := c.All[name].(string)
		switch {
		case name == "token_use" && isString && got == want:
			j.pass("token use", want)
		case name == "token_use": // the kind of a user pool's token; not personal, so it is shown
			return j.refuse(tokenUse.With("want", want, "got", explain.Shown(c.All[name])))
		case isString && got == want:
			j.trace.PassOf("required claim", name, want)
		default:
			return j.refuse(requiredClaim.With(
				"want", want,
				"got", explain.Masked(c.All[name]),
				"claim", name,
			).Of(name))
		}
	}

	return nil
}
