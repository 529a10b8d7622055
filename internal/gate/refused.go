package gate

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// refusal is the refusal of a signature, with the facts that explain it.
type refusal struct {
	*sigv4.Error
	trace         *explain.Trace
	authorization string // the Authorization header
	size          int    // of the body
	account       identitypool.AccountID
	dev           bool
}

// refused turns the verifier's refusal into one for which the protocols have words. It returns
// any other error as it is: an internal error.
func (g *Gate) refused(
	ctx context.Context, err error, account identitypool.AccountID, authorization string, size int,
) error {
	e, ok := errors.AsType[*sigv4.Error](err)
	if !ok {
		return err
	}

	kind, known := refusalKinds[e.Code]
	if !known {
		kind = awsapi.BadSignature
	}

	s := refusal{
		Error:         e,
		trace:         explain.FromContext(ctx),
		authorization: authorization,
		size:          size,
		account:       account,
		dev:           g.dev,
	}

	answer := awsapi.RefusedAs(kind, s.why(), e.Message).Because(errors.Unwrap(e))
	if e.Unquoted != e.Message { // a quotation may be a secret in the wrong place
		return answer.LogAs(e.Unquoted)
	}

	return answer
}

// why returns the reason. If a scope has several faults, it records all but the last in the trace.
func (s *refusal) why() *explain.Refusal {
	switch s.Code {
	case sigv4.UnknownKey:
		return s.unknownKey()
	case sigv4.InvalidToken:
		return s.invalidToken()
	case sigv4.ExpiredToken:
		return tokenExpired.With("now", clock(s.Now)).Of(s.key())
	case sigv4.Expired, sigv4.NotYetCurrent:
		return s.wrongTime()
	}

	var why *explain.Refusal
	for _, part := range s.Parts {
		s.trace.Refuse(why)
		why = s.partRefused(part)
	}
	if why == nil {
		why = formOther.With("fault", s.Unquoted)
	}

	return why
}

// partRefused returns the reason why a part of a request is refused.
func (s *refusal) partRefused(part sigv4.Part) *explain.Refusal {
	switch part {
	case sigv4.PartSignature:
		return s.mismatch()
	case sigv4.PartService:
		return s.wrongService()
	case sigv4.PartRegion:
		return s.wrongRegion()
	case sigv4.PartDay:
		return scopeDay.With("day", s.SignedAt.Format("20060102"), "scoped", shownDay(s.Scope.Date))
	case sigv4.PartTerminator:
		return scopeTerminator.With()

	case sigv4.PartScheme:
		return formScheme.With("scheme", scheme(s.authorization), "service", s.Service)
	case sigv4.PartAlgorithm:
		return formAlgorithm.With()
	case sigv4.PartForm:
		return formParameters.With("fault", s.Unquoted)
	case sigv4.PartCredential:
		return formCredential.With("parts", explain.Count(credentialParts(s.authorization), "part"))
	case sigv4.PartDate:
		return formDate.With()
	case sigv4.PartToken:
		return formToken.With()
	case sigv4.PartLifetime:
		return formLifetime.With("fault", s.Unquoted)
	case sigv4.PartPresigned:
		return formPresigned.With("service", s.Service)
	case sigv4.PartQuery:
		return formQuery.With("fault", s.Unquoted)

	case sigv4.PartHeader:
		return formHeader.With("header", headerName(s.Name))
	case sigv4.PartCoverage:
		return headersUnsigned.With("header", headerName(s.Name), "headers", s.headers())
	case sigv4.PartSignedHeaders:
		if s.Code == sigv4.BadSignature {
			return headersAbsent.With("header", headerName(s.Name))
		}
		return formHeaders.With("fault", s.Unquoted)
	case sigv4.PartPayload:
		if s.Code == sigv4.BadSignature {
			return bodyChanged.With("size", strconv.Itoa(s.size))
		}
		return formPayload.With("fault", s.Unquoted)
	}

	return formOther.With("fault", s.Unquoted)
}

