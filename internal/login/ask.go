package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Bounds on what a provider answers about one login, and on how many are asked at once.
const (
	maxReplyBytes  = 64 << 10
	maxReplyDepth  = 8
	maxAsking      = 256 // of one host
	maxIdlePerHost = 8
	idleTimeout    = 30 * time.Second
)

// Messages for a credential that its provider itself did not accept. AWS's
// wording for these is not known, but for the expiry, which old clients quote.
const (
	messageNotAccepted   = "Invalid login token. The login provider does not accept it."
	messageTokenExpired  = "Invalid login token. Token is expired."
	messageNotCredential = "Invalid login token. Not a credential of this login provider."
)

// question asks a provider about one login. Neither it nor its answer is kept,
// and its query and header appear in no error.
type question struct {
	base, path    string // base is Trust.BaseURL
	query         url.Values
	authorization string
	once          bool // not even the HTTP client may repeat it
}

// reply is a provider's answer in JSON, whatever its status.
type reply struct {
	status int
	object map[string]any
}

// member is the member name if it is a string, else "".
func member(object map[string]any, name string) string {
	value, _ := object[name].(string)
	return value
}

// dialogue bounds everything that one login asks of its provider: one deadline,
// and the Verifier's end. The returned function must be called.
func (v *Verifier) dialogue(ctx context.Context) (context.Context, func(), error) {
	if !v.begin() {
		return nil, nil, errClosed
	}
	ctx, cancel := context.WithTimeout(ctx, v.o.FetchTimeout)
	unlink := context.AfterFunc(v.root, cancel)
	return ctx, func() {
		unlink()
		cancel()
		v.end()
	}, nil
}

// ask puts a question to the provider, with no further try. The error says why
// there is no answer that can be judged.
func (v *Verifier) ask(ctx context.Context, t *Trust, q question) (reply, error) {
	return v.fetcher.ask(ctx, policyOf(t), q)
}

func (f *fetcher) ask(ctx context.Context, p policy, q question) (reply, error) {
	u, err := checkURL(q.base+q.path, p.allowHTTP)
	if err != nil {
		return reply{}, err
	}
	u.RawQuery = q.query.Encode()
	b := f.breaker(breakerKey{host: u.Host, policy: p})
	defer b.asking.Add(-1)
	if b.asking.Add(1) > maxAsking {
		return reply{}, errBusy
	}
	pooled := f.pooled(p)
	if pooled.err != nil {
		return reply{}, pooled.err
	}
	var r reply
	err = f.guarded(ctx, b, u, func() error {
		header := http.Header{}
		if q.authorization != "" {
			header.Set("Authorization", q.authorization)
		}
		response, err := roundTrip(ctx, pooled.transport, u, header, q.once)
		if err != nil {
			return withoutEcho(u, err)
		}
		defer response.Body.Close()
		r, err = readReply(u, response)
		return err
	})
	if err == nil && r.status == http.StatusOK && (r.object["error"] != nil || r.object["errors"] != nil) {
		return reply{}, unusable(r, "and an error in it", "an answer that contradicts itself proves nothing: look at the provider's state, and at its address in the settings")
	}
	return r, err
}

// pooledTransport keeps a few connections, since a login may ask twice and the
// next one asks the same host. Each was dialled to a checked address.
type pooledTransport struct {
	transport *http.Transport
	err       error
}

func (f *fetcher) pooled(p policy) pooledTransport {
	return f.transports.get(p, func() pooledTransport {
		transport, err := f.transport(p)
		if err == nil {
			transport.MaxIdleConnsPerHost, transport.IdleConnTimeout = maxIdlePerHost, idleTimeout
		}
		return pooledTransport{transport, err}
	})
}

func (f *fetcher) close() {
	for _, p := range f.transports.cache.Values() {
		if p.transport != nil {
			p.transport.CloseIdleConnections()
		}
	}
}

// withoutEcho drops what HTTP itself reported: it may quote the provider's
// bytes, and those may repeat the credential.
func withoutEcho(u *url.URL, err error) error {
	var failed *fetchError
	if !errors.As(err, &failed) || failed.cause == nil {
		return err
	}
	var network interface{ Timeout() bool } // of package net, and the context's
	if errors.As(failed.cause, &network) || failed.reached {
		return err
	}
	return &fetchError{what: u.Host + " did not answer in HTTP", fix: failed.fix}
}

