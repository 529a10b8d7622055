package devfault

import "github.com/poolhouse-id/poolhouse/internal/awsapi"

// Operations has the error types that each operation may answer, by the signing name of its API and its own name.
type Operations map[string]map[string][]string

// OperationsOf returns the operations of APIs.
func OperationsOf(apis []awsapi.API) Operations {
	all := Operations{}
	for i := range apis {
		api := &apis[i]
		all[api.Name] = map[string][]string{}
		for _, operation := range api.Operations {
			all[api.Name][operation.Name()] = api.ErrorNames(operation.Name())
		}
	}

	return all
}
