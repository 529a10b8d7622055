package login

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// claimNames are the claims that decide something; other spellings of them are
// refused (names in Trust.Require are matched exactly in any case).
var claimNames = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "azp", "jti", "nonce", "token_use", "events"}

// registeredClaims are those of RFC 7519, OpenID Connect and the event tokens whose
// value null means that they are absent.
var registeredClaims = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti",
	"azp", "nonce", "auth_time", "acr", "amr", "at_hash", "c_hash", "sid",
	"events", "sub_id", "toe", "txn", "token_use",
}

// dropNulls removes the registered claims that are JSON null: some providers write
// them so where they have nothing to tell.
func dropNulls(claims map[string]any) {
	for _, name := range registeredClaims {
		if value, present := claims[name]; present && value == nil {
			delete(claims, name)
		}
	}
}

const (
	maxSubjectBytes = 255          // OpenID Connect Core 1.0 section 2
	maxNumericDate  = 253402300799 // the last second of the year 9999
)

// judgeClaims checks everything a token says of itself. It runs before the
// signature is checked, since it can spare a request to the provider; what it
// passes is proved only afterwards.
func (j *judge) judgeClaims(claims map[string]any, now time.Time, skew time.Duration) (Claims, *Refused) {
	if _, event := claims["events"]; event {
		// A logout token may have an ID token's typ (OpenID Connect Back-Channel
		// Logout 1.0 section 2.4): this claim is what tells them apart.
		return Claims{}, j.refuse(MessageNotOIDC, "token claims", "an ID token", "a security event token (RFC 8417): it has a claim events",
			"Send the provider's ID token. Logout tokens and security events go to the sign-out receivers and are no logins.")
	}
	c := Claims{All: claims}
	for _, step := range []func(*Claims) *Refused{
		j.issuer,
		j.required,
		func(c *Claims) *Refused { return j.times(c, now, skew) },
		j.subject,
		j.audience,
		j.requiredValues,
	} {
		if refused := step(&c); refused != nil {
			return Claims{}, refused
		}
	}
	return c, nil
}

func (j *judge) missing(name string) *Refused {
	return j.refuse(messageMissingClaim+name, "token claims", "a claim "+name, "none",
		"Send the provider's ID token; a token without "+name+" is not one (access tokens often lack it).")
}

// issuer compares iss byte for byte: no letter case, port, slash or scheme is
// forgiven, since each would be another issuer (RFC 8725 section 3.8).
func (j *judge) issuer(c *Claims) *Refused {
	iss, present := c.All["iss"]
	if !present {
		return j.missing("iss")
	}
	text, isString := iss.(string)
	if text == "" || !slices.Contains(j.trust.Issuers, text) {
		got := show(iss)
		if !isString {
			got = mask(iss)
		}
		return j.refuse(MessageIssuerMismatch, "token issuer", strings.Join(j.trust.Issuers, " or "), got,
			"Put the token under the Logins key of the provider that issued it, or correct the provider's registered issuer; they are compared character by character.")
	}
	c.Issuer = text
	j.pass("token issuer", text)
	return nil
}

func (j *judge) required(c *Claims) *Refused {
	for _, name := range []string{"sub", "aud", "exp"} {
		if c.All[name] == nil {
			return j.missing(name)
		}
	}
	return nil
}

// times checks exp, nbf and iat (RFC 7519 section 4.1.4 to 4.1.6).
func (j *judge) times(c *Claims, now time.Time, skew time.Duration) *Refused {
	return j.judgeTimes(c, now, skew, true)
}

