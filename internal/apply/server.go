package apply

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// server reads and changes one account and region.
type server struct {
	*Client
	account, partition string
}

func connect(ctx context.Context, c *Client) (*server, error) {
	var out struct {
		Account string `xml:"GetCallerIdentityResult>Account"`
		Arn     string `xml:"GetCallerIdentityResult>Arn"`
	}
	if err := c.Query(ctx, "sts", "2011-06-15", "GetCallerIdentity", nil, &out); err != nil {
		return nil, err
	}

	parts := strings.SplitN(out.Arn, ":", 3)
	if len(parts) < 3 {
		return nil, fmt.Errorf("GetCallerIdentity: the ARN %q has no partition", out.Arn)
	}

	return &server{Client: c, account: out.Account, partition: parts[1]}, nil
}

func (s *server) arn(rest string) string {
	return "arn:" + s.partition + ":iam::" + s.account + ":" + rest
}

func (s *server) poolARN(id string) string {
	return "arn:" + s.partition + ":cognito-identity:" + s.Region + ":" + s.account + ":identitypool/" + id
}

// eachPage calls a listing operation page by page. take gets each page, and returns
// where the next one begins.
func eachPage[Page any](
	ctx context.Context, s *server, operation string, in url.Values, take func(*Page) (more bool, next string),
) error {
	in = maps.Clone(in)
	for {
		page := new(Page)
		if err := s.iam(ctx, operation, in, page); err != nil {
			return err
		}

		more, next := take(page)
		if !more || next == "" {
			return nil
		}
		in.Set("Marker", next)
	}
}

func arnsOnly(arns []string) (all []listing) {
	for _, arn := range arns {
		all = append(all, listing{name: arn, arn: arn})
	}
	return all
}

type xmlTag struct{ Key, Value string }

func tagMap(list []xmlTag) tags {
	all := tags{}
	for _, t := range list {
		all[t.Key] = t.Value
	}
	return all
}

// decoded returns a document of an answer, where it is URL-encoded.
func decoded(document string) any {
	text, err := url.PathUnescape(document)
	if err != nil {
		return document
	}
	if v, err := parseJSON(text); err == nil {
		return v
	}
	return text
}

// members numbers a list's members in a form.
func members(form url.Values, name string, list []string) {
	for i, v := range list {
		form.Set(name+".member."+strconv.Itoa(i+1), v)
	}
}

func tagMembers(form url.Values, all tags) {
	for i, key := range slices.Sorted(maps.Keys(all)) {
		at := "Tags.member." + strconv.Itoa(i+1)
		form.Set(at+".Key", key)
		form.Set(at+".Value", all[key])
	}
}

// with returns a form with more pairs of name and value.
func with(form url.Values, more ...string) url.Values {
	form = maps.Clone(form)
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// retag brings the tags of an IAM resource from what it has to what is wanted.
func (s *server) retag(ctx context.Context, have, want tags, noun string, on url.Values) error {
	var gone []string
	for key := range have {
		if _, stays := want[key]; !stays {
			gone = append(gone, key)
		}
	}
	slices.Sort(gone)

	if len(gone) > 0 {
		in := maps.Clone(on)
		members(in, "TagKeys", gone)
		if err := s.iam(ctx, "Untag"+noun, in, nil); err != nil {
			return err
		}
	}
	if len(want) == 0 {
		return nil
	}
	in := maps.Clone(on)
	tagMembers(in, want)

	return s.iam(ctx, "Tag"+noun, in, nil)
}

// replace calls do for what is added, then for what is gone.
func replace(was, is []string, do func(one string, add bool) error) error {
	for _, one := range is {
		if !slices.Contains(was, one) {
			if err := do(one, true); err != nil {
				return err
			}
		}
	}
	for _, one := range was {
		if !slices.Contains(is, one) {
			if err := do(one, false); err != nil {
				return err
			}
		}
	}

	return nil
}