// unknownKey distinguishes common mistakes in settings. It checks only the form of the ID
// and does not search for similar IDs, which may belong to others.
func (s *refusal) unknownKey() *explain.Refusal {
	id := s.AccessKeyID
	bare := strings.Trim(id, " \t\"'`")
	upper := strings.ToUpper(bare)

	switch {
	case errors.Is(s.Error, iam.ErrDisabled):
		return keyDisabled.With("key", id, "account", string(s.account)).At(s.link("Status"))
	case id == iam.DevAccessKeyID && !s.dev:
		return keyOfDevelopment.With()
	case s.dev && id != iam.DevAccessKeyID && strings.EqualFold(bare, iam.DevAccessKeyID):
		return keySpellingDev.With()
	case upper != id && keyID.MatchString(upper):
		return keySpelling.With()
	case looksLikeSecret(bare):
		return keySecret.With("size", strconv.Itoa(len(id)))
	case strings.HasPrefix(id, iam.SessionPrefix) && !s.HasToken:
		return keyWithoutToken.With("key", s.key())
	case s.dev:
		return keyUnknownDev.With("key", s.key())
	}

	return keyUnknown.With("key", s.key())
}

func (s *refusal) invalidToken() *explain.Refusal {
	switch {
	case errors.Is(s.Error, session.ErrRevoked):
		return nil // the list of revocations has recorded it
	case errors.Is(s.Error, iam.ErrNotFound), errors.Is(s.Error, iam.ErrDisabled):
		return tokenKeyGone.With().Of(s.key())
	case !strings.HasPrefix(s.AccessKeyID, iam.SessionPrefix):
		return tokenOfKey.With("key", s.key())
	}

	return tokenInvalid.With("key", s.key())
}

func (s *refusal) wrongTime() *explain.Refusal {
	distance := s.Now.Sub(s.SignedAt)
	if s.Code == sigv4.NotYetCurrent {
		return timeFuture.With("window", s.Window.String(), "now", clock(s.Now), "signed", clock(s.SignedAt),
			"distance", (-distance).Round(time.Second).String())
	}

	return timeExpired.With("window", s.Window.String(), "now", clock(s.Now), "signed", clock(s.SignedAt),
		"distance", distance.Round(time.Second).String())
}

func (s *refusal) wrongService() *explain.Refusal {
	if s.Scope.Service == "cognito-idp" {
		return scopeUserPools.With("service", s.Service)
	}

	scoped := "another text, of " + strconv.Itoa(len(s.Scope.Service)) + " characters"
	if knownService(s.Scope.Service) {
		scoped = s.Scope.Service
	}

	return scopeService.With("service", s.Service, "scoped", scoped)
}

func (s *refusal) wrongRegion() *explain.Refusal {
	sent := s.Scope.Region
	if meant := strings.ToLower(strings.Trim(sent, " \t\"'`")); regionName.MatchString(meant) {
		return scopeRegionCase.With("region", meant)
	}

	if sent == "" {
		return scopeRegion.With("region", "none")
	}

	return scopeRegion.With("region", "a text of "+strconv.Itoa(len(sent))+" characters that is none")
}

// mismatch shows the text that the server signed, for comparison, and never the signature.
func (s *refusal) mismatch() *explain.Refusal {
	host := strconv.Quote(s.Host)
	detail := shownCanonical(s.CanonicalRequest) + "\n\n" + s.StringToSign

	switch {
	case s.HasToken:
		return signatureOfSession.With("key", s.key(), "account", string(s.account),
			"headers", s.headers(), "host", host).Showing(detail)
	case s.dev && s.AccessKeyID == iam.DevAccessKeyID:
		return signatureOtherDev.With("headers", s.headers(), "host", host).Showing(detail)
	}

	return signatureOther.With("key", s.key(), "account", string(s.account),
		"headers", s.headers(), "host", host).At(s.link("")).Showing(detail)
}

// key returns the access key ID in the form that may be shown. An ID that belongs to an account
// is no secret.
func (s *refusal) key() string {
	if s.account != "" || s.AccessKeyID == iam.DevAccessKeyID {
		return s.AccessKeyID
	}
	return iam.ShownKeyID(s.AccessKeyID)
}