// eventTimes is for tokens that need no exp.
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
			return j.refuse(MessageNotOIDC, "token "+name, "a number of seconds since 1970", show(value),
				"Have the provider issue "+name+" as a JSON number.")
		}
		moment[name] = at
	}
	exp := moment["exp"]
	if expires && !now.Before(exp.Add(skew)) {
		got := fmt.Sprintf("expired at %s", exp.UTC().Format(time.RFC3339))
		return j.refuse(fmt.Sprintf("%s%d >= %d", messageExpired, now.Unix(), exp.Unix()),
			"token expiry", fmt.Sprintf("after %s", now.Add(-skew).UTC().Format(time.RFC3339)), got,
			"Sign in again, or refresh the ID token before using it; if the token is fresh, compare this server's clock with the provider's.")
	}
	for _, name := range []string{"nbf", "iat"} {
		if at, present := moment[name]; present && at.After(now.Add(skew)) {
			return j.refuse(MessageNotOIDC, "token "+name, fmt.Sprintf("at most %s", now.Add(skew).UTC().Format(time.RFC3339)),
				at.UTC().Format(time.RFC3339), "Compare this server's clock with the provider's: the token is from the future.")
		}
	}
	c.Expires, c.IssuedAt = exp, moment["iat"]
	if j.trace != nil && expires {
		j.pass("token expiry", exp.UTC().Format(time.RFC3339))
	}
	return nil
}

// numericDate reads a NumericDate (RFC 7519 section 2): seconds, perhaps with a
// fraction, which is dropped. 0 is one: old Keycloak puts it into nbf.
func numericDate(value any) (time.Time, bool) {
	number, isNumber := value.(json.Number)
	if !isNumber {
		return time.Time{}, false
	}
	if whole, err := strconv.ParseInt(number.String(), 10, 64); err == nil {
		return time.Unix(whole, 0), whole >= 0 && whole <= maxNumericDate
	}
	seconds, err := number.Float64()
	if err != nil || !(seconds >= 0 && seconds <= maxNumericDate) {
		return time.Time{}, false
	}
	return time.Unix(int64(math.Floor(seconds)), 0), true
}

// subject holds sub to what can be stored and shown safely. Subjects are
// compared byte for byte afterwards and never normalised.
func (j *judge) subject(c *Claims) *Refused {
	text, isString := c.All["sub"].(string)
	if !isString || text == "" || len(text) > maxSubjectBytes || !printable(text) {
		return j.refuse(MessageNotOIDC, "token subject", "a string of 1 to 255 bytes without control or invisible characters", mask(c.All["sub"]),
			"Have the provider issue a plain, stable user ID as sub.")
	}
	c.Subject = text
	if j.trace != nil {
		j.pass("token subject", mask(text))
	}
	return nil
}

// audience applies the rule of the Cognito developer guide: azp, when present,
// must be an accepted client; else aud must be. An aud of several clients
// without azp passes only when all are accepted (OpenID Connect Core 1.0
// section 3.1.3.7, 3).
func (j *judge) audience(c *Claims) *Refused {
	audiences, valid := stringOrList(c.All["aud"])
	if !valid {
		return j.refuse(MessageNotOIDC, "token audience", "a string or a list of strings", show(c.All["aud"]),
			"Have the provider issue aud as the client ID or a list of client IDs.")
	}
	check, got := "token audience", c.All["aud"]
	candidates := audiences
	if azp, present := c.All["azp"]; present {
		text, _ := azp.(string) // another type is no client
		check, got, candidates = "token authorized party", azp, []string{text}
	}
	for _, candidate := range candidates {
		if candidate == "" || !slices.Contains(j.trust.Audiences, candidate) {
			message := j.trust.WrongAudience
			if message == "" {
				message = MessageWrongAudience
			}
			return j.refuse(message, check, strings.Join(j.trust.Audiences, " or "), show(got),
				"Add this client ID "+cmp.Or(j.trust.ClientsAt, "to the provider in the identity pool")+", or sign in with a client that is accepted.")
		}
	}
	c.Audience = candidates[0]
	j.pass(check, c.Audience)
	return nil
}

// stringOrList reads aud; it must name at least one audience.
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
	if len(j.trust.Require) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(j.trust.Require)) { // the same refusal each time
		want := j.trust.Require[name]
		if got, isString := c.All[name].(string); isString && got == want {
			j.pass("token "+name, want)
			continue
		}
		shown := mask(c.All[name])
		if name == "token_use" { // says which of a user pool's tokens it is, nothing of the user
			shown = show(c.All[name])
		}
		return j.refuse(MessageNotOIDC, "token "+name, want, shown,
			"Send the token whose claim "+name+" is "+want+"; for user pools that is the ID token, not the access token.")
	}
	return nil
}
