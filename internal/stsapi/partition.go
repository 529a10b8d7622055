package stsapi

import (
	"context"
	"errors"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

var arnPartition = Refusals.Add(explain.Reason{
	Code:     "sts-arn-partition",
	Check:    "STS ARN partition",
	Expected: "an ARN of the partition {partition}: of the call's region, of the token's pool, or of RoleArn",
	Got:      "{arn}",
	Fix:      "write {right}",
})

// checkPartition refuses an ARN of a request in another partition than the call's. The
// partition of the server's own region is accepted, too: this server used to write ARNs
// that way for every region, and clients may have kept them.
func (a *API) checkPartition(arn, partition string) error {
	have := identitypool.PartitionOf(arn)
	if have == "" || have == partition || have == identitypool.Partition(a.Region) {
		return nil
	}

	right := identitypool.InPartition(arn, partition)
	why := arnPartition.With("partition", partition, "arn", printableARN(arn), "right", printableARN(right)).
		Of(printableARN(arn))

	return awsapi.Refused("ValidationError", why, "%s is invalid. In the partition %s it is %s.",
		printableARN(arn), partition, printableARN(right))
}

// checkRolePartition is checkPartition for the role. The settings may define a role in any
// partition, and clients take its ARN from there.
func (a *API) checkRolePartition(ctx context.Context, e *entry) error {
	refused := a.checkPartition(e.text, e.Partition)
	if refused == nil || e.arnErr != nil {
		return refused
	}

	role, err := a.Roles.Role(ctx, e.arn)
	switch {
	case err == nil && role.ARN == e.arn:
		return nil
	case err != nil && !errors.Is(err, iam.ErrNotFound):
		return fmt.Errorf("stsapi: %w", err)
	}

	return refused
}

// exampleARN returns the form of an ARN in the partition of a region, for advice.
func exampleARN(region, resource string) string {
	return "arn:" + identitypool.Partition(region) + ":iam::ACCOUNT" + resource
}