// readReply reads a JSON object, whatever the status: providers explain their
// refusals in JSON too. Errors name host and path only.
func readReply(u *url.URL, response *http.Response) (reply, error) {
	refuse := func(what, fix string) (reply, error) {
		return reply{}, &fetchError{what: explain.ShownText(u.Host+u.Path) + " " + what, reached: true, fix: fix}
	}
	const address = "check the provider's base_url in the settings: no login provider answers so"
	switch code := response.StatusCode; {
	case code >= 300 && code < 400:
		return refuse(fmt.Sprintf("answers with a redirect (%d)", code), "set the provider's base_url to its final address; redirects are not followed")
	case code == http.StatusTooManyRequests:
		return refuse("answers that it was asked too often (429)", "wait, or raise the application's rate limit at the provider")
	case code >= 500:
		return refuse(fmt.Sprintf("answers with status %d", code), "try again; the provider has a fault")
	}
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return refuse("answers compressed though not asked to", address)
	}
	if !isJSON(response.Header.Get("Content-Type")) {
		return refuse(fmt.Sprintf("answers with status %d in something else than JSON", response.StatusCode), address)
	}
	tooLarge := fmt.Sprintf("answers with more than %d bytes", maxReplyBytes)
	if response.ContentLength > maxReplyBytes {
		return refuse(tooLarge, address)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReplyBytes+1))
	if err != nil {
		return reply{}, withoutEcho(u, explainTransport(u, err))
	}
	if len(body) > maxReplyBytes {
		return refuse(tooLarge, address)
	}
	object, err := parseObject(body, maxReplyDepth)
	if err != nil {
		return refuse("answers with "+err.Error(), address)
	}
	return reply{response.StatusCode, object}, nil
}

// isJSON takes the media types of JSON; Facebook's is sometimes that of a script,
// and AWS's APIs have their own.
func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || media == "text/javascript" ||
		media == "application/x-amz-json-1.0" || media == "application/x-amz-json-1.1" ||
		strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"))
}

// unusable is an answer that is neither a proof nor a refusal.
func unusable(r reply, what, fix string) error {
	return &fetchError{what: fmt.Sprintf("the provider answers with status %d %s", r.status, what), reached: true, fix: fix}
}

// verdict ends the dialogue about an opaque credential: a refusal, which is in
// the trace already, stays one, and anything else means that the provider could
// not be asked.
func (j *judge) verdict(c Claims, err error) (Claims, error) {
	var refused *Refused
	switch {
	case err == nil:
		return c, nil
	case errors.As(err, &refused):
		return Claims{}, refused
	}
	fix := "try again; check that the provider is reachable from this server"
	var failed *fetchError
	if errors.As(err, &failed) {
		fix = failed.fix
	}

	return Claims{}, &Unavailable{
		Provider: j.trust.Provider,
		Cause:    err,
		Refusal: j.trace.Refuse(providerAnswer.With(
			"api", explain.ShownText(j.trust.BaseURL), "problem", err.Error(), "fix", fix,
		)),
	}
}

// opaque holds a credential that only its provider can read to bytes that a
// token may have (RFC 6750 section 2.1, and the bar of older tokens), before
// anybody is asked about it: no blank, line end, & or ; gets near a request.
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
		if c := credential[i]; !base64urlBytes[c] && !strings.ContainsRune(".~+/=|", rune(c)) {
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
		"applications", explain.Shown(anyList(j.trust.Audiences)),
		"application", got,
		"accept", j.trust.accepting("this application's ID"),
	)
	if link := j.trust.Link; link.Kind != "" {
		refusal.At(link)
	}

	return j.refuse(refusal)
}

// isIDToken reports whether a credential has the look of a signed JWT: three
// parts, the first of which opens a JSON object.
func isIDToken(credential string) bool {
	return strings.HasPrefix(credential, "eyJ") && strings.Count(credential, ".") == 2
}

// newJudge returns the judge of one opaque credential.
func newJudge(ctx context.Context, trust *Trust) *judge {
	return &judge{trust: trust, trace: explain.FromContext(ctx)}
}
