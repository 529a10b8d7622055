package devuserpool

import (
	"strconv"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Refusals are the reasons for which this package refuses calls.
var Refusals explain.Catalogue

var (
	poolUnknown = Refusals.Add(explain.Reason{
		Code:     "development-user-pool",
		Check:    "development user pool",
		Expected: "the ID of a user pool of the caller's account and region",
		Got:      "{pool}",
		Fix:      "list the pools with aws cognito-idp list-user-pools, and sign the call for the region in the ID",
	})
	poolTaken = Refusals.Add(explain.Reason{
		Code:     "development-user-pool-taken",
		Check:    "development user pool",
		Expected: "an ID that no pool has; case does not count",
		Got:      "an ID that is taken",
		Fix:      "choose another ID, or let the server choose",
	})
	clientTaken = Refusals.Add(explain.Reason{
		Code:     "user-pool-client-taken",
		Check:    "user pool client",
		Expected: "an ID that no client of any pool has",
		Got:      "an ID that is taken",
		Fix:      "choose another ID, or let the server choose",
	})
	userUnknown = Refusals.Add(explain.Reason{
		Code:     "user-of-the-pool",
		Check:    "user of the pool",
		Expected: "a user name, a subject or an alias of a user of the pool",
		Got:      "no user with it",
		Fix:      "list the users with aws cognito-idp list-users",
	})
	tooManyThings = Refusals.Add(explain.Reason{
		Code:     "user-pool-limit",
		Check:    "user pool limit",
		Expected: "at most {limit} {things}",
		Got:      "one more",
		Fix:      "delete some that are not used any more",
	})
	notSimulated = Refusals.Add(explain.Reason{
		Code:     "simulated-part-of-user-pools",
		Check:    "simulated part of user pools",
		Expected: "what docs/dev-user-pools.md lists",
		Got:      "{thing}",
		Fix:      "leave it out, or test this part with AWS",
	})
)

// tooMany refuses one thing more than there may be.
func tooMany(things string, limit int) *awsapi.Error {
	return awsapi.Refused(limitExceeded, tooManyThings.With("limit", strconv.Itoa(limit), "things", things),
		"There are at most %d %s.", limit, things)
}

// refusedPart refuses what a development server does not simulate. It is never status 500: Terraform would
// try again for minutes.
func refusedPart(thing string) *awsapi.Error {
	return awsapi.Refused(invalidParameter, notSimulated.With("thing", thing),
		"Poolhouse's development user pools do not simulate %s.", thing)
}
