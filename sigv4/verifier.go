// Package sigv4 verifies AWS Signature Version 4, in the Authorization header and in presigned URLs. It uses the
// standard library only. Start reading at [Verifier.Verify]: without an error, the holder of the secret signed this
// method, path, query, host, body and every x-amz-* header, for this service, within the time window. A refusal is an
// [*Error]. It follows https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html, read strictly: it refuses
// all that is repeated, contradictory or not bound by the signature, and does not support chunk-signed bodies.
// [Signed] separates anonymous requests from signed ones. A reverse proxy in front must pass on the Host header and
// signed headers unchanged, and must not add an X-Amz-* header (CloudFront adds X-Amz-Cf-Id: remove it).
package sigv4

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Verifier verifies requests. Its fields must not change after the first call. It is safe for concurrent use and
// must not be copied. Exactly one of Credentials, SigningKeys and Keys must be set.
type Verifier struct {
	// Credentials returns the secret of an access key. sessionToken is "" when the request has none. For a request
	// that must be refused it returns ErrUnknownKey, ErrInvalidToken or ErrExpiredToken, alone or wrapped. Any other
	// error means that the look-up failed: Verify returns it wrapped, not as an *Error.
	// Verify takes as long for an unknown key as for a wrong signature; Credentials should do the same.
	Credentials func(ctx context.Context, accessKeyID, sessionToken string) (secret string, err error)

	// SigningKeys, instead of Credentials, returns the signing key of a scope, for services that must not have the
	// secret. Only the day, region and service of the scope were checked. Its errors are those of Credentials.
	SigningKeys func(ctx context.Context, scope Scope, sessionToken string) (SigningKey, error)

	// Keys, instead of Credentials and SigningKeys, also returns the key's owner, which [Result] then has. Its scope
	// was checked like that of SigningKeys, and its errors are those of Credentials. With an error only Owner counts.
	Keys func(ctx context.Context, scope Scope, sessionToken string) (Key, error)

	// DerivedOnly is set if Keys returns signing keys only, never secrets: refusing a key then costs as much as
	// refusing a signature made with a signing key.
	DerivedOnly bool

	// Services has the services for which requests can be verified, by their names in the credential scope.
	Services map[string]Service

	// MaxSkew is the largest distance of a request's date from now, either way; 0 means 15 minutes, as on AWS.
	MaxSkew time.Duration

	// Now is the clock; nil means time.Now.
	Now func() time.Time

	keys  keyCache
	decoy struct {
		once   sync.Once
		secret string
	}
}

// Key is a key that [Verifier.Keys] has found: its secret, or the signing key of the scope.
type Key struct {
	Secret     string
	SigningKey SigningKey // counts if Secret is ""
	Owner      any        // the key's owner; a pointer costs no allocation
}

// String hides the key.
func (Key) String() string { return redacted }

// GoString hides the key.
func (Key) GoString() string { return redacted }

// Service has the rules that differ between services. The zero value fits those of the JSON protocol.
type Service struct {
	// Presigned sets whether presigned requests are accepted, and for how long; by default they are refused.
	Presigned Presigned

	// LiteralPath takes the path as S3 does: not normalised, and escaped once instead of twice.
	LiteralPath bool

	// UnsignedPayload allows presigned GET and HEAD requests without a body to be signed as UNSIGNED-PAYLOAD, and
	// expects it of those that do not state X-Amz-Content-Sha256, as S3 does. STS signs the hash of the empty body.
	UnsignedPayload bool
}

// Presigned is the lifetime of presigned requests.
type Presigned int

const (
	// PresignedRefused refuses presigned requests.
	PresignedRefused Presigned = iota
	// PresignedExpires requires X-Amz-Expires, 1 to 604800 seconds, and honours it, as S3 does.
	PresignedExpires
	// PresignedWindow gives presigned requests the window of all others (MaxSkew), as STS does. X-Amz-Expires may be
	// absent. If present it must be well-formed, and has no effect: EKS clients state 60 seconds for
	// GetCallerIdentity and use the request for 14 minutes.
	PresignedWindow
)

const (
	defaultSkew = 15 * time.Minute
	maxExpires  = 604800 // seconds, one week
)

