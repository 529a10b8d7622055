package iamapi

import (
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Refusals are the reasons for which this package refuses.
var Refusals explain.Catalogue

var (
	arnPartition = Refusals.Add(explain.Reason{
		Code:     "arn-partition",
		Check:    "ARN partition",
		Expected: "an ARN of the partition {partition}, which the call's region is of",
		Got:      "{arn}",
		Fix:      "write {right}, or sign the call for a region of the ARN's partition",
	})
	principalPartition = Refusals.Add(explain.Reason{
		Code:     "principal-partition",
		Check:    "principal partition",
		Expected: "principals of the partition {partition}, which the call's region is of",
		Got:      "{arn}",
		Fix:      "write {right} in the trust policy, or sign the call for a region of the ARN's partition",
	})
)

func isPartition(err error) bool {
	_, ok := errors.AsType[*iam.PartitionError](err)
	return ok
}

// wrongPartition words a *iam.PartitionError: as IAM, with the right ARN.
func wrongPartition(err error) error {
	wrong, ok := errors.AsType[*iam.PartitionError](err)
	if !ok {
		return err
	}

	why := arnPartition.With("partition", wrong.Partition, "arn", wrong.ARN, "right", wrong.Right).Of(wrong.ARN)
	return awsapi.Refused(invalidInput, why, "ARN %s is not valid. In the partition %s it is %s.",
		wrong.ARN, wrong.Partition, wrong.Right)
}

// wrongPrincipal is wrongPartition for a principal of a trust policy.
func wrongPrincipal(err error) error {
	wrong, ok := errors.AsType[*iam.PartitionError](err)
	if !ok {
		return err
	}

	why := principalPartition.With("partition", wrong.Partition, "arn", wrong.ARN, "right", wrong.Right).Of(wrong.ARN)
	kind := "AWS"
	if _, _, _, isProvider := identitypool.ParseProviderARN(wrong.ARN); isProvider {
		kind = "Federated"
	}
	return awsapi.Refused(malformedDocument, why, `Invalid principal in policy: "%s":"%s". In the partition %s it is %s.`,
		kind, wrong.ARN, wrong.Partition, wrong.Right)
}
