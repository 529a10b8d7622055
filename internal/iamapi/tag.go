package iamapi

import (
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
		all.Members = append(all.Members, tag{new(k), new(tags[k])})
	}
	return all
}

// addTags returns have, which may be nil, with tags added. Keys that differ only in
// case are the same key (IAM User Guide, "Tagging IAM resources").
func addTags(have map[string]string, tags []tag) (map[string]string, error) {
	all := maps.Clone(have)
	if all == nil {
		all = map[string]string{}
	}

	seen := map[string]bool{}
	for _, t := range tags {
		key, folded := value(t.Key), strings.ToLower(value(t.Key))
		switch {
		case seen[folded]:
			return nil, refuse(invalidInput, tagTwice.With())
		case strings.HasPrefix(folded, "aws:"):
			return nil, refuse(invalidInput, tagReserved.With())
		}

		seen[folded] = true
		maps.DeleteFunc(all, func(k, _ string) bool { return strings.ToLower(k) == folded })
		all[key] = value(t.Value)
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

// given returns the tags that a request sets, for the condition keys of policies.
func given(tags []tag) []awsapi.Tag {
	list := make([]awsapi.Tag, 0, len(tags))
	for _, t := range tags {
		list = append(list, awsapi.Tag{Key: value(t.Key), Value: value(t.Value)})
	}
	return list
}

// tagList is the response of a listing of tags.
type tagList struct {
	Tags list[tag]
	pageEnd
}

func listTags(p paging, tags map[string]string) (*tagList, error) {
	found, end, err := page(p, tagsOf(tags).Members, func(t tag) string { return *t.Key })
	if err != nil {
		return nil, err
	}
	return &tagList{list[tag]{found}, end}, nil
}
