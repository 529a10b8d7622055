package devfault

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

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

// Except returns an injector that leaves the calls of some user agents alone.
func (e *Engine) Except(isSpared func(userAgent string) bool) awsapi.Injector {
	return sparing{Engine: e, isSpared: isSpared}
}

type sparing struct {
	*Engine

	isSpared func(userAgent string) bool
}

func (s sparing) Inject(ctx context.Context, service, operation string) awsapi.Injection {
	if s.isSpared(awsapi.RecordFrom(ctx).UserAgent) {
		return awsapi.Injection{}
	}
	return s.Engine.Inject(ctx, service, operation)
}
