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