// Result has the facts that a verified request has proven.
type Result struct {
	AccessKeyID   string
	SessionToken  string `json:"-"` // as given to Credentials; "" if there was none
	Region        string
	Service       string
	Date          time.Time // time of the signature by the client's clock, to the second
	Expires       time.Time // time from which the same request is refused
	SignedHeaders []string  // in lower case, sorted
	Presigned     bool
	PayloadHash   string // SHA-256 of the body in hexadecimal, or UNSIGNED-PAYLOAD

	// Owner is the Key.Owner of the key that signed; nil without [Verifier.Keys].
	Owner any `json:"-"`
}

// String leaves out the session token.
func (r Result) String() string {
	form := "signed"
	if r.Presigned {
		form = "presigned"
	}

	return fmt.Sprintf("%s by %s for %s in %s at %s",
		form, r.AccessKeyID, r.Service, r.Region, r.Date.Format(timeFormat))
}

// LogValue leaves out the session token.
func (r Result) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("access_key_id", r.AccessKeyID),
		slog.String("service", r.Service),
		slog.String("region", r.Region),
		slog.Time("date", r.Date),
		slog.Bool("presigned", r.Presigned))
}

// Verify verifies r, whose whole body is body, for service, which must be a key of Services. It does not read
// r.Body. It accepts any region: the caller compares Result.Region.
//
// A refusal is an *Error. Any other error is not the client's fault: Credentials failed, or the Verifier is not set up
// for service. With an error, the Result has at most the Owner of the key that the request names, which is not proven.
func (v *Verifier) Verify(r *http.Request, body []byte, service string) (Result, error) {
	return v.VerifyHashed(r, int64(len(body)), sha256.Sum256(body), service)
}

// VerifyHashed is like Verify, with the length and the SHA-256 of the body in place of the body, for example of a file.
func (v *Verifier) VerifyHashed(
	r *http.Request, length int64, sum [sha256.Size]byte, service string,
) (Result, error) {
	return v.verify(r, length, service, func(s *statedSignature, rules Service) (string, error) {
		return s.payloadHash(r, rules, length, hex.EncodeToString(sum[:]))
	})
}

// VerifyUnread is like Verify, for a request whose body is not at hand, such as one that a proxy asks about. length is
// the length of the body, -1 if it is not known. Result.PayloadHash is the hash that the client signed: the SHA-256
// that it states, that of the empty body if it states none, or UNSIGNED-PAYLOAD. It is NOT proven that the body has
// this hash: the code that reads the body must compare.
func (v *Verifier) VerifyUnread(r *http.Request, length int64, service string) (Result, error) {
	return v.verify(r, length, service, func(s *statedSignature, rules Service) (string, error) {
		return s.statedHash(r, rules, length)
	})
}

func (v *Verifier) verify(
	r *http.Request, length int64, service string, hash func(*statedSignature, Service) (string, error),
) (Result, error) {
	var s *statedSignature
	result, err := v.verifyStated(r, length, service, hash, &s)
	if err != nil {
		return result, v.describe(err, r, s, service)
	}
	return result, nil
}

// verifyStated does the work of verify. It sets read to the stated signature, if that can be read.
func (v *Verifier) verifyStated(
	r *http.Request, length int64, service string, hash func(*statedSignature, Service) (string, error),
	read **statedSignature,
) (Result, error) {
	rules, ok := v.Services[service]
	if !ok || !v.hasOneLookUp() {
		return Result{}, fmt.Errorf("sigv4: Verifier has no Credentials or no entry in Services for %q", service)
	}

	s, err := parseStatedSignature(r)
	if err != nil {
		return Result{}, err
	}
	*read = s

	expires, err := v.checkTime(s, rules, service)
	if err != nil {
		return Result{}, err
	}
	if err := s.checkCoverage(r.Header); err != nil {
		return Result{}, err
	}
	if err := s.checkScope(service); err != nil {
		return Result{}, err
	}

	payload, err := hash(s, rules)
	if err != nil {
		return Result{}, err
	}

	buffer := canonicals.Get().(*[]byte)
	canonical, err := s.canonicalRequest((*buffer)[:0], r, rules, length, payload, false)
	toSign := s.stringToSign(canonical)
	if cap(canonical) <= maxKept {
		*buffer = canonical[:0]
	}
	canonicals.Put(buffer)
	if err != nil {
		return Result{}, err
	}

	key, refusal, err := v.key(r.Context(), s)
	if err != nil {
		return Result{Owner: key.Owner}, err
	}
	// Refusing a key must cost as much as refusing a signature.
	if matches := v.matches(key, s, toSign); !matches || refusal != nil {
		mismatch := s.mismatch(r, rules, length, payload, toSign)
		if refusal != nil {
			return Result{Owner: key.Owner}, refusal
		}
		return Result{Owner: key.Owner}, mismatch
	}

	return Result{
		AccessKeyID:   s.scope.AccessKeyID,
		SessionToken:  s.token,
		Region:        s.scope.Region,
		Service:       s.scope.Service,
		Date:          s.date,
		Expires:       expires,
		SignedHeaders: s.signedHeaders,
		Presigned:     s.presigned,
		PayloadHash:   payload,
		Owner:         key.Owner,
	}, nil
}

