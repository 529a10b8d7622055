package login

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

const (
	maxTwitterHalf = 512 // bytes of a token or of its secret; X's have about 50
	// answerLifetime spares requests, for each of which X charges: an app signs in
	// and gets credentials within moments. A withdrawn login stays valid as long.
	answerLifetime = 5 * time.Minute
	maxAnswers     = 16 << 10
	nonceBytes     = 16
)

// Codes of API errors that decide a login (X, "Response codes"). The other codes
// concern the operator's plan or the service.
const (
	twitterBadToken  = 89
	twitterSuspended = 64
	twitterBadClock  = 135
)

// answers holds the users proved lately, by a hash of everything that the proof
// depended on. The hash's key never leaves the process, so a dump of the table
// reveals nothing about any token.
type answers struct {
	key  [32]byte
	held *lru.Cache[[sha256.Size]byte, provedUser] // cache: X answers
}

type provedUser struct {
	id    string
	until time.Time
}

func newAnswers(size int) *answers {
	held, err := lru.New[[sha256.Size]byte, provedUser](size)
	if err != nil {
		panic(err) // only for a size below 1
	}
	a := &answers{held: held}
	rand.Read(a.key[:]) // never fails (crypto/rand)
	return a
}

// hash returns a hash of the parts, each with its length, so that no two lists have
// the same hash.
func (a *answers) hash(parts ...string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, a.key[:])
	for _, part := range parts {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return [sha256.Size]byte(mac.Sum(nil))
}

// verifyTwitter proves an X login, "token;secret" of OAuth 1.0a, by a request that
// is signed with these and the pool's consumer key. X accepts it only if token and
// consumer key belong together.
func (v *Verifier) verifyTwitter(ctx context.Context, trust Trust, credential string) (Claims, error) {
	j := newJudge(ctx, &trust)
	signer, refused := j.signer(credential)
	if refused != nil {
		return Claims{}, refused
	}

	now := v.now()
	p := trust.Outbound()
	key := v.answers.hash(
		trust.Provider, trust.BaseURL, trust.VerifyPath,
		signer.consumerKey, signer.consumerSecret, signer.token, signer.tokenSecret,
		p.CABundle, p.Pins, fmt.Sprint(p.AllowHTTP, p.AllowPrivate, p.Pinned),
	)
	if user, held := v.answers.held.Get(key); held && now.Before(user.until) {
		j.pass("token subject", explain.Masked(user.id)+", proved a moment ago")
		return j.twitterClaims(user.id), nil
	}

	ctx, done, err := v.client.Begin(ctx)
	if err != nil {
		return j.verdict(Claims{}, err)
	}
	defer done()

	u, err := outbound.CheckURL(trust.BaseURL+trust.VerifyPath, trust.AllowHTTP)
	if err != nil {
		return j.verdict(Claims{}, err)
	}

	var nonce [nonceBytes]byte
	rand.Read(nonce[:]) // never fails (crypto/rand)
	// Once, since each response costs money and a nonce is good for one request.
	r, err := v.client.Get(ctx, trust.Outbound(), outbound.Request{
		BaseURL:       trust.BaseURL,
		Path:          trust.VerifyPath,
		Once:          true,
		Authorization: signer.authorization(u, strconv.FormatInt(now.Unix(), 10), hex.EncodeToString(nonce[:])),
	})
	if err != nil {
		return j.verdict(Claims{}, err)
	}

	id, err := j.twitterUser(r)
	if err != nil {
		return j.verdict(Claims{}, err)
	}

	v.answers.held.Add(key, provedUser{id: id, until: now.Add(answerLifetime)})
	j.pass("token subject", explain.Masked(id))

	return j.twitterClaims(id), nil
}

// signer returns the signer for the token and secret of a login's value, and the
// pool's consumer key.
func (j *judge) signer(credential string) (oauth1, *Refused) {
	t := j.trust
	if len(t.Audiences) != 1 || t.Audiences[0] == "" || t.AppSecret == "" {
		return oauth1{}, j.refuse(poolApplication.With("provider", t.Provider).At(t.Link))
	}

	token, secret, joined := strings.Cut(credential, ";")
	switch {
	case !joined:
		return oauth1{}, j.refuse(credentialFormPair.With("separators", "no ;"))
	case strings.Contains(secret, ";"):
		return oauth1{}, j.refuse(credentialFormPair.With("separators", "more than one ;"))
	}
	if refused := j.opaque("the access token of X", token, maxTwitterHalf); refused != nil {
		return oauth1{}, refused
	}
	if refused := j.opaque("the secret of the access token of X", secret, maxTwitterHalf); refused != nil {
		return oauth1{}, refused
	}

	return oauth1{
		consumerKey:    t.Audiences[0],
		consumerSecret: t.AppSecret,
		token:          token,
		tokenSecret:    secret,
		version:        true,
	}, nil
}

// twitterUser reads the token's user ID, or returns the reason why there is none.
func (j *judge) twitterUser(r outbound.Response) (string, error) {
	code := twitterCode(r)
	switch {
	case r.Status == http.StatusOK:
		return twitterID(r, j.trust.VerifyPath)
	case code == twitterBadClock:
		return "", r.Unusable("and error 135", "set this server's clock: X does not take the time of the request")
	case r.Status == http.StatusUnauthorized, code == twitterBadToken:
		return "", j.refuse(tokenAtX.With("status", strconv.Itoa(r.Status)))
	case code == twitterSuspended:
		return "", j.refuse(accountAtX.With())
	case r.Status == http.StatusPaymentRequired:
		return "", r.Unusable("", "X wants to be paid: check the credits of the application's project")
	case r.Status == http.StatusForbidden:
		return "", r.Unusable(fmt.Sprintf("and error %d", code),
			"The application's plan at X does not include "+j.trust.VerifyPath+
				": change the plan, or verify_path in the settings")
	}

	return "", r.Unusable("", "check base_url and verify_path in the settings, and the state of X's API")
}

// twitterCode returns the first error's code in a response of version 1.1; 0 if it
// has none.
func twitterCode(r outbound.Response) int64 {
	list, _ := r.Object["errors"].([]any)
	if len(list) == 0 {
		return 0
	}
	first, _ := list[0].(map[string]any)
	code, _ := wholeNumber(first["code"])
	return code
}

// twitterID reads the user's ID from the member that the API's version has. Version
// 1.1 also sends the ID as a number, which is ignored: numbers can lose digits.
func twitterID(r outbound.Response, path string) (string, error) {
	object, name := r.Object, "id_str"
	if !strings.HasSuffix(path, ".json") {
		object, _ = r.Object["data"].(map[string]any)
		name = "id"
	}
	id := member(object, name)
	if !decimal(id) {
		return "", lacking(name)
	}

	return id, nil
}

// twitterClaims returns the claims of a user. The consumer key names the application.
func (j *judge) twitterClaims(id string) Claims {
	app := j.trust.Audiences[0]
	return Claims{
		Issuer:   j.trust.Provider,
		Subject:  id,
		Audience: app,
		All:      map[string]any{"aud": app, "sub": id},
	}
}

// forget drops all answers.
func (a *answers) forget() { a.held.Purge() }
