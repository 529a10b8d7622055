package conformance

import (
	"net/http"
	"testing"
	"unicode"

	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Whatever a server sends, it is compared without a panic, and shown in one printable line.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"__type":"A#B:","message":"m","Identities":[{"IdentityId":"x"}],"Credentials":{"Expiration":1.7E9}}`,
		`<a><Error><Code>c</Code><Message>m</Message></Error></a>`,
		`{"Token":"eyJhIjoxfQ.eyJhbXIiOltdfQ.x"}`,
		"\x1b[31m{", "[", "null", "<", "<a></b>", "\xff",
	} {
		f.Add(seed, "ValidationException:")
	}
	probes := wiretest.Must(Probes())(f)

	f.Fuzz(func(t *testing.T, body, header string) {
		a := Answer{Status: 200, Header: http.Header{"X-Amzn-Errortype": {header}}, Body: body}
		a.read()
		p := probes[len(body)%len(probes)]
		found := p.Want.differences(a)
		if p.Want.Token != nil {
			_, _ = readToken(body)
		}

		for _, difference := range found {
			for _, r := range difference.What + difference.Want + difference.Got {
				if !unicode.IsPrint(r) {
					t.Errorf("%q is not printable in %+v", r, difference)
				}
			}
		}
	})
}
