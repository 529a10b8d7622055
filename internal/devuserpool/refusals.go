package devuserpool

import (
	"strconv"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Refusals are the reasons for which this package refuses calls.
var Refusals explain.Catalogue

// tooMany refuses one thing more than there may be.
func tooMany(things string, limit int) *awsapi.Error {
	return awsapi.Refused(limitExceeded, tooManyThings.With("limit", strconv.Itoa(limit), "things", things),
		"There are at most %d %s.", limit, things)
}
