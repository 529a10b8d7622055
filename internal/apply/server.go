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

// PoolsCaller calls operations of identity pools, as *Client does. Its errors tell the
// error type of a refusal by a method RefusalCode.
type PoolsCaller interface {
	CallPools(ctx context.Context, operation string, in, out any) error
}

// server reads and changes one account and region.
type server struct {
	*Client // nil = only pools can be read

	door                       PoolsCaller
	account, partition, region string
}

func (s *server) pools(ctx context.Context, operation string, in, out any) error {
	return s.door.CallPools(ctx, operation, in, out)
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

	return &server{
		Client:    c,
		door:      c,
		account:   out.Account,
		partition: parts[1],
		region:    c.Region,
	}, nil
}

// Account returns the account of the client's keys.
func (c *Client) Account(ctx context.Context) (string, error) {
	s, err := connect(ctx, c)
	if err != nil {
		return "", err
	}
	return s.account, nil
}

func (s *server) arn(rest string) string {
	return "arn:" + s.partition + ":iam::" + s.account + ":" + rest
}

func (s *server) poolARN(id string) string {
	return "arn:" + s.partition + ":cognito-identity:" + s.region + ":" + s.account + ":identitypool/" + id
}

// listIAM returns what an operation of IAM lists, of all pages. The result of such an
// operation has one list, of elements named member.
func listIAM[Member any](ctx context.Context, s *server, operation string, in url.Values) (all []Member, err error) {
	in = maps.Clone(in)
	for {
		var page struct {
			Metadata struct{} `xml:"ResponseMetadata"`
			Result   struct {
				More   bool   `xml:"IsTruncated"`
				Marker string `xml:"Marker"`
				List   struct {
					Members []Member `xml:"member"`
				} `xml:",any"`
			} `xml:",any"`
		}
		if err := s.iam(ctx, operation, in, &page); err != nil {
			return nil, err
		}

		all = append(all, page.Result.List.Members...)
		if !page.Result.More || page.Result.Marker == "" {
			return all, nil
		}
		in.Set("Marker", page.Result.Marker)
	}
}

// listARNs lists resources that are read by their ARNs, sorted.
func (s *server) listARNs(ctx context.Context, operation string, in url.Values) (all []listing, err error) {
	list, err := listIAM[struct{ Arn string }](ctx, s, operation, in)
	for _, one := range list {
		all = append(all, listing{name: one.Arn, arn: one.Arn})
	}
	slices.SortFunc(all, func(a, b listing) int { return strings.Compare(a.arn, b.arn) })

	return all, err
}

// eachPoolsPage calls a listing operation of identity pools page by page. take gets each
// page, and returns its NextToken.
func eachPoolsPage[Page any](
	ctx context.Context, s *server, operation string, in map[string]any, take func(*Page) (next string, err error),
) error {
	in["MaxResults"] = 60
	for {
		page := new(Page)
		if err := s.pools(ctx, operation, in, page); err != nil {
			return err
		}

		next, err := take(page)
		if err != nil || next == "" {
			return err
		}
		in["NextToken"] = next
	}
}

type xmlTag struct{ Key, Value string }

func tagMap(list []xmlTag) tags {
	all := tags{}
	for _, t := range list {
		all[t.Key] = t.Value
	}
	return all
}

// decodePolicy parses a policy document, which IAM sends URL-encoded. It returns text that is no
// JSON as text.
func decodePolicy(document string) any {
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
	if gone := without(slices.Sorted(maps.Keys(have)), slices.Collect(maps.Keys(want))); len(gone) > 0 {
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

// without returns what is in list and not in others.
func without(list, others []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(one string) bool { return slices.Contains(others, one) })
}

// eachValue calls an operation of IAM on a resource once for each value of a parameter.
func (s *server) eachValue(ctx context.Context, operation string, on url.Values, name string, values []string) error {
	for _, value := range values {
		if err := s.iam(ctx, operation, with(on, name, value), nil); err != nil {
			return err
		}
	}
	return nil
}
