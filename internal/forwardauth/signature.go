package forwardauth

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// signatureRefused explains a refusal of the verifier. signed is the request as the
// client signed it.
func (h *Handler) signatureRefused(signed *http.Request, asked original, e *sigv4.Error) *denied {
	d := forbidden(string(e.Code), e.Message, nil)
	d.unquoted = e.Unquoted

	key, token := sigv4.UnverifiedKey(signed)
	key = shownKey(key)
	awsapi.RecordFrom(signed.Context()).ClaimedKeyID = key

	switch e.Code {
	case sigv4.MissingAuthentication:
		d.status, d.why = http.StatusUnauthorized, h.unsigned(signed)
	case sigv4.WrongScope:
		d.why = signatureScope.With("region", h.c.Region, "service", h.c.Service, "fault", scopeFault(e)).
			At(setting("service"))
	case sigv4.Expired:
		d.why = signatureExpired.With("signed", distance(e))
	case sigv4.NotYetCurrent:
		d.why = signatureEarly.With("signed", distance(e))
	case sigv4.BadSignature:
		d.why = h.mismatch(signed, asked, key, e)
	case sigv4.UnknownKey:
		d.why = keyUnknown.With("key", key, "account", h.accountOf(signed), "token", presence(token))
	case sigv4.InvalidToken:
		if !errors.Is(e, session.ErrRevoked) { // session.Revocations has explained it
			d.why = tokenInvalid.With("key", key)
		}
	case sigv4.ExpiredToken:
		d.why = tokenExpired.With("key", key)
	default:
		d.why = signatureUnreadable.With("fault", e.Unquoted)
	}

	return d
}

// unsigned explains a request without a signature. Browsers send a preflight without one
// before the signed request.
func (h *Handler) unsigned(signed *http.Request) *explain.Refusal {
	if isPreflight(signed) {
		return unsignedPreflight.With("origin", shownHeader(signed.Header.Get("Origin")))
	}

	presigned := ""
	if h.c.Presigned {
		presigned = ", or a presigned URL"
	}

	return unsigned.With("presigned", presigned, "service", h.c.Service, "region", h.c.Region)
}

// mismatch explains a signature that is not that of the request.
func (h *Handler) mismatch(signed *http.Request, asked original, key string, e *sigv4.Error) *explain.Refusal {
	switch {
	case slices.Contains(e.Parts, sigv4.PartPayload) && signed.Header.Get("X-Amz-Content-Sha256") == "":
		return signatureBody.With("fault", e.Message)
	case !slices.Contains(e.Parts, sigv4.PartSignature):
		return signatureUncovered.With("fault", e.Message)
	default:
		proxy := ""
		if !asked.direct {
			proxy = "; the proxy must pass Host, all signed headers and the URI on as they were sent"
		}
		return signatureWrong.With("key", key, "account", h.accountOf(signed), "proxy", proxy).
			Showing(shownCanonical(e.CanonicalRequest) + "\n\n" + e.StringToSign)
	}
}

// scopeFault describes the faults of a credential scope. It does not show a secret that may
// be in place of a name.
func scopeFault(e *sigv4.Error) string {
	var faults []string
	for _, part := range e.Parts {
		switch part {
		case sigv4.PartService:
			faults = append(faults, "service "+shownName(e.Scope.Service))
		case sigv4.PartRegion:
			faults = append(faults, "region "+shownName(e.Scope.Region))
		case sigv4.PartDay:
			faults = append(faults, "another day than "+e.SignedAt.UTC().Format("20060102")+", the request's")
		case sigv4.PartTerminator:
			faults = append(faults, "another end than aws4_request")
		}
	}
	if len(faults) == 0 {
		return "another scope"
	}

	return strings.Join(faults, ", ")
}

// shownName returns the name of a service or region, or its length if it may be something else.
func shownName(name string) string {
	const most = 20
	plain := func(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' }
	if name == "" || len(name) > most || strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) {
		return "of " + strconv.Itoa(len(name)) + " characters that is none"
	}

	return name
}

// accountOf describes the account of a request's key.
func (h *Handler) accountOf(signed *http.Request) string {
	if account := h.owner(signed); account != "" {
		return "of account " + string(account)
	}
	if key, token := sigv4.UnverifiedKey(signed); token == "" && strings.HasPrefix(key, iam.SessionPrefix) {
		return "its account is not known without its token"
	}

	return "of no account here"
}

// distance describes when a request was signed, and how far that is from now.
func distance(e *sigv4.Error) string {
	signed, ago := "of "+e.SignedAt.UTC().Format(time.RFC3339), e.Now.Sub(e.SignedAt).Round(time.Second)
	if ago < 0 {
		return signed + ", " + (-ago).String() + " ahead of this server's clock"
	}
	return signed + ", " + ago.String() + " ago by this server's clock"
}

func presence(token string) string {
	if token == "" {
		return "without a session token"
	}
	return "with a session token"
}

// shownKey returns an access key ID in the form that a trace may show: cut short if it may
// be a secret in the wrong place.
func shownKey(id string) string {
	named := len(id) == 20 && (strings.HasPrefix(id, "ASIA") || strings.HasPrefix(id, "AKIA"))
	if named || len(id) <= 8 {
		return shownHeader(id)
	}
	return shownHeader(id[:4]) + "…"
}

// shownHeader returns a value of the client, cut short and printable.
func shownHeader(text string) string {
	const most = 100
	text = text[:min(len(text), most)]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

// plainHeaders has the signed headers whose values a trace shows: those that proxies
// change and that contain no secret.
var plainHeaders = []string{
	"host", "content-length", "content-type", "x-amz-content-sha256", "x-amz-date", "date",
}

// shownCanonical returns a canonical request without values that may be secrets: in the
// path, in parameters of the query, and in headers such as Cookie.
func shownCanonical(canonical string) string {
	parameter := func(name, value string) string {
		if value != "" && !shownParameter(name) {
			value = "…"
		}
		return name + "=" + value
	}
	header := func(name, value string) string {
		if !slices.Contains(plainHeaders, name) {
			value = "…"
		}
		return name + ":" + value
	}

	return gate.MaskCanonical(canonical, parameter, header)
}

// shownParameter reports whether a parameter of the query belongs to the signature and is no secret.
func shownParameter(name string) bool {
	return strings.HasPrefix(name, "X-Amz-") && name != "X-Amz-Security-Token" && name != "X-Amz-Signature"
}
