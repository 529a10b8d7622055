package iamapi

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// tag is a tag in a request or a response.
type tag struct {
	Key   *string
	Value *string
}

// tagsOf lists tags by key.
func tagsOf(tags map[string]string) list[tag] {
	all := list[tag]{Members: make([]tag, 0, len(tags))}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		all.Members = append(all.Members, tag{Key: new(k), Value: new(tags[k])})
	}
	return all
}

// addTags returns have, which may be nil, with tags added. Keys that differ only in
// case are the same key (IAM User Guide, "Tagging IAM resources").
func addTags(have map[string]string, tags []tag) (map[string]string, error) {
	all := map[string]string{}
	maps.Copy(all, have)

	seen := map[string]bool{}
	for _, t := range tags {
		key, folded := awsapi.Text(t.Key), strings.ToLower(awsapi.Text(t.Key))
		switch {
		case seen[folded]:
			return nil, refuse(invalidInput, tagTwice.With())
		case strings.HasPrefix(folded, "aws:"):
			return nil, refuse(invalidInput, tagReserved.With())
		}

		seen[folded] = true
		maps.DeleteFunc(all, func(k, _ string) bool { return strings.ToLower(k) == folded })
		all[key] = awsapi.Text(t.Value)
	}

	if len(all) > maxTags {
		return nil, refuse(limitExceeded, tagQuota.With(
			"limit", strconv.Itoa(maxTags), "count", strconv.Itoa(len(all)),
		))
	}

	return all, nil
}

// removeTags returns have without keys. Keys that have does not contain are ignored.
func removeTags(have map[string]string, keys []string) map[string]string {
	all := maps.Clone(have)
	maps.DeleteFunc(all, func(k, _ string) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return strings.EqualFold(k, key) })
	})
	return all
}

// tagInput is the input of operations that tag a resource.
type tagInput[R reference] struct {
	Of   R `query:"*"`
	Tags []tag
}

func (in *tagInput[R]) Validate() []awsapi.Violation {
	return checkTags(checked(in.Of.field()), in.Tags, true)
}

func (in *tagInput[R]) access(ctx context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	needed, err := in.Of.access(ctx, s, c)
	needed.RequestTags = given(in.Tags)
	return needed, err
}

func tagResource[R reference](
	s *Service, ctx context.Context, c awsapi.Caller, in *tagInput[R],
) (*awsapi.NoOutput, error) {
	return nil, in.Of.changeTags(ctx, s, c, func(have map[string]string) (map[string]string, error) {
		return addTags(have, in.Tags)
	})
}

// untagInput is the input of operations that remove tags of a resource.
type untagInput[R reference] struct {
	Of      R `query:"*"`
	TagKeys []string
}

func (in *untagInput[R]) Validate() []awsapi.Violation {
	return checkTagKeys(checked(in.Of.field()), in.TagKeys)
}

func (in *untagInput[R]) access(ctx context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	needed, err := in.Of.access(ctx, s, c)
	needed.TagKeys = in.TagKeys
	return needed, err
}

func untagResource[R reference](
	s *Service, ctx context.Context, c awsapi.Caller, in *untagInput[R],
) (*awsapi.NoOutput, error) {
	return nil, in.Of.changeTags(ctx, s, c, func(have map[string]string) (map[string]string, error) {
		return removeTags(have, in.TagKeys), nil
	})
}

// tagsInput is the input of operations that list a resource's tags.
type tagsInput[R reference] struct {
	Of R `query:"*"`
	paging
}

func (in *tagsInput[R]) Validate() []awsapi.Violation { return listed(in.paging, in.Of.field()) }

func (in *tagsInput[R]) access(ctx context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return in.Of.access(ctx, s, c)
}

// tagList is the response of a listing of tags.
type tagList struct {
	Tags list[tag]
	pageEnd
}

func listResourceTags[R reference](
	s *Service, ctx context.Context, c awsapi.Caller, in *tagsInput[R],
) (*tagList, error) {
	tags, err := in.Of.tags(ctx, s, c)
	if err != nil {
		return nil, err
	}

	out := &tagList{}
	out.Tags.Members, out.pageEnd, err = page(
		in.paging, tagsOf(tags).Members, func(t tag) string { return *t.Key })

	return out, err
}

// given returns the tags that a request sets, for the condition keys of policies.
func given(tags []tag) []awsapi.Tag {
	list := make([]awsapi.Tag, 0, len(tags))
	for _, t := range tags {
		list = append(list, awsapi.Tag{Key: awsapi.Text(t.Key), Value: awsapi.Text(t.Value)})
	}
	return list
}
