package login_test

import (
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// The pool may name the application by its client ID or by its application ID.
func TestAmazonApplication(t *testing.T) {
	for _, app := range []string{amazonClient, amazonApp} {
		o, _ := newAmazon(t)
		o.trust.Audiences = []string{app}
		c := o.accepts(t, amazonToken)
		if c.Audience != app || !c.Expires.Equal(o.Now().Add(24*time.Hour)) || c.All["aud"] != amazonClient ||
			c.All["app_id"] != amazonApp {
			t.Errorf("%+v", c)
		}
	}

	for _, app := range []string{"", "amzn1.application", amazonClient + "1", "Amzn1.application.2222", amazonUser} {
		o, api := newAmazon(t)
		o.trust.Audiences = []string{app}
		// no application at all
		api.AddToken("Atza|odd", logintest.AmazonToken{User: amazonUser, Expires: o.Now().Add(time.Hour)})
		o.refuses(t, o.trust, amazonToken, "token application",
			"Token is not from a supported provider of this identity pool.")
		o.notAsked(t, "Atza|odd")
	}
}

// The answers of tokeninfo, member by member.
func TestAmazonTokenInfo(t *testing.T) {
	const head = `{"iss":"https://www.amazon.com","aud":"` + amazonClient + `","app_id":"` + amazonApp + `",`
	for name, test := range map[string]struct {
		status               int
		body, check, message string
	}{
		"good":           {200, head + `"user_id":"u","exp":1}`, "", ""},
		"without app_id": {200, `{"aud":"` + amazonClient + `","user_id":"u","exp":1}`, "", ""},
		"aud null": {200,
			`{"aud":null,"app_id":"` + amazonClient + `","user_id":"u","exp":1,"error":null}`, "", ""},
		"aud and app_id null":        {200, `{"aud":null,"app_id":null,"user_id":"u","exp":1}`, "unavailable", ""},
		"exp null":                   {200, head + `"user_id":"u","exp":null}`, "unavailable", ""},
		"nbf and iat 0":              {200, head + `"user_id":"u","exp":1,"nbf":0,"iat":0}`, "", ""},
		"no seconds left":            {200, head + `"user_id":"u","exp":0}`, "token expiry", tokenExpired},
		"fewer than none":            {200, head + `"user_id":"u","exp":-7}`, "token expiry", tokenExpired},
		"no exp":                     {200, head + `"user_id":"u"}`, "unavailable", ""},
		"a moment as exp":            {200, head + `"user_id":"u","exp":1795435200}`, "unavailable", ""},
		"exp beyond numbers":         {200, head + `"user_id":"u","exp":9223372036854775808}`, "unavailable", ""},
		"numeric user":               {200, head + `"user_id":12,"exp":1}`, "unavailable", ""},
		"no user":                    {200, head + `"exp":1}`, "unavailable", ""},
		"empty user":                 {200, head + `"user_id":"","exp":1}`, "unavailable", ""},
		"user with line end":         {200, head + `"user_id":"u\n","exp":1}`, "unavailable", ""},
		"user written right to left": {200, head + `"user_id":"u\u202e","exp":1}`, "unavailable", ""},
		"list of clients": {200, `{"aud":["` + amazonClient + `"],"user_id":"u","exp":1}`, "unavailable",
			""},
		"names in other case": {200, `{"AUD":"` + amazonClient + `","User_Id":"u","exp":1}`, "unavailable", ""},
		"invalid token":       {400, `{"error":"invalid_token"}`, "token at Amazon", notAccepted},
		"invalid request":     {400, `{"error":"invalid_request"}`, "token at Amazon", notAccepted},
		"401":                 {401, `{"error":"invalid_token"}`, "token at Amazon", notAccepted},
		"error in odd words": {400, `{"error":"Atza|IwEBCanaryAmazonAccessToken-_9"}`, "token at Amazon",
			notAccepted},
		"400 without reason": {400, `{"message":"no"}`, "unavailable", ""},
		"403":                {403, `{"error":"forbidden"}`, "unavailable", ""},
		"201":                {201, head + `"user_id":"u","exp":1}`, "unavailable", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, api := newAmazon(t)
			api.Answer(jsonStatus(test.status, test.body))

			switch test.check {
			case "":
				o.accepts(t, amazonToken)
			case "unavailable":
				o.notAsked(t, amazonToken)
			default:
				o.refuses(t, o.trust, amazonToken, test.check, test.message)
			}
		})
	}
}

func TestAmazonExpiry(t *testing.T) {
	o, _ := newAmazon(t)
	o.Advance(24*time.Hour - time.Second)
	o.accepts(t, amazonToken)
	o.Advance(time.Second)
	o.refuses(t, o.trust, amazonToken, "token at Amazon", notAccepted)
}
