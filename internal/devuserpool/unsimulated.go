package devuserpool

import (
	"context"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// refusedInput is the input of an operation that is refused whatever the input is.
type refusedInput struct{}

// refusedRows returns a row for each operation of the model that simulated does not have.
func refusedRows(simulated []awsapi.Operation) []awsapi.Operation {
	var rows []awsapi.Operation
	for _, op := range apiOperations {
		if slices.ContainsFunc(simulated, func(o awsapi.Operation) bool { return o.Name() == op.name }) {
			continue
		}

		refusal := refusedPart("the operation " + op.name)
		if op.signed {
			refuse := func(context.Context, awsapi.Caller, *refusedInput) (*awsapi.NoOutput, error) {
				return nil, refusal
			}
			rows = append(rows, awsapi.Signed(op.name, Name+":"+op.name, refuse, nil))
			continue
		}
		rows = append(rows, awsapi.Public(op.name, overload.Reads,
			func(context.Context, *refusedInput) (*awsapi.NoOutput, error) { return nil, refusal }))
	}

	return rows
}

// refusedPart refuses what a development server does not simulate. It is never status 500: Terraform would
// try again for minutes.
func refusedPart(thing string) *awsapi.Error {
	return awsapi.Refused(invalidParameter, notSimulated.With("thing", thing),
		"Poolhouse's development user pools do not simulate %s.", thing)
}

// part is a part of user pools that is not simulated, and whether a call asks for it.
type part struct {
	name  string
	asked bool
}

// refuseParts refuses the first part that a call asks for.
func refuseParts(parts ...part) error {
	for _, p := range parts {
		if p.asked {
			return refusedPart(p.name)
		}
	}
	return nil
}
