// Package iamapi is the part of the IAM API that identity pools need: roles with
// their policies, managed policies, OpenID Connect and SAML providers. It says
// in AWS's words what iam.Directory does.
//
// Start reading at Service.Operations. The rules, texts and quotas follow the
// IAM API reference (2010-05-08).
package iamapi

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Names by which requests call the API (AWS Query).
const (
	Name         = "iam"
	Version      = "2010-05-08"
	Namespace    = "https://iam.amazonaws.com/doc/2010-05-08/"
	InternalCode = "ServiceFailure"
)

// Options are what a Service needs. All fields are required.
type Options struct {
	Directory *iam.Directory // with a store
	Now       func() time.Time
	Logger    *slog.Logger
	// HasAccount reports whether the account is one of this server. Trust policies
	// may name its roles only when they exist.
	HasAccount func(context.Context, identitypool.AccountID) (bool, error)
	// AcceptUnknownRoles takes trust policies that name roles which do not exist,
	// with a warning. For development only.
	AcceptUnknownRoles bool
}

// Service serves the operations. It is safe for concurrent use.
type Service struct {
	directory     *iam.View
	now           func() time.Time
	logger        *slog.Logger
	hasAccount    func(context.Context, identitypool.AccountID) (bool, error)
	acceptUnknown bool
}

// New returns a Service.
func New(o Options) *Service {
	directory := &iam.View{}
	if o.Directory != nil { // without, there is the table of operations only
		directory = o.Directory.For("")
	}
	return &Service{
		directory:     directory,
		now:           o.Now,
		logger:        o.Logger,
		hasAccount:    o.HasAccount,
		acceptUnknown: o.AcceptUnknownRoles,
	}
}

// call makes an operation's method see the directory as calls for its region do.
func call[In, Out any](
	s *Service, method func(*Service, context.Context, awsapi.Caller, *In) (*Out, error),
) func(context.Context, awsapi.Caller, *In) (*Out, error) {
	return func(ctx context.Context, c awsapi.Caller, in *In) (*Out, error) {
		ofCall := *s
		ofCall.directory = s.directory.For(c.Region)
		return method(&ofCall, ctx, c, in)
	}
}

// Statuses has the HTTP status of IAM's errors, but for those with 400.
var Statuses = map[string]int{
	noSuchEntity:             404,
	alreadyExists:            409,
	deleteConflict:           409,
	limitExceeded:            409,
	"ConcurrentModification": 409,
	InternalCode:             500,
}

// Codes of the API's errors.
const (
	noSuchEntity      = "NoSuchEntity"
	alreadyExists     = "EntityAlreadyExists"
	malformedDocument = "MalformedPolicyDocument"
	invalidInput      = "InvalidInput"
	limitExceeded     = "LimitExceeded"
	deleteConflict    = "DeleteConflict"
	unmodifiable      = "UnmodifiableEntity"
)

// words are the texts of one kind of resource.
type words struct {
	what     string // e.g. role; its section of the settings file follows
	section  string
	missing  string // the text of NoSuchEntity
	conflict string // the text of EntityAlreadyExists or DeleteConflict
	quota    string // the text of LimitExceeded
}

// fault puts an error of the directory into the API's words.
func (w words) fault(err error) error {
	switch {
	case err == nil:
		return nil
	case isPartition(err):
		return wrongPartition(err)
	case errors.Is(err, iam.ErrSettings):
		return refuse(unmodifiable, resourceInSettings.With("what", w.what, "section", w.section).At(explain.Link{
			Kind:   explain.LinkSetting,
			ID:     w.section,
			Source: explain.SourceFile,
		}))
	case errors.Is(err, iam.ErrNotFound):
		return refuse(noSuchEntity, resourceMissing.With("what", w.what, "message", w.missing))
	case errors.Is(err, iam.ErrConflict) && w.conflict != "":
		return refuse(alreadyExists, resourceExists.With("what", w.what, "message", w.conflict))
	case errors.Is(err, store.ErrLimit) && w.quota != "":
		return refuse(limitExceeded, resourceQuota.With("what", w.what, "message", w.quota))
	}
	return err
}

// accountOf is the account that a caller acts in.
func accountOf(c awsapi.Caller) identitypool.AccountID { return identitypool.AccountID(c.Account) }

// encoded is a document as answers have it: every byte that RFC 3986 does not
// leave unreserved is percent-encoded.
func encoded(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

// timestamp is a time as answers have it. What has none is of the settings file.
func timestamp(t time.Time) string {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// list is a list in an answer; an empty one is an empty element.
type list[T any] struct {
	Members []T `xml:"member"`
}

// empty is the answer of an operation that says nothing.
type empty struct{}

// characters is the size of a policy document for quotas, which do not count
// white space (IAM quotas).
func characters(document string) (n int) {
	for _, r := range document {
		if r != ' ' && r != '\t' && r != '\n' && r != '\r' {
			n++
		}
	}
	return n
}

// Quotas of policies (IAM User Guide, "IAM and AWS STS quotas").
const (
	maxTrustPolicy      = 2048  // characters, as the next two
	maxInlinePolicies   = 10240 // of a role together
	maxManagedPolicy    = 6144
	maxAttachedPolicies = 10
	maxPolicyVersions   = 5
	maxTags             = 50
)

// malformed words what is wrong with a policy document: in AWS's text where that
// is known, with the place and the cure in the trace.
func malformed(err error) error {
	fault, ok := errors.AsType[*iam.PolicyFault](err)
	if !ok {
		return refuse(malformedDocument, documentUnreadable.With("problem", err.Error()))
	}

	return refuse(malformedDocument, documentFault.With(
		"expected", fault.Expected,
		"where", fault.Where,
		"got", fault.Got,
		"fix", fault.Fix,
		"text", fault.Text,
	))
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// text is a member that is left out when it is empty.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// warnOfKeys logs which condition keys of a policy that was stored cannot be
// evaluated. It does not change the answer.
func (s *Service) warnOfKeys(ctx context.Context, holder string, warnings []string) {
	for _, warning := range warnings {
		s.logger.WarnContext(ctx, "a policy depends on a condition key that this server cannot know",
			"policy", holder, "problem", warning)
	}
}

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms) }