// canonicals has buffers for canonical requests, to use again.
var canonicals = sync.Pool{New: func() any { return new([]byte) }}

const maxKept = 8 << 10 // bytes of a buffer that is kept

// hasOneLookUp reports whether exactly one way to look up keys is set.
func (v *Verifier) hasOneLookUp() bool {
	set := 0
	for _, is := range [...]bool{v.Credentials != nil, v.SigningKeys != nil, v.Keys != nil} {
		if is {
			set++
		}
	}
	return set == 1
}

// checkTime refuses a request outside its time window and returns the end of the window.
func (v *Verifier) checkTime(s *statedSignature, rules Service, service string) (time.Time, error) {
	at, skew := v.now(), v.skew()
	lifetime := skew
	if s.presigned {
		if rules.Presigned == PresignedRefused {
			return time.Time{}, refuse(IncompleteSignature, PartPresigned,
				"Presigned requests are not supported for '%s': send an Authorization header.", service)
		}

		_, stated := s.query.get(paramExpires)
		if !stated && rules.Presigned == PresignedExpires {
			return time.Time{}, refuse(IncompleteSignature, PartLifetime,
				"AWS query-string parameters must include '%s'. Re-examine the query-string parameters.", paramExpires)
		}
		if stated {
			seconds, err := parseExpires(s.expires)
			if err != nil {
				return time.Time{}, err
			}
			if rules.Presigned == PresignedExpires {
				lifetime = seconds
			}
		}
	}

	if earliest := at.Add(-lifetime); s.date.Before(earliest) {
		return time.Time{}, refuse(Expired, PartClock, "Signature expired: %s is now earlier than %s (%s - %s)",
			s.date.Format(timeFormat), earliest.Format(timeFormat), at.Format(timeFormat), span(lifetime))
	}
	if latest := at.Add(skew); s.date.After(latest) {
		return time.Time{}, refuse(NotYetCurrent, PartClock,
			"Signature not yet current: %s is still later than %s (%s + %s)",
			s.date.Format(timeFormat), latest.Format(timeFormat), at.Format(timeFormat), span(skew))
	}

	return s.date.Add(lifetime), nil
}

// now returns the time of the verifier's clock.
func (v *Verifier) now() time.Time {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	return now().UTC()
}

// skew returns the largest distance of a request's date from now.
func (v *Verifier) skew() time.Duration {
	if v.MaxSkew == 0 {
		return defaultSkew
	}
	return v.MaxSkew
}

// span writes a duration as AWS does: "15 min.".
func span(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min.", d/time.Minute)
	}
	return fmt.Sprintf("%d sec.", d/time.Second)
}

// parseExpires reads X-Amz-Expires; the texts are S3's.
func parseExpires(s string) (time.Duration, error) {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, refuse(IncompleteSignature, PartLifetime, "X-Amz-Expires should be a number")
		}
		if n = n*10 + int(s[i]-'0'); n > maxExpires {
			return 0, refuse(IncompleteSignature, PartLifetime,
				"X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be "+
					"less than 604800 seconds")
		}
	}
	if n == 0 {
		return 0, refuse(IncompleteSignature, PartLifetime, "X-Amz-Expires must be at least 1 second")
	}

	return time.Duration(n) * time.Second, nil
}