func (s *refusal) link(field string) explain.Link {
	return explain.Link{
		Kind:   explain.LinkAccessKey,
		ID:     s.key(),
		Field:  field,
		Source: explain.SourceAPI,
	}
}

// headers returns the names of the signed headers, and hides those that may be something else.
func (s *refusal) headers() string {
	names := slices.Clone(s.SignedHeaders)
	for i := range names {
		names[i] = headerName(names[i])
	}
	return strings.Join(names, ";")
}

var (
	keyID      = regexp.MustCompile(`^A(KI|SI)A[A-Z0-9]{16}$`)
	regionName = regexp.MustCompile(`^[a-z]{2,8}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$`)
	plainName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,40}$`)
	eightDigit = regexp.MustCompile(`^[0-9]{8}$`)
	schemeName = regexp.MustCompile(`^(?i)(basic|bearer|digest|negotiate|aws|aws4-[a-z0-9-]{1,30})$`)
)

// looksLikeSecret reports whether a text has the form of AWS's secrets or this
// server's: forty characters of Base64 or of an alphabet like it.
func looksLikeSecret(text string) bool {
	if len(text) < 38 || len(text) > 44 {
		return false
	}

	return strings.IndexFunc(text, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
			strings.ContainsRune("+/=_-", r))
	}) < 0
}

// knownService reports whether a text is the name of an AWS service for which clients
// sign by mistake; any other text may be a secret.
func knownService(name string) bool {
	known := []string{
		"cognito-identity", "cognito-sync", "cognito-idp", "sts", "iam", "poolhouse", "s3", "execute-api", "appsync",
		"dynamodb", "lambda", "sns", "sqs", "ec2", "sso", "signin", "es", "kms", "logs", "iotdata", "iot",
	}
	return slices.Contains(known, name)
}

// headerName returns the name of a header, or its length if it may be something else.
func headerName(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return "(" + strconv.Itoa(len(name)) + " characters)"
}

// scheme names the scheme of an Authorization header.
func scheme(authorization string) string {
	name, _, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	switch {
	case name == "":
		return "none"
	case schemeName.MatchString(name):
		return "the scheme " + name
	}
	return "another scheme"
}

// credentialParts counts the parts of the Credential.
func credentialParts(authorization string) int {
	_, credential, _ := strings.Cut(authorization, "Credential=")
	credential, _, _ = strings.Cut(credential, ",")

	return 1 + strings.Count(credential, "/")
}

// shownDay returns the day of a scope, or its length if it may be something else.
func shownDay(day string) string {
	if eightDigit.MatchString(day) {
		return day
	}
	return "a text of " + strconv.Itoa(len(day)) + " characters"
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// shownHeaders has the headers whose values a canonical request shows. Others may
// contain a secret of the application.
var shownHeaders = []string{
	"host", "content-type", "content-length", "x-amz-date", "date", "x-amz-target", "x-amz-content-sha256",
	"user-agent", "x-amz-user-agent", "amz-sdk-request", "amz-sdk-invocation-id", "accept", "accept-encoding",
}

// shownParameters has the query parameters whose values a canonical request shows.
var shownParameters = []string{
	"Action", "Version", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
	"X-Amz-SignedHeaders", "X-Amz-Content-Sha256",
}

// shownCanonical returns a canonical request without values that may be secret. It shows
// their lengths, for comparison.
func shownCanonical(text string) string {
	parameter := func(name, value string) string {
		if slices.Contains(shownParameters, name) || value == redactedValue {
			return name + "=" + value
		}
		return headerName(name) + "=" + hiddenValue(value)
	}
	header := func(name, value string) string {
		if slices.Contains(shownHeaders, name) || value == redactedValue {
			return name + ":" + value
		}
		return headerName(name) + ":" + hiddenValue(value)
	}

	return MaskCanonical(text, parameter, header)
}

// redactedValue replaces a session token (package sigv4).
const redactedValue = "REDACTED"

func hiddenValue(value string) string { return "(" + strconv.Itoa(len(value)) + " bytes)" }
