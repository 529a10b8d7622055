package awsapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// controlSetting is the setting with the token of the control API.
const controlSetting = "dev.control_token"

// Bounds of a control token, in characters. A shorter one could be guessed.
const (
	minControlToken = 16
	maxControlToken = 512
)

// ControlGuardOptions configure a ControlGuard.
type ControlGuardOptions struct {
	Prefix      string // of the guarded paths, with a slash at both ends
	Token       string // dev.control_token; "" = only this machine may call
	BehindProxy bool   // behind_proxy
}

// ControlGuard protects the control API of a development server, which issues tokens for
// anybody. Programs on this machine may call it. All others need the token. It guards every
// path below its prefix, so that a new one is guarded, too.
type ControlGuard struct {
	o      ControlGuardOptions
	digest [sha256.Size]byte // of the token: comparing digests does not tell the token's length
}

// NewControlGuard returns a ControlGuard. Its errors name the setting, and do not show the token.
func NewControlGuard(o ControlGuardOptions) (*ControlGuard, error) {
	foreign := strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' })
	if n := len(o.Token); n > 0 && (n < minControlToken || n > maxControlToken || foreign) {
		return nil, fmt.Errorf("%s: use %d to %d characters of ASCII without spaces, such as the output of "+
			"`openssl rand -hex 16`", controlSetting, minControlToken, maxControlToken)
	}

	return &ControlGuard{o: o, digest: sha256.Sum256([]byte(o.Token))}, nil
}

// Check returns why a request is refused, or nil to let it through.
func (g *ControlGuard) Check(r *http.Request) *Denial {
	if !g.Guards(r.URL.Path) {
		return nil
	}
	return g.checkCaller(r)
}

// CheckPage is Check for a page. A browser cannot send the token as such, but asks its user for a
// password: the token counts as one (RFC 7617), under any user name.
func (g *ControlGuard) CheckPage(r *http.Request) *Denial {
	_, password, sent := r.BasicAuth()
	if sent && g.isToken(password) {
		return nil
	}

	denial := g.checkCaller(r)
	if denial != nil && denial.Challenge != "" {
		denial.Challenge = `Basic realm="Poolhouse: any name, and the token of ` + controlSetting + `", charset="UTF-8"`
	}

	return denial
}

func (g *ControlGuard) checkCaller(r *http.Request) *Denial {
	if g.local(r) {
		return nil
	}

	if g.o.Token == "" {
		return &Denial{
			Message: "Other machines may not use the control API of this development server, because it issues " +
				"tokens for anybody. Call it from the machine or container that it runs in, by a loopback address, " +
				"or set " + controlSetting + " and send Authorization: Bearer with it.",
			Why: controlTokenUnset.With().At(explain.Setting(controlSetting)),
		}
	}

	sent, got := bearer(r)
	if g.isToken(sent) {
		return nil
	}

	return &Denial{
		Message: "The control API of this development server needs the token of its setting " + controlSetting +
			" from other machines: send Authorization: Bearer with it.",
		Why:       controlToken.With("got", got).At(explain.Setting(controlSetting)),
		Challenge: "Bearer",
	}
}

// isToken reports whether text is the token, in a time that does not depend on it. If there is no
// token, no text is.
func (g *ControlGuard) isToken(text string) bool {
	digest := sha256.Sum256([]byte(text))
	return g.o.Token != "" && subtle.ConstantTimeCompare(digest[:], g.digest[:]) == 1
}

// Guards reports whether a path is below the prefix in any of its forms.
func (g *ControlGuard) Guards(p string) bool {
	return strings.HasPrefix(path.Clean("/"+p)+"/", g.o.Prefix)
}

// local reports whether a program on this machine sent r. A proxy or tunnel on this machine
// forwards requests of others: what it tells about them must be local, too.
func (g *ControlGuard) local(r *http.Request) bool {
	if !peerAddress(r.RemoteAddr).IsLoopback() || len(r.Header["Forwarded"]) > 0 {
		return false
	}

	forwarded := r.Header["X-Forwarded-For"]
	for _, line := range forwarded {
		for entry := range strings.SplitSeq(line, ",") {
			if !forwardedAddress(strings.TrimSpace(entry)).IsLoopback() {
				return false
			}
		}
	}

	return len(forwarded) > 0 || !g.o.BehindProxy
}

// bearer returns the token of r (RFC 6750, section 2.1), and tells in words what r has instead.
func bearer(r *http.Request) (token, got string) {
	sent := r.Header["Authorization"]
	if len(sent) == 0 {
		return "", "no Authorization header"
	}

	scheme, token, found := strings.Cut(sent[0], " ")
	if len(sent) > 1 || !found || !strings.EqualFold(scheme, "Bearer") {
		return "", "an Authorization header of another form"
	}

	return token, "another token"
}

// ControlRefusals lists the reasons for refusing calls of the control API.
var ControlRefusals explain.Catalogue

var (
	controlTokenUnset = ControlRefusals.Add(explain.Reason{
		Code:     "control-token-unset",
		Check:    "control token",
		Expected: "a call from this machine, because " + controlSetting + " is not set",
		Got:      "a call from another machine, or through a proxy",
		Fix: "call from the machine or container of the server by a loopback address, or set " + controlSetting +
			" and send Authorization: Bearer with it",
	})
	controlToken = ControlRefusals.Add(explain.Reason{
		Code:     "control-token",
		Check:    "control token",
		Expected: "the token of " + controlSetting + " in Authorization: Bearer",
		Got:      "{got}",
		Fix: "send the token that the server was started with; poolhouse dev token and its siblings read it from " +
			"POOLHOUSE_DEV_CONTROL_TOKEN",
	})
)
