// Package iamapi serves the part of the IAM API that identity pools need: roles with
// their policies, managed policies, OpenID Connect and SAML providers. iam.Directory
// does the work; this package has AWS's names, texts and quotas, which follow the
// IAM API reference (2010-05-08).
//
// Start reading at Service.Operations.
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

// Options configures a Service. All fields but AcceptUnknownRoles are required.
type Options struct {
	Directory *iam.Directory // with a store
	Now       func() time.Time
	Logger    *slog.Logger
	// HasAccount reports whether this server has the account. Trust policies may name
	// roles of such an account only if they exist.
	HasAccount func(context.Context, identitypool.AccountID) (bool, error)
	// HasRootKey reports whether an account has an access key without a policy.
	HasRootKey    func(context.Context, identitypool.AccountID) (bool, error)
	WebIdentities WebIdentities
	// Authorizer decides in the policy simulator.
	Authorizer *iam.Authorizer
	// KeyOwner returns the caller of an access key. Its error wraps iam.ErrNotFound or iam.ErrDisabled.
	KeyOwner func(ctx context.Context, id string) (iam.Caller, error)
	// AcceptUnknownRoles accepts trust policies that name roles which do not exist,
	// and logs a warning. For development only.
	AcceptUnknownRoles bool
}

// Service implements the operations. It is safe for concurrent use.
type Service struct {
	view          *iam.View
	now           func() time.Time
	logger        *slog.Logger
	hasAccount    func(context.Context, identitypool.AccountID) (bool, error)
	hasRootKey    func(context.Context, identitypool.AccountID) (bool, error)
	webIdentities WebIdentities
	authorizer    *iam.Authorizer
	keyOwner      func(ctx context.Context, id string) (iam.Caller, error)
	acceptUnknown bool
}

// New returns a Service.
func New(o Options) *Service {
	view := &iam.View{}
	if o.Directory != nil { // without, there is the table of operations only
		view = o.Directory.For("")
	}

	return &Service{
		view:          view,
		now:           o.Now,
		logger:        o.Logger,
		hasAccount:    o.HasAccount,
		hasRootKey:    o.HasRootKey,
		webIdentities: o.WebIdentities,
		authorizer:    o.Authorizer,
		keyOwner:      o.KeyOwner,
		acceptUnknown: o.AcceptUnknownRoles,
	}
}

// call wraps an operation's method: it sees the directory in the partition of the
// call's region.
func call[In, Out any](
	s *Service, method func(*Service, context.Context, awsapi.Caller, *In) (*Out, error),
) func(context.Context, awsapi.Caller, *In) (*Out, error) {
	return func(ctx context.Context, c awsapi.Caller, in *In) (*Out, error) {
		ofCall := *s
		ofCall.view = s.view.Directory.For(c.Region)
		return method(&ofCall, ctx, c, in)
	}
}

// Statuses has the HTTP status of each of IAM's errors whose status is not 400.
var Statuses = map[string]int{
	noSuchEntity:             404,
	alreadyExists:            409,
	deleteConflict:           409,
	limitExceeded:            409,
	featureEnabled:           409,
	featureDisabled:          404,
	"ConcurrentModification": 409,
	policyEvaluation:         500,
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
	policyEvaluation  = "PolicyEvaluation"
)

// words are the texts of one kind of resource.
type words struct {
	what     string // the kind, e.g. role
	section  string // its section of the settings file
	missing  string // the text of NoSuchEntity
	conflict string // the text of EntityAlreadyExists or DeleteConflict
	quota    string // the text of LimitExceeded
}

// fault turns an error of the directory into the API's error.
func (w words) fault(err error) error {
	switch {
	case err == nil:
		return nil
	case isPartition(err):
		return wrongPartition(err)
	case errors.Is(err, iam.ErrSettings):
		why := resourceInSettings.With("what", w.what, "section", w.section)
		return refuse(unmodifiable, why.At(explain.Setting(w.section)))
	case errors.Is(err, iam.ErrNotFound):
		return refuse(noSuchEntity, resourceMissing.With("what", w.what, "message", w.missing))
	case errors.Is(err, iam.ErrConflict) && w.conflict != "":
		return refuse(alreadyExists, resourceExists.With("what", w.what, "message", w.conflict))
	case errors.Is(err, store.ErrLimit) && w.quota != "":
		return refuse(limitExceeded, resourceQuota.With("what", w.what, "message", w.quota))
	}

	return err
}

// accountOf returns the account that a caller acts in.
func accountOf(c awsapi.Caller) identitypool.AccountID { return identitypool.AccountID(c.Account) }

// encoded returns a document as responses have it: with every byte percent-encoded
// that RFC 3986 does not leave unreserved.
func encoded(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

// timestamp returns a time as responses have it. Resources of the settings file have
// none, and get 1970.
func timestamp(t time.Time) string {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// list is a list in a response; an empty one is an empty element.
type list[T any] struct {
	Members []T `xml:"member"`
}

// empty is an element without content.
type empty struct{}

// characters returns the size of a policy document for quotas, which do not count
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
	maxTrustPolicy      = 2048  // characters, like the next two
	maxInlinePolicies   = 10240 // all of a role together
	maxManagedPolicy    = 6144
	maxAttachedPolicies = 10
	maxPolicyVersions   = 5
	maxTags             = 50
)

// malformed returns the error for a faulty policy document: in AWS's text if that is
// known. The trace has the place and the fix.
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

// text returns a member that is left out if it is empty.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// warnOfKeys logs which condition keys of a stored policy this server cannot
// evaluate. The response stays the same.
func (s *Service) warnOfKeys(ctx context.Context, holder string, warnings []string) {
	for _, warning := range warnings {
		s.logger.WarnContext(ctx, "a policy depends on a condition key that this server cannot know",
			"policy", holder, "problem", warning)
	}
}

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms) }
