package login

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// messageNotCredential is for a credential that its provider cannot have issued.
// AWS's wording is not known.
const messageNotCredential = "Invalid login token. Not a credential of this login provider."

// judge records the checks of one credential.
type judge struct {
	trust *Trust
	trace *explain.Trace
}

// newJudge returns the judge of one credential.
func newJudge(ctx context.Context, trust *Trust) *judge {
	return &judge{trust: trust, trace: explain.FromContext(ctx)}
}

// member returns the member name if it is a string, else "".
func member(object map[string]any, name string) string {
	value, _ := object[name].(string)
	return value
}

func (j *judge) pass(check, got string) { j.trace.Pass(check, got) }

func (j *judge) refuse(r *explain.Refusal) *Refused { return &Refused{Refusal: j.trace.Refuse(r)} }

// verdict returns the result of the requests about an opaque credential. A refusal,
// which is in the trace already, stays one; any other error means that the provider
// could not be asked.
func (j *judge) verdict(c Claims, err error) (Claims, error) {
	var refused *Refused
	switch {
	case err == nil:
		return c, nil
	case errors.As(err, &refused):
		return Claims{}, refused
	}

	told := outbound.Told(err)
	fix := cmp.Or(outbound.FixOf(told), "try again; check that the provider is reachable from this server")

	return Claims{}, &Unavailable{
		Provider: j.trust.Provider,
		Cause:    err,
		Refusal: j.trace.Refuse(providerAnswer.With(
			"api", explain.ShownText(j.trust.BaseURL),
			"problem", told.Error(),
			"fix", fix,
		)),
	}
}

// opaque checks a credential that only its provider can read, before any request:
// it may have the bytes of a token (RFC 6750 section 2.1, and the bar of older
// tokens), so that no blank, line end, & or ; gets into a request.
func (j *judge) opaque(what, credential string, limit int) *Refused {
	most := strconv.Itoa(limit)
	switch {
	case credential == "":
		return j.refuse(credentialFormEmpty.With("credential", what, "limit", most))
	case len(credential) > limit:
		size := strconv.Itoa(len(credential)) + " bytes"
		return j.refuse(credentialFormText.With("credential", what, "limit", most, "got", size))
	}

	for i := range len(credential) {
		if c := credential[i]; !unreserved(c) && !strings.ContainsRune("+/=|", rune(c)) {
			return j.refuse(credentialFormText.With(
				"credential", what,
				"limit", most,
				"got", "a byte that such a credential does not have",
			))
		}
	}
	j.pass("credential form", strconv.Itoa(len(credential))+" bytes")

	return nil
}

// otherApplication refuses the token of an application that the trust does not name.
func (j *judge) otherApplication(got string) *Refused {
	refusal := tokenApplication.With(
		"applications", explain.ShownList(j.trust.Audiences),
		"application", got,
		"accept", j.trust.Accepting("this application's ID"),
	)
	if link := j.trust.Link; link.Kind != "" {
		refusal.At(link)
	}

	return j.refuse(refusal)
}

// isIDToken reports whether a credential looks like a signed JWT: three parts, of
// which the first begins a JSON object.
func isIDToken(credential string) bool {
	return strings.HasPrefix(credential, "eyJ") && strings.Count(credential, ".") == 2
}
