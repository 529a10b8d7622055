package devuserpool

import (
	"context"
	"maps"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// poolOfARN returns the ID of the caller's pool that an ARN names.
func (s *Service) poolOfARN(ctx context.Context, c awsapi.Caller, arn string) (string, error) {
	prefix := poolARN(c.Region, c.Account, "")
	id, found := strings.CutPrefix(arn, prefix)
	if !found {
		return "", awsapi.Refused(invalidParameter, arnFault.With("arn", explain.ShownText(arn), "prefix", prefix),
			"%s is not the ARN of a user pool of this account and region.", arn)
	}
	_, err := s.callerPool(ctx, c, id)

	return id, err
}

// TagResource adds tags to a pool, replacing those of the same key.
func (s *Service) TagResource(
	ctx context.Context, c awsapi.Caller, in *TagResourceRequest,
) (*TagResourceResponse, error) {
	return &TagResourceResponse{}, s.changeTags(ctx, c, *in.ResourceArn, func(tags map[string]string) {
		maps.Copy(tags, in.Tags)
	})
}

// UntagResource removes tags from a pool; keys that it does not have are ignored.
func (s *Service) UntagResource(
	ctx context.Context, c awsapi.Caller, in *UntagResourceRequest,
) (*UntagResourceResponse, error) {
	return &UntagResourceResponse{}, s.changeTags(ctx, c, *in.ResourceArn, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (s *Service) changeTags(
	ctx context.Context, c awsapi.Caller, arn string, edit func(tags map[string]string),
) error {
	id, err := s.poolOfARN(ctx, c, arn)
	if err != nil {
		return err
	}

	return stateError(s.State.change(id, func(p *Pool) error {
		if p.Settings.UserPoolTags == nil {
			p.Settings.UserPoolTags = map[string]string{}
		}
		edit(p.Settings.UserPoolTags)
		if len(p.Settings.UserPoolTags) > maxTags {
			return tooMany("tags of a user pool", maxTags)
		}

		return p.followTags()
	}), id)
}

// ListTagsForResource returns a pool's tags.
func (s *Service) ListTagsForResource(
	ctx context.Context, c awsapi.Caller, in *ListTagsForResourceRequest,
) (*ListTagsForResourceResponse, error) {
	id, err := s.poolOfARN(ctx, c, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	p, err := s.callerPool(ctx, c, id)
	if err != nil {
		return nil, err
	}

	tags := map[string]string{}
	maps.Copy(tags, p.Settings.UserPoolTags)

	return &ListTagsForResourceResponse{Tags: tags}, nil
}
