package main

import (
	"context"
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/statistics"
)

// poolOperations are the questions to identity pools. All others are the admin API's.
var poolOperations = []string{"ListIdentityPools", "ListIdentities", "DescribeIdentity", "DescribeIdentityPool"}

// listQuestion is a kind of call. input is asked for each call anew.
type listQuestion struct {
	name      string
	operation string
	member    string // text in each answer
	input     func(n int) map[string]any
}

// always asks with the same input each time.
func always(operation, what, member string, input map[string]any) listQuestion {
	name := operation
	if what != "" {
		name += ", " + what
	}
	return listQuestion{name, operation, member, func(int) map[string]any { return input }}
}

// listQuestions returns the calls that are measured. The identities were made evenly around the middle.
func listQuestions(
	ctx context.Context, a *administrator, about *subjects, middle time.Time,
) (all []listQuestion, err error) {
	for _, some := range []func(context.Context, *administrator, *subjects) ([]listQuestion, error){
		poolQuestions, identityQuestions, statisticsQuestions,
	} {
		more, err := some(ctx, a, about)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}

	const found = `{"Identities":[{"I`
	later := map[string]any{"IdentityPoolId": about.pool, "CreatedAfter": middle.Unix(), "MaxResults": 60}
	next, err := a.token(ctx, "SearchIdentities", later)

	return append(all,
		always("SearchIdentities", "CreatedAfter", found, later),
		always("SearchIdentities", "CreatedAfter, next page", found, withToken(later, next)),
		always("ListRefusals", "newest", `{"Refusals":[{"`, map[string]any{"MaxResults": 100}),
		always("ListRefusals", "of one operation, from the oldest", `{"Refusals":[{"`, map[string]any{
			"FromOldest": true, "Operation": "DescribeIdentityPool", "MaxResults": 100,
		}),
		always("PreviewDeletion", "the large pool", `"Kind":"identity-pool"`,
			map[string]any{"Kind": "identity-pool", "Id": about.pool}),
		always("PreviewDeletion", "a role of all pools", `"Kind":"role"`,
			map[string]any{"Kind": "role", "Id": roleARN("User")}),
		always("GetServerStatus", "", `"Nodes":[{`, map[string]any{}),
		always("ListSettings", "", `"Settings":[{`, map[string]any{}),
		always("ExportPool", "", about.pool, map[string]any{"IdentityPoolId": about.pool}),
	), err
}

func poolQuestions(ctx context.Context, a *administrator, _ *subjects) ([]listQuestion, error) {
	const pools = `{"Pools":[{"Id":"`
	page := map[string]any{"MaxResults": 100}
	last, err := a.lastPage(ctx, "ListPoolSummaries", page)
	if err != nil {
		return nil, err
	}

	all := []listQuestion{
		always("ListIdentityPools", "", `"IdentityPoolName"`, map[string]any{"MaxResults": 60}),
		always("ListPoolSummaries", "first page", pools, page),
		always("ListPoolSummaries", "last page", pools, last),
		{"ListPoolSummaries, Search", "ListPoolSummaries", pools, func(n int) map[string]any {
			return map[string]any{"Search": fmt.Sprintf("ion %03d", n%100)}
		}},
	}
	for _, order := range []string{"Identities", "SignIns24h", "Refused24h", "Created"} {
		all = append(all, always("ListPoolSummaries", "Sort "+order, pools,
			map[string]any{"Sort": order, "MaxResults": 100}))
	}

	return all, nil
}

func identityQuestions(ctx context.Context, a *administrator, about *subjects) ([]listQuestion, error) {
	const found, identity = `{"Identities":[{"I`, `"IdentityId":"`
	page := map[string]any{"IdentityPoolId": about.pool, "MaxResults": 60}
	middle, err := a.middlePage(ctx, "ListIdentities", page, listPaged)
	if err != nil {
		return nil, err
	}

	return []listQuestion{
		always("ListIdentities", "first page", identity, page),
		always("ListIdentities", fmt.Sprintf("%d identities later", listPaged/2), identity, middle),
		{"DescribeIdentity", "DescribeIdentity", identity, func(n int) map[string]any {
			return map[string]any{"IdentityId": about.users[n%len(about.users)]}
		}},
		{"LookupIdentity, Subject", "LookupIdentity", identity, func(n int) map[string]any {
			return map[string]any{"IdentityPoolId": about.pool, "ProviderName": about.loginKey,
				"Subject": subject(n % len(about.users))}
		}},
		{"SearchIdentities, Subject", "SearchIdentities", found, func(n int) map[string]any {
			return map[string]any{"IdentityPoolId": about.pool, "ProviderName": about.loginKey,
				"Subject": subject(n % len(about.users))}
		}},
		{"SearchIdentities, IdentityIdPrefix of 4 digits", "SearchIdentities", found, func(n int) map[string]any {
			prefix := about.guests[n%len(about.guests)][:len(region)+5]
			return map[string]any{"IdentityIdPrefix": prefix, "MaxResults": 60}
		}},
	}, nil
}

func statisticsQuestions(_ context.Context, _ *administrator, about *subjects) ([]listQuestion, error) {
	const series = `"Series"`
	all := time.Now().Add(-statistics.Kept).Unix() + 3600
	questions := []listQuestion{always("GetStatistics", "a day", series, map[string]any{})}
	for _, step := range []int{900, 3600, 86400} {
		questions = append(questions, always("GetStatistics", fmt.Sprintf("14 days, Step %d", step), series,
			map[string]any{"From": all, "Step": step}))
	}

	return append(questions,
		always("GetStatistics", "a pool, a day", series, map[string]any{"IdentityPoolId": about.pool}),
		always("GetStatistics", "a pool, 14 days", series, map[string]any{"IdentityPoolId": about.pool, "From": all}),
	), nil
}

func withToken(input map[string]any, token string) map[string]any {
	in := map[string]any{"NextToken": token}
	for name, value := range input {
		in[name] = value
	}
	return in
}
