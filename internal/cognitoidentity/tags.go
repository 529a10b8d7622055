package cognitoidentity

import (
	"context"
	"fmt"
	"maps"
	"regexp"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// callerPoolByARN returns the caller's pool that an ARN names.
func (s *Service) callerPoolByARN(ctx context.Context, c awsapi.Caller, arn string) (identitypool.Pool, error) {
	region, account, id, ok := identitypool.ParsePoolARN(arn)
	right := identitypool.InPartition(arn, identitypool.Partition(c.Region))
	switch {
	case ok:
	case right != arn && isPoolARN(right):
		return identitypool.Pool{}, wrongPoolARN(c.Region, arn, right)
	default:
		return identitypool.Pool{}, awsapi.Refused(invalidParameter, poolARNForm.With("arn", shownARN(arn)),
			"'%s' is not the ARN of an identity pool.", arn)
	}

	if region != c.Region || string(account) != c.Account {
		return identitypool.Pool{}, askedPoolNotFound(ctx, string(id), whyNoPool(region, c.Region))
	}

	return s.callerPool(ctx, c, string(id))
}

func isPoolARN(arn string) bool {
	_, _, _, ok := identitypool.ParsePoolARN(arn)
	return ok
}

// shownARN returns the part of a bad ARN that traces may show. The text may be anything;
// its ID may be an identity's, which is a guest's secret.
func shownARN(text string) string {
	if start := poolARNStart.FindString(text); start != "" {
		return start + "…"
	}
	return fmt.Sprintf("a text of %d bytes", len(text))
}

var poolARNStart = regexp.MustCompile(`^arn:[a-z-]{1,32}:[a-z0-9-]{1,32}:[a-z0-9-]{0,32}:\d{0,12}:identitypool/`)

func (s *Service) tagNeeds(_ context.Context, c awsapi.Caller, in *TagResourceInput) ([]awsapi.Access, error) {
	needed := s.arnAccess(c, *in.ResourceArn)
	needed.RequestTags = awsapi.TagsOf(in.Tags)
	return []awsapi.Access{needed}, nil
}

func (s *Service) untagNeeds(_ context.Context, c awsapi.Caller, in *UntagResourceInput) ([]awsapi.Access, error) {
	needed := s.arnAccess(c, *in.ResourceArn)
	needed.TagKeys = in.TagKeys
	return []awsapi.Access{needed}, nil
}

// TagResource adds tags to a pool, replacing those of the same key.
func (s *Service) TagResource(
	ctx context.Context, c awsapi.Caller, in *TagResourceInput,
) (*TagResourceResponse, error) {
	return &TagResourceResponse{}, s.changeTags(ctx, c, *in.ResourceArn, func(tags map[string]string) {
		maps.Copy(tags, in.Tags)
	})
}

// UntagResource removes tags from a pool; keys that it does not have are ignored.
func (s *Service) UntagResource(
	ctx context.Context, c awsapi.Caller, in *UntagResourceInput,
) (*UntagResourceResponse, error) {
	return &UntagResourceResponse{}, s.changeTags(ctx, c, *in.ResourceArn, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (s *Service) changeTags(
	ctx context.Context, c awsapi.Caller, arn string, change func(map[string]string),
) error {
	explain.FromContext(ctx).Plan(taggedPoolChecks)
	pool, err := s.callerPoolByARN(ctx, c, arn)
	if err != nil {
		return err
	}

	_, err = s.Store.UpdatePool(ctx, pool.ID, func(p *identitypool.Pool) error {
		tags := map[string]string{}
		maps.Copy(tags, p.Tags)
		change(tags)
		p.Tags = tags

		return s.checkTags(*p)
	})

	return poolError(err, string(pool.ID))
}

// ListTagsForResource returns a pool's tags.
func (s *Service) ListTagsForResource(
	ctx context.Context, c awsapi.Caller, in *ListTagsForResourceInput,
) (*ListTagsForResourceResponse, error) {
	explain.FromContext(ctx).Plan(listedTagsChecks)
	pool, err := s.callerPoolByARN(ctx, c, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &ListTagsForResourceResponse{Tags: orEmpty(pool.Tags)}, nil
}
