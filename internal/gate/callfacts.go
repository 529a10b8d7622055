package gate

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// callFacts has the values of the condition keys of a signed call, and finds each
// when a policy asks for it (IAM User Guide, "Global condition context keys").
type callFacts struct {
	ctx     context.Context
	region  string // of the signature
	account string // the caller's
	needed  *awsapi.Access

	resourceTags map[string]string
	unknownTags  bool
	lookedUp     bool
	err          error // of the look-up
}

// Prefixes of the condition keys of tags, in lower case.
const (
	requestTag     = "aws:requesttag/"
	resourceTag    = "aws:resourcetag/"
	iamResourceTag = "iam:resourcetag/"
)

// Err returns the error of the look-up of the resource's tags.
func (f *callFacts) Err() error { return f.err }

// Condition implements iam.Facts.
func (f *callFacts) Condition(key string) (values []string, known bool) {
	client := awsapi.RecordFrom(f.ctx).Client
	switch key {
	case "aws:securetransport":
		return []string{strconv.FormatBool(client.TLS)}, true
	case "aws:sourceip":
		if !client.IP.IsValid() {
			return nil, false
		}
		return []string{client.IP.String()}, true
	case "aws:useragent":
		return present(client.UserAgent), true
	case "aws:referer":
		return present(client.Referer), true
	case "aws:requestedregion":
		return present(f.region), true
	case "aws:resourceaccount":
		return []string{cmp.Or(iam.ResourceAccount(f.needed.Resource), f.account)}, true
	case "aws:tagkeys":
		return f.tagKeys(), true
	}

	if name, ok := strings.CutPrefix(key, requestTag); ok {
		return f.requestTag(name)
	}
	if name, ok := strings.CutPrefix(key, resourceTag); ok {
		return f.resourceTag(name)
	}
	if name, ok := strings.CutPrefix(key, iamResourceTag); ok && f.place() == iam.IAMAPI {
		return f.resourceTag(name)
	}

	for name, given := range f.needed.Conditions {
		if policy.FoldKey(name) == key {
			return given, true
		}
	}

	return nil, f.place().Knows(key, f.needed.Action)
}

// place returns the API to which the action belongs.
func (f *callFacts) place() iam.Place {
	service, _, _ := strings.Cut(f.needed.Action, ":")
	return iam.Place(service)
}

// tagKeys returns the keys of the tags that the call sets or removes.
func (f *callFacts) tagKeys() []string {
	keys := make([]string, 0, len(f.needed.RequestTags)+len(f.needed.TagKeys))
	for _, tag := range f.needed.RequestTags {
		keys = append(keys, tag.Key)
	}
	return append(keys, f.needed.TagKeys...)
}

// requestTag returns the value that the call sets for a tag. The value is not known if
// the call sets two tags that are the same condition key.
func (f *callFacts) requestTag(name string) (values []string, known bool) {
	for _, tag := range f.needed.RequestTags {
		if policy.FoldKey(tag.Key) == name {
			values = append(values, tag.Value)
		}
	}
	if len(values) > 1 {
		return nil, false
	}

	return values, true
}

// resourceTag returns the value of a tag of the call's resource. It looks up the
// resource's tags once.
func (f *callFacts) resourceTag(name string) (values []string, known bool) {
	if !f.lookedUp && f.needed.ResourceTags != nil {
		f.resourceTags, f.err = f.needed.ResourceTags(f.ctx)
		if f.unknownTags = errors.Is(f.err, awsapi.ErrTagsUnknown); f.unknownTags {
			f.err = nil
		}
	}
	f.lookedUp = true

	if f.unknownTags || f.err != nil {
		return nil, false
	}

	return iam.TagValues(f.resourceTags, name)
}

// present returns no value for the empty string.
func present(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
