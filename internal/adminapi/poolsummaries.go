package adminapi

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

const (
	mostSummaries = 100 // of a page
	// searchedPools is how many pools of an account and region are looked at.
	searchedPools = 10_000
)

var (
	searchShape      = awsapi.String{Max: 128}
	summarySortShape = awsapi.String{Enum: []string{"Name", "Identities", "SignIns24h", "Refused24h", "Created"}}
	summaryPageShape = awsapi.Integer{Min: 1, Max: mostSummaries}
)

type listPoolSummariesInput struct {
	Search     *string
	Sort       *string // one of summaryOrders
	MaxResults *int
	NextToken  *string
}

func (in *listPoolSummariesInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("search", in.Search, &searchShape, false)
	v.String("sort", in.Sort, &summarySortShape, false)
	v.Integer("maxResults", in.MaxResults, &summaryPageShape, false)
	v.String("nextToken", in.NextToken, &pageTokenShape, false)

	return v.Violations()
}

type listPoolSummariesOutput struct {
	Pools     []poolSummary
	Total     int  // pools that match
	Truncated bool `json:",omitzero"` // there are more pools than were looked at
	NextToken *string
}

type poolSummary struct {
	Id           string
	Name         string
	Guests       bool // allowed
	Providers    []string
	Identities   *int64 // absent until the pool of an older version was counted
	SignIns24h   int64
	Refused24h   int64
	CreationDate awsapi.Timestamp
}

// summaryOrders has the orders of a list: a number by which it descends, or nil for the order of names.
var summaryOrders = map[string]func(store.PoolSummary) int64{
	"Name":       nil,
	"Identities": func(p store.PoolSummary) int64 { return p.Identities },
	"SignIns24h": func(p store.PoolSummary) int64 { return p.SignIns },
	"Refused24h": func(p store.PoolSummary) int64 { return p.Refused },
	"Created":    func(p store.PoolSummary) int64 { return p.Pool.Created.UnixMilli() },
}

// summaryPlace is the place of a pool in a list: by a number, then by name, then by ID.
type summaryPlace struct {
	number   int64
	name, id string
}

func (p summaryPlace) compare(other summaryPlace) int {
	return cmp.Or(cmp.Compare(other.number, p.number), cmp.Compare(p.name, other.name), cmp.Compare(p.id, other.id))
}

func (p summaryPlace) String() string { return fmt.Sprintf("%d %s %s", p.number, p.id, p.name) }

func parseSummaryPlace(text string) (p summaryPlace, err error) {
	number, rest, _ := strings.Cut(text, " ")
	p.id, p.name, _ = strings.Cut(rest, " ")
	p.number, err = strconv.ParseInt(number, 10, 64)

	return p, err
}

// listPoolSummaries lists the pools of the caller's account and region with what they are used for.
func (s *Service) listPoolSummaries(
	ctx context.Context, c awsapi.Caller, in *listPoolSummariesInput,
) (*listPoolSummariesOutput, error) {
	order := cmp.Or(awsapi.Text(in.Sort), "Name")
	number, size := summaryOrders[order], pageSize(in.MaxResults, mostSummaries)
	search := strings.ToLower(awsapi.Text(in.Search))
	scope := []string{"ListPoolSummaries", order, search}
	start, err := s.pageStart(c, scope, in.NextToken)
	if err != nil {
		return nil, err
	}

	s.options.Fresh(ctx)
	pools, err := s.options.Store.PoolSummaries(ctx, identitypool.AccountID(c.Account), c.Region,
		s.options.Counted(), searchedPools+1)
	if err != nil {
		return nil, err
	}

	out := &listPoolSummariesOutput{Pools: []poolSummary{}, Truncated: len(pools) > searchedPools}
	pools = slices.DeleteFunc(pools[:min(len(pools), searchedPools)], func(p store.PoolSummary) bool {
		return !strings.Contains(strings.ToLower(p.Pool.Name), search) && !strings.Contains(string(p.Pool.ID), search)
	})
	out.Total = len(pools)

	place := func(p store.PoolSummary) summaryPlace {
		at := summaryPlace{name: strings.ToLower(p.Pool.Name), id: string(p.Pool.ID)}
		if number != nil {
			at.number = number(p)
		}
		return at
	}
	slices.SortFunc(pools, func(a, b store.PoolSummary) int { return place(a).compare(place(b)) })

	if start != "" {
		after, err := parseSummaryPlace(start)
		if err != nil {
			return nil, err
		}
		first, found := slices.BinarySearchFunc(pools, after, func(p store.PoolSummary, after summaryPlace) int {
			return place(p).compare(after)
		})
		if found {
			first++
		}
		pools = pools[first:]
	}
	if len(pools) > size {
		pools = pools[:size]
		out.NextToken = s.pageToken(c, scope, place(pools[size-1]).String())
	}

	for _, p := range pools {
		out.Pools = append(out.Pools, shownSummary(p))
	}

	return out, nil
}

func shownSummary(p store.PoolSummary) poolSummary {
	out := poolSummary{
		Id:           string(p.Pool.ID),
		Name:         p.Pool.Name,
		Guests:       p.Pool.AllowUnauthenticated,
		Providers:    providersOf(p.Pool),
		SignIns24h:   p.SignIns,
		Refused24h:   p.Refused,
		CreationDate: awsapi.Timestamp(p.Pool.Created),
	}
	if p.Known {
		out.Identities = &p.Identities
	}

	return out
}

// providersOf lists the names of a pool's login providers, as its answers show them.
func providersOf(pool identitypool.Pool) []string {
	names := []string{}
	for name := range pool.SupportedLoginProviders {
		names = append(names, pool.ShownName(name))
	}

	for _, client := range pool.CognitoIdentityProviders {
		names = append(names, pool.ShownName(client.ProviderName))
	}

	for _, arn := range slices.Concat(pool.OIDCProviderARNs, pool.SAMLProviderARNs) {
		names = append(names, pool.ShownName(arn))
	}
	if pool.DeveloperProviderName != "" {
		names = append(names, pool.DeveloperProviderName)
	}
	slices.Sort(names)

	return slices.Compact(names)
}
