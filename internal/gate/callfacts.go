package gate

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// callFacts finds the condition keys of a signed call when a policy asks for them (IAM User
// Guide, "Global condition context keys").
type callFacts struct {
	ctx    context.Context
	needed *awsapi.Access

	resourceTags map[string]string
	unknownTags  bool
	lookedUp     bool
	err          error // of the look-up; the decision does not count then
}

// context returns the facts of a call.
func (f *callFacts) context(caller awsapi.Caller) policy.RequestContext {
	return policy.RequestContext{
		Client:          policy.Client(awsapi.RecordFrom(f.ctx).Client).Find,
		Region:          caller.Region,
		ResourceAccount: cmp.Or(iam.ResourceAccount(f.needed.Resource), caller.Account),
		ResourceTags:    f.resourceTag,
		RequestTags:     requestTags(f.needed.RequestTags),
		RemovedTags:     f.needed.TagKeys,
		Service:         f.service,
	}
}

// requestTags are the tags that a call sets.
func requestTags(tags []awsapi.Tag) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		for _, tag := range tags {
			if !yield(tag.Key, tag.Value) {
				return
			}
		}
	}
}

// service finds the keys of the API that is called.
func (f *callFacts) service(key string) (values []string, known bool) {
	prefix, _, _ := strings.Cut(f.needed.Action, ":")
	api := iam.Place(prefix)
	if name, ok := strings.CutPrefix(key, "iam:resourcetag/"); ok && api == iam.IAMAPI {
		return f.resourceTag(name)
	}

	for name, given := range f.needed.Conditions {
		if policy.FoldKey(name) == key {
			return given, true
		}
	}

	return nil, api.Knows(key, f.needed.Action)
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

	return policy.TagValues(maps.All(f.resourceTags), name)
}
