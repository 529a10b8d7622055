package provider

import (
	"regexp"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// publicApp is the form of the application IDs that providers give out. A value of
// another form may hold a secret, as "key;secret" does.
var publicApp = regexp.MustCompile(`^[A-Za-z0-9._:/-]*$`)

// clientSecret matches the client secrets of the providers, which have the characters
// of an application ID: Google's GOCSPX-..., Amazon's amzn1.oa2-cs.v1...., Facebook's
// and Amazon's former ones in hexadecimal, and Apple's, which are JWTs. It does not
// match Amazon's application IDs, which have hexadecimal digits after a dot.
var clientSecret = regexp.MustCompile(
	`(?i)GOCSPX-|amzn1\.oa2-cs\.|(?:^|[:/_-])[0-9a-f]{32,}(?:$|[:/_-])|(?:^|[:/])eyJ[\w-]+\.[\w-]+\.`)

// PublicApp reports whether a pool's value for a login provider is an application's ID
// and no secret. No value of a provider with SecretInPool is public.
func (t Table) PublicApp(key, app string) bool {
	row, _ := t.ByKey(key)
	return row.Secret != SecretInPool && publicApp.MatchString(app) && !clientSecret.MatchString(app)
}

// ShownApp returns a pool's value for a login provider without its secret, for display.
func (t Table) ShownApp(key, app string) string {
	if t.PublicApp(key, app) {
		return app
	}
	if id, _, joined := strings.Cut(app, ";"); joined {
		return id + ";" + explain.Hidden
	}

	return explain.Hidden
}