// checkScope refuses a credential scope of another service or day, with all faults in one message.
func (s *statedSignature) checkScope(service string) error {
	var faults []*Error
	if !region(s.scope.Region) {
		faults = append(faults, refuse(WrongScope, PartRegion,
			"Credential should be scoped to a valid region, not '%s'.", quoted(s.scope.Region)))
	}
	if s.scope.Service != service {
		faults = append(faults, refuse(WrongScope, PartService,
			"Credential should be scoped to correct service: '%s'.", service))
	}
	if s.scope.terminator != terminator {
		faults = append(faults, refuse(WrongScope, PartTerminator,
			"Credential should be scoped with a valid terminator: 'aws4_request', not '%s'.",
			quoted(s.scope.terminator)))
	}

	var room [len(dateFormat)]byte
	if day := s.date.AppendFormat(room[:0], dateFormat); s.scope.Date != string(day) {
		faults = append(faults, refuse(WrongScope, PartDay,
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != "+
				"'%s', from '%s'.",
			quoted(s.scope.Date), day, s.date.Format(timeFormat)))
	}
	if faults == nil {
		return nil
	}

	all := faults[0]
	for _, f := range faults[1:] {
		all.Message += " " + f.Message
		all.Unquoted += " " + f.Unquoted
		all.Parts = append(all.Parts, f.Parts...)
	}

	return all
}

// region reports whether s could be the name of a region: lower-case letters, digits and inner dashes.
func region(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' && i > 0 && i < len(s)-1) {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

// accessKeyID reports whether s could be an access key ID: 1 to 128 letters, digits and "_", as IAM's AccessKeyId,
// and "-" and ".", which others allow.
func accessKeyID(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !(unreserved(c) && c != '~') {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// key looks up the key of a stated signature. If the key must be refused, it returns the refusal and a key that nobody
// knows, so that the caller can do the same work as for a wrong signature before it refuses.
func (v *Verifier) key(ctx context.Context, s *statedSignature) (Key, *Error, error) {
	key, err := Key{}, ErrUnknownKey
	if accessKeyID(s.scope.AccessKeyID) {
		key, err = v.lookUp(ctx, s)
	}
	if err == nil {
		return key, nil, nil
	}

	unknown := Key{Owner: key.Owner}
	refusal := credentialsError(err)
	if refusal == nil {
		return unknown, nil, fmt.Errorf("sigv4: looking up the access key: %w", err)
	}
	if v.SigningKeys == nil && !v.DerivedOnly {
		v.decoy.once.Do(func() { v.decoy.secret = rand.Text() })
		unknown.Secret = v.decoy.secret
	}

	return unknown, refusal, nil
}

// lookUp looks up a key and refuses the empty one, which everybody knows.
func (v *Verifier) lookUp(ctx context.Context, s *statedSignature) (key Key, err error) {
	switch {
	case v.Keys != nil:
		key, err = v.Keys(ctx, s.scope, s.token)
	case v.SigningKeys != nil:
		key.SigningKey, err = v.SigningKeys(ctx, s.scope, s.token)
	default:
		key.Secret, err = v.Credentials(ctx, s.scope.AccessKeyID, s.token)
	}

	if err == nil && key.Secret == "" && key.SigningKey == (SigningKey{}) {
		err = errors.New("sigv4: the look-up returned an empty key")
	}

	return key, err
}

// matches reports whether the request has the signature that the key makes.
func (v *Verifier) matches(key Key, s *statedSignature, toSign string) bool {
	if key.Secret == "" {
		return hmac.Equal(key.SigningKey.sign(toSign), []byte(s.signature))
	}
	return v.matchesSecret(key.Secret, s, toSign)
}

// matchesSecret is like matches, for a secret. A known key with a wrong signature and an unknown key cost the same: one
// comparison with the cached key or, if there is none, the zero key; then one with a fresh key.
// The cache takes only keys that have verified a request: nobody without a secret can push out others.
func (v *Verifier) matchesSecret(secret string, s *statedSignature, toSign string) bool {
	id, sent := newKeyID(secret, s.scope), []byte(s.signature)
	key, cached := v.keys.get(id)
	if equal := hmac.Equal(key.sign(toSign), sent); equal && cached {
		return true
	}

	key = deriveKey(secret, s.scope)
	if !hmac.Equal(key.sign(toSign), sent) {
		return false
	}
	v.keys.put(id, key)

	return true
}

// mismatch returns the refusal of a wrong signature, with the canonical request and string to sign for comparison.
func (s *statedSignature) mismatch(r *http.Request, rules Service, bodyLen int64, payload, toSign string) *Error {
	e := refuse(BadSignature, PartSignature, msgMismatch)
	if shown, err := s.canonicalRequest(nil, r, rules, bodyLen, payload, true); err == nil {
		e.CanonicalRequest, e.StringToSign = string(shown), toSign
	}
	return e
}
