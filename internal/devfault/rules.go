package devfault

import "github.com/poolhouse-id/poolhouse/internal/awsapi"

// apiRules are the Rules of APIs.
type apiRules struct {
	names  map[string][]string
	errors map[[2]string][]string // by signing name and operation
}

// RulesOf returns the rules of a server with APIs.
func RulesOf(apis []awsapi.API) Rules {
	rules := apiRules{names: map[string][]string{}, errors: map[[2]string][]string{}}
	for i := range apis {
		api := &apis[i]
		for _, operation := range api.Operations {
			rules.names[api.Name] = append(rules.names[api.Name], operation.Name())
			rules.errors[[2]string{api.Name, operation.Name()}] = api.ErrorNames(operation.Name())
		}
	}

	return rules
}

func (r apiRules) ErrorNames(service, operation string) []string {
	return r.errors[[2]string{service, operation}]
}

func (r apiRules) Operations() map[string][]string { return r.names }
