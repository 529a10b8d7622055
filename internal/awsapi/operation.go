package awsapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// Caller identifies who signed a request.
type Caller struct {
	Account     string // twelve-digit account
	ARN         string // of the user or the assumed role
	UserID      string
	AccessKeyID string
	Region      string // from the credential scope
	Session     any    // what the Gate keeps for Authorize; may be nil
}

// Gate authenticates and authorises signed requests.
type Gate interface {
	// Authenticate verifies r's signature over body for the signing name service, such
	// as sts. It returns an *Error of kind MissingAuthentication, IncompleteSignature,
	// UnknownKey, BadSignature, RequestExpired, InvalidToken or ExpiredToken; any other
	// error is internal. It must not keep body, because the buffer is used again.
	Authenticate(r *http.Request, body []byte, service string) (Caller, error)
	// Authorize returns nil if caller has the permission needed, whose Action and
	// Resource are filled in, and an *Error of kind AccessDenied if not.
	Authorize(ctx context.Context, caller Caller, needed Access) error
}

// Access is one permission that a signed call needs, with the values that policies can
// check besides the caller and the request.
type Access struct {
	Action   string // "" = the operation's own
	Resource string // ARN; "" = "*"
	// Conditions are the API's condition keys, such as iam:PolicyARN.
	Conditions map[string][]string
	// RequestTags are the tags that the call sets: aws:RequestTag/KEY, aws:TagKeys.
	// TagKeys are the keys of tags that it removes.
	RequestTags []Tag
	TagKeys     []string
	// ResourceTags looks up the tags of the resource when a policy asks for them:
	// aws:ResourceTag/KEY. It is nil if the call is about nothing that has tags. Its
	// error wraps ErrTagsUnknown if only the operation itself finds out which resource
	// the call is about.
	ResourceTags func(ctx context.Context) (map[string]string, error)
}

// ErrTagsUnknown means that nobody knows yet whose tags are meant. It is not a
// failure: a policy that asks for the tags cannot be evaluated, so that its Deny
// applies and its Allow does not.
var ErrTagsUnknown = errors.New("the tags of the resource are not known")

// UnknownTags is an Access.ResourceTags for a resource that is not known yet.
func UnknownTags(context.Context) (map[string]string, error) { return nil, ErrTagsUnknown }

// OnUnknown asks for the operation's own action on a resource that only the operation
// finds, and that may have tags.
func OnUnknown[In any](context.Context, Caller, *In) ([]Access, error) {
	return []Access{{ResourceTags: UnknownTags}}, nil
}

// Tag is a tag that a call sets. A call may name a key twice.
type Tag struct{ Key, Value string }

// TagsOf lists tags in no certain order.
func TagsOf(tags map[string]string) []Tag {
	list := make([]Tag, 0, len(tags))
	for key, value := range tags {
		list = append(list, Tag{Key: key, Value: value})
	}
	return list
}

// Needs returns the permissions that a call needs. It runs before the rest of the
// input is looked at, so it must be cheap. It may return an *Error.
type Needs[In any] func(ctx context.Context, caller Caller, in *In) ([]Access, error)

// NoOutput is the output of an operation that answers with an empty body.
type NoOutput struct{}

// Operation is one row of an API's operation table, made by Public or Signed. The
// input type may have a method Validate() []Violation, which is called after decoding.
type Operation struct {
	name   string
	action string // "" = public
	class  overload.Class
	lookup bool
	serve  func(ctx context.Context, c *call) (any, error)
}

// Name returns the operation's name on the wire.
func (o Operation) Name() string { return o.name }

// Action returns the permission that the operation needs, such as sts:AssumeRole; "" = none.
func (o Operation) Action() string { return o.action }

// Signed reports whether the operation needs a signature.
func (o Operation) Signed() bool { return o.action != "" }

// Class returns the admission class of the operation's calls.
func (o Operation) Class() overload.Class { return o.class }

// InClass returns the operation in another class.
func (o Operation) InClass(class overload.Class) Operation {
	o.class = class
	return o
}

// AsLookup returns the operation marked as one by which people look at what is there, or try something out.
func (o Operation) AsLookup() Operation {
	o.lookup = true
	return o
}

// IsLookup reports whether the operation is marked by AsLookup.
func (o Operation) IsLookup() bool { return o.lookup }

// Public returns an operation that anybody may call. A signature, even a wrong one, is
// ignored.
func Public[In, Out any](
	name string, class overload.Class, do func(ctx context.Context, in *In) (*Out, error),
) Operation {
	serve := func(ctx context.Context, c *call) (any, error) {
		in := new(In)
		if err := c.read(in); err != nil {
			return nil, err
		}

		explain.FromContext(ctx).PassPlanned()
		return answer(do(ctx, in))
	}

	return Operation{name: name, class: class, serve: serve}
}

// Signed returns an operation that needs a signature, and IAM's permission for action
// (such as sts:AssumeRole). If needs is nil, it asks for the action on "*". Its class
// is overload.Administration unless InClass changes it.
func Signed[In, Out any](
	name, action string, do func(ctx context.Context, caller Caller, in *In) (*Out, error), needs Needs[In],
) Operation {
	serve := func(ctx context.Context, c *call) (any, error) {
		in := new(In)
		if err := c.read(in); err != nil {
			return nil, err
		}

		needed := []Access{{}}
		if needs != nil {
			var err error
			if needed, err = needs(ctx, c.caller, in); err != nil {
				return nil, err
			}
		}

		if err := c.authorize(ctx, action, needed); err != nil {
			return nil, err
		}
		RecordFrom(ctx).Authorized = true
		explain.FromContext(ctx).PassPlanned()

		return answer(do(ctx, c.caller, in))
	}

	return Operation{
		name:   name,
		action: action,
		class:  overload.Administration,
		serve:  serve,
	}
}

// answer turns a typed result into an untyped one: nil for an empty body.
func answer[Out any](out *Out, err error) (any, error) {
	if _, none := any(out).(*NoOutput); none || out == nil || err != nil {
		return nil, err
	}
	return out, nil
}
